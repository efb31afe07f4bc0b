package teams

import (
	"regexp"
	"slices"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/service"
)

// Found is a message as Microsoft Search looks at it.
type Found struct {
	dataset.Post

	From string // display name
	Text string // without markup
	json func() map[string]any
}

// Resource is the chatMessage of a hit.
func (f Found) Resource() map[string]any { return f.json() }

// Visible lists the messages of the caller's chats, and, with channels, of the
// channels that the caller is in.
func (w *Workload) Visible(c *service.Call, channels bool) []Found {
	var out []Found
	add := func(at call, t *thread) {
		for _, p := range t.posts {
			if p.Joined != nil || !p.Deleted.IsZero() {
				continue
			}
			text := p.Body
			if p.HTML {
				text = tags.ReplaceAllString(text, " ")
			}
			f := Found{Post: p.Post, Text: text, json: func() map[string]any { return at.messageJSON(p) }}
			if from := w.person(p.FromID); from != nil {
				f.From = from.DisplayName
			}
			out = append(out, f)
		}
	}
	for _, ch := range w.chats {
		if slices.Contains(ch.Members, c.Me.ID) {
			add(call{Call: c, Workload: w, chat: ch}, ch.thread)
		}
	}
	if !channels {
		return out
	}
	for _, t := range w.teams {
		for _, ch := range t.channels {
			if slices.Contains(t.Members, c.Me.ID) && slices.Contains(ch.members(), c.Me.ID) {
				add(call{Call: c, Workload: w, team: t, channel: ch}, ch.thread)
			}
		}
	}
	return out
}

var tags = regexp.MustCompile(`<[^>]*>`)
