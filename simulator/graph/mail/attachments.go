package mail

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// listAttachments lists the attachments of a message. $filter is ignored, a
// documented limitation of Graph.
func (c *call) listAttachments() (*service.Answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	names, err := c.attachmentProperties()
	if err != nil {
		return nil, err
	}
	answer := c.Page(c.OwnerContext("/messages('"+m.ID+"')/attachments"), len(m.Attachments), func(i int) any {
		return wire.Attachment(m, m.Attachments[i], c.Prefer.ImmutableID, names)
	})
	answer.Preferences = true
	return answer, nil
}

func (c *call) getAttachment() (*service.Answer, error) {
	m, a, err := c.attachment()
	if err != nil {
		return nil, err
	}
	names, err := c.attachmentProperties()
	if err != nil {
		return nil, err
	}
	value := wire.Attachment(m, a, c.Prefer.ImmutableID, names)
	value["@odata.context"] = c.OwnerContext("/messages('"+m.ID+"')/attachments") + "/$entity"
	return &service.Answer{Status: http.StatusOK, Value: value, Preferences: true}, nil
}

func (c *call) getAttachmentContent() (*service.Answer, error) {
	_, a, err := c.attachment()
	if err != nil {
		return nil, err
	}
	if a.Item != nil {
		return itemContent(a)
	}
	return &service.Answer{Status: http.StatusOK, Raw: a.Content, ContentType: cmp.Or(a.ContentType, "application/octet-stream")}, nil
}

// itemContent is an attached message as MIME. What is attached to that comes with
// it; Graph writes events and contacts as iCalendar and vCard, which is not done here.
func itemContent(a dataset.Attachment) (*service.Answer, error) {
	var typed struct {
		Type string `json:"@odata.type"`
	}
	if err := json.Unmarshal(a.Item, &typed); err != nil || strings.TrimPrefix(typed.Type, "#") != "microsoft.graph.message" {
		return nil, apierror.BadRequest("ErrorInvalidRequest", "The simulated tenant has no MIME of attached events and contacts.")
	}
	m, err := wire.ReadMessage(a.Item)
	if err != nil {
		return nil, err
	}
	raw, err := m.MIME()
	if err != nil {
		return nil, fmt.Errorf("writing MIME: %w", err)
	}
	return &service.Answer{Status: http.StatusOK, Raw: raw, ContentType: "text/plain"}, nil
}

// addAttachment takes a small one in one request.
func (c *call) addAttachment() (*service.Answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	a, err := wire.ReadAttachment(c.Body)
	if err != nil {
		return nil, err
	}
	if len(a.Content) >= minUpload {
		return nil, &apierror.Error{Status: http.StatusRequestEntityTooLarge, Code: "ErrorMessageSizeExceeded", Message: "The attachment is 3 MB or larger. Create an upload session for it."}
	}
	a = c.attach(c.box, m, a, c.Now)
	value := wire.Attachment(m, a, c.Prefer.ImmutableID, slices.Concat(wire.AttachmentBase, wire.FileAttachment))
	value["@odata.context"] = c.OwnerContext("/messages('"+m.ID+"')/attachments") + "/$entity"
	return &service.Answer{Status: http.StatusCreated, Value: value, Preferences: true}, nil
}

// attach changes the message, whose list of attachments the data set may share.
func (w *Workload) attach(box *exchange.Mailbox, m *exchange.Message, a dataset.Attachment, now time.Time) dataset.Attachment {
	a.ID = w.store.AttachmentID(box)
	changed := *m
	changed.Attachments = append(slices.Clone(m.Attachments), a)
	box.Update(m, changed, now)
	return a
}

func (c *call) deleteAttachment() (*service.Answer, error) {
	m, a, err := c.attachment()
	if err != nil {
		return nil, err
	}
	changed := *m
	changed.Attachments = slices.DeleteFunc(slices.Clone(m.Attachments), func(other dataset.Attachment) bool { return other.ID == a.ID })
	c.box.Update(m, changed, c.Now)
	return &service.Answer{Status: http.StatusNoContent}, nil
}

func (c *call) attachment() (*exchange.Message, dataset.Attachment, error) {
	m, err := c.message()
	if err != nil {
		return nil, dataset.Attachment{}, err
	}
	a, err := m.Attachment(c.Params["attachment-id"])
	return m, a, err
}

// attachmentProperties reads $select. The collection is of the base type
// attachment, so that a property of wire.FileAttachment needs its cast.
func (c *call) attachmentProperties() ([]string, error) {
	all := slices.Concat(wire.AttachmentBase, wire.FileAttachment)
	for _, expand := range c.Options.List("$expand") {
		if expand != "microsoft.graph.itemAttachment/item" {
			return nil, apierror.BadRequest("BadRequest", "Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.attachment'.", expand)
		}
		all = append(all, wire.ItemAttachment...)
	}
	list := c.Options.List("$select")
	if list == nil {
		return all, nil
	}
	names := []string{"id"}
	for _, name := range list {
		derived, cast := strings.CutPrefix(name, "microsoft.graph.fileAttachment/")
		if !slices.Contains(wire.AttachmentBase, name) && (!cast || !slices.Contains(all, derived)) {
			return nil, apierror.UnknownProperty(name, "attachment")
		}
		names = append(names, derived)
	}
	return names, nil
}
