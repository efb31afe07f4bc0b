package calendars

import (
	"html"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/service"
)

// fresh are the details of an event of which nothing is said.
func fresh() details {
	return details{html: true, showAs: "busy", sensitivity: "normal", importance: "normal", reminderMinutes: 15}
}

func (c *call) createEvent() (*service.Answer, error) {
	in, err := readEvent(c.Body, fresh())
	if err != nil {
		return nil, err
	}
	if in.serial != "" {
		for _, e := range c.calendar.events {
			if e.serial == in.serial {
				return c.answerEvent(http.StatusCreated, e)
			}
		}
	}
	if in.allDay && !in.object.Has("showAs") {
		in.showAs = "free"
	}
	now := c.Now.UTC().Truncate(time.Second)
	p := c.box.person
	e := &event{
		details: in.details, owner: p, organizer: dataset.Address{Name: p.DisplayName, Address: p.Mail}, mine: true, response: "organizer",
		created: now, modified: now, serial: in.serial, uid: c.newUID(p.ID),
	}
	c.resolve(e)
	if in.online {
		c.goOnline(e)
	}
	c.add(c.calendar, e)
	c.spread(e, nil, true)
	return c.answerEvent(http.StatusCreated, e)
}

// resolve gives attendees the directory's names.
func (w *Workload) resolve(e *event) {
	for i := range e.attendees {
		if b := w.person(e.attendees[i].Address.Address); b != nil {
			e.attendees[i].Name = b.person.DisplayName
		}
	}
}

// goOnline makes the Teams meeting of an event, and writes how to join it below
// the body, as Teams does.
func (w *Workload) goOnline(e *event) {
	if w.meetings == nil || e.joinURL != "" {
		return
	}
	var invited []string
	for _, a := range e.attendees {
		invited = append(invited, a.Address.Address)
	}
	_, e.joinURL = w.meetings.Create(e.owner, e.subject, e.start.Time, e.end.Time, invited)
	e.join(e.joinURL)
}

// join writes the way into the online meeting below the body.
func (e *event) join(joinURL string) {
	e.joinURL = joinURL
	if !e.html {
		e.body, e.html = exchange.HTMLOfText(e.body), true
	}
	blob := joinText(joinURL)
	if at := strings.LastIndex(strings.ToLower(e.body), "</body>"); at >= 0 {
		e.body = e.body[:at] + blob + e.body[at:]
	} else {
		e.body = "<html><body>" + e.body + blob + "</body></html>"
	}
}

func joinText(joinURL string) string {
	line := `<div style="width:100%"><span style="white-space:nowrap; color:#5F5F5F; opacity:.36">` + strings.Repeat("_", 80) + `</span></div>`
	return "<br>\r\n" + line + `<div class="me-email-text" lang="en-US"><div><span>Microsoft Teams meeting</span></div><div><a href="` + html.EscapeString(joinURL) +
		`" id="meet_invite_block.action.join_link">Join the meeting now</a></div></div>` + line
}

func (c *call) checkETag() error {
	if want := c.Request.Header.Get("If-Match"); want != "" && want != "*" && want != c.event.etag() {
		return &apierror.Error{
			Status: http.StatusPreconditionFailed, Code: "ErrorIrresolvableConflict",
			Message: "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.",
		}
	}
	return nil
}

func (c *call) updateEvent() (*service.Answer, error) {
	if err := c.checkETag(); err != nil {
		return nil, err
	}
	e := c.event
	if c.guarded(e) {
		return nil, apierror.AccessDenied()
	}
	in, err := readEvent(c.Body, e.details)
	if err != nil {
		return nil, err
	}
	if e.master != nil && in.recurrence != nil {
		return nil, apierror.BadRequest("ErrorOccurrenceCrossingBoundary", "The recurrence belongs to the series master, not to one of its occurrences.")
	}
	if e.recurrence != nil && in.object.Has("start") && !in.object.Has("recurrence") {
		if err := in.restart(); err != nil {
			return nil, err
		}
	}
	before := e.snapshot()
	retimed := !in.start.Equal(e.start.Time) || !in.end.Equal(e.end.Time) || in.allDay != e.allDay || in.object.Has("recurrence")
	if retimed {
		c.box.gone = append(c.box.gone, removal{c.next(), before})
	}
	e.details = in.details
	if retimed && e.master == nil {
		e.exceptions, e.gaps = nil, nil
	}
	for i, f := range e.files {
		if f.ID == "" {
			e.files[i].ID = c.newID(e.owner, "attachment", 192)
		}
	}
	c.resolve(e)
	if e.joinURL != "" && !strings.Contains(e.body, html.EscapeString(e.joinURL)) && !strings.Contains(e.body, e.joinURL) { // who removes the text of the meeting ends it
		e.joinURL = ""
	}
	if in.online {
		c.goOnline(e)
	}
	c.touch(e, c.Now)
	if e.mine && (retimed || told(before, e)) {
		c.spread(e, before.attendees, retimed)
	}
	c.inherit(e, before)
	return c.answerEvent(http.StatusOK, e)
}

// restart moves the range of a series to its new beginning.
func (c *change) restart() error {
	c.recurrence.Start = c.start.Format(time.DateOnly)
	if err := c.recurrence.Range.Check(); err != nil {
		return failed("%s.", err)
	}
	return c.begin()
}

// told reports whether the attendees are told of a change: what is the
// organizer's own, such as categories, they are not.
func told(before, after *event) bool {
	return before.subject != after.subject || before.body != after.body || before.location != after.location || before.joinURL != after.joinURL ||
		before.importance != after.importance || !slices.EqualFunc(before.attendees, after.attendees, func(a, b attendee) bool {
		return strings.EqualFold(a.Address.Address, b.Address.Address) && a.kind == b.kind
	})
}

// inherit gives the exceptions of a series what has changed of it and what they
// had not changed themselves.
func (w *Workload) inherit(series, before *event) {
	for _, x := range series.exceptions {
		if x.subject == before.subject {
			x.subject = series.subject
		}
		if x.body == before.body {
			x.body, x.html = series.body, series.html
		}
		if x.location == before.location {
			x.location = series.location
		}
		x.change, x.version = w.next(), x.version+1
	}
}

func (c *call) deleteEvent() (*service.Answer, error) {
	if err := c.checkETag(); err != nil {
		return nil, err
	}
	if c.guarded(c.event) {
		return nil, apierror.AccessDenied()
	}
	if c.event.mine {
		c.callOff(c.event, "", c.Now)
	}
	c.remove(c.event, c.Now)
	return &service.Answer{Status: http.StatusNoContent}, nil
}
