package calendars

import (
	"maps"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/calendars/recur"
	"m365mcp/simulator/zone"
)

// load puts the appointments of the data into the calendars of all whom they concern.
func (w *Workload) load(data *dataset.Calendars) {
	for i := range data.Rooms {
		w.openBox(&data.Rooms[i].Person).room = true
	}
	for _, s := range data.Shares {
		w.shares = append(w.shares, Share{
			Owner: s.OwnerID, With: s.WithID, Private: s.Role == "delegateWithPrivateEventAccess",
			Write: s.Role == "write" || strings.HasPrefix(s.Role, "delegate"),
		})
	}
	for _, a := range data.Appointments {
		w.enter(a)
	}
}

func (w *Workload) enter(a dataset.Appointment) {
	loc, err := zone.Find(a.Zone)
	if err != nil {
		a.Zone, loc = "UTC", time.UTC
	}
	at := func(wall time.Time) moment { return moment{zone.Instant(wall, loc).In(loc), a.Zone} }
	shared := fresh()
	shared.subject, shared.body, shared.start, shared.end, shared.allDay = a.Subject, a.Body, at(a.Start), at(a.End), a.AllDay
	shared.location, shared.showAs, shared.sensitivity, shared.importance = a.Location, a.ShowAs, a.Sensitivity, a.Importance
	shared.files = a.Attachments
	for _, g := range a.Guests {
		one := attendee{Address: g.Address, kind: g.Kind, response: g.Response}
		if g.Response != "none" {
			one.at = a.Created.Add(3 * time.Hour)
		}
		shared.attendees = append(shared.attendees, one)
	}
	shared.recurrence = repeat(a)
	template := &event{details: shared}
	if a.JoinURL != "" {
		template.join(a.JoinURL)
	}
	for _, id := range slices.Sorted(maps.Keys(w.boxes)) {
		b := w.boxes[id]
		own := strings.EqualFold(b.person.Mail, a.Organizer.Address)
		i := guest(a.Guests, b.person)
		if !own && i < 0 || own && a.Cancelled || !own && a.Guests[i].Response == "declined" {
			continue
		}
		e := &event{
			details: template.clone(), id: a.IDs[id], uid: a.UID, owner: b.person, organizer: a.Organizer, mine: own, response: "organizer",
			created: a.Created.UTC(), modified: a.Created.UTC(),
		}
		e.cancelled = a.Cancelled
		if own {
			e.categories = a.Categories
		} else {
			e.receive(a.Guests[i].Response, e.attendees[i].at)
		}
		w.add(b.calendars[0], e)
		w.except(e, a, at)
	}
}

func guest(list []dataset.Guest, p *dataset.Person) int {
	for i, g := range list {
		if p.Named(g.Address.Address) {
			return i
		}
	}
	return -1
}

// receive is how an answer shows in the calendar of who gave it.
func (e *event) receive(response string, at time.Time) {
	e.response, e.answered = response, at
	switch {
	case e.cancelled:
		e.subject, e.showAs = "Canceled: "+e.subject, "free"
	case response == "none":
		e.response, e.showAs = "notResponded", "tentative"
	case response == "tentativelyAccepted":
		e.showAs = "tentative"
	}
}

// except drops and moves occurrences.
func (w *Workload) except(e *event, a dataset.Appointment, at func(time.Time) moment) {
	if a.Repeat == nil {
		return
	}
	for _, day := range a.Repeat.Dropped {
		e.gaps = put(e.gaps, day.Format(time.DateOnly), true)
	}
	for day, start := range a.Repeat.Moved {
		o := e.on(day.Format(time.DateOnly))
		if o == nil {
			continue
		}
		length := o.end.Sub(o.start.Time)
		o.start = at(start)
		o.end.Time = o.start.Add(length)
		o.differs = true
		e.exceptions = put(e.exceptions, o.date, o)
	}
}

func repeat(a dataset.Appointment) *recurrence {
	r := a.Repeat
	if r == nil {
		return nil
	}
	out := &recurrence{
		Pattern: recur.Pattern{Type: r.Type, Interval: r.Interval, Days: r.Days, DayOfMonth: r.Day, Index: r.Index, FirstDay: time.Monday},
		Range:   recur.Range{Type: "noEnd", Start: a.Start.Format(time.DateOnly)},
		zone:    a.Zone,
	}
	if strings.HasSuffix(r.Type, "Yearly") {
		out.Month = int(a.Start.Month())
	}
	if !r.Until.IsZero() {
		out.Range.Type, out.End = "endDate", r.Until.Format(time.DateOnly)
	}
	return out
}
