package teams

import (
	"context"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

// Bounds of a list of messages: 50 is Graph's largest page
// (https://learn.microsoft.com/graph/api/chat-list-messages).
const (
	maxMessages    = 50
	defaultPerText = 1000
	maxPerText     = 20_000
	maxReplies     = 10
)

// chatMessage is Graph's resource of that name. Lists of messages take no $select.
type chatMessage struct {
	ID          string          `json:"id"`
	ReplyToID   string          `json:"replyToId"`
	Type        string          `json:"messageType"`
	Created     time.Time       `json:"createdDateTime"`
	Edited      *time.Time      `json:"lastEditedDateTime"`
	Deleted     *time.Time      `json:"deletedDateTime"`
	Subject     string          `json:"subject"`
	Importance  string          `json:"importance"`
	WebURL      string          `json:"webUrl"`
	From        *sender         `json:"from"`
	Body        *graph.ItemBody `json:"body"`
	Attachments []struct {
		Name        string `json:"name"`
		ContentType string `json:"contentType"`
	} `json:"attachments"`
	Mentions []struct {
		ID        int    `json:"id"`
		Text      string `json:"mentionText"`
		Mentioned struct {
			User *identity `json:"user"`
		} `json:"mentioned"`
	} `json:"mentions"`
	Reactions []struct {
		Type string `json:"reactionType"`
	} `json:"reactions"`
	Replies []chatMessage `json:"replies"`
}

type identity struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
}

// sender is a person or an app.
type sender struct {
	User        *identity `json:"user"`
	Application *identity `json:"application"`
}

func (s *sender) name() string {
	switch {
	case s == nil:
	case s.User != nil && s.User.DisplayName != "":
		return content.Line(s.User.DisplayName, 100)
	case s.Application != nil:
		return content.Line(s.Application.DisplayName, 90) + " (app)"
	}
	return "unknown"
}

const deleted = "deleted"

// message is what a model gets of one.
type message struct {
	ID          string   `json:"id,omitempty"`
	From        string   `json:"from,omitempty"`
	Sent        string   `json:"sent,omitempty"`
	Subject     string   `json:"subject,omitempty"`
	Text        string   `json:"text,omitempty"`
	Marks       []string `json:"marks,omitempty"` // high or urgent, edited or deleted, reactions
	Attachments []string `json:"attachments,omitempty"`
	Link        string   `json:"link,omitempty"`
	Replies     []string `json:"replies,omitempty"` // each on a line, as for reading
}

// chatFields are those of a chat's message; a channel's has more.
var chatFields = []tool.Field{
	{Name: "from", Type: tool.String},
	{Name: "sent", Type: tool.String},
	{Name: "text", Type: tool.String},
	{Name: "marks", Type: tool.StringList},
	{Name: "attachments", Type: tool.StringList},
}

var maxCharsField = tool.Field{Name: "maxChars", Type: tool.Integer, Default: defaultPerText, Min: 100, Max: maxPerText, Description: "Of each message."}

// shaper makes of Graph's messages what a model gets.
type shaper struct {
	zone     timezone.Zone
	maxChars int
	fields   []string
}

func (s shaper) has(field string) bool { return slices.Contains(s.fields, field) }

func (s shaper) message(g chatMessage, id string) message {
	m := message{ID: id, From: g.From.name(), Sent: s.zone.Format(g.Created)}
	if g.Deleted != nil {
		m.Marks = []string{deleted}
		return m
	}
	m.Subject, m.Text = content.Line(g.Subject, 255), s.text(g)
	if g.Importance != "" && g.Importance != "normal" {
		m.Marks = append(m.Marks, content.Line(g.Importance, 20))
	}
	if g.Edited != nil {
		m.Marks = append(m.Marks, "edited")
	}
	for _, a := range g.Attachments {
		switch {
		case a.Name != "":
			m.Attachments = append(m.Attachments, content.Line(a.Name, 200))
		case a.ContentType != "":
			m.Attachments = append(m.Attachments, content.Line(a.ContentType, 100))
		}
	}
	if s.has("reactions") {
		m.Marks = append(m.Marks, g.reactions()...)
	}
	if s.has("link") {
		m.Link = content.Line(g.WebURL, 1000)
	}
	return m
}

