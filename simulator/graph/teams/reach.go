package teams

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
)

type team struct {
	dataset.Team

	channels []*channel
}

type channel struct {
	dataset.Channel

	team   *team
	thread *thread
}

// members are the people of a channel: of a private one only some of the team's.
func (c *channel) members() []string {
	if c.Private {
		return c.Members
	}
	return c.team.Members
}

type chat struct {
	dataset.Chat

	updated time.Time // topic or members
	thread  *thread
}

// thread is the messages of a channel or chat.
type thread struct {
	id    string
	posts []*post                // by id, which is by time
	sent  map[string][]time.Time // the last posts of an app
}

type post struct {
	dataset.Post

	change int
}

func (w *Workload) newThread(id string, posts []dataset.Post) *thread {
	t := &thread{id: id, sent: map[string][]time.Time{}}
	for _, p := range posts {
		w.changes++
		p.Reactions = slices.Clone(p.Reactions)
		t.posts = append(t.posts, &post{Post: p, change: w.changes})
	}
	return t
}

// post finds a message. replyTo is the message that it must answer; empty: none.
func (t *thread) post(id, replyTo string) *post {
	i := slices.IndexFunc(t.posts, func(p *post) bool { return p.ID == id && p.ReplyTo == replyTo })
	if i < 0 {
		return nil
	}
	return t.posts[i]
}

func forbidden(message string) *apierror.Error {
	return &apierror.Error{Status: http.StatusForbidden, Code: "Forbidden", Message: message}
}

func notFound(message string) *apierror.Error {
	return &apierror.Error{Status: http.StatusNotFound, Code: "NotFound", Message: message}
}

func badRequest(format string, args ...any) *apierror.Error {
	return apierror.BadRequest("BadRequest", format, args...)
}

// reach finds the team, channel or chat of the path for somebody who is in it.
func (c *call) reach() error {
	if id, ok := c.Params["team-id"]; ok {
		if err := c.reachTeam(id); err != nil {
			return err
		}
	}
	if id, ok := c.Params["chat-id"]; ok {
		if !strings.HasPrefix(id, "19:") || !strings.Contains(id, "@") {
			return badRequest("The thread id '%s' is invalid.", id)
		}
		i := slices.IndexFunc(c.chats, func(x *chat) bool { return x.ID == id })
		if i < 0 {
			return notFound("The chat was not found.")
		}
		if !slices.Contains(c.chats[i].Members, c.Me.ID) {
			return forbidden("Caller does not have access to the thread: the caller is not a participant of the chat.")
		}
		c.chat, c.thread = c.chats[i], c.chats[i].thread
	}
	return nil
}

func (c *call) reachTeam(id string) error {
	i := slices.IndexFunc(c.teams, func(t *team) bool { return strings.EqualFold(t.ID, id) })
	if i < 0 {
		return notFound("No team found with Group Id " + id)
	}
	if c.team = c.teams[i]; !slices.Contains(c.team.Members, c.Me.ID) {
		return forbidden("The caller is not a member of the team.")
	}
	name, ok := c.Params["channel-id"]
	switch {
	case ok:
		at := slices.IndexFunc(c.team.channels, func(x *channel) bool { return x.ID == name })
		if at < 0 {
			return notFound("The channel was not found in the team.")
		}
		c.channel = c.team.channels[at]
	case strings.HasSuffix(c.Operation.Template, "/primaryChannel"):
		c.channel = c.team.channels[0]
	default:
		return nil
	}
	if !slices.Contains(c.channel.members(), c.Me.ID) {
		return forbidden("The caller is not a member of the private channel.")
	}
	c.thread = c.channel.thread
	return nil
}

// person finds a member of the tenant.
func (w *Workload) person(id string) *dataset.Person {
	i := slices.IndexFunc(w.tenant.People, func(p dataset.Person) bool { return p.Named(id) })
	if i < 0 {
		return nil
	}
	return &w.tenant.People[i]
}
