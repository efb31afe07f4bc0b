package planner

import (
	"maps"
	"net/http"
	"time"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// details are the large properties of a task; they have an etag of their own.
type details struct {
	description string
	checklist   map[string]checkItem
	references  map[string]reference // by URL, with % : . @ # escaped
	preview     string
	version     int
}

type checkItem struct {
	title, hint, by string
	done            bool
	at              time.Time
}

type reference struct {
	alias, kind, hint, by string
	at                    time.Time
}

func (d details) etag() string { return plannerETag("TaskDetails", d.version) }

func (t *planTask) detailsJSON() map[string]any {
	checklist, references := map[string]any{}, map[string]any{}
	for id, item := range t.details.checklist {
		checklist[id] = map[string]any{
			"@odata.type": "#microsoft.graph.plannerChecklistItem", "isChecked": item.done, "title": item.title, "orderHint": item.hint,
			"lastModifiedDateTime": instant(item.at), "lastModifiedBy": identity(item.by),
		}
	}
	for url, r := range t.details.references {
		references[url] = map[string]any{
			"@odata.type": "#microsoft.graph.plannerExternalReference", "alias": nullable(r.alias), "type": r.kind, "previewPriority": r.hint,
			"lastModifiedDateTime": instant(r.at), "lastModifiedBy": identity(r.by),
		}
	}
	return map[string]any{
		"@odata.etag": t.details.etag(), "id": t.ID, "description": t.details.description, "previewType": t.details.preview,
		"checklist": checklist, "references": references,
	}
}

func (c *call) getDetails() (*service.Answer, error) {
	t, err := c.planTask()
	if err != nil {
		return nil, err
	}
	names, err := c.Options.Selected("plannerTaskDetails", []string{"id", "description", "previewType", "checklist", "references"})
	if err != nil {
		return nil, err
	}
	value := pick(t.detailsJSON(), names)
	value["@odata.context"] = c.Context("planner/tasks('" + t.ID + "')/details/$entity")
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

func (c *call) updateDetails() (*service.Answer, error) {
	t, err := c.planTask()
	if err != nil {
		return nil, err
	}
	if err := c.precondition(t.details.etag()); err != nil {
		return nil, err
	}
	o, err := wire.ReadObject(c.Body, "plannerTaskDetails", "description", "previewType", "checklist", "references")
	if err != nil {
		return nil, err
	}
	next := t.details
	next.checklist, next.references = maps.Clone(next.checklist), maps.Clone(next.references)
	for name, into := range map[string]*string{"description": &next.description, "previewType": &next.preview} {
		if err := wire.Read(o, name, into); err != nil {
			return nil, err
		}
	}
	if err := c.readChecklist(o, next.checklist); err != nil {
		return nil, err
	}
	if err := c.readReferences(o, next.references); err != nil {
		return nil, err
	}
	next.version = c.nextVersion()
	t.details, t.version = next, c.nextVersion() // counts on the task change with it
	return c.answerUpdate(t.detailsJSON()), nil
}

func (c *call) readChecklist(o wire.Object, into map[string]checkItem) error {
	set, err := openType(o, "checklist")
	if err != nil {
		return err
	}
	for id, raw := range set {
		if isNull(raw) {
			delete(into, id)
			continue
		}
		inner, err := typed(raw, "plannerChecklistItem", "title", "isChecked", "orderHint")
		if err != nil {
			return err
		}
		item, exists := into[id]
		if !exists {
			item.hint = "8500"
		}
		if err := wire.Read(inner, "title", &item.title); err != nil {
			return err
		}
		if err := wire.Read(inner, "isChecked", &item.done); err != nil {
			return err
		}
		var hint string
		if err := wire.Read(inner, "orderHint", &hint); err != nil {
			return err
		}
		if err := setHint(hint, &item.hint); err != nil {
			return err
		}
		if item.title == "" {
			return apierror.BadRequest("", "The request is invalid: a checklist item needs a title.")
		}
		item.by, item.at = c.Me.ID, c.Now
		into[id] = item
	}
	if len(into) > 20 {
		return &apierror.Error{Status: http.StatusForbidden, Code: "MaximumChecklistItemsOnTask", Message: "The checklist contains too many values."}
	}
	return nil
}

func (c *call) readReferences(o wire.Object, into map[string]reference) error {
	set, err := openType(o, "references")
	if err != nil {
		return err
	}
	for url, raw := range set {
		if isNull(raw) {
			delete(into, url)
			continue
		}
		inner, err := typed(raw, "plannerExternalReference", "alias", "type", "previewPriority")
		if err != nil {
			return err
		}
		r, exists := into[url]
		if !exists {
			r.kind, r.hint = "Other", "8500"
		}
		for name, field := range map[string]*string{"alias": &r.alias, "type": &r.kind} {
			if err := wire.Read(inner, name, field); err != nil {
				return err
			}
		}
		var hint string
		if err := wire.Read(inner, "previewPriority", &hint); err != nil {
			return err
		}
		if err := setHint(hint, &r.hint); err != nil {
			return err
		}
		r.by, r.at = c.Me.ID, c.Now
		into[url] = r
	}
	return nil
}
