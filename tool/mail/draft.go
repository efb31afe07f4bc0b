package mail

import (
	"context"
	"slices"
	"strings"

	"m365mcp/graph"
	"m365mcp/tool"
)

type draftArgs struct {
	To          []string `json:"to"`
	CC          []string `json:"cc"`
	BCC         []string `json:"bcc"`
	Subject     string   `json:"subject"`
	Body        string   `json:"body"`
	ContentType string   `json:"contentType"`
	ReplyTo     string   `json:"replyTo"`
	ReplyAll    bool     `json:"replyAll"`
	ForwardOf   string   `json:"forwardOf"`
	Mailbox     string   `json:"mailbox"`
}

type draftOut struct {
	ID          string   `json:"id"`
	To          []string `json:"to,omitempty"`
	CC          []string `json:"cc,omitempty"`
	BCC         []string `json:"bcc,omitempty"`
	Attachments bool     `json:"attachments,omitempty"`
	WebLink     string   `json:"webLink,omitempty"`
}

func createDraft() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "createDraft", Title: "Write a draft", Family: family,
		Description: "Write a draft of a new email, a reply or a forward and leave it in Drafts; sends nothing.",
		Keywords:    "prepare compose email reply without sending save",
		Input: []tool.Field{
			toField, ccField, bccField,
			{Name: "subject", Type: tool.String, MaxLength: maxSubject},
			bodyField, bodyTypeField,
			{Name: "replyTo", Type: tool.String, Description: "Id of an email."},
			{Name: "replyAll", Type: tool.Boolean},
			{Name: "forwardOf", Type: tool.String, Description: "Id of an email."},
			mailboxField,
		},
		Output: []tool.Field{
			{Name: "id", Type: tool.String},
			{Name: "to", Type: tool.StringList},
			{Name: "cc", Type: tool.StringList},
			{Name: "bcc", Type: tool.StringList},
			{Name: "attachments", Type: tool.Boolean},
			{Name: "webLink", Type: tool.String},
		},
		OpenWorld: true, Core: true, Untrusted: true, // others' addresses
		Scopes: []string{writeScope}, SharedScopes: []string{writeSharedScope},
	}, planDraft, doDraft)
}

func (a draftArgs) check() error {
	if err := checkRecipients(list{"to", a.To}, list{"cc", a.CC}, list{"bcc", a.BCC}); err != nil {
		return err
	}
	switch {
	case a.ReplyTo != "" && a.ForwardOf != "":
		return tool.Invalid("forwardOf", "cannot stand beside replyTo; give one of them")
	case strings.Contains(a.ReplyTo, "@"): // in sendEmail replyTo is one
		return tool.Invalid("replyTo", "is an address; give the id of the email that the draft answers")
	case a.ReplyAll && a.ReplyTo == "":
		return tool.Invalid("replyAll", "needs replyTo, the id of the mail to answer")
	case a.ReplyTo+a.ForwardOf+a.Subject+a.Body == "" && len(a.To) == 0:
		return tool.Invalid("subject", "is missing, and so is everything else; give subject, body or to")
	}
	return checkSubject(a.Subject)
}

func planDraft(ctx context.Context, c tool.Call, a draftArgs) (tool.Plan, error) {
	if err := a.check(); err != nil {
		return tool.Plan{}, err
	}
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Plan{}, err
	}
	if p, out := outOfReach(c, b, "/messages", writeSharedScope); out {
		return p, nil
	}
	m := outgoing{
		Subject: a.Subject, To: graph.Recipients(a.To), CC: graph.Recipients(a.CC), BCC: graph.Recipients(a.BCC),
	}
	request, texts, err := a.request(ctx, c, b, m)
	if err != nil {
		return tool.Plan{}, err
	}
	return shared(tool.Plan{
		Target: request.Path.Template(), Content: known(append(texts, a.Subject, a.Body)...), Writes: []graph.Request{request},
	}, b, writeSharedScope), nil
}

