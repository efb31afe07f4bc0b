package files_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"m365mcp/dlp"
	"m365mcp/internal/golden"
	"m365mcp/policy"
	"m365mcp/tool"
	"m365mcp/tool/files"
	"m365mcp/tool/tooltest"
)

func start(t *testing.T) (*tooltest.Harness, *services) {
	t.Helper()
	s := newServices(t)
	o := tooltest.Options{Tools: files.Tools()}
	s.setup(&o)
	return tooltest.Start(t, o).As("ada"), s
}

// Reading on with the cursor reaches every file, and none twice.
func TestToTheEnd(t *testing.T) {
	t.Parallel()
	h, _ := start(t)
	for name, call := range map[string][]any{
		"listFiles":   {"path", "Documents", "count", 2},
		"searchFiles": {"query", "lisbon", "count", 2, "scope", "everywhere"},
	} {
		h := h.Optional()
		whole := listed(h.Call(name, args(append(append([]any{}, call...), "count", 50)...)))
		seen, cursor := map[string]bool{}, ""
		for pages := 0; pages == 0 || cursor != ""; pages++ {
			pairs := append([]any{}, call...)
			if cursor != "" {
				pairs = append(pairs, "cursor", cursor)
			}
			l := listed(h.Call(name, args(pairs...)))
			for _, f := range l.Files {
				if seen[f.ID] {
					t.Errorf("%s: %s comes twice", name, f.Name)
				}
				seen[f.ID] = true
			}
			if cursor = l.Cursor; pages > 30 {
				t.Fatalf("%s has no end", name)
			}
		}
		if len(seen) != len(whole.Files) || len(seen) < 5 {
			t.Errorf("%s: %d files in pages, %d at once", name, len(seen), len(whole.Files))
		}
	}
}

// A page that has no file of the type does not end the search.
func TestTypeOfOneOnALaterPage(t *testing.T) {
	t.Parallel()
	h, _ := start(t)
	got := listed(h.Call("searchFiles", `{"query":"a","type":"xlsx","count":1}`))
	if len(got.Files) != 1 || got.Files[0].Name != "Kennzahlen Lager (Entwurf).xlsx" {
		t.Errorf("found %v", got.Files)
	}
}

// A link gives the bytes of the file to its person, and nothing that the person
// may not have.
func TestDownload(t *testing.T) {
	t.Parallel()
	h, s := start(t)
	var link struct{ DownloadURL string }
	h.Call("getFileLink", args("id", own(h, "Documents/To do before the launch.txt"))).Structured(t, &link)
	d := s.ticket(link.DownloadURL)
	if d.Name != "To do before the launch.txt" || d.Size == 0 || !strings.HasPrefix(d.ContentType, "text/plain") {
		t.Errorf("the ticket is for %+v", d)
	}
	body, res := h.Send(d.Tool, string(d.Args))
	if res.Err != nil || !strings.HasPrefix(string(body), "- call Rui about bay 4") || int64(len(body)) != d.Size {
		t.Errorf("sent %q, %v", body, res.Err)
	}
	if _, res := h.As("chen").Send(d.Tool, string(d.Args)); res.Err == nil || res.Err.Code != tool.CodeInsufficientScope {
		t.Errorf("somebody else: %v", res.Err)
	}
	if _, res := h.As("chen").With("Files.Read.All").Send(d.Tool, string(d.Args)); res.Err == nil || res.Err.Code != tool.CodeForbidden {
		t.Errorf("somebody else with every scope: %v", res.Err)
	}
}

func TestResource(t *testing.T) {
	t.Parallel()
	h, _ := start(t)
	res := h.Call("resource:file", args("id", own(h, "Documents/To do before the launch.txt")))
	tooltest.Contains(t, res, "call Rui about bay 4")
}

// A file too large for its text is not fetched.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	h, s := start(t)
	h.Call("uploadFile", args("uploadId", s.upload(h, "huge.txt", 26<<20))).WantOK(t)
	res := h.Call("readFile", args("id", own(h, "huge.txt")))
	res.WantError(t, tool.CodeTooLarge)
	if sent := res.Sent("GET /drives/{drive-id}/items/{driveItem-id}/content"); len(sent) > 0 || !strings.Contains(res.Text(), "getFileLink") {
		t.Errorf("sent %v: %s", sent, res.Text())
	}
}

