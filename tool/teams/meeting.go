package teams

import (
	"context"
	"fmt"
	"strings"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

const (
	calendarWriteScope = "Calendars.ReadWrite"
	meetingWriteScope  = "OnlineMeetings.ReadWrite"

	// 500 are Exchange Online's attendees of an event
	// (https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits).
	maxAttendees = 500
)

type createMeetingArgs struct {
	Subject   string   `json:"subject"`
	Start     string   `json:"startTime"`
	End       string   `json:"endTime"`
	Attendees []string `json:"attendees"`
	Body      string   `json:"body"`
	LinkOnly  bool     `json:"linkOnly"`
	TimeZone  string   `json:"timeZone"`
}

type createMeetingOut struct {
	EventID  string   `json:"eventId,omitempty"`
	JoinURL  string   `json:"joinUrl,omitempty"`
	Start    string   `json:"start"`
	End      string   `json:"end"`
	TimeZone string   `json:"timeZone"`
	Invited  []string `json:"invited,omitempty"`
}

func createTeamsMeeting() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "createTeamsMeeting", Title: "Create a Teams meeting", Family: family,
		Description: "Creates a Teams meeting in the calendar and invites the attendees; with linkOnly just a join link, in nobody's calendar.",
		Keywords:    "schedule online video call conference join link",
		Input: []tool.Field{
			{Name: "subject", Type: tool.String, Required: true, MaxLength: 255},
			{Name: "startTime", Aliases: []string{"start"}, Type: tool.String, Required: true, MaxLength: 40, Description: "2026-03-05T09:30 in timeZone."},
			{Name: "endTime", Aliases: []string{"end"}, Type: tool.String, Required: true, MaxLength: 40},
			{Name: "attendees", Type: tool.StringOrList, MaxLength: 320, MaxItems: maxAttendees, Description: "Addresses."},
			{Name: "body", Type: tool.String, MaxLength: 200_000, Description: "Of the invitation; text."},
			{Name: "linkOnly", Type: tool.Boolean},
			timeZoneField,
		},
		Output: []tool.Field{
			{Name: "eventId", Type: tool.String},
			{Name: "joinUrl", Type: tool.String},
			{Name: "start", Type: tool.String},
			{Name: "end", Type: tool.String},
			{Name: "timeZone", Type: tool.String},
			{Name: "invited", Type: tool.StringList},
		},
		OpenWorld: true, Core: true,
		AnyScope: [][]string{{calendarWriteScope}, {meetingWriteScope}}, OptionalScopes: []string{zoneScope},
	}, planCreateMeeting, doCreateMeeting)
}

func planCreateMeeting(ctx context.Context, c tool.Call, a createMeetingArgs) (tool.Plan, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Plan{}, err
	}
	start, end, err := a.times(zone)
	if err != nil {
		return tool.Plan{}, err
	}
	if err := a.check(); err != nil {
		return tool.Plan{}, err
	}
	path, scope, body := graph.Fixed("/me/events"), calendarWriteScope, a.event(zone, start, end)
	// A second attempt with the same id makes no second event (transactionId,
	// https://learn.microsoft.com/graph/api/resources/event).
	body["transactionId"] = c.ID
	if a.LinkOnly {
		path, scope, body = graph.Fixed("/me/onlineMeetings"), meetingWriteScope, a.bare(start, end)
	}
	request, err := graph.PostJSON(path, body)
	if !a.LinkOnly {
		request.Prefer = []string{graph.InTimeZone(zone.Name()), graph.ImmutableIDs}
	}
	return tool.Plan{
		Target: path.Template(), Scopes: []string{scope}, Recipients: a.Attendees,
		Content: []string{a.Subject, a.Body}, Writes: []graph.Request{request},
	}, err
}

func (a createMeetingArgs) times(zone timezone.Zone) (start, end time.Time, err error) {
	if start, err = parseTime(zone, "startTime", a.Start); err != nil {
		return start, end, err
	}
	if end, err = parseTime(zone, "endTime", a.End); err != nil {
		return start, end, err
	}
	if !end.After(start) {
		return start, end, tool.Invalid("endTime", "is not after startTime")
	}
	return start, end, nil
}

