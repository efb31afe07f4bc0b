package tasks_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"m365mcp/internal/graphdata"
	"m365mcp/internal/testenv"
	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/service/servicetest"
	"m365mcp/simulator/graph/tasks"
)

const everything = "Tasks.ReadWrite"

func start() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }

// rig is running tasks with their data. Every answer is held against
// Microsoft's description.
type rig struct {
	*servicetest.Rig

	tenant   *dataset.Tenant
	data     *dataset.Tasks
	workload *tasks.Workload
	now      time.Time
}

func microsoft(t *testing.T) *graphdata.Data {
	t.Helper()
	data, err := graphdata.Load(testenv.GraphData(t))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func newRig(t *testing.T) *rig {
	t.Helper()
	micro := microsoft(t)
	r := &rig{now: start()}
	r.tenant = dataset.Load(r.now)
	r.data = dataset.LoadTasks(r.tenant, r.now)
	r.workload = tasks.New(r.tenant, r.data)
	r.Rig = servicetest.Start(t, servicetest.Options{
		Tenant: r.tenant, Now: func() time.Time { return r.now }, Workloads: []service.Workload{r.workload}, Check: micro.CheckResponse,
	})
	return r
}

// as is a token of somebody.
func (r *rig) as(name, scopes string) string {
	p, _ := r.tenant.PersonByUPN(name + "@" + r.tenant.Domain)
	return p.ID + " " + scopes
}

func (r *rig) id(name string) string {
	id, _, _ := strings.Cut(r.as(name, ""), " ")
	return id
}

// list is the path of a To Do list of Ada's.
func (r *rig) list(t *testing.T, name string) string {
	t.Helper()
	i := slices.IndexFunc(r.data.Lists, func(l dataset.TodoList) bool { return l.Name == name && l.OwnerID == r.id("ada") })
	if i < 0 {
		t.Fatalf("no list %q", name)
	}
	return "/me/todo/lists/" + r.data.Lists[i].ID
}

// plannerTask finds a task of the plan by its title.
func (r *rig) plannerTask(t *testing.T, title string) string {
	t.Helper()
	i := slices.IndexFunc(r.data.Plans[0].Tasks, func(x dataset.PlanTask) bool { return x.Title == title })
	if i < 0 {
		t.Fatalf("no task %q", title)
	}
	return "/planner/tasks/" + r.data.Plans[0].Tasks[i].ID
}
