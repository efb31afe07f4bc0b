package calendar

import (
	"context"
	"fmt"
	"strings"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/timezone"
	"m365mcp/tool"
)

// Bounds: getSchedule takes 62 days and, by its reference, up to 20 addresses a call
// (https://learn.microsoft.com/graph/api/calendar-getschedule).
const (
	maxScheduleSpan = 62 * 24 * time.Hour
	maxPeople       = 20
)

// window reads the time between start and end; a day alone ends with its end.
func window(zone timezone.Zone, start, end string, now time.Time, standard time.Duration) (from, until time.Time, err error) {
	from = now.Truncate(time.Minute)
	if start != "" {
		if from, _, err = parse(zone, "start", start); err != nil {
			return from, until, err
		}
	}
	until = from.Add(standard)
	if end != "" {
		var dayOnly bool
		if until, dayOnly, err = parse(zone, "end", end); err != nil {
			return from, until, err
		}
		if dayOnly {
			until = until.AddDate(0, 0, 1)
		}
	}
	if !until.After(from) || until.Sub(from) > maxScheduleSpan {
		return from, until, tool.Invalid("end", "is not after start, or more than 62 days after it")
	}
	return from, until, nil
}

type meetingArgs struct {
	Attendees []string `json:"attendees"`
	Optional  []string `json:"optionalAttendees"`
	Minutes   int      `json:"durationMinutes"`
	Start     string   `json:"start"`
	End       string   `json:"end"`
	Count     int      `json:"count"`
	TimeZone  string   `json:"timeZone"`
}

type meetingOut struct {
	Times    []slot `json:"times"`
	Reason   string `json:"reason,omitempty"`
	TimeZone string `json:"timeZone"`
}

type slot struct {
	Start       string   `json:"start"`
	End         string   `json:"end"`
	Confidence  float64  `json:"confidence,omitempty"`
	Unavailable []string `json:"unavailable,omitempty"`
}

func findMeetingTimes() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "findMeetingTimes", Title: "Find a time to meet", Family: family,
		Description: "Proposes times when this person and the attendees are free for a meeting.",
		Keywords:    "schedule availability common slot suggest",
		Input: []tool.Field{
			{Name: "attendees", Type: tool.StringOrList, Required: true, MaxItems: maxPeople, Description: "Addresses."},
			{Name: "optionalAttendees", Type: tool.StringOrList, MaxItems: maxPeople},
			{Name: "durationMinutes", Type: tool.Integer, Default: 30, Min: 5, Max: 1440},
			{Name: "start", Type: tool.String, Description: "Default now."},
			{Name: "end", Type: tool.String, Description: "Default a week later."},
			{Name: "count", Type: tool.Integer, Default: 5, Min: 1, Max: 20},
			timeZoneField,
		},
		Output: []tool.Field{
			{Name: "times", Type: tool.ObjectList, Required: true, Items: []tool.Field{
				{Name: "start", Type: tool.String}, {Name: "end", Type: tool.String}, {Name: "confidence", Type: tool.Number}, {Name: "unavailable", Type: tool.StringList},
			}},
			{Name: "reason", Type: tool.String},
			{Name: "timeZone", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, Core: true,
		// Microsoft lists no narrower one for this operation, although it reads nothing of a shared calendar.
		Scopes: []string{readSharedScope}, OptionalScopes: []string{zoneScope},
	}, func(_ context.Context, c tool.Call, a meetingArgs) (tool.Plan, error) {
		if err := tool.CheckAddresses("attendees", a.Attendees...); err != nil {
			return tool.Plan{}, err
		}
		if err := tool.CheckAddresses("optionalAttendees", a.Optional...); err != nil {
			return tool.Plan{}, err
		}
		zone := timezone.UTC
		if a.TimeZone != "" {
			var err error
			if zone, err = timezone.Find(a.TimeZone); err != nil {
				return tool.Plan{}, tool.Invalid("timeZone", err.Error())
			}
		}
		_, _, err := window(zone, a.Start, a.End, c.Now, week)
		return tool.Plan{Target: "/me/findMeetingTimes"}, err
	}, doMeeting)
}

const week = 7 * 24 * time.Hour

