package people_test

import (
	"encoding/json"
	"strings"
	"testing"

	"m365mcp/tool"
	"m365mcp/tool/people"
	"m365mcp/tool/tooltest"
)

func has(parts ...string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, parts...)
	}
}

// counted wants exactly n items in a list of the result.
func counted(list string, n int) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		var got map[string]json.RawMessage
		var items []json.RawMessage
		if res.Output == nil || json.Unmarshal(res.Output.Structured, &got) != nil || json.Unmarshal(got[list], &items) != nil || len(items) != n {
			t.Errorf("%s are not %d: %v", list, n, res)
		}
	}
}

var suite = tooltest.Suite{Tools: people.Tools(), Cases: []tooltest.Case{
	{Tool: "findPeople", Name: "by the beginning of a name", As: "ada", Args: `{"query":"bru"}`, Check: has("Bruno", "bruno@tideline.example")},
	{Tool: "findPeople", Name: "by address", As: "ada", Args: `{"query":"chen@tideline.example","count":1}`, Check: has(`"mail":"chen@tideline.example"`)},
	{Tool: "findPeople", Name: "nobody", As: "ada", Args: `{"query":"zzz"}`, Check: has(`"people":[]`)},
	{Tool: "findPeople", Name: "only so many", As: "ada", Args: `{"query":"b","count":1}`, Check: counted("people", 1)},
	{Tool: "findPeople", Name: "no word", As: "ada", Args: `{"query":" "}`, Err: tool.CodeInvalidArguments},
	{Tool: "findPeople", Name: "Graph refuses", As: "ada", Args: `{"query":"bruno"}`, Fails: map[string]int{"GET /users": 403}, Err: tool.CodeForbidden},

	{Tool: "getContacts", Name: "people", As: "ada", Any: 0, Args: `{"count":5}`, Check: has(`"contacts":[`, `"emailAddresses":[`)},
	{Tool: "getContacts", Name: "people by a word", As: "ada", Any: 0, Args: `{"search":"bruno"}`, Check: counted("contacts", 1)},
	{Tool: "getContacts", Name: "the second page", As: "ada", Any: 1, ArgsOf: func(h *tooltest.Harness) string {
		var first struct{ Cursor string }
		if err := json.Unmarshal(h.As("ada").Any(1).Call("getContacts", `{"source":"contacts","count":2}`).Output.Structured, &first); err != nil {
			return err.Error()
		}
		return `{"source":"contacts","count":2,"cursor":"` + first.Cursor + `"}`
	}, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if len(res.Sent("GET /me/contacts")) != 1 || !strings.Contains(res.Requests[0].Query, "skip") {
			t.Errorf("the second page was not asked for: %v", res.Requests)
		}
	}},
	{Tool: "getContacts", Name: "address book", As: "ada", Any: 1, Args: `{"source":"contacts","count":3}`, Check: has(`"contacts":[`, `"cursor":"cu_`)},
	{Tool: "getContacts", Name: "too many", As: "ada", Any: 0, Args: `{"count":101}`, Err: tool.CodeInvalidArguments},
	{Tool: "getContacts", Name: "no cursor of this list", As: "ada", Any: 0, Args: `{"cursor":"cu_aaaaaaaaaa"}`, Err: tool.CodeInvalidArguments},
	{Tool: "getContacts", Name: "Graph refuses", As: "ada", Any: 0, Fails: map[string]int{"GET /me/people": 403}, Err: tool.CodeForbidden},
}}

func TestTools(t *testing.T)   { t.Parallel(); tooltest.RunSuite(t, suite) }
func TestMutants(t *testing.T) { t.Parallel(); tooltest.RunMutants(t, suite) }

// Reading on with the cursor reaches everybody, and nobody twice.
func TestContactsToTheEnd(t *testing.T) {
	t.Parallel()
	h := tooltest.New(t, people.Tools()...)
	seen, args := map[string]bool{}, `{"source":"contacts","count":2}`
	for pages := 0; ; pages++ {
		var got struct {
			Contacts []struct{ ID string }
			Cursor   string
		}
		h.As("ada").Any(1).Call("getContacts", args).Structured(t, &got)
		for _, c := range got.Contacts {
			if seen[c.ID] {
				t.Errorf("%s comes twice", c.ID)
			}
			seen[c.ID] = true
		}
		if got.Cursor == "" {
			break
		}
		if pages > 50 {
			t.Fatal("no end")
		}
		args = `{"source":"contacts","count":2,"cursor":"` + got.Cursor + `"}`
	}
	if len(seen) < 3 {
		t.Errorf("%d contacts; the paging was not tried", len(seen))
	}
}

// What a model writes stays a word to look for.
func TestWordsStayWords(t *testing.T) {
	t.Parallel()
	h := tooltest.New(t, people.Tools()...)
	for _, evil := range []string{`x\" OR \"mail:a`, `a&$filter=1 eq 1`, `') or ('1'='1`, "a\\nb", `*`, `"`} {
		for name, call := range map[string]tooltest.Result{
			"findPeople":  h.As("ada").Call("findPeople", `{"query":"`+strings.ReplaceAll(evil, `"`, `'`)+`"}`),
			"getContacts": h.As("ada").Any(0).Call("getContacts", `{"search":"`+strings.ReplaceAll(evil, `"`, `'`)+`"}`),
		} {
			for _, r := range call.Requests {
				if strings.Contains(r.Query, "$filter") {
					t.Errorf("%s %q: query %s", name, evil, r.Query)
				}
			}
		}
	}
}
