package graph

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFolders(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	all := r.get(t, "/me/mailFolders")
	if diff := cmp.Diff([]string{"Inbox", "Sent Items", "Drafts", "Archive", "Projects"}, all.column(t, "displayName")); diff != "" {
		t.Error(diff)
	}
	inbox := r.get(t, "/me/mailFolders/Inbox") // well-known names know no case
	root := r.get(t, "/me/mailFolders/msgfolderroot")
	for name, want := range map[string]any{
		"displayName": "Inbox", "totalItemCount": float64(inboxLen), "unreadItemCount": float64(inboxLen / 2),
		"childFolderCount": 0.0, "isHidden": false, "parentFolderId": root.json["id"],
	} {
		if inbox.json[name] != want {
			t.Errorf("%s = %v, want %v", name, inbox.json[name], want)
		}
	}
	if root.json["childFolderCount"] != 5.0 {
		t.Errorf("root: %v", root.json)
	}
	projects := r.get(t, "/me/mailFolders"+q("$filter", "displayName eq 'projects'", "$select", "displayName,childFolderCount")).values(t)
	if len(projects) != 1 || len(projects[0]) != 3 || projects[0]["childFolderCount"] != 1.0 {
		t.Fatalf("by name: %v", projects)
	}
	id, _ := projects[0]["id"].(string)
	if names := r.get(t, "/me/mailFolders/"+id+"/childFolders").column(t, "displayName"); !slices.Equal(names, []string{"Alpha & Omega"}) {
		t.Errorf("children: %v", names)
	}
	first := r.get(t, "/me/mailFolders"+q("$top", "3", "$count", "true", "includeHiddenFolders", "true"))
	link, _ := first.json["@odata.nextLink"].(string)
	if first.json["@odata.count"] != 5.0 || !strings.Contains(link, "includehiddenfolders=true") || len(r.get(t, link).values(t)) != 2 {
		t.Errorf("paging of folders: %v", first.json)
	}
	if names := r.get(t, "/me/mailFolders"+q("$orderby", "displayName desc")).column(t, "displayName"); names[0] != "Sent Items" {
		t.Errorf("sorted: %v", names)
	}
	wantError(t, r.get(t, "/me/mailFolders"+q("$select", "wellKnownName")), 400, "BadRequest")
	wantError(t, r.get(t, "/me/mailFolders"+q("$search", `"x"`)), 400, "BadRequest")
	wantError(t, r.get(t, "/me/mailFolders"+q("includeHiddenFolders", "perhaps")), 400, "BadRequest")
}

func TestFolderNamesThatAreNone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, want := range map[string]struct {
		status int
		code   string
	}{
		"Projects":                    {400, "ErrorInvalidIdMalformed"}, // a display name is no id
		"junkemail":                   {404, "ErrorItemNotFound"},       // well-known, not in this mailbox
		testID("folder", 999):         {404, "ErrorItemNotFound"},
		"..%2Fevents":                 {400, "ErrorInvalidIdMalformed"},
		"inbox%2F..%2F..%2Fevents":    {400, "ErrorInvalidIdMalformed"},
		"..%2Fevents%3F%24top=1%23":   {400, "ErrorInvalidIdMalformed"},
		"%2e%2e":                      {400, "ErrorInvalidIdMalformed"},
		"inbox'%20or%20'1'%20eq%20'1": {400, "ErrorInvalidIdMalformed"},
	} {
		wantError(t, r.get(t, "/me/mailFolders/"+name+"/messages"), want.status, want.code)
	}
	wantError(t, r.get(t, "/me/messages/x"), 400, "ErrorInvalidIdMalformed")
	wantError(t, r.get(t, "/me/messages/"+testID("message"+rajID, 1)), 404, "ErrorItemNotFound")
	wantError(t, r.get(t, "/me/mailFolders/archive/messages/"+testID("message"+danaID, 1)), 404, "ErrorItemNotFound")
	escaped := strings.ReplaceAll(testID("message"+danaID, 1), "=", "%3D")
	if m := r.get(t, "/me/mailFolders/%69nbox/messages/"+escaped); m.status != 200 {
		t.Errorf("message in its folder: %d", m.status)
	}
}

func TestPathsAreNotCleaned(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, path := range []string{
		"/me/mailFolders/../events", "/me/mailFolders/inbox/../../events", "/me/./events", "/me//events", "/me/mailFolders/%2e%2e/events",
	} {
		got := r.get(t, path)
		if got.status != 400 || strings.Contains(string(got.body), "promotion") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	// What a client cleans on its own side arrives as another request: the leak to test for.
	if leak := r.get(t, "/me/events"); !slices.Contains(leak.column(t, "subject"), "1:1 about the promotion") {
		t.Errorf("nothing to leak: %s", leak.body)
	}
	wantError(t, r.get(t, "/me/nothing"), 400, "BadRequest")
	wantError(t, r.get(t, "/me/messages/x/y/z"), 400, "BadRequest")
	wantError(t, r.get(t, r.http.URL+"/beta/me"), 400, "BadRequest")
	wantError(t, r.get(t, r.http.URL+"/"), 400, "BadRequest")
	wantError(t, r.do(t, danaID+" "+allScopes, "DELETE", "/me/sendMail", ""), 405, "Request_BadRequest")
	for _, path := range []string{"/ME/mailfolders('inbox')/Messages", "/me/mailFolders/inbox/messages/", "/users('dana@contoso.example')/messages"} {
		if got := r.get(t, path); got.status != 200 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if n := len(r.get(t, "/me/events"+q("$select", "subject,start")).values(t)[0]); n != 4 { // id and entity tag too
		t.Errorf("%d properties", n)
	}
	view := r.get(t, "/me/calendarView"+q("startDateTime", "2026-11-23T00:00:00", "endDateTime", "2026-11-24T00:00:00Z"))
	if len(view.values(t)) != 1 {
		t.Errorf("one day: %s", view.body)
	}
	found := r.do(t, danaID+" "+allScopes, "POST", "/search/query", `{"requests":[{"entityTypes":["event"],"query":{"queryString":"salary"}}]}`)
	if !strings.Contains(string(found.body), "Salary review") {
		t.Errorf("searched: %s", found.body)
	}
	wantError(t, r.get(t, "/me/calendarView"), 400, "ErrorInvalidParameter")
	if got := r.get(t, "/me/events"+q("$filter", "subject eq 'Salary review'")).values(t); len(got) != 1 {
		t.Errorf("filtered: %v", got)
	}
	wantError(t, r.get(t, "/me/events"+q("$select", "colour")), 400, "RequestBroker--ParseUri")
	wantError(t, r.do(t, danaID+" User.Read Mail.ReadWrite", "GET", "/me/events", ""), 403, "ErrorAccessDenied")
}
