package e2e_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/app"
	"m365mcp/config"
	"m365mcp/internal/golden"
)

// coreTools is what a server lists that nobody has configured.
var coreTools = []string{
	"authenticate", "createCalendarEvent", "createDraft", "createTeamsMeeting", "findMeetingTimes", "findPeople", "findTools",
	"getAttachment", "getCalendarEvents", "getChatMessages", "getContacts", "getEmail", "getEmails", "listChats", "listTasks",
	"readFile", "replyToEmail", "requestAccess", "runReadTool", "searchAll", "searchEmails", "searchFiles", "sendEmail",
	"sendTeamsMessage", "updateCalendarEvent", "uploadFile", "whoAmI",
}

var prompts = []string{"dayBriefing", "findTime", "inboxTriage", "meetingPreparation", "replyDraft"}

// surface is what a client sees of a server, and what its person is asked for.
type surface struct {
	Tools     []string `json:"tools"`
	Scopes    []string `json:"scopes"`
	Resources []string `json:"resources"`
	Templates []string `json:"templates"`
	Prompts   []string `json:"prompts"`
}

const surfacesFile = "testdata/surfaces.golden.json"

func expectedSurfaces(t *testing.T) map[string]surface {
	t.Helper()
	text, err := os.ReadFile(surfacesFile)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]surface
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// withTools configures a demo to list a selection of tools.
func withTools(preset string) app.DemoOptions {
	return app.DemoOptions{Configure: func(c *config.Config) { c.Tools.Preset = preset }}
}

func (d *demo) surface(t *testing.T, token string) (s surface) {
	t.Helper()
	list := func(method, property, key string) []string {
		r := d.request(t, token, method, `{}`)
		var page map[string]json.RawMessage
		var items []map[string]any
		if r.Error != nil || json.Unmarshal(r.Result, &page) != nil || json.Unmarshal(page[property], &items) != nil || page["nextCursor"] != nil {
			t.Fatalf("%s: %+v %s", method, r.Error, r.Result)
		}
		names := []string{}
		for _, item := range items {
			name, ok := item[key].(string)
			if !ok {
				t.Fatalf("%s: %v has no %s", method, item, key)
			}
			names = append(names, name)
		}
		return names
	}
	s.Tools = list("tools/list", "tools", "name")
	s.Resources = list("resources/list", "resources", "uri")
	s.Templates = list("resources/templates/list", "resourceTemplates", "uriTemplate")
	s.Prompts = list("prompts/list", "prompts", "name")
	var who struct{ Permissions []string }
	decodeResult(t, d.call(t, token, "whoAmI", `{}`), &who)
	s.Scopes = who.Permissions
	return s
}

// What each selection shows, and what a person is asked for, changes only on purpose.
func TestSurfaces(t *testing.T) {
	t.Parallel()
	surfaces := map[string]surface{}
	for _, preset := range []string{
		"core", "core,runWriteTool", "full", "read-only", "core,read-only", "minimal", "email",
		"mail", "calendar", "teams", "files", "people", "tasks", "search", "whoAmI,getEmails",
	} {
		d := startDemo(t, withTools(preset))
		surfaces[preset] = d.surface(t, d.signIn(t, "ada").Access)
		d.stop()
	}
	text, err := json.MarshalIndent(surfaces, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, surfacesFile, append(text, '\n'))
	core, full, reads := surfaces["core"], surfaces["full"], surfaces["read-only"]
	if diff := cmp.Diff(coreTools, core.Tools); diff != "" {
		t.Error("core:", diff)
	}
	if diff := cmp.Diff(prompts, core.Prompts); diff != "" {
		t.Error("core:", diff)
	}
	if n := len(full.Tools); n != 54 { // 57 without the three that reach what is not listed
		t.Errorf("full lists %d tools", n)
	}
	for _, name := range coreTools {
		if !slices.Contains(full.Tools, name) && name != "findTools" && name != "runReadTool" {
			t.Errorf("full does not list %s", name)
		}
	}
	for _, scope := range reads.Scopes {
		if strings.Contains(scope, "ReadWrite") || strings.Contains(scope, ".Send") || strings.Contains(scope, ".Create") {
			t.Errorf("read-only asks for %s", scope)
		}
	}
}
