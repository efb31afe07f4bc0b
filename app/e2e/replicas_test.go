package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"m365mcp/app"
	"m365mcp/audit"
	"m365mcp/config"
	"m365mcp/internal/headless"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
	"m365mcp/internal/testenv"
)

// replicas are two processes on one PostgreSQL: a in the test's own, b the real
// command. Clients know them under one public URL; which one they meet is decided
// where their connection is made, as a load balancer does.
func replicas(t *testing.T, o app.DemoOptions) (a, b *demo) {
	t.Helper()
	address, key := testenv.PostgresSchema(t), seal.GenerateKey()
	signer, _, err := audit.GenerateKey("replicas")
	if err != nil {
		t.Fatal(err)
	}
	o.Configure = func(c *config.Config) {
		c.Database.URL = address
		c.Keys.Encryption, c.Keys.AuditSigning = secret.New(key), secret.New(signer)
	}
	a = startDemo(t, o)
	cmd := exec.Command(build(t), "serve")
	cmd.Dir = t.TempDir()
	cmd.Env = []string{
		"M365_MCP_DATABASE=" + address, "ENCRYPTION_KEY=" + key, "M365_MCP_AUDIT_SIGNING_KEY=" + signer,
		"M365_MCP_PUBLIC_URL=" + a.server(), "M365_MCP_LISTEN=127.0.0.1:0", "M365_MCP_LOG_FORMAT=json", "TMPDIR=" + t.TempDir(),
		"MICROSOFT_AUTHORITY=" + a.EntraURL, "MICROSOFT_GRAPH_URL=" + a.GraphURL, "MICROSOFT_TENANT_ID=" + a.Simulator.TenantID,
		"MICROSOFT_CLIENT_ID=" + a.Simulator.ClientID, "MICROSOFT_CLIENT_SECRET=" + a.Simulator.ClientSecret,
		"M365_MCP_MICROSOFT_STORAGE_HOSTS=" + strings.TrimPrefix(a.Simulator.StorageURL, "http://"),
	}
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log, ready, done := &syncBuffer{}, make(chan string, 1), make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(pipe); lines.Scan(); {
			_, _ = log.Write(append(lines.Bytes(), '\n'))
			var line struct{ Msg, Listen string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
				ready <- line.Listen
			}
		}
	}()
	var listen string
	select {
	case listen = <-ready:
	case <-done:
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
		if to == strings.TrimPrefix(a.server(), "http://") {
			to = listen
		}
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}}
	b = &demo{Demo: a.Demo, log: log, transport: transport, browser: headless.New(transport)}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-done
		if err := cmd.Wait(); err != nil {
			t.Errorf("the second replica ended with %v", err)
		}
		if t.Failed() {
			t.Logf("log of the second replica:\n%s", tail(log.String(), 6000))
		}
	})
	if listen == "" {
		t.Fatal("the second replica did not start")
	}
	return a, b
}

