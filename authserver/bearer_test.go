package authserver_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/identity"
)

func TestRequireBearer(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	_, access, _ := h.connect(t)
	metadata := `resource_metadata="` + h.URL + `/.well-known/oauth-protected-resource/mcp", scope="Mail.Read Mail.Send User.Read"`
	for _, c := range []struct {
		name   string
		path   string
		header []string
		status int
		with   string // of the challenge
	}{
		{"nothing", "/mcp", nil, 401, "Bearer " + metadata},
		{"basic", "/mcp", []string{"Authorization", "Basic eDp5"}, 401, "Bearer " + metadata},
		{"query", "/mcp?access_token=" + access, nil, 401, "Bearer " + metadata},
		{"garbage", "/mcp", []string{"Authorization", "Bearer garbage"}, 401, `error="invalid_token"`},
		{"no token", "/mcp", []string{"Authorization", "Bearer"}, 401, `error="invalid_token"`},
		{"syntax", "/mcp", []string{"Authorization", `Bearer a"b`}, 401, `error="invalid_token"`},
		{"two tokens", "/mcp", []string{"Authorization", "Bearer " + access + " " + access}, 401, `error="invalid_token"`},
		{"two headers", "/mcp", []string{"Authorization", "Bearer " + access, "Authorization", "Bearer " + access}, 401, `error="invalid_token"`},
		{"case of the token", "/mcp", []string{"Authorization", "Bearer " + strings.ToUpper(access)}, 401, `error="invalid_token"`},
		{"overlong", "/mcp", []string{"Authorization", "Bearer " + strings.Repeat("x", 5000)}, 401, `error="invalid_token"`},
		{"good", "/mcp", []string{"Authorization", "Bearer " + access}, 200, ""},
		{"case of the scheme", "/mcp", []string{"Authorization", "bearer " + access}, 200, ""},
	} {
		got := h.browser(t).do(t, http.MethodPost, h.URL+c.path, "", c.header...)
		equal(t, c.name, got.StatusCode, c.status)
		challenge := got.Header.Get("WWW-Authenticate")
		if !strings.Contains(challenge, c.with) || (c.status == 401 && !strings.HasSuffix(challenge, metadata)) || strings.Contains(challenge, "realm") {
			t.Errorf("%s: %s", c.name, challenge)
		}
	}
	h.store.down = true
	got := h.browser(t).do(t, http.MethodPost, h.URL+"/mcp", "", "Authorization", "Bearer "+access)
	equal(t, "store down", got.StatusCode, http.StatusServiceUnavailable)
	equal(t, "challenge", got.Header.Get("WWW-Authenticate"), "")
	if _, err := h.auth.Verify(t.Context(), access); err == nil || errors.Is(err, authserver.ErrInvalidToken) {
		t.Errorf("error is %v", err)
	}
	if err := h.auth.Recheck(t.Context(), identity.Principal{GrantID: "x"}); err == nil || errors.Is(err, authserver.ErrRevoked) {
		t.Errorf("error is %v", err)
	}
}

func TestOtherAudience(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID, access, refresh := h.connect(t)
	h.boot(t, func(o *authserver.Options) { o.PublicURL = "https://renamed.example" })
	equal(t, "mcp", h.mcp(t, access), http.StatusUnauthorized)
	equal(t, "refresh", h.token(t, refreshForm(clientID, refresh)).text(t, "error"), "invalid_grant")
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		selector func(identity.Principal) authserver.Selector
	}{
		{"grant", func(p identity.Principal) authserver.Selector { return authserver.Selector{GrantID: p.GrantID} }},
		{"user", func(p identity.Principal) authserver.Selector {
			return authserver.Selector{User: authserver.UserRef{TenantID: p.TenantID, UserID: p.UserID}}
		}},
		{"client", func(p identity.Principal) authserver.Selector { return authserver.Selector{ClientID: p.ClientID} }},
		{"all", func(identity.Principal) authserver.Selector { return authserver.Selector{All: true} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			clientID, access, refresh := h.connect(t)
			h.microsoft.account.ObjectID = "bob"
			_, bystander, _ := h.connect(t)
			p, err := h.auth.Verify(t.Context(), access)
			if err != nil {
				t.Fatal(err)
			}
			if err := h.auth.Recheck(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			pending := h.code(t, h.request(clientID)) // bob's, for the same client
			b := h.browser(t)
			atMicrosoft := h.decide(t, b, h.authorize(t, b, h.request(clientID)), "approve").Query().Get("state")

			if err := h.auth.Revoke(t.Context(), c.selector(p), "test"); err != nil {
				t.Fatal(err)
			}
			if err := h.auth.Recheck(t.Context(), p); !errors.Is(err, authserver.ErrRevoked) {
				t.Errorf("recheck: %v", err)
			}
			if _, err := h.auth.Verify(t.Context(), access); !errors.Is(err, authserver.ErrInvalidToken) {
				t.Errorf("verify: %v", err)
			}
			equal(t, "refresh", h.token(t, refreshForm(clientID, refresh)).text(t, "error"), "invalid_grant")
			equal(t, "audit", h.audit.count("oauth.revoked"), 1)
			want := map[string][2]int{"all": {401, 400}, "client": {200, 400}}[c.name]
			if want[0] == 0 {
				want = [2]int{200, 200}
			}
			equal(t, "bystander", h.mcp(t, bystander), want[0])
			equal(t, "pending code", h.token(t, codeForm(clientID, pending)).StatusCode, want[1])
			late := back(t, h.callback(t, b, url.Values{"state": {atMicrosoft}, "code": {"ms-code"}})).Get("code")
			equal(t, "agreed to before", h.token(t, codeForm(clientID, late)).StatusCode, want[1])
			if _, ok := h.vault.held[p.GrantID]; ok {
				t.Error("Microsoft's tokens are still there")
			}

			h.microsoft.account.ObjectID = "ann"
			again := h.token(t, codeForm(clientID, h.code(t, h.request(clientID))))
			equal(t, "connected again", h.mcp(t, again.text(t, "access_token")), http.StatusOK)
		})
	}
}

