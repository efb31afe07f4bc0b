package wire

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"mime"
	"net/url"
	"slices"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/exchange"
)

// timestamp is how Graph writes a time.
const timestamp = "2006-01-02T15:04:05Z"

// BasicHidden are the properties that Mail.ReadBasic does not show.
var BasicHidden = []string{"body", "bodyPreview", "uniqueBody"}

// Renderer turns messages into what one request asked for.
type Renderer struct {
	Base     string // origin of web links
	Names    []string
	Prefer   Preferences
	Basic    bool // Mail.ReadBasic only
	WithFile bool // $expand=attachments
}

// Message is a message as the request asked for it.
func (v Renderer) Message(m *exchange.Message) map[string]any {
	out := map[string]any{"@odata.etag": m.ETag()}
	for _, name := range v.Names {
		if v.Basic && slices.Contains(BasicHidden, name) {
			continue
		}
		if value, ok := v.property(m, name); ok {
			out[name] = value
		}
	}
	if v.WithFile {
		files := []any{}
		for _, a := range m.Attachments {
			files = append(files, Attachment(m, a, v.Prefer.ImmutableID, slices.Concat(AttachmentBase, FileAttachment)))
		}
		out["attachments"] = files
	}
	return out
}

// property is the value of one property; navigation properties have none.
func (v Renderer) property(m *exchange.Message, name string) (any, bool) {
	switch name {
	case "id":
		return m.ShownID(v.Prefer.ImmutableID), true
	case "webLink":
		return v.Base + "/owa/?ItemID=" + url.QueryEscape(m.ID) + "&exvsurl=1&viewmodel=ReadMessageItem", true
	case "from", "sender":
		shown := m.From
		if name == "sender" && m.Sender.Address != "" {
			shown = m.Sender
		}
		if shown.Address == "" {
			return nil, false // a draft without sender leaves both out
		}
		return recipient(shown), true
	case "toRecipients":
		return recipients(m.To), true
	case "ccRecipients":
		return recipients(m.CC), true
	case "bccRecipients":
		return recipients(m.BCC), true
	case "replyTo":
		return recipients(m.ReplyTo), true
	case "body":
		return body(m, v.Prefer.BodyType, m.Body), true
	case "uniqueBody":
		return body(m, v.Prefer.BodyType, exchange.UniquePart(m.Body)), true
	case "flag":
		flag := map[string]any{"flagStatus": m.FlagStatus()}
		for property, at := range m.FlagTimes {
			flag[property] = at
		}
		return flag, true
	case "categories":
		if m.Categories == nil {
			return []string{}, true
		}
		return m.Categories, true
	case "conversationIndex":
		sum := sha256.Sum256([]byte(m.ConversationID))
		return base64.StdEncoding.EncodeToString(append([]byte{1}, sum[:21]...)), true
	case "internetMessageHeaders":
		return internetHeaders(m), true
	default:
		value, ok := Plain(m, name)
		if at, isTime := value.(time.Time); isTime {
			return at.UTC().Format(timestamp), ok
		}
		return value, ok
	}
}

// Plain is a property of a primitive type, for rendering, filters and sorting.
func Plain(m *exchange.Message, name string) (any, bool) {
	switch name {
	case "id":
		return m.ID, true
	case "createdDateTime", "receivedDateTime":
		return m.Received, true
	case "lastModifiedDateTime":
		return m.Modified, true
	case "sentDateTime":
		return m.Sent, true
	case "changeKey":
		return m.ChangeKey(), true
	case "hasAttachments":
		return m.HasAttachments(), true
	case "internetMessageId":
		return m.InternetMessageID, true
	case "subject":
		return m.Subject, true
	case "bodyPreview":
		return m.Preview, true
	case "importance":
		return cmp.Or(m.Importance, "normal"), true
	case "parentFolderId":
		return m.FolderID, true
	case "conversationId":
		return m.ConversationID, true
	case "isDeliveryReceiptRequested", "isReadReceiptRequested":
		return false, true
	case "isRead":
		return m.Read, true
	case "isDraft":
		return m.Draft, true
	case "inferenceClassification":
		return "focused", true
	case "from/emailAddress/address":
		return m.From.Address, true
	case "from/emailAddress/name":
		return m.From.Name, true
	case "sender/emailAddress/address":
		return cmp.Or(m.Sender.Address, m.From.Address), true
	case "sender/emailAddress/name":
		return cmp.Or(m.Sender.Name, m.From.Name), true
	case "body/content":
		return m.Body, true
	case "body/contentType":
		return bodyType(m), true
	case "flag/flagStatus":
		return m.FlagStatus(), true
	case "categories":
		return m.Categories, true
	default:
		return nil, false
	}
}

// Values is Plain as filters and sorting want it.
func Values(m *exchange.Message) func(path string) any {
	return func(path string) any {
		value, _ := Plain(m, path)
		return value
	}
}

func bodyType(m *exchange.Message) string {
	if m.HTML {
		return "html"
	}
	return "text"
}

// body is the content in the type that Prefer asked for, else in its own.
func body(m *exchange.Message, want, content string) map[string]any {
	switch {
	case want == "text" && m.HTML:
		return map[string]any{"contentType": "text", "content": exchange.TextOfHTML(content)}
	case want == "html" && !m.HTML:
		return map[string]any{"contentType": "html", "content": exchange.HTMLOfText(content)}
	default:
		return map[string]any{"contentType": bodyType(m), "content": content}
	}
}

func internetHeaders(m *exchange.Message) []map[string]string {
	out := []map[string]string{
		{"name": "From", "value": exchange.AddressList([]dataset.Address{m.From})},
		{"name": "To", "value": exchange.AddressList(m.To)},
		{"name": "Subject", "value": mime.QEncoding.Encode("utf-8", m.Subject)},
		{"name": "Date", "value": m.Sent.UTC().Format(time.RFC1123Z)},
		{"name": "Message-ID", "value": m.InternetMessageID},
		{"name": "MIME-Version", "value": "1.0"},
	}
	for _, h := range m.Headers {
		out = append(out, map[string]string{"name": h.Name, "value": h.Address})
	}
	return out
}

func recipient(a dataset.Address) map[string]any {
	return map[string]any{"emailAddress": map[string]any{"name": cmp.Or(a.Name, a.Address), "address": a.Address}}
}

func recipients(list []dataset.Address) []map[string]any {
	out := make([]map[string]any, 0, len(list))
	for _, a := range list {
		out = append(out, recipient(a))
	}
	return out
}
