package exchange

import (
	"cmp"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
)

// Sendable checks the recipients, and that sender may send in the name of the message's From.
func Sendable(sender *dataset.Person, m *Message) error {
	all := slices.Concat(m.To, m.CC, m.BCC)
	if len(all) == 0 {
		return apierror.BadRequest("ErrorInvalidRecipients", "At least one recipient is not valid., A message can't be sent because it contains no recipients.")
	}
	for _, a := range all {
		if !resolvable(a) {
			return apierror.BadRequest("ErrorInvalidRecipients", "At least one recipient is not valid., Recipient '%s' is not resolved. All recipients must be resolved before a message can be submitted.", cmp.Or(a.Address, a.Name))
		}
	}
	if m.From.Address != "" && !strings.EqualFold(m.From.Address, sender.Mail) && !strings.EqualFold(m.From.Address, sender.UPN) {
		return &apierror.Error{Status: http.StatusForbidden, Code: "ErrorSendAsDenied", Message: "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account., Cannot submit message."}
	}
	return nil
}

// Deliver puts the copies into the mailboxes. Only the sender's copy knows the
// blind recipients.
func (s *Store) Deliver(from *Mailbox, m *Message, keep bool) {
	now := s.now().UTC().Truncate(time.Second)
	m.From = dataset.Address{Name: from.Person.DisplayName, Address: from.Person.Mail}
	m.Sent, m.Received, m.Modified, m.Draft = now, now, now, false
	m.InternetMessageID = s.newMessageID(from)
	m.To, m.CC, m.BCC = s.resolveNames(m.To), s.resolveNames(m.CC), s.resolveNames(m.BCC)
	if keep {
		s.Place(from, "sentitems", m, true)
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
		s.Place(s.mailboxes[person.ID], "inbox", &blind, false)
	}
}

func (s *Store) newMessageID(box *Mailbox) string {
	s.serial++
	return fmt.Sprintf("<%s@%s>", ID("SIM", box.Person.ID, fmt.Sprint("mid", s.serial), 28)[:27], s.tenant.Domain)
}

// Place puts a copy with ids of its own into a folder.
func (s *Store) Place(box *Mailbox, folder string, m *Message, read bool) *Message {
	f, err := box.Folder(folder)
	if err != nil { // a mailbox without that folder receives nothing
		return nil
	}
	s.serial++
	id := fmt.Sprint("message", s.serial)
	clone := *m
	clone.owner, clone.FolderID, clone.Read = box.Person.ID, f.ID, read
	clone.ID = ID("AAMkAG", box.Person.ID, id, 152)
	clone.key = cmp.Or(m.key, clone.ID)
	clone.ConversationID = box.conversation(m.InReplyTo, m.InternetMessageID)
	clone.Attachments = slices.Clone(m.Attachments)
	for i := range clone.Attachments {
		clone.Attachments[i].ID = ID("AAMkAG", box.Person.ID, fmt.Sprint(id, "attachment", i), 192)
	}
	box.insert(&clone)
	return &clone
}

func (s *Store) byAddress(address string) *dataset.Person {
	people := s.tenant.People
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
func (s *Store) resolveNames(list []dataset.Address) []dataset.Address {
	list = slices.Clone(list)
	for i := range list {
		if p := s.byAddress(list[i].Address); p != nil {
			list[i].Name = p.DisplayName
		}
	}
	return list
}

// Draft puts a message of one's own, not yet sent, into Drafts.
func (s *Store) Draft(box *Mailbox, m *Message) *Message {
	now := s.now().UTC().Truncate(time.Second)
	m.Sent, m.Received, m.Modified, m.Draft = now, now, now, true
	m.InternetMessageID = s.newMessageID(box)
	if m.From.Address == "" {
		m.From = dataset.Address{Name: box.Person.DisplayName, Address: box.Person.Mail}
	}
	if placed := s.Place(box, "drafts", m, true); placed != nil {
		return placed
	}
	return m
}

// resolvable reports whether an address can be sent to at all.
func resolvable(a dataset.Address) bool {
	parsed, err := mail.ParseAddress(a.Address)
	return err == nil && parsed.Address == a.Address
}
