package teams_test

import (
	"strings"

	"m365mcp/tool"
	"m365mcp/tool/tooltest"
)

const (
	listPosts   = "GET /teams/{team-id}/channels/{channel-id}/messages"
	listReplies = listPosts + "/{chatMessage-id}/replies"
)

var reading = []tooltest.Case{
	{Tool: "listTeams", Name: "with channels", As: "ada", Check: listed("teams", 2, `"displayName":"Pelago 2 Launch"`, `"displayName":"Lisbon shipment"`)},
	{Tool: "listTeams", Name: "private channel", As: "bruno", Check: says(`"type":"private"`)},
	{Tool: "listTeams", Name: "by a part of the name", As: "ada", Args: `{"query":"pelago"}`, Check: listed("teams", 1)},
	{Tool: "listTeams", Name: "none of that name", As: "ada", Args: `{"query":"zzz"}`, Check: listed("teams", 0)},
	{Tool: "listTeams", Name: "name too long", Args: args("query", strings.Repeat("x", 201)), Err: tool.CodeInvalidArguments},
	{Tool: "listTeams", Name: "Graph refuses", As: "ada", Fails: map[string]int{"GET /me/joinedTeams": 403}, Err: tool.CodeForbidden},

	{Tool: "listChannels", Name: "of a team", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		t, _ := place(h, launch, "General")
		return args("teamId", t.ID)
	}, Check: listed("channels", 3, `"displayName":"Firmware 2.0"`)},
	{Tool: "listChannels", Name: "more fields", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		t, _ := place(h, launch, "General")
		return args("teamId", t.ID, "fields", []string{"description", "email", "link"})
	}, Check: says(`"description":"What concerns all of us."`, `"email":"`, `"link":"https://teams.microsoft.com/l/channel/`)},
	{Tool: "listChannels", Name: "not a member", As: "chen", ArgsOf: func(h *tooltest.Harness) string {
		t, _ := place(h, "Operations & Logistics", "General")
		return args("teamId", t.ID)
	}, Err: tool.CodeForbidden},
	{Tool: "listChannels", Name: "by the team's name", As: "ada", Optional: true, Args: `{"teamId":" pelago 2 LAUNCH "}`, Check: listed("channels", 3, `"displayName":"Rotterdam"`)},
	{Tool: "listChannels", Name: "by a name without its scope", As: "ada", Args: `{"teamId":"Pelago 2 Launch"}`, Err: tool.CodeInsufficientScope, Check: nothingRead},
	{Tool: "listChannels", Name: "a part of the name", As: "ada", Optional: true, Args: `{"teamId":"Launch"}`, Field: "teamId", Check: explains("there are “Pelago 2 Launch” [te_", "], “Operations & Logistics” [te_")},
	{Tool: "listChannels", Name: "a path instead of an id", Optional: true, Args: `{"teamId":"x/../../me"}`, Field: "teamId"},

	{Tool: "getChannelMessages", Name: "newest", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "count", 1)
	}, Check: listed("messages", 1, `"from":"Gauri Deshpande"`, `"marks":["high"]`, `"cursor":"cu_`, `"text":"@General the hotel`)},
	{Tool: "getChannelMessages", Name: "ids of Graph's own", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		t, c := place(h, launch, "General")
		return args("teamId", t.ID, "channelId", c.ID)
	}, Check: listed("messages", 3, `"subject":"Status of the week"`, `| Stock | @Ada Lindqvist | yellow |`)},
	{Tool: "getChannelMessages", Name: "with replies", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "fields", []string{"replies"})
	}, Check: says(`"replies":["2026-11-18T07:40Z Chen Yufei (陈雨霏) [ms_`)},
	{Tool: "getChannelMessages", Name: "reactions and links", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "fields", []string{"reactions", "link"})
	}, Check: says(`"marks":["👍 4"]`, `"link":"https://teams.microsoft.com/l/message/`)},
	{Tool: "getChannelMessages", Name: "replies of one", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		_, c := place(h, launch, "General")
		return args("messageId", general(h)+":"+post(c, "Status of the week").ID)
	}, Check: listed("messages", 2, "It stays green.", "Green means")},
	{Tool: "getChannelMessages", Name: "replies by Graph's own ids", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		t, c := place(h, launch, "General")
		return args("teamId", t.ID, "channelId", c.ID, "messageId", post(c, "Status of the week").ID, "count", 1)
	}, Check: listed("messages", 1, "It stays green.")},
	{Tool: "getChannelMessages", Name: "second page", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		a := args("channelId", general(h), "count", 1)
		return strings.TrimSuffix(a, "}") + `,"cursor":"` + cursorOf(h, "getChannelMessages", a) + `"}`
	}, Check: listed("messages", 1, "Status of the week")},
	{Tool: "getChannelMessages", Name: "cut short", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "maxChars", 100)
	}, Check: says("[cut, ")},
	{Tool: "getChannelMessages", Name: "attachment, in a zone", As: "chen", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", channelID(h, firmware), "timeZone", "Asia/Tokyo", "fields", []string{"replies"})
	}, Check: says(`"timeZone":"Asia/Tokyo"`, `+09:00`, `rc1-notes.pdf`)},
	{Tool: "getChannelMessages", Name: "in the mailbox's zone", As: "ada", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h))
	}, Check: says(`"timeZone":"Europe/Berlin"`, `2026-11-18T08:00+01:00`)},
	{Tool: "getChannelMessages", Name: "by names", As: "ada", Optional: true, Args: `{"teamId":"pelago 2 launch","channelId":"general","count":1}`, Check: listed("messages", 1, `"text":"@General the hotel`)},
	{Tool: "getChannelMessages", Name: "team and channel in one", As: "ada", Optional: true, Args: `{"channelId":"Pelago 2 Launch/General","count":1}`, Check: listed("messages", 1, `"text":"@General the hotel`)},
	{Tool: "getChannelMessages", Name: "a team's id and a channel's name", As: "ada", With: []string{"Channel.ReadBasic.All"}, ArgsOf: func(h *tooltest.Harness) string {
		t, _ := place(h, launch, "General")
		return args("channelId", t.ID+"/general", "count", 1)
	}, Check: listed("messages", 1, `"text":"@General the hotel`)},
	{Tool: "getChannelMessages", Name: "a message with the name of its channel", As: "ada", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
		_, c := place(h, launch, "General")
		return args("teamId", launch, "channelId", "General", "messageId", general(h)+":"+post(c, "Status of the week").ID)
	}, Check: listed("messages", 2, "It stays green.")},
	{Tool: "getChannelMessages", Name: "a message with the name of another channel", As: "ada", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
		_, c := place(h, launch, "General")
		return args("channelId", firmware, "messageId", general(h)+":"+post(c, "Status of the week").ID)
	}, Field: "channelId", Check: nothingOf(listReplies)},
	{Tool: "getChannelMessages", Name: "a message with the name of another team", As: "ada", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
		_, c := place(h, launch, "General")
		return args("teamId", "Operations & Logistics", "messageId", general(h)+":"+post(c, "Status of the week").ID)
	}, Field: "teamId", Check: nothingOf(listReplies)},
	{Tool: "getChannelMessages", Name: "by names without their scopes", As: "ada", Args: `{"teamId":"Pelago 2 Launch","channelId":"General"}`, Err: tool.CodeInsufficientScope, Check: nothingRead},
	{Tool: "getChannelMessages", Name: "no such channel", As: "ada", Optional: true, Args: `{"teamId":"Pelago 2 Launch","channelId":"Sales"}`, Field: "channelId", Check: explains("there are “General” [cn_", "“Firmware 2.0” [cn_", "“Rotterdam” [cn_")},
	{Tool: "getChannelMessages", Name: "a channel's name alone", As: "ada", Optional: true, Args: `{"channelId":"General"}`, Field: "teamId", Check: nothingRead},
	{Tool: "getChannelMessages", Name: "no message in the id", As: "ada", ArgsOf: func(h *tooltest.Harness) string { return args("messageId", general(h)+":") }, Field: "messageId", Check: nothingRead},
	{Tool: "getChannelMessages", Name: "no place", Args: `{}`, Field: "channelId"},
	{Tool: "getChannelMessages", Name: "a channel without its team", Args: `{"channelId":"19:dbfb40cd0b8ad9feec84934c4cff82d5@thread.tacv2"}`, Field: "teamId"},
	{Tool: "getChannelMessages", Name: "two different teams", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		t, _ := place(h, "Operations & Logistics", "General")
		return args("teamId", t.ID, "channelId", general(h))
	}, Field: "teamId"},
	{Tool: "getChannelMessages", Name: "a message of another channel", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", channelID(h, firmware), "messageId", general(h)+":1700000000000")
	}, Field: "messageId"},
	{Tool: "getChannelMessages", Name: "no such zone", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h), "timeZone", "Mars/Base")
	}, Field: "timeZone"},
	{Tool: "getChannelMessages", Name: "Graph refuses", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("channelId", general(h))
	}, Fails: map[string]int{listPosts: 403}, Err: tool.CodeForbidden},

	{Tool: "listChats", Name: "members and topics", As: "ada", Check: listed("chats", 5, `"topic":"Launch war room"`, `bruno@tideline.example`, `"type":"meeting"`)},
	{Tool: "listChats", Name: "newest first", As: "ada", Optional: true, Args: `{"count":2}`, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		listed("chats", 2, `"cursor":"cu_`)(t, nil, res)
		if !strings.Contains(res.Text(), "bruno@tideline.example>\n- [") {
			t.Errorf("the chat of the newest message is not the first: %s", res.Text())
		}
		if q := unescaped(res.Sent("GET /me/chats")[0].Query); !strings.Contains(q, "$orderby=lastMessagePreview/createdDateTime desc") {
			t.Errorf("query %s", q)
		}
	}},
	{Tool: "listChats", Name: "last messages", As: "ada", Optional: true, Args: `{"fields":["lastMessage","link"]}`, Check: says(`"lastMessage":"2026-11-19T10:12+01:00 Bruno Carvalho: Carla asks`, `"link":"https://teams.microsoft.com/l/chat/`)},
	{Tool: "listChats", Name: "last messages in a zone", As: "ada", With: []string{"Chat.Read"}, Args: `{"fields":["lastMessage"],"timeZone":"Asia/Tokyo"}`, Check: says(`18:12+09:00 Bruno Carvalho`)},
	{Tool: "listChats", Name: "second page", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("count", 2, "cursor", cursorOf(h, "listChats", `{"count":2}`))
	}, Check: func(t tooltest.Reporter, _ *tooltest.Harness, res tooltest.Result) {
		listed("chats", 2)(t, nil, res)
		if !strings.Contains(res.Requests[len(res.Requests)-1].Query, "skiptoken") {
			t.Errorf("the second page was not asked for: %v", res.Requests)
		}
	}},
	{Tool: "listChats", Name: "last messages without their scope", As: "ada", Args: `{"fields":["lastMessage"]}`, Err: tool.CodeInsufficientScope},
	{Tool: "listChats", Name: "too many", Args: `{"count":51}`, Field: "count"},
	{Tool: "listChats", Name: "Graph refuses", As: "ada", Fails: map[string]int{"GET /me/chats": 403}, Err: tool.CodeForbidden},

	{Tool: "getChatMessages", Name: "of two people", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("chatId", chatWith(h, "", "ada", "bruno").ID)
	}, Check: listed("messages", 6, `Nordwind 4471`)},
	{Tool: "getChatMessages", Name: "since, with reactions", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("chatId", chatWith(h, "", "ada", "bruno").ID, "since", "2026-11-17T08:35", "fields", []string{"reactions"})
	}, Check: listed("messages", 2, `"marks":["❤`)},
	{Tool: "getChatMessages", Name: "since, in the mailbox's zone", As: "ada", Optional: true, ArgsOf: func(h *tooltest.Harness) string {
		return args("chatId", chatWith(h, "", "ada", "bruno").ID, "since", "2026-11-17T09:35")
	}, Check: listed("messages", 2, `"timeZone":"Europe/Berlin"`)},
	{Tool: "getChatMessages", Name: "edited, deleted, urgent", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("chatId", chatWith(h, "Launch war room").ID, "timeZone", "Asia/Tokyo")
	}, Check: listed("messages", 8, `"marks":["deleted"]`, `"marks":["edited"]`, `"marks":["urgent"]`, `@Freya Brandt @Gauri Deshpande the port`, `+09:00`)},
	{Tool: "getChatMessages", Name: "cut, second page", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		chat := chatWith(h, "", "ada", "bruno").ID
		return args("chatId", chat, "count", 2, "maxChars", 100, "cursor", cursorOf(h, "getChatMessages", args("chatId", chat, "count", 2)))
	}, Check: listed("messages", 2, "Nordwind 4471", "[cut, ")},
	{Tool: "getChatMessages", Name: "no time", As: "ada", Args: `{"chatId":"19:x@thread.v2","since":"yesterday-ish"}`, Field: "since"},
	{Tool: "getChatMessages", Name: "a path instead of an id", Args: `{"chatId":"19:x/../../me"}`, Field: "chatId"},
	{Tool: "getChatMessages", Name: "others' chat", As: "ada", ArgsOf: func(h *tooltest.Harness) string {
		return args("chatId", chatWith(h, "", "chen", "dalia").ID)
	}, Err: tool.CodeForbidden},
}
