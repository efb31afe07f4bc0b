package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"m365mcp/app"
	"m365mcp/config"
)

// A client that nobody watches calls about once a second for a minute, with access
// tokens of five seconds.
const (
	outlived      = time.Minute
	shortLife     = 5 * time.Second
	leastRefresh  = 6 // on a machine so busy that few calls are made, each finds its token ended
	outliveBudget = 3 * time.Minute
)

// Real clients outlive their access tokens with no person involved, and a revocation
// with one new sign-in. All of them at once: they only wait.
func TestClientsOutliveTheirTokens(t *testing.T) {
	t.Parallel()
	type job struct {
		name string
		d    *demo
		w    *workshop
		run  func(context.Context, *demo, *workshop) error
	}
	jobs := []job{
		{name: "sdk 1.32", run: scriptOutlives("sdk1.mjs", "")},
		{name: "client 2.4 auto", run: scriptOutlives("client2.mjs", "auto")},
		{name: "client 2.4 legacy", run: scriptOutlives("client2.mjs", "legacy")},
		{name: "mcp-remote 0.15 legacy", run: proxyOutlives(freePort(t), "legacy")},
		{name: "mcp-remote 0.15 auto", run: proxyOutlives(freePort(t), "auto")},
		{name: "Inspector 2.12", run: inspectorOutlives(freePort(t))},
	}
	ctx, cancel := context.WithTimeout(t.Context(), outliveBudget)
	defer cancel()
	var running sync.WaitGroup
	for i := range jobs {
		j := &jobs[i]
		j.w, j.d = newWorkshop(t), startDemo(t, app.DemoOptions{Configure: func(c *config.Config) { c.OAuth.AccessLifetime = shortLife }})
		j.w.withBrowser(t, j.d.upn(t, "ada"))
		j.w.env = append(j.w.env, "ADA="+j.d.upn(t, "ada"))
		running.Go(func() {
			if err := j.run(ctx, j.d, j.w); err != nil {
				t.Errorf("%s: %v", j.name, err)
			}
		})
	}
	running.Wait()
	for _, j := range jobs {
		signIns, refreshes := 0, 0
		for _, l := range j.d.audit(t) {
			switch l.Type {
			case "oauth.grant_created":
				signIns++
			case "oauth.token_refreshed":
				refreshes++
			}
		}
		t.Logf("%s: %d sign-ins, %d refreshes", j.name, signIns, refreshes)
		if signIns != 2 || refreshes < leastRefresh {
			t.Errorf("%s: %d sign-ins and %d refreshes, want 2 and %d at least", j.name, signIns, refreshes, leastRefresh)
		}
	}
}

// who is the person whose browser the programs open.
func (w *workshop) who() string { return strings.TrimPrefix(w.env[len(w.env)-1], "ADA=") }

// scriptOutlives has the script do all of it by itself.
func scriptOutlives(script, mode string) func(context.Context, *demo, *workshop) error {
	return func(ctx context.Context, d *demo, w *workshop) error {
		task, err := json.Marshal(map[string]any{"url": d.MCPURL, "upn": w.who(), "mode": mode, "seconds": outlived.Seconds()})
		if err != nil {
			return err
		}
		out := w.runUntil(ctx, script, string(task))
		if out.err != nil {
			return fmt.Errorf("%w\n%s\n%s", out.err, out.stdout, out.stderr)
		}
		var got struct {
			Calls, SignIns, Refreshes, Revoked, SignInsAfter int
			Recovered                                        string
		}
		if err := json.Unmarshal([]byte(out.stdout), &got); err != nil {
			return fmt.Errorf("%w in %s", err, out.stdout)
		}
		if got.SignIns != 1 || got.Refreshes < leastRefresh || got.Revoked != http.StatusOK || got.SignInsAfter != 2 || got.Recovered != w.who() {
			return fmt.Errorf("%+v", got)
		}
		return nil
	}
}

