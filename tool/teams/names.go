package teams

import (
	"context"
	"strings"

	"m365mcp/handle"
	"m365mcp/tool"
)

// names are the team and the channel that a model calls by name, where it gave no id.
type names struct{ team, channel string }

// scopes are what looking them up needs.
func (n names) scopes() []string {
	var out []string
	if n.team != "" {
		out = append(out, teamScope)
	}
	if n.channel != "" {
		out = append(out, channelScope)
	}
	return out
}

// find adds to at what the names stand for. Where at has it already, the name must
// lead there too: the caller means one of the two, and it is not known which.
func (n names) find(ctx context.Context, c tool.Call, at channelRef) (channelRef, error) {
	if n.team != "" {
		id, err := teamNamed(ctx, c, n.team)
		if err != nil {
			return at, err
		}
		if at.team != "" && !strings.EqualFold(at.team, id) {
			return at, otherTeam()
		}
		at.team = id
	}
	if n.channel != "" {
		id, err := channelNamed(ctx, c, at.team, n.channel)
		if err != nil {
			return at, err
		}
		if at.channel != "" && at.channel != id {
			return at, tool.Invalid("channelId", "is another channel than the message's; leave it out")
		}
		at.channel = id
	}
	return at, nil
}

func teamNamed(ctx context.Context, c tool.Call, name string) (string, error) {
	teams, err := readTeams(ctx, c)
	if err != nil {
		return "", err
	}
	all := make([]tool.Named, len(teams))
	for i, t := range teams {
		all[i] = tool.Named{ID: t.ID, Name: t.DisplayName}
	}
	i, err := c.Choose(ctx, "teamId", handle.KindTeam, name, all)
	if err != nil {
		return "", err
	}
	return teams[i].ID, nil
}

func channelNamed(ctx context.Context, c tool.Call, teamID, name string) (string, error) {
	channels, err := readChannels(ctx, c, teamID)
	if err != nil {
		return "", err
	}
	all := make([]tool.Named, len(channels))
	for i, ch := range channels {
		all[i] = tool.Named{ID: channelRef{teamID, ch.ID}.String(), Name: ch.DisplayName}
	}
	i, err := c.Choose(ctx, "channelId", handle.KindChannel, name, all)
	if err != nil {
		return "", err
	}
	return channels[i].ID, nil
}
