package mail_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/tool"
	"m365mcp/tool/tooltest"
)

// nextPage are arguments that go on where a first call ended.
func nextPage(name, args string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		var first struct{ Cursor string }
		res := h.Call(name, args)
		if res.Output == nil || json.Unmarshal(res.Output.Structured, &first) != nil || first.Cursor == "" {
			return "no first page"
		}
		return strings.TrimSuffix(args, "}") + `,"cursor":"` + first.Cursor + `"}`
	}
}

func skips(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
	if !strings.Contains(fmt.Sprint(res.Requests), "skip") {
		t.Errorf("the second page was not asked for: %v", res.Requests)
	}
}

func unread(e map[string]any) bool { return e["unread"] == true }

const (
	tregor   = "Re: Trégor: 18 electrodes, where do we take them from?"
	handling = "Handling instructions for container TLNU 448210-3"
)

var readCases = []tooltest.Case{
	{Tool: "getEmails", Name: "the newest", As: "ada", Args: `{"count":3}`, Check: all(counted(3), has(`"cursor":"cu_`, `"preview":"`, `"received":"2026-11-19T`))},
	{Tool: "getEmails", Name: "by a path", As: "ada", Args: `{"folder":"Inbox/Projects/Pelago 2","fields":["to","conversationId"]}`, Check: all(counted(2), has("Booking confirmation", `"to":["`, `"conversationId":"cv_`))},
	{Tool: "getEmails", Name: "by a name with a slash", As: "ada", Args: `{"folder":"kunden/projekte & co."}`, Check: counted(4)},
	{Tool: "getEmails", Name: "by the end of a path", As: "ada", Args: `{"folder":"Pelago 2/Test reports"}`, Check: counted(2)},
	{Tool: "getEmails", Name: "sent ones say to whom", As: "ada", Args: `{"folder":"Sent Items","count":2}`, Check: has(`"to":["`)},
	{Tool: "getEmails", Name: "unread", As: "ada", Args: `{"unreadOnly":true,"count":40}`, Check: all(every("unread", unread), counted(28))},
	{Tool: "getEmails", Name: "unread since", As: "ada", Args: `{"unreadOnly":true,"since":"2026-11-19T00:00","count":40}`, Check: all(counted(4), every("unread", unread))},
	{Tool: "getEmails", Name: "of a day", As: "ada", Args: `{"since":"2026-11-17","until":"2026-11-17","timeZone":"Asia/Tokyo","count":50}`, Check: every("of that day in Tokyo", func(e map[string]any) bool {
		return strings.HasPrefix(fmt.Sprint(e["received"]), "2026-11-17T") && strings.HasSuffix(fmt.Sprint(e["received"]), "+09:00")
	})},
	{Tool: "getEmails", Name: "the second page", As: "ada", ArgsOf: nextPage("getEmails", `{"count":5}`), Check: all(counted(5), skips)},
	{Tool: "getEmails", Name: "of a shared mailbox", As: "ada", Shared: true, Args: `{"mailbox":"` + officeAddress + `"}`, Check: all(counted(6), has("Harbour House"))},
	{Tool: "getEmails", Name: "of oneself by address", As: "ada", Args: `{"mailbox":"ADA@tideline.example","count":1}`, Check: counted(1)},
	{Tool: "getEmails", Name: "a shared mailbox without its scope", As: "ada", Args: `{"mailbox":"` + officeAddress + `"}`, Err: tool.CodeInsufficientScope},
	{Tool: "getEmails", Name: "of nobody's mailbox", As: "ada", Shared: true, Args: `{"mailbox":"x@y@z"}`, Err: tool.CodeInvalidArguments, Field: "mailbox"},
	{Tool: "getEmails", Name: "no such folder", As: "ada", Args: `{"folder":"Nowhere"}`, Err: tool.CodeInvalidArguments, Field: "folder"},
	{Tool: "getEmails", Name: "an id that is none", As: "ada", Args: `{"folder":"` + strings.Repeat("A", 60) + `"}`, Err: tool.CodeNotFound},
	{Tool: "getEmails", Name: "too many", As: "ada", Args: `{"count":51}`, Err: tool.CodeInvalidArguments, Field: "count"},
	{Tool: "getEmails", Name: "no time", As: "ada", Args: `{"since":"yesterday"}`, Err: tool.CodeInvalidArguments, Field: "since"},
	{Tool: "getEmails", Name: "the wrong way round", As: "ada", Args: `{"since":"2026-11-17","until":"2026-11-16"}`, Err: tool.CodeInvalidArguments, Field: "until"},
	{Tool: "getEmails", Name: "no zone", As: "ada", Args: `{"timeZone":"Mars/Base"}`, Err: tool.CodeInvalidArguments, Field: "timeZone"},
	{Tool: "getEmails", Name: "no cursor of this list", As: "ada", Args: `{"cursor":"cu_aaaaaaaaaa"}`, Err: tool.CodeInvalidArguments, Field: "cursor"},
	{Tool: "getEmails", Name: "Graph refuses", As: "ada", Fails: map[string]int{"GET /me/mailFolders/{mailFolder-id}/messages": 403}, Err: tool.CodeForbidden},

	{Tool: "searchEmails", Name: "words", As: "ada", Args: `{"query":"demurrage Lisbon","count":5}`, Check: has(`"emails":[{"id":"m_`)},
	{Tool: "searchEmails", Name: "of somebody", As: "ada", Args: `{"from":"bruno@tideline.example","count":50}`, Check: every("of Bruno", func(e map[string]any) bool { return strings.Contains(fmt.Sprint(e["from"]), "Bruno") })},
	{Tool: "searchEmails", Name: "to somebody", As: "ada", Args: `{"to":"freya","fields":["to","cc"],"count":50}`, Check: every("to Freya", func(e map[string]any) bool { return strings.Contains(fmt.Sprint(e["to"]), "Freya") })},
	{Tool: "searchEmails", Name: "by subject", As: "ada", Args: `{"subject":"Trégor","count":50}`, Check: every("about it", func(e map[string]any) bool { return strings.Contains(fmt.Sprint(e["subject"]), "Trégor") })},
	{Tool: "searchEmails", Name: "with files", As: "ada", Args: `{"hasAttachment":true,"query":"Lisbon","count":50}`, Check: every("with a file", func(e map[string]any) bool { return e["attachments"] == true })},
	{Tool: "searchEmails", Name: "of a time", As: "ada", Args: `{"since":"2026-11-10","until":"2026-11-12","timeZone":"UTC","count":50}`, Check: all(every("of that time", func(e map[string]any) bool {
		day := fmt.Sprint(e["received"])
		return day >= "2026-11-10" && day < "2026-11-13" && strings.HasSuffix(day, "Z")
	}), has("2026-11-12T"))},
	{Tool: "searchEmails", Name: "in the zone", As: "ada", Args: `{"query":"Lisbon","timeZone":"Asia/Tokyo"}`, Check: has("+09:00")},
	{Tool: "searchEmails", Name: "in a folder", As: "ada", Args: `{"query":"Lisbon OR Pelago","folder":"Sent Items","count":50}`, Check: every("Ada's own", func(e map[string]any) bool { return strings.Contains(fmt.Sprint(e["from"]), "ada@") })},
	{Tool: "searchEmails", Name: "the second page", As: "ada", ArgsOf: nextPage("searchEmails", `{"query":"Lisbon","count":4}`), Check: all(counted(4), skips)},
	{Tool: "searchEmails", Name: "in a shared mailbox", As: "ada", Shared: true, Args: `{"query":"parcels","mailbox":"` + officeAddress + `"}`, Check: has("Two parcels")},
	{Tool: "searchEmails", Name: "nothing to look for", As: "ada", Args: `{"count":3}`, Err: tool.CodeInvalidArguments, Field: "query"},
	{Tool: "searchEmails", Name: "no word", As: "ada", Args: `{"query":"-- !"}`, Err: tool.CodeInvalidArguments, Field: "query"},
	{Tool: "searchEmails", Name: "Graph refuses", As: "ada", Args: `{"query":"x"}`, Fails: map[string]int{"GET /me/messages": 403}, Err: tool.CodeForbidden},

	{Tool: "getEmail", Name: "text", As: "ada", ArgsOf: of(tregor, ``), Check: all(has(`"text":"Left Lisbon this morning`, `"earlierMessages":`, `"to":["Bruno Carvalho`), lacks("Sorry, I was on the road", `"headers"`))},
	{Tool: "getEmail", Name: "with history", As: "ada", ArgsOf: of(tregor, `,"fields":["history"]`), Check: has("Left Lisbon", "Sorry, I was on the road")},
	{Tool: "getEmail", Name: "headers and ids", As: "ada", ArgsOf: of(tregor, `,"fields":["headers","conversationId"]`), Check: has(`"headers":["From: `, `"conversationId":"cv_`)},
	{Tool: "getEmail", Name: "attachments", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		m, _ := withFile(h, ".pdf")
		return `{"id":"` + m.ID + `"}`
	}, Check: has(`"files":[{"id":"at_`, `.pdf","size":`)},
	{Tool: "getEmail", Name: "in pages", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		args := `{"id":"` + long(h).ID + `","maxChars":600}`
		return nextPage("getEmail", args)(h)
	}, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		var got struct {
			Text, Cursor string
			To           []string
		}
		res.Structured(t, &got)
		if got.Text == "" || len(got.Text) > 800 || strings.HasPrefix(got.Text, "#") && !strings.HasPrefix(got.Text, "##") || got.Cursor == "" || got.To != nil {
			t.Errorf("the second page: %s", res.Output.Structured)
		}
	}},
	{Tool: "getEmail", Name: "in another zone", As: "ada", ArgsOf: of(tregor, `,"timeZone":"Asia/Tokyo"`), Check: has("+09:00")},
	{Tool: "getEmail", Name: "of a shared mailbox", As: "ada", Shared: true, ArgsOf: func(h *tooltest.Harness) string {
		return `{"id":"` + office(h).ID + `","mailbox":"` + officeAddress + `"}`
	}, Check: has("Harbour House")},
	{Tool: "getEmail", Name: "an id of another kind", As: "ada", Args: `{"id":"ev_abcdefghjk"}`, Err: tool.CodeInvalidArguments, Field: "id"},
	{Tool: "getEmail", Name: "a path as id", As: "ada", Args: `{"id":"../../users"}`, Err: tool.CodeInvalidArguments, Field: "id"},
	{Tool: "getEmail", Name: "a wrong cursor", As: "ada", ArgsOf: of(tregor, `,"cursor":"zz-12345678"`), Err: tool.CodeInvalidArguments, Field: "cursor"},
	{Tool: "getEmail", Name: "gone", As: "ada", Args: `{"id":"AAMkAnothing"}`, Err: tool.CodeGraph},

	{Tool: "getEmailThread", Name: "by a mail", As: "ada", ArgsOf: of(tregor, `,"count":2`), Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		var got struct {
			ConversationID, Cursor string
			Total                  int
			Emails                 []struct{ ID, Text, Received string }
		}
		res.Structured(t, &got)
		if len(got.Emails) != 2 || got.Total != 7 || got.Cursor == "" || got.Emails[0].Received < got.Emails[1].Received || !strings.HasPrefix(got.ConversationID, "cv_") {
			t.Errorf("thread: %s", res.Output.Structured)
		}
	}},
	{Tool: "getEmailThread", Name: "by its conversation, to the end", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return nextPage("getEmailThread", `{"id":"`+about(h, tregor).ConversationID+`","count":5}`)(h)
	}, Check: all(counted(2), lacks(`"cursor"`))},
	{Tool: "getEmailThread", Name: "cut", As: "ada", ArgsOf: of(tregor, `,"maxChars":200`), Check: has(`"cut":true`)},
	{Tool: "getEmailThread", Name: "in another zone", As: "ada", ArgsOf: of(tregor, `,"timeZone":"Asia/Tokyo"`), Check: has("+09:00")},
	{Tool: "getEmailThread", Name: "of a shared mailbox", As: "ada", Shared: true, ArgsOf: func(h *tooltest.Harness) string {
		return `{"id":"` + office(h).ID + `","mailbox":"` + officeAddress + `"}`
	}, Check: counted(1)},
	{Tool: "getEmailThread", Name: "a cursor of another thread", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		args := nextPage("getEmailThread", `{"id":"`+about(h, tregor).ConversationID+`","count":2}`)(h)
		return strings.Replace(args, about(h, tregor).ConversationID, about(h, handling).ConversationID, 1)
	}, Err: tool.CodeInvalidArguments, Field: "cursor"},
	{Tool: "getEmailThread", Name: "Graph refuses", As: "ada", ArgsOf: of(tregor, ``), Fails: map[string]int{"GET /me/messages": 403}, Err: tool.CodeForbidden},

	{Tool: "listMailFolders", Name: "the whole tree", As: "ada", Args: `{}`, Check: has(`"path":"Inbox/Projects/Pelago 2/Test reports"`, `"path":"Kunden/Projekte`, `"unread":28,"total":149`)},
	{Tool: "listMailFolders", Name: "of a shared mailbox", As: "ada", Shared: true, Args: `{"mailbox":"` + officeAddress + `"}`, Check: has(`"path":"Inbox","unread":2,"total":6`)},
	{Tool: "listMailFolders", Name: "no mailbox", As: "ada", Args: `{"mailbox":"me"}`, Err: tool.CodeInvalidArguments, Field: "mailbox"},
	{Tool: "listMailFolders", Name: "Graph refuses", As: "ada", Fails: map[string]int{"GET /me/mailFolders": 403}, Err: tool.CodeForbidden},

	{Tool: "getAttachment", Name: "the list", As: "ada", ArgsOf: attached(".csv", ``, false), Check: all(has(`"attachments":[{"id":"at_`, ".csv"), lacks(`"text"`))},
	{Tool: "getAttachment", Name: "text", As: "ada", ArgsOf: attached(".csv", ``, true), Check: has(`"text":"`, `"notes":["read as text/csv"]`)},
	{Tool: "getAttachment", Name: "in pages", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return nextPage("getAttachment", attached("minutes.txt", `,"maxChars":500`, true)(h))(h)
	}, Setup: longFile, Check: all(has(`"cursor":"`), lacks(`"text":"line 1\n`))},
	{Tool: "getAttachment", Name: "a link", As: "ada", ArgsOf: attached(".pdf", `,"mode":"link"`, true), Check: all(has(`"link":"https://m365-mcp.example/tickets/1","expires":"2026-11-19T10:15Z"`), lacks(`"text"`))},
	{Tool: "getAttachment", Name: "of a shared mailbox", As: "ada", Shared: true, ArgsOf: func(h *tooltest.Harness) string {
		return `{"emailId":"` + office(h).ID + `","mailbox":"` + officeAddress + `"}`
	}, Check: has(`"attachments":[]`)},
	{Tool: "getAttachment", Name: "the list of an event", As: "ada", With: []string{"Calendars.Read"}, ArgsOf: ofEvent(``, false), Check: all(has(`"attachments":[{"id":"at_`, "agenda.txt"), lacks(`"text"`))},
	{Tool: "getAttachment", Name: "the text of an event's", As: "ada", With: []string{"Calendars.Read"}, ArgsOf: ofEvent(``, true), Check: has(`"text":"1. Welcome"`)},
	{Tool: "getAttachment", Name: "an event, without its scope", As: "ada", ArgsOf: ofEvent(``, false), Err: tool.CodeInsufficientScope, Check: lacking("Calendars.Read")},
	{Tool: "getAttachment", Name: "an event of somebody, without its scope", As: "ada", With: []string{"Calendars.Read"}, ArgsOf: ofEvent(`,"mailbox":"bruno@tideline.example"`, false), Err: tool.CodeInsufficientScope, Check: lacking("Calendars.Read.Shared")},
	{Tool: "getAttachment", Name: "of both", As: "ada", Args: `{"emailId":"m_abcdefghjk","eventId":"ev_abcdefghjk"}`, Err: tool.CodeInvalidArguments, Field: "eventId"},
	{Tool: "getAttachment", Name: "of neither", As: "ada", Args: `{}`, Err: tool.CodeInvalidArguments, Field: "emailId"},
	{Tool: "getAttachment", Name: "no text in it", As: "ada", ArgsOf: attached(".pdf", ``, true), Err: tool.CodeInvalidArguments, Field: "mode"},
	{Tool: "getAttachment", Name: "a link to what", As: "ada", ArgsOf: attached(".pdf", `,"mode":"link"`, false), Err: tool.CodeInvalidArguments, Field: "attachmentId"},
	{Tool: "getAttachment", Name: "no id", As: "ada", ArgsOf: attached(".pdf", `,"attachmentId":"a/../b"`, false), Err: tool.CodeInvalidArguments, Field: "attachmentId"},
	{Tool: "getAttachment", Name: "Graph refuses", As: "ada", ArgsOf: attached(".pdf", ``, false), Fails: map[string]int{"GET /me/messages/{message-id}/attachments": 403}, Err: tool.CodeForbidden},
}

