package teams

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

var chatProperties = []string{"id", "topic", "createdDateTime", "lastUpdatedDateTime", "chatType", "webUrl", "tenantId", "onlineMeetingInfo", "viewpoint", "isHiddenForAllMembers"}

// chatKinds are what chats are filtered and sorted by; the last message is there for $orderby.
var chatKinds = map[string]odata.Kind{
	"id": odata.ID, "topic": odata.String, "chatType": odata.Enum, "createdDateTime": odata.Time, "lastUpdatedDateTime": odata.Time,
	"lastMessagePreview/createdDateTime": odata.Time, "viewpoint/lastMessageReadDateTime": odata.Time,
}

func (c *chat) last() *post {
	if len(c.thread.posts) == 0 {
		return nil
	}
	return c.thread.posts[len(c.thread.posts)-1]
}

// readUntil is where a member stopped reading.
func (c *chat) readUntil(person string) time.Time {
	last := c.last()
	switch {
	case last == nil:
		return c.Created
	case slices.Contains(c.Unread, person):
		return last.At.Add(-time.Second)
	default:
		return last.At
	}
}

func (c *call) chatValues(x *chat) func(string) any {
	return func(path string) any {
		switch path {
		case "id":
			return x.ID
		case "topic":
			return nullable(x.Topic)
		case "chatType":
			return x.Kind
		case "createdDateTime":
			return x.Created
		case "lastUpdatedDateTime":
			return x.updated
		case "viewpoint/lastMessageReadDateTime":
			return x.readUntil(c.Me.ID)
		}
		if last := x.last(); last != nil {
			return last.At
		}
		return x.Created
	}
}

// chatView is what $select and $expand ask for.
type chatView struct {
	names         []string
	members, last bool
}

func (c *call) chatView() (chatView, error) {
	names, err := c.Options.Selected("chat", chatProperties)
	view := chatView{names: names}
	if err != nil {
		return view, err
	}
	for _, name := range c.Options.List("$expand") {
		switch name {
		case "members":
			view.members = true
		case "lastMessagePreview":
			if !c.Claims.HasAny(scopesChatRead...) {
				return view, forbidden("Missing scope permissions on the request: the preview of the last message needs Chat.Read or Chat.ReadWrite.")
			}
			view.last = true
		default:
			return view, badRequest("Query option 'Expand' with the value '%s' is not allowed. Allowed: members, lastMessagePreview.", name)
		}
	}
	return view, nil
}

func (c *call) chatJSON(x *chat, view chatView) map[string]any {
	out := pick(map[string]any{
		"id": x.ID, "topic": nullable(x.Topic), "createdDateTime": stamp(x.Created), "lastUpdatedDateTime": stamp(x.updated), "chatType": x.Kind,
		"webUrl":   "https://teams.microsoft.com/l/chat/" + url.QueryEscape(x.ID) + "/0?tenantId=" + c.tenant.ID,
		"tenantId": c.tenant.ID, "isHiddenForAllMembers": false, "onlineMeetingInfo": c.meetingInfo(x),
		"viewpoint": map[string]any{"isHidden": false, "lastMessageReadDateTime": stamp(x.readUntil(c.Me.ID))},
	}, view.names)
	if view.members {
		inside := *c
		inside.chat = x
		thread, members, owners := inside.people()
		list := []any{}
		for _, id := range members {
			list = append(list, c.memberJSON(thread, id, slices.Contains(owners, id), memberProperties))
		}
		out["members"] = list
	}
	if view.last {
		out["lastMessagePreview"] = c.previewJSON(x)
	}
	return out
}

func (c *call) meetingInfo(x *chat) any {
	m, ok := c.ByThread(x.ID)
	if !ok {
		return nil
	}
	return map[string]any{"calendarEventId": nil, "joinWebUrl": m.JoinURL, "organizer": c.user(m.OrganizerID, false)}
}

func (c *call) previewJSON(x *chat) any {
	last := x.last()
	if last == nil {
		return nil
	}
	inside := *c
	inside.chat = x
	full := inside.messageJSON(last)
	out := pick(full, []string{"id", "createdDateTime", "messageType", "from", "body", "eventDetail"})
	out["isDeleted"] = !last.Deleted.IsZero()
	return out
}

