package teams_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"m365mcp/tool"
	"m365mcp/tool/tooltest"
)

var writing = []tooltest.Case{
	{Tool: "sendTeamsMessage", Name: "to a channel", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "message", "1 < 2\nnext", "subject", "Sums", "importance", "high")
	}, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		says(`"id":"ms_`, `"to":["team:Pelago 2 Launch/General"]`)(t, h, res)
		m := sent(t, res, postChannel)
		if m.Subject != "Sums" || m.Importance != "high" || m.Body.ContentType != "text" || m.Body.Content != "1 < 2\nnext" {
			t.Errorf("sent %+v", m)
		}
		if got := res.Intents[0].Recipients; !slices.Equal(got, []string{"team:Pelago 2 Launch/General"}) {
			t.Errorf("policy saw the recipients %q", got)
		}
	}},
	{Tool: "sendTeamsMessage", Name: "to a channel by Graph's ids", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		team, channel := place(h, launch, firmware)
		return args("teamId", team.ID, "channelId", channel.ID, "message", "x")
	}, Check: says(`"to":["team:Pelago 2 Launch/Firmware 2.0"]`)},
	{Tool: "sendTeamsMessage", Name: "to a channel by names", As: "ada", Args: `{"teamId":"Pelago 2 Launch","channelId":" firmware 2.0","message":"x"}`, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		says(`"id":"ms_`, `"to":["team:Pelago 2 Launch/Firmware 2.0"]`)(t, h, res)
		team, channel := place(h, launch, firmware)
		if r := res.Sent(postChannel); len(r) != 1 || !strings.HasSuffix(r[0].Path, "/teams/"+team.ID+"/channels/"+channel.ID+"/messages") {
			t.Errorf("sent %v", r)
		}
	}},
	{Tool: "sendTeamsMessage", Name: "to a channel as team and channel", As: "ada", Args: `{"channelId":"pelago 2 launch/firmware 2.0","message":"x"}`, Check: says(`"to":["team:Pelago 2 Launch/Firmware 2.0"]`)},
	{Tool: "sendTeamsMessage", Name: "no such team", As: "ada", Args: `{"teamId":"Pelago","channelId":"Launch","message":"x"}`, Field: "teamId", Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		explains("there are “Pelago 2 Launch” [te_")(t, h, res)
		nothingPosted(t, h, res)
	}},
	{Tool: "sendTeamsMessage", Name: "a channel that one does not see", As: "ada", Args: `{"teamId":"Pelago 2 Launch","channelId":"Pricing","message":"x"}`, Field: "channelId", Check: nothingPosted},
	{Tool: "sendTeamsMessage", Name: "a name and the id of another team's channel", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("teamId", "Operations & Logistics", "channelId", general(h), "message", "x")
	}, Field: "teamId", Check: nothingPosted},
	{Tool: "sendTeamsMessage", Name: "mentions in a channel", As: "ada", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "message", "@Bruno Carvalho & @chen@tideline.example:\ncall <me>", "mentions", []string{"bruno@tideline.example", "chen@tideline.example"})
	}, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		m := sent(t, res, postChannel)
		const want = `<at id="0">Bruno Carvalho</at> &amp; <at id="1">Chen Yufei (陈雨霏)</at>:<br>call &lt;me&gt;`
		if m.Body.ContentType != "html" || m.Body.Content != want || len(m.Mentions) != 2 {
			t.Errorf("sent %+v, want %s", m, want)
		} else if m.Mentions[1].Mentioned.User.ID != id(h, "chen") || m.Mentions[1].ID != 1 {
			t.Errorf("mentions %+v", m.Mentions)
		}
	}},
	{Tool: "sendTeamsMessage", Name: "mention without the directory", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "message", "@Bruno", "mentions", []string{"Bruno Carvalho"})
	}, Err: tool.CodeInsufficientScope},
	{Tool: "sendTeamsMessage", Name: "mention of nobody", As: "ada", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "message", "@Nobody", "mentions", []string{"Nobody"})
	}, Field: "mentions"},
	{Tool: "sendTeamsMessage", Name: "mention that does not occur", As: "ada", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "message", "@Brunoesque", "mentions", []string{"Bruno Carvalho"})
	}, Field: "mentions"},
	{Tool: "sendTeamsMessage", Name: "rich text", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "contentType", "html", "message", `<b onclick="x()">Hi</b><script>alert(1)</script><img src="https://evil.example/p.png"> <a href="https://ok.example/?a=1&b=2" style="color:red">here</a><at id="0">Freya</at>`)
	}, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		const want = `<b>Hi</b> <a href="https://ok.example/?a=1&amp;b=2">here</a>Freya`
		if m := sent(t, res, postChannel); m.Body.Content != want || m.Body.ContentType != "html" {
			t.Errorf("sent %s, want %s", m.Body.Content, want)
		}
	}},
	{Tool: "sendTeamsMessage", Name: "to a chat, with a mention", As: "ada", Any: 1, ArgsOf: func(h *tooltest.Harness) string {
		return args("chatId", chatWith(h, "Launch war room").ID, "message", "Thanks @Freya Brandt", "mentions", "Freya Brandt")
	}, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		says(`"to":["`, `freya@tideline.example`)(t, h, res)
		if m := sent(t, res, postChat); m.Body.Content != `Thanks <at id="0">Freya Brandt</at>` {
			t.Errorf("sent %s", m.Body.Content)
		}
		got := slices.Sorted(slices.Values(res.Intents[0].Recipients))
		if want := []string{"bruno@tideline.example", "chen@tideline.example", "freya@tideline.example", "gauri@tideline.example"}; !slices.Equal(got, want) {
			t.Errorf("policy saw the recipients %q, want %q", got, want)
		}
	}},
	{Tool: "sendTeamsMessage", Name: "mention of somebody outside the chat", As: "ada", Any: 1, ArgsOf: func(h *tooltest.Harness) string {
		return args("chatId", chatWith(h, "", "ada", "bruno").ID, "message", "@Freya Brandt", "mentions", "Freya Brandt")
	}, Field: "mentions"},
	{Tool: "sendTeamsMessage", Name: "to a chat with the channel's scopes", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("chatId", chatWith(h, "", "ada", "bruno").ID, "message", "x")
	}, Err: tool.CodeInsufficientScope, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if len(res.Requests) > 0 {
			t.Errorf("sent before the scopes were known: %v", res.Requests)
		}
	}},
	{Tool: "sendTeamsMessage", Name: "nowhere", Args: `{"message":"x"}`, Field: "channelId"},
	{Tool: "sendTeamsMessage", Name: "two places", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("chatId", "19:a@thread.v2", "channelId", general(h), "message", "x")
	}, Field: "chatId"},
	{Tool: "sendTeamsMessage", Name: "subject in a chat", Any: 1, Args: `{"chatId":"19:a@thread.v2","message":"x","subject":"y"}`, Field: "subject"},
	{Tool: "sendTeamsMessage", Name: "nothing to read", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "message", "<div> </div>", "contentType", "html")
	}, Field: "message"},
	{Tool: "sendTeamsMessage", Name: "too long", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "message", strings.Repeat("ü", 20_000))
	}, Field: "message"},
	{Tool: "sendTeamsMessage", Name: "others' channel", As: "dalia", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "message", "x")
	}, Err: tool.CodeForbidden, Check: nothingPosted},
	{Tool: "sendTeamsMessage", Name: "the answer is lost", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "message", "x")
	}, Fails: map[string]int{postChannel: 502}, Err: tool.CodeOutcomeUnknown, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		if n := len(res.Sent(postChannel)); n != 1 {
			t.Errorf("sent %d times", n)
		}
	}},
	{Tool: "sendTeamsMessage", Name: "guests read it", As: "ada", Setup: withGuest, ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "message", "x")
	}, Check: readBy("team:Pelago 2 Launch/General", "guests of team:Pelago 2 Launch")},
	{Tool: "sendTeamsMessage", Name: "guests of a private channel read it", As: "bruno", Setup: withGuest, Args: `{"channelId":"Pelago 2 Launch/Pricing","message":"x"}`, Check: readBy("team:Pelago 2 Launch/Pricing", "guests of team:Pelago 2 Launch/Pricing")},
	{Tool: "sendTeamsMessage", Name: "a private channel of our own people", As: "bruno", Args: `{"channelId":"Pelago 2 Launch/Pricing","message":"x"}`, Check: readBy("team:Pelago 2 Launch/Pricing")},

	{Tool: "replyToChannelMessage", Name: "by the message alone", As: "ada", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
		_, c := place(h, launch, "General")
		return args("messageId", general(h)+":"+post(c, "Status of the week").ID, "message", "<i>Done</i>, @Gauri Deshpande", "contentType", "html", "mentions", "Gauri Deshpande", "importance", "urgent")
	}, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		says(`"id":"ms_`, `"to":["team:Pelago 2 Launch/General"]`)(t, h, res)
		if m := sent(t, res, postReply); m.Body.Content != `<i>Done</i>, <at id="0">Gauri Deshpande</at>` || m.Importance != "urgent" {
			t.Errorf("sent %+v", m)
		}
	}},
	{Tool: "replyToChannelMessage", Name: "to a reply", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		team, c := place(h, launch, "General")
		root := post(c, "Status of the week").ID
		return args("teamId", team.ID, "channelId", c.ID, "messageId", general(h)+":"+root+"/"+post(c, "It stays green").ID, "message", "so be it")
	}, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		_, c := place(h, launch, "General")
		if r := res.Sent(postReply); len(r) != 1 || !strings.Contains(r[0].Path, "/messages/"+post(c, "Status of the week").ID+"/replies") {
			t.Errorf("not sent to the message that began the thread: %v", r)
		}
	}},
	{Tool: "replyToChannelMessage", Name: "by Graph's ids", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		team, c := place(h, launch, "General")
		return args("teamId", team.ID, "channelId", c.ID, "messageId", post(c, "Status of the week").ID, "message", "x")
	}, Check: says(`"id":"ms_`)},
	{Tool: "replyToChannelMessage", Name: "with names", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		_, c := place(h, launch, "General")
		return args("teamId", launch, "channelId", "General", "messageId", post(c, "Status of the week").ID, "message", "x")
	}, Check: says(`"id":"ms_`)},
	{Tool: "replyToChannelMessage", Name: "with another channel's name", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		_, c := place(h, launch, "General")
		return args("channelId", launch+"/"+firmware, "messageId", general(h)+":"+post(c, "Status of the week").ID, "message", "x")
	}, Field: "channelId", Check: nothingPosted},
	{Tool: "replyToChannelMessage", Name: "to nothing", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("messageId", general(h)+":", "message", "x")
	}, Field: "messageId", Check: nothingPosted},
	{Tool: "replyToChannelMessage", Name: "a chat's message", Args: `{"messageId":"19:meeting_x@thread.v2:1700000000000","message":"x"}`, Field: "messageId"},
	{Tool: "replyToChannelMessage", Name: "no such message", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("messageId", general(h)+":1700000000000", "message", "x")
	}, Err: tool.CodeNotFound},
	{Tool: "replyToChannelMessage", Name: "empty", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("messageId", general(h)+":1700000000000", "message", " \n ")
	}, Field: "message"},
	{Tool: "replyToChannelMessage", Name: "guests read it", As: "ada", Setup: withGuest, ArgsOf: func(h *tooltest.Harness) string {
		_, c := place(h, launch, "General")
		return args("messageId", general(h)+":"+post(c, "Status of the week").ID, "message", "x")
	}, Check: readBy("team:Pelago 2 Launch/General", "guests of team:Pelago 2 Launch")},

	{Tool: "startChat", Name: "with one", As: "ada", Args: `{"members":"bruno@tideline.example"}`, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		says(`"id":"ch_`, `"members":["bruno@tideline.example"]`)(t, h, res)
		if body := res.Sent("POST /chats")[0].Body; !strings.Contains(string(body), `"chatType":"oneOnOne"`) {
			t.Errorf("sent %s", body)
		}
	}},
	{Tool: "startChat", Name: "with several", As: "ada", Args: `{"members":["Dalia@tideline.example","hiroko@tideline.example"],"topic":"Audit"}`, Check: func(t tooltest.Reporter, h *tooltest.Harness, res tooltest.Result) {
		var body struct {
			ChatType, Topic string
			Members         []struct {
				Bind string `json:"user@odata.bind"`
			}
		}
		if err := json.Unmarshal(res.Sent("POST /chats")[0].Body, &body); err != nil || body.ChatType != "group" || body.Topic != "Audit" || len(body.Members) != 3 {
			t.Fatalf("%v %+v", err, body)
		}
		if want := "https://graph.microsoft.com/v1.0/users('" + id(h, "dalia") + "')"; body.Members[1].Bind != want {
			t.Errorf("member %s, want %s", body.Members[1].Bind, want)
		}
	}},
	{Tool: "startChat", Name: "with nobody", Args: `{"members":[]}`, Field: "members"},
	{Tool: "startChat", Name: "with somebody unknown", Args: `{"members":"who@tideline.example"}`, Field: "members"},
	{Tool: "startChat", Name: "no address", Args: `{"members":"Ada <ada@tideline.example>"}`, Field: "members"},
	{Tool: "startChat", Name: "with oneself", As: "ada", Args: `{"members":["bruno@tideline.example","ada@tideline.example"]}`, Field: "members"},
	{Tool: "startChat", Name: "a topic for two", Args: `{"members":"bruno@tideline.example","topic":"x"}`, Field: "topic"},
	{Tool: "startChat", Name: "a topic that Teams does not take", Args: `{"members":["bruno@tideline.example","chen@tideline.example"],"topic":"a:b"}`, Field: "topic"},
	{Tool: "startChat", Name: "Graph refuses", As: "ada", Args: `{"members":"bruno@tideline.example"}`, Fails: map[string]int{"POST /chats": 403}, Err: tool.CodeForbidden},
}

// readBy wants policy to have seen exactly these readers.
func readBy(want ...string) func(tooltest.Reporter, *tooltest.Harness, tooltest.Result) {
	return func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		t.Helper()
		if got := res.Intents[0].Recipients; !slices.Equal(got, want) {
			t.Errorf("policy saw the recipients %q, want %q", got, want)
		}
	}
}

func nothingPosted(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
	t.Helper()
	for _, r := range res.Requests {
		if r.Method != http.MethodGet {
			t.Errorf("%s was sent", r)
		}
	}
}
