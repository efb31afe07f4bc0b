// Package teams is Microsoft Teams of the simulated Graph: teams, channels,
// chats, their members and messages, and presence. Package meeting below it is
// the online meetings.
//
//	Operation -> reach (the team, channel or chat of the path, and whether the caller is in it) -> handler
//
// A message that comes in passes readMessage (properties, mentions,
// attachments), sanitize (HTML) and the limit of its thread.
package teams

import (
	"net/http"
	"slices"
	"sync/atomic"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/teams/meeting"
)

// Options are what a [Workload] is made of.
type Options struct {
	Tenant *dataset.Tenant
	Data   *dataset.Teamwork // copied

	// PostsPerSecond is how many messages an app may post to one channel or
	// chat; 0: Graph's 4, negative: no limit.
	PostsPerSecond int
}

// Workload implements [service.Workload].
type Workload struct {
	*meeting.Meetings

	tenant  *dataset.Tenant
	teams   []*team
	chats   []*chat
	limit   int
	changes int // counts every change of a message
	created int // chats
	epoch   atomic.Int64
}

// New returns the Teams of a tenant.
func New(o Options) *Workload {
	w := &Workload{Meetings: meeting.New(o.Tenant, o.Data.Meetings), tenant: o.Tenant, limit: o.PostsPerSecond}
	if w.limit == 0 {
		w.limit = 4
	}
	for _, t := range o.Data.Teams {
		own := &team{Team: t}
		for _, c := range t.Channels {
			own.channels = append(own.channels, &channel{Channel: c, team: own, thread: w.newThread(c.ID, c.Posts)})
		}
		w.teams = append(w.teams, own)
	}
	for _, c := range o.Data.Chats {
		c.Members = slices.Clone(c.Members)
		w.chats = append(w.chats, &chat{Chat: c, updated: c.Created, thread: w.newThread(c.ID, c.Posts)})
	}
	return w
}

// ExpireDeltas makes the service forget where clients stood: each delta link
// that it has given out answers 410 from now on.
func (w *Workload) ExpireDeltas() { w.epoch.Add(1) }

// call is a request for something in a team or chat.
type call struct {
	*service.Call
	*Workload

	team    *team
	channel *channel
	chat    *chat
	thread  *thread // of the channel or chat
}

type handler func(*call) (*service.Answer, error)

