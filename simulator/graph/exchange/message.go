package exchange

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
)

// Message is a mail in a mailbox, with what Exchange adds to it.
type Message struct {
	dataset.Message

	Modified  time.Time
	Sender    dataset.Address      // who sent it on behalf of From; empty: From did
	Headers   []dataset.Address    // custom internet headers: name and value
	InReplyTo string               // internetMessageId of what this answers
	Completed bool                 // its flag is done
	FlagTimes map[string]ZonedTime // by the name of followupFlag's property

	owner   string // person
	key     string // what the immutable id is derived from: the first id
	version int
	change  int // of the mailbox, the last one that touched it
}

// ZonedTime is a local time and the zone that it is in, as Outlook keeps it.
type ZonedTime struct {
	DateTime string `json:"dateTime"`
	TimeZone string `json:"timeZone"`
}

// FlagStatus is that of the follow-up flag.
func (m *Message) FlagStatus() string {
	switch {
	case m.Completed:
		return "complete"
	case m.Flagged:
		return "flagged"
	default:
		return "notFlagged"
	}
}

// ShownID is the form of the id that was asked for by Prefer.
func (m *Message) ShownID(immutable bool) string {
	if immutable {
		return m.ImmutableID()
	}
	return m.ID
}

// ImmutableID stays the same when a message is moved; see "Get immutable
// identifiers for Outlook resources" in Graph's documentation.
func (m *Message) ImmutableID() string { return immutable(m.owner, m.key) }

const immutablePrefix = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A"

func immutable(owner, key string) string {
	sum := sha256.Sum256([]byte(owner + "\x00" + key))
	return immutablePrefix + base64.RawURLEncoding.EncodeToString(sum[:]) + "AAA="
}

// AttachmentID is the form of an attachment's id that was asked for by Prefer.
func (m *Message) AttachmentID(a dataset.Attachment, immutableForm bool) string {
	if immutableForm {
		return immutable(m.owner, a.ID)
	}
	return a.ID
}

// Attachment finds an attachment by either form of its id.
func (m *Message) Attachment(id string) (dataset.Attachment, error) {
	for _, a := range m.Attachments {
		if a.ID == id || immutable(m.owner, a.ID) == id {
			return a, nil
		}
	}
	return dataset.Attachment{}, missing(id)
}

// ChangeKey changes with every change of the message.
func (m *Message) ChangeKey() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", m.ID, m.version))
	return "CQAAABYAAAD" + base64.StdEncoding.EncodeToString(sum[:21])
}

// ETag is the change key as an entity tag.
func (m *Message) ETag() string { return `W/"` + m.ChangeKey() + `"` }

// HasAttachments leaves inline attachments out, as Graph does.
func (m *Message) HasAttachments() bool {
	return slices.ContainsFunc(m.Attachments, func(a dataset.Attachment) bool { return !a.Inline })
}

// SetBody sets the content and the preview that belongs to it.
func (m *Message) SetBody(content string, isHTML bool) {
	m.Body, m.HTML, m.Preview = content, isHTML, preview(content)
	if isHTML {
		m.Preview = preview(TextOfHTML(content))
	}
}

// Quote puts the comment above the history.
func (m *Message) Quote(original *Message, comment string) {
	head := "From: " + AddressList([]dataset.Address{original.From}) + "\r\nSent: " + original.Sent.UTC().Format(time.RFC1123) +
		"\r\nTo: " + AddressList(original.To) + "\r\nSubject: " + original.Subject
	m.Preview = preview(comment)
	if m.HTML = original.HTML; !m.HTML {
		m.Body = comment + "\r\n\r\n________________________________\r\n" + head + "\r\n\r\n" + original.Body
		return
	}
	m.Body = "<html><body><div>" + strings.ReplaceAll(html.EscapeString(comment), "\n", "<br>") + `</div><hr><div id="divRplyFwdMsg">` +
		strings.ReplaceAll(html.EscapeString(head), "\r\n", "<br>") + "</div>" + original.Body + "</body></html>"
}
