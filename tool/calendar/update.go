package calendar

import (
	"context"
	"errors"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/timezone"
	"m365mcp/tool"
)

type updateArgs struct {
	ID       string   `json:"id"`
	Subject  string   `json:"subject"`
	Start    string   `json:"start"`
	End      string   `json:"end"`
	Add      []string `json:"addAttendees"`
	Remove   []string `json:"removeAttendees"`
	Body     string   `json:"body"`
	Location string   `json:"location"`
	Online   *bool    `json:"isOnlineMeeting"`
	Reminder *int     `json:"reminderMinutes"`
	Series   bool     `json:"series"`
	Mailbox  string   `json:"mailbox"`
	TimeZone string   `json:"timeZone"`
}

func updateCalendarEvent() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "updateCalendarEvent", Title: "Change an event", Family: family,
		Description: "Reschedule or change a meeting: another time, subject, place, text, attendees, Teams link. Attendees get an update.",
		Keywords:    "move meeting postpone reschedule rename add attendee",
		Input: []tool.Field{
			idField,
			{Name: "subject", Type: tool.String, MaxLength: maxSubject},
			{Name: "start", Aliases: []string{"startTime"}, Type: tool.String, Description: "Alone, it keeps the length."},
			{Name: "end", Aliases: []string{"endTime"}, Type: tool.String},
			{Name: "addAttendees", Type: tool.StringOrList, MaxItems: maxAttendees},
			{Name: "removeAttendees", Type: tool.StringOrList, MaxItems: maxAttendees},
			{Name: "body", Type: tool.String, MaxLength: maxBody, Description: "Replaces the text."},
			{Name: "location", Type: tool.String, MaxLength: 255},
			onlineField, reminderField, seriesField, mailboxField, timeZoneField,
		},
		Output:     append(slices.Clone(writtenFields), tool.Field{Name: "changed", Type: tool.StringList}),
		Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		Scopes: []string{writeScope}, OptionalScopes: []string{zoneScope}, SharedScopes: []string{writeSharedScope},
	}, planUpdate, doUpdate)
}

// target is the event that a change is about, as it is now.
func target(ctx context.Context, c tool.Call, mailbox, id string, series bool, zone timezone.Zone) (graphEvent, graph.Path, error) {
	path, err := eventPath(ctx, c, mailbox, id)
	if err != nil {
		return graphEvent{}, graph.Path{}, err
	}
	selected := append(slices.Clone(properties), "attendees", "seriesMasterId", "body", "hasAttachments")
	e, err := read(ctx, c, path, prefer(zone), selected...)
	if err != nil || !series || e.SeriesMasterID == "" {
		return e, path, err
	}
	if path, err = pathOf(mailbox, "/events/{event}", e.SeriesMasterID); err != nil {
		return graphEvent{}, graph.Path{}, err
	}
	e, err = read(ctx, c, path, prefer(zone), selected...)
	return e, path, err
}

// addresses of everybody who is invited.
func (g graphEvent) addresses() []string {
	var out []string
	for _, a := range g.Attendees {
		out = append(out, a.EmailAddress.Address)
	}
	return out
}

func planUpdate(ctx context.Context, c tool.Call, a updateArgs) (tool.Plan, error) {
	if len(a.changed()) == 0 {
		return tool.Plan{}, tool.Invalid("id", "stands alone; give what to change")
	}
	if a.Mailbox != "" && !c.Has(writeSharedScope) { // before anything is read there
		return shared(tool.Plan{Target: "/users/{mailbox}/events/{event}"}, a.Mailbox, writeSharedScope), nil
	}
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Plan{}, err
	}
	current, path, err := target(ctx, c, a.Mailbox, a.ID, a.Series, zone)
	if err != nil {
		return tool.Plan{}, err
	}
	if !current.IsOrganizer && len(current.Attendees) > 0 && (a.Start != "" || a.End != "" || a.Add != nil || a.Remove != nil) {
		return tool.Plan{}, tool.Invalid("id", "is a meeting of somebody else, whose time and attendees only its organizer changes; respondToEvent can decline or forward it")
	}
	body, err := a.patch(current, zone)
	if err != nil {
		return tool.Plan{}, err
	}
	request, err := graph.PatchJSON(path, body)
	if err != nil {
		return tool.Plan{}, err
	}
	// The change was decided about this state of the event.
	request.IfMatch, request.Prefer = current.ETag, prefer(zone)
	recipients := current.addresses()
	for _, added := range a.Add {
		if !contains(recipients, added) {
			recipients = append(recipients, added)
		}
	}
	plan := tool.Plan{
		Target: path.Template(), Recipients: recipients, Content: []string{a.Subject, a.Body, a.Location}, Writes: []graph.Request{request},
	}
	if current.ETag == "" {
		return tool.Plan{}, errors.New("an event without an ETag")
	}
	if len(a.Add) > 0 { // who is added gets what is there already
		texts, files, err := invitation(ctx, c, a.Mailbox, current)
		if err != nil {
			return tool.Plan{}, err
		}
		plan.Content, plan.Files = append(plan.Content, texts...), files
	}
	return shared(plan, a.Mailbox, writeSharedScope), nil
}

