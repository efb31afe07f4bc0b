package teams

import (
	"context"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

// summary counts the guests of a team or channel; Graph may leave it out.
type summary struct {
	Guests *int `json:"guestsCount"`
}

func (s *summary) guests() (n int, known bool) {
	if s == nil || s.Guests == nil {
		return 0, false
	}
	return *s.Guests, true
}

const standard, private = "standard", "private" // channels; all others are shared

// channelReaders name for policy who reads a channel: "team:TEAM/CHANNEL", and whoever
// is or may be from outside: "guests of ...", "organizations sharing ...", and "unknown
// members of ..." where Graph does not tell. A slash in a name is %2F, so that no name
// can pass for another channel's.
func channelReaders(ctx context.Context, c tool.Call, at channelRef) ([]string, error) {
	teamPath, err := graph.To("/teams/{team}", at.team)
	if err != nil {
		return nil, noTeam()
	}
	channelPath, err := at.path("")
	if err != nil {
		return nil, err
	}
	t, err := read[struct {
		DisplayName string   `json:"displayName"`
		Summary     *summary `json:"summary"`
	}](ctx, c.Graph, teamPath, graph.Query{}.Select("displayName", "summary"))
	if err != nil {
		return nil, err
	}
	// Of a channel Graph gives the summary only when asked (https://learn.microsoft.com/graph/api/channel-get).
	ch, err := read[struct {
		graphChannel

		Summary *summary `json:"summary"`
	}](ctx, c.Graph, channelPath, graph.Query{}.Select("displayName", "membershipType", "summary"))
	if err != nil {
		return nil, err
	}
	segment := strings.NewReplacer("%", "%25", "/", "%2F")
	team := "team:" + segment.Replace(content.Line(t.DisplayName, 256))
	channel := team + "/" + segment.Replace(content.Line(ch.DisplayName, 256))
	readers, of := []string{channel}, channel
	guests, known := ch.Summary.guests()
	if ch.MembershipType == standard { // who is in the team is in it
		inTeam, knownToo := t.Summary.guests()
		guests, known, of = max(guests, inTeam), known || knownToo, team
	}
	if guests > 0 {
		readers = append(readers, "guests of "+of)
	}
	if ch.MembershipType != standard && ch.MembershipType != private {
		readers = append(readers, "organizations sharing "+channel)
	}
	if !known {
		readers = append(readers, "unknown members of "+channel)
	}
	return readers, nil
}

// reader names a member for policy; people from consumer services have no address.
func (m member) reader() string {
	switch {
	case m.Email != "":
		return m.Email
	case m.UserID != "":
		return "user:" + m.UserID
	}
	return "unknown member of the chat"
}
