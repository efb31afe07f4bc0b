package mcpserver

import (
	"context"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"m365mcp/tool"
)

// offered takes from the lists what a service cannot have; the Runner refuses it all the
// same. People see everything: what they lack, they can be asked for.
func (a adapter) offered(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		result, err := next(ctx, method, req)
		p, nobody := principalOf(req.GetExtra())
		if err != nil || nobody == nil && p.IsPerson() {
			return result, err
		}
		switch list := result.(type) {
		case *mcp.ListToolsResult:
			reach := map[string]bool{}
			for _, t := range a.Registry.Tools() {
				reach[t.Name] = nobody == nil && tool.Offered(p, t)
			}
			list.Tools = slices.DeleteFunc(slices.Clone(list.Tools), func(t *mcp.Tool) bool { return !reach[t.Name] })
		case *mcp.ListResourcesResult:
			list.Resources = []*mcp.Resource{}
		case *mcp.ListResourceTemplatesResult:
			list.ResourceTemplates = []*mcp.ResourceTemplate{}
		case *mcp.ListPromptsResult:
			list.Prompts = []*mcp.Prompt{}
		}
		return result, err
	}
}
