package calendars

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// The bounds of getSchedule.
const (
	maxSchedules    = 100
	maxScheduleDays = 62
)

// weight is which of two kinds of being away prevails; the digits are those of
// availabilityView.
var weight = []struct{ showAs, digit string }{{"free", "0"}, {"workingElsewhere", "4"}, {"tentative", "1"}, {"busy", "2"}, {"oof", "3"}}

func rank(showAs string) int {
	for i, w := range weight {
		if w.showAs == showAs {
			return i
		}
	}
	return 0
}

// busy lists what lies in the calendars of a mailbox and is not cancelled.
func (b *box) busy(from, to time.Time) []*event {
	return slices.DeleteFunc(view(b.calendars[:1], from, to, b.loc), func(e *event) bool { return e.cancelled || e.showAs == "unknown" })
}

// availability is how somebody is seen in a time.
func availability(events []*event, from, to time.Time, loc *time.Location) int {
	most := 0
	for _, e := range events {
		if e.overlaps(from, to, loc) {
			most = max(most, rank(e.showAs))
		}
	}
	return most
}

func (c *call) getSchedule() (*service.Answer, error) {
	o, err := wire.ReadAction(c.Body, "getSchedule", "schedules", "startTime", "endTime", "availabilityViewInterval")
	if err != nil {
		return nil, err
	}
	var names []string
	interval := 30
	if err := wire.Read(o, "schedules", &names); err != nil {
		return nil, err
	}
	if err := wire.Read(o, "availabilityViewInterval", &interval); err != nil {
		return nil, err
	}
	var from, to moment
	for name, into := range map[string]*moment{"startTime": &from, "endTime": &to} {
		at, ok, err := member(o, name, "dateTimeTimeZone", "dateTime", "timeZone")
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, apierror.BadRequest("ErrorInvalidParameter", "The parameter '%s' is required.", name)
		}
		if *into, err = readMoment(at); err != nil {
			return nil, err
		}
	}
	switch {
	case len(names) == 0 || len(names) > maxSchedules:
		return nil, apierror.BadRequest("ErrorInvalidParameter", "The parameter 'schedules' names 1 to %d addresses, not %d.", maxSchedules, len(names))
	case interval < 5 || interval > 1440:
		return nil, apierror.BadRequest("ErrorInvalidMergedFreeBusyInterval", "The specified availabilityViewInterval is not valid: it is between 5 and 1440 minutes.")
	case !to.After(from.Time):
		return nil, apierror.BadRequest("ErrorInvalidTimeInterval", "The end of the time window is not after its start.")
	case to.Sub(from.Time) > maxScheduleDays*24*time.Hour:
		return nil, apierror.BadRequest("ErrorTimeIntervalTooBig", "The requested time duration specified for FreeBusy is too long. The allowed limit is %d days.", maxScheduleDays)
	case to.Sub(from.Time) < time.Duration(interval)*time.Minute:
		return nil, apierror.BadRequest("ErrorInvalidMergedFreeBusyInterval", "The time window is shorter than the availabilityViewInterval.")
	}
	value := make([]any, 0, len(names))
	for _, name := range names {
		value = append(value, c.schedule(name, from.Time, to.Time, time.Duration(interval)*time.Minute))
	}
	return c.applied(&service.Answer{Status: http.StatusOK, Value: map[string]any{
		"@odata.context": c.Context("Collection(microsoft.graph.scheduleInformation)"), "value": value,
	}}), nil
}

// schedule is one person's scheduleInformation. What somebody does is shown to
// those who may read their calendar, and private events to nobody else.
func (c *call) schedule(name string, from, to time.Time, interval time.Duration) map[string]any {
	b := c.person(name)
	if b == nil {
		return map[string]any{"scheduleId": name, "availabilityView": "", "scheduleItems": []any{}, "workingHours": nil, "error": map[string]any{
			"message":      "Unable to resolve e-mail address " + name + " to an Active Directory object.",
			"responseCode": "ErrorMailRecipientNotFound",
		}}
	}
	events := b.busy(from, to)
	var digits strings.Builder
	for at := from; at.Before(to); at = at.Add(interval) {
		until := at.Add(interval)
		if until.After(to) {
			until = to
		}
		digits.WriteString(weight[availability(events, at, until, b.loc)].digit)
	}
	readable := b.person.ID == c.Me.ID || c.shared(b.person, c.Me, false)
	items := []any{}
	for _, e := range events {
		start, end := e.span(b.loc)
		item := map[string]any{"status": e.showAs, "start": c.at(start), "end": c.at(end)}
		private := e.private()
		if readable {
			item["isPrivate"] = private
		}
		if readable && (!private || b.person.ID == c.Me.ID || c.seesPrivate(b.person, c.Me)) {
			item["subject"], item["location"] = e.subject, e.location
		}
		items = append(items, item)
	}
	return map[string]any{
		"scheduleId": name, "availabilityView": digits.String(), "scheduleItems": items,
		"workingHours": wire.Settings(b.person, nil, c.Now, []string{"workingHours"})["workingHours"],
	}
}
