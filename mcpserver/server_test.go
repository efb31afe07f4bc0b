package mcpserver_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/internal/golden"
	"m365mcp/tool"
)

// What clients are told, as sent: a change of a name, a schema or an annotation
// is a change for every client.
func TestLists(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	for _, method := range []string{"tools/list", "resources/list"} {
		a := e.modern(t, method, "")
		var result map[string]any
		if err := json.Unmarshal(parse(t, a).Result, &result); err != nil {
			t.Fatal(err)
		}
		delete(result, "_meta") // names the test's own port
		pretty, err := json.MarshalIndent(result, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, filepath.Join("testdata", strings.ReplaceAll(method, "/", "-")+".golden.json"), append(pretty, '\n'))

		old := e.send(t, `{"jsonrpc":"2.0","id":1,"method":"`+method+`"}`)
		var legacy map[string]any
		if err := json.Unmarshal(parse(t, old).Result, &legacy); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(result[strings.TrimSuffix(method, "/list")], legacy[strings.TrimSuffix(method, "/list")]); diff != "" {
			t.Errorf("%s differs for clients before 2026-07-28: %s", method, diff)
		}
	}
}

func TestEveryAnnotationIsSent(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	var list struct {
		Tools []struct {
			Name         string         `json:"name"`
			Description  string         `json:"description"`
			Annotations  map[string]any `json:"annotations"`
			InputSchema  map[string]any `json:"inputSchema"`
			OutputSchema map[string]any `json:"outputSchema"`
		} `json:"tools"`
	}
	if err := json.Unmarshal(parse(t, e.modern(t, "tools/list", "")).Result, &list); err != nil || len(list.Tools) == 0 {
		t.Fatalf("%d tools, %v", len(list.Tools), err)
	}
	for _, x := range list.Tools {
		for _, hint := range []string{"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"} {
			if _, said := x.Annotations[hint].(bool); !said {
				t.Errorf("%s does not say %s", x.Name, hint)
			}
		}
		if x.Description == "" || x.InputSchema["type"] != "object" || x.OutputSchema["type"] != "object" {
			t.Errorf("%+v is incomplete", x)
		}
	}
}

// Every revision is answered on the one endpoint.
func TestRevisions(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	legacy := []string{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}
	for _, revision := range legacy {
		a := e.send(t, `{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"`+revision+
			`","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`, "Mcp-Protocol-Version", "")
		var got struct {
			ProtocolVersion string                    `json:"protocolVersion"`
			Capabilities    map[string]map[string]any `json:"capabilities"`
		}
		if err := json.Unmarshal(parse(t, a).Result, &got); err != nil || got.ProtocolVersion != revision {
			t.Errorf("%s: %d %s", revision, a.status, a.body)
		}
		expectCapabilities(t, got.Capabilities)
		if a.header.Get("Mcp-Session-Id") != "" {
			t.Errorf("%s: got a session", revision)
		}
		// Later requests go to any replica, so each stands alone.
		if a := e.send(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoAmI","arguments":{}}}`, "Mcp-Protocol-Version", revision); !strings.Contains(a.body, `"in words"`) {
			t.Errorf("%s: call: %d %s", revision, a.status, a.body)
		}
	}

	var discovered struct {
		SupportedVersions []string                  `json:"supportedVersions"`
		Capabilities      map[string]map[string]any `json:"capabilities"`
	}
	a := e.modern(t, "server/discover", "")
	if err := json.Unmarshal(parse(t, a).Result, &discovered); err != nil {
		t.Fatal(err)
	}
	slices.Sort(discovered.SupportedVersions)
	if diff := cmp.Diff(append(legacy, "2026-07-28"), discovered.SupportedVersions); diff != "" {
		t.Error(diff)
	}
	expectCapabilities(t, discovered.Capabilities)
}

// No logging, no completions, and no lists that change: nothing is promised that is not served.
func expectCapabilities(t *testing.T, got map[string]map[string]any) {
	t.Helper()
	if diff := cmp.Diff(map[string]map[string]any{"tools": {}, "resources": {}, "prompts": {}}, got); diff != "" {
		t.Error("capabilities:", diff)
	}
}

func TestUnsupportedVersion(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	if a := e.send(t, ping, "Mcp-Protocol-Version", "1999-01-01"); a.status != http.StatusBadRequest {
		t.Errorf("old: %d %s", a.status, a.body)
	}
	body := `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}`
	a := e.send(t, body, "Mcp-Protocol-Version", "2099-01-01", "Mcp-Method", "server/discover")
	if a.status != http.StatusBadRequest || parse(t, a).Error.Code != -32022 {
		t.Errorf("future: %d %s", a.status, a.body)
	}
}