// outlive calls for a while, revokes, and calls again.
func outlive(ctx context.Context, d *demo, w *workshop, pace time.Duration, call func() error) error {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for end := time.Now().Add(outlived); time.Now().Before(end); {
		if err := call(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if asked, err := w.asked(); err != nil || asked != 1 {
		return fmt.Errorf("the person was asked %d times, want 1: %w", asked, err)
	}
	if err := d.revokeStored(ctx, w); err != nil {
		return err
	}
	if err := call(); err != nil {
		return fmt.Errorf("after the revocation: %w", err)
	}
	if asked, err := w.asked(); err != nil || asked != 2 {
		return fmt.Errorf("the person was asked %d times after the revocation, want 2: %w", asked, err)
	}
	return nil
}

// proxyPace: mcp-remote refreshes before each call a token that ends within the minute,
// which these all do, and takes 20 of them in 30 seconds for a fault of the server's.
const proxyPace = 2 * time.Second

func proxyOutlives(port, protocol string) func(context.Context, *demo, *workshop) error {
	return func(ctx context.Context, d *demo, w *workshop) (err error) {
		log := &syncBuffer{}
		cmd := w.command(ctx, "node_modules/mcp-remote/dist/proxy.js", d.MCPURL, port, "--allow-http", "--protocol", protocol)
		cmd.Stderr = log
		session, err := mcp.NewClient(&mcp.Implementation{Name: "stdio client", Version: "1.0.0"}, nil).
			Connect(ctx, &mcp.CommandTransport{Command: cmd, TerminateDuration: 5 * time.Second}, nil)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, log)
		}
		defer func() { err = errors.Join(err, session.Close()) }()
		return outlive(ctx, d, w, proxyPace, func() error {
			got, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "whoAmI", Arguments: map[string]any{}})
			if err != nil || got.IsError {
				return fmt.Errorf("%w: %+v\n%s", err, got, tail(log.String(), 4000))
			}
			return nil
		})
	}
}

// inspectorOutlives: its command line is a process for each call, which keeps its tokens
// in files.
func inspectorOutlives(port string) func(context.Context, *demo, *workshop) error {
	return func(ctx context.Context, d *demo, w *workshop) error {
		who := w.who()
		w.env = append(w.env, "MCP_AUTO_OPEN_ENABLED=true", "MCP_INSPECTOR_SECRET_STORE=file", "MCP_OAUTH_CALLBACK_URL=http://127.0.0.1:"+port+"/oauth/callback")
		return outlive(ctx, d, w, time.Second, func() error {
			out := w.runUntil(ctx, "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js",
				"--cli", d.MCPURL, "--transport", "http", "--format", "json", "--method", "tools/call", "--tool-name", "whoAmI")
			if out.err != nil || !strings.Contains(out.stdout, who) {
				return fmt.Errorf("%w\n%s\n%s", out.err, out.stdout, out.stderr)
			}
			return nil
		})
	}
}

// asked is how often a program opened a browser.
func (w *workshop) asked() (int, error) {
	text, err := os.ReadFile(filepath.Join(w.dir, "opened"))
	return len(text), err
}

// revokeStored gives a program's connection back with the tokens that it has stored,
// as somebody does who takes access away.
func (d *demo) revokeStored(ctx context.Context, w *workshop) error {
	stored := map[string]string{"refresh_token": "", "client_id": ""}
	err := filepath.WalkDir(w.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		findMembers(text, stored)
		return nil
	})
	if err != nil || stored["refresh_token"] == "" || stored["client_id"] == "" {
		return fmt.Errorf("the program's tokens were not found: %w", err)
	}
	form := url.Values{"token": {stored["refresh_token"]}, "client_id": {stored["client_id"]}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.server()+"/revoke", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := d.transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // its status says all
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("revoke: %s", resp.Status)
	}
	return nil
}

// findMembers looks for the members in all of a JSON text, and in JSON texts inside it.
func findMembers(text []byte, members map[string]string) {
	var content any
	if json.Unmarshal(text, &content) == nil {
		find(content, members)
	}
}

func find(content any, members map[string]string) {
	switch c := content.(type) {
	case map[string]any:
		for name, value := range c {
			if inner, ok := value.(string); ok && inner != "" {
				if _, wanted := members[name]; wanted {
					members[name] = inner
				}
			}
			find(value, members)
		}
	case []any:
		for _, value := range c {
			find(value, members)
		}
	case string:
		if strings.HasPrefix(c, "{") {
			findMembers([]byte(c), members)
		}
	}
}
