package teams

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// maxContent is about what Teams takes in one message.
const maxContent = 28 << 10

var messageProperties = []string{
	"id", "attachments", "body", "channelIdentity", "chatId", "createdDateTime", "deletedDateTime", "etag", "eventDetail", "from", "hostedContents", "importance",
	"lastEditedDateTime", "lastModifiedDateTime", "locale", "mentions", "messageHistory", "messageType", "policyViolation", "reactions", "replies", "replyToId",
	"subject", "summary", "webUrl",
}

// readMessage reads a chatMessage that a client wants to post.
func (c *call) readMessage() (dataset.Post, error) {
	var m dataset.Post
	o, err := wire.ReadObject(c.Body, "chatMessage", messageProperties...)
	if err != nil {
		return m, err
	}
	for _, name := range []string{"from", "createdDateTime", "reactions", "eventDetail", "policyViolation", "replies"} {
		if o.Has(name) {
			return m, badRequest("The property '%s' cannot be set when a message is sent in delegated context.", name)
		}
	}
	if o.Has("hostedContents") {
		return m, badRequest("Hosted content is not taken here: put the picture into a file and refer to it.")
	}
	if err := wire.Read(o, "subject", &m.Subject); err != nil {
		return m, err
	}
	m.Importance = "normal"
	if err := wire.Read(o, "importance", &m.Importance); err != nil {
		return m, err
	}
	if !slices.Contains([]string{"normal", "high", "urgent"}, m.Importance) {
		return m, badRequest("Requested value '%s' was not found.", m.Importance)
	}
	if err := readBody(o, &m); err != nil {
		return m, err
	}
	if err := readAttachments(o, &m); err != nil {
		return m, err
	}
	if strings.TrimSpace(m.Body) == "" && len(m.Attachments) == 0 {
		return m, badRequest("Missing body content.")
	}
	return m, c.readMentions(o, &m)
}