// What one replica gave out holds on the other: tokens, refresh, short ids, uploads.
func TestReplicas(t *testing.T) {
	t.Parallel()
	a, b := replicas(t, app.DemoOptions{})
	id, err := a.browser.Register(t.Context(), a.server(), "Two replicas")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := a.browser.SignInTo(t.Context(), a.server(), id, a.upn(t, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Emails []struct{ ID, Subject string }
	}
	one := a.call(t, tokens.Access, "getEmails", `{"count":3}`)
	if err := json.Unmarshal(one.Structured, &list); err != nil || len(list.Emails) != 3 {
		t.Fatalf("%s, %v", one.Structured, err)
	}
	other := b.call(t, tokens.Access, "getEmail", `{"id":"`+list.Emails[0].ID+`"}`)
	if other.IsError || !strings.Contains(other.text(), list.Emails[0].Subject) {
		t.Errorf("a short id of the other replica: %s", other.text())
	}
	if again := b.call(t, tokens.Access, "getEmails", `{"count":3}`); !strings.Contains(string(again.Structured), list.Emails[2].ID) {
		t.Errorf("the same mail has another short id: %s", again.Structured)
	}
	next, err := b.browser.Token(t.Context(), b.server(), url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}, "client_id": {id}, "resource": {b.MCPURL},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := a.call(t, next.Access, "whoAmI", `{}`); r.IsError {
		t.Errorf("a token of the other replica: %s", r.text())
	}
	file := a.sessionOf(next.Access).upload(t, "?name=notes.txt", strings.Repeat("from one to the other ", 10_000), "Content-Type", "text/plain")
	saved := b.call(t, next.Access, "sendEmail", `{"to":"bruno@tideline.example","subject":"s","body":"b","attachments":"`+file.ID+`"}`)
	if saved.IsError || !strings.Contains(saved.text(), "ent to bruno@") {
		t.Errorf("an upload of the other replica: %s", saved.text())
	}
	report, err := app.AuditVerify(t.Context(), a.Database, a.AuditKey, nil)
	if err != nil || !report.OK {
		t.Errorf("verify: %+v, %v", report, err)
	}
}

// Near the end of Microsoft's token it is refreshed once, on whichever replica calls wait.
func TestReplicasRefreshOnce(t *testing.T) {
	t.Parallel()
	a, b := replicas(t, app.DemoOptions{AccessTokenLifetime: 12 * time.Second})
	token := a.signIn(t, "ada").Access
	call := func(d *demo) {
		if r := d.call(t, token, "getEmails", `{"count":1}`); r.IsError {
			t.Errorf("call failed: %s", r.text())
		}
	}
	refreshes := func() int { return a.Simulator.Entra.Stats().Refreshes }
	call(a) // the token is so short that the first call renews it, and half of its life is spare
	before := refreshes()
	// The second process has a clock of its own, so the time has to pass.
	end := time.NewTimer(6500 * time.Millisecond)
	select {
	case <-end.C:
	case <-t.Context().Done():
		t.Fatal("no time")
	}
	var wg sync.WaitGroup
	for range 25 {
		wg.Go(func() { call(a) })
		wg.Go(func() { call(b) })
	}
	wg.Wait()
	if n := refreshes() - before; n != 1 {
		t.Errorf("%d refreshes at Entra for 50 calls on two replicas, want 1", n)
	}
}

// After a revocation on one replica, nothing new of the grant reaches Graph from the
// other one later than a second.
func TestRevocationReachesReplicas(t *testing.T) {
	t.Parallel()
	a, b := replicas(t, app.DemoOptions{})
	id, err := a.browser.Register(t.Context(), a.server(), "To be revoked")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := a.browser.SignInTo(t.Context(), a.server(), id, a.upn(t, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	var refused atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if a := b.post(t, tokens.Access, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"getEmails","arguments":{"count":1}}}`); a.status == http.StatusUnauthorized {
					refused.Add(1)
				}
			}
		})
	}
	begun := time.Now()
	wait(t, func() bool { return len(a.asked(begun)) > 20 })
	answer := a.send(t, a.server()+"/revoke", strings.NewReader(url.Values{"token": {tokens.Refresh}, "client_id": {id}}.Encode()),
		"Content-Type", "application/x-www-form-urlencoded")
	revoked := time.Now()
	if answer.status != http.StatusOK {
		t.Fatalf("revoke: %d %s", answer.status, answer.body)
	}
	wait(t, func() bool { return refused.Load() > 50 && time.Since(revoked) > 1500*time.Millisecond })
	close(stop)
	wg.Wait()
	var last time.Duration
	for _, r := range a.asked(revoked) {
		last = max(last, r.Start.Sub(revoked))
	}
	t.Logf("the last request reached Graph %v after the revocation", last)
	if last > time.Second {
		t.Errorf("a request of the revoked grant reached Graph %v after the revocation", last)
	}
}

// wait gives other processes their turns.
func wait(t *testing.T, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal("it did not happen")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
