package tasks

import (
	"context"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

// maxItems bounds what one call adds to a checklist or changes in it.
const maxItems = 20

// checklistItem is Graph's resource of that name, an item of a To Do task. Planner's
// checklists are another resource.
type checklistItem struct {
	ID    string `json:"id,omitempty"`
	Title string `json:"displayName"`
	Done  bool   `json:"isChecked"`
}

// line is the item as lists of tasks are written: [x] done, [ ] open.
func (i checklistItem) line() string {
	mark := "[ ] "
	if i.Done {
		mark = "[x] "
	}
	return mark + content.Line(i.Title, maxTitle)
}

// newItems are the items of a new checklist.
func newItems(field string, titles []string) ([]checklistItem, error) {
	items := make([]checklistItem, len(titles))
	for i, t := range titles {
		if strings.TrimSpace(t) == "" {
			return nil, tool.Invalid(field, "has an item without a title")
		}
		items[i].Title = t
	}
	return items, nil
}

const (
	itemsPath = "/me/todo/lists/{list}/tasks/{task}/checklistItems"
	itemPath  = itemsPath + "/{item}"
)

// checklistArgs are those of updateTask that are about the checklist. A model names
// items by what stands in them, as listTasks shows it.
type checklistArgs struct {
	Add    []string `json:"addToChecklist"`
	Tick   []string `json:"tick"`
	Untick []string `json:"untick"`
	Remove []string `json:"removeFromChecklist"`
}

func (a checklistArgs) empty() bool {
	return len(a.Add)+len(a.Tick)+len(a.Untick)+len(a.Remove) == 0
}

// labels say what the requests of the plan do, in their order.
func (a checklistArgs) labels() []string {
	var out []string
	for _, l := range []struct {
		do     string
		titles []string
	}{{"add ", a.Add}, {"tick ", a.Tick}, {"untick ", a.Untick}, {"remove ", a.Remove}} {
		for _, t := range l.titles {
			out = append(out, l.do+content.Line(t, maxTitle))
		}
	}
	return out
}

// requests are one for each item: to change two of a task at once makes Microsoft
// refuse one of them.
func (a checklistArgs) requests(ctx context.Context, c tool.Call, at ref) ([]graph.Request, error) {
	path, err := graph.To(itemsPath, at.list, at.task)
	if err != nil {
		return nil, err
	}
	added, err := newItems("addToChecklist", a.Add)
	if err != nil {
		return nil, err
	}
	var out []graph.Request
	for _, item := range added {
		request, err := graph.PostJSON(path, item)
		if err != nil {
			return nil, err
		}
		out = append(out, request)
	}
	if len(a.Tick)+len(a.Untick)+len(a.Remove) == 0 {
		return out, nil
	}
	known, _, err := graph.List[checklistItem](ctx, c.Graph, graph.Request{Method: graph.Get, Path: path}, 0)
	if err != nil {
		return nil, err
	}
	for _, change := range []struct {
		field  string
		titles []string
		make   func(graph.Path) (graph.Request, error)
	}{
		{"tick", a.Tick, checked(true)},
		{"untick", a.Untick, checked(false)},
		{"removeFromChecklist", a.Remove, func(p graph.Path) (graph.Request, error) { return graph.Request{Method: graph.Delete, Path: p}, nil }},
	} {
		for _, title := range change.titles {
			item, err := itemOf(known, change.field, title)
			if err != nil {
				return nil, err
			}
			path, err := graph.To(itemPath, at.list, at.task, item.ID)
			if err != nil {
				return nil, err
			}
			request, err := change.make(path)
			if err != nil {
				return nil, err
			}
			out = append(out, request)
		}
	}
	return out, nil
}

func checked(done bool) func(graph.Path) (graph.Request, error) {
	return func(p graph.Path) (graph.Request, error) {
		return graph.PatchJSON(p, map[string]bool{"isChecked": done})
	}
}

// itemOf finds the item that the argument field names.
func itemOf(known []checklistItem, field, title string) (checklistItem, error) {
	title = strings.TrimSpace(title)
	for _, mark := range []string{"[ ]", "[x]"} { // as listTasks writes them
		title = strings.TrimSpace(strings.TrimPrefix(title, mark))
	}
	same := func(i checklistItem) bool {
		return strings.EqualFold(strings.TrimSpace(i.Title), title) || strings.EqualFold(content.Line(i.Title, maxTitle), title)
	}
	// Of two of one name the one that is still to be changed.
	i := slices.IndexFunc(known, func(i checklistItem) bool { return same(i) && i.Done == (field == "untick") })
	if i < 0 {
		i = slices.IndexFunc(known, same)
	}
	if i >= 0 {
		return known[i], nil
	}
	var there []string
	for _, k := range known {
		there = append(there, content.Line(k.Title, 60))
	}
	return checklistItem{}, tool.Invalid(field, "names no item of the checklist; there are: "+strings.Join(there, "; "))
}
