package teams_test

import (
	"encoding/json"
	"net/url"
	"strings"

	"m365mcp/tool"
	"m365mcp/tool/tooltest"
)

const (
	times = `"startTime":"2026-11-23T09:00","endTime":"2026-11-23T09:30"`

	// The calendar knows the meeting that this has made.
	madeArgs = `{"subject":"Retro",` + times + `}`
)

func body(t tooltest.Reporter, res tooltest.Result, operation string) string {
	t.Helper()
	requests := res.Sent(operation)
	if len(requests) != 1 {
		t.Fatalf("%d requests %s: %v", len(requests), operation, res.Requests)
	}
	return string(requests[0].Body)
}

func wantParts(t tooltest.Reporter, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %s in %s", p, text)
		}
	}
}

var meetings = []tooltest.Case{
	{Tool: "createTeamsMeeting", Name: "with attendees", As: "ada", Optional: true, Args: `{"subject":"Sync",` + times + `,"attendees":"bruno@tideline.example","body":"Prices"}`, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		says(`"eventId":"ev_`, `"joinUrl":"https://teams.microsoft.com/l/meetup-join/`, `"start":"2026-11-23T09:00+01:00"`, `"timeZone":"Europe/Berlin"`, `"invited":["bruno@tideline.example"]`)(t, h, res)
		wantParts(t, body(t, res, "POST /me/events"), `"isOnlineMeeting":true`, `"transactionId":"`, `"content":"Prices"`, `"timeZone":"W. Europe Standard Time"`)
		if got := res.Intents[0].Recipients; len(got) != 1 || got[0] != "bruno@tideline.example" {
			t.Errorf("policy saw the recipients %q", got)
		}
	}},
	{Tool: "createTeamsMeeting", Name: "link only", As: "ada", Any: 1, Args: `{"subject":"Sync",` + times + `,"attendees":["bruno@tideline.example"],"linkOnly":true,"timeZone":"Asia/Tokyo"}`, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		says(`"joinUrl":"https://teams.microsoft.com/l/meetup-join/`, `"timeZone":"Asia/Tokyo"`, `"start":"2026-11-23T09:00+09:00"`)(t, h, res)
		wantParts(t, body(t, res, "POST /me/onlineMeetings"), `"startDateTime":"2026-11-23T00:00:00Z"`, `"upn":"bruno@tideline.example"`, `"role":"attendee"`)
	}},
	{Tool: "createTeamsMeeting", Name: "in the calendar with the scope of links", Any: 1, Args: madeArgs, Err: tool.CodeInsufficientScope, Check: nothingPosted},
	{Tool: "createTeamsMeeting", Name: "ends before it starts", Args: `{"subject":"x","startTime":"2026-11-23T09:00","endTime":"2026-11-23T08:00"}`, Field: "endTime"},
	{Tool: "createTeamsMeeting", Name: "no time", Args: `{"subject":"x","startTime":"soon","endTime":"2026-11-23T08:00"}`, Field: "startTime"},
	{Tool: "createTeamsMeeting", Name: "no subject", Args: `{"subject":" ",` + times + `}`, Field: "subject"},
	{Tool: "createTeamsMeeting", Name: "no address", Args: `{"subject":"x",` + times + `,"attendees":"Bruno"}`, Field: "attendees"},
	{Tool: "createTeamsMeeting", Name: "text of no invitation", Any: 1, Args: `{"subject":"x",` + times + `,"body":"y","linkOnly":true}`, Field: "body"},
	{Tool: "createTeamsMeeting", Name: "Graph refuses", Args: madeArgs, Fails: map[string]int{"POST /me/events": 403}, Err: tool.CodeForbidden},

	{Tool: "getMeetingTranscript", Name: "by its link", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("joinUrl", launchCall(h).JoinURL)
	}, Check: says(`"subject":"Pelago 2 launch call"`, `"transcripts":["2026-11-1`, `Gauri Deshpande: Good morning everyone`, `"cursor":"`)},
	{Tool: "getMeetingTranscript", Name: "by a safe link, in a zone", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("joinUrl", "https://eur01.safelinks.protection.outlook.com/ap/t?url="+url.QueryEscape(launchCall(h).JoinURL)+"&data=05", "timeZone", "Asia/Tokyo")
	}, Check: says(`+09:00 [tr_`)},
	{Tool: "getMeetingTranscript", Name: "in the mailbox's zone", As: "ada", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
		return args("joinUrl", launchCall(h).JoinURL)
	}, Check: says(`+01:00 [tr_`, `"timeZone":"Europe/Berlin"`)},
	{Tool: "getMeetingTranscript", Name: "by its number", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		m := launchCall(h)
		return args("joinUrl", m.JoinID[:3]+" "+m.JoinID[3:], "maxChars", 500)
	}, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		says(`"text":"[0:00:`, `"cursor":"`)(t, h, res)
		if len(res.Text()) > 1000 {
			t.Errorf("%d characters for 500", len(res.Text()))
		}
	}},
	{Tool: "getMeetingTranscript", Name: "by its chat", As: "ada", With: []string{"Chat.ReadBasic"}, ArgsOf: func(h *tooltest.Harness) string {
		return args("joinUrl", "https://teams.microsoft.com/l/chat/"+launchCall(h).ThreadID+"/conversations?ctx=chat")
	}, Check: says(`Gauri Deshpande: Good morning everyone`)},
	{Tool: "getMeetingTranscript", Name: "by the event, none there", As: "ada", With: []string{"Calendars.Read"}, ArgsOf: func(h *tooltest.Harness) string {
		var made struct{ EventID string }
		h.With("Calendars.ReadWrite").Call("createTeamsMeeting", madeArgs).Structured(noReport{}, &made)
		return args("eventId", made.EventID)
	}, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		says(`"subject":"Retro"`)(t, h, res)
		wantParts(t, res.Text(), "There is no transcript")
	}},
	{Tool: "getMeetingTranscript", Name: "by its id", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("transcriptId", firstTranscript(h, 7500).TranscriptID)
	}, Check: says(`Gauri Deshpande: Good morning everyone`)},
	{Tool: "getMeetingTranscript", Name: "second page", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		first := firstTranscript(h, 600)
		return args("transcriptId", first.TranscriptID, "cursor", first.Cursor, "maxChars", 600)
	}, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		says(`"text":"`)(t, h, res)
		if strings.Contains(res.Text(), "Good morning everyone") {
			t.Errorf("the first page again: %s", res.Text())
		}
	}},
	{Tool: "getMeetingTranscript", Name: "no meeting named", Args: `{}`, Field: "joinUrl"},
	{Tool: "getMeetingTranscript", Name: "two meetings named", Args: `{"joinUrl":"281234567890","eventId":"AAMkAD"}`, Field: "joinUrl"},
	{Tool: "getMeetingTranscript", Name: "no link of Teams", Args: `{"joinUrl":"https://evil.example/l/meetup-join/19%3ameeting_a%40thread.v2/0?context=%7b%22Tid%22%3a%221%22%2c%22Oid%22%3a%222%22%7d"}`, Field: "joinUrl"},
	{Tool: "getMeetingTranscript", Name: "not invited", As: "dalia", ArgsOf: func(h *tooltest.Harness) string {
		return args("joinUrl", launchCall(h).JoinURL)
	}, Field: "joinUrl"},
	{Tool: "getMeetingTranscript", Name: "no cursor of this text", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("joinUrl", launchCall(h).JoinURL, "cursor", "x")
	}, Field: "cursor"},
	{Tool: "getMeetingTranscript", Name: "an event without its scope", As: "ada", Args: `{"eventId":"AAMkAD"}`, Err: tool.CodeInsufficientScope},
	{Tool: "getMeetingTranscript", Name: "Graph refuses", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("joinUrl", launchCall(h).JoinURL)
	}, Fails: map[string]int{"GET /me/onlineMeetings/{onlineMeeting-id}/transcripts": 403}, Err: tool.CodeForbidden},
}

type read struct{ TranscriptID, Text, Cursor string }

func firstTranscript(h *tooltest.Harness, maxChars int) read {
	var got read
	res := h.Call("getMeetingTranscript", args("joinUrl", launchCall(h).JoinURL, "maxChars", maxChars))
	if res.Output != nil && json.Unmarshal(res.Output.Structured, &got) != nil {
		got.TranscriptID = "none"
	}
	return got
}

// noReport is for calls that only prepare a case, which fails itself if they do.
type noReport struct{}

func (noReport) Helper()               {}
func (noReport) Errorf(string, ...any) {}
func (noReport) Fatalf(string, ...any) {}
