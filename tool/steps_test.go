package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/dlp"
	"m365mcp/graph"
	"m365mcp/tool"
)

func code(err error) string {
	if te, ok := errors.AsType[*tool.Error](err); ok {
		return te.Code
	}
	return ""
}

// A plan may read, through a session of its own that cannot write, and what it
// read is part of the evidence.
func TestPlanReads(t *testing.T) {
	t.Parallel()
	draft := graph.Request{Method: graph.Get, Path: graph.Fixed("/me/messages/1")}
	send := graph.Request{Method: graph.Post, Path: graph.Fixed("/me/messages/1/send")}
	planner := func(first graph.Request) *tool.Tool {
		return tool.Define(tool.Spec{Name: "send", Destructive: true},
			func(ctx context.Context, c tool.Call, _ noArgs) (tool.Plan, error) {
				if _, err := c.Graph.Do(ctx, first); err != nil {
					return tool.Plan{}, err
				}
				return tool.Plan{Target: "/me/messages/{id}/send", Writes: []graph.Request{send}}, nil
			},
			func(ctx context.Context, c tool.Call, _ noArgs) (tool.Result, error) {
				_, err := c.Graph.Do(ctx, c.Plan.Writes[0])
				return tool.Result{Structured: map[string]bool{"sent": true}}, err
			})
	}
	tr := &trace{}
	if _, err := newRunner(t, tr, nil, planner(draft)).Run(t.Context(), ada, "send", nil); err != nil {
		t.Fatal(err)
	}
	want := []string{"open", "send", "close", "intent", "open", "send", "outcome", "close"}
	if diff := cmp.Diff(want, tr.steps); diff != "" {
		t.Error(diff)
	}
	if n := len(tr.outcomes[0].GraphRequests); n != 2 {
		t.Errorf("the evidence has %d requests, want that of the plan and that of the call", n)
	}

	tr = &trace{}
	_, err := newRunner(t, tr, nil, planner(send)).Run(t.Context(), ada, "send", nil)
	if code(err) != tool.CodeInternal || slices.Contains(tr.steps, "send") {
		t.Errorf("a plan that writes: %v after %v", err, tr.steps)
	}
}

// A Doer that outlives its plan sends nothing.
func TestPlanDoerEndsWithThePlan(t *testing.T) {
	t.Parallel()
	var leaked graph.Doer
	leaky := tool.Define(tool.Spec{Name: "leaky", ReadOnly: true},
		func(_ context.Context, c tool.Call, _ noArgs) (tool.Plan, error) {
			leaked = c.Graph
			return tool.Plan{}, nil
		},
		func(ctx context.Context, _ tool.Call, _ noArgs) (tool.Result, error) {
			_, err := leaked.Do(ctx, graph.Request{Method: graph.Get, Path: graph.Fixed("/me")})
			return tool.Result{}, err
		})
	tr := &trace{}
	if _, err := newRunner(t, tr, nil, leaky).Run(t.Context(), ada, "leaky", nil); code(err) != tool.CodeInternal || slices.Contains(tr.steps, "send") {
		t.Errorf("%v after %v", err, tr.steps)
	}
}

// What changed between the decision and Do is refused before a write goes out.
func TestGuards(t *testing.T) {
	t.Parallel()
	guarded := tool.Define(tool.Spec{Name: "send", Destructive: true},
		func(context.Context, tool.Call, noArgs) (tool.Plan, error) {
			return tool.Plan{
				Writes: []graph.Request{{Method: graph.Post, Path: graph.Fixed("/me/messages/1/send")}},
				Guards: []tool.Guard{{Read: graph.Request{Method: graph.Get, Path: graph.Fixed("/me/messages/1")}, ETag: `W/"1"`}},
			}, nil
		}, sendPlanned2)
	for etag, want := range map[string]string{`W/"1"`: "", `W/"2"`: tool.CodeChanged, "": tool.CodeChanged} {
		sent := 0
		tr := &trace{answer: func(r graph.Request) (*graph.Response, error) {
			if r.Method == graph.Post {
				sent++
				return &graph.Response{Status: 202}, nil
			}
			b, err := json.Marshal(map[string]string{"@odata.etag": etag})
			return &graph.Response{Status: 200, Body: b}, err
		}}
		_, err := newRunner(t, tr, nil, guarded).Run(t.Context(), ada, "send", nil)
		if code(err) != want || (sent == 1) != (want == "") {
			t.Errorf("ETag %q: %v, %d sent", etag, err, sent)
		}
	}
}

