package tasks

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// zoned is microsoft.graph.dateTimeTimeZone.
type zoned struct {
	DateTime string `json:"dateTime"`
	TimeZone string `json:"timeZone"`
}

const zonedLayout = "2006-01-02T15:04:05.0000000"

func utc(t time.Time) *zoned {
	if t.IsZero() {
		return nil
	}
	return &zoned{t.UTC().Format(zonedLayout), "UTC"}
}

type todoTask struct {
	dataset.TodoTask

	html                 bool
	due, reminder, start *zoned
	completed            *zoned
	reminderOn           bool
	recurrence           json.RawMessage // nil: none
	modified, bodyAt     time.Time
	steps                []*step
	links                []*link
	change               int
}

func (w *Workload) newTask(t dataset.TodoTask) *todoTask {
	own := &todoTask{
		TodoTask: t, due: utc(t.Due), reminder: utc(t.Reminder), completed: utc(t.Completed), reminderOn: !t.Reminder.IsZero(),
		modified: t.Created, bodyAt: t.Created, change: w.next(),
	}
	if t.Completed.After(own.modified) {
		own.modified = t.Completed
	}
	for _, s := range t.Checklist {
		own.steps = append(own.steps, newStep(s, t.Created))
	}
	if t.LinkName != "" {
		own.links = append(own.links, &link{id: w.uuid("link"), name: t.LinkName, url: t.LinkURL, application: "Outlook"})
	}
	return own
}

var (
	taskProperties = []string{
		"id", "body", "bodyLastModifiedDateTime", "categories", "completedDateTime", "createdDateTime", "dueDateTime", "hasAttachments", "importance",
		"isReminderOn", "lastModifiedDateTime", "recurrence", "reminderDateTime", "startDateTime", "status", "title",
	}
	taskParts = []string{"checklistItems", "linkedResources"}
	taskKinds = map[string]odata.Kind{
		"id": odata.ID, "title": odata.String, "status": odata.Enum, "importance": odata.Enum, "categories": odata.Strings, "isReminderOn": odata.Bool,
		"hasAttachments": odata.Bool, "createdDateTime": odata.Time, "lastModifiedDateTime": odata.Time, "bodyLastModifiedDateTime": odata.Time,
		"dueDateTime/dateTime": odata.String, "reminderDateTime/dateTime": odata.String, "startDateTime/dateTime": odata.String, "completedDateTime/dateTime": odata.String,
		"dueDateTime": odata.Complex, "reminderDateTime": odata.Complex, "startDateTime": odata.Complex, "completedDateTime": odata.Complex, "body": odata.Complex,
	}
	statuses = []string{"notStarted", "inProgress", "completed", "waitingOnOthers", "deferred"}
)

func (t *todoTask) values(path string) any {
	switch path {
	case "id":
		return t.ID
	case "title":
		return t.Title
	case "status":
		return t.Status
	case "importance":
		return t.Importance
	case "categories":
		return t.Categories
	case "isReminderOn":
		return t.reminderOn
	case "hasAttachments":
		return false
	case "createdDateTime":
		return t.Created
	case "lastModifiedDateTime":
		return t.modified
	case "bodyLastModifiedDateTime":
		return t.bodyAt
	}
	if at := t.times()[strings.TrimSuffix(path, "/dateTime")]; at != nil && *at != nil {
		return (*at).DateTime
	}
	return nil
}

