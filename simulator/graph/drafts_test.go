package graph

import (
	"fmt"
	"strings"
	"testing"
)

func text(m reply, name string) string { s, _ := m.json[name].(string); return s }

func TestDraftIsChangedAndSent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	me := danaID + " " + allScopes
	draft := r.do(t, me, "POST", "/me/messages", `{"subject":"Draft","toRecipients":[{"emailAddress":{"address":"raj@contoso.example"}}],"body":{"contentType":"text","content":"one"}}`,
		`Prefer: IdType="ImmutableId"`)
	if draft.status != 201 || draft.json["isDraft"] != true || draft.json["parentFolderId"] != testID("folder"+danaID, 3) {
		t.Fatalf("create: %d %s", draft.status, draft.body)
	}
	path, etag := "/me/messages/"+text(draft, "id"), text(draft, "@odata.etag")
	patched := r.do(t, me, "PATCH", path, `{"subject":"Final","importance":"high","flag":{"flagStatus":"flagged"},"categories":["Red"]}`, "If-Match: "+etag)
	if patched.status != 200 || patched.json["subject"] != "Final" || patched.json["@odata.etag"] == etag || patched.json["bodyPreview"] != "one" {
		t.Errorf("patch: %d %s", patched.status, patched.body)
	}
	wantError(t, r.do(t, me, "PATCH", path, `{"subject":"Late"}`, "If-Match: "+etag), 412, "ErrorIrresolvableConflict")
	wantError(t, r.do(t, me, "PATCH", path, `{"colour":"red"}`), 400, "RequestBodyRead")
	wantError(t, r.do(t, me, "PATCH", path, `{"flag":{"flagStatus":"waving"}}`), 400, "RequestBodyRead")
	if sent := r.do(t, me, "POST", path+"/send", ""); sent.status != 202 || len(sent.body) != 0 {
		t.Fatalf("send: %d %s", sent.status, sent.body)
	}
	kept := r.get(t, path) // the immutable id leads to the copy in Sent Items
	if kept.json["parentFolderId"] != testID("folder"+danaID, 2) || kept.json["isDraft"] != false || kept.json["subject"] != "Final" {
		t.Errorf("after sending: %s", kept.body)
	}
	theirs := r.find(t, rajID, "Final")
	if len(theirs) != 1 || theirs[0]["isDraft"] != false || fmt.Sprint(theirs[0]["categories"]) != "[]" {
		t.Errorf("delivered: %v", theirs)
	}
	wantError(t, r.do(t, me, "POST", path+"/send", ""), 400, "ErrorInvalidRequest")
	empty := r.do(t, me, "POST", "/me/messages", `{}`)
	wantError(t, r.do(t, me, "POST", "/me/messages/"+text(empty, "id")+"/send", ""), 400, "ErrorInvalidRecipients")
}

func TestStateOfReceivedMail(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	me, path := danaID+" Mail.ReadWrite", "/me/messages/"+testID("message"+danaID, 1)
	if got := r.do(t, me, "PATCH", path, `{"isRead":true}`); got.json["isRead"] != true {
		t.Errorf("isRead: %d %s", got.status, got.body)
	}
	if n := r.get(t, "/me/mailFolders/inbox").json["unreadItemCount"]; n != float64(inboxLen/2-1) {
		t.Errorf("unread: %v", n)
	}
	wantError(t, r.do(t, me, "PATCH", path, `{"subject":"forged"}`), 400, "ErrorInvalidPropertySet")
	before := r.get(t, path, `Prefer: IdType="ImmutableId"`)
	moved := r.do(t, me, "POST", path+"/move", `{"destinationId":"archive"}`)
	if moved.status != 201 || moved.json["id"] == testID("message"+danaID, 1) || moved.json["conversationId"] != before.json["conversationId"] {
		t.Errorf("move: %d %s", moved.status, moved.body)
	}
	wantError(t, r.get(t, path), 404, "ErrorItemNotFound")
	after := r.get(t, "/me/messages/"+text(before, "id"))
	if after.json["parentFolderId"] != testID("folder"+danaID, 4) || after.json["id"] != moved.json["id"] {
		t.Errorf("by immutable id after the move: %s", after.body)
	}
	wantError(t, r.do(t, me, "POST", "/me/messages/"+text(moved, "id")+"/move", `{"destinationId":"nowhere"}`), 400, "ErrorInvalidIdMalformed")
	wantError(t, r.do(t, me, "POST", "/me/messages/"+text(moved, "id")+"/move", `{}`), 400, "ErrorInvalidParameter")
	if gone := r.do(t, me, "DELETE", "/me/messages/"+text(moved, "id"), ""); gone.status != 204 {
		t.Errorf("delete: %d %s", gone.status, gone.body)
	}
	wantError(t, r.get(t, "/me/messages/"+text(moved, "id")), 404, "ErrorItemNotFound")
	for _, call := range [][2]string{{"PATCH", path}, {"DELETE", path}, {"POST", "/me/messages"}, {"POST", path + "/move"}, {"POST", path + "/createReply"}} {
		wantError(t, r.do(t, danaID+" Mail.Read Mail.Send", call[0], call[1], `{}`), 403, "ErrorAccessDenied")
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	original := r.get(t, "/me/messages/"+testID("message"+danaID, 5)) // from a vendor, to Dana, cc Raj
	path := "/me/messages/" + text(original, "id")
	if got := r.do(t, danaID+" Mail.Send", "POST", path+"/replyAll", `{"comment":"No, thanks"}`); got.status != 202 {
		t.Fatalf("replyAll: %d %s", got.status, got.body)
	}
	got := r.find(t, rajID, "RE: It''s an offer")
	if len(got) != 1 || got[0]["bodyPreview"] != "No, thanks" {
		t.Fatalf("reply to all: %v", got)
	}
	mine := r.find(t, danaID, "RE: It''s an offer") // Sent Items only: oneself is left out
	if len(mine) != 1 || mine[0]["conversationId"] != original.json["conversationId"] {
		t.Errorf("own copy: %v", mine)
	}
	draft := r.do(t, danaID+" Mail.ReadWrite", "POST", "/me/messages/"+testID("message"+danaID, 3)+"/createReply", `{"Comment":"<b>x</b>"}`)
	body, _ := draft.json["body"].(map[string]any)
	content, _ := body["content"].(string)
	if draft.status != 201 || draft.json["isDraft"] != true || draft.json["subject"] != "RE: Budget" || !strings.Contains(content, "&lt;b&gt;x&lt;/b&gt;") || !strings.Contains(content, "Approve") {
		t.Errorf("createReply: %d %s", draft.status, draft.body)
	}
	wantError(t, r.do(t, danaID+" Mail.Send", "POST", path+"/reply", `{"comment":"a","message":{"body":{"contentType":"text","content":"b"}}}`), 400, "ErrorInvalidParameter")
	wantError(t, r.do(t, danaID+" Mail.Send", "POST", path+"/reply", `{"remark":"a"}`), 400, "RequestBodyRead")
}
