// Package dataset is the content of the simulated tenant: a small company, its
// people and a few weeks of their mail. It is data alone: who serves it, and
// in which wire format, is the business of simulator/graph and simulator/entra.
package dataset

import "time"

// Tenant is everything the simulated company owns.
type Tenant struct {
	ID      string // directory (tenant) id, a UUID
	Name    string // display name of the company
	Domain  string // the verified domain of every UPN, a reserved example domain
	People  []Person
	Mailbox map[string]*Mailbox // by Person.ID
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
}
