package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/app"
	"m365mcp/config"
)

// outliving is a real client of one person's; a call says who the server takes it for.
type outliving struct {
	name  string
	pace  time.Duration // between its calls
	start func(t *testing.T, d *demo, upn string) (call func() (string, error))
}

// Each real client signs in, goes on for a minute with access tokens of five seconds and
// nobody at the browser, and comes back by itself after a revocation, with a new sign-in.
//
// The clients are other programs, so the clocks are the real ones: calls are paced by a
// ticker, and nothing is said of how fast they are.
func TestClientsOutliveTheirTokens(t *testing.T) {
	t.Parallel()
	clients := []outliving{
		{"sdk 1.32", time.Second, startSDK("sdk1.mjs", "")},
		{"client 2.4 auto", time.Second, startSDK("client2.mjs", "auto")},
		{"client 2.4 legacy", time.Second, startSDK("client2.mjs", "legacy")},
		{"Inspector legacy", time.Second, startInspector("legacy")},
		{"Inspector auto", time.Second, startInspector("auto")},
		{"mcp-remote legacy", proxyPace, startProxy("legacy")},
		{"mcp-remote auto", proxyPace, startProxy("auto")},
	}
	// The race detector watches our code, which a second minute does not take elsewhere.
	period, refreshes := time.Minute, 9
	if raceDetector {
		period, refreshes = 12*time.Second, 2
	}
	// All of them wait most of the time, so they share the place of one parallel test.
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() {
			t.Run(c.name, func(t *testing.T) { outlive(t, c, period, refreshes) })
		})
	}
	all.Wait()
}

func outlive(t *testing.T, c outliving, period time.Duration, refreshes int) {
	d := startDemo(t, app.DemoOptions{Configure: func(c *config.Config) { c.OAuth.AccessLifetime = 5 * time.Second }})
	ada := d.upn(t, "ada")
	call := c.start(t, d, ada)
	calls := 0
	use := func() {
		t.Helper()
		calls++
		if upn, err := call(); err != nil || upn != ada {
			t.Fatalf("call %d, %s: signed in as %q, %v", calls, d.history(t), upn, err)
		}
	}
	use()
	pace := time.NewTicker(c.pace)
	defer pace.Stop()
	for began := time.Now(); time.Since(began) < period || d.history(t).refreshes < refreshes; <-pace.C {
		if use(); time.Since(began) > 5*period {
			t.Fatalf("after %d calls only %s", calls, d.history(t))
		}
	}
	before := d.history(t)
	if before.signIns != 1 || before.grants != 1 || before.refused != 0 {
		t.Errorf("after %d calls: %s", calls, before)
	}
	administrator := administered{d, []string{"--data", d.DataDir}, nil}
	administrator.expectRevoked(t, "Revoked: 1 connection.\n", "--user", ada)
	use()
	after := d.history(t)
	if after.signIns != 2 || after.grants != 2 {
		t.Errorf("after the revocation: %s", after)
	}
	use()
	t.Logf("%d calls; %s, then %s", calls, before, after)
}

// history is what server and tenant have counted.
type history struct{ signIns, grants, refreshes, refused int }

func (h history) String() string {
	return fmt.Sprintf("%d sign-ins, %d grants, %d refreshes, %d refused", h.signIns, h.grants, h.refreshes, h.refused)
}

func (d *demo) history(t *testing.T) history {
	t.Helper()
	h := history{signIns: d.Simulator.Entra.Stats().Authorizations}
	for _, l := range d.audit(t) {
		switch l.Type {
		case "oauth.grant_created":
			h.grants++
		case "oauth.token_refreshed":
			h.refreshes++
		case "oauth.code_reuse", "oauth.code_foreign_client", "oauth.refresh_reuse", "oauth.revoked", "oauth.signin_failed":
			h.refused++
		}
	}
	return h
}

// startSDK runs a script that calls when it is told to.
func startSDK(script, mode string) func(*testing.T, *demo, string) func() (string, error) {
	return func(t *testing.T, d *demo, upn string) func() (string, error) {
		t.Helper()
		w := newWorkshop(t)
		task, err := json.Marshal(map[string]any{"url": d.MCPURL, "upn": upn, "mode": mode, "onRequest": true})
		if err != nil {
			t.Fatal(err)
		}
		log := &syncBuffer{}
		cmd := w.command(context.WithoutCancel(t.Context()), script, string(task))
		cmd.Stderr = log
		requests, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		answers, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(answers)
		t.Cleanup(func() { // the end of its input ends it
			if err := errors.Join(requests.Close(), cmd.Wait()); err != nil && !t.Failed() {
				t.Errorf("%v\n%s", err, log)
			}
		})
		return func() (string, error) {
			if _, err := io.WriteString(requests, "call\n"); err != nil {
				return "", fmt.Errorf("%w\n%s", err, log)
			}
			if !lines.Scan() {
				return "", fmt.Errorf("it has ended: %w\n%s", errors.Join(lines.Err(), io.EOF), log)
			}
			var answer struct{ UPN string }
			if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
				return "", fmt.Errorf("%w in %s", err, lines.Bytes())
			}
			return answer.UPN, nil
		}
	}
}

// startInspector runs the program anew for each call; what it keeps is in its home.
func startInspector(era string) func(*testing.T, *demo, string) func() (string, error) {
	return func(t *testing.T, d *demo, upn string) func() (string, error) {
		t.Helper()
		run := inspector(t, d, upn, era)
		return func() (string, error) {
			out := run("--method", "tools/call", "--tool-name", "whoAmI")
			if out.err != nil || !strings.Contains(out.stdout, upn) {
				return "", fmt.Errorf("%w\n%s\n%s", out.err, out.stdout, out.stderr)
			}
			return upn, nil
		}
	}
}

// proxyPace keeps mcp-remote below a limit of its own. It refreshes for each request when
// the token ends within a minute (TOKEN_EXPIRY_MARGIN_MS), and for 20 tokens within 30 s it
// takes the server for one that refuses them all (TOKEN_STORM_LIMIT), and stops.
const proxyPace = 2500 * time.Millisecond

// startProxy calls through one mcp-remote.
func startProxy(protocol string) func(*testing.T, *demo, string) func() (string, error) {
	return func(t *testing.T, d *demo, upn string) func() (string, error) {
		t.Helper()
		proxy, ctx := startRemoteProxy(t, d, upn, protocol, 5*time.Minute)
		return func() (string, error) {
			who, err := proxy.whoAmI(ctx)
			if err != nil {
				return "", fmt.Errorf("%w\n%s", err, proxy.log)
			}
			return who, nil
		}
	}
}
