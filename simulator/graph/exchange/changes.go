package exchange

import (
	"cmp"
	"slices"

	"m365mcp/simulator/dataset"
)

// gone is a message that has left a folder, or a folder that is no more.
type gone struct {
	change        int
	folder        string // empty: it is a folder itself
	id, immutable string
}

// Change is an item that is new or changed since a point in the life of a
// mailbox; of one that is gone only the id is left.
type Change struct {
	Number  int
	Message *Message
	Folder  *dataset.Folder
	GoneID  string
}

func (b *Mailbox) next() int {
	b.changes++
	return b.changes
}

func (b *Mailbox) touchFolder(id string) { b.touched[id] = b.next() }

// Now is the number of the last change.
func (b *Mailbox) Now() int { return b.changes }

// MessageChanges are those of a folder after a change, in their order. What was
// gone by then is left out: who starts there never knew of it.
func (b *Mailbox) MessageChanges(folderID string, after, known int, immutableForm bool) []Change {
	var out []Change
	for _, m := range b.messages {
		if m.change > after && (folderID == "" || m.FolderID == folderID) {
			out = append(out, Change{Number: m.change, Message: m})
		}
	}
	for _, g := range b.gone {
		if g.folder == "" || g.change <= max(after, known) || folderID != "" && g.folder != folderID {
			continue
		}
		id := g.id
		if immutableForm {
			id = g.immutable
		}
		if still, err := b.Message(id); err == nil && (folderID == "" || still.FolderID == folderID) {
			continue // it came back
		}
		out = append(out, Change{Number: g.change, GoneID: id})
	}
	slices.SortFunc(out, func(x, y Change) int { return cmp.Compare(x.Number, y.Number) })
	return out
}

// FolderChanges are those of the folders after a change. The numbers of
// messages that a folder shows do not make it a changed one.
func (b *Mailbox) FolderChanges(after, known int) []Change {
	var out []Change
	for i := range b.folders {
		if n := b.touched[b.folders[i].ID]; n > after {
			out = append(out, Change{Number: n, Folder: &b.folders[i]})
		}
	}
	for _, g := range b.gone {
		if g.folder == "" && g.change > max(after, known) {
			out = append(out, Change{Number: g.change, GoneID: g.id})
		}
	}
	slices.SortFunc(out, func(x, y Change) int { return cmp.Compare(x.Number, y.Number) })
	return out
}