func TestRevokeSelectors(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, s := range []authserver.Selector{
		{},
		{All: true, ClientID: "x"},
		{GrantID: "x", ClientID: "x"},
		{User: authserver.UserRef{TenantID: "tenant"}},
		{GrantID: "unknown"},
	} {
		if err := h.auth.Revoke(t.Context(), s, "test"); err == nil {
			t.Errorf("%+v was accepted", s)
		}
	}
}

func TestRevocationEndpoint(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, which := range []int{0, 1} {
		clientID, access, refresh := h.connect(t)
		token := []string{access, refresh}[which]
		revoke := func(clientID, token string) answer {
			return h.browser(t).post(t, h.URL+"/revoke", url.Values{"client_id": {clientID}, "token": {token}, "token_type_hint": {"refresh_token"}})
		}
		equal(t, "unknown token", revoke(clientID, "x").StatusCode, http.StatusOK)
		equal(t, "no token", revoke(clientID, "").text(t, "error"), "invalid_request")
		equal(t, "unknown client", revoke("x", token).text(t, "error"), "invalid_client")
		equal(t, "another client", revoke(h.publicClient(t), token).StatusCode, http.StatusOK)
		equal(t, "mcp", h.mcp(t, access), http.StatusOK)
		equal(t, "own", revoke(clientID, token).StatusCode, http.StatusOK)
		equal(t, "mcp", h.mcp(t, access), http.StatusUnauthorized)
		equal(t, "refresh", h.token(t, refreshForm(clientID, refresh)).text(t, "error"), "invalid_grant")
		equal(t, "again", revoke(clientID, token).StatusCode, http.StatusOK)
		equal(t, "audit", h.audit.count("oauth.revoked"), which+1)
		equal(t, "in the vault", len(h.vault.grants()), 0)
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	long := strings.Repeat("x", 300)
	for _, c := range []struct{ name, body, want string }{
		{"not JSON", `redirect_uris=x`, "invalid_client_metadata"},
		{"no redirects", `{}`, "invalid_redirect_uri"},
		{"plain http", `{"redirect_uris":["http://assistant.example/cb"]}`, "invalid_redirect_uri"},
		{"one bad of two", `{"redirect_uris":["` + redirectURI + `","data:text/html,x"]}`, "invalid_redirect_uri"},
		{"many", `{"redirect_uris":[` + strings.Repeat(`"`+redirectURI+`",`, 10) + `"` + redirectURI + `"]}`, "invalid_redirect_uri"},
		{"long name", `{"redirect_uris":["` + redirectURI + `"],"client_name":"` + long + `"}`, "invalid_client_metadata"},
		{"unknown authentication", `{"redirect_uris":["` + redirectURI + `"],"token_endpoint_auth_method":"tls_client_auth"}`, "invalid_client_metadata"},
		{"grant types", `{"redirect_uris":["` + redirectURI + `"],"grant_types":["implicit"]}`, "invalid_client_metadata"},
		{"response types", `{"redirect_uris":["` + redirectURI + `"],"response_types":["token"]}`, "invalid_client_metadata"},
		{"overlong", `{"redirect_uris":["` + redirectURI + `"],"x":"` + strings.Repeat("x", 17<<10) + `"}`, "invalid_request"},
	} {
		got := h.register(t, c.body)
		equal(t, c.name, got.text(t, "error"), c.want)
	}
	equal(t, "form", h.browser(t).post(t, h.URL+"/register", url.Values{}).StatusCode, http.StatusUnsupportedMediaType)

	got := h.register(t, `{"client_name":"Editor","redirect_uris":["http://127.0.0.1/","cursor://anysphere.cursor-mcp/oauth/callback"],
		"grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],"token_endpoint_auth_method":"none","logo_uri":"https://evil.example/x.png"}`)
	equal(t, "status", got.StatusCode, http.StatusCreated)
	equal(t, "secret", got.json(t)["client_secret"], nil)
	if !strings.Contains(got.body, `"grant_types":["authorization_code","refresh_token"]`) || strings.Contains(got.body, "logo") {
		t.Error(got.body)
	}
}

func TestManyRegistrations(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *authserver.Options) { o.MaxClients = 50 })
	used, access, _ := h.connect(t)
	for i := range 49 {
		if got := h.register(t, fmt.Sprintf(`{"redirect_uris":["https://a%d.example/"],"token_endpoint_auth_method":"none"}`, i)); got.StatusCode != http.StatusCreated {
			t.Fatalf("%d: %d %s", i, got.StatusCode, got.body)
		}
	}
	full := h.register(t, `{"redirect_uris":["`+redirectURI+`"]}`)
	equal(t, "full", full.StatusCode, http.StatusServiceUnavailable)
	equal(t, "mcp", h.mcp(t, access), http.StatusOK)
	h.clock.advance(7*24*time.Hour + time.Second)
	if err := h.auth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "after the sweep", h.register(t, `{"redirect_uris":["`+redirectURI+`"]}`).StatusCode, http.StatusCreated)
	equal(t, "a used client", h.authorize(t, h.browser(t), h.request(used)).StatusCode, http.StatusOK)
}