func readBody(o wire.Object, m *dataset.Post) error {
	var raw json.RawMessage
	if err := wire.Read(o, "body", &raw); err != nil || raw == nil {
		return err
	}
	body, err := wire.ReadObject(raw, "itemBody", "contentType", "content")
	if err != nil {
		return err
	}
	kind := "text"
	if err := wire.Read(body, "contentType", &kind); err != nil {
		return err
	}
	if err := wire.Read(body, "content", &m.Body); err != nil {
		return err
	}
	if len(m.Body) > maxContent {
		return &apierror.Error{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLarge", Message: "The size of the message is over the limit."}
	}
	switch kind {
	case "html":
		m.HTML, m.Body = true, sanitize(m.Body)
	case "text":
	default:
		return badRequest("Requested value '%s' was not found.", kind)
	}
	return nil
}

// readMentions demands an entry for each <at id="n">, and the other way round.
func (c *call) readMentions(o wire.Object, m *dataset.Post) error {
	var list []struct {
		ID          *int   `json:"id"`
		MentionText string `json:"mentionText"`
		Mentioned   struct {
			User         *struct{ ID string } `json:"user"`
			Conversation *struct {
				ID   string `json:"id"`
				Type string `json:"conversationIdentityType"`
			} `json:"conversation"`
		} `json:"mentioned"`
	}
	if err := wire.Read(o, "mentions", &list); err != nil {
		return err
	}
	marks := marksOf(m, atTag)
	for _, entry := range list {
		if entry.ID == nil {
			return badRequest("Mention without an Id.")
		}
		mention := dataset.Mention{Index: *entry.ID, Text: entry.MentionText}
		if !slices.Contains(marks, strconv.Itoa(*entry.ID)) {
			return badRequest("Neither Body nor adaptive card content contains marker for mention with Id '%d'.", *entry.ID)
		}
		if slices.ContainsFunc(m.Mentions, func(other dataset.Mention) bool { return other.Index == *entry.ID }) {
			return badRequest("Duplicate mention with Id '%d'.", *entry.ID)
		}
		switch user, conversation := entry.Mentioned.User, entry.Mentioned.Conversation; {
		case user != nil && conversation == nil:
			p, ok := c.tenant.PersonByID(user.ID)
			if !ok {
				return badRequest("The mentioned user '%s' was not found: the id is an object id of the directory.", user.ID)
			}
			mention.PersonID = p.ID
		case conversation != nil && user == nil:
			if c.channel == nil || conversation.ID != c.channel.ID && conversation.ID != c.team.ID {
				return badRequest("The mentioned conversation '%s' is not the channel or the team of the message.", conversation.ID)
			}
			mention.ChannelID = conversation.ID
		default:
			return badRequest("Mention with Id '%d' must name a user or a conversation.", *entry.ID)
		}
		m.Mentions = append(m.Mentions, mention)
	}
	for _, mark := range marks {
		if !slices.ContainsFunc(m.Mentions, func(x dataset.Mention) bool { return strconv.Itoa(x.Index) == mark }) {
			return badRequest("The body contains a marker for mention with Id '%s', but mentions does not.", mark)
		}
	}
	return nil
}

// readAttachments demands a <attachment id="..."> for each.
func readAttachments(o wire.Object, m *dataset.Post) error {
	var list []json.RawMessage
	if err := wire.Read(o, "attachments", &list); err != nil {
		return err
	}
	marks := marksOf(m, attachmentTag)
	for _, raw := range list {
		entry, err := wire.ReadObject(raw, "chatMessageAttachment", "id", "contentType", "contentUrl", "content", "name", "thumbnailUrl", "teamsAppId")
		if err != nil {
			return err
		}
		var a dataset.PostAttachment
		for name, into := range map[string]*string{"id": &a.ID, "contentType": &a.ContentType, "contentUrl": &a.ContentURL, "content": &a.Content, "name": &a.Name} {
			if err := wire.Read(entry, name, into); err != nil {
				return err
			}
		}
		if a.ContentType == "" {
			return badRequest("An attachment needs a contentType.")
		}
		if !slices.Contains(marks, a.ID) {
			return badRequest("Body content does not contain marker for attachment with Id '%s'.", a.ID)
		}
		m.Attachments = append(m.Attachments, a)
	}
	for _, mark := range marks {
		if !slices.ContainsFunc(m.Attachments, func(a dataset.PostAttachment) bool { return a.ID == mark }) {
			return badRequest("The body contains a marker for attachment with Id '%s', but attachments does not.", mark)
		}
	}
	return nil
}

// send posts to the channel or chat of the path, or answers the message of it.
func (c *call) send() (*service.Answer, error) {
	m, err := c.readMessage()
	if err != nil {
		return nil, err
	}
	if _, isReply := c.Params["chatMessage-id"]; isReply {
		root, err := c.message()
		if err != nil {
			return nil, err
		}
		m.ReplyTo = root.ID
	}
	if err := c.throttle(); err != nil {
		return nil, err
	}
	m.At = c.Now.UTC().Truncate(time.Millisecond)
	for slices.ContainsFunc(c.thread.posts, func(p *post) bool { return p.ID == dataset.PostID(m.At) }) {
		m.At = m.At.Add(time.Millisecond)
	}
	m.ID, m.Modified, m.FromID = dataset.PostID(m.At), m.At, c.Me.ID
	c.changes++
	sent := &post{Post: m, change: c.changes}
	c.thread.posts = append(c.thread.posts, sent)
	if c.chat != nil {
		c.chat.Unread = slices.DeleteFunc(slices.Clone(c.chat.Members), func(id string) bool { return id == c.Me.ID })
	}
	return c.answerMessage(http.StatusCreated, sent), nil
}

// throttle ends at more posts in a second than an app may make to one thread.
func (c *call) throttle() error {
	if c.limit < 0 {
		return nil
	}
	recent := slices.DeleteFunc(c.thread.sent[c.Claims.ClientID], func(at time.Time) bool { return c.Now.Sub(at) >= time.Second })
	c.thread.sent[c.Claims.ClientID] = recent
	if len(recent) >= c.limit {
		return &apierror.Error{
			Status: http.StatusTooManyRequests, Code: "TooManyRequests", Message: "Too many requests to the thread: " + strconv.Itoa(c.limit) + " a second are allowed.",
			Header: map[string]string{"Retry-After": "1"},
		}
	}
	c.thread.sent[c.Claims.ClientID] = append(recent, c.Now)
	return nil
}

// changed notes a change of a message, for its etag and for delta.
func (c *call) changed(m *post) {
	c.changes++
	m.change, m.Modified = c.changes, c.Now.UTC().Truncate(time.Millisecond)
}

// own finds the message of the path if the caller wrote it.
func (c *call) own() (*post, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	if m.FromID != c.Me.ID || m.Joined != nil {
		return nil, forbidden("Only the sender can change a message.")
	}
	return m, nil
}

func (c *call) update() (*service.Answer, error) {
	m, err := c.own()
	if err != nil {
		return nil, err
	}
	if !m.Deleted.IsZero() {
		return nil, badRequest("A deleted message cannot be changed.")
	}
	if want := c.Request.Header.Get("If-Match"); want != "" && want != "*" && strings.Trim(want, `W/"`) != dataset.PostID(m.Modified) {
		return nil, &apierror.Error{Status: http.StatusPreconditionFailed, Code: "PreconditionFailed", Message: "The etag does not match the message."}
	}
	next, err := c.readMessage()
	if err != nil {
		return nil, err
	}
	m.Body, m.HTML, m.Mentions, m.Attachments, m.Importance = next.Body, next.HTML, next.Mentions, next.Attachments, next.Importance
	if next.Subject != "" {
		m.Subject = next.Subject
	}
	c.changed(m)
	m.Edited = m.Modified
	return &service.Answer{Status: http.StatusNoContent}, nil
}

func (c *call) softDelete() (*service.Answer, error) {
	m, err := c.own()
	if err != nil {
		return nil, err
	}
	c.changed(m)
	m.Deleted = m.Modified
	return &service.Answer{Status: http.StatusNoContent}, nil
}

func (c *call) undoSoftDelete() (*service.Answer, error) {
	m, err := c.own()
	if err != nil {
		return nil, err
	}
	c.changed(m)
	m.Deleted = time.Time{}
	return &service.Answer{Status: http.StatusNoContent}, nil
}

// reaction reads the message and the emoji of setReaction and unsetReaction.
func (c *call) reaction() (*post, string, error) {
	m, err := c.message()
	if err != nil {
		return nil, "", err
	}
	o, err := wire.ReadObject(c.Body, "setReaction", "reactionType", "ReactionType")
	if err != nil {
		return nil, "", err
	}
	var emoji string
	for _, name := range []string{"reactionType", "ReactionType"} {
		if err := wire.Read(o, name, &emoji); err != nil {
			return nil, "", err
		}
	}
	if emoji == "" || len(emoji) > 32 {
		return nil, "", badRequest("reactionType must be one emoji.")
	}
	return m, emoji, nil
}

func (c *call) setReaction() (*service.Answer, error) {
	m, emoji, err := c.reaction()
	if err != nil {
		return nil, err
	}
	m.Reactions = slices.DeleteFunc(m.Reactions, func(r dataset.Reaction) bool { return r.PersonID == c.Me.ID && r.Emoji == emoji })
	c.changed(m)
	m.Reactions = append(m.Reactions, dataset.Reaction{Emoji: emoji, PersonID: c.Me.ID, At: m.Modified})
	return &service.Answer{Status: http.StatusNoContent}, nil
}

func (c *call) unsetReaction() (*service.Answer, error) {
	m, emoji, err := c.reaction()
	if err != nil {
		return nil, err
	}
	m.Reactions = slices.DeleteFunc(m.Reactions, func(r dataset.Reaction) bool { return r.PersonID == c.Me.ID && r.Emoji == emoji })
	c.changed(m)
	return &service.Answer{Status: http.StatusNoContent}, nil
}
