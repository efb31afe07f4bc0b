package tasks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

type listArgs struct {
	Source string   `json:"source"`
	Status string   `json:"status"`
	Count  int      `json:"count"`
	Fields []string `json:"fields"`
}

type listOut struct {
	Tasks []task `json:"tasks"`
	Lists []list `json:"lists,omitempty"`
	More  bool   `json:"more,omitempty"`

	zone timezone.Zone
}

type task struct {
	ID         string `json:"id"`
	Title      string `json:"title"`
	Due        string `json:"due,omitempty"`
	Status     string `json:"status,omitempty"`
	Importance string `json:"importance,omitempty"`
	List       string `json:"list,omitempty"`
	Source     string `json:"source"`
	Notes      string `json:"notes,omitempty"`
	Created    string `json:"created,omitempty"`
	Reminder   string `json:"reminder,omitempty"`

	Checklist []string `json:"checklist,omitempty"`

	ref ref
	due string // to sort by; without one comes last
}

type list struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Source string `json:"source"`
}

const (
	statusOpen      = "open"
	statusCompleted = "completed"
	statusAll       = "all"

	// maxLists bounds the lists that are read in one call: half a batch.
	maxLists = 10
	maxShown = 300 // characters of notes in a list
)

func listTasks() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "listTasks", Title: "To-dos and tasks", Family: family,
		Description: "Lists this person's tasks from Microsoft To Do and Planner, those due first.",
		Keywords:    "to do todo reminder what do I have to do deadline overdue plan",
		Input: []tool.Field{
			{Name: "source", Type: tool.String, Enum: []string{sourceToDo, sourcePlanner, statusAll}, Default: statusAll},
			{Name: "status", Type: tool.String, Enum: []string{statusOpen, statusCompleted, statusAll}, Default: statusOpen},
			{Name: "count", Type: tool.Integer, Default: 25, Min: 1, Max: 100},
			{Name: "fields", Type: tool.StringList, Enum: []string{"notes", "checklist", "created", "reminder", "lists"}},
		},
		Output: []tool.Field{
			{Name: "tasks", Type: tool.ObjectList, Required: true, Items: []tool.Field{
				{Name: "id", Type: tool.String},
				{Name: "title", Type: tool.String},
				{Name: "due", Type: tool.String},
				{Name: "status", Type: tool.String},
				{Name: "importance", Type: tool.String},
				{Name: "list", Type: tool.String},
				{Name: "source", Type: tool.String},
				{Name: "notes", Type: tool.String},
				{Name: "created", Type: tool.String},
				{Name: "reminder", Type: tool.String},
				{Name: "checklist", Type: tool.StringList},
			}},
			{Name: "lists", Type: tool.ObjectList, Items: []tool.Field{{Name: "id", Type: tool.String}, {Name: "name", Type: tool.String}, {Name: "source", Type: tool.String}}},
			{Name: "more", Type: tool.Boolean},
		},
		ReadOnly: true, Idempotent: true, Core: true, Untrusted: true, // shared lists and plans hold what others wrote
		Scopes: []string{"Tasks.Read"}, OptionalScopes: []string{"MailboxSettings.Read"},
	}, func(context.Context, tool.Call, listArgs) (tool.Plan, error) {
		return tool.Plan{Target: "/me/todo/lists/{list}/tasks"}, nil
	}, doList)
}

func doList(ctx context.Context, c tool.Call, a listArgs) (tool.Result, error) {
	zone, err := c.Zone(ctx, "")
	if err != nil {
		return tool.Result{}, err
	}
	out := listOut{zone: zone}
	if a.Source != sourcePlanner {
		if err := out.todo(ctx, c, a); err != nil {
			return tool.Result{}, err
		}
	}
	if a.Source != sourceToDo {
		if err := out.planner(ctx, c, a); err != nil {
			return tool.Result{}, err
		}
	}
	slices.SortStableFunc(out.Tasks, func(x, y task) int { return cmp.Compare(x.due, y.due) })
	if len(out.Tasks) > a.Count {
		out.Tasks, out.More = out.Tasks[:a.Count], true
	}
	if err := out.shorten(ctx, c); err != nil {
		return tool.Result{}, err
	}
	if !slices.Contains(a.Fields, "lists") {
		out.Lists = nil
	}
	res := tool.Result{Structured: out, Text: out.text(), Items: len(out.Tasks)}
	if out.More {
		res.Note = "There are more tasks; ask for a higher count or one source."
	}
	return res, nil
}

