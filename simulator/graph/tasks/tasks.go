// Package tasks is the tasks of the simulated Graph: the lists of Microsoft To
// Do, which live in the mailbox of a person, and, by package planner below it,
// the plans of Planner, which belong to a group.
package tasks

import (
	"net/http"
	"sync/atomic"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/tasks/planner"
)

// Workload implements [service.Workload].
type Workload struct {
	lists   []*todoList
	gone    []removal
	plans   *planner.Plans
	changes int // counts every change of To Do
	made    int // ids
	epoch   atomic.Int64
}

// New returns the tasks of a tenant; the data is copied.
func New(tenant *dataset.Tenant, data *dataset.Tasks) *Workload {
	w := &Workload{plans: planner.New(tenant, data.Plans)}
	for _, l := range data.Lists {
		w.lists = append(w.lists, w.newList(l))
	}
	return w
}

// ExpireDeltas makes the service forget where clients stood: each delta link
// that it has given out answers 410 from now on.
func (w *Workload) ExpireDeltas() { w.epoch.Add(1) }

// call is a request for a task or for what holds it.
type call struct {
	*service.Call
	*Workload

	list *todoList // of To Do
	task *todoTask
}

type handler func(*call) (*service.Answer, error)

// The delegated scopes that suffice, from microsoft-graph-devx-content,
// permissions/new/permissions.json of August 2026. There Tasks.Read is enough
// to delete a To Do list.
var (
	scopesRead  = []string{"Tasks.Read", "Tasks.ReadWrite"}
	scopesWrite = []string{"Tasks.ReadWrite"}
)

var (
	optionsList   = []string{"$top", "$skip", "$skiptoken", "$select", "$filter", "$orderby", "$count", "$expand"}
	optionsDelta  = []string{"$top", "$select", "$skiptoken", "$deltatoken"}
	optionsEntity = []string{"$select", "$expand"}
)

var pagesTodo = query.Pages{Standard: 20, Most: 1000}

// todo is a row of the table: something in the To Do of the caller's mailbox.
func (w *Workload) todo(method, template string, scopes, options []string, handle handler) service.Operation {
	return service.Operation{
		Method: method, Template: "/me/todo/lists" + template, Mailbox: true, Scopes: scopes, Options: options, Pages: pagesTodo,
		Handle: func(in *service.Call) (*service.Answer, error) {
			c := &call{Call: in, Workload: w}
			if err := c.reachTodo(); err != nil {
				return nil, err
			}
			return handle(c)
		},
	}
}

// Operations implements [service.Workload].
func (w *Workload) Operations() []service.Operation {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	const list, task = "/{todoTaskList-id}", "/{todoTaskList-id}/tasks/{todoTask-id}"
	const step = task + "/checklistItems/{checklistItem-id}"
	todo := []service.Operation{
		w.todo(get, "", scopesRead, optionsList, (*call).listLists),
		w.todo(post, "", scopesWrite, nil, (*call).createList),
		w.todo(get, "/delta()", scopesWrite, optionsDelta, (*call).listDelta),
		w.todo(get, list, scopesRead, optionsEntity, (*call).getList),
		w.todo(patch, list, scopesWrite, nil, (*call).updateList),
		w.todo(del, list, scopesRead, nil, (*call).deleteList),
		w.todo(get, list+"/tasks", scopesRead, optionsList, (*call).listTasks),
		w.todo(post, list+"/tasks", scopesWrite, nil, (*call).createTask),
		w.todo(get, list+"/tasks/delta()", scopesRead, optionsDelta, (*call).taskDelta),
		w.todo(get, task, scopesRead, optionsEntity, (*call).getTask),
		w.todo(patch, task, scopesWrite, nil, (*call).updateTask),
		w.todo(del, task, scopesWrite, nil, (*call).deleteTask),
		w.todo(get, task+"/checklistItems", scopesRead, optionsList, (*call).listSteps),
		w.todo(post, task+"/checklistItems", scopesWrite, nil, (*call).createStep),
		w.todo(get, step, scopesRead, optionsEntity, (*call).getStep),
		w.todo(patch, step, scopesWrite, nil, (*call).updateStep),
		w.todo(del, step, scopesWrite, nil, (*call).deleteStep),
		w.todo(get, task+"/linkedResources", scopesRead, optionsList, (*call).listLinks),
		w.todo(post, task+"/linkedResources", scopesWrite, nil, (*call).createLink),
	}
	return append(todo, w.plans.Operations()...)
}

func pick(all map[string]any, names []string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			out[name] = value
		}
	}
	if etag, ok := all["@odata.etag"]; ok {
		out["@odata.etag"] = etag
	}
	return out
}

func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}
