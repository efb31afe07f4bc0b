package authserver_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/authserver"
	"m365mcp/identity"
	"m365mcp/internal/secret"
	"m365mcp/internal/testenv"
)

const (
	service       = "build"
	serviceSecret = "a secret of forty characters, and some"
)

var clientCredentials = url.Values{"grant_type": {"client_credentials"}}

// services are one with a secret and one with a key, and linked services.
func services(t testing.TB, s testenv.Signer) func(*authserver.Options) {
	t.Helper()
	keys := parseKeys(t, s)
	return func(o *authserver.Options) {
		o.Clients = append(
			o.Clients,
			authserver.ConfiguredClient{ID: service, Name: "Build", Secret: secret.New(serviceSecret), Service: true, Tools: []string{"findTools"}},
			authserver.ConfiguredClient{ID: "signed", Name: "Signed", Keys: keys, Service: true, Tools: []string{"authenticate"}},
			authserver.ConfiguredClient{ID: "linked", Name: "Linked", Secret: secret.New(serviceSecret), Introspect: true},
			authserver.ConfiguredClient{ID: "linked by key", Name: "Linked", Keys: keys, Introspect: true},
		)
	}
}

func (h *harness) serviceToken(t *testing.T) string {
	t.Helper()
	return h.token(t, clientCredentials, basic(service, serviceSecret)...).text(t, "access_token")
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	s := testenv.NewSigner(t, "a")
	h := newHarness(t, services(t, s))
	asked := url.Values{"grant_type": {"client_credentials"}, "scope": {"Mail.Read"}, "resource": {h.URL + "/mcp"}}
	got := h.token(t, asked, basic(service, serviceSecret)...)
	want := map[string]any{"token_type": "Bearer", "expires_in": 3600., "scope": "service", "access_token": got.text(t, "access_token")}
	if diff := cmp.Diff(want, got.json(t)); diff != "" { // and no refresh token
		t.Error(diff)
	}
	p := h.verify(t, got.text(t, "access_token"))
	if diff := cmp.Diff(identity.Principal{
		ClientID: service, GrantID: p.GrantID, Service: service, Tools: []string{"findTools"}, Scopes: []string{"service"},
		Expires: h.clock.now().Add(time.Hour), CheckedAt: h.clock.now(),
	}, p, cmp.AllowUnexported(secret.String{})); diff != "" {
		t.Error(diff)
	}
	event := h.audit.last(t, "oauth.service_token")
	if event.Principal.Service != service || event.Principal.GrantID != p.GrantID || event.Principal.IsPerson() {
		t.Errorf("audited as %+v", event.Principal)
	}
	if held := h.vault.grants(); len(held) != 0 {
		t.Errorf("tokens of Microsoft's: %v", held)
	}

	signed := h.token(t, h.proven(t, s, "signed", clientCredentials))
	equal(t, "by its key", h.verify(t, signed.text(t, "access_token")).Service, "signed")

	h.clock.advance(time.Hour)
	equal(t, "after an hour", h.mcp(t, got.text(t, "access_token")), http.StatusUnauthorized)
	if err := h.auth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "grants after an hour", h.rows(t, "oauth_grants"), 0)
}

func TestClientCredentialsRefusals(t *testing.T) {
	t.Parallel()
	s := testenv.NewSigner(t, "a")
	h := newHarness(t, configured, keyedClient(t, s), services(t, s))
	public := h.publicClient(t)
	registered := h.register(t, `{"redirect_uris":["`+redirectURI+`"],"token_endpoint_auth_method":"client_secret_basic"}`)
	for name, c := range map[string]struct {
		form   url.Values
		header []string
		code   string
	}{
		"a public client":          {form: withID(clientCredentials, public), code: "unauthorized_client"},
		"one of the configuration": {form: h.proven(t, s, keyed, clientCredentials), code: "unauthorized_client"},
		"one that registered": {
			form: clientCredentials, header: basic(registered.text(t, "client_id"), registered.text(t, "client_secret")), code: "unauthorized_client",
		},
		"a linked service": {form: clientCredentials, header: basic("linked", serviceSecret), code: "unauthorized_client"},
		"a wrong secret":   {form: clientCredentials, header: basic(service, "guess"), code: "invalid_client"},
		"no secret":        {form: withID(clientCredentials, service), code: "invalid_client"},
		"another resource": {form: url.Values{"grant_type": {"client_credentials"}, "resource": {"https://other.example"}}, header: basic(service, serviceSecret), code: "invalid_target"},
	} {
		equal(t, name, h.token(t, c.form, c.header...).text(t, "error"), c.code)
	}
	equal(t, "grants", h.rows(t, "oauth_grants"), 0)
	// It has no person to send to a page.
	request := h.request(service)
	equal(t, "authorize", h.authorize(t, h.browser(t), request).StatusCode, http.StatusBadRequest)

	none := newHarness(t, configured)
	equal(t, "where there is none", none.token(t, clientCredentials, basic(service, serviceSecret)...).text(t, "error"), "unsupported_grant_type")
}

func TestClientCredentialsAreLimited(t *testing.T) {
	t.Parallel()
	h := newHarness(t, services(t, testenv.NewSigner(t, "a")))
	for range 60 {
		h.serviceToken(t)
	}
	got := h.token(t, clientCredentials, basic(service, serviceSecret)...)
	equal(t, "the next", got.StatusCode, http.StatusTooManyRequests)
	equal(t, "grants", h.rows(t, "oauth_grants"), 60)
	h.clock.advance(time.Second)
	h.serviceToken(t)
}

