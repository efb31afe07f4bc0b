package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"m365mcp/tool"
)

type findArgs struct {
	Query string `json:"query"`
	Count int    `json:"count"`
}

type findOut struct {
	Tools []found `json:"tools"`
}

type found struct {
	Name        string          `json:"name"`
	RunWith     string          `json:"runWith"`
	Description string          `json:"description"`
	InputSchema json.RawMessage `json:"inputSchema"`
	Missing     []string        `json:"missingPermissions,omitempty"`
}

func findTools() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "findTools", Title: "Find more tools", Family: family,
		Description: "Finds tools that are not listed, with their input schemas; runReadTool and runWriteTool run them.",
		Input: []tool.Field{
			{Name: "query", Type: tool.String, Required: true, MaxLength: 500, Description: "What you want to do."},
			{Name: "count", Type: tool.Integer, Default: 3, Min: 1, Max: 10},
		},
		Output: []tool.Field{{Name: "tools", Type: tool.ObjectList, Required: true, Items: []tool.Field{
			{Name: "name", Type: tool.String},
			{Name: "runWith", Type: tool.String},
			{Name: "description", Type: tool.String},
			{Name: "inputSchema", Type: tool.Object},
			{Name: "missingPermissions", Type: tool.StringList},
		}}},
		ReadOnly: true, Idempotent: true, Core: true, Finder: true, Anyone: true,
	}, nothing[findArgs], doFind)
}

func doFind(_ context.Context, c tool.Call, a findArgs) (tool.Result, error) {
	// The tools of this family are on every list.
	tools := slices.DeleteFunc(c.Tools(), func(t *tool.Tool) bool { return t.Family == family })
	out := findOut{Tools: []found{}}
	for _, i := range rank(a.Query, tools) {
		if len(out.Tools) == a.Count {
			break
		}
		t := tools[i]
		f := found{t.Name, runWith(c, t), t.Description, t.InputSchema, c.Missing(t)}
		if !tool.Offered(c.Principal, t) {
			f.RunWith, f.Missing = "(a connection that a person has signed in to)", nil
		}
		out.Tools = append(out.Tools, f)
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(out.Tools)}, nil
}

// runWith names the tool that a client calls to run t.
func runWith(c tool.Call, t *tool.Tool) string {
	way := "runWriteTool"
	switch {
	case c.Listed(t):
		return t.Name
	case t.ReadOnly:
		way = "runReadTool"
	}
	if !slices.ContainsFunc(c.Tools(), func(o *tool.Tool) bool { return o.Name == way }) {
		return "nothing: an administrator has to add " + t.Name + " or " + way + " to M365_MCP_TOOLS"
	}
	return way
}

func (o findOut) text() string {
	if len(o.Tools) == 0 {
		return "No tool matches. Try other words for what you want to do."
	}
	var b strings.Builder
	for _, f := range o.Tools {
		fmt.Fprintf(&b, "%s (run with %s): %s\n  input: %s\n", f.Name, f.RunWith, f.Description, f.InputSchema)
		if f.Missing != nil {
			fmt.Fprintf(&b, "  missing permissions: %s\n", strings.Join(f.Missing, ", "))
		}
	}
	return b.String()
}

func runReadTool() *tool.Tool {
	return tool.Dispatcher(tool.Spec{
		Name: "runReadTool", Title: "Run a tool that reads", Family: family,
		Description: "Runs a tool that findTools has found and that only reads.",
		ReadOnly:    true, Idempotent: true, OpenWorld: true, Core: true,
	}, false)
}

func runWriteTool() *tool.Tool {
	return tool.Dispatcher(tool.Spec{
		Name: "runWriteTool", Title: "Run a tool that changes something", Family: family,
		Description: "Runs a tool that findTools has found and that changes or sends something. Be sure that the person wants it.",
		Destructive: true, OpenWorld: true,
	}, true)
}
