package mail

import (
	"context"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

type moveArgs struct {
	IDs     []string `json:"ids"`
	Folder  string   `json:"folder"`
	Mailbox string   `json:"mailbox"`
}

func moveEmail() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "moveEmail", Title: "Move mails", Family: family,
		Description: "Moves mails to another folder, by its name or path; their ids stay.",
		Keywords:    "file archive sort into folder",
		Input:       []tool.Field{idsField, required(folderField), mailboxField},
		Output:      changedFields,
		Scopes:      []string{writeScope}, SharedScopes: []string{writeSharedScope},
	}, planMove, doMove)
}

const movePath = "/messages/{message}/move"

func planMove(ctx context.Context, c tool.Call, a moveArgs) (tool.Plan, error) {
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Plan{}, err
	}
	if p, out := outOfReach(c, b, movePath, writeSharedScope); out {
		return p, nil
	}
	ids, err := mails(ctx, c, a.IDs)
	if err != nil {
		return tool.Plan{}, err
	}
	folder, err := folderID(ctx, c, b, a.Folder)
	if err != nil {
		return tool.Plan{}, err
	}
	return changes(b, ids, graph.Post, movePath, map[string]string{"destinationId": folder})
}

func doMove(ctx context.Context, c tool.Call, a moveArgs) (tool.Result, error) {
	return change(ctx, c, a.IDs, "Moved to "+quoted(content.Line(strings.TrimSpace(a.Folder), 100), "the folder"))
}

type deleteArgs struct {
	IDs     []string `json:"ids"`
	Mailbox string   `json:"mailbox"`
}

func deleteEmail() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "deleteEmail", Title: "Delete mails", Family: family,
		Description: "Moves mails to Deleted Items, from where the person can take them back.",
		Keywords:    "remove trash bin",
		Input:       []tool.Field{idsField, mailboxField},
		Output:      changedFields,
		Destructive: true, Idempotent: true,
		Scopes: []string{writeScope}, SharedScopes: []string{writeSharedScope},
	}, planDelete, doDelete)
}

func planDelete(ctx context.Context, c tool.Call, a deleteArgs) (tool.Plan, error) {
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Plan{}, err
	}
	ids, err := mails(ctx, c, a.IDs)
	if err != nil {
		return tool.Plan{}, err
	}
	return changes(b, ids, graph.Post, movePath, map[string]string{"destinationId": "deleteditems"})
}

func doDelete(ctx context.Context, c tool.Call, a deleteArgs) (tool.Result, error) {
	return change(ctx, c, a.IDs, "Moved to Deleted Items")
}
