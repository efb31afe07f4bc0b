package calendar_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"m365mcp/dlp"
	"m365mcp/identity"
	"m365mcp/tool"
	"m365mcp/tool/calendar"
	"m365mcp/tool/tooltest"
)

type check = func(tooltest.Reporter, *tooltest.Harness, tooltest.Result)

func has(parts ...string) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, parts...)
	}
}

type event struct {
	ID, Subject, Start, End, Location, Organizer, Response, ShowAs, JoinURL, Repeats string
	Online, Recurring, AllDay, Cancelled                                             bool
	Attendees                                                                        []string
}

type listed struct {
	Events   []event
	TimeZone string
	Cursor   string
}

// read decodes a result, and leaves out empty what failed.
func read[T any](res tooltest.Result) (out T) {
	if res.Output != nil {
		_ = json.Unmarshal(res.Output.Structured, &out)
	}
	return out
}

// created makes an event as ada and returns the arguments of a call about it.
func created(args, more string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		e := read[struct{ ID string }](h.As("ada").Optional().Call("createCalendarEvent", args))
		return fmt.Sprintf(`{"id":%q%s}`, e.ID, more)
	}
}

// invited makes an event as bruno with ada among the guests, and returns the
// arguments of ada's call about her copy.
func invited(more string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		h.As("bruno").Call("createCalendarEvent", `{"subject":"Berth plan","start":"2026-12-02T10:00","end":"2026-12-02T11:00","attendees":"ada@tideline.example"}`)
		for _, e := range read[listed](h.As("ada").Call("getCalendarEvents", `{"start":"2026-12-02","end":"2026-12-02"}`)).Events {
			if e.Subject == "Berth plan" {
				return fmt.Sprintf(`{"id":%q%s}`, e.ID, more)
			}
		}
		return "{}"
	}
}

// boardReview are the arguments of a call about an event with a file.
func boardReview(more string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		for _, e := range read[listed](h.Call("getCalendarEvents", `{"days":14,"count":100}`)).Events {
			if e.Subject == "Board review" {
				return fmt.Sprintf(`{"id":%q%s}`, e.ID, more)
			}
		}
		return "{}"
	}
}

// spool keeps the files of one call.
type spool struct{}

// withSpool also has files read: as text whatever they are.
func withSpool(o *tooltest.Options) {
	o.Uploads, o.Documents = spool{}, spool{}
	o.DLP = dlp.New(dlp.Detector{Name: "pdf", Match: func(text string) bool { return strings.HasPrefix(text, "%PDF-") }})
}

// Text implements tool.Documents.
func (spool) Text(_ context.Context, _ identity.Principal, _, _ string, content []byte) (tool.Document, error) {
	return tool.Document{Text: string(content)}, nil
}

// Find implements tool.Uploads.
func (spool) Find(context.Context, identity.Principal, string) (tool.Source, error) {
	return nil, errors.ErrUnsupported
}

// Store implements tool.Uploads.
func (spool) Store(_ context.Context, _ identity.Principal, name, contentType string, r io.Reader) (tool.Source, error) {
	content, err := io.ReadAll(r)
	return stored{bytes.NewReader(content), name, contentType}, err
}

type stored struct {
	*bytes.Reader

	name, contentType string
}

func (s stored) Name() string        { return s.name }
func (s stored) ContentType() string { return s.contentType }
func (s stored) Digest() string      { return fmt.Sprint(s.Size()) }
func (s stored) Close() error        { return nil }

const meeting = `{"subject":"Hull review","start":"2026-12-01T14:00","end":"2026-12-01T15:00","attendees":["bruno@tideline.example","chen@tideline.example"],` +
	`"optionalAttendees":"rui@porto-customs.example","body":"Bring the drawings","location":"Dock 4"}`

// day wants the events of a day to look like this afterwards.
func day(of, person string, ok func([]event) bool) check {
	return func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		if res.Err != nil {
			t.Errorf("failed: %v", res.Err)
			return
		}
		after := h.As(person).Optional().Call("getCalendarEvents", fmt.Sprintf(`{"start":%q,"end":%q,"fields":["attendees","joinUrl","reminder","series","categories","sensitivity","importance","preview"]}`, of, of))
		if !ok(read[listed](after).Events) {
			t.Errorf("%s's day is %v", person, after)
		}
	}
}

func one(subject string, ok func(event) bool) func([]event) bool {
	return func(events []event) bool {
		for _, e := range events {
			if e.Subject == subject {
				return ok(e)
			}
		}
		return false
	}
}