// listChats has no order of its own: who wants the newest first asks for it.
func (c *call) listChats() (*service.Answer, error) {
	view, err := c.chatView()
	if err != nil {
		return nil, err
	}
	keys, err := c.Options.OrderBy("chat", chatKinds)
	if err != nil {
		return nil, err
	}
	if len(keys) > 1 || len(keys) == 1 && (keys[0].Path != "lastMessagePreview/createdDateTime" || !keys[0].Descending) {
		return nil, badRequest("The query option $orderby takes 'lastMessagePreview/createdDateTime desc' only.")
	}
	if len(keys) == 1 && !c.Claims.HasAny(scopesChatRead...) {
		return nil, forbidden("Missing scope permissions on the request: the order of the last messages needs Chat.Read or Chat.ReadWrite.")
	}
	filter, err := c.Options.Filter("chat", chatKinds)
	if err != nil {
		return nil, err
	}
	var found []*chat
	for _, x := range c.chats {
		if slices.Contains(x.Members, c.Me.ID) && (filter == nil || filter.Match(c.chatValues(x))) {
			found = append(found, x)
		}
	}
	slices.SortFunc(found, func(a, b *chat) int { return strings.Compare(a.ID, b.ID) })
	slices.SortStableFunc(found, func(a, b *chat) int { return query.Compare(keys, c.chatValues(a), c.chatValues(b)) })
	answer := c.Page(c.Context("chats"), len(found), func(i int) any { return c.chatJSON(found[i], view) })
	from, to, _ := c.Options.Page(len(found))
	answer.Value["@odata.count"] = to - from
	return answer, nil
}

func (c *call) getChat() (*service.Answer, error) {
	view, err := c.chatView()
	if err != nil {
		return nil, err
	}
	return c.answerChat(http.StatusOK, c.chat, view), nil
}

func (c *call) answerChat(status int, x *chat, view chatView) *service.Answer {
	value := c.chatJSON(x, view)
	value["@odata.context"] = c.Context("chats/$entity")
	return &service.Answer{Status: status, Value: value}
}

// userBind is a reference to a user of the directory, of whatever origin of Graph.
var userBind = regexp.MustCompile(`(?i)^https?://[^/]+/(?:v1\.0|beta)/users(?:\('([^']+)'\)|/([^/?#]+))$`)

// readMember reads an aadUserConversationMember.
func (c *call) readMember(raw json.RawMessage) (*dataset.Person, error) {
	o, err := wire.ReadObject(raw, "aadUserConversationMember", memberProperties...)
	if err != nil {
		return nil, err
	}
	var kind, bind, id string
	var roles []string
	for name, into := range map[string]*string{"@odata.type": &kind, "user@odata.bind": &bind, "userId": &id} {
		if err := wire.Read(o, name, into); err != nil {
			return nil, err
		}
	}
	if err := wire.Read(o, "roles", &roles); err != nil {
		return nil, err
	}
	if strings.TrimPrefix(kind, "#") != "microsoft.graph.aadUserConversationMember" {
		return nil, badRequest("A member must be of the type '%s', not '%s'.", memberType, kind)
	}
	if len(roles) != 1 || roles[0] != "owner" && roles[0] != "guest" {
		return nil, badRequest("Invalid role specified for member: the roles of a member of the tenant are [\"owner\"].")
	}
	if found := userBind.FindStringSubmatch(bind); found != nil {
		id = found[1] + found[2]
	} else if bind != "" || id == "" {
		return nil, badRequest("Bad Request: 'user@odata.bind' must be like https://graph.microsoft.com/v1.0/users('id').")
	}
	name, err := url.PathUnescape(id)
	if err != nil {
		return nil, badRequest("The user '%s' is malformed.", id)
	}
	p := c.person(name)
	if p == nil {
		return nil, notFound(fmt.Sprintf("The user '%s' was not found in the tenant.", name))
	}
	return p, nil
}

