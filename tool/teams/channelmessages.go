package teams

import (
	"context"
	"slices"

	"m365mcp/graph"
	"m365mcp/tool"
)

type channelMessagesArgs struct {
	TeamID    string   `json:"teamId"`
	ChannelID string   `json:"channelId"`
	MessageID string   `json:"messageId"`
	Count     int      `json:"count"`
	Cursor    string   `json:"cursor"`
	MaxChars  int      `json:"maxChars"`
	Fields    []string `json:"fields"`
	TimeZone  string   `json:"timeZone"`
}

func getChannelMessages() *tool.Tool {
	one := append([]tool.Field{{Name: "id", Type: tool.String}, {Name: "subject", Type: tool.String}}, chatFields...)
	return tool.Define(tool.Spec{
		Name: "getChannelMessages", Title: "Messages of a channel", Family: family,
		Description: "Reads the messages in a Teams channel, newest first, or the replies to one.",
		Keywords:    "conversation thread discussion announcements",
		Input: []tool.Field{
			teamField, channelField,
			{Name: "messageId", Type: tool.String, Description: "For its replies; without channelId."},
			{Name: "count", Type: tool.Integer, Default: 20, Min: 1, Max: maxMessages},
			cursorField, maxCharsField,
			{Name: "fields", Type: tool.StringList, Enum: []string{"replies", "reactions", "link"}},
			timeZoneField,
		},
		Output: []tool.Field{
			{Name: "messages", Type: tool.ObjectList, Required: true, Items: append(one,
				tool.Field{Name: "link", Type: tool.String},
				tool.Field{Name: "replies", Type: tool.StringList},
			)},
			{Name: "timeZone", Type: tool.String},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Untrusted: true,
		Scopes: []string{channelReadScope}, OptionalScopes: []string{zoneScope, teamScope, channelScope},
	}, planChannelMessages, doChannelMessages)
}

func planChannelMessages(ctx context.Context, c tool.Call, a channelMessagesArgs) (tool.Plan, error) {
	at, n, err := a.place(ctx, c)
	if err != nil {
		return tool.Plan{}, err
	}
	plan := tool.Plan{Target: channelPath + "/messages", Scopes: n.scopes()}
	if at.root != "" {
		plan.Target = channelPath + repliesBelow
	}
	return plan, checkZone(ctx, c, a.TimeZone)
}

func (a channelMessagesArgs) place(ctx context.Context, c tool.Call) (at messageRef, n names, err error) {
	if a.MessageID != "" {
		return messageArg(ctx, c, a.TeamID, a.ChannelID, a.MessageID)
	}
	at.channelRef, n, err = channelArg(ctx, c, a.TeamID, a.ChannelID)
	return at, n, err
}

// request asks for a page: of the channel, or of the replies to a message.
func (a channelMessagesArgs) request(ctx context.Context, c tool.Call) (at messageRef, r graph.Request, err error) {
	at, n, err := a.place(ctx, c)
	if err != nil {
		return at, r, err
	}
	if at.channelRef, err = n.find(ctx, c, at.channelRef); err != nil {
		return at, r, err
	}
	r = graph.Request{Method: graph.Get, Query: graph.Query{}.Top(a.Count)}
	if at.root != "" {
		r.Path, err = at.path(repliesBelow, at.root)
	} else if r.Path, err = at.path("/messages"); slices.Contains(a.Fields, "replies") {
		r.Query = r.Query.Expand("replies")
	}
	if err != nil {
		return at, r, err
	}
	r.Next, err = c.Next(ctx, r.Path, a.Cursor)
	return at, r, err
}

func doChannelMessages(ctx context.Context, c tool.Call, a channelMessagesArgs) (tool.Result, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	at, request, err := a.request(ctx, c)
	if err != nil {
		return tool.Result{}, err
	}
	page, next, err := graph.List[chatMessage](ctx, c.Graph, request, a.Count)
	if err != nil {
		return tool.Result{}, err
	}
	out := messagesOut{TimeZone: zone.Label()}
	if out.Messages, err = (shaper{zone, a.MaxChars, a.Fields}).shape(ctx, c, at, messages(page)); err != nil {
		return tool.Result{}, err
	}
	if out.Cursor, err = c.Cursor(ctx, request.Path, next); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(out.Messages)}, nil
}
