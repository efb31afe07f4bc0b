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

// Outgoing is a message that left the tenant.
type Outgoing struct {
	Message    Message
	Recipients []string // addresses outside of the tenant, blind ones included
}

// Outbound lists the messages that left the tenant, in their order.
func (s *Store) Outbound() []Outgoing { return slices.Clone(s.outbound) }

// Sendable checks the recipients and names the sender. Somebody may send in
// the name of a mailbox that gave them the right to, or on its behalf.
func (s *Store) Sendable(caller *dataset.Person, box *Mailbox, m *Message) error {
	all := slices.Concat(m.To, m.CC, m.BCC)
	if len(all) == 0 {
		return apierror.BadRequest("ErrorInvalidRecipients", "At least one recipient is not valid., A message can't be sent because it contains no recipients.")
	}
	for _, a := range all {
		if !resolvable(a) {
			return apierror.BadRequest("ErrorInvalidRecipients", "At least one recipient is not valid., Recipient '%s' is not resolved. All recipients must be resolved before a message can be submitted.", cmp.Or(a.Address, a.Name))
		}
	}
	from := s.byAddress(cmp.Or(m.From.Address, box.Person.Mail))
	if from == nil {
		return sendAsDenied()
	}
	m.From, m.Sender = dataset.Address{Name: from.DisplayName, Address: from.Mail}, dataset.Address{}
	if from.ID == caller.ID {
		return nil
	}
	i := slices.IndexFunc(s.tenant.Shared, func(b dataset.SharedMailbox) bool { return b.ID == from.ID })
	switch {
	case i >= 0 && slices.Contains(s.tenant.Shared[i].SendAs, caller.ID):
	case i >= 0 && slices.Contains(s.tenant.Shared[i].SendOnFor, caller.ID):
		m.Sender = dataset.Address{Name: caller.DisplayName, Address: caller.Mail}
	default:
		return sendAsDenied()
	}
	return nil
}

func sendAsDenied() error {
	return &apierror.Error{Status: http.StatusForbidden, Code: "ErrorSendAsDenied", Message: "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account., Cannot submit message."}
}

// Deliver puts the copies into the mailboxes, after Sendable has named the
// sender. Only the sender's copy knows the blind recipients.
func (s *Store) Deliver(from *Mailbox, m *Message, keep bool) {
	now := s.now().UTC().Truncate(time.Second)
	m.Sent, m.Received, m.Modified, m.Draft = now, now, now, false
	m.InternetMessageID = s.newMessageID(from)
	m.To, m.CC, m.BCC = s.resolveNames(m.To), s.resolveNames(m.CC), s.resolveNames(m.BCC)
	if keep {
		s.Place(from, "sentitems", m, true)
	}
	var served, outside []string
	for _, a := range slices.Concat(m.To, m.CC, m.BCC) {
		person := s.byAddress(a.Address)
		if person == nil && !s.inside(a.Address) {
			outside = append(outside, a.Address)
		}
		if person == nil || slices.Contains(served, person.ID) || s.mailboxes[person.ID] == nil {
			continue
		}
		served = append(served, person.ID)
		s.Place(s.mailboxes[person.ID], "inbox", received(m), false)
	}
	if len(outside) > 0 {
		slices.Sort(outside)
		s.outbound = append(s.outbound, Outgoing{Message: *received(m), Recipients: slices.Compact(outside)})
	}
}

// inside reports whether an address is one of the tenant's, its machines' subdomains included.
func (s *Store) inside(address string) bool {
	_, domain, _ := strings.Cut(strings.ToLower(address), "@")
	return domain == s.tenant.Domain || strings.HasSuffix(domain, "."+s.tenant.Domain)
}

// received is a recipient's copy: without what is the sender's alone.
func received(m *Message) *Message {
	blind := *m
	blind.BCC, blind.key, blind.Flagged, blind.Completed, blind.FlagTimes, blind.Categories = nil, "", false, false, nil, nil
	return &blind
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
		clone.Attachments[i].ID = s.AttachmentID(box)
	}
	box.insert(&clone)
	return &clone
}

// AttachmentID is a new one.
func (s *Store) AttachmentID(box *Mailbox) string {
	s.serial++
	return ID("AAMkAG", box.Person.ID, fmt.Sprint("attachment", s.serial), 192)
}

// Move gives a message another folder and a new id; the immutable one stays.
func (s *Store) Move(box *Mailbox, m *Message, folderID string) (*Message, error) {
	conversation := m.ConversationID
	box.Remove(m)
	moved := s.Place(box, folderID, m, m.Read)
	if moved == nil {
		return nil, apierror.ItemNotFound()
	}
	moved.ConversationID = conversation
	return moved, nil
}

// Copy leaves the message where it is.
func (s *Store) Copy(box *Mailbox, m *Message, folderID string) (*Message, error) {
	twin := *m
	twin.key = ""
	copied := s.Place(box, folderID, &twin, m.Read)
	if copied == nil {
		return nil, apierror.ItemNotFound()
	}
	copied.ConversationID = m.ConversationID
	return copied, nil
}

func (s *Store) byAddress(address string) *dataset.Person {
	people := s.tenant.People
	for i := range people {
		if strings.EqualFold(people[i].Mail, address) || strings.EqualFold(people[i].UPN, address) {
			return &people[i]
		}
	}
	for i := range s.tenant.Shared {
		if p := &s.tenant.Shared[i].Person; strings.EqualFold(p.Mail, address) {
			return p
		}
	}
	return nil
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

// Draft puts a message that is not yet sent into a folder.
func (s *Store) Draft(box *Mailbox, folder string, m *Message) (*Message, error) {
	now := s.now().UTC().Truncate(time.Second)
	m.Sent, m.Received, m.Modified, m.Draft = now, now, now, true
	m.InternetMessageID = s.newMessageID(box)
	if m.From.Address == "" {
		m.From = dataset.Address{Name: box.Person.DisplayName, Address: box.Person.Mail}
	}
	placed := s.Place(box, folder, m, true)
	if placed == nil {
		return nil, apierror.ItemNotFound()
	}
	return placed, nil
}

// resolvable reports whether an address can be sent to at all.
func resolvable(a dataset.Address) bool {
	parsed, err := mail.ParseAddress(a.Address)
	return err == nil && parsed.Address == a.Address
}
