package tool_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/tool"
)

type noArgs struct{}

func stub(spec tool.Spec) *tool.Tool {
	return tool.Define(spec, func(context.Context, tool.Call, noArgs) (tool.Plan, error) { return tool.Plan{}, nil },
		func(context.Context, tool.Call, noArgs) (tool.Result, error) { return tool.Result{}, nil })
}

// catalogue has one of each kind.
func catalogue() tool.Set {
	return tool.Set{
		Tools: []*tool.Tool{
			stub(tool.Spec{Name: "whoAmI", Family: "platform", ReadOnly: true, Core: true, Scopes: []string{"User.Read"}}),
			tool.Dispatcher(tool.Spec{Name: "runReadTool", Family: "platform", ReadOnly: true, Core: true}, false),
			tool.Dispatcher(tool.Spec{Name: "runWriteTool", Family: "platform", Destructive: true}, true),
			stub(tool.Spec{Name: "getEmails", Family: "mail", ReadOnly: true, Core: true, Scopes: []string{"Mail.Read"}, SharedScopes: []string{"Mail.Read.Shared"}}),
			stub(tool.Spec{Name: "sendEmail", Family: "mail", Core: true, Scopes: []string{"Mail.Send"}}),
			stub(tool.Spec{Name: "moveEmail", Family: "mail", Scopes: []string{"Mail.ReadWrite"}}),
			stub(tool.Spec{Name: "getEmailThread", Family: "mail", ReadOnly: true, Scopes: []string{"Mail.Read"}}),
			stub(tool.Spec{Name: "listTasks", Family: "tasks", ReadOnly: true, Core: true, AnyScope: [][]string{{"Tasks.Read"}, {"Tasks.ReadWrite"}}}),
			stub(tool.Spec{Name: "getMeetingTranscript", Family: "teams", ReadOnly: true, Scopes: []string{"OnlineMeetingTranscript.Read.All"}}),
		},
		Resources: []*tool.Resource{
			{URI: "microsoft://profile", Tool: stub(tool.Spec{Name: "resource:profile", Of: "whoAmI", Family: "platform", ReadOnly: true, Scopes: []string{"User.Read"}})},
			{URI: "microsoft://teams", Tool: stub(tool.Spec{Name: "resource:teams", Of: "getMeetingTranscript", Family: "teams", ReadOnly: true, Scopes: []string{"Team.ReadBasic.All"}})},
		},
		Internal: []*tool.Tool{stub(tool.Spec{Name: "download", Of: "getEmails", ReadOnly: true})},
	}
}

func names(tools []*tool.Tool) string {
	out := make([]string, len(tools))
	for i, t := range tools {
		out[i] = t.Name
	}
	return strings.Join(out, " ")
}

func TestSelect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, allow, deny       string
		listed, reached, scopes string
	}{
		{"core", "", "", "getEmails listTasks runReadTool sendEmail whoAmI", "+ getEmailThread getMeetingTranscript moveEmail", "Mail.Read Mail.Send Tasks.ReadWrite Team.ReadBasic.All User.Read"},
		{"core,runWriteTool", "", "", "getEmails listTasks runReadTool runWriteTool sendEmail whoAmI", "+ getEmailThread getMeetingTranscript moveEmail", "Mail.Read Mail.Send Tasks.ReadWrite Team.ReadBasic.All User.Read"},
		{"full", "", "", "getEmailThread getEmails getMeetingTranscript listTasks moveEmail sendEmail whoAmI", "", "Mail.ReadWrite Mail.Send OnlineMeetingTranscript.Read.All Tasks.ReadWrite Team.ReadBasic.All User.Read"},
		{"read-only", "", "", "getEmailThread getEmails getMeetingTranscript listTasks whoAmI", "", "Mail.Read OnlineMeetingTranscript.Read.All Tasks.ReadWrite Team.ReadBasic.All User.Read"},
		{"core, read-only", "", "", "getEmails listTasks runReadTool whoAmI", "+ getEmailThread getMeetingTranscript", "Mail.Read Tasks.ReadWrite Team.ReadBasic.All User.Read"},
		{"mail", "", "", "getEmailThread getEmails moveEmail sendEmail whoAmI", "", "Mail.ReadWrite Mail.Send User.Read"},
		{"mail,tasks", "", "", "getEmailThread getEmails listTasks moveEmail sendEmail whoAmI", "", "Mail.ReadWrite Mail.Send Tasks.ReadWrite User.Read"},
		{"email", "", "", "getEmailThread getEmails sendEmail whoAmI", "", "Mail.Read Mail.Send User.Read"},
		{"minimal", "", "", "whoAmI", "", "User.Read"},
		{"getEmails", "", "", "getEmails whoAmI", "", "Mail.Read User.Read"},
		{"full", "mail", "sendEmail", "getEmailThread getEmails moveEmail whoAmI", "", "Mail.ReadWrite User.Read"},
		{"core", "", "teams,mail", "listTasks whoAmI", "", "Tasks.ReadWrite User.Read"},
		{"core", "getEmails,getEmailThread", "", "getEmails runReadTool whoAmI", "+ getEmailThread", "Mail.Read User.Read"},
	} {
		split := func(s string) []string { return strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) }
		s, err := tool.Select(c.text, split(c.allow), split(c.deny))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		r, err := tool.NewRegistry(catalogue(), s)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		var hidden []string
		for _, x := range r.Reachable() {
			if !strings.Contains(" "+names(r.Tools())+" ", " "+x.Name+" ") {
				hidden = append(hidden, x.Name)
			}
		}
		reached := ""
		if hidden != nil {
			reached = "+ " + strings.Join(hidden, " ")
		}
		label := c.text + " allow " + c.allow + " deny " + c.deny
		if diff := cmp.Diff([]string{c.listed, c.reached, c.scopes}, []string{names(r.Tools()), reached, strings.Join(r.Scopes(false, true), " ")}); diff != "" {
			t.Errorf("%s: -want +got %s", label, diff)
		}
	}
}

