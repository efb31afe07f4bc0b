// Package platform has the tools about the connection itself: who is signed in,
// what is granted, and the tools that the list leaves out.
package platform

import (
	"context"

	"m365mcp/graph"
	"m365mcp/tool"
)

const family = "platform"

// Tools returns the family.
func Tools() []*tool.Tool {
	return []*tool.Tool{whoAmI(), authenticate(), requestAccess(), findTools(), runReadTool(), runWriteTool()}
}

// Resources returns what can be read under a URI.
func Resources() []*tool.Resource {
	return []*tool.Resource{{URI: "microsoft://profile", Tool: profile()}}
}

type none struct{}

// nothing is the plan of a tool that asks nobody.
func nothing[A any](context.Context, tool.Call, A) (tool.Plan, error) {
	return tool.Plan{Target: "(this server)"}, nil
}

// get reads a constant path into v.
func get(ctx context.Context, c tool.Call, path string, q graph.Query, v any) error {
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: graph.Fixed(path), Query: q})
	if err != nil {
		return err
	}
	return resp.Decode(v)
}
