package planner

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

type planTask struct {
	dataset.PlanTask

	plan        *plan
	hint        string
	assignments map[string]assignment // by person
	categories  map[string]bool
	completedBy string
	preview     string
	details     details
	version     int
}

type assignment struct {
	by   string
	at   time.Time
	hint string
}

func (w *Plans) newPlanTask(p *plan, t dataset.PlanTask, hint string) *planTask {
	own := &planTask{PlanTask: t, plan: p, hint: hint, assignments: map[string]assignment{}, categories: map[string]bool{}, preview: "automatic", version: w.nextVersion()}
	for _, id := range t.Assignees {
		own.assignments[id] = assignment{by: t.CreatedBy, at: t.Created, hint: "85P"}
	}
	for _, n := range t.Categories {
		own.categories[fmt.Sprintf("category%d", n)] = true
	}
	if t.Percent == 100 && len(t.Assignees) > 0 {
		own.completedBy = t.Assignees[0]
	}
	own.details = details{description: t.Description, checklist: map[string]checkItem{}, references: map[string]reference{}, preview: "automatic", version: w.nextVersion()}
	for i, s := range t.Checklist {
		own.details.checklist[s.ID] = checkItem{title: s.Title, done: s.Done, hint: fmt.Sprintf("85%02d", 90-i), by: t.CreatedBy, at: t.Created}
	}
	return own
}

var planTaskProperties = []string{
	"id", "planId", "bucketId", "title", "orderHint", "assigneePriority", "percentComplete", "startDateTime", "createdDateTime", "dueDateTime", "hasDescription",
	"previewType", "completedDateTime", "completedBy", "referenceCount", "checklistItemCount", "activeChecklistItemCount", "conversationThreadId", "priority",
	"createdBy", "appliedCategories", "assignments",
}

func (t *planTask) etag() string { return plannerETag("Task", t.version) }

func (t *planTask) json() map[string]any {
	assignments := map[string]any{}
	for id, a := range t.assignments {
		assignments[id] = map[string]any{
			"@odata.type": "#microsoft.graph.plannerAssignment", "assignedBy": identity(a.by), "assignedDateTime": instant(a.at), "orderHint": a.hint,
		}
	}
	categories, active := map[string]any{}, 0
	for name := range t.categories {
		categories[name] = true
	}
	for _, item := range t.details.checklist {
		if !item.done {
			active++
		}
	}
	var completedBy any
	if t.completedBy != "" {
		completedBy = identity(t.completedBy)
	}
	return map[string]any{
		"@odata.etag": t.etag(), "id": t.ID, "planId": t.plan.ID, "bucketId": nullable(t.BucketID), "title": t.Title, "orderHint": t.hint, "assigneePriority": "",
		"percentComplete": t.Percent, "priority": t.Priority, "startDateTime": optional(t.Start), "dueDateTime": optional(t.Due), "createdDateTime": instant(t.Created),
		"completedDateTime": optional(t.Completed), "completedBy": completedBy, "createdBy": identity(t.CreatedBy), "hasDescription": t.details.description != "",
		"previewType": t.preview, "referenceCount": len(t.details.references), "checklistItemCount": len(t.details.checklist), "activeChecklistItemCount": active,
		"conversationThreadId": nil, "appliedCategories": categories, "assignments": assignments,
	}
}

// planTask finds the task of the path for somebody of its group.
func (c *call) planTask() (*planTask, error) {
	for _, p := range c.plans {
		if i := slices.IndexFunc(p.tasks, func(t *planTask) bool { return t.ID == c.Params["plannerTask-id"] }); i >= 0 {
			return p.tasks[i], c.mayOpen(p)
		}
	}
	return nil, plannerNotFound()
}

func (c *call) planTaskPage(path string, list []*planTask) (*service.Answer, error) {
	names, err := c.Options.Selected("plannerTask", planTaskProperties)
	if err != nil {
		return nil, err
	}
	withDetails, err := c.wantDetails()
	if err != nil {
		return nil, err
	}
	return c.plannerPage(path, len(list), func(i int) any { return taskWith(list[i], names, withDetails) }), nil
}

func taskWith(t *planTask, names []string, withDetails bool) map[string]any {
	out := pick(t.json(), names)
	if withDetails {
		out["details"] = t.detailsJSON()
	}
	return out
}

func (c *call) wantDetails() (bool, error) {
	for _, name := range c.Options.List("$expand") {
		if name != "details" {
			return false, c.noExpand("plannerTask." + name)
		}
	}
	return c.Options.Has("$expand"), nil
}