// long is a mail with a long text.
func long(h *tooltest.Harness) dataset.Message {
	return found(h, "that is long", func(m dataset.Message) bool { return len(m.Body) > 90_000 })
}

// lacking wants the refusal to name exactly these scopes.
func lacking(scopes ...string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if res.Err == nil || !slices.Equal(res.Err.Scopes, scopes) {
			t.Errorf("refused for %v, want %v", res.Err, scopes)
		}
	}
}

// ofEvent are the arguments for the file of an event, or for its event alone.
func ofEvent(more string, one bool) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		event := direct(h, "Calendars.ReadWrite", http.MethodPost, "/me/events", `{"subject":"Review","start":{"dateTime":"2026-12-01T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-12-01T11:00:00","timeZone":"UTC"},
			"attachments":[{"@odata.type":"#microsoft.graph.fileAttachment","name":"agenda.txt","contentType":"text/plain","contentBytes":"`+base64.StdEncoding.EncodeToString([]byte("1. Welcome"))+`"}]}`)
		id, more := fmt.Sprint(event["id"]), more
		if one {
			list := direct(h, "Calendars.Read", http.MethodGet, "/me/events/"+id+"/attachments", "")
			if files, ok := list["value"].([]any); ok && len(files) == 1 {
				if file, ok := files[0].(map[string]any); ok {
					more += fmt.Sprintf(`,"attachmentId":%q`, file["id"])
				}
			}
		}
		return fmt.Sprintf(`{"eventId":%q%s}`, id, more)
	}
}

