package mail

import (
	"context"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

type attachmentArgs struct {
	EmailID      string `json:"emailId"`
	EventID      string `json:"eventId"`
	AttachmentID string `json:"attachmentId"`
	Mode         string `json:"mode"`
	MaxChars     int    `json:"maxChars"`
	Cursor       string `json:"cursor"`
	Mailbox      string `json:"mailbox"`
}

type attachmentOut struct {
	Attachments []file   `json:"attachments"`
	Text        string   `json:"text,omitempty"`
	Notes       []string `json:"notes,omitempty"`
	Link        string   `json:"link,omitempty"`
	Expires     string   `json:"expires,omitempty"`
	Cursor      string   `json:"cursor,omitempty"`
}

func getAttachment() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "getAttachment", Title: "Read an attachment", Family: family,
		Description: "Lists the attachments of a mail or event; with attachmentId reads the text of one (PDF, Word, Excel, ...) or gives a download link for the person.",
		Keywords:    "attached file document pdf open",
		Input: []tool.Field{
			{Name: "emailId", Type: tool.String, Aliases: emailField.Aliases},
			{Name: "eventId", Type: tool.String},
			{Name: "attachmentId", Type: tool.String},
			{Name: "mode", Type: tool.String, Enum: []string{"text", "link"}, Default: "text"},
			charsField, cursorField, mailboxField,
		},
		Output: []tool.Field{
			{Name: "attachments", Type: tool.ObjectList, Required: true, Items: fileFields},
			{Name: "text", Type: tool.String},
			{Name: "notes", Type: tool.StringList},
			{Name: "link", Type: tool.String},
			{Name: "expires", Type: tool.String},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		Scopes: []string{readScope}, SharedScopes: []string{readSharedScope},
	}, planAttachment, doAttachment)
}

func planAttachment(ctx context.Context, c tool.Call, a attachmentArgs) (tool.Plan, error) {
	if a.AttachmentID == "" && (a.Mode == "link" || a.Cursor != "") {
		return tool.Plan{}, tool.Invalid("attachmentId", "is missing; call with emailId or eventId alone for the list")
	}
	of, err := findHolder(ctx, c, a.Mailbox, a.EmailID, a.EventID)
	if err != nil {
		return tool.Plan{}, err
	}
	_, suffix, err := a.path(ctx, c, of)
	return of.plan(suffix), err
}

// path is that of the list, or of the attachment that is named, and its suffix.
func (a attachmentArgs) path(ctx context.Context, c tool.Call, of holder) (path graph.Path, suffix string, err error) {
	if a.AttachmentID == "" {
		path, err = of.to("")
		return path, "", err
	}
	id, err := c.Resolve(ctx, "attachmentId", handle.KindAttachment, a.AttachmentID)
	if err != nil {
		return graph.Path{}, "", err
	}
	path, err = of.to(oneSuffix, id)
	return path, oneSuffix, err
}

func doAttachment(ctx context.Context, c tool.Call, a attachmentArgs) (tool.Result, error) {
	of, err := findHolder(ctx, c, a.Mailbox, a.EmailID, a.EventID)
	if err != nil {
		return tool.Result{}, err
	}
	path, _, err := a.path(ctx, c, of)
	if err != nil {
		return tool.Result{}, err
	}
	first := graph.Request{Method: graph.Get, Path: path, Prefer: immutable, Query: attachmentQuery}
	if a.AttachmentID == "" {
		return listAttachments(ctx, c, first)
	}
	resp, err := c.Graph.Do(ctx, first)
	if err != nil {
		return tool.Result{}, err
	}
	var one attachment
	if err := resp.Decode(&one); err != nil {
		return tool.Result{}, err
	}
	short, err := c.Short(ctx, handle.KindAttachment, []string{one.ID})
	if err != nil {
		return tool.Result{}, err
	}
	out := attachmentOut{Attachments: []file{one.shape(short[0])}}
	if a.Mode == "link" && one.Type != referenceAttachment {
		return out.link(ctx, c, of, one)
	}
	doc, err := one.text(ctx, c, of)
	if err != nil {
		return tool.Result{}, err
	}
	if out.Text, out.Cursor, err = content.Page(content.Plain(doc.Text).Text, a.MaxChars, a.Cursor); err != nil {
		return tool.Result{}, tool.Invalid("cursor", err.Error())
	}
	for _, n := range doc.Notes {
		out.Notes = append(out.Notes, content.Line(n, 300))
	}
	text := []string{out.Attachments[0].line(), "", or(out.Text, "(no text)")}
	for _, n := range out.Notes {
		text = append(text, "["+n+"]")
	}
	result := tool.Result{Structured: out, Text: strings.Join(text, "\n"), Items: 1}
	if out.Cursor != "" {
		result.Note = "[More: cursor " + out.Cursor + "]"
	}
	return result, nil
}

func (o attachmentOut) link(ctx context.Context, c tool.Call, of holder, one attachment) (tool.Result, error) {
	zone, err := c.Zone(ctx, "")
	if err != nil {
		return tool.Result{}, err
	}
	link, err := one.ticket(ctx, c, zone, of)
	if err != nil {
		return tool.Result{}, err
	}
	o.Link, o.Expires = link.URL, zone.Format(link.Expires)
	return tool.Result{
		Structured: o, Text: o.Attachments[0].line(), Items: 1,
		Note: fmt.Sprintf("Download link, for this person only and only once, until %s (%s): %s", o.Expires, zone.Label(), o.Link),
	}, nil
}

func listAttachments(ctx context.Context, c tool.Call, first graph.Request) (tool.Result, error) {
	items, _, err := graph.List[attachment](ctx, c.Graph, first, 0)
	if err != nil {
		return tool.Result{}, err
	}
	ids := make([]string, len(items))
	for i, a := range items {
		ids[i] = a.ID
	}
	if ids, err = c.Short(ctx, handle.KindAttachment, ids); err != nil {
		return tool.Result{}, err
	}
	out := attachmentOut{Attachments: make([]file, len(items))}
	text := []string{fmt.Sprintf("%d attachments.", len(items))}
	for i, a := range items {
		out.Attachments[i] = a.shape(ids[i])
		text = append(text, "- "+out.Attachments[i].line())
	}
	return tool.Result{Structured: out, Text: strings.Join(text, "\n"), Items: len(items)}, nil
}
