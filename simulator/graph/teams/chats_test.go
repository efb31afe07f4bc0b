package teams_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"m365mcp/simulator/graph/service/servicetest"
)

func TestChats(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada", everything)
	newest := r.Do(t, ada, "GET", "/me/chats"+servicetest.Query("$expand", "members,lastMessagePreview", "$orderby", "lastMessagePreview/createdDateTime desc", "$top", "50"), "")
	chats := newest.Values(t)
	if len(chats) != 5 {
		t.Fatalf("%d chats", len(chats))
	}
	last := ""
	for i, c := range chats {
		preview, _ := c["lastMessagePreview"].(map[string]any)
		at := fmt.Sprint(preview["createdDateTime"])
		if i > 0 && at > last {
			t.Error("not in the order of the last messages")
		}
		last = at
		if members, _ := c["members"].([]any); len(members) < 2 {
			t.Errorf("members: %v", c)
		}
	}
	if got := r.Do(t, ada, "GET", "/chats"+servicetest.Query("$filter", "chatType eq 'oneOnOne'"), "").Values(t); len(got) != 2 {
		t.Errorf("one-on-one: %v", got)
	}
	meeting := r.Do(t, ada, "GET", r.chat(t, "Pelago 2 launch call")+"?$expand=members", "")
	info, _ := meeting.JSON["onlineMeetingInfo"].(map[string]any)
	if info["joinWebUrl"] != r.data.Meetings[0].JoinURL {
		t.Errorf("meeting: %s", meeting.Body)
	}
	var paged []string
	for next := "/me/chats?$top=2"; next != ""; {
		page := r.Do(t, ada, "GET", next, "")
		paged, next = append(paged, page.Column(t, "id")...), page.Text("@odata.nextLink")
	}
	if slices.Sort(paged); len(slices.Compact(paged)) != 5 {
		t.Errorf("pages: %q", paged)
	}
	if got := r.Do(t, ada, "GET", r.chat(t, "Launch war room")+"/members", "").Column(t, "displayName"); len(got) != 5 || !slices.Contains(got, "Freya Brandt") {
		t.Errorf("members: %q", got)
	}
	for query, code := range map[string]string{
		"$top=51": "ErrorInvalidUrlQuery", "$orderby=createdDateTime": "BadRequest", "$orderby=lastMessagePreview/createdDateTime": "BadRequest",
		"$select=id": "BadRequest", "$expand=messages": "BadRequest", "$filter=nothing%20eq%201": "BadRequest", "$skip=1": "BadRequest",
	} {
		r.Do(t, ada, "GET", "/me/chats?"+query, "").WantError(t, 400, code)
	}
	r.Do(t, r.as("ada", "Chat.ReadBasic"), "GET", "/me/chats?$expand=lastMessagePreview", "").WantError(t, 403, "Forbidden")
	if got := r.Do(t, r.as("ada", "Chat.ReadBasic"), "GET", "/me/chats?$expand=members", ""); got.Status != http.StatusOK {
		t.Errorf("Chat.ReadBasic: %d", got.Status)
	}
}

func TestChatMessages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, path := r.as("ada", everything), r.chat(t, "Launch war room")+"/messages"
	all := r.Do(t, ada, "GET", path+"?$top=50", "").Values(t)
	if len(all) != 9 {
		t.Fatalf("%d messages", len(all))
	}
	if all[0]["chatId"] == nil || all[0]["channelIdentity"] != nil {
		t.Errorf("%v", all[0])
	}
	middle := fmt.Sprint(all[4]["lastModifiedDateTime"])
	for name, c := range map[string]struct {
		query string
		want  int
	}{
		"filter with its order":   {servicetest.Query("$filter", "lastModifiedDateTime gt "+middle, "$orderby", "lastModifiedDateTime desc"), 4},
		"a range":                 {servicetest.Query("$filter", "lastModifiedDateTime gt 2026-11-18T00:00:00Z and lastModifiedDateTime lt 2026-11-20T00:00:00Z", "$orderby", "lastModifiedDateTime desc"), 4},
		"created before":          {servicetest.Query("$filter", "createdDateTime lt 2026-11-12T00:00:00Z", "$orderby", "createdDateTime desc"), 3},
		"without order: ignored":  {servicetest.Query("$filter", "lastModifiedDateTime gt "+middle), 9},
		"another order: ignored":  {servicetest.Query("$filter", "lastModifiedDateTime gt "+middle, "$orderby", "createdDateTime desc"), 9},
		"order alone":             {servicetest.Query("$orderby", "createdDateTime desc"), 9},
		"through /me/chats/{id}/": {"", 9},
	} {
		prefix := path
		if c.query == "" {
			prefix = "/me" + path
		}
		if got := r.Do(t, ada, "GET", prefix+c.query, ""); got.Status != http.StatusOK || len(got.Values(t)) != c.want {
			t.Errorf("%s: %d, %d messages, want %d: %s", name, got.Status, len(got.Values(t)), c.want, got.Column(t, "lastModifiedDateTime"))
		}
	}
	for _, query := range []string{
		servicetest.Query("$orderby", "createdDateTime"), servicetest.Query("$orderby", "createdDateTime asc"), servicetest.Query("$orderby", "createdDateTime desc,lastModifiedDateTime desc"),
		servicetest.Query("$orderby", "from desc"), servicetest.Query("$filter", "createdDateTime gt 2026-11-01T00:00:00Z", "$orderby", "createdDateTime desc"),
		servicetest.Query("$filter", "lastModifiedDateTime ge 2026-11-01T00:00:00Z", "$orderby", "lastModifiedDateTime desc"), servicetest.Query("$expand", "replies"), servicetest.Query("$search", "x"),
	} {
		r.Do(t, ada, "GET", path+query, "").WantError(t, 400, "BadRequest")
	}
	sent := r.Do(t, ada, "POST", path, `{"body":{"content":"On my way"}}`)
	if sent.Status != http.StatusCreated || r.Do(t, ada, "GET", path+"/"+sent.Text("id"), "").Text("id") != sent.Text("id") {
		t.Errorf("sent: %s", sent.Body)
	}
	if got := r.Do(t, ada, "PATCH", path+"/"+sent.Text("id"), `{"body":{"content":"Later"}}`); got.Status != http.StatusNoContent {
		t.Errorf("update: %d", got.Status)
	}
	r.Do(t, r.as("bruno", everything), "POST", path+"/"+sent.Text("id")+"/setReaction", `{"reactionType":"👍"}`)
}

