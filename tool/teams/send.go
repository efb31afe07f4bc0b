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

type sendArgs struct {
	TeamID    string `json:"teamId"`
	ChannelID string `json:"channelId"`
	ChatID    string `json:"chatId"`
	Subject   string `json:"subject"`
	writeArgs
}

type replyArgs struct {
	MessageID string `json:"messageId"`
	TeamID    string `json:"teamId"`
	ChannelID string `json:"channelId"`
	writeArgs
}

type sentOut struct {
	ID string   `json:"id,omitempty"` // of a channel's message; it can be replied to
	To []string `json:"to,omitempty"`
}

var sentFields = []tool.Field{{Name: "id", Type: tool.String}, {Name: "to", Type: tool.StringList}}

// What a message needs: to be sent, and the names of who gets it.
var (
	channelSend = []string{channelSendScope, teamScope, channelScope}
	chatSend    = []string{chatSendScope, chatBasicScope}
)

func sendTeamsMessage() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "sendTeamsMessage", Title: "Send a Teams message", Family: family,
		Description: "Post a message in a Teams channel or a chat (chatId), with mentions and rich text.",
		Keywords:    "write chat post announce notify colleague",
		Input: append([]tool.Field{
			teamField, channelField,
			{Name: "chatId", Type: tool.String},
			{Name: "subject", Type: tool.String, MaxLength: 255},
		}, writeFields...),
		Output:      sentFields,
		Destructive: true, OpenWorld: true, Core: true, Untrusted: true,
		AnyScope: [][]string{channelSend, chatSend}, OptionalScopes: []string{directoryScope},
	}, planSend, doSend)
}

func replyToChannelMessage() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "replyToChannelMessage", Title: "Reply in a channel", Family: family,
		Description: "Replies to a message of a Teams channel, within its thread.",
		Keywords:    "answer respond thread",
		Input:       append([]tool.Field{{Name: "messageId", Aliases: []string{"id"}, Type: tool.String, Required: true}, teamField, channelField}, writeFields...),
		Output:      sentFields,
		Destructive: true, OpenWorld: true, Untrusted: true,
		Scopes: channelSend, OptionalScopes: []string{directoryScope},
	}, planReply, doReply)
}

func planSend(ctx context.Context, c tool.Call, a sendArgs) (tool.Plan, error) {
	switch {
	case a.ChatID != "" && (a.ChannelID != "" || a.TeamID != ""):
		return tool.Plan{}, tool.Invalid("chatId", "goes without teamId and channelId; a message goes to one place")
	case a.ChatID != "" && a.Subject != "":
		return tool.Plan{}, tool.Invalid("subject", "is for channels; chats show none")
	case a.ChatID != "":
		return planChat(ctx, c, a)
	}
	at, n, err := channelArg(ctx, c, a.TeamID, a.ChannelID)
	if err != nil {
		return tool.Plan{}, err
	}
	return planChannel(ctx, c, messageRef{channelRef: at}, n, a.Subject, a.writeArgs)
}

// planChannel plans a message to a channel, or a reply to the message that at has.
// Whoever is mentioned is looked up in the directory: the members of a channel can be
// read with an administrator's consent only.
func planChannel(ctx context.Context, c tool.Call, at messageRef, n names, subject string, a writeArgs) (tool.Plan, error) {
	below, values := "/messages", []string(nil)
	if at.root != "" {
		below, values = repliesBelow, []string{at.root}
	}
	scopes := channelSend
	if len(a.Mentions) > 0 {
		scopes = append(slices.Clip(scopes), directoryScope)
	}
	plan, lacking := unscoped(c, channelPath+below, scopes...)
	if lacking {
		return plan, nil
	}
	channel, err := n.find(ctx, c, at.channelRef)
	if err != nil {
		return plan, err
	}
	path, err := channel.path(below, values...)
	if err != nil {
		return plan, err
	}
	given := make([]string, len(a.Mentions))
	for i, m := range a.Mentions {
		given[i] = strings.TrimPrefix(m, "@")
	}
	mentioned, err := lookUp(ctx, c, "mentions", given)
	if err != nil {
		return plan, err
	}
	if plan.Recipients, err = channelReaders(ctx, c, channel); err != nil {
		return plan, err
	}
	return finish(plan, path, subject, a, mentioned)
}