func sendPlanned2(ctx context.Context, c tool.Call, _ noArgs) (tool.Result, error) {
	return sendPlanned(ctx, c)
}

// A tool that runs others is the other one: in rights, decision and evidence.
func TestDispatch(t *testing.T) {
	t.Parallel()
	tr := &trace{}
	set := tool.Set{Tools: []*tool.Tool{
		sender(tr, sendPlanned), reader("x"),
		tool.Dispatcher(tool.Spec{Name: "runReadTool", ReadOnly: true}, false),
		tool.Dispatcher(tool.Spec{Name: "runWriteTool", Destructive: true}, true),
	}}
	selection, err := tool.Select("core,runReadTool,runWriteTool", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := tool.NewRegistry(set, selection)
	if err != nil {
		t.Fatal(err)
	}
	only := func(o *tool.Options) { o.Registry = registry }
	for _, c := range []struct{ name, args, code, evidence string }{
		{"runWriteTool", `{"name":"send","arguments":{"to":"bob@example.com"}}`, "", "send write allow"},
		{"runReadTool", `{"name":"read"}`, "", "read read allow"},
		{"runReadTool", `{"name":"send","arguments":{"to":"bob@example.com"}}`, tool.CodeInvalidArguments, "runReadTool read deny"},
		{"runWriteTool", `{"name":"read"}`, tool.CodeInvalidArguments, "runWriteTool write deny"},
		{"runWriteTool", `{"name":"send","arguments":{"too":"bob@example.com"}}`, tool.CodeInvalidArguments, "send write deny"},
		{"runWriteTool", `{"name":"runReadTool","arguments":{}}`, tool.CodeInvalidArguments, "runWriteTool write deny"},
		{"runWriteTool", `{"name":"/me/sendMail","arguments":{}}`, tool.CodeInvalidArguments, "runWriteTool write deny"},
		{"runWriteTool", `{"name":"send","arguments":"{}"}`, tool.CodeInvalidArguments, "runWriteTool write deny"},
	} {
		tr.intents, tr.outcomes = nil, nil
		_, err := newRunner(t, tr, only).Run(t.Context(), ada, c.name, json.RawMessage(c.args))
		if code(err) != c.code {
			t.Errorf("%s %s: %v", c.name, c.args, err)
			continue
		}
		if len(tr.intents) != 1 || len(tr.outcomes) != 1 {
			t.Fatalf("%s %s: %d intents, %d outcomes", c.name, c.args, len(tr.intents), len(tr.outcomes))
		}
		in := tr.intents[0]
		if got := in.Tool + " " + string(in.Effect) + " " + in.Decision; got != c.evidence {
			t.Errorf("%s %s: evidence %q, want %q", c.name, c.args, got, c.evidence)
		}
	}
	// What is denied cannot be reached in this way either.
	denied, err := tool.Select("core,runWriteTool", nil, []string{"send"})
	if err != nil {
		t.Fatal(err)
	}
	if registry, err = tool.NewRegistry(set, denied); err != nil {
		t.Fatal(err)
	}
	tr.steps = nil
	_, err = newRunner(t, tr, only).Run(t.Context(), ada, "runWriteTool", json.RawMessage(`{"name":"send","arguments":{"to":"b"}}`))
	if err == nil || slices.Contains(tr.steps, "send") {
		t.Errorf("a denied tool ran: %v, %v", err, tr.steps)
	}
}

// An internal tool has no name that a client could call.
func TestInternalToolsAreNotCallable(t *testing.T) {
	t.Parallel()
	tr := &trace{}
	internal := reader("x").With(func(s *tool.Spec) { s.Of = "send" })
	registry, err := tool.NewRegistry(tool.Set{Tools: []*tool.Tool{sender(tr, sendPlanned)}, Internal: []*tool.Tool{internal}}, everything(t))
	if err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, tr, func(o *tool.Options) { o.Registry = registry })
	if _, err := r.Run(t.Context(), ada, "read", nil); code(err) != tool.CodeUnknownTool {
		t.Errorf("Run: %v", err)
	}
	if err := r.RunInternal(t.Context(), ada, "read", nil, nil); err != nil {
		t.Errorf("RunInternal: %v", err)
	}
}

