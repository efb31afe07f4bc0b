package teams

import (
	"net/url"
	"strings"

	"m365mcp/simulator/dataset"
)

// user is an identity of the directory.
func (w *Workload) user(id string, named bool) map[string]any {
	out := map[string]any{"@odata.type": "#microsoft.graph.teamworkUserIdentity", "id": id, "displayName": nil, "userIdentityType": "aadUser", "tenantId": w.tenant.ID}
	if p := w.person(id); p != nil && named {
		out["displayName"] = p.DisplayName
	}
	return out
}

// messageJSON is microsoft.graph.chatMessage.
func (c *call) messageJSON(m *post) map[string]any {
	out := map[string]any{
		"id": m.ID, "replyToId": nullable(m.ReplyTo), "etag": dataset.PostID(m.Modified), "messageType": "message",
		"createdDateTime": stamp(m.At), "lastModifiedDateTime": stamp(m.Modified), "lastEditedDateTime": stamp(m.Edited), "deletedDateTime": stamp(m.Deleted),
		"subject": nullable(m.Subject), "summary": nil, "chatId": nil, "importance": m.Importance, "locale": "en-us", "webUrl": nil,
		"channelIdentity": nil, "policyViolation": nil, "eventDetail": nil, "messageHistory": []any{},
		"from":        map[string]any{"application": nil, "device": nil, "user": c.user(m.FromID, true)},
		"body":        map[string]any{"contentType": contentType(m.HTML), "content": m.Body},
		"attachments": c.attachmentsJSON(m), "mentions": c.mentionsJSON(m), "reactions": c.reactionsJSON(m),
	}
	if c.chat != nil {
		out["chatId"] = c.chat.ID
	} else {
		root := m.ID
		if m.ReplyTo != "" {
			root = m.ReplyTo
		}
		out["channelIdentity"] = map[string]any{"teamId": c.team.ID, "channelId": c.channel.ID}
		out["webUrl"] = "https://teams.microsoft.com/l/message/" + url.QueryEscape(c.channel.ID) + "/" + m.ID + "?groupId=" + c.team.ID +
			"&tenantId=" + c.tenant.ID + "&createdTime=" + m.ID + "&parentMessageId=" + root
	}
	switch {
	case m.Joined != nil:
		out["messageType"], out["from"] = c.systemType(), nil
		out["body"] = map[string]any{"contentType": "html", "content": "<systemEventMessage/>"}
		out["eventDetail"] = c.joinedJSON(m)
	case !m.Deleted.IsZero():
		out["body"] = map[string]any{"contentType": "html", "content": ""}
		out["subject"], out["attachments"], out["mentions"], out["reactions"] = nil, []any{}, []any{}, []any{}
	}
	return out
}

func contentType(html bool) string {
	if html {
		return "html"
	}
	return "text"
}

// systemType is a member of an evolvable enumeration: who does not ask for it
// sees unknownFutureValue.
func (c *call) systemType() string {
	if strings.Contains(strings.Join(c.Request.Header.Values("Prefer"), ","), "include-unknown-enum-members") {
		return "systemEventMessage"
	}
	return "unknownFutureValue"
}

func (c *call) joinedJSON(m *post) map[string]any {
	members := []any{}
	for _, id := range m.Joined {
		members = append(members, c.user(id, false))
	}
	return map[string]any{
		"@odata.type": "#microsoft.graph.membersAddedEventMessageDetail", "visibleHistoryStartDateTime": "0001-01-01T00:00:00Z", "members": members,
		"initiator": map[string]any{"application": nil, "device": nil, "user": c.user(m.FromID, false)},
	}
}

func (c *call) mentionsJSON(m *post) []any {
	out := []any{}
	for _, mention := range m.Mentions {
		mentioned := map[string]any{"application": nil, "device": nil, "conversation": nil, "user": nil}
		if mention.ChannelID != "" {
			mentioned["conversation"] = map[string]any{"id": mention.ChannelID, "displayName": mention.Text, "conversationIdentityType": "channel"}
		} else {
			mentioned["user"] = c.user(mention.PersonID, true)
		}
		out = append(out, map[string]any{"id": mention.Index, "mentionText": mention.Text, "mentioned": mentioned})
	}
	return out
}

func (c *call) reactionsJSON(m *post) []any {
	out := []any{}
	for _, r := range m.Reactions {
		out = append(out, map[string]any{
			"reactionType": r.Emoji, "displayName": nil, "reactionContentUrl": nil, "createdDateTime": stamp(r.At),
			"user": map[string]any{"application": nil, "device": nil, "user": c.user(r.PersonID, false)},
		})
	}
	return out
}

func (c *call) attachmentsJSON(m *post) []any {
	out := []any{}
	for _, a := range m.Attachments {
		out = append(out, map[string]any{
			"id": a.ID, "contentType": nullable(a.ContentType), "contentUrl": nullable(a.ContentURL), "content": nullable(a.Content),
			"name": nullable(a.Name), "thumbnailUrl": nil, "teamsAppId": nil,
		})
	}
	return out
}
