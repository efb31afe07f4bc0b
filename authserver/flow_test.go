package authserver_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/entra"
	"m365mcp/internal/secret"
)

// TestFlow goes the whole way once and looks at everything on it.
func TestFlow(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b := h.browser(t)
	clientID := h.publicClient(t)

	request := h.request(clientID)
	request.Set("scope", "Mail.Read offline_access unknown")
	page := h.authorize(t, b, request)
	equal(t, "consent page", page.StatusCode, http.StatusOK)
	for _, want := range []string{"Assistant", "assistant.example", "Read your mail", "Microsoft asks you to sign in next"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the consent page lacks %q", want)
		}
	}
	for _, unwanted := range []string{"Send mail as you", "<script", "unknown"} {
		if strings.Contains(page.body, unwanted) {
			t.Errorf("the consent page has %q", unwanted)
		}
	}
	policy := page.Header.Get("Content-Security-Policy")
	if strings.Contains(policy, "script-src") {
		t.Errorf("the consent page allows a script: %s", policy)
	}
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "style-src 'sha256-"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	equal(t, "Referrer-Policy", page.Header.Get("Referrer-Policy"), "no-referrer")
	equal(t, "X-Content-Type-Options", page.Header.Get("X-Content-Type-Options"), "nosniff")
	equal(t, "Cache-Control", page.Header.Get("Cache-Control"), "no-store")
	equal(t, "cookies before the approval", len(page.Cookies()), 1)

	toMicrosoft := h.decide(t, b, page, "approve")
	equal(t, "Microsoft", toMicrosoft.Host, "login.example")
	signIn := h.microsoft.begun[toMicrosoft.Query().Get("state")]
	equal(t, "scopes for Microsoft", strings.Join(signIn.Scopes, " "), "Mail.Read")
	if len(signIn.Verifier) < 43 || signIn.Nonce == "" || signIn.Nonce == signIn.Verifier {
		t.Errorf("weak sign-in %+v", signIn)
	}

	got := back(t, h.callback(t, b, url.Values{"state": {signIn.State}, "code": {"ms-code"}}))
	equal(t, "state", got.Get("state"), "client state")
	equal(t, "iss", got.Get("iss"), h.URL)

	tokens := h.token(t, codeForm(clientID, got.Get("code")))
	equal(t, "token", tokens.StatusCode, http.StatusOK)
	equal(t, "token_type", tokens.text(t, "token_type"), "Bearer")
	equal(t, "scope", tokens.text(t, "scope"), "Mail.Read")
	equal(t, "expires_in", tokens.json(t)["expires_in"], any(3600.0))
	equal(t, "Cache-Control", tokens.Header.Get("Cache-Control"), "no-store")
	access, refresh := tokens.text(t, "access_token"), tokens.text(t, "refresh_token")

	p, err := h.auth.Verify(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "user", p.UserKey(), "tenant/ann")
	equal(t, "UPN", p.UPN, "ann@contoso.example")
	equal(t, "client", p.ClientID, clientID)
	equal(t, "scope", strings.Join(p.Scopes, " "), "Mail.Read")
	equal(t, "expiry", p.Expires, h.clock.now().Add(time.Hour))
	equal(t, "checked", p.CheckedAt, h.clock.now())
	equal(t, "Microsoft's tokens", h.vault.held[p.GrantID].Refresh.Reveal(), "ms-refresh")
	equal(t, "mcp", h.mcp(t, access), http.StatusOK)
	equal(t, "mcp with the refresh token", h.mcp(t, refresh), http.StatusUnauthorized)
	equal(t, "mcp with Microsoft's token", h.mcp(t, "ms-access"), http.StatusUnauthorized)
	equal(t, "audit", strings.Join(h.audit.types(), " "), "oauth.grant_created oauth.code_redeemed")

	// Nothing that opens anything is in the database in clear.
	for _, name := range []string{h.path, h.path + "-wal"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{access, refresh, got.Get("code"), signIn.State, signIn.Verifier, signIn.Nonce} {
			if bytes.Contains(data, []byte(value)) {
				t.Errorf("%s is in the database", value)
			}
		}
	}
}

