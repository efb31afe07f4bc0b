package mail

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

// Limits of a mail. Exchange Online takes 500 recipients a message by default
// (https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits);
// subject and body are ours: 255 characters is what Outlook shows.
const (
	maxRecipients = 500
	maxSubject    = 255
	maxBody       = 500_000

	// maxRequest is what Graph takes in one request (413 beyond;
	// https://learn.microsoft.com/graph/api/user-sendmail).
	maxRequest = 4 << 20
)

// outgoing is a message resource as it is handed to Graph.
type outgoing struct {
	From        *graph.Recipient  `json:"from,omitempty"`
	Subject     string            `json:"subject,omitempty"`
	Body        *graph.ItemBody   `json:"body,omitempty"`
	To          []graph.Recipient `json:"toRecipients,omitempty"`
	CC          []graph.Recipient `json:"ccRecipients,omitempty"`
	BCC         []graph.Recipient `json:"bccRecipients,omitempty"`
	ReplyTo     []graph.Recipient `json:"replyTo,omitempty"`
	Importance  string            `json:"importance,omitempty"`
	Attachments []attachedFile    `json:"attachments,omitempty"`
}

// attachedFile is Graph's fileAttachment.
type attachedFile struct {
	Type        string `json:"@odata.type"`
	Name        string `json:"name"`
	ContentType string `json:"contentType,omitempty"`
	Bytes       []byte `json:"contentBytes"` // encodes to base64
}

// Arguments of what is written.
var (
	toField         = tool.Field{Name: "to", Type: tool.StringOrList, Description: "Mail addresses."}
	ccField         = tool.Field{Name: "cc", Type: tool.StringOrList}
	bccField        = tool.Field{Name: "bcc", Type: tool.StringOrList}
	bodyField       = tool.Field{Name: "body", Aliases: []string{"message"}, Type: tool.String, MaxLength: maxBody, Description: "HTML or plain."}
	importanceField = tool.Field{Name: "importance", Type: tool.String, Enum: []string{"low", "normal", "high"}}
)

func required(f tool.Field) tool.Field { f.Required = true; return f }

// list is an argument with addresses.
type list struct {
	field     string
	addresses []string
}

// checkRecipients accepts bare addresses, and no more than Exchange does.
func checkRecipients(lists ...list) error {
	n := 0
	for _, l := range lists {
		if err := tool.CheckAddresses(l.field, l.addresses...); err != nil {
			return err
		}
		n += len(l.addresses)
	}
	if n > maxRecipients {
		return tool.Invalid(lists[0].field, fmt.Sprintf("with the other recipients has %d addresses; at most %d are allowed", n, maxRecipients))
	}
	return nil
}

func checkSubject(subject string) error {
	if strings.ContainsAny(subject, "\r\n\x00") {
		return tool.Invalid("subject", "contains a line break")
	}
	return nil
}

// checkBody keeps a slip from being sent at once: a mail that says nothing.
func checkBody(body string) error {
	if strings.TrimSpace(body) == "" {
		return tool.Invalid("body", "is empty; write what to say")
	}
	return nil
}

// itemBody is what a caller wrote, as Graph takes it.
func itemBody(contentType, body string) *graph.ItemBody {
	return &graph.ItemBody{ContentType: contentType, Content: keepLines(contentType, body)}
}

// keepLines saves plain text that was sent as html, the default since the seed:
// without a tag in it, its line breaks would all be lost.
func keepLines(contentType, body string) string {
	if contentType != "html" || strings.Contains(body, "<") {
		return body
	}
	return strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "<br>\n")
}

// fits refuses a request that Graph would not take.
func fits(r graph.Request) error {
	if len(r.Body) > maxRequest {
		return tool.Invalid("attachments", "make the mail too large for one request; use createDraft, addDraftAttachment for each file, and sendDraft")
	}
	return nil
}

// maxQuote is how much HTML is quoted as it is; of more, its text.
const maxQuote = 1_500_000

