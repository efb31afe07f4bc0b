package mail

import (
	"context"
	"slices"

	"m365mcp/graph"
	"m365mcp/tool"
)

type replyArgs struct {
	ID          string   `json:"id"`
	Body        string   `json:"body"`
	ContentType string   `json:"contentType"`
	ReplyAll    bool     `json:"replyAll"`
	CC          []string `json:"cc"`
	Mailbox     string   `json:"mailbox"`
}

func replyToEmail() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "replyToEmail", Title: "Answer a mail", Family: family,
		Description: "Sends an answer to a mail at once, to its sender or to all, above the quoted original and in its thread.",
		Keywords:    "reply respond reply-all",
		Input: []tool.Field{
			idField, required(bodyField), bodyTypeField,
			{Name: "replyAll", Type: tool.Boolean},
			ccField, mailboxField,
		},
		Output:      sentFields,
		Destructive: true, OpenWorld: true, Core: true, Untrusted: true, // others' addresses
		Scopes: []string{sendScope, readScope}, SharedScopes: []string{sendSharedScope, readSharedScope},
	}, planReply, doReply)
}

// original reads the mail that is answered or passed on. No guard holds it: all
// that leaves of it is in the plan, and marking it as read changes its ETag.
func original(ctx context.Context, c tool.Call, b graph.Mailbox, field, given string) (message, []attachment, error) {
	m, files, err := fetch(ctx, c, b, field, given, "sentDateTime")
	if err == nil && m.IsDraft {
		err = tool.Invalid(field, "is a draft; sendDraft sends it")
	}
	return m, files, err
}

// own are the addresses of who answers.
func own(c tool.Call, b graph.Mailbox) []string {
	if b != "" {
		return []string{string(b)}
	}
	return []string{c.Principal.Mail, c.Principal.UPN}
}

// answersTo is where an answer goes: to who asked for answers, else to who wrote,
// or, for a mail of one's own, to whom that went
// (RFC 5322 section 3.6.3; https://learn.microsoft.com/graph/api/message-reply).
func answersTo(m message, all bool, own []string) (to, cc []string) {
	for _, list := range [][]graph.Recipient{m.ReplyTo, recipient(m.From), m.To} {
		if to = without(addresses(list), own...); len(to) > 0 {
			break
		}
	}
	if len(to) == 0 { // a mail to oneself
		to = without(addresses(m.To))
	}
	if all {
		to = append(to, without(addresses(m.To), append(slices.Clone(to), own...)...)...)
		cc = without(addresses(m.CC), append(slices.Clone(to), own...)...)
	}
	return to, cc
}

func planReply(ctx context.Context, c tool.Call, a replyArgs) (tool.Plan, error) {
	if err := checkRecipients(list{"cc", a.CC}); err != nil {
		return tool.Plan{}, err
	}
	if err := checkBody(a.Body); err != nil {
		return tool.Plan{}, err
	}
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Plan{}, err
	}
	if p, out := outOfReach(c, b, "/messages/{message}/reply", sendSharedScope, readSharedScope); out {
		return p, nil
	}
	m, _, err := original(ctx, c, b, "id", a.ID)
	if err != nil {
		return tool.Plan{}, err
	}
	to, cc := answersTo(m, a.ReplyAll, own(c, b))
	cc = append(cc, without(a.CC, append(slices.Clone(to), cc...)...)...)
	if len(to)+len(cc) == 0 {
		return tool.Plan{}, tool.Invalid("id", "is a mail without a sender to answer; use sendEmail")
	}
	template := "/messages/{message}/reply"
	if a.ReplyAll {
		template = "/messages/{message}/replyAll"
	}
	// The recipients are written out, so that nobody gets the mail who was not decided about.
	body, err := answer(ctx, c, a.ContentType, a.Body, m)
	if err != nil {
		return tool.Plan{}, err
	}
	request, err := respond(b, template, m, outgoing{To: graph.Recipients(to), CC: graph.Recipients(cc), Body: body})
	if err != nil {
		return tool.Plan{}, err
	}
	return shared(tool.Plan{
		Target: request.Path.Template(), Recipients: append(to, cc...), Content: known(append(leaving(m), a.Body)...), Writes: []graph.Request{request},
	}, b, sendSharedScope, readSharedScope), nil
}

// respond is a POST to one of a mail's actions that take a message.
func respond(b graph.Mailbox, template string, m message, out outgoing) (graph.Request, error) {
	path, err := b.To(template, m.ID)
	if err != nil {
		return graph.Request{}, err
	}
	request, err := graph.PostJSON(path, map[string]any{"message": out})
	if err != nil {
		return graph.Request{}, err
	}
	request.Prefer = immutable
	return request, fits(request)
}

func doReply(ctx context.Context, c tool.Call, _ replyArgs) (tool.Result, error) {
	if _, err := c.Graph.Do(ctx, c.Plan.Writes[0]); err != nil {
		return tool.Result{}, err
	}
	return sent(c.Plan, ""), nil
}

type forwardArgs struct {
	ID          string   `json:"id"`
	To          []string `json:"to"`
	CC          []string `json:"cc"`
	Body        string   `json:"body"`
	ContentType string   `json:"contentType"`
	Mailbox     string   `json:"mailbox"`
}

func forwardEmail() *tool.Tool {
	body := bodyField
	body.Description = "Above the forwarded mail."
	return tool.Define(tool.Spec{
		Name: "forwardEmail", Title: "Forward a mail", Family: family,
		Description: "Sends a mail on to others at once, with its attachments.",
		Keywords:    "pass on fwd send along",
		Input:       []tool.Field{idField, required(toField), body, bodyTypeField, ccField, mailboxField},
		Output:      sentFields,
		Destructive: true, OpenWorld: true, Untrusted: true, // names of files
		Scopes: []string{sendScope, readScope}, SharedScopes: []string{sendSharedScope, readSharedScope},
	}, planForward, doForward)
}

func planForward(ctx context.Context, c tool.Call, a forwardArgs) (tool.Plan, error) {
	if err := checkRecipients(list{"to", a.To}, list{"cc", a.CC}); err != nil {
		return tool.Plan{}, err
	}
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Plan{}, err
	}
	const template = "/messages/{message}/forward"
	if p, out := outOfReach(c, b, template, sendSharedScope, readSharedScope); out {
		return p, nil
	}
	m, attachments, err := original(ctx, c, b, "id", a.ID)
	if err != nil {
		return tool.Plan{}, err
	}
	body, err := answer(ctx, c, a.ContentType, a.Body, m)
	if err != nil {
		return tool.Plan{}, err
	}
	request, err := respond(b, template, m, outgoing{To: graph.Recipients(a.To), CC: graph.Recipients(a.CC), Body: body})
	if err != nil {
		return tool.Plan{}, err
	}
	files, texts, err := carried(ctx, c, b, m.ID, attachments)
	if err != nil {
		return tool.Plan{}, err
	}
	return shared(tool.Plan{
		Target: request.Path.Template(), Recipients: slices.Concat(a.To, a.CC), Files: files,
		Content: known(slices.Concat(leaving(m), texts, []string{a.Body})...), Writes: []graph.Request{request},
	}, b, sendSharedScope, readSharedScope), nil
}

func doForward(ctx context.Context, c tool.Call, _ forwardArgs) (tool.Result, error) {
	if _, err := c.Graph.Do(ctx, c.Plan.Writes[0]); err != nil {
		return tool.Result{}, err
	}
	return sent(c.Plan, ""), nil
}
