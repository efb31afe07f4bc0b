package wire

import (
	"cmp"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/exchange"
)

// Folder is a folder with the properties that were asked for.
func Folder(b *exchange.Mailbox, f dataset.Folder, names []string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if value := FolderProperty(b, f, name); value != nil {
			out[name] = value
		}
	}
	return out
}

// FolderProperty is the value of one property; nil where there is none.
func FolderProperty(b *exchange.Mailbox, f dataset.Folder, name string) any {
	switch name {
	case "id":
		return f.ID
	case "displayName":
		return f.Name
	case "parentFolderId":
		if f.ID == b.Root { // the root's own parent is not shown to anybody
			return exchange.ID("AQMkAD", b.Person.ID, "store", 88)
		}
		return cmp.Or(f.ParentID, b.Root)
	case "childFolderCount":
		return len(b.Children(f.ID))
	case "unreadItemCount":
		return count(b, f.ID, true)
	case "totalItemCount":
		return count(b, f.ID, false)
	case "isHidden":
		return false
	default:
		return nil
	}
}

func count(b *exchange.Mailbox, folderID string, unreadOnly bool) int {
	n := 0
	for _, m := range b.Messages(folderID) {
		if !unreadOnly || !m.Read {
			n++
		}
	}
	return n
}

// pick leaves the members that were asked for.
func pick(all map[string]any, names []string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			out[name] = value
		}
	}
	return out
}
