// Package planner is Planner of the simulated Graph: plans, which belong to a
// group, with their buckets and tasks. Whoever is in the group may change them,
// and only under the etag that they have now (Graph, Planner resource versioning).
package planner

import (
	"net/http"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
)

// Plans implements [service.Workload].
type Plans struct {
	tenant  *dataset.Tenant
	plans   []*plan
	made    int // ids
	version int // etags
}

// New returns the plans of a tenant; the data is copied.
func New(tenant *dataset.Tenant, data []dataset.Plan) *Plans {
	w := &Plans{tenant: tenant}
	for _, p := range data {
		w.plans = append(w.plans, w.newPlan(p))
	}
	return w
}

type call struct {
	*service.Call
	*Plans
}

// The delegated scopes that suffice, from Microsoft's permissions.json of August 2026.
var (
	scopesRead  = []string{"Tasks.Read", "Tasks.ReadWrite", "Group.Read.All", "Group.ReadWrite.All"}
	scopesWrite = []string{"Tasks.ReadWrite", "Group.ReadWrite.All"}
)

// Operations implements [service.Workload].
func (w *Plans) Operations() []service.Operation {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	const aPlan, aBucket, aTask = "/planner/plans/{plannerPlan-id}", "/planner/buckets/{plannerBucket-id}", "/planner/tasks/{plannerTask-id}"
	list, entity := []string{"$select", "$top", "$skiptoken", "$expand", "$count"}, []string{"$select", "$expand"}
	operation := func(method, template string, options []string, handle func(*call) (*service.Answer, error)) service.Operation {
		scopes := scopesWrite
		if method == get {
			scopes = scopesRead
		}
		return service.Operation{
			Method: method, Template: template, Scopes: scopes, Options: options, Pages: query.Pages{Standard: 400, Most: 400},
			Handle: func(in *service.Call) (*service.Answer, error) { return handle(&call{Call: in, Plans: w}) },
		}
	}
	return []service.Operation{
		operation(get, "/me/planner/tasks", list, (*call).listMyTasks),
		operation(get, "/me/planner/plans", list, (*call).listMyPlans),
		operation(get, "/groups/{group-id}/planner/plans", list, (*call).listGroupPlans),
		operation(get, aPlan, entity, (*call).getPlan),
		operation(get, aPlan+"/details", entity, (*call).getPlanDetails),
		operation(get, aPlan+"/buckets", list, (*call).listBuckets),
		operation(get, aPlan+"/tasks", list, (*call).listPlanTasks),
		operation(get, aBucket, entity, (*call).getBucket),
		operation(get, aBucket+"/tasks", list, (*call).listBucketTasks),
		operation(post, "/planner/buckets", nil, (*call).createBucket),
		operation(patch, aBucket, nil, (*call).updateBucket),
		operation(del, aBucket, nil, (*call).deleteBucket),
		operation(post, "/planner/tasks", nil, (*call).createPlanTask),
		operation(get, aTask, entity, (*call).getPlanTask),
		operation(patch, aTask, nil, (*call).updatePlanTask),
		operation(del, aTask, nil, (*call).deletePlanTask),
		operation(get, aTask+"/details", entity, (*call).getDetails),
		operation(patch, aTask+"/details", nil, (*call).updateDetails),
	}
}

// instant is how Planner writes times; optional those that may lack.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.9999999Z") }

func optional(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return instant(t)
}

func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// pick takes the properties that were asked for; the etag is always there.
func pick(all map[string]any, names []string) map[string]any {
	out := map[string]any{"@odata.etag": all["@odata.etag"]}
	for _, name := range names {
		if value, ok := all[name]; ok {
			out[name] = value
		}
	}
	return out
}
