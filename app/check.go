package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"m365mcp/audit"
	"m365mcp/config"
	"m365mcp/dial"
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
		}
		report(r)
	}
	return all
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
	key := ""
	if !c.Keys.AuditSigning.IsZero() {
		k, err := audit.VerifierKey(c.Keys.AuditSigning.Reveal())
		if err != nil {
			return "", err
		}
		key = k
	} else if _, err := os.Stat(filepath.Join(filepath.Dir(path), auditVerifierFile)); errors.Is(err, fs.ErrNotExist) {
		return "no entries yet; a signing key will be made beside the database", nil
	}
	r, err := AuditVerify(ctx, c.Database.URL, key, nil)
	if err != nil {
		return "", err
	}
	if !r.OK {
		return "", fmt.Errorf("%d problems in %d entries", len(r.Problems)+r.Omitted, r.Entries)
	}
	return fmt.Sprintf("%d entries, proven", r.Entries), nil
}

func checkRedirect(_ context.Context, c config.Config) (string, error) {
	if c.Server.PublicURL == "" {
		return "", errors.New("the public URL is not set")
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
