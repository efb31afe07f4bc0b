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
	"m365mcp/entra"
	"m365mcp/internal/private"
	"m365mcp/internal/seal"
	"m365mcp/rotation"
	"m365mcp/store/sqlite"
)

// CheckResult is one line of `m365-mcp check`.
type CheckResult struct {
	Name   string
	OK     bool
	Detail string
	Fix    string // of what failed; where OK, what may still be to do
}

const checkTimeout = 15 * time.Second

// Check looks at everything a server with this configuration needs, reports
// each thing and returns whether all is well. It changes nothing.
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
		{"tools", "choose from docs/tools.md: M365_MCP_TOOLS, M365_MCP_TOOLS_ALLOW, M365_MCP_TOOLS_DENY", checkTools},
		{"perimeter", "check the settings of perimeter in docs/configuration.md, and that this machine may reach the host of the keys", checkPerimeter},
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
			r.Detail, r.Fix = err.Error(), check.fix
			if open, ok := errors.AsType[*private.Error](err); ok {
				r.Detail, r.Fix = open.Problem(), open.Fix
			}
			if own, ok := errors.AsType[*fixable](err); ok {
				r.Fix = own.fix
			}
			if own, ok := errors.AsType[*notice](err); ok {
				r.OK, r.Detail, r.Fix = true, own.text, own.todo
			}
		}
		all = all && r.OK
		report(r)
	}
	return all
}

// fixable is an error that knows its own way out.
type fixable struct {
	error
	fix string
}

// checkKeys looks at the keys alone, and at the database where there is one.
func checkKeys(ctx context.Context, c config.Config) (string, error) {
	keys, err := seal.ParseKeyring(c.Keys.Encryption.Reveal())
	if err != nil {
		return "", err
	}
	db, err := openForReading(ctx, c.Database, glance)
	if err != nil { // a matter of the next check
		return keys.String(), nil //nolint:nilerr // as above
	}
	pending, err := db.Pending(ctx)
	if err != nil || pending > 0 { // as above
		return keys.String(), db.Close()
	}
	err = rotation.New(db.Rotation(), keys).Check(ctx)
	if own, ok := errors.AsType[mendable](err); ok {
		err = &fixable{err, own.Fix()}
	}
	return keys.String(), errors.Join(err, db.Close())
}

// checkDatabase says what the server would find and do; making it is the server's.
func checkDatabase(ctx context.Context, c config.Config) (string, error) {
	where := c.Database.String()
	path, file := c.Database.SQLitePath()
	if file {
		where = path
		if err := errors.Join(sqlite.Private(path), writable(filepath.Dir(path))); err != nil {
			return "", err
		}
	}
	db, err := openForReading(ctx, c.Database, glance)
	if errors.Is(err, fs.ErrNotExist) {
		return where + ", will be created when the server starts", nil
	}
	if err != nil {
		return "", err
	}
	pending, err := db.Pending(ctx)
	if err = errors.Join(err, db.Close()); err != nil {
		return "", err
	}
	if pending > 0 {
		return fmt.Sprintf("%s, %s will be applied when the server starts", where, Count(pending, "migration", "migrations")), nil
	}
	if file {
		f, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the operator names the path
		if err != nil {
			return "", err
		}
		if err := f.Close(); err != nil {
			return "", err
		}
	}
	return where + ", schema up to date", nil
}

// writable tries a folder, or where it is missing the one that it would be made in,
// with a file that is gone at once.
func writable(folder string) error {
	f, err := os.CreateTemp(folder, "m365-mcp-check-*")
	if parent := filepath.Dir(folder); errors.Is(err, fs.ErrNotExist) && parent != folder {
		return writable(parent)
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
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
			return noEntries + "; a signing key will be made beside the database", nil
		}
		with = " with the key beside the database"
	}
	r, err := verifyAudit(ctx, c.Database, key, nil, glance)
	if errors.Is(err, fs.ErrNotExist) {
		return noEntries, nil
	}
	if err != nil {
		return "", err
	}
	if r.Size == 0 && len(r.Problems) == 1 && r.Problems[0].What == audit.ProblemDatabase && r.Checkpoint == "" {
		return noEntries, nil
	}
	entries := Count(r.Entries, "entry", "entries")
	if !r.OK {
		return "", fmt.Errorf("%s in %s", Count(int64(len(r.Problems)+r.Omitted), "problem", "problems"), entries)
	}
	return entries + ", proven" + with, nil
}

const noEntries = "no entries yet"

// Count writes a number of things.
func Count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
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

func checkEntra(ctx context.Context, c config.Config) (detail string, err error) {
	if credential, err := newCredential(c.Microsoft); err != nil {
		return "", &fixable{err, howToProve}
	} else if credential != nil {
		if _, _, err := credential.Status(time.Now()); err != nil {
			return "", &fixable{err, howToProve}
		}
	}
	a := &App{log: slog.New(slog.DiscardHandler)}
	client, err := newEntra(a, c, time.Now)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, a.cleanups.run(ctx)) }()
	if err := client.Discover(ctx); err != nil {
		return "", err
	}
	detail = c.Microsoft.Authority + "/" + c.Microsoft.TenantID + ", discovery and issuer as expected; " + client.Credential()
	proven, err := client.Prove(ctx)
	switch {
	case err != nil && !entra.IsTransient(err):
		return "", &fixable{fmt.Errorf("%s: %w", client.Credential(), err), credentialFix(c.Microsoft)}
	case err != nil:
		return "", err
	case !proven:
		return detail + ", shown at the first sign-in (several tenants)", nil
	}
	return detail + ", accepted", nil
}

const howToProve = "docs/entra.md says how to make each kind of credential"

// credentialFix is the way out where Entra does not take the credential.
func credentialFix(m config.Microsoft) string {
	switch {
	case !m.ClientCertificate.IsZero():
		return "register this certificate in Entra, App registrations, Certificates & secrets, under this client ID and tenant"
	case m.FederatedTokenFile != "":
		return "compare issuer, subject and audience with those in Entra, App registrations, Certificates & secrets, Federated credentials"
	}
	return "make a new client secret in Entra, App registrations, Certificates & secrets, and take its Value, not its ID; MICROSOFT_CLIENT_ID and MICROSOFT_TENANT_ID must be of the same registration"
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
