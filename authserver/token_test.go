package authserver_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/authserver"
)

func TestCodeErrors(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID, other := h.publicClient(t), h.publicClient(t)
	code := h.code(t, h.request(clientID))
	form := func(change func(url.Values)) url.Values {
		f := codeForm(clientID, code)
		change(f)
		return f
	}
	for _, c := range []struct {
		name, want string
		status     int
		form       url.Values
	}{
		{"no grant_type", "invalid_request", 400, form(func(f url.Values) { f.Del("grant_type") })},
		{"password", "unsupported_grant_type", 400, form(func(f url.Values) { f.Set("grant_type", "password") })},
		{"no client", "invalid_client", 401, form(func(f url.Values) { f.Del("client_id") })},
		{"unknown client", "invalid_client", 401, form(func(f url.Values) { f.Set("client_id", "x") })},
		{"NUL in a client", "invalid_request", 400, form(func(f url.Values) { f.Set("client_id", clientID+"\x00") })},
		{"secret of a public client", "invalid_client", 401, form(func(f url.Values) { f.Set("client_secret", "x") })},
		{"another client", "invalid_grant", 400, form(func(f url.Values) { f.Set("client_id", other) })},
		{"no code", "invalid_request", 400, form(func(f url.Values) { f.Del("code") })},
		{"unknown code", "invalid_grant", 400, form(func(f url.Values) { f.Set("code", "x") })},
		{"no verifier", "invalid_request", 400, form(func(f url.Values) { f.Del("code_verifier") })},
		{"wrong verifier", "invalid_grant", 400, form(func(f url.Values) { f.Set("code_verifier", strings.ToUpper(verifier)) })},
		{"short verifier", "invalid_grant", 400, form(func(f url.Values) { f.Set("code_verifier", verifier[:42]) })},
		{"the challenge", "invalid_grant", 400, form(func(f url.Values) { f.Set("code_verifier", challenge(verifier)) })},
		{"another redirect", "invalid_grant", 400, form(func(f url.Values) { f.Set("redirect_uri", redirectURI+"/") })},
		{"foreign resource", "invalid_target", 400, form(func(f url.Values) { f.Set("resource", "https://other.example/mcp") })},
		{"code twice in one", "invalid_request", 400, form(func(f url.Values) { f.Add("code", code) })},
		{"grant_type twice", "invalid_request", 400, form(func(f url.Values) { f.Add("grant_type", "refresh_token") })},
		{"overlong", "invalid_request", 413, form(func(f url.Values) { f.Set("x", strings.Repeat("x", 17<<10)) })},
	} {
		got := h.token(t, c.form)
		equal(t, c.name, got.text(t, "error"), c.want)
		equal(t, c.name, got.StatusCode, c.status)
		equal(t, c.name, got.Header.Get("Cache-Control"), "no-store")
		equal(t, c.name, got.Header.Get("Access-Control-Allow-Origin"), "*")
	}
	b := h.browser(t)
	equal(t, "JSON", b.do(t, http.MethodPost, h.URL+"/token", "{}", "Content-Type", "application/json").StatusCode, http.StatusUnsupportedMediaType)
	equal(t, "in the query", b.post(t, h.URL+"/token?"+codeForm(clientID, code).Encode(), nil).text(t, "error"), "invalid_request")
	equal(t, "bad escape", b.do(t, http.MethodPost, h.URL+"/token", "a=%zz", "Content-Type", "application/x-www-form-urlencoded").text(t, "error"), "invalid_request")

	good := form(func(f url.Values) { f.Del("redirect_uri"); f.Set("resource", h.URL+"/mcp/") }) // as OAuth 2.1 has it
	equal(t, "after all that", h.token(t, good).StatusCode, http.StatusOK)
}

// TestShortVerifier: a client that begins with a weak verifier does not get through with it.
func TestShortVerifier(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID := h.publicClient(t)
	for _, weak := range []string{verifier[:42], strings.Repeat("x", 129), verifier + " "} {
		request := h.request(clientID)
		request.Set("code_challenge", challenge(weak))
		form := codeForm(clientID, h.code(t, request))
		form.Set("code_verifier", weak)
		equal(t, weak, h.token(t, form).text(t, "error"), "invalid_grant")
	}
}

func TestCodeExpires(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID := h.publicClient(t)
	code := h.code(t, h.request(clientID))
	h.clock.advance(time.Minute)
	equal(t, "error", h.token(t, codeForm(clientID, code)).text(t, "error"), "invalid_grant")
	equal(t, "in the vault", len(h.vault.grants()), 1)
	if err := h.auth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "in the vault after the sweep", len(h.vault.grants()), 0)
}