// Two persons behind one cache must not see each other's answers.
func TestNothingIsCachedForOthers(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	for method, params := range map[string]string{
		"server/discover": "", "tools/list": "", "resources/list": "", "resources/templates/list": "", "resources/read": `"uri":"microsoft://profile"`,
	} {
		var header []string
		if params != "" {
			header = []string{"Mcp-Name", "microsoft://profile"}
		}
		a := e.modern(t, method, params, header...)
		var got struct {
			CacheScope string `json:"cacheScope"`
			TTLMs      *int   `json:"ttlMs"`
		}
		if err := json.Unmarshal(parse(t, a).Result, &got); err != nil || got.CacheScope != "private" || got.TTLMs == nil {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
}

func TestOtherHTTPMethods(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPut} {
		if a := e.request(t, method, ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow: %q", method, a.status, a.header.Get("Allow"))
		}
	}
	if a := e.send(t, ping, "Content-Type", "text/plain"); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("text/plain: %d %s", a.status, a.body)
	}
	if a := e.send(t, ping, "Accept", "text/html"); a.status != http.StatusBadRequest {
		t.Errorf("Accept text/html: %d %s", a.status, a.body)
	}
}

const callWhoAmI = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoAmI","arguments":{"b":1,"a":2}}}`

func TestCallReachesTheRunner(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	a := e.send(t, callWhoAmI)
	want := `{"_meta":{"m365-mcp/requestId":"01REQUEST"},"content":[{"type":"text","text":"in words"}],"structuredContent":{"in":"data"}}`
	if got := parse(t, a); !equalJSON(t, got.Result, want) {
		t.Errorf("got %s", got.Result)
	}
	a = e.send(t, `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"microsoft://profile"}}`)
	if got := parse(t, a); !strings.Contains(string(got.Result), `"text":"{\"in\":\"data\"}"`) {
		t.Errorf("got %s", got.Result)
	}
	if diff := cmp.Diff([]string{`ada@tideline.example whoAmI {"b":1,"a":2}`, "ada@tideline.example resource:profile "}, e.runner.seen); diff != "" {
		t.Error(diff)
	}
	if a.header.Get("X-Accel-Buffering") != "no" {
		t.Error("nginx may hold the answer back")
	}
}

// A failed call is a result that the model can read; a failed read has only an
// error; what is not meant for the outside stays inside.
func TestFailures(t *testing.T) {
	t.Parallel()
	const read = `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"microsoft://profile"}}`
	explained := &tool.Error{Code: tool.CodeThrottled, Message: "too many.", Action: "wait.", RequestID: "01REQUEST", GraphRequestID: "graph-1"}
	tests := []struct {
		name, body string
		err        error
		want       []string
	}{
		{"call", callWhoAmI, explained, []string{`"isError":true`, "whoAmI failed (throttled): too many.", "What to do: wait.", "01REQUEST", "graph-1"}},
		{"read", read, explained, []string{`"error":{"code":-32603,`, "failed (throttled): too many.", "01REQUEST"}},
		{"read, a wrong id", read, &tool.Error{Code: tool.CodeInvalidArguments, Message: "no id."}, []string{`"error":{"code":-32602,`, "no id."}},
		{"call, internal", callWhoAmI, errors.New("secret path"), []string{`"error":{`, "internal error"}},
		{"read, internal", read, errors.New("secret path"), []string{`"error":{"code":-32603,`, "internal error"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t)
			e.runner.err = test.err
			a := e.send(t, test.body)
			for _, want := range test.want {
				if !strings.Contains(a.body, want) {
					t.Errorf("%q is not in %s", want, a.body)
				}
			}
			if strings.Contains(a.body, "secret path") || strings.Contains(a.body, "structuredContent") {
				t.Errorf("got %s", a.body)
			}
		})
	}
}

// The Runner writes the one record of a call; the SDK has nothing to add.
func TestTheSDKIsQuiet(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	e.send(t, callWhoAmI)
	e.modern(t, "tools/list", "")
	e.Close()
	if e.log.Len() > 0 {
		t.Errorf("logged:\n%s", e.log)
	}
}

func equalJSON(t *testing.T, got []byte, want string) bool {
	t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, got); err != nil {
		t.Fatal(err)
	}
	return compact.String() == want
}

func TestPrompts(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	a := e.send(t, `{"jsonrpc":"2.0","id":1,"method":"prompts/list"}`, "Mcp-Protocol-Version", "2025-11-25")
	if strings.Contains(a.body, "dayBriefing") || strings.Contains(a.body, "replyDraft") {
		t.Errorf("a prompt whose tools are not listed is offered: %s", a.body)
	}
}
