package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"m365mcp/app"
	"m365mcp/config"
)

// A selection is a fence: what it leaves out cannot be run, by its own name or by
// another tool, nor read as a resource, and nothing of it reaches Graph.
func TestPresetsFence(t *testing.T) {
	t.Parallel()
	surfaces := expectedSurfaces(t)
	everything := surfaces["full"]
	for name, configure := range map[string]func(*config.Tools){
		"minimal":            func(c *config.Tools) { c.Preset = "minimal" },
		"email":              func(c *config.Tools) { c.Preset = "email" },
		"read-only":          func(c *config.Tools) { c.Preset = "read-only" },
		"calendar":           func(c *config.Tools) { c.Preset = "calendar" },
		"allow mail in core": func(c *config.Tools) { c.Preset, c.Allow = "core", []string{"mail"} },
		"deny teams in core": func(c *config.Tools) { c.Preset, c.Deny = "core,runWriteTool", []string{"teams", "getCalendarEvent"} },
		"core read-only":     func(c *config.Tools) { c.Preset = "core,read-only" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tools config.Tools
			configure(&tools)
			d := startDemo(t, app.DemoOptions{Configure: func(c *config.Config) { c.Tools = tools }})
			token := d.signIn(t, "ada").Access
			own := d.surface(t, token)
			start, reached := time.Now(), 0
			for _, other := range everything.Tools {
				if slices.Contains(own.Tools, other) {
					continue
				}
				if r := d.request(t, token, "tools/call", fmt.Sprintf(`{"name":%q,"arguments":{}}`, other)); r.Error == nil || r.Error.Code != -32602 {
					t.Errorf("%s runs by its name: %+v", other, r)
				}
				for _, by := range []string{"runReadTool", "runWriteTool"} {
					a := d.post(t, token, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":{"name":%q,"arguments":{}}}}`, by, other))
					if a.status == http.StatusForbidden && slices.Contains(own.Tools, by) && !d.fenced(tools, other) {
						reached++ // and lacks a scope, which the client may ask for
						continue
					}
					r := parseRPC(t, a)
					switch {
					case !slices.Contains(own.Tools, by):
						if r.Error == nil || r.Error.Code != -32602 {
							t.Errorf("%s is not listed and runs: %s", by, r.Result)
						}
					case !d.fenced(tools, other):
						reached++
					case !strings.Contains(string(r.Result), "is no tool of this server"):
						t.Errorf("%s reaches %s: %s", by, other, r.Result)
					}
				}
			}
			if slices.Contains(own.Tools, "runReadTool") && reached == 0 {
				t.Error("runReadTool reaches nothing")
			}
			for _, uri := range everything.Resources {
				if slices.Contains(own.Resources, uri) {
					continue
				}
				if r := d.request(t, token, "resources/read", fmt.Sprintf(`{"uri":%q}`, uri)); r.Error == nil {
					t.Errorf("%s is read: %s", uri, r.Result)
				}
			}
			// Tools that the fence lets through may ask Graph; those that it does not, never.
			if strings.Contains(name, "core") {
				return
			}
			d.stop() // every request has its record then
			if asked := d.asked(start); len(asked) > 0 {
				t.Errorf("%d requests reached Graph: %+v", len(asked), asked[0])
			}
		})
	}
}

// fenced says whether a selection keeps core's dispatchers from a tool.
func (d *demo) fenced(c config.Tools, name string) bool {
	family := map[string][]string{
		"teams": {"listTeams", "listChannels", "getChannelMessages", "sendTeamsMessage", "replyToChannelMessage", "listChats", "getChatMessages", "startChat", "createTeamsMeeting", "getMeetingTranscript"},
		"mail":  {"getEmails", "searchEmails", "getEmail", "getEmailThread", "listMailFolders", "getAttachment", "sendEmail", "createDraft", "addDraftAttachment", "sendDraft", "replyToEmail", "forwardEmail", "updateEmail", "moveEmail", "deleteEmail"},
	}
	for _, denied := range c.Deny {
		if denied == name || slices.Contains(family[denied], name) {
			return true
		}
	}
	if len(c.Allow) > 0 {
		return !slices.ContainsFunc(c.Allow, func(f string) bool { return slices.Contains(family[f], name) })
	}
	return strings.Contains(c.Preset, "read-only") && !readsOnly(name)
}

// readsOnly goes by the names, which say it.
func readsOnly(name string) bool {
	return slices.ContainsFunc([]string{"get", "list", "search", "find", "read", "whoAmI", "authenticate"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

// A short id means something to the person it was given to, and to nobody else.
func TestShortIDsArePersonal(t *testing.T) {
	t.Parallel()
	d := startDemo(t, withTools("full"))
	ada, bruno := d.session(t, "ada"), d.session(t, "bruno")
	for thing, call := range map[string][2]string{
		"mail":     {"getEmail", `{"id":%q}`},
		"event":    {"getCalendarEvent", `{"id":%q}`},
		"chat":     {"getChatMessages", `{"chatId":%q}`},
		"channel":  {"getChannelMessages", `{"channelId":%q}`},
		"file":     {"readFile", `{"id":%q}`},
		"task":     {"updateTask", `{"id":%q,"title":"Taken over"}`},
		"calendar": {"getCalendarEvents", `{"calendarId":%q}`},
	} {
		args := fmt.Sprintf(call[1], ada.thing(t, thing))
		if r := ada.call(t, ada.token, call[0], args); r.IsError {
			t.Errorf("%s of its own person: %s", thing, r.text())
		}
		start := time.Now()
		r := bruno.call(t, bruno.token, call[0], args)
		if !r.IsError || !strings.Contains(r.text(), "invalid_arguments") {
			t.Errorf("%s of somebody else: %s", thing, r.text())
		}
		for _, rec := range d.asked(start) {
			if rec.Template != "/me/mailboxSettings" {
				t.Errorf("%s of somebody else: Graph was asked %s %s", thing, rec.Method, rec.Path)
			}
		}
	}
	var page struct{ Cursor string }
	decodeResult(t, ada.call(t, ada.token, "getEmails", `{"count":3}`), &page)
	if r := bruno.call(t, bruno.token, "getEmails", fmt.Sprintf(`{"count":3,"cursor":%q}`, page.Cursor)); page.Cursor == "" || !r.IsError {
		t.Errorf("a cursor %q of somebody else: %s", page.Cursor, r.text())
	}
}
