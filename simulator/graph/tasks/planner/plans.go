package planner

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

type plan struct {
	dataset.Plan

	buckets []*bucket
	tasks   []*planTask
	version int
}

type bucket struct {
	dataset.Bucket

	plan    *plan
	hint    string // orderHint
	version int
}

func (w *Plans) nextVersion() int {
	w.version++
	return w.version
}

// newPlan spreads the order hints, so that items can be put between.
func (w *Plans) newPlan(p dataset.Plan) *plan {
	own := &plan{Plan: p, version: w.nextVersion()}
	for i, b := range p.Buckets {
		own.buckets = append(own.buckets, &bucket{Bucket: b, plan: own, hint: fmt.Sprintf("85%02d", 10*(i+1)), version: w.nextVersion()})
	}
	for i, t := range p.Tasks {
		own.tasks = append(own.tasks, w.newPlanTask(own, t, fmt.Sprintf("85%04d", 100*(i+1))))
	}
	return own
}

// plannerETag grows in ordinal comparison, as Planner's do (Graph, Planner
// resource versioning).
func plannerETag(kind string, version int) string {
	digits := strings.Map(func(r rune) rune {
		if r <= '9' {
			return '@' + r - '0'
		}
		return 'A' + 9 + r - 'a'
	}, fmt.Sprintf("%016x", version))
	return `W/"` + base64.StdEncoding.EncodeToString([]byte("1-"+kind+"  "+digits+"'")) + `"`
}

// precondition demands If-Match with the etag that the resource has now.
func (c *call) precondition(etag string) error {
	want := c.Request.Header.Get("If-Match")
	switch {
	case want == "":
		return apierror.BadRequest("", "The If-Match header must be specified for this type of request.")
	case want != etag && !strings.EqualFold(want, etag):
		return &apierror.Error{Status: http.StatusPreconditionFailed, Code: "", Message: "The If-Match header contains an invalid value."}
	}
	return nil
}

// answerUpdate is 204, or the resource for who prefers it.
func (c *call) answerUpdate(value map[string]any) *service.Answer {
	if !strings.Contains(strings.Join(c.Request.Header.Values("Prefer"), ","), "return=representation") {
		return &service.Answer{Status: http.StatusNoContent}
	}
	return &service.Answer{Status: http.StatusOK, Value: value, Header: map[string]string{"Preference-Applied": "return=representation"}}
}

func plannerNotFound() *apierror.Error {
	return &apierror.Error{Status: http.StatusNotFound, Code: "", Message: "The requested item is not found."}
}

// reachPlan finds a plan for somebody of its group.
func (c *call) reachPlan(id string) (*plan, error) {
	i := slices.IndexFunc(c.plans, func(p *plan) bool { return p.ID == id })
	if i < 0 {
		return nil, plannerNotFound()
	}
	return c.plans[i], c.mayOpen(c.plans[i])
}

func (c *call) mayOpen(p *plan) error {
	if !slices.Contains(p.Members, c.Me.ID) {
		return &apierror.Error{Status: http.StatusForbidden, Code: "", Message: "You do not have the required permissions to access this item."}
	}
	return nil
}

func (c *call) reachBucket(id string) (*bucket, error) {
	for _, p := range c.plans {
		if i := slices.IndexFunc(p.buckets, func(b *bucket) bool { return b.ID == id }); i >= 0 {
			return p.buckets[i], c.mayOpen(p)
		}
	}
	return nil, plannerNotFound()
}

func identity(person string) map[string]any {
	return map[string]any{"user": map[string]any{"displayName": nil, "id": person}, "application": map[string]any{"displayName": nil, "id": "09abbdfd-ed23-44ee-a2d9-a627aa1c90f3"}}
}

func (p *plan) etag() string { return plannerETag("Plan", p.version) }

var planProperties = []string{"id", "title", "owner", "createdBy", "createdDateTime", "container"}

func (c *call) planJSON(p *plan, names []string) map[string]any {
	return pick(map[string]any{
		"@odata.etag": p.etag(), "id": p.ID, "title": p.Title, "owner": p.GroupID, "createdBy": identity(p.CreatedBy), "createdDateTime": instant(p.Created),
		"container": map[string]any{"containerId": p.GroupID, "type": "group", "url": c.BaseURL + "/v1.0/groups/" + p.GroupID},
	}, names)
}

// plannerPage counts its items, as Planner does. Of $expand it takes what is named.
func (c *call) plannerPage(path string, n int, item func(i int) any) *service.Answer {
	answer := c.Page(c.Context(path), n, item)
	answer.Value["@odata.count"] = n
	return answer
}

func (c *call) noExpand(typeName string) error {
	if c.Options.Has("$expand") {
		return apierror.BadRequest("", "The query specified in the URI is not valid: $expand of %s is not simulated.", typeName)
	}
	return nil
}

func (c *call) listMyPlans() (*service.Answer, error) {
	return c.listPlans("users('"+c.Me.ID+"')/planner/plans", func(p *plan) bool { return slices.Contains(p.Members, c.Me.ID) })
}

func (c *call) listGroupPlans() (*service.Answer, error) {
	id := c.Params["group-id"]
	return c.listPlans("groups('"+id+"')/planner/plans", func(p *plan) bool { return strings.EqualFold(p.GroupID, id) })
}

