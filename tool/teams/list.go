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

// maxTeams bounds a list: Graph gives all teams at once, some people have hundreds.
const maxTeams = 40

type team struct {
	ID          string    `json:"id"`
	Name        string    `json:"displayName"`
	Description string    `json:"description,omitempty"`
	Channels    []channel `json:"channels,omitempty"`
}

type channel struct {
	ID          string `json:"id"`
	Name        string `json:"displayName"`
	Description string `json:"description,omitempty"`
	Type        string `json:"type,omitempty"`
	Email       string `json:"email,omitempty"`
	Link        string `json:"link,omitempty"`
}

type graphTeam struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Description string `json:"description"`
}

type graphChannel struct {
	ID             string `json:"id"`
	DisplayName    string `json:"displayName"`
	Description    string `json:"description"`
	MembershipType string `json:"membershipType"`
	Email          string `json:"email"`
	WebURL         string `json:"webUrl"`
	IsArchived     bool   `json:"isArchived"`
}

type listTeamsArgs struct {
	Query string `json:"query"`
}

type listTeamsOut struct {
	Teams []team `json:"teams"`
	More  int    `json:"more,omitempty"`
}

func listTeams() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "listTeams", Title: "Teams and channels", Family: family,
		Description: "Lists the Microsoft Teams teams the person has joined, with the channels of each.",
		Keywords:    "joined groups workspace which teams am I in",
		Input:       []tool.Field{{Name: "query", Type: tool.String, MaxLength: 200, Description: "Part of a team's name."}},
		Output: []tool.Field{
			{Name: "teams", Type: tool.ObjectList, Required: true, Items: []tool.Field{
				{Name: "id", Type: tool.String},
				{Name: "displayName", Type: tool.String},
				{Name: "description", Type: tool.String},
				{Name: "channels", Type: tool.ObjectList, Items: []tool.Field{
					{Name: "id", Type: tool.String},
					{Name: "displayName", Type: tool.String},
					{Name: "type", Type: tool.String},
				}},
			}},
			{Name: "more", Type: tool.Integer},
		},
		ReadOnly: true, Idempotent: true, Untrusted: true,
		Scopes: []string{teamScope, channelScope},
	}, func(context.Context, tool.Call, listTeamsArgs) (tool.Plan, error) {
		return tool.Plan{Target: "/me/joinedTeams"}, nil
	}, func(ctx context.Context, c tool.Call, a listTeamsArgs) (tool.Result, error) {
		out, err := teamsOf(ctx, c, a.Query, true)
		return tool.Result{Structured: out, Text: out.text(), Items: len(out.Teams)}, err
	})
}

// joinedTeams is the resource: the teams alone.
func joinedTeams() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "resource:teams", Title: "Teams", Family: family, Of: "listTeams",
		Description: "The teams the person has joined, with id, displayName and description, as JSON.",
		Output: []tool.Field{
			{Name: "teams", Type: tool.ObjectList, Required: true, Items: []tool.Field{
				{Name: "id", Type: tool.String}, {Name: "displayName", Type: tool.String}, {Name: "description", Type: tool.String},
			}},
			{Name: "more", Type: tool.Integer},
		},
		ReadOnly: true, Idempotent: true, Untrusted: true,
		Scopes: []string{teamScope},
	}, func(context.Context, tool.Call, struct{}) (tool.Plan, error) {
		return tool.Plan{Target: "/me/joinedTeams"}, nil
	}, func(ctx context.Context, c tool.Call, _ struct{}) (tool.Result, error) {
		out, err := teamsOf(ctx, c, "", false)
		return tool.Result{Structured: out, Text: out.text(), Items: len(out.Teams)}, err
	})
}

// readTeams reads the joined teams; the list takes no option of OData
// (https://learn.microsoft.com/graph/api/user-list-joinedteams).
func readTeams(ctx context.Context, c tool.Call) ([]graphTeam, error) {
	all, _, err := graph.List[graphTeam](ctx, c.Graph, graph.Request{Method: graph.Get, Path: graph.Fixed("/me/joinedTeams")}, 0)
	return all, err
}

