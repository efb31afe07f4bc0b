package tasks

import (
	"context"
	"fmt"
	"strings"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

type createArgs struct {
	Title      string   `json:"title"`
	Due        string   `json:"due"`
	Notes      string   `json:"notes"`
	Checklist  []string `json:"checklist"`
	Importance string   `json:"importance"`
	Reminder   string   `json:"reminder"`
	List       string   `json:"list"`
	PlanID     string   `json:"planId"`
}

type createOut struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Due    string `json:"due,omitempty"`
	List   string `json:"list,omitempty"`
	Source string `json:"source"`
}

func createTask() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "createTask", Title: "Add a task", Family: family,
		Description: "Adds a task or reminder to Microsoft To Do, or to a Planner plan.",
		Keywords:    "todo to-do remind me new task",
		Input: []tool.Field{
			{Name: "title", Type: tool.String, Required: true, MaxLength: maxTitle},
			{Name: "due", Type: tool.String, Description: "Day, 2026-03-05."},
			{Name: "notes", Type: tool.String, MaxLength: maxNotes},
			{Name: "checklist", Type: tool.StringOrList, MaxItems: maxItems, Description: "Steps (To Do)."},
			{Name: "importance", Type: tool.String, Enum: []string{"low", "normal", "high"}, Default: "normal"},
			{Name: "reminder", Type: tool.String, Description: "Time, 2026-03-05T09:00 (To Do)."},
			{Name: "list", Type: tool.String, Description: "Name or id of a To Do list; default list if absent."},
			{Name: "planId", Type: tool.String, Description: "Planner plan by id or title, instead of a list."},
		},
		Output: []tool.Field{
			{Name: "id", Type: tool.String},
			{Name: "title", Type: tool.String},
			{Name: "due", Type: tool.String},
			{Name: "list", Type: tool.String},
			{Name: "source", Type: tool.String},
		},
		Scopes: []string{"Tasks.ReadWrite"}, OptionalScopes: []string{"MailboxSettings.Read"},
	}, planCreate, doCreate)
}

func planCreate(ctx context.Context, c tool.Call, a createArgs) (tool.Plan, error) {
	if strings.TrimSpace(a.Title) == "" {
		return tool.Plan{}, tool.Invalid("title", "is empty")
	}
	var due time.Time
	if a.Due != "" {
		var err error
		if due, err = parseDay("due", a.Due); err != nil {
			return tool.Plan{}, err
		}
	}
	if a.PlanID != "" {
		return planPlanner(ctx, c, a, due)
	}
	zone, err := c.Zone(ctx, "")
	if err != nil {
		return tool.Plan{}, err
	}
	to, err := findList(ctx, c, a.List)
	if err != nil {
		return tool.Plan{}, err
	}
	body, err := a.todo(due, zone)
	if err != nil {
		return tool.Plan{}, err
	}
	path, err := graph.To("/me/todo/lists/{list}/tasks", to.ID)
	if err != nil {
		return tool.Plan{}, err
	}
	request, err := graph.PostJSON(path, body)
	return tool.Plan{
		Target: path.Template(), Recipients: to.readers(), Content: append([]string{a.Title, a.Notes}, a.Checklist...), Writes: []graph.Request{request},
	}, err
}

// findList finds a list of To Do by id or name; the default one for "".
func findList(ctx context.Context, c tool.Call, given string) (todoList, error) {
	lists, err := todoLists(ctx, c)
	if err != nil {
		return todoList{}, err
	}
	all := make([]tool.Named, len(lists))
	for i, l := range lists {
		if given == "" && l.WellKnown == "defaultList" {
			return l, nil
		}
		all[i] = tool.Named{ID: l.ID, Name: l.DisplayName}
	}
	i, err := c.Choose(ctx, "list", handle.KindTaskList, given, all)
	if err != nil {
		return todoList{}, err
	}
	return lists[i], nil
}

