package platform_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/audit"
	"m365mcp/graph"
	"m365mcp/identity"
	"m365mcp/policy"
	"m365mcp/tool"
	"m365mcp/tool/platform"
)

const user = `{"id":"0b7d","displayName":"Ada\r\nNdiaye","mail":"ada@example.com","userPrincipalName":"ada@contoso.example",
 "jobTitle":"CFO","department":"Finance","companyName":"Contoso"}`

// graphStub answers per path and notes what it was asked.
type graphStub struct {
	answers map[string]string
	asked   []string
}

func (g *graphStub) Do(_ context.Context, r graph.Request) (*graph.Response, error) {
	g.asked = append(g.asked, r.Method+" "+r.Path.String()+"?"+r.Query.Encode())
	body, ok := g.answers[r.Path.String()]
	if !ok {
		return nil, &graph.Error{Kind: graph.KindGraph, Code: "ErrorAccessDenied", Exchange: graph.Exchange{Status: http.StatusForbidden}}
	}
	return &graph.Response{Status: http.StatusOK, Body: []byte(body)}, nil
}
func (g *graphStub) Exchanges() []graph.Exchange { return nil }
func (g *graphStub) Close()                      {}

type noAudit struct{}

func (noAudit) Intent(context.Context, audit.Intent) error                { return nil }
func (noAudit) Outcome(context.Context, audit.Outcome) error              { return nil }
func (noAudit) Denied(context.Context, audit.Intent, audit.Outcome) error { return nil }

func run(t *testing.T, g *graphStub, name string, scopes ...string) (*tool.Output, error) {
	t.Helper()
	selection, err := tool.Select("core", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := tool.NewRegistry(tool.Set{Tools: platform.Tools(), Resources: platform.Resources()}, selection)
	if err != nil {
		t.Fatal(err)
	}
	return tool.NewRunner(tool.Options{
		Registry: registry, Policy: policy.PermitAll(), Audit: noAudit{}, Timeout: time.Minute,
		Open:  func(tool.Decided) tool.Session { return g },
		NewID: func() string { return "01CALL" }, Now: func() time.Time { return time.Unix(0, 0) },
		Logger: slog.New(slog.DiscardHandler),
	}).Run(t.Context(), identity.Principal{TenantID: "5f3b", UserID: "u", Scopes: scopes}, name, nil)
}

func TestWhoAmI(t *testing.T) {
	t.Parallel()
	const me = "GET /me?$select=id%2CdisplayName%2Cmail%2CuserPrincipalName"
	for name, tc := range map[string]struct {
		scopes     []string
		asked      []string
		structured string
		says       string
	}{
		"with the time zone": {
			scopes:     []string{"User.Read", "MailboxSettings.Read"},
			asked:      []string{me, "GET /me/mailboxSettings?$select=timeZone"},
			structured: `"timeZone":"W. Europe Standard Time","permissions":["MailboxSettings.Read","User.Read"]}`,
			says:       "Time zone: W. Europe Standard Time.",
		},
		"without MailboxSettings.Read": { // Graph is not asked for what it would refuse
			scopes:     []string{"User.Read", "Mail.Read"},
			asked:      []string{me},
			structured: `"permissions":["Mail.Read","User.Read"]}`,
			says:       "Time zone: not known (permission MailboxSettings.Read is missing).",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &graphStub{answers: map[string]string{"/me": user, "/me/mailboxSettings": `{"timeZone":"W. Europe Standard Time"}`}}
			out, err := run(t, g, "whoAmI", tc.scopes...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.asked, g.asked); diff != "" {
				t.Error(diff)
			}
			want := `{"displayName":"Ada Ndiaye","mail":"ada@example.com","userPrincipalName":"ada@contoso.example","id":"0b7d","tenantId":"5f3b",` + tc.structured
			if diff := cmp.Diff(want, string(out.Structured)); diff != "" {
				t.Error(diff)
			}
			for _, says := range []string{"Signed in: Ada Ndiaye <ada@example.com>, user principal name ada@contoso.example, tenant 5f3b.", tc.says} {
				if !strings.Contains(out.Text, says) {
					t.Errorf("the text does not say %q:\n%s", says, out.Text)
				}
			}
		})
	}
}

