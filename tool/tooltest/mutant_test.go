package tooltest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/graph"
	"m365mcp/tool"
)

type profileArgs struct {
	Detail bool `json:"detail"`
	Unused bool `json:"unused"`
}

// profile asks for what it does not need: a scope too many, a wider one than
// needed, an argument without effect, a request whose answer it drops.
func profile() *tool.Tool {
	me := func(path string) graph.Request { return graph.Request{Method: graph.Get, Path: graph.Fixed(path)} }
	return tool.Define(tool.Spec{
		Name: "profile", ReadOnly: true, Scopes: []string{"User.Read", "Mail.Read", "MailboxSettings.ReadWrite"},
		Input:  []tool.Field{{Name: "detail", Type: tool.Boolean}, {Name: "unused", Type: tool.Boolean}},
		Output: []tool.Field{{Name: "name", Type: tool.String}, {Name: "zone", Type: tool.String}},
	}, func(context.Context, tool.Call, profileArgs) (tool.Plan, error) {
		return tool.Plan{Target: "/me"}, nil
	}, func(ctx context.Context, c tool.Call, a profileArgs) (tool.Result, error) {
		_, _ = c.Graph.Do(ctx, me("/me/mailFolders"))
		resp, err := c.Graph.Do(ctx, me("/me"))
		if err != nil {
			return tool.Result{}, err
		}
		var user graph.User
		if err := resp.Decode(&user); err != nil {
			return tool.Result{}, err
		}
		out := map[string]string{"name": user.DisplayName}
		if a.Detail {
			resp, err := c.Graph.Do(ctx, me("/me/mailboxSettings"))
			if err != nil {
				return tool.Result{}, err
			}
			var settings struct {
				TimeZone string `json:"timeZone"`
			}
			if err := resp.Decode(&settings); err != nil {
				return tool.Result{}, err
			}
			out["zone"] = settings.TimeZone
		}
		return tool.Result{Structured: out, Text: "profile"}, nil
	})
}

func profileSuite() Suite {
	return Suite{Tools: []*tool.Tool{profile()}, Cases: []Case{
		{Tool: "profile", Name: "in detail", As: "ada", Args: `{"detail":true,"unused":true}`, Check: func(t Reporter, _ *Harness, res Result) {
			Contains(t, res, `"name":"Ada`, `"zone":"`)
		}},
	}}
}

func TestMutantsThatSurviveAreNamed(t *testing.T) {
	t.Parallel()
	s := profileSuite()
	b := newBase(t)
	mutants, broken := s.tryMutants(b)
	if broken != nil {
		t.Fatal(broken)
	}
	var survived, killed []string
	for _, m := range mutants {
		if m.survived {
			survived = append(survived, m.name)
		} else {
			killed = append(killed, m.name)
		}
	}
	if diff := cmp.Diff([]string{
		"profile with MailboxSettings.Read for the scope MailboxSettings.ReadWrite",
		"profile without the argument unused",
		"profile without GET /me/mailFolders",
	}, survived); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"profile without the scope User.Read",
		"profile without the scope Mail.Read", // for a request that it does make
		"profile without the scope MailboxSettings.ReadWrite",
		"profile without the argument detail",
		"profile without GET /me",
		"profile without GET /me/mailboxSettings",
	}, killed); diff != "" {
		t.Error(diff)
	}
	s.Survivors = map[string]string{survived[0]: "", killed[0]: "", "no such mutant": ""}
	said := s.judge(mutants)
	for _, part := range []string{survived[1], "is noticed", "there is no mutant"} {
		if !slices.ContainsFunc(said, func(problem string) bool { return strings.Contains(problem, part) }) {
			t.Errorf("judged %q, want %q among it", said, part)
		}
	}
	if slices.ContainsFunc(said, func(problem string) bool { return strings.Contains(problem, survived[0]) }) {
		t.Errorf("judged %q: an allowed survivor", said)
	}
}

func TestBrokenCasesAreNoMutants(t *testing.T) {
	t.Parallel()
	s := profileSuite()
	s.Cases[0].Check = func(t Reporter, _ *Harness, _ Result) { t.Fatalf("never good") }
	s.Cases = append(s.Cases, Case{Tool: "profile", Name: "panics", Check: func(Reporter, *Harness, Result) { panic("in a check") }})
	if _, broken := s.tryMutants(newBase(t)); len(broken) != 2 || !strings.Contains(broken[0], "never good") || !strings.Contains(broken[1], "in a check") {
		t.Errorf("broken %q", broken)
	}
}

func TestGaps(t *testing.T) {
	t.Parallel()
	s := profileSuite()
	s.Cases = append(s.Cases, s.Cases[0], Case{Tool: "another", Name: "x"})
	if diff := cmp.Diff([]string{
		"profile has no case of a refusal by Graph (403, 404, ...; see Case.Fails)",
		"profile has no case of bad input",
		"two cases are called profile/in detail",
		"the case x is of another, which is not among the tools",
	}, s.gaps()); diff != "" {
		t.Error(diff)
	}
	if got := (Suite{Tools: s.Tools}).gaps(); len(got) != 3 {
		t.Errorf("gaps %q", got)
	}
	var names []string
	for _, c := range s.general() {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"an argument that it does not have", "without User.Read", "without Mail.Read", "without MailboxSettings.ReadWrite"}, names); diff != "" {
		t.Error(diff)
	}
}
