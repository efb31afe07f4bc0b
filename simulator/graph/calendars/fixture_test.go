package calendars_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"m365mcp/internal/graphdata"
	"m365mcp/internal/testenv"
	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/calendars"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/mail"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/service/servicetest"
)

const everything = "Calendars.ReadWrite Calendars.ReadWrite.Shared Mail.Read"

func start() time.Time { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) } // a Monday

// rig is running calendars without content but for the private events, and the
// mail that they send. Every answer is held against Microsoft's description.
type rig struct {
	*servicetest.Rig

	tenant   *dataset.Tenant
	workload *calendars.Workload
	store    *exchange.Store
	now      time.Time
}

func microsoft(t *testing.T) *graphdata.Data {
	t.Helper()
	data, err := graphdata.Load(testenv.GraphData(t))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// teams makes online meetings whose link tells for whom.
type teams struct{}

func (teams) Create(organizer *dataset.Person, subject string, _, _ time.Time, attendees []string) (id, joinURL string) {
	return "id", "https://teams.microsoft.example/l/meetup-join/" + organizer.GivenName + "/" + fmt.Sprint(len(attendees)) + "?context=%7b&s=" + fmt.Sprint(len(subject))
}

func newRig(t *testing.T, appointments ...dataset.Appointment) *rig {
	t.Helper()
	micro := microsoft(t)
	r := &rig{now: start()}
	r.tenant = dataset.Load(r.now)
	now := func() time.Time { return r.now }
	r.store = exchange.NewStore(r.tenant, now)
	data := &dataset.Calendars{Appointments: appointments, Rooms: []dataset.Room{{Person: dataset.Person{
		ID: "room-1", DisplayName: "Room One", Mail: "room-one@" + r.tenant.Domain, UPN: "room-one@" + r.tenant.Domain, TimeZone: "W. Europe Standard Time",
	}}}}
	r.workload = calendars.New(calendars.Options{
		Tenant: r.tenant, Data: data, Mail: r.store, Meetings: teams{},
		Shares: []calendars.Share{
			{Owner: "gauri@" + r.tenant.Domain, With: "ada@" + r.tenant.Domain, Write: true},
			{Owner: "ada@" + r.tenant.Domain, With: "bruno@" + r.tenant.Domain},
		},
	})
	r.Rig = servicetest.Start(t, servicetest.Options{
		Tenant: r.tenant, Now: now, Check: micro.CheckResponse,
		Workloads: []service.Workload{r.workload, mail.New(r.store, now, "https://graph.example")},
	})
	return r
}

// as is a token of somebody.
func (r *rig) as(name string, scopes ...string) string {
	p, _ := r.tenant.PersonByUPN(name + "@" + r.tenant.Domain)
	if scopes == nil {
		return p.ID + " " + everything
	}
	return p.ID + " " + strings.Join(scopes, " ")
}

// made creates an event of Ada's, or the test ends. The time is in the zone.
func (r *rig) made(t *testing.T, subject, from, to, zone, further string) servicetest.Reply {
	t.Helper()
	if further != "" {
		further = "," + further
	}
	got := r.Do(t, r.as("ada"), "POST", "/me/events", fmt.Sprintf(`{"subject":%q,"start":{"dateTime":%q,"timeZone":%q},"end":{"dateTime":%q,"timeZone":%q}%s}`, subject, from, zone, to, zone, further))
	if got.Status != 201 {
		t.Fatalf("creating %s: %d %s", subject, got.Status, got.Body)
	}
	return got
}

// invite is the attendees member of an event.
func invite(names ...string) string {
	var list []string
	for _, name := range names {
		if !strings.Contains(name, "@") {
			name += "@tideline.example"
		}
		list = append(list, fmt.Sprintf(`{"type":"required","emailAddress":{"address":%q}}`, name))
	}
	return `"attendees":[` + strings.Join(list, ",") + `]`
}

// view is the path of what is in a calendar between two moments.
func view(from, to string, further ...string) string {
	return "/me/calendarView" + servicetest.Query(append([]string{"startDateTime", from, "endDateTime", to}, further...)...)
}

// mine finds somebody's copy of an event by its subject.
func (r *rig) mine(t *testing.T, name, subject string) map[string]any {
	t.Helper()
	for _, e := range r.Do(t, r.as(name), "GET", "/me/events?$top=100", "").Values(t) {
		if e["subject"] == subject {
			return e
		}
	}
	return nil
}

// at follows the members of an object, "start.dateTime"; empty where there is none.
func at(object map[string]any, path string) string {
	var value any = object
	for name := range strings.SplitSeq(path, ".") {
		inner, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		value = inner[name]
	}
	if value == nil {
		return ""
	}
	if s, ok := value.(string); ok {
		return s
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(raw)
}
