package mail_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"m365mcp/internal/golden"
	"m365mcp/tool/tooltest"
)

// changing is what another run has otherwise: the fence, and cursors, which hold
// the address of the simulated Graph.
var changing = regexp.MustCompile(`(untrusted |cursor cu_)[0-9a-z]+`)

// What models read of typical results.
func TestTexts(t *testing.T) {
	t.Parallel()
	h := start(t).As("ada").With("MailboxSettings.Read")
	// In this order: the writes change what the reads above them count.
	for _, call := range []struct{ golden, tool, args string }{
		{"list", "getEmails", `{"count":4,"fields":["to"]}`},
		{"mail", "getEmail", of(tregor, `,"fields":["history"]`)(h)},
		{"thread", "getEmailThread", of(tregor, `,"count":3,"maxChars":200`)(h)},
		{"folders", "listMailFolders", `{}`},
		{"sent", "sendEmail", toBruno + `,"cc":"x@example.com","attachments":"up_small"}`},
		{"problems", "updateEmail", `{"ids":["` + about(h, handling).ID + `","` + gone + `"],"flag":"flagged"}`},
	} {
		res := h.Call(call.tool, call.args)
		golden.Compare(t, "testdata/"+call.golden+".golden", []byte(changing.ReplaceAllString(res.Text(), "$1...")))
	}
}

// Ten mails and a newsletter of 100 KB cost a model little: 1,250 and 2,000
// tokens, which are some 4,300 and 6,800 characters.
func TestResultsAreSmall(t *testing.T) {
	t.Parallel()
	h := start(t)
	small := func(res tooltest.Result, most int) {
		t.Helper()
		res.WantOK(t)
		// As it is written without escapes for HTML.
		var plain any
		if err := json.Unmarshal(res.Output.Structured, &plain); err != nil {
			t.Fatal(err)
		}
		if text, structured := len([]rune(res.Output.Text)), len([]rune(string(res.Output.Structured))); text > most || structured > most {
			t.Errorf("%d characters of text, %d structured, at most %d: %.300s", text, structured, most, res.Output.Text)
		}
	}
	for _, p := range h.Tenant.People {
		h := h.As(p.ID)
		small(h.Call("getEmails", `{}`), 4300)
		small(h.Call("getEmails", `{"folder":"sentitems"}`), 4300)
	}
	n := 0
	for _, p := range h.Tenant.People {
		for _, m := range h.Tenant.Mailbox[p.ID].Messages {
			if len(m.Body) > 60_000 {
				n++
				small(h.As(p.ID).Call("getEmail", `{"id":"`+m.ID+`"}`), 6800)
			}
		}
	}
	if n < 3 {
		t.Errorf("%d long mails; the sizes were not tried", n)
	}
}

// Going on with the cursor reaches every mail, and none twice.
func TestPagingToTheEnd(t *testing.T) {
	t.Parallel()
	h := start(t).As("ada")
	for name, args := range map[string]string{
		"getEmails":      `{"count":50`,
		"searchEmails":   `{"query":"Lisbon","count":7`,
		"getEmailThread": `{"id":"` + about(h, tregor).ID + `","count":3`,
	} {
		seen, cursor := map[string]bool{}, ""
		for range 60 {
			var got emailList
			h.Call(name, args+cursor+`}`).Structured(t, &got)
			for _, e := range got.Emails {
				if seen[e.ID] {
					t.Errorf("%s: %s comes twice", name, e.ID)
				}
				seen[e.ID] = true
			}
			if cursor = ""; got.Cursor == "" {
				break
			}
			cursor = `,"cursor":"` + got.Cursor + `"`
		}
		inbox := 0
		for _, m := range h.Mailbox().Messages {
			if m.FolderID == inboxOf(h) {
				inbox++
			}
		}
		if cursor != "" || len(seen) < 7 || name == "getEmails" && len(seen) != inbox {
			t.Errorf("%s: %d mails, cursor %q; the inbox has %d", name, len(seen), cursor, inbox)
		}
	}
}

func inboxOf(h *tooltest.Harness) string {
	for _, f := range h.Mailbox().Folders {
		if f.WellKnown == "inbox" {
			return f.ID
		}
	}
	return ""
}
