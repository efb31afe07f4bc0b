package authserver_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/entra"
)

// TestAuthorizePageErrors: while client and redirect are in doubt, nothing is redirected.
func TestAuthorizePageErrors(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID := h.register(t, `{"redirect_uris":["`+redirectURI+`","http://localhost/cb","http://127.0.0.1:7777/cb"],"token_endpoint_auth_method":"none"}`).text(t, "client_id")
	for name, change := range map[string]func(url.Values){
		"no client":             func(q url.Values) { q.Del("client_id") },
		"unknown client":        func(q url.Values) { q.Set("client_id", "dcr-nobody") },
		"client twice":          func(q url.Values) { q.Add("client_id", clientID) },
		"no redirect":           func(q url.Values) { q.Del("redirect_uri") },
		"redirect twice":        func(q url.Values) { q.Add("redirect_uri", redirectURI) },
		"slash":                 func(q url.Values) { q.Set("redirect_uri", redirectURI+"/") },
		"query":                 func(q url.Values) { q.Set("redirect_uri", redirectURI+"?a=b") },
		"case of the path":      func(q url.Values) { q.Set("redirect_uri", "https://assistant.example/Callback") },
		"case of the host":      func(q url.Values) { q.Set("redirect_uri", "https://Assistant.example/callback") },
		"port":                  func(q url.Values) { q.Set("redirect_uri", "https://assistant.example:444/callback") },
		"default port":          func(q url.Values) { q.Set("redirect_uri", "https://assistant.example:443/callback") },
		"scheme":                func(q url.Values) { q.Set("redirect_uri", "http://assistant.example/callback") },
		"user information":      func(q url.Values) { q.Set("redirect_uri", "https://assistant.example@evil.example/callback") },
		"user":                  func(q url.Values) { q.Set("redirect_uri", "https://user@assistant.example/callback") },
		"fragment":              func(q url.Values) { q.Set("redirect_uri", redirectURI+"#x") },
		"empty fragment":        func(q url.Values) { q.Set("redirect_uri", redirectURI+"#") },
		"dot segments":          func(q url.Values) { q.Set("redirect_uri", "https://assistant.example/x/../callback") },
		"encoded path":          func(q url.Values) { q.Set("redirect_uri", "https://assistant.example/%63allback") },
		"unicode path":          func(q url.Values) { q.Set("redirect_uri", "https://assistant.example/c\u0430llback") },
		"unicode host":          func(q url.Values) { q.Set("redirect_uri", "https://\u0430ssistant.example/callback") },
		"punycode host":         func(q url.Values) { q.Set("redirect_uri", "https://xn--ssistant-2fg.example/callback") },
		"prefix of the host":    func(q url.Values) { q.Set("redirect_uri", "https://assistant.example.evil.example/callback") },
		"backslash":             func(q url.Values) { q.Set("redirect_uri", `https://evil.example\@assistant.example/callback`) },
		"space before":          func(q url.Values) { q.Set("redirect_uri", " "+redirectURI) },
		"loopback path":         func(q url.Values) { q.Set("redirect_uri", "http://localhost:1234/cb/") },
		"loopback other name":   func(q url.Values) { q.Set("redirect_uri", "http://[::1]:1234/cb") },
		"loopback user":         func(q url.Values) { q.Set("redirect_uri", "http://localhost:1@evil.example/cb") },
		"loopback port 0":       func(q url.Values) { q.Set("redirect_uri", "http://localhost:0/cb") },
		"loopback no port":      func(q url.Values) { q.Set("redirect_uri", "http://localhost:/cb") },
		"loopback port letters": func(q url.Values) { q.Set("redirect_uri", "http://localhost:80a/cb") },
		"script":                func(q url.Values) { q.Set("redirect_uri", "javascript:alert(1)") },
		"overlong":              func(q url.Values) { q.Set("state", strings.Repeat("x", 9000)) },
	} {
		request := h.request(clientID)
		change(request)
		got := h.authorize(t, h.browser(t), request)
		if got.StatusCode < 400 || got.Header.Get("Location") != "" ||
			!strings.Contains(got.body, "What you can do") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
	for _, good := range []string{redirectURI, "http://localhost/cb", "http://localhost:65535/cb", "http://127.0.0.1/cb", "http://127.0.0.1:1/cb"} {
		request := h.request(clientID)
		request.Set("redirect_uri", good)
		equal(t, good, h.authorize(t, h.browser(t), request).StatusCode, http.StatusOK)
	}
}

// lockedBuffer is a log that is written and read at once.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.Buffer.String() }

// TestErrorPagesHaveAReference that finds their line in the log, at the level that servers log.
func TestErrorPagesHaveAReference(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	h := newHarness(t, func(o *authserver.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	request := h.request(h.publicClient(t))
	request.Set("redirect_uri", "https://evil.example/")
	seen := map[string]bool{}
	for name, status := range map[string]int{"refused": http.StatusBadRequest, "refused again": http.StatusBadRequest, "failed": http.StatusServiceUnavailable} {
		if name == "failed" {
			h.store.down = true
		}
		page := h.authorize(t, h.browser(t), request)
		h.store.down = false
		equal(t, name, page.StatusCode, status)
		m := regexp.MustCompile(`Reference: ([A-Z2-7]{8})\.`).FindStringSubmatch(page.body)
		if m == nil || seen[m[1]] {
			t.Fatalf("%s: the page has no reference of its own: %s", name, page.body)
		}
		seen[m[1]] = true
		if !strings.Contains(log.String(), "reference="+m[1]+" ") {
			t.Errorf("%s: no line has %s: %s", name, m[1], log.String())
		}
	}
}

// TestAuthorizeRedirectErrors: from then on the client is told, with state and iss.
func TestAuthorizeRedirectErrors(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID := h.publicClient(t)
	for _, c := range []struct {
		name, want string
		change     func(url.Values)
	}{
		{"no response_type", "invalid_request", func(q url.Values) { q.Del("response_type") }},
		{"token", "unsupported_response_type", func(q url.Values) { q.Set("response_type", "token") }},
		{"response_mode", "invalid_request", func(q url.Values) { q.Set("response_mode", "fragment") }},
		{"no PKCE", "invalid_request", func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }},
		{"no PKCE method", "invalid_request", func(q url.Values) { q.Del("code_challenge_method") }},
		{"plain", "invalid_request", func(q url.Values) { q.Set("code_challenge_method", "plain") }},
		{"short challenge", "invalid_request", func(q url.Values) { q.Set("code_challenge", challenge(verifier)[1:]) }},
		{"long challenge", "invalid_request", func(q url.Values) { q.Set("code_challenge", challenge(verifier)+"A") }},
		{"padded challenge", "invalid_request", func(q url.Values) { q.Set("code_challenge", challenge(verifier)+"=") }},
		{"scope twice", "invalid_request", func(q url.Values) { q["scope"] = []string{"Mail.Read", "User.Read"} }},
		{"challenge twice", "invalid_request", func(q url.Values) { q.Add("code_challenge", challenge(verifier)) }},
		{"invalid UTF-8", "invalid_request", func(q url.Values) { q.Set("scope", "\xff") }},
		{"NUL", "invalid_request", func(q url.Values) { q.Set("scope", "User.Read\x00") }},
		{"long state", "invalid_request", func(q url.Values) { q.Set("state", strings.Repeat("s", 5000)) }},
		{"unknown scopes", "invalid_scope", func(q url.Values) { q.Set("scope", "Directory.ReadWrite.All") }},
		{"foreign resource", "invalid_target", func(q url.Values) { q.Set("resource", "https://other.example/mcp") }},
		{"root resource", "invalid_target", func(q url.Values) { q.Set("resource", h.URL) }},
		{"two resources", "invalid_target", func(q url.Values) { q.Add("resource", "https://other.example/mcp") }},
	} {
		request := h.request(clientID)
		c.change(request)
		got := back(t, h.authorize(t, h.browser(t), request))
		equal(t, c.name, got.Get("error"), c.want)
		equal(t, c.name+": iss", got.Get("iss"), h.URL)
		equal(t, c.name+": state", got.Get("state"), request.Get("state"))
		equal(t, c.name+": code", got.Get("code"), "")
	}
	for name, change := range map[string]func(url.Values){
		"no resource":          func(q url.Values) { q.Del("resource") },
		"slash after resource": func(q url.Values) { q.Set("resource", h.URL+"/mcp/") },
		"no state":             func(q url.Values) { q.Del("state") },
		"OpenID scopes only":   func(q url.Values) { q.Set("scope", "openid offline_access") },
	} {
		request := h.request(clientID)
		change(request)
		equal(t, name, h.authorize(t, h.browser(t), request).StatusCode, http.StatusOK)
	}
}

// TestClientNameOnPage: the name is a stranger's.
func TestClientNameOnPage(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, c := range []struct{ name, want string }{
		{`<b>x</b>"'`, `<bdi>&lt;b&gt;x&lt;/b&gt;&#34;&#39;</bdi>`},
		{`a\u202egnp.exe\u2066\u200b\u0007 b`, `<bdi>agnp.exe b</bdi>`},
		{`line\r\n\tbreak\u2028x`, `<bdi>line break x</bdi>`},
		{strings.Repeat("long ", 30), `<bdi>` + strings.Repeat("long ", 11) + `long…</bdi>`},
		{`\u200b\u3164`, `An app without a name`},
	} {
		clientID := h.register(t, `{"client_name":"`+strings.ReplaceAll(c.name, `"'`, `\"'`)+`","redirect_uris":["`+redirectURI+`"],"token_endpoint_auth_method":"none"}`).text(t, "client_id")
		page := h.authorize(t, h.browser(t), h.request(clientID))
		if !strings.Contains(page.body, c.want) {
			t.Errorf("%q: %s", c.name, page.body)
		}
	}
}

func TestConsentForgery(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID := h.publicClient(t)
	victim, attacker := h.browser(t), h.browser(t)
	page := h.authorize(t, victim, h.request(clientID))
	foreign := csrf(t, h.authorize(t, attacker, h.request(clientID)))
	own := csrf(t, page)
	approve := func(token ...string) url.Values { return url.Values{"csrf_token": token, "decision": {"approve"}} }
	for name, try := range map[string]func() answer{
		"no token":           func() answer { return victim.post(t, h.URL+"/consent", url.Values{"decision": {"approve"}}) },
		"another's token":    func() answer { return victim.post(t, h.URL+"/consent", approve(foreign)) },
		"token twice":        func() answer { return victim.post(t, h.URL+"/consent", approve(own, own)) },
		"changed token":      func() answer { return victim.post(t, h.URL+"/consent", approve("A"+own[1:])) },
		"cut token":          func() answer { return victim.post(t, h.URL+"/consent", approve(strings.Split(own, ".")[0])) },
		"another browser":    func() answer { return attacker.post(t, h.URL+"/consent", approve(own)) },
		"no cookie":          func() answer { return h.browser(t).post(t, h.URL+"/consent", approve(own)) },
		"from another site":  func() answer { return victim.post(t, h.URL+"/consent", approve(own), "Sec-Fetch-Site", "cross-site") },
		"token in the query": func() answer { return victim.post(t, h.URL+"/consent?"+approve(own).Encode(), nil) },
		"no decision":        func() answer { return victim.post(t, h.URL+"/consent", url.Values{"csrf_token": {own}}) },
		"two decisions": func() answer {
			return victim.post(t, h.URL+"/consent", url.Values{"csrf_token": {own}, "decision": {"deny", "approve"}})
		},
		"GET":      func() answer { return victim.get(t, h.URL+"/consent?"+approve(own).Encode()) },
		"overlong": func() answer { return victim.post(t, h.URL+"/consent", approve(strings.Repeat("x", 40<<10))) },
		"another content type": func() answer {
			return victim.do(t, http.MethodPost, h.URL+"/consent", approve(own).Encode(), "Content-Type", "text/plain")
		},
	} {
		got := try()
		if got.StatusCode < 400 || len(got.Cookies()) > 0 {
			t.Errorf("%s: %d %v", name, got.StatusCode, got.Header)
		}
	}
	equal(t, "sign-ins begun", len(h.microsoft.begun), 0)
	h.decide(t, victim, page, "approve") // and it still works
	h.clock.advance(11 * time.Minute)
	equal(t, "late", victim.post(t, h.URL+"/consent", approve(own)).StatusCode, http.StatusForbidden)
}

func TestCallbackForgery(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID := h.publicClient(t)
	b, other := h.browser(t), h.browser(t)
	begin := func(b browser) string {
		return h.decide(t, b, h.authorize(t, b, h.request(clientID)), "approve").Query().Get("state")
	}
	state, foreign := begin(b), begin(other)
	for name, try := range map[string]func() answer{
		"no state":          func() answer { return h.callback(t, b, url.Values{"code": {"ms-code"}}) },
		"forged state":      func() answer { return h.callback(t, b, url.Values{"state": {"forged"}, "code": {"ms-code"}}) },
		"another's state":   func() answer { return h.callback(t, b, url.Values{"state": {foreign}, "code": {"ms-code"}}) },
		"another's browser": func() answer { return h.callback(t, other, url.Values{"state": {state}, "code": {"ms-code"}}) },
		"no browser":        func() answer { return h.callback(t, h.browser(t), url.Values{"state": {state}, "code": {"ms-code"}}) },
		"state twice":       func() answer { return h.callback(t, b, url.Values{"state": {state, state}, "code": {"ms-code"}}) },
		"error, no browser": func() answer {
			return h.callback(t, h.browser(t), url.Values{"state": {state}, "error": {"access_denied"}})
		},
		"the other's cookie": func() answer {
			// The attacker's own cookie value under the name of the victim's.
			value := ""
			for _, c := range other.client.Jar.Cookies(parse(t, h.URL)) {
				if strings.HasPrefix(c.Name, "m365mcp-signin") {
					value = c.Value
				}
			}
			name := ""
			for _, c := range b.client.Jar.Cookies(parse(t, h.URL)) {
				if strings.HasPrefix(c.Name, "m365mcp-signin") {
					name = c.Name
				}
			}
			return h.browser(t).do(t, http.MethodGet, h.URL+"/callback?"+url.Values{"state": {state}, "code": {"ms-code"}}.Encode(), "", "Cookie", name+"="+value)
		},
	} {
		if got := try(); got.StatusCode != http.StatusForbidden || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
	equal(t, "grants", len(h.vault.grants()), 0)
	var kept []string // a browser that keeps the cookie which it is told to delete
	for _, c := range b.client.Jar.Cookies(parse(t, h.URL)) {
		kept = append(kept, c.String())
	}
	again := url.Values{"state": {state}, "code": {"ms-code"}}
	if back(t, h.callback(t, b, again)).Get("code") == "" {
		t.Error("the attacks have spoilt the sign-in")
	}
	equal(t, "replay", h.callback(t, b, again).StatusCode, http.StatusForbidden)
	replay := h.browser(t).do(t, http.MethodGet, h.URL+"/callback?"+again.Encode(), "", "Cookie", strings.Join(kept, "; "))
	equal(t, "replay with the cookie", replay.StatusCode, http.StatusForbidden)
	equal(t, "grants after the replays", len(h.vault.grants()), 1)
	h.clock.advance(10 * time.Minute)
	equal(t, "late", h.callback(t, other, url.Values{"state": {foreign}, "code": {"ms-code"}}).StatusCode, http.StatusForbidden)
}

func TestCallbackErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want, text string
		answer           url.Values
		change           func(*harness)
	}{
		{"cancelled", "access_denied", "cancelled", url.Values{"error": {"access_denied"}, "error_description": {"AADSTS65004: ann@contoso.example declined"}}, nil},
		{"consent", "access_denied", "administrator", url.Values{"error": {"consent_required"}, "error_description": {"AADSTS65001: x"}}, nil},
		{"down", "temporarily_unavailable", "unavailable", url.Values{"error": {"temporarily_unavailable"}}, nil},
		{"odd", "server_error", "failed", url.Values{"error": {`<x>"`}}, nil},
		{"no code", "server_error", "no code", url.Values{}, nil},
		{"wrong code", "server_error", "could not be completed", url.Values{"code": {"other"}}, nil},
		{"administrator", "access_denied", "(AADSTS65001)", url.Values{"code": {"ms-code"}}, func(h *harness) {
			h.microsoft.err = &entra.Error{Op: "code exchange", Status: 400, Code: "consent_required", Description: "AADSTS65001: The user or administrator"}
		}},
		{"no answer", "temporarily_unavailable", "did not answer", url.Values{"code": {"ms-code"}}, func(h *harness) {
			h.microsoft.err = &entra.Error{Op: "code exchange", Err: errors.New("connection reset")}
		}},
		{"another organization", "access_denied", "of that organization", url.Values{"code": {"ms-code"}}, func(h *harness) {
			h.microsoft.err = &entra.NotAdmittedError{TenantID: "t", Reason: "Sign in with an account of that organization."}
		}},
		{"credential", "server_error", "administrator has to look", url.Values{"code": {"ms-code"}}, func(h *harness) {
			h.microsoft.err = &entra.Error{Op: "code exchange", Err: entra.ErrCredential}
		}},
		{"nobody", "server_error", "who signed in", url.Values{"code": {"ms-code"}}, func(h *harness) { h.microsoft.account.ObjectID = "" }},
		{"no scope granted", "access_denied", "none of the permissions", url.Values{"code": {"ms-code"}}, func(h *harness) {
			tokens := h.microsoft.tokens
			h.microsoft.tokens = func(s entra.SignIn) entra.Tokens { got := tokens(s); got.Scopes = []string{"Chat.Read"}; return got }
		}},
		{"vault", "temporarily_unavailable", "", url.Values{"code": {"ms-code"}}, func(h *harness) { h.vault.err = errors.New("disk full") }},
		{"audit", "temporarily_unavailable", "", url.Values{"code": {"ms-code"}}, func(h *harness) { h.audit.fail(errors.New("disk full")) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			b := h.browser(t)
			to := h.decide(t, b, h.authorize(t, b, h.request(h.publicClient(t))), "approve")
			if c.change != nil {
				c.change(h)
			}
			c.answer.Set("state", to.Query().Get("state"))
			got := back(t, h.callback(t, b, c.answer))
			equal(t, "error", got.Get("error"), c.want)
			equal(t, "iss", got.Get("iss"), h.URL)
			equal(t, "state", got.Get("state"), "client state")
			if text := got.Get("error_description"); !strings.Contains(text, c.text) || strings.Contains(text, "contoso") {
				t.Errorf("described as %q", text)
			}
			equal(t, "grants in the vault", len(h.vault.grants()), 0)
			if c.name != "no scope granted" && c.name != "vault" {
				equal(t, "audit, while nobody is known", len(h.audit.types()), 0)
				return
			}
			failed := h.audit.last(t, "oauth.signin_failed")
			equal(t, "person", failed.Principal.UserKey(), "tenant/ann")
			equal(t, "error", failed.Attributes["error"], c.want)
			equal(t, "where to", failed.Attributes["redirect_host"], "assistant.example")
		})
	}
}

// TestFewerScopes: what Microsoft did not grant, this server does not either.
func TestFewerScopes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	tokens := h.microsoft.tokens
	h.microsoft.tokens = func(s entra.SignIn) entra.Tokens {
		got := tokens(s)
		got.Scopes = []string{"mail.read", "Chat.Read", "User.Read"}
		return got
	}
	clientID := h.publicClient(t)
	got := h.token(t, codeForm(clientID, h.code(t, h.request(clientID))))
	equal(t, "scope", got.text(t, "scope"), "Mail.Read User.Read")
}

func TestNoEvidenceNoGrant(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.audit.fail(errors.New("disk full"))
	equal(t, "code", h.code(t, h.request(h.publicClient(t))), "")
	equal(t, "in the vault", len(h.vault.grants()), 0)
	ended, err := h.store.EndedGrants(t.Context(), h.clock.now(), 9)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "grants that have ended", len(ended), h.rows(t, "oauth_grants"))
}

func TestNoRegistration(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *authserver.Options) { o.NoRegistration = true })
	b := h.browser(t)
	equal(t, "status", b.post(t, h.URL+"/register", url.Values{}).StatusCode, http.StatusNotFound)
	if meta := b.get(t, h.URL+"/.well-known/oauth-authorization-server"); strings.Contains(meta.body, "registration_endpoint") {
		t.Errorf("the metadata offers registration: %s", meta.body)
	}
}
