package entra_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/entra"
	"m365mcp/internal/secret"
	"m365mcp/simulator/dataset"
	simulator "m365mcp/simulator/entra"
)

// simulated starts the simulator's identity platform, where everybody is Ana,
// and returns a client of it.
func simulated(t *testing.T, now func() time.Time, change ...func(*simulator.Options, *entra.Config)) (*simulator.Server, *httptest.Server, *entra.Client) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	options := simulator.Options{
		Tenant: &dataset.Tenant{ID: tenantID, Name: "Contoso", Domain: "contoso.example", People: []dataset.Person{{
			ID: objectID, UPN: "ana@contoso.example", Mail: "ana.sousa@contoso.example", DisplayName: "Ana Sousa",
		}}},
		BaseURL:  base,
		Clients:  []simulator.Client{{ID: clientID, Name: "m365-mcp", Secret: clientSecret, RedirectURIs: []string{redirectURI}}},
		SignInAs: "ana@contoso.example",
		Now:      now,
	}
	config := entra.Config{
		Authority: base, Tenants: entra.Tenants{Name: tenantID}, ClientID: clientID, Credential: entra.Secret(secret.New(clientSecret)),
		RedirectURI: redirectURI, GraphResource: "https://graph.microsoft.com",
	}
	for _, c := range change {
		c(&options, &config)
	}
	sim, err := simulator.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = sim
	server.Start()
	t.Cleanup(server.Close)
	c, err := entra.New(config, server.Client(), now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return sim, server, c
}

// throughSimulator signs in there, with a browser that stops at our redirect URI.
func throughSimulator(t *testing.T, server *httptest.Server, c *entra.Client) (entra.Account, entra.Tokens) {
	t.Helper()
	return throughSimulatorAs(t, server, c, newSignIn())
}

func throughSimulatorAs(t *testing.T, server *httptest.Server, c *entra.Client, in entra.SignIn) (entra.Account, entra.Tokens) {
	t.Helper()
	code := codeFor(t, server, c, in)
	account, tk, err := c.Exchange(t.Context(), code, in)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Exchange(t.Context(), code, in); !entra.IsSignInRequired(err) {
		t.Errorf("redeeming the code twice: %v", err)
	}
	return account, tk
}

