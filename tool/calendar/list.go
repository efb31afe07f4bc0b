package calendar

import (
	"context"
	"slices"
	"strings"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

type listArgs struct {
	Days       int      `json:"days"`
	Start      string   `json:"start"`
	End        string   `json:"end"`
	CalendarID string   `json:"calendarId"`
	Count      int      `json:"count"`
	Cursor     string   `json:"cursor"`
	Fields     []string `json:"fields"`
	Mailbox    string   `json:"mailbox"`
	TimeZone   string   `json:"timeZone"`
}

type listOut struct {
	Events   []event `json:"events"`
	TimeZone string  `json:"timeZone"`
	Cursor   string  `json:"cursor,omitempty"`
}

// maxSpan bounds a calendar view: Graph expands every recurrence in it.
const maxSpan = 366 * 24 * time.Hour

func getCalendarEvents() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "getCalendarEvents", Title: "Calendar events", Family: family,
		Description: "Lists meetings and appointments of the calendar, earliest first: the next days, or from start to end. Recurring ones are expanded.",
		Keywords:    "agenda schedule today tomorrow week what is on upcoming",
		Input: []tool.Field{
			{Name: "days", Type: tool.Integer, Default: 7, Min: 1, Max: 30},
			{Name: "start", Type: tool.String, Description: "2026-03-05 or 2026-03-05T09:00; default now."},
			{Name: "end", Type: tool.String, Description: "Instead of days."},
			{Name: "calendarId", Type: tool.String},
			{Name: "count", Type: tool.Integer, Default: 25, Min: 1, Max: 100},
			{Name: "cursor", Type: tool.String},
			{Name: "fields", Type: tool.StringList, Enum: moreNames},
			mailboxField, timeZoneField,
		},
		Output: []tool.Field{
			{Name: "events", Type: tool.ObjectList, Required: true, Items: eventFields},
			{Name: "timeZone", Type: tool.String},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		Scopes: []string{readScope}, OptionalScopes: []string{zoneScope}, SharedScopes: []string{readSharedScope},
	}, planList, doList)
}

// request is the calendar view that is asked for.
func (a listArgs) request(ctx context.Context, c tool.Call, zone timezone.Zone) (graph.Request, error) {
	from := c.Now
	var err error
	if a.Start != "" {
		if from, _, err = parse(zone, "start", a.Start); err != nil {
			return graph.Request{}, err
		}
	}
	until := from.AddDate(0, 0, a.Days)
	if a.End != "" {
		var dayOnly bool
		if until, dayOnly, err = parse(zone, "end", a.End); err != nil {
			return graph.Request{}, err
		}
		if dayOnly { // to its end
			until = until.AddDate(0, 0, 1)
		}
	}
	if !until.After(from) || until.Sub(from) > maxSpan {
		return graph.Request{}, tool.Invalid("end", "is not after start, or more than a year after it")
	}
	path, err := pathOf(a.Mailbox, "/calendarView")
	if a.CalendarID != "" {
		var id string
		if id, err = c.Resolve(ctx, "calendarId", handle.KindCalendar, a.CalendarID); err != nil {
			return graph.Request{}, err
		}
		path, err = pathOf(a.Mailbox, "/calendars/{calendar}/calendarView", id)
	}
	if err != nil {
		return graph.Request{}, err
	}
	selected := slices.Clone(properties)
	for _, name := range moreNames {
		if slices.Contains(a.Fields, name) {
			selected = append(selected, more[name]...)
		}
	}
	const utc = "2006-01-02T15:04:05Z"
	return graph.Request{
		Method: graph.Get, Path: path, Prefer: prefer(zone),
		Query: graph.Query{}.Param("startDateTime", from.UTC().Format(utc)).Param("endDateTime", until.UTC().Format(utc)).
			Select(selected...).OrderBy("start/dateTime").Top(a.Count),
	}, nil
}

func planList(ctx context.Context, c tool.Call, a listArgs) (tool.Plan, error) {
	zone := timezone.UTC // the plan needs the path and the argument's form only
	if a.TimeZone != "" {
		var err error
		if zone, err = c.Zone(ctx, a.TimeZone); err != nil {
			return tool.Plan{}, err
		}
	}
	request, err := a.request(ctx, c, zone)
	if err != nil {
		return tool.Plan{}, err
	}
	if _, err := c.Next(ctx, request.Path, a.Cursor); err != nil {
		return tool.Plan{}, err
	}
	return shared(tool.Plan{Target: request.Path.Template()}, a.Mailbox, readSharedScope), nil
}

