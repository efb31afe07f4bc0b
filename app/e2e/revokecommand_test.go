package e2e_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"m365mcp/app"
	"m365mcp/audit"
	"m365mcp/authserver"
	"m365mcp/config"
	"m365mcp/internal/secret"
	"m365mcp/internal/testenv"
	"m365mcp/store/sqlite"
)

// administered is a demo that an administrator's command works beside.
type administered struct {
	*demo
	flags, environ []string // that name its database and the audit's key
}

// administer starts a demo on a database of either engine.
func administer(t *testing.T, engine string) administered {
	t.Helper()
	if engine == "sqlite" {
		d := startDemo(t, app.DemoOptions{})
		return administered{d, []string{"--data", d.DataDir}, nil}
	}
	address := testenv.PostgresSchema(t)
	signer, _, err := audit.GenerateKey("administered")
	if err != nil {
		t.Fatal(err)
	}
	d := startDemo(t, app.DemoOptions{Configure: func(c *config.Config) {
		c.Database.URL, c.Keys.AuditSigning = address, secret.New(signer)
	}})
	return administered{d, nil, []string{"M365_MCP_DATABASE=" + address, "M365_MCP_AUDIT_SIGNING_KEY=" + signer, "TMPDIR=" + t.TempDir()}}
}

// revoke runs the real command and returns its exit code and what it says.
func (a administered) revoke(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(build(t), append(append([]string{"revoke"}, a.flags...), args...)...)
	cmd.Env = append(os.Environ(), a.environ...)
	cmd.Dir = t.TempDir()
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), out.String(), complaints.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, out.String(), complaints.String()
}

func (a administered) expectRevoked(t *testing.T, says string, args ...string) {
	t.Helper()
	if code, stdout, stderr := a.revoke(t, args...); code != 0 || stdout != says || stderr != "" {
		t.Errorf("revoke %v: %d, %q, %q; want %q", args, code, stdout, stderr, says)
	}
}

// lastRevocation is the audit's last entry of one, which is there when the command has ended.
func (a administered) lastRevocation(t *testing.T) audit.Line {
	t.Helper()
	var last audit.Line
	for _, l := range a.audit(t) {
		if l.Type == "oauth.revoked" {
			last = l
		}
	}
	return last
}

// granted is the audit's entry of the assistant's grant.
func (a administered) granted(t *testing.T, of assistant) audit.Line {
	t.Helper()
	for _, l := range a.audit(t) {
		if l.Type == "oauth.grant_created" && l.ClientID == of.id {
			return l
		}
	}
	t.Fatal("it has no grant in the audit")
	return audit.Line{}
}

