package mail

import (
	"context"
	"errors"
	"slices"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

type sendArgs struct {
	To          []string `json:"to"`
	CC          []string `json:"cc"`
	BCC         []string `json:"bcc"`
	Subject     string   `json:"subject"`
	Body        string   `json:"body"`
	ContentType string   `json:"contentType"`
	Attachments []string `json:"attachments"`
	Importance  string   `json:"importance"`
	ReplyTo     []string `json:"replyTo"`
	Mailbox     string   `json:"mailbox"`
}

func sendEmail() *tool.Tool {
	from := mailboxField
	from.Description = "Shared mailbox to send from."
	return tool.Define(tool.Spec{
		Name: "sendEmail", Title: "Send a mail", Family: family,
		Description: "Send a new email to people at once; it is kept in Sent Items. It cannot be taken back.",
		Keywords:    "write email message compose to somebody",
		Input: []tool.Field{
			required(toField),
			{Name: "subject", Type: tool.String, Required: true, MaxLength: maxSubject},
			required(bodyField), bodyTypeField, ccField, bccField, attachmentsField, importanceField,
			{Name: "replyTo", Type: tool.StringOrList},
			from,
		},
		Output:      sentFields,
		Destructive: true, OpenWorld: true, Core: true,
		Scopes: []string{sendScope}, SharedScopes: []string{sendSharedScope},
	}, planSend, doSend)
}

// check accepts what can be sent as it is.
func (a sendArgs) check() error {
	if err := checkRecipients(list{"to", a.To}, list{"cc", a.CC}, list{"bcc", a.BCC}, list{"replyTo", a.ReplyTo}); err != nil {
		return err
	}
	if len(a.Attachments) == 0 {
		if err := checkBody(a.Body); err != nil {
			return err
		}
	}
	return checkSubject(a.Subject)
}

func planSend(ctx context.Context, c tool.Call, a sendArgs) (tool.Plan, error) {
	if err := a.check(); err != nil {
		return tool.Plan{}, err
	}
	b, err := box(c, a.Mailbox)
	if err != nil {
		return tool.Plan{}, err
	}
	plan := shared(tool.Plan{
		Target: "/me/sendMail", Recipients: slices.Concat(a.To, a.CC, a.BCC, a.ReplyTo), Content: known(a.Subject, a.Body),
	}, b, sendSharedScope)
	m, err := a.message(ctx, c, &plan)
	if err != nil {
		return tool.Plan{}, err
	}
	// Somebody else's name stands in from
	// (https://learn.microsoft.com/graph/outlook-send-mail-from-other-user).
	if b != "" {
		m.From = &graph.Recipient{EmailAddress: graph.EmailAddress{Address: string(b)}}
	}
	request, err := graph.PostJSON(graph.Fixed("/me/sendMail"), map[string]any{"message": m, "saveToSentItems": true})
	if err == nil {
		err = fits(request)
	}
	if err != nil {
		return tool.Plan{}, errors.Join(err, closeAll(plan.Files))
	}
	plan.Writes = []graph.Request{request}
	return plan, nil
}

// message is the mail as Graph takes it; the plan gets its files.
func (a sendArgs) message(ctx context.Context, c tool.Call, p *tool.Plan) (outgoing, error) {
	m := outgoing{
		Subject: a.Subject, Body: itemBody(a.ContentType, a.Body), To: graph.Recipients(a.To), CC: graph.Recipients(a.CC), BCC: graph.Recipients(a.BCC),
		ReplyTo: graph.Recipients(a.ReplyTo), Importance: a.Importance,
	}
	if err := sources(ctx, c, p, a.Attachments); err != nil {
		return outgoing{}, err
	}
	var err error
	if m.Attachments, err = attach(p.Files); err != nil {
		return outgoing{}, errors.Join(err, closeAll(p.Files))
	}
	return m, nil
}

func doSend(ctx context.Context, c tool.Call, a sendArgs) (tool.Result, error) {
	if _, err := c.Graph.Do(ctx, c.Plan.Writes[0]); err != nil {
		return tool.Result{}, err
	}
	return sent(c.Plan, content.Line(a.Subject, maxSubject)), nil
}
