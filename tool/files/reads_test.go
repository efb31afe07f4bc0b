package files_test

import (
	"fmt"
	"strings"

	"m365mcp/tool"
	"m365mcp/tool/tooltest"
)

// secondPage calls a tool and asks for the page behind its first one.
func secondPage(name string, pairs ...any) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		return args(append(pairs, "cursor", listed(h.Call(name, args(pairs...))).Cursor)...)
	}
}

// ids are arguments with one id that is found first.
func ids(find func(*tooltest.Harness) string, field string, pairs ...any) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string { return args(append([]any{field, find(h)}, pairs...)...) }
}

func ofOwn(at string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string { return own(h, at) }
}

func elsewhere(word, name string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string { return anywhere(h, word, name) }
}

// long is the id of a text of several pages.
func long(h *tooltest.Harness) string {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "This is line %d.\n", i+1)
	}
	h.Call("uploadFile", args("name", "long.txt", "content", text.String()))
	return own(h, "long.txt")
}

// gone is the id of a file that was deleted since.
func gone(h *tooltest.Harness) string {
	id := own(h, "Documents/To do before the launch.txt")
	h.Call("deleteFile", args("id", id))
	return id
}

const (
	handbook = "Team handbook.docx"
	frame    = "Frame contract.docx"
)

func readCases() []tooltest.Case {
	search := []tooltest.Case{
		{Name: "by a word of the text", Args: `{"query":"titanium","scope":"everywhere"}`, Optional: true, Check: has(`"name":"Frame contract.docx"`, `"summary":"`, "Marusato", `"id":"di_`)},
		{Name: "one's own", Args: `{"query":"board"}`, Check: all(
			has(`"name":"Board page Lisbon.docx"`, `"path":"Documents/Board"`, `"modifiedBy":"Ada Lindqvist"`), says("Times in UTC:", "in Documents/Board"))},
		{Name: "of a type", Args: `{"query":"lisbon","type":"md"}`, Check: names("Contacts in Lisbon.md")},
		{Name: "of a type, everywhere", Args: `{"query":"lisbon","type":"csv","scope":"everywhere"}`, Optional: true, Check: names("Sensor log of the Lisbon basin.csv")},
		{Name: "with more fields", Args: `{"query":"customs","fields":["url","created","createdBy"]}`, Check: has(`"url":"https://`, `"created":"20`, `"createdBy":"Ada`)},
		{Name: "only so many", Args: `{"query":"lisbon","count":1}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			if l := listed(res); len(l.Files) != 1 || l.Cursor == "" {
				t.Errorf("%d files, cursor %q", len(l.Files), l.Cursor)
			}
		}},
		{Name: "the second page", ArgsOf: secondPage("searchFiles", "query", "lisbon", "count", 1), Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
			if first := listed(h.Call("searchFiles", `{"query":"lisbon","count":1}`)); len(listed(res).Files) != 1 || listed(res).Files[0].ID == first.Files[0].ID {
				t.Errorf("not another page: %s", res.Output.Structured)
			}
		}},
		{Name: "the second page of everywhere", Optional: true, ArgsOf: secondPage("searchFiles", "query", "lisbon", "scope", "everywhere", "count", 2), Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			if sent := res.Sent("POST /search/query"); len(sent) != 1 || !strings.Contains(string(sent[0].Body), `"from":2`) {
				t.Errorf("sent %v", sent)
			}
		}},
		{Name: "nothing", Args: `{"query":"zzzz"}`, Check: all(has(`"files":[]`), says("No files found."))},
		{Name: "everywhere with one's own scope", Args: `{"query":"lisbon","scope":"everywhere"}`, Err: tool.CodeInsufficientScope, Check: says("Files.Read.All")},
		{Name: "no word", Args: `{"query":" ?! "}`, Err: tool.CodeInvalidArguments, Field: "query"},
		{Name: "what looks encoded", Args: `{"query":"a%2e%2e%2fb"}`, Err: tool.CodeInvalidArguments, Field: "query"},
		{Name: "no extension", Args: `{"query":"plan","type":"d:cx"}`, Err: tool.CodeInvalidArguments, Field: "type"},
		{Name: "another list's cursor", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
			return args("query", "lisbon", "scope", "everywhere", "cursor", listed(h.Call("searchFiles", `{"query":"lisbon","count":1}`)).Cursor)
		}, Err: tool.CodeInvalidArguments, Field: "cursor"},
		{Name: "Graph refuses", Args: `{"query":"plan"}`, Fails: map[string]int{"GET /me/drive/root/search(q='{q}')": 403}, Err: tool.CodeForbidden},
	}
	list := []tooltest.Case{
		{Name: "the top", Args: `{}`, Check: all(names("Documents", "Empty folder", "Pictures"), has(`"folder":true`))},
		{Name: "by path", Args: `{"path":"/Documents/Suppliers/Kranz Metallbau/"}`, Check: names("Frühjahrsangebot.eml")},
		{Name: "by a path in capitals of its own", As: "bruno", Args: `{"path":"Documentos/clientes/Eaux du Trégor"}`, Check: names("Note d'escalade.docx")},
		{Name: "by a path in other letters", As: "hiroko", Args: `{"path":"Documents/採用"}`, Check: names("Candidates planner Lisbon.xlsx", "Interview guide.md")},
		{Name: "by id", ArgsOf: ids(ofOwn("Documents/Board"), "id"), Check: names("Archive", "Board page Lisbon.docx")},
		{Name: "by path below an id", ArgsOf: ids(ofOwn("Documents/Board"), "id", "path", "Archive"), Check: names("Board page first half.docx")},
		{Name: "of a site", Optional: true, ArgsOf: ids(siteID, "siteId"), Check: all(has(`"name":"Team handbook.docx"`, `"libraries":[{"driveId":"dr_`), says("Library "))},
		{Name: "of a site by path", Optional: true, ArgsOf: ids(siteID, "siteId", "path", "Suppliers/Marusato Seiki"), Check: names(frame, "Incoming inspection.xlsx")},
		{Name: "of a library", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
			return args("driveId", listed(h.Call("listFiles", args("siteId", siteID(h)))).Libraries[0].DriveID, "path", "Suppliers/Marusato Seiki")
		}, Check: names(frame, "Incoming inspection.xlsx")},
		{Name: "of somebody's folder with the narrow scope", ArgsOf: ids(elsewhere("titanium", frame), "id"), Err: tool.CodeInsufficientScope, Check: says("Files.Read.All")},
		{Name: "of a site with the narrow scope", ArgsOf: ids(siteID, "siteId"), Err: tool.CodeInsufficientScope},
		{Name: "of a library with the narrow scope", Args: `{"driveId":"b!c29tZXRoaW5nIG9mIHNvbWVib2R5"}`, Err: tool.CodeInsufficientScope},
		{Name: "with more fields", Args: `{"path":"Documents/Board","fields":["createdBy"]}`, Check: has(`"createdBy":"Ada`)},
		{Name: "only so many", Args: `{"path":"Documents","count":2}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			if l := listed(res); len(l.Files) != 2 || l.Cursor == "" {
				t.Errorf("%d files, cursor %q", len(l.Files), l.Cursor)
			}
		}},
		{Name: "the second page", ArgsOf: secondPage("listFiles", "path", "Documents", "count", 2), Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			if len(res.Requests) == 0 || !strings.Contains(res.Requests[len(res.Requests)-1].Query, "skiptoken") {
				t.Errorf("the second page was not asked for: %v", res.Requests)
			}
		}},
		{Name: "no such folder", Args: `{"path":"Documents/Nowhere"}`, Err: tool.CodeInvalidArguments, Field: "path"},
		{Name: "a file", Args: `{"path":"Documents/To do before the launch.txt"}`, Err: tool.CodeInvalidArguments, Field: "path"},
		{Name: "upwards", Args: `{"path":"Documents/../Pictures"}`, Err: tool.CodeInvalidArguments, Field: "path"},
		{Name: "an encoded slash", Args: `{"path":"Documents%2fBoard"}`, Err: tool.CodeInvalidArguments, Field: "path"},
		{Name: "two places", Args: `{"id":"a:b","siteId":"c"}`, Err: tool.CodeInvalidArguments, Field: "siteId"},
		{Name: "a library and a site", Args: `{"driveId":"b!abc","siteId":"c"}`, Err: tool.CodeInvalidArguments, Field: "driveId"},
		{Name: "no id of an item", Args: `{"id":"01ABCDEF"}`, Err: tool.CodeInvalidArguments, Field: "id"},
		{Name: "Graph refuses", Args: `{}`, Fails: map[string]int{"GET /me/drive/root/children": 403}, Err: tool.CodeForbidden},
	}
	read := []tooltest.Case{
		{Name: "a document", ArgsOf: ids(ofOwn("Documents/Board/Board page Lisbon.docx"), "id"), Check: has(`"name":"Board page Lisbon.docx"`, "1,240 housings are on hold")},
		{Name: "a workbook", ArgsOf: ids(ofOwn("Documents/Kennzahlen Lager (Entwurf).xlsx"), "id"), Check: has("Liefertreue %")},
		{Name: "a mail", ArgsOf: ids(ofOwn("Documents/Suppliers/Kranz Metallbau/Frühjahrsangebot.eml"), "id"), Check: has("Angebot", "118,00 EUR")},
		{Name: "a name with every special character", ArgsOf: ids(ofOwn("Documents/50% discount & other ideas #3.md"), "id"), Check: has("Ideas that survived the night")},
		{Name: "a slide", Optional: true, ArgsOf: ids(elsewhere("launch", "Launch plan.pptx"), "id", "part", "3"), Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
			has("on hold at customs")(t, h, res)
			if strings.Contains(res.Text(), "Three things") {
				t.Errorf("another slide too: %s", res.Text())
			}
		}},
		{Name: "of a site", Optional: true, ArgsOf: ids(elsewhere("titanium", frame), "id"), Check: has("37.20 EUR")},
		{Name: "hidden text", Optional: true, ArgsOf: ids(elsewhere("forklifts", "Carrier instructions.docx"), "id"), Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			res.WantOK(t)
			if strings.Contains(res.Text(), "carrier-desk") || !strings.Contains(res.Text(), "<untrusted ") {
				t.Errorf("hidden words, or no fence: %s", res.Text())
			}
		}},
		{Name: "so many characters", ArgsOf: ids(long, "id", "maxChars", 600), Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
			var out struct{ Text, Cursor string }
			res.Structured(t, &out)
			if len(out.Text) > 600 || out.Cursor == "" {
				t.Errorf("%d characters, cursor %q", len(out.Text), out.Cursor)
			}
			says("More: cursor "+out.Cursor, "line 1.")(t, h, res)
		}},
		{Name: "the next page", ArgsOf: func(h *tooltest.Harness) string {
			id := long(h)
			var first struct{ Cursor string }
			h.Call("readFile", args("id", id, "maxChars", 600)).Structured(discard{}, &first)
			return args("id", id, "maxChars", 600, "cursor", first.Cursor)
		}, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			if res.WantOK(t); strings.Contains(res.Text(), "line 1.") || !strings.Contains(res.Text(), "line 40.") {
				t.Errorf("not the second page: %s", res.Text())
			}
		}},
		{Name: "with the narrow scope", ArgsOf: ids(elsewhere("titanium", frame), "id"), Err: tool.CodeInsufficientScope},
		{Name: "no such part", ArgsOf: ids(ofOwn("Documents/Kennzahlen Lager (Entwurf).xlsx"), "id", "part", "7"), Err: tool.CodeInvalidArguments, Field: "part"},
		{Name: "a folder", ArgsOf: ids(ofOwn("Documents/Board"), "id"), Err: tool.CodeInvalidArguments, Field: "id"},
		{Name: "a picture", ArgsOf: ids(ofOwn("Pictures/Stock by week.png"), "id"), Err: tool.CodeInvalidArguments, Field: "id", Check: says("getFileLink")},
		{Name: "no cursor of this text", ArgsOf: ids(ofOwn("Documents/To do before the launch.txt"), "id", "cursor", "1-deadbeef"), Err: tool.CodeInvalidArguments, Field: "cursor"},
		{Name: "an id that leads away", Args: `{"id":"b!x:../../users"}`, Err: tool.CodeInvalidArguments, Field: "id"},
		{Name: "deleted", ArgsOf: ids(gone, "id"), Err: tool.CodeNotFound},
	}
	link := []tooltest.Case{
		{Name: "a file", ArgsOf: ids(ofOwn("Documents/To do before the launch.txt"), "id"), Check: has(`"downloadUrl":"https://mcp.example/tickets/`, `"expires":"2026-11-19T10:10Z"`, `"webUrl":"https://`)},
		{Name: "of a site", Optional: true, ArgsOf: ids(elsewhere("counted", handbook), "id"), Check: has(`"name":"Team handbook.docx"`)},
		{Name: "a folder", ArgsOf: ids(ofOwn("Documents/Board"), "id"), Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
			has(`"webUrl":"https://`)(t, h, res)
			if strings.Contains(res.Text(), "tickets") {
				t.Errorf("a download of a folder: %s", res.Text())
			}
		}},
		{Name: "with the narrow scope", ArgsOf: ids(elsewhere("titanium", frame), "id"), Err: tool.CodeInsufficientScope},
		{Name: "no id", Args: `{"id":"x"}`, Err: tool.CodeInvalidArguments, Field: "id"},
		{Name: "deleted", ArgsOf: ids(gone, "id"), Err: tool.CodeNotFound},
	}
	return of(map[string][]tooltest.Case{"searchFiles": search, "listFiles": list, "readFile": read, "getFileLink": link})
}

// of names the tool of the cases; the caller is Ada where none is named.
func of(byTool map[string][]tooltest.Case) []tooltest.Case {
	var out []tooltest.Case
	for name, cases := range byTool {
		for _, c := range cases {
			c.Tool = name
			if c.As == "" {
				c.As = "ada"
			}
			out = append(out, c)
		}
	}
	return out
}
