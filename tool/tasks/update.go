package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

type updateArgs struct {
	ID         string `json:"id"`
	Title      string `json:"title"`
	Due        string `json:"due"`
	Status     string `json:"status"`
	Importance string `json:"importance"`
	Notes      string `json:"notes"`
	checklistArgs
}

type updateOut struct {
	ID      string   `json:"id"`
	Changed []string `json:"changed"`
	NotDone []string `json:"notDone,omitempty"`
}

func updateTask() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "updateTask", Title: "Change or complete a task", Family: family,
		Description: "Changes a To Do or Planner task: marks it done, moves its due day, renames it; ticks items of a To Do checklist.",
		Keywords:    "complete finish tick off todo done check postpone step subtask",
		Input: []tool.Field{
			{Name: "id", Aliases: []string{"taskId"}, Type: tool.String, Required: true},
			{Name: "title", Type: tool.String, MaxLength: maxTitle},
			{Name: "due", Type: tool.String, Description: "Day, 2026-03-05; none removes it."},
			{Name: "status", Type: tool.String, Enum: []string{"notStarted", "inProgress", "completed"}},
			{Name: "importance", Type: tool.String, Enum: []string{"low", "normal", "high"}},
			{Name: "notes", Type: tool.String, MaxLength: maxNotes, Description: "To Do only; replaces the notes."},
			{Name: "addToChecklist", Type: tool.StringOrList, MaxItems: maxItems},
			{Name: "tick", Type: tool.StringOrList, MaxItems: maxItems, Description: "Items of the checklist, by their text."},
			{Name: "untick", Type: tool.StringOrList, MaxItems: maxItems},
			{Name: "removeFromChecklist", Type: tool.StringOrList, MaxItems: maxItems},
		},
		Output: []tool.Field{{Name: "id", Type: tool.String}, {Name: "changed", Type: tool.StringList}, {Name: "notDone", Type: tool.StringList}},
		Scopes: []string{"Tasks.ReadWrite"},
	}, planUpdate, doUpdate)
}

func planUpdate(ctx context.Context, c tool.Call, a updateArgs) (tool.Plan, error) {
	id, err := c.Resolve(ctx, "id", handle.KindTask, a.ID)
	if err != nil {
		return tool.Plan{}, err
	}
	at, err := parseRef(id)
	if err != nil {
		return tool.Plan{}, err
	}
	if len(a.changed()) == 0 && a.empty() {
		return tool.Plan{}, tool.Invalid("id", "stands alone; give at least one of title, due, status, importance, notes, or what to change in the checklist")
	}
	var due time.Time
	if a.Due != "" && a.Due != "none" {
		if due, err = parseDay("due", a.Due); err != nil {
			return tool.Plan{}, err
		}
	}
	if at.list == "" {
		return a.plannerPlan(ctx, c, at, due)
	}
	return a.todoPlan(ctx, c, at, due)
}

func (a updateArgs) todoPlan(ctx context.Context, c tool.Call, at ref, due time.Time) (tool.Plan, error) {
	path, err := graph.To("/me/todo/lists/{list}/tasks/{task}", at.list, at.task)
	if err != nil {
		return tool.Plan{}, err
	}
	plan := tool.Plan{Target: path.Template(), Content: append([]string{a.Title, a.Notes}, a.Add...)}
	if strings.Join(plan.Content, "") != "" {
		if plan.Recipients, err = readersOf(ctx, c, at, ""); err != nil {
			return tool.Plan{}, err
		}
	}
	if len(a.changed()) > 0 {
		request, err := graph.PatchJSON(path, a.todo(due))
		if err != nil {
			return tool.Plan{}, err
		}
		plan.Writes = []graph.Request{request}
	}
	if a.empty() {
		return plan, nil
	}
	items, err := a.requests(ctx, c, at)
	plan.Writes = append(plan.Writes, items...)
	return plan, err
}

