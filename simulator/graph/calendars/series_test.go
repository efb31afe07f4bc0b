package calendars_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"m365mcp/simulator/graph/service/servicetest"
)

const weekly = `"recurrence":{"pattern":{"type":"weekly","interval":1,"daysOfWeek":["monday"]},"range":{"type":"numbered","startDate":"2026-03-16","numberOfOccurrences":4}}`

func TestSeriesOverSummerTime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada")
	made := r.made(t, "Weekly", "2026-03-16T10:00:00", "2026-03-16T11:00:00", "W. Europe Standard Time", weekly)
	if made.Text("type") != "seriesMaster" || at(made.JSON, "recurrence.range.recurrenceTimeZone") != "W. Europe Standard Time" {
		t.Errorf("%s", made.Body)
	}
	all := view("2026-03-01", "2026-05-01")
	var starts []string
	for _, e := range r.Do(t, ada, "GET", all+"&$filter=contains(subject,%27Weekly%27)", "").Values(t) {
		starts = append(starts, at(e, "start.dateTime")[:16])
		if at(e, "type") != "occurrence" || at(e, "seriesMasterId") != made.Text("id") || e["recurrence"] != nil {
			t.Errorf("occurrence: %v", e)
		}
	}
	if want := []string{"2026-03-16T09:00", "2026-03-23T09:00", "2026-03-30T08:00", "2026-04-06T08:00"}; !slices.Equal(starts, want) {
		t.Errorf("starts %q, want %q", starts, want)
	}
	local := r.Do(t, ada, "GET", view("2026-03-30", "2026-03-31"), "", `Prefer: outlook.timezone="Europe/Berlin"`).Values(t)
	if len(local) != 1 || at(local[0], "start.dateTime") != "2026-03-30T10:00:00.0000000" {
		t.Errorf("local: %v", local)
	}
	window := servicetest.Query("startDateTime", "2026-03-20", "endDateTime", "2026-04-01")
	if got := r.Do(t, ada, "GET", "/me/events/"+made.Text("id")+"/instances"+window, "").Values(t); len(got) != 2 {
		t.Errorf("instances: %v", got)
	}
	r.Do(t, ada, "GET", "/me/events/"+made.Text("id")+"/instances", "").WantError(t, 400, "ErrorInvalidParameter")
}

func TestExceptions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada")
	made := r.made(t, "Weekly", "2026-03-16T10:00:00", "2026-03-16T11:00:00", "UTC", weekly)
	path := "/me/events/" + made.Text("id") + "/instances" + servicetest.Query("startDateTime", "2026-03-01", "endDateTime", "2026-05-01")
	ids := r.Do(t, ada, "GET", path, "").Column(t, "id")
	moved := r.Do(t, ada, "PATCH", "/me/events/"+ids[1], `{"subject":"Moved","start":{"dateTime":"2026-03-24T15:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-03-24T16:00:00","timeZone":"UTC"}}`)
	if moved.Text("type") != "exception" || moved.Text("id") != ids[1] || !strings.HasPrefix(moved.Text("originalStart"), "2026-03-23T10:00") {
		t.Errorf("moved: %s", moved.Body)
	}
	if got := r.Do(t, ada, "DELETE", "/me/events/"+ids[2], ""); got.Status != http.StatusNoContent {
		t.Errorf("%d", got.Status)
	}
	r.Do(t, ada, "GET", "/me/events/"+ids[2], "").WantError(t, 404, "ErrorItemNotFound")
	var seen []string
	for _, e := range r.Do(t, ada, "GET", path, "").Values(t) {
		seen = append(seen, at(e, "type")+" "+at(e, "start.dateTime")[5:16])
	}
	if want := []string{"occurrence 03-16T10:00", "exception 03-24T15:00", "occurrence 04-06T10:00"}; !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
	if got := r.Do(t, ada, "GET", view("2026-03-23", "2026-03-24"), "").Values(t); len(got) != 0 {
		t.Errorf("the old date still has %v", got)
	}
	master := r.Do(t, ada, "GET", "/me/events/"+made.Text("id")+"?$select=cancelledOccurrences", "")
	if list := at(master.JSON, "cancelledOccurrences"); list != `["OID.`+made.Text("id")+`.2026-03-30"]` {
		t.Errorf("cancelled: %s", list)
	}
	renamed := r.Do(t, ada, "PATCH", "/me/events/"+made.Text("id"), `{"location":{"displayName":"Room 1"}}`)
	if renamed.Text("changeKey") == made.Text("changeKey") {
		t.Error("the key of the series has not changed")
	}
	if got := r.Do(t, ada, "GET", "/me/events/"+ids[1], ""); at(got.JSON, "location.displayName") != "Room 1" || got.Text("subject") != "Moved" {
		t.Errorf("the exception after a change of the series: %s", got.Body)
	}
	r.Do(t, ada, "PATCH", "/me/events/"+ids[0], `{`+weekly+`}`).WantError(t, 400, "ErrorOccurrenceCrossingBoundary")
	immutable := r.Do(t, ada, "GET", path, "", `Prefer: IdType="ImmutableId"`).Column(t, "id")
	if got := r.Do(t, ada, "GET", "/me/events/"+immutable[0], ""); got.Text("id") != ids[0] {
		t.Errorf("by the immutable id: %s", got.Body)
	}
	shifted := r.Do(t, ada, "PATCH", "/me/events/"+made.Text("id"), `{"start":{"dateTime":"2026-03-16T12:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-03-16T13:00:00","timeZone":"UTC"}}`)
	if shifted.Status != 200 || len(r.Do(t, ada, "GET", path, "").Values(t)) != 4 {
		t.Errorf("a series at another time has no exceptions: %s", shifted.Body)
	}
	r.Do(t, ada, "DELETE", "/me/events/"+made.Text("id"), "")
	if got := r.Do(t, ada, "GET", view("2026-03-15", "2026-05-01"), "").Values(t); len(got) != 0 {
		t.Errorf("after the series: %v", got)
	}
}

