package teams_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"m365mcp/simulator/graph/service/servicetest"
)

func find(property, value string) string {
	return "/me/onlineMeetings" + servicetest.Query("$filter", property+" eq '"+value+"'")
}

func TestMeetingLifeCycle(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, bruno, dalia := r.as("ada", everything), r.as("bruno", everything), r.as("dalia", everything)
	made := r.Do(t, ada, "POST", "/me/onlineMeetings", `{"subject":"Review","startDateTime":"2026-11-24T10:00:00Z","endDateTime":"2026-11-24T11:00:00Z","allowedPresenters":"organizer",
		"participants":{"attendees":[{"upn":"bruno@tideline.example","role":"presenter"},{"identity":{"user":{"id":"`+r.id("chen")+`"}}}]}}`)
	if made.Status != http.StatusCreated || made.Text("allowedPresenters") != "organizer" || !strings.HasPrefix(made.Text("joinWebUrl"), "https://teams.microsoft.com/l/meetup-join/19%3ameeting_") {
		t.Fatalf("%d %s", made.Status, made.Body)
	}
	path := "/me/onlineMeetings/" + made.Text("id")
	for _, token := range []string{ada, bruno, r.as("chen", everything)} {
		for _, query := range []string{find("JoinWebUrl", made.Text("joinWebUrl")), find("joinWebUrl", made.Text("joinWebUrl")), find("VideoTeleconferenceId", made.Text("videoTeleconferenceId"))} {
			if got := r.Do(t, token, "GET", query, "").Column(t, "id"); !slices.Equal(got, []string{made.Text("id")}) {
				t.Errorf("found %q", got)
			}
		}
	}
	if got := r.Do(t, dalia, "GET", find("JoinWebUrl", made.Text("joinWebUrl")), "").Values(t); len(got) != 0 {
		t.Errorf("who is not invited finds %v", got)
	}
	r.Do(t, dalia, "GET", path, "").WantError(t, 404, "NotFound")
	r.Do(t, bruno, "PATCH", path, `{"subject":"Mine"}`).WantError(t, 403, "Forbidden")
	if got := r.Do(t, ada, "PATCH", path, `{"subject":"Review 2"}`); got.Text("subject") != "Review 2" || got.Text("allowedPresenters") != "organizer" {
		t.Errorf("update: %s", got.Body)
	}
	if got := r.Do(t, bruno, "GET", path+"?$select=subject", ""); got.Text("subject") != "Review 2" || got.JSON["joinWebUrl"] != nil {
		t.Errorf("get: %s", got.Body)
	}
	if got := r.Do(t, ada, "DELETE", path, ""); got.Status != http.StatusNoContent {
		t.Errorf("delete: %d", got.Status)
	}
	r.Do(t, ada, "GET", path, "").WantError(t, 404, "NotFound")
}

