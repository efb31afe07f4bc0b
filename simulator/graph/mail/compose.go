package mail

import (
	"encoding/json"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// reply answers reply, replyAll and forward, and createReply, createReplyAll
// and createForward, which leave a draft instead of sending.
func (c *call) reply() (*service.Answer, error) {
	_, action, _ := strings.Cut(c.Operation.Template, "{message-id}/")
	m, err := c.answerTo(strings.ToLower(strings.TrimPrefix(action, "create")))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(action, "create") {
		return c.draft("drafts", m)
	}
	return c.send(m, true)
}

// answerTo composes the answer to the message of the path: the message of the
// parameters, completed from the original.
func (c *call) answerTo(action string) (*exchange.Message, error) {
	original, err := c.message()
	if err != nil {
		return nil, err
	}
	params := []string{"comment", "message"}
	if action == "forward" {
		params = append(params, "toRecipients")
	}
	if err := c.wantJSON(); err != nil {
		return nil, err
	}
	o, err := wire.ReadAction(c.Body, action, params...)
	if err != nil {
		return nil, err
	}
	var comment string
	var raw json.RawMessage
	if err := wire.Read(o, "comment", &comment); err != nil {
		return nil, err
	}
	if err := wire.Read(o, "message", &raw); err != nil {
		return nil, err
	}
	m := &exchange.Message{}
	if raw != nil {
		if m, err = wire.ReadMessage(raw); err != nil {
			return nil, err
		}
	}
	if comment != "" && m.Body != "" { // documented: one or the other
		return nil, apierror.BadRequest("ErrorInvalidParameter", "Specify either the comment or the body of the message, not both.")
	}
	if action == "forward" {
		err = c.forwardTo(o, original, m)
	} else {
		c.replyTo(original, m, action == "replyall")
	}
	if m.Body == "" {
		m.Quote(original, comment)
	}
	return m, err
}

// replyTo addresses an answer to who wrote, or to whom one wrote oneself.
func (c *call) replyTo(original, m *exchange.Message, all bool) {
	m.InReplyTo = original.InternetMessageID
	if m.Subject == "" {
		m.Subject = "RE: " + strings.TrimPrefix(strings.TrimPrefix(original.Subject, "RE: "), "Re: ")
	}
	if len(m.To) > 0 {
		return
	}
	own := strings.EqualFold(original.From.Address, c.Owner.Mail)
	switch {
	case len(original.ReplyTo) > 0:
		m.To = original.ReplyTo
	case own:
		m.To = original.To
	default:
		m.To = []dataset.Address{original.From}
	}
	if all {
		m.To = c.others(slices.Concat(m.To, original.To), nil)
		m.CC = c.others(slices.Concat(m.CC, original.CC), m.To)
	}
}

// others leaves oneself out, and who is on another list or named before.
func (c *call) others(list, besides []dataset.Address) []dataset.Address {
	var out []dataset.Address
	for _, a := range list {
		same := func(b dataset.Address) bool { return strings.EqualFold(a.Address, b.Address) }
		if !strings.EqualFold(a.Address, c.Owner.Mail) && !slices.ContainsFunc(out, same) && !slices.ContainsFunc(besides, same) {
			out = append(out, a)
		}
	}
	return out
}

// forwardTo takes the files along.
func (c *call) forwardTo(o wire.Object, original, m *exchange.Message) error {
	var to []dataset.Address
	if err := wire.ReadRecipients(o, "toRecipients", &to); err != nil {
		return err
	}
	if len(to) > 0 && len(m.To) > 0 { // documented: one or the other
		return apierror.BadRequest("ErrorInvalidParameter", "Specify either the parameter toRecipients or the toRecipients of the message, not both.")
	}
	if len(m.To) == 0 {
		m.To = to
	}
	if m.Subject == "" {
		m.Subject = "FW: " + strings.TrimPrefix(strings.TrimPrefix(original.Subject, "FW: "), "Fw: ")
	}
	m.Attachments = slices.Concat(original.Attachments, m.Attachments)
	return nil
}
