package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"m365mcp/audit"
	"m365mcp/config"
	"m365mcp/dial"
	"m365mcp/internal/private"
	"m365mcp/internal/seal"
	"m365mcp/store/sqlite"
)

// CheckResult is one line of `m365-mcp check`.
type CheckResult struct {
	Name   string
	OK     bool
	Detail string
	Fix    string
}

const checkTimeout = 15 * time.Second

// Check looks at everything a server with this configuration needs, reports
// each thing and returns whether all is well.
func Check(ctx context.Context, c config.Config, report func(CheckResult)) bool {
	all := true
	for _, check := range []struct {
		name string
		fix  string
		run  func(context.Context, config.Config) (string, error)
	}{
		{"keys", "make new ones with: m365-mcp keys generate", checkKeys},
		{"database", "choose a path whose folder can be written: M365_MCP_DATABASE=sqlite:PATH", checkDatabase},
		{"audit", "look at it with: m365-mcp audit verify; keep the database as it is until you know why", checkAudit},
		{"redirect URI", "register exactly this URI in Entra, App registrations, Authentication, platform Web", checkRedirect},
		{"Entra", "check MICROSOFT_TENANT_ID and MICROSOFT_AUTHORITY, and that this machine may reach that host", checkEntra},
		{"Graph", "check MICROSOFT_GRAPH_URL, and that this machine may reach that host", checkGraph},
	} {
		detail, err := func() (string, error) {
			ctx, cancel := context.WithTimeout(ctx, checkTimeout)
			defer cancel()
			return check.run(ctx, c)
		}()
		r := CheckResult{Name: check.name, OK: err == nil, Detail: detail}
		if err != nil {
			r.Detail, r.Fix, all = err.Error(), check.fix, false
			if open, ok := errors.AsType[*private.Error](err); ok {
				r.Detail, r.Fix = open.Problem(), open.Fix
			}
			if own, ok := errors.AsType[*fixable](err); ok {
				r.Fix = own.fix
			}
		}
		report(r)
	}
	return all
}

// fixable is an error that knows its own way out.
type fixable struct {
	error
	fix string
}

func checkKeys(_ context.Context, c config.Config) (string, error) {
	keys, err := seal.ParseKeyring(c.Keys.Encryption.Reveal())
	if err != nil {
		return "", err
	}
	return keys.String(), nil
}

// checkDatabase opens it as the server would, migrations included.
func checkDatabase(ctx context.Context, c config.Config) (string, error) {
	path, ok := c.Database.SQLitePath()
	if !ok {
		return "", fmt.Errorf("%q is not sqlite:PATH", c.Database.URL)
	}
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return "", err
	}
	return path + ", schema up to date", db.Close()
}

func checkAudit(ctx context.Context, c config.Config) (string, error) {
	path, _ := c.Database.SQLitePath()
	folder, key, with := filepath.Dir(path), "", ""
	if !c.Keys.AuditSigning.IsZero() {
		k, err := audit.VerifierKey(c.Keys.AuditSigning.Reveal())
		if err != nil {
			return "", err
		}
		key = k
	} else {
		if err := private.Secret(filepath.Join(folder, auditKeyFile)); err != nil {
			return "", err
		}
		if _, err := os.Stat(filepath.Join(folder, auditVerifierFile)); errors.Is(err, fs.ErrNotExist) {
			return "no entries yet; a signing key will be made beside the database", nil
		}
		with = " with the key beside the database"
	}
	r, err := AuditVerify(ctx, c.Database.URL, key, nil)
	if err != nil {
		return "", err
	}
	if r.Size == 0 && len(r.Problems) == 1 && r.Problems[0].What == audit.ProblemDatabase && r.Checkpoint == "" {
		return "no entries yet", nil
	}
	if !r.OK {
		return "", fmt.Errorf("%d problems in %d entries", len(r.Problems)+r.Omitted, r.Entries)
	}
	return fmt.Sprintf("%d entries, proven%s", r.Entries, with), nil
}

func checkRedirect(_ context.Context, c config.Config) (string, error) {
	public, err := url.Parse(c.Server.PublicURL)
	if err != nil || c.Server.PublicURL == "" {
		return "", errors.New("the public URL is not set: M365_MCP_PUBLIC_URL")
	}
	if dial.Loopback(public.Hostname()) {
		// Nothing stands in front of a loopback address: it has to be the one we listen on.
		if _, port, err := net.SplitHostPort(c.Server.Listen); err == nil && port != "0" && port != public.Port() {
			return "", &fixable{
				fmt.Errorf("the public URL %s and the listen address %s have different ports", c.Server.PublicURL, c.Server.Listen),
				"set M365_MCP_LISTEN or M365_MCP_PUBLIC_URL, so that browsers come back to this server",
			}
		}
		if public.Hostname() != "localhost" && strings.HasPrefix(c.Microsoft.Authority, "https://login.") {
			return "", &fixable{
				fmt.Errorf("%s: Microsoft takes plain http for localhost only", c.Server.PublicURL),
				"set M365_MCP_PUBLIC_URL=http://localhost:" + public.Port(),
			}
		}
	}
	return c.Server.PublicURL + "/callback (whether Entra knows it shows at the first sign-in)", nil
}

func checkEntra(ctx context.Context, c config.Config) (string, error) {
	a := &App{log: slog.New(slog.DiscardHandler)}
	client, err := newEntra(a, c, time.Now)
	if err != nil {
		return "", err
	}
	err = client.Discover(ctx)
	return c.Microsoft.Authority + "/" + c.Microsoft.TenantID + ", discovery and issuer as expected", errors.Join(err, a.cleanups.run(ctx))
}

// checkGraph expects Graph's 401 to a request without a token.
func checkGraph(ctx context.Context, c config.Config) (detail string, err error) {
	client, err := dial.Client("graph", c.Microsoft.GraphURL)
	if err != nil {
		return "", err
	}
	defer client.CloseIdleConnections()
	url := c.Microsoft.GraphURL + "/" + c.Microsoft.GraphAPIVersion + "/me"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Request-Id") == "" {
		return "", fmt.Errorf("%s answered %d without being asked as anybody; Graph answers 401", url, resp.StatusCode)
	}
	return url + ", reachable", nil
}
