package graph

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
)

// wellKnownFolders are the names that stand for a folder's id (Graph,
// mailFolder resource), with the display names Exchange gives them.
var wellKnownFolders = map[string]string{
	"archive": "Archive", "clutter": "Clutter", "conflicts": "Conflicts", "conversationhistory": "Conversation History",
	"deleteditems": "Deleted Items", "drafts": "Drafts", "inbox": "Inbox", "junkemail": "Junk Email",
	"localfailures": "Local Failures", "msgfolderroot": "Top of Information Store", "outbox": "Outbox",
	"recoverableitemsdeletions": "Deletions", "scheduled": "Scheduled", "searchfolders": "Search Folders",
	"sentitems": "Sent Items", "serverfailures": "Server Failures", "syncissues": "Sync Issues",
}

// message is a mail in a mailbox, with what Exchange adds to it.
type message struct {
	dataset.Message
	owner     string // person
	key       string // what the immutable id is derived from: the first id
	modified  time.Time
	version   int
	headers   []dataset.Address // custom internet headers: name and value
	inReplyTo string            // internetMessageId of what this answers
}

// mailbox is one person's mail; the server's lock guards it.
type mailbox struct {
	person   *dataset.Person
	root     string // id of msgfolderroot
	folders  []dataset.Folder
	messages []*message // newest first
}

func newMailbox(person *dataset.Person, content *dataset.Mailbox) *mailbox {
	box := &mailbox{person: person, root: exchangeID("AQMkAD", person.ID, "root", 88), folders: slices.Clone(content.Folders)}
	for _, m := range content.Messages {
		box.messages = append(box.messages, &message{Message: m, owner: person.ID, key: m.ID, modified: m.Received})
	}
	slices.SortStableFunc(box.messages, newestFirst)
	return box
}

func newestFirst(a, b *message) int {
	if order := b.Received.Compare(a.Received); order != 0 {
		return order
	}
	return strings.Compare(a.ID, b.ID)
}

// insert puts a message into its place.
func (b *mailbox) insert(m *message) {
	i, _ := slices.BinarySearchFunc(b.messages, m, newestFirst)
	b.messages = slices.Insert(b.messages, i, m)
}

// remove takes a message out.
func (b *mailbox) remove(m *message) {
	b.messages = slices.DeleteFunc(b.messages, func(other *message) bool { return other == m })
}

// conversation is that of the message which is answered, or a new one.
func (b *mailbox) conversation(inReplyTo, key string) string {
	for _, m := range b.messages {
		if inReplyTo != "" && m.InternetMessageID == inReplyTo {
			return m.ConversationID
		}
	}
	return exchangeID("AAQkAG", b.person.ID, key, 88)
}

var exchangeIDForm = regexp.MustCompile(`\A[A-Za-z0-9_\-+/=]{40,}\z`)

// missing tells a well-formed id of nothing from what is no id at all.
func missing(id string) *apiError {
	if exchangeIDForm.MatchString(id) {
		return itemNotFound()
	}
	return malformedID()
}

// folder finds a folder by id or well-known name.
func (b *mailbox) folder(name string) (dataset.Folder, error) {
	lower := strings.ToLower(name)
	if lower == "msgfolderroot" || name == b.root {
		return dataset.Folder{ID: b.root, Name: wellKnownFolders["msgfolderroot"], WellKnown: "msgfolderroot"}, nil
	}
	for _, f := range b.folders {
		if f.ID == name || f.WellKnown != "" && f.WellKnown == lower {
			return f, nil
		}
	}
	if display, ok := wellKnownFolders[lower]; ok {
		err := itemNotFound()
		err.message += fmt.Sprintf(", Default folder %s not found.", display)
		return dataset.Folder{}, err
	}
	return dataset.Folder{}, missing(name)
}

// children lists the folders below one, in the order of the data.
func (b *mailbox) children(id string) []dataset.Folder {
	var out []dataset.Folder
	for _, f := range b.folders {
		if f.ParentID == id || f.ParentID == "" && id == b.root {
			out = append(out, f)
		}
	}
	return out
}

// message finds a message by either form of its id.
func (b *mailbox) message(id string) (*message, error) {
	immutableForm := strings.HasPrefix(id, immutablePrefix)
	for _, m := range b.messages {
		if m.ID == id || immutableForm && m.immutableID() == id {
			return m, nil
		}
	}
	return nil, missing(id)
}

// id is the form of the id that was asked for by Prefer.
func (m *message) id(immutable bool) string {
	if immutable {
		return m.immutableID()
	}
	return m.ID
}

// immutableID stays the same when a message is moved; see "Get immutable
// identifiers for Outlook resources" in Graph's documentation.
func (m *message) immutableID() string { return immutable(m.owner, m.key) }

const immutablePrefix = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A"

func immutable(owner, key string) string {
	sum := sha256.Sum256([]byte(owner + "\x00" + key))
	return immutablePrefix + base64.RawURLEncoding.EncodeToString(sum[:]) + "AAA="
}

func (m *message) attachment(id string) (dataset.Attachment, error) {
	for _, a := range m.Attachments {
		if a.ID == id || immutable(m.owner, a.ID) == id {
			return a, nil
		}
	}
	return dataset.Attachment{}, missing(id)
}

// changeKey changes with every change of the message.
func (m *message) changeKey() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", m.ID, m.version))
	return "CQAAABYAAAD" + base64.StdEncoding.EncodeToString(sum[:21])
}

func (m *message) etag() string { return `W/"` + m.changeKey() + `"` }

// hasAttachments leaves inline attachments out, as Graph does.
func (m *message) hasAttachments() bool {
	return slices.ContainsFunc(m.Attachments, func(a dataset.Attachment) bool { return !a.Inline })
}

// exchangeID derives an id in the form of Exchange's.
func exchangeID(prefix, owner, key string, size int) string {
	var encoded string
	for i := 0; len(encoded) < size; i++ {
		sum := sha512.Sum512(fmt.Appendf(nil, "%s\x00%s\x00%d", owner, key, i))
		encoded += base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return prefix + encoded[:size-len(prefix)-1] + "="
}