// times are the properties that have a time zone.
func (t *todoTask) times() map[string]**zoned {
	return map[string]**zoned{"dueDateTime": &t.due, "reminderDateTime": &t.reminder, "startDateTime": &t.start, "completedDateTime": &t.completed}
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.9999999Z") }

// taskJSON is microsoft.graph.todoTask; times that are not set are left out, as
// the service does.
func (c *call) taskJSON(t *todoTask, names []string) map[string]any {
	kind := "text"
	if t.html {
		kind = "html"
	}
	categories := t.Categories
	if categories == nil {
		categories = []string{}
	}
	all := map[string]any{
		"@odata.etag": etag(t.change), "id": t.ID, "title": t.Title, "status": t.Status, "importance": t.Importance, "categories": categories,
		"body": map[string]any{"content": t.Body, "contentType": kind}, "bodyLastModifiedDateTime": instant(t.bodyAt), "createdDateTime": instant(t.Created),
		"lastModifiedDateTime": instant(t.modified), "hasAttachments": false, "isReminderOn": t.reminderOn,
	}
	for name, at := range t.times() {
		if *at != nil {
			all[name] = *at
		}
	}
	if t.recurrence != nil {
		all["recurrence"] = t.recurrence
	}
	out := pick(all, names)
	expanded := c.Options.List("$expand")
	if slices.Contains(expanded, "checklistItems") {
		out["checklistItems"] = t.stepsJSON()
	}
	if slices.Contains(expanded, "linkedResources") || len(t.links) > 0 && slices.Contains(names, "title") {
		out["linkedResources"] = t.linksJSON() // the list shows them unasked
	}
	return out
}

// checkExpand reads $expand of tasks.
func (c *call) checkExpand() error {
	for _, name := range c.Options.List("$expand") {
		if !slices.Contains(taskParts, name) {
			return apierror.BadRequest("BadRequest", "Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.todoTask'.", name)
		}
	}
	return nil
}

func (c *call) listTasks() (*service.Answer, error) {
	if err := c.checkExpand(); err != nil {
		return nil, err
	}
	found, names, err := choose(c, c.list.tasks, "todoTask", taskProperties, taskKinds, (*todoTask).values)
	if err != nil {
		return nil, err
	}
	return c.Page(c.OwnerContext("/todo/lists('"+c.list.ID+"')/tasks"), len(found), func(i int) any { return c.taskJSON(found[i], names) }), nil
}

func (c *call) answerTask(status int, t *todoTask, names []string) *service.Answer {
	value := c.taskJSON(t, names)
	value["@odata.context"] = c.OwnerContext("/todo/lists('" + c.list.ID + "')/tasks/$entity")
	return &service.Answer{Status: status, Value: value}
}

func (c *call) getTask() (*service.Answer, error) {
	if err := c.checkExpand(); err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("todoTask", taskProperties)
	if err != nil {
		return nil, err
	}
	return c.answerTask(http.StatusOK, c.task, names), nil
}

// readTask takes what a client sets into a task.
func (c *call) readTask(t *todoTask) error {
	o, err := wire.ReadObject(c.Body, "todoTask", slices.Concat(taskProperties, taskParts)...)
	if err != nil {
		return err
	}
	before := t.Status
	for name, into := range map[string]*string{"title": &t.Title, "status": &t.Status, "importance": &t.Importance} {
		if err := wire.Read(o, name, into); err != nil {
			return err
		}
	}
	if strings.TrimSpace(t.Title) == "" {
		return apierror.BadRequest("invalidRequest", "Invalid request: a task needs a title.")
	}
	if !slices.Contains(statuses, t.Status) || !slices.Contains([]string{"low", "normal", "high"}, t.Importance) {
		return apierror.BadRequest("invalidRequest", "Requested value '%s' or '%s' was not found.", t.Status, t.Importance)
	}
	if o.Has("categories") {
		t.Categories = nil
		if err := wire.Read(o, "categories", &t.Categories); err != nil {
			return err
		}
	}
	for name, into := range t.times() {
		if err := readZoned(o, name, into); err != nil {
			return err
		}
	}
	if o.Has("reminderDateTime") {
		t.reminderOn = t.reminder != nil
	}
	if err := wire.Read(o, "isReminderOn", &t.reminderOn); err != nil {
		return err
	}
	if err := c.readTaskBody(o, t); err != nil {
		return err
	}
	if err := c.readRecurrence(o, t); err != nil {
		return err
	}
	switch {
	case t.Status == "completed" && t.completed == nil:
		t.completed = utc(c.Now)
	case t.Status != "completed" && before == "completed":
		t.completed = nil
	}
	return nil
}

// readZoned reads a time with its zone. null takes it away.
func readZoned(o wire.Object, name string, into **zoned) error {
	if !o.Has(name) {
		return nil
	}
	*into = nil
	var raw json.RawMessage
	if err := wire.Read(o, name, &raw); err != nil || raw == nil {
		return err
	}
	inner, err := wire.ReadObject(raw, "dateTimeTimeZone", "dateTime", "timeZone")
	if err != nil {
		return err
	}
	at := &zoned{}
	for name, into := range map[string]*string{"dateTime": &at.DateTime, "timeZone": &at.TimeZone} {
		if err := wire.Read(inner, name, into); err != nil {
			return err
		}
	}
	var parsed time.Time
	for _, layout := range []string{"2006-01-02T15:04:05.9999999", "2006-01-02T15:04", time.RFC3339Nano} {
		if parsed, err = time.Parse(layout, at.DateTime); err == nil {
			break
		}
	}
	if err != nil {
		return apierror.BadRequest("invalidRequest", "Invalid value for '%s': the dateTime '%s' cannot be read.", name, at.DateTime)
	}
	if !isZone(at.TimeZone) {
		return apierror.BadRequest("TimeZoneNotSupportedException", "A valid TimeZone value must be specified: '%s' is none.", at.TimeZone)
	}
	at.DateTime = parsed.Format(zonedLayout)
	*into = at
	return nil
}

// isZone takes IANA's names, and Windows' by their form.
func isZone(name string) bool {
	if name == "" {
		return false
	}
	if name == "UTC" || strings.HasSuffix(name, " Standard Time") {
		return true
	}
	_, err := time.LoadLocation(name)
	return err == nil && name != "Local"
}

func (c *call) readTaskBody(o wire.Object, t *todoTask) error {
	var raw json.RawMessage
	if err := wire.Read(o, "body", &raw); err != nil || raw == nil {
		return err
	}
	body, err := wire.ReadObject(raw, "itemBody", "contentType", "content")
	if err != nil {
		return err
	}
	kind := "text"
	if err := wire.Read(body, "contentType", &kind); err != nil {
		return err
	}
	if kind != "text" && kind != "html" {
		return apierror.BadRequest("invalidRequest", "Requested value '%s' was not found.", kind)
	}
	t.Body, t.html, t.bodyAt = "", kind == "html", c.Now
	return wire.Read(body, "content", &t.Body)
}

// readRecurrence takes a recurrence as it is: only its outline is checked.
func (c *call) readRecurrence(o wire.Object, t *todoTask) error {
	if !o.Has("recurrence") {
		return nil
	}
	t.recurrence = nil
	if err := wire.Read(o, "recurrence", &t.recurrence); err != nil || t.recurrence == nil {
		return err
	}
	outline, err := wire.ReadObject(t.recurrence, "patternedRecurrence", "pattern", "range")
	if err != nil {
		return err
	}
	if !outline.Has("pattern") || t.due == nil {
		return apierror.BadRequest("invalidRequest", "Invalid request: a recurrence needs a pattern, and the task a due date.")
	}
	return nil
}

func (c *call) createTask() (*service.Answer, error) {
	if c.list.WellKnown == "flaggedEmails" {
		return nil, apierror.BadRequest("invalidRequest", "Invalid request: tasks cannot be created in the list of flagged emails.")
	}
	now := c.Now.UTC().Truncate(100 * time.Nanosecond)
	t := &todoTask{TodoTask: dataset.TodoTask{Status: "notStarted", Importance: "normal", Created: now}, modified: now, bodyAt: now}
	if err := c.readTask(t); err != nil {
		return nil, err
	}
	if err := c.readParts(t); err != nil {
		return nil, err
	}
	entry := strings.TrimRight(c.list.ID, "=") // longer ids than those of lists, like all items of Exchange
	t.ID, t.change = c.newID("AAMkA"+entry[5:]+entry[5:38], "task"), c.next()
	c.list.tasks = append(c.list.tasks, t)
	return c.answerTask(http.StatusCreated, t, taskProperties), nil
}

func (c *call) updateTask() (*service.Answer, error) {
	if err := c.checkETag(c.task.change); err != nil {
		return nil, err
	}
	next := *c.task
	if err := c.readTask(&next); err != nil {
		return nil, err
	}
	c.touch(&next)
	*c.task = next
	return c.answerTask(http.StatusOK, c.task, taskProperties), nil
}

// touch notes a change of a task.
func (c *call) touch(t *todoTask) { t.modified, t.change = c.Now, c.next() }

func (c *call) deleteTask() (*service.Answer, error) {
	if err := c.checkETag(c.task.change); err != nil {
		return nil, err
	}
	c.list.tasks = slices.DeleteFunc(c.list.tasks, func(t *todoTask) bool { return t == c.task })
	c.gone = append(c.gone, removal{change: c.next(), owner: c.Owner.ID, list: c.list.ID, id: c.task.ID})
	return &service.Answer{Status: http.StatusNoContent}, nil
}
