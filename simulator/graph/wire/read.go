package wire

import (
	"encoding/json"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
)

// ReadMessage decodes a microsoft.graph.message that a client wants to send.
// Properties that only the service sets are accepted and ignored.
func ReadMessage(raw []byte) (*exchange.Message, error) {
	o, err := ReadMessageObject(raw)
	if err != nil {
		return nil, err
	}
	m := &exchange.Message{}
	if err := ReadState(o, m); err != nil {
		return nil, err
	}
	if err := ReadContent(o, m); err != nil {
		return nil, err
	}
	return m, readAttachments(o, m)
}

// ReadMessageObject is ReadMessage's first step: a message of which nothing is taken yet.
func ReadMessageObject(raw []byte) (Object, error) {
	return ReadObject(raw, "message", slices.Concat(MessageProperties, MessageOnDemand, MessageNavigation)...)
}

// ReadState reads what may change on any message.
func ReadState(o Object, m *exchange.Message) error {
	if err := Read(o, "isRead", &m.Read); err != nil {
		return err
	}
	importance := m.Importance
	if err := Read(o, "importance", &importance); err != nil {
		return err
	}
	if m.Importance = strings.ToLower(importance); m.Importance != "" && !slices.Contains([]string{"low", "normal", "high"}, m.Importance) {
		return apierror.BadRequest("RequestBodyRead", "Requested value '%s' was not found.", importance)
	}
	var categories []string
	if err := Read(o, "categories", &categories); err != nil {
		return err
	}
	if categories != nil {
		m.Categories = categories
	}
	return readFlag(o, m)
}

// readFlag reads the follow-up flag. Dates belong to one that is set, and a due
// date needs a start (Graph, followupFlag resource).
func readFlag(o Object, m *exchange.Message) error {
	var raw json.RawMessage
	if err := Read(o, "flag", &raw); err != nil || raw == nil {
		return err
	}
	const start, due, completed = "startDateTime", "dueDateTime", "completedDateTime"
	flag, err := ReadObject(raw, "followupFlag", "flagStatus", start, due, completed)
	if err != nil {
		return err
	}
	status := m.FlagStatus()
	if err := Read(flag, "flagStatus", &status); err != nil {
		return err
	}
	if !slices.Contains([]string{"notFlagged", "flagged", "complete"}, status) {
		return apierror.BadRequest("RequestBodyRead", "Requested value '%s' was not found.", status)
	}
	times := map[string]exchange.ZonedTime{}
	for _, name := range []string{start, due, completed} {
		var at exchange.ZonedTime
		if err := Read(flag, name, &at); err != nil {
			return err
		}
		if at.DateTime != "" {
			times[name] = at
		}
	}
	_, hasStart := times[start]
	if _, hasDue := times[due]; hasDue && !hasStart || len(times) > 0 && status == "notFlagged" {
		return apierror.BadRequest("ErrorInvalidArgument", "A due date of a flag needs a start date, and both need the status 'flagged'.")
	}
	m.Flagged, m.Completed, m.FlagTimes = status == "flagged", status == "complete", times
	return nil
}

// ReadContent reads what only a draft may change.
func ReadContent(o Object, m *exchange.Message) error {
	if err := Read(o, "subject", &m.Subject); err != nil {
		return err
	}
	if err := readBody(o, m); err != nil {
		return err
	}
	for name, into := range map[string]*[]dataset.Address{"toRecipients": &m.To, "ccRecipients": &m.CC, "bccRecipients": &m.BCC, "replyTo": &m.ReplyTo} {
		if err := ReadRecipients(o, name, into); err != nil {
			return err
		}
	}
	for _, name := range []string{"sender", "from"} { // from prevails
		var one json.RawMessage
		if err := Read(o, name, &one); err != nil {
			return err
		}
		if one != nil {
			from, err := readRecipient(one)
			if err != nil {
				return err
			}
			m.From = from
		}
	}
	return readHeaders(o, m)
}

func readBody(o Object, m *exchange.Message) error {
	var raw json.RawMessage
	if err := Read(o, "body", &raw); err != nil || raw == nil {
		return err
	}
	body, err := ReadObject(raw, "itemBody", "contentType", "content")
	if err != nil {
		return err
	}
	contentType := "text"
	if err := Read(body, "contentType", &contentType); err != nil {
		return err
	}
	kind := strings.ToLower(contentType) // the documentation itself writes Text, HTML and html
	if kind != "html" && kind != "text" {
		return apierror.BadRequest("RequestBodyRead", "Requested value '%s' was not found.", contentType)
	}
	var content string
	if err := Read(body, "content", &content); err != nil {
		return err
	}
	m.SetBody(content, kind == "html")
	return nil
}

// readHeaders takes custom headers, whose names must start with x- (Graph,
// message resource, internetMessageHeaders).
func readHeaders(o Object, m *exchange.Message) error {
	var list []json.RawMessage
	if err := Read(o, "internetMessageHeaders", &list); err != nil {
		return err
	}
	for _, raw := range list {
		header, err := ReadObject(raw, "internetMessageHeader", "name", "value")
		if err != nil {
			return err
		}
		var h dataset.Address
		if err := Read(header, "name", &h.Name); err != nil {
			return err
		}
		if err := Read(header, "value", &h.Address); err != nil {
			return err
		}
		if !strings.HasPrefix(strings.ToLower(h.Name), "x-") || strings.ContainsFunc(h.Name, func(r rune) bool { return r <= ' ' || r == ':' || r > '~' }) {
			return apierror.BadRequest("InvalidInternetMessageHeader", "The internet message header name '%s' should start with 'x-' or 'X-'.", h.Name)
		}
		m.Headers = append(m.Headers, h)
	}
	return nil
}