func TestDeny(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b := h.browser(t)
	to := h.decide(t, b, h.authorize(t, b, h.request(h.publicClient(t))), "deny")
	equal(t, "where to", to.Host, "assistant.example")
	equal(t, "error", to.Query().Get("error"), "access_denied")
	equal(t, "state", to.Query().Get("state"), "client state")
	equal(t, "iss", to.Query().Get("iss"), h.URL)
	equal(t, "sign-ins", len(h.microsoft.begun), 0)
}

// TestRestart: what was begun goes on after a restart, on every step.
func TestRestart(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b := h.browser(t)
	clientID := h.publicClient(t)
	page := h.authorize(t, b, h.request(clientID))
	h.boot(t)
	toMicrosoft := h.decide(t, b, page, "approve")
	h.boot(t)
	code := back(t, h.callback(t, b, url.Values{"state": {toMicrosoft.Query().Get("state")}, "code": {"ms-code"}})).Get("code")
	h.boot(t)
	first := h.token(t, codeForm(clientID, code))
	h.boot(t)
	equal(t, "access", h.mcp(t, first.text(t, "access_token")), http.StatusOK)
	second := h.token(t, refreshForm(clientID, first.text(t, "refresh_token")))
	h.boot(t)
	again := h.token(t, refreshForm(clientID, first.text(t, "refresh_token")))
	equal(t, "repeated refresh", again.text(t, "access_token"), second.text(t, "access_token"))
}

// TestCookies: over https they cannot be planted or read in clear; over loopback
// http browsers would refuse that form.
func TestCookies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, public, prefix string
		secure               bool
	}{
		{"https", "https://mcp.example.com", "__Host-", true},
		{"http", "http://127.0.0.1:8080", "m365mcp-", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, func(o *authserver.Options) { o.PublicURL = c.public })
			request := h.request(h.publicClient(t))
			request.Set("resource", c.public+"/mcp")
			page := httptest.NewRecorder()
			h.Config.Handler.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/authorize?"+request.Encode(), nil))
			form := url.Values{"csrf_token": {csrf(t, answer{page.Result(), page.Body.String()})}, "decision": {"approve"}}
			post := httptest.NewRequest(http.MethodPost, "/consent", strings.NewReader(form.Encode()))
			post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			post.AddCookie(page.Result().Cookies()[0])
			approved := httptest.NewRecorder()
			h.Config.Handler.ServeHTTP(approved, post)
			cookies := append(page.Result().Cookies(), approved.Result().Cookies()...)
			equal(t, "cookies", len(cookies), 2)
			for _, cookie := range cookies {
				if !strings.HasPrefix(cookie.Name, c.prefix) || cookie.Secure != c.secure || !cookie.HttpOnly ||
					cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" {
					t.Errorf("%s", cookie.Raw)
				}
			}
		})
	}
}