// What a service has ends at once with its client, with everything, with its token, and
// with the line of the configuration.
func TestServiceRevocation(t *testing.T) {
	t.Parallel()
	s := testenv.NewSigner(t, "a")
	h := newHarness(t, services(t, s))
	for name, revoke := range map[string]func(access string) error{
		"client": func(string) error { return h.auth.Revoke(t.Context(), authserver.Selector{ClientID: service}, "test") },
		"all":    func(string) error { return h.auth.Revoke(t.Context(), authserver.Selector{All: true}, "test") },
		"itself": func(access string) error {
			got := h.browser(t).post(t, h.URL+"/revoke", url.Values{"token": {access}}, basic(service, serviceSecret)...)
			equal(t, "revoke", got.StatusCode, http.StatusOK)
			return nil
		},
	} {
		access := h.serviceToken(t)
		p := h.verify(t, access)
		equal(t, name+": before", h.mcp(t, access), http.StatusOK)
		if err := revoke(access); err != nil {
			t.Fatal(err)
		}
		equal(t, name+": after", h.mcp(t, access), http.StatusUnauthorized)
		if err := h.auth.Recheck(t.Context(), p); err == nil {
			t.Errorf("%s: may go on", name)
		}
	}
	access := h.serviceToken(t)
	h.boot(t, func(o *authserver.Options) { // a client as before, and no service
		o.Clients = []authserver.ConfiguredClient{{ID: service, Name: "Build", Secret: secret.New(serviceSecret), RedirectURIs: []string{redirectURI}}}
	})
	equal(t, "no service any more", h.mcp(t, access), http.StatusUnauthorized)
}

// Whatever is about a person says no to a service.
func TestServiceIsNoPerson(t *testing.T) {
	t.Parallel()
	h := newHarness(t, services(t, testenv.NewSigner(t, "a")))
	p := h.verify(t, h.serviceToken(t))
	ctx := t.Context()
	if _, _, err := h.auth.AccessLink(ctx, p, []string{"Chat.Read"}); err == nil {
		t.Error("it gets a link for more permissions")
	}
	if _, err := h.auth.Principal(ctx, p.GrantID); err == nil {
		t.Error("its grant is a person's")
	}
	if err := h.auth.SignInAgain(ctx, p.GrantID, `{}`); err == nil {
		t.Error("it is asked to sign in again")
	}
	if h.stepUp(p, "Chat.Read") != nil {
		t.Error("it is asked to step up")
	}
	if err := h.auth.Forget(ctx, authserver.UserRef{TenantID: "tenant", UserID: "ann"}); err != nil {
		t.Fatal(err)
	}
	if err := h.auth.Recheck(ctx, p); err != nil {
		t.Errorf("it ends with a person: %v", err)
	}
}

func TestServiceMistakes(t *testing.T) {
	t.Parallel()
	key := parseKeys(t, testenv.NewSigner(t, "a"))
	for name, c := range map[string]authserver.ConfiguredClient{
		"a service without a proof":   {ID: "a", Service: true, Tools: []string{"findTools"}},
		"introspection for everybody": {ID: "a", Introspect: true, RedirectURIs: []string{redirectURI}},
		"a service with a redirect":   {ID: "a", Service: true, Keys: key, RedirectURIs: []string{redirectURI}},
		"tools of no service":         {ID: "a", Keys: key, RedirectURIs: []string{redirectURI}, Tools: []string{"findTools"}},
		"a key and a secret":          {ID: "a", Keys: key, Secret: secret.New(serviceSecret), RedirectURIs: []string{redirectURI}},
	} {
		var o authserver.Options
		newHarness(t, func(good *authserver.Options) { o = *good })
		o.Clients = []authserver.ConfiguredClient{c}
		if _, err := authserver.New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestMetadataOfServices(t *testing.T) {
	t.Parallel()
	s := testenv.NewSigner(t, "a")
	const path = "/.well-known/oauth-authorization-server"
	plain := newHarness(t)
	got := plain.browser(t).get(t, plain.URL+path).json(t)
	for _, name := range []string{"introspection_endpoint", "introspection_endpoint_auth_methods_supported", "authorization_grant_profiles_supported"} {
		if _, ok := got[name]; ok {
			t.Errorf("%s where there is none", name)
		}
	}
	all := newHarness(t, services(t, s), newProvider(t).option)
	got = all.browser(t).get(t, all.URL+path).json(t)
	algs := []any{"RS256", "PS256", "ES256", "ES384", "EdDSA"}
	for name, want := range map[string]any{
		"introspection_endpoint":                                   all.URL + "/introspect",
		"introspection_endpoint_auth_methods_supported":            []any{"client_secret_basic", "client_secret_post", "private_key_jwt"},
		"introspection_endpoint_auth_signing_alg_values_supported": algs,
		"token_endpoint_auth_methods_supported":                    []any{"none", "client_secret_basic", "client_secret_post", "private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported":         algs,
		"grant_types_supported":                                    []any{"authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
		"authorization_grant_profiles_supported":                   []any{"urn:ietf:params:oauth:grant-profile:id-jag"},
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
