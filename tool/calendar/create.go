package calendar

import (
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

// Bounds of an event: 500 attendees are Exchange Online's
// (https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits).
const (
	maxAttendees = 500
	maxSubject   = 255
	maxBody      = 200_000
)

type createArgs struct {
	Subject    string   `json:"subject"`
	Start      string   `json:"start"`
	End        string   `json:"end"`
	Attendees  []string `json:"attendees"`
	Optional   []string `json:"optionalAttendees"`
	Body       string   `json:"body"`
	Location   string   `json:"location"`
	Online     bool     `json:"isOnlineMeeting"`
	AllDay     bool     `json:"allDay"`
	Reminder   *int     `json:"reminderMinutes"`
	Free       bool     `json:"showFree"`
	Private    bool     `json:"private"`
	CalendarID string   `json:"calendarId"`
	Mailbox    string   `json:"mailbox"`
	TimeZone   string   `json:"timeZone"`
	repeatArgs
}

// written is what a write says of the event that it made or changed.
type written struct {
	ID       string   `json:"id"`
	Subject  string   `json:"subject,omitempty"`
	Start    string   `json:"start,omitempty"`
	End      string   `json:"end,omitempty"`
	TimeZone string   `json:"timeZone,omitempty"`
	JoinURL  string   `json:"joinUrl,omitempty"`
	Invited  []string `json:"invited,omitempty"`
	Changed  []string `json:"changed,omitempty"`
}

var writtenFields = []tool.Field{
	{Name: "id", Type: tool.String},
	{Name: "subject", Type: tool.String},
	{Name: "start", Type: tool.String},
	{Name: "end", Type: tool.String},
	{Name: "timeZone", Type: tool.String},
	{Name: "joinUrl", Type: tool.String},
	{Name: "invited", Type: tool.StringList},
}

var (
	onlineField = tool.Field{Name: "isOnlineMeeting", Aliases: []string{"online"}, Type: tool.Boolean}
	// 40,320 minutes are four weeks, the longest that Outlook offers.
	reminderField = tool.Field{Name: "reminderMinutes", Type: tool.Integer, Max: 40320}
)

func createCalendarEvent() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "createCalendarEvent", Title: "Create an event", Family: family,
		Description: "Schedule a meeting or appointment and invite attendees at once; with location, Teams link, reminder, recurrence.",
		Keywords:    "schedule meeting book appointment invite",
		Input: append([]tool.Field{
			{Name: "subject", Type: tool.String, Required: true, MaxLength: maxSubject},
			{Name: "start", Aliases: []string{"startTime"}, Type: tool.String, Required: true, Description: "2026-03-05T09:30"},
			{Name: "end", Aliases: []string{"endTime"}, Type: tool.String, Required: true},
			{Name: "attendees", Type: tool.StringOrList, MaxItems: maxAttendees, Description: "Addresses."},
			{Name: "optionalAttendees", Type: tool.StringOrList, MaxItems: maxAttendees},
			{Name: "body", Type: tool.String, MaxLength: maxBody, Description: "Text or HTML."},
			{Name: "location", Type: tool.String, MaxLength: 255},
			onlineField,
			{Name: "allDay", Aliases: []string{"isAllDay"}, Type: tool.Boolean},
			reminderField,
			{Name: "private", Type: tool.Boolean},
			{Name: "showFree", Type: tool.Boolean},
			{Name: "calendarId", Type: tool.String},
			mailboxField, timeZoneField,
		}, repeatFields...),
		Output:    writtenFields,
		OpenWorld: true, Core: true,
		Scopes: []string{writeScope}, OptionalScopes: []string{zoneScope}, SharedScopes: []string{writeSharedScope},
	}, planCreate, doCreate)
}

func planCreate(ctx context.Context, c tool.Call, a createArgs) (tool.Plan, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Plan{}, err
	}
	body, err := a.event(zone)
	if err != nil {
		return tool.Plan{}, err
	}
	// A second attempt with the same id makes no second event (transactionId,
	// https://learn.microsoft.com/graph/api/resources/event).
	body["transactionId"] = c.ID
	path, err := pathOf(a.Mailbox, "/events")
	if a.CalendarID != "" {
		var id string
		if id, err = c.Resolve(ctx, "calendarId", handle.KindCalendar, a.CalendarID); err != nil {
			return tool.Plan{}, err
		}
		path, err = pathOf(a.Mailbox, "/calendars/{calendar}/events", id)
	}
	if err != nil {
		return tool.Plan{}, err
	}
	request, err := graph.PostJSON(path, body)
	request.Prefer = prefer(zone)
	return shared(tool.Plan{
		Target: path.Template(), Recipients: slices.Concat(a.Attendees, a.Optional),
		Content: []string{a.Subject, a.Body, a.Location}, Writes: []graph.Request{request},
	}, a.Mailbox, writeSharedScope), err
}

