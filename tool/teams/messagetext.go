package teams

import (
	"slices"
	"strings"
)

type messagesOut struct {
	Messages []message `json:"messages"`
	TimeZone string    `json:"timeZone"`
	Cursor   string    `json:"cursor,omitempty"`
}

func (o messagesOut) text() string {
	lines := []string{"Newest first, times in " + o.TimeZone + ":"}
	if len(o.Messages) == 0 {
		lines = []string{"No messages here."}
	}
	for _, m := range o.Messages {
		lines = append(lines, "- "+m.text())
	}
	if o.Cursor != "" {
		lines = append(lines, "Older: cursor "+o.Cursor)
	}
	return strings.Join(lines, "\n")
}

// text is the message for reading: when, who, its id and marks, what it says.
func (m message) text() string {
	var b strings.Builder
	b.WriteString(m.Sent + " " + m.From)
	if m.ID != "" {
		b.WriteString(" [" + m.ID + "]")
	}
	if len(m.Marks) > 0 {
		b.WriteString(" (" + strings.Join(m.Marks, ", ") + ")")
	}
	if slices.Contains(m.Marks, deleted) && m.Text == "" {
		return b.String()
	}
	b.WriteString(": ")
	if m.Subject != "" {
		b.WriteString("**" + m.Subject + "** ")
	}
	if strings.HasPrefix(m.Text, "|") { // the first line of a table is one only at a line's beginning
		b.WriteString("\n  ")
	}
	b.WriteString(indented(m.Text))
	if len(m.Attachments) > 0 {
		b.WriteString("\n  attachments: " + strings.Join(m.Attachments, ", "))
	}
	if m.Link != "" {
		b.WriteString("\n  " + m.Link)
	}
	for _, r := range m.Replies {
		b.WriteString("\n  - " + indented(r))
	}
	return b.String()
}

// indented keeps the lines of a message below its first, so that none of them
// can pass for another message.
func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n  ") }
