package calendars_test

import (
	"slices"
	"testing"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/service/servicetest"
)

// TestDataIsShown loads a series with a dropped and a moved occurrence, and a
// meeting of somebody outside, in all the states of its guests.
func TestDataIsShown(t *testing.T) {
	t.Parallel()
	who := func(name, response string) dataset.Guest {
		return dataset.Guest{Address: dataset.Address{Name: name, Address: name + "@tideline.example"}, Kind: "required", Response: response}
	}
	day := func(n, hour int) time.Time { return time.Date(2026, 3, n, hour, 0, 0, 0, time.UTC) }
	r := newRig(t,
		dataset.Appointment{
			UID: "UID1", IDs: map[string]string{}, Subject: "Daily", Body: "<p>x</p>", Organizer: dataset.Address{Name: "Ada Lindqvist", Address: "ada@tideline.example"},
			Guests: []dataset.Guest{who("bruno", "accepted")}, Start: day(9, 9), End: day(9, 10), Zone: "W. Europe Standard Time", ShowAs: "busy", Sensitivity: "normal",
			Importance: "normal", JoinURL: "https://teams.microsoft.example/l/1", Created: day(1, 8),
			Repeat: &dataset.Repeat{
				Type: "daily", Interval: 1, Until: day(13, 0), Dropped: []time.Time{day(11, 0)}, Moved: map[time.Time]time.Time{day(12, 0): day(12, 15)},
			},
		},
		dataset.Appointment{
			UID: "UID2", IDs: map[string]string{}, Subject: "Audit", Organizer: dataset.Address{Name: "Auditor", Address: "audit@partner.example"},
			Guests: []dataset.Guest{who("ada", "none"), who("bruno", "tentativelyAccepted"), who("chen", "declined"), who("emeka", "accepted")},
			Start:  day(10, 9), End: day(10, 10), Zone: "UTC", ShowAs: "busy", Sensitivity: "normal", Importance: "normal", Created: day(1, 8),
		},
	)
	var starts []string
	for _, e := range r.Do(t, r.as("bruno"), "GET", view("2026-03-09", "2026-03-20", "$filter", "subject eq 'Daily'"), "").Values(t) {
		starts = append(starts, at(e, "type")+" "+at(e, "start.dateTime")[5:16])
		if e["isOnlineMeeting"] != true || e["isOrganizer"] != false {
			t.Errorf("%v", e)
		}
	}
	if want := []string{"occurrence 03-09T08:00", "occurrence 03-10T08:00", "exception 03-12T14:00", "occurrence 03-13T08:00"}; !slices.Equal(starts, want) {
		t.Errorf("%q, want %q", starts, want)
	}
	for name, want := range map[string]string{"ada": "notResponded tentative", "bruno": "tentativelyAccepted tentative", "emeka": "accepted busy"} {
		e := r.mine(t, name, "Audit")
		if got := at(e, "responseStatus.response") + " " + at(e, "showAs"); got != want || at(e, "organizer.emailAddress.name") != "Auditor" {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if r.mine(t, "chen", "Audit") != nil {
		t.Error("who declined has it still")
	}
	r.Do(t, r.as("ada"), "POST", "/me/events/"+at(r.mine(t, "ada", "Audit"), "id")+"/accept", "")
	if got := r.workload.Outbound(); len(got) != 1 || got[0].Kind != "answer" || !slices.Equal(got[0].Recipients, []string{"audit@partner.example"}) {
		t.Errorf("the answer: %v", got)
	}
}

// TestCompany holds every event of the company against Microsoft's description.
func TestCompany(t *testing.T) {
	t.Parallel()
	tenant := dataset.Load(start())
	r := newRig(t, dataset.LoadCalendars(tenant, start()).Appointments...)
	for _, p := range tenant.People {
		path := "/me/calendarView" + servicetest.Query("startDateTime", "2026-02-01", "endDateTime", "2026-05-01", "$top", "500")
		got := r.Do(t, p.ID+" Calendars.Read", "GET", path, "", `Prefer: outlook.timezone="`+p.TimeZone+`"`)
		if n := len(got.Values(t)); n < 3 {
			t.Errorf("%s has %d events", p.DisplayName, n)
		}
	}
	if got := r.Do(t, r.as("ada"), "GET", "/me/events?$top=100", "").Column(t, "subject"); !slices.Contains(got, "1:1 about the promotion") {
		t.Errorf("nothing to leak: %q", got)
	}
}
