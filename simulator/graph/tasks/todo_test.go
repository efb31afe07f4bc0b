package tasks_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/service/servicetest"
	"m365mcp/simulator/graph/tasks"
)

// TestOperationsAreMicrosofts holds templates and scopes against the published ones.
func TestOperationsAreMicrosofts(t *testing.T) {
	t.Parallel()
	micro := microsoft(t)
	for _, o := range tasks.New(dataset.Load(start()), &dataset.Tasks{}).Operations() {
		if !micro.Describes(o.Method, o.Template) {
			t.Errorf("%s %s is not described", o.Method, o.Template)
		}
		for _, scope := range o.Scopes {
			if err := micro.Allowed(o.Method, o.Template, []string{scope}); err != nil {
				t.Errorf("%s is too little: %v", scope, err)
			}
		}
		for _, least := range micro.Least(o.Method, o.Template) {
			if !slices.Contains(o.Scopes, least) {
				t.Errorf("%s %s does not take %s", o.Method, o.Template, least)
			}
		}
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada", everything)
	all := r.Do(t, ada, "GET", "/me/todo/lists", "")
	if got := all.Column(t, "wellknownListName"); !slices.Equal(got, []string{"defaultList", "flaggedEmails", "none", "none"}) {
		t.Errorf("lists: %q", got)
	}
	if got := r.Do(t, ada, "GET", "/me/todo/lists"+servicetest.Query("$filter", "displayName eq 'Private'"), "").Values(t); len(got) != 1 {
		t.Errorf("filtered: %v", got)
	}
	made := r.Do(t, ada, "POST", "/me/todo/lists", `{"displayName":"Harbour"}`)
	if made.Status != http.StatusCreated || made.Header.Get("ETag") == "" {
		t.Fatalf("%d %s", made.Status, made.Body)
	}
	path := "/me/todo/lists/" + made.Text("id")
	if got := r.Do(t, ada, "PATCH", path, `{"displayName":"Port"}`); got.Text("displayName") != "Port" {
		t.Errorf("renamed: %s", got.Body)
	}
	r.Do(t, ada, "PATCH", path, `{"displayName":"x"}`, "If-Match: "+made.Header.Get("ETag")).WantError(t, 412, "ErrorIrresolvableConflict")
	if got := r.Do(t, ada, "GET", path, ""); got.Text("displayName") != "Port" {
		t.Errorf("read: %s", got.Body)
	}
	r.Do(t, r.as("bruno", everything), "GET", path, "").WantError(t, 404, "ErrorItemNotFound")
	if got := r.Do(t, ada, "DELETE", path, ""); got.Status != http.StatusNoContent {
		t.Errorf("deleted: %d", got.Status)
	}
	r.Do(t, ada, "GET", path, "").WantError(t, 404, "ErrorItemNotFound")
	r.Do(t, ada, "DELETE", r.list(t, "Tasks"), "").WantError(t, 400, "invalidRequest")
	r.Do(t, ada, "POST", "/me/todo/lists", `{}`).WantError(t, 400, "invalidRequest")
	r.Do(t, ada, "GET", "/me/todo/lists/short", "").WantError(t, 400, "invalidRequest")
	r.Do(t, r.as("ada", "Tasks.Read"), "POST", "/me/todo/lists", `{"displayName":"x"}`).WantError(t, 403, "ErrorAccessDenied")
}

func TestTasksAreFoundAndSorted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, path := r.as("ada", "Tasks.Read"), r.list(t, "Tasks")+"/tasks"
	for name, c := range map[string]struct {
		query string
		want  int
	}{
		"all":            {"", 10},
		"open":           {servicetest.Query("$filter", "status ne 'completed'"), 8},
		"due by tonight": {servicetest.Query("$filter", "dueDateTime/dateTime le '2026-11-23T23:59:59' and status ne 'completed'"), 3},
		"important":      {servicetest.Query("$filter", "importance eq 'high'"), 2},
		"of a title":     {servicetest.Query("$filter", "startswith(title,'Freight')"), 1},
		"categories":     {servicetest.Query("$filter", "categories/any(c:c eq 'Lisbon')"), 3},
		"top":            {"?$top=4", 4},
		"skip":           {"?$skip=8", 2},
	} {
		if got := r.Do(t, ada, "GET", path+c.query, ""); got.Status != http.StatusOK || len(got.Values(t)) != c.want {
			t.Errorf("%s: %d, want %d tasks: %s", name, got.Status, c.want, got.Body)
		}
	}
	sorted := r.Do(t, ada, "GET", path+servicetest.Query("$filter", "dueDateTime/dateTime gt '2026-01-01'", "$orderby", "dueDateTime/dateTime", "$select", "title,dueDateTime"), "").Values(t)
	last := ""
	for _, task := range sorted {
		due, _ := task["dueDateTime"].(map[string]any)
		at, _ := due["dateTime"].(string)
		if at == "" || at < last || due["timeZone"] != "UTC" || task["status"] != nil {
			t.Errorf("not sorted or not selected: %v", task)
		}
		last = at
	}
	var paged []string
	for next := path + "?$top=3"; next != ""; {
		page := r.Do(t, ada, "GET", next, "")
		paged, next = append(paged, page.Column(t, "id")...), page.Text("@odata.nextLink")
	}
	if len(paged) != 10 {
		t.Errorf("%d on pages", len(paged))
	}
	expanded := r.Do(t, ada, "GET", path+"?$expand=checklistItems&$top=1", "").Values(t)[0]
	if steps, _ := expanded["checklistItems"].([]any); len(steps) != 3 {
		t.Errorf("expanded: %v", expanded)
	}
	for _, query := range []string{"?$expand=extras", "?$filter=nothing%20eq%201", "?$orderby=dueDateTime", "?$search=x"} {
		if got := r.Do(t, ada, "GET", path+query, ""); got.Status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, got.Status)
		}
	}
	flagged := r.Do(t, ada, "GET", r.list(t, "Flagged Emails")+"/tasks", "").Values(t)
	if links, _ := flagged[0]["linkedResources"].([]any); len(flagged) != 2 || len(links) != 1 {
		t.Errorf("flagged: %v", flagged)
	}
}

