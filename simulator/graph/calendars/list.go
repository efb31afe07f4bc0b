package calendars

import (
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
)

// kinds are what $filter and $orderby know of an event.
var kinds = map[string]odata.Kind{
	"id": odata.ID, "subject": odata.String, "bodyPreview": odata.String, "categories": odata.Strings, "changeKey": odata.ID,
	"createdDateTime": odata.Time, "lastModifiedDateTime": odata.Time, "hasAttachments": odata.Bool, "iCalUId": odata.ID,
	"importance": odata.Enum, "isAllDay": odata.Bool, "isCancelled": odata.Bool, "isDraft": odata.Bool, "isOnlineMeeting": odata.Bool, "isOrganizer": odata.Bool,
	"isReminderOn": odata.Bool, "reminderMinutesBeforeStart": odata.Int, "responseRequested": odata.Bool, "sensitivity": odata.Enum,
	"seriesMasterId": odata.ID, "showAs": odata.Enum, "type": odata.Enum, "transactionId": odata.ID,
	"start/dateTime": odata.String, "end/dateTime": odata.String, "location/displayName": odata.String,
	"organizer/emailAddress/address": odata.String, "organizer/emailAddress/name": odata.String, "responseStatus/response": odata.Enum,
	"start": odata.Complex, "end": odata.Complex, "body": odata.Complex, "attendees": odata.Complex, "location": odata.Complex, "organizer": odata.Complex,
	"recurrence": odata.Complex, "responseStatus": odata.Complex,
}

// values are the properties of an event as filters see them: times are in UTC.
func (c *call) values(e *event) func(path string) any {
	return func(path string) any {
		if c.guarded(e) && (path == "subject" || path == "bodyPreview" || path == "location/displayName") {
			return ""
		}
		start, end := e.span(time.UTC)
		switch path {
		case "createdDateTime":
			return e.created
		case "lastModifiedDateTime":
			return e.modified
		case "start/dateTime":
			return start.Format(c.filterLayout())
		case "end/dateTime":
			return end.Format(c.filterLayout())
		case "location/displayName":
			return e.location
		case "organizer/emailAddress/address":
			return e.organizer.Address
		case "organizer/emailAddress/name":
			return e.organizer.Name
		case "responseStatus/response":
			return e.status()["response"]
		default:
			return c.properties(e)[path]
		}
	}
}

// filterLayout is how the filter writes times: they are compared as text.
func (c *call) filterLayout() string {
	if filter := c.Options.Value("$filter"); strings.Contains(filter, ".0") || filter == "" {
		return zonedLayout
	}
	return "2006-01-02T15:04:05"
}

// page is a list of events: filtered, sorted, cut. An empty order leaves them as they are.
func (c *call) page(context string, events []*event, names []string) (*service.Answer, error) {
	filter, err := c.Options.Filter("event", kinds)
	if err != nil {
		return nil, err
	}
	keys, err := c.Options.OrderBy("event", kinds)
	if err != nil {
		return nil, err
	}
	if filter != nil {
		events = slices.DeleteFunc(slices.Clone(events), func(e *event) bool { return !filter.Match(c.values(e)) })
	}
	if len(keys) > 0 {
		events = slices.Clone(events)
		slices.SortStableFunc(events, func(a, b *event) int { return query.Compare(keys, c.values(a), c.values(b)) })
	}
	a := c.Page(c.OwnerContext(context), len(events), func(i int) any { return c.render(events[i], names) })
	if next, ok := a.Value["@odata.nextLink"].(string); ok {
		a.Value["@odata.nextLink"] = windowNames.Replace(next)
	}
	return c.applied(a), nil
}

// windowNames gives the parameters of a window their names in links.
var windowNames = strings.NewReplacer("startdatetime=", "startDateTime=", "enddatetime=", "endDateTime=")

func (c *call) listEvents() (*service.Answer, error) {
	names, err := c.Options.Selected("event", eventDefault, []string{"cancelledOccurrences"})
	if err != nil {
		return nil, err
	}
	return c.page("/events", c.calendar.events, names)
}

// maxWindow is the longest view, in days.
const maxWindow = 1825

// window reads startDateTime and endDateTime, of which a time without an offset is UTC.
func (c *call) window() (from, to time.Time, err error) {
	for name, into := range map[string]*time.Time{"startdatetime": &from, "enddatetime": &to} {
		given, ok := c.Options.Custom(name)
		if !ok {
			given = c.Options.Value(name) // of a delta
		}
		if *into, err = readInstant(given); err != nil {
			return from, to, apierror.BadRequest("ErrorInvalidParameter", "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.")
		}
	}
	if to.Before(from) {
		return from, to, apierror.BadRequest("ErrorInvalidRequest", "Your request can't be completed. The end of the time window is before its start.")
	}
	if to.Sub(from) > maxWindow*24*time.Hour {
		return from, to, apierror.BadRequest("ErrorInvalidRequest", "Your request can't be completed. The range between the start and end dates is greater than the allowed range. Maximum number of days: %d", maxWindow)
	}
	return from, to, nil
}

func readInstant(given string) (t time.Time, err error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly} {
		if t, err = time.Parse(layout, given); err == nil {
			return t, nil
		}
	}
	return t, err
}

func (c *call) calendarView() (*service.Answer, error) {
	from, to, err := c.window()
	if err != nil {
		return nil, err
	}
	names, err := c.viewNames()
	if err != nil {
		return nil, err
	}
	return c.page("/calendarView", view([]*calendar{c.calendar}, from, to, c.loc), names)
}

// viewNames are the properties to show: a view does not let one choose when its
// events were created and changed.
func (c *call) viewNames() ([]string, error) {
	for _, name := range c.Options.List("$select") {
		if name == "createdDateTime" || name == "lastModifiedDateTime" {
			return nil, apierror.BadRequest("ErrorInvalidUrlQuery", "The query specified in the URI is not valid. The property '%s' cannot be used in the $select query option of a calendar view.", name)
		}
	}
	return c.Options.Selected("event", eventDefault)
}

func (c *call) listInstances() (*service.Answer, error) {
	from, to, err := c.window()
	if err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("event", eventDefault)
	if err != nil {
		return nil, err
	}
	if c.event.recurrence == nil {
		return nil, impossible("The event is no series: only a series has instances.")
	}
	series := &calendar{events: []*event{c.event}}
	return c.page("/events('"+c.event.id+"')/instances", view([]*calendar{series}, from, to, c.loc), names)
}
