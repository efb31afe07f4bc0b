package drive_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/simulator/graph/service/servicetest"
)

func TestDownload(t *testing.T) {
	t.Parallel()
	r := start(t)
	at := "/me/drive/root:/" + escape("Documents/Lisbon/Options A, B, C.docx")
	redirect := r.get(t, at+":/content")
	link := redirect.Header.Get("Location")
	if redirect.Status != 302 || !strings.HasPrefix(link, r.Storage+"/") {
		t.Fatalf("content: %d %q", redirect.Status, link)
	}
	whole := r.Do(t, "", "GET", link, "")
	if _, err := zip.NewReader(bytes.NewReader(whole.Body), int64(len(whole.Body))); whole.Status != 200 || err != nil {
		t.Errorf("download: %d, %v", whole.Status, err)
	}
	if !strings.Contains(whole.Header.Get("Content-Disposition"), "Options%20A%2C%20B%2C%20C.docx") {
		t.Errorf("disposition: %q", whole.Header.Get("Content-Disposition"))
	}
	item := r.get(t, at)
	sum := sha256.Sum256(whole.Body)
	hashes := object(t, object(t, item.JSON["file"])["hashes"])
	if hashes["sha256Hash"] != strings.ToUpper(hex.EncodeToString(sum[:])) || item.JSON["size"] != float64(len(whole.Body)) {
		t.Errorf("hash and size: %s", item.Body)
	}
	part := r.Do(t, "", "GET", item.Text("@microsoft.graph.downloadUrl"), "", "Range: bytes=10-19")
	if part.Status != 206 || !bytes.Equal(part.Body, whole.Body[10:20]) || part.Header.Get("Content-Range") != fmt.Sprintf("bytes 10-19/%d", len(whole.Body)) {
		t.Errorf("range: %d %q", part.Status, part.Header)
	}
	if got := r.Do(t, "", "GET", link, "", "Range: bytes=9999999-"); got.Status != 416 {
		t.Errorf("range past the end: %d", got.Status)
	}
	if got := r.Do(t, r.person("ada")+" "+all, "GET", link, ""); got.Status != 401 {
		t.Errorf("with a token: %d", got.Status)
	}
	r.get(t, "/me/drive/root:/Documents:/content").WantError(t, 400, "invalidRequest")
	r.get(t, at+":/content?format=pdf").WantError(t, 400, "notSupported")

	for name, broken := range map[string]string{
		"other item": strings.Replace(link, "tempauth=", "tempauth=A", 1), "nonsense": r.Storage + "/drive/download.aspx?tempauth=x.y",
		"cut": link[:strings.LastIndex(link, "&")-5], "bare": r.Storage + "/drive/download.aspx",
	} {
		if got := r.Do(t, "", "GET", broken, ""); got.Status < 400 {
			t.Errorf("%s: %d", name, got.Status)
		}
	}
	if got := r.Do(t, "", "PUT", link, "x"); got.Status != 405 {
		t.Errorf("PUT: %d", got.Status)
	}
	r.clock.turn(61 * time.Minute)
	if got := r.Do(t, "", "GET", link, ""); got.Status != 401 {
		t.Errorf("after an hour: %d", got.Status)
	}
}

func TestTwelveMegabytes(t *testing.T) {
	t.Parallel()
	r := start(t)
	item := r.get(t, "/sites/"+r.site("operations").ID+"/drive/root:/"+escape("Stock/Sensor log of the Lisbon basin.csv"))
	link := item.Text("@microsoft.graph.downloadUrl")
	if item.JSON["size"] != float64(12<<20) {
		t.Fatalf("size: %s", item.Body)
	}
	whole := r.Do(t, "", "GET", link, "").Body
	if len(whole) != 12<<20 || !strings.HasPrefix(string(whole), "time,station,ph") {
		t.Fatalf("%d bytes, %.40q", len(whole), whole)
	}
	part := r.Do(t, "", "GET", link, "", "Range: bytes=7000000-7000999")
	if !bytes.Equal(part.Body, whole[7000000:7001000]) {
		t.Error("a range is not what the whole has there")
	}
}

