package mail

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

// wellKnown are folder names that Graph takes in place of an id
// (https://learn.microsoft.com/graph/api/resources/mailfolder).
var wellKnown = []string{"inbox", "sentitems", "drafts", "deleteditems", "archive", "junkemail", "outbox"}

// aliases are what people call them.
var aliases = map[string]string{
	"sent": "sentitems", "sent items": "sentitems", "sent mail": "sentitems", "draft": "drafts", "deleted": "deleteditems", "deleted items": "deleteditems",
	"trash": "deleteditems", "bin": "deleteditems", "junk": "junkemail", "spam": "junkemail", "junk email": "junkemail", "junk mail": "junkemail",
}

// Bounds of a folder tree. Exchange allows 300 levels and 10,000 children; a tree
// beyond these is one that nobody looks through.
const (
	maxFolders = 1000
	maxDepth   = 20
)

// mailFolder holds the properties of Graph's mailFolder resource.
type mailFolder struct {
	ID       string `json:"id"`
	Name     string `json:"displayName"`
	Children int    `json:"childFolderCount"`
	Unread   int    `json:"unreadItemCount"`
	Total    int    `json:"totalItemCount"`

	path string // names from the top, with slashes between
}

var folderQuery = graph.Query{}.Select("id", "displayName", "childFolderCount", "unreadItemCount", "totalItemCount").Top(250)

// wellKnownName returns the name that stands for a folder in a path, or "".
func wellKnownName(folder string) string {
	name := strings.ToLower(strings.TrimSpace(folder))
	if alias, ok := aliases[name]; ok {
		name = alias
	}
	if slices.Contains(wellKnown, name) {
		return name
	}
	return ""
}

// looksLikeID reports whether s has the shape of Graph's ids: long base64url.
func looksLikeID(s string) bool {
	return len(s) >= 40 && len(s) <= 512 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '='
	})
}

// folderID returns what stands in a path for the folder that the argument means: a
// well-known name, an id, or what the folder tree has under this name or path.
func folderID(ctx context.Context, c tool.Call, b graph.Mailbox, folder string) (string, error) {
	if name := wellKnownName(folder); name != "" {
		return name, nil
	}
	if looksLikeID(folder) || strings.HasPrefix(strings.ToLower(folder), "mf_") {
		return c.Resolve(ctx, "folder", handle.KindFolder, folder)
	}
	given := strings.Trim(content.Line(folder, 512), " /")
	if given == "" || given != strings.Trim(folder, " /") {
		return "", tool.Invalid("folder", "is no folder's name: it is empty or has characters that cannot be seen; allowed: "+strings.Join(wellKnown, ", ")+", a name or path, or an id")
	}
	tree, err := folderTree(ctx, c, b)
	if err != nil {
		return "", err
	}
	return find(tree, given)
}

// find looks for a whole path first, then for the end of one, such as a name.
func find(tree []mailFolder, given string) (string, error) {
	var found []mailFolder
	for _, whole := range []bool{true, false} {
		for _, f := range tree {
			if strings.EqualFold(f.path, given) || !whole && endsWith(f.path, "/"+given) {
				found = append(found, f)
			}
		}
		if len(found) > 0 {
			break
		}
	}
	paths := func(list []mailFolder) string {
		var names []string
		for i, f := range list {
			if i == 15 {
				names = append(names, "...")
				break
			}
			names = append(names, content.Line(f.path, 120))
		}
		return strings.Join(names, "; ")
	}
	switch len(found) {
	case 1:
		return found[0].ID, nil
	case 0:
		return "", tool.Invalid("folder", "is not a folder of this mailbox; there are "+paths(tree)+"; listMailFolders lists all")
	}
	return "", tool.Invalid("folder", "stands for several folders; give the whole path of one: "+paths(found))
}

func endsWith(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// folderTree reads all folders, level by level; each comes behind its parent.
func folderTree(ctx context.Context, c tool.Call, b graph.Mailbox) ([]mailFolder, error) {
	path, err := b.To("/mailFolders")
	if err != nil {
		return nil, err
	}
	top, _, err := graph.List[mailFolder](ctx, c.Graph, graph.Request{Method: graph.Get, Path: path, Query: folderQuery}, 0)
	if err != nil {
		return nil, err
	}
	for i := range top {
		top[i].path = top[i].Name
	}
	below := map[string][]mailFolder{}
	level, seen := top, len(top)
	for depth := 1; depth < maxDepth && seen < maxFolders; depth++ {
		parents := slices.DeleteFunc(slices.Clone(level), func(f mailFolder) bool { return f.Children == 0 })
		if len(parents) == 0 {
			break
		}
		if level, err = children(ctx, c, b, parents, below); err != nil {
			return nil, err
		}
		seen += len(level)
	}
	return flat(nil, top, below), nil
}

func flat(out, level []mailFolder, below map[string][]mailFolder) []mailFolder {
	for _, f := range level {
		out = flat(append(out, f), below[f.ID], below)
	}
	return out
}

// children reads the folders below each of the parents.
func children(ctx context.Context, c tool.Call, b graph.Mailbox, parents []mailFolder, below map[string][]mailFolder) ([]mailFolder, error) {
	requests := make([]graph.Request, len(parents))
	for i, f := range parents {
		path, err := b.To("/mailFolders/{folder}/childFolders", f.ID)
		if err != nil {
			return nil, fmt.Errorf("folder id of Graph: %w", err)
		}
		requests[i] = graph.Request{Method: graph.Get, Path: path, Query: folderQuery}
	}
	results, err := graph.Batch(ctx, c.Graph, requests)
	if err != nil {
		return nil, err
	}
	var all []mailFolder
	for i, r := range results {
		if r.Err != nil {
			return nil, r.Err
		}
		var page graph.Page[mailFolder]
		if err := r.Response.Decode(&page); err != nil {
			return nil, err
		}
		list := page.Value
		if page.NextLink != "" {
			next := requests[i]
			next.Next = page.NextLink
			rest, _, err := graph.List[mailFolder](ctx, c.Graph, next, 0)
			if err != nil {
				return nil, err
			}
			list = append(list, rest...)
		}
		for j := range list {
			list[j].path = parents[i].path + "/" + list[j].Name
		}
		below[parents[i].ID] = list
		all = append(all, list...)
	}
	return all, nil
}
