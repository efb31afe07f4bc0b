// Package teams has the tools for Microsoft Teams: teams and their channels,
// chats, messages, and online meetings with their transcripts.
//
// Reading: a page of Graph -> shaper (mentions by name, HTML as Markdown, long
// texts cut) -> short ids. A channel means something in its team only, and a
// message in its channel, so their ids here are made of both (see [channelRef]
// and [messageRef]).
//
// Writing: compose (rich text by an allowlist, mentions looked up) -> the people
// or the channel that it goes to, for policy -> one POST, which is never repeated.
package teams

import (
	"context"
	"slices"
	"time"

	"m365mcp/graph"
	"m365mcp/timezone"
	"m365mcp/tool"
)

const family = "teams"

// Scopes of the family. That of channel messages and that of transcripts need an
// administrator (Microsoft's permissions.json).
const (
	teamScope        = "Team.ReadBasic.All"
	channelScope     = "Channel.ReadBasic.All"
	channelReadScope = "ChannelMessage.Read.All"
	channelSendScope = "ChannelMessage.Send"
	chatBasicScope   = "Chat.ReadBasic"
	chatReadScope    = "Chat.Read"
	chatSendScope    = "ChatMessage.Send"
	chatCreateScope  = "Chat.Create"
	directoryScope   = "User.ReadBasic.All"
	zoneScope        = "MailboxSettings.Read"
)

// Tools returns the family.
func Tools() []*tool.Tool {
	return []*tool.Tool{
		listTeams(), listChannels(), getChannelMessages(), sendTeamsMessage(), replyToChannelMessage(),
		listChats(), getChatMessages(), startChat(), createTeamsMeeting(), getMeetingTranscript(),
	}
}

// Resources returns what can be read under a URI.
func Resources() []*tool.Resource {
	return []*tool.Resource{{URI: "microsoft://teams", Tool: joinedTeams()}}
}

// Arguments that several tools have, in the same words.
var (
	teamField     = tool.Field{Name: "teamId", Type: tool.String, Description: "Id or name."}
	channelField  = tool.Field{Name: "channelId", Type: tool.String, Description: "Id, name, or Team/Channel."}
	cursorField   = tool.Field{Name: "cursor", Type: tool.String}
	timeZoneField = tool.Field{Name: "timeZone", Type: tool.String}
)

// unscoped is the plan of a call whose token lacks one of the scopes that its
// arguments need: it ends the call before anything is read.
func unscoped(c tool.Call, target string, scopes ...string) (tool.Plan, bool) {
	lacks := slices.ContainsFunc(scopes, func(s string) bool { return !c.Has(s) })
	return tool.Plan{Target: target, Scopes: scopes}, lacks
}

// checkZone holds the argument against the names of zones; the mailbox's own is
// not asked for before the call is permitted.
func checkZone(ctx context.Context, c tool.Call, name string) error {
	if name == "" {
		return nil
	}
	_, err := c.Zone(ctx, name)
	return err
}

// parseTime reads the argument field as a time of the zone.
func parseTime(zone timezone.Zone, field, text string) (time.Time, error) {
	t, _, err := zone.ParseExisting(text)
	if err != nil {
		return time.Time{}, tool.Invalid(field, err.Error())
	}
	return t, nil
}

// read sends one GET and decodes its answer.
func read[T any](ctx context.Context, d graph.Doer, path graph.Path, q graph.Query) (T, error) {
	var out T
	resp, err := d.Do(ctx, graph.Request{Method: graph.Get, Path: path, Query: q})
	if err != nil {
		return out, err
	}
	return out, resp.Decode(&out)
}
