package files_test

import (
	"strings"

	"m365mcp/tool"
	"m365mcp/tool/tooltest"
)

// holds wants a file of this name in a folder of the caller afterwards.
func holds(folder, name string) check {
	return func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		res.WantOK(t)
		if id := in(listed(h.Call("listFiles", args("path", folder, "count", 200))), name); !strings.HasPrefix(id, "di_") {
			t.Errorf("%s in %q", id, folder)
		}
	}
}

// sends wants a part in the only request of an operation.
func sends(operation string, parts ...string) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		res.WantOK(t)
		sent := res.Sent(operation)
		if len(sent) != 1 {
			t.Errorf("%s was sent %d times", operation, len(sent))
			return
		}
		for _, part := range parts {
			if !strings.Contains(sent[0].String(), part) && !strings.Contains(sent[0].Header.Get("If-Match"), part) {
				t.Errorf("no %s in %s", part, sent[0])
			}
		}
	}
}

// named wants exactly these recipients in the audit.
func named(want ...string) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		if got := res.Intents[0].Recipients; strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("recipients %q, want %q", got, want)
		}
	}
}

// shared makes a folder of the caller's that others can open as well, and returns its id.
func shared(h *tooltest.Harness) string {
	id := own(h, "Empty folder")
	h.Call("shareFile", args("id", id, "scope", "people", "people", []string{"chen@tideline.example", "inspector@harbour.example"}))
	h.Call("shareFile", args("id", id))
	return id
}

// inShared are those who see what comes into that folder.
func inShared(h *tooltest.Harness) []string {
	return []string{"inspector@harbour.example", "organization", "user:" + h.As("chen").Me().ID}
}

func namedInShared(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
	t.Helper()
	named(inShared(h)...)(t, h, res)
}

// site are the readers of the library of operations, as far as a member is told.
var site = named("site:Operations & Logistics Members", "site:Operations & Logistics Owners", "site:Operations & Logistics Visitors", "unknown")

const (
	itemPath  = "/drives/{drive-id}/items/{driveItem-id}"
	etagBegin = `"{`
)