func (c *call) listPlans(path string, shown func(*plan) bool) (*service.Answer, error) {
	names, err := c.Options.Selected("plannerPlan", planProperties)
	if err != nil {
		return nil, err
	}
	if err := c.noExpand("plannerPlan"); err != nil {
		return nil, err
	}
	var found []*plan
	for _, p := range c.plans {
		if !shown(p) {
			continue
		}
		if err := c.mayOpen(p); err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	return c.plannerPage(path, len(found), func(i int) any { return c.planJSON(found[i], names) }), nil
}

func (c *call) getPlan() (*service.Answer, error) {
	p, err := c.reachPlan(c.Params["plannerPlan-id"])
	if err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("plannerPlan", planProperties)
	if err != nil {
		return nil, err
	}
	value := c.planJSON(p, names)
	for _, name := range c.Options.List("$expand") {
		if name != "details" {
			return nil, c.noExpand("plannerPlan")
		}
		value["details"] = p.detailsJSON()
	}
	value["@odata.context"] = c.Context("planner/plans/$entity")
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

func (p *plan) detailsJSON() map[string]any {
	categories := map[string]any{}
	for n := 1; n <= 25; n++ {
		categories[fmt.Sprintf("category%d", n)] = nil
		if n <= len(p.Categories) {
			categories[fmt.Sprintf("category%d", n)] = p.Categories[n-1]
		}
	}
	shared := map[string]any{}
	for _, id := range p.Members {
		shared[id] = true
	}
	return map[string]any{"@odata.etag": plannerETag("PlanDetails", p.version), "id": p.ID, "sharedWith": shared, "categoryDescriptions": categories}
}

func (c *call) getPlanDetails() (*service.Answer, error) {
	p, err := c.reachPlan(c.Params["plannerPlan-id"])
	if err != nil {
		return nil, err
	}
	value := p.detailsJSON()
	value["@odata.context"] = c.Context("planner/plans('" + p.ID + "')/details/$entity")
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

func (b *bucket) etag() string { return plannerETag("Bucket", b.version) }

var bucketProperties = []string{"id", "name", "planId", "orderHint"}

func (b *bucket) json() map[string]any {
	return map[string]any{"@odata.etag": b.etag(), "id": b.ID, "name": b.Name, "planId": b.plan.ID, "orderHint": b.hint}
}

func (c *call) answerBucket(status int, b *bucket) *service.Answer {
	value := b.json()
	value["@odata.context"] = c.Context("planner/buckets/$entity")
	return &service.Answer{Status: status, Value: value}
}

func (c *call) listBuckets() (*service.Answer, error) {
	p, err := c.reachPlan(c.Params["plannerPlan-id"])
	if err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("plannerBucket", bucketProperties)
	if err != nil {
		return nil, err
	}
	if err := c.noExpand("plannerBucket"); err != nil {
		return nil, err
	}
	return c.plannerPage("planner/plans('"+p.ID+"')/buckets", len(p.buckets), func(i int) any { return pick(p.buckets[i].json(), names) }), nil
}

func (c *call) getBucket() (*service.Answer, error) {
	b, err := c.reachBucket(c.Params["plannerBucket-id"])
	if err != nil {
		return nil, err
	}
	return c.answerBucket(http.StatusOK, b), nil
}

// readBucket takes name and order into a bucket; the plan is fixed at its creation.
func (c *call) readBucket(b *bucket) error {
	o, err := wire.ReadObject(c.Body, "plannerBucket", bucketProperties...)
	if err != nil {
		return err
	}
	id, hint := "", ""
	for name, into := range map[string]*string{"name": &b.Name, "planId": &id, "orderHint": &hint} {
		if err := wire.Read(o, name, into); err != nil {
			return err
		}
	}
	if b.plan == nil {
		if id == "" {
			return apierror.BadRequest("", "The request is invalid: planId is required.")
		}
		if b.plan, err = c.reachPlan(id); err != nil {
			return err
		}
	} else if id != "" && id != b.plan.ID {
		return apierror.BadRequest("", "The request is invalid: a bucket stays in its plan.")
	}
	if b.Name == "" {
		return apierror.BadRequest("", "The request is invalid: name is required.")
	}
	return setHint(hint, &b.hint)
}

func (c *call) createBucket() (*service.Answer, error) {
	b := &bucket{hint: "8500"}
	if err := c.readBucket(b); err != nil {
		return nil, err
	}
	b.ID, b.version = c.plannerID(), c.nextVersion()
	b.plan.buckets = append(b.plan.buckets, b)
	return c.answerBucket(http.StatusCreated, b), nil
}

// plannerID is 28 characters of base64url.
func (w *Plans) plannerID() string {
	w.made++
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "made by client%07d", w.made))
}

func (c *call) updateBucket() (*service.Answer, error) {
	b, err := c.reachBucket(c.Params["plannerBucket-id"])
	if err != nil {
		return nil, err
	}
	if err := c.precondition(b.etag()); err != nil {
		return nil, err
	}
	next := *b
	if err := c.readBucket(&next); err != nil {
		return nil, err
	}
	*b = next
	b.version = c.nextVersion()
	return c.answerUpdate(b.json()), nil
}

// deleteBucket takes its tasks with it.
func (c *call) deleteBucket() (*service.Answer, error) {
	b, err := c.reachBucket(c.Params["plannerBucket-id"])
	if err != nil {
		return nil, err
	}
	if err := c.precondition(b.etag()); err != nil {
		return nil, err
	}
	b.plan.buckets = slices.DeleteFunc(b.plan.buckets, func(x *bucket) bool { return x == b })
	b.plan.tasks = slices.DeleteFunc(b.plan.tasks, func(t *planTask) bool { return t.BucketID == b.ID })
	return &service.Answer{Status: http.StatusNoContent}, nil
}
