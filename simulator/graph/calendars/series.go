package calendars

import (
	"maps"
	"slices"
	"time"

	"m365mcp/simulator/graph/calendars/recur"
)

// recurrence is when a series happens: its pattern and its range.
type recurrence struct {
	recur.Pattern
	recur.Range

	zone string // recurrenceTimeZone
}

// most bounds the occurrences of one series in one window.
const most = 5000

// starts are the beginnings of a series in a window, in the zone of the series.
func (e *event) starts(from, to time.Time) []time.Time {
	loc := e.start.Location()
	hour, minute, second := e.start.Clock()
	list, err := recur.Starts(e.recurrence.Pattern, e.recurrence.Range, hour, minute, second, loc, from, to, most)
	if err != nil { // a pattern is checked before it is kept
		return nil
	}
	for i := range list {
		list[i] = list[i].In(loc)
	}
	return list
}

// occurrence is the series at one of its beginnings.
func (e *event) occurrence(start time.Time) *event {
	o := e.snapshot()
	o.master, o.date, o.original = e, start.Format(time.DateOnly), start
	o.recurrence, o.exceptions, o.gaps, o.serial = nil, nil, nil, ""
	o.start.Time = start
	if e.allDay {
		days := int(e.end.Sub(e.start.Time).Hours()+12) / 24
		o.end.Time = start.AddDate(0, 0, days)
	} else {
		o.end.Time = start.Add(e.end.Sub(e.start.Time)).In(e.end.Location())
	}
	return o
}

// on is the occurrence of a date; nil where the series has none.
func (e *event) on(date string) *event {
	if e.recurrence == nil || e.gaps[date] {
		return nil
	}
	if x := e.exceptions[date]; x != nil {
		return x
	}
	day, err := time.ParseInLocation(time.DateOnly, date, e.start.Location())
	if err != nil {
		return nil
	}
	for _, start := range e.starts(day.Add(-time.Hour), day.AddDate(0, 0, 1).Add(time.Hour)) {
		if start.Format(time.DateOnly) == date {
			return e.occurrence(start)
		}
	}
	return nil
}

// within lists an event, or the occurrences of a series, that overlap a window.
func (e *event) within(from, to time.Time, loc *time.Location) []*event {
	if e.recurrence == nil {
		if e.overlaps(from, to, loc) {
			return []*event{e}
		}
		return nil
	}
	var out []*event
	wide := e.end.Sub(e.start.Time) + 36*time.Hour // a day elsewhere begins earlier or later
	for _, start := range e.starts(from.Add(-wide), to.Add(36*time.Hour)) {
		date := start.Format(time.DateOnly)
		if e.gaps[date] || e.exceptions[date] != nil {
			continue
		}
		if o := e.occurrence(start); o.overlaps(from, to, loc) {
			out = append(out, o)
		}
	}
	for _, x := range e.exceptions {
		if x.overlaps(from, to, loc) {
			out = append(out, x)
		}
	}
	return out
}

// view is what happens in a window, in the order of time.
func view(calendars []*calendar, from, to time.Time, loc *time.Location) []*event {
	var out []*event
	for _, c := range calendars {
		for _, e := range c.events {
			out = append(out, e.within(from, to, loc)...)
		}
	}
	slices.SortStableFunc(out, func(a, b *event) int {
		x, _ := a.span(loc)
		y, _ := b.span(loc)
		if order := x.Compare(y); order != 0 {
			return order
		}
		return a.change - b.change
	})
	return out
}

// snapshot is a copy that shares nothing that changes in place.
func (e *event) snapshot() *event {
	out := *e
	out.details = e.clone()
	out.gaps = maps.Clone(e.gaps)
	out.exceptions = maps.Clone(e.exceptions)
	return &out
}

func (d details) clone() details {
	d.attendees, d.categories, d.files = slices.Clone(d.attendees), slices.Clone(d.categories), slices.Clone(d.files)
	if d.recurrence != nil {
		r := *d.recurrence
		d.recurrence = &r
	}
	return d
}
