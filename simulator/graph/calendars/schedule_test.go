package calendars_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.made(t, "Open", "2026-03-10T10:00:00", "2026-03-10T11:00:00", "UTC", `"location":{"displayName":"Quay"}`)
	r.made(t, "Away", "2026-03-10T10:30:00", "2026-03-10T11:30:00", "UTC", `"showAs":"oof","sensitivity":"private"`)
	ask := `{"schedules":["ada@tideline.example","nobody@tideline.example"],"startTime":{"dateTime":"2026-03-10T09:30:00","timeZone":"UTC"},"endTime":{"dateTime":"2026-03-10T12:00:00","timeZone":"UTC"},"availabilityViewInterval":30}`
	for _, c := range []struct {
		who      string
		subjects []string
	}{
		{"ada", []string{"Open", "Away"}}, {"bruno", []string{"Open", ""}}, {"emeka", []string{"", ""}},
	} {
		got := r.Do(t, r.as(c.who, "Calendars.ReadBasic"), "POST", "/me/calendar/getSchedule", ask, `Prefer: outlook.timezone="W. Europe Standard Time"`).Values(t)
		if at(got[0], "availabilityView") != "02330" || at(got[0], "workingHours.timeZone.name") != "W. Europe Standard Time" {
			t.Errorf("%s: %v", c.who, got[0])
		}
		items, _ := got[0]["scheduleItems"].([]any)
		var subjects []string
		for _, item := range items {
			one, _ := item.(map[string]any)
			subjects = append(subjects, at(one, "subject"))
		}
		if !slices.Equal(subjects, c.subjects) || !strings.Contains(fmt.Sprint(items), "2026-03-10T11:00:00.0000000 timeZone:W. Europe Standard Time") {
			t.Errorf("%s sees %v", c.who, items)
		}
		if at(got[1], "error.responseCode") == "" || at(got[1], "error.message") == "" {
			t.Errorf("nobody: %v", got[1])
		}
	}
	for change, code := range map[[2]string]string{
		{`"availabilityViewInterval":30`, `"availabilityViewInterval":4`}: "ErrorInvalidMergedFreeBusyInterval",
		{`2026-03-10T12:00:00`, `2026-03-10T09:00:00`}:                    "ErrorInvalidTimeInterval",
		{`2026-03-10T12:00:00`, `2026-06-10T09:00:00`}:                    "ErrorTimeIntervalTooBig",
		{`"schedules"`, `"people"`}:                                       "RequestBodyRead",
		{`["ada@tideline.example","nobody@tideline.example"]`, `[]`}:      "ErrorInvalidParameter",
		{`"timeZone":"UTC"`, `"timeZone":"x"`}:                            "TimeZoneNotSupportedException",
	} {
		r.Do(t, r.as("ada"), "POST", "/me/calendar/getSchedule", strings.ReplaceAll(ask, change[0], change[1])).WantError(t, 400, code)
	}
}

func TestMeetingTimes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	zone := "W. Europe Standard Time"
	r.made(t, "Morning", "2026-03-10T09:00:00", "2026-03-10T12:00:00", zone, "")
	r.made(t, "Half", "2026-03-10T13:00:00", "2026-03-10T14:00:00", zone, invite("emeka", "freya"))
	emeka := "/me/events/" + at(r.mine(t, "emeka", "Half"), "id")
	r.Do(t, r.as("emeka"), "POST", emeka+"/accept", "")
	who := r.as("ada", "Calendars.Read.Shared")
	ask := func(people, from, to, further string) string {
		return fmt.Sprintf(`{%s,"meetingDuration":"PT1H","returnSuggestionReasons":true,"timeConstraint":{"activityDomain":"work","timeSlots":[{"start":{"dateTime":%q,"timeZone":%q},"end":{"dateTime":%q,"timeZone":%q}}]}%s}`,
			people, from, zone, to, zone, further)
	}
	find := func(body string) (starts []string, reason string) {
		t.Helper()
		got := r.Do(t, who, "POST", "/me/findMeetingTimes", body, `Prefer: outlook.timezone="`+zone+`"`)
		list, _ := got.JSON["meetingTimeSuggestions"].([]any)
		for _, x := range list {
			one, _ := x.(map[string]any)
			starts = append(starts, at(one, "meetingTimeSlot.start.dateTime")[11:16]+" "+at(one, "confidence"))
			if at(one, "suggestionReason") == "" || at(one, "organizerAvailability") != "free" {
				t.Errorf("%v", one)
			}
		}
		return starts, got.Text("emptySuggestionsReason")
	}
	if got, reason := find(ask(invite("emeka"), "2026-03-10T00:00:00", "2026-03-11T00:00:00", "")); reason != "" || !slices.Equal(got, []string{"12:00 100", "14:00 100", "14:30 100", "15:00 100", "15:30 100", "16:00 100"}) {
		t.Errorf("a day: %q %q", got, reason)
	}
	if got, _ := find(ask(invite("emeka", "guest@partner.example"), "2026-03-10T00:00:00", "2026-03-11T00:00:00", `,"maxCandidates":1`)); !slices.Equal(got, []string{"12:00 74.5"}) {
		t.Errorf("with a guest: %q", got)
	}
	if got, reason := find(ask(invite("emeka"), "2026-03-14T00:00:00", "2026-03-16T00:00:00", "")); got != nil || reason == "" {
		t.Errorf("a weekend: %q %q", got, reason)
	}
	if got, reason := find(ask(invite("emeka"), "2026-03-10T09:00:00", "2026-03-10T12:00:00", "")); got != nil || reason != "OrganizerUnavailable" {
		t.Errorf("while the organizer is busy: %q %q", got, reason)
	}
	blocked := r.Do(t, r.as("emeka"), "POST", "/me/events", `{"subject":"x","start":{"dateTime":"2026-03-12T00:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-03-13T00:00:00","timeZone":"UTC"}}`)
	if got, reason := find(ask(invite("emeka"), "2026-03-12T09:00:00", "2026-03-12T17:00:00", "")); blocked.Status != 201 || got != nil || reason != "AttendeesUnavailable" {
		t.Errorf("while the attendee is busy: %q %q", got, reason)
	}
	for body, code := range map[string]string{
		`{"meetingDuration":"1 hour"}`:                  "RequestBodyRead",
		`{"duration":"PT1H"}`:                           "RequestBodyRead",
		`{"maxCandidates":0}`:                           "ErrorInvalidArgument",
		`{"timeConstraint":{"activityDomain":"sleep"}}`: "RequestBodyRead",
		`{"timeConstraint":{"timeSlots":[{"start":{"dateTime":"2026-03-12T00:00:00","timeZone":"UTC"}}]}}`: "ErrorPropertyValidationFailure",
	} {
		r.Do(t, who, "POST", "/me/findMeetingTimes", body).WantError(t, 400, code)
	}
	r.Do(t, r.as("ada", "Calendars.Read"), "POST", "/me/findMeetingTimes", `{}`).WantError(t, 403, "ErrorAccessDenied")
}
