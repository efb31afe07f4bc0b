package teams

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/service"
)

// stamp is how Teams writes times.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.999Z")
}

func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (c *call) listJoined() (*service.Answer, error) {
	mine := c.joined()
	answer := c.Page(c.Context("teams"), len(mine), func(i int) any {
		t := mine[i]
		return map[string]any{ // of the other properties the list gives null
			"id": t.ID, "displayName": t.Name, "description": nullable(t.Description), "createdDateTime": nil, "internalId": nil, "classification": nil,
			"specialization": nil, "visibility": "private", "webUrl": nil, "isArchived": false, "tenantId": c.tenant.ID,
			"memberSettings": nil, "guestSettings": nil, "messagingSettings": nil, "funSettings": nil, "summary": nil,
		}
	})
	answer.Value["@odata.count"] = len(mine)
	return answer, nil
}

func (c *call) listAssociated() (*service.Answer, error) {
	mine := c.joined()
	answer := c.Page(c.Context("Collection(microsoft.graph.associatedTeamInfo)"), len(mine), func(i int) any {
		return map[string]any{"id": mine[i].ID, "displayName": mine[i].Name, "tenantId": c.tenant.ID}
	})
	answer.Value["@odata.count"] = len(mine)
	return answer, nil
}

func (c *call) joined() []*team {
	var out []*team
	for _, t := range c.teams {
		if slices.Contains(t.Members, c.Me.ID) {
			out = append(out, t)
		}
	}
	return out
}

var teamProperties = []string{
	"id", "createdDateTime", "displayName", "description", "internalId", "classification", "specialization", "visibility", "webUrl", "isArchived", "tenantId",
	"memberSettings", "guestSettings", "messagingSettings", "funSettings", "summary", "firstChannelName",
}