// attached are the arguments for a file with that ending, or for its mail alone.
func attached(ending, more string, one bool) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		m, file := withFile(h, ending)
		if one {
			more := `,"attachmentId":"` + file.ID + `"` + more
			return `{"emailId":"` + m.ID + `"` + more + `}`
		}
		return `{"emailId":"` + m.ID + `"` + more + `}`
	}
}

// longFile adds a mail with a long text file to Ada's inbox.
func longFile(o *tooltest.Options) {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "line %d\n", i+1)
	}
	o.Tenant = withMail(func(m *dataset.Message) {
		m.Attachments = []dataset.Attachment{{ID: m.ID + "file", Name: "minutes.txt", ContentType: "text/plain", Content: []byte(b.String())}}
	})
}

// withMail is the tenant with one more mail in Ada's inbox, a changed copy of her newest.
func withMail(change func(*dataset.Message)) *dataset.Tenant {
	t := dataset.Load(tooltest.Now)
	box := t.Mailbox[t.People[0].ID]
	m := box.Messages[0]
	for _, other := range box.Messages {
		if other.Subject == handling {
			m = other
		}
	}
	m.ID = m.ID[:len(m.ID)-8] + "AAAAAAA="
	change(&m)
	box.Messages = append(box.Messages, m)
	return t
}