// Times are in the mailbox's zone where it is known.
func TestZone(t *testing.T) {
	t.Parallel()
	h, s := start(t)
	got := listed(h.With("MailboxSettings.Read").Call("listFiles", `{"path":"Documents/Board"}`))
	if want := regexp.MustCompile(`^2026-\d\d-\d\dT\d\d:\d\d\+0[12]:00$`); len(got.Files) == 0 || !want.MatchString(got.Files[0].Modified) {
		t.Errorf("times %v", got.Files)
	}
	const until = "until 2026-11-19T11:10+01:00 (Europe/Berlin)"
	for name, res := range map[string]tooltest.Result{
		"download": h.With("MailboxSettings.Read").Call("getFileLink", args("id", own(h, "Documents/To do before the launch.txt"))),
		"upload":   h.With("MailboxSettings.Read").Call("uploadFile", `{}`),
	} {
		if !strings.Contains(res.Text(), until) {
			t.Errorf("%s: no %q in %s", name, until, res.Text())
		}
	}
	if len(s.zones) != 2 {
		t.Errorf("%d pages", len(s.zones))
	}
	for url, zone := range s.zones {
		if zone.Label() != "Europe/Berlin" {
			t.Errorf("%s: the page is in %s", url, zone.Label())
		}
	}
}

// What leaves is looked at: texts, names, and the text of uploads of any size.
func TestWhatLeavesIsScanned(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	o := tooltest.Options{Tools: files.Tools(), DLP: dlp.New(dlp.Detector{
		Name: "digits", Match: func(text string) bool { return strings.Contains(text, "0123456789") },
	})}
	s.setup(&o)
	h := tooltest.Start(t, o).As("ada")
	id := own(h, "Documents/To do before the launch.txt")
	for name, call := range map[string]string{
		"uploadFile": args("name", "a.txt", "content", "my number is 0123456789"), "uploadFile name": args("name", "0123456789.txt", "content", "x"),
		"uploadFile small": args("uploadId", s.upload(h, "small.txt", 4000)), "uploadFile large": args("uploadId", s.upload(h, "large.txt", 5<<20)),
		"createFolder": args("name", "0123456789"), "moveFile": args("id", id, "newName", "0123456789.txt", "copy", true),
		"shareFile": args("id", id, "scope", "people", "people", "chen@tideline.example", "message", "0123456789"),
	} {
		which, _, _ := strings.Cut(name, " ")
		if res := h.Call(which, call); len(res.Intents) != 1 || len(res.Intents[0].Findings) != 1 {
			t.Errorf("%s: nothing was found: %v", name, res.Err)
		}
	}
}

// A link for anybody is for policy to forbid.
func TestPolicySeesAnyone(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	o := tooltest.Options{Tools: files.Tools(), Policy: policy.New(
		policy.Rule{ID: "rest", Effect: policy.Permit, When: func(policy.Request) bool { return true }},
		policy.Rule{ID: "no-anonymous", Effect: policy.Forbid, When: func(r policy.Request) bool { return slices.Contains(r.Resource.Recipients, "anyone") }},
	)}
	s.setup(&o)
	h := tooltest.Start(t, o).As("ada")
	id := own(h, "Documents/To do before the launch.txt")
	h.Call("shareFile", args("id", id, "scope", "anonymous")).WantError(t, tool.CodePolicyDenied)
	h.Call("shareFile", args("id", id)).WantOK(t)
}

