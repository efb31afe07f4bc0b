package calendars_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"m365mcp/simulator/graph/service/servicetest"
)

func (r *rig) subjects(t *testing.T, name string) []string {
	t.Helper()
	return r.Do(t, r.as(name), "GET", "/me/mailFolders/inbox/messages?$top=5", "").Column(t, "subject")
}

func attendeeStatus(t *testing.T, event map[string]any, name string) string {
	t.Helper()
	list, _ := event["attendees"].([]any)
	for _, a := range list {
		one, _ := a.(map[string]any)
		if at(one, "emailAddress.address") == name+"@tideline.example" {
			return at(one, "status.response")
		}
	}
	return ""
}

func TestInvitation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada")
	made := r.made(t, "Launch", "2026-03-10T10:00:00", "2026-03-10T11:00:00", "UTC", invite("bruno", "chen", "guest@partner.example")+`,"categories":["Mine"],"isOnlineMeeting":true`)
	id := "/me/events/" + made.Text("id")
	if made.JSON["isOnlineMeeting"] != true || made.Text("onlineMeetingProvider") != "teamsForBusiness" || !strings.Contains(at(made.JSON, "onlineMeeting.joinUrl"), "/Ada/3") || !strings.Contains(at(made.JSON, "body.content"), strings.Repeat("_", 40)) {
		t.Errorf("online: %s", made.Body)
	}
	if got := r.workload.Outbound(); len(got) != 1 || !slices.Equal(got[0].Recipients, []string{"guest@partner.example"}) || len(r.store.Outbound()) != 1 {
		t.Errorf("outbound: %v, mail %d", got, len(r.store.Outbound()))
	}
	copied := r.mine(t, "bruno", "Launch")
	if copied == nil || copied["isOrganizer"] != false || at(copied, "responseStatus.response") != "notResponded" || at(copied, "iCalUId") != made.Text("iCalUId") || at(copied, "categories") != "[]" || at(copied, "showAs") != "tentative" {
		t.Fatalf("Bruno's copy: %v", copied)
	}
	if got := r.subjects(t, "bruno"); got[0] != "Launch" {
		t.Errorf("Bruno's mail: %q", got)
	}
	bruno, path := r.as("bruno"), "/me/events/"+at(copied, "id")
	if got := r.Do(t, bruno, "POST", path+"/accept", `{"comment":"Gladly","sendResponse":true}`); got.Status != http.StatusAccepted {
		t.Fatalf("accept: %d %s", got.Status, got.Body)
	}
	if got := r.Do(t, bruno, "GET", path, ""); at(got.JSON, "responseStatus.response") != "accepted" || got.Text("showAs") != "busy" {
		t.Errorf("accepted: %s", got.Body)
	}
	if got := r.Do(t, ada, "GET", id, ""); attendeeStatus(t, got.JSON, "bruno") != "accepted" || attendeeStatus(t, got.JSON, "chen") != "none" {
		t.Errorf("Ada's: %s", got.Body)
	}
	if got := r.subjects(t, "ada"); got[0] != "Accepted: Launch" {
		t.Errorf("Ada's mail: %q", got)
	}
	chen := "/me/events/" + at(r.mine(t, "chen", "Launch"), "id")
	r.Do(t, r.as("chen"), "POST", chen+"/tentativelyAccept", `{"sendResponse":false}`)
	if got := r.Do(t, ada, "GET", id, ""); attendeeStatus(t, got.JSON, "chen") != "none" {
		t.Errorf("an answer that was not sent arrived: %s", got.Body)
	}
	r.Do(t, r.as("chen"), "POST", chen+"/decline", `{"comment":"Sorry"}`)
	if got := r.Do(t, ada, "GET", id, ""); attendeeStatus(t, got.JSON, "chen") != "declined" || r.mine(t, "chen", "Launch") != nil {
		t.Errorf("declined: %s", got.Body)
	}
	for _, action := range []string{"accept", "tentativelyAccept", "decline"} {
		r.Do(t, ada, "POST", id+"/"+action, `{}`).WantError(t, 400, "ErrorInvalidRequest")
	}
	r.Do(t, bruno, "POST", path+"/cancel", `{"comment":"x"}`).WantError(t, 400, "ErrorInvalidRequest")
	r.Do(t, bruno, "POST", path+"/accept", `{"reason":"x"}`).WantError(t, 400, "RequestBodyRead")
	r.Do(t, r.as("bruno", "Calendars.Read"), "POST", path+"/accept", `{}`).WantError(t, 403, "ErrorAccessDenied")
}

