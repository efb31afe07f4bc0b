package calendars

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

const (
	zonedLayout = "2006-01-02T15:04:05.0000000"
	stampLayout = "2006-01-02T15:04:05.0000000Z"
	never       = "0001-01-01T00:00:00Z"
)

// eventDefault is what an event shows without $select.
var eventDefault = slices.DeleteFunc(slices.Clone(wire.EventProperties), func(name string) bool { return name == "cancelledOccurrences" })

// at is a dateTimeTimeZone in the zone that was asked for.
func (c *call) at(t time.Time) map[string]any {
	return map[string]any{"dateTime": t.In(c.loc).Format(zonedLayout), "timeZone": c.zone}
}

// guarded reports whether the caller sees of an event only when it is: a
// private one in a calendar of somebody else.
func (c *call) guarded(e *event) bool {
	return e.private() && c.Owner != c.Me && !c.seesPrivate(c.Owner, c.Me)
}

// render is the event with the properties that were asked for.
func (c *call) render(e *event, names []string) map[string]any {
	out := map[string]any{"@odata.etag": e.etag()}
	all := c.properties(e)
	if c.guarded(e) {
		for _, name := range []string{"body", "location", "attendees", "locations", "categories", "organizer"} {
			all[name] = c.properties(&event{owner: e.owner, details: details{html: true}, mine: true})[name]
		}
		all["subject"], all["bodyPreview"], all["onlineMeeting"], all["onlineMeetingUrl"], all["hasAttachments"] = "Private Appointment", "", nil, nil, false
	}
	if !c.Claims.HasAny(slices.Concat(scopesRead, sharedRead)...) { // Calendars.ReadBasic
		delete(all, "body")
		delete(all, "bodyPreview")
	}
	for _, name := range names {
		if value, ok := all[name]; ok {
			out[name] = value
		}
	}
	return out
}

func (c *call) properties(e *event) map[string]any {
	id := e.shownID(c.Prefer.ImmutableID)
	start, end := e.span(c.loc)
	attendees := []any{}
	for _, a := range e.attendees {
		if e.hidden && !e.mine && !e.owner.Named(a.Address.Address) {
			continue
		}
		shown := map[string]any{"type": a.kind, "status": answer(a.response, a.at), "emailAddress": address(a.Address)}
		if a.proposed != nil {
			shown["proposedNewTime"] = map[string]any{"start": c.at(a.proposed.start.Time), "end": c.at(a.proposed.end.Time)}
		}
		attendees = append(attendees, shown)
	}
	all := map[string]any{
		"id": id, "categories": orEmpty(e.categories), "changeKey": e.changeKey(),
		"createdDateTime": e.created.Format(stampLayout), "lastModifiedDateTime": e.modified.Format(stampLayout),
		"allowNewTimeProposals": !e.noProposals, "attendees": attendees, "body": c.body(e), "bodyPreview": preview(e),
		"cancelledOccurrences": e.cancelledOccurrences(id), "start": c.at(start), "end": c.at(end), "hasAttachments": len(e.files) > 0,
		"hideAttendees": e.hidden, "iCalUId": e.uid, "importance": e.importance, "isAllDay": e.allDay, "isCancelled": e.cancelled,
		"isDraft": false, "isOnlineMeeting": e.joinURL != "", "isOrganizer": e.mine, "isReminderOn": !e.silent,
		"location": location(e.location), "locations": locations(e.location), "onlineMeeting": nil, "onlineMeetingProvider": "unknown",
		"onlineMeetingUrl": nil, "organizer": map[string]any{"emailAddress": address(e.organizer)},
		"originalStartTimeZone": e.start.zone, "originalEndTimeZone": e.end.zone, "recurrence": nil,
		"reminderMinutesBeforeStart": e.reminderMinutes, "responseRequested": !e.unanswered, "responseStatus": e.status(),
		"sensitivity": e.sensitivity, "seriesMasterId": nil, "showAs": e.showAs, "subject": e.subject, "transactionId": nil, "type": e.kind(),
		"webLink": c.BaseURL + "/owa/?itemid=" + url.QueryEscape(id) + "&exvsurl=1&path=/calendar/item",
	}
	if e.serial != "" {
		all["transactionId"] = e.serial
	}
	if e.joinURL != "" {
		all["onlineMeeting"], all["onlineMeetingProvider"] = map[string]any{"joinUrl": e.joinURL}, "teamsForBusiness"
	}
	if e.recurrence != nil {
		all["recurrence"] = e.recurrence.json()
	}
	if e.master != nil {
		all["seriesMasterId"] = e.master.shownID(c.Prefer.ImmutableID)
		all["originalStart"] = e.original.UTC().Format(time.RFC3339)
	}
	return all
}

// cancelledOccurrences are shown only where they are named.
func (e *event) cancelledOccurrences(id string) []string {
	out := []string{}
	for date := range e.gaps {
		out = append(out, "OID."+id+"."+date)
	}
	slices.Sort(out)
	return out
}

func (e *event) status() map[string]any {
	if e.mine {
		return answer("organizer", time.Time{})
	}
	return answer(e.response, e.answered)
}

func answer(response string, at time.Time) map[string]any {
	when := never
	if !at.IsZero() {
		when = at.UTC().Format(time.RFC3339)
	}
	return map[string]any{"response": response, "time": when}
}

