package graph

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/mail"
	"path"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
)

// object is a JSON object whose members have been checked against the type.
type object struct {
	typeName string
	members  map[string]json.RawMessage
}

// readObject decodes a JSON object. Names are case-sensitive and must belong
// to the type; annotations ("@odata.type") are let through.
func readObject(raw []byte, typeName string, names ...string) (object, error) {
	o := object{typeName: typeName}
	if err := json.Unmarshal(raw, &o.members); err != nil || o.members == nil {
		return object{}, badRequest("BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	for name := range o.members {
		if !strings.Contains(name, "@") && !slices.Contains(names, name) {
			return object{}, badRequest("RequestBodyRead", "The property '%s' does not exist on type 'microsoft.graph.%s'. Make sure to only use property names that are defined by the type.", name, typeName)
		}
	}
	return o, nil
}

// read decodes a member into a Go value; an absent or null one is left alone.
func read[T any](o object, name string, into *T) error {
	raw, ok := o.members[name]
	if !ok || bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return badRequest("RequestBodyRead", "Cannot convert the value of the property '%s' on type 'microsoft.graph.%s' to the expected type.", name, o.typeName)
	}
	return nil
}

// readMessage decodes a microsoft.graph.message that a client wants to send.
// Properties that only the service sets are accepted and ignored.
func readMessage(raw []byte) (*message, error) {
	o, err := readMessageObject(raw)
	if err != nil {
		return nil, err
	}
	m := &message{}
	if err := readState(o, m); err != nil {
		return nil, err
	}
	if err := readContent(o, m); err != nil {
		return nil, err
	}
	return m, readAttachments(o, m)
}

func readMessageObject(raw []byte) (object, error) {
	return readObject(raw, "message", slices.Concat(messageProperties, messageOnDemand, messageNavigation)...)
}

// readState reads what may change on any message.
func readState(o object, m *message) error {
	if err := read(o, "isRead", &m.Read); err != nil {
		return err
	}
	importance := m.Importance
	if err := read(o, "importance", &importance); err != nil {
		return err
	}
	if m.Importance = strings.ToLower(importance); m.Importance != "" && !slices.Contains([]string{"low", "normal", "high"}, m.Importance) {
		return badRequest("RequestBodyRead", "Requested value '%s' was not found.", importance)
	}
	var categories []string
	if err := read(o, "categories", &categories); err != nil {
		return err
	}
	if categories != nil {
		m.Categories = categories
	}
	var raw json.RawMessage
	if err := read(o, "flag", &raw); err != nil || raw == nil {
		return err
	}
	flag, err := readObject(raw, "followupFlag", "flagStatus", "startDateTime", "dueDateTime", "completedDateTime")
	if err != nil {
		return err
	}
	status := m.flagStatus()
	if err := read(flag, "flagStatus", &status); err != nil {
		return err
	}
	if !slices.Contains([]string{"notFlagged", "flagged", "complete"}, status) {
		return badRequest("RequestBodyRead", "Requested value '%s' was not found.", status)
	}
	m.Flagged = status == "flagged"
	return nil
}

