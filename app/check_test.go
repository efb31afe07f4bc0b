package app

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/config"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
	"m365mcp/simulator/entra"
	"m365mcp/store/sqlite"
)

// healthy is a configuration with which everything is well.
func healthy(t *testing.T, registration ...func(*entra.Options)) config.Config {
	t.Helper()
	sim, err := StartSimulator(t.Context(), SimulatorOptions{
		EntraListen: "127.0.0.1:0", GraphListen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		Configure: func(o *entra.Options) {
			for _, change := range registration {
				change(o)
			}
		},
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

// otherKey has a server use the database with a key that is not configured.
func otherKey(t *testing.T, c *config.Config) {
	t.Helper()
	db, _ := c.Database.SQLitePath()
	d, err := StartDemo(t.Context(), DemoOptions{Listen: "127.0.0.1:0", DataDir: filepath.Dir(db), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// behind declares Cloudflare Access of this team to be in front.
func behind(c *config.Config, team string) {
	c.Perimeter.Modes, c.Perimeter.AccessTeam, c.Perimeter.AccessAudiences = []string{config.CloudflareAccess}, team, []string{"aud"}
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
		"key of another":     {func(c *config.Config) { otherKey(t, c) }, map[string]string{"keys": "which seals 1 secret; configured: "}},
		"signing key":        {func(c *config.Config) { c.Keys.AuditSigning = secret.New("hunter2") }, map[string]string{"audit": ""}},
		"no public URL":      {func(c *config.Config) { c.Server.PublicURL = "" }, map[string]string{"redirect URI": "not set", "Entra": "redirect URI"}},
		"Entra is gone":      {func(c *config.Config) { c.Microsoft.Authority = gone.URL }, map[string]string{"Entra": "refused"}},
		"not Entra":          {func(c *config.Config) { c.Microsoft.Authority = stranger.URL }, map[string]string{"Entra": "discovery"}},
		"plain http":         {func(c *config.Config) { c.Microsoft.Authority = "http://login.example.com" }, map[string]string{"Entra": "neither https nor http on loopback"}},
		"Graph is gone":      {func(c *config.Config) { c.Microsoft.GraphURL = gone.URL }, map[string]string{"Graph": "refused"}},
		"wrong secret":       {func(c *config.Config) { c.Microsoft.ClientSecret = secret.New("hunter2") }, map[string]string{"Entra": "AADSTS7000215"}},
		"unknown client":     {func(c *config.Config) { c.Microsoft.ClientID = "someone" }, map[string]string{"Entra": "AADSTS700016"}},
		"unknown tenant":     {func(c *config.Config) { c.Microsoft.TenantID = "nowhere.example" }, map[string]string{"Entra": "AADSTS90002"}},
		"no credential":      {func(c *config.Config) { c.Microsoft.ClientSecret = secret.String{} }, map[string]string{"Entra": "credential"}},
		"not Graph":          {func(c *config.Config) { c.Microsoft.GraphURL = stranger.URL }, map[string]string{"Graph": "answered 200"}},
		"no such tool":       {func(c *config.Config) { c.Tools.Preset = "core,getMails" }, map[string]string{"tools": "getMails"}},
		"keys of Access":     {func(c *config.Config) { behind(c, gone.URL) }, map[string]string{"perimeter": "Cloudflare Access: the signing keys cannot be fetched"}},
		"not Access":         {func(c *config.Config) { behind(c, stranger.URL) }, map[string]string{"perimeter": "names no public key"}},
		"no such team":       {func(c *config.Config) { behind(c, "a team/x://") }, map[string]string{"perimeter": "neither a team's name"}},
		"no client CA":       {func(c *config.Config) { c.Perimeter.Modes, c.Perimeter.ClientCA = []string{config.MTLS}, file }, map[string]string{"perimeter": "no certificate"}},
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
				if noted := r.Name == "tools" && r.OK; r.OK && !noted != (r.Fix == "") || r.Detail == "" {
					t.Errorf("incomplete: %+v", r)
				}
				if strings.Contains(r.Detail+r.Fix, "hunter2") {
					t.Errorf("%s says a key", r.Name)
				}
				if !r.OK {
					failed[r.Name] = r.Detail
				}
			})
			if diff := cmp.Diff([]string{"keys", "database", "audit", "tools", "perimeter", "redirect URI", "Entra", "Graph"}, names); diff != "" {
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

// Looking makes nothing: what is there belongs to the user that the server runs as.
func TestCheckChangesNothing(t *testing.T) {
	t.Parallel()
	c := config.Default()
	folder := ownFolder(t)
	look := func(database, want string) {
		t.Helper()
		c.Database.URL = config.SQLiteURL(database)
		before := names(t, folder)
		detail, err := checkDatabase(t.Context(), c)
		if err != nil || !strings.HasSuffix(detail, want) {
			t.Errorf("%q, %v; want %q", detail, err, want)
		}
		if _, err := checkAudit(t.Context(), c); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(before, names(t, folder)); diff != "" {
			t.Errorf("the folder is not as it was: %s", diff)
		}
	}
	look(folder, "will be created when the server starts")
	look(filepath.Join(folder, "not", "yet"), "will be created when the server starts")
	db, err := sqlite.Open(t.Context(), filepath.Join(folder, "m365-mcp.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	look(folder, "schema up to date")
	old, err := sql.Open("sqlite", filepath.Join(folder, "m365-mcp.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.ExecContext(t.Context(), "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)"); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	look(folder, ", 1 migration will be applied when the server starts")
}

// names of the files in a folder.
func names(t *testing.T, folder string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// What only an administrator can consent to is said before a sign-in fails on it.
func TestCheckTools(t *testing.T) {
	t.Parallel()
	const teams, both = "ChannelMessage.Read.All", "ChannelMessage.Read.All, OnlineMeetingTranscript.Read.All"
	for name, c := range map[string]struct {
		tools     config.Tools
		text, fix []string // nothing to do: no fix
	}{
		"off": {
			config.Tools{Preset: "full"},
			[]string{"getChannelMessages, getMeetingTranscript: refused to everybody", both, "tools.admin_consent is off"},
			[]string{"Grant admin consent", "M365_MCP_TOOLS_ADMIN_CONSENT=true", "M365_MCP_TOOLS_DENY=getChannelMessages,getMeetingTranscript"},
		},
		"off, reached unlisted": {config.Tools{Preset: "core"}, []string{both, "tools.admin_consent is off"}, []string{"M365_MCP_TOOLS_DENY="}},
		"on":                    {config.Tools{Preset: "full", AdminConsent: true}, []string{"every sign-in asks for " + both, "AADSTS90094"}, []string{"Grant admin consent", "M365_MCP_TOOLS_ADMIN_CONSENT=false"}},
		"on, one tool":          {config.Tools{Preset: "getChannelMessages", AdminConsent: true}, []string{"asks for " + teams + ";"}, []string{"Grant admin consent"}},
		"on, unlisted":          {config.Tools{Preset: "core", AdminConsent: true}, []string{"refused to everybody", "of listed tools only"}, []string{"M365_MCP_TOOLS=core,getChannelMessages,getMeetingTranscript"}},
		"taken away":            {config.Tools{Preset: "full", Deny: []string{"getChannelMessages", "getMeetingTranscript"}, AdminConsent: true}, []string{"none needs an administrator's consent"}, nil},
		"mail alone":            {config.Tools{Preset: "mail"}, []string{"none needs an administrator's consent"}, nil},
	} {
		text, err := checkTools(t.Context(), config.Config{Tools: c.tools})
		todo := ""
		if n, ok := errors.AsType[*notice](err); ok {
			text, todo = n.text, n.todo
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, part := range c.text {
			if !strings.Contains(text, part) {
				t.Errorf("%s: no %q in %q", name, part, text)
			}
		}
		for _, part := range c.fix {
			if !strings.Contains(todo, part) {
				t.Errorf("%s: no %q in %q", name, part, todo)
			}
		}
		if (todo == "") != (c.fix == nil) {
			t.Errorf("%s: to do is %q", name, todo)
		}
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
	c.Database = d.Database
	if detail, err := checkAudit(t.Context(), c); err != nil || detail != "1 entry, proven with the key beside the database" {
		t.Errorf("%q, %v", detail, err)
	}
	if err := os.WriteFile(filepath.Join(d.DataDir, auditVerifierFile), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if detail, err := checkAudit(t.Context(), c); err == nil {
		t.Errorf("proven with a foreign key: %q", detail)
	}
}

// checkedEntra runs the one check with a credential and returns its line.
func checkedEntra(t *testing.T, c config.Config, credential func(*config.Microsoft)) CheckResult {
	t.Helper()
	c.Microsoft.ClientSecret = secret.String{}
	credential(&c.Microsoft)
	c.Database.URL = config.SQLiteURL(ownFolder(t))
	var line CheckResult
	Check(t.Context(), c, func(r CheckResult) {
		if r.Name == "Entra" {
			line = r
		}
	})
	return line
}

func certificate(t *testing.T, ends time.Time) (text string, parsed *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "m365-mcp"}, NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if parsed, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	text = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return text + string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})), parsed
}

// The proof at Entra is one of what is configured, whatever kind it is.
func TestCheckProvesTheCredential(t *testing.T) {
	t.Parallel()
	good, known := certificate(t, time.Now().AddDate(0, 6, 0))
	soon, alsoKnown := certificate(t, time.Now().AddDate(0, 0, 7))
	foreign, _ := certificate(t, time.Now().AddDate(0, 6, 0))
	expired, _ := certificate(t, time.Now().AddDate(0, 0, -1))
	c := healthy(t, func(o *entra.Options) {
		o.Clients[0].Secret, o.Clients[0].Certificates, o.Clients[0].MultiTenant = "", []*x509.Certificate{known, alsoKnown}, true
	})
	gone := filepath.Join(t.TempDir(), "token")
	for name, tc := range map[string]struct {
		credential func(*config.Microsoft)
		detail     []string
		fix        string // empty: all is well
	}{
		"certificate":           {func(m *config.Microsoft) { m.ClientCertificate = secret.New(good) }, []string{`certificate "CN=m365-mcp", valid until`, ", accepted"}, ""},
		"certificate that ends": {func(m *config.Microsoft) { m.ClientCertificate = secret.New(soon) }, []string{"expires on", ", accepted"}, ""},
		"several tenants": {func(m *config.Microsoft) {
			m.ClientCertificate, m.TenantID, m.AllowedTenants = secret.New(good), config.SeveralTenants, []string{c.Microsoft.TenantID}
		}, []string{"organizations", "first sign-in"}, ""},
		"any tenant": {func(m *config.Microsoft) {
			m.ClientCertificate, m.TenantID, m.AllowedTenants = secret.New(good), config.SeveralTenants, []string{config.AnyTenant}
		}, []string{"organizations", "first sign-in"}, ""},
		"foreign certificate": {func(m *config.Microsoft) { m.ClientCertificate = secret.New(foreign) }, []string{"AADSTS700027"}, "register this certificate"},
		"expired certificate": {func(m *config.Microsoft) { m.ClientCertificate = secret.New(expired) }, []string{"expired on"}, "docs/entra.md"},
		"not PEM":             {func(m *config.Microsoft) { m.ClientCertificate = secret.New("hunter2") }, []string{"is not PEM"}, "docs/entra.md"},
		"no token file":       {func(m *config.Microsoft) { m.FederatedTokenFile = gone }, []string{gone}, "docs/entra.md"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := checkedEntra(t, c, tc.credential)
			if got.OK != (tc.fix == "") || !strings.Contains(got.Fix, tc.fix) || strings.Contains(got.Detail+got.Fix, "hunter2") {
				t.Errorf("%+v, want the fix %q", got, tc.fix)
			}
			for _, want := range tc.detail {
				if !strings.Contains(got.Detail, want) {
					t.Errorf("detail %q, want %q in it", got.Detail, want)
				}
			}
		})
	}
}
