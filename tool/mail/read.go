package mail

import (
	"context"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

type readArgs struct {
	ID       string   `json:"id"`
	Fields   []string `json:"fields"`
	MaxChars int      `json:"maxChars"`
	Cursor   string   `json:"cursor"`
	Mailbox  string   `json:"mailbox"`
	TimeZone string   `json:"timeZone"`
}

type readOut struct {
	email
	Files    []file   `json:"files,omitempty"`
	Text     string   `json:"text,omitempty"`
	Earlier  int      `json:"earlierMessages,omitempty"`
	Headers  []string `json:"headers,omitempty"`
	TimeZone string   `json:"timeZone"`
	Cursor   string   `json:"cursor,omitempty"`

	hidden int // passages that were removed, for the note
}

// defaultChars is what a model gets of a mail at first: with its head it stays
// below 2,000 tokens.
const (
	defaultChars = 6000
	maxChars     = 50_000
	maxHeaders   = 60
)

var charsField = tool.Field{Name: "maxChars", Type: tool.Integer, Default: defaultChars, Min: 500, Max: maxChars}

func getEmail() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "getEmail", Title: "Read a mail", Family: family,
		Description: "Read one email: its full text as Markdown without the quoted history, sender, recipients and attachments.",
		Keywords:    "open show full message body content",
		Input: []tool.Field{
			idField,
			{Name: "fields", Type: tool.StringList, Enum: []string{"history", "headers", "recipients", "links", "conversationId"}, Description: "history: quoted mails; links: whole addresses."},
			charsField, cursorField, mailboxField, timeZoneField,
		},
		Output: []tool.Field{
			{Name: "id", Type: tool.String},
			{Name: "subject", Type: tool.String},
			{Name: "from", Type: tool.String},
			{Name: "to", Type: tool.StringList},
			{Name: "cc", Type: tool.StringList},
			{Name: "bcc", Type: tool.StringList},
			{Name: "replyTo", Type: tool.StringList},
			{Name: "received", Type: tool.String},
			{Name: "unread", Type: tool.Boolean},
			{Name: "draft", Type: tool.Boolean},
			{Name: "important", Type: tool.Boolean},
			{Name: "flagged", Type: tool.Boolean},
			{Name: "categories", Type: tool.StringList},
			{Name: "conversationId", Type: tool.String},
			{Name: "files", Type: tool.ObjectList, Items: fileFields},
			{Name: "text", Type: tool.String},
			{Name: "earlierMessages", Type: tool.Integer},
			{Name: "headers", Type: tool.StringList},
			{Name: "timeZone", Type: tool.String},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		Scopes: []string{readScope}, SharedScopes: []string{readSharedScope},
	}, planRead, doRead)
}

const messagePath = "/messages/{message}"

func planRead(ctx context.Context, c tool.Call, a readArgs) (tool.Plan, error) {
	b, err := checkReading(ctx, c, a.Mailbox, a.TimeZone, "", "")
	if err != nil {
		return tool.Plan{}, err
	}
	path, err := mailPath(ctx, c, b, messagePath, "id", a.ID)
	return shared(tool.Plan{Target: path.Template()}, b, readSharedScope), err
}

// readProperties are those of one mail.
var readProperties = append(slices.Clone(properties), "sender", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "categories", "body")

// fetch reads a mail and the list of its attachments, together.
func fetch(ctx context.Context, c tool.Call, b graph.Mailbox, field, given string, more ...string) (message, []attachment, error) {
	path, err := mailPath(ctx, c, b, messagePath, field, given)
	if err != nil {
		return message{}, nil, err
	}
	files, err := mailPath(ctx, c, b, attachmentsPath, field, given)
	if err != nil {
		return message{}, nil, err
	}
	// $expand would bring the files' content along, and $select inside of it is not
	// promised for messages: two reads in one batch.
	results, err := graph.Batch(ctx, c.Graph, []graph.Request{
		{Method: graph.Get, Path: path, Prefer: immutable, Query: graph.Query{}.Select(append(slices.Clone(readProperties), more...)...)},
		{Method: graph.Get, Path: files, Prefer: immutable, Query: attachmentQuery},
	})
	if err != nil {
		return message{}, nil, err
	}
	var m message
	var list graph.Page[attachment]
	for i, into := range []any{&m, &list} {
		if results[i].Err != nil {
			return message{}, nil, results[i].Err
		}
		if err := results[i].Response.Decode(into); err != nil {
			return message{}, nil, err
		}
	}
	if list.NextLink == "" {
		return m, list.Value, nil
	}
	// All of them: what leaves with the mail is decided about by this list.
	rest, next, err := graph.List[attachment](ctx, c.Graph, graph.Request{Method: graph.Get, Path: files, Prefer: immutable, Next: list.NextLink}, 0)
	if err == nil && next != "" {
		err = tool.Invalid(field, "is a mail with more attachments than can be listed")
	}
	return m, append(list.Value, rest...), err
}

