package tasks

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// step is an item of the checklist of a task.
type step struct {
	id, title string
	created   time.Time
	checked   time.Time // zero: not
	done      bool
}

func newStep(s dataset.Step, created time.Time) *step {
	own := &step{id: s.ID, title: s.Title, created: created, done: s.Done}
	if s.Done {
		own.checked = created
	}
	return own
}

// link is what a task came from.
type link struct{ id, name, url, application, external string }

// uuid is an id of something small that a client made.
func (w *Workload) uuid(kind string) string {
	w.made++
	text := hex.EncodeToString(fmt.Appendf(nil, "%-8.8s%08d", kind, w.made))
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

var (
	stepProperties = []string{"id", "displayName", "createdDateTime", "checkedDateTime", "isChecked"}
	linkProperties = []string{"id", "displayName", "applicationName", "externalId", "webUrl"}
)

func (s *step) json() map[string]any {
	out := map[string]any{"id": s.id, "displayName": s.title, "createdDateTime": instant(s.created), "isChecked": s.done}
	if !s.checked.IsZero() {
		out["checkedDateTime"] = instant(s.checked)
	}
	return out
}

func (t *todoTask) stepsJSON() []any {
	out := []any{}
	for _, s := range t.steps {
		out = append(out, s.json())
	}
	return out
}

func (l *link) json() map[string]any {
	return map[string]any{"id": l.id, "displayName": l.name, "applicationName": l.application, "externalId": nullable(l.external), "webUrl": nullable(l.url)}
}

func (t *todoTask) linksJSON() []any {
	out := []any{}
	for _, l := range t.links {
		out = append(out, l.json())
	}
	return out
}

// partPage pages the parts of a task, which take no other option.
func (c *call) partPage(part string, items []any) (*service.Answer, error) {
	for _, name := range []string{"$filter", "$orderby", "$select", "$expand"} {
		if c.Options.Has(name) {
			return nil, apierror.BadRequest("BadRequest", "%s of %s is not simulated.", name, part)
		}
	}
	return c.Page(c.partContext(part), len(items), func(i int) any { return items[i] }), nil
}

func (c *call) partContext(part string) string {
	return c.OwnerContext("/todo/lists('" + c.list.ID + "')/tasks('" + c.task.ID + "')/" + part)
}

func (c *call) answerPart(status int, part string, value map[string]any) *service.Answer {
	value["@odata.context"] = c.partContext(part + "/$entity")
	return &service.Answer{Status: status, Value: value}
}

func (c *call) listSteps() (*service.Answer, error) {
	return c.partPage("checklistItems", c.task.stepsJSON())
}

func (c *call) step() (*step, error) {
	i := slices.IndexFunc(c.task.steps, func(s *step) bool { return s.id == c.Params["checklistItem-id"] })
	if i < 0 {
		return nil, apierror.ItemNotFound()
	}
	return c.task.steps[i], nil
}

func (c *call) getStep() (*service.Answer, error) {
	s, err := c.step()
	if err != nil {
		return nil, err
	}
	return c.answerPart(http.StatusOK, "checklistItems", s.json()), nil
}

func (c *call) readStep(raw []byte, s *step) error {
	o, err := wire.ReadObject(raw, "checklistItem", stepProperties...)
	if err != nil {
		return err
	}
	if err := wire.Read(o, "displayName", &s.title); err != nil {
		return err
	}
	before := s.done
	if err := wire.Read(o, "isChecked", &s.done); err != nil {
		return err
	}
	switch {
	case s.title == "":
		return apierror.BadRequest("invalidRequest", "Invalid request: displayName is required.")
	case s.done && !before:
		s.checked = c.Now
	case !s.done:
		s.checked = time.Time{}
	}
	return nil
}

func (c *call) createStep() (*service.Answer, error) {
	s := &step{created: c.Now}
	if err := c.readStep(c.Body, s); err != nil {
		return nil, err
	}
	s.id = c.uuid("step")
	c.task.steps = append(c.task.steps, s)
	c.touch(c.task)
	return c.answerPart(http.StatusCreated, "checklistItems", s.json()), nil
}

func (c *call) updateStep() (*service.Answer, error) {
	s, err := c.step()
	if err != nil {
		return nil, err
	}
	next := *s
	if err := c.readStep(c.Body, &next); err != nil {
		return nil, err
	}
	*s = next
	c.touch(c.task)
	return c.answerPart(http.StatusOK, "checklistItems", s.json()), nil
}

func (c *call) deleteStep() (*service.Answer, error) {
	s, err := c.step()
	if err != nil {
		return nil, err
	}
	c.task.steps = slices.DeleteFunc(c.task.steps, func(x *step) bool { return x == s })
	c.touch(c.task)
	return &service.Answer{Status: http.StatusNoContent}, nil
}

func (c *call) listLinks() (*service.Answer, error) {
	return c.partPage("linkedResources", c.task.linksJSON())
}

func (c *call) readLink(raw []byte) (*link, error) {
	o, err := wire.ReadObject(raw, "linkedResource", linkProperties...)
	if err != nil {
		return nil, err
	}
	l := &link{}
	for name, into := range map[string]*string{"displayName": &l.name, "applicationName": &l.application, "externalId": &l.external, "webUrl": &l.url} {
		if err := wire.Read(o, name, into); err != nil {
			return nil, err
		}
	}
	if l.name == "" {
		return nil, apierror.BadRequest("invalidRequest", "Invalid request: displayName is required.")
	}
	return l, nil
}

func (c *call) createLink() (*service.Answer, error) {
	l, err := c.readLink(c.Body)
	if err != nil {
		return nil, err
	}
	l.id = c.uuid("link")
	c.task.links = append(c.task.links, l)
	c.touch(c.task)
	return c.answerPart(http.StatusCreated, "linkedResources", l.json()), nil
}

// readParts takes checklist and links that are made together with a task.
func (c *call) readParts(t *todoTask) error {
	o, err := wire.ReadObject(c.Body, "todoTask", slices.Concat(taskProperties, taskParts)...)
	if err != nil {
		return err
	}
	var steps, links []json.RawMessage
	for name, into := range map[string]*[]json.RawMessage{"checklistItems": &steps, "linkedResources": &links} {
		if err := wire.Read(o, name, into); err != nil {
			return err
		}
	}
	for _, raw := range steps {
		s := &step{created: c.Now}
		if err := c.readStep(raw, s); err != nil {
			return err
		}
		s.id = c.uuid("step")
		t.steps = append(t.steps, s)
	}
	for _, raw := range links {
		l, err := c.readLink(raw)
		if err != nil {
			return err
		}
		l.id = c.uuid("link")
		t.links = append(t.links, l)
	}
	return nil
}