func (c *call) listMyTasks() (*service.Answer, error) {
	var mine []*planTask
	for _, p := range c.plans {
		for _, t := range p.tasks {
			if _, ok := t.assignments[c.Me.ID]; ok {
				mine = append(mine, t)
			}
		}
	}
	return c.planTaskPage("users('"+c.Me.ID+"')/planner/tasks", mine)
}

func (c *call) listPlanTasks() (*service.Answer, error) {
	p, err := c.reachPlan(c.Params["plannerPlan-id"])
	if err != nil {
		return nil, err
	}
	return c.planTaskPage("planner/plans('"+p.ID+"')/tasks", p.tasks)
}

func (c *call) listBucketTasks() (*service.Answer, error) {
	b, err := c.reachBucket(c.Params["plannerBucket-id"])
	if err != nil {
		return nil, err
	}
	var in []*planTask
	for _, t := range b.plan.tasks {
		if t.BucketID == b.ID {
			in = append(in, t)
		}
	}
	return c.planTaskPage("planner/buckets('"+b.ID+"')/tasks", in)
}

func (c *call) answerPlanTask(status int, value map[string]any) *service.Answer {
	value["@odata.context"] = c.Context("planner/tasks/$entity")
	return &service.Answer{Status: status, Value: value}
}

func (c *call) getPlanTask() (*service.Answer, error) {
	t, err := c.planTask()
	if err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("plannerTask", planTaskProperties)
	if err != nil {
		return nil, err
	}
	withDetails, err := c.wantDetails()
	if err != nil {
		return nil, err
	}
	return c.answerPlanTask(http.StatusOK, taskWith(t, names, withDetails)), nil
}

// readPlanTask takes what a client sets into a task.
func (c *call) readPlanTask(t *planTask) error {
	o, err := wire.ReadObject(c.Body, "plannerTask", planTaskProperties...)
	if err != nil {
		return err
	}
	for _, name := range []string{"id", "createdBy", "createdDateTime", "completedBy", "completedDateTime", "hasDescription", "checklistItemCount", "activeChecklistItemCount", "referenceCount"} {
		if o.Has(name) {
			return apierror.BadRequest("", "The request is invalid: the property '%s' is read-only.", name)
		}
	}
	if t.plan == nil {
		var id string
		if err := wire.Read(o, "planId", &id); err != nil {
			return err
		}
		if id == "" {
			return apierror.BadRequest("", "The request is invalid: planId is required.")
		}
		if t.plan, err = c.reachPlan(id); err != nil {
			return err
		}
	} else if o.Has("planId") {
		return apierror.BadRequest("", "The request is invalid: planId cannot be changed.")
	}
	var hint string
	for name, into := range map[string]*string{"title": &t.Title, "bucketId": &t.BucketID, "orderHint": &hint, "previewType": &t.preview} {
		if err := wire.Read(o, name, into); err != nil {
			return err
		}
	}
	before := t.Percent
	for name, into := range map[string]*int{"percentComplete": &t.Percent, "priority": &t.Priority} {
		if err := wire.Read(o, name, into); err != nil {
			return err
		}
	}
	for name, into := range map[string]*time.Time{"startDateTime": &t.Start, "dueDateTime": &t.Due} {
		if o.Has(name) {
			*into = time.Time{}
		}
		if err := wire.Read(o, name, into); err != nil {
			return err
		}
	}
	if err := checkPlanTask(t); err != nil {
		return err
	}
	if err := setHint(hint, &t.hint); err != nil {
		return err
	}
	switch {
	case t.Percent == 100 && before < 100:
		t.Completed, t.completedBy = c.Now, c.Me.ID
	case t.Percent < 100:
		t.Completed, t.completedBy = time.Time{}, ""
	}
	if err := c.readCategories(o, t); err != nil {
		return err
	}
	return c.readAssignments(o, t)
}

// checkPlanTask is what Planner demands of a task as a whole.
func checkPlanTask(t *planTask) error {
	switch {
	case strings.TrimSpace(t.Title) == "" || len([]rune(t.Title)) > 255:
		return apierror.BadRequest("", "The request is invalid: a title of 1 to 255 characters is required.")
	case t.Percent < 0 || t.Percent > 100 || t.Priority < 0 || t.Priority > 10:
		return apierror.BadRequest("", "The request is invalid: percentComplete is 0 to 100, priority 0 to 10.")
	case !t.Start.IsZero() && !t.Due.IsZero() && t.Start.After(t.Due):
		return apierror.BadRequest("", "The request is invalid: the start date is later than the due date.")
	case t.BucketID != "" && !slices.ContainsFunc(t.plan.buckets, func(b *bucket) bool { return b.ID == t.BucketID }):
		return apierror.BadRequest("", "The request is invalid: the bucket '%s' is not in the plan.", t.BucketID)
	case !slices.Contains([]string{"automatic", "noPreview", "checklist", "description", "reference"}, t.preview):
		return apierror.BadRequest("", "Requested value '%s' was not found.", t.preview)
	}
	return nil
}

