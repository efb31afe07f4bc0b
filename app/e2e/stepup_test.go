package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"m365mcp/app"
	"m365mcp/config"
)

// minimal makes a sign-in ask for as little as possible.
func minimal(c *config.Config) { c.OAuth.SignIn = "minimal" }

// Real clients get more than they signed in with: by themselves when a call is answered
// with 403, and by a link where the person said no before.
func TestClientsStepUp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, script, mode string }{
		{"sdk 1.32", "sdk1.mjs", ""},
		{"client 2.4 auto", "client2.mjs", "auto"},
		{"client 2.4 legacy", "client2.mjs", "legacy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			d := startDemo(t, app.DemoOptions{Configure: minimal})
			task, err := json.Marshal(map[string]any{"url": d.MCPURL, "upn": d.upn(t, "ada"), "mode": test.mode, "more": true})
			if err != nil {
				t.Fatal(err)
			}
			out := w.run(t, test.script, string(task))
			if out.err != nil {
				t.Fatalf("%v\n%s\n%s", out.err, out.stdout, out.stderr)
			}
			var got struct {
				First, After, Last, Refreshed, Asked []string
				Mails, SignIns                       int
				Denied, Words, Done                  string
				Tasks                                bool
			}
			if err := json.Unmarshal([]byte(out.stdout), &got); err != nil {
				t.Fatalf("%v in %s", err, out.stdout)
			}
			little := []string{"MailboxSettings.Read", "User.Read"}
			mail := []string{"Mail.Read", "MailboxSettings.Read", "User.Read"}
			all := []string{"Mail.Read", "MailboxSettings.Read", "Tasks.Read", "User.Read"}
			if diff := cmp.Diff([][]string{little, mail, all, all}, [][]string{got.First, got.After, got.Last, got.Refreshed}); diff != "" {
				t.Error(diff)
			}
			if got.Mails != 3 || !got.Tasks || got.Denied != "access_denied" || got.SignIns != 3 {
				t.Errorf("%+v", got)
			}
			for _, want := range []string{"insufficient_scope", "Tasks.Read", "call requestAccess"} {
				if !strings.Contains(got.Words, want) {
					t.Errorf("the refused call says nothing of %q: %s", want, got.Words)
				}
			}
			if !strings.Contains(got.Done, "Read your tasks") {
				t.Errorf("the last page: %s", got.Done)
			}
			// One page for each question, with what is new apart from what is allowed already.
			for i, want := range []struct{ fresh, allowed string }{
				{"See your name", ""}, {"Read your mail", "See your name"}, {"Read your tasks", "Read your mail"}, {"Read your tasks", "Read your mail"},
			} {
				if len(got.Asked) != 4 {
					t.Fatalf("%d pages: %q", len(got.Asked), got.Asked)
				}
				fresh, allowed, _ := strings.Cut(got.Asked[i], "Already allowed")
				if !strings.Contains(fresh, want.fresh) || !strings.Contains(allowed, want.allowed) || want.allowed != "" && strings.Contains(fresh, want.allowed) {
					t.Errorf("page %d: %s", i, got.Asked[i])
				}
			}
		})
	}
}

// mcp-remote asks its person by opening a browser, and then repeats the call.
func TestRemoteProxyStepsUp(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"legacy", "auto"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t, app.DemoOptions{Configure: minimal})
			proxy, ctx := startRemoteProxy(t, d, d.upn(t, "ada"), protocol, 50*time.Second)
			got, err := proxy.CallTool(ctx, &mcp.CallToolParams{Name: "getEmails", Arguments: map[string]any{"count": 2}})
			if err != nil {
				t.Fatalf("%v\n%s", err, proxy.log)
			}
			if got.IsError {
				t.Errorf("%+v\n%s", got.Content[0], proxy.log)
			}
		})
	}
}
