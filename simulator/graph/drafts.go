package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/wire"
)

// created answers with the message as it is now.
func (s *Server) created(c *call, status int, m *exchange.Message) *answer {
	value := wire.Renderer{Base: s.opts.BaseURL, Names: wire.MessageProperties, Prefer: c.prefer, Basic: c.basicOnly()}.Message(m)
	value["@odata.context"] = s.context(c, "/messages") + "/$entity"
	return &answer{status: status, value: value, preferences: true}
}

func (s *Server) createDraft(c *call) (*answer, error) {
	m, err := wire.ReadMessage(c.body)
	if err != nil {
		return nil, err
	}
	return s.created(c, http.StatusCreated, s.mail.Draft(c.box, m)), nil
}

// updateMessage changes the state of a message, and the content of a draft.
func (s *Server) updateMessage(c *call) (*answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	if err := c.checkETag(m); err != nil {
		return nil, err
	}
	o, err := wire.ReadMessageObject(c.body)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "from", "sender"} {
		if !m.Draft && o.Has(name) {
			return nil, apierror.BadRequest("ErrorInvalidPropertySet", "The property '%s' can only be set on a draft.", name)
		}
	}
	changed := *m
	if err := wire.ReadState(o, &changed); err != nil {
		return nil, err
	}
	if err := wire.ReadContent(o, &changed); err != nil {
		return nil, err
	}
	changed.Changed(s.opts.Now().UTC().Truncate(time.Second))
	*m = changed
	return s.created(c, http.StatusOK, m), nil
}

// checkETag honours If-Match (RFC 9110 section 13.1.1).
func (c *call) checkETag(m *exchange.Message) error {
	want := c.r.Header.Get("If-Match")
	if want == "" || want == "*" || want == m.ETag() {
		return nil
	}
	return &apierror.Error{Status: http.StatusPreconditionFailed, Code: "ErrorIrresolvableConflict", Message: "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item."}
}

// deleteMessage moves to Deleted Items, or removes what is there already.
func (s *Server) deleteMessage(c *call) (*answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	if err := c.checkETag(m); err != nil {
		return nil, err
	}
	c.box.Remove(m)
	if bin, err := c.box.Folder("deleteditems"); err == nil && bin.ID != m.FolderID {
		s.mail.Place(c.box, bin.ID, m, m.Read)
	}
	return &answer{status: http.StatusNoContent}, nil
}

// moveMessage gives the message a new id; the immutable one stays.
func (s *Server) moveMessage(c *call) (*answer, error) {
	o, err := wire.ReadObject(c.body, "move", "destinationId", "DestinationId")
	if err != nil {
		return nil, err
	}
	var destination string
	for _, name := range []string{"DestinationId", "destinationId"} {
		if err := wire.Read(o, name, &destination); err != nil {
			return nil, err
		}
	}
	if destination == "" {
		return nil, apierror.BadRequest("ErrorInvalidParameter", "The required parameter 'DestinationId' is missing.")
	}
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	folder, err := c.box.Folder(destination)
	if err != nil {
		return nil, err
	}
	conversation := m.ConversationID
	c.box.Remove(m)
	moved := s.mail.Place(c.box, folder.ID, m, m.Read)
	if moved == nil {
		return nil, apierror.ItemNotFound()
	}
	moved.ConversationID = conversation
	return s.created(c, http.StatusCreated, moved), nil
}

func (s *Server) sendDraft(c *call) (*answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	if !m.Draft {
		return nil, apierror.BadRequest("ErrorInvalidRequest", "Only a draft can be sent.")
	}
	if err := exchange.Sendable(c.me, m); err != nil {
		return nil, err
	}
	c.box.Remove(m)
	s.mail.Deliver(c.box, m, true)
	return &answer{status: http.StatusAccepted}, nil
}

// reply answers reply and replyAll, and createReply and createReplyAll, which
// leave a draft instead of sending.
func (s *Server) reply(c *call) (*answer, error) {
	m, err := c.composeReply()
	if err != nil {
		return nil, err
	}
	if strings.Contains(c.route.template, "/createReply") {
		return s.created(c, http.StatusCreated, s.mail.Draft(c.box, m)), nil
	}
	if err := exchange.Sendable(c.me, m); err != nil {
		return nil, err
	}
	s.mail.Deliver(c.box, m, true)
	return &answer{status: http.StatusAccepted}, nil
}

func (c *call) composeReply() (*exchange.Message, error) {
	original, err := c.message()
	if err != nil {
		return nil, err
	}
	o := wire.Object{}
	if len(c.body) > 0 {
		if o, err = wire.ReadObject(c.body, "reply", "comment", "Comment", "message", "Message"); err != nil {
			return nil, err
		}
	}
	var comment string
	var raw json.RawMessage
	for _, names := range [][2]string{{"Comment", "Message"}, {"comment", "message"}} {
		if err := wire.Read(o, names[0], &comment); err != nil {
			return nil, err
		}
		if err := wire.Read(o, names[1], &raw); err != nil {
			return nil, err
		}
	}
	m := &exchange.Message{}
	if raw != nil {
		if m, err = wire.ReadMessage(raw); err != nil {
			return nil, err
		}
	}
	if comment != "" && m.Body != "" { // documented: one or the other
		return nil, apierror.BadRequest("ErrorInvalidParameter", "Specify either the comment or the body of the message, not both.")
	}
	m.InReplyTo = original.InternetMessageID
	if m.Subject == "" {
		m.Subject = "RE: " + strings.TrimPrefix(strings.TrimPrefix(original.Subject, "RE: "), "Re: ")
	}
	if len(m.To) == 0 {
		m.To = original.ReplyTo
		if len(m.To) == 0 {
			m.To = []dataset.Address{original.From}
		}
		if strings.HasSuffix(c.route.template, "All") {
			m.To = c.others(slices.Concat(m.To, original.To))
			m.CC = c.others(slices.Concat(m.CC, original.CC))
		}
	}
	if m.Body == "" {
		m.Quote(original, comment)
	}
	return m, nil
}

// others leaves oneself out.
func (c *call) others(list []dataset.Address) []dataset.Address {
	return slices.DeleteFunc(list, func(a dataset.Address) bool { return strings.EqualFold(a.Address, c.me.Mail) })
}