func TestViewDelta(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada")
	series := r.made(t, "Weekly", "2026-03-16T10:00:00", "2026-03-16T11:00:00", "UTC", weekly)
	single := r.made(t, "Single", "2026-03-17T10:00:00", "2026-03-17T11:00:00", "UTC", "")
	first := r.Do(t, ada, "GET", "/me/calendarView/delta"+servicetest.Query("startDateTime", "2026-03-10", "endDateTime", "2026-04-01"), "", "Prefer: odata.maxpagesize=3")
	second := r.Do(t, ada, "GET", first.Text("@odata.nextLink"), "", "Prefer: odata.maxpagesize=3")
	link := second.Text("@odata.deltaLink")
	if len(first.Values(t)) != 3 || len(second.Values(t)) != 1 || link == "" {
		t.Fatalf("%s\n%s", first.Body, second.Body)
	}
	if quiet := r.Do(t, ada, "GET", link, ""); len(quiet.Values(t)) != 0 || quiet.Text("@odata.deltaLink") == "" {
		t.Errorf("%s", quiet.Body)
	}
	dropped := first.Column(t, "id")[0]
	r.Do(t, ada, "DELETE", "/me/events/"+dropped, "")
	r.Do(t, ada, "DELETE", "/me/events/"+single.Text("id"), "")
	fresh := r.made(t, "Fresh", "2026-03-18T10:00:00", "2026-03-18T11:00:00", "UTC", "")
	r.made(t, "Outside", "2026-05-18T10:00:00", "2026-05-18T11:00:00", "UTC", "")
	next := r.Do(t, ada, "GET", link, "")
	removed := map[string]bool{}
	ids := next.Column(t, "id")
	for _, x := range next.Values(t) {
		if x["@removed"] != nil {
			removed[at(x, "id")] = true
		}
	}
	if len(removed) != 2 || !removed[dropped] || !removed[single.Text("id")] || !slices.Contains(ids, fresh.Text("id")) {
		t.Errorf("changes: %s (series %s)", next.Body, series.Text("id"))
	}
	r.Do(t, ada, "GET", "/me/calendarView/delta", "").WantError(t, 400, "ErrorInvalidParameter")
	r.workload.ExpireDeltas()
	r.Do(t, ada, "GET", link, "").WantError(t, http.StatusGone, "syncStateNotFound")
}
