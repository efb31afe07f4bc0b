package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"m365mcp/audit"
	"m365mcp/identity"
	"m365mcp/tool"
)

// open is a tool that is about no person.
func open(name string) *tool.Tool {
	return tool.Define(tool.Spec{Name: name, ReadOnly: true, Anyone: true},
		func(context.Context, tool.Call, noArgs) (tool.Plan, error) { return tool.Plan{}, nil },
		func(context.Context, tool.Call, noArgs) (tool.Result, error) {
			return tool.Result{Structured: struct{}{}, Text: "done"}, nil
		})
}

// A service runs the tools that are its own and about no person. Everything else is
// refused in words, before it is planned, and is in the evidence with the service.
func TestServices(t *testing.T) {
	t.Parallel()
	build := identity.Principal{Service: "build", ClientID: "build", GrantID: "g", Scopes: []string{"service"}, Tools: []string{"own", "read", "send", "run"}}
	everything := build // with scopes that nothing gives to a service
	everything.Scopes = []string{"Mail.Read", "Mail.Send"}
	claims := everything // to be a person as well
	claims.TenantID, claims.UserID = "t", "u"
	for _, c := range []struct {
		who  identity.Principal
		tool string
		args string
		code string
	}{
		{build, "own", ``, ""},
		{ada, "own", ``, ""},
		{build, "other", ``, tool.CodeNotForServices},
		{build, "read", ``, tool.CodeNotForServices},
		{everything, "read", ``, tool.CodeNotForServices},
		{claims, "read", ``, tool.CodeNotForServices},
		{everything, "send", `{"to":"bob@example.com"}`, tool.CodeNotForServices},
		{everything, "run", `{"name":"read","arguments":{}}`, tool.CodeNotForServices},
		{build, "run", `{"name":"own","arguments":{}}`, tool.CodeNotForServices},
		{identity.Principal{}, "own", ``, tool.CodeNotForServices},
		{identity.Principal{TenantID: "t"}, "read", ``, tool.CodeNotForServices},
		{identity.Principal{Service: "build"}, "own", ``, tool.CodeNotForServices},
	} {
		tr := &trace{}
		tools := []*tool.Tool{open("own"), open("other"), reader("mail"), sender(tr, sendPlanned), tool.Dispatcher(tool.Spec{Name: "run", ReadOnly: true, Core: true}, false)}
		_, err := newRunner(t, tr, func(o *tool.Options) {
			core, err := tool.Select("core", nil, nil)
			if err == nil {
				o.Registry, err = tool.NewRegistry(tool.Set{Tools: tools}, core)
			}
			if err != nil {
				t.Fatal(err)
			}
			o.Open = func(tool.Decided) tool.Session { return session{tr} }
		}).Run(t.Context(), c.who, c.tool, json.RawMessage(c.args))
		if c.code == "" {
			if err != nil || tr.intents[0].Principal.Service != c.who.Service {
				t.Errorf("%s %s: %v", c.who.UserKey(), c.tool, err)
			}
			continue
		}
		te, ok := errors.AsType[*tool.Error](err)
		if !ok || te.Code != c.code || te.Action == "" {
			t.Errorf("%s %s: %v", c.who.UserKey(), c.tool, err)
		}
		if !slices.Equal(tr.steps, []string{"denied"}) || tr.intents[0].Principal.Service != c.who.Service || tr.outcomes[0].Status != audit.StatusDenied {
			t.Errorf("%s %s: steps %v", c.who.UserKey(), c.tool, tr.steps)
		}
	}
}

// What anyone may run needs nothing of a person's: the registry insists.
func TestToolsForServicesNeedNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*tool.Spec){
		"a permission":             func(s *tool.Spec) { s.Scopes = []string{"User.Read"} },
		"a permission that is one": func(s *tool.Spec) { s.AnyScope = [][]string{{"User.Read"}} },
		"an optional permission":   func(s *tool.Spec) { s.OptionalScopes = []string{"User.Read"} },
		"a shared mailbox":         func(s *tool.Spec) { s.SharedScopes = []string{"Mail.Read.Shared"} },
		"a write":                  func(s *tool.Spec) { s.ReadOnly = false },
	} {
		if _, err := tool.NewRegistry(tool.Set{Tools: []*tool.Tool{open("x").With(change)}}, everything(t)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	r, err := tool.NewRegistry(tool.Set{Tools: []*tool.Tool{open("b"), open("a"), reader("x")}}, everything(t))
	if err != nil || !slices.Equal(r.ForServices(), []string{"a", "b"}) {
		t.Errorf("%v, %v", r.ForServices(), err)
	}
}
