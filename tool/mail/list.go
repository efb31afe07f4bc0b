package mail

import (
	"context"
	"slices"
	"strings"
	"time"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

type listArgs struct {
	Count      int      `json:"count"`
	Folder     string   `json:"folder"`
	UnreadOnly bool     `json:"unreadOnly"`
	Since      string   `json:"since"`
	Until      string   `json:"until"`
	Cursor     string   `json:"cursor"`
	Fields     []string `json:"fields"`
	Mailbox    string   `json:"mailbox"`
	TimeZone   string   `json:"timeZone"`
}

type listOut struct {
	Emails   []email `json:"emails"`
	TimeZone string  `json:"timeZone"`
	Cursor   string  `json:"cursor,omitempty"`
}

var (
	sinceField = tool.Field{Name: "since", Type: tool.String, Description: "2026-03-05T09:00 or a day."}
	untilField = tool.Field{Name: "until", Type: tool.String}
	moreField  = tool.Field{Name: "fields", Type: tool.StringList, Enum: moreNames}
	listFields = []tool.Field{
		{Name: "emails", Type: tool.ObjectList, Required: true, Items: emailFields},
		{Name: "timeZone", Type: tool.String},
		{Name: "cursor", Type: tool.String},
	}
)

func getEmails() *tool.Tool {
	inbox := folderField
	inbox.Default = "inbox"
	return tool.Define(tool.Spec{
		Name: "getEmails", Title: "Read recent mail", Family: family,
		Description: "Shows the latest emails of the inbox or another folder: sender, subject, time, beginning of the text; unread ones or a time range.",
		Keywords:    "inbox latest new messages today check my email",
		Input: []tool.Field{
			countField, inbox,
			{Name: "unreadOnly", Type: tool.Boolean},
			sinceField, untilField, cursorField, moreField, mailboxField, timeZoneField,
		},
		Output:   listFields,
		ReadOnly: true, Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		Scopes: []string{readScope}, SharedScopes: []string{readSharedScope},
	}, planList, doList)
}

// span is what since and until mean; a day as until is all of that day.
func span(zone timezone.Zone, since, until string) (from, to time.Time, err error) {
	if since != "" {
		if from, _, err = zone.Parse(since); err != nil {
			return from, to, tool.Invalid("since", err.Error())
		}
	}
	if until != "" {
		var dayOnly bool
		if to, dayOnly, err = zone.Parse(until); err != nil {
			return from, to, tool.Invalid("until", err.Error())
		}
		if dayOnly {
			to = to.AddDate(0, 0, 1)
		}
		if !from.IsZero() && !to.After(from) {
			return from, to, tool.Invalid("until", "is not after since")
		}
	}
	return from, to, nil
}

// checkReading refuses what is wrong whatever Graph says.
func checkReading(ctx context.Context, c tool.Call, mailbox, zoneName, since, until string) (graph.Mailbox, error) {
	b, err := box(c, mailbox)
	if err != nil {
		return "", err
	}
	zone := timezone.UTC // the form of times needs no zone
	if zoneName != "" {
		if zone, err = c.Zone(ctx, zoneName); err != nil {
			return "", err
		}
	}
	_, _, err = span(zone, since, until)
	return b, err
}

const folderMessages = "/mailFolders/{folder}/messages"

func planList(ctx context.Context, c tool.Call, a listArgs) (tool.Plan, error) {
	b, err := checkReading(ctx, c, a.Mailbox, a.TimeZone, a.Since, a.Until)
	return shared(tool.Plan{Target: target(b, folderMessages)}, b, readSharedScope), err
}

// beginning is before any mail: Exchange wants the sort order's property first in
// the filter (https://learn.microsoft.com/graph/api/user-list-messages).
var beginning = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

func (a listArgs) filter(from, to time.Time) graph.Filter {
	var parts []graph.Filter
	if !from.IsZero() {
		parts = append(parts, graph.Ge("receivedDateTime", from))
	}
	if !to.IsZero() {
		parts = append(parts, graph.Lt("receivedDateTime", to))
	}
	if a.UnreadOnly {
		if parts == nil {
			parts = append(parts, graph.Ge("receivedDateTime", beginning))
		}
		parts = append(parts, graph.Eq("isRead", false))
	}
	return graph.And(parts...)
}

func doList(ctx context.Context, c tool.Call, a listArgs) (tool.Result, error) {
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Result{}, err
	}
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	from, to, err := span(zone, a.Since, a.Until)
	if err != nil {
		return tool.Result{}, err
	}
	folder, err := folderID(ctx, c, b, a.Folder)
	if err != nil {
		return tool.Result{}, err
	}
	path, err := b.To(folderMessages, folder)
	if err != nil {
		return tool.Result{}, tool.Invalid("folder", "is no folder; listMailFolders lists them")
	}
	// Of what one has written oneself it matters to whom.
	if slices.Contains([]string{"sentitems", "drafts", "outbox"}, folder) && !slices.Contains(a.Fields, "to") {
		a.Fields = append(slices.Clip(a.Fields), "to")
	}
	return page(ctx, c, zone, a.Fields, a.Cursor, a.Count, graph.Request{
		Method: graph.Get, Path: path, Prefer: immutable,
		Query: graph.Query{}.Select(selected(a.Fields)...).Filter(a.filter(from, to)).OrderBy("receivedDateTime desc").Top(a.Count),
	})
}

// page reads one page of mails and shapes it.
func page(ctx context.Context, c tool.Call, zone timezone.Zone, fields []string, cursor string, count int, request graph.Request) (tool.Result, error) {
	var err error
	if request.Next, err = c.Next(ctx, request.Path, cursor); err != nil {
		return tool.Result{}, err
	}
	items, next, err := graph.List[message](ctx, c.Graph, request, count)
	if err != nil {
		return tool.Result{}, err
	}
	out := listOut{TimeZone: zone.Label()}
	if out.Emails, err = shapeAll(ctx, c, items, zone, fields); err != nil {
		return tool.Result{}, err
	}
	if out.Cursor, err = c.Cursor(ctx, request.Path, next); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(items)}, nil
}

// shapeAll shapes mails with short ids.
func shapeAll(ctx context.Context, c tool.Call, items []message, zone timezone.Zone, fields []string) ([]email, error) {
	ids, conversations := make([]string, len(items)), make([]string, len(items))
	for i, m := range items {
		ids[i], conversations[i] = m.ID, m.ConversationID
	}
	ids, err := c.Short(ctx, handle.KindMail, ids)
	if err != nil {
		return nil, err
	}
	if slices.Contains(fields, "conversationId") {
		if conversations, err = c.Short(ctx, handle.KindConversation, conversations); err != nil {
			return nil, err
		}
	}
	out := make([]email, len(items))
	for i, m := range items {
		m.ConversationID = conversations[i]
		out[i] = m.shape(ids[i], zone, fields)
	}
	return out, nil
}

func (o listOut) text() string {
	if len(o.Emails) == 0 {
		return "No mails."
	}
	text := []string{"Times in " + o.TimeZone + ":"}
	for _, e := range o.Emails {
		text = append(text, e.line())
	}
	if o.Cursor != "" {
		text = append(text, "More: cursor "+o.Cursor)
	}
	return strings.Join(text, "\n")
}