// readContent reads what only a draft may change.
func readContent(o object, m *message) error {
	if err := read(o, "subject", &m.Subject); err != nil {
		return err
	}
	if err := readBody(o, m); err != nil {
		return err
	}
	for name, into := range map[string]*[]dataset.Address{"toRecipients": &m.To, "ccRecipients": &m.CC, "bccRecipients": &m.BCC, "replyTo": &m.ReplyTo} {
		if err := readRecipients(o, name, into); err != nil {
			return err
		}
	}
	for _, name := range []string{"sender", "from"} { // from prevails
		var one json.RawMessage
		if err := read(o, name, &one); err != nil {
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

func readBody(o object, m *message) error {
	var raw json.RawMessage
	if err := read(o, "body", &raw); err != nil || raw == nil {
		return err
	}
	body, err := readObject(raw, "itemBody", "contentType", "content")
	if err != nil {
		return err
	}
	contentType := "text"
	if err := read(body, "contentType", &contentType); err != nil {
		return err
	}
	m.HTML = false
	switch strings.ToLower(contentType) { // the documentation itself writes Text, HTML and html
	case "html":
		m.HTML = true
	case "text":
	default:
		return badRequest("RequestBodyRead", "Requested value '%s' was not found.", contentType)
	}
	m.Body = ""
	if err := read(body, "content", &m.Body); err != nil {
		return err
	}
	m.Preview = m.Body
	if m.HTML {
		m.Preview = textOfHTML(m.Body)
	}
	m.Preview = preview(m.Preview)
	return nil
}

func readRecipients(o object, name string, into *[]dataset.Address) error {
	var list []json.RawMessage
	if err := read(o, name, &list); err != nil || list == nil {
		return err
	}
	people := make([]dataset.Address, 0, len(list))
	for _, raw := range list {
		a, err := readRecipient(raw)
		if err != nil {
			return err
		}
		people = append(people, a)
	}
	*into = people
	return nil
}

func readRecipient(raw []byte) (dataset.Address, error) {
	o, err := readObject(raw, "recipient", "emailAddress")
	if err != nil {
		return dataset.Address{}, err
	}
	var inner json.RawMessage
	if err := read(o, "emailAddress", &inner); err != nil || inner == nil {
		return dataset.Address{}, err
	}
	address, err := readObject(inner, "emailAddress", "name", "address")
	if err != nil {
		return dataset.Address{}, err
	}
	var a dataset.Address
	if err := read(address, "name", &a.Name); err != nil {
		return a, err
	}
	return a, read(address, "address", &a.Address)
}

// readHeaders takes custom headers, whose names must start with x- (Graph,
// message resource, internetMessageHeaders).
func readHeaders(o object, m *message) error {
	var list []json.RawMessage
	if err := read(o, "internetMessageHeaders", &list); err != nil {
		return err
	}
	for _, raw := range list {
		header, err := readObject(raw, "internetMessageHeader", "name", "value")
		if err != nil {
			return err
		}
		var h dataset.Address
		if err := read(header, "name", &h.Name); err != nil {
			return err
		}
		if err := read(header, "value", &h.Address); err != nil {
			return err
		}
		if !strings.HasPrefix(strings.ToLower(h.Name), "x-") || strings.ContainsFunc(h.Name, func(r rune) bool { return r <= ' ' || r == ':' || r > '~' }) {
			return badRequest("InvalidInternetMessageHeader", "The internet message header name '%s' should start with 'x-' or 'X-'.", h.Name)
		}
		m.headers = append(m.headers, h)
	}
	return nil
}

func readAttachments(o object, m *message) error {
	var list []json.RawMessage
	if err := read(o, "attachments", &list); err != nil {
		return err
	}
	for _, raw := range list {
		file, err := readObject(raw, "fileAttachment", slices.Concat(attachmentBase, fileAttachment)...)
		if err != nil {
			return err
		}
		var kind, encoded string
		if err := read(file, "@odata.type", &kind); err != nil {
			return err
		}
		if strings.TrimPrefix(kind, "#") != "microsoft.graph.fileAttachment" {
			return badRequest("RequestBodyRead", "Cannot create an abstract class: '@odata.type' must be '#microsoft.graph.fileAttachment'.")
		}
		var a dataset.Attachment
		for name, into := range map[string]*string{"name": &a.Name, "contentType": &a.ContentType, "contentId": &a.ContentID, "contentBytes": &encoded} {
			if err := read(file, name, into); err != nil {
				return err
			}
		}
		if err := read(file, "isInline", &a.Inline); err != nil {
			return err
		}
		if a.Name == "" {
			return badRequest("ErrorInvalidArgument", "The attachment must have a name.")
		}
		if a.Content, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return badRequest("RequestBodyRead", "Cannot convert the literal of the property 'contentBytes' to the expected type 'Edm.Binary'.")
		}
		if _, _, err := mime.ParseMediaType(a.ContentType); err != nil {
			a.ContentType = orElse(mime.TypeByExtension(path.Ext(a.Name)), "application/octet-stream")
		}
		m.Attachments = append(m.Attachments, a)
	}
	return nil
}

// resolvable reports whether an address can be sent to at all.
func resolvable(a dataset.Address) bool {
	parsed, err := mail.ParseAddress(a.Address)
	return err == nil && parsed.Address == a.Address
}
