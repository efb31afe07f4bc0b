package graph

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

const mailScope = "Mail.ReadWrite"

func TestAttachmentsAreAddedAndDeleted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	me := danaID + " " + mailScope
	draft := r.do(t, me, "POST", "/me/messages", `{"subject":"Files"}`)
	path := "/me/messages/" + text(draft, "id")
	file := `{"@odata.type":"#microsoft.graph.fileAttachment","name":"notes.txt","contentBytes":"` + base64.StdEncoding.EncodeToString([]byte("notes")) + `"}`
	added := r.do(t, me, "POST", path+"/attachments", file)
	if added.status != 201 || added.json["name"] != "notes.txt" || added.json["size"] != 5.0 || !strings.HasPrefix(text(added, "contentType"), "text/plain") {
		t.Fatalf("file: %d %s", added.status, added.body)
	}
	if etag := text(r.get(t, path), "@odata.etag"); etag == text(draft, "@odata.etag") {
		t.Error("a new attachment did not change the etag of the message")
	}
	item := r.do(t, me, "POST", path+"/attachments", `{"@odata.type":"#microsoft.graph.itemAttachment","name":"A meeting","item":{"@odata.type":"#microsoft.graph.event","subject":"Plan"}}`)
	if item.status != 201 || item.json["@odata.type"] != "#microsoft.graph.itemAttachment" {
		t.Errorf("item: %d %s", item.status, item.body)
	}
	shown := r.get(t, path+"/attachments/"+text(item, "id")+q("$expand", "microsoft.graph.itemAttachment/item"))
	if !strings.Contains(fmt.Sprint(shown.json["item"]), "Plan") {
		t.Errorf("the item: %s", shown.body)
	}
	wantError(t, r.get(t, path+"/attachments/"+text(item, "id")+"/$value"), 400, "ErrorInvalidRequest")
	mail := r.do(t, me, "POST", path+"/attachments", `{"@odata.type":"#microsoft.graph.itemAttachment","name":"Old","item":{"@odata.type":"#microsoft.graph.message","subject":"Offer","attachments":[`+file+`]}}`)
	if raw := r.get(t, path+"/attachments/"+text(mail, "id")+"/$value"); !strings.Contains(string(raw.body), "Subject: Offer\r\n") || !strings.Contains(string(raw.body), "bm90ZXM=") {
		t.Errorf("MIME of an attached mail: %d %s", raw.status, raw.body)
	}
	if gone := r.do(t, me, "DELETE", path+"/attachments/"+text(mail, "id"), ""); gone.status != 204 {
		t.Errorf("delete: %d %s", gone.status, gone.body)
	}
	if list := r.get(t, path+"/attachments").column(t, "name"); len(list) != 2 {
		t.Errorf("attachments: %v", list)
	}
	if gone := r.do(t, me, "DELETE", path+"/attachments/"+text(added, "id"), ""); gone.status != 204 {
		t.Errorf("delete: %d %s", gone.status, gone.body)
	}
	wantError(t, r.get(t, path+"/attachments/"+text(added, "id")), 404, "ErrorItemNotFound")
	wantError(t, r.do(t, me, "POST", path+"/attachments", `{"@odata.type":"#microsoft.graph.itemAttachment","name":"x"}`), 400, "ErrorInvalidArgument")
	wantError(t, r.do(t, me, "POST", path+"/attachments", `{"@odata.type":"#microsoft.graph.itemAttachment","name":"x","item":{"@odata.type":"#microsoft.graph.user"}}`), 400, "RequestBodyRead")
	large := base64.StdEncoding.EncodeToString(make([]byte, 3<<20))
	wantError(t, r.do(t, me, "POST", path+"/attachments", `{"@odata.type":"#microsoft.graph.fileAttachment","name":"x","contentBytes":"`+large+`"}`), 413, "RequestEntityTooLarge")
}

// session opens an upload of size bytes and returns its URL.
func (r *rig) session(t *testing.T, path string, size int) string {
	t.Helper()
	got := r.do(t, danaID+" "+mailScope, "POST", path+"/attachments/createUploadSession", fmt.Sprintf(`{"AttachmentItem":{"attachmentType":"file","name":"plan.pdf","size":%d}}`, size))
	if got.status != 201 || !strings.HasPrefix(text(got, "uploadUrl"), r.storage.URL+"/") || fmt.Sprint(got.json["nextExpectedRanges"]) != "[0-]" {
		t.Fatalf("session: %d %s", got.status, got.body)
	}
	return text(got, "uploadUrl")
}

func (r *rig) put(t *testing.T, url string, chunk []byte, contentRange string) reply {
	t.Helper()
	return r.do(t, "", "PUT", url, string(chunk), "Content-Range: "+contentRange, "Content-Type: application/octet-stream")
}