func (c *call) getTeam() (*service.Answer, error) {
	if c.Options.Has("$expand") {
		return nil, badRequest("The expansion of a team is not simulated: ask for its channels and members.")
	}
	names, err := c.Options.Selected("team", teamProperties)
	if err != nil {
		return nil, err
	}
	t := c.team
	value := pick(map[string]any{
		"id": t.ID, "createdDateTime": stamp(t.Created), "displayName": t.Name, "description": nullable(t.Description), "internalId": t.channels[0].ID,
		"classification": nil, "specialization": "none", "visibility": "private", "isArchived": false, "tenantId": c.tenant.ID, "firstChannelName": nil,
		"webUrl":            "https://teams.microsoft.com/l/team/" + url.PathEscape(t.channels[0].ID) + "/conversations?groupId=" + t.ID + "&tenantId=" + c.tenant.ID,
		"memberSettings":    map[string]any{"allowCreateUpdateChannels": true, "allowCreatePrivateChannels": true, "allowDeleteChannels": true, "allowAddRemoveApps": true, "allowCreateUpdateRemoveTabs": true, "allowCreateUpdateRemoveConnectors": true},
		"guestSettings":     map[string]any{"allowCreateUpdateChannels": false, "allowDeleteChannels": false},
		"messagingSettings": map[string]any{"allowUserEditMessages": true, "allowUserDeleteMessages": true, "allowOwnerDeleteMessages": true, "allowTeamMentions": true, "allowChannelMentions": true},
		"funSettings":       map[string]any{"allowGiphy": true, "giphyContentRating": "moderate", "allowStickersAndMemes": true, "allowCustomMemes": true},
		"summary":           c.summary(t.Owners, t.Members),
	}, names)
	value["@odata.context"] = c.Context("teams/$entity")
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

// summary counts people. Guests are those whose mail is of another domain.
func (c *call) summary(owners, members []string) map[string]any {
	guests := 0
	for _, id := range members {
		if p := c.person(id); p != nil && !strings.HasSuffix(p.Mail, "@"+c.tenant.Domain) {
			guests++
		}
	}
	return map[string]any{"ownersCount": len(owners), "membersCount": len(members) - len(owners) - guests, "guestsCount": guests}
}

func pick(all map[string]any, names []string) map[string]any {
	out := make(map[string]any, len(names))
	for _, name := range names {
		if value, ok := all[name]; ok {
			out[name] = value
		}
	}
	return out
}

var channelProperties = []string{"id", "createdDateTime", "displayName", "description", "isFavoriteByDefault", "email", "tenantId", "webUrl", "membershipType", "isArchived"}

var channelKinds = map[string]odata.Kind{"id": odata.ID, "displayName": odata.String, "membershipType": odata.Enum, "createdDateTime": odata.Time}

func (c *channel) membership() string {
	if c.Private {
		return "private"
	}
	return "standard"
}

func (c *call) channelJSON(x *channel, names []string) map[string]any {
	return pick(map[string]any{
		"id": x.ID, "createdDateTime": stamp(x.Created), "displayName": x.Name, "description": nullable(x.Description), "isFavoriteByDefault": false,
		"email": x.Email, "tenantId": c.tenant.ID, "membershipType": x.membership(), "isArchived": false,
		"webUrl": "https://teams.microsoft.com/l/channel/" + url.PathEscape(x.ID) + "/" + url.PathEscape(x.Name) + "?groupId=" + x.team.ID + "&tenantId=" + c.tenant.ID,
	}, names)
}

// listChannels leaves out the private channels that the caller is not in.
func (c *call) listChannels() (*service.Answer, error) {
	names, err := c.Options.Selected("channel", channelProperties)
	if err != nil {
		return nil, err
	}
	filter, err := c.Options.Filter("channel", channelKinds)
	if err != nil {
		return nil, err
	}
	var found []*channel
	for _, x := range c.team.channels {
		values := map[string]any{"id": x.ID, "displayName": x.Name, "membershipType": x.membership(), "createdDateTime": x.Created}
		if slices.Contains(x.members(), c.Me.ID) && (filter == nil || filter.Match(func(path string) any { return values[path] })) {
			found = append(found, x)
		}
	}
	answer := c.Page(c.Context("teams('"+c.team.ID+"')/channels"), len(found), func(i int) any { return c.channelJSON(found[i], names) })
	answer.Value["@odata.count"] = len(found)
	return answer, nil
}

func (c *call) getChannel() (*service.Answer, error) {
	if c.Options.Has("$expand") {
		return nil, badRequest("The expansion of a channel is not simulated: ask for its messages and members.")
	}
	names, err := c.Options.Selected("channel", channelProperties, []string{"summary"})
	if err != nil {
		return nil, err
	}
	value := c.channelJSON(c.channel, names)
	if slices.Contains(names, "summary") { // given only when it is asked for
		_, members, owners := c.people()
		summary := c.summary(owners, members)
		summary["hasMembersFromOtherTenants"] = false
		value["summary"] = summary
	}
	value["@odata.context"] = c.Context("teams('" + c.team.ID + "')/channels/$entity")
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

const memberType = "#microsoft.graph.aadUserConversationMember"

var memberProperties = []string{"id", "roles", "displayName", "visibleHistoryStartDateTime", "userId", "email", "tenantId"}

var memberKinds = map[string]odata.Kind{
	"displayName": odata.String, "microsoft.graph.aadUserConversationMember/userId": odata.ID, "microsoft.graph.aadUserConversationMember/email": odata.String,
	"microsoft.graph.aadUserConversationMember/displayName": odata.String,
}

// people are those of the innermost of team, channel and chat, with the owners.
func (c *call) people() (thread string, members, owners []string) {
	switch {
	case c.chat != nil && c.chat.Kind == "meeting":
		return c.chat.ID, c.chat.Members, c.chat.Members[:1]
	case c.chat != nil:
		return c.chat.ID, c.chat.Members, c.chat.Members
	case c.channel != nil && c.channel.Private:
		return c.channel.ID, c.channel.Members, c.channel.Members[:1]
	case c.channel != nil:
		return c.channel.ID, c.team.Members, c.team.Owners
	default:
		return c.team.ID, c.team.Members, c.team.Owners
	}
}

func (c *call) memberJSON(thread, id string, owner bool, names []string) map[string]any {
	p := c.person(id)
	roles := []string{}
	if owner {
		roles = []string{"owner"}
	}
	out := map[string]any{
		"id":    base64.StdEncoding.EncodeToString([]byte("0##" + c.tenant.ID + "##" + thread + "##" + id)),
		"roles": roles, "visibleHistoryStartDateTime": "0001-01-01T00:00:00Z", "userId": id, "tenantId": c.tenant.ID, "displayName": nil, "email": nil,
	}
	if p != nil {
		out["displayName"], out["email"] = p.DisplayName, nullable(p.Mail)
	}
	out = pick(out, names)
	out["@odata.type"] = memberType
	return out
}

func (c *call) listMembers() (*service.Answer, error) {
	names, err := c.Options.Selected("aadUserConversationMember", memberProperties)
	if err != nil {
		return nil, err
	}
	filter, err := c.Options.Filter("conversationMember", memberKinds)
	if err != nil {
		return nil, err
	}
	thread, members, owners := c.people()
	var found []map[string]any
	for _, id := range members {
		p := c.person(id)
		if p == nil {
			return nil, apierror.ResourceNotFound(id)
		}
		values := map[string]any{"displayName": p.DisplayName}
		for path, value := range map[string]string{"userId": p.ID, "email": p.Mail, "displayName": p.DisplayName} {
			values["microsoft.graph.aadUserConversationMember/"+path] = value
		}
		if filter == nil || filter.Match(func(path string) any { return values[path] }) {
			found = append(found, c.memberJSON(thread, id, slices.Contains(owners, id), names))
		}
	}
	answer := c.Page(c.Context(c.threadContext()+"/members"), len(found), func(i int) any { return found[i] })
	answer.Value["@odata.count"] = len(found)
	return answer, nil
}

// threadContext is the part of @odata.context that names the team, channel or chat.
func (c *call) threadContext() string {
	switch {
	case c.chat != nil:
		return "chats('" + url.QueryEscape(c.chat.ID) + "')"
	case c.channel != nil:
		return "teams('" + c.team.ID + "')/channels('" + url.QueryEscape(c.channel.ID) + "')"
	default:
		return "teams('" + c.team.ID + "')"
	}
}