func doList(ctx context.Context, c tool.Call, a listArgs) (tool.Result, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	request, err := a.request(ctx, c, zone)
	if err != nil {
		return tool.Result{}, err
	}
	if request.Next, err = c.Next(ctx, request.Path, a.Cursor); err != nil {
		return tool.Result{}, err
	}
	items, next, err := graph.List[graphEvent](ctx, c.Graph, request, a.Count)
	if err != nil {
		return tool.Result{}, err
	}
	ids := make([]string, len(items))
	for i, e := range items {
		ids[i] = e.ID
	}
	if ids, err = c.Short(ctx, handle.KindEvent, ids); err != nil {
		return tool.Result{}, err
	}
	out := listOut{Events: make([]event, len(items)), TimeZone: zone.Label()}
	for i, e := range items {
		out.Events[i] = e.shape(ids[i], zone, a.Fields)
	}
	if out.Cursor, err = c.Cursor(ctx, request.Path, next); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(items)}, nil
}

func (o listOut) text() string {
	if len(o.Events) == 0 {
		return "No events in this time."
	}
	lines := []string{"Times in " + o.TimeZone + ":"}
	for _, e := range o.Events {
		lines = append(lines, e.line())
	}
	if o.Cursor != "" {
		lines = append(lines, "More: cursor "+o.Cursor)
	}
	return strings.Join(lines, "\n")
}

type calendarsArgs struct {
	Mailbox string `json:"mailbox"`
}

type calendarsOut struct {
	Calendars []calendar `json:"calendars"`
}

type calendar struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Color   string `json:"color,omitempty"`
	CanEdit bool   `json:"canEdit,omitempty"`
	Owner   string `json:"owner,omitempty"`
	Default bool   `json:"default,omitempty"`
}

func listCalendars() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "listCalendars", Title: "Calendars", Family: family,
		Description: "Lists the person's calendars, shared ones included, with ids for getCalendarEvents.",
		Input:       []tool.Field{mailboxField},
		Output: []tool.Field{{Name: "calendars", Type: tool.ObjectList, Required: true, Items: []tool.Field{
			{Name: "id", Type: tool.String},
			{Name: "name", Type: tool.String},
			{Name: "color", Type: tool.String},
			{Name: "canEdit", Type: tool.Boolean},
			{Name: "owner", Type: tool.String},
			{Name: "default", Type: tool.Boolean},
		}}},
		ReadOnly: true, Idempotent: true, Untrusted: true,
		Scopes: []string{readScope}, SharedScopes: []string{readSharedScope},
	}, func(_ context.Context, _ tool.Call, a calendarsArgs) (tool.Plan, error) {
		path, err := pathOf(a.Mailbox, "/calendars")
		return shared(tool.Plan{Target: path.Template()}, a.Mailbox, readSharedScope), err
	}, doCalendars)
}

func doCalendars(ctx context.Context, c tool.Call, a calendarsArgs) (tool.Result, error) {
	path, err := pathOf(a.Mailbox, "/calendars")
	if err != nil {
		return tool.Result{}, err
	}
	items, _, err := graph.List[struct {
		ID        string             `json:"id"`
		Name      string             `json:"name"`
		Color     string             `json:"color"`
		CanEdit   bool               `json:"canEdit"`
		IsDefault bool               `json:"isDefaultCalendar"`
		Owner     graph.EmailAddress `json:"owner"`
	}](ctx, c.Graph, graph.Request{
		Method: graph.Get, Path: path, Prefer: []string{graph.ImmutableIDs},
		Query: graph.Query{}.Select("id", "name", "color", "canEdit", "isDefaultCalendar", "owner").Top(100),
	}, 200)
	if err != nil {
		return tool.Result{}, err
	}
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = item.ID
	}
	if ids, err = c.Short(ctx, handle.KindCalendar, ids); err != nil {
		return tool.Result{}, err
	}
	out := calendarsOut{Calendars: make([]calendar, len(items))}
	var lines []string
	for i, item := range items {
		one := calendar{
			ids[i], content.Line(item.Name, 100), content.Line(item.Color, 30), item.CanEdit,
			content.Address(item.Owner.Name, item.Owner.Address), item.IsDefault,
		}
		out.Calendars[i] = one
		line := "- " + one.Name + " [" + one.ID + "], of " + one.Owner
		if !one.CanEdit {
			line += ", read only"
		}
		lines = append(lines, line)
	}
	return tool.Result{Structured: out, Text: strings.Join(lines, "\n"), Items: len(items)}, nil
}
