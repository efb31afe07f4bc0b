package tasks_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"m365mcp/tool"
	"m365mcp/tool/tasks"
	"m365mcp/tool/tooltest"
)

type check = func(tooltest.Reporter, *tooltest.Harness, tooltest.Result)

func has(parts ...string) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		tooltest.Contains(t, res, parts...)
	}
}

type listed struct {
	Tasks []struct{ ID, Title, Due, Status, Source, List, Importance, Notes string }
	Lists []struct{ ID, Name, Source string }
}

// list calls listTasks and reads its result.
func list(h *tooltest.Harness, args string) (out listed) {
	res := h.As("ada").Call("listTasks", args)
	if res.Output != nil {
		_ = json.Unmarshal(res.Output.Structured, &out) // an empty result fails the case that needs it
	}
	return out
}

// first is the arguments of a call about the first open task of a source.
func first(source, more string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		l := list(h, `{"source":"`+source+`"}`)
		if len(l.Tasks) == 0 {
			return "{}"
		}
		return fmt.Sprintf(`{"id":%q%s}`, l.Tasks[0].ID, more)
	}
}

// plan is the arguments of a new task in the person's first plan.
func plan(more string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		for _, l := range list(h, `{"fields":["lists"]}`).Lists {
			if l.Source == "planner" {
				return fmt.Sprintf(`{"planId":%q%s}`, l.ID, more)
			}
		}
		return "{}"
	}
}

// tells wants policy to have been told of these recipients.
func tells(recipients string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if len(res.Intents) != 1 || strings.Join(res.Intents[0].Recipients, ";") != recipients {
			t.Errorf("want the recipients %q: %+v", recipients, res.Intents)
		}
	}
}

// shows wants the list to show these parts afterwards.
func shows(args string, parts ...string) check {
	return func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		if res.Output == nil {
			t.Errorf("failed: %v", res.Err)
			return
		}
		after := h.As("ada").Call("listTasks", args)
		tooltest.Contains(t, after, parts...)
	}
}

// nothingSent wants no write, and an error that says this.
func nothingSent(says string) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		for _, r := range res.Requests {
			if r.Method != http.MethodGet {
				t.Errorf("sent %s", r)
			}
		}
		if !strings.Contains(res.Text(), says) {
			t.Errorf("%q is missing in: %s", says, res.Text())
		}
	}
}

// checklists are the arguments that show them.
const checklists = `{"source":"todo","count":100,"fields":["checklist"]}`

// packing makes a task with a checklist of which one item is ticked, and returns the arguments of a call about it.
func packing(more string) func(*tooltest.Harness) string {
	return func(h *tooltest.Harness) string {
		var made struct{ ID string }
		res := h.As("ada").Call("createTask", `{"title":"Pack","checklist":["Lamp","Rope","Knife","Soap"]}`)
		if res.Output != nil {
			_ = json.Unmarshal(res.Output.Structured, &made) // an empty id fails the case
		}
		h.As("ada").Call("updateTask", fmt.Sprintf(`{"id":%q,"tick":"Knife"}`, made.ID))
		return fmt.Sprintf(`{"id":%q%s}`, made.ID, more)
	}
}

func all(checks ...check) check {
	return func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		for _, one := range checks {
			one(t, h, res)
		}
	}
}

func every(ok func(listed) bool) check {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		var l listed
		if res.Output == nil || json.Unmarshal(res.Output.Structured, &l) != nil || !ok(l) {
			t.Errorf("not as wanted: %v", res)
		}
	}
}

