package tasks

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// todoList is a list of To Do with its tasks.
type todoList struct {
	dataset.TodoList

	tasks  []*todoTask
	change int
}

// removal is a list or task that is no more, for delta.
type removal struct {
	change   int
	owner    string // person
	list, id string // list is empty: it was a list
}

func (w *Workload) next() int {
	w.changes++
	return w.changes
}

func (w *Workload) newList(l dataset.TodoList) *todoList {
	own := &todoList{TodoList: l, change: w.next()}
	for _, t := range l.Tasks {
		own.tasks = append(own.tasks, w.newTask(t))
	}
	return own
}

// newID is the id of something that a client made.
func (w *Workload) newID(like string, kind string) string {
	w.made++
	tail := base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%-9s%06d", kind, w.made))
	return like[:len(like)-len(tail)] + tail
}

func etag(change int) string {
	return `W/"` + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "todo%012d", change)) + `"`
}

// checkETag honours If-Match (RFC 9110 section 13.1.1), which To Do does not demand.
func (c *call) checkETag(change int) error {
	if want := c.Request.Header.Get("If-Match"); want != "" && want != "*" && want != etag(change) {
		return &apierror.Error{Status: http.StatusPreconditionFailed, Code: "ErrorIrresolvableConflict", Message: "The change key passed in the request does not match the current change key for the item."}
	}
	return nil
}

// reachTodo finds the list and the task of the path among the caller's own.
func (c *call) reachTodo() error {
	id, ok := c.Params["todoTaskList-id"]
	if !ok {
		return nil
	}
	// "tasks" names the default list, as an id would
	i := slices.IndexFunc(c.lists, func(l *todoList) bool {
		return l.OwnerID == c.Owner.ID && (l.ID == id || id == "tasks" && l.WellKnown == "defaultList")
	})
	if i < 0 {
		if len(id) < 40 {
			return apierror.BadRequest("invalidRequest", "Invalid request: the id '%s' is malformed.", id)
		}
		return apierror.ItemNotFound()
	}
	c.list = c.lists[i]
	if id, ok = c.Params["todoTask-id"]; !ok {
		return nil
	}
	i = slices.IndexFunc(c.list.tasks, func(t *todoTask) bool { return t.ID == id })
	if i < 0 {
		return apierror.ItemNotFound()
	}
	c.task = c.list.tasks[i]
	return nil
}

var (
	listProperties = []string{"id", "displayName", "isOwner", "isShared", "wellknownListName"}
	listKinds      = map[string]odata.Kind{"id": odata.ID, "displayName": odata.String, "wellknownListName": odata.Enum, "isOwner": odata.Bool, "isShared": odata.Bool}
)

func (l *todoList) json(names []string) map[string]any {
	return pick(map[string]any{
		"@odata.etag": etag(l.change), "id": l.ID, "displayName": l.Name, "isOwner": true, "isShared": false, "wellknownListName": l.WellKnown,
	}, names)
}

func (l *todoList) values(path string) any {
	return map[string]any{"id": l.ID, "displayName": l.Name, "wellknownListName": l.WellKnown, "isOwner": true, "isShared": false}[path]
}

func (c *call) own() []*todoList {
	var out []*todoList
	for _, l := range c.lists {
		if l.OwnerID == c.Owner.ID {
			out = append(out, l)
		}
	}
	return out
}

func (c *call) listLists() (*service.Answer, error) {
	found, names, err := choose(c, c.own(), "todoTaskList", listProperties, listKinds, (*todoList).values)
	if err != nil {
		return nil, err
	}
	return c.Page(c.OwnerContext("/todo/lists"), len(found), func(i int) any { return found[i].json(names) }), nil
}

// choose applies $filter, $orderby and $select to a list of To Do.
func choose[T any](c *call, all []T, typeName string, properties []string, kinds map[string]odata.Kind, values func(T, string) any) ([]T, []string, error) {
	names, err := c.Options.Selected(typeName, properties)
	if err != nil {
		return nil, nil, err
	}
	if c.Options.Has("$expand") && typeName != "todoTask" {
		return nil, nil, apierror.BadRequest("BadRequest", "$expand of %s is not simulated.", typeName)
	}
	filter, err := c.Options.Filter(typeName, kinds)
	if err != nil {
		return nil, nil, err
	}
	keys, err := c.Options.OrderBy(typeName, kinds)
	if err != nil {
		return nil, nil, err
	}
	var found []T
	for _, item := range all {
		if filter == nil || filter.Match(func(path string) any { return values(item, path) }) {
			found = append(found, item)
		}
	}
	slices.SortStableFunc(found, func(a, b T) int {
		return query.Compare(keys, func(path string) any { return values(a, path) }, func(path string) any { return values(b, path) })
	})
	return found, names, nil
}

func (c *call) answerList(status int, l *todoList, names []string) *service.Answer {
	value := l.json(names)
	value["@odata.context"] = c.OwnerContext("/todo/lists/$entity")
	return &service.Answer{Status: status, Value: value}
}

