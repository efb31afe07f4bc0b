package tasks_test

import (
	"net/http"
	"slices"
	"testing"

	"m365mcp/simulator/graph/service/servicetest"
)

func TestPlanner(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, plan := r.as("ada", "Tasks.Read"), r.data.Plans[0]
	mine := r.Do(t, ada, "GET", "/me/planner/tasks", "")
	if got := mine.Column(t, "title"); len(got) != 5 || !slices.Contains(got, "Housings through customs") {
		t.Errorf("Ada's: %q", got)
	}
	first := mine.Values(t)[0]
	if categories, _ := first["appliedCategories"].(map[string]any); first["@odata.etag"] == nil || first["activeChecklistItemCount"] != 2.0 || categories["category3"] != true {
		t.Errorf("%v", first)
	}
	if got := r.Do(t, r.as("dalia", "Tasks.Read"), "GET", "/me/planner/tasks", "").Values(t); len(got) != 2 {
		t.Errorf("Dalia's: %v", got)
	}
	if got := r.Do(t, ada, "GET", "/me/planner/plans", "").Column(t, "title"); !slices.Equal(got, []string{plan.Title}) {
		t.Errorf("plans: %q", got)
	}
	path := "/planner/plans/" + plan.ID
	if got := r.Do(t, ada, "GET", path, ""); got.Text("owner") != plan.GroupID {
		t.Errorf("plan: %s", got.Body)
	}
	r.Do(t, ada, "GET", path+"/details", "")
	r.Do(t, ada, "GET", "/groups/"+plan.GroupID+"/planner/plans", "")
	buckets := r.Do(t, ada, "GET", path+"/buckets", "").Values(t)
	if len(buckets) != 3 || len(r.Do(t, ada, "GET", path+"/tasks", "").Values(t)) != 12 {
		t.Errorf("buckets: %v", buckets)
	}
	bucket := "/planner/buckets/" + plan.Buckets[0].ID
	r.Do(t, ada, "GET", bucket, "")
	if got := r.Do(t, ada, "GET", bucket+"/tasks?$select=title", "").Values(t); len(got) != 4 || got[0]["planId"] != nil {
		t.Errorf("tasks of the bucket: %v", got)
	}
	one := r.plannerTask(t, "Housings through customs")
	if got := r.Do(t, ada, "GET", one+"?$expand=details", ""); got.JSON["details"] == nil {
		t.Errorf("with details: %s", got.Body)
	}
	for _, p := range []string{path, path + "/tasks", path + "/buckets", bucket, one, one + "/details"} {
		r.Do(t, r.as("hiroko", "Tasks.Read"), "GET", p, "").WantError(t, 403, "")
	}
	r.Do(t, ada, "GET", "/planner/tasks/none", "").WantError(t, 404, "")
	r.Do(t, ada, "GET", "/me/planner/tasks"+servicetest.Query("$filter", "percentComplete eq 100"), "").WantError(t, 400, "BadRequest")
	r.Do(t, r.as("ada", "User.Read"), "GET", "/me/planner/tasks", "").WantError(t, 403, "Authorization_RequestDenied")
}

