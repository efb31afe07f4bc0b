package teams

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

// maxMembersShown bounds the members of one chat in a list.
const maxMembersShown = 8

type chat struct {
	ID          string   `json:"id"`
	Type        string   `json:"type,omitempty"`
	Topic       string   `json:"topic,omitempty"`
	Members     []string `json:"members,omitempty"`
	LastMessage string   `json:"lastMessage,omitempty"`
	Link        string   `json:"link,omitempty"`
}

type graphChat struct {
	ID      string       `json:"id"`
	Type    string       `json:"chatType"`
	Topic   string       `json:"topic"`
	WebURL  string       `json:"webUrl"`
	Members []member     `json:"members"`
	Last    *chatMessage `json:"lastMessagePreview"`
	Meeting *struct {
		JoinWebURL string `json:"joinWebUrl"`
	} `json:"onlineMeetingInfo"`
}

// member is Graph's aadUserConversationMember.
type member struct {
	UserID      string `json:"userId"`
	DisplayName string `json:"displayName"`
	Email       string `json:"email"`
}

type listChatsArgs struct {
	Count    int      `json:"count"`
	Cursor   string   `json:"cursor"`
	Fields   []string `json:"fields"`
	TimeZone string   `json:"timeZone"`
}

type listChatsOut struct {
	Chats  []chat `json:"chats"`
	Cursor string `json:"cursor,omitempty"`
}

func listChats() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "listChats", Title: "Chats", Family: family,
		Description: "Lists the person's Teams chats with their members and topic: one-on-one, group and meeting chats.",
		Keywords:    "conversations direct messages who am I chatting with recent",
		Input: []tool.Field{
			{Name: "count", Type: tool.Integer, Default: 20, Min: 1, Max: maxMessages},
			cursorField,
			{Name: "fields", Type: tool.StringList, Enum: []string{"lastMessage", "link"}},
			timeZoneField,
		},
		Output: []tool.Field{
			{Name: "chats", Type: tool.ObjectList, Required: true, Items: []tool.Field{
				{Name: "id", Type: tool.String},
				{Name: "type", Type: tool.String},
				{Name: "topic", Type: tool.String},
				{Name: "members", Type: tool.StringList},
				{Name: "lastMessage", Type: tool.String},
				{Name: "link", Type: tool.String},
			}},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		// The order of the last messages, and they themselves, are for Chat.Read only.
		Scopes: []string{chatBasicScope}, OptionalScopes: []string{chatReadScope, zoneScope},
	}, func(ctx context.Context, c tool.Call, a listChatsArgs) (tool.Plan, error) {
		plan := tool.Plan{Target: chatsPath.Template()}
		if slices.Contains(a.Fields, "lastMessage") {
			plan.Scopes = []string{chatReadScope}
		}
		if _, err := c.Next(ctx, chatsPath, a.Cursor); err != nil {
			return plan, err
		}
		return plan, checkZone(ctx, c, a.TimeZone)
	}, doListChats)
}

var chatsPath = graph.Fixed("/me/chats")

func doListChats(ctx context.Context, c tool.Call, a listChatsArgs) (tool.Result, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	// The list takes no $select (https://learn.microsoft.com/graph/api/chat-list).
	request := graph.Request{Method: graph.Get, Path: chatsPath, Query: graph.Query{}.Top(a.Count)}
	expand := "members"
	if slices.Contains(a.Fields, "lastMessage") {
		expand += ",lastMessagePreview"
	}
	request.Query = request.Query.Expand(expand)
	if c.Has(chatReadScope) {
		request.Query = request.Query.OrderBy("lastMessagePreview/createdDateTime desc")
	}
	if request.Next, err = c.Next(ctx, chatsPath, a.Cursor); err != nil {
		return tool.Result{}, err
	}
	found, next, err := graph.List[graphChat](ctx, c.Graph, request, a.Count)
	if err != nil {
		return tool.Result{}, err
	}
	ids := make([]string, len(found))
	for i, g := range found {
		ids[i] = g.ID
	}
	if ids, err = c.Short(ctx, handle.KindChat, ids); err != nil {
		return tool.Result{}, err
	}
	out := listChatsOut{Chats: make([]chat, len(found))}
	for i, g := range found {
		out.Chats[i] = g.shape(ids[i], c.Principal.UserID, shaper{zone: zone, maxChars: 300, fields: a.Fields})
	}
	if out.Cursor, err = c.Cursor(ctx, chatsPath, next); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(found)}, nil
}

// shape leaves out the caller, who is a member of all of them.
func (g graphChat) shape(id, me string, s shaper) chat {
	one := chat{ID: id, Topic: content.Line(g.Topic, 250)}
	if g.Type != "oneOnOne" {
		one.Type = content.Line(g.Type, 30)
	}
	others := slices.DeleteFunc(slices.Clone(g.Members), func(m member) bool { return m.UserID == me })
	for _, m := range others[:min(len(others), maxMembersShown)] {
		one.Members = append(one.Members, content.Address(m.DisplayName, m.Email))
	}
	if more := len(others) - maxMembersShown; more > 0 {
		one.Members = append(one.Members, fmt.Sprintf("and %d more", more))
	}
	if s.has("lastMessage") && g.Last != nil && g.Last.Type == "message" {
		last := s.message(*g.Last, "")
		one.LastMessage = last.text()
	}
	if s.has("link") {
		one.Link = content.Line(g.WebURL, 1000)
	}
	return one
}

func (o listChatsOut) text() string {
	if len(o.Chats) == 0 {
		return "No chats."
	}
	var lines []string
	for _, one := range o.Chats {
		line := "- [" + one.ID + "] "
		if one.Type != "" {
			line += one.Type + " "
		}
		if one.Topic != "" {
			line += "“" + strings.NewReplacer("“", "'", "”", "'").Replace(one.Topic) + "” "
		}
		lines = append(lines, line+"with "+strings.Join(one.Members, ", "))
		for _, s := range []string{one.LastMessage, one.Link} {
			if s != "" {
				lines = append(lines, "  "+s) // a message's further lines are further in already
			}
		}
	}
	if o.Cursor != "" {
		lines = append(lines, "More: cursor "+o.Cursor)
	}
	return strings.Join(lines, "\n")
}