func (c *call) getList() (*service.Answer, error) {
	names, err := c.Options.Selected("todoTaskList", listProperties)
	if err != nil {
		return nil, err
	}
	return c.answerList(http.StatusOK, c.list, names), nil
}

// readName reads a todoTaskList, of which only the name is the client's.
func (c *call) readName() (string, error) {
	o, err := wire.ReadObject(c.Body, "todoTaskList", listProperties...)
	if err != nil {
		return "", err
	}
	var name string
	if err := wire.Read(o, "displayName", &name); err != nil {
		return "", err
	}
	if name == "" {
		return "", apierror.BadRequest("invalidRequest", "Invalid request: displayName is required.")
	}
	for n := 1; slices.ContainsFunc(c.own(), func(l *todoList) bool { return l.Name == name && l != c.list }); n++ {
		name = fmt.Sprintf("%s (%s)", name, strconv.Itoa(n)) // two lists of one name are not refused
	}
	return name, nil
}

func (c *call) createList() (*service.Answer, error) {
	name, err := c.readName()
	if err != nil {
		return nil, err
	}
	l := &todoList{TodoList: dataset.TodoList{OwnerID: c.Owner.ID, Name: name, WellKnown: "none"}, change: c.next()}
	l.ID = c.newID(c.own()[0].ID, "list")
	c.lists = append(c.lists, l)
	return c.answerList(http.StatusCreated, l, listProperties), nil
}

// builtIn refuses changes to the lists that everybody has.
func (c *call) builtIn() error {
	if c.list.WellKnown != "none" {
		return apierror.BadRequest("invalidRequest", "Invalid request: the list '%s' cannot be renamed or deleted.", c.list.Name)
	}
	return c.checkETag(c.list.change)
}

func (c *call) updateList() (*service.Answer, error) {
	if err := c.builtIn(); err != nil {
		return nil, err
	}
	name, err := c.readName()
	if err != nil {
		return nil, err
	}
	c.list.Name, c.list.change = name, c.next()
	return c.answerList(http.StatusOK, c.list, listProperties), nil
}

func (c *call) deleteList() (*service.Answer, error) {
	if err := c.builtIn(); err != nil {
		return nil, err
	}
	c.lists = slices.DeleteFunc(c.lists, func(l *todoList) bool { return l == c.list })
	c.gone = append(c.gone, removal{change: c.next(), owner: c.Owner.ID, id: c.list.ID})
	return &service.Answer{Status: http.StatusNoContent}, nil
}

// changed is an item of a delta answer.
type changed struct {
	number int
	value  map[string]any
}

func (c *call) listDelta() (*service.Answer, error) {
	names, err := c.Options.Selected("todoTaskList", listProperties)
	if err != nil {
		return nil, err
	}
	var all []changed
	for _, l := range c.own() {
		all = append(all, changed{l.change, l.json(names)})
	}
	return c.delta(c.OwnerContext("/todo/lists"), "", all)
}

func (c *call) taskDelta() (*service.Answer, error) {
	names, err := c.Options.Selected("todoTask", taskProperties, taskParts)
	if err != nil {
		return nil, err
	}
	var all []changed
	for _, t := range c.list.tasks {
		all = append(all, changed{t.change, c.taskJSON(t, names)})
	}
	return c.delta(c.OwnerContext("/todo/lists('"+c.list.ID+"')/tasks"), c.list.ID, all)
}

// delta pages what changed since the state in the token.
func (c *call) delta(context, list string, all []changed) (*service.Answer, error) {
	state, goesOn := c.Options.Delta()
	epoch := int(c.epoch.Load())
	if !goesOn {
		state = query.Delta{Known: c.changes, Epoch: epoch}
	} else if err := state.Expired(epoch, c.Now); err != nil {
		return nil, err
	}
	for _, g := range c.gone { // who starts now never knew of what was gone by then
		if g.owner == c.Owner.ID && g.list == list && g.change > state.Known {
			all = append(all, changed{g.change, map[string]any{"id": g.id, "@removed": map[string]string{"reason": "deleted"}}})
		}
	}
	all = slices.DeleteFunc(all, func(x changed) bool { return x.number <= state.After })
	slices.SortFunc(all, func(a, b changed) int { return cmp.Compare(a.number, b.number) })
	page := all[:min(c.Options.Top(), len(all))]
	items := make([]any, 0, len(page))
	for _, x := range page {
		items = append(items, x.value)
	}
	value := map[string]any{"@odata.context": context, "value": items}
	link, option := "@odata.deltaLink", "$deltatoken"
	state.Issued = c.Now
	if len(page) < len(all) {
		link, option, state.After = "@odata.nextLink", "$skiptoken", page[len(page)-1].number
	} else {
		state.After, state.Known = c.changes, 0
	}
	value[link] = c.BaseURL + c.Request.URL.EscapedPath() + "?" + c.Options.DeltaQuery(option, state)
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}
