package e2e_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"m365mcp/app"
	"m365mcp/internal/headless"
	"m365mcp/simulator/fault"
)

// What Graph demands in a claims challenge (continuous access evaluation) goes with
// the next sign-in of that person and client, and only with that one.
func TestClaimsChallengeReachesTheNextSignIn(t *testing.T) {
	t.Parallel()
	const challenge = `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`
	d := startDemo(t, app.DemoOptions{})
	b := headless.New(d.transport)
	client, err := b.Register(t.Context(), d.server(), "Watched")
	if err != nil {
		t.Fatal(err)
	}
	signIn := func() headless.Tokens {
		t.Helper()
		tokens, err := b.SignInTo(t.Context(), d.server(), client, d.upn(t, "ada"))
		if err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	first := signIn()
	d.Simulator.Faults.Add(fault.Rule{
		Path: "/v1.0/me", Status: http.StatusUnauthorized, Times: 1, Code: "InvalidAuthenticationToken",
		Header: map[string]string{"WWW-Authenticate": `Bearer realm="", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(challenge)) + `"`},
	})
	if r := d.call(t, first.Access, "whoAmI", `{}`); !r.IsError || !strings.Contains(r.text(), "sign_in_required") {
		t.Fatalf("the challenge is answered with %s", r.text())
	}
	// Whichever call notices it, the grant ends.
	for range 2 {
		d.post(t, first.Access, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoAmI","arguments":{}}}`)
	}
	if a := d.post(t, first.Access, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`); a.status != http.StatusUnauthorized {
		t.Errorf("the next request got %d: the client does not know that it has to sign in", a.status)
	}
	for i, want := range []bool{true, false} {
		asked := d.askedOfEntra(t, b, client)
		if got := strings.Contains(asked, "1700000000"); got != want {
			t.Errorf("sign-in %d carries %q", i, asked)
		}
		if r := d.call(t, signIn().Access, "whoAmI", `{}`); r.IsError {
			t.Errorf("after the new sign-in: %s", r.text())
		}
	}
}

// askedOfEntra approves a request of the client and returns the claims with which the
// browser is sent to Entra.
func (d *demo) askedOfEntra(t *testing.T, b *headless.Browser, client string) string {
	t.Helper()
	a, err := b.Fetch(t.Context(), http.MethodGet, headless.NewAuthorization(d.server(), client).URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(a.Body, `name="csrf_token" value="`)
	token, _, _ := strings.Cut(after, `"`)
	a, err = b.PostForm(t.Context(), d.server()+"/consent", url.Values{"csrf_token": {token}, "decision": {"approve"}})
	if err != nil || a.Status != http.StatusSeeOther {
		t.Fatalf("%d %s, %v", a.Status, a.Body, err)
	}
	to, err := url.Parse(a.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return to.Query().Get("claims")
}
