package mail_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"m365mcp/content/document"
	"m365mcp/dlp"
	"m365mcp/identity"
	"m365mcp/policy"
	"m365mcp/simulator/dataset"
	"m365mcp/tool"
	"m365mcp/tool/tooltest"
)

// documents is the real reader, in this process.
type documents struct{}

// Text implements tool.Documents.
func (documents) Text(ctx context.Context, _ identity.Principal, name, contentType string, data []byte) (tool.Document, error) {
	doc, err := document.Extract(ctx, name, contentType, data, document.Limits{})
	if errors.Is(err, document.ErrUnsupported) || errors.Is(err, document.ErrDamaged) {
		return tool.Document{}, fmt.Errorf("%w: %w", tool.ErrUnreadable, err)
	}
	return tool.Document{Text: doc.Text, Notes: doc.Notes}, err
}

// attaching gives one mail of Ada's these attachments.
func attaching(list ...dataset.Attachment) func(*tooltest.Options) {
	return func(o *tooltest.Options) {
		o.Tenant = withMail(func(m *dataset.Message) {
			for i := range list {
				list[i].ID = fmt.Sprintf("%sattachment%d", m.ID, i)
			}
			m.Subject, m.Attachments = "with attachments", list
		})
	}
}

// attachedMail is a mail in a mail, with a file.
func attachedMail(name string, file []byte) dataset.Attachment {
	return dataset.Attachment{Name: "Old offer", Item: []byte(`{"@odata.type":"#microsoft.graph.message","subject":"Offer","body":{"contentType":"text","content":"see the file"},` +
		`"attachments":[{"@odata.type":"#microsoft.graph.fileAttachment","name":"` + name + `","isInline":true,"contentBytes":"` + base64.StdEncoding.EncodeToString(file) + `"}]}`)}
}

// guarded has a detector of one word, and for one tool a policy against what it
// finds and against what nobody can read.
func guarded(name, word string) func(*tooltest.Options) {
	against := func(id string, matters func(policy.Context) bool) policy.Rule {
		return policy.Rule{ID: id, When: func(r policy.Request) bool { return r.Action.Tool == name && matters(r.Context) }}
	}
	return func(o *tooltest.Options) {
		o.Documents = documents{}
		if word != "" {
			o.DLP = dlp.New(dlp.Detector{Name: "word", Match: func(text string) bool { return strings.Contains(text, word) }})
		}
		o.Policy = policy.New(
			policy.PermitAll().Rules()[0],
			against("found", func(c policy.Context) bool { return len(c.Findings) > 0 }),
			against("unread", func(c policy.Context) bool { return len(c.Unscannable) > 0 && len(c.Findings) == 0 }),
		)
	}
}

// What hangs on a mail leaves with it, and with its download to the person: it is
// read, or policy is told that nobody has.
func TestAttachmentsThatLeave(t *testing.T) {
	t.Parallel()
	event := dataset.Attachment{Name: "Review", Item: []byte(`{"@odata.type":"#microsoft.graph.event","subject":"the plan"}`)}
	archive := []byte("7z\xbc\xaf\x27\x1c\x00\x00")
	for name, c := range map[string]struct {
		attached   dataset.Attachment
		word, rule string
	}{
		"a file":                               {dataset.Attachment{Name: "a.txt", ContentType: "text/plain", Content: []byte("secret 17")}, "secret 17", "found"},
		"a file without it":                    {dataset.Attachment{Name: "a.txt", ContentType: "text/plain", Content: []byte("17")}, "secret 17", "permit-all"},
		"an archive":                           {dataset.Attachment{Name: "a.7z", Content: archive}, "secret 17", "unread"},
		"a file in an attached mail":           {attachedMail("a.txt", []byte("secret 17")), "secret 17", "found"},
		"a file without it in one":             {attachedMail("a.txt", []byte("17")), "secret 17", "permit-all"},
		"an archive in one":                    {attachedMail("a.7z", archive), "secret 17", "unread"},
		"an event, which may have attachments": {event, "secret 17", "unread"},
		"the subject of an event":              {event, "the plan", "found"},
		"an event, and no DLP":                 {event, "", "unread"},
		"nobody wants to read":                 {attachedMail("a.7z", archive), "", "permit-all"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for which, args := range map[string]string{"forwardEmail": `,"to":"x@example.com"}`, "download:attachment": ``} {
				files := newSpool()
				h := start(t, attaching(c.attached), guarded(which, c.word), func(o *tooltest.Options) { o.Uploads = files }).As("ada")
				m := about(h, "with attachments")
				var res tooltest.Result
				if which == "forwardEmail" {
					res = h.Call(which, `{"id":"`+m.ID+`"`+args)
				} else {
					var body []byte
					body, res = h.Send(which, `{"emailId":"`+m.ID+`","attachmentId":"`+m.Attachments[0].ID+`"}`)
					if (len(body) > 0) != (res.Err == nil) {
						t.Errorf("%s: %d bytes left: %v", which, len(body), res.Err)
					}
				}
				if got := res.Intents[0].Rule; got != c.rule || (res.Err == nil) != (c.rule == "permit-all") {
					t.Errorf("%s: decided by %s, want %s: %v", which, got, c.rule, res.Err)
				}
				if n := files.open(); n != 0 {
					t.Errorf("%s: %d files are open", which, n)
				}
				if stored := len(files.files) - 3; c.word == "" && stored > 0 {
					t.Errorf("%s: %d files fetched for nobody", which, stored)
				}
			}
		})
	}
}

// A list of attachments that comes in pages is read to its end.
func TestManyAttachmentsLeave(t *testing.T) {
	t.Parallel()
	var list []dataset.Attachment
	for i := range 30 {
		list = append(list, dataset.Attachment{Name: fmt.Sprintf("%02d.txt", i), ContentType: "text/plain", Content: fmt.Appendf(nil, "file %02d", i)})
	}
	h := start(t, attaching(list...), guarded("forwardEmail", "file 29")).As("ada")
	res := h.Call("forwardEmail", `{"id":"`+about(h, "with attachments").ID+`","to":"x@example.com"}`)
	if len(res.Intents[0].Findings) != 1 || res.Err == nil {
		t.Errorf("findings %v: %v", res.Intents[0].Findings, res.Err)
	}
}