// request is the one write that makes the draft, and the texts of the original in it.
func (a draftArgs) request(ctx context.Context, c tool.Call, b graph.Mailbox, m outgoing) (graph.Request, []string, error) {
	if a.ReplyTo+a.ForwardOf == "" {
		m.Body = itemBody(a.ContentType, a.Body)
		path, err := b.To("/messages")
		if err != nil {
			return graph.Request{}, nil, err
		}
		request, err := graph.PostJSON(path, m)
		request.Prefer = immutable
		return request, nil, err
	}
	field, given, template := "replyTo", a.ReplyTo, "/messages/{message}/createReply"
	switch {
	case a.ForwardOf != "":
		field, given, template = "forwardOf", a.ForwardOf, "/messages/{message}/createForward"
	case a.ReplyAll:
		template = "/messages/{message}/createReplyAll"
	}
	of, _, err := original(ctx, c, b, field, given)
	if err != nil {
		return graph.Request{}, nil, err
	}
	if m.Body, err = answer(ctx, c, a.ContentType, a.Body, of); err != nil {
		return graph.Request{}, nil, err
	}
	if a.ReplyTo != "" {
		to, cc := answersTo(of, a.ReplyAll, own(c, b))
		if len(a.To) > 0 {
			to = a.To
		}
		m.To, m.CC = graph.Recipients(to), graph.Recipients(append(cc, without(a.CC, append(slices.Clone(to), cc...)...)...))
	}
	request, err := respond(b, template, of, m)
	return request, leaving(of), err
}

func doDraft(ctx context.Context, c tool.Call, _ draftArgs) (tool.Result, error) {
	resp, err := c.Graph.Do(ctx, c.Plan.Writes[0])
	if err != nil {
		return tool.Result{}, err
	}
	var m message
	if err := resp.Decode(&m); err != nil {
		return tool.Result{}, err
	}
	id, err := shortMail(ctx, c, m.ID)
	if err != nil {
		return tool.Result{}, err
	}
	out := draftOut{
		ID: id, To: shown(addresses(m.To)), CC: shown(addresses(m.CC)), BCC: shown(addresses(m.BCC)), Attachments: m.HasAttachments, WebLink: m.WebLink,
	}
	text := "Draft [" + id + "]"
	if to := slices.Concat(out.To, out.CC, out.BCC); len(to) > 0 {
		text += " to " + strings.Join(to, ", ")
	}
	return tool.Result{Structured: out, Text: text + ". Nothing was sent; sendDraft sends it.", Items: 1}, nil
}

type sendDraftArgs struct {
	ID      string `json:"id"`
	Mailbox string `json:"mailbox"`
}

func sendDraft() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "sendDraft", Title: "Send a draft", Family: family,
		Description: "Sends a draft as it stands, at once.",
		Keywords:    "send prepared email",
		Input:       []tool.Field{idField, mailboxField},
		Output:      sentFields,
		Destructive: true, OpenWorld: true, Untrusted: true, // names of files
		Scopes: []string{sendScope, readScope}, SharedScopes: []string{sendSharedScope, readSharedScope},
	}, planSendDraft, doSendDraft)
}

func planSendDraft(ctx context.Context, c tool.Call, a sendDraftArgs) (tool.Plan, error) {
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Plan{}, err
	}
	const template = "/messages/{message}/send"
	if p, out := outOfReach(c, b, template, sendSharedScope, readSharedScope); out {
		return p, nil
	}
	m, attachments, err := fetch(ctx, c, b, "id", a.ID)
	if err != nil {
		return tool.Plan{}, err
	}
	recipients := slices.Concat(addresses(m.To), addresses(m.CC), addresses(m.BCC))
	switch {
	case !m.IsDraft:
		return tool.Plan{}, tool.Invalid("id", "is no draft; forwardEmail or replyToEmail send what is in a mail")
	case len(recipients) == 0:
		return tool.Plan{}, tool.Invalid("id", "is a draft without recipients; make one with to by createDraft")
	}
	path, err := b.To(template, m.ID)
	if err != nil {
		return tool.Plan{}, err
	}
	read, err := b.To(messagePath, m.ID)
	if err != nil {
		return tool.Plan{}, err
	}
	files, texts, err := carried(ctx, c, b, m.ID, attachments)
	if err != nil {
		return tool.Plan{}, err
	}
	plan := shared(tool.Plan{
		Target: path.Template(), Recipients: append(recipients, addresses(m.ReplyTo)...), Content: known(append(leaving(m), texts...)...), Files: files,
		Writes: []graph.Request{{Method: graph.Post, Path: path, Prefer: immutable}},
		Guards: []tool.Guard{{Read: graph.Request{Method: graph.Get, Path: read, Query: graph.Query{}.Select("id"), Prefer: immutable}, ETag: m.ETag}},
	}, b, sendSharedScope, readSharedScope)
	// A draft of one's own may be in the name of another mailbox.
	if from := addresses(recipient(m.From)); b == "" && len(without(from, own(c, b)...)) > 0 {
		plan.Scopes = append(plan.Scopes, sendSharedScope)
	}
	return plan, nil
}

func doSendDraft(ctx context.Context, c tool.Call, _ sendDraftArgs) (tool.Result, error) {
	if _, err := c.Graph.Do(ctx, c.Plan.Writes[0]); err != nil {
		return tool.Result{}, err
	}
	return sent(c.Plan, ""), nil
}