func doRead(ctx context.Context, c tool.Call, a readArgs) (tool.Result, error) {
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Result{}, err
	}
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	var extra []string
	for _, f := range []struct{ field, property string }{{"headers", "internetMessageHeaders"}, {"conversationId", "conversationId"}} {
		if slices.Contains(a.Fields, f.field) {
			extra = append(extra, f.property)
		}
	}
	m, files, err := fetch(ctx, c, b, "id", a.ID, extra...)
	if err != nil {
		return tool.Result{}, err
	}
	out, err := a.shape(ctx, c, m, files, zone)
	if err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Structured: out, Text: out.text(a.Cursor != "", len(m.Body.Content) > 0), Note: out.note(), Items: 1}, nil
}

func (a readArgs) shape(ctx context.Context, c tool.Call, m message, files []attachment, zone timezone.Zone) (readOut, error) {
	shaped, err := shapeAll(ctx, c, []message{m}, zone, a.Fields)
	if err != nil {
		return readOut{}, err
	}
	has := func(name string) bool { return slices.Contains(a.Fields, name) }
	out := readOut{email: shaped[0], TimeZone: zone.Label()}
	read := read(m.Body, has("links"))
	text := read.Text
	if has("history") && read.Quoted != "" {
		text += "\n\n---\n\n" + read.Quoted
	} else {
		out.Earlier = content.Messages(read.Quoted)
	}
	if out.Text, out.Cursor, err = content.Page(text, a.MaxChars, a.Cursor); err != nil {
		return readOut{}, tool.Invalid("cursor", err.Error())
	}
	out.hidden, out.Preview, out.Attachments, out.Subject = read.HiddenRemoved, "", false, content.Line(m.Subject, 255)
	if a.Cursor != "" { // the head was on the first page
		out.email = email{ID: out.ID, Subject: out.Subject, From: out.From, Received: out.Received}
		out.Earlier, out.hidden = 0, 0
		return out, nil
	}
	most := 10
	if has("recipients") {
		most = 500
	}
	out.To, out.CC, out.BCC, out.Categories = people(m.To, most), people(m.CC, most), people(m.BCC, most), lines(m.Categories)
	if !slices.Equal(addresses(m.ReplyTo), addresses(recipient(m.From))) { // an answer goes elsewhere
		out.ReplyTo = people(m.ReplyTo, most)
	}
	if m.Sender != nil && m.From != nil && !strings.EqualFold(m.Sender.EmailAddress.Address, m.From.EmailAddress.Address) {
		out.From = person(m.Sender) + " on behalf of " + out.From
	}
	for i, h := range m.Headers {
		if i == maxHeaders {
			break
		}
		out.Headers = append(out.Headers, content.Line(h.Name+": "+h.Value, 500))
	}
	out.Files, err = shapeFiles(ctx, c, files)
	return out, err
}

func recipient(r *graph.Recipient) []graph.Recipient {
	if r == nil {
		return nil
	}
	return []graph.Recipient{*r}
}

// read is the text of a body with the quoted history apart.
func read(body graph.ItemBody, links bool) content.Reading {
	if strings.EqualFold(body.ContentType, "html") {
		return content.Markdown(body.Content, content.MarkdownOptions{CutQuotes: true, FullLinks: links})
	}
	reading := content.Plain(body.Content)
	reading.Text, reading.Quoted = content.CutQuote(reading.Text)
	return reading
}

// shortMail is the short id of one mail.
func shortMail(ctx context.Context, c tool.Call, id string) (string, error) {
	short, err := c.Short(ctx, handle.KindMail, []string{id})
	if err != nil {
		return "", err
	}
	return short[0], nil
}
