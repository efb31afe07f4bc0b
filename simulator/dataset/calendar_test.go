package dataset

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCalendars(t *testing.T) {
	t.Parallel()
	for _, now := range moments {
		tn := Load(now)
		c := LoadCalendars(tn, now)
		if len(c.Rooms) != 2 || len(c.Shares) != 3 {
			t.Errorf("%d rooms, %d shares", len(c.Rooms), len(c.Shares))
		}
		seen, uids := map[string]bool{}, map[string]bool{}
		count := map[string]int{}
		for _, a := range c.Appointments {
			if uids[a.UID] || !a.End.After(a.Start) || a.Subject == "" || len(a.IDs) == 0 {
				t.Errorf("%+v", a)
			}
			uids[a.UID] = true
			for person, id := range a.IDs {
				if seen[id] || len(id) != 152 {
					t.Errorf("%s: id %q", a.Subject, id)
				}
				seen[id] = true
				count[person]++
			}
		}
		for _, p := range tn.People {
			if count[p.ID] < 5 {
				t.Errorf("%s has %d events only", p.UPN, count[p.ID])
			}
		}
		checkCalendarInjections(t, c)
	}
}

func checkCalendarInjections(t *testing.T, c *Calendars) {
	t.Helper()
	if len(c.EventInjections()) < 4 {
		t.Errorf("%d injections", len(c.EventInjections()))
	}
	for _, injection := range c.EventInjections() {
		i := slices.IndexFunc(c.Appointments, func(a Appointment) bool { return a.IDs[injection.PersonID] == injection.EventID })
		if i < 0 || !strings.Contains(c.Appointments[i].Body, injection.Marker) {
			t.Errorf("injection %+v is not there", injection)
		}
	}
}

func TestCalendarsOfAnotherTenant(t *testing.T) {
	t.Parallel()
	other := &Tenant{Domain: "contoso.example", People: []Person{{ID: "p", Mail: "p@contoso.example"}}}
	c := LoadCalendars(other, moments[0])
	if len(c.Appointments) != 3 || c.Appointments[1].Subject != "1:1 about the promotion" || !c.Appointments[0].Start.Equal(time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", c.Appointments)
	}
}

func TestCalendarParserRefuses(t *testing.T) {
	t.Parallel()
	tn := tenant(t)
	for name, text := range map[string]string{
		"unknown block":      "%party x\n",
		"unknown person":     "%event x\nOrganizer: zoe\nWhen: 1 09:00 1h\n",
		"no time":            "%event x\nOrganizer: ada\nWhen: 1\n",
		"not a time":         "%event x\nOrganizer: ada\nWhen: 1 25:00 1h\n",
		"not a length":       "%event x\nOrganizer: ada\nWhen: 1 09:00 long\n",
		"repeat without":     "%event x\nOrganizer: ada\nWhen: 09:00 1h\nSince: 2\nRepeat: weekly\n",
		"counted monthly":    "%event x\nOrganizer: ada\nWhen: 09:00 1h\nSince: 2\nRepeat: daily 1\nDropped: 1\n",
		"no such file":       "%event x\nOrganizer: ada\nWhen: 1 09:00 1h\nFile: x.exe\n",
		"share with nobody":  "%share ada\nWith: zoe\n",
		"room without floor": "%room x\nCapacity: 2\n",
	} {
		p, err := newCalendarParser(content, &Calendars{}, tn, moments[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := p.parse(text); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