func TestSharedScopesAreAskedForOnlyWhereWanted(t *testing.T) {
	t.Parallel()
	r, err := tool.NewRegistry(catalogue(), everything(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.Scopes(true, false), " "); !strings.Contains(got, "Mail.Read.Shared") || strings.Contains(got, "Transcript") {
		t.Errorf("with shared mailboxes and without the administrator's: %s", got)
	}
}

func TestSelectRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, allow, deny, says string }{
		{"", "", "", "empty name"},
		{"mail,,tasks", "", "", "empty name"},
		{"mial", "", "", `"mial" is no tool`},
		{"core", "sendMail", "", `"sendMail" is no tool`},
		{"core", "", "post", `"post" is no tool`},
		{"download", "", "", `"download" cannot be chosen by itself; it comes and goes with getEmails`},
		{"core", "", "resource:profile", `"resource:profile" cannot be chosen by itself; it comes and goes with whoAmI`},
		{"core", "resource:teams", "", `it comes and goes with getMeetingTranscript`},
		{"core", "", "resource:mail", `"resource:mail" is no tool`},
	} {
		var allow, deny []string
		if c.allow != "" {
			allow = []string{c.allow}
		}
		if c.deny != "" {
			deny = []string{c.deny}
		}
		s, err := tool.Select(c.text, allow, deny)
		if err == nil {
			_, err = tool.NewRegistry(catalogue(), s)
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q, allow %q, deny %q: %v, want %s", c.text, c.allow, c.deny, err, c.says)
		}
	}
}

// What an administrator takes away is not left under another name: neither under a
// URI, nor for links that were given out before.
func TestWhatShowsTheSameGoesWithTheTool(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, allow, deny, offered string }{
		{"core", "", "", "resource:profile resource:teams download"},
		{"core", "", "whoAmI", "resource:teams download"},
		{"full", "", "getMeetingTranscript", "resource:profile download"},
		{"full", "", "getEmails", "resource:profile resource:teams"},
		{"full", "", "teams", "resource:profile download"},
		{"full", "getEmails", "", "resource:profile download"},
		{"getMeetingTranscript", "", "", "resource:profile resource:teams"},
		{"minimal", "", "", "resource:profile"},
	} {
		split := func(s string) []string { return strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) }
		s, err := tool.Select(c.text, split(c.allow), split(c.deny))
		if err != nil {
			t.Fatal(err)
		}
		set := catalogue()
		r, err := tool.NewRegistry(set, s)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, res := range r.Resources() {
			got = append(got, res.Name)
		}
		runner := newRunner(t, &trace{}, func(o *tool.Options) { o.Registry = r })
		if err := runner.RunInternal(t.Context(), ada, "download", nil, nil); code(err) != tool.CodeUnknownTool {
			got = append(got, "download")
		}
		if diff := cmp.Diff(c.offered, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s allow %q deny %q: -want +got %s", c.text, c.allow, c.deny, diff)
		}
		for _, res := range set.Resources {
			if _, err := runner.Run(t.Context(), ada, res.Name, nil); (code(err) == tool.CodeUnknownTool) == strings.Contains(c.offered, res.Name) {
				t.Errorf("%s allow %q deny %q: %s: %v", c.text, c.allow, c.deny, res.Name, err)
			}
		}
	}
}

// A resource that names no tool of the set could not be taken away.
func TestWhatBelongsToNoToolIsRefused(t *testing.T) {
	t.Parallel()
	set := catalogue()
	set.Resources[0].Tool = set.Resources[0].With(func(s *tool.Spec) { s.Of = "whoIAm" })
	if _, err := tool.NewRegistry(set, everything(t)); err == nil || !strings.Contains(err.Error(), `resource:profile comes with "whoIAm"`) {
		t.Error(err)
	}
}
