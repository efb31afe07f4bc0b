package teams_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"m365mcp/dlp"
	"m365mcp/internal/golden"
	"m365mcp/policy"
	"m365mcp/tool"
	"m365mcp/tool/teams"
	"m365mcp/tool/tooltest"
)

// From the list of teams to the reply: each id leads on by itself.
func TestIDsLeadOn(t *testing.T) {
	t.Parallel()
	h := tooltest.New(t, teams.Tools()...).As("ada")
	var list struct {
		Teams []struct {
			ID, DisplayName string
			Channels        []struct{ ID, DisplayName string }
		}
	}
	h.Call("listTeams", `{"query":"pelago"}`).Structured(t, &list)
	channel := list.Teams[0].Channels[0].ID
	var page struct {
		Messages []struct{ ID, Subject string }
	}
	h.Call("getChannelMessages", args("teamId", list.Teams[0].ID, "channelId", channel)).Structured(t, &page)
	var reply struct{ ID string }
	h.Call("replyToChannelMessage", args("messageId", page.Messages[1].ID, "message", "Noted.")).Structured(t, &reply)
	// The reply is in the thread, and an answer to it goes there too.
	var thread struct{ Messages []struct{ ID, Text string } }
	h.Call("getChannelMessages", args("messageId", page.Messages[1].ID)).Structured(t, &thread)
	if thread.Messages[0].Text != "Noted." || thread.Messages[0].ID != reply.ID {
		t.Errorf("the thread is %+v, want the reply %s first", thread, reply.ID)
	}
	h.Call("replyToChannelMessage", args("messageId", reply.ID, "message", "Twice.")).WantOK(t)
	h.Call("getChannelMessages", args("messageId", reply.ID)).Structured(t, &thread)
	if thread.Messages[0].Text != "Twice." {
		t.Errorf("the thread is %+v", thread)
	}

	var chat struct{ ID string }
	h.Call("startChat", `{"members":["dalia@tideline.example","chen@tideline.example"],"topic":"Audit"}`).Structured(t, &chat)
	h.Any(1).Call("sendTeamsMessage", args("chatId", chat.ID, "message", "Hello @Dalia Haddad", "mentions", "dalia@tideline.example")).WantOK(t)
	tooltest.Contains(t, h.Call("getChatMessages", args("chatId", chat.ID)), `"text":"Hello @Dalia`)
	tooltest.Contains(t, h.As("dalia").Call("listChats", `{}`), `"topic":"Audit"`)
}

// Reading on with the cursor reaches every message once.
func TestMessagesToTheEnd(t *testing.T) {
	t.Parallel()
	h := tooltest.New(t, teams.Tools()...).As("chen")
	_, channel := place(h, launch, firmware)
	roots := 0
	for _, p := range channel.Posts {
		if p.ReplyTo == "" {
			roots++
		}
	}
	seen := map[string]bool{}
	for cursor := ""; ; {
		var page struct {
			Messages []struct{ ID string }
			Cursor   string
		}
		h.Call("getChannelMessages", args("channelId", channelID(h, firmware), "count", 2, "cursor", cursor)).Structured(t, &page)
		for _, m := range page.Messages {
			if seen[m.ID] {
				t.Errorf("%s comes twice", m.ID)
			}
			seen[m.ID] = true
		}
		if cursor = page.Cursor; cursor == "" {
			break
		}
	}
	if len(seen) != roots || roots < 3 {
		t.Errorf("%d of %d messages", len(seen), roots)
	}
}

// The pages of a transcript, one after the other, are the whole of it.
func TestTranscriptToTheEnd(t *testing.T) {
	t.Parallel()
	h := tooltest.New(t, teams.Tools()...).As("ada")
	m := launchCall(h)
	var whole read
	h.Call("getMeetingTranscript", args("joinUrl", m.JoinURL, "maxChars", 50_000)).Structured(t, &whole)
	lines := m.Transcripts[0].Lines
	if whole.Cursor != "" || !strings.HasSuffix(whole.Text, lines[len(lines)-1].Text) {
		t.Fatalf("cursor %q, the end is %q", whole.Cursor, whole.Text[max(0, len(whole.Text)-100):])
	}
	for _, l := range lines {
		if !strings.Contains(whole.Text, l.Text) {
			t.Errorf("%q is missing", l.Text)
		}
	}
	var parts strings.Builder
	for cursor := ""; ; {
		var page read
		h.Call("getMeetingTranscript", args("transcriptId", whole.TranscriptID, "cursor", cursor, "maxChars", 900)).Structured(t, &page)
		parts.WriteString(page.Text)
		if cursor = page.Cursor; cursor == "" {
			break
		}
	}
	if parts.String() != whole.Text {
		t.Errorf("the parts have %d characters, the whole %d", parts.Len(), len(whole.Text))
	}
}

