package app

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"m365mcp/config"
	"m365mcp/internal/golden"
	"m365mcp/internal/graphdata"
	"m365mcp/internal/testenv"
	"m365mcp/tool"
)

func TestToolReferenceIsCurrent(t *testing.T) {
	t.Parallel()
	text, err := ToolReference()
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "../docs/tools.md", []byte(text))
}

// Each tool's face to clients is golden: what changes here changes for every model.
func TestToolSchemas(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, x := range catalogue().Tools {
		known[x.Name+".json"] = true
		face, err := json.MarshalIndent(map[string]any{
			"name": x.Name, "title": x.Title, "description": x.Description, "family": x.Family, "core": x.Core,
			"inputSchema": x.InputSchema, "outputSchema": x.OutputSchema,
			"annotations": map[string]bool{"readOnlyHint": x.ReadOnly, "destructiveHint": x.Destructive, "idempotentHint": x.Idempotent, "openWorldHint": x.OpenWorld},
			"scopes":      x.Scopes, "anyScope": x.AnyScope, "optionalScopes": x.OptionalScopes, "sharedScopes": x.SharedScopes,
		}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, filepath.Join("testdata", "tools", x.Name+".json"), append(face, '\n'))
	}
	files, err := os.ReadDir(filepath.Join("testdata", "tools"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !known[f.Name()] {
			t.Errorf("testdata/tools/%s is of no tool", f.Name())
		}
	}
}

// What every tool has, whoever writes it.
func TestToolsAreComplete(t *testing.T) {
	t.Parallel()
	for _, x := range catalogue().Tools {
		switch {
		case x.Title == "" || len(x.Description) < 30 || len(x.Description) > 260:
			t.Errorf("%s: a title and a description of 30 to 260 characters are wanted; it has %d", x.Name, len(x.Description))
		case !slices.Contains(tool.Families, x.Family):
			t.Errorf("%s: family %q", x.Name, x.Family)
		case x.ReadOnly && x.Destructive:
			t.Errorf("%s: annotations contradict each other", x.Name)
		case len(x.Scopes)+len(x.AnyScope) == 0 && x.Family != "platform":
			t.Errorf("%s: no scope", x.Name)
		case strings.Contains(string(x.InputSchema), "$ref"), strings.Contains(string(x.OutputSchema), "$ref"):
			t.Errorf("%s: $ref in a schema", x.Name)
		}
		flat(t, x)
	}
}

// flat wants arguments without objects in them, each name for one of them only; a
// dispatcher hands an object on.
func flat(t *testing.T, x *tool.Tool) {
	t.Helper()
	seen := map[string]bool{}
	for _, f := range x.Input {
		for _, name := range append([]string{f.Name}, f.Aliases...) {
			if seen[name] {
				t.Errorf("%s: %s stands for two arguments", x.Name, name)
			}
			seen[name] = true
		}
	}
	for _, f := range x.Input {
		if f.Type == tool.ObjectList || f.Type == tool.Object && f.Name != "arguments" {
			t.Errorf("%s: argument %s is not flat", x.Name, f.Name)
		}
	}
}

// The names of scopes are Microsoft's, and who must consent is too.
func TestScopesAreMicrosofts(t *testing.T) {
	t.Parallel()
	data, err := graphdata.Load(testenv.GraphData(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range catalogue().Tools {
		for _, scope := range slices.Concat(x.Scopes, slices.Concat(x.AnyScope...), x.OptionalScopes, x.SharedScopes) {
			admin, known := data.AdminConsent(scope)
			if !known && strings.HasPrefix(scope, "Mail.") && strings.HasSuffix(scope, ".Shared") {
				continue // real, and not in Microsoft's list of operations, which are about one's own mailbox
			}
			if !known || admin != slices.Contains(tool.AdminConsent, scope) {
				t.Errorf("%s: scope %s: known %v, administrator %v", x.Name, scope, known, admin)
			}
		}
	}
}

// The names that clients of the system before this one call.
func TestSeedNamesStay(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"sendEmail": "to subject body contentType", "getEmails": "count folder", "searchEmails": "query count", "getCalendarEvents": "days",
		"createCalendarEvent": "subject start end attendees body", "sendTeamsMessage": "teamId channelId message",
		"createTeamsMeeting": "subject startTime endTime attendees", "getContacts": "count search", "authenticate": "",
	}
	registry, err := newRegistry(config.Tools{Preset: "core"}, config.LinkedApps{})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range registry.Tools() {
		for name := range strings.FieldsSeq(want[x.Name]) {
			if !slices.ContainsFunc(x.Input, func(f tool.Field) bool { return f.Name == name }) {
				t.Errorf("%s has no argument %s", x.Name, name)
			}
		}
		delete(want, x.Name)
	}
	for name := range want {
		t.Errorf("core does not list %s", name)
	}
}

// For each request in a person's words, the right tool is the first that a plain
// BM25 finds over names and descriptions.
func TestToolsAreFoundByWhatPeopleSay(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	registry, err := newRegistry(config.Tools{Preset: "full"}, config.LinkedApps{})
	if err != nil {
		t.Fatal(err)
	}
	tools := registry.Tools()
	documents := make([][]string, len(tools))
	for i, x := range tools {
		documents[i] = terms(x.Name + " " + x.Description)
	}
	requests := 0
	for line := range strings.Lines(string(text)) {
		request, want, ok := strings.Cut(strings.TrimSpace(line), " -> ")
		if !ok {
			continue
		}
		requests++
		order := bm25(terms(request), documents)
		var found []string
		for _, i := range order[:3] {
			found = append(found, tools[i].Name)
		}
		if found[0] != want {
			t.Errorf("%q finds %v; wanted %s first", request, found, want)
		}
	}
	if requests < 30 {
		t.Errorf("%d requests; 30 are wanted", requests)
	}
}

// terms are lower-case words, names split at their capitals.
func terms(text string) []string {
	var b strings.Builder
	for i, r := range text {
		if unicode.IsUpper(r) && i > 0 && unicode.IsLower(rune(text[i-1])) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.FieldsFunc(b.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// bm25 orders documents for a query, k1 = 1.2 and b = 0.75.
func bm25(query []string, documents [][]string) []int {
	total := 0
	for _, d := range documents {
		total += len(d)
	}
	mean := float64(total) / float64(len(documents))
	scores, order := make([]float64, len(documents)), make([]int, len(documents))
	for i := range order {
		order[i] = i
	}
	for _, term := range query {
		holding := 0
		counts := make([]float64, len(documents))
		for i, d := range documents {
			for _, w := range d {
				if w == term {
					counts[i]++
				}
			}
			if counts[i] > 0 {
				holding++
			}
		}
		idf := math.Log(1 + (float64(len(documents)-holding)+0.5)/(float64(holding)+0.5))
		for i, f := range counts {
			scores[i] += idf * f * 2.2 / (f + 1.2*(0.25+0.75*float64(len(documents[i]))/mean))
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order
}

// What an administrator takes away is neither searched for nor asked for.
func TestDeniedFamiliesAreNotSearched(t *testing.T) {
	t.Parallel()
	for family, scope := range map[string]string{"mail": "Mail.Read", "calendar": "Calendars.Read", "teams": "Chat.Read", "files": "Files.Read.All"} {
		registry, err := newRegistry(config.Tools{Preset: "core", Deny: []string{family}}, config.LinkedApps{})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(registry.Tools(), func(t *tool.Tool) bool { return t.Name == "searchAll" })
		if i < 0 {
			t.Fatalf("without %s there is no searchAll", family)
		}
		if sets := registry.Tools()[i].AnyScope; slices.ContainsFunc(sets, func(set []string) bool { return slices.Contains(set, scope) }) {
			t.Errorf("without %s searchAll still takes %v", family, sets)
		}
		if asked := registry.LaterScopes(false, true); family != "calendar" && slices.Contains(asked, scope) {
			t.Errorf("without %s people are still asked for %v", family, asked)
		}
	}
	if registry, err := newRegistry(config.Tools{Preset: "core", Deny: []string{"mail", "calendar", "teams", "files"}}, config.LinkedApps{}); err != nil ||
		slices.ContainsFunc(registry.Reachable(), func(t *tool.Tool) bool { return t.Name == "searchAll" }) {
		t.Errorf("with nothing to search there is searchAll, or %v", err)
	}
	all, err := newRegistry(config.Tools{Preset: "full"}, config.LinkedApps{})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all.Reachable() {
		if len(one.AnyOf) != 0 && len(one.AnyOf) != len(one.AnyScope) {
			t.Errorf("%s: %v does not go with %v", one.Name, one.AnyOf, one.AnyScope)
		}
		for _, of := range one.AnyOf {
			if !slices.ContainsFunc(all.Reachable(), func(t *tool.Tool) bool { return t.Name == of }) {
				t.Errorf("%s: %s is no tool", one.Name, of)
			}
		}
	}
}
