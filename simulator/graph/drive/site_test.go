package drive_test

import (
	"slices"
	"strings"
	"testing"

	"m365mcp/simulator/graph/service/servicetest"
)

func TestSites(t *testing.T) {
	t.Parallel()
	r := start(t)
	id := r.site("operations").ID
	for _, path := range []string{"/sites/" + id, "/sites/tideline.sharepoint.example:/sites/operations", "/sites/tideline.sharepoint.example:/sites/operations:", "/sites/" + strings.Split(id, ",")[1]} {
		if got := r.get(t, path); got.Text("id") != id || got.Text("displayName") != "Operations & Logistics" {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	for search, want := range map[string]int{"*": 2, "pelago": 1, "nothing": 0, "Rotterdam": 1} {
		if got := r.get(t, "/sites"+servicetest.Query("search", search)).Values(t); len(got) != want {
			t.Errorf("search %s: %v", search, got)
		}
	}
	r.as(t, "dalia", "GET", "/sites/"+id, "").WantError(t, 403, "accessDenied")
	r.get(t, "/sites/nothing").WantError(t, 404, "itemNotFound")
	if got := r.as(t, "dalia", "GET", "/sites?search=*", "").Values(t); len(got) != 0 {
		t.Errorf("a stranger sees %v", got)
	}
	if got := r.as(t, "hiroko", "GET", "/me/followedSites", "").Values(t); len(got) != 0 {
		t.Errorf("a visitor follows %v", got)
	}
	if got := r.get(t, "/me/followedSites?$select=name").Values(t); len(got) != 2 {
		t.Errorf("followed: %v", got)
	}
	if got := r.get(t, "/sites/"+id+"/sites").Values(t); len(got) != 0 {
		t.Errorf("subsites: %v", got)
	}
	if got := r.get(t, "/sites/"+id+"/drives").Column(t, "id"); !slices.Equal(got, []string{r.library("operations").ID}) {
		t.Errorf("drives: %v", got)
	}
	if got := r.get(t, "/sites/"+id+"/drive"); got.Text("driveType") != "documentLibrary" {
		t.Errorf("library: %s", got.Body)
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	r := start(t)
	lists := "/sites/" + r.site("operations").ID + "/lists"
	if got := r.get(t, lists).Column(t, "displayName"); !slices.Equal(got, []string{"Documents", "Projects"}) {
		t.Errorf("lists: %v", got)
	}
	projects := r.get(t, lists+"/Projects")
	if object(t, projects.JSON["list"])["template"] != "genericList" {
		t.Errorf("list: %s", projects.Body)
	}
	columns := r.get(t, lists+"/"+projects.Text("id")+"/columns").Values(t)
	if len(columns) != 6 || columns[0]["indexed"] != true || columns[1]["choice"] == nil {
		t.Errorf("columns: %v", columns)
	}
	r.get(t, lists+"/Nothing").WantError(t, 404, "itemNotFound")

	items := lists + "/Projects/items"
	bare := r.get(t, items).Values(t)
	if len(bare) != 15 || bare[0]["fields"] != nil {
		t.Errorf("%d rows, %v", len(bare), bare[0])
	}
	some := r.get(t, items+servicetest.Query("$expand", "fields($select=Title,Status)", "$top", "4"))
	fields := object(t, some.Values(t)[0]["fields"])
	if fields["Title"] != "Pelago 2 launch" || fields["Budget"] != nil || some.Text("@odata.nextLink") == "" {
		t.Errorf("fields: %s", some.Body)
	}
	const prefer = "Prefer: HonorNonIndexedQueriesWarningMayFailRandomly"
	count := func(filter string, headers ...string) int {
		return len(r.get(t, items+servicetest.Query("$filter", filter, "$expand", "fields"), headers...).Values(t))
	}
	if n := count("fields/Title eq 'Budget round'"); n != 1 { // indexed
		t.Errorf("by title: %d", n)
	}
	if n := count("fields/Status eq 'Running' and fields/Budget ge 10000", prefer); n != 4 {
		t.Errorf("running: %d", n)
	}
	if n := count("startswith(fields/Owner, 'Ada') and fields/Confidential eq false", prefer); n != 4 {
		t.Errorf("Ada's: %d", n)
	}
	r.get(t, items+servicetest.Query("$filter", "fields/Status eq 'Running'")).WantError(t, 400, "invalidRequest")
	r.get(t, items+servicetest.Query("$orderby", "fields/Budget")).WantError(t, 400, "invalidRequest")
	r.get(t, items+servicetest.Query("$filter", "fields/Colour eq 'x'"), prefer).WantError(t, 400, "BadRequest")
	r.get(t, items+servicetest.Query("$expand", "fields($select=Title")).WantError(t, 400, "invalidRequest")
	r.get(t, items+servicetest.Query("$expand", "driveItem")).WantError(t, 400, "notSupported")
	sorted := r.get(t, items+servicetest.Query("$orderby", "fields/Budget desc", "$expand", "fields", "$top", "2"), prefer).Values(t)
	if object(t, sorted[0]["fields"])["Title"] != "Pelago 2 launch" || object(t, sorted[1]["fields"])["Title"] != "Elmshaven network (24 buoys)" {
		t.Errorf("by budget: %v", sorted)
	}

	row := r.get(t, items+"/3")
	if object(t, row.JSON["fields"])["Title"] != "Replacement of lot 2406-B" {
		t.Errorf("row: %s", row.Body)
	}
	if got := r.get(t, items+"/3/fields"); got.Text("Owner") != "Bruno Carvalho" {
		t.Errorf("fields: %s", got.Body)
	}
	r.get(t, items+"/99").WantError(t, 404, "itemNotFound")
	r.as(t, "chen", "GET", items, "").WantError(t, 403, "accessDenied")
}
