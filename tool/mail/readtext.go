package mail

import (
	"fmt"
	"strings"
)

func (o readOut) text(later, hasBody bool) string {
	var b strings.Builder
	b.WriteString(quoted(o.Subject, "(no subject)") + " [" + o.ID + "]\n")
	if !later {
		for _, l := range []struct{ name, text string }{
			{"From", o.From},
			{"To", strings.Join(o.To, ", ")},
			{"Cc", strings.Join(o.CC, ", ")},
			{"Bcc", strings.Join(o.BCC, ", ")},
			{"Answers go to", strings.Join(o.ReplyTo, ", ")},
			{"Received", o.Received},
			{"Marks", o.marks()},
			{"Categories", strings.Join(o.Categories, ", ")},
			{"Conversation", o.ConversationID},
		} {
			if l.text != "" {
				fmt.Fprintf(&b, "%s: %s\n", l.name, l.text)
			}
		}
		for _, f := range o.Files {
			b.WriteString("Attachment: " + f.line() + "\n")
		}
		for _, h := range o.Headers {
			b.WriteString("Header " + h + "\n")
		}
	}
	switch {
	case o.Text != "":
		b.WriteString("\n" + o.Text)
	case hasBody:
		b.WriteString("\n(no text)")
	default:
		b.WriteString("\n(empty)")
	}
	return b.String()
}

func (o readOut) marks() string {
	var marks []string
	for _, mark := range []struct {
		on   bool
		word string
	}{{o.Draft, "draft"}, {o.Unread, "unread"}, {o.Important, "important"}, {o.Flagged, "flagged"}} {
		if mark.on {
			marks = append(marks, mark.word)
		}
	}
	return strings.Join(marks, ", ")
}

// note says what was left out, in the server's words and so outside of the fence.
func (o readOut) note() string {
	var notes []string
	if o.Earlier > 0 {
		notes = append(notes, fmt.Sprintf("[Quoted history left out (%d earlier); fields: [\"history\"] shows it.]", o.Earlier))
	}
	if o.hidden > 0 {
		notes = append(notes, fmt.Sprintf("[%d passages that people do not see were removed.]", o.hidden))
	}
	if o.Cursor != "" {
		notes = append(notes, "[More: cursor "+o.Cursor+"]")
	}
	return strings.Join(notes, "\n")
}
