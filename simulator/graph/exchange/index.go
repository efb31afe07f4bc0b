package exchange

import (
	"cmp"
	"fmt"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/kql"
)

// Document is the message as the content index sees it.
func (m *Message) Document() *kql.Document {
	people := func(list ...dataset.Address) []string {
		var out []string
		for _, a := range list {
			out = append(out, fmt.Sprintf("%s %s", a.Name, a.Address), a.Address)
		}
		return out
	}
	doc := &kql.Document{
		From: people(m.From), To: people(m.To...), CC: people(m.CC...), BCC: people(m.BCC...), Subject: m.Subject, Body: m.Body,
		HasAttachments: m.HasAttachments(), Categories: m.Categories, Importance: cmp.Or(m.Importance, "normal"),
		Size: len(m.Body), Sent: m.Sent, Received: m.Received,
	}
	if m.HTML {
		doc.Body = TextOfHTML(m.Body)
	}
	for _, a := range m.Attachments {
		doc.Attachments = append(doc.Attachments, a.Name)
		doc.Size += len(a.Content)
	}
	return doc
}
