package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"m365mcp/app"
	"m365mcp/audit"
	"m365mcp/config"
	"m365mcp/internal/headless"
	"m365mcp/internal/secret"
)

// Clients that the administrator wrote down, through mcp-remote, as people of the
// system before this one know it; nothing can register.
func TestStaticClientOfRemoteProxy(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]config.OAuthClient{
		"public": {ID: "mcp-remote"},
		"secret": {ID: "mcp-remote", Secret: secret.New("a secret of mcp-remote")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			client.Name = "mcp-remote of the company"
			client.RedirectURIs = []string{"http://localhost/oauth/callback", "http://127.0.0.1/oauth/callback"}
			d := startDemo(t, app.DemoOptions{Configure: func(c *config.Config) {
				c.OAuth.Registration, c.OAuth.Clients = false, []config.OAuthClient{client}
			}})
			w.withBrowser(t, d.upn(t, "ada"))
			given := map[string]string{"client_id": client.ID}
			if !client.Secret.IsZero() {
				given["client_secret"] = client.Secret.Reveal()
			}
			info, err := json.Marshal(given)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
			defer cancel()
			log := &syncBuffer{}
			cmd := w.command(ctx, "node_modules/mcp-remote/dist/proxy.js", d.MCPURL, freePort(t), "--allow-http", "--static-oauth-client-info", string(info))
			cmd.Stderr = log
			session, err := mcp.NewClient(&mcp.Implementation{Name: "stdio client", Version: "1.0.0"}, nil).
				Connect(ctx, &mcp.CommandTransport{Command: cmd, TerminateDuration: 5 * time.Second}, nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			defer func() {
				if err := session.Close(); err != nil {
					t.Errorf("%v\n%s", err, log)
				}
			}()
			got, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "whoAmI", Arguments: map[string]any{}})
			if err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			structured, err := json.Marshal(got.StructuredContent)
			if err != nil || !strings.Contains(string(structured), d.upn(t, "ada")) {
				t.Errorf("whoAmI: %s, %v", structured, err)
			}
		})
	}
}

// Clients that a document on the web describes; nothing can register.
func TestClientMetadataDocument(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the certificate of a test server is known through SSL_CERT_FILE, which Go reads on Linux")
	}
	var document string
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/client.json" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(document))
	}))
	t.Cleanup(web.Close)
	id := web.URL + "/client.json"
	text, err := json.Marshal(map[string]any{
		"client_id": id, "client_name": "Described client", "redirect_uris": []string{"http://127.0.0.1:4711/callback", headless.RedirectURI},
		"token_endpoint_auth_method": "none",
	})
	if err != nil {
		t.Fatal(err)
	}
	document = string(text)
	on := app.DemoOptions{Configure: func(c *config.Config) {
		c.OAuth.Registration = false
		c.OAuth.ClientMetadataHosts = []string{strings.TrimPrefix(web.URL, "https://")}
	}}
	for _, script := range []string{"sdk1.mjs", "client2.mjs"} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			d := startDemo(t, on)
			task, err := json.Marshal(map[string]string{
				"url": d.MCPURL, "upn": d.upn(t, "ada"), "to": d.upn(t, "bruno"), "subject": "From " + script, "mode": "auto", "document": id,
			})
			if err != nil {
				t.Fatal(err)
			}
			out := w.run(t, script, string(task))
			if out.err != nil {
				t.Fatalf("%v\n%s\n%s", out.err, out.stdout, out.stderr)
			}
			var got clientReport
			if err := json.Unmarshal([]byte(out.stdout), &got); err != nil {
				t.Fatalf("%v in %s", err, out.stdout)
			}
			if got.UPN != d.upn(t, "ada") || got.SignIns != 1 || got.Refreshes != 1 || got.UPNAfterRefresh != got.UPN {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Run("guarded", func(t *testing.T) {
		t.Parallel()
		d := startDemo(t, app.DemoOptions{}) // nothing on this machine is listed
		for _, id := range []string{id, "https://localhost/client.json", "https://LOCALHOST/client.json", "https://169.254.169.254/client.json"} {
			page, err := d.browser.Fetch(t.Context(), http.MethodGet, headless.NewAuthorization(d.server(), id).URL(), "")
			if err != nil {
				t.Fatal(err)
			}
			if page.Status != http.StatusBadRequest && page.Status != http.StatusServiceUnavailable || page.Header.Get("Location") != "" {
				t.Errorf("%s: %d", id, page.Status)
			}
		}
		metadata, err := d.browser.Fetch(t.Context(), http.MethodGet, d.server()+"/.well-known/oauth-authorization-server", "")
		if err != nil || !strings.Contains(metadata.Body, `"client_id_metadata_document_supported":true`) {
			t.Errorf("%v, %s", err, metadata.Body)
		}
	})
}

// Taking a client out of the configuration ends what it has, over a restart.
func TestClientTakenOut(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	with := func(clients ...config.OAuthClient) app.DemoOptions {
		return app.DemoOptions{DataDir: folder, Configure: func(c *config.Config) { c.OAuth.Clients = clients }}
	}
	d := startDemo(t, with(config.OAuthClient{ID: "desktop", Name: "Desktop", RedirectURIs: []string{headless.RedirectURI}}))
	tokens, err := d.browser.SignInTo(t.Context(), d.server(), "desktop", d.upn(t, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	d.stop()
	d = startDemo(t, with())
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"desktop"}, "refresh_token": {tokens.Refresh}}
	refreshed, err := d.browser.PostForm(t.Context(), d.server()+"/token", form)
	if err != nil || refreshed.Status != http.StatusUnauthorized || !strings.Contains(refreshed.Body, "invalid_client") {
		t.Errorf("%+v, %v", refreshed, err)
	}
	if !slices.ContainsFunc(d.audit(t), func(l audit.Line) bool { return l.Type == "oauth.revoked" && l.ClientID == "desktop" }) {
		t.Error("the audit has no revocation")
	}
}