// finish adds the message itself.
func finish(plan tool.Plan, path graph.Path, subject string, a writeArgs, mentioned []person) (tool.Plan, error) {
	m, leaves, err := a.compose(mentioned)
	if err != nil {
		return plan, err
	}
	m.Subject, plan.Content = subject, append([]string{subject}, leaves...)
	request, err := graph.PostJSON(path, m)
	plan.Writes = []graph.Request{request}
	return plan, err
}

func planChat(ctx context.Context, c tool.Call, a sendArgs) (tool.Plan, error) {
	path, err := chatPath(ctx, c, a.ChatID, "/messages")
	if err != nil {
		return tool.Plan{}, err
	}
	plan, lacking := unscoped(c, path.Template(), chatSend...)
	if lacking {
		return plan, nil
	}
	people, err := chatPath(ctx, c, a.ChatID, "/members")
	if err != nil {
		return plan, err
	}
	// All pages: $expand=members of a chat ends at 25 (https://learn.microsoft.com/graph/api/chat-list).
	members, more, err := graph.List[member](ctx, c.Graph, graph.Request{Method: graph.Get, Path: people}, 0)
	if err != nil {
		return plan, err
	}
	if more != "" {
		return plan, tool.Invalid("chatId", "has more members than can be checked; send this in Teams itself")
	}
	for _, m := range members {
		if m.UserID != c.Principal.UserID {
			plan.Recipients = append(plan.Recipients, m.reader())
		}
	}
	mentioned, err := among(members, a.Mentions)
	if err != nil {
		return plan, err
	}
	return finish(plan, path, "", a.writeArgs, mentioned)
}

func planReply(ctx context.Context, c tool.Call, a replyArgs) (tool.Plan, error) {
	at, n, err := messageArg(ctx, c, a.TeamID, a.ChannelID, a.MessageID)
	if err != nil {
		return tool.Plan{}, err
	}
	return planChannel(ctx, c, at, n, "", a.writeArgs)
}

func doSend(ctx context.Context, c tool.Call, a sendArgs) (tool.Result, error) {
	sent, err := post(ctx, c)
	if err != nil {
		return tool.Result{}, err
	}
	if a.ChatID != "" {
		return posted("", c.Plan.Recipients), nil
	}
	return postedAt(ctx, c, target(c.Plan).of(sent))
}

func doReply(ctx context.Context, c tool.Call, _ replyArgs) (tool.Result, error) {
	sent, err := post(ctx, c)
	if err != nil {
		return tool.Result{}, err
	}
	at := target(c.Plan)
	at.reply = sent.ID
	return postedAt(ctx, c, at)
}

// target is where the planned message goes.
func target(p tool.Plan) messageRef {
	path := p.Writes[0].Path
	return messageRef{channelRef: channelRef{path.Value("team"), path.Value("channel")}, root: path.Value("message")}
}

func post(ctx context.Context, c tool.Call) (chatMessage, error) {
	var sent chatMessage
	resp, err := c.Graph.Do(ctx, c.Plan.Writes[0])
	if err != nil {
		return sent, err
	}
	return sent, afterwards(resp.Decode(&sent))
}

// afterwards is for what fails when the write has happened: nobody may take that
// for a call that can be made again.
func afterwards(err error) error {
	if err == nil {
		return nil
	}
	return &graph.Error{Kind: graph.KindUnknown, Err: err}
}

func postedAt(ctx context.Context, c tool.Call, at messageRef) (tool.Result, error) {
	short, err := c.Short(ctx, handle.KindMessage, []string{at.String()})
	if err != nil {
		return tool.Result{}, afterwards(err)
	}
	return posted(short[0], c.Plan.Recipients), nil
}

// maxNamed bounds the readers that a result names.
const maxNamed = 10

func posted(id string, readers []string) tool.Result {
	out := sentOut{ID: id, To: slices.Clone(readers[:min(len(readers), maxNamed)])}
	if more := len(readers) - maxNamed; more > 0 {
		out.To = append(out.To, fmt.Sprintf("and %d more", more))
	}
	text := "Sent"
	if len(out.To) > 0 {
		text += " to " + strings.Join(out.To, ", ")
	}
	if id != "" {
		text += " [" + id + "]"
	}
	return tool.Result{Structured: out, Text: content.Plain(text).Text, Items: 1}
}
