package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/config"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
)

// healthy is a configuration with which everything is well.
func healthy(t *testing.T) config.Config {
	t.Helper()
	sim, err := StartSimulator(t.Context(), SimulatorOptions{
		EntraListen: "127.0.0.1:0", GraphListen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	c := config.Default()
	c.Server.PublicURL, c.Database.URL = "http://localhost:8365", config.SQLiteURL(ownFolder(t))
	c.Keys.Encryption = secret.New(seal.GenerateKey())
	c.Microsoft.TenantID, c.Microsoft.ClientID, c.Microsoft.ClientSecret = sim.TenantID, sim.ClientID, secret.New(sim.ClientSecret)
	c.Microsoft.Authority, c.Microsoft.GraphURL = sim.EntraURL, sim.GraphURL
	return c
}

func TestCheck(t *testing.T) {
	t.Parallel()
	good := healthy(t)
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	t.Cleanup(stranger.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		spoil func(*config.Config)
		fails map[string]string // check: what its line says
	}{
		"all is well":        {func(*config.Config) {}, map[string]string{}},
		"weak key":           {func(c *config.Config) { c.Keys.Encryption = secret.New(strings.Repeat("0", 64)) }, map[string]string{"keys": "weak"}},
		"no key":             {func(c *config.Config) { c.Keys.Encryption = secret.String{} }, map[string]string{"keys": ""}},
		"database elsewhere": {func(c *config.Config) { c.Database.URL = "mysql:x" }, map[string]string{"database": "mysql:x"}},
		"folder is a file":   {func(c *config.Config) { c.Database.URL = config.SQLiteURL(file) }, map[string]string{"database": "", "audit": ""}},
		"signing key":        {func(c *config.Config) { c.Keys.AuditSigning = secret.New("hunter2") }, map[string]string{"audit": ""}},
		"no public URL":      {func(c *config.Config) { c.Server.PublicURL = "" }, map[string]string{"redirect URI": "not set", "Entra": "redirect URI"}},
		"Entra is gone":      {func(c *config.Config) { c.Microsoft.Authority = gone.URL }, map[string]string{"Entra": "refused"}},
		"not Entra":          {func(c *config.Config) { c.Microsoft.Authority = stranger.URL }, map[string]string{"Entra": "discovery"}},
		"plain http":         {func(c *config.Config) { c.Microsoft.Authority = "http://login.example.com" }, map[string]string{"Entra": "neither https nor http on loopback"}},
		"Graph is gone":      {func(c *config.Config) { c.Microsoft.GraphURL = gone.URL }, map[string]string{"Graph": "refused"}},
		"not Graph":          {func(c *config.Config) { c.Microsoft.GraphURL = stranger.URL }, map[string]string{"Graph": "answered 200"}},
		"both": {
			func(c *config.Config) { c.Microsoft.GraphURL, c.Microsoft.Authority = gone.URL, gone.URL },
			map[string]string{"Entra": "", "Graph": ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			c.Database.URL = config.SQLiteURL(ownFolder(t))
			tc.spoil(&c)
			var names []string
			failed := map[string]string{}
			ok := Check(t.Context(), c, func(r CheckResult) {
				names = append(names, r.Name)
				if r.OK != (r.Fix == "") || r.Detail == "" {
					t.Errorf("incomplete: %+v", r)
				}
				if strings.Contains(r.Detail+r.Fix, "hunter2") {
					t.Errorf("%s says a key", r.Name)
				}
				if !r.OK {
					failed[r.Name] = r.Detail
				}
			})
			if diff := cmp.Diff([]string{"keys", "database", "audit", "redirect URI", "Entra", "Graph"}, names); diff != "" {
				t.Error(diff) // one failure hides no other
			}
			if ok != (len(tc.fails) == 0) {
				t.Errorf("Check = %v, failed: %v", ok, failed)
			}
			for check, says := range tc.fails {
				if detail, found := failed[check]; !found || !strings.Contains(detail, says) {
					t.Errorf("%s: %q, want a failure that says %q", check, detail, says)
				}
				delete(failed, check)
			}
			if len(failed) > 0 {
				t.Errorf("failed too: %v", failed)
			}
		})
	}
}

// Where no key is configured the one beside the database counts; any other proves nothing.
func TestCheckProvesTheAudit(t *testing.T) {
	t.Parallel()
	d, err := StartDemo(t.Context(), DemoOptions{Listen: "127.0.0.1:0", DataDir: ownFolder(t), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Database.URL = d.Database
	if detail, err := checkAudit(t.Context(), c); err != nil || detail != "1 entries, proven with the key beside the database" {
		t.Errorf("%q, %v", detail, err)
	}
	if err := os.WriteFile(filepath.Join(d.DataDir, auditVerifierFile), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if detail, err := checkAudit(t.Context(), c); err == nil {
		t.Errorf("proven with a foreign key: %q", detail)
	}
}
