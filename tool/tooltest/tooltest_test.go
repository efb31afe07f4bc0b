package tooltest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
	"m365mcp/tool/tooltest"
)

type listArgs struct {
	Count   int    `json:"count"`
	Subject string `json:"subject"`
}

type listed struct {
	Mails []listedMail `json:"mails"`
}

type listedMail struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
}

// listMail is a read like those of the families; wrong breaks its request.
func listMail(wrong func(*tool.Spec, *graph.Request)) *tool.Tool {
	spec := tool.Spec{
		Name: "listMail", ReadOnly: true, Untrusted: true, Scopes: []string{"Mail.ReadWrite"},
		Input: []tool.Field{{Name: "count", Type: tool.Integer, Default: 10, Min: 1, Max: 50}, {Name: "subject", Type: tool.String}},
		Output: []tool.Field{{Name: "mails", Type: tool.ObjectList, Required: true, Items: []tool.Field{
			{Name: "id", Type: tool.String}, {Name: "subject", Type: tool.String},
		}}},
	}
	spec.Scopes = []string{"Mail.Read"}
	request := graph.Request{Method: graph.Get, Path: graph.Fixed("/me/messages"), Query: graph.Query{}.Select("id", "subject")}
	if wrong != nil {
		wrong(&spec, &request)
	}
	return tool.Define(spec, func(context.Context, tool.Call, listArgs) (tool.Plan, error) {
		return tool.Plan{Target: "/me/messages"}, nil
	}, func(ctx context.Context, c tool.Call, a listArgs) (tool.Result, error) {
		r := request
		r.Query = r.Query.Top(a.Count)
		if a.Subject != "" {
			r.Query = r.Query.Filter(graph.Eq("subject", a.Subject))
		}
		resp, err := c.Graph.Do(ctx, r)
		if err != nil {
			return tool.Result{}, err
		}
		var page graph.Page[listedMail]
		if err := resp.Decode(&page); err != nil {
			return tool.Result{}, err
		}
		out := listed{Mails: []listedMail{}}
		for _, m := range page.Value {
			short, err := c.Short(ctx, handle.KindMail, []string{m.ID})
			if err != nil {
				return tool.Result{}, err
			}
			out.Mails = append(out.Mails, listedMail{ID: short[0], Subject: m.Subject})
		}
		return tool.Result{Structured: out, Text: "mails", Items: len(out.Mails)}, nil
	})
}

type markArgs struct {
	ID string `json:"id"`
}

// markMail is a write.
func markMail() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "markMail", Idempotent: true, Scopes: []string{"Mail.ReadWrite"},
		Input: []tool.Field{{Name: "id", Type: tool.String, Required: true}}, Output: []tool.Field{{Name: "done", Type: tool.Boolean}},
	}, func(ctx context.Context, c tool.Call, a markArgs) (tool.Plan, error) {
		id, err := c.Resolve(ctx, "id", handle.KindMail, a.ID)
		if err != nil {
			return tool.Plan{}, err
		}
		path, err := graph.To("/me/messages/{message}", id)
		if err != nil {
			return tool.Plan{}, tool.Invalid("id", err.Error())
		}
		write, err := graph.PatchJSON(path, map[string]bool{"isRead": true})
		return tool.Plan{Target: path.Template(), Writes: []graph.Request{write}}, err
	}, func(ctx context.Context, c tool.Call, _ markArgs) (tool.Result, error) {
		_, err := c.Graph.Do(ctx, c.Plan.Writes[0])
		return tool.Result{Structured: map[string]bool{"done": true}, Text: "done", Items: 1}, err
	})
}

