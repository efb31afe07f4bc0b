package calendar

import (
	"fmt"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/timezone"
	"m365mcp/tool"
)

// graphEvent holds the properties of Graph's event resource that the tools select.
type graphEvent struct {
	ETag           string   `json:"@odata.etag"`
	ID             string   `json:"id"`
	Subject        string   `json:"subject"`
	Start          dateTime `json:"start"`
	End            dateTime `json:"end"`
	IsAllDay       bool     `json:"isAllDay"`
	IsCancelled    bool     `json:"isCancelled"`
	IsOrganizer    bool     `json:"isOrganizer"`
	IsOnline       bool     `json:"isOnlineMeeting"`
	ShowAs         string   `json:"showAs"`
	Sensitivity    string   `json:"sensitivity"`
	Importance     string   `json:"importance"`
	Type           string   `json:"type"`
	SeriesMasterID string   `json:"seriesMasterId"`
	BodyPreview    string   `json:"bodyPreview"`
	Categories     []string `json:"categories"`
	Location       struct {
		DisplayName string `json:"displayName"`
	} `json:"location"`
	Organizer      *graph.Recipient `json:"organizer"`
	Attendees      []attendee       `json:"attendees"`
	ResponseStatus struct {
		Response string `json:"response"`
	} `json:"responseStatus"`
	OnlineMeeting *struct {
		JoinURL string `json:"joinUrl"`
	} `json:"onlineMeeting"`
	IsReminderOn    bool            `json:"isReminderOn"`
	ReminderMinutes int             `json:"reminderMinutesBeforeStart"`
	Recurrence      *recurrence     `json:"recurrence"`
	Body            *graph.ItemBody `json:"body"`
	HasAttachments  bool            `json:"hasAttachments"`
}

// attendee is Graph's attendee resource, in both directions.
type attendee struct {
	Type         string             `json:"type"`
	EmailAddress graph.EmailAddress `json:"emailAddress"`
	Status       *struct {
		Response string `json:"response"`
	} `json:"status,omitempty"`
	Proposed *timeSlot `json:"proposedNewTime,omitempty"`
}

// timeSlot is Graph's, of a proposed time.
type timeSlot struct {
	Start dateTime `json:"start"`
	End   dateTime `json:"end"`
}

// properties of a list; the others come with fields.
var properties = []string{
	"id", "subject", "start", "end", "isAllDay", "isCancelled", "isOrganizer", "isOnlineMeeting", "showAs", "location", "organizer", "responseStatus", "type",
}

// more are the names of fields with the properties they need.
var more = map[string][]string{
	"attendees": {"attendees"}, "joinUrl": {"onlineMeeting"}, "preview": {"bodyPreview"}, "categories": {"categories"},
	"sensitivity": {"sensitivity"}, "importance": {"importance"}, "reminder": {"isReminderOn", "reminderMinutesBeforeStart"}, "series": {"seriesMasterId", "recurrence"},
}

var moreNames = []string{"attendees", "joinUrl", "preview", "categories", "sensitivity", "importance", "reminder", "series"}

// event is an event as models read it. What is empty, false or usual is left out.
type event struct {
	ID          string   `json:"id,omitempty"`
	Subject     string   `json:"subject"`
	Start       string   `json:"start"`
	End         string   `json:"end"`
	AllDay      bool     `json:"allDay,omitempty"`
	Cancelled   bool     `json:"cancelled,omitempty"`
	Location    string   `json:"location,omitempty"`
	Online      bool     `json:"online,omitempty"`
	Organizer   string   `json:"organizer,omitempty"` // unless it is this person
	Response    string   `json:"response,omitempty"`  // unless it is this person's own
	ShowAs      string   `json:"showAs,omitempty"`    // unless busy
	Recurring   bool     `json:"recurring,omitempty"`
	Attendees   []string `json:"attendees,omitempty"`
	JoinURL     string   `json:"joinUrl,omitempty"`
	Preview     string   `json:"preview,omitempty"`
	Categories  []string `json:"categories,omitempty"`
	Sensitivity string   `json:"sensitivity,omitempty"`
	Importance  string   `json:"importance,omitempty"`
	Reminder    *int     `json:"reminderMinutes,omitempty"`
	Repeats     string   `json:"repeats,omitempty"`
}

// eventFields describe an event in an output schema.
var eventFields = []tool.Field{
	{Name: "id", Type: tool.String},
	{Name: "subject", Type: tool.String},
	{Name: "start", Type: tool.String},
	{Name: "end", Type: tool.String},
	{Name: "allDay", Type: tool.Boolean},
	{Name: "cancelled", Type: tool.Boolean},
	{Name: "location", Type: tool.String},
	{Name: "online", Type: tool.Boolean},
	{Name: "organizer", Type: tool.String},
	{Name: "response", Type: tool.String},
	{Name: "showAs", Type: tool.String},
	{Name: "recurring", Type: tool.Boolean},
	{Name: "attendees", Type: tool.StringList},
	{Name: "joinUrl", Type: tool.String},
	{Name: "preview", Type: tool.String},
	{Name: "categories", Type: tool.StringList},
	{Name: "sensitivity", Type: tool.String},
	{Name: "importance", Type: tool.String},
	{Name: "reminderMinutes", Type: tool.Integer},
	{Name: "repeats", Type: tool.String},
}