// shorten gives tasks and lists their short ids.
func (o *listOut) shorten(ctx context.Context, c tool.Call) error {
	o.Tasks = slices.Clip(o.Tasks)
	ids := make([]string, len(o.Tasks))
	for i, t := range o.Tasks {
		ids[i] = t.ref.String()
	}
	short, err := c.Short(ctx, handle.KindTask, ids)
	if err != nil {
		return err
	}
	for i := range o.Tasks {
		o.Tasks[i].ID = short[i]
	}
	for i := range o.Lists {
		kind := handle.KindTaskList
		if o.Lists[i].Source == sourcePlanner {
			kind = handle.KindPlan
		}
		one, err := c.Short(ctx, kind, []string{o.Lists[i].ID})
		if err != nil {
			return err
		}
		o.Lists[i].ID = one[0]
	}
	if o.Tasks == nil {
		o.Tasks = []task{}
	}
	return nil
}

type todoTask struct {
	ID         string            `json:"id"`
	Title      string            `json:"title"`
	Status     string            `json:"status"`
	Importance string            `json:"importance"`
	Due        *dateTimeTimeZone `json:"dueDateTime"`
	Reminder   *dateTimeTimeZone `json:"reminderDateTime"`
	Created    time.Time         `json:"createdDateTime"`
	Body       *graph.ItemBody   `json:"body"`
	Checklist  []checklistItem   `json:"checklistItems"`
}

type todoList struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	WellKnown   string `json:"wellknownListName"`
	Own         bool   `json:"isOwner"`
	Shared      bool   `json:"isShared"`
}

// todoLists reads the names of all lists.
func todoLists(ctx context.Context, c tool.Call) ([]todoList, error) {
	lists, _, err := graph.List[todoList](ctx, c.Graph, graph.Request{
		Method: graph.Get, Path: graph.Fixed("/me/todo/lists"), Query: graph.Query{}.Top(100),
	}, 100)
	return lists, err
}

// todo adds the tasks of To Do: the lists, then the tasks of each in one batch.
func (o *listOut) todo(ctx context.Context, c tool.Call, a listArgs) error {
	lists, err := todoLists(ctx, c)
	if err != nil {
		return err
	}
	for _, l := range lists {
		o.Lists = append(o.Lists, list{l.ID, content.Line(l.DisplayName, 100), sourceToDo})
	}
	if len(lists) > maxLists {
		lists, o.More = lists[:maxLists], true
	}
	query := graph.Query{}.Top(a.Count)
	if slices.Contains(a.Fields, "checklist") {
		query = query.Expand("checklistItems")
	}
	switch a.Status {
	case statusOpen:
		query = query.Filter(graph.Ne("status", "completed"))
	case statusCompleted:
		query = query.Filter(graph.Eq("status", "completed"))
	}
	requests := make([]graph.Request, len(lists))
	for i, l := range lists {
		path, err := graph.To("/me/todo/lists/{list}/tasks", l.ID)
		if err != nil {
			return err
		}
		requests[i] = graph.Request{Method: graph.Get, Path: path, Query: query}
	}
	if len(requests) == 0 {
		return nil
	}
	results, err := graph.Batch(ctx, c.Graph, requests)
	if err != nil {
		return err
	}
	for i, r := range results {
		if r.Err != nil {
			return r.Err
		}
		var page graph.Page[todoTask]
		if err := r.Response.Decode(&page); err != nil {
			return err
		}
		o.More = o.More || page.NextLink != ""
		for _, t := range page.Value {
			o.Tasks = append(o.Tasks, t.shape(o.zone, lists[i], a))
		}
	}
	return nil
}

func (t todoTask) shape(zone timezone.Zone, l todoList, a listArgs) task {
	out := task{
		Title: content.Line(t.Title, maxTitle), Due: t.Due.day(), List: content.Line(l.DisplayName, 100), Source: sourceToDo,
		ref: ref{l.ID, t.ID}, due: cmp.Or(t.Due.day(), "9999"),
	}
	if t.Status != "notStarted" {
		out.Status = content.Line(t.Status, 40)
	}
	if t.Importance != "normal" {
		out.Importance = content.Line(t.Importance, 20)
	}
	if slices.Contains(a.Fields, "notes") && t.Body != nil {
		out.Notes = notes(*t.Body)
	}
	for _, item := range t.Checklist {
		out.Checklist = append(out.Checklist, item.line())
	}
	if slices.Contains(a.Fields, "created") {
		out.Created = t.Created.In(zone.Location()).Format(time.DateOnly)
	}
	if slices.Contains(a.Fields, "reminder") {
		out.Reminder = zone.Format(t.Reminder.time())
	}
	return out
}

