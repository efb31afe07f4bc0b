package dataset

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// post carries letters into mailboxes.
type post struct {
	clock    clock
	tenant   *Tenant
	contacts *contacts
	people   map[string]*Person // by local part
}

// mailbox makes a person's empty mailbox with all its folders.
func mailbox(p Person) *Mailbox {
	local := localPart(p.UPN)
	names, ok := folderNames[p.PreferredLanguage[:2]]
	if !ok {
		names = folderNames["en"]
	}
	m := &Mailbox{}
	for i, known := range wellKnown {
		m.Folders = append(m.Folders, Folder{ID: folderID(local, known), Name: names[i], WellKnown: known})
	}
	for _, own := range ownFolders[local] {
		f := Folder{ID: folderID(local, own.name), Name: own.name}
		if own.parent != "" {
			f.ParentID = folderID(local, own.parent)
		}
		m.Folders = append(m.Folders, f)
	}
	return m
}

// deliver gives the sender and every recipient of ours one copy each.
func (p *post) deliver(l *letter, body string) error {
	isHTML := l.format != "text"
	files, err := build(l.files)
	if err != nil {
		return fmt.Errorf("%s: %w", l.key, err)
	}
	m := Message{
		ConversationID: conversationID(l.thread), InternetMessageID: internetMessageID(l.key, l.from.Address),
		Subject: l.subject, From: l.from, To: l.to, CC: l.cc, ReplyTo: l.replyTo,
		Sent: l.at, Received: l.at.Add(time.Duration(1+draw(8, "transit", l.key)) * time.Second),
		HTML: isHTML, Body: body, Preview: preview(body, isHTML), Importance: l.importance,
		Attachments: files,
	}
	own := m
	own.Draft, own.Read, own.BCC = l.draft, true, l.bcc
	if from := p.contacts.members[l.from.Address]; len(from) == 1 {
		folder := "sentitems"
		if l.draft {
			folder, own.Received = "drafts", own.Sent
		}
		if err := p.file(l, own, from[0], folder); err != nil {
			return err
		}
	}
	if l.draft {
		return nil
	}
	for _, local := range p.recipients(l) {
		if err := p.file(l, p.incoming(l, m, local), local, cmp.Or(l.marks[local].folder, "inbox")); err != nil {
			return err
		}
	}
	return nil
}

// recipients are the local parts of those of ours whom a letter reaches, each once.
func (p *post) recipients(l *letter) []string {
	var out []string
	for _, a := range slices.Concat(l.to, l.cc, l.bcc) {
		for _, local := range p.contacts.members[a.Address] {
			isSender := p.people[local].Mail == l.from.Address
			if !isSender && !slices.Contains(out, local) {
				out = append(out, local)
			}
		}
	}
	return out
}

// incoming is a recipient's copy: most of what is older than a day and a half was read.
func (p *post) incoming(l *letter, m Message, local string) Message {
	mark := l.marks[local]
	old := p.clock.now.Sub(l.at) > 36*time.Hour
	m.Read = mark.read || !mark.unread && old && draw(14, "read", local, l.key) != 0
	m.Flagged = mark.flagged
	m.Categories = mark.categories
	return m
}

// file puts one copy into a folder, named by its well-known or own name.
func (p *post) file(l *letter, m Message, local, folder string) error {
	person := p.people[local]
	box := p.tenant.Mailbox[person.ID]
	m.FolderID = folderID(local, folder)
	if !slices.ContainsFunc(box.Folders, func(f Folder) bool { return f.ID == m.FolderID }) {
		return fmt.Errorf("%s: %s has no folder %q", l.key, local, folder)
	}
	m.ID = messageID(local, l.key)
	m.Attachments = slices.Clone(m.Attachments)
	for i := range m.Attachments {
		m.Attachments[i].ID = attachmentID(local, l.key, strconv.Itoa(i))
	}
	box.Messages = append(box.Messages, m)
	for _, i := range l.injections {
		i.PersonID, i.MessageID = person.ID, m.ID
		p.tenant.injections = append(p.tenant.injections, i)
	}
	return nil
}

// signature is what the people of the company put under mail that leaves it.
func (p *post) signature(l *letter) string {
	from := p.contacts.members[l.from.Address]
	inside := func(a Address) bool { return strings.HasSuffix(a.Address, "@"+domain) }
	if len(from) != 1 || !slices.ContainsFunc(slices.Concat(l.to, l.cc), func(a Address) bool { return !inside(a) }) {
		return ""
	}
	s := p.people[from[0]]
	return s.DisplayName + "\n" + s.JobTitle + " | " + p.tenant.Name + "\n" + s.BusinessPhones[0] + " | www." + domain
}
