package teams

import (
	"context"
	"time"

	"m365mcp/graph"
	"m365mcp/timezone"
	"m365mcp/tool"
)

type chatMessagesArgs struct {
	ChatID   string   `json:"chatId"`
	Count    int      `json:"count"`
	Since    string   `json:"since"`
	Cursor   string   `json:"cursor"`
	MaxChars int      `json:"maxChars"`
	Fields   []string `json:"fields"`
	TimeZone string   `json:"timeZone"`
}

func getChatMessages() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "getChatMessages", Title: "Messages of a chat", Family: family,
		Description: "Reads the messages of one Teams chat, newest first.",
		Keywords:    "conversation direct message what did they write",
		Input: []tool.Field{
			{Name: "chatId", Aliases: []string{"id"}, Type: tool.String, Required: true},
			{Name: "count", Type: tool.Integer, Default: 20, Min: 1, Max: maxMessages},
			{Name: "since", Type: tool.String, Description: "2026-03-05T09:00"},
			cursorField, maxCharsField,
			{Name: "fields", Type: tool.StringList, Enum: []string{"reactions"}},
			timeZoneField,
		},
		Output: []tool.Field{
			{Name: "messages", Type: tool.ObjectList, Required: true, Items: chatFields},
			{Name: "timeZone", Type: tool.String},
			{Name: "cursor", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, OpenWorld: true, Core: true, Untrusted: true,
		Scopes: []string{chatReadScope}, OptionalScopes: []string{zoneScope},
	}, func(ctx context.Context, c tool.Call, a chatMessagesArgs) (tool.Plan, error) {
		if err := checkZone(ctx, c, a.TimeZone); err != nil {
			return tool.Plan{}, err
		}
		request, err := a.request(ctx, c, timezone.UTC) // the plan needs the arguments' form only
		return tool.Plan{Target: request.Path.Template()}, err
	}, doChatMessages)
}

func (a chatMessagesArgs) request(ctx context.Context, c tool.Call, zone timezone.Zone) (graph.Request, error) {
	path, err := chatPath(ctx, c, a.ChatID, "/messages")
	if err != nil {
		return graph.Request{}, err
	}
	r := graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Top(a.Count)}
	if a.Since == "" { // Graph's own order is by the last change, and a reaction is one
		r.Query = r.Query.OrderBy("createdDateTime desc")
	} else {
		var since time.Time
		if since, err = parseTime(zone, "since", a.Since); err != nil {
			return r, err
		}
		// Without the same property in $orderby, Graph ignores the filter.
		r.Query = r.Query.OrderBy("lastModifiedDateTime desc").Filter(graph.Gt("lastModifiedDateTime", since))
	}
	r.Next, err = c.Next(ctx, path, a.Cursor)
	return r, err
}

func doChatMessages(ctx context.Context, c tool.Call, a chatMessagesArgs) (tool.Result, error) {
	zone, err := c.Zone(ctx, a.TimeZone)
	if err != nil {
		return tool.Result{}, err
	}
	request, err := a.request(ctx, c, zone)
	if err != nil {
		return tool.Result{}, err
	}
	page, next, err := graph.List[chatMessage](ctx, c.Graph, request, a.Count)
	if err != nil {
		return tool.Result{}, err
	}
	page = messages(page)
	out := messagesOut{Messages: make([]message, len(page)), TimeZone: zone.Label()}
	s := shaper{zone, a.MaxChars, a.Fields}
	for i, g := range page {
		out.Messages[i] = s.message(g, "")
		out.Messages[i].Subject = "" // chats show none
	}
	if out.Cursor, err = c.Cursor(ctx, request.Path, next); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(page)}, nil
}