func TestSmallUpload(t *testing.T) {
	t.Parallel()
	r := start(t)
	put := func(path, query, body string, headers ...string) servicetest.Reply {
		return r.as(t, "ada", "PUT", "/me/drive/root:/"+escape(path)+":/content"+query, body, append(headers, "Content-Type: text/plain")...)
	}
	first := put("Documents/New/Deep/note ä#1.txt", "", "one")
	if first.Status != 201 || first.JSON["size"] != 3.0 || object(t, first.JSON["file"])["mimeType"] != "text/plain" {
		t.Fatalf("new: %d %s", first.Status, first.Body)
	}
	second := put("Documents/New/Deep/note ä#1.txt", "", "three")
	if second.Status != 200 || second.Text("id") != first.Text("id") || second.Text("cTag") == first.Text("cTag") {
		t.Errorf("replaced: %d %s", second.Status, second.Body)
	}
	put("Documents/New/Deep/note ä#1.txt", "?@microsoft.graph.conflictBehavior=fail", "x").WantError(t, 409, "nameAlreadyExists")
	if got := put("Documents/New/Deep/note ä#1.txt", "?%40microsoft.graph.conflictBehavior=rename", "x"); got.Status != 201 || got.Text("name") != "note ä#1 1.txt" {
		t.Errorf("renamed: %d %s", got.Status, got.Body)
	}
	put("Documents/New", "", "x").WantError(t, 409, "nameAlreadyExists")
	put("Documents/a:b.txt", "", "x").WantError(t, 400, "invalidRequest")
	at := "/me/drive/items/" + first.Text("id")
	r.as(t, "ada", "PUT", at+"/content", "x", "If-Match: "+first.Text("eTag")).WantError(t, 412, "resourceModified")
	if got := r.as(t, "ada", "PUT", at+"/content", "four!", "If-Match: "+second.Text("eTag")); got.Status != 200 {
		t.Errorf("by id: %d %s", got.Status, got.Body)
	}
	if got := r.get(t, at+"/versions").Column(t, "id"); !cmp.Equal(got, []string{"3.0", "2.0", "1.0"}) {
		t.Errorf("versions: %v", got)
	}
	if got := r.get(t, "/me/drive/root/search(q='four')").Column(t, "name"); len(got) != 1 {
		t.Errorf("the new text is not found: %v", got)
	}
	if got := put("Documents/big.bin", "", strings.Repeat("x", 5<<20)); got.Status != 201 {
		t.Errorf("5 MiB: %d %s", got.Status, got.Body)
	}
	r.as(t, "gauri", "PUT", "/me/drive/root:/x.txt:/content", "x").WantError(t, 507, "quotaLimitReached")
}

func TestUploadedDocumentsAreIndexed(t *testing.T) {
	t.Parallel()
	r := start(t)
	for from, text := range map[string]string{
		"Documents/Lisbon/Options A, B, C.docx": "recommendation", "Documents/Kennzahlen Lager (Entwurf).xlsx": "umschlag", "Documents/Lisbon/Contacts in Lisbon.md": "alcântara",
	} {
		content := r.Do(t, "", "GET", r.get(t, "/me/drive/root:/"+escape(from)).Text("@microsoft.graph.downloadUrl"), "").Body
		name := "uploaded" + from[strings.LastIndex(from, "."):]
		if got := r.as(t, "ada", "PUT", "/me/drive/root:/Pictures/"+name+":/content", string(content)); got.Status != 201 {
			t.Fatalf("%s: %d %s", name, got.Status, got.Body)
		}
		if got := r.get(t, "/me/drive/root:/Pictures:/search(q='"+escape(text)+"')").Column(t, "name"); !cmp.Equal(got, []string{name}) {
			t.Errorf("%s in %s: %v", text, name, got)
		}
	}
	if got := r.as(t, "ada", "PUT", "/me/drive/root:/Pictures/broken.docx:/content", "no zip"); got.Status != 201 {
		t.Errorf("broken document: %d", got.Status)
	}
	if got := r.get(t, "/me/drive/root:/Pictures:/search(q='zip')").Values(t); len(got) != 0 {
		t.Errorf("text of a broken document: %v", got)
	}
}

const unit = 320 << 10