func address(a dataset.Address) map[string]any {
	name := a.Name
	if name == "" {
		name = a.Address
	}
	return map[string]any{"name": name, "address": a.Address}
}

func location(name string) map[string]any {
	if name == "" {
		return map[string]any{"displayName": "", "locationType": "default", "uniqueIdType": "unknown", "address": map[string]any{}, "coordinates": map[string]any{}}
	}
	return map[string]any{"displayName": name, "locationType": "default", "uniqueId": name, "uniqueIdType": "private"}
}

func locations(name string) []any {
	if name == "" {
		return []any{}
	}
	return []any{location(name)}
}

func (c *call) body(e *event) map[string]any {
	switch {
	case c.Prefer.BodyType == "text" && e.html:
		return map[string]any{"contentType": "text", "content": exchange.TextOfHTML(e.body)}
	case c.Prefer.BodyType == "html" && !e.html:
		return map[string]any{"contentType": "html", "content": exchange.HTMLOfText(e.body)}
	case e.html:
		return map[string]any{"contentType": "html", "content": e.body}
	default:
		return map[string]any{"contentType": "text", "content": e.body}
	}
}

func text(e *event) string {
	if e.html {
		return exchange.TextOfHTML(e.body)
	}
	return e.body
}

// preview is the beginning of the text.
func preview(e *event) string {
	words := []rune(strings.Join(strings.Fields(text(e)), " "))
	return string(words[:min(255, len(words))])
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// json is microsoft.graph.patternedRecurrence.
func (r *recurrence) json() map[string]any {
	pattern := map[string]any{
		"type": r.Pattern.Type, "interval": r.Interval, "month": r.Month, "dayOfMonth": r.DayOfMonth, "index": "first",
		"firstDayOfWeek": weekday(r.FirstDay),
	}
	if r.Index != "" {
		pattern["index"] = r.Index
	}
	if len(r.Days) > 0 {
		var days []string
		for _, d := range r.Days {
			days = append(days, weekday(d))
		}
		pattern["daysOfWeek"] = days
	}
	end := r.End
	if end == "" {
		end = "0001-01-01"
	}
	return map[string]any{"pattern": pattern, "range": map[string]any{
		"type": r.Range.Type, "startDate": r.Start, "endDate": end, "numberOfOccurrences": r.Count, "recurrenceTimeZone": r.zone,
	}}
}

func weekday(d time.Weekday) string { return strings.ToLower(d.String()) }

// answerEvent is one event as an answer.
func (c *call) answerEvent(status int, e *event) (*service.Answer, error) {
	names, err := c.Options.Selected("event", eventDefault, []string{"cancelledOccurrences"})
	if err != nil {
		return nil, err
	}
	value := c.render(e, names)
	value["@odata.context"] = c.OwnerContext("/events") + "/$entity"
	a := &service.Answer{Status: status, Value: value}
	if status == http.StatusCreated {
		a.Header = map[string]string{"Location": c.BaseURL + "/v1.0/users('" + c.Owner.ID + "')/events('" + e.shownID(c.Prefer.ImmutableID) + "')"}
	}
	return c.applied(a), nil
}

func (c *call) getEvent() (*service.Answer, error) { return c.answerEvent(http.StatusOK, c.event) }

// shownFile is an attachment as mail's are shown.
func (c *call) shownFile(f dataset.Attachment, names []string) map[string]any {
	return wire.Attachment(&exchange.Message{Message: dataset.Message{Received: c.event.created}}, f, false, names)
}

func (c *call) listAttachments() (*service.Answer, error) {
	names, err := c.Options.Selected("attachment", wire.AttachmentBase, wire.FileAttachment)
	if err != nil {
		return nil, err
	}
	if !c.Options.Has("$select") {
		names = slices.Concat(wire.AttachmentBase, wire.FileAttachment)
	}
	files := c.files()
	return c.Page(c.OwnerContext("/events('"+c.event.id+"')/attachments"), len(files), func(i int) any { return c.shownFile(files[i], names) }), nil
}

func (c *call) files() []dataset.Attachment {
	if c.guarded(c.event) {
		return nil
	}
	return c.event.files
}

// file is the attachment that the path names.
func (c *call) file() (dataset.Attachment, error) {
	id, files := c.Params["attachment-id"], c.files()
	i := slices.IndexFunc(files, func(f dataset.Attachment) bool { return f.ID == id })
	if i < 0 {
		return dataset.Attachment{}, missing(id)
	}
	return files[i], nil
}

func (c *call) getAttachmentContent() (*service.Answer, error) {
	f, err := c.file()
	if err != nil {
		return nil, err
	}
	if f.Item != nil {
		return nil, apierror.BadRequest("ErrorInvalidRequest", "The simulated tenant has no MIME of attached items.")
	}
	return &service.Answer{Status: http.StatusOK, Raw: f.Content, ContentType: cmp.Or(f.ContentType, "application/octet-stream")}, nil
}

func (c *call) getAttachment() (*service.Answer, error) {
	f, err := c.file()
	if err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("fileAttachment", slices.Concat(wire.AttachmentBase, wire.FileAttachment))
	if err != nil {
		return nil, err
	}
	value := c.shownFile(f, names)
	value["@odata.context"] = c.OwnerContext("/events('"+c.event.id+"')/attachments") + "/$entity"
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}
