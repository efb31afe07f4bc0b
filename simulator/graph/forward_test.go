package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestForward(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	path := "/me/messages/" + testID("message"+danaID, 3) // with two files
	to := `[{"emailAddress":{"address":"someone@fabrikam.example"}}]`
	for _, body := range []string{
		`{"comment":"See below","toRecipients":` + to + `}`, `{"Comment":"See below","ToRecipients":` + to + `}`, `{"comment":"See below","message":{"toRecipients":` + to + `}}`,
	} {
		if got := r.do(t, danaID+" Mail.Send", "POST", path+"/forward", body); got.status != 202 || len(got.body) != 0 {
			t.Fatalf("forward: %d %s", got.status, got.body)
		}
	}
	sent := r.find(t, danaID, "FW: Budget")
	if len(sent) != 3 || sent[0]["bodyPreview"] != "See below" || !strings.Contains(fmt.Sprint(sent[0]["body"]), "Approve") {
		t.Fatalf("in Sent Items: %v", sent)
	}
	if files, _ := sent[0]["attachments"].([]any); len(files) != 2 {
		t.Errorf("the files did not go along: %v", sent[0]["attachments"])
	}
	left := r.server.Outbound()
	if len(left) != 3 || !slices.Equal(left[0].Recipients, []string{"someone@fabrikam.example"}) || left[0].Message.Subject != "FW: Budget" || len(left[0].Message.Attachments) != 2 {
		t.Errorf("outbound: %+v", left)
	}
	draft := r.do(t, danaID+" Mail.ReadWrite", "POST", path+"/createForward", `{"message":{"importance":"low","body":{"contentType":"html","content":"<p>mine</p>"}}}`)
	if draft.status != 201 || draft.json["isDraft"] != true || draft.json["subject"] != "FW: Budget" || draft.json["importance"] != "low" || draft.json["hasAttachments"] != true {
		t.Errorf("createForward: %d %s", draft.status, draft.body)
	}
	me := danaID + " Mail.Send"
	wantError(t, r.do(t, me, "POST", path+"/forward", `{"toRecipients":`+to+`,"message":{"toRecipients":`+to+`}}`), 400, "ErrorInvalidParameter")
	wantError(t, r.do(t, me, "POST", path+"/forward", `{"toRecipients":`+to+`,"ToRecipients":`+to+`}`), 400, "RequestBodyRead")
	wantError(t, r.do(t, me, "POST", path+"/forward", `{"comment":"x"}`), 400, "ErrorInvalidRecipients")
	wantError(t, r.do(t, me, "POST", path+"/forward", "Zm9v", "Content-Type: text/plain"), 415, "UnsupportedMediaType")
	if empty := r.do(t, danaID+" Mail.ReadWrite", "POST", path+"/createReplyAll", ""); empty.status != 201 || empty.json["subject"] != "RE: Budget" {
		t.Errorf("createReplyAll without a body: %d %s", empty.status, empty.body)
	}
}

func TestReplyToOwnMessageGoesToItsRecipients(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.do(t, danaID+" Mail.Send", "POST", "/me/sendMail", mailTo("Question", raj))
	sent := r.find(t, danaID, "Question")
	id, _ := sent[0]["id"].(string)
	draft := r.do(t, danaID+" Mail.ReadWrite", "POST", "/me/messages/"+id+"/createReply", `{"comment":"Any news?"}`)
	if to := fmt.Sprint(draft.json["toRecipients"]); !strings.Contains(to, raj.Address) || strings.Contains(to, dana.Address) {
		t.Errorf("addressed to %s", to)
	}
}

func TestCopyFlagAndETag(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	me, path := danaID+" Mail.ReadWrite", "/me/messages/"+testID("message"+danaID, 3)
	copied := r.do(t, me, "POST", path+"/copy", `{"DestinationId":"archive"}`)
	if copied.status != 201 || copied.json["id"] == testID("message"+danaID, 3) || copied.json["parentFolderId"] != testID("folder"+danaID, 4) {
		t.Fatalf("copy: %d %s", copied.status, copied.body)
	}
	immutable := `Prefer: IdType="ImmutableId"`
	if a, b := text(r.get(t, path, immutable), "id"), text(r.get(t, "/me/messages/"+text(copied, "id"), immutable), "id"); a == b {
		t.Error("the copy shares the immutable id")
	}
	etags := map[string]bool{text(r.get(t, path), "@odata.etag"): true}
	for _, change := range []string{
		`{"isRead":true}`, `{"categories":["Red","Blue"]}`, `{"flag":{"flagStatus":"complete"}}`, `{"importance":"low"}`,
		`{"flag":{"flagStatus":"flagged","startDateTime":{"dateTime":"2026-11-23T09:00:00","timeZone":"UTC"},"dueDateTime":{"dateTime":"2026-11-24T09:00:00","timeZone":"UTC"}}}`,
	} {
		got := r.do(t, me, "PATCH", path, change)
		if etags[text(got, "@odata.etag")] || got.status != 200 || got.json["@odata.etag"] != got.header.Get("ETag") {
			t.Errorf("%s: %d, etag %s", change, got.status, text(got, "@odata.etag"))
		}
		etags[text(got, "@odata.etag")] = true
	}
	flag, _ := r.get(t, path).json["flag"].(map[string]any)
	if flag["flagStatus"] != "flagged" || flag["dueDateTime"] == nil {
		t.Errorf("flag: %v", flag)
	}
	wantError(t, r.do(t, me, "PATCH", path, `{"flag":{"flagStatus":"flagged","dueDateTime":{"dateTime":"2026-11-24T09:00:00","timeZone":"UTC"}}}`), 400, "ErrorInvalidArgument")
	zoned := r.get(t, path, `Prefer: outlook.timezone="Tokyo Standard Time"`)
	if zoned.header.Get("Preference-Applied") != "" || zoned.json["receivedDateTime"] != "2026-11-22T06:00:00Z" {
		t.Error("outlook.timezone changed a message")
	}
}

func TestDraftInAFolder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	me := danaID + " Mail.ReadWrite"
	got := r.do(t, me, "POST", "/me/mailFolders/archive/messages", `{"subject":"Later"}`)
	if got.status != 201 || got.json["parentFolderId"] != testID("folder"+danaID, 4) || got.json["isDraft"] != true {
		t.Errorf("%d %s", got.status, got.body)
	}
	path := "/me/mailFolders/archive/messages/" + text(got, "id")
	if patched := r.do(t, me, "PATCH", path, `{"subject":"Now"}`); patched.json["subject"] != "Now" {
		t.Errorf("%d %s", patched.status, patched.body)
	}
	if gone := r.do(t, me, "DELETE", path, ""); gone.status != 204 {
		t.Errorf("%d %s", gone.status, gone.body)
	}
}