func contains(addresses []string, one string) bool {
	return slices.ContainsFunc(addresses, func(a string) bool { return strings.EqualFold(a, one) })
}

// changed names the arguments that change something.
func (a updateArgs) changed() []string {
	var names []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"subject", a.Subject != ""},
		{"start", a.Start != ""},
		{"end", a.End != ""},
		{"attendees", len(a.Add)+len(a.Remove) > 0},
		{"body", a.Body != ""},
		{"location", a.Location != ""},
		{"isOnlineMeeting", a.Online != nil},
		{"reminderMinutes", a.Reminder != nil},
	} {
		if f.set {
			names = append(names, f.name)
		}
	}
	return names
}

// patch is the body of the change.
func (a updateArgs) patch(current graphEvent, zone timezone.Zone) (map[string]any, error) {
	body := map[string]any{}
	if strings.ContainsAny(a.Subject, "\r\n\x00") {
		return nil, tool.Invalid("subject", "contains a line break")
	}
	setText(body, "subject", a.Subject)
	if a.Location != "" {
		body["location"] = map[string]string{"displayName": a.Location}
	}
	if a.Online != nil {
		body["isOnlineMeeting"] = *a.Online
		if *a.Online {
			body["onlineMeetingProvider"] = "teamsForBusiness"
		}
	}
	if a.Reminder != nil {
		body["isReminderOn"], body["reminderMinutesBeforeStart"] = true, *a.Reminder
	}
	if a.Body != "" {
		body["body"] = keepLink(itemBody(a.Body), current)
	}
	if err := a.times(body, current, zone); err != nil {
		return nil, err
	}
	if len(a.Add)+len(a.Remove) > 0 {
		list, err := a.attendees(current)
		if err != nil {
			return nil, err
		}
		body["attendees"] = list
	}
	return body, nil
}

func (a updateArgs) times(body map[string]any, current graphEvent, zone timezone.Zone) error {
	if a.Start == "" && a.End == "" {
		return nil
	}
	start, end := current.Start.time(), current.End.time()
	length := end.Sub(start)
	var err error
	if a.Start != "" {
		if start, _, err = parse(zone, "start", a.Start); err != nil {
			return err
		}
		end = start.Add(length)
	}
	if a.End != "" {
		if end, _, err = parse(zone, "end", a.End); err != nil {
			return err
		}
	}
	if !end.After(start) {
		return tool.Invalid("end", "is not after start")
	}
	body["start"], body["end"] = at(start, zone), at(end, zone)
	return nil
}

func (a updateArgs) attendees(current graphEvent) ([]attendee, error) {
	if err := tool.CheckAddresses("addAttendees", a.Add...); err != nil {
		return nil, err
	}
	list := []attendee{}
	for _, known := range current.Attendees {
		if !contains(a.Remove, known.EmailAddress.Address) {
			known.Status = nil
			list = append(list, known)
		}
	}
	for _, removed := range a.Remove {
		if !contains(current.addresses(), removed) {
			return nil, tool.Invalid("removeAttendees", "names somebody who is not invited: "+content.Line(removed, 320))
		}
	}
	for _, added := range a.Add {
		if !contains(current.addresses(), added) {
			list = append(list, invite([]string{added}, nil)...)
		}
	}
	return list, nil
}

// rule is the line that Teams puts above and below its part of an event's text.
const rule = "________________"

// keepLink keeps the part of the text with the way into an online meeting: without
// it the meeting is no longer one
// (https://learn.microsoft.com/graph/api/event-update, about isOnlineMeeting).
func keepLink(fresh graph.ItemBody, current graphEvent) graph.ItemBody {
	if !current.IsOnline || current.Body == nil {
		return fresh
	}
	old := current.Body.Content
	i := strings.Index(old, rule)
	if i < 0 {
		return fresh
	}
	if !strings.EqualFold(current.Body.ContentType, "html") {
		return graph.ItemBody{ContentType: "text", Content: content.Plain(fresh.Content).Text + "\n\n" + old[i:]}
	}
	if tag := strings.LastIndex(old[:i], "<div"); tag >= 0 {
		i = tag
	}
	text := fresh.Content
	if fresh.ContentType == "text" {
		text = strings.ReplaceAll(escape.Replace(text), "\n", "<br>\n")
	}
	return graph.ItemBody{ContentType: "html", Content: "<div>" + text + "</div>\n" + old[i:]}
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r\n", "\n")

func doUpdate(ctx context.Context, c tool.Call, a updateArgs) (tool.Result, error) {
	e, out, err := write(ctx, c, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	out.Changed = a.changed()
	text := "Changed " + strings.Join(out.Changed, ", ") + ": " + e.line() + " (" + out.TimeZone + ")."
	if len(out.Invited) > 0 {
		text += " Told: " + strings.Join(out.Invited, ", ") + "."
	}
	return tool.Result{Structured: out, Text: text, Items: 1}, nil
}
