package mail

import (
	"context"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/handle"
	"m365mcp/tool"
)

type foldersArgs struct {
	Mailbox string `json:"mailbox"`
}

type foldersOut struct {
	Folders []folder `json:"folders"`
}

type folder struct {
	ID     string `json:"id"`
	Path   string `json:"path"`
	Unread int    `json:"unread,omitempty"`
	Total  int    `json:"total,omitempty"`
}

func listMailFolders() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "listMailFolders", Title: "Mail folders", Family: family,
		Description: "Lists all mail folders with their paths, how many mails each holds and how many are unread.",
		Keywords:    "mailbox structure subfolders unread count",
		Input:       []tool.Field{mailboxField},
		Output: []tool.Field{{Name: "folders", Type: tool.ObjectList, Required: true, Items: []tool.Field{
			{Name: "id", Type: tool.String},
			{Name: "path", Type: tool.String},
			{Name: "unread", Type: tool.Integer},
			{Name: "total", Type: tool.Integer},
		}}},
		ReadOnly: true, Idempotent: true, Untrusted: true,
		Scopes: []string{basicScope}, SharedScopes: []string{readSharedScope},
	}, func(_ context.Context, c tool.Call, a foldersArgs) (tool.Plan, error) {
		b, err := box(c, a.Mailbox)
		return shared(tool.Plan{Target: target(b, "/mailFolders")}, b, readSharedScope), err
	}, doFolders)
}

func doFolders(ctx context.Context, c tool.Call, a foldersArgs) (tool.Result, error) {
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Result{}, err
	}
	tree, err := folderTree(ctx, c, b)
	if err != nil {
		return tool.Result{}, err
	}
	ids := make([]string, len(tree))
	for i, f := range tree {
		ids[i] = f.ID
	}
	if ids, err = c.Short(ctx, handle.KindFolder, ids); err != nil {
		return tool.Result{}, err
	}
	out := foldersOut{Folders: make([]folder, len(tree))}
	text := make([]string, len(tree))
	for i, f := range tree {
		out.Folders[i] = folder{ids[i], content.Line(f.path, 500), f.Unread, f.Total}
		text[i] = fmt.Sprintf("- %s [%s], %d mails", out.Folders[i].Path, ids[i], f.Total)
		if f.Unread > 0 {
			text[i] += fmt.Sprintf(", %d unread", f.Unread)
		}
	}
	return tool.Result{Structured: out, Text: strings.Join(text, "\n"), Items: len(tree)}, nil
}