func TestCodeReuse(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID := h.publicClient(t)
	code := h.code(t, h.request(clientID))
	first := h.token(t, codeForm(clientID, code))
	equal(t, "mcp", h.mcp(t, first.text(t, "access_token")), http.StatusOK)
	equal(t, "second use", h.token(t, codeForm(clientID, code)).text(t, "error"), "invalid_grant")
	equal(t, "mcp", h.mcp(t, first.text(t, "access_token")), http.StatusUnauthorized)
	equal(t, "refresh", h.token(t, refreshForm(clientID, first.text(t, "refresh_token"))).text(t, "error"), "invalid_grant")
	equal(t, "audit", h.audit.count("oauth.code_reuse"), 1)
	equal(t, "in the vault", len(h.vault.grants()), 0)
}

func TestConfidentialClient(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	registered := h.register(t, `{"client_name":"Hosted","redirect_uris":["`+redirectURI+`"]}`) // basic is the default
	id, secret := registered.text(t, "client_id"), registered.text(t, "client_secret")
	equal(t, "method", registered.text(t, "token_endpoint_auth_method"), "client_secret_basic")
	form := codeForm(id, h.code(t, h.request(id)))
	basic := func(id, secret string) []string {
		r, _ := http.NewRequest(http.MethodPost, h.URL, nil)
		r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		return []string{"Authorization", r.Header.Get("Authorization")}
	}
	for name, try := range map[string]func() answer{
		"no secret":    func() answer { return h.token(t, form) },
		"wrong secret": func() answer { return h.token(t, form, basic(id, secret+"x")...) },
		"empty secret": func() answer { return h.token(t, form, basic(id, "")...) },
		"bearer":       func() answer { return h.token(t, form, "Authorization", "Bearer x") },
	} {
		got := try()
		equal(t, name, got.text(t, "error"), "invalid_client")
		equal(t, name, got.StatusCode, http.StatusUnauthorized)
		equal(t, name, got.Header.Get("WWW-Authenticate") != "", name != "no secret")
	}
	both := codeForm(id, form.Get("code"))
	both.Set("client_secret", secret)
	equal(t, "both ways", h.token(t, both, basic(id, secret)...).text(t, "error"), "invalid_request")
	got := h.token(t, form, basic(id, secret)...)
	equal(t, "basic", got.StatusCode, http.StatusOK)
	post := refreshForm(id, got.text(t, "refresh_token"))
	post.Set("client_secret", secret)
	equal(t, "post", h.token(t, post).StatusCode, http.StatusOK)
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID, access, refresh := h.connect(t)
	equal(t, "access token that is still good", h.token(t, refreshForm(clientID, access)).text(t, "error"), "invalid_grant")
	h.clock.advance(time.Hour)
	equal(t, "expired", h.mcp(t, access), http.StatusUnauthorized)

	other := h.publicClient(t)
	for name, form := range map[string]url.Values{
		"another client": refreshForm(other, refresh),
		"access token":   refreshForm(clientID, access),
		"unknown":        refreshForm(clientID, "x"),
	} {
		equal(t, name, h.token(t, form).text(t, "error"), "invalid_grant")
	}
	foreign := refreshForm(clientID, refresh)
	foreign.Set("resource", "https://other.example/mcp")
	equal(t, "foreign resource", h.token(t, foreign).text(t, "error"), "invalid_target")
	wider := refreshForm(clientID, refresh)
	wider.Set("scope", "Chat.Read")
	equal(t, "other scopes", h.token(t, wider).text(t, "error"), "invalid_scope")

	narrower := refreshForm(clientID, refresh)
	narrower.Set("scope", "Mail.Read")
	got := h.token(t, narrower)
	equal(t, "scope", got.text(t, "scope"), "Mail.Read")
	p, err := h.auth.Verify(t.Context(), got.text(t, "access_token"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "scopes of the token", strings.Join(p.Scopes, " "), "Mail.Read")
	got = h.token(t, refreshForm(clientID, got.text(t, "refresh_token")))
	equal(t, "scope is the grant's again", got.text(t, "scope"), "Mail.Read Mail.Send User.Read")

	h.clock.advance(30*24*time.Hour - time.Second) // sliding
	got = h.token(t, refreshForm(clientID, got.text(t, "refresh_token")))
	equal(t, "a month later", got.StatusCode, http.StatusOK)
	h.clock.advance(30 * 24 * time.Hour)
	equal(t, "too late", h.token(t, refreshForm(clientID, got.text(t, "refresh_token"))).text(t, "error"), "invalid_grant")
}

// TestRefreshAtOnce: twenty windows of one client refresh together, and all get the
// one new pair.
func TestRefreshAtOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID, _, refresh := h.connect(t)
	bodies := make([]string, 20)
	var wg sync.WaitGroup
	for i := range bodies {
		wg.Go(func() { bodies[i] = h.token(t, refreshForm(clientID, refresh)).body })
	}
	wg.Wait()
	for _, body := range bodies {
		if body != bodies[0] || !strings.Contains(body, "access_token") {
			t.Fatalf("%s\n%s", bodies[0], body)
		}
	}
	equal(t, "stored tokens, of the first pair and the new one", h.rows(t, "oauth_tokens"), 4)
	equal(t, "reuse", h.audit.count("oauth.refresh_reuse"), 0)
	fresh := 0
	for _, e := range h.audit.all("oauth.token_refreshed") {
		equal(t, "generation", e.Attributes["generation"], "2")
		if e.Attributes["repeated"] == "false" {
			fresh++
		}
	}
	equal(t, "new pairs in the audit", fresh, 1)
}