func writeCases(s *services) []tooltest.Case {
	uploaded := func(name string, size int, pairs ...any) func(*tooltest.Harness) string {
		return func(h *tooltest.Harness) string {
			return args(append([]any{"uploadId", s.upload(h, name, size)}, pairs...)...)
		}
	}
	upload := []tooltest.Case{
		{Name: "text", Args: `{"name":"notes.md","content":"# Ü\n"}`, Check: all(holds("", "notes.md"), has(`"id":"di_`, `"size":5`, `"url":"https://`), named())},
		{Name: "text into a shared folder", ArgsOf: ids(shared, "folderId", "name", "a.txt", "content", "x"), Check: namedInShared},
		{Name: "over a file that is shared", ArgsOf: func(h *tooltest.Harness) string {
			h.Call("shareFile", args("id", own(h, "Documents/To do before the launch.txt")))
			return args("path", "Documents", "name", "To do before the launch.txt", "content", "x", "conflict", "replace")
		}, Check: named("organization")},
		{Name: "nobody tells who reads it", Args: `{"name":"notes.md","content":"x"}`, Fails: map[string]int{"GET /me/drive/items/{driveItem-id}/permissions": 403}, Check: named("unknown")},
		{Name: "who reads it cannot be asked", Args: `{"name":"notes.md","content":"x"}`, Fails: map[string]int{"GET /me/drive/items/{driveItem-id}/permissions": 503}, Err: tool.CodeThrottled},
		{Name: "text into a folder", ArgsOf: ids(ofOwn("Documents/Board"), "folderId", "name", "a.txt", "content", "x"), Check: holds("Documents/Board", "a.txt")},
		{Name: "text by path", Args: `{"path":"Documents/Board","name":"b's 50% #1.txt","content":"x"}`, Check: holds("Documents/Board", "b's 50% #1.txt")},
		{Name: "text into a site", Shared: true, ArgsOf: ids(siteID, "siteId", "path", "Stock", "name", "a.txt", "content", "x"), Check: all(site, sends("PUT "+itemPath+"/content", ":/a.txt:/content", "conflictBehavior=fail"))},
		{Name: "an upload", ArgsOf: uploaded("report.txt", 5000), Check: all(holds("", "report.txt"), has(`"size":5000`))},
		{Name: "an empty upload", ArgsOf: uploaded("empty.txt", 0), Err: tool.CodeInvalidArguments, Field: "uploadId"},
		{Name: "empty text", Args: `{"name":"a.txt","content":""}`, Err: tool.CodeInvalidArguments, Field: "content"},
		{Name: "an upload with another name", ArgsOf: uploaded("report.txt", 17, "name", "other.txt"), Check: holds("", "other.txt")},
		{Name: "a large upload", ArgsOf: uploaded("large.txt", 5<<20, "path", "Documents"), Check: all(holds("Documents", "large.txt"), func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			chunks := 0
			for _, r := range res.Requests {
				if r.Storage {
					chunks++
				}
			}
			if chunks != 2 || len(res.Sent("POST "+itemPath+"/createUploadSession")) != 1 {
				t.Errorf("%d chunks: %v", chunks, len(res.Requests))
			}
		})},
		{Name: "renamed", Args: `{"path":"Documents","name":"To do before the launch.txt","content":"x","conflict":"rename"}`, Check: holds("Documents", "To do before the launch 1.txt")},
		{Name: "replaced", Args: `{"path":"Documents","name":"To do before the launch.txt","content":"x","conflict":"replace"}`, Check: all(
			sends("PUT "+itemPath+"/content", etagBegin), has(`"size":1,`))},
		{Name: "a large one replaced", ArgsOf: uploaded("To do before the launch.txt", 5<<20, "path", "Documents", "conflict", "replace"), Check: sends("POST "+itemPath+"/createUploadSession", etagBegin, `"replace"`)},
		{Name: "replacing nothing", Args: `{"name":"new.txt","content":"x","conflict":"replace"}`, Check: all(holds("", "new.txt"), has(`"id":"di_`))},
		{Name: "a page to upload at", Args: `{}`, Check: all(has(`"uploadUrl":"https://mcp.example/tickets/up","uploadId":"up_abcdefghjk"`), says("the id up_abcdefghjk"))},
		{Name: "the name is taken", Args: `{"path":"Documents","name":"To do before the launch.txt","content":"x"}`, Err: tool.CodeConflict},
		{Name: "replacing a folder", Args: `{"name":"Documents","content":"x","conflict":"replace"}`, Err: tool.CodeInvalidArguments, Field: "name"},
		{Name: "no such upload", Args: `{"uploadId":"up_aaaaaaaaaa"}`, Err: tool.CodeNotFound},
		{Name: "somebody else's upload", ArgsOf: func(h *tooltest.Harness) string { return args("uploadId", s.upload(h.As("bruno"), "b.txt", 10)) }, Err: tool.CodeNotFound},
		{Name: "both", Args: `{"uploadId":"up_aaaaaaaaaa","name":"a","content":"x"}`, Err: tool.CodeInvalidArguments, Field: "uploadId"},
		{Name: "no name", Args: `{"content":"x"}`, Err: tool.CodeInvalidArguments, Field: "name"},
		{Name: "a name with a slash", Args: `{"content":"x","name":"../a"}`, Err: tool.CodeInvalidArguments, Field: "name"},
		{Name: "a site with the narrow scope", ArgsOf: ids(siteID, "siteId", "name", "a.txt", "content", "x"), Err: tool.CodeInsufficientScope, Check: says("Files.ReadWrite.All")},
	}
	folder := []tooltest.Case{
		{Name: "at the top", Args: `{"name":"Q3 #plan 50% d'été"}`, Check: all(holds("", "Q3 #plan 50% d'été"), has(`"id":"di_`), named())},
		{Name: "in a shared one", ArgsOf: ids(shared, "folderId", "name", "New"), Check: namedInShared},
		{Name: "by id", ArgsOf: ids(ofOwn("Documents/Board"), "folderId", "name", "New"), Check: holds("Documents/Board", "New")},
		{Name: "by path", Args: `{"path":"Documents/Board","name":"New"}`, Check: holds("Documents/Board", "New")},
		{Name: "in a site", Shared: true, ArgsOf: ids(siteID, "siteId", "name", "New"), Check: all(site, sends("POST /drives/{drive-id}/root/children", `"New"`))},
		{Name: "taken", Args: `{"name":"documents"}`, Err: tool.CodeConflict},
		{Name: "with the narrow scope", ArgsOf: ids(elsewhere("titanium", frame), "folderId", "name", "New"), Err: tool.CodeInsufficientScope},
		{Name: "no name", Args: `{"name":"a:b"}`, Err: tool.CodeInvalidArguments, Field: "name"},
		{Name: "no name at all", Args: `{"name":" "}`, Err: tool.CodeInvalidArguments, Field: "name"},
	}
	board := ofOwn("Documents/Board/Board page Lisbon.docx")
	move := []tooltest.Case{
		{Name: "rename", ArgsOf: ids(board, "id", "newName", "Page.docx"), Check: all(holds("Documents/Board", "Page.docx"), sends("PATCH "+itemPath, etagBegin), has(`"name":"Page.docx"`), named())},
		{Name: "rename what is shared", ArgsOf: func(h *tooltest.Harness) string {
			id := board(h)
			h.Call("shareFile", args("id", id, "scope", "people", "people", "inspector@harbour.example"))
			return args("id", id, "newName", "Page.docx")
		}, Check: named("inspector@harbour.example")},
		{Name: "move into a shared folder", ArgsOf: func(h *tooltest.Harness) string {
			return args("id", board(h), "toFolderId", shared(h))
		}, Check: all(holds("Empty folder", "Board page Lisbon.docx"), namedInShared)},
		{Name: "copy where it is", ArgsOf: func(h *tooltest.Harness) string {
			h.Call("shareFile", args("id", own(h, "Documents/Board")))
			return args("id", board(h), "newName", "Copy.docx", "copy", true)
		}, Check: all(holds("Documents/Board", "Copy.docx"), named("organization"))},
		{Name: "move", ArgsOf: func(h *tooltest.Harness) string {
			return args("id", board(h), "toFolderId", own(h, "Empty folder"))
		}, Check: holds("Empty folder", "Board page Lisbon.docx")},
		{Name: "move to the top", ArgsOf: ids(board, "id", "toFolderId", "root"), Check: holds("", "Board page Lisbon.docx")},
		{Name: "copy", ArgsOf: func(h *tooltest.Harness) string {
			return args("id", board(h), "toFolderId", own(h, "Empty folder"), "newName", "Copy.docx", "copy", true)
		}, Check: all(holds("Empty folder", "Copy.docx"), holds("Documents/Board", "Board page Lisbon.docx"), has(`"copying":true`), says("under way"))},
		{Name: "copy to a site", Shared: true, ArgsOf: func(h *tooltest.Harness) string {
			site := listed(h.With("Files.Read.All").Call("listFiles", args("siteId", siteID(h))))
			return args("id", board(h), "toFolderId", in(site, "Stock"), "copy", true)
		}, Check: all(has(`"copying":true`), site)},
		{Name: "move to a site", Shared: true, ArgsOf: func(h *tooltest.Harness) string {
			site := listed(h.With("Files.Read.All").Call("listFiles", args("siteId", siteID(h))))
			return args("id", board(h), "toFolderId", in(site, "Stock"))
		}, Err: tool.CodeInvalidArguments, Field: "toFolderId"},
		{Name: "to a site with the narrow scope", ArgsOf: func(h *tooltest.Harness) string {
			return args("id", board(h), "toFolderId", anywhere(h, "titanium", frame), "copy", true)
		}, Err: tool.CodeInsufficientScope},
		{Name: "with the narrow scope", ArgsOf: ids(elsewhere("titanium", frame), "id", "newName", "x.docx"), Err: tool.CodeInsufficientScope},
		{Name: "changed meanwhile", ArgsOf: ids(board, "id", "newName", "Page.docx"), Fails: map[string]int{"PATCH " + itemPath: 412}, Err: tool.CodeChanged},
		{Name: "nothing to do", ArgsOf: ids(board, "id"), Err: tool.CodeInvalidArguments, Field: "toFolderId"},
		{Name: "no name", ArgsOf: ids(board, "id", "newName", "a/b"), Err: tool.CodeInvalidArguments, Field: "newName"},
		{Name: "checked out by somebody", Shared: true, ArgsOf: ids(elsewhere("bay", "Warehouse handbook.docx"), "id", "newName", "x.docx"), Err: tool.CodeLocked},
	}
	remove := []tooltest.Case{
		{Name: "a file", ArgsOf: ids(board, "id"), Check: all(sends("DELETE "+itemPath, etagBegin), says("recycle bin"), func(t tooltest.Reporter, h *tooltest.Harness, _ tooltest.Result) {
			names("Archive")(t, h, h.Call("listFiles", `{"path":"Documents/Board"}`))
		})},
		{Name: "of a site", Shared: true, ArgsOf: ids(elsewhere("titanium", frame), "id"), Check: sends("DELETE " + itemPath)},
		{Name: "with the narrow scope", ArgsOf: ids(elsewhere("titanium", frame), "id"), Err: tool.CodeInsufficientScope},
		{Name: "changed meanwhile", ArgsOf: ids(board, "id"), Fails: map[string]int{"DELETE " + itemPath: 412}, Err: tool.CodeChanged},
		{Name: "no id", Args: `{"id":""}`, Err: tool.CodeInvalidArguments, Field: "id"},
	}
	share := []tooltest.Case{
		{Name: "with the organization", ArgsOf: ids(board, "id"), Check: all(
			sends("POST "+itemPath+"/createLink", `"scope":"organization"`, `"type":"view"`), has(`"url":"https://`, `"sharedWith":["organization"]`))},
		{Name: "to write", ArgsOf: ids(board, "id", "role", "write"), Check: sends("POST "+itemPath+"/createLink", `"type":"edit"`)},
		{Name: "with people", ArgsOf: ids(board, "id", "scope", "people", "people", []string{"chen@tideline.example", "inspector@harbour.example"}, "message", "For Friday"), Check: all(
			sends("POST "+itemPath+"/invite", `"email":"inspector@harbour.example"`, `"roles":["read"]`, `"message":"For Friday"`, `"requireSignIn":true`),
			has(`"sharedWith":["chen@tideline.example","inspector@harbour.example"]`), func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
				if got := strings.Join(res.Intents[0].Recipients, " "); got != "chen@tideline.example inspector@harbour.example" {
					t.Errorf("recipients %q", got)
				}
			})},
		{Name: "of a site", Shared: true, ArgsOf: ids(elsewhere("titanium", frame), "id"), Check: sends("POST " + itemPath + "/createLink")},
		{Name: "with anybody, which this tenant forbids", ArgsOf: ids(board, "id", "scope", "anonymous"), Err: tool.CodeForbidden, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			if got := strings.Join(res.Intents[0].Recipients, " "); got != "anyone" {
				t.Errorf("recipients %q", got)
			}
		}},
		{Name: "with the narrow scope", ArgsOf: ids(elsewhere("titanium", frame), "id"), Err: tool.CodeInsufficientScope},
		{Name: "nobody", ArgsOf: ids(board, "id", "scope", "people"), Err: tool.CodeInvalidArguments, Field: "people"},
		{Name: "people and a link", ArgsOf: ids(board, "id", "people", "chen@tideline.example"), Err: tool.CodeInvalidArguments, Field: "people"},
		{Name: "a message for nobody", ArgsOf: ids(board, "id", "message", "Hello"), Err: tool.CodeInvalidArguments, Field: "message"},
		{Name: "a name for an address", ArgsOf: ids(board, "id", "scope", "people", "people", "Chen <chen@tideline.example>"), Err: tool.CodeInvalidArguments, Field: "people"},
	}
	return of(map[string][]tooltest.Case{"uploadFile": upload, "createFolder": folder, "moveFile": move, "deleteFile": remove, "shareFile": share})
}

