package graph

import (
	"encoding/json"
	"mime"
	"net/http"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/wire"
)

// sendMail delivers to every mailbox of the tenant among the recipients and
// keeps a copy in Sent Items. Parameters are PascalCase in the metadata and
// camelCase in the documentation; Graph takes both.
func (s *Server) sendMail(c *call) (*answer, error) {
	mediaType, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" { // MIME as text/plain is documented and not simulated
		return nil, &apierror.Error{Status: http.StatusUnsupportedMediaType, Code: "UnsupportedMediaType", Message: "The simulated tenant takes sendMail as application/json only."}
	}
	o, err := wire.ReadObject(c.body, "sendMail", "message", "Message", "saveToSentItems", "SaveToSentItems")
	if err != nil {
		return nil, err
	}
	var raw json.RawMessage
	keep := true
	for _, name := range []string{"Message", "message"} {
		if err := wire.Read(o, name, &raw); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"SaveToSentItems", "saveToSentItems"} {
		if err := wire.Read(o, name, &keep); err != nil {
			return nil, err
		}
	}
	if raw == nil {
		return nil, apierror.BadRequest("ErrorInvalidParameter", "The required parameter 'Message' is missing.")
	}
	m, err := wire.ReadMessage(raw)
	if err != nil {
		return nil, err
	}
	if err := exchange.Sendable(c.me, m); err != nil {
		return nil, err
	}
	s.mail.Deliver(c.box, m, keep)
	return &answer{status: http.StatusAccepted}, nil
}
