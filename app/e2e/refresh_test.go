package e2e_test

import (
	"net/url"
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
