package files

import (
	"context"
	"fmt"

	"m365mcp/graph"
	"m365mcp/tool"
)

type folderArgs struct {
	Name string `json:"name"`
	place
}

func createFolder() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "createFolder", Title: "Create a folder", Family: family,
		Description: "Creates a folder in OneDrive or a SharePoint site, in another folder or at the top.",
		Keywords:    "make new directory",
		Input:       append([]tool.Field{{Name: "name", Type: tool.String, Required: true, MaxLength: maxName}}, placeFields...),
		Output:      changedFields,
		Scopes:      []string{writeScope}, SharedScopes: writeElsewhere[:1],
	}, planFolder, doFolder)
}

func planFolder(ctx context.Context, c tool.Call, a folderArgs) (tool.Plan, error) {
	if err := checkName("name", a.Name); err != nil {
		return tool.Plan{}, err
	}
	at, lacks, err := a.find(ctx, c, writeElsewhere)
	if err != nil || lacks != nil {
		return tool.Plan{Target: "/drives/{drive}", Scopes: lacks}, err
	}
	path, err := at.to("/children")
	if err != nil {
		return tool.Plan{}, err
	}
	request, err := graph.PostJSON(path, map[string]any{"name": a.Name, "folder": struct{}{}, behavior: conflictFail})
	if err != nil {
		return tool.Plan{}, err
	}
	readers, err := at.readers(ctx, c)
	return tool.Plan{Target: path.Template(), Recipients: readers, Content: []string{a.Name}, Writes: []graph.Request{request}}, err
}

func doFolder(ctx context.Context, c tool.Call, _ folderArgs) (tool.Result, error) {
	resp, err := c.Graph.Do(ctx, c.Plan.Writes[0])
	if err != nil {
		return tool.Result{}, err
	}
	made, err := readChanged(ctx, c, resp, "")
	if err != nil {
		return tool.Result{}, err
	}
	made.Size = 0
	return tool.Result{Structured: made, Items: 1, Text: fmt.Sprintf("Created the folder %s [%s]: %s", made.Name, made.ID, made.URL)}, nil
}

func deleteFile() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "deleteFile", Title: "Delete a file or folder", Family: family,
		Description: "Moves a file, or a folder with all that is in it, to the recycle bin.",
		Keywords:    "remove trash discard",
		Input:       []tool.Field{idField},
		Output:      []tool.Field{{Name: "id", Type: tool.String}},
		Destructive: true, Idempotent: true,
		Scopes: []string{writeScope}, SharedScopes: writeElsewhere[:1],
	}, planDelete, doDelete)
}

func planDelete(ctx context.Context, c tool.Call, a idArgs) (tool.Plan, error) {
	at, d, lacks, err := toChange(ctx, c, a.ID)
	if err != nil || lacks != nil {
		return tool.Plan{Target: "/drives/{drive}", Scopes: lacks}, err
	}
	path, err := at.to("")
	return tool.Plan{
		Target: path.Template(), Writes: []graph.Request{{Method: graph.Delete, Path: path, IfMatch: d.ETag}},
	}, err
}

// toChange reads the item that a write is about.
func toChange(ctx context.Context, c tool.Call, id string) (at spot, d driveItem, lacks []string, err error) {
	at, lacks, err = named(ctx, c, "id", id, writeElsewhere)
	if err != nil || lacks != nil {
		return at, d, lacks, err
	}
	if d, err = at.get(ctx, c, "id", "name", "eTag", "size", "file", "root", "parentReference"); err != nil {
		return at, d, nil, err
	}
	if d.Root != nil {
		return at, d, nil, tool.Invalid("id", "is the top of a drive, which cannot be moved, shared or deleted")
	}
	return at, d, nil, d.known(graph.Exchange{Method: graph.Get, Path: "/drives/{drive}/items/{item}"})
}

func doDelete(ctx context.Context, c tool.Call, a idArgs) (tool.Result, error) {
	if _, err := c.Graph.Do(ctx, c.Plan.Writes[0]); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Structured: a, Items: 1, Text: a.ID + " is in the recycle bin, where the person can restore it."}, nil
}
