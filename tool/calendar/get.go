package calendar

import (
	"context"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

type getArgs struct {
	ID       string `json:"id"`
	MaxChars int    `json:"maxChars"`
	Cursor   string `json:"cursor"`
	Mailbox  string `json:"mailbox"`
	TimeZone string `json:"timeZone"`
}

type getOut struct {
	event
	TimeZone    string `json:"timeZone"`
	Body        string `json:"body,omitempty"`
	Attachments []file `json:"attachments,omitempty"`
	Cursor      string `json:"cursor,omitempty"`
}

func getCalendarEvent() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "getCalendarEvent", Title: "One calendar event", Family: family,
		Description: "One event in full: who accepted, attendees, join link, text, recurrence, attachments (getAttachment reads them).",
		Keywords:    "details of meeting invitation who is coming agenda join link",
		Input: []tool.Field{
			idField,
			{Name: "maxChars", Type: tool.Integer, Default: content.PageSize, Min: 200, Max: 50000},
			{Name: "cursor", Type: tool.String, Description: "Of the rest of a long text."},
			mailboxField, timeZoneField,
		},
		Output: append(slices.Clone(eventFields),
			tool.Field{Name: "body", Type: tool.String}, tool.Field{Name: "attachments", Type: tool.ObjectList, Items: fileFields},
			tool.Field{Name: "timeZone", Type: tool.String}, tool.Field{Name: "cursor", Type: tool.String},
		),
		ReadOnly: true, Idempotent: true, OpenWorld: true, Untrusted: true,
		Scopes: []string{readScope}, OptionalScopes: []string{zoneScope}, SharedScopes: []string{readSharedScope},
	}, func(ctx context.Context, c tool.Call, a getArgs) (tool.Plan, error) {
		path, err := eventPath(ctx, c, a.Mailbox, a.ID)
		return shared(tool.Plan{Target: path.Template()}, a.Mailbox, readSharedScope), err
	}, doGet)
}

// all is every property that an event is shown with.
func all() []string {
	selected := append(slices.Clone(properties), "body", "hasAttachments")
	for _, name := range moreNames {
		selected = append(selected, more[name]...)
	}
	return selected
}

// read reads an event with these properties.
func read(ctx context.Context, c tool.Call, path graph.Path, preferences []string, selected ...string) (graphEvent, error) {
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Prefer: preferences, Query: graph.Query{}.Select(selected...)})
	if err != nil {
		return graphEvent{}, err
	}
	var e graphEvent
	return e, resp.Decode(&e)
}

func doGet(ctx context.Context, c tool.Call, a getArgs) (tool.Result, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	path, err := eventPath(ctx, c, a.Mailbox, a.ID)
	if err != nil {
		return tool.Result{}, err
	}
	e, err := read(ctx, c, path, prefer(zone), all()...)
	if err != nil {
		return tool.Result{}, err
	}
	fields := slices.DeleteFunc(slices.Clone(moreNames), func(name string) bool { return name == "preview" })
	out := getOut{event: e.shape(a.ID, zone, fields), TimeZone: zone.Label()}
	if e.Sensitivity == "normal" {
		out.Sensitivity = ""
	}
	if e.Importance == "normal" {
		out.Importance = ""
	}
	if e.Body != nil {
		text := content.Plain(e.Body.Content).Text
		if strings.EqualFold(e.Body.ContentType, "html") {
			text = content.Markdown(e.Body.Content, content.MarkdownOptions{}).Text
		}
		if out.Body, out.Cursor, err = content.Page(text, a.MaxChars, a.Cursor); err != nil {
			return tool.Result{}, tool.Invalid("cursor", err.Error())
		}
	}
	if e.HasAttachments {
		if out.Attachments, err = files(ctx, c, a.Mailbox, e.ID); err != nil {
			return tool.Result{}, err
		}
	}
	return tool.Result{Structured: out, Text: out.text(), Items: 1}, nil
}

func (o getOut) text() string {
	lines := []string{"Times in " + o.TimeZone + ":", o.line()}
	for _, f := range o.Attachments {
		lines = append(lines, "   attachment: "+f.line())
	}
	if o.Body != "" {
		lines = append(lines, "", o.Body)
	}
	if o.Cursor != "" {
		lines = append(lines, "[more text: cursor "+o.Cursor+"]")
	}
	return strings.Join(lines, "\n")
}