// createChat makes a group chat, or finds the one chat of two people.
func (c *call) createChat() (*service.Answer, error) {
	o, err := wire.ReadObject(c.Body, "chat", slices.Concat(chatProperties, []string{"members", "installedApps"})...)
	if err != nil {
		return nil, err
	}
	next := dataset.Chat{Created: c.Now.UTC().Truncate(time.Millisecond)}
	var members []json.RawMessage
	for name, into := range map[string]*string{"chatType": &next.Kind, "topic": &next.Topic} {
		if err := wire.Read(o, name, into); err != nil {
			return nil, err
		}
	}
	if err := wire.Read(o, "members", &members); err != nil {
		return nil, err
	}
	for _, raw := range members {
		p, err := c.readMember(raw)
		if err != nil {
			return nil, err
		}
		if slices.Contains(next.Members, p.ID) {
			return nil, badRequest("Duplicate chat members is specified in the request body.")
		}
		next.Members = append(next.Members, p.ID)
	}
	if !slices.Contains(next.Members, c.Me.ID) {
		return nil, badRequest("Bad Request: the initiator of the request must be one of the members.")
	}
	view := chatView{names: chatProperties}
	switch next.Kind {
	case "oneOnOne":
		if len(next.Members) != 2 || next.Topic != "" {
			return nil, badRequest("A chat of the type oneOnOne has exactly two members and no topic.")
		}
		next.ID = dataset.OneOnOneChatID(next.Members[0], next.Members[1])
		if i := slices.IndexFunc(c.chats, func(x *chat) bool { return x.ID == next.ID }); i >= 0 {
			return c.answerChat(http.StatusCreated, c.chats[i], view), nil
		}
	case "group":
		if len(next.Members) < 2 {
			return nil, badRequest("A chat of the type group has at least two members.")
		}
		if strings.ContainsAny(next.Topic, ":") || len([]rune(next.Topic)) > 250 {
			return nil, badRequest("The topic is longer than 250 characters or contains ':'.")
		}
		c.created++
		next.ID = dataset.GroupChatID(fmt.Sprintf("created %d at %d", c.created, c.Now.UnixNano()))
	default:
		return nil, badRequest("Invalid chat type '%s': a chat that is created is oneOnOne or group.", next.Kind)
	}
	made := &chat{Chat: next, updated: next.Created, thread: c.newThread(next.ID, nil)}
	c.chats = append(c.chats, made)
	answer := c.answerChat(http.StatusCreated, made, view)
	answer.Header = map[string]string{"Location": c.BaseURL + "/v1.0/chats('" + url.PathEscape(next.ID) + "')"}
	return answer, nil
}

func (c *call) updateChat() (*service.Answer, error) {
	o, err := wire.ReadObject(c.Body, "chat", "topic")
	if err != nil {
		return nil, err
	}
	if c.chat.Kind != "group" {
		return nil, badRequest("The topic of a chat can be set for the type group only.")
	}
	topic := c.chat.Topic
	if err := wire.Read(o, "topic", &topic); err != nil {
		return nil, err
	}
	c.chat.Topic, c.chat.updated = topic, c.Now.UTC().Truncate(time.Millisecond)
	return c.answerChat(http.StatusOK, c.chat, chatView{names: chatProperties}), nil
}

func (c *call) addMember() (*service.Answer, error) {
	if c.chat.Kind == "oneOnOne" {
		return nil, badRequest("Members cannot be added to a chat of the type oneOnOne.")
	}
	p, err := c.readMember(c.Body)
	if err != nil {
		return nil, err
	}
	if slices.Contains(c.chat.Members, p.ID) {
		return nil, &apierror.Error{Status: http.StatusConflict, Code: "Conflict", Message: "The user is a member of the chat already."}
	}
	c.chat.Members = append(c.chat.Members, p.ID)
	c.chat.updated = c.Now.UTC().Truncate(time.Millisecond)
	value := c.memberJSON(c.chat.ID, p.ID, true, memberProperties)
	value["@odata.context"] = c.Context(c.threadContext() + "/members/$entity")
	return &service.Answer{
		Status: http.StatusCreated, Value: value,
		Header: map[string]string{"Location": fmt.Sprintf("%s/v1.0/chats/%s/members/%s", c.BaseURL, url.PathEscape(c.chat.ID), value["id"])},
	}, nil
}
