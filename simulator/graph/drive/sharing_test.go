package drive_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"m365mcp/simulator/graph/drive"
	"m365mcp/simulator/graph/service/servicetest"
)

const notes = "Documents/To do before the launch.txt"

func TestAccess(t *testing.T) {
	t.Parallel()
	r := start(t)
	adas := "/drives/" + r.adas()
	operations, launch := "/sites/"+r.site("operations").ID+"/drive", "/drives/"+r.library("pelago2-launch").ID
	for _, c := range []struct {
		person, method, path string
		status               int
	}{
		{"ada", "GET", adas + "/root/children", 200},
		{"dalia", "GET", adas, 403}, // nothing is shared with her
		{"dalia", "GET", adas + "/root", 403},
		{"emeka", "GET", adas + "/root/children", 403},
		{"emeka", "GET", adas + "/root:/Documents/Lisbon/" + escape("Options A, B, C.docx"), 200},
		{"emeka", "DELETE", adas + "/root:/Documents/Lisbon/" + escape("Options A, B, C.docx"), 403}, // read only
		{"emeka", "GET", adas + "/root:/Documents/Lisbon/" + escape("Contacts in Lisbon.md"), 403},
		{"bruno", "PUT", adas + "/root:/Documents/" + escape("Bruno's questions.txt") + ":/content", 200},
		{"emeka", "GET", operations + "/root/children", 200},
		{"emeka", "PUT", operations + "/root:/Stock/x.txt:/content", 201},
		{"freya", "GET", operations + "/root/children", 200},
		{"freya", "PUT", operations + "/root:/Stock/y.txt:/content", 403}, // a visitor
		{"chen", "GET", operations + "/root/children", 403},
		{"chen", "GET", launch + "/root/children", 200},
		{"dalia", "GET", launch + "/root/children", 403},
		{"dalia", "GET", "/users/ada@tideline.example/drive", 403},
	} {
		body := ""
		if c.method == "PUT" {
			body = "x"
		}
		if got := r.as(t, c.person, c.method, c.path, body); got.Status != c.status {
			t.Errorf("%s %s %s: %d %s, want %d", c.person, c.method, c.path, got.Status, got.Body, c.status)
		}
	}
	found := r.as(t, "emeka", "GET", adas+"/root/search(q='lisbon')", "").Column(t, "name")
	if !slices.Equal(found, []string{"Options A, B, C.docx"}) {
		t.Errorf("a search sees what is not shared: %v", found)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	r := start(t)
	own, others := "/me/drive/root:/"+escape(notes), "/drives/"+r.library("pelago2-launch").ID+"/root:/Firmware"
	for _, c := range []struct {
		scopes, method, path string
		status               int
	}{
		{"User.Read", "GET", "/me/drive", 200},
		{"User.Read", "GET", "/me/drive/root", 403},
		{"Files.Read", "GET", own, 200},
		{"Files.Read", "PATCH", own, 403},
		{"Files.Read", "GET", others, 403}, // one's own files alone
		{"Files.Read.All", "GET", others, 200},
		{"Sites.Read.All", "GET", others, 200},
		{"Files.ReadWrite", "PATCH", own, 200},
		{"Files.ReadWrite", "PATCH", others, 403},
		{"Files.Read.All", "PATCH", others, 403},
		{"Files.ReadWrite.All", "PATCH", others, 200},
		{"Mail.Read", "GET", own, 403},
		{"Files.Read", "GET", "/me/drive/sharedWithMe()", 403},
		{"Files.Read.All", "GET", "/sites?search=*", 403},
		{"Sites.Read.All", "GET", "/sites?search=*", 200},
	} {
		body := ""
		if c.method == "PATCH" {
			body = "{}"
		}
		if got := r.Do(t, r.person("ada")+" "+c.scopes, c.method, c.path, body); got.Status != c.status {
			t.Errorf("%s: %s %s: %d %s, want %d", c.scopes, c.method, c.path, got.Status, got.Body, c.status)
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	r := start(t)
	at := "/me/drive/items/" + r.id(t, notes)
	link := func(body string) servicetest.Reply { return r.as(t, "ada", "POST", at+"/createLink", body) }
	first := link(`{"type":"view","scope":"organization"}`)
	if first.Status != 201 || object(t, first.JSON["link"])["scope"] != "organization" {
		t.Fatalf("link: %d %s", first.Status, first.Body)
	}
	if got := link(`{"type":"view"}`); got.Status != 200 || got.Text("id") != first.Text("id") {
		t.Errorf("the same link again: %d %s", got.Status, got.Body)
	}
	if got := link(`{"type":"edit"}`); got.Status != 201 {
		t.Errorf("another link: %d %s", got.Status, got.Body)
	}
	link(`{"type":"view","scope":"anonymous"}`).WantError(t, 403, "accessDenied")
	link(`{"type":"embed"}`).WantError(t, 400, "invalidRequest")
	link(`{"type":"view","scope":"everyone"}`).WantError(t, 400, "invalidRequest")
	link(`{"type":"view","password":"x"}`).WantError(t, 400, "notSupported")
	link(`{"type":"view","expirationDateTime":"2020-01-01T00:00:00Z"}`).WantError(t, 400, "invalidRequest")

	// Who follows the link may read from then on.
	item := "/drives/" + r.adas() + "/items/" + r.id(t, notes)
	r.as(t, "dalia", "GET", item, "").WantError(t, 403, "accessDenied")
	url, _ := object(t, first.JSON["link"])["webUrl"].(string)
	followed := r.as(t, "dalia", "GET", "/shares/u!"+base64.RawURLEncoding.EncodeToString([]byte(url))+"/driveItem", "")
	if followed.Text("id") != r.id(t, notes) {
		t.Fatalf("followed: %d %s", followed.Status, followed.Body)
	}
	if got := r.as(t, "dalia", "GET", item+"/content", ""); got.Status != 302 {
		t.Errorf("after following: %d %s", got.Status, got.Body)
	}
	r.as(t, "dalia", "PATCH", item, `{"name":"x.txt"}`).WantError(t, 403, "accessDenied")
	shared := r.as(t, "dalia", "GET", "/me/drive/sharedWithMe()", "").Values(t)
	if !slices.ContainsFunc(shared, func(i map[string]any) bool {
		return i["name"] == "To do before the launch.txt" && i["remoteItem"] != nil
	}) {
		t.Errorf("shared with her: %v", shared)
	}
	users := link(`{"type":"view","scope":"users","recipients":[{"email":"chen@tideline.example"}]}`)
	url, _ = object(t, users.JSON["link"])["webUrl"].(string)
	path := "/shares/u!" + base64.RawURLEncoding.EncodeToString([]byte(url)) + "/driveItem"
	r.as(t, "hiroko", "GET", path, "").WantError(t, 403, "accessDenied")
	if got := r.as(t, "chen", "GET", path, ""); got.Status != 200 {
		t.Errorf("the recipient: %d %s", got.Status, got.Body)
	}
	r.as(t, "ada", "GET", "/shares/nonsense/driveItem", "").WantError(t, 400, "invalidRequest")
	r.as(t, "ada", "GET", "/shares/u!aHR0cHM6Ly9leGFtcGxl/driveItem", "").WantError(t, 404, "itemNotFound")
}

func TestAnonymousLinksWhereTheTenantAllowsThem(t *testing.T) {
	t.Parallel()
	r := start(t, func(o *drive.Options) { o.AnonymousLinks = true })
	got := r.as(t, "ada", "POST", "/me/drive/items/"+r.id(t, notes)+"/createLink", `{"type":"view","scope":"anonymous","expirationDateTime":"2026-12-24T00:00:00Z"}`)
	if got.Status != 201 || got.Text("expirationDateTime") != "2026-12-24T00:00:00Z" {
		t.Errorf("anonymous: %d %s", got.Status, got.Body)
	}
}

func TestInvite(t *testing.T) {
	t.Parallel()
	r := start(t)
	at := "/me/drive/items/" + r.id(t, "Documents/Board")
	invite := func(body string) servicetest.Reply { return r.as(t, "ada", "POST", at+"/invite", body) }
	got := invite(`{"recipients":[{"email":"dalia@tideline.example"},{"email":"k.sato@marusato-seiki.example"}],"roles":["read"],"requireSignIn":true,"sendInvitation":false}`).Values(t)
	if len(got) != 2 || object(t, got[1]["invitation"])["email"] != "k.sato@marusato-seiki.example" {
		t.Fatalf("invited: %v", got)
	}
	for body, status := range map[string]int{
		`{"recipients":[],"roles":["read"]}`:                                                                     400,
		`{"recipients":[{"email":"dalia@tideline.example"}]}`:                                                    400,
		`{"recipients":[{"email":"dalia@tideline.example"}],"roles":["owner"]}`:                                  400,
		`{"recipients":[{"email":"nobody@tideline.example"}],"roles":["read"]}`:                                  400,
		`{"recipients":[{"email":"nonsense"}],"roles":["read"]}`:                                                 400,
		`{"recipients":[{"email":"a@b.example"}],"roles":["read"],"requireSignIn":false}`:                        403,
		`{"recipients":[{"objectId":"00000000-0000-4000-8000-000000000000"}],"roles":["read"]}`:                  400,
		`{"recipients":[{"email":"dalia@tideline.example"}],"roles":["read"],"expirationDateTime":"in an hour"}`: 400,
	} {
		if got := invite(body); got.Status != status {
			t.Errorf("%s: %d %s", body, got.Status, got.Body)
		}
	}

	// The folder's permission reaches what is in it.
	page := "/drives/" + r.adas() + "/root:/" + escape("Documents/Board/Board page Lisbon.docx")
	item := r.as(t, "dalia", "GET", page, "")
	if item.Status != 200 {
		t.Fatalf("in the folder: %d %s", item.Status, item.Body)
	}
	list := r.get(t, "/me/drive/items/"+item.Text("id")+"/permissions").Values(t)
	if len(list) != 3 || list[1]["inheritedFrom"] == nil {
		t.Errorf("permissions: %v", list)
	}
	id, _ := list[1]["id"].(string)
	if got := r.get(t, at+"/permissions/"+id); got.Text("id") != id {
		t.Errorf("permission: %d %s", got.Status, got.Body)
	}
	r.as(t, "ada", "DELETE", "/me/drive/items/"+item.Text("id")+"/permissions/"+id, "").WantError(t, 400, "invalidRequest")
	r.as(t, "ada", "DELETE", at+"/permissions/nothing", "").WantError(t, 404, "itemNotFound")
	owner, _ := list[0]["id"].(string)
	r.as(t, "ada", "DELETE", at+"/permissions/"+owner, "").WantError(t, 400, "invalidRequest")
	if got := r.as(t, "ada", "PATCH", at+"/permissions/"+id, `{"roles":["write"]}`); got.Status != 200 {
		t.Errorf("raised: %d %s", got.Status, got.Body)
	}
	if got := r.as(t, "dalia", "PATCH", page, `{"description":"read"}`); got.Text("description") != "read" {
		t.Errorf("writing: %d %s", got.Status, got.Body)
	}
	if got := r.as(t, "ada", "DELETE", at+"/permissions/"+id, ""); got.Status != 204 {
		t.Errorf("revoked: %d %s", got.Status, got.Body)
	}
	r.as(t, "dalia", "GET", page, "").WantError(t, 403, "accessDenied")
}

func TestGrantsExpire(t *testing.T) {
	t.Parallel()
	r := start(t)
	id := r.id(t, notes)
	r.as(t, "ada", "POST", "/me/drive/items/"+id+"/invite", `{"recipients":[{"alias":"dalia"}],"roles":["read"],"expirationDateTime":"2026-11-25T10:00:00Z"}`)
	item := "/drives/" + r.adas() + "/items/" + id
	if got := r.as(t, "dalia", "GET", item, ""); got.Status != 200 {
		t.Errorf("before: %d %s", got.Status, got.Body)
	}
	r.clock.turn(time.Hour)
	r.as(t, "dalia", "GET", item, "").WantError(t, 403, "accessDenied")
}

func TestStandingPermissions(t *testing.T) {
	t.Parallel()
	r := start(t)
	list := r.get(t, "/drives/"+r.library("operations").ID+"/items/root/permissions").Values(t)
	var got []string
	for _, p := range list {
		group := object(t, object(t, p["grantedToV2"])["siteGroup"])
		got = append(got, fmt.Sprint(p["roles"], " ", group["displayName"]))
	}
	if want := "[owner] Operations & Logistics Owners,[write] Operations & Logistics Members,[read] Operations & Logistics Visitors"; strings.Join(got, ",") != want {
		t.Errorf("groups: %v", got)
	}
}