func TestRefreshLostAnswer(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID, first, refresh := h.connect(t)
	second := h.token(t, refreshForm(clientID, refresh))
	h.clock.advance(10 * time.Minute)
	again := h.token(t, refreshForm(clientID, refresh))
	for _, key := range []string{"access_token", "refresh_token"} {
		equal(t, key, again.text(t, key), second.text(t, key))
	}
	equal(t, "expires_in", again.json(t)["expires_in"], any(3000.0))
	equal(t, "first access token", h.mcp(t, first), http.StatusOK)

	third := h.token(t, refreshForm(clientID, second.text(t, "refresh_token")))
	equal(t, "third", third.StatusCode, http.StatusOK)
	equal(t, "the first, after its replacement's use", h.token(t, refreshForm(clientID, refresh)).text(t, "error"), "invalid_grant")
	for _, access := range []string{first, second.text(t, "access_token"), third.text(t, "access_token")} {
		equal(t, "mcp after reuse", h.mcp(t, access), http.StatusUnauthorized)
	}
	equal(t, "the youngest, after reuse", h.token(t, refreshForm(clientID, third.text(t, "refresh_token"))).text(t, "error"), "invalid_grant")
	equal(t, "audit", h.audit.count("oauth.refresh_reuse"), 1)
	equal(t, "in the vault", len(h.vault.grants()), 0)
}

func TestRefreshGraceEnds(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID, _, refresh := h.connect(t)
	second := h.token(t, refreshForm(clientID, refresh))
	h.clock.advance(10*time.Minute + time.Millisecond)
	equal(t, "late repetition", h.token(t, refreshForm(clientID, refresh)).text(t, "error"), "invalid_grant")
	equal(t, "mcp", h.mcp(t, second.text(t, "access_token")), http.StatusUnauthorized)
	equal(t, "audit", h.audit.count("oauth.refresh_reuse"), 1)
}

// TestRefreshNewKey: after a change of the server's key a lost answer cannot be
// given again, and must not be answered with tokens that do not work.
func TestRefreshNewKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID, _, refresh := h.connect(t)
	second := h.token(t, refreshForm(clientID, refresh))
	h.boot(t, func(o *authserver.Options) {
		o.Keys = func(purpose string) []byte { return []byte(strings.Repeat(purpose, 32)[:32]) }
	})
	equal(t, "repetition", h.token(t, refreshForm(clientID, refresh)).text(t, "error"), "invalid_grant")
	equal(t, "mcp", h.mcp(t, second.text(t, "access_token")), http.StatusOK)
	equal(t, "next", h.token(t, refreshForm(clientID, second.text(t, "refresh_token"))).StatusCode, http.StatusOK)
}

func TestTokenStoreDown(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID, _, refresh := h.connect(t)
	h.audit.fail(errors.New("disk full"))
	got := h.token(t, refreshForm(clientID, refresh))
	equal(t, "without evidence", got.StatusCode, http.StatusServiceUnavailable)
	equal(t, "Retry-After", got.Header.Get("Retry-After"), "2")
	if strings.Contains(got.body, "access_token") || strings.Contains(got.body, "disk") {
		t.Error(got.body)
	}
	h.audit.fail(nil)
	h.store.down = true
	got = h.token(t, refreshForm(clientID, refresh))
	equal(t, "without a store", got.text(t, "error"), "temporarily_unavailable")
	h.store.down = false
	equal(t, "and then", h.token(t, refreshForm(clientID, refresh)).StatusCode, http.StatusOK)
}
