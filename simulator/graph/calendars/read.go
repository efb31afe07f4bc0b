package calendars

import (
	"encoding/json"
	"net/mail"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/calendars/recur"
	"m365mcp/simulator/graph/wire"
	"m365mcp/simulator/zone"
)

// eventNavigation are the navigation properties of an event.
var eventNavigation = []string{"attachments", "calendar", "exceptionOccurrences", "extensions", "instances", "multiValueExtendedProperties", "singleValueExtendedProperties"}

func failed(format string, args ...any) error {
	return apierror.BadRequest("ErrorPropertyValidationFailure", "At least one property failed validation. "+format, args...)
}

// change is what a client wrote of an event: the details after it, and which
// properties it named.
type change struct {
	details

	object wire.Object
	serial string // transactionId
	online bool
}

// readEvent reads an event over the details that it has so far. Properties that
// only the service sets are accepted and ignored.
func readEvent(raw []byte, before details) (*change, error) {
	o, err := wire.ReadObject(raw, "event", slices.Concat(wire.EventProperties, eventNavigation)...)
	if err != nil {
		return nil, err
	}
	c := &change{details: before.clone(), object: o}
	for name, into := range map[string]*string{"subject": &c.subject, "transactionId": &c.serial} {
		if err := wire.Read(o, name, into); err != nil {
			return nil, err
		}
	}
	if o.Has("categories") {
		c.categories = nil
	}
	if err := wire.Read(o, "categories", &c.categories); err != nil {
		return nil, err
	}
	for _, step := range []func() error{c.readFlags, c.readBody, c.readLocation, c.readAttendees, c.readTimes, c.readRecurrence, c.readFiles} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *change) readFlags() error {
	requested, proposals, reminded := !c.unanswered, !c.noProposals, !c.silent
	for name, into := range map[string]*bool{
		"isAllDay": &c.allDay, "hideAttendees": &c.hidden, "isOnlineMeeting": &c.online, "responseRequested": &requested,
		"allowNewTimeProposals": &proposals, "isReminderOn": &reminded,
	} {
		if err := wire.Read(c.object, name, into); err != nil {
			return err
		}
	}
	c.unanswered, c.noProposals, c.silent = !requested, !proposals, !reminded
	if err := wire.Read(c.object, "reminderMinutesBeforeStart", &c.reminderMinutes); err != nil {
		return err
	}
	provider := ""
	for _, e := range []struct {
		name string
		into *string
		of   []string
	}{
		{"showAs", &c.showAs, []string{"free", "tentative", "busy", "oof", "workingElsewhere", "unknown"}},
		{"sensitivity", &c.sensitivity, []string{"normal", "personal", "private", "confidential"}},
		{"importance", &c.importance, []string{"low", "normal", "high"}},
		{"onlineMeetingProvider", &provider, []string{"unknown", "teamsForBusiness", "skypeForBusiness", "skypeForConsumer"}},
	} {
		if err := readEnum(c.object, e.name, e.into, e.of); err != nil {
			return err
		}
	}
	if strings.HasPrefix(provider, "skype") {
		return failed("The calendar does not allow the online meeting provider '%s'.", provider)
	}
	return nil
}

// readEnum reads a member of an enumeration, in any case of its letters.
func readEnum(o wire.Object, name string, into *string, values []string) error {
	given := *into
	if err := wire.Read(o, name, &given); err != nil || given == *into {
		return err
	}
	i := slices.IndexFunc(values, func(v string) bool { return strings.EqualFold(v, given) })
	if i < 0 {
		return apierror.BadRequest("RequestBodyRead", "Requested value '%s' was not found.", given)
	}
	*into = values[i]
	return nil
}

// member reads a member that is an object; false where there is none.
func member(o wire.Object, name, typeName string, names ...string) (wire.Object, bool, error) {
	var raw json.RawMessage
	if err := wire.Read(o, name, &raw); err != nil || raw == nil {
		return wire.Object{}, false, err
	}
	inner, err := wire.ReadObject(raw, typeName, names...)
	return inner, err == nil, err
}

func (c *change) readBody() error {
	o, ok, err := member(c.object, "body", "itemBody", "contentType", "content")
	if !ok {
		return err
	}
	kind := "text"
	if err := readEnum(o, "contentType", &kind, []string{"text", "html"}); err != nil {
		return err
	}
	c.body, c.html = "", kind == "html"
	return wire.Read(o, "content", &c.body)
}

