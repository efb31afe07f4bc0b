package platform_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"m365mcp/graph"
	"m365mcp/identity"
	"m365mcp/tool"
	"m365mcp/tool/platform"
	"m365mcp/tool/tooltest"
)

type check = func(tooltest.Reporter, *tooltest.Harness, tooltest.Result)

func has(parts ...string) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, parts...)
	}
}

// access stands for the authorization server, which asks people for some scopes.
type access struct{}

func (access) MayAsk(scope string) bool { return scope != "OnlineMeetingTranscript.Read.All" }

func (access) Link(_ context.Context, p identity.Principal, scopes []string) (tool.Link, error) {
	if p.GrantID == "" {
		return tool.Link{}, errors.New("no grant")
	}
	return tool.Link{URL: "https://mcp.example/access/" + strings.Join(scopes, "+"), Expires: tooltest.Now.Add(10 * time.Minute)}, nil
}

// others stand for what a list leaves out: one that reads, one that writes.
func others() []*tool.Tool {
	type spoken struct {
		Shout bool `json:"shout"`
	}
	type named struct {
		Name string `json:"name"`
	}
	return []*tool.Tool{
		tool.Define(tool.Spec{
			Name: "getManager", Family: "people", Description: "Says who a person reports to: the manager.", ReadOnly: true, Idempotent: true,
			Scopes: []string{"User.Read"}, Output: []tool.Field{{Name: "displayName", Type: tool.String}},
			Input: []tool.Field{{Name: "shout", Type: tool.Boolean}},
		}, func(context.Context, tool.Call, spoken) (tool.Plan, error) { return tool.Plan{Target: "/me"}, nil },
			func(ctx context.Context, c tool.Call, a spoken) (tool.Result, error) {
				resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: graph.Fixed("/me"), Query: graph.Query{}.Select("displayName")})
				if err != nil {
					return tool.Result{}, err
				}
				var me graph.User
				err = resp.Decode(&me)
				if a.Shout {
					me.DisplayName = strings.ToUpper(me.DisplayName)
				}
				return tool.Result{Structured: map[string]string{"displayName": me.DisplayName}, Text: me.DisplayName}, err
			}),
		tool.Define(tool.Spec{
			Name: "readTranscript", Family: "teams", Description: "Reads what was said in a meeting.", ReadOnly: true, Scopes: []string{"OnlineMeetingTranscript.Read.All"},
		}, func(context.Context, tool.Call, spoken) (tool.Plan, error) { return tool.Plan{Target: "/me"}, nil },
			func(context.Context, tool.Call, spoken) (tool.Result, error) {
				return tool.Result{}, errors.New("not run")
			}),
		tool.Define(tool.Spec{
			Name: "createList", Family: "tasks", Description: "Creates a list of tasks.", Scopes: []string{"Tasks.ReadWrite"}, OptionalScopes: []string{"Tasks.Read"},
			Input: []tool.Field{{Name: "name", Type: tool.String, Required: true}}, Output: []tool.Field{{Name: "done", Type: tool.Boolean}},
		}, func(_ context.Context, _ tool.Call, a named) (tool.Plan, error) {
			r, err := graph.PostJSON(graph.Fixed("/me/todo/lists"), map[string]string{"displayName": a.Name})
			return tool.Plan{Target: "/me/todo/lists", Writes: []graph.Request{r}}, err
		}, func(ctx context.Context, c tool.Call, _ named) (tool.Result, error) {
			_, err := c.Graph.Do(ctx, c.Plan.Writes[0])
			return tool.Result{Structured: map[string]bool{"done": true}, Text: "done"}, err
		}),
	}
}

