package mail_test

import (
	"encoding/json"
	"net/http"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/tool"
	"m365mcp/tool/files"
	"m365mcp/tool/tooltest"
)

const (
	sendMail  = "POST /me/sendMail"
	toBruno   = `{"to":"bruno@tideline.example","subject":"Hi","body":"<b>x</b>"`
	boardPage = "Board page: Lisbon shipment"
)

// ids makes arguments with the ids of Ada's newest mails.
func ids(n int, more string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		list := make([]string, n)
		for i := range list {
			list[i] = h.Mailbox().Messages[i].ID
		}
		b, _ := json.Marshal(list)
		return `{"ids":` + string(b) + more + `}`
	}
}

// officeIDs makes arguments with the id of a mail of the shared mailbox.
func officeIDs(field, more string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		return `{"` + field + `":"` + office(h).ID + `","mailbox":"` + officeAddress + `"` + more + `}`
	}
}

// driveFile is the id of a file of Ada's.
func driveFile(h *tooltest.Harness) string {
	for _, d := range dataset.LoadFiles(h.Tenant, h.Now()).Drives {
		for _, i := range d.Items {
			if d.OwnerID == h.Me().ID && i.Name == "Contacts in Lisbon.md" {
				return d.ID + ":" + i.ID
			}
		}
	}
	panic("no such file")
}

// drafted makes a draft first.
func drafted(args, field, more string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		var made struct{ ID string }
		res := h.With("Mail.ReadWrite", "Mail.ReadWrite.Shared").Call("createDraft", args)
		if res.Output == nil || json.Unmarshal(res.Output.Structured, &made) != nil {
			return "no draft: " + res.Text()
		}
		return `{"` + field + `":"` + made.ID + `"` + more + `}`
	}
}

// now wants every mail of the call, read again, to have the property.
func now(property string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		var got struct{ Done []string }
		res.Structured(t, &got)
		if len(got.Done) == 0 {
			t.Errorf("nothing done: %s", res.Output.Structured)
		}
		for _, id := range got.Done {
			read := h.With("Mail.Read", "Mail.Read.Shared").Call("getEmail", `{"id":"`+id+`"}`)
			if read.Output == nil || !strings.Contains(string(read.Output.Structured), property) {
				t.Errorf("%s has no %s: %s", id, property, read.Text())
			}
		}
	}
}

// in wants a mail with the subject in the folder now.
func in(folder, subject string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, h *tooltest.Harness, _ tooltest.Result) {
		list := h.With("Mail.Read").Call("getEmails", `{"folder":"`+folder+`","count":3}`)
		if list.Output == nil || !strings.Contains(string(list.Output.Structured), subject) {
			t.Errorf("no %s in %s: %s", subject, folder, list.Text())
		}
	}
}

// sentNothing wants reads only.
func sentNothing(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
	for _, r := range res.Requests {
		if r.Method != http.MethodGet && r.Template != "/$batch" {
			t.Errorf("sent: %s", r)
		}
	}
}

