package graph

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// event is an appointment. The data set has none; every mailbox gets the same
// few, private ones, so that a test of path injection has something to leak.
type event struct {
	id, subject string
	start       time.Time
	length      time.Duration
}

func (s *Server) events(box *mailbox) []event {
	day := s.opts.Now().UTC().Truncate(24 * time.Hour)
	var out []event
	for i, subject := range []string{"Private: medical appointment", "1:1 about the promotion", "Salary review"} {
		out = append(out, event{
			id: exchangeID("AAMkAG", box.person.ID, "event"+subject, 152), subject: subject,
			start: day.AddDate(0, 0, i+1).Add(10 * time.Hour), length: time.Hour,
		})
	}
	return out
}

func (s *Server) listEvents(c *call) (*answer, error) {
	return s.eventPage(c, "/events", s.events(c.box))
}

func (s *Server) calendarView(c *call) (*answer, error) {
	from, err1 := viewTime(c.opts.custom["startdatetime"])
	to, err2 := viewTime(c.opts.custom["enddatetime"])
	if err1 != nil || err2 != nil {
		return nil, badRequest("ErrorInvalidParameter", "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.")
	}
	events := slices.DeleteFunc(s.events(c.box), func(e event) bool {
		return !e.start.Before(to) || !e.start.Add(e.length).After(from)
	})
	return s.eventPage(c, "/calendarView", events)
}

// viewTime reads a time; without an offset it is UTC.
func viewTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("no date and time: %q", text)
}

// eventPage pages a list of events; $filter and $orderby on events are not
// simulated and refused.
func (s *Server) eventPage(c *call, path string, events []event) (*answer, error) {
	if c.opts.has("$filter") || c.opts.has("$orderby") {
		return nil, badRequest("ErrorInvalidUrlQuery", "The query specified in the URI is not valid. The simulated tenant neither filters nor sorts events.")
	}
	names, err := c.opts.selected("event", eventProperties)
	if err != nil {
		return nil, err
	}
	from, to, next := c.opts.page(len(events))
	items := make([]any, 0, to-from)
	for _, e := range events[from:to] {
		items = append(items, s.renderEvent(c, e, names))
	}
	value := map[string]any{"@odata.context": s.context(c, path), "value": items}
	if next > 0 {
		value["@odata.nextLink"] = s.nextLink(c, next)
	}
	if c.opts.count {
		value["@odata.count"] = len(events)
	}
	return &answer{status: http.StatusOK, value: value}, nil
}

func (s *Server) renderEvent(c *call, e event, names []string) map[string]any {
	me := recipientOf(c.box)
	at := func(t time.Time) map[string]any {
		return map[string]any{"dateTime": t.Format("2006-01-02T15:04:05.0000000"), "timeZone": "UTC"}
	}
	all := map[string]any{
		"id": e.id, "subject": e.subject, "bodyPreview": "", "body": map[string]any{"contentType": "html", "content": ""},
		"start": at(e.start), "end": at(e.start.Add(e.length)), "isAllDay": false, "isCancelled": false, "isOrganizer": true,
		"showAs": "busy", "sensitivity": "private", "type": "singleInstance", "importance": "normal", "categories": []string{},
		"organizer": me, "attendees": []any{}, "location": map[string]any{"displayName": ""}, "locations": []any{},
		"hasAttachments": false, "isDraft": false, "isOnlineMeeting": false, "isReminderOn": true, "reminderMinutesBeforeStart": 15,
		"responseRequested": true, "originalStartTimeZone": "UTC", "originalEndTimeZone": "UTC", "cancelledOccurrences": []string{},
		"responseStatus": map[string]any{"response": "organizer", "time": nil}, "allowNewTimeProposals": true, "hideAttendees": false,
		"onlineMeetingProvider": "unknown", "onlineMeetingUrl": nil, "recurrence": nil, "seriesMasterId": nil, "transactionId": nil,
		"iCalUId": exchangeID("040000008200E00074C5B7101A82E008", c.box.person.ID, e.id, 112),
		"webLink": s.opts.BaseURL + "/owa/?itemid=" + e.id + "&exvsurl=1&path=/calendar/item",
	}
	out := map[string]any{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			out[name] = value
		}
	}
	return out
}

func recipientOf(box *mailbox) map[string]any {
	return map[string]any{"emailAddress": map[string]any{"name": box.person.DisplayName, "address": box.person.Mail}}
}