// session opens an upload.
func (r *rig) session(t *testing.T, path string, item map[string]any) string {
	t.Helper()
	got := r.as(t, "ada", "POST", "/me/drive/root:/"+escape(path)+":/createUploadSession", toJSON(map[string]any{"item": item}))
	if got.Status != 200 || !strings.HasPrefix(got.Text("uploadUrl"), r.Storage) {
		t.Fatalf("session: %d %s", got.Status, got.Body)
	}
	return got.Text("uploadUrl")
}

// chunk sends bytes from..from+len of total.
func (r *rig) chunk(t *testing.T, link string, from int, body string, total int) servicetest.Reply {
	t.Helper()
	return r.Do(t, "", "PUT", link, body, fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, from+len(body)-1, total))
}

func wantRanges(t *testing.T, got servicetest.Reply, status int, next string) {
	t.Helper()
	if ranges, ok := got.JSON["nextExpectedRanges"].([]any); !ok || got.Status != status || len(ranges) != 1 || ranges[0] != next {
		t.Errorf("got %d %s, want %d and %s", got.Status, got.Body, status, next)
	}
}

func TestUploadSession(t *testing.T) {
	t.Parallel()
	r := start(t)
	content := strings.Repeat("0123456789abcdef", (2*unit+4096)/16)
	link := r.session(t, "Documents/large ü.bin", map[string]any{"@microsoft.graph.conflictBehavior": "fail", "name": "large ü.bin", "fileSize": len(content)})
	wantRanges(t, r.Do(t, "", "GET", link, ""), 200, "0-")
	wantRanges(t, r.chunk(t, link, 0, content[:unit], len(content)), 202, fmt.Sprintf("%d-", unit))

	// Wrong ones leave everything as it was.
	r.wantStorage(t, r.chunk(t, link, 0, content[:unit], len(content)), 416, "invalidRange")
	r.wantStorage(t, r.chunk(t, link, 2*unit, content[2*unit:], len(content)), 416, "invalidRange")
	r.wantStorage(t, r.chunk(t, link, unit, content[unit:unit+100], len(content)), 400, "invalidRequest")
	r.wantStorage(t, r.chunk(t, link, unit, content[unit:2*unit], len(content)+1), 400, "invalidRequest")
	r.wantStorage(t, r.Do(t, "", "PUT", link, "abc", "Content-Range: bytes 327680-327699/659456"), 400, "invalidRequest")
	r.wantStorage(t, r.Do(t, "", "PUT", link, "abc"), 400, "invalidRequest")
	r.wantStorage(t, r.Do(t, "", "POST", link, ""), 405, "Request_BadRequest")
	if got := r.Do(t, r.person("ada")+" "+all, "PUT", link, content[unit:], fmt.Sprintf("Content-Range: bytes %d-%d/%d", unit, len(content)-1, len(content))); got.Status != 401 {
		t.Errorf("with a token: %d", got.Status)
	}

	// Resume.
	wantRanges(t, r.Do(t, "", "GET", link, ""), 200, fmt.Sprintf("%d-", unit))
	r.get(t, "/me/drive/root:/Documents/"+escape("large ü.bin")).WantError(t, 404, "itemNotFound")
	done := r.chunk(t, link, unit, content[unit:], len(content))
	if done.Status != 201 || done.Text("name") != "large ü.bin" || done.JSON["size"] != float64(len(content)) {
		t.Fatalf("done: %d %s", done.Status, done.Body)
	}
	download := r.Do(t, "", "GET", r.get(t, "/me/drive/items/"+done.Text("id")).Text("@microsoft.graph.downloadUrl"), "")
	if string(download.Body) != content {
		t.Error("what was uploaded is not what is there")
	}
	r.wantStorage(t, r.Do(t, "", "GET", link, ""), 404, "itemNotFound")
}

// wantStorage is for answers of the storage host, which have no request-id to check.
func (r *rig) wantStorage(t *testing.T, got servicetest.Reply, status int, code string) {
	t.Helper()
	if got.Status != status || got.Code() != code {
		t.Errorf("got %d %s, want %d %s", got.Status, got.Body, status, code)
	}
}