var sendCases = []tooltest.Case{
	{Tool: "sendEmail", Name: "to one", As: "ada", Args: toBruno + `}`, Check: all(
		has(`"sent":true`, `"recipients":["bruno@tideline.example"]`), recorded("bruno@tideline.example"), in("sentitems", `"subject":"Hi"`),
		sent(sendMail, `"subject":"Hi","body":{"contentType":"html","content":"<b>x</b>"}`, `"saveToSentItems":true`),
	)},
	{Tool: "sendEmail", Name: "to all kinds", As: "ada", Args: toBruno + `,"cc":["c@example.com"],"bcc":"b@example.com","replyTo":["r@example.com"],"importance":"high","contentType":"text"}`, Check: all(
		recorded("bruno@tideline.example", "c@example.com", "b@example.com", "r@example.com"), has(`"c@example.com","b@example.com"`),
		sent(sendMail, `"ccRecipients":[{"emailAddress":{"address":"c@example.com"}}]`, `"bccRecipients":[{"emailAddress":{"address":"b@example.com"}}]`,
			`"replyTo":[{"emailAddress":{"address":"r@example.com"}}]`, `"importance":"high"`, `"contentType":"text"`),
	)},
	{Tool: "sendEmail", Name: "plain lines", As: "ada", Args: `{"to":"bruno@tideline.example","subject":"Hi","body":"one\ntwo"}`, Check: sent(sendMail, `one<br>\ntwo`)},
	{Tool: "sendEmail", Name: "nothing said", As: "ada", Args: `{"to":"bruno@tideline.example","subject":"Hi","body":" \n"}`, Err: tool.CodeInvalidArguments, Field: "body", Check: sentNothing},
	{Tool: "sendEmail", Name: "nothing said with a file", As: "ada", Args: `{"to":"bruno@tideline.example","subject":"Hi","body":"","attachments":["up_small"]}`, Check: sent(sendMail, `"attachments":[`)},
	{Tool: "sendEmail", Name: "with an upload", As: "ada", Args: toBruno + `,"attachments":["up_small"]}`, Check: all(
		has(`"attachments":["Plan “B”.txt"]`), sent(sendMail, `"@odata.type":"#microsoft.graph.fileAttachment"`, `"contentBytes":"dGhlIHNtYWxsIHBsYW4="`),
	)},
	{Tool: "sendEmail", Name: "with a file of the drive", As: "ada", With: []string{"Files.Read"}, ArgsOf: func(h *tooltest.Harness) string {
		return toBruno + `,"attachments":"` + driveFile(h) + `"}`
	}, Check: all(has(`"attachments":["Contacts in Lisbon.md"]`), sent(sendMail, `"contentBytes":"IyBXaG8gdG8gY2Fsb`))},
	{Tool: "sendEmail", Name: "a file of the drive where files are taken away", As: "ada", With: []string{"Files.Read"}, Setup: func(o *tooltest.Options) {
		o.Tools, o.Deny = append(o.Tools, files.Tools()...), []string{"files"}
	}, ArgsOf: func(h *tooltest.Harness) string {
		return toBruno + `,"attachments":"` + driveFile(h) + `"}`
	}, Err: tool.CodeInvalidArguments, Field: "attachments", Check: sentNothing},
	{Tool: "sendEmail", Name: "a file of the drive without its scope", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return toBruno + `,"attachments":"` + driveFile(h) + `"}`
	}, Err: tool.CodeInsufficientScope, Check: sentNothing},
	{Tool: "sendEmail", Name: "from a shared mailbox", As: "gauri", Shared: true, Args: toBruno + `,"mailbox":"` + officeAddress + `"}`, Check: sent(sendMail, `"from":{"emailAddress":{"address":"office@tideline.example"}}`)},
	{Tool: "sendEmail", Name: "from a shared mailbox without its scope", As: "gauri", Args: toBruno + `,"mailbox":"` + officeAddress + `"}`, Err: tool.CodeInsufficientScope},
	{Tool: "sendEmail", Name: "from somebody else", As: "ada", Shared: true, Args: toBruno + `,"mailbox":"freya@tideline.example"}`, Err: tool.CodeForbidden},
	{Tool: "sendEmail", Name: "too large a file", As: "ada", Args: toBruno + `,"attachments":["up_large"]}`, Err: tool.CodeInvalidArguments, Field: "attachments", Check: sentNothing},
	{Tool: "sendEmail", Name: "files that are too large together", As: "ada", With: []string{"Files.Read"}, ArgsOf: func(h *tooltest.Harness) string {
		return toBruno + `,"attachments":["` + driveFile(h) + `","up_large"]}`
	}, Err: tool.CodeInvalidArguments, Field: "attachments", Check: all(sentNothing, func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if fetched := res.Sent("GET /drives/{drive-id}/items/{driveItem-id}/content"); len(fetched) > 0 {
			t.Errorf("fetched for nothing: %v", fetched)
		}
	})},
	{Tool: "sendEmail", Name: "no such upload", As: "ada", Args: toBruno + `,"attachments":["up_nothing"]}`, Err: tool.CodeNotFound, Check: sentNothing},
	{Tool: "sendEmail", Name: "Graph refuses", As: "ada", Args: toBruno + `}`, Fails: map[string]int{sendMail: 403}, Err: tool.CodeForbidden},

	{Tool: "replyToEmail", Name: "to the sender", As: "ada", ArgsOf: of(handling, `,"body":"<p>Will <b>do</b></p>"`), Check: all(
		recorded("customs.desk@atlantisfreight.example"), in("sentitems", "Handling instructions"),
		sent("POST /me/messages/{message-id}/reply", `<div><p>Will <b>do</b></p></div>`, `divRplyFwdMsg`, `the terminal asks for`, `"toRecipients":[{"emailAddress":{"address":"customs.desk@atlantisfreight.example"}}]`),
	)},
	{Tool: "replyToEmail", Name: "to all, as text, and one more", As: "ada", ArgsOf: of("Pelago 2 launch: plan and owners", `,"body":"a < b\nc","contentType":"text","replyAll":true,"cc":["d@example.com","FREYA@tideline.example"]`), Check: all(
		recorded("freya@tideline.example", "pelago2-launch@tideline.example", "d@example.com"), sent("POST /me/messages/{message-id}/replyAll", `<div>a &lt; b<br>\nc</div>`),
	)},
	{Tool: "replyToEmail", Name: "nothing said", As: "ada", ArgsOf: of(handling, `,"body":""`), Err: tool.CodeInvalidArguments, Field: "body", Check: sentNothing},
	{Tool: "replyToEmail", Name: "where answers are wanted", As: "ada", ArgsOf: of("elsewhere", `,"body":"x"`), Setup: elsewhere, Check: recorded("answers@example.net")},
	{Tool: "replyToEmail", Name: "not to oneself", As: "ada", ArgsOf: of("elsewhere", `,"body":"x"`), Setup: func(o *tooltest.Options) {
		o.Tenant = withMail(func(m *dataset.Message) {
			m.Subject, m.ReplyTo = "elsewhere", []dataset.Address{{Name: "Customs Desk", Address: "Ada@tideline.example"}}
		})
	}, Check: recorded("customs.desk@atlantisfreight.example")},
	{Tool: "replyToEmail", Name: "to a mail of one's own", As: "ada", ArgsOf: of("Supplier assessment: a reminder", `,"body":"x"`), Check: recorded("export@marusato-seiki.example")},
	{Tool: "replyToEmail", Name: "in a shared mailbox", As: "gauri", Shared: true, ArgsOf: officeIDs("id", `,"body":"x"`), Check: sent("POST /users/{user-id}/messages/{message-id}/reply", `harbourhouse.example`)},
	{Tool: "replyToEmail", Name: "in a shared mailbox without its scope", As: "gauri", ArgsOf: officeIDs("id", `,"body":"x"`), Err: tool.CodeInsufficientScope, Check: nothingAsked},
	{Tool: "replyToEmail", Name: "to a draft", As: "ada", ArgsOf: of(boardPage, `,"body":"x"`), Err: tool.CodeInvalidArguments, Field: "id", Check: sentNothing},
	{Tool: "replyToEmail", Name: "no address", As: "ada", ArgsOf: of(handling, `,"body":"x","cc":"Ada"`), Err: tool.CodeInvalidArguments, Field: "cc"},
	{Tool: "replyToEmail", Name: "Graph refuses", As: "ada", ArgsOf: of(handling, `,"body":"x"`), Fails: map[string]int{"POST /me/messages/{message-id}/reply": 403}, Err: tool.CodeForbidden},

	{Tool: "forwardEmail", Name: "with its files", As: "ada", ArgsOf: of(handling, `,"to":"x@example.com","cc":["y@example.com"],"body":"see below"`), Check: all(
		recorded("x@example.com", "y@example.com"), has(`"attachments":["`), sent("POST /me/messages/{message-id}/forward", `<div>see below</div>`, `the terminal asks for`, `"ccRecipients":[{"emailAddress":{"address":"y@example.com"}}]`),
	)},
	{Tool: "forwardEmail", Name: "as text", As: "ada", ArgsOf: of(tregor, `,"to":"x@example.com","body":"<i>","contentType":"text"`), Check: sent("POST /me/messages/{message-id}/forward", `&lt;i&gt;`)},
	{Tool: "forwardEmail", Name: "of a shared mailbox", As: "gauri", Shared: true, ArgsOf: officeIDs("id", `,"to":"x@example.com"`), Check: recorded("x@example.com")},
	{Tool: "forwardEmail", Name: "no address", As: "ada", ArgsOf: of(handling, `,"to":"x@example.com\nBcc: y@example.com"`), Err: tool.CodeInvalidArguments, Field: "to"},
	{Tool: "forwardEmail", Name: "Graph refuses", As: "ada", ArgsOf: of(handling, `,"to":"x@example.com"`), Fails: map[string]int{"POST /me/messages/{message-id}/forward": 403}, Err: tool.CodeForbidden},
}

