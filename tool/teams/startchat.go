package teams

import (
	"context"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

// Bounds of a chat: 250 people are Teams' limit
// (https://learn.microsoft.com/microsoftteams/limits-specifications-teams),
// 250 characters of topic are Graph's (https://learn.microsoft.com/graph/api/resources/chat).
const (
	maxChatMembers = 249 // beside the caller
	maxTopic       = 250
)

type startChatArgs struct {
	Members []string `json:"members"`
	Topic   string   `json:"topic"`
}

type startChatOut struct {
	ID      string   `json:"id"`
	Members []string `json:"members,omitempty"`
}

type newChat struct {
	ChatType string      `json:"chatType"`
	Topic    string      `json:"topic,omitempty"`
	Members  []newMember `json:"members"`
}

type newMember struct {
	Type  string   `json:"@odata.type"`
	Roles []string `json:"roles"`
	User  string   `json:"user@odata.bind"`
}

func startChat() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "startChat", Title: "Start a chat", Family: family,
		Description: "Starts a Teams chat with one person (or finds the existing one) or a group chat with several; then write with sendTeamsMessage.",
		Keywords:    "new conversation create group chat direct message",
		Input: []tool.Field{
			{Name: "members", Type: tool.StringOrList, Required: true, MaxLength: 320, MaxItems: maxChatMembers, Description: "Addresses."},
			{Name: "topic", Type: tool.String, MaxLength: maxTopic, Description: "Of a group chat."},
		},
		Output: []tool.Field{
			{Name: "id", Type: tool.String},
			{Name: "members", Type: tool.StringList},
		},
		OpenWorld: true, Untrusted: true,
		// The directory gives the ids behind addresses: an address need not be the user's name at Microsoft.
		Scopes: []string{chatCreateScope, directoryScope},
	}, planStartChat, doStartChat)
}

func planStartChat(ctx context.Context, c tool.Call, a startChatArgs) (tool.Plan, error) {
	path := graph.Fixed("/chats")
	if len(a.Members) == 0 {
		return tool.Plan{}, tool.Invalid("members", "is empty; name whom to chat with")
	}
	if err := tool.CheckAddresses("members", a.Members...); err != nil {
		return tool.Plan{}, err
	}
	if strings.ContainsAny(a.Topic, ":\r\n") {
		return tool.Plan{}, tool.Invalid("topic", "contains a colon or a line break, which Teams does not take")
	}
	if a.Topic != "" && len(a.Members) == 1 {
		return tool.Plan{}, tool.Invalid("topic", "is for group chats; a chat of two has none")
	}
	people, err := lookUp(ctx, c, "members", a.Members)
	if err != nil {
		return tool.Plan{}, err
	}
	body := newChat{ChatType: "group", Topic: a.Topic, Members: []newMember{bound(c.Principal.UserID, "owner")}}
	if len(people) == 1 {
		body.ChatType = "oneOnOne"
	}
	plan := tool.Plan{Target: path.Template()}
	seen := map[string]bool{c.Principal.UserID: true}
	for _, p := range people {
		if seen[p.id] {
			return tool.Plan{}, tool.Invalid("members", fmt.Sprintf("%q is there twice, or is the person asking, who is a member anyway", p.given))
		}
		seen[p.id] = true
		role := "owner" // of Graph's chats everybody is, but for guests
		if strings.Contains(strings.ToUpper(p.upn), "#EXT#") {
			role = "guest"
		}
		body.Members, plan.Recipients = append(body.Members, bound(p.id, role)), append(plan.Recipients, p.address)
	}
	if a.Topic != "" {
		plan.Content = []string{a.Topic}
	}
	request, err := graph.PostJSON(path, body)
	plan.Writes = []graph.Request{request}
	return plan, err
}

// bound refers to a user by object id. Graph reads the reference itself, so it is
// that of the worldwide service whatever way requests take.
func bound(id, role string) newMember {
	return newMember{"#microsoft.graph.aadUserConversationMember", []string{role}, "https://graph.microsoft.com/v1.0/users('" + id + "')"}
}

func doStartChat(ctx context.Context, c tool.Call, _ startChatArgs) (tool.Result, error) {
	resp, err := c.Graph.Do(ctx, c.Plan.Writes[0])
	if err != nil {
		return tool.Result{}, err
	}
	var made graphChat
	if err := resp.Decode(&made); err != nil {
		return tool.Result{}, afterwards(err)
	}
	short, err := c.Short(ctx, handle.KindChat, []string{made.ID})
	if err != nil {
		return tool.Result{}, afterwards(err)
	}
	out := startChatOut{ID: short[0], Members: c.Plan.Recipients}
	text := fmt.Sprintf("Chat [%s] with %s. Nothing was written yet: sendTeamsMessage with chatId.", out.ID, strings.Join(out.Members, ", "))
	return tool.Result{Structured: out, Text: content.Plain(text).Text, Items: 1}, nil
}
