package graph

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
)

// sendMail delivers to every mailbox of the tenant among the recipients and
// keeps a copy in Sent Items. Parameters are PascalCase in the metadata and
// camelCase in the documentation; Graph takes both.
func (s *Server) sendMail(c *call) (*answer, error) {
	mediaType, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" { // MIME as text/plain is documented and not simulated
		return nil, &apiError{status: http.StatusUnsupportedMediaType, code: "UnsupportedMediaType", message: "The simulated tenant takes sendMail as application/json only."}
	}
	o, err := readObject(c.body, "sendMail", "message", "Message", "saveToSentItems", "SaveToSentItems")
	if err != nil {
		return nil, err
	}
	var raw json.RawMessage
	keep := true
	for _, name := range []string{"Message", "message"} {
		if err := read(o, name, &raw); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"SaveToSentItems", "saveToSentItems"} {
		if err := read(o, name, &keep); err != nil {
			return nil, err
		}
	}
	if raw == nil {
		return nil, badRequest("ErrorInvalidParameter", "The required parameter 'Message' is missing.")
	}
	m, err := readMessage(raw)
	if err != nil {
		return nil, err
	}
	if err := s.checkSendable(c, m); err != nil {
		return nil, err
	}
	s.deliver(c.box, m, keep)
	return &answer{status: http.StatusAccepted}, nil
}

func (s *Server) checkSendable(c *call, m *message) error {
	all := slices.Concat(m.To, m.CC, m.BCC)
	if len(all) == 0 {
		return badRequest("ErrorInvalidRecipients", "At least one recipient is not valid., A message can't be sent because it contains no recipients.")
	}
	for _, a := range all {
		if !resolvable(a) {
			return badRequest("ErrorInvalidRecipients", "At least one recipient is not valid., Recipient '%s' is not resolved. All recipients must be resolved before a message can be submitted.", orElse(a.Address, a.Name))
		}
	}
	if m.From.Address != "" && !strings.EqualFold(m.From.Address, c.me.Mail) && !strings.EqualFold(m.From.Address, c.me.UPN) {
		return &apiError{status: http.StatusForbidden, code: "ErrorSendAsDenied", message: "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account., Cannot submit message."}
	}
	return nil
}

// deliver puts the copies into the mailboxes. Only the sender's copy knows the
// blind recipients.
func (s *Server) deliver(from *mailbox, m *message, keep bool) {
	now := s.opts.Now().UTC().Truncate(time.Second)
	m.From = dataset.Address{Name: from.person.DisplayName, Address: from.person.Mail}
	m.Sent, m.Received, m.modified, m.Draft = now, now, now, false
	m.InternetMessageID = s.newMessageID(from)
	m.To, m.CC, m.BCC = s.resolveNames(m.To), s.resolveNames(m.CC), s.resolveNames(m.BCC)
	if keep {
		s.place(from, "sentitems", m, true)
	}
	var served []string
	for _, a := range slices.Concat(m.To, m.CC, m.BCC) {
		person := s.byAddress(a.Address)
		if person == nil || slices.Contains(served, person.ID) || s.mailboxes[person.ID] == nil {
			continue
		}
		served = append(served, person.ID)
		blind := *m
		blind.BCC, blind.key, blind.Flagged, blind.Categories = nil, "", false, nil
		s.place(s.mailboxes[person.ID], "inbox", &blind, false)
	}
}

func (s *Server) newMessageID(box *mailbox) string {
	s.serial++
	return fmt.Sprintf("<%s@%s>", exchangeID("SIM", box.person.ID, fmt.Sprint("mid", s.serial), 28)[:27], s.opts.Tenant.Domain)
}

// place puts a copy with ids of its own into a folder.
func (s *Server) place(box *mailbox, folder string, m *message, read bool) *message {
	f, err := box.folder(folder)
	if err != nil { // a mailbox without that folder receives nothing
		return nil
	}
	s.serial++
	id := fmt.Sprint("message", s.serial)
	clone := *m
	clone.owner, clone.FolderID, clone.Read = box.person.ID, f.ID, read
	clone.ID = exchangeID("AAMkAG", box.person.ID, id, 152)
	clone.key = orElse(m.key, clone.ID)
	clone.ConversationID = box.conversation(m.inReplyTo, m.InternetMessageID)
	clone.Attachments = slices.Clone(m.Attachments)
	for i := range clone.Attachments {
		clone.Attachments[i].ID = exchangeID("AAMkAG", box.person.ID, fmt.Sprint(id, "attachment", i), 192)
	}
	box.insert(&clone)
	return &clone
}

func (s *Server) byAddress(address string) *dataset.Person {
	people := s.opts.Tenant.People
	i := slices.IndexFunc(people, func(p dataset.Person) bool {
		return strings.EqualFold(p.Mail, address) || strings.EqualFold(p.UPN, address)
	})
	if i < 0 {
		return nil
	}
	return &people[i]
}

// resolveNames gives recipients the directory's names, as Exchange does. The
// list is copied: it may belong to the data set.
func (s *Server) resolveNames(list []dataset.Address) []dataset.Address {
	list = slices.Clone(list)
	for i := range list {
		if p := s.byAddress(list[i].Address); p != nil {
			list[i].Name = p.DisplayName
		}
	}
	return list
}