func doMeeting(ctx context.Context, c tool.Call, a meetingArgs) (tool.Result, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	from, until, err := window(zone, a.Start, a.End, c.Now, week)
	if err != nil {
		return tool.Result{}, err
	}
	request, err := graph.PostJSON(graph.Fixed("/me/findMeetingTimes"), map[string]any{
		"attendees":       invite(a.Attendees, a.Optional),
		"meetingDuration": fmt.Sprintf("PT%dM", a.Minutes),
		"maxCandidates":   a.Count,
		"timeConstraint": map[string]any{
			"activityDomain": "work",
			"timeSlots":      []any{map[string]any{"start": at(from, zone), "end": at(until, zone)}},
		},
		"returnSuggestionReasons": true,
	})
	if err != nil {
		return tool.Result{}, err
	}
	request.Prefer = prefer(zone)
	resp, err := c.Graph.Do(ctx, request)
	if err != nil {
		return tool.Result{}, err
	}
	var found struct {
		Reason      string `json:"emptySuggestionsReason"`
		Suggestions []struct {
			Confidence   float64                       `json:"confidence"`
			MeetingSlot  struct{ Start, End dateTime } `json:"meetingTimeSlot"`
			Availability []struct {
				Availability string   `json:"availability"`
				Attendee     attendee `json:"attendee"`
			} `json:"attendeeAvailability"`
		} `json:"meetingTimeSuggestions"`
	}
	if err := resp.Decode(&found); err != nil {
		return tool.Result{}, err
	}
	out := meetingOut{Times: []slot{}, Reason: content.Line(found.Reason, 100), TimeZone: zone.Label()}
	for _, s := range found.Suggestions {
		one := slot{Start: zone.Format(s.MeetingSlot.Start.time()), End: zone.Format(s.MeetingSlot.End.time()), Confidence: s.Confidence}
		for _, p := range s.Availability {
			if p.Availability != "free" {
				one.Unavailable = append(one.Unavailable, content.Line(p.Attendee.EmailAddress.Address, 320)+" ("+content.Line(p.Availability, 30)+")")
			}
		}
		out.Times = append(out.Times, one)
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(out.Times)}, nil
}