func TestUploadConflicts(t *testing.T) {
	t.Parallel()
	r := start(t)
	open := func(person, path string, body any) servicetest.Reply {
		return r.as(t, person, "POST", "/me/drive/root:/"+escape(path)+":/createUploadSession", toJSON(body))
	}
	item := func(behaviour string) map[string]any {
		return map[string]any{"item": map[string]any{"@microsoft.graph.conflictBehavior": behaviour}}
	}
	const taken = "Documents/To do before the launch.txt"
	open("ada", taken, item("fail")).WantError(t, 409, "nameAlreadyExists")
	open("ada", taken, map[string]any{}).WantError(t, 409, "nameAlreadyExists")
	open("ada", "Documents/x.txt", map[string]any{"deferCommit": true}).WantError(t, 400, "notSupported")
	open("ada", "Documents/x.txt", map[string]any{"item": map[string]any{"name": "y.txt"}}).WantError(t, 400, "invalidRequest")
	open("ada", "Documents/x.txt", map[string]any{"item": map[string]any{"fileSize": 1 << 40}}).WantError(t, 413, "maxFileSizeExceeded")
	open("ada", "Documents/x.txt", map[string]any{"colour": 1}).WantError(t, 400, "RequestBodyRead")
	open("gauri", "x.txt", map[string]any{"item": map[string]any{"fileSize": 10}}).WantError(t, 507, "quotaLimitReached")
	r.as(t, "ada", "POST", "/me/drive/root:/Documents:/createUploadSession", "").WantError(t, 400, "invalidRequest")

	if got := r.chunk(t, open("ada", taken, item("rename")).Text("uploadUrl"), 0, "abc", 3); got.Status != 201 || got.Text("name") != "To do before the launch 1.txt" {
		t.Errorf("renamed: %d %s", got.Status, got.Body)
	}
	if got := r.chunk(t, open("ada", taken, item("replace")).Text("uploadUrl"), 0, "abc", 3); got.Status != 200 || got.Text("id") != r.id(t, taken) {
		t.Errorf("replaced: %d %s", got.Status, got.Body)
	}
	byID := r.as(t, "ada", "POST", "/me/drive/items/"+r.id(t, taken)+"/createUploadSession", "").Text("uploadUrl")
	if got := r.chunk(t, byID, 0, "abcd", 4); got.Status != 200 || got.JSON["size"] != 4.0 {
		t.Errorf("by id: %d %s", got.Status, got.Body)
	}

	// Somebody takes the name meanwhile: the session stays.
	late := r.session(t, "Documents/race.txt", nil)
	r.as(t, "ada", "PUT", "/me/drive/root:/Documents/race.txt:/content", "first")
	r.wantStorage(t, r.chunk(t, late, 0, "second", 6), 409, "nameAlreadyExists")
	wantRanges(t, r.Do(t, "", "GET", late, ""), 200, "0-")

	deep := r.session(t, "Documents/Not/Yet/deep.txt", nil)
	r.get(t, "/me/drive/root:/Documents/Not").WantError(t, 404, "itemNotFound")
	if got := r.chunk(t, deep, 0, "abc", 3); got.Status != 201 || r.id(t, "Documents/Not/Yet/deep.txt") != got.Text("id") {
		t.Errorf("into new folders: %d %s", got.Status, got.Body)
	}

	cancelled := r.session(t, "Documents/never.txt", nil)
	if got := r.Do(t, "", "DELETE", cancelled, ""); got.Status != 204 {
		t.Errorf("cancel: %d", got.Status)
	}
	r.wantStorage(t, r.chunk(t, cancelled, 0, "x", 1), 404, "itemNotFound")
	expired := r.session(t, "Documents/never.txt", nil)
	r.clock.turn(25 * time.Hour)
	r.wantStorage(t, r.Do(t, "", "GET", expired, ""), 404, "itemNotFound")
	r.wantStorage(t, r.Do(t, "", "GET", r.Storage+"/drive/upload/nothing", ""), 404, "itemNotFound")
}

func TestLargeChunkIsRefused(t *testing.T) {
	t.Parallel()
	r := start(t)
	link := r.session(t, "Documents/chunk.bin", nil)
	body := strings.Repeat("x", 60<<20)
	r.wantStorage(t, r.chunk(t, link, 0, body, 70<<20), http.StatusRequestEntityTooLarge, "maxFileSizeExceeded")
	wantRanges(t, r.Do(t, "", "GET", link, ""), 200, "0-")
}
