package mail

import (
	"context"

	"m365mcp/graph"
	"m365mcp/tool"
)

type updateArgs struct {
	IDs        []string  `json:"ids"`
	IsRead     *bool     `json:"isRead"`
	Flag       string    `json:"flag"`
	Categories *[]string `json:"categories"`
	Importance string    `json:"importance"`
	Mailbox    string    `json:"mailbox"`
}

func updateEmail() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "updateEmail", Title: "Mark mails", Family: family,
		Description: "Marks mails as read or unread, flags them for follow-up or as done, sets categories or importance.",
		Keywords:    "mark flag unflag label tag category",
		Input: []tool.Field{
			idsField,
			{Name: "isRead", Type: tool.Boolean, Description: "False: unread."},
			{Name: "flag", Type: tool.String, Enum: []string{"flagged", "complete", "notFlagged"}},
			{Name: "categories", Type: tool.StringList, Description: "In place of the present ones."},
			importanceField, mailboxField,
		},
		Output:     changedFields,
		Idempotent: true,
		Scopes:     []string{writeScope}, SharedScopes: []string{writeSharedScope},
	}, planUpdate, doUpdate)
}

// patch is the body of the change.
func (a updateArgs) patch() map[string]any {
	body := map[string]any{}
	if a.IsRead != nil {
		body["isRead"] = *a.IsRead
	}
	if a.Flag != "" {
		body["flag"] = map[string]string{"flagStatus": a.Flag}
	}
	if a.Categories != nil {
		body["categories"] = *a.Categories
	}
	if a.Importance != "" {
		body["importance"] = a.Importance
	}
	return body
}

func planUpdate(ctx context.Context, c tool.Call, a updateArgs) (tool.Plan, error) {
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Plan{}, err
	}
	body := a.patch()
	if len(body) == 0 {
		return tool.Plan{}, tool.Invalid("ids", "stands alone; give isRead, flag, categories or importance")
	}
	ids, err := mails(ctx, c, a.IDs)
	if err != nil {
		return tool.Plan{}, err
	}
	return changes(b, ids, graph.Patch, messagePath, body)
}

func doUpdate(ctx context.Context, c tool.Call, a updateArgs) (tool.Result, error) {
	return change(ctx, c, a.IDs, "Changed")
}
