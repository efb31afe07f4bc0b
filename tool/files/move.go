package files

import (
	"context"
	"fmt"

	"m365mcp/graph"
	"m365mcp/tool"
)

type moveArgs struct {
	ID         string `json:"id"`
	ToFolderID string `json:"toFolderId"`
	NewName    string `json:"newName"`
	Copy       bool   `json:"copy"`
}

type moveOut struct {
	changed
	Copying bool `json:"copying,omitempty"`
}

// top names the top folder of the item's own drive, which no list shows.
const top = "root"

func moveFile() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "moveFile", Title: "Move, rename or copy", Family: family,
		Description: "Moves, renames or copies a file or folder.",
		Keywords:    "duplicate rename relocate",
		Input: []tool.Field{
			idField,
			{Name: "toFolderId", Type: tool.String, Description: "root is the top folder."},
			{Name: "newName", Type: tool.String, MaxLength: maxName},
			{Name: "copy", Type: tool.Boolean, Description: "Also to another drive; takes a while."},
		},
		Output: append([]tool.Field{{Name: "copying", Type: tool.Boolean}}, changedFields...),
		Scopes: []string{writeScope}, SharedScopes: writeElsewhere[:1],
	}, planMove, doMove)
}

func planMove(ctx context.Context, c tool.Call, a moveArgs) (tool.Plan, error) {
	switch {
	case a.ToFolderID == "" && a.NewName == "":
		return tool.Plan{}, tool.Invalid("toFolderId", "and newName are both missing; give at least one")
	case a.NewName != "":
		if err := checkName("newName", a.NewName); err != nil {
			return tool.Plan{}, err
		}
	}
	at, d, lacks, err := toChange(ctx, c, a.ID)
	if err != nil || lacks != nil {
		return tool.Plan{Target: "/drives/{drive}", Scopes: lacks}, err
	}
	body := map[string]any{}
	if a.NewName != "" {
		body["name"] = a.NewName
	}
	to, lacks, err := a.destination(ctx, c, at, d)
	switch {
	case err != nil || lacks != nil:
		return tool.Plan{Target: "/drives/{drive}", Scopes: lacks}, err
	case to.drive != at.drive && !a.Copy:
		return tool.Plan{}, tool.Invalid("toFolderId", "is in another drive, to which nothing can be moved; use copy, and deleteFile afterwards")
	case a.ToFolderID != "":
		body["parentReference"] = map[string]string{"driveId": to.drive, "id": to.item}
	}
	plan := tool.Plan{Content: []string{a.NewName}}
	if plan.Recipients, err = to.readers(ctx, c); err != nil {
		return tool.Plan{}, err
	}
	if len(plan.Recipients) > 0 && to != at { // they come to see the file itself
		file, err := at.leaving(c, d)
		if err != nil {
			return tool.Plan{}, err
		}
		plan.Files = []tool.Source{file}
	}
	if a.Copy {
		return at.planCopy(plan, d, body)
	}
	body[behavior] = conflictFail
	path, err := at.to("")
	if err != nil {
		return tool.Plan{}, err
	}
	request, err := graph.PatchJSON(path, body)
	request.IfMatch = d.ETag
	plan.Target, plan.Writes = path.Template(), []graph.Request{request}
	return plan, err
}

// planCopy guards the item: the action takes no If-Match
// (https://learn.microsoft.com/graph/api/driveitem-copy).
func (s spot) planCopy(plan tool.Plan, d driveItem, body map[string]any) (tool.Plan, error) {
	path, err := s.to("/copy")
	if err != nil {
		return tool.Plan{}, err
	}
	request, err := graph.PostJSON(path, body)
	if err != nil {
		return tool.Plan{}, err
	}
	request.Query = graph.Query{}.Param(behavior, conflictFail)
	guard, err := s.guard(d)
	plan.Target, plan.Writes, plan.Guards = path.Template(), []graph.Request{request}, []tool.Guard{guard}
	return plan, err
}

// guard holds the item against what the plan saw of it.
func (s spot) guard(d driveItem) (tool.Guard, error) {
	read, err := s.read("id", "eTag")
	return tool.Guard{Read: read, ETag: d.ETag}, err
}

// destination is the folder to move or copy into; of what is only renamed, the item
// itself.
func (a moveArgs) destination(ctx context.Context, c tool.Call, from spot, d driveItem) (to spot, lacks []string, err error) {
	switch {
	case a.ToFolderID == "" && a.Copy:
		return spot{from.drive, d.Parent.ID}, nil, nil
	case a.ToFolderID == "":
		return from, nil, nil
	case a.ToFolderID != top:
		return named(ctx, c, "toFolderId", a.ToFolderID, writeElsewhere)
	}
	root, err := spot{drive: from.drive}.get(ctx, c, "id")
	return spot{from.drive, root.ID}, nil, err
}

func doMove(ctx context.Context, c tool.Call, a moveArgs) (tool.Result, error) {
	resp, err := c.Graph.Do(ctx, c.Plan.Writes[0])
	if err != nil {
		return tool.Result{}, err
	}
	if a.Copy { // 202: Graph says nothing of the copy but an address to ask at
		return tool.Result{
			Structured: moveOut{Copying: true}, Items: 1, Text: "The copy is under way; listFiles of the folder shows it when it is done, mostly within a minute.",
		}, nil
	}
	ref, err := c.ResolveDriveItem(ctx, "id", a.ID)
	if err != nil {
		return tool.Result{}, err
	}
	made, err := readChanged(ctx, c, resp, ref.Drive)
	if err != nil {
		return tool.Result{}, err
	}
	made.Size = 0
	return tool.Result{Structured: moveOut{changed: made}, Items: 1, Text: fmt.Sprintf("Now %s [%s]: %s", made.Name, made.ID, made.URL)}, nil
}