// elsewhere adds a mail whose answers go to another address.
func elsewhere(o *tooltest.Options) {
	o.Tenant = withMail(func(m *dataset.Message) {
		m.Subject, m.ReplyTo = "elsewhere", []dataset.Address{{Name: "Ada Lindqvist", Address: "answers@example.net"}}
	})
}

func nothingAsked(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
	if len(res.Requests) > 0 {
		t.Errorf("asked: %v", res.Requests)
	}
}

var draftCases = []tooltest.Case{
	{Tool: "createDraft", Name: "a new mail", As: "ada", Args: `{"to":"x@example.com","cc":"y@example.com","bcc":["z@example.com"],"subject":"Plan","body":"one\ntwo"}`, Check: all(
		has(`"id":"m_`, `"to":["x@example.com"],"cc":["y@example.com"],"bcc":["z@example.com"]`), in("drafts", `"subject":"Plan"`), recorded(),
		sent("POST /me/messages", `one<br>\ntwo`),
	)},
	{Tool: "createDraft", Name: "as text", As: "ada", Args: `{"subject":"Plan","body":"<b>","contentType":"text"}`, Check: sent("POST /me/messages", `"contentType":"text","content":"<b>"`)},
	{Tool: "createDraft", Name: "an answer keeps HTML and quote", As: "ada", ArgsOf: answerTo(`"replyTo"`, `,"body":"<h1>Yes</h1>"`), Check: all(
		has(`"to":["customs.desk@atlantisfreight.example"]`), func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
			var made struct{ ID string }
			res.Structured(t, &made)
			read := h.With("Mail.Read").Call("getEmail", `{"id":"`+made.ID+`","fields":["history","conversationId"]}`)
			for _, part := range []string{"# Yes", "the terminal asks for", "Handling instructions"} {
				if !strings.Contains(read.Text(), part) {
					t.Errorf("no %q in %s", part, read.Text())
				}
			}
		},
	)},
	{Tool: "createDraft", Name: "an answer to all", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return `{"replyTo":"` + about(h, "Pelago 2 launch: plan and owners").ID + `","replyAll":true,"cc":["y@example.com"]}`
	}, Check: has(`"to":["freya@tideline.example","pelago2-launch@tideline.example"],"cc":["y@example.com"]`)},
	{Tool: "createDraft", Name: "a forward", As: "ada", ArgsOf: answerTo(`"forwardOf"`, `,"to":"x@example.com"`), Check: has(`"to":["x@example.com"]`, `"attachments":true`)},
	{Tool: "createDraft", Name: "in a shared mailbox", As: "gauri", Shared: true, Args: `{"subject":"Plan","mailbox":"` + officeAddress + `"}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if len(res.Sent("POST /users/{user-id}/messages")) != 1 {
			t.Errorf("sent %v", res.Requests)
		}
	}},
	{Tool: "createDraft", Name: "of nothing", As: "ada", Args: `{}`, Err: tool.CodeInvalidArguments, Field: "subject"},
	{Tool: "createDraft", Name: "an address to answer to", As: "ada", Args: `{"replyTo":"ada@tideline.example","subject":"x"}`, Err: tool.CodeInvalidArguments, Field: "replyTo", Check: explains("id of the email")},
	{Tool: "createDraft", Name: "of two mails", As: "ada", Args: `{"replyTo":"a","forwardOf":"b"}`, Err: tool.CodeInvalidArguments, Field: "forwardOf"},
	{Tool: "createDraft", Name: "to all of nobody", As: "ada", Args: `{"replyAll":true,"subject":"x"}`, Err: tool.CodeInvalidArguments, Field: "replyAll"},
	{Tool: "createDraft", Name: "Graph refuses", As: "ada", Args: `{"subject":"Plan"}`, Fails: map[string]int{"POST /me/messages": 403}, Err: tool.CodeForbidden},

	{Tool: "addDraftAttachment", Name: "a small file", As: "ada", ArgsOf: drafted(`{"subject":"Plan"}`, "emailId", `,"attachment":"up_small"`), Check: has(`"attached":true,"id":"at_`, `"size":14`)},
	{Tool: "addDraftAttachment", Name: "a large file", As: "ada", ArgsOf: drafted(`{"subject":"Plan"}`, "emailId", `,"attachment":"up_large"`), Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		chunks := 0
		for _, r := range res.Requests {
			if r.Storage && r.Method == http.MethodPut && len(r.Body) < 4<<20 {
				chunks++
			}
		}
		tooltest.Contains(t, res, `"attached":true`, `"size":3600000`)
		if chunks != 2 {
			t.Errorf("%d chunks: %.600v", chunks, res.Requests)
		}
	}},
	{Tool: "addDraftAttachment", Name: "a file of the drive", As: "ada", With: []string{"Files.Read"}, ArgsOf: func(h *tooltest.Harness) string {
		return drafted(`{"subject":"Plan"}`, "emailId", `,"attachment":"`+driveFile(h)+`"`)(h)
	}, Check: has(`"name":"Contacts in Lisbon.md"`)},
	{Tool: "addDraftAttachment", Name: "in a shared mailbox", As: "gauri", Shared: true, ArgsOf: drafted(`{"subject":"Plan","mailbox":"`+officeAddress+`"}`, "emailId", `,"attachment":"up_small","mailbox":"`+officeAddress+`"`), Check: has(`"attached":true`)},
	{Tool: "addDraftAttachment", Name: "an empty file", As: "ada", ArgsOf: drafted(`{"subject":"Plan"}`, "emailId", `,"attachment":"up_empty"`), Err: tool.CodeInvalidArguments, Field: "attachment"},
	{Tool: "addDraftAttachment", Name: "to no draft", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return `{"emailId":"` + about(h, handling).ID + `","attachment":"up_small"}`
	}, Err: tool.CodeInvalidArguments, Field: "emailId"},
	{Tool: "addDraftAttachment", Name: "no file", As: "ada", ArgsOf: drafted(`{"subject":"Plan"}`, "emailId", `,"attachment":"m_abcdefghjk"`), Err: tool.CodeInvalidArguments, Field: "attachment"},
	{Tool: "addDraftAttachment", Name: "Graph refuses", As: "ada", ArgsOf: drafted(`{"subject":"Plan"}`, "emailId", `,"attachment":"up_small"`), Fails: map[string]int{"POST /me/messages/{message-id}/attachments": 403}, Err: tool.CodeForbidden},

	{Tool: "sendDraft", Name: "as it stands", As: "ada", ArgsOf: of(boardPage, ``), Check: all(recorded("freya@tideline.example", "gauri@tideline.example"), has(`"sent":true`), in("sentitems", boardPage))},
	{Tool: "sendDraft", Name: "with files", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		args := drafted(`{"to":"x@example.com","subject":"Plan"}`, "emailId", `,"attachment":"up_small"`)(h)
		h.With("Mail.ReadWrite").Call("addDraftAttachment", args)
		var draft struct{ EmailID string }
		_ = json.Unmarshal([]byte(args), &draft)
		return `{"id":"` + draft.EmailID + `"}`
	}, Check: has(`"attachments":["Plan “B”.txt"]`)},
	{Tool: "sendDraft", Name: "of a shared mailbox", As: "gauri", Shared: true, ArgsOf: drafted(`{"to":"x@example.com","subject":"Plan","mailbox":"`+officeAddress+`"}`, "id", `,"mailbox":"`+officeAddress+`"`), Check: recorded("x@example.com")},
	{Tool: "sendDraft", Name: "answers go elsewhere", As: "ada", ArgsOf: of("with answers elsewhere", ``), Setup: func(o *tooltest.Options) {
		o.Tenant = withMail(func(m *dataset.Message) {
			m.Subject, m.Draft, m.To, m.CC = "with answers elsewhere", true, []dataset.Address{{Address: "x@example.com"}}, nil
			m.From, m.ReplyTo = dataset.Address{Address: "ada@tideline.example"}, []dataset.Address{{Address: "r@example.com"}}
		})
	}, Check: recorded("x@example.com", "r@example.com")},
	{Tool: "sendDraft", Name: "without recipients", As: "ada", ArgsOf: drafted(`{"subject":"Plan"}`, "id", ``), Err: tool.CodeInvalidArguments, Field: "id"},
	{Tool: "sendDraft", Name: "what is no draft", As: "ada", ArgsOf: of(handling, ``), Err: tool.CodeInvalidArguments, Field: "id", Check: sentNothing},
	{Tool: "sendDraft", Name: "Graph refuses", As: "ada", ArgsOf: of(boardPage, ``), Fails: map[string]int{"POST /me/messages/{message-id}/send": 403}, Err: tool.CodeForbidden},
}