func (a createMeetingArgs) check() error {
	if strings.TrimSpace(a.Subject) == "" || strings.ContainsAny(a.Subject, "\r\n\x00") {
		return tool.Invalid("subject", "is empty or contains a line break")
	}
	if err := tool.CheckAddresses("attendees", a.Attendees...); err != nil {
		return err
	}
	if a.LinkOnly && a.Body != "" {
		return tool.Invalid("body", "is for invitations; with linkOnly nobody gets one")
	}
	return nil
}

// event is a meeting of the calendar: Exchange makes the online meeting and sends
// the invitations.
func (a createMeetingArgs) event(zone timezone.Zone, start, end time.Time) map[string]any {
	at := func(t time.Time) map[string]string {
		return map[string]string{"dateTime": t.In(zone.Location()).Format("2006-01-02T15:04:05"), "timeZone": zone.Name()}
	}
	body := map[string]any{
		"subject": a.Subject, "start": at(start), "end": at(end),
		"isOnlineMeeting": true, "onlineMeetingProvider": "teamsForBusiness",
	}
	if a.Body != "" {
		body["body"] = graph.ItemBody{ContentType: "text", Content: a.Body}
	}
	if len(a.Attendees) > 0 {
		list := make([]map[string]any, len(a.Attendees))
		for i, address := range a.Attendees {
			list[i] = map[string]any{"type": "required", "emailAddress": graph.EmailAddress{Address: address}}
		}
		body["attendees"] = list
	}
	return body
}

// bare is an online meeting alone. Its attendees are named by user principal name,
// which is the address but for some guests; nobody is told.
func (a createMeetingArgs) bare(start, end time.Time) map[string]any {
	body := map[string]any{
		"subject": a.Subject, "startDateTime": start.UTC().Format(time.RFC3339), "endDateTime": end.UTC().Format(time.RFC3339),
	}
	if len(a.Attendees) > 0 {
		list := make([]map[string]string, len(a.Attendees))
		for i, address := range a.Attendees {
			list[i] = map[string]string{"upn": address, "role": "attendee"}
		}
		body["participants"] = map[string]any{"attendees": list}
	}
	return body
}

func doCreateMeeting(ctx context.Context, c tool.Call, a createMeetingArgs) (tool.Result, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	start, end, err := a.times(zone)
	if err != nil {
		return tool.Result{}, err
	}
	resp, err := c.Graph.Do(ctx, c.Plan.Writes[0])
	if err != nil {
		return tool.Result{}, err
	}
	var made struct {
		ID         string `json:"id"`
		JoinWebURL string `json:"joinWebUrl"` // of a bare meeting
		Meeting    *struct {
			JoinURL string `json:"joinUrl"`
		} `json:"onlineMeeting"`
	}
	if err := resp.Decode(&made); err != nil {
		return tool.Result{}, afterwards(err)
	}
	out := createMeetingOut{JoinURL: content.Line(made.JoinWebURL, 1000), Start: zone.Format(start), End: zone.Format(end), TimeZone: zone.Label()}
	text := "Created the meeting link, in nobody's calendar"
	if !a.LinkOnly {
		short, err := c.Short(ctx, handle.KindEvent, []string{made.ID})
		if err != nil {
			return tool.Result{}, afterwards(err)
		}
		out.EventID, out.Invited = short[0], a.Attendees
		if made.Meeting != nil {
			out.JoinURL = content.Line(made.Meeting.JoinURL, 1000)
		}
		text = "Created the meeting [" + out.EventID + "]"
		if len(out.Invited) > 0 {
			text += " and invited " + strings.Join(out.Invited, ", ")
		}
	}
	text += fmt.Sprintf(": %s – %s (%s).", out.Start, out.End, out.TimeZone)
	if out.JoinURL != "" {
		text += "\nJoin: " + out.JoinURL
	} else {
		text += "\nThe join link is not there yet: getCalendarEvent shows it."
	}
	return tool.Result{Structured: out, Text: text, Items: 1}, nil
}