func teamsOf(ctx context.Context, c tool.Call, query string, channels bool) (listTeamsOut, error) {
	all, err := readTeams(ctx, c)
	if err != nil {
		return listTeamsOut{}, err
	}
	var found []graphTeam
	for _, t := range all {
		if strings.Contains(strings.ToLower(t.DisplayName), strings.ToLower(query)) {
			found = append(found, t)
		}
	}
	out := listTeamsOut{Teams: []team{}, More: max(0, len(found)-maxTeams)}
	found = found[:min(len(found), maxTeams)]
	ids := make([]string, len(found))
	for i, t := range found {
		ids[i] = t.ID
	}
	short, err := c.Short(ctx, handle.KindTeam, ids)
	if err != nil {
		return listTeamsOut{}, err
	}
	for i, t := range found {
		out.Teams = append(out.Teams, team{ID: short[i], Name: content.Line(t.DisplayName, 100), Description: content.Line(t.Description, 200)})
	}
	if channels {
		err = addChannels(ctx, c, out.Teams, ids)
	}
	return out, err
}

// addChannels reads the channels of all teams together. A team that refuses, such
// as one that was left a moment ago, stays without; only if all do it is a failure.
func addChannels(ctx context.Context, c tool.Call, teams []team, ids []string) error {
	if len(teams) == 0 {
		return nil
	}
	requests := make([]graph.Request, len(ids))
	for i, id := range ids {
		path, err := graph.To("/teams/{team}/channels", id)
		if err != nil {
			return fmt.Errorf("team of joinedTeams: %w", err)
		}
		requests[i] = graph.Request{Method: graph.Get, Path: path, Query: graph.Query{}.Select("id", "displayName", "membershipType")}
	}
	answers, err := graph.Batch(ctx, c.Graph, requests)
	if err != nil {
		return err
	}
	var (
		refs   []string
		owner  []int
		found  []graphChannel
		failed error
		good   int
	)
	for i, answer := range answers {
		var page graph.Page[graphChannel]
		if err := answer.Err; err != nil {
			failed = err
			continue
		}
		if err := answer.Response.Decode(&page); err != nil {
			return err
		}
		good++
		for _, ch := range page.Value {
			refs, owner, found = append(refs, channelRef{ids[i], ch.ID}.String()), append(owner, i), append(found, ch)
		}
	}
	if good == 0 {
		return failed
	}
	short, err := c.Short(ctx, handle.KindChannel, refs)
	if err != nil {
		return err
	}
	for i, ch := range found {
		one := &teams[owner[i]]
		one.Channels = append(one.Channels, ch.shape(short[i], nil))
	}
	return nil
}

func (g graphChannel) shape(id string, fields []string) channel {
	ch := channel{ID: id, Name: content.Line(g.DisplayName, 100)}
	if g.MembershipType != standard {
		ch.Type = content.Line(g.MembershipType, 30)
	}
	for _, f := range fields {
		switch f {
		case "email":
			ch.Email = content.Line(g.Email, 320)
		case "link":
			ch.Link = content.Line(g.WebURL, 1000)
		case "description":
			ch.Description = content.Line(g.Description, 300)
		}
	}
	return ch
}

func (ch channel) line() string {
	parts := []string{ch.Name + " [" + ch.ID + "]", ch.Type, ch.Description, ch.Email, ch.Link}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

func (o listTeamsOut) text() string {
	if len(o.Teams) == 0 {
		return "No teams."
	}
	var b strings.Builder
	for _, t := range o.Teams {
		fmt.Fprintf(&b, "- %s [%s]", t.Name, t.ID)
		if t.Description != "" {
			b.WriteString(": " + t.Description)
		}
		b.WriteByte('\n')
		for _, ch := range t.Channels {
			b.WriteString("   # " + ch.line() + "\n")
		}
	}
	if o.More > 0 {
		fmt.Fprintf(&b, "%d more teams: give a query.\n", o.More)
	}
	return b.String()
}