// TestNothingToRefresh: without a refresh token of Microsoft's the grant ends with its access token.
func TestNothingToRefresh(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.microsoft.tokens = func(s entra.SignIn) entra.Tokens {
		return entra.Tokens{Access: secret.New("ms-access"), Expires: h.clock.now().Add(20 * time.Minute), Scopes: s.Scopes}
	}
	clientID := h.publicClient(t)
	got := h.token(t, codeForm(clientID, h.code(t, h.request(clientID))))
	equal(t, "expires_in", got.json(t)["expires_in"], any(1200.0))
	equal(t, "refresh_token", got.json(t)["refresh_token"], nil)
	h.clock.advance(20 * time.Minute)
	equal(t, "mcp", h.mcp(t, got.text(t, "access_token")), http.StatusUnauthorized)
	if err := h.auth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "grants in the vault", len(h.vault.grants()), 0)
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b := h.browser(t)
	for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		got := b.get(t, h.URL+path)
		equal(t, "issuer", got.text(t, "issuer"), h.URL)
		equal(t, "iss flag", got.json(t)["authorization_response_iss_parameter_supported"], any(true))
		if strings.Contains(got.body, "offline_access") || !strings.Contains(got.body, `"code_challenge_methods_supported":["S256"]`) {
			t.Error(got.body)
		}
		equal(t, "CORS", got.Header.Get("Access-Control-Allow-Origin"), "*")
		equal(t, "credentials", got.Header.Get("Access-Control-Allow-Credentials"), "")
	}
	for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"} {
		got := b.get(t, h.URL+path)
		equal(t, "resource", got.text(t, "resource"), h.URL+"/mcp")
		if !strings.Contains(got.body, `"authorization_servers":["`+h.URL+`"]`) {
			t.Error(got.body)
		}
		equal(t, "HEAD", b.do(t, http.MethodHead, h.URL+path, "").StatusCode, http.StatusOK)
	}
	preflight := b.do(t, http.MethodOptions, h.URL+"/token", "", "Origin", "https://web.example", "Access-Control-Request-Method", "POST")
	equal(t, "preflight", preflight.StatusCode, http.StatusNoContent)
	equal(t, "preflight", preflight.Header.Get("Access-Control-Allow-Methods"), "POST")
	for path, allow := range map[string]string{
		"/token": "POST, OPTIONS", "/register": "POST, OPTIONS", "/revoke": "POST, OPTIONS", "/consent": "POST",
		"/.well-known/oauth-authorization-server": "GET, HEAD, OPTIONS", "/authorize": "GET", "/callback": "GET",
	} {
		got := b.do(t, http.MethodDelete, h.URL+path, "")
		equal(t, path, got.StatusCode, http.StatusMethodNotAllowed)
		equal(t, path, got.Header.Get("Allow"), allow)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*authserver.Options)
	}{
		{"path in the public URL", func(o *authserver.Options) { o.PublicURL += "/base" }},
		{"slash after the public URL", func(o *authserver.Options) { o.PublicURL += "/" }},
		{"no scheme", func(o *authserver.Options) { o.PublicURL = "mcp.example.com" }},
		{"user information", func(o *authserver.Options) { o.PublicURL = "https://a@mcp.example.com" }},
		{"no store", func(o *authserver.Options) { o.Store = nil }},
		{"no scopes", func(o *authserver.Options) { o.Scopes = nil }},
		{"short key", func(o *authserver.Options) { o.Keys = func(string) []byte { return make([]byte, 16) } }},
		{"access token of two hours", func(o *authserver.Options) { o.Lifetimes.Access = 2 * time.Hour }},
		{"code of an hour", func(o *authserver.Options) { o.Lifetimes.Code = time.Hour }},
		{"page without a slash at its end", func(o *authserver.Options) { o.Pages = []string{"/tickets"} }},
		{"page elsewhere", func(o *authserver.Options) { o.Pages = []string{"//evil.example/"} }},
		{"documents of nobody knows whom", func(o *authserver.Options) { o.Documents = http.DefaultClient }},
		{"every page", func(o *authserver.Options) { o.Pages = []string{"/"} }},
		{"connections elsewhere", func(o *authserver.Options) { o.Connections = "//evil.example" }},
		{"connections at the root", func(o *authserver.Options) { o.Connections = "/" }},
		{"negative lifetime", func(o *authserver.Options) { o.Lifetimes.Refresh = -time.Hour }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var options authserver.Options
			newHarness(t, func(o *authserver.Options) { options = *o })
			if _, err := authserver.New(options); err != nil {
				t.Fatal(err)
			}
			c.change(&options)
			if _, err := authserver.New(options); err == nil {
				t.Error("accepted")
			}
		})
	}
}