var locationNames = []string{"address", "coordinates", "displayName", "locationEmailAddress", "locationType", "locationUri", "uniqueId", "uniqueIdType"}

// readLocation keeps the names of places: the first of them is the location.
func (c *change) readLocation() error {
	var list []json.RawMessage
	if err := wire.Read(c.object, "locations", &list); err != nil {
		return err
	}
	var one json.RawMessage
	if err := wire.Read(c.object, "location", &one); err != nil {
		return err
	}
	if one != nil {
		list = append([]json.RawMessage{one}, list...)
	} else if c.object.Has("location") || c.object.Has("locations") {
		c.location = ""
	}
	for i, raw := range list {
		o, err := wire.ReadObject(raw, "location", locationNames...)
		if err != nil {
			return err
		}
		var name string
		if err := wire.Read(o, "displayName", &name); err != nil {
			return err
		}
		if i == 0 {
			c.location = name
		}
	}
	return nil
}

// readAttendees keeps the answers of those who were invited before.
func (c *change) readAttendees() error {
	var list []json.RawMessage
	if err := wire.Read(c.object, "attendees", &list); err != nil || !c.object.Has("attendees") {
		return err
	}
	before := c.attendees
	c.attendees = nil
	for _, raw := range list {
		a, err := readAttendee(raw, "attendee", "emailAddress", "type", "status", "proposedNewTime")
		if err != nil {
			return err
		}
		same := func(b attendee) bool { return strings.EqualFold(a.Address.Address, b.Address.Address) }
		if i := slices.IndexFunc(before, same); i >= 0 {
			a.response, a.at, a.proposed = before[i].response, before[i].at, before[i].proposed
		}
		if !slices.ContainsFunc(c.attendees, same) {
			c.attendees = append(c.attendees, a)
		}
	}
	if len(c.attendees) > 500 {
		return apierror.BadRequest("ErrorExceededMaxRecipientLimit", "A meeting has at most 500 attendees.")
	}
	return nil
}

func readAttendee(raw []byte, typeName string, names ...string) (attendee, error) {
	a := attendee{kind: "required", response: "none"}
	o, err := wire.ReadObject(raw, typeName, names...)
	if err != nil {
		return a, err
	}
	if err := readEnum(o, "type", &a.kind, []string{"required", "optional", "resource"}); err != nil {
		return a, err
	}
	inner, ok, err := member(o, "emailAddress", "emailAddress", "name", "address")
	if err != nil {
		return a, err
	}
	if ok {
		for name, into := range map[string]*string{"name": &a.Name, "address": &a.Address.Address} {
			if err := wire.Read(inner, name, into); err != nil {
				return a, err
			}
		}
	}
	if parsed, err := mail.ParseAddress(a.Address.Address); err != nil || parsed.Address != a.Address.Address {
		return a, apierror.BadRequest("ErrorInvalidRecipients", "At least one recipient is not valid., Recipient '%s' is not resolved. All recipients must be resolved before a message can be submitted.", a.Address.Address)
	}
	return a, nil
}

func (c *change) readTimes() error {
	for name, into := range map[string]*moment{"start": &c.start, "end": &c.end} {
		o, ok, err := member(c.object, name, "dateTimeTimeZone", "dateTime", "timeZone")
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if *into, err = readMoment(o); err != nil {
			return err
		}
	}
	switch {
	case c.start.IsZero() || c.end.IsZero():
		return failed("An event needs a start and an end.")
	case c.end.Before(c.start.Time):
		return failed("The end of an event is not before its start.")
	case c.allDay && (!midnight(c.start.Time) || !midnight(c.end.Time)):
		return apierror.BadRequest("ErrorInvalidRequest", "Your request can't be completed. The Event.Start and Event.End properties of an all-day event need to be set to midnight.")
	case c.allDay && !c.end.After(c.start.Time):
		return apierror.BadRequest("ErrorInvalidRequest", "Your request can't be completed. The duration of an event marked as all day must be at least 24 hours.")
	case c.allDay && c.start.zone != c.end.zone:
		return apierror.BadRequest("ErrorInvalidRequest", "Your request can't be completed. The start and the end of an all-day event must be in the same time zone.")
	}
	return nil
}

func midnight(t time.Time) bool {
	hour, minute, second := t.Clock()
	return hour == 0 && minute == 0 && second == 0
}