// A file that somebody changes between the decision and the write is neither
// shared nor copied.
func TestChangedSinceTheDecision(t *testing.T) {
	t.Parallel()
	for name, call := range map[string][]any{
		"shareFile": {"scope", "people", "people", "chen@tideline.example"}, "moveFile": {"newName", "copy.txt", "copy", true}, "deleteFile": nil,
	} {
		s := newServices(t)
		var h *tooltest.Harness
		var id string
		o := tooltest.Options{Tools: files.Tools(), Policy: policy.New(policy.Rule{ID: "all", Effect: policy.Permit, When: func(r policy.Request) bool {
			if r.Action.Tool == name && id != "" {
				changed := id
				id = ""
				h.Call("moveFile", args("id", changed, "newName", "another.txt")).WantOK(t)
			}
			return true
		}})}
		s.setup(&o)
		h = tooltest.Start(t, o).As("ada")
		at := own(h, "Documents/To do before the launch.txt")
		id = at
		i := slices.IndexFunc(o.Tools, func(t *tool.Tool) bool { return t.Name == name })
		// Past Harness.Call, which wants to be the only one that the server serves.
		_, err := h.Runner.Run(t.Context(), h.Principal(o.Tools[i]), name, json.RawMessage(args(append([]any{"id", at}, call...)...)))
		if te, ok := errors.AsType[*tool.Error](err); !ok || te.Code != tool.CodeChanged {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever a model writes into an argument stays a value: no request goes to an
// operation that the tool does not use otherwise.
func TestInjection(t *testing.T) {
	t.Parallel()
	h, _ := start(t)
	id := own(h, "Documents/To do before the launch.txt")
	site := siteID(h)
	h = h.Optional().Shared()
	evil := []string{
		"../../users", "a/../../b", "%2e%2e%2f", "x')/children?$expand=permissions&q=('", "a:/b:/content", "?$select=id", "#frag", "b!x:../root", "a\u0000b", "a\nb",
		`x" OR "path:`, "' or 1 eq 1 or '", "$value", ":", "..", "root:/Documents:",
	}
	for _, e := range evil {
		for name, call := range map[string]string{
			"searchFiles": args("query", "plan "+e), "searchFiles everywhere": args("query", "plan "+e, "scope", "everywhere"),
			"searchFiles type": args("query", "plan", "type", e), "searchFiles cursor": args("query", "plan", "cursor", e),
			"listFiles id": args("id", e), "listFiles path": args("path", e), "listFiles siteId": args("siteId", e), "listFiles driveId": args("driveId", e),
			"readFile": args("id", e), "readFile item": args("id", "b!x:"+e), "readFile part": args("id", id, "part", e), "readFile cursor": args("id", id, "cursor", e),
			"getFileLink": args("id", e), "uploadFile": args("name", e, "content", "x"), "uploadFile id": args("uploadId", e), "uploadFile path": args("name", "a", "content", "x", "path", e),
			"createFolder": args("name", e), "moveFile": args("id", id, "newName", e), "moveFile to": args("id", id, "toFolderId", e), "deleteFile": args("id", e),
			"shareFile": args("id", e), "shareFile people": args("id", id, "scope", "people", "people", e), "searchSites": args("query", "plan "+e),
			"getListItems": args("siteId", e), "getListItems list": args("siteId", site, "list", e), "getListItems field": args("siteId", site, "list", "Projects", "field", e, "value", "1"),
			"getListItems value": args("siteId", site, "list", "Projects", "field", "Title", "value", e),
		} {
			tool, _, _ := strings.Cut(name, " ")
			res := h.Call(tool, call)
			for _, r := range res.Requests {
				if !usual.MatchString(r.Method+" "+r.Template) && !r.Storage || strings.Contains(r.Query, "$expand=permissions") {
					t.Errorf("%s %s: %s", name, call, r)
				}
			}
		}
	}
}

// usual are the operations of the family.
var usual = regexp.MustCompile(`^(GET /me/drive(/root/search\(q='\{q\}'\)|/root/children|/items/\{driveItem-id\})?|` +
	`GET /me/drive/items/\{driveItem-id\}/permissions|` +
	`GET /drives/\{drive-id\}(/root|/root/children|/items/\{driveItem-id\}(/children|/content|/permissions)?)|POST /search/query|GET /sites(/\{site-id\}/(drive|drives|lists(/\{list-id\}/(items|columns))?))?|` +
	`PUT /me/drive/items/\{driveItem-id\}/content|PUT /drives/\{drive-id\}/items/\{driveItem-id\}/content|POST /me/drive/root/children|PATCH /drives/\{drive-id\}/items/\{driveItem-id\})$`)

// What a model reads of typical results, and how much it is.
func TestTexts(t *testing.T) {
	t.Parallel()
	h, _ := start(t)
	fence, cursor := regexp.MustCompile(`untrusted [0-9a-f]{12}`), regexp.MustCompile(`cu_[a-z]+`)
	for name, res := range map[string]tooltest.Result{
		"list":   h.Call("listFiles", `{"path":"Documents","fields":["createdBy"]}`),
		"search": h.Optional().Call("searchFiles", `{"query":"lisbon","scope":"everywhere","count":10}`),
		"read":   h.Call("readFile", args("id", own(h, "Documents/Kennzahlen Lager (Entwurf).xlsx"))),
		"rows":   h.Call("getListItems", args("siteId", siteID(h), "list", "Projects", "count", 3)),
	} {
		res.WantOK(t)
		if text, data := len(res.Output.Text), len(res.Output.Structured); text > 4500 || data > 4500 {
			t.Errorf("%s: %d and %d characters", name, text, data)
		}
		golden.Compare(t, filepath.Join("testdata", name+".txt"), []byte(cursor.ReplaceAllString(fence.ReplaceAllString(res.Output.Text, "untrusted NONCE"), "CURSOR")+"\n"))
	}
}

// The list of tools is what every conversation pays for.
func TestToolsAreBrief(t *testing.T) {
	t.Parallel()
	all := 0
	for _, tl := range files.Tools() {
		b, err := json.Marshal(map[string]any{
			"name": tl.Name, "title": tl.Title, "description": tl.Description, "inputSchema": tl.InputSchema, "outputSchema": tl.OutputSchema,
		})
		if err != nil {
			t.Fatal(err)
		}
		all += len(b)
	}
	if most := 850 * len(files.Tools()); all > most { // some 210 tokens each
		t.Errorf("%d characters, more than %d", all, most)
	}
}
