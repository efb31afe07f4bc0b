package graph

import (
	"crypto/sha256"
	"encoding/base64"
	"mime"
	"net/url"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
)

// basicHidden are the properties that Mail.ReadBasic does not show.
var basicHidden = []string{"body", "bodyPreview", "uniqueBody"}

// renderer turns messages into what one request asked for.
type renderer struct {
	base     string // origin of web links
	names    []string
	prefer   preferences
	basic    bool // Mail.ReadBasic only
	withFile bool // $expand=attachments
}

func (v renderer) message(m *message) map[string]any {
	out := map[string]any{"@odata.etag": m.etag()}
	for _, name := range v.names {
		if v.basic && slices.Contains(basicHidden, name) {
			continue
		}
		if value, ok := v.property(m, name); ok {
			out[name] = value
		}
	}
	if v.withFile {
		files := []any{}
		for _, a := range m.Attachments {
			files = append(files, renderAttachment(m, a, v.prefer.immutableID, slices.Concat(attachmentBase, fileAttachment)))
		}
		out["attachments"] = files
	}
	return out
}

// property is the value of one property; navigation properties have none.
func (v renderer) property(m *message, name string) (any, bool) {
	switch name {
	case "id":
		return m.id(v.prefer.immutableID), true
	case "webLink":
		return v.base + "/owa/?ItemID=" + url.QueryEscape(m.ID) + "&exvsurl=1&viewmodel=ReadMessageItem", true
	case "from", "sender":
		if m.From.Address == "" {
			return nil, false // a draft without sender leaves both out
		}
		return recipient(m.From), true
	case "toRecipients":
		return recipients(m.To), true
	case "ccRecipients":
		return recipients(m.CC), true
	case "bccRecipients":
		return recipients(m.BCC), true
	case "replyTo":
		return recipients(m.ReplyTo), true
	case "body":
		return m.body(v.prefer.bodyType, m.Body), true
	case "uniqueBody":
		return m.body(v.prefer.bodyType, uniquePart(m.Body)), true
	case "flag":
		return map[string]any{"flagStatus": m.flagStatus()}, true
	case "categories":
		if m.Categories == nil {
			return []string{}, true
		}
		return m.Categories, true
	case "conversationIndex":
		sum := sha256.Sum256([]byte(m.ConversationID))
		return base64.StdEncoding.EncodeToString(append([]byte{1}, sum[:21]...)), true
	case "internetMessageHeaders":
		return m.internetHeaders(), true
	default:
		value, ok := m.plain(name)
		if at, isTime := value.(time.Time); isTime {
			return at.UTC().Format(graphTimestamp), ok
		}
		return value, ok
	}
}

// plain is a property of a primitive type, for rendering, filters and sorting.
func (m *message) plain(name string) (any, bool) {
	switch name {
	case "id":
		return m.ID, true
	case "createdDateTime", "receivedDateTime":
		return m.Received, true
	case "lastModifiedDateTime":
		return m.modified, true
	case "sentDateTime":
		return m.Sent, true
	case "changeKey":
		return m.changeKey(), true
	case "hasAttachments":
		return m.hasAttachments(), true
	case "internetMessageId":
		return m.InternetMessageID, true
	case "subject":
		return m.Subject, true
	case "bodyPreview":
		return m.Preview, true
	case "importance":
		return orElse(m.Importance, "normal"), true
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
	case "from/emailAddress/address", "sender/emailAddress/address":
		return m.From.Address, true
	case "from/emailAddress/name", "sender/emailAddress/name":
		return m.From.Name, true
	case "body/content":
		return m.Body, true
	case "body/contentType":
		return m.bodyType(), true
	case "flag/flagStatus":
		return m.flagStatus(), true
	case "categories":
		return m.Categories, true
	default:
		return nil, false
	}
}

func (m *message) bodyType() string {
	if m.HTML {
		return "html"
	}
	return "text"
}

func (m *message) flagStatus() string {
	if m.Flagged {
		return "flagged"
	}
	return "notFlagged"
}

// body is the content in the type that Prefer asked for, else in its own.
func (m *message) body(want, content string) map[string]any {
	switch {
	case want == "text" && m.HTML:
		return map[string]any{"contentType": "text", "content": textOfHTML(content)}
	case want == "html" && !m.HTML:
		return map[string]any{"contentType": "html", "content": htmlOfText(content)}
	default:
		return map[string]any{"contentType": m.bodyType(), "content": content}
	}
}

func (m *message) internetHeaders() []map[string]string {
	out := []map[string]string{
		{"name": "From", "value": mailHeader([]dataset.Address{m.From})},
		{"name": "To", "value": mailHeader(m.To)},
		{"name": "Subject", "value": mime.QEncoding.Encode("utf-8", m.Subject)},
		{"name": "Date", "value": m.Sent.UTC().Format(time.RFC1123Z)},
		{"name": "Message-ID", "value": m.InternetMessageID},
		{"name": "MIME-Version", "value": "1.0"},
	}
	for _, h := range m.headers {
		out = append(out, map[string]string{"name": h.Name, "value": h.Address})
	}
	return out
}

func recipient(a dataset.Address) map[string]any {
	return map[string]any{"emailAddress": map[string]any{"name": orElse(a.Name, a.Address), "address": a.Address}}
}

func recipients(list []dataset.Address) []map[string]any {
	out := make([]map[string]any, 0, len(list))
	for _, a := range list {
		out = append(out, recipient(a))
	}
	return out
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

func containsFold(list []string, value string) bool {
	return slices.ContainsFunc(list, func(item string) bool { return strings.EqualFold(item, value) })
}