func answerTo(field, more string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string { return `{` + field + `:"` + about(h, handling).ID + `"` + more + `}` }
}

const gone = "AAMkAnxGVOw0r05CJtm2BPEk3mC7r9kUKsuSN_DdwJG9M1BXG-GeAYqTI7s0HTwIRXJFtoksI_IV1JC2cLwYUU75LakLvsy1XuTtPVzyXmc9oaSRe3xpcoQvcspHTsL3B88rf6Fb28QNzbKCAAAAAAA="

var changeCases = []tooltest.Case{
	{Tool: "updateEmail", Name: "unread and flagged", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return `{"ids":"` + about(h, tregor).ID + `","isRead":false,"flag":"flagged"}`
	}, Check: all(now(`"unread":true`), now(`"flagged":true`))},
	{Tool: "updateEmail", Name: "categories and importance of many", As: "ada", ArgsOf: ids(25, `,"categories":["Red"],"importance":"high"`), Check: all(now(`"categories":["Red"]`), now(`"important":true`), has(`"done":["m_`), lacks("failed"))},
	{Tool: "updateEmail", Name: "one of two", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return `{"ids":["` + about(h, handling).ID + `","` + gone + `","` + about(h, handling).ID + `"],"isRead":true}`
	}, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, `"failed":[{"id":"m_`, "not there any more")
		if !strings.Contains(res.Text(), "1 of 2 mails") || !strings.Contains(res.Text(), "NOT m_") {
			t.Errorf("the text does not say it: %s", res.Text())
		}
	}},
	{Tool: "updateEmail", Name: "in a shared mailbox", As: "ada", Shared: true, ArgsOf: officeIDs("ids", `,"isRead":true`), Check: has(`"done":["m_`)},
	{Tool: "updateEmail", Name: "unread, which is isRead", As: "ada", ArgsOf: ids(1, `,"unread":true`), Err: tool.CodeInvalidArguments, Field: "unread", Check: explains("did you mean isRead (False: unread)?")},
	{Tool: "updateEmail", Name: "two names for one", As: "ada", ArgsOf: ids(1, `,"emailId":"m_abcdefghjk","isRead":true`), Err: tool.CodeInvalidArguments, Field: "emailId", Check: explains("is the same as ids")},
	{Tool: "updateEmail", Name: "nothing to change", As: "ada", ArgsOf: ids(1, ``), Err: tool.CodeInvalidArguments, Field: "ids"},
	{Tool: "updateEmail", Name: "gone", As: "ada", Args: `{"ids":"` + gone + `","isRead":true}`, Err: tool.CodeNotFound},

	{Tool: "moveEmail", Name: "by path", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return `{"ids":["` + about(h, handling).ID + `"],"folder":"Projects/Pelago 2/Test reports"}`
	}, Check: all(has(`"done":["m_`), now(handling), in("Inbox/Projects/Pelago 2/Test reports", handling))},
	{Tool: "moveEmail", Name: "to a well-known one", As: "ada", ArgsOf: ids(2, `,"folder":"Archive"`), Check: now(`"subject"`)},
	{Tool: "moveEmail", Name: "in a shared mailbox", As: "ada", Shared: true, ArgsOf: officeIDs("ids", `,"folder":"archive"`), Check: has(`"done":["m_`)},
	{Tool: "moveEmail", Name: "nowhere", As: "ada", ArgsOf: ids(1, `,"folder":"Nowhere"`), Err: tool.CodeInvalidArguments, Field: "folder", Check: sentNothing},
	{Tool: "moveEmail", Name: "gone", As: "ada", Args: `{"ids":"` + gone + `","folder":"archive"}`, Err: tool.CodeNotFound},

	{Tool: "deleteEmail", Name: "can be taken back", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return `{"ids":["` + about(h, handling).ID + `"]}`
	}, Check: all(now(handling), in("deleteditems", handling))},
	{Tool: "deleteEmail", Name: "in a shared mailbox", As: "ada", Shared: true, ArgsOf: officeIDs("ids", ``), Check: has(`"done":["m_`)},
	{Tool: "deleteEmail", Name: "nothing", As: "ada", Args: `{"ids":[]}`, Err: tool.CodeInvalidArguments, Field: "ids"},
	{Tool: "deleteEmail", Name: "gone", As: "ada", Args: `{"ids":"` + gone + `"}`, Err: tool.CodeNotFound},
}