// todo is the change of the task itself.
func (a updateArgs) todo(due time.Time) map[string]any {
	body := map[string]any{}
	set(body, "title", a.Title)
	set(body, "status", a.Status)
	set(body, "importance", a.Importance)
	if a.Notes != "" {
		body["body"] = graph.ItemBody{ContentType: "text", Content: a.Notes}
	}
	if a.Due != "" {
		body["dueDateTime"] = nil
		if !due.IsZero() {
			body["dueDateTime"] = dueOn(due)
		}
	}
	return body
}

func set(body map[string]any, name, value string) {
	if value != "" {
		body[name] = value
	}
}

// changed names the arguments that change something.
func (a updateArgs) changed() []string {
	var names []string
	for _, f := range []struct{ name, value string }{{"title", a.Title}, {"due", a.Due}, {"status", a.Status}, {"importance", a.Importance}, {"notes", a.Notes}} {
		if f.value != "" {
			names = append(names, f.name)
		}
	}
	return names
}

// plannerPlan sends the ETag that Planner demands: a change by somebody else in
// between is a 412 and not overwritten.
func (a updateArgs) plannerPlan(ctx context.Context, c tool.Call, at ref, due time.Time) (tool.Plan, error) {
	if a.Notes != "" {
		return tool.Plan{}, tool.Invalid("notes", "can be changed in To Do tasks only")
	}
	if !a.empty() {
		return tool.Plan{}, tool.Invalid("id", "is of Planner, whose checklists are not changed here; those of To Do are")
	}
	path, err := graph.To("/planner/tasks/{task}", at.task)
	if err != nil {
		return tool.Plan{}, err
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Select("id", "title", "planId")})
	if err != nil {
		return tool.Plan{}, err
	}
	var current plannerTask
	if err := resp.Decode(&current); err != nil {
		return tool.Plan{}, err
	}
	if current.ETag == "" { // without it the change would overwrite whatever is there
		return tool.Plan{}, &tool.Error{
			Code: tool.CodeGraph, Message: "Planner did not say which version of the task this is, so it cannot be changed safely. Nothing was done.",
			Action: "call again in a minute; if it fails again, change the task in Planner itself.",
		}
	}
	plan := tool.Plan{Target: path.Template(), Content: []string{a.Title}}
	if a.Title != "" {
		if plan.Recipients, err = readersOf(ctx, c, at, current.PlanID); err != nil {
			return tool.Plan{}, err
		}
	}
	body := map[string]any{}
	set(body, "title", a.Title)
	if a.Status != "" {
		body["percentComplete"] = map[string]int{"notStarted": 0, "inProgress": 50, "completed": 100}[a.Status]
	}
	if a.Importance != "" {
		body["priority"] = map[string]int{"low": 9, "normal": 5, "high": 3}[a.Importance]
	}
	if a.Due != "" {
		body["dueDateTime"] = nil
		if !due.IsZero() {
			body["dueDateTime"] = due.Format(time.RFC3339)
		}
	}
	request, err := graph.PatchJSON(path, body)
	request.IfMatch = current.ETag
	plan.Writes = []graph.Request{request}
	return plan, err
}

// doUpdate sends one request after the other, and ends at the first that fails: what
// was done until then is no error.
func doUpdate(ctx context.Context, c tool.Call, a updateArgs) (tool.Result, error) {
	labels := a.labels()
	if names := a.changed(); len(names) > 0 {
		labels = append([]string{strings.Join(names, ", ")}, labels...)
	}
	if len(labels) != len(c.Plan.Writes) {
		return tool.Result{}, errors.New("the plan is not about these changes")
	}
	done := len(labels)
	for i, write := range c.Plan.Writes {
		if _, err := c.Graph.Do(ctx, write); err != nil && i == 0 {
			return tool.Result{}, err
		} else if err != nil {
			done = i
			break
		}
	}
	out := updateOut{ID: a.ID, Changed: labels[:done], NotDone: labels[done:]}
	result := tool.Result{Structured: out, Items: 1, Text: fmt.Sprintf("Changed task %s: %s.", a.ID, strings.Join(out.Changed, "; "))}
	if len(out.NotDone) > 0 {
		result.Note = "NOT done, or not known: " + strings.Join(out.NotDone, "; ") + ". Look with listTasks (fields: checklist) before calling again for the rest."
	}
	return result, nil
}
