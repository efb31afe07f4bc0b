package mcpserver_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Malformed messages and unknown methods get a JSON-RPC error with its code, and
// the id where there is one; nothing runs.
func TestBadMessages(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	const call = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"whoAmI","arguments":{}}}`
	tests := []struct {
		name, body   string
		status, code int
		id           any
	}{
		{"empty", "", 400, -32700, nil},
		{"cut off", `{"jsonrpc":"2.0","id":1`, 400, -32700, nil},
		{"something behind it", call + `{}`, 400, -32700, nil},
		{"binary behind it", call + "\xff", 400, -32700, nil},
		{"batch cut off", `[` + call, 400, -32700, nil},
		{"null", `null`, 400, -32600, nil},
		{"text", `"tools/call"`, 400, -32600, nil},
		{"no version", `{"id":1,"method":"ping"}`, 400, -32600, 1.0},
		{"version 1.0", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, 400, -32600, 1.0},
		{"no method", `{"jsonrpc":"2.0","id":"a"}`, 400, -32600, "a"},
		{"capital Method", `{"jsonrpc":"2.0","id":"a","Method":"ping"}`, 400, -32600, "a"},
		{"method is a number", `{"jsonrpc":"2.0","id":"a","method":1}`, 400, -32600, "a"},
		{"id is an object", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, 400, -32600, nil},
		{"id is null", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, 400, -32600, nil},
		{"unknown method", `{"jsonrpc":"2.0","id":"a","method":"no/such"}`, 200, -32601, "a"},
		{"capability not offered", `{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}`, 200, -32601, 1.0},
		{"stream not offered", `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{}}`, 200, -32601, 1.0},
		{"no params", `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`, 200, -32602, 1.0},
		{"params null", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":null}`, 200, -32602, 1.0},
		{"params is a list", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["whoAmI"]}`, 200, -32602, 1.0},
		{"unknown tool", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami"}}`, 200, -32602, 1.0},
		{"unknown resource", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///etc/passwd"}}`, 200, -32602, 1.0},
		{"empty batch", `[]`, 400, -32600, nil},
		{"batch of nonsense", `[1]`, 400, -32600, nil},
		{"batch with an unknown method", `[` + call + `,{"jsonrpc":"2.0","id":9,"method":"no/such"}]`, 400, -32601, 9.0},
		{"too large", `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"` + strings.Repeat("x", 5000) + `"}}`, 413, -32600, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := e.send(t, test.body)
			got := parse(t, a)
			if a.status != test.status || got.Error.Code != test.code || got.ID != test.id || got.Error.Message == "" {
				t.Errorf("%d %s, want %d with code %d and id %v", a.status, a.body, test.status, test.code, test.id)
			}
		})
	}
	t.Cleanup(func() {
		if len(e.runner.seen) > 0 {
			t.Errorf("these ran: %v", e.runner.seen)
		}
	})
}

func TestUnknownMethodIs404From2026On(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	for _, method := range []string{"no/such", "ping", "initialize", "completion/complete", "subscriptions/listen", "logging/setLevel"} {
		a := e.modern(t, method, "")
		if got := parse(t, a); a.status != http.StatusNotFound || got.Error.Code != -32601 || got.ID != 1.0 {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
}

// What was checked is what runs: of two keys the last one counts, as in the check.
func TestTheCheckedMessageIsServed(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	a := e.send(t, `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","method":"tools/call","params":{"name":"whoAmI","arguments":{"a":"<&\u2028>"}},"Method":"no/such"}`)
	if got := parse(t, a); got.Error.Code != 0 || len(e.runner.seen) != 1 || e.runner.seen[0] != "ada@tideline.example whoAmI {\"a\":\"<&\\u2028>\"}" {
		t.Errorf("%s; ran %q", a.body, e.runner.seen)
	}
}

func TestNotificationsAndAnswersAreAccepted(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	for _, body := range []string{`{"jsonrpc":"2.0","method":"notifications/initialized"}`, `{"jsonrpc":"2.0","id":1,"result":{}}`} {
		if a := e.send(t, body); a.status != http.StatusAccepted || a.body != "" {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	one := func(id int) string {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"whoAmI","arguments":{}}}`, id)
	}
	body := "\n[" + one(1) + "," + one(2) + "]"
	if a := e.send(t, body, "Mcp-Protocol-Version", "2025-03-26"); a.status != http.StatusOK || strings.Count(a.body, `"structuredContent"`) != 2 {
		t.Errorf("2025-03-26: %d %s", a.status, a.body)
	}
	if a := e.send(t, body); a.status != http.StatusBadRequest || !strings.Contains(a.body, "batching is not supported") {
		t.Errorf("2025-11-25: %d %s", a.status, a.body)
	}
}
