package drive_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/simulator/graph/service/servicetest"
)

func TestDrives(t *testing.T) {
	t.Parallel()
	r := start(t)
	mine := r.get(t, "/me/drive")
	if mine.Text("id") != r.adas() || mine.Text("driveType") != "business" {
		t.Errorf("drive: %s", mine.Body)
	}
	for _, path := range []string{"/drives/" + r.adas(), "/users/ada@tideline.example/drive"} {
		if got := r.get(t, path); got.Text("id") != mine.Text("id") {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	if got := r.get(t, "/me/drives").Column(t, "id"); len(got) != 1 || got[0] != mine.Text("id") {
		t.Errorf("drives: %v", got)
	}
	quota := object(t, r.as(t, "gauri", "GET", "/me/drive", "").JSON["quota"])
	if quota["state"] != "exceeded" || quota["remaining"] != 0.0 {
		t.Errorf("quota of a full drive: %v", quota)
	}
}

func TestAddressing(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, path := range []string{
		"Documents/Lisbon/Options A, B, C.docx", "Documents/50% discount & other ideas #3.md", "Documents/Bruno's questions.txt",
		"Documents/Suppliers/Kranz Metallbau/Frühjahrsangebot.eml", "Pictures/Stock by week.png", "Documents/Kennzahlen Lager (Entwurf).xlsx",
	} {
		item := r.get(t, "/me/drive/root:/"+escape(path))
		id := item.Text("id")
		if item.Status != http.StatusOK || item.Text("name") != path[strings.LastIndex(path, "/")+1:] {
			t.Errorf("%s: %d %s", path, item.Status, item.Body)
			continue
		}
		first, rest, _ := strings.Cut(path, "/")
		for _, same := range []string{
			"/me/drive/items/" + id, "/drives/" + r.adas() + "/items/" + id, "/drives/" + r.adas() + "/root:/" + escape(path) + ":",
			"/me/drive/items/" + r.id(t, first) + ":/" + escape(rest), "/users/ada@tideline.example/drive/items/" + id,
		} {
			if got := r.get(t, same); got.Text("id") != id {
				t.Errorf("%s: %d %s", same, got.Status, got.Body)
			}
		}
	}
	if got := r.get(t, "/me/drive/special/documents:/Lisbon:/children").Column(t, "name"); len(got) != 3 {
		t.Errorf("special folder: %v", got)
	}
	r.get(t, "/me/drive/root:/Documents/nothing").WantError(t, 404, "itemNotFound")
	r.get(t, "/me/drive/items/01AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").WantError(t, 404, "itemNotFound")
	r.get(t, "/me/drive/special/music").WantError(t, 404, "itemNotFound")
	r.get(t, "/drives/nonsense").WantError(t, 400, "invalidRequest")
	r.get(t, "/drives/b!"+strings.Repeat("A", 64)).WantError(t, 404, "itemNotFound")
}

func TestItem(t *testing.T) {
	t.Parallel()
	r := start(t)
	item := r.get(t, "/me/drive/root:/Documents/To%20do%20before%20the%20launch.txt")
	file := object(t, item.JSON["file"])
	if file["mimeType"] != "text/plain" || item.JSON["@microsoft.graph.downloadUrl"] == nil || item.Header.Get("ETag") != item.Text("eTag") {
		t.Errorf("file: %s", item.Body)
	}
	parent := object(t, item.JSON["parentReference"])
	if parent["path"] != "/drives/"+r.adas()+"/root:/Documents" || parent["driveId"] != r.adas() {
		t.Errorf("parent: %v", parent)
	}
	some := r.get(t, "/me/drive/items/"+item.Text("id")+"?$select=id,name,@microsoft.graph.downloadUrl")
	if len(some.JSON) != 4 { // with the context
		t.Errorf("selected: %s", some.Body)
	}
	r.get(t, "/me/drive/items/"+item.Text("id")+"?$select=colour").WantError(t, 400, "BadRequest")
	r.get(t, "/me/drive/items/"+item.Text("id")+"?$expand=listItem").WantError(t, 400, "notSupported")
	root := r.get(t, "/me/drive/root?$expand=children")
	if children, ok := root.JSON["children"].([]any); !ok || len(children) != 3 || root.JSON["root"] == nil {
		t.Errorf("root: %s", root.Body)
	}
	if got := r.get(t, "/me/drive/items/"+item.Text("id")+"/thumbnails").Values(t); len(got) != 0 {
		t.Errorf("thumbnails: %v", got)
	}
}

func TestChildren(t *testing.T) {
	t.Parallel()
	r := start(t)
	whole := r.get(t, "/me/drive/root:/Documents:/children").Column(t, "name")
	var pages []string
	for next := "/me/drive/root:/Documents:/children?$top=3"; next != ""; {
		got := r.get(t, next)
		pages = append(pages, got.Column(t, "name")...)
		next = got.Text("@odata.nextLink")
	}
	if diff := cmp.Diff(whole, pages); diff != "" || len(whole) < 7 {
		t.Errorf("pages (-whole +pages):\n%s", diff)
	}
	sizes := r.get(t, "/me/drive/root:/Documents:/children"+servicetest.Query("$orderby", "size desc", "$select", "name,size")).Values(t)
	for i := 1; i < len(sizes); i++ {
		before, _ := sizes[i-1]["size"].(float64)
		if after, ok := sizes[i]["size"].(float64); !ok || after > before {
			t.Errorf("not by size: %v", sizes)
		}
	}
	if got := r.get(t, "/me/drive/root/children?$expand=thumbnails").Values(t); got[0]["thumbnails"] == nil {
		t.Errorf("thumbnails: %v", got[0])
	}
	r.get(t, "/me/drive/root/children"+servicetest.Query("$filter", "name eq 'x'")).WantError(t, 400, "BadRequest")
	r.get(t, "/me/drive/root/children"+servicetest.Query("$orderby", "colour")).WantError(t, 400, "invalidRequest")
	r.get(t, "/me/drive/root/children?$skiptoken=x").WantError(t, 400, "BadRequest")
}

func TestSearchInADrive(t *testing.T) {
	t.Parallel()
	r := start(t)
	for query, want := range map[string]string{
		"demurrage": "", "PT-2291": "Customs notice PT-2291.pdf", "halterungen": "Frühjahrsangebot.eml", "discount": "50% discount & other ideas #3.md",
		"bruno''s": "Bruno's questions.txt", "mooring basin": "50% discount & other ideas #3.md",
	} {
		got := r.get(t, "/me/drive/root/search(q='"+escape(query)+"')").Column(t, "name")
		if want == "" && len(got) > 0 || want != "" && !slices.Contains(got, want) {
			t.Errorf("%s: %v", query, got)
		}
	}
	below := r.get(t, "/me/drive/items/"+r.id(t, "Pictures")+"/search(q='lisbon')").Values(t)
	if len(below) != 0 {
		t.Errorf("search below another folder: %v", below)
	}
	if got := r.get(t, "/me/drive/search(q='lisbon')").Values(t); len(got) < 4 {
		t.Errorf("search of the drive: %v", got)
	}
	if got := r.get(t, "/me/drive/recent()?$top=1").Column(t, "name"); len(got) != 1 {
		t.Errorf("recent: %v", got)
	}
}

func TestFolders(t *testing.T) {
	t.Parallel()
	r := start(t)
	create := func(name, behaviour string) servicetest.Reply {
		return r.as(t, "ada", "POST", "/me/drive/root/children", toJSON(map[string]any{"name": name, "folder": map[string]any{}, "@microsoft.graph.conflictBehavior": behaviour}))
	}
	first := create("Été #1", "fail")
	if first.Status != 201 || object(t, first.JSON["folder"])["childCount"] != 0.0 {
		t.Errorf("created: %d %s", first.Status, first.Body)
	}
	create("été #1", "fail").WantError(t, 409, "nameAlreadyExists")
	if got := create("Été #1", "rename"); got.Text("name") != "Été #1 1" {
		t.Errorf("renamed: %s", got.Body)
	}
	if got := create("Été #1", "replace"); got.Text("id") != first.Text("id") {
		t.Errorf("replaced: %s", got.Body)
	}
	create("x", "overwrite").WantError(t, 400, "invalidRequest")
	for _, name := range []string{
		"", ".", "..", "a/b", `a\b`, "a:b", "a*b", "a?b", `a"b`, "a<b", "a>b", "a|b", " a", "a ", "a.", "~$a.docx", "CON", "lpt1", ".lock", "my_vti_x", "desktop.ini", "a\tb",
		strings.Repeat("x", 256),
	} {
		create(name, "").WantError(t, 400, "invalidRequest")
	}
	r.as(t, "ada", "POST", "/me/drive/root/children", `{"name":"file.txt","file":{}}`).WantError(t, 400, "RequestBodyRead")
	r.as(t, "ada", "POST", "/me/drive/root/children", `{"name":"file.txt"}`).WantError(t, 400, "invalidRequest")
}

func TestChange(t *testing.T) {
	t.Parallel()
	r := start(t)
	item := r.get(t, "/me/drive/root:/Documents/To%20do%20before%20the%20launch.txt")
	at := "/me/drive/items/" + item.Text("id")
	r.as(t, "ada", "PATCH", at, `{"name":"x.txt"}`, `If-Match: "{00000000-0000-0000-0000-000000000000},1"`).WantError(t, 412, "resourceModified")
	renamed := r.as(t, "ada", "PATCH", at, `{"name":"To do.txt"}`, "If-Match: "+item.Text("eTag"))
	if renamed.Text("name") != "To do.txt" || renamed.Text("eTag") == item.Text("eTag") || renamed.Text("cTag") != item.Text("cTag") {
		t.Errorf("renamed: %d %s", renamed.Status, renamed.Body)
	}
	moved := r.as(t, "ada", "PATCH", at, toJSON(map[string]any{"parentReference": map[string]any{"id": r.id(t, "Pictures")}}))
	if object(t, moved.JSON["parentReference"])["id"] != r.id(t, "Pictures") {
		t.Errorf("moved: %d %s", moved.Status, moved.Body)
	}
	r.get(t, "/me/drive/root:/Documents/To%20do.txt").WantError(t, 404, "itemNotFound")
	r.as(t, "ada", "PATCH", at, `{"name":"stock BY week.png"}`).WantError(t, 409, "nameAlreadyExists")
	r.as(t, "ada", "PATCH", at, `{"name":"a:b"}`).WantError(t, 400, "invalidRequest")
	r.as(t, "ada", "PATCH", at, `{"parentReference":{"id":"nothing"}}`).WantError(t, 404, "itemNotFound")
	documents := r.id(t, "Documents")
	r.as(t, "ada", "PATCH", "/me/drive/items/"+documents, toJSON(map[string]any{"parentReference": map[string]any{"id": r.id(t, "Documents/Board")}})).WantError(t, 400, "invalidRequest")
	other := map[string]any{"parentReference": map[string]any{"driveId": r.files.Drives[len(r.files.Drives)-1].ID, "id": "root"}}
	r.as(t, "ada", "PATCH", at, toJSON(other)).WantError(t, 400, "invalidRequest")
	r.as(t, "ada", "PATCH", "/me/drive/items/root", `{"name":"x"}`).WantError(t, 403, "accessDenied")

	if got := r.as(t, "ada", "DELETE", at, "", "If-Match: "+item.Text("eTag")); got.Status != 412 {
		t.Errorf("deleted with an old ETag: %d", got.Status)
	}
	if got := r.as(t, "ada", "DELETE", at, ""); got.Status != 204 {
		t.Errorf("deleted: %d %s", got.Status, got.Body)
	}
	r.get(t, at).WantError(t, 404, "itemNotFound")
	if slices.Contains(r.get(t, "/me/drive/root:/Pictures:/children").Column(t, "name"), "To do.txt") {
		t.Error("a deleted file is still listed")
	}
	if quota := object(t, r.get(t, "/me/drive").JSON["quota"]); quota["deleted"] == 0.0 {
		t.Errorf("recycle bin: %v", quota)
	}
	r.as(t, "ada", "DELETE", "/me/drive/items/root", "").WantError(t, 403, "accessDenied")
}

func TestCopy(t *testing.T) {
	t.Parallel()
	r := start(t)
	begin := func(path, body string) string {
		got := r.as(t, "ada", "POST", "/me/drive/root:/"+escape(path)+":/copy", body)
		if got.Status != 202 || !strings.HasPrefix(got.Header.Get("Location"), r.Storage) {
			t.Fatalf("copy: %d %s", got.Status, got.Body)
		}
		return got.Header.Get("Location")
	}
	poll := func(url string) servicetest.Reply { return r.Do(t, "", "GET", url, "") }
	monitor := begin("Documents/Lisbon", `{"name":"Lisbon (copy)"}`)
	if got := poll(monitor); got.Status != 202 || got.Text("status") != "inProgress" {
		t.Errorf("first look: %d %s", got.Status, got.Body)
	}
	done := poll(monitor)
	if done.Status != 200 || done.Text("status") != "completed" {
		t.Fatalf("second look: %d %s", done.Status, done.Body)
	}
	if got := r.get(t, "/me/drive/items/"+done.Text("resourceId")+"/children").Values(t); len(got) != 3 {
		t.Errorf("copied: %v", got)
	}
	failed := poll(begin("Documents/To do before the launch.txt", `{}`))
	if failed.Text("status") != "failed" || object(t, failed.JSON["error"])["code"] != "nameAlreadyExists" {
		t.Errorf("a copy onto itself: %s", failed.Body)
	}
	site := r.library("operations")
	away := poll(begin("Documents/To do before the launch.txt", toJSON(map[string]any{"parentReference": map[string]any{"driveId": site.ID, "id": site.Items[0].ID}})))
	if got := r.as(t, "emeka", "GET", "/drives/"+site.ID+"/items/"+away.Text("resourceId"), ""); got.Text("name") != "To do before the launch.txt" {
		t.Errorf("copied to a library: %d %s", got.Status, got.Body)
	}
	byPath := poll(begin("Documents/To do before the launch.txt", toJSON(map[string]any{"name": "again.txt", "parentReference": map[string]any{"path": "/drive/root:/Empty%20folder"}})))
	if byPath.Text("status") != "completed" || r.id(t, "Empty folder/again.txt") != byPath.Text("resourceId") {
		t.Errorf("copied to a path: %s", byPath.Body)
	}
	into := map[string]any{"parentReference": map[string]any{"id": r.id(t, "Documents/Board")}}
	r.as(t, "ada", "POST", "/me/drive/root:/Documents:/copy", toJSON(map[string]any{"parentReference": map[string]any{}})).WantError(t, 400, "invalidRequest")
	if got := poll(begin("Documents/Board", toJSON(into))); got.Status != 202 {
		t.Errorf("into itself: %d", got.Status)
	}
	r.as(t, "emeka", "POST", "/drives/"+r.adas()+"/items/"+r.id(t, notes)+"/copy", `{}`).WantError(t, 403, "accessDenied")
	r.as(t, "ada", "POST", "/me/drive/items/root/copy", `{}`).WantError(t, 400, "notSupported")
	if got := poll(r.Storage + "/drive/monitor/nothing"); got.Status != 404 {
		t.Errorf("unknown monitor: %d", got.Status)
	}
	if got := r.Do(t, r.person("ada")+" "+all, "GET", monitor, ""); got.Status != 401 {
		t.Errorf("a token on the storage host: %d", got.Status)
	}
}

func TestCheckedOut(t *testing.T) {
	t.Parallel()
	r := start(t)
	at := "/sites/" + r.site("operations").ID + "/drive/root:/" + escape("Suppliers/Armazéns do Tejo/Warehouse handbook.docx") // by Gauri
	if got := r.get(t, at); object(t, got.JSON["publication"])["level"] != "checkout" {
		t.Errorf("publication: %s", got.Body)
	}
	r.as(t, "ada", "PATCH", at, `{"name":"x.docx"}`).WantError(t, 423, "resourceLocked")
	r.as(t, "ada", "DELETE", at, "").WantError(t, 423, "resourceLocked")
	r.as(t, "ada", "PUT", at+":/content", "x").WantError(t, 423, "resourceLocked")
	r.as(t, "ada", "POST", at+":/checkin", `{}`).WantError(t, 423, "resourceLocked")
	r.as(t, "ada", "DELETE", "/sites/"+r.site("operations").ID+"/drive/root:/Suppliers", "").WantError(t, 423, "resourceLocked")
	if got := r.as(t, "gauri", "POST", at+":/checkin", `{"comment":"done"}`); got.Status != 204 {
		t.Errorf("check in: %d %s", got.Status, got.Body)
	}
	if got := r.as(t, "ada", "POST", at+":/checkout", ""); got.Status != 204 {
		t.Errorf("check out: %d %s", got.Status, got.Body)
	}
	r.as(t, "gauri", "PATCH", at, `{"name":"x.docx"}`).WantError(t, 423, "resourceLocked")
}

func TestDelta(t *testing.T) {
	t.Parallel()
	r := start(t)
	list := func(next string) (names []string, link string) {
		for next != "" {
			got := r.get(t, next)
			if got.Status != 200 {
				t.Fatalf("%s: %d %s", next, got.Status, got.Body)
			}
			names, link, next = append(names, got.Column(t, "name")...), got.Text("@odata.deltaLink"), got.Text("@odata.nextLink")
		}
		return names, link
	}
	everything, link := list("/me/drive/root/delta()?$top=4")
	if len(everything) < 15 {
		t.Errorf("everything: %v", everything)
	}
	if names, _ := list(link); len(names) != 0 {
		t.Errorf("nothing changed, and yet: %v", names)
	}
	r.as(t, "ada", "PUT", "/me/drive/root:/new.txt:/content", "new")
	r.as(t, "ada", "DELETE", "/me/drive/root:/Empty%20folder", "")
	changed := r.get(t, link)
	if diff := cmp.Diff([]string{"new.txt", "Empty folder"}, changed.Column(t, "name")); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if got := changed.Values(t)[1]; got["deleted"] == nil {
		t.Errorf("not marked: %v", got)
	}
	if names, _ := list("/me/drive/root/delta?token=latest"); len(names) != 0 {
		t.Errorf("latest: %v", names)
	}
	r.get(t, "/me/drive/root/delta()?token=nonsense").WantError(t, 410, "resyncRequired")
}
