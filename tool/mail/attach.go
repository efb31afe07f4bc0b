package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

type attachArgs struct {
	EmailID    string `json:"emailId"`
	Attachment string `json:"attachment"`
	Mailbox    string `json:"mailbox"`
}

type attachOut struct {
	Attached bool   `json:"attached"`
	ID       string `json:"id,omitempty"`
	Name     string `json:"name"`
	Size     int64  `json:"size"`
}

func addDraftAttachment() *tool.Tool {
	email := emailField
	email.Description = "Of the draft."
	return tool.Define(tool.Spec{
		Name: "addDraftAttachment", Title: "Attach a file to a draft", Family: family,
		Description: "Attaches an uploaded file, or one of OneDrive or SharePoint, to a draft; up to 150 MB.",
		Keywords:    "add file document to email",
		Input: []tool.Field{
			email,
			{Name: "attachment", Aliases: []string{"uploadId", "fileId"}, Type: tool.String, Required: true, Description: "Id of an upload (up_...) or file."},
			mailboxField,
		},
		Output: []tool.Field{
			{Name: "attached", Type: tool.Boolean, Required: true},
			{Name: "id", Type: tool.String},
			{Name: "name", Type: tool.String},
			{Name: "size", Type: tool.Integer},
		},
		Scopes: []string{writeScope}, SharedScopes: []string{writeSharedScope},
	}, planAttach, doAttach)
}

const sessionPath = "/messages/{message}/attachments/createUploadSession"

func planAttach(ctx context.Context, c tool.Call, a attachArgs) (tool.Plan, error) {
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Plan{}, err
	}
	if p, out := outOfReach(c, b, attachmentsPath, writeSharedScope); out {
		return p, nil
	}
	id, err := a.draft(ctx, c, b)
	if err != nil {
		return tool.Plan{}, err
	}
	file, scope, err := source(ctx, c, "attachment", a.Attachment)
	plan := shared(tool.Plan{Target: target(b, attachmentsPath)}, b, writeSharedScope)
	if scope != "" {
		plan.Scopes = append(plan.Scopes, scope)
	}
	if err != nil || file == nil {
		return plan, err
	}
	plan.Files = []tool.Source{file}
	var request graph.Request
	if err = c.Load(ctx, file); err == nil {
		request, err = attachRequest(b, id, file)
	}
	if err != nil {
		return tool.Plan{}, errors.Join(err, closeAll(plan.Files))
	}
	plan.Target, plan.Writes = request.Path.Template(), []graph.Request{request}
	return plan, nil
}

// draft is the id of the draft, which must be one.
func (a attachArgs) draft(ctx context.Context, c tool.Call, b graph.Mailbox) (string, error) {
	path, err := mailPath(ctx, c, b, messagePath, "emailId", a.EmailID)
	if err != nil {
		return "", err
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Prefer: immutable, Query: graph.Query{}.Select("id", "isDraft")})
	if err != nil {
		return "", err
	}
	var m message
	if err := resp.Decode(&m); err != nil {
		return "", err
	}
	if !m.IsDraft {
		return "", tool.Invalid("emailId", "is no draft; createDraft makes one")
	}
	return m.ID, nil
}

// attachRequest attaches a small file at once, and opens a session for a large one.
func attachRequest(b graph.Mailbox, id string, file tool.Source) (graph.Request, error) {
	switch {
	case file.Size() == 0:
		return graph.Request{}, tool.Invalid("attachment", "is empty")
	case file.Size() > maxAttachment:
		return graph.Request{}, tool.Invalid("attachment", fmt.Sprintf("has %s; at most %s can be attached: share it instead", size(file.Size()), size(maxAttachment)))
	case file.Size() < maxInline:
		path, err := b.To(attachmentsPath, id)
		if err != nil {
			return graph.Request{}, err
		}
		one, err := attached(file)
		if err != nil {
			return graph.Request{}, err
		}
		request, err := graph.PostJSON(path, one)
		request.Prefer = immutable
		return request, err
	}
	path, err := b.To(sessionPath, id)
	if err != nil {
		return graph.Request{}, err
	}
	return graph.PostJSON(path, map[string]any{"AttachmentItem": map[string]any{
		"attachmentType": "file", "name": content.Line(file.Name(), 255), "size": file.Size(), "contentType": file.ContentType(),
	}})
}

func doAttach(ctx context.Context, c tool.Call, _ attachArgs) (tool.Result, error) {
	file, request := c.Plan.Files[0], c.Plan.Writes[0]
	out := attachOut{Attached: true, Name: content.Line(file.Name(), 200), Size: file.Size()}
	if strings.HasSuffix(request.Path.Template(), sessionPath) {
		if _, err := c.Upload(ctx, request, file); err != nil {
			return tool.Result{}, err
		}
	} else {
		resp, err := c.Graph.Do(ctx, request)
		if err != nil {
			return tool.Result{}, err
		}
		var made attachment
		if err := resp.Decode(&made); err != nil {
			return tool.Result{}, err
		}
		short, err := c.Short(ctx, handle.KindAttachment, []string{made.ID})
		if err != nil {
			return tool.Result{}, err
		}
		out.ID = short[0]
	}
	return tool.Result{Structured: out, Items: 1, Text: fmt.Sprintf("Attached “%s” (%s) to the draft.", out.Name, size(out.Size))}, nil
}
