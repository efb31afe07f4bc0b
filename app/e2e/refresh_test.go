package e2e_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/app"
)

// Near the end of Microsoft's token it is refreshed once, however many calls wait.
func TestFiftyCallsOneRefresh(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := startDemo(t, app.DemoOptions{AccessTokenLifetime: 20 * time.Minute, App: app.Options{Now: c.now}})
	token := d.signIn(t, "ada").Access
	if r := d.call(t, token, "whoAmI", `{}`); r.IsError {
		t.Fatal(r.text())
	}
	if n := d.Simulator.Entra.Stats().Refreshes; n != 0 {
		t.Fatalf("%d refreshes with a fresh token", n)
	}
	c.advance(16 * time.Minute)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if r := d.call(t, token, "getEmails", `{"count":1}`); r.IsError {
				t.Errorf("call failed: %s", r.text())
			}
		})
	}
	wg.Wait()
	if n := d.Simulator.Entra.Stats().Refreshes; n != 1 {
		t.Errorf("the simulator counts %d refreshes, want 1", n)
	}
}

// The client's own refresh works across hours, and so does the one behind it.
func TestSessionOutlivesTheFirstHour(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := startDemo(t, app.DemoOptions{App: app.Options{Now: c.now}})
	id, err := d.browser.Register(t.Context(), d.server(), "Long-lived")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := d.browser.SignInTo(t.Context(), d.server(), id, d.upn(t, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	for hour := range 5 {
		old := tokens.Access
		c.advance(61 * time.Minute)
		if a := d.post(t, old, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`); a.status != 401 {
			t.Fatalf("hour %d: the expired token got %d", hour, a.status)
		}
		if tokens, err = d.browser.Token(t.Context(), d.server(), url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}, "client_id": {id}, "resource": {d.MCPURL},
		}); err != nil {
			t.Fatalf("hour %d: %v", hour, err)
		}
		if r := d.call(t, tokens.Access, "getEmails", `{"count":1}`); r.IsError {
			t.Fatalf("hour %d: %s", hour, r.text())
		}
	}
	if n := d.Simulator.Entra.Stats().Refreshes; n != 5 {
		t.Errorf("%d refreshes at Entra in five hours, want 5", n)
	}
}

// When Microsoft ends the sign-in, the call says so and the next request gets the
// 401 that makes a client start a new one by itself.
func TestEndedSignInIsA401(t *testing.T) {
	t.Parallel()
	c := &clock{}
	d := startDemo(t, app.DemoOptions{AccessTokenLifetime: 20 * time.Minute, App: app.Options{Now: c.now}})
	token := d.signIn(t, "ada").Access
	var who struct {
		ID string `json:"id"`
	}
	decodeResult(t, d.call(t, token, "whoAmI", `{}`), &who)
	d.Simulator.Entra.RevokeUser(who.ID)
	c.advance(16 * time.Minute)
	// The old access token is still good for four minutes, and used.
	if r := d.call(t, token, "getEmails", `{"count":1}`); r.IsError && !strings.Contains(r.text(), "sign_in_required") {
		t.Fatal(r.text())
	}
	c.advance(5 * time.Minute)
	a := d.post(t, token, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"getEmails","arguments":{"count":1}}}`)
	if a.status == 200 && !strings.Contains(a.body, "sign_in_required") {
		t.Fatalf("after the end of the sign-in: %s", a.body)
	}
	a = d.post(t, token, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	if a.status != 401 || !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("the next request gets %d %s", a.status, a.header.Get("WWW-Authenticate"))
	}
}