// Graph's 403 names no scope. What the call needs is granted by then: nobody is sent
// to grant it once more.
func TestForbiddenSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{"Mail.Read", "ChannelMessage.Read.All"} {
		reading := tool.Define(tool.Spec{Name: "read", ReadOnly: true, Scopes: []string{scope}},
			func(context.Context, tool.Call, noArgs) (tool.Plan, error) { return tool.Plan{}, nil },
			func(ctx context.Context, c tool.Call, _ noArgs) (tool.Result, error) {
				_, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: graph.Fixed("/x")})
				return tool.Result{}, err
			})
		tr := &trace{answer: func(graph.Request) (*graph.Response, error) {
			return nil, &graph.Error{Kind: graph.KindGraph, Code: "ErrorAccessDenied", Exchange: graph.Exchange{Status: http.StatusForbidden}}
		}}
		who := ada
		who.Scopes = []string{scope}
		_, err := newRunner(t, tr, nil, reading).Run(t.Context(), who, "read", nil)
		te, ok := errors.AsType[*tool.Error](err)
		if !ok || te.Code != tool.CodeForbidden || te.Action != "the permission ("+scope+") is granted, so the person's own right in Microsoft 365 is missing, or the organization forbids it; ask the owner of the item or the administrator." || te.Scopes != nil {
			t.Errorf("%s: %v, action %q", scope, err, te.Action)
		}
		who.Scopes = nil
		_, err = newRunner(t, tr, nil, reading).Run(t.Context(), who, "read", nil)
		if te, ok = errors.AsType[*tool.Error](err); !ok || te.Code != tool.CodeInsufficientScope || !slices.Contains(te.Scopes, scope) {
			t.Errorf("%s not granted: %v", scope, err)
		}
	}
}

// The scopes that arguments need are looked at too, after the plan.
func TestPlanScopes(t *testing.T) {
	t.Parallel()
	shared := tool.Define(tool.Spec{Name: "read", ReadOnly: true, Scopes: []string{"Mail.Read"}},
		func(context.Context, tool.Call, noArgs) (tool.Plan, error) {
			return tool.Plan{Scopes: []string{"Mail.Read.Shared"}}, nil
		},
		func(context.Context, tool.Call, noArgs) (tool.Result, error) {
			return tool.Result{Structured: map[string]int{}}, nil
		})
	tr := &trace{}
	if _, err := newRunner(t, tr, nil, shared).Run(t.Context(), ada, "read", nil); code(err) != tool.CodeInsufficientScope {
		t.Errorf("without the scope: %v", err)
	}
	who := ada
	who.Scopes = append(slices.Clone(ada.Scopes), "Mail.ReadWrite.Shared")
	if _, err := newRunner(t, tr, nil, shared).Run(t.Context(), who, "read", nil); err != nil {
		t.Errorf("with a wider scope: %v", err)
	}
}

// What goes wrong after a write was accepted says nothing about the write: nobody
// may be told to try again (invariant 7).
func TestTroubleAfterAWriteIsUnknown(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]error{
		"a fault of our own":               errors.New("no short id"),
		"an answer that cannot be decoded": &graph.Error{Kind: graph.KindProtocol},
	} {
		tr := &trace{}
		_, err := newRunner(t, tr, nil, sender(tr, func(ctx context.Context, c tool.Call) (tool.Result, error) {
			if _, err := c.Graph.Do(ctx, c.Plan.Writes[0]); err != nil {
				return tool.Result{}, err
			}
			return tool.Result{}, trouble
		})).Run(t.Context(), ada, "send", json.RawMessage(`{"to":"bob@example.com"}`))
		if code(err) != tool.CodeOutcomeUnknown || string(tr.outcomes[0].Status) != "unknown" {
			t.Errorf("%s: %v, outcome %s", name, err, tr.outcomes[0].Status)
		}
	}
}

// DLP reads HTML as people will: markup cannot split what it looks for.
func TestMarkupHidesNothingFromDLP(t *testing.T) {
	t.Parallel()
	leak := tool.Define(tool.Spec{Name: "send"},
		func(context.Context, tool.Call, noArgs) (tool.Plan, error) {
			return tool.Plan{Content: []string{"<p>card 4111<b></b>1111 &#52;222</p>"}}, nil
		},
		func(context.Context, tool.Call, noArgs) (tool.Result, error) { return tool.Result{}, nil })
	tr := &trace{}
	_, err := newRunner(t, tr, func(o *tool.Options) {
		o.DLP = dlp.New(dlp.Detector{Name: "card", Match: func(s string) bool { return strings.Contains(s, "41111111 4222") }})
	}, leak).Run(t.Context(), ada, "send", nil)
	if err != nil || !slices.Contains(tr.intents[0].Findings, "card") {
		t.Errorf("%v, findings %v", err, tr.intents[0].Findings)
	}
}