func member(url string) string {
	return `{"@odata.type":"#microsoft.graph.aadUserConversationMember","roles":["owner"],"user@odata.bind":"` + url + `"}`
}

func TestCreateChat(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada", everything)
	of := func(name string) string {
		return member("https://graph.microsoft.com/v1.0/users('" + r.id(name) + "')")
	}
	create := func(kind, topic string, members ...string) servicetest.Reply {
		if topic != "" {
			topic = `"topic":"` + topic + `",`
		}
		return r.Do(t, ada, "POST", "/chats", `{"chatType":"`+kind+`",`+topic+`"members":[`+strings.Join(members, ",")+`]}`)
	}
	there := create("oneOnOne", "", of("ada"), of("bruno"))
	if i := slices.IndexFunc(r.Do(t, ada, "GET", "/chats", "").Column(t, "id"), func(id string) bool { return id == there.Text("id") }); there.Status != http.StatusCreated || i < 0 {
		t.Errorf("the chat that exists: %d %s", there.Status, there.Body)
	}
	next := create("oneOnOne", "", of("ada"), member("https://graph.microsoft.us/v1.0/users('hiroko@tideline.example')"))
	if next.Status != http.StatusCreated || len(r.Do(t, r.as("hiroko", everything), "GET", "/chats", "").Values(t)) != 2 {
		t.Errorf("a new one: %s", next.Body)
	}
	group := create("group", "Lunch", of("ada"), of("bruno"), of("chen"))
	if group.Status != http.StatusCreated || group.Text("topic") != "Lunch" {
		t.Fatalf("group: %s", group.Body)
	}
	path := "/chats/" + group.Text("id")
	if got := r.Do(t, ada, "POST", path+"/members", of("dalia")); got.Status != http.StatusCreated {
		t.Errorf("add: %d %s", got.Status, got.Body)
	}
	r.Do(t, ada, "POST", path+"/members", of("dalia")).WantError(t, 409, "Conflict")
	if got := r.Do(t, r.as("dalia", everything), "PATCH", path, `{"topic":"Dinner"}`); got.Status != http.StatusOK || got.Text("topic") != "Dinner" {
		t.Errorf("topic: %s", got.Body)
	}
	r.Do(t, ada, "POST", "/chats/"+there.Text("id")+"/members", of("dalia")).WantError(t, 400, "BadRequest")
	for name, got := range map[string]servicetest.Reply{
		"without oneself":   create("group", "", of("bruno"), of("chen")),
		"twice the same":    create("group", "", of("ada"), of("ada")),
		"three in two":      create("oneOnOne", "", of("ada"), of("bruno"), of("chen")),
		"topic of two":      create("oneOnOne", "x", of("ada"), of("bruno")),
		"a meeting":         create("meeting", "", of("ada"), of("bruno")),
		"no role":           create("group", "", of("ada"), strings.Replace(of("bruno"), `["owner"]`, `[]`, 1)),
		"no type":           create("group", "", of("ada"), strings.Replace(of("bruno"), `#microsoft.graph.aad`, `#microsoft.graph.x`, 1)),
		"a bind to nothing": create("group", "", of("ada"), member("users/"+r.id("bruno"))),
	} {
		t.Run(name, func(t *testing.T) { got.WantError(t, 400, "BadRequest") })
	}
	create("group", "", of("ada"), member("https://graph.microsoft.com/v1.0/users('nobody@tideline.example')")).WantError(t, 404, "NotFound")
	r.Do(t, r.as("ada", "Chat.Read"), "POST", "/chats", "{}").WantError(t, 403, "Authorization_RequestDenied")
}

func TestPresence(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if got := r.Do(t, r.as("ada", everything), "GET", "/me/presence", ""); got.Text("availability") != "Available" {
		t.Errorf("%s", got.Body)
	}
	other := "/users/" + r.id("bruno") + "/presence"
	r.Do(t, r.as("ada", "Presence.Read"), "GET", other, "").WantError(t, 403, "Authorization_RequestDenied")
	r.now = r.data.Meetings[0].Start
	if got := r.Do(t, r.as("ada", "Presence.Read.All"), "GET", other+"?$select=activity", ""); got.Text("activity") != "InAMeeting" {
		t.Errorf("%s", got.Body)
	}
}