func TestWhoAmINeedsUserRead(t *testing.T) {
	t.Parallel()
	g := &graphStub{answers: map[string]string{"/me": user}}
	_, err := run(t, g, "whoAmI", "Mail.Read")
	var te *tool.Error
	if !errors.As(err, &te) || te.Code != tool.CodeInsufficientScope || len(g.asked) != 0 {
		t.Errorf("%v, %d requests; want %s and none", err, len(g.asked), tool.CodeInsufficientScope)
	}
}

// A refusal of the second request fails the call: half an answer would be taken for a whole one.
func TestWhoAmIFailsWithGraph(t *testing.T) {
	t.Parallel()
	g := &graphStub{answers: map[string]string{"/me": user}}
	_, err := run(t, g, "whoAmI", "User.Read", "MailboxSettings.Read")
	var te *tool.Error
	if !errors.As(err, &te) || te.Code != tool.CodeForbidden {
		t.Errorf("%v, want %s", err, tool.CodeForbidden)
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	resources := platform.Resources()
	if len(resources) != 1 || resources[0].URI != "microsoft://profile" {
		t.Fatalf("resources: %+v", resources)
	}
	g := &graphStub{answers: map[string]string{"/me": strings.ReplaceAll(user, `\r\n`, " ")}}
	out, err := run(t, g, resources[0].Name, "User.Read")
	if err != nil {
		t.Fatal(err)
	}
	asked := []string{"GET /me?$select=id%2CdisplayName%2Cmail%2CuserPrincipalName%2CjobTitle%2Cdepartment%2CcompanyName"}
	if diff := cmp.Diff(asked, g.asked); diff != "" {
		t.Error(diff)
	}
	want := `{"id":"0b7d","displayName":"Ada Ndiaye","mail":"ada@example.com","userPrincipalName":"ada@contoso.example",` +
		`"jobTitle":"CFO","department":"Finance","companyName":"Contoso"}`
	if diff := cmp.Diff(want, string(out.Structured)); diff != "" {
		t.Error(diff)
	}
}

// What is about no person works for a service, without anything of Microsoft's.
func TestPlatformForServices(t *testing.T) {
	t.Parallel()
	selection, err := tool.Select("core", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := tool.NewRegistry(tool.Set{Tools: append(platform.Tools(), platform.Tools()[0].With(func(s *tool.Spec) {
		s.Name, s.Core, s.Family, s.Description = "hidden", false, "mail", "reads what is hidden"
	}))}, selection)
	if err != nil {
		t.Fatal(err)
	}
	g := &graphStub{}
	runner := tool.NewRunner(tool.Options{
		Registry: registry, Policy: policy.PermitAll(), Audit: noAudit{}, Timeout: time.Minute,
		Open:  func(tool.Decided) tool.Session { return g },
		NewID: func() string { return "01CALL" }, Now: func() time.Time { return time.Unix(0, 0) },
		Logger: slog.New(slog.DiscardHandler),
	})
	for name, c := range map[string]struct{ args, want string }{
		"authenticate": {``, "the service build"},
		"findTools":    {`{"query":"hidden"}`, "hidden (run with (a connection that a person has signed in to))"},
		"whoAmI":       {``, "acts for nobody"},
	} {
		var said string
		p := identity.Principal{Service: "build", Tools: []string{"authenticate", "findTools", "whoAmI"}}
		if out, err := runner.Run(t.Context(), p, name, json.RawMessage(c.args)); err != nil {
			said = err.Error()
		} else {
			said = out.Text
		}
		if !strings.Contains(said, c.want) {
			t.Errorf("%s says %q", name, said)
		}
	}
	if len(g.asked) != 0 {
		t.Errorf("asked Graph for %v", g.asked)
	}
}
