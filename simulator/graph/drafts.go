package graph

import (
	"encoding/json"
	"html"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
)

// created answers with the message as it is now.
func (s *Server) created(c *call, status int, m *message) *answer {
	value := renderer{base: s.opts.BaseURL, names: messageProperties, prefer: c.prefer, basic: c.basicOnly()}.message(m)
	value["@odata.context"] = s.context(c, "/messages") + "/$entity"
	return &answer{status: status, value: value, preferences: true}
}

func (s *Server) createDraft(c *call) (*answer, error) {
	m, err := readMessage(c.body)
	if err != nil {
		return nil, err
	}
	return s.created(c, http.StatusCreated, s.draft(c.box, m)), nil
}

// draft puts a message of one's own, not yet sent, into Drafts.
func (s *Server) draft(box *mailbox, m *message) *message {
	now := s.opts.Now().UTC().Truncate(time.Second)
	m.Sent, m.Received, m.modified, m.Draft = now, now, now, true
	m.InternetMessageID = s.newMessageID(box)
	if m.From.Address == "" {
		m.From = dataset.Address{Name: box.person.DisplayName, Address: box.person.Mail}
	}
	if placed := s.place(box, "drafts", m, true); placed != nil {
		return placed
	}
	return m
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
	o, err := readMessageObject(c.body)
	if err != nil {
		return nil, err
	}
	for name := range o.members {
		if !m.Draft && slices.Contains([]string{"subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "from", "sender"}, name) {
			return nil, badRequest("ErrorInvalidPropertySet", "The property '%s' can only be set on a draft.", name)
		}
	}
	changed := *m
	if err := readState(o, &changed); err != nil {
		return nil, err
	}
	if err := readContent(o, &changed); err != nil {
		return nil, err
	}
	changed.version++
	changed.modified = s.opts.Now().UTC().Truncate(time.Second)
	*m = changed
	return s.created(c, http.StatusOK, m), nil
}

// checkETag honours If-Match (RFC 9110 section 13.1.1).
func (c *call) checkETag(m *message) error {
	want := c.r.Header.Get("If-Match")
	if want == "" || want == "*" || want == m.etag() {
		return nil
	}
	return &apiError{status: http.StatusPreconditionFailed, code: "ErrorIrresolvableConflict", message: "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item."}
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
	c.box.remove(m)
	if bin, err := c.box.folder("deleteditems"); err == nil && bin.ID != m.FolderID {
		s.place(c.box, bin.ID, m, m.Read)
	}
	return &answer{status: http.StatusNoContent}, nil
}

// moveMessage gives the message a new id; the immutable one stays.
func (s *Server) moveMessage(c *call) (*answer, error) {
	o, err := readObject(c.body, "move", "destinationId", "DestinationId")
	if err != nil {
		return nil, err
	}
	var destination string
	for _, name := range []string{"DestinationId", "destinationId"} {
		if err := read(o, name, &destination); err != nil {
			return nil, err
		}
	}
	if destination == "" {
		return nil, badRequest("ErrorInvalidParameter", "The required parameter 'DestinationId' is missing.")
	}
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	folder, err := c.box.folder(destination)
	if err != nil {
		return nil, err
	}
	conversation := m.ConversationID
	c.box.remove(m)
	moved := s.place(c.box, folder.ID, m, m.Read)
	if moved == nil {
		return nil, itemNotFound()
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
		return nil, badRequest("ErrorInvalidRequest", "Only a draft can be sent.")
	}
	if err := s.checkSendable(c, m); err != nil {
		return nil, err
	}
	c.box.remove(m)
	s.deliver(c.box, m, true)
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
		return s.created(c, http.StatusCreated, s.draft(c.box, m)), nil
	}
	if err := s.checkSendable(c, m); err != nil {
		return nil, err
	}
	s.deliver(c.box, m, true)
	return &answer{status: http.StatusAccepted}, nil
}

func (c *call) composeReply() (*message, error) {
	original, err := c.message()
	if err != nil {
		return nil, err
	}
	o := object{}
	if len(c.body) > 0 {
		if o, err = readObject(c.body, "reply", "comment", "Comment", "message", "Message"); err != nil {
			return nil, err
		}
	}
	var comment string
	var raw json.RawMessage
	for _, names := range [][2]string{{"Comment", "Message"}, {"comment", "message"}} {
		if err := read(o, names[0], &comment); err != nil {
			return nil, err
		}
		if err := read(o, names[1], &raw); err != nil {
			return nil, err
		}
	}
	m := &message{}
	if raw != nil {
		if m, err = readMessage(raw); err != nil {
			return nil, err
		}
	}
	if comment != "" && m.Body != "" { // documented: one or the other
		return nil, badRequest("ErrorInvalidParameter", "Specify either the comment or the body of the message, not both.")
	}
	m.inReplyTo = original.InternetMessageID
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
		m.quote(original, comment)
	}
	return m, nil
}

// others leaves oneself out.
func (c *call) others(list []dataset.Address) []dataset.Address {
	return slices.DeleteFunc(list, func(a dataset.Address) bool { return strings.EqualFold(a.Address, c.me.Mail) })
}

// quote puts the comment above the history.
func (m *message) quote(original *message, comment string) {
	head := "From: " + mailHeader([]dataset.Address{original.From}) + "\r\nSent: " + original.Sent.UTC().Format(time.RFC1123) + "\r\nSubject: " + original.Subject
	m.Preview = preview(comment)
	if m.HTML = original.HTML; !m.HTML {
		m.Body = comment + "\r\n\r\n________________________________\r\n" + head + "\r\n\r\n" + original.Body
		return
	}
	m.Body = "<html><body><div>" + strings.ReplaceAll(html.EscapeString(comment), "\n", "<br>") + `</div><hr><div id="divRplyFwdMsg">` +
		strings.ReplaceAll(html.EscapeString(head), "\r\n", "<br>") + "</div>" + original.Body + "</body></html>"
}