func TestCall(t *testing.T) {
	t.Parallel()
	h := tooltest.New(t, listMail(nil), markMail())
	ada, bruno := h.As("ada"), h.As("bruno")
	var mine, his listed
	res := ada.Call("listMail", `{"count":2}`)
	res.Structured(t, &mine)
	bruno.Call("listMail", `{"count":2}`).Structured(t, &his)
	if len(mine.Mails) != 2 || !strings.HasPrefix(mine.Mails[0].ID, "m_") || mine.Mails[0] == his.Mails[0] {
		t.Errorf("mails %+v and %+v", mine, his)
	}
	sent := res.Sent("GET /me/messages")
	if len(res.Requests) != 1 || len(sent) != 1 || sent[0].Header.Get("Authorization") != "Bearer "+ada.Me().ID+" Mail.Read" {
		t.Errorf("requests %v", res.Requests)
	}
	if len(res.Intents) != 1 || res.Intents[0].Target != "/me/messages" || res.Outcomes[0].Items != 2 {
		t.Errorf("audit %+v %+v", res.Intents, res.Outcomes)
	}
	ada.Call("markMail", `{"id":"`+mine.Mails[0].ID+`"}`).WantOK(t)
	bruno.Call("markMail", `{"id":"`+mine.Mails[0].ID+`"}`).WantField(t, "id") // another person's short id
	ada.Without("Mail.ReadWrite").Call("markMail", `{"id":"x"}`).WantError(t, tool.CodeInsufficientScope)
	ada.Call("noTool", `{}`).WantError(t, tool.CodeUnknownTool)
}

// reports collects what a harness would fail a test for.
type reports struct {
	testing.TB
	said []string
}

func (r *reports) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

// What each check is for: a tool with this fault fails its test.
func TestFaultsAreReported(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wrong func(*tool.Spec, *graph.Request)
		says  string
	}{
		"none":                 {nil, ""},
		"property that is not": {func(_ *tool.Spec, r *graph.Request) { r.Query = graph.Query{}.Select("id", "colour") }, "no property colour"},
		"option that is not":   {func(_ *tool.Spec, r *graph.Request) { r.Query = r.Query.Param("limit", "5") }, "the option limit"},
		"address that is not":  {func(_ *tool.Spec, r *graph.Request) { r.Path = graph.Fixed("/me/mailboxSettings/timeZone") }, "no such path"},
		"preference":           {func(_ *tool.Spec, r *graph.Request) { r.Prefer = []string{`outlook.timezone=UTC`} }, "Prefer"},
		"scope of another":     {func(s *tool.Spec, _ *graph.Request) { s.Scopes = []string{"Calendars.Read"} }, "needs Mail.Read"},
		"undeclared output":    {func(s *tool.Spec, _ *graph.Request) { s.Output[0].Items = s.Output[0].Items[:1] }, "[subject], which the fields do not name"},
		"output of other type": {func(s *tool.Spec, _ *graph.Request) { s.Output[0].Items[1].Type = tool.Integer }, "want integer"},
		"missing output": {func(s *tool.Spec, _ *graph.Request) {
			s.Output = append(s.Output, tool.Field{Name: "more", Type: tool.Boolean, Required: true})
		}, "required and missing"},
		"another's mailbox": {func(_ *tool.Spec, r *graph.Request) { r.Path = graph.Fixed("/users/bruno@tideline.example/messages") }, "another person's mailbox"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := &reports{TB: t}
			h := tooltest.Start(fake, tooltest.Options{Tools: []*tool.Tool{listMail(c.wrong)}})
			h.Call("listMail", `{}`)
			said := strings.Join(fake.said, "\n")
			if (said == "") != (c.says == "") || !strings.Contains(said, c.says) {
				t.Errorf("said %q, want %q", said, c.says)
			}
		})
	}
}

