package mcpserver

import (
	"encoding/json"
	"net/http"

	"m365mcp/identity"
)

// stepUp answers a call of one of our tools whose scopes the token lacks with 403
// (MCP authorization, step-up flow), before the SDK, which can only answer 200. A
// call in a batch and one without an answer go on: the Runner refuses those in words.
func (a *adapter) stepUp(w http.ResponseWriter, r *http.Request, m *message) bool {
	p, ok := r.Context().Value(principalKey{}).(identity.Principal)
	if a.StepUp == nil || !ok || m.ID == nil || m.Method != "tools/call" {
		return false
	}
	var params map[string]json.RawMessage // keys count as they are written, as in the SDK
	var name string
	if json.Unmarshal(m.Params, &params) != nil || json.Unmarshal(params["name"], &name) != nil {
		return false
	}
	missing := a.Registry.Missing(p, name, params["arguments"])
	return len(missing) > 0 && a.StepUp(w, r, p, missing)
}