func TestTaskLifeCycle(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, path := r.as("ada", everything), r.list(t, "Tasks")+"/tasks"
	made := r.Do(t, ada, "POST", path, `{"title":"Call Rui","importance":"high","body":{"content":"Bay 4","contentType":"text"},"categories":["Lisbon"],
		"dueDateTime":{"dateTime":"2026-11-25T17:00:00","timeZone":"W. Europe Standard Time"},"reminderDateTime":{"dateTime":"2026-11-25T08:00:00.0000000","timeZone":"Europe/Lisbon"},
		"recurrence":{"pattern":{"type":"weekly","interval":1,"daysOfWeek":["monday"]},"range":{"type":"noEnd","startDate":"2026-11-25"}},
		"linkedResources":[{"displayName":"Mail","webUrl":"https://outlook.office.example/x","applicationName":"Outlook"}],"checklistItems":[{"displayName":"Number"}]}`)
	if made.Status != http.StatusCreated || made.JSON["isReminderOn"] != true || made.JSON["recurrence"] == nil {
		t.Fatalf("%d %s", made.Status, made.Body)
	}
	one := path + "/" + made.Text("id")
	if due, _ := made.JSON["dueDateTime"].(map[string]any); due["dateTime"] != "2026-11-25T17:00:00.0000000" || due["timeZone"] != "W. Europe Standard Time" {
		t.Errorf("due: %v", due)
	}
	done := r.Do(t, ada, "PATCH", one, `{"status":"completed","dueDateTime":null,"recurrence":null}`)
	if done.JSON["completedDateTime"] == nil || done.JSON["dueDateTime"] != nil || done.Text("title") != "Call Rui" {
		t.Errorf("completed: %s", done.Body)
	}
	if got := r.Do(t, ada, "PATCH", one, `{"status":"inProgress"}`); got.JSON["completedDateTime"] != nil {
		t.Errorf("reopened: %s", got.Body)
	}
	step := r.Do(t, ada, "POST", one+"/checklistItems", `{"displayName":"Dial"}`)
	at := one + "/checklistItems/" + step.Text("id")
	if got := r.Do(t, ada, "PATCH", at, `{"isChecked":true}`); got.JSON["checkedDateTime"] == nil {
		t.Errorf("checked: %s", got.Body)
	}
	r.Do(t, ada, "GET", at, "")
	if got := r.Do(t, ada, "GET", one+"/checklistItems", "").Column(t, "displayName"); !slices.Equal(got, []string{"Number", "Dial"}) {
		t.Errorf("steps: %q", got)
	}
	r.Do(t, ada, "DELETE", at, "")
	r.Do(t, ada, "GET", at, "").WantError(t, 404, "ErrorItemNotFound")
	r.Do(t, ada, "POST", one+"/linkedResources", `{"displayName":"Chat"}`)
	if got := r.Do(t, ada, "GET", one+"/linkedResources", "").Values(t); len(got) != 2 {
		t.Errorf("links: %v", got)
	}
	r.Do(t, ada, "PATCH", one, `{"title":"x"}`, "If-Match: "+made.Header.Get("ETag")).WantError(t, 412, "ErrorIrresolvableConflict")
	if got := r.Do(t, ada, "DELETE", one, ""); got.Status != http.StatusNoContent {
		t.Errorf("delete: %d", got.Status)
	}
	r.Do(t, ada, "GET", one, "").WantError(t, 404, "ErrorItemNotFound")
}

func TestTasksThatAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada", everything)
	for body, code := range map[string]string{
		`{}`:                                       "invalidRequest",
		`{"title":" "}`:                            "invalidRequest",
		`{"title":"x","status":"done"}`:            "invalidRequest",
		`{"title":"x","importance":"huge"}`:        "invalidRequest",
		`{"title":"x","due":"today"}`:              "RequestBodyRead",
		`{"title":"x","dueDateTime":"2026-11-25"}`: "BadRequest",
		`{"title":"x","dueDateTime":{"dateTime":"tomorrow","timeZone":"UTC"}}`:              "invalidRequest",
		`{"title":"x","dueDateTime":{"dateTime":"2026-11-25T10:00:00"}}`:                    "TimeZoneNotSupportedException",
		`{"title":"x","dueDateTime":{"dateTime":"2026-11-25T10:00:00","timeZone":"CET+1"}}`: "TimeZoneNotSupportedException",
		`{"title":"x","recurrence":{"pattern":{"type":"daily"}}}`:                           "invalidRequest",
		`{"title":"x","body":{"contentType":"markdown","content":"x"}}`:                     "invalidRequest",
	} {
		t.Run(body, func(t *testing.T) { r.Do(t, ada, "POST", r.list(t, "Tasks")+"/tasks", body).WantError(t, 400, code) })
	}
	r.Do(t, ada, "POST", r.list(t, "Flagged Emails")+"/tasks", `{"title":"x"}`).WantError(t, 400, "invalidRequest")
	r.Do(t, r.as("ada", "Tasks.Read"), "POST", r.list(t, "Tasks")+"/tasks", `{"title":"x"}`).WantError(t, 403, "ErrorAccessDenied")
	r.Do(t, r.as("bruno", everything), "GET", r.list(t, "Tasks")+"/tasks", "").WantError(t, 404, "ErrorItemNotFound")
}

func TestTodoDelta(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, path := r.as("ada", everything), r.list(t, "Private")+"/tasks"
	first := r.Do(t, ada, "GET", path+"/delta?$top=2", "")
	second := r.Do(t, ada, "GET", first.Text("@odata.nextLink"), "")
	ids := slices.Concat(first.Column(t, "id"), second.Column(t, "id"))
	link := second.Text("@odata.deltaLink")
	if len(ids) != 3 || link == "" {
		t.Fatalf("%s %s", first.Body, second.Body)
	}
	made := r.Do(t, ada, "POST", path, `{"title":"New"}`)
	r.Do(t, ada, "PATCH", path+"/"+ids[1], `{"importance":"high"}`)
	r.Do(t, ada, "DELETE", path+"/"+ids[0], "")
	next := r.Do(t, ada, "GET", link, "")
	last := r.Do(t, ada, "GET", next.Text("@odata.nextLink"), "")
	if got := slices.Concat(next.Column(t, "id"), last.Column(t, "id")); !slices.Equal(got, []string{made.Text("id"), ids[1], ids[0]}) || !strings.Contains(string(last.Body), "@removed") {
		t.Errorf("changes: %s %s", next.Body, last.Body)
	}
	if !regexp.MustCompile(`^AAMk[A-Za-z0-9_-]{148}$`).MatchString(made.Text("id")) {
		t.Errorf("the id %s", made.Text("id"))
	}
	lists := r.Do(t, ada, "GET", "/me/todo/lists/delta()", "")
	r.Do(t, ada, "POST", "/me/todo/lists", `{"displayName":"One more"}`)
	if got := r.Do(t, ada, "GET", lists.Text("@odata.deltaLink"), "").Column(t, "displayName"); !slices.Equal(got, []string{"One more"}) {
		t.Errorf("lists: %q", got)
	}
	r.workload.ExpireDeltas()
	r.Do(t, ada, "GET", link, "").WantError(t, http.StatusGone, "syncStateNotFound")
}