func (o meetingOut) text() string {
	if len(o.Times) == 0 {
		return "No common time found (" + o.Reason + "). Try a longer window, a shorter meeting or fewer attendees."
	}
	lines := []string{"Times in " + o.TimeZone + ":"}
	for _, s := range o.Times {
		line := "- " + span(event{Start: s.Start, End: s.End})
		if s.Unavailable != nil {
			line += ", not free: " + strings.Join(s.Unavailable, ", ")
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

type freeBusyArgs struct {
	People   []string `json:"people"`
	Start    string   `json:"start"`
	End      string   `json:"end"`
	TimeZone string   `json:"timeZone"`
}

type freeBusyOut struct {
	People   []schedule `json:"people"`
	TimeZone string     `json:"timeZone"`
}

type schedule struct {
	Address string   `json:"address"`
	Busy    []busy   `json:"busy,omitempty"`
	Hours   []string `json:"workingHours,omitempty"`
	Error   string   `json:"error,omitempty"`
}

type busy struct {
	Start   string `json:"start"`
	End     string `json:"end"`
	Status  string `json:"status"`
	Subject string `json:"subject,omitempty"`
}

func getFreeBusy() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "getFreeBusy", Title: "Free and busy times", Family: family,
		Description: "When people or rooms are busy, away or free between start and end.",
		Keywords:    "availability is free on colleague calendar room out of office",
		Input: []tool.Field{
			{Name: "people", Type: tool.StringOrList, Required: true, MaxItems: maxPeople, Description: "Mail addresses of people or rooms."},
			{Name: "start", Type: tool.String, Description: "Time or day; now if absent."},
			{Name: "end", Type: tool.String, Description: "A day after start if absent."},
			timeZoneField,
		},
		Output: []tool.Field{
			{Name: "people", Type: tool.ObjectList, Required: true, Items: []tool.Field{
				{Name: "address", Type: tool.String},
				{Name: "error", Type: tool.String},
				{Name: "workingHours", Type: tool.StringList},
				{Name: "busy", Type: tool.ObjectList, Items: []tool.Field{
					{Name: "start", Type: tool.String}, {Name: "end", Type: tool.String}, {Name: "status", Type: tool.String}, {Name: "subject", Type: tool.String},
				}},
			}},
			{Name: "timeZone", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, Untrusted: true,
		Scopes: []string{readScope}, OptionalScopes: []string{zoneScope},
	}, func(_ context.Context, c tool.Call, a freeBusyArgs) (tool.Plan, error) {
		if err := tool.CheckAddresses("people", a.People...); err != nil {
			return tool.Plan{}, err
		}
		zone := timezone.UTC
		if a.TimeZone != "" {
			var err error
			if zone, err = timezone.Find(a.TimeZone); err != nil {
				return tool.Plan{}, tool.Invalid("timeZone", err.Error())
			}
		}
		_, _, err := window(zone, a.Start, a.End, c.Now, 24*time.Hour)
		return tool.Plan{Target: "/me/calendar/getSchedule"}, err
	}, doFreeBusy)
}

// scheduleInformation is Graph's resource of that name.
type scheduleInformation struct {
	ScheduleID string `json:"scheduleId"`
	Items      []struct {
		Status  string   `json:"status"`
		Subject string   `json:"subject"`
		Start   dateTime `json:"start"`
		End     dateTime `json:"end"`
	} `json:"scheduleItems"`
	WorkingHours *struct {
		Days  []string `json:"daysOfWeek"`
		Start string   `json:"startTime"`
		End   string   `json:"endTime"`
		Zone  struct {
			Name string `json:"name"`
		} `json:"timeZone"`
	} `json:"workingHours"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func doFreeBusy(ctx context.Context, c tool.Call, a freeBusyArgs) (tool.Result, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	from, until, err := window(zone, a.Start, a.End, c.Now, 24*time.Hour)
	if err != nil {
		return tool.Result{}, err
	}
	request, err := graph.PostJSON(graph.Fixed("/me/calendar/getSchedule"), map[string]any{
		"schedules": a.People, "startTime": at(from, zone), "endTime": at(until, zone), "availabilityViewInterval": 30,
	})
	if err != nil {
		return tool.Result{}, err
	}
	request.Prefer = prefer(zone)
	resp, err := c.Graph.Do(ctx, request)
	if err != nil {
		return tool.Result{}, err
	}
	var page graph.Page[scheduleInformation]
	if err := resp.Decode(&page); err != nil {
		return tool.Result{}, err
	}
	out := freeBusyOut{People: make([]schedule, len(page.Value)), TimeZone: zone.Label()}
	for i, s := range page.Value {
		out.People[i] = s.shape(zone)
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(out.People)}, nil
}

func (s scheduleInformation) shape(zone timezone.Zone) schedule {
	out := schedule{Address: content.Line(s.ScheduleID, 320)}
	if s.Error != nil {
		out.Error = content.Line(s.Error.Message, 200)
	}
	for _, item := range s.Items {
		if item.Status == "free" {
			continue
		}
		out.Busy = append(out.Busy, busy{zone.Format(item.Start.time()), zone.Format(item.End.time()), content.Line(item.Status, 30), content.Line(item.Subject, 120)})
	}
	if h := s.WorkingHours; h != nil && len(h.Start) >= 5 && len(h.End) >= 5 {
		out.Hours = []string{content.Line(strings.Join(h.Days, " "), 100), h.Start[:5] + "–" + h.End[:5], content.Line(h.Zone.Name, 60)}
	}
	return out
}

func (o freeBusyOut) text() string {
	lines := []string{"Times in " + o.TimeZone + ":"}
	for _, p := range o.People {
		switch {
		case p.Error != "":
			lines = append(lines, p.Address+": not known ("+p.Error+")")
			continue
		case len(p.Busy) == 0:
			lines = append(lines, p.Address+": free")
			continue
		}
		lines = append(lines, p.Address+":")
		for _, b := range p.Busy {
			line := "- " + span(event{Start: b.Start, End: b.End}) + " " + b.Status
			if b.Subject != "" {
				line += " “" + b.Subject + "”"
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}
