package files

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/graph"
	"m365mcp/timezone"
	"m365mcp/tool"
)

func TestShortcutLeadsElsewhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ item, id string }{
		"a shortcut":         {`{"id":"1","parentReference":{"driveId":"mine"},"remoteItem":{"id":"2","folder":{"childCount":3},"parentReference":{"driveId":"theirs"}}}`, "theirs:2"},
		"a file":             {`{"id":"1","parentReference":{"driveId":"mine"}}`, "mine:1"},
		"half a shortcut":    {`{"id":"1","parentReference":{"driveId":"mine"},"remoteItem":{"id":"2"}}`, "mine:1"},
		"without its drive":  {`{"id":"1"}`, ""},
		"without anything":   {`{}`, ""},
		"a drive alone":      {`{"parentReference":{"driveId":"mine"}}`, ""},
		"nothing of a drive": {`{"id":"1","remoteItem":{}}`, ""},
	} {
		var d driveItem
		if err := json.Unmarshal([]byte(c.item), &d); err != nil {
			t.Fatal(err)
		}
		if got := d.target().id(); got != c.id {
			t.Errorf("%s: %q, want %q", name, got, c.id)
		}
	}
}

func TestFolderOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, url, want string }{
		"below the top":        {"/drives/b!x/root:/Documents/Q3%20plan", "https://a.example/x", "Documents/Q3 plan"},
		"at the top":           {"/drives/b!x/root:", "https://a.example/x", ""},
		"not well encoded":     {"/drives/b!x/root:/50%", "", "50%"},
		"by address":           {"", "https://a.example/sites/hr/Shared%20Documents/a/b.docx", "sites/hr/Shared Documents/a"},
		"by a page of Office":  {"", "https://a.example/personal/x/_layouts/15/Doc.aspx?sourcedoc=1", ""},
		"invisible characters": {"/drives/b!x/root:/a%E2%80%AEb", "", "ab"},
	} {
		var d driveItem
		d.Parent.Path, d.WebURL = c.path, c.url
		if got := d.folder(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(`{
		"@odata.etag": "x", "id": "7", "_UIVersionString": "1.0", "LinkTitle": "x", "AuthorLookupId": "6", "Title": "A\u202eB", "Q_x0026_A": "yes", "_x0032_026": 5,
		"Done": false, "When": "2026-11-19T23:00:00Z", "Who": {"LookupId": 3, "LookupValue": "Ada"}, "Tags": [{"Label": "x"}, {"Label": "y"}], "Nothing": null, "Empty": "", "Sum": 1e6
	}`), &fields); err != nil {
		t.Fatal(err)
	}
	zone, err := timezone.Find("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	got := values(fields, zone)
	want := map[string]any{
		"Title": "AB", "Q&A": "yes", "2026": 5.0, "Done": false, "When": "2026-11-20T00:00+01:00", "Who": "Ada", "Tags": "x, y", "Sum": 1e6,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if line, want := (row{"7", "now", map[string]any{"Title": "x", "A": 1e6}}).line(), "- [7] Title: x; A: 1000000, changed now"; line != want {
		t.Errorf("%q, want %q", line, want)
	}
}

func TestPart(t *testing.T) {
	t.Parallel()
	const text = "intro\n\n## Sheet: Costs 2026\n\n| a |\n\n## Not a part\n\nx\n\n## Sheet: 2\n\n| b |\n"
	for wanted, want := range map[string]string{
		"costs 2026": "## Sheet: Costs 2026\n\n| a |\n\n## Not a part\n\nx", "2": "## Sheet: 2\n\n| b |", "Sheet: 2": "## Sheet: 2\n\n| b |", "a part": "", "3": "",
	} {
		if got := part(text, wanted); got != want {
			t.Errorf("%s: %q, want %q", wanted, got, want)
		}
	}
}

func TestSizeOf(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1500: "1.5 KB", 26_214_400: "26.2 MB"} {
		if got := sizeOf(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// answers is a Graph that knows two addresses: shortcuts are not in the simulated one.
type answers map[string]string

func (a answers) Do(_ context.Context, r graph.Request) (*graph.Response, error) {
	return &graph.Response{Status: 200, Body: []byte(a[r.Path.String()])}, nil
}

// A path may lead through a shortcut into another drive, for which the scopes are
// looked at again.
func TestPathThroughShortcut(t *testing.T) {
	t.Parallel()
	c := tool.Call{Graph: answers{
		"/me/drive":             `{"id":"mine"}`,
		"/me/drive/root:/Team:": `{"id":"1","parentReference":{"driveId":"mine"},"remoteItem":{"id":"2","folder":{},"parentReference":{"driveId":"theirs"}}}`,
	}}
	at, lacks, err := place{Path: "Team"}.find(t.Context(), c, readElsewhere)
	if err != nil || at != (spot{"theirs", "2"}) || !slices.Equal(lacks, []string{"Files.Read.All"}) {
		t.Errorf("with the narrow scope: %v %v %v", at, lacks, err)
	}
	c.Principal.Scopes = []string{"Files.Read.All"}
	at, lacks, err = place{Path: "Team"}.find(t.Context(), c, readElsewhere)
	if err != nil || at != (spot{"theirs", "2"}) || lacks != nil {
		t.Errorf("with the wide scope: %v %v %v", at, lacks, err)
	}
}
