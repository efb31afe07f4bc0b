// Package tooltest tries tools on the whole way of a call: the real Runner, the
// real gateway and real short ids (SQLite) before the simulated Graph, over HTTP.
//
// The token of a call carries exactly the scopes that its tool declares, and every
// request that arrives is held against Microsoft's description and permissions
// (package internal/graphdata): its address, options, headers and body, and that
// the declared scopes suffice. The answer is held against the tool's output
// fields, and the audit has one intent and one outcome. What is wrong fails the
// test by itself; a test only says what the tool is to do:
//
//	func TestGetEmails(t *testing.T) {
//		t.Parallel()
//		h := tooltest.New(t, mail.Tools()...)
//		res := h.As("ada").Call("getEmails", `{"count": 2}`)
//		var got struct{ Emails []struct{ ID, Subject string } }
//		res.Structured(t, &got)
//		h.As("ada").Without("Mail.Read").Call("getEmails", `{}`).WantError(t, tool.CodeInsufficientScope)
//	}
//
//	var suite = tooltest.Suite{Tools: mail.Tools(), Cases: []tooltest.Case{
//		{Tool: "getEmails", Name: "newest two", As: "ada", Args: `{"count": 2}`,
//			Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) { tooltest.Contains(t, res, `"subject":"Offsite"`) }},
//		{Tool: "getEmails", Name: "no such folder", As: "ada", Args: `{"folder": "AAMkAD"}`, Err: tool.CodeNotFound},
//		{Tool: "getEmails", Name: "Graph refuses", As: "ada", Fails: map[string]int{"GET /me/mailFolders/{mailFolder-id}/messages": 403}, Err: tool.CodeForbidden},
//		{Tool: "getEmails", Name: "too many", As: "ada", Args: `{"count": 51}`, Err: tool.CodeInvalidArguments},
//		{Tool: "readEmail", Name: "by its id", As: "ada", ArgsOf: func(h *tooltest.Harness) string { return `{"id":"` + h.Mailbox().Messages[0].ID + `"}` }},
//	}}
//
//	func TestTools(t *testing.T)   { t.Parallel(); tooltest.RunSuite(t, suite) }
//	func TestMutants(t *testing.T) { t.Parallel(); tooltest.RunMutants(t, suite) }
//
// RunSuite adds for every tool: each declared scope missing, and an argument that
// it does not have. RunMutants breaks each tool in memory, one thing at a time, and
// fails where no case notices: a scope left out or narrowed, an argument ignored,
// an operation of Graph that is not there.
package tooltest
