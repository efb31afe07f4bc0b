package teams_test

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/tool/tooltest"
)

// teamwork is what the simulated Teams holds at the start.
func teamwork(h *tooltest.Harness) *dataset.Teamwork {
	return dataset.LoadTeamwork(h.Tenant, h.Now())
}

// place is a channel by the names of its team and itself.
func place(h *tooltest.Harness, team, channel string) (dataset.Team, dataset.Channel) {
	for _, t := range teamwork(h).Teams {
		for _, c := range t.Channels {
			if t.Name == team && c.Name == channel {
				return t, c
			}
		}
	}
	panic("no channel " + team + "/" + channel)
}

// channelID is the id of a channel of the launch team.
func channelID(h *tooltest.Harness, channel string) string {
	t, c := place(h, launch, channel)
	return t.ID + ":" + c.ID
}

const launch, firmware = "Pelago 2 Launch", "Firmware 2.0"

// withGuest makes somebody of the launch team a guest.
func withGuest(o *tooltest.Options) {
	o.Tenant = dataset.Load(tooltest.Now)
	for i, p := range o.Tenant.People {
		if p.GivenName == "Freya" {
			o.Tenant.People[i].Mail = "freya@partner.example"
		}
	}
}

// general is the id of the channel that most cases are about.
func general(h *tooltest.Harness) string { return channelID(h, "General") }

// post is the message of the channel that says it.
func post(c dataset.Channel, part string) dataset.Post {
	for _, p := range c.Posts {
		if strings.Contains(p.Body, part) || p.Subject == part {
			return p
		}
	}
	panic("no post with " + part)
}

func chatWith(h *tooltest.Harness, topic string, members ...string) dataset.Chat {
	for _, c := range teamwork(h).Chats {
		if topic != "" && c.Topic == topic {
			return c
		}
		if topic == "" && c.Kind == "oneOnOne" && slices.Contains(c.Members, id(h, members[0])) && slices.Contains(c.Members, id(h, members[1])) {
			return c
		}
	}
	panic("no such chat")
}

func id(h *tooltest.Harness, name string) string { return h.As(name).Me().ID }

// launchCall is a meeting with a transcript.
func launchCall(h *tooltest.Harness) dataset.Meeting {
	for _, m := range teamwork(h).Meetings {
		if m.Subject == "Pelago 2 launch call" {
			return m
		}
	}
	panic("no such meeting")
}

// args is JSON of pairs of a name and a value.
func args(pairs ...any) string {
	object := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		object[name] = pairs[i+1]
	}
	out, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// says wants the parts in the structured answer.
func says(parts ...string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		tooltest.Contains(t, res, parts...)
	}
}

// explains wants the parts in the error that the model reads.
func explains(parts ...string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(res.Text(), part) {
				t.Errorf("%q is missing in: %s", part, res.Text())
			}
		}
	}
}

// nothingOf wants none of these requests.
func nothingOf(operation string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		if n := len(res.Sent(operation)); n > 0 {
			t.Errorf("%s was sent", operation)
		}
	}
}

func nothingRead(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
	t.Helper()
	if len(res.Requests) > 0 {
		t.Errorf("asked Graph: %v", res.Requests)
	}
}

// listed wants exactly n items in a list of the answer, and the parts.
func listed(list string, n int, parts ...string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		tooltest.Contains(t, res, parts...)
		var got map[string]json.RawMessage
		var items []json.RawMessage
		if res.Output == nil || json.Unmarshal(res.Output.Structured, &got) != nil || json.Unmarshal(got[list], &items) != nil || len(items) != n {
			t.Errorf("%s are not %d: %s", list, n, res.Text())
		}
	}
}

// cursorOf calls the tool and returns the cursor of its answer.
func cursorOf(h *tooltest.Harness, tool, args string) string {
	var got struct{ Cursor string }
	res := h.Call(tool, args)
	if res.Output == nil || json.Unmarshal(res.Output.Structured, &got) != nil {
		return "none: " + res.Text()
	}
	return got.Cursor
}

// sent is the message that went out by the operation.
func sent(t tooltest.Reporter, res tooltest.Result, operation string) outgoing {
	t.Helper()
	requests := res.Sent(operation)
	if len(requests) != 1 {
		t.Fatalf("%d requests %s: %v", len(requests), operation, res.Requests)
	}
	var m outgoing
	if err := json.Unmarshal(requests[0].Body, &m); err != nil {
		t.Fatalf("%v in %s", err, requests[0].Body)
	}
	return m
}

type outgoing struct {
	Subject, Importance string
	Body                struct{ ContentType, Content string }
	Mentions            []struct {
		ID          int
		MentionText string
		Mentioned   struct{ User struct{ ID string } }
	}
}

// unescaped is a query of a request as it is meant.
func unescaped(query string) string {
	s, err := url.QueryUnescape(query)
	if err != nil {
		return query
	}
	return s
}

const (
	postChannel = "POST /teams/{team-id}/channels/{channel-id}/messages"
	postReply   = "POST /teams/{team-id}/channels/{channel-id}/messages/{chatMessage-id}/replies"
	postChat    = "POST /chats/{chat-id}/messages"
)
