package authserver_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/authserver"
	"m365mcp/entra"
	"m365mcp/internal/secret"
	"m365mcp/internal/testenv"
)

const (
	providerIssuer = "https://idp.example"
	agent          = "agent" // may bring the provider's word
)

// provider is an identity provider whose word counts.
type provider struct {
	testenv.Signer
	option func(*authserver.Options)
}

func newProvider(t testing.TB) provider {
	t.Helper()
	s := testenv.NewSigner(t, "idp")
	keys := parseKeys(t, s)
	return provider{s, func(o *authserver.Options) {
		o.Clients = append(
			o.Clients,
			authserver.ConfiguredClient{ID: agent, Name: "Agent", Secret: secret.New(serviceSecret)},
			authserver.ConfiguredClient{ID: "other", Name: "Other", Secret: secret.New(serviceSecret)},
		)
		o.IdentityProviders = append(o.IdentityProviders, authserver.IdentityProvider{
			Issuer: providerIssuer, Keys: keys, Clients: []string{agent}, TenantClaim: "tid", UserClaim: "oid",
		})
	}}
}

// word is what the provider says of Ann, with these changes; nil takes a claim out.
func (h *harness) word(t testing.TB, p provider, changes map[string]any) url.Values {
	t.Helper()
	claims := h.claims("Ann's name there")
	maps.Copy(claims, map[string]any{
		"iss": providerIssuer, "client_id": agent, "resource": h.URL + "/mcp", "tid": "tenant", "oid": "ann",
	})
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {p.Sign(t, "oauth-id-jag+jwt", claims)}}
}

func (h *harness) asserted(t *testing.T, form url.Values) answer {
	t.Helper()
	return h.token(t, form, basic(agent, serviceSecret)...)
}

func TestIDJAG(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, p.option)
	early := h.asserted(t, h.word(t, p, nil))
	equal(t, "before any sign-in", early.text(t, "error"), "invalid_grant")
	if !strings.Contains(early.text(t, "error_description"), "signing in at Microsoft") {
		t.Errorf("says %s", early.body)
	}
	_, under, _ := h.connect(t)
	h.clock.advance(time.Minute)
	got := h.asserted(t, h.word(t, p, nil))
	want := map[string]any{
		"token_type": "Bearer", "expires_in": 3600., "scope": "Mail.Read Mail.Send User.Read", "access_token": got.text(t, "access_token"),
	}
	if diff := cmp.Diff(want, got.json(t)); diff != "" { // and no refresh token
		t.Error(diff)
	}
	who, of := h.verify(t, got.text(t, "access_token")), h.verify(t, under)
	if who.UserKey() != "tenant/ann" || who.ClientID != agent || who.GrantID == of.GrantID || who.SignIn() != of.GrantID || who.UPN != "ann@contoso.example" {
		t.Errorf("the principal is %+v", who)
	}
	event := h.audit.last(t, "oauth.person_asserted")
	equal(t, "audited issuer", event.Attributes["issuer"], providerIssuer)
	equal(t, "audited sign-in", event.Attributes["rests_on"], of.GrantID)
	equal(t, "audited person", event.Principal.UserKey(), "tenant/ann")

	// It cannot be made more than the sign-in it rests on.
	if _, _, err := h.auth.AccessLink(t.Context(), who, []string{"Chat.Read"}); err == nil {
		t.Error("a link for more")
	}
	if h.stepUp(who, "Chat.Read") != nil {
		t.Error("asked to step up")
	}
	h.clock.advance(time.Hour)
	equal(t, "after an hour", h.mcp(t, got.text(t, "access_token")), http.StatusUnauthorized)
}

