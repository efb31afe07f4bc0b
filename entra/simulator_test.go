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
func simulated(t *testing.T, tenant string, now func() time.Time) (*simulator.Server, *httptest.Server, *entra.Client) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	sim, err := simulator.New(simulator.Options{
		Tenant: &dataset.Tenant{ID: tenantID, Name: "Contoso", Domain: "contoso.example", People: []dataset.Person{{
			ID: objectID, UPN: "ana@contoso.example", Mail: "ana.sousa@contoso.example", DisplayName: "Ana Sousa",
		}}},
		BaseURL:  base,
		Clients:  []simulator.Client{{ID: clientID, Name: "m365-mcp", Secret: clientSecret, RedirectURIs: []string{redirectURI}}},
		SignInAs: "ana@contoso.example",
		Now:      now,
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = sim
	server.Start()
	t.Cleanup(server.Close)
	c, err := entra.New(entra.Config{
		Authority: base, Tenant: tenant, ClientID: clientID, ClientSecret: secret.New(clientSecret),
		RedirectURI: redirectURI, GraphURL: base,
	}, server.Client(), now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return sim, server, c
}

// throughSimulator signs in there, with a browser that stops at our redirect URI.
func throughSimulator(t *testing.T, server *httptest.Server, c *entra.Client) (entra.Account, entra.Tokens) {
	t.Helper()
	in := newSignIn()
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
	account, tk, err := c.Exchange(t.Context(), back.Query().Get("code"), in)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Exchange(t.Context(), back.Query().Get("code"), in); !entra.IsSignInRequired(err) {
		t.Errorf("redeeming the code twice: %v", err)
	}
	return account, tk
}

func TestWithSimulator(t *testing.T) {
	t.Parallel()
	for _, tenant := range []string{tenantID, "contoso.example", "organizations"} {
		t.Run(tenant, func(t *testing.T) {
			t.Parallel()
			var ahead atomic.Int64
			now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			sim, server, c := simulated(t, tenant, now)
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