// The delegated scopes that suffice, from microsoft-graph-devx-content,
// permissions/new/permissions.json of August 2026.
var (
	scopesJoined     = []string{"Team.ReadBasic.All", "AgentIdUser.ReadWrite.IdentityParentedBy", "TeamSettings.Read.All", "User.Read.All", "Directory.Read.All", "TeamSettings.ReadWrite.All", "AgentIdUser.ReadWrite.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	scopesAssociated = []string{"Team.ReadBasic.All", "TeamSettings.Read.All", "TeamSettings.ReadWrite.All"}
	scopesTeam       = []string{"Team.ReadBasic.All", "TeamSettings.Read.All", "Directory.Read.All", "Group.Read.All", "TeamSettings.ReadWrite.All", "Directory.ReadWrite.All", "Group.ReadWrite.All"}
	scopesChannel    = []string{"Channel.ReadBasic.All", "ChannelSettings.Read.All", "Directory.Read.All", "Group.Read.All", "ChannelSettings.ReadWrite.All", "Directory.ReadWrite.All", "Group.ReadWrite.All"}
	scopesPrimary    = []string{"Channel.ReadBasic.All", "ChannelSettings.Read.All", "ChannelSettings.ReadWrite.All"}
	scopesTeamPeople = []string{"TeamMember.Read.All", "TeamMember.ReadWrite.All"}
	scopesPeople     = []string{"ChannelMember.Read.All", "Group.Read.All", "ChannelMember.ReadWrite.All"}
	scopesPosts      = []string{"ChannelMessage.Read.All", "Group.Read.All", "Group.ReadWrite.All"}
	scopesPost       = []string{"ChannelMessage.Send", "Group.ReadWrite.All"}
	scopesEdit       = []string{"ChannelMessage.ReadWrite", "Group.ReadWrite.All"}
	scopesReact      = []string{"ChannelMessage.Send"}
	scopesRemove     = []string{"ChannelMessage.ReadWrite"}

	scopesChats      = []string{"Chat.ReadBasic", "Chat.Read", "Chat.ReadWrite"}
	scopesNewChat    = []string{"Chat.Create", "Chat.ReadWrite"}
	scopesChatPeople = []string{"Chat.ReadBasic", "Chat.Read", "Chat.ReadWrite", "ChatMember.Read", "ChatMember.ReadWrite"}
	scopesInvite     = []string{"Chat.ReadWrite", "ChatMember.ReadWrite"}
	scopesChatRead   = []string{"Chat.Read", "Chat.ReadWrite"}
	scopesChatGet    = []string{"Chat.Read", "Chat.ReadWrite", "Group.Read.All", "Group.ReadWrite.All"}
	scopesChatSend   = []string{"ChatMessage.Send", "Chat.ReadWrite", "Group.ReadWrite.All"}
	scopesChatEdit   = []string{"Chat.ReadWrite", "Group.ReadWrite.All"}
	scopesChatReact  = []string{"ChatMessage.Send", "Chat.ReadWrite"}
	scopesPresence   = []string{"Presence.Read", "Presence.Read.All"}
)

// The query options that the pages of the operations name.
var (
	optionsEntity  = []string{"$select", "$expand"}
	optionsSelect  = []string{"$filter", "$select", "$skiptoken"}
	optionsPosts   = []string{"$top", "$expand", "$skiptoken"}
	optionsReplies = []string{"$top", "$skiptoken"}
	optionsDelta   = []string{"$top", "$filter", "$expand", "$skiptoken", "$deltatoken"}
	optionsChats   = []string{"$top", "$expand", "$filter", "$orderby", "$skiptoken"}
	optionsChat    = []string{"$top", "$filter", "$orderby", "$skiptoken"}
)

var (
	pagesMessages = query.Pages{Standard: 20, Most: 50}
	pagesPeople   = query.Pages{Standard: 100, Most: 999}
)

// operation is a row of the table. Whoever is not in the team, channel or chat
// of its path ends here.
func (w *Workload) operation(method, template string, scopes, options []string, pages query.Pages, handle handler) service.Operation {
	return service.Operation{
		Method: method, Template: template, Scopes: scopes, Options: options, Pages: pages,
		Handle: func(in *service.Call) (*service.Answer, error) {
			c := &call{Call: in, Workload: w}
			if err := c.reach(); err != nil {
				return nil, err
			}
			return handle(c)
		},
	}
}

// Operations implements [service.Workload].
func (w *Workload) Operations() []service.Operation {
	const get, post, patch = http.MethodGet, http.MethodPost, http.MethodPatch
	const team, channel, chat = "/teams/{team-id}", "/teams/{team-id}/channels/{channel-id}", "/chats/{chat-id}"
	const message, reply = "/messages/{chatMessage-id}", "/messages/{chatMessage-id}/replies/{chatMessage-id1}"
	none := query.Pages{}
	list := []service.Operation{
		w.operation(get, "/me/joinedTeams", scopesJoined, nil, pagesPeople, (*call).listJoined),
		w.operation(get, "/me/teamwork/associatedTeams", scopesAssociated, nil, pagesPeople, (*call).listAssociated),
		w.operation(get, team, scopesTeam, optionsEntity, none, (*call).getTeam),
		w.operation(get, team+"/members", scopesTeamPeople, append([]string{"$top"}, optionsSelect...), pagesPeople, (*call).listMembers),
		w.operation(get, team+"/channels", scopesChannel, optionsSelect, pagesPeople, (*call).listChannels),
		w.operation(get, team+"/primaryChannel", scopesPrimary, optionsEntity, none, (*call).getChannel),
		w.operation(get, channel, scopesChannel, optionsEntity, none, (*call).getChannel),
		w.operation(get, channel+"/members", scopesPeople, optionsSelect, pagesPeople, (*call).listMembers),

		w.operation(get, channel+"/messages", scopesPosts, optionsPosts, pagesMessages, (*call).listPosts),
		w.operation(get, channel+"/messages/delta()", scopesPosts, optionsDelta, pagesMessages, (*call).postDelta),
		w.operation(get, channel+message, scopesPosts, nil, none, (*call).getMessage),
		w.operation(get, channel+message+"/replies", scopesPosts, optionsReplies, pagesMessages, (*call).listReplies),
		w.operation(get, channel+reply, scopesPosts, nil, none, (*call).getMessage),
		w.operation(post, channel+"/messages", scopesPost, nil, none, (*call).send),
		w.operation(post, channel+message+"/replies", scopesPost, nil, none, (*call).send),
		w.operation(patch, channel+message, scopesEdit, nil, none, (*call).update),
		w.operation(patch, channel+reply, scopesEdit, nil, none, (*call).update),
		w.operation(post, channel+message+"/setReaction", scopesReact, nil, none, (*call).setReaction),
		w.operation(post, channel+message+"/unsetReaction", scopesReact, nil, none, (*call).unsetReaction),
		w.operation(post, channel+message+"/softDelete", scopesRemove, nil, none, (*call).softDelete),
		w.operation(post, channel+message+"/undoSoftDelete", scopesRemove, nil, none, (*call).undoSoftDelete),

		w.operation(post, "/chats", scopesNewChat, nil, none, (*call).createChat),
		w.operation(patch, chat, []string{"Chat.ReadWrite"}, nil, none, (*call).updateChat),
		w.operation(get, chat+"/members", scopesChatPeople, nil, pagesPeople, (*call).listMembers),
		w.operation(post, chat+"/members", scopesInvite, nil, none, (*call).addMember),
		w.operation(get, chat+message, scopesChatGet, nil, none, (*call).getMessage),
		w.operation(post, chat+"/messages", scopesChatSend, nil, none, (*call).send),
		w.operation(patch, chat+message, scopesChatEdit, nil, none, (*call).update),
		w.operation(post, chat+message+"/setReaction", scopesChatReact, nil, none, (*call).setReaction),
		w.operation(post, chat+message+"/unsetReaction", scopesChatReact, nil, none, (*call).unsetReaction),

		w.operation(get, "/me/presence", scopesPresence, optionsEntity, none, (*call).getPresence),
		w.operation(get, "/users/{user-id}/presence", scopesPresence, optionsEntity, none, (*call).getPresence),
	}
	for _, prefix := range []string{"", "/me"} {
		list = append(list,
			w.operation(get, prefix+"/chats", scopesChats, optionsChats, pagesMessages, (*call).listChats),
			w.operation(get, prefix+chat, scopesChats, optionsEntity, none, (*call).getChat),
			w.operation(get, prefix+chat+"/messages", scopesChatRead, optionsChat, pagesMessages, (*call).listChatMessages),
		)
	}
	return append(list, w.Meetings.Operations()...)
}