func TestIDJAGRefusals(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	stranger := provider{Signer: testenv.NewSigner(t, "idp")}
	h := newHarness(t, p.option)
	h.connect(t)
	public := h.publicClient(t)
	used := h.word(t, p, nil)
	equal(t, "the first time", h.asserted(t, used).StatusCode, http.StatusOK)
	plain := h.word(t, p, nil)
	plain.Set("assertion", p.Sign(t, "JWT", map[string]any{"iss": providerIssuer, "sub": "a", "aud": h.URL}))
	for name, c := range map[string]struct {
		form url.Values
		code string
	}{
		"used before":               {used, "invalid_grant"},
		"nothing":                   {url.Values{"grant_type": used["grant_type"]}, "invalid_request"},
		"no JWT":                    {url.Values{"grant_type": used["grant_type"], "assertion": {"<b>"}}, "invalid_grant"},
		"another type":              {plain, "invalid_grant"},
		"another's key":             {h.word(t, stranger, nil), "invalid_grant"},
		"another issuer":            {h.word(t, p, map[string]any{"iss": "https://evil.example"}), "invalid_grant"},
		"the token endpoint as aud": {h.word(t, p, map[string]any{"aud": h.URL + "/token"}), "invalid_grant"},
		"two audiences":             {h.word(t, p, map[string]any{"aud": []string{h.URL, "https://other.example"}}), "invalid_grant"},
		"for another client":        {h.word(t, p, map[string]any{"client_id": "other"}), "invalid_grant"},
		"for any client":            {h.word(t, p, map[string]any{"client_id": nil}), "invalid_grant"},
		"for another resource":      {h.word(t, p, map[string]any{"resource": "https://other.example/mcp"}), "invalid_grant"},
		"for any resource":          {h.word(t, p, map[string]any{"resource": nil}), "invalid_grant"},
		"without a name":            {h.word(t, p, map[string]any{"jti": nil}), "invalid_grant"},
		"without a time":            {h.word(t, p, map[string]any{"iat": nil}), "invalid_grant"},
		"expired":                   {h.word(t, p, map[string]any{"exp": h.clock.now().Add(-time.Minute).Unix()}), "invalid_grant"},
		"of a day":                  {h.word(t, p, map[string]any{"exp": h.clock.now().Add(24 * time.Hour).Unix()}), "invalid_grant"},
		"of nobody":                 {h.word(t, p, map[string]any{"oid": nil}), "invalid_grant"},
		"of no tenant":              {h.word(t, p, map[string]any{"tid": nil}), "invalid_grant"},
		"of a list of people":       {h.word(t, p, map[string]any{"oid": []string{"ann"}}), "invalid_grant"},
		"of another person":         {h.word(t, p, map[string]any{"oid": "bob"}), "invalid_grant"},
		"of another tenant":         {h.word(t, p, map[string]any{"tid": "elsewhere"}), "invalid_grant"},
		"of an address":             {h.word(t, p, map[string]any{"oid": "ann@contoso.example"}), "invalid_grant"},
		"other scopes":              {h.word(t, p, map[string]any{"scope": "Chat.Read"}), "invalid_scope"},
	} {
		h.clock.advance(time.Second)
		got := h.asserted(t, c.form)
		equal(t, name, got.text(t, "error"), c.code)
		if strings.Contains(got.body, "evil") || strings.Contains(got.body, "bob") || strings.Contains(got.body, "<b>") {
			t.Errorf("%s: repeats what was sent: %s", name, got.body)
		}
	}
	equal(t, "a client it does not count with", h.token(t, h.word(t, p, map[string]any{"client_id": "other"}), basic("other", serviceSecret)...).text(t, "error"), "invalid_grant")
	equal(t, "a public client", h.token(t, withID(h.word(t, p, nil), public)).text(t, "error"), "unauthorized_client")
	equal(t, "where there is none", newHarness(t).token(t, h.word(t, p, nil)).text(t, "error"), "unsupported_grant_type")
}

// Never more than the person has agreed to, the provider says, or the client asks for.
func TestIDJAGScopes(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, p.option)
	client := h.publicClient(t)
	connect := func(scope string) {
		request := h.request(client)
		request.Set("scope", scope)
		h.token(t, codeForm(client, h.code(t, request)))
		h.clock.advance(time.Minute)
	}
	connect("Mail.Read Mail.Send")
	connect("User.Read") // the later one
	for _, c := range []struct{ said, asked, want string }{
		{"", "", "Mail.Read Mail.Send"},
		{"Mail.Read", "", "Mail.Read"},
		{"", "User.Read", "User.Read"},
		{"Mail.Read Mail.Send", "Mail.Send Chat.Read", "Mail.Send"},
		{"Mail.Read Chat.Read Mail.ReadWrite", "", "Mail.Read"},
	} {
		form := h.word(t, p, map[string]any{"scope": c.said})
		form.Set("scope", c.asked)
		equal(t, fmt.Sprintf("%+v", c), h.asserted(t, form).text(t, "scope"), c.want)
	}
	none := h.word(t, p, map[string]any{"scope": "Mail.Read"})
	none.Set("scope", "User.Read")
	equal(t, "what one of the two says no to", h.asserted(t, none).text(t, "error"), "invalid_scope")
}

