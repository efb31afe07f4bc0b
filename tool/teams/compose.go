package teams

import (
	"context"
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

// Bounds of a message. Teams takes some 28 KB
// (https://learn.microsoft.com/microsoftteams/limits-specifications-teams).
const (
	maxMessage  = 28_000
	maxBody     = 28 << 10
	maxMentions = 20
)

// writeArgs are the arguments of every message.
type writeArgs struct {
	Message     string   `json:"message"`
	ContentType string   `json:"contentType"`
	Mentions    []string `json:"mentions"`
	Importance  string   `json:"importance"`
}

var writeFields = []tool.Field{
	{Name: "message", Aliases: []string{"body"}, Type: tool.String, Required: true, MaxLength: maxMessage},
	{Name: "contentType", Type: tool.String, Default: "text", Enum: []string{"text", "html"}},
	{Name: "mentions", Type: tool.StringOrList, MaxLength: 320, MaxItems: maxMentions, Description: "Addresses or full names that stand in message as @name."},
	{Name: "importance", Type: tool.String, Enum: []string{"normal", "high", "urgent"}},
}

// person is somebody of the directory or of a chat.
type person struct{ id, name, address, upn, given string }

// called reports whether a mention means the person.
func (p person) called(given string) bool {
	return given != "" && (strings.EqualFold(given, p.address) || strings.EqualFold(given, p.upn) || strings.EqualFold(given, p.name))
}

type graphMention struct {
	ID        int    `json:"id"`
	Text      string `json:"mentionText"`
	Mentioned struct {
		User graphMentioned `json:"user"`
	} `json:"mentioned"`
}

type graphMentioned struct {
	Type        string `json:"@odata.type"`
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Kind        string `json:"userIdentityType"`
}

type outgoing struct {
	Subject    string         `json:"subject,omitempty"`
	Importance string         `json:"importance,omitempty"`
	Body       graph.ItemBody `json:"body"`
	Mentions   []graphMention `json:"mentions,omitempty"`
}

// compose makes the message that is sent. Of what it says, leaves is every text
// that people will read.
func (a writeArgs) compose(mentioned []person) (m outgoing, leaves []string, err error) {
	if strings.TrimSpace(a.Message) == "" {
		return m, nil, tool.Invalid("message", "is empty")
	}
	m.Importance, leaves = a.Importance, []string{a.Message}
	m.Body = graph.ItemBody{ContentType: a.ContentType, Content: a.Message}
	if a.ContentType == "html" || len(mentioned) > 0 {
		pieces := []piece{{text: a.Message}}
		if a.ContentType == "html" {
			pieces = rich(a.Message)
		}
		w := &writer{people: mentioned, breaks: a.ContentType != "html", seen: map[string]bool{}}
		m.Body = graph.ItemBody{ContentType: "html", Content: w.write(pieces)}
		m.Mentions = w.mentions
		for _, p := range mentioned {
			if !w.seen[p.given] {
				return m, nil, tool.Invalid("mentions", fmt.Sprintf("%q does not stand in message; write @%s there", p.given, p.name))
			}
		}
		// Tags may split a word that nobody may write; it is looked at as it is read.
		visible := content.Markdown(m.Body.Content, content.MarkdownOptions{FullLinks: true}).Text
		if strings.TrimSpace(visible) == "" {
			return m, nil, tool.Invalid("message", "has no text that people can read")
		}
		leaves = append(leaves, visible)
	}
	if len(m.Body.Content) > maxBody {
		return m, nil, tool.Invalid("message", fmt.Sprintf("is longer than the %d bytes that Teams takes; send a file or several messages", maxBody))
	}
	return m, leaves, nil
}

// writer writes the pieces of a message and gives each mention its number.
type writer struct {
	people   []person
	breaks   bool // a line feed of the text is a line break
	seen     map[string]bool
	mentions []graphMention
}

func (w *writer) write(pieces []piece) string {
	var b strings.Builder
	for _, p := range pieces {
		b.WriteString(p.markup)
		text, last := p.text, ' '
		for text != "" {
			if text[0] == '@' && !isWord(last) {
				if who, length := w.find(text[1:]); length > 0 {
					b.WriteString(w.mention(who))
					text, last = text[1+length:], ' '
					continue
				}
			}
			r, size := utf8.DecodeRuneInString(text)
			if r == '\n' && w.breaks {
				b.WriteString("<br>")
			} else {
				b.WriteString(html.EscapeString(text[:size]))
			}
			text, last = text[size:], r
		}
	}
	return b.String()
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// find returns whose name or address text begins with, the longest one, and how
// long it is there.
func (w *writer) find(text string) (who person, length int) {
	for _, p := range w.people {
		for _, name := range []string{p.given, p.name, p.address, p.upn} {
			n := len(name)
			if n <= length || n > len(text) || !strings.EqualFold(text[:n], name) {
				continue
			}
			if next, _ := utf8.DecodeRuneInString(text[n:]); isWord(next) {
				continue
			}
			who, length = p, n
		}
	}
	return who, length
}

// mention writes the mark of a mention. Each has an entry of its own.
func (w *writer) mention(p person) string {
	w.seen[p.given] = true
	m := graphMention{ID: len(w.mentions), Text: p.name}
	m.Mentioned.User = graphMentioned{"#microsoft.graph.teamworkUserIdentity", p.id, p.name, "aadUser"}
	w.mentions = append(w.mentions, m)
	return fmt.Sprintf(`<at id="%d">%s</at>`, m.ID, html.EscapeString(p.name))
}

// among finds the mentioned among the members of a chat: Teams mentions nobody else there.
func among(members []member, given []string) ([]person, error) {
	var out []person
	for _, g := range given {
		g = strings.TrimPrefix(g, "@")
		i := slices.IndexFunc(members, func(m member) bool { return m.person().called(g) })
		if i < 0 {
			return nil, tool.Invalid("mentions", fmt.Sprintf("%q is no member of this chat", g))
		}
		p := members[i].person()
		if j := slices.IndexFunc(members[i+1:], func(m member) bool { return m.person().called(g) }); j >= 0 {
			return nil, tool.Invalid("mentions", fmt.Sprintf("%q are several members of this chat; give the address", g))
		}
		p.given = g
		out = append(out, p)
	}
	return out, nil
}

func (m member) person() person { return person{id: m.UserID, name: m.DisplayName, address: m.Email} }

// lookUp finds people of the directory by address or full name, all in one round.
func lookUp(ctx context.Context, c tool.Call, field string, given []string) ([]person, error) {
	if len(given) == 0 {
		return nil, nil
	}
	requests := make([]graph.Request, len(given))
	for i, g := range given {
		filter := graph.Eq("displayName", g)
		if strings.Contains(g, "@") {
			filter = graph.Or(graph.Eq("mail", g), graph.Eq("userPrincipalName", g))
		}
		requests[i] = graph.Request{
			Method: graph.Get, Path: graph.Fixed("/users"),
			Query: graph.Query{}.Select("id", "displayName", "mail", "userPrincipalName").Filter(filter).Top(2),
		}
	}
	answers, err := graph.Batch(ctx, c.Graph, requests)
	if err != nil {
		return nil, err
	}
	out := make([]person, len(given))
	for i, answer := range answers {
		if answer.Err != nil {
			return nil, answer.Err
		}
		var page graph.Page[graph.User]
		if err := answer.Response.Decode(&page); err != nil {
			return nil, err
		}
		switch len(page.Value) {
		case 0:
			return nil, tool.Invalid(field, fmt.Sprintf("%q is nobody in the directory; findPeople finds the address", given[i]))
		case 1:
		default:
			return nil, tool.Invalid(field, fmt.Sprintf("%q are several people; give the address", given[i]))
		}
		u := page.Value[0]
		out[i] = person{id: u.ID, name: u.DisplayName, address: u.Mail, upn: u.UserPrincipalName, given: given[i]}
		if u.Mail == "" {
			out[i].address = u.UserPrincipalName
		}
	}
	return out, nil
}
