package search_test

import (
	"strings"
	"testing"

	"m365mcp/tool"
	"m365mcp/tool/mail"
	"m365mcp/tool/search"
	"m365mcp/tool/tooltest"
)

type check = func(tooltest.Reporter, *tooltest.Harness, tooltest.Result)

func has(parts ...string) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, parts...)
	}
}

// only wants every result to be of one type, and at least one.
func only(name string, most int) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if res.Output == nil {
			t.Errorf("failed: %v", res.Err)
			return
		}
		text := string(res.Output.Structured)
		n, of := strings.Count(text, `{"type":"`), strings.Count(text, `{"type":"`+name+`"`)
		if n == 0 || n != of || n > most {
			t.Errorf("%d results, %d of them %s, at most %d wanted: %s", n, of, name, most, text)
		}
	}
}

var suite = tooltest.Suite{Tools: search.Tools(), Cases: []tooltest.Case{
	{Tool: "searchAll", Name: "mail alone is granted", As: "ada", Any: 0, Args: `{"query":"budget"}`, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		only("mail", 5)(t, h, res)
		has(`"id":"m_`, `"notGranted":["event","file","chat","site"]`)(t, h, res)
	}},
	{Tool: "searchAll", Name: "files", As: "ada", Any: 2, Args: `{"query":"plan","types":["file"],"count":2}`, Check: only("file", 2)},
	{Tool: "searchAll", Name: "chats", As: "ada", Any: 3, Args: `{"query":"Carla","types":["chat"]}`, Check: only("chat", 5)},
	{Tool: "searchAll", Name: "sites", As: "ada", Any: 4, Args: `{"query":"launch OR operations OR team","types":["site"]}`, Check: only("site", 5)},
	{Tool: "searchAll", Name: "events", As: "ada", Any: 1, Args: `{"query":"review OR weekly OR meeting","types":["event"]}`, Check: only("event", 5)},
	{
		Tool: "searchAll", Name: "everything", As: "ada", Any: 0, With: []string{"Files.Read.All", "Calendars.Read", "Chat.Read", "Sites.Read.All"}, Args: `{"query":"launch","count":3}`,
		Check: has(`"type":"mail"`, `"type":"file"`),
	},
	{Tool: "searchAll", Name: "one kind of what is granted", As: "ada", Any: 0, With: []string{"Files.Read.All"}, Args: `{"query":"plan","types":["file"]}`, Check: only("file", 5)},
	{Tool: "searchAll", Name: "a kind that is not granted", As: "ada", Any: 0, Args: `{"query":"plan","types":["file"]}`, Err: tool.CodeInsufficientScope},
	{Tool: "searchAll", Name: "no word", As: "ada", Any: 0, Args: `{"query":"()"}`, Err: tool.CodeInvalidArguments, Field: "query"},
	{Tool: "searchAll", Name: "no such kind", As: "ada", Any: 0, Args: `{"query":"x","types":["people"]}`, Err: tool.CodeInvalidArguments, Field: "types"},
	{Tool: "searchAll", Name: "Graph refuses", As: "ada", Any: 0, Args: `{"query":"x"}`, Fails: map[string]int{"POST /$batch": 403}, Err: tool.CodeForbidden},
}}

func TestTools(t *testing.T)   { t.Parallel(); tooltest.RunSuite(t, suite) }
func TestMutants(t *testing.T) { t.Parallel(); tooltest.RunMutants(t, suite) }

// What a model writes restricts no property and excludes nothing.
func TestWordsStayWords(t *testing.T) {
	t.Parallel()
	h := tooltest.New(t, search.Tools()...)
	for _, evil := range []string{`budget from:bruno`, `budget) OR (a:b`, `size>0`, `budget\" OR \"x`} {
		res := h.As("ada").Any(0).Call("searchAll", `{"query":"`+strings.ReplaceAll(evil, `\"`, `'`)+`"}`)
		for _, r := range res.Requests {
			if strings.Contains(string(r.Body), ` from:bruno`) || strings.Contains(string(r.Body), `a:b)`) {
				t.Errorf("%q: %s", evil, r.Body)
			}
		}
	}
}

// Where an administrator has taken the mails away, searching finds none, granted or not.
func TestDeniedKinds(t *testing.T) {
	t.Parallel()
	h := tooltest.Start(t, tooltest.Options{Tools: append(search.Tools(), mail.Tools()...), Deny: []string{"mail"}}).As("ada").With("Mail.Read", "Chat.Read")
	res := h.Call("searchAll", `{"query":"Carla"}`)
	res.WantOK(t)
	if text := string(res.Output.Structured); strings.Contains(text, `"type":"mail"`) || strings.Contains(text, `"mail"`) || !strings.Contains(text, `"type":"chat"`) {
		t.Errorf("found %s", text)
	}
	if res = h.Call("searchAll", `{"query":"Carla","types":["mail"]}`); res.Err == nil || res.Err.Code != tool.CodeInvalidArguments || len(res.Sent("POST /search/query")) != 0 {
		t.Errorf("mails by name: %+v", res)
	}
}
