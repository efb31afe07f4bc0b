package linked_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/tool"
	"m365mcp/tool/linked"
)

func TestTools(t *testing.T) {
	t.Parallel()
	tools, err := linked.Tools(linked.App{Name: "crm", Services: true, Operations: []linked.Operation{
		{Name: "get", Description: "One customer.", Method: "GET", Path: "/customers/{id}", Query: []string{"fields"}},
		{Name: "has", Description: "Whether.", Method: "HEAD", Path: "/customers/{id}"},
		{Name: "put", Description: "Change it.", Method: "PUT", Path: "/customers/{id}", Body: true},
		{Name: "add", Description: "A new one.", Method: "POST", Path: "/customers", Body: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	type traits struct {
		Name                                   string
		ReadOnly, Destructive, Idempotent, Any bool
		Required                               string
	}
	var got []traits
	for _, x := range tools {
		var required []string
		for _, f := range x.Input {
			if f.Required {
				required = append(required, f.Name)
			}
		}
		got = append(got, traits{x.Name, x.ReadOnly, x.Destructive, x.Idempotent, x.Anyone, strings.Join(required, " ")})
		if x.Family != tool.Linked || x.App != "crm" || !x.Untrusted || !x.OpenWorld || len(x.Scopes) > 0 {
			t.Errorf("%+v", x.Spec)
		}
	}
	if diff := cmp.Diff([]traits{
		{"crm_get", true, false, true, true, "id"},
		{"crm_has", true, false, true, true, "id"},
		{"crm_put", false, true, true, false, "id body"},
		{"crm_add", false, true, false, false, "body"},
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOperationsThatAreNone(t *testing.T) {
	t.Parallel()
	good := linked.Operation{Name: "get", Description: "One.", Method: "GET", Path: "/a/{id}"}
	for name, change := range map[string]func(*linked.App, *linked.Operation){
		"a foreign method":              func(_ *linked.App, o *linked.Operation) { o.Method = "TRACE" },
		"a read with a body":            func(_ *linked.App, o *linked.Operation) { o.Body = true },
		"no path":                       func(_ *linked.App, o *linked.Operation) { o.Path = "" },
		"a relative path":               func(_ *linked.App, o *linked.Operation) { o.Path = "a/{id}" },
		"another host":                  func(_ *linked.App, o *linked.Operation) { o.Path = "//evil.example/{id}" },
		"upwards":                       func(_ *linked.App, o *linked.Operation) { o.Path = "/../{id}" },
		"a query in the path":           func(_ *linked.App, o *linked.Operation) { o.Path = "/a?x={id}" },
		"a part of a segment":           func(_ *linked.App, o *linked.Operation) { o.Path = "/a/x{id}" },
		"escaped":                       func(_ *linked.App, o *linked.Operation) { o.Path = "/a/%2e%2e" },
		"a placeholder twice":           func(_ *linked.App, o *linked.Operation) { o.Path = "/{id}/{id}" },
		"an argument in path and query": func(_ *linked.App, o *linked.Operation) { o.Query = []string{"id"} },
		"a query that adds another":     func(_ *linked.App, o *linked.Operation) { o.Query = []string{"a&b"} },
		"an argument called as the body": func(_ *linked.App, o *linked.Operation) {
			o.Method, o.Body, o.Query = "POST", true, []string{"body"}
		},
		"a name with a space":  func(_ *linked.App, o *linked.Operation) { o.Name = "get it" },
		"a name that is long":  func(_ *linked.App, o *linked.Operation) { o.Name = strings.Repeat("a", 61) },
		"an app with capitals": func(a *linked.App, _ *linked.Operation) { a.Name = "CRM" },
	} {
		app, op := linked.App{Name: "crm"}, good
		change(&app, &op)
		app.Operations = []linked.Operation{op}
		if _, err := linked.Tools(app); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
