package graph

import (
	"slices"
	"strings"
	"testing"
)

func TestFoldersAreMadeRenamedMovedDeleted(t *testing.T) {
	t.Parallel()
	r, who := shippedRig(t)
	me := who("ada") + " Mail.ReadWrite"
	made := r.do(t, me, "POST", "/me/mailFolders", `{"displayName":"Suppliers"}`)
	if made.status != 201 || made.json["displayName"] != "Suppliers" || made.json["totalItemCount"] != 0.0 {
		t.Fatalf("create: %d %s", made.status, made.body)
	}
	path := "/me/mailFolders/" + text(made, "id")
	child := r.do(t, me, "POST", path+"/childFolders", `{"displayName":"Metal"}`)
	if child.status != 201 || child.json["parentFolderId"] != made.json["id"] {
		t.Fatalf("child: %d %s", child.status, child.body)
	}
	wantError(t, r.do(t, me, "POST", "/me/mailFolders", `{"displayName":"SUPPLIERS"}`), 409, "ErrorFolderExists")
	wantError(t, r.do(t, me, "POST", "/me/mailFolders", `{"displayName":" "}`), 400, "ErrorInvalidArgument")
	wantError(t, r.do(t, me, "POST", "/me/mailFolders", `{"name":"x"}`), 400, "RequestBodyRead")
	if renamed := r.do(t, me, "PATCH", path, `{"displayName":"Vendors"}`); renamed.status != 200 || renamed.json["displayName"] != "Vendors" || renamed.json["childFolderCount"] != 1.0 {
		t.Errorf("rename: %d %s", renamed.status, renamed.body)
	}
	wantError(t, r.do(t, me, "POST", path+"/move", `{"destinationId":"`+text(child, "id")+`"}`), 400, "ErrorMoveCopyFailed")
	moved := r.do(t, me, "POST", path+"/move", `{"DestinationId":"inbox"}`)
	inbox := r.do(t, me, "GET", "/me/mailFolders/inbox", "")
	if moved.status != 201 || moved.json["parentFolderId"] != inbox.json["id"] {
		t.Errorf("move: %d %s", moved.status, moved.body)
	}
	copied := r.do(t, me, "POST", path+"/copy", `{"destinationId":"archive"}`)
	if copied.status != 201 || copied.json["id"] == made.json["id"] || copied.json["childFolderCount"] != 1.0 {
		t.Errorf("copy: %d %s", copied.status, copied.body)
	}
	for range 2 { // into Deleted Items, then for good
		if gone := r.do(t, me, "DELETE", path, ""); gone.status != 204 {
			t.Errorf("delete: %d %s", gone.status, gone.body)
		}
	}
	wantError(t, r.do(t, me, "GET", path, ""), 404, "ErrorItemNotFound")
	wantError(t, r.do(t, me, "DELETE", "/me/mailFolders/inbox", ""), 403, "ErrorDeleteDistinguishedFolder")
	wantError(t, r.do(t, me, "PATCH", "/me/mailFolders/inbox", `{"displayName":"x"}`), 403, "ErrorDeleteDistinguishedFolder")
	wantError(t, r.do(t, who("ada")+" Mail.Read", "POST", "/me/mailFolders", `{"displayName":"x"}`), 403, "ErrorAccessDenied")
}

// deltaRound follows the links of one round; it returns the ids that are there,
// those that are gone, and the link of the next round.
func (r *rig) deltaRound(t *testing.T, link string, headers ...string) (there, gone []string, next string) {
	t.Helper()
	for pages := 0; ; pages++ {
		if pages > 60 {
			t.Fatal("the round does not end")
		}
		page := r.get(t, link, headers...)
		if page.status != 200 {
			t.Fatalf("%s: %d %s", link, page.status, page.body)
		}
		for _, item := range page.values(t) {
			id, _ := item["id"].(string)
			if item["@removed"] != nil {
				gone = append(gone, id)
			} else {
				there = append(there, id)
			}
		}
		if next = text(page, "@odata.deltaLink"); next != "" {
			return there, gone, next
		}
		if link = text(page, "@odata.nextLink"); link == "" {
			t.Fatalf("neither link: %s", page.body)
		}
	}
}

func TestMessageDelta(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	me := danaID + " " + allScopes
	there, gone, link := r.deltaRound(t, "/me/mailFolders/inbox/messages/delta"+q("$select", "subject"), "Prefer: odata.maxpagesize=9")
	whole := r.get(t, "/me/mailFolders/inbox/messages"+q("$top", "1000", "$select", "id")).column(t, "id")
	if !slices.Equal(there, whole) || gone != nil {
		t.Fatalf("first round: %d of %d, gone %v", len(there), len(whole), gone)
	}
	if there, gone, link = r.deltaRound(t, link); there != nil || gone != nil {
		t.Errorf("nothing happened, but: %v %v", there, gone)
	}
	changed, moved, deleted := testID("message"+danaID, 1), testID("message"+danaID, 2), testID("message"+danaID, 4)
	r.do(t, me, "PATCH", "/me/messages/"+changed, `{"isRead":true}`)
	r.do(t, me, "POST", "/me/messages/"+moved+"/move", `{"destinationId":"archive"}`)
	r.do(t, me, "DELETE", "/me/messages/"+deleted, "")
	r.do(t, rajID+" Mail.Send", "POST", "/me/sendMail", mailTo("News", dana))
	there, gone, next := r.deltaRound(t, link)
	news := r.find(t, danaID, "News")
	if len(there) != 2 || there[0] != changed || there[1] != news[0]["id"] || !slices.Equal(gone, []string{moved, deleted}) {
		t.Errorf("second round: %v, gone %v", there, gone)
	}
	if page := r.get(t, link); len(page.values(t)[0]) != 3 { // id, etag, subject: $select lives on in the token
		t.Errorf("an item: %v", page.values(t)[0])
	}
	wantError(t, r.get(t, next+"&$select=id"), 400, "BadRequest")
	wantError(t, r.get(t, strings.Replace(next, "/inbox/", "/archive/", 1)), 400, "BadRequest")
	wantError(t, r.get(t, "/me/mailFolders/inbox/messages/delta"+q("$filter", "isRead eq true")), 400, "ErrorInvalidUrlQueryFilter")
	recent, _, _ := r.deltaRound(t, "/me/mailFolders/inbox/messages/delta"+q("$filter", "receivedDateTime ge 2026-11-22T08:30:00Z"))
	if len(recent) != 2 { // message 0 and the news
		t.Errorf("filtered: %v", recent)
	}
	r.server.ExpireDeltas()
	wantError(t, r.get(t, next), 410, "syncStateNotFound")
}

func TestFolderDelta(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	me := danaID + " " + allScopes
	there, _, link := r.deltaRound(t, "/me/mailFolders/delta")
	if len(there) != 6 {
		t.Fatalf("first round: %v", there)
	}
	alpha := there[5]
	made := r.do(t, me, "POST", "/me/mailFolders", `{"displayName":"New"}`)
	r.do(t, me, "DELETE", "/me/mailFolders/"+alpha, "") // no Deleted Items here: it is gone
	there, gone, _ := r.deltaRound(t, link)
	if !slices.Equal(there, []string{text(made, "id")}) || !slices.Equal(gone, []string{alpha}) {
		t.Errorf("second round: %v, gone %v", there, gone)
	}
}
