package e2e_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// inputTools return requests for input instead of a result, and finish when
// called again with the answers (SEP-2322).
func (f *fixture) inputTools() map[string]mcp.ToolHandler {
	name := askFor("What is your name?", "name", "string")
	confirm := askFor("Please confirm", "ok", "boolean")
	capital := sampling("What is the capital of France?", 100)
	return map[string]mcp.ToolHandler{
		"test_streaming_elicitation":                f.round("", mcp.InputRequestMap{"user_name": name}),
		"test_input_required_result_elicitation":    f.round("", mcp.InputRequestMap{"user_name": name}),
		"test_input_required_result_sampling":       f.round("", mcp.InputRequestMap{"capital_question": capital}),
		"test_input_required_result_list_roots":     f.round("", mcp.InputRequestMap{"client_roots": rootsRequest()}),
		"test_input_required_result_capabilities":   f.round("", mcp.InputRequestMap{"user_name": name, "capital_question": capital}),
		"test_input_required_result_request_state":  f.round("confirm", mcp.InputRequestMap{"confirm": confirm}),
		"test_input_required_result_tampered_state": f.round("tamper", mcp.InputRequestMap{"confirm": confirm}),
		"test_input_required_result_multiple_inputs": f.round("several", mcp.InputRequestMap{
			"user_name": name, "greeting": sampling("Generate a greeting", 50), "client_roots": rootsRequest(),
		}),
		"test_input_required_result_multi_round": f.rounds,
	}
}

func askFor(message, field, kind string) *mcp.ElicitParams {
	return &mcp.ElicitParams{Message: message, RequestedSchema: map[string]any{
		"type": "object", "properties": map[string]any{field: map[string]any{"type": kind}}, "required": []string{field},
	}}
}

// round asks once for what the client can answer, and again for what it left out.
func (f *fixture) round(state string, wanted mcp.InputRequestMap) mcp.ToolHandler {
	return func(_ context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		p := req.Params
		if p.RequestState != "" && !f.sealed(p.RequestState, state) {
			return nil, tampered()
		}
		if missing := unanswered(wanted, p.InputResponses, req.ClientCapabilities()); len(missing) > 0 {
			return &mcp.CallToolResult{InputRequests: missing, RequestState: f.seal(state)}, nil
		}
		return textResult("state-ok, thank you"), nil
	}
}

// rounds asks twice; the state says which question was the last.
func (f *fixture) rounds(_ context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	p := req.Params
	ask := func(step string, question *mcp.ElicitParams) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{step: question}, RequestState: f.seal(step)}, nil
	}
	switch {
	case p.RequestState == "":
		return ask("step1", askFor("Step 1: What is your name?", "name", "string"))
	case f.sealed(p.RequestState, "step1") && p.InputResponses["step1"] != nil:
		return ask("step2", askFor("Step 2: What is your favorite color?", "color", "string"))
	case f.sealed(p.RequestState, "step2") && p.InputResponses["step2"] != nil:
		return textResult("done after two rounds"), nil
	default:
		return nil, tampered()
	}
}

func (f *fixture) addInputPrompt(server *mcp.Server) {
	const name = "test_input_required_result_prompt"
	wanted := mcp.InputRequestMap{"user_context": askFor("What context should the prompt use?", "context", "string")}
	server.AddPrompt(&mcp.Prompt{Name: name, Description: "For the conformance suite: " + name},
		func(ctx context.Context, req *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			if missing := unanswered(wanted, req.Params.InputResponses, req.ClientCapabilities()); len(missing) > 0 {
				return &mcp.GetPromptResult{InputRequests: missing}, nil
			}
			return promptOf(text("A prompt with context."))(ctx, req)
		})
}

// unanswered keeps the requests that have no answer yet and that the client
// declared it can answer.
func unanswered(wanted mcp.InputRequestMap, got mcp.InputResponseMap, client *mcp.ClientCapabilities) mcp.InputRequestMap {
	missing := mcp.InputRequestMap{}
	for id, r := range wanted {
		if got[id] == nil && answerable(r, client) {
			missing[id] = r
		}
	}
	return missing
}

func answerable(r mcp.InputRequest, client *mcp.ClientCapabilities) bool {
	switch r.(type) {
	case *mcp.ElicitParams:
		return canElicit(client)
	case *mcp.CreateMessageParams: //nolint:staticcheck // deprecated, and asked for by the suite
		return canSample(client)
	default:
		return hasRoots(client)
	}
}

// seal makes a requestState that a client cannot make or change.
func (f *fixture) seal(state string) string {
	if state == "" {
		return ""
	}
	mac := hmac.New(sha256.New, f.key)
	mac.Write([]byte(state))
	return state + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (f *fixture) sealed(requestState, state string) bool {
	return strings.HasPrefix(requestState, state+".") && hmac.Equal([]byte(requestState), []byte(f.seal(state)))
}

func tampered() error {
	return &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "requestState is not one of ours"}
}

func missingCapability(c *mcp.ClientCapabilities) error {
	data, err := json.Marshal(mcp.MissingRequiredClientCapabilityData{RequiredCapabilities: c})
	if err != nil {
		return err
	}
	return &jsonrpc.Error{Code: mcp.CodeMissingRequiredClientCapabilities, Message: "the client lacks a capability", Data: data}
}
