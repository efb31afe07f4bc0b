package graph

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/wire"
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
	value := s.page(c, "/messages('"+m.ID+"')/attachments", len(m.Attachments), func(i int) any {
		return wire.Attachment(m, m.Attachments[i], c.prefer.ImmutableID, names)
	})
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
	value := wire.Attachment(m, a, c.prefer.ImmutableID, names)
	value["@odata.context"] = s.context(c, "/messages('"+m.ID+"')/attachments") + "/$entity"
	return &answer{status: http.StatusOK, value: value, preferences: true}, nil
}

func (*Server) getAttachmentContent(c *call) (*answer, error) {
	_, a, err := c.attachment()
	if err != nil {
		return nil, err
	}
	return &answer{status: http.StatusOK, raw: a.Content, contentType: cmp.Or(a.ContentType, "application/octet-stream")}, nil
}

func (c *call) attachment() (*exchange.Message, dataset.Attachment, error) {
	m, err := c.message()
	if err != nil {
		return nil, dataset.Attachment{}, err
	}
	a, err := m.Attachment(c.params["attachment-id"])
	return m, a, err
}

// attachmentProperties reads $select. The collection is of the base type
// attachment, so that a property of wire.FileAttachment needs its cast.
func (c *call) attachmentProperties() ([]string, error) {
	all := slices.Concat(wire.AttachmentBase, wire.FileAttachment)
	list := c.opts.List("$select")
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
