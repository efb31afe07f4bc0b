package teams

import (
	"context"
	"strings"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

type listChannelsArgs struct {
	TeamID string   `json:"teamId"`
	Fields []string `json:"fields"`
}

type listChannelsOut struct {
	Channels []channel `json:"channels"`
}

var channelMore = []string{"description", "email", "link"}

func listChannels() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "listChannels", Title: "Channels of a team", Family: family,
		Description: "Lists the channels of one team.",
		Input: []tool.Field{
			{Name: "teamId", Aliases: []string{"id"}, Type: tool.String, Required: true, Description: teamField.Description},
			{Name: "fields", Type: tool.StringList, Enum: channelMore},
		},
		Output: []tool.Field{{Name: "channels", Type: tool.ObjectList, Required: true, Items: []tool.Field{
			{Name: "id", Type: tool.String},
			{Name: "displayName", Type: tool.String},
			{Name: "type", Type: tool.String},
			{Name: "description", Type: tool.String},
			{Name: "email", Type: tool.String},
			{Name: "link", Type: tool.String},
		}}},
		ReadOnly: true, Idempotent: true, Untrusted: true,
		Scopes: []string{channelScope}, OptionalScopes: []string{teamScope},
	}, planListChannels, doListChannels)
}

func planListChannels(ctx context.Context, c tool.Call, a listChannelsArgs) (tool.Plan, error) {
	_, name, err := teamArg(ctx, c, "teamId", a.TeamID)
	return tool.Plan{Target: "/teams/{team}/channels", Scopes: names{team: name}.scopes()}, err
}

// readChannels reads the channels of a team that the person sees.
func readChannels(ctx context.Context, c tool.Call, teamID string, more ...string) ([]graphChannel, error) {
	path, err := graph.To("/teams/{team}/channels", teamID)
	if err != nil {
		return nil, noTeam()
	}
	query := graph.Query{}.Select(append([]string{"id", "displayName", "membershipType"}, more...)...)
	all, _, err := graph.List[graphChannel](ctx, c.Graph, graph.Request{Method: graph.Get, Path: path, Query: query}, 0)
	return all, err
}

func doListChannels(ctx context.Context, c tool.Call, a listChannelsArgs) (tool.Result, error) {
	id, name, err := teamArg(ctx, c, "teamId", a.TeamID)
	if err != nil {
		return tool.Result{}, err
	}
	team, err := names{team: name}.find(ctx, c, channelRef{team: id})
	if err != nil {
		return tool.Result{}, err
	}
	var more []string
	for _, f := range a.Fields {
		more = append(more, map[string]string{"description": "description", "email": "email", "link": "webUrl"}[f])
	}
	found, err := readChannels(ctx, c, team.team, more...)
	if err != nil {
		return tool.Result{}, err
	}
	refs := make([]string, len(found))
	for i, ch := range found {
		refs[i] = channelRef{team.team, ch.ID}.String()
	}
	short, err := c.Short(ctx, handle.KindChannel, refs)
	if err != nil {
		return tool.Result{}, err
	}
	out := listChannelsOut{Channels: make([]channel, len(found))}
	var b strings.Builder
	for i, ch := range found {
		out.Channels[i] = ch.shape(short[i], a.Fields)
		b.WriteString("- " + out.Channels[i].line() + "\n")
	}
	return tool.Result{Structured: out, Text: b.String(), Items: len(found)}, nil
}