func TestForwarding(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	made := r.made(t, "Launch", "2026-03-10T10:00:00", "2026-03-10T11:00:00", "UTC", invite("bruno"))
	id, copied := "/me/events/"+made.Text("id"), "/me/events/"+at(r.mine(t, "bruno", "Launch"), "id")
	to := func(addresses ...string) string {
		var list []string
		for _, a := range addresses {
			list = append(list, `{"emailAddress":{"address":"`+a+`"}}`)
		}
		return `{"ToRecipients":[` + strings.Join(list, ",") + `],"comment":"please come"}`
	}
	if got := r.Do(t, r.as("bruno", "Calendars.Read"), "POST", copied+"/forward", to("chen@tideline.example", "guest@partner.example")); got.Status != http.StatusAccepted {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	for _, name := range []string{"chen@tideline.example", "guest@partner.example"} {
		if got := r.Do(t, r.as("ada"), "GET", id, ""); !strings.Contains(string(got.Body), name) {
			t.Errorf("the organizer's copy does not name %s: %s", name, got.Body)
		}
	}
	if got := r.mine(t, "chen", "Launch"); got == nil || got["isOrganizer"] != false || at(got, "organizer.emailAddress.address") != "ada@tideline.example" {
		t.Errorf("Chen's copy: %v", got)
	}
	if got := r.subjects(t, "chen"); got[0] != "FW: Launch" {
		t.Errorf("Chen's mail: %q", got)
	}
	if got := r.subjects(t, "ada"); got[0] != "Meeting Forward Notification: Launch" {
		t.Errorf("Ada's mail: %q", got)
	}
	if got := r.workload.Outbound(); len(got) != 1 || got[0].Kind != "forward" || !slices.Equal(got[0].Recipients, []string{"guest@partner.example"}) {
		t.Errorf("outbound: %v", got)
	}
	r.Do(t, r.as("ada"), "POST", id+"/forward", to("emeka@tideline.example"))
	if r.mine(t, "emeka", "Launch") == nil {
		t.Error("what the organizer forwards does not arrive")
	}
	r.Do(t, r.as("bruno"), "POST", copied+"/forward", to()).WantError(t, 400, "ErrorInvalidRecipients")
	r.Do(t, r.as("bruno"), "POST", copied+"/forward", to("nobody")).WantError(t, 400, "ErrorInvalidRecipients")
	r.Do(t, r.as("bruno", "Calendars.ReadBasic"), "POST", copied+"/forward", to("chen@tideline.example")).WantError(t, 403, "ErrorAccessDenied")
	r.Do(t, r.as("ada"), "POST", id+"/cancel", `{}`)
	r.Do(t, r.as("bruno"), "POST", copied+"/forward", to("chen@tideline.example")).WantError(t, 400, "ErrorInvalidRequest")
}

func TestChangesReachTheAttendees(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada")
	made := r.made(t, "Plan", "2026-03-10T10:00:00", "2026-03-10T11:00:00", "UTC", invite("bruno", "chen"))
	id := "/me/events/" + made.Text("id")
	bruno := "/me/events/" + at(r.mine(t, "bruno", "Plan"), "id")
	r.Do(t, r.as("bruno"), "POST", bruno+"/accept", "")
	mails := len(r.subjects(t, "chen"))
	r.Do(t, ada, "PATCH", id, `{"categories":["Quiet"],"reminderMinutesBeforeStart":5}`)
	if got := r.subjects(t, "chen"); len(got) != mails {
		t.Error("a change of the organizer's own was mailed")
	}
	r.Do(t, ada, "PATCH", id, `{"subject":"Plan B","start":{"dateTime":"2026-03-11T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-03-11T11:00:00","timeZone":"UTC"}}`)
	got := r.Do(t, r.as("bruno"), "GET", bruno, "")
	if got.Text("subject") != "Plan B" || !strings.HasPrefix(at(got.JSON, "start.dateTime"), "2026-03-11T10") || at(got.JSON, "responseStatus.response") != "notResponded" {
		t.Errorf("Bruno's copy: %s", got.Body)
	}
	r.Do(t, ada, "PATCH", id, `{`+invite("bruno", "emeka")+`}`)
	if r.mine(t, "emeka", "Plan B") == nil || r.mine(t, "chen", "Canceled: Plan B") == nil {
		t.Error("who came new has no copy, or who was dropped has no cancellation")
	}
	if got := r.Do(t, ada, "POST", id+"/cancel", `{"Comment":"No budget"}`); got.Status != http.StatusAccepted {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	r.Do(t, ada, "GET", id, "").WantError(t, 404, "ErrorItemNotFound")
	got = r.Do(t, r.as("bruno"), "GET", bruno, "")
	if got.JSON["isCancelled"] != true || got.Text("showAs") != "free" {
		t.Errorf("Bruno's copy: %s", got.Body)
	}
	r.Do(t, r.as("bruno"), "POST", bruno+"/accept", `{}`).WantError(t, 400, "ErrorInvalidRequest")
	alone := r.made(t, "Alone", "2026-03-10T10:00:00", "2026-03-10T11:00:00", "UTC", "")
	r.Do(t, ada, "POST", "/me/events/"+alone.Text("id")+"/cancel", "").WantError(t, 400, "ErrorInvalidRequest")
	quiet := r.made(t, "Quiet", "2026-03-10T10:00:00", "2026-03-10T11:00:00", "UTC", invite("chen")+`,"responseRequested":false`)
	chen := "/me/events/" + at(r.mine(t, "chen", "Quiet"), "id")
	r.Do(t, r.as("chen"), "POST", chen+"/accept", `{"sendResponse":true}`).WantError(t, 400, "ErrorInvalidRequest")
	r.Do(t, ada, "DELETE", "/me/events/"+quiet.Text("id"), "")
	if r.mine(t, "chen", "Canceled: Quiet") == nil {
		t.Error("deleting a meeting does not cancel it")
	}
}

func TestSeriesOfAMeeting(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, bruno := r.as("ada"), r.as("bruno")
	made := r.made(t, "Weekly", "2026-03-16T10:00:00", "2026-03-16T11:00:00", "UTC", weekly+","+invite("bruno"))
	window := servicetest.Query("startDateTime", "2026-03-10", "endDateTime", "2026-05-01")
	path := "/me/calendarView" + window
	ids := r.Do(t, ada, "GET", path, "").Column(t, "id")
	theirs := r.Do(t, bruno, "GET", path, "").Column(t, "id")
	if len(ids) != 4 || len(theirs) != 4 {
		t.Fatalf("%d and %d occurrences", len(ids), len(theirs))
	}
	r.Do(t, bruno, "POST", "/me/events/"+theirs[0]+"/decline", "")
	r.Do(t, ada, "PATCH", "/me/events/"+ids[1], `{"location":{"displayName":"Quay"}}`)
	r.Do(t, ada, "POST", "/me/events/"+ids[2]+"/cancel", `{"comment":"Holiday"}`)
	if got := r.Do(t, ada, "GET", "/me/events/"+ids[0], ""); attendeeStatus(t, got.JSON, "bruno") != "declined" || got.Text("type") != "exception" {
		t.Errorf("one declined: %s", got.Body)
	}
	if got := r.Do(t, ada, "GET", "/me/events/"+made.Text("id"), ""); attendeeStatus(t, got.JSON, "bruno") != "none" {
		t.Errorf("the series: %s", got.Body)
	}
	var seen []string
	for _, e := range r.Do(t, bruno, "GET", path, "").Values(t) {
		seen = append(seen, at(e, "subject")+"/"+at(e, "location.displayName"))
	}
	if want := []string{"Weekly/Quay", "Canceled: Weekly/", "Weekly/"}; !slices.Equal(seen, want) {
		t.Errorf("Bruno's: %q, want %q", seen, want)
	}
	if got := r.Do(t, ada, "GET", path, "").Values(t); len(got) != 3 {
		t.Errorf("Ada's: %v", got)
	}
}

func TestOnlineMeetingEndsWithItsText(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	made := r.made(t, "Call", "2026-03-10T10:00:00", "2026-03-10T11:00:00", "UTC", `"body":{"contentType":"text","content":"Agenda < 3"}`)
	id := "/me/events/" + made.Text("id")
	online := r.Do(t, r.as("ada"), "PATCH", id, `{"isOnlineMeeting":true}`)
	if online.JSON["isOnlineMeeting"] != true || at(online.JSON, "body.contentType") != "html" || !strings.Contains(at(online.JSON, "body.content"), "Agenda &lt; 3") {
		t.Fatalf("%s", online.Body)
	}
	if got := r.Do(t, r.as("ada"), "PATCH", id, `{"isOnlineMeeting":false,"subject":"Call 2"}`); got.JSON["isOnlineMeeting"] != true {
		t.Errorf("it is not taken back: %s", got.Body)
	}
	if got := r.Do(t, r.as("ada"), "PATCH", id, `{"body":{"contentType":"html","content":"<p>new</p>"}}`); got.JSON["isOnlineMeeting"] != false {
		t.Errorf("without its text: %s", got.Body)
	}
}

func TestRoomsAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.made(t, "First", "2026-03-10T10:00:00", "2026-03-10T11:00:00", "UTC", invite("room-one"))
	second := r.made(t, "Second", "2026-03-10T10:30:00", "2026-03-10T11:30:00", "UTC", invite("room-one"))
	if a, b := attendeeStatus(t, first.JSON, "room-one"), attendeeStatus(t, second.JSON, "room-one"); a != "accepted" || b != "declined" {
		t.Errorf("%s, %s", a, b)
	}
}
