package calendars

import (
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/exchange"
)

// Outgoing is what attendees and organizers outside of the tenant were sent.
type Outgoing struct {
	Kind       string // request, cancellation, answer, forward, forward notice
	Subject    string
	Recipients []string
}

// Outbound lists what left the tenant, in its order. It is called under the
// server's lock, or when nothing runs.
func (w *Workload) Outbound() []Outgoing { return slices.Clone(w.outbound) }

// send puts a mail about an event into mailboxes, and out of the tenant.
func (w *Workload) send(kind string, from *dataset.Person, to []dataset.Address, m *exchange.Message, now time.Time) {
	var outside []string
	for _, a := range to {
		if w.person(a.Address) == nil {
			outside = append(outside, a.Address)
		}
	}
	if len(outside) > 0 {
		w.outbound = append(w.outbound, Outgoing{kind, m.Subject, outside})
	}
	if w.mail == nil || len(to) == 0 {
		return
	}
	box := w.mail.Mailbox(from.ID)
	if box == nil {
		return
	}
	m.From, m.To, m.Sent = dataset.Address{Name: from.DisplayName, Address: from.Mail}, to, now
	w.mail.Deliver(box, m, true)
}

// notice is the mail about an event.
func notice(e *event, prefix, comment string) *exchange.Message {
	m := &exchange.Message{}
	m.Subject, m.Importance = prefix+e.subject, e.importance
	if comment != "" {
		m.SetBody(comment, false)
		return m
	}
	m.SetBody(e.body, e.html)
	return m
}

// invited are the attendees but for the organizer.
func (e *event) invited() []dataset.Address {
	var out []dataset.Address
	for _, a := range e.attendees {
		if !strings.EqualFold(a.Address.Address, e.organizer.Address) {
			out = append(out, a.Address)
		}
	}
	return out
}

// spread brings a meeting of the organizer to its attendees: to new ones an
// invitation, to the others the change, to those who are no longer invited a
// cancellation. A meeting at another time is to be answered again.
func (w *Workload) spread(e *event, before []attendee, retimed bool) {
	if retimed {
		for i := range e.attendees {
			e.attendees[i].response, e.attendees[i].at = "none", time.Time{}
		}
	}
	w.send("request", e.owner, e.invited(), notice(e, "", ""), e.modified)
	for _, a := range e.invited() {
		if b := w.person(a.Address); b != nil {
			w.copyTo(b, e, retimed)
			if b.room {
				w.book(b, e)
			}
		}
	}
	var dropped []dataset.Address
	for _, a := range before {
		if !slices.ContainsFunc(e.attendees, func(x attendee) bool { return strings.EqualFold(x.Address.Address, a.Address.Address) }) {
			dropped = append(dropped, a.Address)
		}
	}
	w.cancelFor(e, dropped, "", e.modified)
}

// copyTo makes an attendee's copy of a meeting, or brings it up to date.
func (w *Workload) copyTo(b *box, e *event, retimed bool) {
	mirror := b.byUID(e.uid)
	if mirror == nil {
		mirror = &event{
			details: e.clone(), uid: e.uid, owner: b.person, organizer: e.organizer, response: "notResponded",
			created: e.modified, modified: e.modified,
		}
		mirror.showAs, mirror.categories, mirror.sensitivity = "tentative", nil, e.sensitivity
		w.add(b.calendars[0], mirror)
		for date := range e.gaps {
			mirror.gaps = put(mirror.gaps, date, true)
		}
		for _, x := range e.exceptions {
			w.copyTo(b, x, false)
		}
		return
	}
	if e.master != nil {
		if mirror = mirror.on(e.date); mirror == nil { // the attendee has removed it
			return
		}
	}
	if retimed {
		b.gone = append(b.gone, removal{w.next(), mirror.snapshot()})
	}
	own := mirror.details
	mirror.details = e.clone()
	mirror.showAs, mirror.categories, mirror.silent, mirror.reminderMinutes = own.showAs, own.categories, own.silent, own.reminderMinutes
	if retimed {
		mirror.response, mirror.answered, mirror.showAs = "notResponded", time.Time{}, "tentative"
		if mirror.master == nil {
			mirror.exceptions, mirror.gaps = nil, nil
		}
	}
	w.touch(mirror, e.modified)
}

// book answers for a room: it comes where it is free.
func (w *Workload) book(b *box, e *event) {
	mirror := b.byUID(e.uid)
	if mirror == nil || e.master != nil {
		return
	}
	v := accepted
	for _, o := range mirror.within(e.start.Time, e.start.AddDate(0, 6, 0), b.loc) {
		for _, other := range b.busy(o.start.Time, o.end.Time) {
			if other.uid != e.uid {
				v = declined
			}
		}
	}
	for i := range e.attendees {
		if b.person.Named(e.attendees[i].Address.Address) {
			e.attendees[i].response, e.attendees[i].at = v.response, e.modified
		}
	}
	if v == declined {
		w.remove(mirror, e.modified)
		return
	}
	mirror.response, mirror.answered, mirror.showAs = v.response, e.modified, v.showAs
}

func put[V any](m map[string]V, key string, value V) map[string]V {
	if m == nil {
		m = map[string]V{}
	}
	m[key] = value
	return m
}

// callOff tells all attendees that a meeting of the organizer does not happen.
func (w *Workload) callOff(e *event, comment string, now time.Time) {
	w.cancelFor(e, e.invited(), comment, now)
}

// cancelFor leaves a cancelled copy in the calendars of attendees.
func (w *Workload) cancelFor(e *event, people []dataset.Address, comment string, now time.Time) {
	w.send("cancellation", e.owner, people, notice(e, "Canceled: ", comment), now)
	for _, a := range people {
		b := w.person(a.Address)
		if b == nil {
			continue
		}
		mirror := b.byUID(e.uid)
		if mirror != nil && e.master != nil {
			mirror = mirror.on(e.date)
		}
		if mirror == nil || mirror.cancelled {
			continue
		}
		mirror.cancelled, mirror.showAs, mirror.subject = true, "free", "Canceled: "+e.subject
		w.touch(mirror, now)
	}
}
