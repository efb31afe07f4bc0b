package entra_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/entra"
	"m365mcp/internal/secret"
	simulator "m365mcp/simulator/entra"
)

func TestAuthorizeURL(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	in := newSignIn()
	in.LoginHint, in.DomainHint, in.Prompt = "ana@contoso.example", "contoso.example", "select_account"
	in.Claims = `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`
	to, err := s.client(t).AuthorizeURL(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	q, err := s.visit(to)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name := range q {
		got[name] = q.Get(name)
	}
	want := map[string]string{
		"client_id": clientID, "redirect_uri": redirectURI, "response_type": "code", "response_mode": "query",
		"state": in.State, "nonce": in.Nonce, "scope": "openid profile email offline_access Mail.Read User.Read",
		"code_challenge": q.Get("code_challenge"), "code_challenge_method": "S256",
		"login_hint": "ana@contoso.example", "domain_hint": "contoso.example", "prompt": "select_account",
		"claims": `{"access_token":{"nbf":{"essential":true,"value":"1700000000"},"xms_cc":{"values":["cp1"]}}}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("authorization request (-want +got):\n%s", diff)
	}
	if strings.Contains(to, in.Verifier) || strings.Contains(to, clientSecret) {
		t.Errorf("the browser is shown a secret: %s", to)
	}
}

func TestSignInNeedsItsValues(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	c := s.client(t)
	for name, change := range map[string]func(*entra.SignIn){
		"state":    func(in *entra.SignIn) { in.State = "" },
		"nonce":    func(in *entra.SignIn) { in.Nonce = "" },
		"verifier": func(in *entra.SignIn) { in.Verifier = "short" },
		"claims":   func(in *entra.SignIn) { in.Claims = "[1]" },
	} {
		in := newSignIn()
		change(&in)
		if to, err := c.AuthorizeURL(t.Context(), in); err == nil {
			t.Errorf("without %s: %s", name, to)
		}
		if _, _, err := c.Exchange(t.Context(), goodCode, in); err == nil {
			t.Errorf("without %s: exchanged", name)
		}
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	now := time.Now().Truncate(time.Second)
	s.now = func() time.Time { return now }
	account, tokens, err := s.signIn(t, s.client(t))
	if err != nil {
		t.Fatal(err)
	}
	want := entra.Account{
		TenantID: tenantID, ObjectID: objectID, UPN: "ana@contoso.example",
		Mail: "ana.sousa@contoso.example", Name: "Ana Sousa",
	}
	if diff := cmp.Diff(want, account); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(tokens.Access.Reveal(), "access-canary") || !strings.HasPrefix(tokens.Refresh.Reveal(), "refresh-canary") {
		t.Error("tokens are not those of the answer")
	}
	if !tokens.Expires.Equal(now.Add(time.Hour)) {
		t.Errorf("expires %s, want an hour after %s", tokens.Expires, now)
	}
	if diff := cmp.Diff([]string{"Mail.Read", "User.Read"}, tokens.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
}

// Every condition of OpenID Connect Core, section 3.1.3.7, broken one at a time.
func TestExchangeRefusesIDTokens(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claims map[string]any
		want   string
	}{
		"nonce":           {map[string]any{"nonce": "of another sign-in"}, "nonce"},
		"no nonce":        {map[string]any{"nonce": nil}, "nonce"},
		"issuer":          {map[string]any{"iss": "https://login.example.com/" + tenantID + "/v2.0"}, "issuer"},
		"audience":        {map[string]any{"aud": "another app"}, "audience"},
		"two audiences":   {map[string]any{"aud": []string{clientID, "another app"}}, "audience"},
		"expired":         {map[string]any{"exp": time.Now().Add(-time.Second).Unix()}, "expired"},
		"no expiry":       {map[string]any{"exp": nil}, "expired"},
		"not yet":         {map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}, "nbf"},
		"tenant":          {map[string]any{"tid": otherTenant}, "tenant"},
		"no tenant":       {map[string]any{"tid": nil}, "tid"},
		"no object id":    {map[string]any{"oid": nil}, "oid"},
		"object id empty": {map[string]any{"oid": ""}, "oid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t)
			s.claims = c.claims
			account, tokens, err := s.signIn(t, s.client(t))
			wantRefused(t, account, tokens, err, c.want)
		})
	}
	t.Run("signature", func(t *testing.T) {
		t.Parallel()
		s := newStandIn(t)
		var err error
		if s.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
		account, tokens, err := s.signIn(t, s.client(t))
		wantRefused(t, account, tokens, err, "signature")
	})
}

func wantRefused(t *testing.T, account entra.Account, tokens entra.Tokens, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want it to say %q", err, want)
	}
	if (account != entra.Account{}) || !tokens.Access.IsZero() || !tokens.Refresh.IsZero() {
		t.Error("an account or tokens beside the error")
	}
	if err != nil && (strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "eyJ")) {
		t.Errorf("the error shows a token: %v", err)
	}
}

func TestTenants(t *testing.T) {
	t.Parallel()
	const personal = "9188040d-6c67-4c5b-b112-36a304b66dad"
	for name, c := range map[string]struct {
		tenant, issuer string // below the authority; issuer is discovery's
		tid            string // of the id_token, and in its issuer
		discover, sign string // what the error says; empty: accepted
	}{
		"id":                     {tenantID, tenantID, tenantID, "", ""},
		"id in capitals":         {strings.ToUpper(tenantID), tenantID, tenantID, "", ""},
		"id of another":          {tenantID, otherTenant, otherTenant, "issuer", ""},
		"id, another person":     {tenantID, tenantID, otherTenant, "", "another organization"},
		"id, personal":           {tenantID, tenantID, personal, "", "personal"},
		"domain":                 {"contoso.example", tenantID, tenantID, "", ""},
		"domain, another person": {"contoso.example", tenantID, otherTenant, "", "another organization"},
		"domain, no id":          {"contoso.example", "{tenantid}", tenantID, "issuer", ""},
		"organizations":          {"organizations", "{tenantid}", otherTenant, "", ""},
		"organizations, one":     {"organizations", tenantID, tenantID, "issuer", ""},
		"organizations, personal": {
			"organizations", "{tenantid}", personal, "", "personal",
		},
		"list":            {"list", "{tenantid}", tenantID, "", ""},
		"list, another":   {"list", "{tenantid}", "88888888-31c4-4b19-9d55-0f6a2f1f7f10", "", "not among those"},
		"list, personal":  {"list", "{tenantid}", personal, "", "personal"},
		"list, authority": {"list", tenantID, tenantID, "issuer", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t)
			s.issuer = s.URL + "/" + c.issuer + "/v2.0"
			s.claims = map[string]any{"tid": c.tid, "iss": s.URL + "/" + c.tid + "/v2.0"}
			client := s.client(t, func(config *entra.Config) {
				switch c.tenant {
				case "organizations":
					config.Tenants = entra.Tenants{Name: c.tenant, Any: true}
				case "list":
					config.Tenants = entra.Tenants{Name: "organizations", Allowed: []string{otherTenant, strings.ToUpper(tenantID)}}
				default:
					config.Tenants = entra.Tenants{Name: c.tenant}
				}
			})
			err := client.Discover(t.Context())
			if c.discover != "" {
				if err == nil || !strings.Contains(err.Error(), c.discover) {
					t.Errorf("Discover: %v, want it to say %q", err, c.discover)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			account, tokens, err := s.signIn(t, client)
			if c.sign != "" {
				wantRefused(t, account, tokens, err, c.sign)
				return
			}
			if err != nil || account.TenantID != c.tid {
				t.Errorf("signed in as %+v, %v; want tenant %s", account, err, c.tid)
			}
		})
	}
	// The issuer of one tenant around the person of another must not pass for organizations.
	s := newStandIn(t)
	s.issuer = s.URL + "/{tenantid}/v2.0"
	s.claims = map[string]any{"tid": otherTenant, "iss": s.URL + "/" + tenantID + "/v2.0"}
	account, tokens, err := s.signIn(t, s.client(t, func(config *entra.Config) { config.Tenants = entra.Tenants{Name: "organizations", Any: true} }))
	wantRefused(t, account, tokens, err, "issuer")
}

// In every cloud scopes are of its own Graph, and come back in their short form.
func TestClouds(t *testing.T) {
	t.Parallel()
	for graph, prefix := range map[string]string{
		"https://graph.microsoft.com":             "",
		"https://graph.microsoft.us":              "https://graph.microsoft.us/",
		"https://dod-graph.microsoft.us":          "https://dod-graph.microsoft.us/",
		"https://microsoftgraph.chinacloudapi.cn": "https://microsoftgraph.chinacloudapi.cn/",
	} {
		t.Run(graph, func(t *testing.T) {
			t.Parallel()
			_, server, c := simulated(t, time.Now, func(o *simulator.Options, config *entra.Config) {
				o.Graph, config.GraphResource = graph, graph
			})
			to, err := c.AuthorizeURL(t.Context(), newSignIn())
			if err != nil {
				t.Fatal(err)
			}
			asked, err := url.Parse(to)
			if want := "openid profile email offline_access " + prefix + "Mail.Read " + prefix + "User.Read"; err != nil || asked.Query().Get("scope") != want {
				t.Errorf("asked for %q, want %q", asked.Query().Get("scope"), want)
			}
			_, tk := throughSimulator(t, server, c)
			if tk, err = c.Refresh(t.Context(), tk.Refresh, tk.Scopes); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"Mail.Read", "User.Read"}, tk.Scopes); diff != "" {
				t.Errorf("granted scopes (-want +got):\n%s", diff)
			}
			if proven, err := c.Prove(t.Context()); !proven || err != nil {
				t.Errorf("Prove = %v, %v", proven, err)
			}
		})
	}
}

// The old name of China's authority issues tokens under the new one.
func TestIssuerOfChina(t *testing.T) {
	t.Parallel()
	const authority, issuer = "https://login.chinacloudapi.cn", "https://login.partner.microsoftonline.cn/" + tenantID + "/v2.0"
	for _, names := range []string{issuer, authority + "/" + tenantID + "/v2.0"} {
		answer := roundTrip(func(r *http.Request) (*http.Response, error) {
			base := authority + "/" + tenantID
			doc, err := json.Marshal(map[string]string{
				"issuer": names, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token", "jwks_uri": base + "/keys",
			})
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(doc)), Request: r}, err
		})
		c, err := entra.New(entra.Config{
			Authority: authority, Tenants: entra.Tenants{Name: tenantID}, ClientID: clientID, Credential: entra.Secret(secret.New("s")),
			RedirectURI: redirectURI, GraphResource: "https://microsoftgraph.chinacloudapi.cn",
		}, &http.Client{Transport: answer}, time.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Discover(t.Context()); (err == nil) != (names == issuer) {
			t.Errorf("issuer %s: %v", names, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
