package mcpserver_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/identity"
)

// A service sees the tools that are its own; a person all of them.
func TestListsOfServices(t *testing.T) {
	t.Parallel()
	lists := func(who identity.Principal) map[string][]string {
		e := newEndpointOf(t, "core")
		e.who = who
		names := map[string][]string{}
		for method, key := range map[string]string{
			"tools/list": "tools", "resources/list": "resources", "resources/templates/list": "resourceTemplates", "prompts/list": "prompts",
		} {
			a := e.modern(t, method, "")
			var result map[string]json.RawMessage
			var items []struct{ Name string }
			if json.Unmarshal(parse(t, a).Result, &result) != nil || json.Unmarshal(result[key], &items) != nil {
				t.Fatalf("%s: %s", method, a.body)
			}
			for _, item := range items {
				names[key] = append(names[key], item.Name)
			}
		}
		return names
	}
	got := lists(identity.Principal{Service: "build", Tools: []string{"findTools", "getEmails", "resource:profile"}})
	if diff := cmp.Diff(map[string][]string{"tools": {"findTools"}}, got); diff != "" {
		t.Error(diff)
	}
	if got := lists(identity.Principal{Service: "build"}); len(got) != 0 {
		t.Errorf("of a service without tools: %v", got)
	}
	if got := lists(identity.Principal{}); len(got["tools"]) < 5 || len(got["resources"]) == 0 || len(got["prompts"]) == 0 {
		t.Errorf("of a person: %v", got)
	}
}