// answer is the body of an answer or a forward: what was written, and below it the
// original as Outlook quotes it. Graph's own quotation comes only with a comment,
// which is plain text; a body replaces it
// (https://learn.microsoft.com/graph/api/message-createreply: one or the other).
func answer(ctx context.Context, c tool.Call, contentType, body string, original message) (*graph.ItemBody, error) {
	zone, err := c.Zone(ctx, "")
	if err != nil {
		return nil, err
	}
	written := keepLines(contentType, body)
	if contentType == "text" {
		written = escaped(body)
	}
	var head strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&head, "<b>%s:</b> %s<br>\n", name, html.EscapeString(value))
		}
	}
	line("From", person(original.From))
	if !original.Sent.IsZero() {
		line("Sent", original.Sent.In(zone.Location()).Format("Monday, 2 January 2006 15:04")+" ("+zone.Label()+")")
	}
	line("To", strings.Join(people(original.To, maxRecipients), "; "))
	line("Cc", strings.Join(people(original.CC, maxRecipients), "; "))
	line("Subject", content.Line(original.Subject, 1000))
	return &graph.ItemBody{ContentType: "html", Content: "<html><body>\n<div>" + written + "</div>\n<hr>\n<div id=\"divRplyFwdMsg\">" + head.String() + "</div>\n<div>" +
		quotation(original.Body) + "</div>\n</body></html>"}, nil
}

// quotation is the inside of the original's body.
func quotation(body graph.ItemBody) string {
	if !strings.EqualFold(body.ContentType, "html") {
		return escaped(body.Content)
	}
	if len(body.Content) > maxQuote {
		reading := content.Markdown(body.Content, content.MarkdownOptions{FullLinks: true})
		return escaped(reading.Text)
	}
	inside := body.Content
	lower := strings.ToLower(inside)
	if len(lower) != len(inside) { // a letter whose small form has another length
		return inside
	}
	end := strings.LastIndex(lower, "</body")
	if begin := strings.Index(lower, "<body"); begin >= 0 {
		if tag := strings.IndexByte(lower[begin:], '>'); tag >= 0 {
			if end < begin+tag {
				end = len(inside)
			}
			return inside[begin+tag+1 : end]
		}
	}
	return inside
}

// escaped is plain text as HTML.
func escaped(text string) string {
	return strings.ReplaceAll(html.EscapeString(strings.ReplaceAll(text, "\r\n", "\n")), "\n", "<br>\n")
}

// leaving are the texts of the original that leave with an answer or a forward: as
// they are, and as they read.
func leaving(original message) []string {
	texts := []string{original.Subject, original.Body.Content}
	if strings.EqualFold(original.Body.ContentType, "html") {
		texts = append(texts, content.Markdown(original.Body.Content, content.MarkdownOptions{FullLinks: true}).Text)
	}
	return texts
}

// sentOut is what a tool says of a mail that was sent.
type sentOut struct {
	Sent       bool     `json:"sent"`
	Recipients []string `json:"recipients"`
	Subject    string   `json:"subject,omitempty"`
	Files      []string `json:"attachments,omitempty"`
}

var sentFields = []tool.Field{
	{Name: "sent", Type: tool.Boolean, Required: true},
	{Name: "recipients", Type: tool.StringList, Required: true},
	{Name: "subject", Type: tool.String},
	{Name: "attachments", Type: tool.StringList},
}

// sent reports a mail that Graph has accepted.
func sent(p tool.Plan, subject string) tool.Result {
	out := sentOut{Sent: true, Recipients: shown(p.Recipients), Subject: content.Line(subject, maxSubject)}
	for _, f := range p.Files {
		out.Files = append(out.Files, content.Line(f.Name(), 200))
	}
	text := "Sent to " + strings.Join(out.Recipients, ", ")
	if len(out.Files) > 0 {
		text += " with " + strings.Join(out.Files, ", ")
	}
	return tool.Result{Structured: out, Items: 1, Text: text + ". Microsoft accepted it for delivery; it is in Sent Items."}
}

// shown writes addresses that may be another's words.
func shown(addresses []string) []string {
	out := make([]string, len(addresses))
	for i, a := range addresses {
		out[i] = content.Line(a, 320)
	}
	return out
}

// known leaves out of a mail's texts those that are empty.
func known(texts ...string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}