// Instructions that people do not see are not for models either; those that they
// see are marked as somebody else's words.
func TestHiddenInstructions(t *testing.T) {
	t.Parallel()
	h := tooltest.New(t, teams.Tools()...)
	injections := teamwork(h).PostInjections()
	if len(injections) == 0 {
		t.Fatal("the data set has no hostile message")
	}
	for _, injection := range injections {
		for _, team := range teamwork(h).Teams {
			for _, channel := range team.Channels {
				if channel.ID != injection.ThreadID {
					continue
				}
				member := h.As(append(channel.Members, team.Members...)[0])
				res := member.Call("getChannelMessages", args("channelId", team.ID+":"+channel.ID, "fields", []string{"replies"}))
				res.WantOK(t)
				if strings.Contains(res.Text()+string(res.Output.Structured), injection.Marker) {
					t.Errorf("%s, hidden as %s, is in the answer", injection.Marker, injection.Kind)
				}
				if !strings.Contains(res.Text(), "<untrusted ") {
					t.Error("the answer is not fenced")
				}
			}
		}
	}
}

// Whatever stands in an argument, requests go where the tool wants them to go.
func TestInjections(t *testing.T) {
	t.Parallel()
	h := tooltest.New(t, teams.Tools()...).As("ada")
	allowed := regexp.MustCompile(`^(GET /me/(joinedTeams|chats|onlineMeetings)|GET /(teams|chats)/\{|POST /(teams|chats)(/\{|$)|POST /me/(events|onlineMeetings)$|POST /\$batch|GET /me/mailboxSettings|GET /me/onlineMeetings/|GET /me/events/\{)`)
	for _, evil := range []string{
		"../../me/messages", "x/../../users", "19:a@thread.v2/members?$select=id", "19:a@thread.v2#", "%2e%2e%2fme", "' or '1' eq '1", "a&$filter=x", "\x00", "..", "$value", ":", "a:",
		"00000000-0000-0000-0000-000000000000:../me", "00000000-0000-0000-0000-000000000000:19:a@thread.v2:1/../x", "Pelago 2 Launch/../me", "Pelago 2 Launch/x?$select=id", "te_aaaaaaaaaa", "x\r\nHost: evil.example",
	} {
		for _, x := range teams.Tools() {
			for _, field := range x.Input {
				if field.Type != tool.String && field.Type != tool.StringOrList {
					continue
				}
				given := map[string]any{
					"message": "hi", "subject": "s", "startTime": "2026-11-23T09:00", "endTime": "2026-11-23T09:30", "members": "bruno@tideline.example",
					"chatId": "19:a@thread.v2", "teamId": "00000000-0000-0000-0000-000000000000", "channelId": "19:a@thread.tacv2", "messageId": "1700000000000",
				}
				for name := range given {
					if !slices.ContainsFunc(x.Input, func(f tool.Field) bool { return f.Name == name }) {
						delete(given, name)
					}
				}
				if x.Name == "sendTeamsMessage" && field.Name != "chatId" {
					delete(given, "chatId")
				} else if x.Name == "sendTeamsMessage" {
					delete(given, "teamId")
					delete(given, "channelId")
					delete(given, "subject")
				}
				given[field.Name] = evil
				raw, err := json.Marshal(given)
				if err != nil {
					t.Fatal(err)
				}
				set := 0
				if field.Name == "chatId" {
					set = 1
				}
				res := h.With("User.ReadBasic.All", "Chat.ReadBasic", "Calendars.Read", "Team.ReadBasic.All", "Channel.ReadBasic.All").Any(set).Call(x.Name, string(raw))
				for _, r := range res.Requests {
					if !allowed.MatchString(r.Method + " " + r.Template) {
						t.Errorf("%s %s: %s", x.Name, raw, r)
					}
				}
			}
		}
	}
}