// readMoment reads a dateTimeTimeZone, whose time has no offset.
func readMoment(o wire.Object) (moment, error) {
	var text string
	m := moment{}
	for name, into := range map[string]*string{"dateTime": &text, "timeZone": &m.zone} {
		if err := wire.Read(o, name, into); err != nil {
			return m, err
		}
	}
	loc, err := zone.Find(m.zone)
	if err != nil {
		return m, unknownZone(m.zone)
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04", time.DateOnly} {
		if wall, err := time.Parse(layout, text); err == nil {
			m.Time = zone.Instant(wall, loc).In(loc)
			return m, nil
		}
	}
	return m, failed("'%s' is no date and time of a time zone: it is written 2026-11-25T09:00:00, without an offset.", text)
}

// readRecurrence checks pattern and range; the series begins with its first occurrence.
func (c *change) readRecurrence() error {
	if !c.object.Has("recurrence") {
		return nil
	}
	c.recurrence = nil
	o, ok, err := member(c.object, "recurrence", "patternedRecurrence", "pattern", "range")
	if !ok {
		return err
	}
	r := &recurrence{}
	if err := readPattern(o, &r.Pattern); err != nil {
		return err
	}
	in, ok, err := member(o, "range", "recurrenceRange", "type", "startDate", "endDate", "numberOfOccurrences", "recurrenceTimeZone")
	if err != nil {
		return err
	}
	if !ok {
		return failed("A recurrence needs a range.")
	}
	for name, into := range map[string]*string{"startDate": &r.Start, "endDate": &r.End, "recurrenceTimeZone": &r.zone} {
		if err := wire.Read(in, name, into); err != nil {
			return err
		}
	}
	if err := readEnum(in, "type", &r.Range.Type, []string{"endDate", "noEnd", "numbered"}); err != nil {
		return err
	}
	if err := wire.Read(in, "numberOfOccurrences", &r.Count); err != nil {
		return err
	}
	if r.zone == "" {
		r.zone = c.start.zone
	} else if _, err := zone.Find(r.zone); err != nil {
		return unknownZone(r.zone)
	}
	for _, err := range []error{r.Pattern.Check(), r.Range.Check()} {
		if err != nil {
			return failed("%s.", err)
		}
	}
	if r.Start != c.start.Format(time.DateOnly) {
		return failed("The range of a recurrence begins on %s, the event on %s.", r.Start, c.start.Format(time.DateOnly))
	}
	c.recurrence = r
	return c.begin()
}

// begin puts the series on the first date of its pattern.
func (c *change) begin() error {
	e := &event{details: c.details}
	first := e.starts(c.start.Add(-time.Hour), c.start.AddDate(12, 0, 0))
	if len(first) == 0 {
		return failed("The recurrence has no occurrence.")
	}
	o := e.occurrence(first[0])
	c.start.Time, c.end.Time = o.start.Time, o.end.Time
	return nil
}

func readPattern(o wire.Object, p *recur.Pattern) error {
	in, ok, err := member(o, "pattern", "recurrencePattern", "type", "interval", "daysOfWeek", "dayOfMonth", "month", "index", "firstDayOfWeek")
	if err != nil {
		return err
	}
	if !ok {
		return failed("A recurrence needs a pattern.")
	}
	if err := readEnum(in, "type", &p.Type, []string{"daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly"}); err != nil {
		return err
	}
	if err := readEnum(in, "index", &p.Index, []string{"first", "second", "third", "fourth", "last"}); err != nil {
		return err
	}
	for name, into := range map[string]*int{"interval": &p.Interval, "dayOfMonth": &p.DayOfMonth, "month": &p.Month} {
		if err := wire.Read(in, name, into); err != nil {
			return err
		}
	}
	var days []string
	first := "sunday"
	if err := wire.Read(in, "daysOfWeek", &days); err != nil {
		return err
	}
	if err := wire.Read(in, "firstDayOfWeek", &first); err != nil {
		return err
	}
	for _, name := range append(days, first) {
		d, ok := readDay(name)
		if !ok {
			return apierror.BadRequest("RequestBodyRead", "Requested value '%s' was not found.", name)
		}
		p.Days, p.FirstDay = append(p.Days, d), d
	}
	p.Days = p.Days[:len(days)] // the last one was the first day of the week
	return nil
}

func readDay(name string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), name) {
			return d, true
		}
	}
	return 0, false
}

func (c *change) readFiles() error {
	var list []json.RawMessage
	if err := wire.Read(c.object, "attachments", &list); err != nil {
		return err
	}
	var files []dataset.Attachment
	for _, raw := range list {
		f, err := wire.ReadAttachment(raw)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	if files != nil {
		c.files = files
	}
	return nil
}