func TestUploadSession(t *testing.T) {
	t.Parallel()
	now := fixedNow()
	r := newRig(t, func(o *Options) {
		o.Now = func() time.Time { return now }
	})
	path := "/me/messages/" + text(r.do(t, danaID+" "+mailScope, "POST", "/me/messages", `{"subject":"Large"}`), "id")
	const size, chunk = 7 << 20, 3 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	url := r.session(t, path, size)
	for at := 0; at < size; at += chunk {
		end := min(at+chunk, size)
		span := fmt.Sprintf("bytes %d-%d/%d", at, end-1, size)
		got := r.put(t, url, content[at:end], span)
		if end == size {
			if got.status != 201 || len(got.body) != 0 || !strings.Contains(got.header.Get("Location"), "/attachments('") {
				t.Fatalf("last chunk: %d %s %v", got.status, got.body, got.header)
			}
			one := r.get(t, strings.Replace(got.header.Get("Location"), "/users('"+danaID+"')", "/me", 1)+"/$value")
			if sha256.Sum256(one.body) != sha256.Sum256(content) {
				t.Error("another content arrived")
			}
			break
		}
		if got.status != 200 || fmt.Sprint(got.json["nextExpectedRanges"]) != fmt.Sprintf("[%d-]", end) {
			t.Fatalf("%s: %d %s", span, got.status, got.body)
		}
		if again := r.put(t, url, content[at:end], span); again.status != 416 {
			t.Errorf("the same range again: %d %s", again.status, again.body)
		}
		if state := r.do(t, "", "GET", url, ""); state.status != 200 || fmt.Sprint(state.json["nextExpectedRanges"]) != fmt.Sprintf("[%d-]", end) {
			t.Errorf("state: %d %s", state.status, state.body)
		}
	}
	if after := r.put(t, url, content[:10], fmt.Sprintf("bytes 0-9/%d", size)); after.status != 404 {
		t.Errorf("after the end: %d", after.status)
	}
	second := r.session(t, path, size)
	for span, status := range map[string]int{
		fmt.Sprintf("bytes 0-9/%d", size): 400, "bytes 0-3/99": 400, "": 400, "bytes x": 400, fmt.Sprintf("bytes 5-8/%d", size): 416,
	} {
		if got := r.put(t, second, []byte("four"), span); got.status != status {
			t.Errorf("%q: %d, want %d", span, got.status, status)
		}
	}
	if got := r.put(t, second, content[:4<<20], fmt.Sprintf("bytes 0-%d/%d", 4<<20-1, size)); got.status != 413 {
		t.Errorf("a chunk of 4 MB: %d", got.status)
	}
	now = now.Add(2 * time.Hour)
	if got := r.put(t, second, []byte("four"), fmt.Sprintf("bytes 0-3/%d", size)); got.status != 404 {
		t.Errorf("expired: %d", got.status)
	}
}

func TestUploadSessionRefuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	path := "/me/messages/" + testID("message"+danaID, 1) + "/attachments/createUploadSession"
	for body, code := range map[string]string{
		`{}`: "ErrorInvalidParameter",
		`{"AttachmentItem":{"attachmentType":"file","name":"x","size":1000}}`:      "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
		`{"AttachmentItem":{"attachmentType":"file","name":"x","size":157286401}}`: "ErrorAttachmentSizeShouldNotBeMoreThanMaximumSize",
		`{"AttachmentItem":{"attachmentType":"item","name":"x","size":4000000}}`:   "ErrorInvalidArgument",
		`{"AttachmentItem":{"attachmentType":"file","size":4000000}}`:              "ErrorInvalidArgument",
		`{"AttachmentItem":{"attachmentType":"file","name":"x","length":4000000}}`: "RequestBodyRead",
	} {
		wantError(t, r.do(t, danaID+" "+mailScope, "POST", path, body), 400, code)
	}
}

// A token on the storage host is refused, and seen.
func TestStorageTakesNoToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	url := r.session(t, "/me/messages/"+testID("message"+danaID, 1), 4<<20)
	if got := r.do(t, danaID+" "+mailScope, "GET", url, ""); got.status != 401 {
		t.Errorf("with a token: %d %s", got.status, got.body)
	}
	records := r.server.Requests()
	if last := records[len(records)-1]; !last.Storage || !last.Authorized || last.Status != 401 || last.UserID != "" {
		t.Errorf("record: %+v", last)
	}
	if got := r.do(t, "", "GET", r.storage.URL+"/nothing", ""); got.status != 404 {
		t.Errorf("elsewhere: %d", got.status)
	}
	if got := r.do(t, "", "DELETE", url, ""); got.status != 204 {
		t.Errorf("cancel: %d", got.status)
	}
	if got := r.do(t, "", "GET", url, ""); got.status != 404 {
		t.Errorf("cancelled: %d", got.status)
	}
}
