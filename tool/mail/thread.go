package mail

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

type threadArgs struct {
	ID       string `json:"id"`
	Count    int    `json:"count"`
	MaxChars int    `json:"maxChars"`
	Cursor   string `json:"cursor"`
	Mailbox  string `json:"mailbox"`
	TimeZone string `json:"timeZone"`
}

type threadOut struct {
	ConversationID string     `json:"conversationId"`
	Total          int        `json:"total"`
	Emails         []threaded `json:"emails"`
	TimeZone       string     `json:"timeZone"`
	Cursor         string     `json:"cursor,omitempty"`
}

// threaded is a mail of a thread, without what the others of it already say.
type threaded struct {
	email
	Text    string `json:"text,omitempty"`
	Cut     bool   `json:"cut,omitempty"`
	Earlier int    `json:"earlierMessages,omitempty"`
}

const (
	maxThread     = 400 // mails of a thread that are looked at
	maxThreadPage = 20  // one batch
	threadChars   = 1200
)

func getEmailThread() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "getEmailThread", Title: "Read a mail thread", Family: family,
		Description: "Reads a whole mail conversation, newest first, each mail once and without what it quotes of the others.",
		Keywords:    "history discussion replies back and forth summarize",
		Input: []tool.Field{
			{Name: "id", Aliases: []string{"emailId", "messageId", "conversationId"}, Type: tool.String, Required: true, Description: "Of one of its mails, or conversationId."},
			{Name: "count", Type: tool.Integer, Default: 10, Min: 1, Max: maxThreadPage},
			{Name: "maxChars", Type: tool.Integer, Default: threadChars, Min: 200, Max: 10_000, Description: "Of each mail."},
			cursorField, mailboxField, timeZoneField,
		},
		Output: []tool.Field{
			{Name: "conversationId", Type: tool.String},
			{Name: "total", Type: tool.Integer},
			{Name: "emails", Type: tool.ObjectList, Required: true, Items: []tool.Field{
				{Name: "id", Type: tool.String},
				{Name: "subject", Type: tool.String},
				{Name: "from", Type: tool.String},
				{Name: "to", Type: tool.StringList},
				{Name: "received", Type: tool.String},
				{Name: "unread", Type: tool.Boolean},
				{Name: "draft", Type: tool.Boolean},
				{Name: "attachments", Type: tool.Boolean},
				{Name: "important", Type: tool.Boolean},
				{Name: "flagged", Type: tool.Boolean},
				{Name: "text", Type: tool.String},
				{Name: "cut", Type: tool.Boolean},
				{Name: "earlierMessages", Type: tool.Integer},
			}},
			{Name: "timeZone", Type: tool.String},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Untrusted: true,
		Scopes: []string{readScope}, SharedScopes: []string{readSharedScope},
	}, planThread, doThread)
}

func planThread(ctx context.Context, c tool.Call, a threadArgs) (tool.Plan, error) {
	b, err := checkReading(ctx, c, a.Mailbox, a.TimeZone, "", "")
	if err != nil {
		return tool.Plan{}, err
	}
	if !conversation(a.ID) {
		if _, err := mailPath(ctx, c, b, messagePath, "id", a.ID); err != nil {
			return tool.Plan{}, err
		}
	}
	return shared(tool.Plan{Target: target(b, "/messages")}, b, readSharedScope), nil
}

// conversation tells a conversation's id from a mail's: the short ones by their
// prefix, Exchange's by its beginning.
func conversation(id string) bool {
	return strings.HasPrefix(strings.ToLower(id), "cv_") || strings.HasPrefix(id, "AAQk")
}

func doThread(ctx context.Context, c tool.Call, a threadArgs) (tool.Result, error) {
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Result{}, err
	}
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	id, err := a.conversation(ctx, c, b)
	if err != nil {
		return tool.Result{}, err
	}
	path, err := b.To("/messages")
	if err != nil {
		return tool.Result{}, err
	}
	// Without $orderby: Exchange refuses this filter beside one as inefficient.
	items, _, err := graph.List[message](ctx, c.Graph, graph.Request{
		Method: graph.Get, Path: path, Prefer: immutable,
		Query: graph.Query{}.Select("id", "receivedDateTime").Filter(graph.Eq("conversationId", id)).Top(100),
	}, maxThread)
	if err != nil {
		return tool.Result{}, err
	}
	slices.SortStableFunc(items, func(x, y message) int { return cmp.Or(y.Received.Compare(x.Received), cmp.Compare(x.ID, y.ID)) })
	out := threadOut{Total: len(items), TimeZone: zone.Label()}
	short, err := c.Short(ctx, handle.KindConversation, []string{id})
	if err != nil {
		return tool.Result{}, err
	}
	out.ConversationID = short[0]
	rest, err := a.after(ctx, c, path, id, items)
	if err != nil {
		return tool.Result{}, err
	}
	shown := rest[:min(a.Count, len(rest))]
	if out.Emails, err = a.bodies(ctx, c, b, zone, shown, len(rest) == len(shown)); err != nil {
		return tool.Result{}, err
	}
	if len(rest) > len(shown) {
		if out.Cursor, err = c.Cursor(ctx, path, id+"\n"+shown[len(shown)-1].ID); err != nil {
			return tool.Result{}, err
		}
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(shown)}, nil
}

