package e2e_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/app"
	"m365mcp/config"
)

// The SDK's WebSocket transport, given the header that it cannot send by itself.
func TestWebSocketClient(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	d := startDemo(t, app.DemoOptions{Configure: func(c *config.Config) { c.MCP.WebSocket = true }})
	const subject = "From a socket"
	task, err := json.Marshal(map[string]string{
		"url": strings.Replace(d.server(), "http", "ws", 1) + "/ws", "token": d.signIn(t, "ada").Access, "to": d.upn(t, "bruno"), "subject": subject,
	})
	if err != nil {
		t.Fatal(err)
	}
	out := w.run(t, "websocket.mjs", string(task))
	if out.err != nil {
		t.Fatalf("%v\n%s\n%s", out.err, out.stdout, out.stderr)
	}
	var got clientReport
	if err := json.Unmarshal([]byte(out.stdout), &got); err != nil {
		t.Fatalf("%v in %s", err, out.stdout)
	}
	if diff := cmp.Diff(clientReport{Tools: coreTools, UPN: d.upn(t, "ada"), Mails: 5, Sent: true, Profile: d.upn(t, "ada")}, got); diff != "" {
		t.Error(diff)
	}
	if inbox := subjects(t, d, d.signIn(t, "bruno").Access, "inbox"); !slices.Contains(inbox, subject) {
		t.Errorf("the mail did not arrive; the inbox has %q", inbox)
	}
}

// A catalogue looks at the server before anybody signs in: it sees what is offered,
// reaches nothing of anybody, and leaves no evidence of calls.
func TestDiscoveryWithoutToken(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	d := startDemo(t, app.DemoOptions{Configure: func(c *config.Config) { c.MCP.PublicDiscovery = true }})
	began, before := time.Now(), len(d.audit(t))
	out := w.run(t, "discovery.mjs", `{"url":"`+d.MCPURL+`"}`)
	if out.err != nil {
		t.Fatalf("%v\n%s\n%s", out.err, out.stdout, out.stderr)
	}
	type report struct {
		Tools     []string `json:"tools"`
		Prompts   []string `json:"prompts"`
		Resources bool     `json:"resources"`
		Call      int      `json:"call"`
		Read      int      `json:"read"`
	}
	var got report
	if err := json.Unmarshal([]byte(out.stdout), &got); err != nil {
		t.Fatalf("%v in %s", err, out.stdout)
	}
	if diff := cmp.Diff(report{coreTools, prompts, true, http.StatusUnauthorized, http.StatusUnauthorized}, got); diff != "" {
		t.Error(diff)
	}
	if asked := d.asked(began); len(asked) != 0 {
		t.Errorf("Graph was asked %v", asked)
	}
	if lines := d.audit(t); len(lines) != before {
		t.Errorf("the audit has %d lines more", len(lines)-before)
	}
	var limited *answer
	for range 400 {
		a := d.send(t, d.MCPURL, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`), "Content-Type", "application/json", "Accept", "application/json, text/event-stream")
		if a.status != http.StatusOK {
			limited = &a
			break
		}
	}
	if limited == nil || limited.status != http.StatusTooManyRequests || limited.header.Get("Retry-After") == "" {
		t.Errorf("400 times: %+v", limited)
	}
	if a := d.request(t, d.signIn(t, "ada").Access, "ping", "{}"); a.Error != nil {
		t.Errorf("with a token: %+v", a)
	}
}

// stream opens /sse, and returns the address for messages and the events after it.
func (d *demo) stream(t *testing.T, token string) (endpoint string, events *bufio.Scanner) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.server()+"/sse", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "text/event-stream")
	resp, err := (&http.Client{Transport: d.transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	events = bufio.NewScanner(resp.Body)
	for events.Scan() {
		if path, ok := strings.CutPrefix(events.Text(), "data: "); ok {
			return d.server() + path, events
		}
	}
	body, _ := io.ReadAll(resp.Body)
	t.Fatalf("%d %s", resp.StatusCode, body)
	return "", nil
}

func ended(events *bufio.Scanner) chan struct{} {
	end := make(chan struct{})
	go func() {
		defer close(end)
		for events.Scan() {
		}
	}()
	return end
}

// Whoever revokes a connection ends its streams, and no others (invariant 8).
func TestRevocationEndsSSE(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{Configure: func(c *config.Config) { c.MCP.SSE = true }})
	id, err := d.browser.Register(t.Context(), d.server(), "To be revoked")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := d.browser.SignInTo(t.Context(), d.server(), id, d.upn(t, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	endpoint, events := d.stream(t, tokens.Access)
	bruno, others := d.stream(t, d.signIn(t, "bruno").Access)
	say := func(to, token string) int {
		return d.send(t, to, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`), "Content-Type", "application/json", "Authorization", "Bearer "+token).status
	}
	if got := say(bruno, tokens.Access); got != http.StatusNotFound {
		t.Errorf("ada on bruno's stream: %d", got)
	}
	if got := say(endpoint, tokens.Access); got != http.StatusAccepted {
		t.Errorf("ada on her own: %d", got)
	}
	a := d.send(t, d.server()+"/revoke", strings.NewReader(url.Values{"token": {tokens.Refresh}, "client_id": {id}}.Encode()),
		"Content-Type", "application/x-www-form-urlencoded")
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if got := say(endpoint, tokens.Access); got != http.StatusUnauthorized {
		t.Errorf("after the revocation: %d", got)
	}
	<-ended(events)
	others.Scan() // whatever comes: it lives
	if err := others.Err(); err != nil {
		t.Error(err)
	}
	end := ended(others)
	d.stop() // which fails where something does not end by itself
	<-end
}