func siteCases() []tooltest.Case {
	sites := []tooltest.Case{
		{Name: "by a word", Args: `{"query":"freight"}`, Check: all(has(`"id":"si_`, `"name":"Operations`, `"url":"https://`), says("[si_"))},
		{Name: "only so many", Args: `{"query":"the","count":1}`, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
			one, two := strings.Count(res.Text(), "[si_"), strings.Count(h.Call("searchSites", `{"query":"the"}`).Text(), "[si_")
			if one != 1 || two < 2 {
				t.Errorf("%d and %d sites", one, two)
			}
		}},
		{Name: "none", Args: `{"query":"zzzz"}`, Check: all(has(`"sites":[]`), says("No sites found."))},
		{Name: "no word", Args: `{"query":"?"}`, Err: tool.CodeInvalidArguments, Field: "query"},
		{Name: "Graph refuses", Args: `{"query":"freight"}`, Fails: map[string]int{"GET /sites": 403}, Err: tool.CodeForbidden},
	}
	rows := []tooltest.Case{
		{Name: "the lists", ArgsOf: ids(siteID, "siteId"), Check: all(has(`"name":"Projects"`, `"id":"li_`), says("Projects [li_"))},
		{Name: "by name", ArgsOf: ids(siteID, "siteId", "list", "projects"), Check: all(
			has(`"Title":"Pelago 2 launch"`, `"Budget":180000`, `"Status":"Running"`), says("Title: Pelago 2 launch; Budget: 180000"))},
		{Name: "by id", ArgsOf: func(h *tooltest.Harness) string {
			site := siteID(h)
			var out struct{ Lists []struct{ ID, Name string } }
			h.Call("getListItems", args("siteId", site)).Structured(discard{}, &out)
			for _, l := range out.Lists {
				if l.Name == "Projects" {
					return args("siteId", site, "list", l.ID)
				}
			}
			return "{}"
		}, Check: has(`"Title":"Pelago 2 launch"`)},
		{Name: "where a text equals", ArgsOf: ids(siteID, "siteId", "list", "Projects", "field", "status", "value", "Blocked"), Check: only("Lisbon stock for Pelago 2")},
		{Name: "where a number equals", ArgsOf: ids(siteID, "siteId", "list", "Projects", "field", "Budget", "value", "6500"), Check: only("New ERP item numbers")},
		{Name: "where a day equals", ArgsOf: ids(siteID, "siteId", "list", "Projects", "field", "Due", "value", "2027-02-11"), Check: only("Freight tender next year")},
		{Name: "only so many", ArgsOf: ids(siteID, "siteId", "list", "Projects", "count", 2), Check: has(`"cursor":"cu_`)},
		{Name: "the second page", ArgsOf: func(h *tooltest.Harness) string {
			site := siteID(h)
			return args("siteId", site, "list", "Projects", "count", 2, "cursor", listed(h.Call("getListItems", args("siteId", site, "list", "Projects", "count", 2))).Cursor)
		}, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
			has(`"items":[`)(t, h, res)
			if strings.Contains(res.Text(), "Pelago 2 launch") {
				t.Errorf("the first page again: %s", res.Text())
			}
		}},
		{Name: "no such list", ArgsOf: ids(siteID, "siteId", "list", "Prjects"), Err: tool.CodeInvalidArguments, Field: "list", Check: says("Projects")},
		{Name: "no such column", ArgsOf: ids(siteID, "siteId", "list", "Projects", "field", "Title eq 'x' or 1", "value", "1"), Err: tool.CodeInvalidArguments, Field: "field"},
		{Name: "no number", ArgsOf: ids(siteID, "siteId", "list", "Projects", "field", "Budget", "value", "1 or 1 eq 1"), Err: tool.CodeInvalidArguments, Field: "value"},
		{Name: "half a filter", ArgsOf: ids(siteID, "siteId", "list", "Projects", "field", "Budget"), Err: tool.CodeInvalidArguments, Field: "field"},
		{Name: "a filter of no list", ArgsOf: ids(siteID, "siteId", "field", "Budget", "value", "1"), Err: tool.CodeInvalidArguments, Field: "list"},
		{Name: "a site of others", As: "chen", ArgsOf: func(h *tooltest.Harness) string { return args("siteId", siteID(h.As("ada"))) }, Err: tool.CodeInvalidArguments, Field: "siteId"},
		{Name: "Graph refuses", ArgsOf: ids(siteID, "siteId"), Fails: map[string]int{"GET /sites/{site-id}/lists": 403}, Err: tool.CodeForbidden},
	}
	return of(map[string][]tooltest.Case{"searchSites": sites, "getListItems": rows})
}

// only wants exactly one row, with this title.
func only(title string) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		var out struct {
			Items []struct{ Values struct{ Title string } }
		}
		res.Structured(t, &out)
		if len(out.Items) != 1 || out.Items[0].Values.Title != title {
			t.Errorf("rows %v, want %q alone", out.Items, title)
		}
	}
}

// discard is a Reporter for what a check would find anyway.
type discard struct{}

func (discard) Helper()               {}
func (discard) Errorf(string, ...any) {}
func (discard) Fatalf(string, ...any) {}
