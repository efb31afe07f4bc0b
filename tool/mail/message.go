package mail

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/timezone"
	"m365mcp/tool"
)

// message holds the properties of Graph's message resource that the tools select.
type message struct {
	ETag              string            `json:"@odata.etag"`
	ID                string            `json:"id"`
	Subject           string            `json:"subject"`
	From              *graph.Recipient  `json:"from"`
	Sender            *graph.Recipient  `json:"sender"`
	To                []graph.Recipient `json:"toRecipients"`
	CC                []graph.Recipient `json:"ccRecipients"`
	BCC               []graph.Recipient `json:"bccRecipients"`
	ReplyTo           []graph.Recipient `json:"replyTo"`
	Received          time.Time         `json:"receivedDateTime"`
	Sent              time.Time         `json:"sentDateTime"`
	Preview           string            `json:"bodyPreview"`
	Body              graph.ItemBody    `json:"body"`
	IsRead            bool              `json:"isRead"`
	IsDraft           bool              `json:"isDraft"`
	HasAttachments    bool              `json:"hasAttachments"`
	Importance        string            `json:"importance"`
	Flag              struct{ FlagStatus string }
	Categories        []string                       `json:"categories"`
	ConversationID    string                         `json:"conversationId"`
	WebLink           string                         `json:"webLink"`
	InternetMessageID string                         `json:"internetMessageId"`
	Headers           []struct{ Name, Value string } `json:"internetMessageHeaders"`
}

// properties of a list; the others come with fields.
var properties = []string{"id", "subject", "from", "receivedDateTime", "bodyPreview", "isRead", "isDraft", "hasAttachments", "importance", "flag"}

// more are the names of fields of a list with the properties they need.
var more = map[string]string{"to": "toRecipients", "cc": "ccRecipients", "categories": "categories", "conversationId": "conversationId"}

var moreNames = []string{"to", "cc", "categories", "conversationId"}

// selected are the properties for the fields.
func selected(fields []string) []string {
	out := slices.Clone(properties)
	for _, name := range moreNames {
		if slices.Contains(fields, name) {
			out = append(out, more[name])
		}
	}
	return out
}

// email is a mail as models read it. What is empty, false or usual is left out.
type email struct {
	ID             string   `json:"id"`
	Subject        string   `json:"subject"`
	From           string   `json:"from,omitempty"`
	To             []string `json:"to,omitempty"`
	CC             []string `json:"cc,omitempty"`
	BCC            []string `json:"bcc,omitempty"`
	ReplyTo        []string `json:"replyTo,omitempty"`
	Received       string   `json:"received,omitempty"`
	Unread         bool     `json:"unread,omitempty"`
	Draft          bool     `json:"draft,omitempty"`
	Attachments    bool     `json:"attachments,omitempty"`
	Important      bool     `json:"important,omitempty"`
	Flagged        bool     `json:"flagged,omitempty"`
	Preview        string   `json:"preview,omitempty"`
	Categories     []string `json:"categories,omitempty"`
	ConversationID string   `json:"conversationId,omitempty"`
}

// emailFields describe a mail in an output schema.
var emailFields = []tool.Field{
	{Name: "id", Type: tool.String},
	{Name: "subject", Type: tool.String},
	{Name: "from", Type: tool.String},
	{Name: "received", Type: tool.String},
	{Name: "unread", Type: tool.Boolean},
	{Name: "draft", Type: tool.Boolean},
	{Name: "attachments", Type: tool.Boolean},
	{Name: "important", Type: tool.Boolean},
	{Name: "flagged", Type: tool.Boolean},
	{Name: "preview", Type: tool.String},
	{Name: "to", Type: tool.StringList},
	{Name: "cc", Type: tool.StringList},
	{Name: "categories", Type: tool.StringList},
	{Name: "conversationId", Type: tool.String},
}

// Bounds of what is shown of a mail in a list, for ten of them to stay below some
// 1,250 tokens.
const (
	shownSubject = 100
	shownPreview = 130
	shownPeople  = 10
)

func (m message) shape(id string, zone timezone.Zone, fields []string) email {
	e := email{
		ID: id, Subject: content.Line(m.Subject, shownSubject), From: person(m.From), Received: zone.Format(m.Received), Unread: !m.IsRead, Draft: m.IsDraft,
		Attachments: m.HasAttachments, Important: m.Importance == "high", Flagged: m.Flag.FlagStatus == "flagged", Preview: content.Line(m.Preview, shownPreview),
	}
	for _, name := range fields {
		switch name {
		case "to":
			e.To = people(m.To, shownPeople)
		case "cc":
			e.CC = people(m.CC, shownPeople)
		case "categories":
			e.Categories = lines(m.Categories)
		case "conversationId":
			e.ConversationID = m.ConversationID // short by then, see page
		}
	}
	return e
}

func person(r *graph.Recipient) string {
	if r == nil {
		return ""
	}
	return content.Address(r.EmailAddress.Name, r.EmailAddress.Address)
}

// people writes at most so many of a list; some mails go to hundreds.
func people(list []graph.Recipient, most int) []string {
	var out []string
	for i, r := range list {
		if i == most {
			return append(out, fmt.Sprintf("and %d more", len(list)-i))
		}
		out = append(out, person(&r))
	}
	return out
}

// addresses without their names.
func addresses(list []graph.Recipient) []string {
	out := make([]string, 0, len(list))
	for _, r := range list {
		out = append(out, r.EmailAddress.Address)
	}
	return out
}

func lines(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, content.Line(s, 100))
	}
	return out
}

// line writes the mail for reading.
func (e email) line() string {
	var b strings.Builder
	b.WriteString(quoted(e.Subject, "(no subject)") + " [" + e.ID + "]")
	var marks []string
	for _, mark := range []struct {
		on   bool
		word string
	}{{e.Draft, "draft"}, {e.Unread, "unread"}, {e.Attachments, "attachments"}, {e.Important, "important"}, {e.Flagged, "flagged"}} {
		if mark.on {
			marks = append(marks, mark.word)
		}
	}
	if marks != nil {
		fmt.Fprintf(&b, " (%s)", strings.Join(marks, ", "))
	}
	fmt.Fprintf(&b, "\n   %s, %s", e.who(), e.Received)
	for _, l := range []struct{ name, text string }{
		{"cc", strings.Join(e.CC, ", ")},
		{"categories", strings.Join(e.Categories, ", ")},
		{"conversation", e.ConversationID},
	} {
		if l.text != "" {
			fmt.Fprintf(&b, "\n   %s: %s", l.name, l.text)
		}
	}
	if e.Preview != "" {
		b.WriteString("\n   " + e.Preview)
	}
	return b.String()
}

func (e email) who() string {
	from := "from " + or(e.From, "(no sender)")
	if len(e.To) == 0 {
		return from
	}
	return from + " to " + strings.Join(e.To, ", ")
}
