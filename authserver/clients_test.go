package authserver_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/internal/secret"
)

// configured are an administrator's clients, one without a secret and one with.
func configured(o *authserver.Options) {
	o.Clients = []authserver.ConfiguredClient{
		{ID: "desktop", Name: "Company Desktop", RedirectURIs: []string{redirectURI, "http://localhost/oauth/callback"}},
		{ID: "portal", Name: "Company Portal", RedirectURIs: []string{redirectURI}, Secret: secret.New("a secret of the portal")},
	}
}

func TestConfiguredClient(t *testing.T) {
	t.Parallel()
	h := newHarness(t, configured)
	page := h.authorize(t, h.browser(t), h.request("desktop"))
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "Company Desktop") {
		t.Fatalf("%d %s", page.StatusCode, page.body)
	}
	equal(t, "stored for nobody", h.rows(t, "oauth_clients"), 0)
	request := h.request("desktop")
	request.Set("redirect_uri", "http://localhost:3334/oauth/callback")
	equal(t, "any port of loopback", h.authorize(t, h.browser(t), request).StatusCode, http.StatusOK)
	request.Set("redirect_uri", "http://localhost:3334/oauth/callback/")
	equal(t, "another path", h.authorize(t, h.browser(t), request).StatusCode, http.StatusBadRequest)

	tokens := h.token(t, codeForm("desktop", h.code(t, h.request("desktop"))))
	equal(t, "mcp", h.mcp(t, tokens.text(t, "access_token")), http.StatusOK)
	client, err := h.db.OAuth().Client(t.Context(), "desktop")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "source", client.Source, authserver.ClientConfigured)
	h.clock.advance(20 * 24 * time.Hour) // its refresh token lives, and nothing of it is forgotten
	if err := h.auth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.boot(t, configured)
	tokens = h.token(t, refreshForm("desktop", tokens.text(t, "refresh_token")))
	equal(t, "mcp after a refresh", h.mcp(t, tokens.text(t, "access_token")), http.StatusOK)

	// What the configuration says counts, and not what was stored at the consent.
	h.boot(t, func(o *authserver.Options) {
		configured(o)
		o.Clients[0].RedirectURIs = []string{"https://other.example/"}
		o.Clients[0].Secret = secret.New("a new secret of the desktop")
	})
	equal(t, "another redirect", h.authorize(t, h.browser(t), h.request("desktop")).StatusCode, http.StatusBadRequest)
	equal(t, "a refresh without the new secret", h.token(t, refreshForm("desktop", tokens.text(t, "refresh_token"))).text(t, "error"), "invalid_client")
}

func TestConfiguredClientWithSecret(t *testing.T) {
	t.Parallel()
	h := newHarness(t, configured)
	form := codeForm("portal", h.code(t, h.request("portal")))
	for name, try := range map[string]func() answer{
		"no secret": func() answer { return h.token(t, form) },
		"another":   func() answer { return h.token(t, withSecret(form, "another secret")) },
		"a digest":  func() answer { return h.token(t, withSecret(form, strings.Repeat("0", 64))) },
	} {
		got := try()
		equal(t, name, got.StatusCode, http.StatusUnauthorized)
		equal(t, name, got.text(t, "error"), "invalid_client")
	}
	equal(t, "its secret", h.token(t, withSecret(form, "a secret of the portal")).StatusCode, http.StatusOK)
	equal(t, "a secret where there is none", h.token(t, withSecret(codeForm("desktop", "x"), "a secret of the portal")).text(t, "error"), "invalid_client")
}

func withSecret(form url.Values, value string) url.Values {
	changed := maps.Clone(form)
	changed.Set("client_secret", value)
	return changed
}

// TestRemovedClient: a client that is taken out of the configuration can do nothing
// from then on, and what it had does not come back with it.
func TestRemovedClient(t *testing.T) {
	t.Parallel()
	h := newHarness(t, configured)
	tokens := h.token(t, codeForm("desktop", h.code(t, h.request("desktop"))))
	access, refresh := tokens.text(t, "access_token"), tokens.text(t, "refresh_token")
	principal, err := h.auth.Verify(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	_, other, _ := h.connect(t)
	b := h.browser(t)
	page := h.authorize(t, b, h.request("desktop"))
	state := h.decide(t, b, h.authorize(t, b, h.request("desktop")), "approve").Query().Get("state")

	h.boot(t)
	equal(t, "mcp", h.mcp(t, access), http.StatusUnauthorized)
	if err := h.auth.Recheck(t.Context(), principal); err == nil {
		t.Error("a call under way may still be sent")
	}
	equal(t, "refresh", h.token(t, refreshForm("desktop", refresh)).text(t, "error"), "invalid_client")
	equal(t, "authorize", h.authorize(t, h.browser(t), h.request("desktop")).StatusCode, http.StatusBadRequest)
	equal(t, "consent", b.post(t, h.URL+"/consent", url.Values{"csrf_token": {csrf(t, page)}, "decision": {"approve"}}).StatusCode, http.StatusBadRequest)
	equal(t, "callback", h.callback(t, b, url.Values{"state": {state}, "code": {"ms-code"}}).StatusCode, http.StatusBadRequest)
	for range 2 {
		if err := h.auth.EndRemoved(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "in the vault", len(h.vault.grants()), 1)
	equal(t, "revocations", h.audit.count("oauth.revoked"), 1)
	equal(t, "of", h.audit.last(t, "oauth.revoked").Principal.ClientID, "desktop")

	h.boot(t, configured)
	equal(t, "mcp, added again", h.mcp(t, access), http.StatusUnauthorized)
	equal(t, "refresh, added again", h.token(t, refreshForm("desktop", refresh)).text(t, "error"), "invalid_grant")
	again := h.token(t, codeForm("desktop", h.code(t, h.request("desktop"))))
	equal(t, "a new sign-in", h.mcp(t, again.text(t, "access_token")), http.StatusOK)
	equal(t, "another client", h.mcp(t, other), http.StatusOK)
}

// TestConfiguredClientMistakes: all of them are named at once.
func TestConfiguredClientMistakes(t *testing.T) {
	t.Parallel()
	var options authserver.Options
	newHarness(t, func(o *authserver.Options) { options = *o })
	good := func(id string) authserver.ConfiguredClient {
		return authserver.ConfiguredClient{ID: id, Name: "A", RedirectURIs: []string{redirectURI}}
	}
	noRedirect, badRedirect := good("no-redirect"), good("bad-redirect")
	noRedirect.RedirectURIs, badRedirect.RedirectURIs = nil, []string{redirectURI, "http://a.example/"}
	options.Clients = []authserver.ConfiguredClient{
		good("good"), good("twice"), good("twice"), good("dcr-abc"), good("https://a.example/x"), good(""), noRedirect, badRedirect,
	}
	_, err := authserver.New(options)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		`"twice"`, `"dcr-abc"`, `"https://a.example/x"`, `""`, `"no-redirect"`, `"bad-redirect": the redirect URI http://a.example/ is plain http`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not named: %s", want)
		}
	}
	if strings.Contains(err.Error(), `"good"`) {
		t.Error(err)
	}
	options.Clients, options.RedirectAllow = nil, []string{"https://a.example"}
	if _, err := authserver.New(options); err == nil {
		t.Error("a list of redirects that is none was accepted")
	}
}

