package mail

import (
	"context"
	"strings"
	"time"

	"m365mcp/graph"
	"m365mcp/tool"
)

type searchArgs struct {
	Query         string   `json:"query"`
	Count         int      `json:"count"`
	From          string   `json:"from"`
	To            string   `json:"to"`
	Subject       string   `json:"subject"`
	Since         string   `json:"since"`
	Until         string   `json:"until"`
	HasAttachment *bool    `json:"hasAttachment"`
	Folder        string   `json:"folder"`
	Cursor        string   `json:"cursor"`
	Fields        []string `json:"fields"`
	Mailbox       string   `json:"mailbox"`
	TimeZone      string   `json:"timeZone"`
}

func searchEmails() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "searchEmails", Title: "Search mail", Family: family,
		Description: "Search mail for messages by words, sender, recipient, subject, time or attachment, in the whole mailbox or one folder.",
		Keywords:    "find look for message about email from somebody",
		Input: []tool.Field{
			{Name: "query", Type: tool.String, MaxLength: 500, Description: "Words, phrases in quotes, AND, OR, NOT."},
			countField,
			{Name: "from", Type: tool.String, Description: "Name or address."},
			{Name: "to", Type: tool.String},
			{Name: "subject", Type: tool.String},
			sinceField, untilField,
			{Name: "hasAttachment", Type: tool.Boolean},
			{Name: "folder", Type: tool.String},
			cursorField, moreField, mailboxField, timeZoneField,
		},
		Output:   listFields,
		ReadOnly: true, Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		Scopes: []string{readScope}, SharedScopes: []string{readSharedScope},
	}, planSearch, doSearch)
}

// kql is the query in Graph's language.
func (a searchArgs) kql(from, to time.Time) graph.KQL {
	q := graph.NewKQL().Words(a.Query).Property("from", a.From).Property("to", a.To).Property("subject", a.Subject)
	if a.HasAttachment != nil {
		q = q.Is("hasattachments", *a.HasAttachment)
	}
	if !from.IsZero() || !to.IsZero() {
		q = q.Range("received", from, to)
	}
	return q
}

func planSearch(ctx context.Context, c tool.Call, a searchArgs) (tool.Plan, error) {
	b, err := checkReading(ctx, c, a.Mailbox, a.TimeZone, a.Since, a.Until)
	if err != nil {
		return tool.Plan{}, err
	}
	if graph.NewKQL().Words(a.Query).IsZero() && strings.TrimSpace(a.Query) != "" {
		return tool.Plan{}, tool.Invalid("query", "has no word to search for")
	}
	if a.kql(time.Time{}, time.Time{}).IsZero() && a.Since == "" && a.Until == "" {
		return tool.Plan{}, tool.Invalid("query", "is missing; give it, or from, to, subject, since, until or hasAttachment")
	}
	template := "/messages"
	if a.Folder != "" {
		template = folderMessages
	}
	return shared(tool.Plan{Target: target(b, template)}, b, readSharedScope), nil
}

func doSearch(ctx context.Context, c tool.Call, a searchArgs) (tool.Result, error) {
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
	path, err := b.To("/messages")
	if err == nil && a.Folder != "" {
		var folder string
		if folder, err = folderID(ctx, c, b, a.Folder); err != nil {
			return tool.Result{}, err
		}
		path, err = b.To(folderMessages, folder)
	}
	if err != nil {
		return tool.Result{}, tool.Invalid("folder", "is no folder; listMailFolders lists them")
	}
	// $search takes no $orderby: Graph sorts by the date sent, newest first.
	return page(ctx, c, zone, a.Fields, a.Cursor, a.Count, graph.Request{
		Method: graph.Get, Path: path, Prefer: immutable,
		Query: graph.Query{}.Select(selected(a.Fields)...).Search(a.kql(from, to)).Top(a.Count),
	})
}
