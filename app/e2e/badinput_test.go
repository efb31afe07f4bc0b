package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"m365mcp/app"
)

func TestBadToolInput(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{})
	token := d.signIn(t, "ada").Access
	sentBefore := subjects(t, d, token, "sentitems")
	start := time.Now()
	for _, tc := range []struct{ tool, args, says string }{
		{"getEmails", `{"count":"ten"}`, "count is a string; allowed: an integer from 1 to 50"},
		{"getEmails", `{"count":500}`, "count is 500; allowed: an integer from 1 to 50"},
		{"getEmails", `{"limit":5}`, "limit is not an argument of this tool; it has count, folder"},
		{"getEmails", `{"since":"yesterday'"}`, "since "},
		{"getEmail", `{"id":"../events?$top=1#"}`, "id "},
		{"getEmails", `{"folder":7}`, "folder is the number 7; allowed: a string"},
		{"sendEmail", `{"to":"a@example.com\nBcc: eve@example.com","subject":"s","body":"b"}`, "to contains a space, a line break"},
		{"sendEmail", `{"subject":"s","body":"b"}`, "to is required"},
		{"sendEmail", `{"to":"a@example.com","subject":"s","body":"` + strings.Repeat("x", 500_001) + `"}`, "body has 500001 characters; at most 500000 are allowed"},
		{"whoAmI", `{"user":"bruno"}`, "user is not an argument of this tool; it has none"},
	} {
		r := d.call(t, token, tc.tool, tc.args)
		if text := r.text(); !r.IsError || !strings.Contains(text, tc.says) || !strings.Contains(text, "What to do:") || !strings.Contains(text, "Request id: ") {
			t.Errorf("%s %.60s answers\n%s\nwithout %q", tc.tool, tc.args, text, tc.says)
		}
	}
	if asked := d.asked(start); len(asked) > 0 {
		t.Errorf("%d requests reached Graph: %+v", len(asked), asked[0])
	}
	// A folder can be meant by its name, so the mailbox's own are read to say which there are.
	start = time.Now()
	if text := d.call(t, token, "getEmails", `{"folder":"../events?$top=1#"}`).text(); !strings.Contains(text, "folder is not a folder of this mailbox; there are Inbox") || !strings.Contains(text, "What to do:") {
		t.Errorf("a folder that is none: %s", text)
	}
	for _, asked := range d.asked(start) {
		if (asked.Method != http.MethodGet || !strings.HasPrefix(asked.Template, "/me/mail")) && asked.Template != "/$batch" {
			t.Errorf("a folder that is none: Graph was asked %s %s", asked.Method, asked.Path)
		}
	}
	if after := subjects(t, d, token, "sentitems"); len(after) != len(sentBefore) {
		t.Errorf("mails were sent: %d before, %d after", len(sentBefore), len(after))
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{})
	token := d.signIn(t, "ada").Access
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	for name, tc := range map[string]struct {
		token, body string
		header      []string
		status      int
		says        string // in body or WWW-Authenticate
	}{
		"garbage token":    {"garbage", list, nil, 401, `error="invalid_token"`},
		"no token":         {"", list, []string{"Authorization", ""}, 401, `resource_metadata="` + d.server() + `/.well-known/oauth-protected-resource`},
		"foreign token":    {"eyJhbGciOiJub25lIn0.eyJhdWQiOiJncmFwaCJ9.", list, nil, 401, `error="invalid_token"`},
		"foreign Origin":   {token, list, []string{"Origin", "https://evil.example"}, 403, "Origin"},
		"null Origin":      {token, list, []string{"Origin", "null"}, 403, "Origin"},
		"foreign Host":     {token, list, []string{"Host", "evil.example"}, 403, "another host"},
		"no JSON":          {token, `{"jsonrpc":`, nil, 400, ""},
		"not JSON-RPC":     {token, `{"hello":1}`, nil, 400, ""},
		"wrong media type": {token, list, []string{"Content-Type", "text/plain"}, 415, "application/json"},
		"unknown revision": {token, list, []string{"MCP-Protocol-Version", "1999-01-01"}, 400, "nsupported"},
		"too large":        {token, `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":"` + strings.Repeat("x", 5<<20) + `"}}`, nil, 413, ""},
		"own Origin":       {token, list, []string{"Origin", d.server()}, 200, ""},
	} {
		a := d.post(t, tc.token, tc.body, tc.header...)
		if a.status != tc.status || !strings.Contains(a.body+a.header.Get("WWW-Authenticate"), tc.says) {
			t.Errorf("%s: %d %s %s", name, a.status, a.header.Get("WWW-Authenticate"), a.body)
		}
	}
	for _, path := range []string{"/authorize", "/.well-known/oauth-authorization-server", "/"} {
		a, err := d.browser.Fetch(t.Context(), http.MethodGet, d.server()+path, "", "Host", "evil.example")
		if err != nil || a.Status != http.StatusForbidden {
			t.Errorf("%s for a foreign Host: %d, %v", path, a.Status, err)
		}
	}
	batch := "[" + strings.Repeat(list+",", 20) + list + "]"
	if a := d.post(t, token, batch, "MCP-Protocol-Version", "2025-03-26"); a.status != http.StatusBadRequest || !strings.Contains(a.body, "at most 20") {
		t.Errorf("a batch of 21: %d %s", a.status, a.body)
	}
	if r := d.request(t, token, "nonsense/method", `{}`); r.Error == nil || r.Error.Code != -32601 {
		t.Errorf("unknown method: %+v", r)
	}
	if r := d.request(t, token, "tools/call", `{"name":"dropTables","arguments":{}}`); r.Error == nil || r.Error.Code != -32602 {
		t.Errorf("unknown tool: %+v", r)
	}
	if r := d.request(t, token, "resources/read", `{"uri":"microsoft://everything"}`); r.Error == nil {
		t.Errorf("unknown resource: %+v", r)
	}
}

// A token of this server is nothing to another server, and a revoked one is nothing at all.
func TestForeignAndRevokedTokens(t *testing.T) {
	t.Parallel()
	one, two := startDemo(t, app.DemoOptions{}), startDemo(t, app.DemoOptions{})
	id, err := one.browser.Register(t.Context(), one.server(), "Revoking")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := one.browser.SignInTo(t.Context(), one.server(), id, one.upn(t, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	if a := two.post(t, tokens.Access, list); a.status != http.StatusUnauthorized {
		t.Errorf("another server answers %d", a.status)
	}
	if a := one.post(t, tokens.Access, list); a.status != http.StatusOK {
		t.Errorf("its own server answers %d", a.status)
	}
	a, err := one.browser.PostForm(t.Context(), one.server()+"/revoke", url.Values{"token": {tokens.Refresh}, "client_id": {id}})
	if err != nil || a.Status != http.StatusOK {
		t.Fatalf("revoke: %+v, %v", a, err)
	}
	if a := one.post(t, tokens.Access, list); a.status != http.StatusUnauthorized {
		t.Errorf("after the revocation: %d", a.status)
	}
}