// pair asks for two things in one batch.
func pair() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "pair", ReadOnly: true, Scopes: []string{"User.Read", "Mail.Read"},
		Output: []tool.Field{{Name: "name", Type: tool.String}, {Name: "folders", Type: tool.Integer}},
	}, func(context.Context, tool.Call, struct{}) (tool.Plan, error) {
		return tool.Plan{Target: "/me"}, nil
	}, func(ctx context.Context, c tool.Call, _ struct{}) (tool.Result, error) {
		results, err := graph.Batch(ctx, c.Graph, []graph.Request{
			{Method: graph.Get, Path: graph.Fixed("/me")}, {Method: graph.Get, Path: graph.Fixed("/me/mailFolders")},
		})
		if err != nil {
			return tool.Result{}, err
		}
		var user graph.User
		var folders graph.Page[struct{ ID string }]
		for i, into := range []any{&user, &folders} {
			if results[i].Err != nil {
				return tool.Result{}, results[i].Err
			}
			if err := results[i].Response.Decode(into); err != nil {
				return tool.Result{}, err
			}
		}
		return tool.Result{Structured: map[string]any{"name": user.DisplayName, "folders": len(folders.Value)}}, nil
	})
}

// The parts of a batch are checked, and broken, one by one.
func TestBatch(t *testing.T) {
	t.Parallel()
	tooltest.RunMutants(t, tooltest.Suite{Tools: []*tool.Tool{pair()}, Cases: []tooltest.Case{{Tool: "pair", Name: "both"}}})
	fake := &reports{TB: t}
	h := tooltest.Start(fake, tooltest.Options{Tools: []*tool.Tool{pair()}})
	h.Without("Mail.Read").With("MailboxSettings.Read").Call("pair", `{}`).WantError(t, tool.CodeInsufficientScope)
	narrow := pair().With(func(s *tool.Spec) { s.Scopes = s.Scopes[:1] })
	tooltest.Start(fake, tooltest.Options{Tools: []*tool.Tool{narrow}}).Call("pair", `{}`)
	if said := strings.Join(fake.said, "\n"); !strings.Contains(said, "GET /me/mailFolders: needs Mail.ReadBasic") {
		t.Errorf("said %q", said)
	}
}

func suite(tools ...*tool.Tool) tooltest.Suite {
	return tooltest.Suite{Tools: tools, Cases: []tooltest.Case{
		{Tool: "listMail", Name: "two", As: "ada", Args: `{"count":2}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			var got listed
			if res.Structured(t, &got); len(got.Mails) != 2 {
				t.Errorf("%d mails", len(got.Mails))
			}
		}},
		{
			Tool: "listMail", Name: "by subject", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
				return `{"subject":` + quoted(h.Mailbox().Messages[0].Subject) + `}`
			},
			Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
				var got listed
				res.Structured(t, &got)
				for _, m := range got.Mails {
					if m.Subject != h.Mailbox().Messages[0].Subject {
						t.Errorf("found %s", m.Subject)
					}
				}
			},
		},
		{Tool: "listMail", Name: "refused", Fails: map[string]int{"GET /me/messages": 403}, Err: tool.CodeForbidden},
		{Tool: "listMail", Name: "none", Args: `{"count":0}`, Err: tool.CodeInvalidArguments, Field: "count"},
	}}
}

func TestSuite(t *testing.T) {
	t.Parallel()
	s := suite(listMail(nil), markMail())
	s.Cases = append(s.Cases,
		tooltest.Case{Tool: "markMail", Name: "one", ArgsOf: func(h *tooltest.Harness) string { return `{"id":"` + h.Mailbox().Messages[0].ID + `"}` }},
		tooltest.Case{Tool: "markMail", Name: "gone", ArgsOf: func(h *tooltest.Harness) string { return `{"id":"` + h.As("bruno").Mailbox().Messages[0].ID + `"}` }, Err: tool.CodeNotFound},
		tooltest.Case{Tool: "markMail", Name: "no id", Args: `{"id":"m_aaaaaaaaaa"}`, Err: tool.CodeInvalidArguments, Field: "id"},
	)
	tooltest.RunSuite(t, s)
	t.Run("mutants", func(t *testing.T) { t.Parallel(); tooltest.RunMutants(t, s) })
}

func quoted(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(raw)
}
