package mail

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// wantJSON refuses a body of another media type. MIME as text/plain is
// documented for these operations and not simulated.
func (c *call) wantJSON() error {
	if len(c.Body) == 0 {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(c.Request.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return &apierror.Error{Status: http.StatusUnsupportedMediaType, Code: "UnsupportedMediaType", Message: "The simulated tenant takes mail as application/json only."}
	}
	return nil
}

// sendMail delivers to every mailbox of the tenant among the recipients and
// keeps a copy in Sent Items.
func (c *call) sendMail() (*service.Answer, error) {
	if err := c.wantJSON(); err != nil {
		return nil, err
	}
	o, err := wire.ReadAction(c.Body, "sendMail", "message", "saveToSentItems")
	if err != nil {
		return nil, err
	}
	var raw json.RawMessage
	keep := true
	if err := wire.Read(o, "message", &raw); err != nil {
		return nil, err
	}
	if err := wire.Read(o, "saveToSentItems", &keep); err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, apierror.BadRequest("ErrorInvalidParameter", "The required parameter 'Message' is missing.")
	}
	m, err := wire.ReadMessage(raw)
	if err != nil {
		return nil, err
	}
	return c.send(m, keep)
}

// send is the end of every operation that sends.
func (c *call) send(m *exchange.Message, keep bool) (*service.Answer, error) {
	if err := c.sendable(m); err != nil {
		return nil, err
	}
	c.store.Deliver(c.box, m, keep)
	return &service.Answer{Status: http.StatusAccepted}, nil
}

// sendable also asks for the scope that sending as somebody else needs.
func (c *call) sendable(m *exchange.Message) error {
	if err := c.store.Sendable(c.Me, c.box, m); err != nil {
		return err
	}
	if !strings.EqualFold(m.From.Address, c.Me.Mail) && !c.Claims.HasAny("Mail.Send.Shared") {
		return apierror.AccessDenied()
	}
	return nil
}

func (c *call) sendDraft() (*service.Answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	if !m.Draft {
		return nil, apierror.BadRequest("ErrorInvalidRequest", "Only a draft can be sent.")
	}
	sent := *m
	if err := c.sendable(&sent); err != nil {
		return nil, err
	}
	c.box.Remove(m)
	c.store.Deliver(c.box, &sent, true)
	return &service.Answer{Status: http.StatusAccepted}, nil
}
