package calendar

import (
	"fmt"
	"strings"
	"time"

	"m365mcp/timezone"
	"m365mcp/tool"
)

// recurrence is Graph's patternedRecurrence
// (https://learn.microsoft.com/graph/api/resources/patternedrecurrence).
type recurrence struct {
	Pattern struct {
		Type       string   `json:"type"`
		Interval   int      `json:"interval"`
		Days       []string `json:"daysOfWeek,omitempty"`
		DayOfMonth int      `json:"dayOfMonth,omitempty"`
		Month      int      `json:"month,omitempty"`
		Index      string   `json:"index,omitempty"`
		FirstDay   string   `json:"firstDayOfWeek,omitempty"`
	} `json:"pattern"`
	Range struct {
		Type      string `json:"type"`
		StartDate string `json:"startDate"`
		EndDate   string `json:"endDate,omitempty"`
		Count     int    `json:"numberOfOccurrences,omitempty"`
		TimeZone  string `json:"recurrenceTimeZone,omitempty"`
	} `json:"range"`
}

// repeatArgs are the flat arguments of a recurrence.
type repeatArgs struct {
	Repeat      string   `json:"repeat"`
	RepeatEvery int      `json:"repeatEvery"`
	RepeatOn    []string `json:"repeatOn"`
	RepeatUntil string   `json:"repeatUntil"`
}

var weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

var repeatFields = []tool.Field{
	{Name: "repeat", Type: tool.String, Enum: []string{"daily", "weekly", "monthly", "yearly"}},
	{Name: "repeatEvery", Type: tool.Integer, Default: 1, Min: 1, Max: 99},
	{Name: "repeatOn", Type: tool.StringList, Enum: weekdays, MaxItems: 7, Description: "For weekly."},
	{Name: "repeatUntil", Type: tool.String, Description: "Last day."},
}

// pattern makes the recurrence of an event that begins at start, or nil.
func (a repeatArgs) pattern(start time.Time, zone timezone.Zone) (*recurrence, error) {
	if a.Repeat == "" {
		if a.RepeatOn != nil || a.RepeatUntil != "" {
			return nil, tool.Invalid("repeat", "is missing; it says how often: daily, weekly, monthly or yearly")
		}
		return nil, nil
	}
	local := start.In(zone.Location())
	var r recurrence
	p, in := &r.Pattern, &r.Range
	p.Interval = a.RepeatEvery
	switch a.Repeat {
	case "daily":
		p.Type = "daily"
	case "weekly":
		p.Type, p.FirstDay, p.Days = "weekly", "monday", a.RepeatOn
		if len(p.Days) == 0 {
			p.Days = []string{strings.ToLower(local.Weekday().String())}
		}
	case "monthly":
		p.Type, p.DayOfMonth = "absoluteMonthly", local.Day()
	case "yearly":
		p.Type, p.DayOfMonth, p.Month = "absoluteYearly", local.Day(), int(local.Month())
	}
	if a.RepeatOn != nil && a.Repeat != "weekly" {
		return nil, tool.Invalid("repeatOn", "stands with repeat weekly only")
	}
	in.StartDate, in.TimeZone, in.Type = local.Format(time.DateOnly), zone.Name(), "noEnd"
	if a.RepeatUntil != "" {
		last, err := time.Parse(time.DateOnly, a.RepeatUntil)
		if err != nil || last.Format(time.DateOnly) < in.StartDate {
			return nil, tool.Invalid("repeatUntil", "is not a day on or after the start; write it as 2026-03-05")
		}
		in.Type, in.EndDate = "endDate", a.RepeatUntil
	}
	return &r, nil
}

// words says the recurrence for reading.
func (r recurrence) words() string {
	s := r.Pattern.Type
	if r.Pattern.Interval > 1 {
		s += fmt.Sprintf(" every %d", r.Pattern.Interval)
	}
	if len(r.Pattern.Days) > 0 {
		s += " on " + strings.Join(r.Pattern.Days, ", ")
	}
	switch r.Range.Type {
	case "endDate":
		s += " until " + r.Range.EndDate
	case "numbered":
		s += fmt.Sprintf(", %d times", r.Range.Count)
	}
	return s
}
