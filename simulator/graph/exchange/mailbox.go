package exchange

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
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

// Mailbox is one person's mail.
type Mailbox struct {
	Person *dataset.Person
	Root   string // id of msgfolderroot

	folders  []dataset.Folder
	messages []*Message // newest first
	changes  int        // how many there have been
	touched  map[string]int
	gone     []gone
}

func newMailbox(person *dataset.Person, content *dataset.Mailbox) *Mailbox {
	box := &Mailbox{Person: person, Root: ID("AQMkAD", person.ID, "root", 88), folders: slices.Clone(content.Folders), touched: map[string]int{}}
	for _, m := range content.Messages {
		box.messages = append(box.messages, &Message{Message: m, owner: person.ID, key: m.ID, Modified: m.Received})
	}
	slices.SortStableFunc(box.messages, newestFirst)
	for _, f := range box.folders {
		box.touchFolder(f.ID)
	}
	for _, m := range box.messages {
		m.change = box.next()
	}
	return box
}

func newestFirst(a, b *Message) int {
	if order := b.Received.Compare(a.Received); order != 0 {
		return order
	}
	return strings.Compare(a.ID, b.ID)
}

// insert puts a message into its place.
func (b *Mailbox) insert(m *Message) {
	m.change = b.next()
	i, _ := slices.BinarySearchFunc(b.messages, m, newestFirst)
	b.messages = slices.Insert(b.messages, i, m)
}

// Remove takes a message out.
func (b *Mailbox) Remove(m *Message) {
	b.gone = append(b.gone, gone{change: b.next(), folder: m.FolderID, id: m.ID, immutable: m.ImmutableID()})
	b.messages = slices.DeleteFunc(b.messages, func(other *Message) bool { return other == m })
}

// Update replaces the content of a message: another version from now on.
func (b *Mailbox) Update(m *Message, changed Message, now time.Time) {
	changed.version, changed.Modified, changed.change = m.version+1, now.UTC().Truncate(time.Second), b.next()
	*m = changed
}

// Messages lists the messages, or those of one folder, newest first. The list is not to be changed.
func (b *Mailbox) Messages(folderID string) []*Message {
	if folderID == "" {
		return b.messages
	}
	var out []*Message
	for _, m := range b.messages {
		if m.FolderID == folderID {
			out = append(out, m)
		}
	}
	return out
}

// conversation is that of the message which is answered, or a new one.
func (b *Mailbox) conversation(inReplyTo, key string) string {
	for _, m := range b.messages {
		if inReplyTo != "" && m.InternetMessageID == inReplyTo {
			return m.ConversationID
		}
	}
	return ID("AAQkAG", b.Person.ID, key, 88)
}

// Folder finds a folder by id or well-known name.
func (b *Mailbox) Folder(name string) (dataset.Folder, error) {
	lower := strings.ToLower(name)
	if lower == "msgfolderroot" || name == b.Root {
		return dataset.Folder{ID: b.Root, Name: wellKnownFolders["msgfolderroot"], WellKnown: "msgfolderroot"}, nil
	}
	for _, f := range b.folders {
		if f.ID == name || f.WellKnown != "" && f.WellKnown == lower {
			return f, nil
		}
	}
	if display, ok := wellKnownFolders[lower]; ok {
		err := apierror.ItemNotFound()
		err.Message += fmt.Sprintf(", Default folder %s not found.", display)
		return dataset.Folder{}, err
	}
	return dataset.Folder{}, missing(name)
}

// Children lists the folders below one, in the order of the data.
func (b *Mailbox) Children(id string) []dataset.Folder {
	var out []dataset.Folder
	for _, f := range b.folders {
		if f.ParentID == id || f.ParentID == "" && id == b.Root {
			out = append(out, f)
		}
	}
	return out
}

// Message finds a message by either form of its id.
func (b *Mailbox) Message(id string) (*Message, error) {
	immutableForm := strings.HasPrefix(id, immutablePrefix)
	for _, m := range b.messages {
		if m.ID == id || immutableForm && m.ImmutableID() == id {
			return m, nil
		}
	}
	return nil, missing(id)
}
