package e2e_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"m365mcp/mcpserver"
)

// fixture is what the conformance suite expects to find on the server under
// test: tools, resources and prompts of fixed names. It exists in this test
// binary only, and is served through the production handler chain.
type fixture struct {
	key    []byte // seals requestState
	server *mcp.Server
}

func newFixture() *fixture { return &fixture{key: []byte(rand.Text())} }

func (f *fixture) extension() mcpserver.Extension {
	return mcpserver.Extension{
		Options: f.options, Server: f.add,
		Methods: []string{"prompts/", "completion/", "logging/", "resources/subscribe", "resources/unsubscribe", "subscriptions/"},
	}
}

// options turns on what the scenarios need and production does without:
// completion, subscriptions, changing lists, logging.
func (f *fixture) options(o *mcp.ServerOptions) {
	o.Capabilities.Tools.ListChanged = true
	withLogging(o.Capabilities)
	o.CompletionHandler = func(context.Context, *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
		return &mcp.CompleteResult{Completion: mcp.CompletionResultDetails{Values: []string{"paris", "park", "party"}, Total: 3}}, nil
	}
	o.SubscribeHandler = func(context.Context, *mcp.SubscribeRequest) error { return nil }
	o.UnsubscribeHandler = func(context.Context, *mcp.UnsubscribeRequest) error { return nil }
}

func (f *fixture) add(server *mcp.Server) {
	f.server = server
	tools := contentTools()
	for _, more := range []map[string]mcp.ToolHandler{f.inputTools(), legacyTools(), f.changeTools()} {
		maps.Copy(tools, more)
	}
	for _, name := range slices.Sorted(maps.Keys(tools)) {
		server.AddTool(fixtureTool(name), tools[name])
	}
	addResources(server)
	addPrompts(server)
	f.addInputPrompt(server)
}

func fixtureTool(name string) *mcp.Tool {
	return &mcp.Tool{Name: name, Description: "For the conformance suite: " + name, InputSchema: inputSchema(name)}
}

func inputSchema(name string) json.RawMessage {
	switch name {
	case "json_schema_2020_12_tool":
		return json.RawMessage(schema2020)
	case "test_sampling":
		return json.RawMessage(`{"type":"object","properties":{"prompt":{"type":"string"}},"required":["prompt"]}`)
	case "test_elicitation":
		return json.RawMessage(`{"type":"object","properties":{"message":{"type":"string"}},"required":["message"]}`)
	default:
		return json.RawMessage(`{"type":"object"}`)
	}
}

// schema2020 uses the keywords of JSON Schema 2020-12 that must survive the way
// to the client (SEP-1613, SEP-2106).
const schema2020 = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
	"$defs": {"address": {"$anchor": "addressDef", "type": "object",
		"properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
	"properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"},
		"contactMethod": {"type": "string", "enum": ["phone", "email"]}, "phone": {"type": "string"}, "email": {"type": "string"}},
	"allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
	"if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
	"then": {"required": ["phone"]}, "else": {"required": ["email"]},
	"additionalProperties": false}`

// changeTools change the lists, so that streams have something to tell.
func (f *fixture) changeTools() map[string]mcp.ToolHandler {
	return map[string]mcp.ToolHandler{
		"test_trigger_tool_change": func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			const name = "test_short_lived"
			f.server.AddTool(fixtureTool(name), textTool("here for a moment"))
			f.server.RemoveTools(name)
			return textResult("the list of tools changed"), nil
		},
		"test_trigger_prompt_change": func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			const name = "test_short_lived_prompt"
			f.server.AddPrompt(&mcp.Prompt{Name: name, Description: "here for a moment"}, promptOf(text("here for a moment")))
			f.server.RemovePrompts(name)
			return textResult("the list of prompts changed"), nil
		},
	}
}

// closeSessions ends the sessions that clients left open: their goroutines
// would outlive the test.
func (f *fixture) closeSessions() error {
	for s := range f.server.Sessions() {
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}

func text(s string) mcp.Content { return &mcp.TextContent{Text: s} }

func textResult(s string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{text(s)}}
}

func textTool(s string) mcp.ToolHandler { return contentTool(text(s)) }

func contentTool(content ...mcp.Content) mcp.ToolHandler {
	return func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{Content: content}, nil
	}
}
