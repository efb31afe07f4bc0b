package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"m365mcp/app"
)

// withBrowser gives the programs that a test runs a browser to open, in which
// the person approves and signs in by herself.
func (w *workshop) withBrowser(t *testing.T, upn string) {
	t.Helper()
	path := filepath.Join(w.dir, "browser")
	script := "#!/bin/sh\nexec '" + w.node + "' '" + filepath.Join(w.dir, "browser.mjs") + "' \"$1\"\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "BROWSER="+path, "M365_MCP_TEST_UPN="+upn)
}

// inspector returns the Inspector's command line for a server: one run of it is one request.
func inspector(t *testing.T, d *demo, upn, era string) func(args ...string) output {
	t.Helper()
	w := newWorkshop(t)
	w.withBrowser(t, upn)
	w.env = append(w.env, "MCP_AUTO_OPEN_ENABLED=true", "MCP_INSPECTOR_SECRET_STORE=file",
		"MCP_OAUTH_CALLBACK_URL=http://127.0.0.1:"+freePort(t)+"/oauth/callback")
	return func(args ...string) output {
		return w.run(t, "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js",
			append([]string{"--cli", d.MCPURL, "--transport", "http", "--protocol-era", era, "--format", "json"}, args...)...)
	}
}

// The Inspector's command line signs in once and keeps the tokens for later runs.
func TestInspector(t *testing.T) {
	t.Parallel()
	for _, era := range []string{"legacy", "auto", "modern"} {
		t.Run(era, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t, app.DemoOptions{})
			ada := d.upn(t, "ada")
			run := inspector(t, d, ada, era)
			inspect := func(want string, args ...string) {
				t.Helper()
				if out := run(args...); out.err != nil || !strings.Contains(out.stdout, want) {
					t.Fatalf("%v: %v\n%s\n%s", args, out.err, out.stdout, out.stderr)
				}
			}
			inspect("sendEmail", "--method", "tools/list", "--strict")
			inspect(ada, "--method", "tools/call", "--tool-name", "whoAmI")
			inspect(ada, "--method", "resources/read", "--uri", "microsoft://profile")
		})
	}
}

// remoteProxy is a client that speaks stdio, with mcp-remote between it and the server.
type remoteProxy struct {
	*mcp.ClientSession
	log *syncBuffer
}

// startRemoteProxy connects one for at most the time; a context of its own, because the
// test's ends before the proxy is asked to.
func startRemoteProxy(t *testing.T, d *demo, upn, protocol string, limit time.Duration) (remoteProxy, context.Context) {
	t.Helper()
	w := newWorkshop(t)
	w.withBrowser(t, upn)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
	t.Cleanup(cancel)
	log := &syncBuffer{}
	cmd := w.command(ctx, "node_modules/mcp-remote/dist/proxy.js", d.MCPURL, freePort(t), "--allow-http", "--protocol", protocol)
	cmd.Stderr = log
	client := mcp.NewClient(&mcp.Implementation{Name: "stdio client", Version: "1.0.0"}, nil)
	session, err := client.Connect(ctx, &mcp.CommandTransport{Command: cmd, TerminateDuration: 5 * time.Second}, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Errorf("%v\n%s", err, log)
		}
	})
	return remoteProxy{session, log}, ctx
}

// mcp-remote gives clients that only speak stdio the way to a remote server.
func TestRemoteProxy(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"legacy", "auto"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t, app.DemoOptions{})
			ada := d.upn(t, "ada")
			proxy, ctx := startRemoteProxy(t, d, ada, protocol, 50*time.Second)
			var names []string
			for tool, err := range proxy.Tools(ctx, nil) {
				if err != nil {
					t.Fatalf("%v\n%s", err, proxy.log)
				}
				names = append(names, tool.Name)
			}
			if diff := cmp.Diff(coreTools, names); diff != "" {
				t.Error(diff)
			}
			if who, err := proxy.whoAmI(ctx); err != nil || who != ada {
				t.Errorf("whoAmI: %q, %v\n%s", who, err, proxy.log)
			}
		})
	}
}

func (p remoteProxy) whoAmI(ctx context.Context) (string, error) {
	got, err := p.CallTool(ctx, &mcp.CallToolParams{Name: "whoAmI", Arguments: map[string]any{}})
	if err != nil {
		return "", err
	}
	structured, _ := got.StructuredContent.(map[string]any)
	upn, _ := structured["userPrincipalName"].(string)
	return upn, nil
}