// What leaves is looked at as people will read it, and who reads it is for policy.
func TestDLPAndPolicy(t *testing.T) {
	t.Parallel()
	profile := dlp.New(dlp.Detector{Name: "codeword", Match: func(text string) bool { return strings.Contains(text, "aardvark") }})
	h := tooltest.Start(t, tooltest.Options{Tools: teams.Tools(), DLP: profile, Policy: policy.New(
		policy.Rule{ID: "codeword", Effect: policy.Forbid, Reason: "codeword", When: func(r policy.Request) bool { return len(r.Context.Findings) > 0 }},
		policy.Rule{ID: "launch", Effect: policy.Forbid, Reason: "channel", When: func(r policy.Request) bool {
			return slices.Contains(r.Resource.Recipients, "team:Pelago 2 Launch/Firmware 2.0")
		}},
		policy.Rule{ID: "rest", Effect: policy.Permit, When: func(policy.Request) bool { return true }},
	)}).As("ada")
	for name, call := range map[string]string{
		"split by tags": args("channelId", general(h), "contentType", "html", "message", "aard<b></b>vark"),
		"by entities":   args("channelId", general(h), "contentType", "html", "message", "a&#97;rdvark"),
		"in a comment":  args("channelId", general(h), "contentType", "html", "message", "aard<!-- x -->vark"),
		"subject":       args("channelId", general(h), "message", "x", "subject", "aardvark"),
		"plain":         args("channelId", general(h), "message", "an aardvark"),
		"channel":       args("channelId", channelID(h, firmware), "message", "x"),
	} {
		t.Run(name, func(t *testing.T) {
			res := h.Call("sendTeamsMessage", call)
			res.WantError(t, tool.CodePolicyDenied)
			if len(res.Sent(postChannel)) > 0 {
				t.Error("sent all the same")
			}
		})
	}
	h.Call("sendTeamsMessage", args("channelId", general(h), "message", "a badger")).WantOK(t)
}

func TestTeamsResource(t *testing.T) {
	t.Parallel()
	h := tooltest.Start(t, tooltest.Options{Tools: teams.Tools(), Resources: teams.Resources()}).As("ada")
	res := h.Call("resource:teams", `{}`)
	tooltest.Contains(t, res, `"displayName":"Pelago 2 Launch"`, `"description":"Everything`, `"id":"te_`)
	if strings.Contains(string(res.Output.Structured), "channels") || len(res.Requests) != 1 {
		t.Errorf("%s, %d requests", res.Output.Structured, len(res.Requests))
	}
}

var fence = regexp.MustCompile(`untrusted [0-9a-f]{12}`)

// What a model reads, and how much of it: 4 characters are about a token.
func TestText(t *testing.T) {
	t.Parallel()
	h := tooltest.New(t, teams.Tools()...).As("ada").Optional()
	for name, call := range map[string][2]string{
		"teams":      {"listTeams", `{}`},
		"channel":    {"getChannelMessages", args("channelId", general(h), "count", 10, "fields", []string{"replies", "reactions"})},
		"chats":      {"listChats", args("count", 10, "fields", []string{"lastMessage"})},
		"chat":       {"getChatMessages", args("chatId", chatWith(h, "Launch war room").ID, "count", 10, "fields", []string{"reactions"})},
		"transcript": {"getMeetingTranscript", args("joinUrl", launchCall(h).JoinURL, "maxChars", 600)},
	} {
		res := h.Call(call[0], call[1])
		res.WantOK(t)
		golden.Compare(t, fmt.Sprintf("testdata/%s.txt", name), []byte(fence.ReplaceAllString(res.Text(), "untrusted NONCE")+"\n"))
		if len(res.Text()) > 4500 || len(res.Output.Structured) > 4500 {
			t.Errorf("%s: %d characters of text, %d structured", name, len(res.Text()), len(res.Output.Structured))
		}
	}
}