// conversation is the id of the thread that the argument means.
func (a threadArgs) conversation(ctx context.Context, c tool.Call, b graph.Mailbox) (string, error) {
	if conversation(a.ID) {
		return c.Resolve(ctx, "id", handle.KindConversation, a.ID)
	}
	path, err := mailPath(ctx, c, b, messagePath, "id", a.ID)
	if err != nil {
		return "", err
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Prefer: immutable, Query: graph.Query{}.Select("conversationId")})
	if err != nil {
		return "", err
	}
	var m message
	err = resp.Decode(&m)
	return m.ConversationID, err
}

// after is what follows the mail that the cursor names: mails that came since do
// not move the pages.
func (a threadArgs) after(ctx context.Context, c tool.Call, path graph.Path, id string, items []message) ([]message, error) {
	last, err := c.Next(ctx, path, a.Cursor)
	if err != nil || last == "" {
		return items, err
	}
	thread, mail, _ := strings.Cut(last, "\n")
	i := slices.IndexFunc(items, func(m message) bool { return m.ID == mail })
	if thread != id || i < 0 {
		return nil, tool.Invalid("cursor", "is not a cursor of this thread; leave it out to begin at the newest mail")
	}
	return items[i+1:], nil
}

// bodies reads the mails of a page. Only the oldest one can quote what the thread
// itself does not have.
func (a threadArgs) bodies(ctx context.Context, c tool.Call, b graph.Mailbox, zone timezone.Zone, shown []message, oldest bool) ([]threaded, error) {
	requests := make([]graph.Request, len(shown))
	for i, m := range shown {
		path, err := b.To(messagePath, m.ID)
		if err != nil {
			return nil, fmt.Errorf("mail id of Graph: %w", err)
		}
		requests[i] = graph.Request{Method: graph.Get, Path: path, Prefer: immutable, Query: graph.Query{}.Select(append(slices.Clone(properties), "toRecipients", "body")...)}
	}
	results, err := graph.Batch(ctx, c.Graph, requests)
	if err != nil {
		return nil, err
	}
	read := make([]message, len(shown))
	for i, r := range results {
		if r.Err != nil {
			return nil, r.Err
		}
		if err := r.Response.Decode(&read[i]); err != nil {
			return nil, err
		}
	}
	shaped, err := shapeAll(ctx, c, read, zone, []string{"to"})
	if err != nil {
		return nil, err
	}
	out := make([]threaded, len(read))
	for i, m := range read {
		out[i] = a.threaded(shaped[i], m, oldest && i == len(read)-1)
	}
	return out, nil
}

func (a threadArgs) threaded(e email, m message, oldest bool) threaded {
	reading := read(m.Body, false)
	text, rest, err := content.Page(reading.Text, a.MaxChars, "")
	if err != nil { // only a cursor can be wrong, and there is none
		text, rest = "", "all"
	}
	e.Preview = ""
	one := threaded{email: e, Text: strings.TrimSpace(text), Cut: rest != ""}
	if oldest {
		one.Earlier = content.Messages(reading.Quoted)
	}
	return one
}

func (o threadOut) text() string {
	parts := []string{fmt.Sprintf("Conversation [%s], %d mails, newest first; times in %s.", o.ConversationID, o.Total, o.TimeZone)}
	for _, e := range o.Emails {
		part := e.line() + "\n\n" + or(e.Text, "(no text)")
		if e.Cut {
			part += "\n[cut; getEmail " + e.ID + " reads all]"
		}
		if e.Earlier > 0 {
			part += fmt.Sprintf("\n[%d earlier mails are only quoted here; getEmail %s with fields [\"history\"] shows them]", e.Earlier, e.ID)
		}
		parts = append(parts, part)
	}
	if o.Cursor != "" {
		parts = append(parts, "More: cursor "+o.Cursor)
	}
	return strings.Join(parts, "\n\n---\n")
}
