package mcpserver_test

import (
	"net/http"
	"testing"
)

// A call that lacks scopes is answered by StepUp where that can do something about
// it, and by the tool in words everywhere else.
func TestStepUp(t *testing.T) {
	t.Parallel()
	call := func(name, args string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":` + args + `}}`
	}
	for _, c := range []struct {
		name, body string
		scopes     []string
		declines   bool
		missing    string // that StepUp is told of
	}{
		{name: "a listed tool", body: call("sendEmail", `{}`), missing: "Mail.Send"},
		{name: "declined", body: call("sendEmail", `{}`), declines: true, missing: "Mail.Send"},
		{name: "granted", body: call("sendEmail", `{}`), scopes: []string{"Mail.Send"}},
		{name: "by a wider scope", body: call("getEmails", `{}`), scopes: []string{"Mail.ReadWrite"}},
		{name: "a tool that runs another", body: call("runReadTool", `{"name":"listMailFolders"}`), missing: "Mail.ReadBasic"},
		{name: "granted to the one it runs", body: call("runReadTool", `{"name":"listMailFolders"}`), scopes: []string{"Mail.Read"}},
		{name: "it runs none", body: call("runReadTool", `{"name":"nothing"}`)},
		{name: "it runs what it may not", body: call("runReadTool", `{"name":"deleteEmail"}`)},
		{name: "it runs without a name", body: call("runReadTool", `{"name":7}`)},
		{name: "no tool of ours", body: call("nothing", `{}`)},
		{name: "not listed", body: call("deleteEmail", `{}`)},
		{name: "a resource's name", body: call("profile", `{}`)},
		{name: "no name", body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}`},
		{name: "a name in capitals", body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"Name":"sendEmail"}}`},
		{name: "a number for a name", body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":1}}`},
		{name: "a notification", body: `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"sendEmail"}}`},
		{name: "a batch", body: `[` + call("sendEmail", `{}`) + `]`},
		{name: "another method", body: `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"sendEmail"}}`},
		{name: "tools/list", body: `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEndpointOf(t, "core", c.scopes...)
			e.declines = c.declines
			got := e.send(t, c.body)
			var missing string
			select {
			case missing = <-e.asked:
			default:
			}
			if missing != c.missing {
				t.Errorf("lacks %q, want %q", missing, c.missing)
			}
			if want := c.missing != "" && !c.declines; (got.status == http.StatusForbidden) != want {
				t.Errorf("%d: %s", got.status, got.body)
			}
			if got.status == http.StatusForbidden && len(e.runner.seen) > 0 {
				t.Errorf("it was run: %q", e.runner.seen)
			}
			if c.declines && len(e.runner.seen) != 1 {
				t.Error("it was not run")
			}
		})
	}
}