var suite = tooltest.Suite{Tools: tasks.Tools(), Cases: []tooltest.Case{
	{Tool: "listTasks", Name: "both sources, due first", As: "ada", Check: every(func(l listed) bool {
		sources, last := map[string]bool{}, ""
		for _, x := range l.Tasks {
			sources[x.Source] = true
			if x.Due != "" && x.Due < last || x.Status == "completed" {
				return false
			}
			last = x.Due
		}
		return len(sources) == 2
	})},
	{Tool: "listTasks", Name: "To Do alone", As: "ada", Args: `{"source":"todo"}`, Check: every(func(l listed) bool {
		for _, x := range l.Tasks {
			if x.Source != "todo" {
				return false
			}
		}
		return len(l.Tasks) > 0
	})},
	{Tool: "listTasks", Name: "done", As: "ada", Args: `{"status":"completed"}`, Check: every(func(l listed) bool {
		for _, x := range l.Tasks {
			if x.Status != "completed" {
				return false
			}
		}
		return len(l.Tasks) > 0
	})},
	{Tool: "listTasks", Name: "two", As: "ada", Args: `{"count":2}`, Check: every(func(l listed) bool { return len(l.Tasks) == 2 })},
	{Tool: "listTasks", Name: "with lists", As: "ada", Args: `{"fields":["lists","notes","created","reminder"]}`, Check: has(`"lists":[`, `"created":"`)},
	{Tool: "listTasks", Name: "in the mailbox's zone", As: "ada", Optional: true, Args: `{"fields":["reminder"]}`, Check: has(`"reminder":"2026-11-19T09:00+01:00"`)},
	{
		Tool: "listTasks", Name: "with checklists", As: "ada", Args: `{"fields":["checklist"]}`,
		Check: has(`"checklist":["[x] List of the 62 pallets","[ ] Pick six, no corner pallets","[ ] Send to customs desk and to Rui"]`),
	},
	{Tool: "listTasks", Name: "no such source", As: "ada", Args: `{"source":"paper"}`, Err: tool.CodeInvalidArguments, Field: "source"},
	{Tool: "listTasks", Name: "Graph refuses", As: "ada", Fails: map[string]int{"GET /me/todo/lists": 403}, Err: tool.CodeForbidden},

	{
		Tool: "createTask", Name: "all of To Do", As: "ada", Optional: true,
		Args:  `{"title":"Call the port","due":"2026-12-01","notes":"berth 12","importance":"high","reminder":"2026-12-01T08:30","list":"tasks"}`,
		Check: shows(`{"source":"todo","count":100,"fields":["notes","reminder"]}`, `"title":"Call the port","due":"2026-12-01","importance":"high"`, `"notes":"berth 12"`, `"reminder":"2026-12-01T08:30+01:00"`),
	},
	{
		Tool: "createTask", Name: "with a checklist", As: "ada", Args: `{"title":"Pack","checklist":["Lamp","Rope"]}`,
		Check: all(shows(checklists, `"title":"Pack"`, `"checklist":["[ ] Lamp","[ ] Rope"]`), func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
			if sent := res.Sent("POST /me/todo/lists/{todoTaskList-id}/tasks"); len(sent) != 1 {
				t.Errorf("sent %v", res.Requests)
			}
		}),
	},
	{Tool: "createTask", Name: "a step of nothing", As: "ada", Args: `{"title":"Pack","checklist":["Lamp"," "]}`, Err: tool.CodeInvalidArguments, Field: "checklist"},
	{Tool: "createTask", Name: "a checklist in a plan", As: "ada", ArgsOf: plan(`,"title":"x","checklist":"y"`), Err: tool.CodeInvalidArguments, Field: "planId"},
	{Tool: "createTask", Name: "another list", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		for _, l := range list(h, `{"fields":["lists"]}`).Lists {
			if l.Source == "todo" && !strings.EqualFold(l.Name, "tasks") && !strings.Contains(l.Name, "lagged") {
				return fmt.Sprintf(`{"title":"In another list","list":%q}`, l.ID)
			}
		}
		return "{}"
	}, Check: func(t tooltest.Reporter, h *tooltest.Harness, _ tooltest.Result) {
		for _, x := range list(h, `{"source":"todo","count":100}`).Tasks {
			if x.Title == "In another list" && !strings.EqualFold(x.List, "tasks") {
				return
			}
		}
		t.Errorf("the task is not in the other list")
	}},
	{
		Tool: "createTask", Name: "in a plan", As: "ada", ArgsOf: plan(`,"title":"Order sensors","due":"2026-12-03","importance":"high"`),
		Check: all(tells("unknown members of plan:Pelago 2 launch"), shows(`{"source":"planner","count":100}`, `"title":"Order sensors","due":"2026-12-03","importance":"high"`)),
	},
	{Tool: "createTask", Name: "in a plan by its title", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		for _, l := range list(h, `{"fields":["lists"]}`).Lists {
			if l.Source == "planner" {
				return fmt.Sprintf(`{"planId":%q,"title":"Order cables"}`, " "+strings.ToUpper(l.Name))
			}
		}
		return "{}"
	}, Check: shows(`{"source":"planner","count":100}`, `"title":"Order cables"`)},
	{Tool: "createTask", Name: "a plan that is none", As: "ada", Args: `{"title":"x","planId":"AAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, Err: tool.CodeInvalidArguments, Field: "planId", Check: nothingSent("there are “")},
	{Tool: "createTask", Name: "a plan injected", As: "ada", Args: `{"title":"x","planId":"x') or ('1'='1"}`, Err: tool.CodeInvalidArguments, Field: "planId", Check: nothingSent("there are “")},
	{Tool: "createTask", Name: "a list as plan", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return fmt.Sprintf(`{"title":"x","planId":%q}`, list(h, `{"source":"todo","fields":["lists"]}`).Lists[0].ID)
	}, Err: tool.CodeInvalidArguments, Field: "planId", Check: nothingSent("kind plan is needed")},
	{Tool: "createTask", Name: "no plans to be had", As: "ada", Args: `{"title":"x","planId":"AAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, Fails: map[string]int{"GET /me/planner/plans": 403}, Err: tool.CodeForbidden, Check: nothingSent("")},
	{Tool: "createTask", Name: "empty title", As: "ada", Args: `{"title":" "}`, Err: tool.CodeInvalidArguments, Field: "title"},
	{Tool: "createTask", Name: "no day", As: "ada", Args: `{"title":"x","due":"tomorrow"}`, Err: tool.CodeInvalidArguments, Field: "due"},
	{Tool: "createTask", Name: "no time", As: "ada", Args: `{"title":"x","reminder":"soon"}`, Err: tool.CodeInvalidArguments, Field: "reminder"},
	{Tool: "createTask", Name: "no list", As: "ada", Args: `{"title":"x","list":"../lists"}`, Err: tool.CodeInvalidArguments, Field: "list"},
	{Tool: "createTask", Name: "plan and list", As: "ada", ArgsOf: plan(`,"title":"x","list":"tasks"`), Err: tool.CodeInvalidArguments, Field: "planId"},
	{Tool: "createTask", Name: "Graph refuses", As: "ada", Args: `{"title":"x"}`, Fails: map[string]int{"POST /me/todo/lists/{todoTaskList-id}/tasks": 403}, Err: tool.CodeForbidden},

	{
		Tool: "updateTask", Name: "To Do", As: "ada", ArgsOf: first("todo", `,"title":"Renamed","due":"2026-12-24","status":"inProgress","importance":"low","notes":"later"`),
		Check: all(tells(""), shows(`{"source":"todo","count":100,"fields":["notes"]}`, `"title":"Renamed","due":"2026-12-24","status":"inProgress","importance":"low"`, `"notes":"later"`)),
	},
	{
		Tool: "updateTask", Name: "Planner", As: "ada", ArgsOf: first("planner", `,"title":"Renamed","due":"2026-12-24","status":"inProgress","importance":"high"`),
		Check: all(tells("unknown members of plan:Pelago 2 launch"), shows(`{"source":"planner","count":100}`, `"title":"Renamed","due":"2026-12-24","status":"inProgress","importance":"high"`)),
	},
	{
		Tool: "updateTask", Name: "no due day any more", As: "ada", ArgsOf: first("todo", `,"title":"Undated","due":"none"`),
		Check: func(t tooltest.Reporter, h *tooltest.Harness, _ tooltest.Result) {
			for _, x := range list(h, `{"source":"todo","count":100}`).Tasks {
				if x.Title == "Undated" && x.Due != "" {
					t.Errorf("still due %s", x.Due)
				}
			}
		},
	},
	{
		Tool: "updateTask", Name: "the checklist", As: "ada",
		ArgsOf: packing(`,"title":"Pack it","addToChecklist":"Map","tick":["rope","[ ] Lamp"],"untick":"Knife","removeFromChecklist":["Soap"]`),
		Check: all(
			has(`"changed":["title","add Map","tick rope","tick [ ] Lamp","untick Knife","remove Soap"]`),
			shows(checklists, `"title":"Pack it"`, `"checklist":["[x] Lamp","[x] Rope","[ ] Knife","[ ] Map"]`),
		),
	},
	{Tool: "updateTask", Name: "the open one of two of a name", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		args := packing(``)(h)
		h.As("ada").Call("updateTask", strings.TrimSuffix(args, "}")+`,"addToChecklist":"Knife"}`)
		return strings.TrimSuffix(args, "}") + `,"tick":"knife"}`
	}, Check: shows(checklists, `"[x] Knife","[ ] Soap","[x] Knife"`)},
	{
		Tool: "updateTask", Name: "the checklist breaks off", As: "ada", ArgsOf: packing(`,"addToChecklist":["Map","Flag"],"removeFromChecklist":["Rope","Lamp"]`),
		Fails: map[string]int{"DELETE /me/todo/lists/{todoTaskList-id}/tasks/{todoTask-id}/checklistItems/{checklistItem-id}": 403},
		Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
			tooltest.Contains(t, res, `"changed":["add Map","add Flag"],"notDone":["remove Rope","remove Lamp"]`)
			if !strings.Contains(res.Text(), "NOT done, or not known: remove Rope; remove Lamp") {
				t.Errorf("it says %s", res.Text())
			}
			shows(checklists, `"[ ] Lamp","[ ] Rope"`, `"[ ] Map","[ ] Flag"`)(t, h, res)
		},
	},
	{Tool: "updateTask", Name: "what is not on the checklist", As: "ada", ArgsOf: packing(`,"tick":"Tent"`), Err: tool.CodeInvalidArguments, Field: "tick"},
	{Tool: "updateTask", Name: "an item of nothing", As: "ada", ArgsOf: packing(`,"addToChecklist":" "`), Err: tool.CodeInvalidArguments, Field: "addToChecklist"},
	{Tool: "updateTask", Name: "a checklist in Planner", As: "ada", ArgsOf: first("planner", `,"tick":"x"`), Err: tool.CodeInvalidArguments, Field: "id"},
	{Tool: "updateTask", Name: "nothing to change", As: "ada", ArgsOf: first("todo", ``), Err: tool.CodeInvalidArguments, Field: "id"},
	{Tool: "updateTask", Name: "notes in Planner", As: "ada", ArgsOf: first("planner", `,"notes":"x"`), Err: tool.CodeInvalidArguments, Field: "notes"},
	{Tool: "updateTask", Name: "no id", As: "ada", Args: `{"id":"todo:a","title":"x"}`, Err: tool.CodeInvalidArguments, Field: "id"},
	{Tool: "updateTask", Name: "gone", As: "ada", Args: `{"id":"AAAAAAAAAAAAAAAAAAAAAAAAAAAA","title":"x"}`, Err: tool.CodeNotFound},
	{
		Tool: "updateTask", Name: "changed by somebody", As: "ada", ArgsOf: first("planner", `,"title":"x"`),
		Fails: map[string]int{"PATCH /planner/tasks/{plannerTask-id}": 412}, Err: tool.CodeChanged,
	},
}}

func TestTools(t *testing.T)   { t.Parallel(); tooltest.RunSuite(t, suite) }
func TestMutants(t *testing.T) { t.Parallel(); tooltest.RunMutants(t, suite) }
