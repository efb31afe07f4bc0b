package teams

import (
	"context"
	"regexp"
	"strings"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

// channelRef is a channel's place: its id means something in its team only.
type channelRef struct{ team, channel string }

// String is the id that short ids are made of: TEAM:CHANNEL.
func (r channelRef) String() string { return r.team + ":" + r.channel }

// messageRef is the place of a channel's message. A reply keeps the message that
// began its thread, since replies go there.
type messageRef struct {
	channelRef
	root, reply string
}

// String is the id that short ids are made of: TEAM:CHANNEL:ROOT or TEAM:CHANNEL:ROOT/REPLY.
func (r messageRef) String() string {
	id := r.channelRef.String() + ":" + r.root
	if r.reply != "" {
		id += "/" + r.reply
	}
	return id
}

// teamForm is the form of a team's id, which is its group's.
var teamForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// splitTeam reads what [channelRef.String] has written. A channel's own id begins with "19:".
func splitTeam(id string) (channelRef, bool) {
	team, channel, ok := strings.Cut(id, ":")
	return channelRef{team, channel}, ok && teamForm.MatchString(team) && channel != ""
}

func noTeam() error { return tool.Invalid("teamId", "is no id of a team; take it from listTeams") }

func otherTeam() error {
	return tool.Invalid("teamId", "is another team than the channel's; leave it out")
}

// teamArg reads teamId, or what stands for it: an id, or else a name.
func teamArg(ctx context.Context, c tool.Call, field, given string) (id, name string, err error) {
	id, err = c.Resolve(ctx, field, handle.KindTeam, given)
	if err != nil || teamForm.MatchString(id) {
		return id, "", err
	}
	return "", id, nil
}

// channelArg reads teamId and channelId, without asking Graph. The team may be left
// out where the channel's id says it, or in front of the channel's name: Team/Channel.
// No name of a channel has a slash or a colon
// (https://learn.microsoft.com/microsoftteams/limits-specifications-teams).
func channelArg(ctx context.Context, c tool.Call, teamID, channelID string) (at channelRef, n names, err error) {
	if channelID == "" {
		return at, n, tool.Invalid("channelId", "is missing; give the channel's id or name, or a chatId where the tool has it")
	}
	id, err := c.Resolve(ctx, "channelId", handle.KindChannel, channelID)
	if err != nil {
		return at, n, err
	}
	slash := strings.LastIndex(id, "/")
	if teamID != "" {
		at.team, n.team, err = teamArg(ctx, c, "teamId", teamID)
	} else if slash > 0 {
		at.team, n.team, err = teamArg(ctx, c, "channelId", id[:slash])
		id = id[slash+1:]
	}
	if err != nil {
		return at, n, err
	}
	whole, ok := splitTeam(id)
	switch {
	case ok && at.team != "" && !strings.EqualFold(at.team, whole.team):
		return at, n, otherTeam()
	case ok:
		return whole, n, nil
	case at.team+n.team == "":
		return at, n, tool.Invalid("teamId", "is missing; give the id or name of the channel's team")
	case strings.Contains(id, ":"):
		at.channel = id
	default:
		n.channel = strings.TrimSpace(id)
	}
	return at, n, nil
}

// messageArg reads messageId, without asking Graph, with teamId and channelId where
// it is Graph's own.
func messageArg(ctx context.Context, c tool.Call, teamID, channelID, messageID string) (at messageRef, n names, err error) {
	id, err := c.Resolve(ctx, "messageId", handle.KindMessage, messageID)
	if err != nil {
		return at, n, err
	}
	i := strings.LastIndex(id, ":")
	if i < 0 {
		at.channelRef, n, err = channelArg(ctx, c, teamID, channelID)
	} else {
		var ok bool
		if at.channelRef, ok = splitTeam(id[:i]); !ok {
			return at, n, tool.Invalid("messageId", "is no id of a channel's message; take it from getChannelMessages")
		}
		n, err = sameChannel(ctx, c, at.channelRef, teamID, channelID)
	}
	if at.root, at.reply, _ = strings.Cut(id[i+1:], "/"); at.root == "" && err == nil {
		err = tool.Invalid("messageId", "names no message; take it from getChannelMessages")
	}
	return at, n, err
}

// sameChannel refuses a message together with a channel or team that it is not in.
// Names are returned, to be looked up.
func sameChannel(ctx context.Context, c tool.Call, at channelRef, teamID, channelID string) (names, error) {
	given, n, err := channelRef{}, names{}, error(nil)
	switch {
	case channelID != "":
		if teamID == "" && !strings.Contains(channelID, "/") {
			teamID = at.team
		}
		given, n, err = channelArg(ctx, c, teamID, channelID)
	case teamID != "":
		given.team, n.team, err = teamArg(ctx, c, "teamId", teamID)
	}
	if err != nil {
		return n, err
	}
	if given.team != "" && !strings.EqualFold(given.team, at.team) || given.channel != "" && given.channel != at.channel {
		return n, tool.Invalid("messageId", "is of another channel; leave teamId and channelId out")
	}
	return n, nil
}

const (
	channelPath  = "/teams/{team}/channels/{channel}"
	repliesBelow = "/messages/{message}/replies"
)

// path is a path below the channel.
func (r channelRef) path(below string, values ...string) (graph.Path, error) {
	path, err := graph.To(channelPath+below, append([]string{r.team, r.channel}, values...)...)
	if err != nil {
		return graph.Path{}, tool.Invalid("channelId", "is no id of a channel; take it from listTeams")
	}
	return path, nil
}

// chatPath is the path below a chat that a model names.
func chatPath(ctx context.Context, c tool.Call, chatID, below string) (graph.Path, error) {
	id, err := c.Resolve(ctx, "chatId", handle.KindChat, chatID)
	if err != nil {
		return graph.Path{}, err
	}
	path, err := graph.To("/chats/{chat}"+below, id)
	if err != nil {
		return graph.Path{}, tool.Invalid("chatId", "is no id of a chat; take it from listChats")
	}
	return path, nil
}