// What rests on a sign-in ends with it, whoever ends it; so do both with the configuration.
func TestIDJAGRevocation(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, p.option)
	for name, end := range map[string]func(under, client string){
		"the grant": func(under, _ string) {
			revoke(t, h, authserver.Selector{GrantID: h.verify(t, under).GrantID})
		},
		"its client": func(_, client string) { revoke(t, h, authserver.Selector{ClientID: client}) },
		"the person": func(string, string) {
			revoke(t, h, authserver.Selector{User: authserver.UserRef{TenantID: "tenant", UserID: "ann"}})
		},
		"everything": func(string, string) { revoke(t, h, authserver.Selector{All: true}) },
		"the agent":  func(string, string) { revoke(t, h, authserver.Selector{ClientID: agent}) },
		"Microsoft":  func(under, _ string) { must(t, h.auth.SignInAgain(t.Context(), h.verify(t, under).GrantID, "")) },
		"the client": func(under, client string) {
			h.browser(t).post(t, h.URL+"/revoke", url.Values{"token": {under}, "client_id": {client}})
		},
		"configuration": func(string, string) { h.boot(t) },
	} {
		client, under, _ := h.connect(t)
		access := h.asserted(t, h.word(t, p, nil)).text(t, "access_token")
		who := h.verify(t, access)
		equal(t, name+": before", h.mcp(t, access), http.StatusOK)
		end(under, client)
		equal(t, name+": after", h.mcp(t, access), http.StatusUnauthorized)
		if err := h.auth.Recheck(t.Context(), who); err == nil {
			t.Errorf("%s: may go on", name)
		}
		revoke(t, h, authserver.Selector{All: true})
		h.boot(t, p.option)
	}
}

func revoke(t *testing.T, h *harness, s authserver.Selector) {
	t.Helper()
	must(t, h.auth.Revoke(t.Context(), s, "test"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Where Microsoft gave nothing to refresh with, nothing outlives its token.
func TestIDJAGEndsWithMicrosoft(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, p.option)
	h.microsoft.tokens = func(s entra.SignIn) entra.Tokens {
		return entra.Tokens{Access: secret.New("ms-access"), Expires: h.clock.now().Add(10 * time.Minute), Scopes: s.Scopes}
	}
	client := h.publicClient(t)
	h.token(t, codeForm(client, h.code(t, h.request(client))))
	h.clock.advance(4 * time.Minute)
	equal(t, "lives as long", h.asserted(t, h.word(t, p, nil)).json(t)["expires_in"], any(360.))
	h.clock.advance(6 * time.Minute)
	equal(t, "and no longer", h.asserted(t, h.word(t, p, nil)).text(t, "error"), "invalid_grant")
}

// A provider of one tenant names no tenant, and cannot name another.
func TestIDJAGOfOneTenant(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, p.option, func(o *authserver.Options) { o.IdentityProviders[0].TenantID = "tenant" })
	h.connect(t)
	for _, tenant := range []any{nil, "tenant", "elsewhere"} {
		got := h.asserted(t, h.word(t, p, map[string]any{"tid": tenant, "oid": "ANN"}))
		equal(t, fmt.Sprint("tid ", tenant), h.verify(t, got.text(t, "access_token")).UserKey(), "tenant/ann")
	}
}

func TestIdentityProviderMistakes(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for name, change := range map[string]func(*authserver.IdentityProvider){
		"no URL":     func(i *authserver.IdentityProvider) { i.Issuer = "idp" },
		"no keys":    func(i *authserver.IdentityProvider) { i.Keys = nil },
		"no clients": func(i *authserver.IdentityProvider) { i.Clients = nil },
		"no tenant":  func(i *authserver.IdentityProvider) { i.TenantClaim = "" },
		"no user":    func(i *authserver.IdentityProvider) { i.UserClaim = "" },
	} {
		var o authserver.Options
		newHarness(t, p.option, func(good *authserver.Options) { o = *good })
		change(&o.IdentityProviders[0])
		if _, err := authserver.New(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