// openType reads an open type: its properties by name, annotations left out.
func openType(o wire.Object, name string) (map[string]json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := wire.Read(o, name, &all); err != nil {
		return nil, err
	}
	for key := range all {
		if strings.Contains(key, "@") {
			delete(all, key)
		}
	}
	return all, nil
}

// isNull tells the value that takes an open property away.
func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

func (c *call) readAssignments(o wire.Object, t *planTask) error {
	set, err := openType(o, "assignments")
	if err != nil {
		return err
	}
	next := maps.Clone(t.assignments)
	for id, raw := range set {
		p, known := c.tenant.PersonByID(id)
		if !known {
			return apierror.BadRequest("", "The request is invalid: the user '%s' does not exist.", id)
		}
		if isNull(raw) {
			delete(next, p.ID)
			continue
		}
		inner, err := typed(raw, "plannerAssignment", "orderHint")
		if err != nil {
			return err
		}
		a, exists := next[p.ID]
		if !exists {
			a = assignment{by: c.Me.ID, at: c.Now, hint: "85P"}
		}
		var hint string
		if err := wire.Read(inner, "orderHint", &hint); err != nil {
			return err
		}
		if hint == "" && !exists {
			return apierror.BadRequest("", "The request is invalid: an assignment needs an orderHint, such as ' !'.")
		}
		if err := setHint(hint, &a.hint); err != nil {
			return err
		}
		next[p.ID] = a
	}
	t.assignments = next
	return nil
}

// typed reads the value of an open property, which must declare its type.
func typed(raw json.RawMessage, typeName string, names ...string) (wire.Object, error) {
	o, err := wire.ReadObject(raw, typeName, names...)
	if err != nil {
		return o, err
	}
	var kind string
	if err := wire.Read(o, "@odata.type", &kind); err != nil {
		return o, err
	}
	if strings.TrimPrefix(kind, "#") != "microsoft.graph."+typeName {
		return o, apierror.BadRequest("", "The request is invalid: the @odata.type must be '#microsoft.graph.%s', not '%s'.", typeName, kind)
	}
	return o, nil
}

var categoryName = regexp.MustCompile(`^category([1-9]|1[0-9]|2[0-5])$`)

func (c *call) readCategories(o wire.Object, t *planTask) error {
	set, err := openType(o, "appliedCategories")
	if err != nil {
		return err
	}
	next := maps.Clone(t.categories)
	for name, raw := range set {
		switch value := string(raw); {
		case !categoryName.MatchString(name) || value != "true" && value != "false" && value != "null":
			return apierror.BadRequest("", "The request is invalid: appliedCategories takes category1 to category25, true or false.")
		case value == "true":
			next[name] = true
		default:
			delete(next, name)
		}
	}
	t.categories = next
	return nil
}

func (c *call) createPlanTask() (*service.Answer, error) {
	t := c.newPlanTask(nil, dataset.PlanTask{CreatedBy: c.Me.ID, Created: c.Now.UTC(), Priority: 5}, "8500")
	if err := c.readPlanTask(t); err != nil {
		return nil, err
	}
	t.ID, t.version = c.plannerID(), c.nextVersion()
	t.plan.tasks = append(t.plan.tasks, t)
	answer := c.answerPlanTask(http.StatusCreated, t.json())
	answer.Header = map[string]string{"Location": c.BaseURL + "/v1.0/planner/tasks('" + t.ID + "')"}
	return answer, nil
}

func (c *call) updatePlanTask() (*service.Answer, error) {
	t, err := c.planTask()
	if err != nil {
		return nil, err
	}
	if err := c.precondition(t.etag()); err != nil {
		return nil, err
	}
	next := *t
	if err := c.readPlanTask(&next); err != nil {
		return nil, err
	}
	*t = next
	t.version = c.nextVersion()
	return c.answerUpdate(t.json()), nil
}

func (c *call) deletePlanTask() (*service.Answer, error) {
	t, err := c.planTask()
	if err != nil {
		return nil, err
	}
	if err := c.precondition(t.etag()); err != nil {
		return nil, err
	}
	t.plan.tasks = slices.DeleteFunc(t.plan.tasks, func(x *planTask) bool { return x == t })
	return &service.Answer{Status: http.StatusNoContent}, nil
}