// After the command's revocation of a person, nothing new of that person's reaches
// Graph later than a second, while many calls are under way; other people's goes on.
func TestRevokeCommandIsQuick(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			d := administer(t, engine)
			hers, his := d.assistant(t, "Hers", "ada"), d.assistant(t, "His", "bruno")
			var refused, answered atomic.Int64
			stop := make(chan struct{})
			var wg sync.WaitGroup
			loop := func(token string, count *atomic.Int64, status int) {
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						const call = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"getEmails","arguments":{"count":1}}}`
						if a := d.post(t, token, call); a.status == status {
							count.Add(1)
						}
					}
				})
			}
			for range 4 {
				loop(hers.tokens.Access, &refused, http.StatusUnauthorized)
			}
			ada := d.granted(t, hers).UserID
			ofHers := func(since time.Time) (last time.Duration, n int) {
				for _, r := range d.asked(since) {
					if r.UserID == ada {
						last, n = max(last, r.Start.Sub(since)), n+1
					}
				}
				return last, n
			}
			begun := time.Now()
			wait(t, func() bool { _, n := ofHers(begun); return n > 20 })
			loop(his.tokens.Access, &answered, http.StatusOK)
			d.expectRevoked(t, "Revoked: 1 connection.\n", "--user", strings.ToUpper(d.upn(t, "ada")))
			ended := time.Now()
			entry := d.lastRevocation(t)
			revoked, err := time.Parse(time.RFC3339Nano, entry.Time)
			if err != nil || revoked.Before(begun.Truncate(time.Millisecond)) || entry.Attributes["scope"] != "user" || entry.Attributes["grants"] != "1" || entry.UserID != ada {
				t.Fatalf("the audit has %+v, %v", entry, err)
			}
			before := answered.Load()
			wait(t, func() bool {
				return refused.Load() > 20 && answered.Load() > before+5 && time.Since(ended) > 1500*time.Millisecond
			})
			close(stop)
			wg.Wait()
			last, n := ofHers(revoked)
			t.Logf("the command took %v; %d requests reached Graph after the revocation, the last %v after it", ended.Sub(revoked), n, last)
			if last > time.Second {
				t.Errorf("a request of the revoked person's reached Graph %v after the revocation", last)
			}
			d.expectLife(t, "hers", hers, false)
			d.expectLife(t, "his", his, true)
			report, err := app.AuditVerify(t.Context(), d.Database, d.AuditKey, nil)
			if err != nil || !report.OK {
				t.Errorf("verify: %+v, %v", report, err)
			}
		})
	}
}

// Each way of naming ends what it names, says how much that was, and leaves the rest;
// what is not there is an error.
func TestRevokeCommand(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			d := administer(t, engine)
			one, two, his := d.assistant(t, "One", "ada"), d.assistant(t, "Two", "ada"), d.assistant(t, "His", "bruno")
			granted := d.granted(t, one)
			grant, tenant, person := granted.GrantID, granted.TenantID, granted.TenantID+"/"+granted.UserID
			for _, args := range [][]string{
				{"--user", "nobody@tideline.example"},
				{"--user", tenant + "/00000000-0000-4000-8000-0000000000ff"},
				{"--client", "nobody"},
				{"--grant", "none"},
			} {
				if code, stdout, stderr := d.revoke(t, args...); code == 0 || stdout != "" || !strings.Contains(stderr, "nothing was revoked") {
					t.Errorf("revoke %v: %d, %q, %q", args, code, stdout, stderr)
				}
			}
			if n := len(d.revocations(t)); n != 0 {
				t.Errorf("%d revocations in the audit for nothing", n)
			}
			d.expectRevoked(t, "Revoked: 1 connection.\n", "--grant", grant)
			if l := d.lastRevocation(t); l.GrantID != grant || l.ClientID != one.id || l.TenantID+"/"+l.UserID != person || l.Attributes["scope"] != "grant" {
				t.Errorf("the audit has %+v", l)
			}
			d.expectLife(t, "by grant", one, false)
			d.expectLife(t, "another of the person", two, true)
			if code, _, stderr := d.revoke(t, "--grant", grant); code != 1 || !strings.Contains(stderr, "has ended before") {
				t.Errorf("a second time: %d, %s", code, stderr)
			}
			d.expectRevoked(t, "Revoked: 1 connection.\n", "--client", two.id)
			d.expectLife(t, "by client", two, false)
			d.expectLife(t, "another client's", his, true)
			three := d.assistant(t, "Three", "ada")
			d.expectRevoked(t, "Revoked: 1 connection.\n", "--user", strings.ToUpper(person))
			d.expectLife(t, "by person", three, false)
			d.expectLife(t, "another person's", his, true)
			four := d.assistant(t, "Four", "ada")
			d.expectRevoked(t, "Revoked: 2 connections.\n", "--all", "--yes")
			d.expectLife(t, "all", his, false)
			d.expectLife(t, "all", four, false)
			d.expectLife(t, "after all", d.assistant(t, "Five", "ada"), true)
			if n := len(d.revocations(t)); n != 4 {
				t.Errorf("%d revocations in the audit, want 4", n)
			}
		})
	}
}

// Where no server runs, the command ends connections all the same and records them; the
// next server knows them no more. An order that a killed command left is recorded at
// the next start.
func TestRevokeCommandWithoutServer(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	first := startDemo(t, app.DemoOptions{DataDir: folder})
	id := first.assistant(t, "Hers", "ada").id
	first.stop()
	a := administered{first, []string{"--data", folder}, nil}
	a.expectRevoked(t, "Revoked: 1 connection.\n", "--client", id)
	if l := a.lastRevocation(t); l.ClientID != id || l.Attributes["grants"] != "1" {
		t.Errorf("the audit has %+v", l)
	}
	if code, _, stderr := a.revoke(t, "--user", a.upn(t, "ada")); code != 1 || !strings.Contains(stderr, "nothing was revoked") {
		t.Errorf("a second time: %d, %s", code, stderr)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(folder, config.DatabaseFile))
	if err != nil {
		t.Fatal(err)
	}
	order := authserver.Order{ID: "left", Selector: authserver.Selector{All: true}, At: time.Now()}
	_, err = db.Orders().Execute(t.Context(), order, "", time.Time{})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	second := startDemo(t, app.DemoOptions{DataDir: folder})
	if l := (administered{second, nil, nil}).lastRevocation(t); l.Attributes["order"] != "left" || l.Attributes["scope"] != "all" {
		t.Errorf("the audit has %+v", l)
	}
	if n := len(second.revocations(t)); n != 2 {
		t.Errorf("%d revocations in the audit, want 2", n)
	}
}
