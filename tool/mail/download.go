package mail

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/timezone"
	"m365mcp/tool"
)

// downloadAttachment sends the bytes of an attachment to a person with a ticket.
func downloadAttachment() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: downloadName, Title: "Download an attachment", Family: family, Of: "getAttachment",
		Description: "Sends the bytes of an attachment to the person.",
		Input: []tool.Field{
			{Name: "emailId", Type: tool.String},
			{Name: "eventId", Type: tool.String},
			{Name: "attachmentId", Type: tool.String, Required: true},
			mailboxField,
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true,
		Scopes: []string{readScope}, SharedScopes: []string{readSharedScope},
	}, planDownload, func(ctx context.Context, c tool.Call, _ downloadArgs) (tool.Result, error) {
		return tool.Result{Structured: struct{}{}, Items: 1}, c.Send(ctx, c.Plan.Files[0])
	})
}

// planDownload names the file as one that leaves: what the person gets is on the
// person's own device from then on.
func planDownload(ctx context.Context, c tool.Call, a downloadArgs) (tool.Plan, error) {
	of, err := findHolder(ctx, c, a.Mailbox, a.EmailID, a.EventID)
	if err != nil {
		return tool.Plan{}, err
	}
	plan := of.plan(contentSuffix)
	if slices.ContainsFunc(plan.Scopes, func(s string) bool { return !c.Has(s) }) {
		return plan, nil // refused before anything is read
	}
	path, err := of.to(oneSuffix, a.AttachmentID)
	if err != nil {
		return tool.Plan{}, err
	}
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: path, Prefer: immutable, Query: attachmentQuery})
	if err != nil {
		return tool.Plan{}, err
	}
	var one attachment
	if err := resp.Decode(&one); err != nil {
		return tool.Plan{}, err
	}
	file, text, err := one.leaving(ctx, c, of)
	plan.Content, plan.Files = known(text), []tool.Source{file}
	return plan, err
}

const downloadName = "download:attachment"

type downloadArgs struct {
	EmailID      string `json:"emailId,omitempty"`
	EventID      string `json:"eventId,omitempty"`
	AttachmentID string `json:"attachmentId"`
	Mailbox      string `json:"mailbox,omitempty"`
}

// ticket makes a link with which the person can download the attachment.
func (a attachment) ticket(ctx context.Context, c tool.Call, zone timezone.Zone, of holder) (tool.Link, error) {
	named := downloadArgs{EmailID: of.id, AttachmentID: a.ID, Mailbox: string(of.box)}
	if of.event {
		named.EmailID, named.EventID = "", of.id
	}
	args, err := json.Marshal(named)
	if err != nil {
		return tool.Link{}, fmt.Errorf("ticket: %w", err)
	}
	d := tool.Download{Tool: downloadName, Args: args, Name: or(content.Line(a.Name, 200), "attachment"), ContentType: or(a.ContentType, "application/octet-stream"), Size: a.Size}
	if a.Type == itemAttachment {
		d.Name, d.ContentType, d.Size = d.Name+mailFile, mailType, 0
	}
	link, err := c.Tickets.Download(ctx, c.Principal, zone, d)
	if err != nil {
		return tool.Link{}, fmt.Errorf("download link: %w", err)
	}
	return link, nil
}