// todo is the body of a new To Do task.
func (a createArgs) todo(due time.Time, zone timezone.Zone) (map[string]any, error) {
	body := map[string]any{"title": a.Title, "importance": a.Importance}
	if a.Notes != "" {
		body["body"] = graph.ItemBody{ContentType: "text", Content: a.Notes}
	}
	if len(a.Checklist) > 0 { // in the same request: https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8423
		items, err := newItems("checklist", a.Checklist)
		if err != nil {
			return nil, err
		}
		body["checklistItems"] = items
	}
	if !due.IsZero() {
		body["dueDateTime"] = dueOn(due)
	}
	if a.Reminder != "" {
		at, _, err := zone.ParseExisting(a.Reminder)
		if err != nil {
			return nil, tool.Invalid("reminder", err.Error())
		}
		body["isReminderOn"] = true
		body["reminderDateTime"] = dateTimeTimeZone{at.In(zone.Location()).Format("2006-01-02T15:04:05"), zone.Name()}
	}
	return body, nil
}

// planPlanner is for a new task of a plan. Notes live in another resource there,
// which has to exist first: they are refused instead of lost.
func planPlanner(ctx context.Context, c tool.Call, a createArgs, due time.Time) (tool.Plan, error) {
	if a.List != "" || a.Reminder != "" || a.Notes != "" || len(a.Checklist) > 0 {
		return tool.Plan{}, tool.Invalid("planId", "cannot stand with list, reminder, notes or checklist: those are of To Do")
	}
	plan, err := findPlan(ctx, c, a.PlanID)
	if err != nil {
		return tool.Plan{}, err
	}
	body := map[string]any{
		"planId": plan.ID, "title": a.Title, "priority": map[string]int{"low": 9, "normal": 5, "high": 3}[a.Importance],
		// Assigned to this person, or listTasks would not show it.
		"assignments": map[string]any{c.Principal.UserID: map[string]any{"@odata.type": "#microsoft.graph.plannerAssignment", "orderHint": " !"}},
	}
	if !due.IsZero() {
		body["dueDateTime"] = due.Format(time.RFC3339)
	}
	request, err := graph.PostJSON(graph.Fixed("/planner/tasks"), body)
	return tool.Plan{
		Target: "/planner/tasks", Recipients: membersOf("plan", plan.Name), Content: []string{a.Title}, Writes: []graph.Request{request},
	}, err
}

// findPlan finds a plan of this person by id or title: Planner is sent no other.
func findPlan(ctx context.Context, c tool.Call, given string) (plannerPlan, error) {
	plans, err := plannerPlans(ctx, c)
	if err != nil {
		return plannerPlan{}, err
	}
	all := make([]tool.Named, len(plans))
	for i, p := range plans {
		all[i] = tool.Named(p)
	}
	i, err := c.Choose(ctx, "planId", handle.KindPlan, given, all)
	if err != nil {
		return plannerPlan{}, err
	}
	return plans[i], nil
}

func doCreate(ctx context.Context, c tool.Call, a createArgs) (tool.Result, error) {
	write := c.Plan.Writes[0]
	resp, err := c.Graph.Do(ctx, write)
	if err != nil {
		return tool.Result{}, err
	}
	var made struct {
		ID string `json:"id"`
	}
	if err := resp.Decode(&made); err != nil {
		return tool.Result{}, err
	}
	at, out := ref{task: made.ID}, createOut{Title: content.Line(a.Title, maxTitle), Due: a.Due, Source: sourcePlanner}
	if a.PlanID == "" {
		at.list, out.Source, out.List = write.Path.Value("list"), sourceToDo, a.List
	}
	short, err := c.Short(ctx, handle.KindTask, []string{at.String()})
	if err != nil {
		return tool.Result{}, err
	}
	out.ID = short[0]
	return tool.Result{Structured: out, Items: 1, Text: fmt.Sprintf("Added: %s [%s].", out.Title, out.ID)}, nil
}