// event is the body of the new event.
func (a createArgs) event(zone timezone.Zone) (map[string]any, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	start, startDay, err := parse(zone, "start", a.Start)
	if err != nil {
		return nil, err
	}
	end, endDay, err := parse(zone, "end", a.End)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"subject": a.Subject}
	if a.AllDay { // midnight to midnight, the end exclusive, as Graph wants it
		if !startDay || !endDay {
			return nil, tool.Invalid("allDay", "takes days for start and end, such as 2026-03-05")
		}
		if !end.After(start) {
			end = start.AddDate(0, 0, 1)
		}
		body["isAllDay"] = true
	}
	if !end.After(start) {
		return nil, tool.Invalid("end", "is not after start")
	}
	body["start"], body["end"] = at(start, zone), at(end, zone)
	pattern, err := a.pattern(start, zone)
	if err != nil {
		return nil, err
	}
	if pattern != nil {
		body["recurrence"] = pattern
	}
	if a.Body != "" {
		body["body"] = itemBody(a.Body)
	}
	if a.Location != "" {
		body["location"] = map[string]string{"displayName": a.Location}
	}
	if invited := invite(a.Attendees, a.Optional); invited != nil {
		body["attendees"] = invited
	}
	if a.Online {
		body["isOnlineMeeting"], body["onlineMeetingProvider"] = true, "teamsForBusiness"
	}
	if a.Reminder != nil {
		body["isReminderOn"], body["reminderMinutesBeforeStart"] = true, *a.Reminder
	}
	if a.Free {
		body["showAs"] = "free"
	}
	if a.Private {
		body["sensitivity"] = "private"
	}
	return body, nil
}

func (a createArgs) check() error {
	if strings.TrimSpace(a.Subject) == "" || strings.ContainsAny(a.Subject, "\r\n\x00") {
		return tool.Invalid("subject", "is empty or contains a line break")
	}
	if err := tool.CheckAddresses("attendees", a.Attendees...); err != nil {
		return err
	}
	if err := tool.CheckAddresses("optionalAttendees", a.Optional...); err != nil {
		return err
	}
	if n := len(a.Attendees) + len(a.Optional); n > maxAttendees {
		return tool.Invalid("attendees", fmt.Sprintf("with the optional ones are %d; at most %d are allowed", n, maxAttendees))
	}
	return nil
}

// itemBody takes text without a tag for plain text, so that its lines stay.
func itemBody(text string) graph.ItemBody {
	if strings.Contains(text, "<") && strings.Contains(text, ">") {
		return graph.ItemBody{ContentType: "html", Content: text}
	}
	return graph.ItemBody{ContentType: "text", Content: text}
}

func invite(required, optional []string) []attendee {
	var out []attendee
	for _, a := range required {
		out = append(out, attendee{Type: "required", EmailAddress: graph.EmailAddress{Address: a}})
	}
	for _, a := range optional {
		out = append(out, attendee{Type: "optional", EmailAddress: graph.EmailAddress{Address: a}})
	}
	return out
}

func setText(body map[string]any, name, value string) {
	if value != "" {
		body[name] = value
	}
}

// write sends the planned write and reads the event that it answers with.
func write(ctx context.Context, c tool.Call, timeZone string) (event, written, error) {
	resp, err := c.Graph.Do(ctx, c.Plan.Writes[0])
	if err != nil {
		return event{}, written{}, err
	}
	var g graphEvent
	if err := resp.Decode(&g); err != nil {
		return event{}, written{}, err
	}
	zone, err := c.Zone(ctx, timeZone)
	if err != nil {
		return event{}, written{}, err
	}
	short, err := c.Short(ctx, handle.KindEvent, []string{g.ID})
	if err != nil {
		return event{}, written{}, err
	}
	e := g.shape(short[0], zone, []string{"joinUrl"})
	return e, written{
		ID: e.ID, Subject: e.Subject, Start: e.Start, End: e.End, TimeZone: zone.Label(), JoinURL: e.JoinURL, Invited: c.Plan.Recipients,
	}, nil
}

func doCreate(ctx context.Context, c tool.Call, a createArgs) (tool.Result, error) {
	e, out, err := write(ctx, c, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	text := "Created " + e.line() + " (" + out.TimeZone + ")."
	if len(out.Invited) > 0 {
		text += " Invited: " + strings.Join(out.Invited, ", ") + "."
	}
	return tool.Result{Structured: out, Text: content.Plain(text).Text, Items: 1}, nil
}
