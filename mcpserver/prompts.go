package mcpserver

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"m365mcp/tool"
)

// maxPromptArgument bounds what a person types into a prompt, in characters.
const maxPromptArgument = 2000

func addPrompt(server *mcp.Server, p tool.Prompt) {
	described := &mcp.Prompt{Name: p.Name, Title: p.Title, Description: p.Description}
	for _, f := range p.Arguments {
		described.Arguments = append(described.Arguments, &mcp.PromptArgument{Name: f.Name, Description: f.Description, Required: f.Required})
	}
	server.AddPrompt(described, func(_ context.Context, req *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		args := map[string]string{}
		for _, f := range p.Arguments {
			value := req.Params.Arguments[f.Name]
			switch {
			case value == "" && f.Required:
				return nil, invalidPrompt("argument %s is required: %s", f.Name, f.Description)
			case utf8.RuneCountInString(value) > maxPromptArgument:
				return nil, invalidPrompt("argument %s has more than %d characters", f.Name, maxPromptArgument)
			}
			args[f.Name] = value
		}
		return &mcp.GetPromptResult{
			Description: p.Description,
			Messages:    []*mcp.PromptMessage{{Role: "user", Content: &mcp.TextContent{Text: p.Text(args)}}},
		}, nil
	})
}

func invalidPrompt(format string, args ...any) error {
	return &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: fmt.Sprintf(format, args...)}
}