var suite = tooltest.Suite{
	Tools: platform.Tools(),
	Setup: func(o *tooltest.Options) {
		o.Tools, o.Select, o.Access = append(o.Tools, others()...), "core,runWriteTool", access{}
	},
	Cases: []tooltest.Case{
		{Tool: "whoAmI", Name: "with the zone", As: "ada", Optional: true, Check: has(`"displayName":"Ada Lindqvist"`, `"mail":"ada@tideline.example"`, `"timeZone":"W. Europe Standard Time"`, `"permissions":["MailboxSettings.Read","User.Read"]`)},
		{Tool: "whoAmI", Name: "Graph refuses", As: "ada", Fails: map[string]int{"GET /me": 403}, Err: tool.CodeForbidden},
		{Tool: "whoAmI", Name: "an argument", As: "ada", Args: `{"user":"bruno"}`, Err: tool.CodeInvalidArguments},

		{Tool: "authenticate", Name: "says who", As: "bruno", Check: has(`"signedIn":true`, `"user":"bruno@tideline.example"`)},

		{Tool: "requestAccess", Name: "of a tool", As: "ada", Args: `{"for":"createList"}`, Check: has(`"granted":false`, `"scope":"Tasks.ReadWrite","tools":["createList"]}`,
			`"link":"https://mcp.example/access/Tasks.ReadWrite"`, `within 10 minutes`)},
		{Tool: "requestAccess", Name: "of a permission", As: "ada", Args: `{"for":["Tasks.ReadWrite","User.Read"]}`, Check: has(`"scope":"Tasks.ReadWrite"`, `"link":"https://mcp.example/access/Tasks.ReadWrite+User.Read"`)},
		{Tool: "requestAccess", Name: "the widest of several", As: "ada", Args: `{"for":["Tasks.Read","createList"]}`, Check: has(`"scope":"Tasks.Read"`, `"scope":"Tasks.ReadWrite"`, `"link":"https://mcp.example/access/Tasks.ReadWrite"`)},
		{Tool: "requestAccess", Name: "of an optional permission", As: "ada", Args: `{"for":"MailboxSettings.Read"}`, Check: has(`"scope":"MailboxSettings.Read"`, `"link":"https://mcp.example/access/MailboxSettings.Read"`)},
		{Tool: "requestAccess", Name: "nobody is asked for", As: "ada", Args: `{"for":["readTranscript","createList"]}`, Check: has(`"scope":"OnlineMeetingTranscript.Read.All","tools":["readTranscript"],"adminConsent":true,"notAsked":true`,
			`"link":"https://mcp.example/access/Tasks.ReadWrite"`, `tools.admin_consent`)},
		{Tool: "requestAccess", Name: "of nothing that is asked for", As: "ada", Args: `{"for":["readTranscript"]}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			if strings.Contains(string(res.Output.Structured), "link") {
				t.Errorf("a link: %s", res.Output.Structured)
			}
		}},
		{Tool: "requestAccess", Name: "that is granted", As: "ada", With: []string{"Tasks.ReadWrite"}, Args: `{"for":["tasks"]}`, Check: has(`"granted":true`)},
		{Tool: "requestAccess", Name: "by a wider permission", As: "ada", With: []string{"Tasks.ReadWrite"}, Args: `{"for":["Tasks.ReadWrite"]}`, Check: has(`"granted":true`)},
		{Tool: "requestAccess", Name: "of nothing", As: "ada", Args: `{"for":"/me/messages"}`, Err: tool.CodeInvalidArguments, Field: "for"},

		{Tool: "findTools", Name: "by what it does", As: "ada", Args: `{"query":"who is my manager"}`, Check: has(`"name":"getManager"`, `"inputSchema":{`)},
		{Tool: "findTools", Name: "only so many", As: "ada", Args: `{"query":"a list of the manager","count":1}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			var got struct{ Tools []struct{ Name string } }
			if res.Structured(t, &got); len(got.Tools) != 1 {
				t.Errorf("%d tools", len(got.Tools))
			}
		}},
		{Tool: "findTools", Name: "what no listed tool runs", As: "ada", Setup: func(o *tooltest.Options) { o.Select = "core" }, Args: `{"query":"create a list of tasks","count":1}`, Check: has(`"runWith":"nothing: an administrator has to add createList or runWriteTool to M365_MCP_TOOLS"`)},
		{Tool: "findTools", Name: "too many", As: "ada", Args: `{"query":"x","count":11}`, Err: tool.CodeInvalidArguments, Field: "count"},

		{Tool: "runReadTool", Name: "reads", As: "ada", With: []string{"User.Read"}, Args: `{"name":"getManager"}`, Check: has(`"displayName":"Ada Lindqvist"`)},
		{Tool: "runReadTool", Name: "with its arguments", As: "ada", With: []string{"User.Read"}, Args: `{"name":"getManager","arguments":{"shout":true}}`, Check: has(`"displayName":"ADA LINDQVIST"`)},
		{Tool: "runReadTool", Name: "not what writes", As: "ada", With: []string{"Tasks.ReadWrite"}, Args: `{"name":"createList","arguments":{"name":"x"}}`, Err: tool.CodeInvalidArguments, Field: "name"},
		{Tool: "runReadTool", Name: "without its scope", As: "ada", Args: `{"name":"getManager"}`, Err: tool.CodeInsufficientScope},
		{Tool: "runReadTool", Name: "Graph refuses", As: "ada", With: []string{"User.Read"}, Args: `{"name":"getManager"}`, Fails: map[string]int{"GET /me": 403}, Err: tool.CodeForbidden},

		{Tool: "runWriteTool", Name: "writes", As: "ada", With: []string{"Tasks.ReadWrite"}, Args: `{"name":"createList","arguments":{"name":"Harbour"}}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			if len(res.Sent("POST /me/todo/lists")) != 1 {
				t.Errorf("sent %v", res.Requests)
			}
		}},
		{Tool: "runWriteTool", Name: "not what reads", As: "ada", Args: `{"name":"getManager"}`, Err: tool.CodeInvalidArguments, Field: "name"},
		{Tool: "runWriteTool", Name: "its arguments are checked", As: "ada", With: []string{"Tasks.ReadWrite"}, Args: `{"name":"createList","arguments":{"title":"x"}}`, Err: tool.CodeInvalidArguments},
		{Tool: "runWriteTool", Name: "Graph refuses", As: "ada", With: []string{"Tasks.ReadWrite"}, Args: `{"name":"createList","arguments":{"name":"x"}}`, Fails: map[string]int{"POST /me/todo/lists": 403}, Err: tool.CodeForbidden},
	},
}

func TestTools(t *testing.T)   { t.Parallel(); tooltest.RunSuite(t, suite) }
func TestMutants(t *testing.T) { t.Parallel(); tooltest.RunMutants(t, suite) }