// TestRedirectAllow: the administrator's list binds every client but his own.
func TestRedirectAllow(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	allow := func(list ...string) func(*authserver.Options) {
		return func(o *authserver.Options) { configured(o); p.option(o); o.RedirectAllow = list }
	}
	h := newHarness(t, allow("localhost", "*.assistant.example"))
	refused := h.register(t, `{"redirect_uris":["`+redirectURI+`"]}`)
	equal(t, "registration", refused.text(t, "error"), "invalid_redirect_uri")
	if !strings.Contains(refused.body, "administrator") {
		t.Error(refused.body)
	}
	some := h.register(t, `{"redirect_uris":["`+redirectURI+`","http://localhost/cb","https://a.assistant.example/cb"],"token_endpoint_auth_method":"none"}`)
	if want := `"redirect_uris":["http://localhost/cb","https://a.assistant.example/cb"]`; !strings.Contains(some.body, want) {
		t.Errorf("%s, want %s", some.body, want)
	}
	clientID := some.text(t, "client_id")
	status := func(id, redirect string) int {
		t.Helper()
		return h.authorizeStatus(t, id, redirect)
	}
	equal(t, "an allowed one", status(clientID, "http://localhost:1234/cb"), http.StatusOK)
	equal(t, "one that was left out", status(clientID, redirectURI), http.StatusBadRequest)
	p.set(p.document(map[string]any{"redirect_uris": []string{redirectURI, "http://localhost/cb"}}))
	equal(t, "a document's allowed one", status(p.id(), "http://localhost/cb"), http.StatusOK)
	equal(t, "a document's other one", status(p.id(), redirectURI), http.StatusBadRequest)
	equal(t, "the administrator's own", status("desktop", redirectURI), http.StatusOK)
	h.boot(t, allow("*.assistant.example"))
	equal(t, "a list that was cut", status(clientID, "http://localhost/cb"), http.StatusBadRequest)
	equal(t, "what remains of it", status(clientID, "https://a.assistant.example/cb"), http.StatusOK)
}

// TestRegistrationDocument: the same reader as for metadata documents.
func TestRegistrationDocument(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for name, body := range map[string]string{
		"duplicate key":      `{"redirect_uris":["` + redirectURI + `"],"redirect_uris":["https://evil.example/"]}`,
		"duplicate, escaped": `{"redirect_uris":["` + redirectURI + `"],"redirect\u005furis":["https://evil.example/"]}`,
		"another case":       `{"Redirect_URIs":["` + redirectURI + `"]}`,
		"array":              `[]`,
		"null":               `null`,
		"text":               `"x"`,
		"two":                `{"redirect_uris":["` + redirectURI + `"]}{}`,
		"deep":               `{"redirect_uris":["` + redirectURI + `"],"x":` + strings.Repeat(`{"x":`, 100) + "1" + strings.Repeat("}", 101),
		"UTF-8":              "{\"redirect_uris\":[\"" + redirectURI + "\"],\"client_name\":\"\xff\"}",
		"wrong type":         `{"redirect_uris":["` + redirectURI + `"],"client_name":5}`,
		"10,000 characters":  `{"redirect_uris":["` + redirectURI + `"],"client_name":"` + strings.Repeat("n", 10_000) + `"}`,
	} {
		got := h.register(t, body)
		equal(t, name, got.StatusCode, http.StatusBadRequest)
		if code := got.text(t, "error"); code != "invalid_client_metadata" && code != "invalid_redirect_uri" {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	equal(t, "rows", h.rows(t, "oauth_clients"), 0)
	equal(t, "null members", h.register(t, `{"redirect_uris":["`+redirectURI+`"],"client_name":null,"grant_types":null,"token_endpoint_auth_method":null}`).StatusCode, http.StatusCreated)
}