// codeFor is the browser's part of a sign-in.
func codeFor(t *testing.T, server *httptest.Server, c *entra.Client, in entra.SignIn) string {
	t.Helper()
	to, err := c.AuthorizeURL(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || back.Query().Get("state") != in.State || back.Query().Get("code") == "" {
		t.Fatalf("status %d, sent back to %q, %v", resp.StatusCode, resp.Header.Get("Location"), err)
	}
	return back.Query().Get("code")
}

// TestIdentityOnly: a sign-in that wants no more than a name gets no more.
func TestIdentityOnly(t *testing.T) {
	t.Parallel()
	_, server, c := simulated(t, time.Now)
	in := newSignIn()
	in.Scopes, in.IdentityOnly = nil, true
	to, err := c.AuthorizeURL(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := url.Parse(to)
	if err != nil || asked.Query().Get("scope") != "openid profile" {
		t.Errorf("asked for %q, %v", asked.Query().Get("scope"), err)
	}
	account, tokens := throughSimulatorAs(t, server, c, in)
	if account.TenantID != tenantID || account.ObjectID != objectID || account.UPN != "ana@contoso.example" {
		t.Errorf("signed in as %+v", account)
	}
	if len(tokens.Scopes) > 0 || !tokens.Refresh.IsZero() {
		t.Errorf("got scopes %q, a refresh token: %v", tokens.Scopes, !tokens.Refresh.IsZero())
	}
}

func TestWithSimulator(t *testing.T) {
	t.Parallel()
	for _, tenants := range []entra.Tenants{{Name: tenantID}, {Name: "contoso.example"}, {Name: "organizations", Any: true}} {
		t.Run(tenants.Name, func(t *testing.T) {
			t.Parallel()
			var ahead atomic.Int64
			now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			sim, server, c := simulated(t, now, func(o *simulator.Options, config *entra.Config) {
				o.Clients[0].MultiTenant, config.Tenants = tenants.Any, tenants
			})
			if err := c.Discover(t.Context()); err != nil {
				t.Fatal(err)
			}
			account, tk := throughSimulator(t, server, c)
			if account.TenantID != tenantID || account.ObjectID != objectID || account.UPN != "ana@contoso.example" {
				t.Errorf("signed in as %+v", account)
			}
			if diff := cmp.Diff([]string{"Mail.Read", "User.Read"}, tk.Scopes); diff != "" {
				t.Errorf("scopes (-want +got):\n%s", diff)
			}

			db, _ := database(t)
			v := newVault(t, db.Vault(), c, now)
			put(t, v, tk)
			ahead.Add(int64(2 * time.Hour))
			if got := many(t, 50, v); len(got) != 1 || got[tk.Access.Reveal()] != 0 {
				t.Errorf("%d different tokens, %d times the old one", len(got), got[tk.Access.Reveal()])
			}
			if got := sim.Stats().Refreshes; got != 1 {
				t.Errorf("%d refreshes, want 1", got)
			}
			access, _, err := v.Token(t.Context(), grant)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := sim.VerifyAccessToken(access.Reveal()); err != nil {
				t.Errorf("the stored token is not good at Graph: %v", err)
			}

			if err := sim.RotateKey(); err != nil {
				t.Fatal(err)
			}
			throughSimulator(t, server, c) // its id_token needs the new key

			ahead.Add(int64(2 * time.Hour))
			sim.RevokeUser(objectID)
			for range 2 {
				_, _, err := v.Token(t.Context(), grant)
				if e, ok := errors.AsType[*entra.SignInError](err); !ok || e.Reason != "invalid_grant" {
					t.Errorf("Token of a revoked person: %v", err)
				}
			}
		})
	}
}

// People of a tenant that is not on the list are refused in words, whoever Entra lets in.
func TestListOfTenants(t *testing.T) {
	t.Parallel()
	const third = "88888888-31c4-4b19-9d55-0f6a2f1f7f10"
	for name, tc := range map[string]struct {
		upn     string
		allowed []string
		tid     string // empty: refused
	}{
		"first":   {"ana@contoso.example", []string{tenantID, otherTenant}, tenantID},
		"second":  {"bo@fabrikam.example", []string{tenantID, otherTenant}, otherTenant},
		"third":   {"cy@adatum.example", []string{tenantID, otherTenant}, ""},
		"shorter": {"ana@contoso.example", []string{otherTenant}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, server, c := simulated(t, time.Now, func(o *simulator.Options, config *entra.Config) {
				o.Others = []*dataset.Tenant{
					{ID: otherTenant, Name: "Fabrikam", Domain: "fabrikam.example", People: []dataset.Person{{ID: "b0", UPN: "bo@fabrikam.example"}}},
					{ID: third, Name: "Adatum", Domain: "adatum.example", People: []dataset.Person{{ID: "c0", UPN: "cy@adatum.example"}}},
				}
				o.Clients[0].MultiTenant, o.SignInAs = true, tc.upn
				config.Tenants = entra.Tenants{Name: entra.Organizations, Allowed: tc.allowed}
			})
			if tc.tid != "" {
				account, tk := throughSimulator(t, server, c)
				if account.TenantID != tc.tid || account.UPN != tc.upn {
					t.Errorf("signed in as %+v", account)
				}
				if _, err := c.Refresh(t.Context(), tk.Refresh, tk.Scopes); err != nil {
					t.Error(err)
				}
				return
			}
			in := newSignIn()
			account, tokens, err := c.Exchange(t.Context(), codeFor(t, server, c, in), in)
			wantRefused(t, account, tokens, err, "not among those that this server admits")
			if e, ok := errors.AsType[*entra.NotAdmittedError](err); !ok || e.Reason == "" {
				t.Errorf("not for the person to read: %T", err)
			}
		})
	}
}