// maxAttendeesShown bounds a list of attendees: all-hands meetings have thousands.
const maxAttendeesShown = 50

func (g graphEvent) shape(id string, zone timezone.Zone, fields []string) event {
	e := event{
		ID: id, Subject: content.Line(g.Subject, 255), Start: zone.Format(g.Start.time()), End: zone.Format(g.End.time()),
		AllDay: g.IsAllDay, Cancelled: g.IsCancelled, Location: content.Line(g.Location.DisplayName, 200), Online: g.IsOnline,
		Recurring: g.Type != "" && g.Type != "singleInstance",
	}
	if g.IsAllDay { // days, whatever the zone
		e.Start, e.End = day(g.Start), day(g.End)
	}
	if !g.IsOrganizer {
		if g.Organizer != nil {
			e.Organizer = content.Address(g.Organizer.EmailAddress.Name, g.Organizer.EmailAddress.Address)
		}
		e.Response = content.Line(g.ResponseStatus.Response, 30)
	}
	if g.ShowAs != "busy" {
		e.ShowAs = content.Line(g.ShowAs, 30)
	}
	has := func(name string) bool { return slices.Contains(fields, name) }
	if has("attendees") {
		e.Attendees = attendees(g.Attendees, zone)
	}
	if has("joinUrl") && g.OnlineMeeting != nil {
		e.JoinURL = content.Line(g.OnlineMeeting.JoinURL, 1000)
	}
	if has("preview") {
		e.Preview = content.Line(g.BodyPreview, 255)
	}
	if has("categories") {
		for _, c := range g.Categories {
			e.Categories = append(e.Categories, content.Line(c, 100))
		}
	}
	if has("sensitivity") {
		e.Sensitivity = content.Line(g.Sensitivity, 30)
	}
	if has("importance") {
		e.Importance = content.Line(g.Importance, 30)
	}
	if has("reminder") && g.IsReminderOn {
		e.Reminder = &g.ReminderMinutes
	}
	if has("series") && g.Recurrence != nil {
		e.Repeats = g.Recurrence.words()
	}
	return e
}

func day(d dateTime) string {
	if len(d.DateTime) < 10 {
		return ""
	}
	return d.DateTime[:10]
}

// attendees writes who is invited, and what each has answered.
func attendees(list []attendee, zone timezone.Zone) []string {
	var out []string
	for i, a := range list {
		if i == maxAttendeesShown {
			return append(out, fmt.Sprintf("and %d more", len(list)-i))
		}
		s := content.Address(a.EmailAddress.Name, a.EmailAddress.Address)
		var marks []string
		if a.Type != "required" {
			marks = append(marks, content.Line(a.Type, 20))
		}
		if a.Status != nil && a.Status.Response != "" && a.Status.Response != "none" && a.Status.Response != "notResponded" {
			marks = append(marks, content.Line(a.Status.Response, 30))
		}
		if a.Proposed != nil {
			marks = append(marks, "proposes "+span(event{Start: zone.Format(a.Proposed.Start.time()), End: zone.Format(a.Proposed.End.time())}))
		}
		if marks != nil {
			s += " (" + strings.Join(marks, ", ") + ")"
		}
		out = append(out, s)
	}
	return out
}

// line writes the event for reading.
func (e event) line() string {
	var b strings.Builder
	b.WriteString(span(e))
	fmt.Fprintf(&b, " “%s”", strings.NewReplacer("“", "'", "”", "'").Replace(e.Subject))
	if e.ID != "" {
		fmt.Fprintf(&b, " [%s]", e.ID)
	}
	var marks []string
	add := func(on bool, s string) {
		if on {
			marks = append(marks, s)
		}
	}
	add(e.Cancelled, "cancelled")
	add(e.Location != "", e.Location)
	add(e.Online, "online")
	add(e.Organizer != "", "by "+e.Organizer)
	add(e.Response != "" && e.Response != "accepted", e.Response)
	add(e.ShowAs != "", e.ShowAs)
	add(e.Recurring, "recurring")
	add(e.Repeats != "", e.Repeats)
	add(e.Sensitivity != "" && e.Sensitivity != "normal", e.Sensitivity)
	add(e.Importance == "high", "important")
	if len(marks) > 0 {
		b.WriteString(", " + strings.Join(marks, ", "))
	}
	for _, l := range []struct{ name, text string }{
		{"attendees", strings.Join(e.Attendees, ", ")}, {"join", e.JoinURL}, {"categories", strings.Join(e.Categories, ", ")}, {"text", e.Preview},
	} {
		if l.text != "" {
			fmt.Fprintf(&b, "\n   %s: %s", l.name, l.text)
		}
	}
	return b.String()
}

// span writes when, the day once if it is one: 2026-03-05 09:30–10:00.
func span(e event) string {
	if e.AllDay {
		return e.Start + " all day"
	}
	if len(e.Start) < 16 || len(e.End) < 16 {
		return e.Start + "–" + e.End
	}
	if e.Start[:10] == e.End[:10] {
		return e.Start[:10] + " " + e.Start[11:16] + "–" + e.End[11:16]
	}
	return e.Start[:10] + " " + e.Start[11:16] + " – " + e.End[:10] + " " + e.End[11:16]
}
