//nolint:staticcheck // the suite asks for sampling, logging and roots, which 2026-07-28 deprecates
package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func withLogging(c *mcp.ServerCapabilities) { c.Logging = &mcp.LoggingCapabilities{} }

// legacyTools ask the client in the middle of a call, or log, as clients before
// 2026-07-28 expect it.
func legacyTools() map[string]mcp.ToolHandler {
	return map[string]mcp.ToolHandler{
		"test_tool_with_logging":            logs("Tool execution started", "Tool processing data", "Tool execution completed"),
		"test_logging_tool":                 logs("only for those who set a log level"),
		"test_elicitation":                  elicitMessage,
		"test_elicitation_sep1034_defaults": elicits("Please check these", schemaDefaults),
		"test_elicitation_sep1330_enums":    elicits("Please choose", schemaEnums),
		"test_sampling": func(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			var args struct {
				Prompt string `json:"prompt"`
			}
			if err := json.Unmarshal(req.Params.Arguments, &args); err != nil {
				return nil, err
			}
			r, err := req.Session.CreateMessage(ctx, sampling(args.Prompt, 100))
			if err != nil {
				return nil, err
			}
			return textResult("LLM response: " + contentText(r.Content)), nil
		},
		"test_missing_capability": func(_ context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			if c := req.ClientCapabilities(); c == nil || c.Sampling == nil {
				return nil, missingCapability(&mcp.ClientCapabilities{Sampling: &mcp.SamplingCapabilities{}})
			}
			return textResult("the client can sample"), nil
		},
	}
}

func logs(messages ...string) mcp.ToolHandler {
	return func(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		for _, m := range messages {
			if err := req.Session.Log(ctx, &mcp.LoggingMessageParams{Level: "info", Data: m}); err != nil {
				return nil, err
			}
		}
		return textResult("logged"), nil
	}
}

func elicitMessage(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	var args struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(req.Params.Arguments, &args); err != nil {
		return nil, err
	}
	return elicits(args.Message, `{"type":"object","required":["username","email"],"properties":{
		"username":{"type":"string","description":"Your name"},"email":{"type":"string","description":"Your address"}}}`)(ctx, req)
}

func elicits(message, schema string) mcp.ToolHandler {
	return func(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		r, err := req.Session.Elicit(ctx, &mcp.ElicitParams{Message: message, RequestedSchema: json.RawMessage(schema)})
		if err != nil {
			return nil, err
		}
		return textResult(fmt.Sprintf("Elicitation completed: action=%s, content=%v", r.Action, r.Content)), nil
	}
}

const (
	schemaDefaults = `{"type":"object","properties":{
		"name":{"type":"string","default":"John Doe"},
		"age":{"type":"integer","default":30},
		"score":{"type":"number","default":95.5},
		"status":{"type":"string","enum":["active","inactive","pending"],"default":"active"},
		"verified":{"type":"boolean","default":true}}}`
	schemaEnums = `{"type":"object","properties":{
		"untitledSingle":{"type":"string","enum":["option1","option2","option3"]},
		"titledSingle":{"type":"string","oneOf":[{"const":"value1","title":"First Option"},{"const":"value2","title":"Second Option"}]},
		"legacyEnum":{"type":"string","enum":["opt1","opt2"],"enumNames":["Option One","Option Two"]},
		"untitledMulti":{"type":"array","items":{"type":"string","enum":["option1","option2","option3"]}},
		"titledMulti":{"type":"array","items":{"anyOf":[{"const":"value1","title":"First Choice"},{"const":"value2","title":"Second Choice"}]}}}}`
)

func sampling(prompt string, maxTokens int64) *mcp.CreateMessageParams {
	return &mcp.CreateMessageParams{MaxTokens: maxTokens, Messages: []*mcp.SamplingMessage{{Role: "user", Content: text(prompt)}}}
}

func rootsRequest() mcp.InputRequest { return &mcp.ListRootsParams{} }

// canSample, canElicit and hasRoots say whether the client declared the capability:
// the SDK sends requests for input to every client.
func canSample(c *mcp.ClientCapabilities) bool { return c != nil && c.Sampling != nil }
func canElicit(c *mcp.ClientCapabilities) bool { return c != nil && c.Elicitation != nil }
func hasRoots(c *mcp.ClientCapabilities) bool  { return c != nil && c.RootsV2 != nil }

func contentText(c mcp.Content) string {
	if t, ok := c.(*mcp.TextContent); ok {
		return t.Text
	}
	return ""
}
