package calendars_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"m365mcp/simulator/graph/service/servicetest"
)

// TestOperationsAreMicrosofts holds templates and scopes against the published ones.
func TestOperationsAreMicrosofts(t *testing.T) {
	t.Parallel()
	micro := microsoft(t)
	for _, o := range newRig(t).workload.Operations() {
		if strings.HasPrefix(o.Template, "/users/") {
			continue // the twin of /me
		}
		template := regexp.MustCompile(`^/me/calendar/(calendarView|events)$`).ReplaceAllString(o.Template, "/me/calendar/$1")
		if !micro.Describes(o.Method, template) {
			t.Errorf("%s %s is not described", o.Method, o.Template)
		}
		for _, scope := range o.Scopes {
			if err := micro.Allowed(o.Method, template, []string{scope}); err != nil {
				t.Errorf("%s is too little: %v", scope, err)
			}
		}
		for _, scope := range o.Shared {
			if err := micro.AllowedShared(o.Method, template, []string{scope}); err != nil {
				t.Errorf("%s is too little for others: %v", scope, err)
			}
		}
	}
}

func TestEventLifeCycle(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada")
	made := r.made(t, "Review", "2026-03-10T10:00:00", "2026-03-10T11:30:00", "W. Europe Standard Time",
		`"location":{"displayName":"Room 4"},"body":{"contentType":"HTML","content":"<p>Figures &amp; facts</p>"},"categories":["Blue"],"importance":"high","showAs":"oof","transactionId":"once"`)
	if at(made.JSON, "start.dateTime") != "2026-03-10T09:00:00.0000000" || at(made.JSON, "start.timeZone") != "UTC" || made.Text("originalStartTimeZone") != "W. Europe Standard Time" {
		t.Errorf("start: %s", made.Body)
	}
	if made.Header.Get("Location") == "" || made.Header.Get("ETag") == "" || made.Text("bodyPreview") != "Figures & facts" || made.Text("type") != "singleInstance" || at(made.JSON, "responseStatus.response") != "organizer" {
		t.Errorf("%v %s", made.Header, made.Body)
	}
	again := r.made(t, "Review", "2026-03-10T10:00:00", "2026-03-10T11:30:00", "W. Europe Standard Time", `"transactionId":"once"`)
	if again.Text("id") != made.Text("id") {
		t.Error("the same transaction made a second event")
	}
	path := "/me/events/" + made.Text("id")
	zoned := r.Do(t, ada, "GET", path+"?$select=start,body", "", `Prefer: outlook.timezone="Tokyo Standard Time", outlook.body-content-type="text"`)
	if at(zoned.JSON, "start.dateTime") != "2026-03-10T18:00:00.0000000" || at(zoned.JSON, "start.timeZone") != "Tokyo Standard Time" || zoned.JSON["subject"] != nil {
		t.Errorf("zoned: %s", zoned.Body)
	}
	iana := r.Do(t, ada, "GET", path, "", `Prefer: outlook.body-content-type="text", outlook.timezone="Asia/Kolkata"`)
	if at(iana.JSON, "end.dateTime") != "2026-03-10T16:00:00.0000000" || at(iana.JSON, "body.content") != "Figures & facts" || !strings.Contains(iana.Header.Get("Preference-Applied"), `outlook.timezone="Asia/Kolkata"`) {
		t.Errorf("iana: %s %v", iana.Body, iana.Header)
	}
	r.Do(t, ada, "GET", path, "", `Prefer: outlook.timezone="Atlantis"`).WantError(t, 400, "TimeZoneNotSupportedException")
	immutable := r.Do(t, ada, "GET", path, "", `Prefer: IdType="ImmutableId"`).Text("id")
	if immutable == made.Text("id") || r.Do(t, ada, "GET", "/me/events/"+immutable, "").Text("iCalUId") != made.Text("iCalUId") {
		t.Errorf("immutable: %q", immutable)
	}
	changed := r.Do(t, ada, "PATCH", path, `{"subject":"Review II","location":{"displayName":"Room 5"}}`, "If-Match: "+made.Header.Get("ETag"))
	if changed.Status != 200 || changed.Text("subject") != "Review II" || changed.Text("changeKey") == made.Text("changeKey") || at(changed.JSON, "categories") != `["Blue"]` {
		t.Errorf("changed: %d %s", changed.Status, changed.Body)
	}
	r.Do(t, ada, "PATCH", path, `{"subject":"x"}`, "If-Match: "+made.Header.Get("ETag")).WantError(t, 412, "ErrorIrresolvableConflict")
	r.Do(t, ada, "DELETE", path, "", "If-Match: "+made.Header.Get("ETag")).WantError(t, 412, "ErrorIrresolvableConflict")
	r.Do(t, r.as("emeka"), "GET", path, "").WantError(t, 404, "ErrorItemNotFound")
	if got := r.Do(t, ada, "DELETE", path, ""); got.Status != http.StatusNoContent {
		t.Errorf("deleted: %d", got.Status)
	}
	r.Do(t, ada, "GET", path, "").WantError(t, 404, "ErrorItemNotFound")
	r.Do(t, ada, "GET", "/me/events/short", "").WantError(t, 400, "ErrorInvalidIdMalformed")
}

func TestEventsThatAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada")
	times := func(from, to string) string {
		return `"start":{"dateTime":"` + from + `","timeZone":"UTC"},"end":{"dateTime":"` + to + `","timeZone":"UTC"}`
	}
	good := times("2026-03-10T10:00:00", "2026-03-10T11:00:00")
	series := func(pattern, span string) string {
		return `{` + good + `,"recurrence":{"pattern":` + pattern + `,"range":` + span + `}}`
	}
	daily, fromThen := `{"type":"daily","interval":1}`, `{"type":"noEnd","startDate":"2026-03-10"}`
	for body, code := range map[string]string{
		`{}`:                               "ErrorPropertyValidationFailure",
		`{` + good + `,"title":"x"}`:       "RequestBodyRead",
		`{` + good + `,"showAs":"asleep"}`: "RequestBodyRead",
		`{` + good + `,"start":"now"}`:     "BadRequest",
		`{` + times("2026-03-10T10:00:00", "2026-03-10T09:00:00") + `}`:                                              "ErrorPropertyValidationFailure",
		`{` + times("2026-03-10T10:00:00Z", "2026-03-10T11:00:00+01:00") + `}`:                                       "ErrorPropertyValidationFailure",
		`{` + times("tomorrow", "2026-03-10T11:00:00") + `}`:                                                         "ErrorPropertyValidationFailure",
		`{` + times("2026-03-10T10:00:00", "2026-03-11T10:00:00") + `,"isAllDay":true}`:                              "ErrorInvalidRequest",
		`{` + times("2026-03-10T00:00:00", "2026-03-10T00:00:00") + `,"isAllDay":true}`:                              "ErrorInvalidRequest",
		`{"start":{"dateTime":"2026-03-10T10:00:00"},"end":{"dateTime":"2026-03-10T10:00:00"}}`:                      "TimeZoneNotSupportedException",
		`{` + good + `,"attendees":[{"emailAddress":{"address":"nobody"}}]}`:                                         "ErrorInvalidRecipients",
		`{` + good + `,"attendees":[{"emailAddress":{"mail":"x@example.com"}}]}`:                                     "RequestBodyRead",
		`{` + good + `,"body":{"contentType":"markdown","content":"x"}}`:                                             "RequestBodyRead",
		series(`{"type":"weekly","interval":1}`, fromThen):                                                           "ErrorPropertyValidationFailure",
		series(`{"type":"daily","interval":0}`, fromThen):                                                            "ErrorPropertyValidationFailure",
		series(`{"type":"hourly","interval":1}`, fromThen):                                                           "RequestBodyRead",
		series(`{"type":"weekly","interval":1,"daysOfWeek":["someday"]}`, fromThen):                                  "RequestBodyRead",
		series(daily, `{"type":"noEnd","startDate":"2026-03-11"}`):                                                   "ErrorPropertyValidationFailure",
		series(daily, `{"type":"numbered","startDate":"2026-03-10"}`):                                                "ErrorPropertyValidationFailure",
		series(daily, `{"type":"endDate","startDate":"2026-03-10","endDate":"2026-03-01"}`):                          "ErrorPropertyValidationFailure",
		series(daily, `{"type":"noEnd","startDate":"2026-03-10","recurrenceTimeZone":"Nowhere"}`):                    "TimeZoneNotSupportedException",
		`{` + good + `,"recurrence":{"pattern":{"type":"daily","interval":1}}}`:                                      "ErrorPropertyValidationFailure",
		`{` + good + `,"isOnlineMeeting":true,"onlineMeetingProvider":"skypeForBusiness"}`:                           "ErrorPropertyValidationFailure",
		`{` + good + `,"attachments":[{"@odata.type":"#microsoft.graph.fileAttachment","contentBytes":"aGVsbG8="}]}`: "ErrorInvalidArgument",
	} {
		r.Do(t, ada, "POST", "/me/events", body).WantError(t, 400, code)
	}
	for _, path := range []string{
		"/me/calendarView", "/me/calendarView?startDateTime=2026-03-01T00:00:00", "/me/calendarView?startDateTime=x&endDateTime=y",
		view("2026-03-10", "2026-03-01"), view("2020-01-01", "2026-03-01"), view("2026-03-01", "2026-03-02", "$select", "createdDateTime"),
		view("2026-03-01", "2026-03-02", "$select", "colour"), "/me/events?$filter=colour%20eq%201", "/me/events?$orderby=start", "/me/events?$search=x",
	} {
		if got := r.Do(t, ada, "GET", path, ""); got.Status != 400 {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
	r.Do(t, r.as("ada", "Calendars.Read"), "POST", "/me/events", `{`+good+`}`).WantError(t, 403, "ErrorAccessDenied")
	r.Do(t, r.as("ada", "Mail.Read"), "GET", "/me/events", "").WantError(t, 403, "ErrorAccessDenied")
}

func TestListsAndViews(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada")
	r.made(t, "Later", "2026-03-10T15:00:00", "2026-03-10T16:00:00", "UTC", "")
	r.made(t, "Earlier", "2026-03-10T08:00:00", "2026-03-10T09:00:00", "UTC", `"showAs":"free"`)
	r.made(t, "Trade fair", "2026-03-09T00:00:00", "2026-03-12T00:00:00", "Tokyo Standard Time", `"isAllDay":true`)
	for name, c := range map[string]struct {
		path string
		want []string
	}{
		"view":              {view("2026-03-10T00:00:00", "2026-03-11T00:00:00Z"), []string{"Trade fair", "Earlier", "Later"}},
		"offset":            {view("2026-03-10T15:00:00+08:00", "2026-03-10T16:30:00+08:00"), []string{"Trade fair", "Earlier"}},
		"ends at its start": {view("2026-03-10T09:00:00", "2026-03-10T15:00:00"), []string{"Trade fair"}},
		"order":             {view("2026-03-10", "2026-03-11", "$orderby", "start/dateTime desc"), []string{"Later", "Earlier", "Trade fair"}},
		"top":               {view("2026-03-10", "2026-03-11", "$top", "1", "$skip", "1"), []string{"Earlier"}},
		"filter":            {view("2026-03-10", "2026-03-11", "$filter", "showAs eq 'busy' and isAllDay eq false"), []string{"Later"}},
		"events":            {"/me/events" + servicetest.Query("$filter", "start/dateTime ge '2026-03-10T15:00:00'"), []string{"Later"}},
		"of a calendar":     {"/me/calendar/events" + servicetest.Query("$filter", "contains(subject,'ear')"), []string{"Earlier"}},
	} {
		if got := r.Do(t, ada, "GET", c.path, "").Column(t, "subject"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	day := r.Do(t, ada, "GET", view("2026-03-10", "2026-03-11"), "", `Prefer: outlook.timezone="Pacific Standard Time"`).Values(t)[0]
	if at(day, "start.dateTime") != "2026-03-09T00:00:00.0000000" || at(day, "start.timeZone") != "Pacific Standard Time" || at(day, "showAs") != "free" {
		t.Errorf("all day: %v", day)
	}
	first := r.Do(t, ada, "GET", view("2026-03-10", "2026-03-11", "$top", "2", "$count", "true"), "")
	if !strings.Contains(first.Text("@odata.nextLink"), "startDateTime=") {
		t.Errorf("link: %s", first.Text("@odata.nextLink"))
	}
	if second := r.Do(t, ada, "GET", first.Text("@odata.nextLink"), "").Column(t, "subject"); !slices.Equal(second, []string{"Later"}) || first.JSON["@odata.count"] != 3.0 {
		t.Errorf("pages: %q %s", second, first.Body)
	}
	basic := r.Do(t, r.as("ada", "Calendars.ReadBasic"), "GET", "/me/events", "").Values(t)[0]
	if basic["body"] != nil || basic["bodyPreview"] != nil || basic["subject"] == nil {
		t.Errorf("basic: %v", basic)
	}
}

func TestCalendars(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada")
	made := r.Do(t, ada, "POST", "/me/calendars", `{"name":"Travel","color":"lightBlue"}`)
	if made.Status != http.StatusCreated {
		t.Fatalf("%d %s", made.Status, made.Body)
	}
	r.Do(t, ada, "POST", "/me/calendars", `{"name":"travel"}`).WantError(t, 409, "ErrorFolderExists")
	r.Do(t, ada, "POST", "/me/calendars", `{}`).WantError(t, 400, "ErrorPropertyValidationFailure")
	r.Do(t, ada, "POST", "/me/calendars", `{"title":"x"}`).WantError(t, 400, "RequestBodyRead")
	if got := r.Do(t, ada, "GET", "/me/calendars", "").Column(t, "name"); !slices.Equal(got, []string{"Calendar", "Travel"}) {
		t.Errorf("calendars: %q", got)
	}
	if got := r.Do(t, ada, "GET", "/me/calendar?$select=name,isDefaultCalendar,owner", ""); got.JSON["isDefaultCalendar"] != true || at(got.JSON, "owner.address") != "ada@tideline.example" {
		t.Errorf("default: %s", got.Body)
	}
	path := "/me/calendars/" + made.Text("id")
	r.Do(t, ada, "GET", path, "")
	event := r.Do(t, ada, "POST", path+"/events", `{"subject":"Train","start":{"dateTime":"2026-03-10T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-03-10T12:00:00","timeZone":"UTC"},
		"attachments":[{"@odata.type":"#microsoft.graph.fileAttachment","name":"ticket.txt","contentBytes":"aGVsbG8="}]}`)
	if event.Status != http.StatusCreated || event.JSON["hasAttachments"] != true {
		t.Fatalf("%d %s", event.Status, event.Body)
	}
	one := path + "/events/" + event.Text("id")
	if got := r.Do(t, ada, "PATCH", one, `{"subject":"Night train"}`); got.Text("subject") != "Night train" {
		t.Errorf("%s", got.Body)
	}
	if got := r.Do(t, ada, "GET", path+"/calendarView"+servicetest.Query("startDateTime", "2026-03-10", "endDateTime", "2026-03-11"), "").Column(t, "subject"); !slices.Equal(got, []string{"Night train"}) {
		t.Errorf("view: %q", got)
	}
	if got := r.Do(t, ada, "GET", view("2026-03-10", "2026-03-11"), "").Values(t); len(got) != 0 {
		t.Errorf("the default calendar has %v", got)
	}
	files := r.Do(t, ada, "GET", "/me/events/"+event.Text("id")+"/attachments", "").Values(t)
	if len(files) != 1 || files[0]["contentBytes"] != "aGVsbG8=" {
		t.Fatalf("files: %v", files)
	}
	if got := r.Do(t, ada, "GET", "/me/events/"+event.Text("id")+"/attachments/"+at(files[0], "id"), ""); got.Text("name") != "ticket.txt" {
		t.Errorf("file: %s", got.Body)
	}
	value := "/me/events/" + event.Text("id") + "/attachments/" + at(files[0], "id") + "/$value"
	if got := r.Do(t, ada, "GET", value, ""); string(got.Body) != "hello" || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("content: %q, %v", got.Body, got.Header)
	}
	r.Do(t, r.as("bruno"), "GET", value, "").WantError(t, 404, "ErrorItemNotFound")
	r.Do(t, r.as("ada", "Calendars.ReadBasic"), "GET", "/me/events/"+event.Text("id")+"/attachments", "").WantError(t, 403, "ErrorAccessDenied")
	r.Do(t, ada, "DELETE", one, "")
	r.Do(t, ada, "GET", one, "").WantError(t, 404, "ErrorItemNotFound")
	r.Do(t, ada, "GET", "/me/calendars/none/events", "").WantError(t, 400, "ErrorInvalidIdMalformed")
}

func TestSharedCalendars(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.made(t, "Open", "2026-03-10T10:00:00", "2026-03-10T11:00:00", "UTC", "")
	secret := r.made(t, "Doctor", "2026-03-10T12:00:00", "2026-03-10T13:00:00", "UTC", `"sensitivity":"private","location":{"displayName":"Clinic"},"body":{"contentType":"text","content":"knee"}`)
	bruno := r.as("bruno")
	window := servicetest.Query("startDateTime", "2026-03-10", "endDateTime", "2026-03-11")
	got := r.Do(t, bruno, "GET", "/users/ada@tideline.example/calendarView"+window, "")
	if subjects := got.Column(t, "subject"); !slices.Equal(subjects, []string{"Open", "Private Appointment"}) || strings.Contains(string(got.Body), "Clinic") || strings.Contains(string(got.Body), "knee") {
		t.Errorf("what Bruno sees: %s", got.Body)
	}
	body := `{"subject":"From Ada","start":{"dateTime":"2026-03-10T10:00:00","timeZone":"UTC"},"end":{"dateTime":"2026-03-10T11:00:00","timeZone":"UTC"}}`
	r.Do(t, bruno, "POST", "/users/ada@tideline.example/events", body).WantError(t, 403, "ErrorAccessDenied")
	r.Do(t, bruno, "DELETE", "/users/ada@tideline.example/events/"+secret.Text("id"), "").WantError(t, 403, "ErrorAccessDenied")
	made := r.Do(t, r.as("ada"), "POST", "/users/gauri@tideline.example/calendar/events", body)
	if made.Status != http.StatusCreated || at(made.JSON, "organizer.emailAddress.address") != "gauri@tideline.example" {
		t.Errorf("Ada writes Gauri's: %d %s", made.Status, made.Body)
	}
	if r.mine(t, "gauri", "From Ada") == nil {
		t.Error("it is not in Gauri's calendar")
	}
	if edit := r.Do(t, r.as("ada"), "GET", "/users/gauri@tideline.example/calendar", ""); edit.JSON["canEdit"] != true {
		t.Errorf("%s", edit.Body)
	}
	for who, path := range map[string]string{"emeka": "/users/ada@tideline.example/events", "ada": "/users/freya@tideline.example/calendars"} {
		r.Do(t, r.as(who), "GET", path, "").WantError(t, 403, "ErrorAccessDenied")
	}
	r.Do(t, r.as("bruno", "Calendars.ReadWrite"), "GET", "/users/ada@tideline.example/events", "").WantError(t, 403, "ErrorAccessDenied")
}
