package graph

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
)

// listAttachments lists the attachments of a message. $filter is ignored, a
// documented limitation of Graph.
func (s *Server) listAttachments(c *call) (*answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	names, err := c.attachmentProperties()
	if err != nil {
		return nil, err
	}
	from, to, next := c.opts.page(len(m.Attachments))
	items := make([]any, 0, to-from)
	for _, a := range m.Attachments[from:to] {
		items = append(items, renderAttachment(m, a, c.prefer.immutableID, names))
	}
	value := map[string]any{"@odata.context": s.context(c, "/messages('"+m.ID+"')/attachments"), "value": items}
	if next > 0 {
		value["@odata.nextLink"] = s.nextLink(c, next)
	}
	if c.opts.count {
		value["@odata.count"] = len(m.Attachments)
	}
	return &answer{status: http.StatusOK, value: value, preferences: true}, nil
}

func (s *Server) getAttachment(c *call) (*answer, error) {
	m, a, err := c.attachment()
	if err != nil {
		return nil, err
	}
	names, err := c.attachmentProperties()
	if err != nil {
		return nil, err
	}
	value := renderAttachment(m, a, c.prefer.immutableID, names)
	value["@odata.context"] = s.context(c, "/messages('"+m.ID+"')/attachments") + "/$entity"
	return &answer{status: http.StatusOK, value: value, preferences: true}, nil
}

func (*Server) getAttachmentContent(c *call) (*answer, error) {
	_, a, err := c.attachment()
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, raw: a.Content, contentType: orElse(a.ContentType, "application/octet-stream")}, nil
}

func (c *call) attachment() (*message, dataset.Attachment, error) {
	m, err := c.message()
	if err != nil {
		return nil, dataset.Attachment{}, err
	}
	a, err := m.attachment(c.params["attachment-id"])
	return m, a, err
}

// attachmentProperties reads $select. The collection is of the base type
// attachment, so that a property of fileAttachment needs its cast.
func (c *call) attachmentProperties() ([]string, error) {
	all := slices.Concat(attachmentBase, fileAttachment)
	list := c.opts.list("$select")
	if list == nil {
		return all, nil
	}
	names := []string{"id"}
	for _, name := range list {
		derived, cast := strings.CutPrefix(name, "microsoft.graph.fileAttachment/")
		if !slices.Contains(attachmentBase, name) && !(cast && slices.Contains(all, derived)) {
			return nil, unknownProperty(name, "attachment")
		}
		names = append(names, derived)
	}
	return names, nil
}

func renderAttachment(m *message, a dataset.Attachment, immutableID bool, names []string) map[string]any {
	id := a.ID
	if immutableID {
		id = immutable(m.owner, a.ID)
	}
	contentType := orElse(a.ContentType, "application/octet-stream")
	out := map[string]any{"@odata.type": "#microsoft.graph.fileAttachment", "@odata.mediaContentType": contentType}
	for _, name := range names {
		switch name {
		case "id":
			out[name] = id
		case "lastModifiedDateTime":
			out[name] = m.Received.UTC().Format(graphTimestamp)
		case "name":
			out[name] = a.Name
		case "contentType":
			out[name] = contentType
		case "size":
			out[name] = len(a.Content)
		case "isInline":
			out[name] = a.Inline
		case "contentId":
			out[name] = nil
			if a.ContentID != "" {
				out[name] = a.ContentID
			}
		case "contentLocation":
			out[name] = nil
		case "contentBytes":
			out[name] = base64.StdEncoding.EncodeToString(a.Content)
		}
	}
	return out
}
