// Package dataset is the content of the simulated tenant: a small company, its
// people and a few weeks of their mail. It is data alone: who serves it, and
// in which wire format, is the business of simulator/graph and simulator/entra.
//
// The mail is written in content/*.mail, one file for each kind of story. On
// its way to a mailbox it passes
//
//	text/template (dates relative to now, loops for volume)
//	-> parse (threads, mails, files) -> compose (HTML, quoted history, files)
//	-> deliver (one copy for the sender and for every recipient)
package dataset

import (
	"slices"
	"strings"
	"time"
)

// Tenant is everything the simulated company owns.
type Tenant struct {
	ID      string // directory (tenant) id, a UUID
	Name    string // display name of the company
	Domain  string // the verified domain of every UPN, a reserved example domain
	People  []Person
	Mailbox map[string]*Mailbox // by Person.ID
	Shared  []SharedMailbox     // their mail is in Mailbox too

	injections []Injection
}

// PersonByUPN finds a person by userPrincipalName or mail address, in any case.
func (t *Tenant) PersonByUPN(name string) (Person, bool) {
	return t.person(func(p Person) bool {
		return strings.EqualFold(p.UPN, name) || strings.EqualFold(p.Mail, name)
	})
}

// PersonByID finds a person by object id.
func (t *Tenant) PersonByID(id string) (Person, bool) {
	return t.person(func(p Person) bool { return strings.EqualFold(p.ID, id) })
}

func (t *Tenant) person(match func(Person) bool) (Person, bool) {
	i := slices.IndexFunc(t.People, match)
	if i < 0 {
		return Person{}, false
	}
	return t.People[i], true
}

// Injections lists the messages that carry instructions an assistant must not
// follow, one entry for each copy.
func (t *Tenant) Injections() []Injection { return slices.Clone(t.injections) }

// Injection is one hidden instruction: a witness for tests.
type Injection struct {
	PersonID  string // whose mailbox
	MessageID string
	Kind      string // how it hides: "white-on-white", "html-comment", "attachment", ...
	Marker    string // occurs in the body; for the kind "attachment", in an attachment's bytes
}

// Person is one member of the company, as Entra and Graph's user resource know them.
type Person struct {
	ID                string // object id (oid), a UUID
	UPN               string // userPrincipalName, lower case
	Mail              string
	DisplayName       string
	GivenName         string
	Surname           string
	JobTitle          string
	Department        string
	OfficeLocation    string
	MobilePhone       string
	BusinessPhones    []string
	PreferredLanguage string // BCP 47
	TimeZone          string // Windows zone name, as mailboxSettings/timeZone answers it
}

// Mailbox is one person's mail.
type Mailbox struct {
	Folders  []Folder
	Messages []Message
}

// Folder is a mail folder. WellKnown is Graph's name for it ("inbox",
// "sentitems", "drafts", "deleteditems", "archive", "junkemail", ...) or empty.
type Folder struct {
	ID        string
	ParentID  string // empty: directly below the mailbox root
	Name      string // display name
	WellKnown string
}

// Address is a name and an SMTP address.
type Address struct{ Name, Address string }

// Message is one mail in one mailbox.
type Message struct {
	ID                string // opaque, about 150 characters of base64url, as Graph's are
	FolderID          string
	ConversationID    string
	InternetMessageID string
	Subject           string
	From              Address
	To, CC, BCC       []Address
	ReplyTo           []Address
	Sent, Received    time.Time
	HTML              bool   // Body is HTML, else text
	Body              string // complete, quoted history included
	Preview           string // at most 255 characters of text
	Importance        string // low, normal, high
	Read              bool
	Draft             bool
	Flagged           bool
	Categories        []string
	Attachments       []Attachment
}

// Attachment is a file on a message.
type Attachment struct {
	ID          string
	Name        string
	ContentType string
	Inline      bool
	ContentID   string
	Content     []byte
	Item        []byte // JSON of an attached message, event or contact; nil: it is a file
}