func TestCreateOrGet(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"externalId":"room-7","subject":"Seven","startDateTime":"2026-11-24T10:00:00Z","endDateTime":"2026-11-24T11:00:00Z"}`
	first := r.Do(t, r.as("ada", everything), "POST", "/me/onlineMeetings/createOrGet", body)
	second := r.Do(t, r.as("ada", everything), "POST", "/me/onlineMeetings/createOrGet", body)
	other := r.Do(t, r.as("bruno", everything), "POST", "/me/onlineMeetings/createOrGet", body)
	if first.Status != http.StatusCreated || second.Status != http.StatusOK || first.Text("id") != second.Text("id") || other.Text("id") == first.Text("id") {
		t.Errorf("%s\n%s\n%s", first.Body, second.Body, other.Body)
	}
	r.Do(t, r.as("ada", everything), "POST", "/me/onlineMeetings/createOrGet", `{"subject":"x"}`).WantError(t, 400, "InvalidArgument")
}

func TestMeetingsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada", everything)
	for _, query := range []string{"", "?$filter=subject%20eq%20'x'", "?$filter=contains(joinWebUrl,'x')", "?$filter=joinWebUrl%20ne%20'x'"} {
		r.Do(t, ada, "GET", "/me/onlineMeetings"+query, "").WantError(t, 400, "InvalidArgument")
	}
	for _, body := range []string{
		`{"startDateTime":"2026-11-24T12:00:00Z","endDateTime":"2026-11-24T11:00:00Z"}`, `{"joinWebUrl":"x"}`, `{"participants":{"attendees":[{"role":"attendee"}]}}`,
		`{"participants":{"attendees":[{"upn":"a@x.example","role":"boss"}]}}`, `{"allowRecording":"yes"}`, `{"lobbyBypassSettings":"everyone"}`,
	} {
		r.Do(t, ada, "POST", "/me/onlineMeetings", body).WantError(t, 400, "BadRequest")
	}
	r.Do(t, r.as("ada", "OnlineMeetings.Read"), "POST", "/me/onlineMeetings", "{}").WantError(t, 403, "Authorization_RequestDenied")
}

func TestMeetingOfAnEvent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	organizer, _ := r.tenant.PersonByUPN("ada@tideline.example")
	begin := r.now.Add(time.Hour)
	id, join := r.workload.Create(&organizer, "From the calendar", begin, begin.Add(time.Hour), []string{"ada@tideline.example", "BRUNO@tideline.example", "lars@fjordaqua.example"})
	got := r.Do(t, r.as("bruno", everything), "GET", find("JoinWebUrl", join), "").Values(t)
	if len(got) != 1 || got[0]["id"] != id || got[0]["subject"] != "From the calendar" {
		t.Fatalf("%v", got)
	}
	if list := r.Do(t, r.as("bruno", everything), "GET", "/me/onlineMeetings/"+id+"/transcripts", "").Values(t); len(list) != 0 {
		t.Errorf("a meeting to come has %v", list)
	}
}

func TestTranscript(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	chen, past := r.as("chen", everything), r.data.Meetings[0]
	found := r.Do(t, chen, "GET", find("JoinWebUrl", past.JoinURL), "").Values(t)
	if len(found) != 1 {
		t.Fatalf("%v", found)
	}
	path := "/me/onlineMeetings/" + past.ID + "/transcripts"
	list := r.Do(t, chen, "GET", path, "").Values(t)
	if len(list) != 1 {
		t.Fatalf("%v", list)
	}
	one := path + "/" + past.Transcripts[0].ID
	r.Do(t, chen, "GET", one, "")
	for _, c := range [][]string{{"/content", "Accept: */*"}, {"/content?$format=text/vtt", "Accept: */*"}, {"/content", "Accept: text/vtt"}, {"/metadataContent", "Accept: */*"}} {
		got := r.Do(t, chen, "GET", one+c[0], "", c[1])
		if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "text/vtt" || !strings.HasPrefix(string(got.Body), "WEBVTT\n\n00:00:03.120 --> ") {
			t.Errorf("%v: %d %s %.80s", c, got.Status, got.Header.Get("Content-Type"), got.Body)
		}
		if !strings.Contains(string(got.Body), "Gauri Deshpande") || strings.Count(string(got.Body), " --> ") != len(past.Transcripts[0].Lines) {
			t.Errorf("%v: %.200s", c, got.Body)
		}
	}
	r.Do(t, chen, "GET", one+"/content?$format=application/vnd.openxmlformats-officedocument.wordprocessingml.document", "").WantError(t, 400, "BadRequest")
	r.Do(t, chen, "GET", path+"/none", "").WantError(t, 404, "NotFound")
	r.Do(t, r.as("hiroko", everything), "GET", path, "").WantError(t, 404, "NotFound")
	r.Do(t, r.as("chen", "OnlineMeetings.Read"), "GET", path, "").WantError(t, 403, "Authorization_RequestDenied")
}
