package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/identity"
	"m365mcp/tool"
)

func registryOf(t *testing.T, text string) *tool.Registry {
	t.Helper()
	s, err := tool.Select(text, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tool.NewRegistry(catalogue(), s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What people may be asked for is what the listed tools can use or run: no fence of
// an administrator's is wider by it.
func TestLaterScopes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text          string
		shared, admin bool
		want          string
	}{
		// moveEmail writes, and nothing runs it there.
		{"core", false, true, "Mail.Read Mail.Send OnlineMeetingTranscript.Read.All Tasks.Read Tasks.ReadWrite Team.ReadBasic.All User.Read"},
		{"core", false, false, "Mail.Read Mail.Send Tasks.Read Tasks.ReadWrite Team.ReadBasic.All User.Read"},
		{"core", true, false, "Mail.Read Mail.Read.Shared Mail.Send Tasks.Read Tasks.ReadWrite Team.ReadBasic.All User.Read"},
		{"core,runWriteTool", false, false, "Mail.Read Mail.ReadWrite Mail.Send Tasks.Read Tasks.ReadWrite Team.ReadBasic.All User.Read"},
		{"core,read-only", false, false, "Mail.Read Tasks.Read Tasks.ReadWrite Team.ReadBasic.All User.Read"},
		{"mail", false, false, "Mail.Read Mail.ReadWrite Mail.Send User.Read"},
		{"minimal", true, true, "User.Read"},
	} {
		if diff := cmp.Diff(c.want, strings.Join(registryOf(t, c.text).LaterScopes(c.shared, c.admin), " ")); diff != "" {
			t.Errorf("%s: %s", c.text, diff)
		}
	}
}

func TestScopePresets(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for name, scopes := range registryOf(t, "mail,tasks,runReadTool").ScopePresets(false, false) {
		got[name] = strings.Join(scopes, " ")
	}
	want := map[string]string{
		"core": "Mail.Read Mail.Send Tasks.ReadWrite User.Read", "full": "Mail.ReadWrite Mail.Send Tasks.ReadWrite User.Read",
		"read-only": "Mail.Read Tasks.ReadWrite User.Read", "minimal": "User.Read", "platform": "User.Read", "email": "Mail.Read Mail.Send",
		"mail": "Mail.ReadWrite Mail.Send", "tasks": "Tasks.ReadWrite",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	r := registryOf(t, "core")
	for _, c := range []struct{ name, args, scopes, want string }{
		{"getEmails", `{}`, "User.Read", "Mail.Read"},
		{"getEmails", `{}`, "Mail.ReadWrite", ""},
		{"listTasks", `{}`, "User.Read", "Tasks.Read"},
		{"runReadTool", `{"name":"getMeetingTranscript"}`, "", "OnlineMeetingTranscript.Read.All"},
		{"runReadTool", `{"name":"moveEmail"}`, "", ""}, // it writes
		{"runReadTool", `{"name":"runReadTool"}`, "", ""},
		{"runReadTool", `not JSON`, "", ""},
		{"runReadTool", ``, "", ""},
		{"getMeetingTranscript", `{}`, "", ""}, // not listed
		{"runWriteTool", `{"name":"moveEmail"}`, "", ""},
		{"resource:profile", `{}`, "", ""},
		{"download", `{}`, "", ""},
	} {
		p := identity.Principal{Scopes: strings.Fields(c.scopes)}
		if got := strings.Join(r.Missing(p, c.name, json.RawMessage(c.args)), " "); got != c.want {
			t.Errorf("%s %s with %q lacks %q, want %q", c.name, c.args, c.scopes, got, c.want)
		}
	}
}

// asks stands for an authorization server that asks people for these scopes.
type asks []string

func (a asks) MayAsk(scope string) bool { return slices.Contains(a, scope) }

func (asks) Link(context.Context, identity.Principal, []string) (tool.Link, error) {
	return tool.Link{}, errors.New("nobody asked for a link")
}

// The words name the one who can help: the person, a Microsoft 365 administrator, or
// the one of this server.
func TestInsufficientScopeSaysWhoHelps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scopes []string
		access tool.Access
		want   string
	}{
		{[]string{"Chat.Read"}, asks{"Chat.Read"}, "call requestAccess for Chat.Read:"},
		{[]string{"Chat.Read", "People.Read"}, asks{"Chat.Read", "People.Read"}, "call requestAccess for Chat.Read and People.Read:"},
		{[]string{"Chat.Read", "People.Read"}, asks{"Chat.Read"}, "does not ask people for People.Read"},
		{[]string{"Chat.Read"}, nil, "does not ask people for Chat.Read"},
		{[]string{"ChannelMessage.Read.All"}, asks{}, "administrator to consent to ChannelMessage.Read.All"},
		{[]string{"ChannelMessage.Read.All"}, asks{"ChannelMessage.Read.All"}, "call requestAccess for ChannelMessage.Read.All:"},
	} {
		x := stub(tool.Spec{Name: "read", ReadOnly: true, Scopes: c.scopes})
		_, err := newRunner(t, &trace{}, func(o *tool.Options) { o.Services.Access = c.access }, x).Run(t.Context(), identity.Principal{TenantID: "t", UserID: "u"}, "read", nil)
		te, ok := errors.AsType[*tool.Error](err)
		if !ok || te.Code != tool.CodeInsufficientScope || !strings.Contains(te.Action, c.want) {
			t.Errorf("%v: %v, action %q", c.scopes, err, te.Action)
		}
	}
}
