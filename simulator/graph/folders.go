package graph

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
)

// listFolders lists the folders below the root, or below the folder of the
// path. includeHiddenFolders is accepted; the data set has no hidden folder.
func (s *Server) listFolders(c *call) (*answer, error) {
	parent := c.box.root
	path := "/mailFolders"
	if name, ok := c.params["mailFolder-id"]; ok {
		folder, err := c.box.folder(name)
		if err != nil {
			return nil, err
		}
		parent, path = folder.ID, "/mailFolders('"+name+"')/childFolders"
	}
	if hidden, ok := c.opts.custom["includehiddenfolders"]; ok && !containsFold([]string{"true", "false"}, hidden) {
		return nil, badRequest("BadRequest", "Invalid value '%s' for includeHiddenFolders.", hidden)
	}
	names, err := c.opts.selected("mailFolder", folderProperties, []string{"childFolders", "messageRules", "messages"})
	if err != nil {
		return nil, err
	}
	folders, err := c.selectFolders(c.box.children(parent))
	if err != nil {
		return nil, err
	}
	from, to, next := c.opts.page(len(folders))
	items := make([]any, 0, to-from)
	for _, f := range folders[from:to] {
		items = append(items, c.box.renderFolder(f, names))
	}
	value := map[string]any{"@odata.context": s.context(c, path), "value": items}
	if next > 0 {
		value["@odata.nextLink"] = s.nextLink(c, next)
	}
	if c.opts.count {
		value["@odata.count"] = len(folders)
	}
	return &answer{status: http.StatusOK, value: value}, nil
}

// selectFolders applies $filter and $orderby.
func (c *call) selectFolders(folders []dataset.Folder) ([]dataset.Folder, error) {
	filter, err := c.opts.filter("mailFolder", folderKinds)
	if err != nil {
		return nil, err
	}
	keys, err := c.opts.orderBy("mailFolder", folderKinds)
	if err != nil {
		return nil, err
	}
	if filter != nil {
		folders = slices.DeleteFunc(folders, func(f dataset.Folder) bool {
			return !filter.Match(func(path string) any { return c.box.folderProperty(f, path) })
		})
	}
	for _, key := range slices.Backward(keys) {
		if key.path != "displayName" {
			return nil, badRequest("ErrorInvalidUrlQuery", "The query specified in the URI is not valid. The property '%s' cannot be used in the $orderby query option.", key.path)
		}
		slices.SortStableFunc(folders, func(a, b dataset.Folder) int {
			order := cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
			if key.descending {
				return -order
			}
			return order
		})
	}
	return folders, nil
}

func (s *Server) getFolder(c *call) (*answer, error) {
	names, err := c.opts.selected("mailFolder", folderProperties, []string{"childFolders", "messageRules", "messages"})
	if err != nil {
		return nil, err
	}
	if c.opts.has("$expand") {
		return nil, badRequest("BadRequest", "The query specified in the URI is not valid. $expand is not supported on mail folders by the simulated tenant.")
	}
	folder, err := c.box.folder(c.params["mailFolder-id"])
	if err != nil {
		return nil, err
	}
	value := c.box.renderFolder(folder, names)
	value["@odata.context"] = s.context(c, "/mailFolders") + "/$entity"
	return &answer{status: http.StatusOK, value: value}, nil
}

func (b *mailbox) renderFolder(f dataset.Folder, names []string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if value := b.folderProperty(f, name); value != nil {
			out[name] = value
		}
	}
	return out
}

func (b *mailbox) folderProperty(f dataset.Folder, name string) any {
	switch name {
	case "id":
		return f.ID
	case "displayName":
		return f.Name
	case "parentFolderId":
		if f.ID == b.root { // the root's own parent is not shown to anybody
			return exchangeID("AQMkAD", b.person.ID, "store", 88)
		}
		return orElse(f.ParentID, b.root)
	case "childFolderCount":
		return len(b.children(f.ID))
	case "unreadItemCount":
		return b.count(f.ID, true)
	case "totalItemCount":
		return b.count(f.ID, false)
	case "isHidden":
		return false
	default:
		return nil
	}
}

func (b *mailbox) count(folderID string, unreadOnly bool) int {
	n := 0
	for _, m := range b.messages {
		if m.FolderID == folderID && (!unreadOnly || !m.Read) {
			n++
		}
	}
	return n
}
