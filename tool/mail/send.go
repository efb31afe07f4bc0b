package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"m365mcp/graph"
	"m365mcp/tool"
)

// Limits of a mail. Exchange Online takes 500 recipients a message by default
// (https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits);
// subject and body are ours: 255 characters is what Outlook shows, and Graph takes requests of 4 MB.
const (
	maxRecipients = 500
	maxSubject    = 255
	maxBody       = 500_000
)

type sendArgs struct {
	To          []string `json:"to"`
	CC          []string `json:"cc"`
	BCC         []string `json:"bcc"`
	Subject     string   `json:"subject"`
	Body        string   `json:"body"`
	ContentType string   `json:"contentType"`
}

type sent struct {
	Sent       bool     `json:"sent"`
	Recipients []string `json:"recipients"`
	Subject    string   `json:"subject"`
}

func sendEmail() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "sendEmail", Title: "Send a mail", Family: family,
		Description: "Sends a mail from the signed-in person's mailbox, at once, and keeps it in Sent Items. It cannot be taken back: be sure of recipients and text.",
		Input: []tool.Field{
			{Name: "to", Type: tool.StringOrList, Required: true, MaxLength: 320, MaxItems: maxRecipients, Description: "Address or addresses, such as ada@example.com."},
			{Name: "subject", Type: tool.String, Required: true, MaxLength: maxSubject},
			{Name: "body", Type: tool.String, Required: true, MaxLength: maxBody, Description: "HTML, or plain text: without any tag, line breaks are kept."},
			{Name: "contentType", Type: tool.String, Enum: []string{"html", "text"}, Default: "html", Description: "How body is written."},
			{Name: "cc", Type: tool.StringOrList, MaxLength: 320, MaxItems: maxRecipients},
			{Name: "bcc", Type: tool.StringOrList, MaxLength: 320, MaxItems: maxRecipients},
		},
		Output: []tool.Field{
			{Name: "sent", Type: tool.Boolean, Required: true, Description: "Whether Microsoft accepted the mail for delivery."},
			{Name: "recipients", Type: tool.StringList, Required: true},
			{Name: "subject", Type: tool.String, Required: true},
		},
		Destructive: true, OpenWorld: true,
		Scopes: []string{"Mail.Send"},
	}, planSend, doSend)
}

func planSend(_ context.Context, _ tool.Call, a sendArgs) (tool.Plan, error) {
	recipients := slices.Concat(a.To, a.CC, a.BCC)
	if err := a.check(len(recipients)); err != nil {
		return tool.Plan{}, err
	}
	request, err := graph.PostJSON(graph.Fixed("/me/sendMail"), graph.SendMail{
		Message: graph.OutgoingMessage{
			Subject:       a.Subject,
			Body:          graph.ItemBody{ContentType: a.ContentType, Content: keepLines(a.ContentType, a.Body)},
			ToRecipients:  graph.Recipients(a.To),
			CCRecipients:  graph.Recipients(a.CC),
			BCCRecipients: graph.Recipients(a.BCC),
		},
		SaveToSentItems: true,
	})
	return tool.Plan{
		Target: "/me/sendMail", Recipients: recipients, Content: []string{a.Subject, a.Body},
		Writes: []graph.Request{request},
	}, err
}

// keepLines saves plain text that was sent as html, the default since the seed:
// without a tag in it, its line breaks would all be lost.
func keepLines(contentType, body string) string {
	if contentType != "html" || strings.Contains(body, "<") {
		return body
	}
	return strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "<br>\n")
}

func (a sendArgs) check(recipients int) error {
	for _, list := range []struct {
		field     string
		addresses []string
	}{{"to", a.To}, {"cc", a.CC}, {"bcc", a.BCC}} {
		for _, address := range list.addresses {
			if err := checkAddress(address); err != nil {
				return tool.Invalid(list.field, err.Error())
			}
		}
	}
	if recipients > maxRecipients {
		return tool.Invalid("to", fmt.Sprintf("with cc and bcc has %d recipients; at most %d are allowed", recipients, maxRecipients))
	}
	if strings.ContainsAny(a.Subject, "\r\n\x00") {
		return tool.Invalid("subject", "contains a line break")
	}
	return nil
}

func doSend(ctx context.Context, c tool.Call, a sendArgs) (tool.Result, error) {
	if len(c.Plan.Writes) != 1 {
		return tool.Result{}, errors.New("sendEmail was not planned")
	}
	if _, err := c.Graph.Do(ctx, c.Plan.Writes[0]); err != nil {
		return tool.Result{}, err
	}
	out := sent{Sent: true, Recipients: c.Plan.Recipients, Subject: a.Subject}
	return tool.Result{
		Structured: out, Items: 1,
		Text: fmt.Sprintf("Sent to %s. Microsoft accepted it for delivery; it is in Sent Items.", strings.Join(out.Recipients, ", ")),
	}, nil
}
