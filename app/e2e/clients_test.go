package e2e_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/app"
	"m365mcp/config"
)

// Real MCP clients go through registration, consent, sign-in and refresh, and
// use each kind of thing that a server offers.
func TestSDKClients(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, script, mode, door, protocol string }{
		{"sdk 1.32", "sdk1.mjs", "", "/mcp", "2025-11-25"},
		{"client 2.4 auto", "client2.mjs", "auto", "/mcp", "2026-07-28"},
		{"client 2.4 legacy", "client2.mjs", "legacy", "/mcp", "2025-11-25"},
		{"sdk 1.32 by SSE", "sdk1.mjs", "sse", "/sse", "2025-11-25"},
		{"sdk 1.32 at the door of SSE", "sdk1.mjs", "", "/sse", "2025-11-25"},
		{"client 2.4 at the door of SSE", "client2.mjs", "auto", "/sse", "2026-07-28"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t)
			d := startDemo(t, app.DemoOptions{Configure: func(c *config.Config) { c.MCP.SSE = test.door == "/sse" }})
			subject := "From " + test.name
			task, err := json.Marshal(map[string]string{
				"url": d.server() + test.door, "upn": d.upn(t, "ada"), "to": d.upn(t, "bruno"), "subject": subject, "mode": test.mode,
			})
			if err != nil {
				t.Fatal(err)
			}
			out := w.run(t, test.script, string(task))
			if out.err != nil {
				t.Fatalf("%v\n%s\n%s", out.err, out.stdout, out.stderr)
			}
			want := clientReport{
				Protocol: test.protocol, Tools: coreTools, Prompts: prompts, UPN: d.upn(t, "ada"), Mails: 5,
				Sent: true, Profile: d.upn(t, "ada"), SignIns: 1, Refreshes: 1, UPNAfterRefresh: d.upn(t, "ada"),
			}
			var got clientReport
			if err := json.Unmarshal([]byte(out.stdout), &got); err != nil {
				t.Fatalf("%v in %s", err, out.stdout)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if inbox := subjects(t, d, d.signIn(t, "bruno").Access, "inbox"); !slices.Contains(inbox, subject) {
				t.Errorf("the mail did not arrive; the inbox has %q", inbox)
			}
		})
	}
}

// clientReport is the line that the scripts print.
type clientReport struct {
	Protocol        string   `json:"protocol"`
	Tools           []string `json:"tools"`
	Prompts         []string `json:"prompts"`
	UPN             string   `json:"upn"`
	Mails           int      `json:"mails"`
	Sent            bool     `json:"sent"`
	Profile         string   `json:"profile"`
	SignIns         int      `json:"signIns"`
	Refreshes       int      `json:"refreshes"`
	UPNAfterRefresh string   `json:"upnAfterRefresh"`
}