// reactions counts them: 👍 2.
func (g chatMessage) reactions() []string {
	var kinds []string
	count := map[string]int{}
	for _, r := range g.Reactions {
		kind := content.Line(r.Type, 30)
		if count[kind]++; count[kind] == 1 {
			kinds = append(kinds, kind)
		}
	}
	for i, kind := range kinds {
		if n := count[kind]; n > 1 {
			kinds[i] = kind + " " + strconv.Itoa(n)
		}
	}
	return kinds
}

// text is what a person reads of the message, with everybody's name behind the @.
func (s shaper) text(g chatMessage) string {
	if g.Body == nil {
		return ""
	}
	text := content.Plain(g.Body.Content).Text
	if strings.EqualFold(g.Body.ContentType, "html") {
		text = content.Markdown(g.resolved(), content.MarkdownOptions{}).Text
	}
	part, next, err := content.Page(text, s.maxChars, "")
	if err == nil && next != "" {
		return strings.TrimRight(part, " \n") + fmt.Sprintf(" … [cut, %d characters in all: maxChars]", len([]rune(text)))
	}
	return text
}

var (
	atTag    = regexp.MustCompile(`(?is)<at\b[^>]*\bid\s*=\s*["']?(\d+)["']?[^>]*>(.*?)</at\s*>`)
	emojiTag = regexp.MustCompile(`(?is)<emoji\b[^>]*\balt\s*=\s*"([^"<>]{1,32})"[^>]*>`)
)

// resolved is the HTML with the mentions' full names, and emoji as what they show.
func (g chatMessage) resolved() string {
	names := map[string]string{}
	for _, m := range g.Mentions {
		name := m.Text
		if m.Mentioned.User != nil && m.Mentioned.User.DisplayName != "" {
			name = m.Mentioned.User.DisplayName
		}
		names[strconv.Itoa(m.ID)] = name
	}
	source := atTag.ReplaceAllStringFunc(g.Body.Content, func(tag string) string {
		found := atTag.FindStringSubmatch(tag)
		if name := names[found[1]]; name != "" {
			return "@" + html.EscapeString(content.Line(name, 100))
		}
		return "@" + found[2]
	})
	return emojiTag.ReplaceAllString(source, "$1")
}

// messages are those that people wrote: who was added or renamed what is no message.
func messages(all []chatMessage) []chatMessage {
	return slices.DeleteFunc(all, func(g chatMessage) bool { return g.Type != "message" })
}

// shape makes a page of a channel's messages, newest first as Graph gives them,
// with one round of short ids for it and the replies that came along.
func (s shaper) shape(ctx context.Context, c tool.Call, at messageRef, page []chatMessage) ([]message, error) {
	var ids []string
	for i, g := range page {
		ids = append(ids, at.of(g).String())
		page[i].Replies = messages(g.Replies)
		for _, r := range page[i].Replies[:min(len(page[i].Replies), maxReplies)] {
			ids = append(ids, at.of(r).String())
		}
	}
	short, err := c.Short(ctx, handle.KindMessage, ids)
	if err != nil {
		return nil, err
	}
	next := func() string { id := short[0]; short = short[1:]; return id }
	out := make([]message, len(page))
	for i, g := range page {
		out[i] = s.message(g, next())
		for _, r := range g.Replies[:min(len(g.Replies), maxReplies)] {
			out[i].Replies = append(out[i].Replies, s.message(r, next()).text())
		}
		if more := len(g.Replies) - maxReplies; more > 0 {
			out[i].Replies = append(out[i].Replies, fmt.Sprintf("and %d more: messageId", more))
		}
	}
	return out, nil
}

// of is the place of a message in the channel.
func (r messageRef) of(g chatMessage) messageRef {
	if g.ReplyToID == "" {
		return messageRef{channelRef: r.channelRef, root: g.ID}
	}
	return messageRef{channelRef: r.channelRef, root: g.ReplyToID, reply: g.ID}
}
