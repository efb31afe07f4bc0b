package e2e_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// session is one person's connection, which finds the things that a call is about
// as a model does: by asking the tools that list.
type session struct {
	*demo
	token string
	found map[string]string
}

func (d *demo) session(t *testing.T, name string) *session {
	t.Helper()
	return d.sessionOf(d.signIn(t, name).Access)
}

func (d *demo) sessionOf(token string) *session { return &session{d, token, map[string]string{}} }

// sources say where the id of a thing comes from: tool, arguments, path in the
// structured result. Those of a call that writes are made anew for each use.
var sources = map[string]struct {
	tool, args, path string
	fresh            bool
}{
	"mail":         {tool: "searchEmails", args: `{"hasAttachment":true,"from":"ines.moura","subject":"delay of MV Aurelia Bay","count":1}`, path: "emails.0.id"},
	"attachment":   {tool: "getAttachment", args: `{"emailId":"${mail}"}`, path: "attachments.0.id"},
	"conversation": {tool: "getEmails", args: `{"count":1,"fields":["conversationId"]}`, path: "emails.0.conversationId"},
	"draft":        {tool: "createDraft", args: `{"to":"bruno@tideline.example","subject":"A draft","body":"Text"}`, path: "id", fresh: true},
	"event":        {tool: "getCalendarEvents", args: `{"days":30,"count":1}`, path: "events.0.id"},
	"calendar":     {tool: "listCalendars", args: `{}`, path: "calendars.0.id"},
	"own event":    {tool: "createCalendarEvent", args: `{"subject":"Mine","start":"2030-03-05T09:00","end":"2030-03-05T10:00","attendees":["bruno@tideline.example"]}`, path: "id", fresh: true},
	"recorded":     {tool: "getCalendarEvents", args: `{"start":"${ten days ago}","days":10,"count":100}`, path: "events.*Pelago 2 launch call.id"},
	"review":       {tool: "getCalendarEvents", args: `{"days":30,"count":100}`, path: "events.*Board review.id"},
	"agenda":       {tool: "getCalendarEvent", args: `{"id":"${review}"}`, path: "attachments.0.id"},
	"invitation":   {tool: "getCalendarEvents", args: `{"days":30,"count":100}`, path: "events.*organizer.id"},
	"chat":         {tool: "listChats", args: `{"count":1}`, path: "chats.0.id"},
	"team":         {tool: "listTeams", args: `{}`, path: "teams.0.id"},
	"channel":      {tool: "listTeams", args: `{}`, path: "teams.0.channels.0.id"},
	"post":         {tool: "getChannelMessages", args: `{"channelId":"${channel}","count":20}`, path: "messages.0.id"},
	"file":         {tool: "searchFiles", args: `{"query":"customs","type":"pdf","count":1}`, path: "files.0.id"},
	"folder":       {tool: "createFolder", args: `{"name":"Made by a test ${n}"}`, path: "id", fresh: true},
	"own file":     {tool: "uploadFile", args: `{"name":"made ${n}.txt","content":"Text of a file."}`, path: "id", fresh: true},
	"site":         {tool: "searchSites", args: `{"query":"operations"}`, path: "sites.0.id"},
	"plan":         {tool: "listTasks", args: `{"source":"planner","fields":["lists"]}`, path: "lists.*planner.id"},
	"planner task": {tool: "listTasks", args: `{"source":"planner"}`, path: "tasks.0.id"},
	"task":         {tool: "createTask", args: `{"title":"A task"}`, path: "id", fresh: true},
	"packing":      {tool: "createTask", args: `{"title":"Pack","checklist":["rope","lamp"]}`, path: "id", fresh: true},
}

var placeholder = regexp.MustCompile(`\$\{([a-z ]+)\}`)

// fill replaces ${thing} in arguments by a thing's id, and ${n} by a number.
func (s *session) fill(t *testing.T, args string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(args, func(m string) string {
		return s.thing(t, m[2:len(m)-1])
	})
}

func (s *session) thing(t *testing.T, name string) string {
	t.Helper()
	if name == "n" {
		s.found["n"] += "i"
		return fmt.Sprint(len(s.found["n"]))
	}
	if name == "ten days ago" {
		return time.Now().AddDate(0, 0, -10).UTC().Format("2006-01-02")
	}
	if id := s.found[name]; id != "" {
		return id
	}
	from, ok := sources[name]
	if !ok {
		t.Fatalf("no source for %q", name)
	}
	args := s.fill(t, from.args)
	r := s.call(t, s.token, from.tool, args)
	if r.IsError {
		t.Fatalf("%s: %s %s: %s", name, from.tool, args, r.text())
	}
	id, _ := at(t, r.Structured, from.path).(string)
	if id == "" {
		t.Fatalf("%s: nothing at %s of %s", name, from.path, r.Structured)
	}
	if !from.fresh {
		s.found[name] = id
	}
	return id
}

// at walks a JSON value: names, numbers of a list, and *name for the first of a
// list that has the property, or a property of that value.
func at(t *testing.T, text []byte, path string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			value = pick(v, step)
		default:
			return nil
		}
	}
	return value
}

func pick(list []any, step string) any {
	for i, item := range list {
		if fmt.Sprint(i) == step {
			return item
		}
		if name, ok := strings.CutPrefix(step, "*"); ok {
			object, _ := item.(map[string]any)
			for property, value := range object {
				if property == name || value == name {
					return item
				}
			}
		}
	}
	return nil
}
