package exchange

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
)

// MIME is the message in the format of RFC 5322 and RFC 2045.
func (m *Message) MIME() ([]byte, error) {
	var b bytes.Buffer
	header := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	header("From", AddressList([]dataset.Address{m.From}))
	header("To", AddressList(m.To))
	header("CC", AddressList(m.CC))
	header("BCC", AddressList(m.BCC))
	header("Reply-To", AddressList(m.ReplyTo))
	header("Subject", mime.QEncoding.Encode("utf-8", m.Subject))
	header("Date", m.Sent.UTC().Format(time.RFC1123Z))
	header("Message-ID", m.InternetMessageID)
	for _, h := range m.Headers {
		header(h.Name, mime.QEncoding.Encode("utf-8", h.Address))
	}
	header("MIME-Version", "1.0")
	bodyType := "text/plain; charset=utf-8"
	if m.HTML {
		bodyType = "text/html; charset=utf-8"
	}
	if len(m.Attachments) == 0 {
		header("Content-Type", bodyType)
		header("Content-Transfer-Encoding", "quoted-printable")
		b.WriteString("\r\n")
		err := writeQuoted(&b, m.Body)
		return b.Bytes(), err
	}
	parts := multipart.NewWriter(&b)
	sum := sha256.Sum256([]byte(m.ID))
	if err := parts.SetBoundary("_000_" + hex.EncodeToString(sum[:16])); err != nil {
		return nil, err
	}
	header("Content-Type", `multipart/mixed; boundary="`+parts.Boundary()+`"`)
	b.WriteString("\r\n")
	w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {bodyType}, "Content-Transfer-Encoding": {"quoted-printable"}})
	if err != nil {
		return nil, err
	}
	if err := writeQuoted(w, m.Body); err != nil {
		return nil, err
	}
	for _, a := range m.Attachments {
		if err := writeAttachment(parts, a); err != nil {
			return nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func writeQuoted(w io.Writer, text string) error {
	q := quotedprintable.NewWriter(w)
	if _, err := io.WriteString(q, text); err != nil {
		return err
	}
	return q.Close()
}

func writeAttachment(parts *multipart.Writer, a dataset.Attachment) error {
	disposition := "attachment"
	if a.Inline {
		disposition = "inline"
	}
	h := textproto.MIMEHeader{
		"Content-Type":              {cmp.Or(a.ContentType, "application/octet-stream")},
		"Content-Disposition":       {mime.FormatMediaType(disposition, map[string]string{"filename": a.Name})},
		"Content-Transfer-Encoding": {"base64"},
	}
	if a.ContentID != "" {
		h.Set("Content-ID", "<"+strings.Map(printable, a.ContentID)+">")
	}
	w, err := parts.CreatePart(h)
	if err != nil {
		return err
	}
	encoded := base64.StdEncoding.EncodeToString(slices.Concat(a.Content, a.Item))
	for len(encoded) > 76 { // RFC 2045 section 6.8
		if _, err := io.WriteString(w, encoded[:76]+"\r\n"); err != nil {
			return err
		}
		encoded = encoded[76:]
	}
	_, err = io.WriteString(w, encoded)
	return err
}

// printable drops what would end a header line.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// AddressList writes an address list (RFC 5322 section 3.4).
func AddressList(list []dataset.Address) string {
	var out []string
	for _, a := range list {
		if a.Address != "" {
			out = append(out, (&mail.Address{Name: a.Name, Address: a.Address}).String())
		}
	}
	return strings.Join(out, ", ")
}
