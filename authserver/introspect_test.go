package authserver_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/authserver"
	"m365mcp/internal/secret"
	"m365mcp/internal/testenv"
)

func (h *harness) introspect(t *testing.T, token string) answer {
	t.Helper()
	return h.browser(t).post(t, h.URL+"/introspect", url.Values{"token": {token}}, basic("linked", serviceSecret)...)
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	h := newHarness(t, services(t, testenv.NewSigner(t, "a")))
	client, access, _ := h.connect(t)
	now := h.clock.now().Unix()
	want := map[string]any{
		"active": true, "scope": "Mail.Read Mail.Send User.Read", "client_id": client, "username": "ann@contoso.example", "token_type": "Bearer",
		"exp": float64(now + 3600), "iat": float64(now), "sub": "tenant/ann", "aud": h.URL + "/mcp", "iss": h.URL,
	}
	h.clock.advance(time.Minute)
	got := h.introspect(t, access)
	if diff := cmp.Diff(want, got.json(t)); diff != "" {
		t.Error(diff)
	}
	equal(t, "caching", got.Header.Get("Cache-Control"), "no-store")

	of := h.introspect(t, h.serviceToken(t)).json(t)
	for name, want := range map[string]any{"active": true, "sub": service, "client_id": service, "scope": "service", "username": nil} {
		if of[name] != want {
			t.Errorf("a service's %s: %v, want %v", name, of[name], want)
		}
	}
}

// Of all that is no good it says the same.
func TestIntrospectionOfOthers(t *testing.T) {
	t.Parallel()
	s := testenv.NewSigner(t, "a")
	h := newHarness(t, services(t, s))
	revokedClient, revoked, _ := h.connect(t)
	_, expired, _ := h.connect(t)
	h.clock.advance(time.Hour)
	_, access, refresh := h.connect(t)
	if err := h.auth.Revoke(t.Context(), authserver.Selector{ClientID: revokedClient}, "test"); err != nil {
		t.Fatal(err)
	}
	other := h.publicClient(t)
	code := h.code(t, h.request(other))
	for name, token := range map[string]string{
		"unknown": "unknown", "expired": expired, "revoked": revoked, "a refresh token of another": refresh, "a code": code, "markup": "<script>",
	} {
		got := h.introspect(t, token)
		equal(t, name, got.StatusCode, http.StatusOK)
		equal(t, name, got.body, "{\"active\":false}\n")
	}
	equal(t, "one that lives", h.introspect(t, access).json(t)["active"], any(true))
	byKey := h.browser(t).post(t, h.URL+"/introspect", h.proven(t, s, "linked by key", url.Values{"token": {access}, "token_type_hint": {"refresh_token"}}))
	equal(t, "by a key", byKey.json(t)["active"], any(true))

	if err := h.auth.Revoke(t.Context(), authserver.Selector{All: true}, "test"); err != nil {
		t.Fatal(err)
	}
	equal(t, "at once after a revocation", h.introspect(t, access).body, "{\"active\":false}\n")
}

// Who is not on the list learns nothing, about what it holds itself neither.
func TestIntrospectionIsForLinkedServices(t *testing.T) {
	t.Parallel()
	s := testenv.NewSigner(t, "a")
	h := newHarness(t, keyedClient(t, s), services(t, s))
	client, access, _ := h.connect(t)
	ask := func(form url.Values, header ...string) answer {
		form.Set("token", access)
		return h.browser(t).post(t, h.URL+"/introspect", form, header...)
	}
	for name, c := range map[string]struct {
		got    answer
		status int
		code   string
	}{
		"nobody":                   {ask(url.Values{}), http.StatusUnauthorized, "invalid_client"},
		"its public client":        {ask(url.Values{"client_id": {client}}), http.StatusForbidden, "unauthorized_client"},
		"a service":                {ask(url.Values{}, basic(service, serviceSecret)...), http.StatusForbidden, "unauthorized_client"},
		"one of the configuration": {ask(h.proven(t, s, keyed, url.Values{})), http.StatusForbidden, "unauthorized_client"},
		"a wrong secret":           {ask(url.Values{}, basic("linked", "guess")...), http.StatusUnauthorized, "invalid_client"},
		"the token as a bearer":    {ask(url.Values{}, "Authorization", "Bearer "+access), http.StatusUnauthorized, "invalid_client"},
	} {
		equal(t, name, c.got.StatusCode, c.status)
		equal(t, name, c.got.text(t, "error"), c.code)
	}
	missing := h.browser(t).post(t, h.URL+"/introspect", url.Values{}, basic("linked", serviceSecret)...)
	equal(t, "no token", missing.text(t, "error"), "invalid_request")
	inQuery := h.browser(t).do(t, http.MethodGet, h.URL+"/introspect?token="+access, "", basic("linked", serviceSecret)...)
	equal(t, "by GET", inQuery.StatusCode, http.StatusMethodNotAllowed)
	h.store.down = true
	equal(t, "no store", h.introspect(t, access).StatusCode, http.StatusServiceUnavailable)

	none := newHarness(t)
	equal(t, "where there is none", none.introspect(t, access).StatusCode, http.StatusNotFound)
}

// A refresh token is told to the client that holds it alone, and only the youngest.
func TestIntrospectionOfRefreshTokens(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *authserver.Options) {
		o.Clients = []authserver.ConfiguredClient{{
			ID: "linked", Name: "Linked", RedirectURIs: []string{redirectURI}, Secret: secret.New(serviceSecret), Introspect: true,
		}}
	})
	first := h.token(t, codeForm("linked", h.code(t, h.request("linked"))), basic("linked", serviceSecret)...)
	got := h.introspect(t, first.text(t, "refresh_token")).json(t)
	equal(t, "its own", got["active"], any(true))
	equal(t, "its own", got["token_type"], nil)
	h.token(t, refreshForm("linked", first.text(t, "refresh_token")), basic("linked", serviceSecret)...)
	equal(t, "the one before", h.introspect(t, first.text(t, "refresh_token")).body, "{\"active\":false}\n")
}