func TestPlannerTaskLifeCycle(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, plan := r.as("ada", everything), r.data.Plans[0]
	made := r.Do(t, ada, "POST", "/planner/tasks", `{"planId":"`+plan.ID+`","bucketId":"`+plan.Buckets[2].ID+`","title":"Spare labels","dueDateTime":"2026-12-01T10:00:00Z","priority":1,
		"assignments":{"`+r.id("bruno")+`":{"@odata.type":"#microsoft.graph.plannerAssignment","orderHint":" !"}}}`)
	if made.Status != http.StatusCreated || made.Header.Get("ETag") == "" || made.Text("title") != "Spare labels" {
		t.Fatalf("%d %s", made.Status, made.Body)
	}
	one, etag := "/planner/tasks/"+made.Text("id"), made.Header.Get("ETag")
	r.Do(t, ada, "PATCH", one, `{"title":"x"}`).WantError(t, 400, "")
	r.Do(t, ada, "DELETE", one, "").WantError(t, 400, "")
	body := `{"percentComplete":100,"assignments":{"` + r.id("bruno") + `":null,"` + r.id("chen") + `":{"@odata.type":"#microsoft.graph.plannerAssignment","orderHint":" !"}},"dueDateTime":null}`
	if got := r.Do(t, ada, "PATCH", one, body, "If-Match: "+etag); got.Status != http.StatusNoContent || len(got.Body) != 0 {
		t.Errorf("update: %d %s", got.Status, got.Body)
	}
	r.Do(t, ada, "PATCH", one, `{"title":"stale"}`, "If-Match: "+etag).WantError(t, 412, "")
	now := r.Do(t, ada, "GET", one, "")
	assignments, _ := now.JSON["assignments"].(map[string]any)
	if now.JSON["completedDateTime"] == nil || now.JSON["dueDateTime"] != nil || len(assignments) != 1 || assignments[r.id("chen")] == nil || now.Text("@odata.etag") <= etag {
		t.Errorf("after: %s", now.Body)
	}
	full := r.Do(t, ada, "PATCH", one, `{"percentComplete":50,"appliedCategories":{"category1":true}}`, "If-Match: "+now.Text("@odata.etag"), "Prefer: return=representation")
	if full.Status != http.StatusOK || full.JSON["completedDateTime"] != nil || full.Header.Get("Preference-Applied") != "return=representation" {
		t.Errorf("representation: %d %s", full.Status, full.Body)
	}
	details := r.Do(t, ada, "GET", one+"/details", "")
	text := `{"description":"Two rolls","checklist":{"a1":{"@odata.type":"microsoft.graph.plannerChecklistItem","title":"Ask","orderHint":" !"}},
		"references":{"https%3A//tideline%2Esharepoint%2Eexample/x":{"@odata.type":"#microsoft.graph.plannerExternalReference","alias":"x"}}}`
	if got := r.Do(t, ada, "PATCH", one+"/details", text, "If-Match: "+details.Text("@odata.etag")); got.Status != http.StatusNoContent {
		t.Errorf("details: %d %s", got.Status, got.Body)
	}
	last := r.Do(t, ada, "GET", one, "")
	if last.JSON["hasDescription"] != true || last.JSON["checklistItemCount"] != 1.0 || last.JSON["referenceCount"] != 1.0 {
		t.Errorf("counts: %s", last.Body)
	}
	if got := r.Do(t, ada, "DELETE", one, "", "If-Match: "+last.Text("@odata.etag")); got.Status != http.StatusNoContent {
		t.Errorf("delete: %d", got.Status)
	}
	r.Do(t, ada, "GET", one, "").WantError(t, 404, "")
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, plan := r.as("ada", everything), r.data.Plans[0].ID
	made := r.Do(t, ada, "POST", "/planner/buckets", `{"name":"After","planId":"`+plan+`","orderHint":" !"}`)
	path := "/planner/buckets/" + made.Text("id")
	r.Do(t, ada, "PATCH", path, `{"name":"x"}`).WantError(t, 400, "")
	got := r.Do(t, ada, "PATCH", path, `{"name":"Later"}`, "If-Match: "+made.Header.Get("ETag"), "Prefer: return=representation")
	if made.Status != http.StatusCreated || got.Text("name") != "Later" {
		t.Errorf("%s %s", made.Body, got.Body)
	}
	if gone := r.Do(t, ada, "DELETE", path, "", "If-Match: "+got.Text("@odata.etag")); gone.Status != http.StatusNoContent {
		t.Errorf("delete: %d %s", gone.Status, gone.Body)
	}
	r.Do(t, ada, "GET", path, "").WantError(t, 404, "")
	r.Do(t, ada, "POST", "/planner/buckets", `{"name":"x"}`).WantError(t, 400, "")
}

func TestPlannerTasksThatAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada", everything)
	in := `"planId":"` + r.data.Plans[0].ID + `",`
	for body, code := range map[string]string{
		`{"title":"x"}`:                                    "",
		`{` + in + `"title":""}`:                           "",
		`{` + in + `"title":"x","status":"open"}`:          "RequestBodyRead",
		`{` + in + `"title":"x","bucketId":"none"}`:        "",
		`{` + in + `"title":"x","percentComplete":101}`:    "",
		`{` + in + `"title":"x","priority":11}`:            "",
		`{` + in + `"title":"x","orderHint":"8585"}`:       "",
		`{` + in + `"title":"x","dueDateTime":"tomorrow"}`: "RequestBodyRead",
		`{` + in + `"title":"x","startDateTime":"2026-12-02T10:00:00Z","dueDateTime":"2026-12-01T10:00:00Z"}`:                    "",
		`{` + in + `"title":"x","assignments":{"nobody":{"@odata.type":"#microsoft.graph.plannerAssignment","orderHint":" !"}}}`: "",
		`{` + in + `"title":"x","assignments":{"` + r.id("bruno") + `":{"orderHint":" !"}}}`:                                     "",
		`{` + in + `"title":"x","assignments":{"` + r.id("bruno") + `":{"@odata.type":"#microsoft.graph.plannerAssignment"}}}`:   "",
		`{` + in + `"title":"x","appliedCategories":{"category26":true}}`:                                                        "",
		`{` + in + `"title":"x","createdDateTime":"2026-12-02T10:00:00Z"}`:                                                       "",
	} {
		t.Run(body, func(t *testing.T) { r.Do(t, ada, "POST", "/planner/tasks", body).WantError(t, 400, code) })
	}
	r.Do(t, r.as("hiroko", everything), "POST", "/planner/tasks", `{`+in+`"title":"x"}`).WantError(t, 403, "")
	r.Do(t, r.as("ada", "Tasks.Read"), "POST", "/planner/tasks", `{`+in+`"title":"x"}`).WantError(t, 403, "Authorization_RequestDenied")
}