var suite = tooltest.Suite{Tools: calendar.Tools(), Cases: []tooltest.Case{
	{Tool: "getCalendarEvents", Name: "the next week, in the mailbox's zone", As: "ada", Optional: true, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		l, last := read[listed](res), ""
		for _, e := range l.Events {
			if !e.AllDay && e.Start < last {
				t.Errorf("%s comes before %s", last, e.Start)
			}
			if !e.AllDay {
				last = e.Start
			}
		}
		if len(l.Events) < 5 || l.TimeZone != "Europe/Berlin" || !strings.Contains(last, "+01:00") {
			t.Errorf("not a week of events: %v", res)
		}
	}},
	{Tool: "getCalendarEvents", Name: "one day", As: "ada", Args: `{"days":1}`, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		if n := len(read[listed](res).Events); n >= len(read[listed](h.As("ada").Call("getCalendarEvents", `{"count":100}`)).Events) {
			t.Errorf("a day has %d events, no fewer than a week", n)
		}
	}},
	{Tool: "getCalendarEvents", Name: "from a day to another", As: "ada", Args: `{"start":"2026-11-24","end":"2026-11-24"}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		l := read[listed](res)
		for _, e := range l.Events {
			if !strings.HasPrefix(e.Start, "2026-11-24") && !e.AllDay {
				t.Errorf("%s is not on that day", e.Start)
			}
		}
		if len(l.Events) == 0 {
			t.Errorf("no event on a working day: %v", res)
		}
	}},
	{Tool: "getCalendarEvents", Name: "another zone", As: "ada", Args: `{"timeZone":"Asia/Tokyo","count":3}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		l := read[listed](res)
		if l.TimeZone != "Asia/Tokyo" || len(l.Events) != 3 || l.Cursor == "" {
			t.Errorf("not three events in Tokyo: %v", res)
		}
	}},
	{Tool: "getCalendarEvents", Name: "more of each", As: "ada", Args: `{"fields":["attendees","preview"],"days":14}`, Check: has(`"attendees":["`, `"preview":"`)},
	{Tool: "getCalendarEvents", Name: "one calendar", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		l := read[struct{ Calendars []struct{ ID string } }](h.As("ada").Call("listCalendars", `{}`))
		return fmt.Sprintf(`{"calendarId":%q}`, l.Calendars[len(l.Calendars)-1].ID)
	}, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if len(res.Sent("GET /me/calendars/{calendar-id}/calendarView")) != 1 {
			t.Errorf("sent %v", res.Requests)
		}
	}},
	{Tool: "getCalendarEvents", Name: "the second page", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return fmt.Sprintf(`{"count":2,"start":"2026-11-23","cursor":%q}`, read[listed](h.As("ada").Call("getCalendarEvents", `{"count":2,"start":"2026-11-23"}`)).Cursor)
	}, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		first := read[listed](h.As("ada").Call("getCalendarEvents", `{"count":2,"start":"2026-11-23"}`))
		if l := read[listed](res); len(l.Events) != 2 || l.Events[0].ID == first.Events[0].ID {
			t.Errorf("not the second page: %v", res)
		}
	}},
	{Tool: "getCalendarEvents", Name: "a shared calendar", As: "bruno", Shared: true, Args: `{"mailbox":"ada@tideline.example"}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if len(res.Sent("GET /users/{user-id}/calendarView")) != 1 || len(read[listed](res).Events) == 0 {
			t.Errorf("not Ada's events: %v", res)
		}
	}},
	{Tool: "getCalendarEvents", Name: "a calendar that is not shared", As: "chen", Shared: true, Args: `{"mailbox":"freya@tideline.example"}`, Err: tool.CodeForbidden},
	{Tool: "getCalendarEvents", Name: "no time", As: "ada", Args: `{"start":"tomorrow"}`, Err: tool.CodeInvalidArguments, Field: "start"},
	{Tool: "getCalendarEvents", Name: "backwards", As: "ada", Args: `{"start":"2026-12-02","end":"2026-12-01"}`, Err: tool.CodeInvalidArguments, Field: "end"},
	{Tool: "getCalendarEvents", Name: "no zone", As: "ada", Args: `{"timeZone":"Mars/Olympus"}`, Err: tool.CodeInvalidArguments, Field: "timeZone"},
	{Tool: "getCalendarEvents", Name: "no address", As: "ada", Args: `{"mailbox":"../me"}`, Err: tool.CodeInvalidArguments, Field: "mailbox"},

	{
		Tool: "getCalendarEvent", Name: "in full", As: "ada", Optional: true, ArgsOf: created(meeting, ``),
		Check: has(`"subject":"Hull review"`, `"start":"2026-12-01T14:00+01:00"`, `"location":"Dock 4"`, `rui@porto-customs.example (optional)`, "Bring the drawings"),
	},
	{Tool: "getCalendarEvent", Name: "in another zone", As: "ada", Optional: true, ArgsOf: created(meeting, `,"timeZone":"Asia/Tokyo"`), Check: has(`"start":"2026-12-01T22:00+09:00"`)},
	{Tool: "getCalendarEvent", Name: "a long text in pages", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		args := created(`{"subject":"Long","start":"2026-12-01T14:00","end":"2026-12-01T15:00","body":"The beginning. `+strings.Repeat("A sentence of the agenda. ", 60)+`"}`, `,"maxChars":200`)(h)
		first := read[struct{ Cursor string }](h.As("ada").Call("getCalendarEvent", args))
		return strings.TrimSuffix(args, "}") + fmt.Sprintf(`,"cursor":%q}`, first.Cursor)
	}, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		got := read[struct{ Body, Cursor string }](res)
		if len(got.Body) > 200 || len(got.Body) < 50 || got.Cursor == "" || strings.Contains(got.Body, "beginning") {
			t.Errorf("not the second of several pages: %v", res)
		}
	}},
	{Tool: "getCalendarEvent", Name: "of a shared calendar", As: "bruno", Shared: true, ArgsOf: func(h *tooltest.Harness) string {
		l := read[listed](h.As("bruno").Shared().Call("getCalendarEvents", `{"mailbox":"ada@tideline.example"}`))
		return fmt.Sprintf(`{"id":%q,"mailbox":"ada@tideline.example"}`, l.Events[0].ID)
	}, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if len(res.Sent("GET /users/{user-id}/events/{event-id}")) != 1 {
			t.Errorf("sent %v", res.Requests)
		}
	}},
	{Tool: "getCalendarEvent", Name: "with a file", As: "ada", ArgsOf: boardReview(``), Check: has(`"attachments":[{"id":"at_`, `"name":"Board-agenda.pdf","size":`)},
	{Tool: "getCalendarEvent", Name: "gone", As: "ada", Args: `{"id":"AAMkAGUAAAwTW09AAA=AAMkAGUAAAwTW09AAA=AAMkAGUAAAwTW09AAA="}`, Fails: map[string]int{"GET /me/events/{event-id}": 404}, Err: tool.CodeNotFound},
	{Tool: "getCalendarEvent", Name: "no id", As: "ada", Args: `{"id":"ev_zzz"}`, Err: tool.CodeInvalidArguments, Field: "id"},
	{Tool: "getCalendarEvent", Name: "no cursor", As: "ada", ArgsOf: created(meeting, `,"cursor":"x"`), Err: tool.CodeInvalidArguments, Field: "cursor"},

	{Tool: "listCalendars", Name: "one's own", As: "ada", Check: has(`"default":true`, `"canEdit":true`, `"id":"ca_`)},
	{Tool: "listCalendars", Name: "of somebody who shares", As: "bruno", Shared: true, Args: `{"mailbox":"ada@tideline.example"}`, Check: has(`ada@tideline.example`)},
	{Tool: "listCalendars", Name: "no address", As: "ada", Args: `{"mailbox":"ada"}`, Err: tool.CodeInvalidArguments, Field: "mailbox"},
	{Tool: "listCalendars", Name: "Graph refuses", As: "ada", Fails: map[string]int{"GET /me/calendars": 403}, Err: tool.CodeForbidden},

	{Tool: "createCalendarEvent", Name: "a meeting", As: "ada", Optional: true, Args: meeting, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, `"id":"ev_`, `"start":"2026-12-01T14:00+01:00"`, `"invited":["bruno@tideline.example","chen@tideline.example","rui@porto-customs.example"]`)
		day("2026-12-01", "bruno", one("Hull review", func(e event) bool { return e.Location == "Dock 4" && strings.Contains(e.Organizer, "ada@") }))(t, h, res)
		full := h.As("ada").Call("getCalendarEvent", fmt.Sprintf(`{"id":%q}`, read[event](res).ID))
		tooltest.Contains(t, full, "Bring the drawings")
	}},
	{
		Tool: "createCalendarEvent", Name: "online, with a reminder, private, free", As: "ada",
		Args: `{"subject":"Focus","start":"2026-12-03T09:00","end":"2026-12-03T10:00","timeZone":"Asia/Tokyo","isOnlineMeeting":true,"reminderMinutes":30,"private":true,"showFree":true}`,
		Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
			tooltest.Contains(t, res, `"start":"2026-12-03T09:00+09:00"`, `"joinUrl":"https://`)
			after := h.As("ada").Call("getCalendarEvents", `{"start":"2026-12-03","end":"2026-12-03","timeZone":"Asia/Tokyo","fields":["reminder","sensitivity"]}`)
			tooltest.Contains(t, after, `"reminderMinutes":30`, `"sensitivity":"private"`, `"showAs":"free"`)
		},
	},
	{
		Tool: "createCalendarEvent", Name: "all day", As: "ada", Optional: true, Args: `{"subject":"Dock open day","start":"2026-12-05","end":"2026-12-05","allDay":true}`,
		Check: day("2026-12-05", "ada", one("Dock open day", func(e event) bool { return e.AllDay && e.Start == "2026-12-05" })),
	},
	{
		Tool: "createCalendarEvent", Name: "every second week on two days", As: "ada", Optional: true,
		Args: `{"subject":"Stand-up","start":"2026-12-07T09:00","end":"2026-12-07T09:15","repeat":"weekly","repeatEvery":2,"repeatOn":["monday","wednesday"],"repeatUntil":"2026-12-31"}`,
		Check: func(t tooltest.Reporter, h *tooltest.Harness, _ tooltest.Result) {
			var days []string
			for _, e := range read[listed](h.As("ada").Optional().Call("getCalendarEvents", `{"start":"2026-12-07","end":"2027-01-15","count":100}`)).Events {
				if e.Subject == "Stand-up" {
					days = append(days, e.Start[:10])
				}
			}
			if got := strings.Join(days, " "); got != "2026-12-07 2026-12-09 2026-12-21 2026-12-23" {
				t.Errorf("it takes place on %s", got)
			}
		},
	},
	{Tool: "createCalendarEvent", Name: "in another calendar", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		l := read[struct{ Calendars []struct{ ID string } }](h.As("ada").Call("listCalendars", `{}`))
		return fmt.Sprintf(`{"subject":"x","start":"2026-12-01T14:00","end":"2026-12-01T15:00","calendarId":%q}`, l.Calendars[0].ID)
	}, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if len(res.Sent("POST /me/calendars/{calendar-id}/events")) != 1 {
			t.Errorf("sent %v", res.Requests)
		}
	}},
	{
		Tool: "createCalendarEvent", Name: "for somebody", As: "ada", Shared: true, Args: `{"subject":"x","start":"2026-12-01T14:00","end":"2026-12-01T15:00","mailbox":"gauri@tideline.example"}`,
		Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			if len(res.Sent("POST /users/{user-id}/events")) != 1 {
				t.Errorf("sent %v", res.Requests)
			}
		},
	},
	{Tool: "createCalendarEvent", Name: "ends before it starts", As: "ada", Args: `{"subject":"x","start":"2026-12-01T14:00","end":"2026-12-01T13:00"}`, Err: tool.CodeInvalidArguments, Field: "end"},
	{Tool: "createCalendarEvent", Name: "an hour that clocks leave out", As: "ada", Args: `{"subject":"x","start":"2027-03-28T02:30","end":"2027-03-28T03:30","timeZone":"Europe/Berlin"}`, Err: tool.CodeInvalidArguments, Field: "start"},
	{Tool: "createCalendarEvent", Name: "no address", As: "ada", Args: `{"subject":"x","start":"2026-12-01T14:00","end":"2026-12-01T15:00","attendees":"Bruno"}`, Err: tool.CodeInvalidArguments, Field: "attendees"},
	{Tool: "createCalendarEvent", Name: "a subject of two lines", As: "ada", Args: `{"subject":"x\ny","start":"2026-12-01T14:00","end":"2026-12-01T15:00"}`, Err: tool.CodeInvalidArguments, Field: "subject"},
	{Tool: "createCalendarEvent", Name: "how often is missing", As: "ada", Args: `{"subject":"x","start":"2026-12-01T14:00","end":"2026-12-01T15:00","repeatUntil":"2026-12-31"}`, Err: tool.CodeInvalidArguments, Field: "repeat"},
	{Tool: "createCalendarEvent", Name: "Graph refuses", As: "ada", Args: meeting, Fails: map[string]int{"POST /me/events": 403}, Err: tool.CodeForbidden},

	{
		Tool: "updateCalendarEvent", Name: "a later time keeps the length", As: "ada", Optional: true, ArgsOf: created(meeting, `,"start":"2026-12-01T16:30"`),
		Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
			tooltest.Contains(t, res, `"start":"2026-12-01T16:30+01:00","end":"2026-12-01T17:30+01:00"`, `"changed":["start"]`)
			day("2026-12-01", "bruno", one("Hull review", func(e event) bool { return strings.Contains(e.Start, "16:30") || strings.Contains(e.Start, "15:30") }))(t, h, res)
		},
	},
	{
		Tool: "updateCalendarEvent", Name: "everything else", As: "ada",
		ArgsOf: created(meeting, `,"subject":"Hull review 2","end":"2026-12-01T18:00","addAttendees":"dalia@tideline.example","removeAttendees":"chen@tideline.example","body":"New text","location":"Dock 5","isOnlineMeeting":true,"reminderMinutes":5,"timeZone":"Europe/Berlin"`),
		Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
			tooltest.Contains(t, res, `"subject":"Hull review 2"`, `T18:00+01:00"`, `"joinUrl":"https://`)
			id := read[event](res).ID
			after := h.As("ada").Call("getCalendarEvent", fmt.Sprintf(`{"id":%q}`, id))
			tooltest.Contains(t, after, "dalia@tideline.example", "New text", `"location":"Dock 5"`, `"reminderMinutes":5`)
			if after.Output != nil && strings.Contains(string(after.Output.Structured), "chen@") {
				t.Errorf("chen is still invited: %v", after)
			}
		},
	},
	{Tool: "updateCalendarEvent", Name: "the whole series", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		h.As("ada").Call("createCalendarEvent", `{"subject":"Weekly","start":"2026-12-07T09:00","end":"2026-12-07T09:15","repeat":"weekly"}`)
		for _, e := range read[listed](h.As("ada").Call("getCalendarEvents", `{"start":"2026-12-14","end":"2026-12-14"}`)).Events {
			if e.Subject == "Weekly" {
				return fmt.Sprintf(`{"id":%q,"series":true,"location":"Quay"}`, e.ID)
			}
		}
		return "{}"
	}, Check: day("2026-12-21", "ada", one("Weekly", func(e event) bool { return e.Location == "Quay" }))},
	{Tool: "updateCalendarEvent", Name: "for somebody", As: "ada", Shared: true, ArgsOf: func(h *tooltest.Harness) string {
		e := read[struct{ ID string }](h.As("ada").Shared().Call("createCalendarEvent", `{"subject":"x","start":"2026-12-01T14:00","end":"2026-12-01T15:00","mailbox":"gauri@tideline.example"}`))
		return fmt.Sprintf(`{"id":%q,"mailbox":"gauri@tideline.example","subject":"y"}`, e.ID)
	}, Check: has(`"subject":"y"`)},
	{Tool: "updateCalendarEvent", Name: "who is added gets the file", As: "freya", Setup: withSpool, ArgsOf: boardReview(`,"addAttendees":"guest@partner.example"`), Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, `"guest@partner.example"`)
		if len(res.Intents[0].Findings) != 1 || len(res.Sent("GET /me/events/{event-id}/attachments/{attachment-id}/$value")) != 1 {
			t.Errorf("the file was not read before it left: %v, %v", res.Intents[0].Findings, res.Requests)
		}
	}},
	{Tool: "updateCalendarEvent", Name: "nothing to change", As: "ada", ArgsOf: created(meeting, ``), Err: tool.CodeInvalidArguments, Field: "id"},
	{Tool: "updateCalendarEvent", Name: "the time of somebody else's meeting", As: "ada", ArgsOf: invited(`,"start":"2026-12-02T12:00"`), Err: tool.CodeInvalidArguments, Field: "id"},
	{Tool: "updateCalendarEvent", Name: "who is not invited", As: "ada", ArgsOf: created(meeting, `,"removeAttendees":"freya@tideline.example"`), Err: tool.CodeInvalidArguments, Field: "removeAttendees"},
	{Tool: "updateCalendarEvent", Name: "changed by somebody", As: "ada", ArgsOf: created(meeting, `,"subject":"y"`), Fails: map[string]int{"PATCH /me/events/{event-id}": 412}, Err: tool.CodeChanged},

	{Tool: "cancelCalendarEvent", Name: "a meeting", As: "ada", ArgsOf: created(meeting, `,"comment":"Storm warning"`), Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, `"cancelled":true`, `bruno@tideline.example`)
		if sent := res.Sent("POST /me/events/{event-id}/cancel"); len(sent) != 1 || !strings.Contains(string(sent[0].Body), "Storm warning") {
			t.Errorf("sent %v", res.Requests)
		}
	}},
	{
		Tool: "cancelCalendarEvent", Name: "an appointment", As: "ada", ArgsOf: created(`{"subject":"Dentist","start":"2026-12-01T14:00","end":"2026-12-01T15:00"}`, ``),
		Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			if len(res.Sent("DELETE /me/events/{event-id}")) != 1 {
				t.Errorf("sent %v", res.Requests)
			}
		},
	},
	{Tool: "cancelCalendarEvent", Name: "the whole series", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		h.As("ada").Call("createCalendarEvent", `{"subject":"Weekly","start":"2026-12-07T09:00","end":"2026-12-07T09:15","repeat":"weekly"}`)
		for _, e := range read[listed](h.As("ada").Call("getCalendarEvents", `{"start":"2026-12-14","end":"2026-12-14"}`)).Events {
			if e.Subject == "Weekly" {
				return fmt.Sprintf(`{"id":%q,"series":true}`, e.ID)
			}
		}
		return "{}"
	}, Check: day("2026-12-21", "ada", func(events []event) bool { return !one("Weekly", func(event) bool { return true })(events) })},
	{Tool: "cancelCalendarEvent", Name: "for somebody", As: "ada", Shared: true, ArgsOf: func(h *tooltest.Harness) string {
		e := read[struct{ ID string }](h.As("ada").Shared().Call("createCalendarEvent", `{"subject":"x","start":"2026-12-01T14:00","end":"2026-12-01T15:00","mailbox":"gauri@tideline.example"}`))
		return fmt.Sprintf(`{"id":%q,"mailbox":"gauri@tideline.example"}`, e.ID)
	}, Check: has(`"cancelled":true`)},
	{Tool: "cancelCalendarEvent", Name: "somebody else's meeting", As: "ada", ArgsOf: invited(``), Err: tool.CodeInvalidArguments, Field: "id"},
	{Tool: "cancelCalendarEvent", Name: "Graph refuses", As: "ada", ArgsOf: created(meeting, ``), Fails: map[string]int{"POST /me/events/{event-id}/cancel": 403}, Err: tool.CodeForbidden},

	{Tool: "respondToEvent", Name: "declines with a comment", As: "ada", ArgsOf: invited(`,"response":"decline","comment":"At sea"`), Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, `"told":"bruno@tideline.example"`)
		if sent := res.Sent("POST /me/events/{event-id}/decline"); len(sent) != 1 || !strings.Contains(string(sent[0].Body), "At sea") {
			t.Errorf("sent %v", res.Requests)
		}
	}},
	{Tool: "respondToEvent", Name: "accepts quietly", As: "ada", ArgsOf: invited(`,"response":"accept","sendResponse":false`), Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		if sent := res.Sent("POST /me/events/{event-id}/accept"); len(sent) != 1 || !strings.Contains(string(sent[0].Body), `"sendResponse":false`) {
			t.Errorf("sent %v", res.Requests)
		}
		day("2026-12-02", "ada", one("Berth plan", func(e event) bool { return e.Response == "accepted" }))(t, h, res)
	}},
	{Tool: "respondToEvent", Name: "perhaps, for the whole series", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		h.As("bruno").Call("createCalendarEvent", `{"subject":"Sales weekly","start":"2026-12-07T09:00","end":"2026-12-07T09:15","repeat":"weekly","attendees":"ada@tideline.example"}`)
		for _, e := range read[listed](h.As("ada").Call("getCalendarEvents", `{"start":"2026-12-14","end":"2026-12-14"}`)).Events {
			if e.Subject == "Sales weekly" {
				return fmt.Sprintf(`{"id":%q,"response":"tentative","series":true}`, e.ID)
			}
		}
		return "{}"
	}, Check: day("2026-12-21", "ada", one("Sales weekly", func(e event) bool { return e.Response == "tentativelyAccepted" }))},
	{Tool: "respondToEvent", Name: "proposes another time", As: "ada", Optional: true, ArgsOf: invited(`,"response":"tentative","newStart":"2026-12-03T17:00","newEnd":"2026-12-03T17:30","timeZone":"Asia/Tokyo"`), Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, `"proposed":"2026-12-03 17:00–17:30 (Asia/Tokyo)"`)
		day("2026-12-02", "bruno", one("Berth plan", func(e event) bool {
			return strings.Contains(strings.Join(e.Attendees, " "), "proposes 2026-12-03 08:00–08:30")
		}))(t, h, res)
	}},
	{Tool: "respondToEvent", Name: "declines for a later start of the same length", As: "ada", Optional: true, ArgsOf: invited(`,"response":"decline","newStart":"2026-12-03T09:00"`), Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, `"proposed":"2026-12-03 09:00–10:00 (Europe/Berlin)"`)
		if sent := res.Sent("POST /me/events/{event-id}/decline"); len(sent) != 1 || !strings.Contains(string(sent[0].Body), `"timeZone":"W. Europe Standard Time"`) {
			t.Errorf("sent %s", sent[0].Body)
		}
	}},
	{Tool: "respondToEvent", Name: "a time for whom accepts", As: "ada", ArgsOf: invited(`,"response":"accept","newStart":"2026-12-03T09:00"`), Err: tool.CodeInvalidArguments, Field: "newStart"},
	{Tool: "respondToEvent", Name: "a time that nobody is told", As: "ada", ArgsOf: invited(`,"response":"decline","sendResponse":false,"newStart":"2026-12-03T09:00"`), Err: tool.CodeInvalidArguments, Field: "newStart"},
	{Tool: "respondToEvent", Name: "a time for a whole series", As: "ada", ArgsOf: invited(`,"response":"decline","series":true,"newStart":"2026-12-03T09:00"`), Err: tool.CodeInvalidArguments, Field: "newStart"},
	{Tool: "respondToEvent", Name: "an end alone", As: "ada", ArgsOf: invited(`,"response":"decline","newEnd":"2026-12-03T09:00"`), Err: tool.CodeInvalidArguments, Field: "newStart"},
	{Tool: "respondToEvent", Name: "an end before the start", As: "ada", ArgsOf: invited(`,"response":"decline","newStart":"2026-12-03T09:00","newEnd":"2026-12-03T08:00"`), Err: tool.CodeInvalidArguments, Field: "newEnd"},
	{Tool: "respondToEvent", Name: "no time", As: "ada", ArgsOf: invited(`,"response":"decline","newStart":"soon"`), Err: tool.CodeInvalidArguments, Field: "newStart"},
	{Tool: "respondToEvent", Name: "forwards it", As: "ada", ArgsOf: invited(`,"response":"forward","to":["chen@tideline.example","guest@partner.example"],"comment":"Go in my place"`), Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, `"forwardedTo":["chen@tideline.example","guest@partner.example"]`)
		if sent := res.Sent("POST /me/events/{event-id}/forward"); len(sent) != 1 || !strings.Contains(string(sent[0].Body), "Go in my place") {
			t.Errorf("sent %v", res.Requests)
		}
		if got := strings.Join(res.Intents[0].Recipients, " "); got != "chen@tideline.example guest@partner.example" {
			t.Errorf("the audit has the recipients %s", got)
		}
		day("2026-12-02", "chen", one("Berth plan", func(e event) bool { return strings.Contains(e.Organizer, "bruno@") }))(t, h, res)
	}},
	{Tool: "respondToEvent", Name: "forwards one's own", As: "ada", ArgsOf: created(meeting, `,"response":"forward","to":"emeka@tideline.example"`), Check: day("2026-12-01", "emeka", one("Hull review", func(event) bool { return true }))},
	{Tool: "respondToEvent", Name: "forwards it with its file", As: "ada", Setup: withSpool, ArgsOf: boardReview(`,"response":"forward","to":"chen@tideline.example"`), Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, `"forwardedTo":["chen@tideline.example"]`)
		if len(res.Intents[0].Findings) != 1 || len(res.Sent("GET /me/events/{event-id}/attachments/{attachment-id}/$value")) != 1 {
			t.Errorf("the file was not read before it left: %v, %v", res.Intents[0].Findings, res.Requests)
		}
	}},
	{Tool: "respondToEvent", Name: "forwards to nobody", As: "ada", ArgsOf: invited(`,"response":"forward"`), Err: tool.CodeInvalidArguments, Field: "to"},
	{Tool: "respondToEvent", Name: "forwards to no address", As: "ada", ArgsOf: invited(`,"response":"forward","to":"Chen"`), Err: tool.CodeInvalidArguments, Field: "to"},
	{Tool: "respondToEvent", Name: "accepts, and to whom", As: "ada", ArgsOf: invited(`,"response":"accept","to":"chen@tideline.example"`), Err: tool.CodeInvalidArguments, Field: "to"},
	{Tool: "respondToEvent", Name: "Graph refuses to forward", As: "ada", ArgsOf: invited(`,"response":"forward","to":"chen@tideline.example"`), Fails: map[string]int{"POST /me/events/{event-id}/forward": 403}, Err: tool.CodeForbidden},
	{Tool: "respondToEvent", Name: "one's own meeting", As: "ada", ArgsOf: created(meeting, `,"response":"accept"`), Err: tool.CodeInvalidArguments, Field: "id"},
	{Tool: "respondToEvent", Name: "a comment for nobody", As: "ada", ArgsOf: invited(`,"response":"accept","sendResponse":false,"comment":"x"`), Err: tool.CodeInvalidArguments, Field: "comment"},
	{Tool: "respondToEvent", Name: "Graph refuses", As: "ada", ArgsOf: invited(`,"response":"accept"`), Fails: map[string]int{"POST /me/events/{event-id}/accept": 403}, Err: tool.CodeForbidden},

	{
		Tool: "findMeetingTimes", Name: "with three", As: "ada", Optional: true, Args: `{"attendees":["bruno@tideline.example","chen@tideline.example"],"start":"2026-11-23","end":"2026-11-27"}`,
		Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			got := read[struct{ Times []struct{ Start, End string } }](res)
			if len(got.Times) == 0 || len(got.Times) > 5 || !strings.Contains(got.Times[0].Start, "+01:00") {
				t.Errorf("no times in Berlin's zone: %v", res)
			}
		},
	},
	{
		Tool: "findMeetingTimes", Name: "two hours, two proposals, Tokyo", As: "ada", Args: `{"attendees":"gauri@tideline.example","optionalAttendees":"hiroko@tideline.example","durationMinutes":120,"count":2,"timeZone":"Asia/Tokyo","start":"2026-11-23"}`,
		Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			got := read[struct {
				Times    []struct{ Start, End string }
				TimeZone string
			}](res)
			if len(got.Times) != 2 || got.TimeZone != "Asia/Tokyo" {
				t.Errorf("not two proposals: %v", res)
			}
			if sent := res.Sent("POST /me/findMeetingTimes"); len(sent) != 1 || !strings.Contains(string(sent[0].Body), "PT120M") || !strings.Contains(string(sent[0].Body), "hiroko@") {
				t.Errorf("sent %v", res.Requests)
			}
		},
	},
	{Tool: "findMeetingTimes", Name: "an hour alone is too short", As: "ada", Args: `{"attendees":"bruno@tideline.example","start":"2026-11-22T03:00","end":"2026-11-22T04:00","durationMinutes":90}`, Check: has(`"times":[]`, `"reason":"`)},
	{Tool: "findMeetingTimes", Name: "no address", As: "ada", Args: `{"attendees":"Bruno"}`, Err: tool.CodeInvalidArguments, Field: "attendees"},
	{Tool: "findMeetingTimes", Name: "too long a window", As: "ada", Args: `{"attendees":"bruno@tideline.example","start":"2026-01-01","end":"2026-12-31"}`, Err: tool.CodeInvalidArguments, Field: "end"},
	{Tool: "findMeetingTimes", Name: "Graph refuses", As: "ada", Args: `{"attendees":"bruno@tideline.example"}`, Fails: map[string]int{"POST /me/findMeetingTimes": 403}, Err: tool.CodeForbidden},

	{
		Tool: "getFreeBusy", Name: "two and a stranger", As: "ada", Optional: true, Args: `{"people":["bruno@tideline.example","chen@tideline.example","nobody@tideline.example"],"start":"2026-11-23","end":"2026-11-27"}`,
		Check: has(`"address":"bruno@tideline.example"`, `"status":"`, `"error":"`, `+01:00"`),
	},
	{Tool: "getFreeBusy", Name: "in Tokyo", As: "ada", Args: `{"people":"ada@tideline.example","start":"2026-11-23","end":"2026-11-24","timeZone":"Asia/Tokyo"}`, Check: has(`"timeZone":"Asia/Tokyo"`, `+09:00"`)},
	{Tool: "getFreeBusy", Name: "a night", As: "ada", Args: `{"people":"ada@tideline.example","start":"2026-11-22T01:00","end":"2026-11-22T02:00"}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if res.Output == nil || strings.Contains(string(res.Output.Structured), `"busy"`) {
			t.Errorf("busy at night: %v", res)
		}
	}},
	{Tool: "getFreeBusy", Name: "no address", As: "ada", Args: `{"people":["x"]}`, Err: tool.CodeInvalidArguments, Field: "people"},
	{Tool: "getFreeBusy", Name: "Graph refuses", As: "ada", Args: `{"people":"ada@tideline.example"}`, Fails: map[string]int{"POST /me/calendar/getSchedule": 403}, Err: tool.CodeForbidden},
}}

func TestTools(t *testing.T)   { t.Parallel(); tooltest.RunSuite(t, suite) }
func TestMutants(t *testing.T) { t.Parallel(); tooltest.RunMutants(t, suite) }

// All of an invitation that is handed on is looked at, as of what one writes.
func TestForwardedInvitationIsScanned(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"Hull review", "Bring the drawings", "Dock 4", "Go in my place"} {
		var forwarding atomic.Bool
		h := tooltest.Start(t, tooltest.Options{Tools: calendar.Tools(), DLP: dlp.New(dlp.Detector{
			Name: "part", Match: func(text string) bool { return forwarding.Load() && strings.Contains(text, part) },
		})}).As("ada")
		args := created(meeting, `,"response":"forward","to":"x@partner.example","comment":"Go in my place"`)(h)
		forwarding.Store(true)
		res := h.Call("respondToEvent", args)
		if len(res.Intents) != 1 || len(res.Intents[0].Findings) != 1 {
			t.Errorf("%q leaves unseen: %+v", part, res.Intents)
		}
	}
}