func notes(body graph.ItemBody) string {
	reading := content.Plain(body.Content)
	if strings.EqualFold(body.ContentType, "html") {
		reading = content.Markdown(body.Content, content.MarkdownOptions{})
	}
	return content.Line(reading.Text, maxShown)
}

type plannerTask struct {
	ID       string    `json:"id"`
	ETag     string    `json:"@odata.etag"`
	Title    string    `json:"title"`
	PlanID   string    `json:"planId"`
	Due      time.Time `json:"dueDateTime"`
	Created  time.Time `json:"createdDateTime"`
	Percent  int       `json:"percentComplete"`
	Priority int       `json:"priority"`
}

type plannerPlan struct {
	ID   string `json:"id"`
	Name string `json:"title"`
}

// plannerPlans reads the plans that this person has a part in.
func plannerPlans(ctx context.Context, c tool.Call) ([]plannerPlan, error) {
	plans, _, err := graph.List[plannerPlan](ctx, c.Graph, graph.Request{
		Method: graph.Get, Path: graph.Fixed("/me/planner/plans"), Query: graph.Query{}.Select("id", "title"),
	}, 500)
	return plans, err
}

// planner adds the tasks that are assigned to this person in Planner, which
// filters nothing itself.
func (o *listOut) planner(ctx context.Context, c tool.Call, a listArgs) error {
	items, next, err := graph.List[plannerTask](ctx, c.Graph, graph.Request{
		Method: graph.Get, Path: graph.Fixed("/me/planner/tasks"),
		Query: graph.Query{}.Select("id", "title", "planId", "dueDateTime", "createdDateTime", "percentComplete", "priority"),
	}, 500)
	if err != nil {
		return err
	}
	o.More = o.More || next != ""
	plans, err := plannerPlans(ctx, c)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, p := range plans {
		names[p.ID] = content.Line(p.Name, 100)
		o.Lists = append(o.Lists, list{p.ID, names[p.ID], sourcePlanner})
	}
	for _, t := range items {
		done := t.Percent == 100
		if a.Status == statusOpen && done || a.Status == statusCompleted && !done {
			continue
		}
		o.Tasks = append(o.Tasks, t.shape(o.zone, names[t.PlanID], a))
	}
	return nil
}

// shape words Planner's numbers
// (https://learn.microsoft.com/graph/api/resources/plannertask: 1 urgent, 3 important, 5 medium, 9 low).
func (t plannerTask) shape(zone timezone.Zone, plan string, a listArgs) task {
	out := task{Title: content.Line(t.Title, maxTitle), List: plan, Source: sourcePlanner, ref: ref{task: t.ID}, due: "9999"}
	if !t.Due.IsZero() {
		out.Due = t.Due.UTC().Format(time.DateOnly)
		out.due = out.Due
	}
	switch {
	case t.Percent == 100:
		out.Status = "completed"
	case t.Percent > 0:
		out.Status = "inProgress"
	}
	switch {
	case t.Priority <= 1:
		out.Importance = "urgent"
	case t.Priority <= 4:
		out.Importance = "high"
	case t.Priority >= 8:
		out.Importance = "low"
	}
	if slices.Contains(a.Fields, "created") && !t.Created.IsZero() {
		out.Created = t.Created.In(zone.Location()).Format(time.DateOnly)
	}
	return out
}

func (o *listOut) text() string {
	if len(o.Tasks) == 0 && len(o.Lists) == 0 {
		return "No tasks."
	}
	var b strings.Builder
	for _, t := range o.Tasks {
		fmt.Fprintf(&b, "- %s [%s]", t.Title, t.ID)
		for _, s := range []string{due(t.Due), t.Status, t.Importance, t.List} {
			if s != "" {
				fmt.Fprintf(&b, ", %s", s)
			}
		}
		b.WriteByte('\n')
		if t.Notes != "" {
			fmt.Fprintf(&b, "  %s\n", t.Notes)
		}
		for _, item := range t.Checklist {
			fmt.Fprintf(&b, "  %s\n", item)
		}
	}
	for _, l := range o.Lists {
		fmt.Fprintf(&b, "List %s [%s], %s\n", l.Name, l.ID, l.Source)
	}
	return b.String()
}

func due(day string) string {
	if day == "" {
		return ""
	}
	return "due " + day
}
