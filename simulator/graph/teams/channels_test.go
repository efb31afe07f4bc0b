package teams_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/service/servicetest"
	"m365mcp/simulator/graph/teams"
)

const everything = "Team.ReadBasic.All Channel.ReadBasic.All TeamMember.Read.All ChannelMember.Read.All ChannelMessage.Read.All ChannelMessage.Send ChannelMessage.ReadWrite " +
	"Chat.ReadWrite Chat.Create OnlineMeetings.ReadWrite OnlineMeetingTranscript.Read.All Presence.Read"

// TestOperationsAreMicrosofts holds templates and scopes against the published ones.
func TestOperationsAreMicrosofts(t *testing.T) {
	t.Parallel()
	micro := microsoft(t)
	tenant := dataset.Load(start())
	for _, o := range teams.New(teams.Options{Tenant: tenant, Data: &dataset.Teamwork{}}).Operations() {
		if !micro.Describes(o.Method, o.Template) {
			t.Errorf("%s %s is not described", o.Method, o.Template)
		}
		for _, scope := range o.Scopes {
			if err := micro.Allowed(o.Method, o.Template, []string{scope}); err != nil {
				t.Errorf("%s is too little: %v", scope, err)
			}
		}
		for _, least := range micro.Least(o.Method, o.Template) {
			if !slices.Contains(o.Scopes, least) {
				t.Errorf("%s %s does not take %s", o.Method, o.Template, least)
			}
		}
	}
}

func TestTeamsAndChannels(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada := r.as("ada", everything)
	joined := r.Do(t, ada, "GET", "/me/joinedTeams", "")
	if got := joined.Column(t, "displayName"); !slices.Equal(got, []string{"Pelago 2 Launch", "Operations & Logistics"}) {
		t.Errorf("joined: %q", got)
	}
	r.Do(t, ada, "GET", "/me/joinedTeams?$top=1", "").WantError(t, 400, "BadRequest")
	r.Do(t, ada, "GET", "/me/joinedTeams?$select=id", "").WantError(t, 400, "BadRequest")
	if got := r.Do(t, ada, "GET", "/me/teamwork/associatedTeams", "").Values(t); len(got) != 2 {
		t.Errorf("associated: %v", got)
	}
	launch := "/teams/" + r.team(t, "Pelago 2 Launch").ID
	if got := r.Do(t, ada, "GET", launch+"?$select=displayName", ""); got.Text("displayName") != "Pelago 2 Launch" || got.JSON["webUrl"] != nil {
		t.Errorf("team: %s", got.Body)
	}
	r.Do(t, ada, "GET", launch, "")
	if got := r.Do(t, ada, "GET", launch+"/channels", "").Column(t, "displayName"); slices.Contains(got, "Pricing") || len(got) != 3 {
		t.Errorf("Ada sees the channels %q", got)
	}
	private := r.Do(t, r.as("bruno", everything), "GET", launch+"/channels"+servicetest.Query("$filter", "membershipType eq 'private'", "$select", "id,displayName"), "")
	if got := private.Column(t, "displayName"); !slices.Equal(got, []string{"Pricing"}) {
		t.Errorf("Bruno's private channels: %q", got)
	}
	if got := r.Do(t, ada, "GET", launch+"/primaryChannel", ""); got.Text("displayName") != "General" {
		t.Errorf("primary: %s", got.Body)
	}
	if got := r.Do(t, ada, "GET", launch+"/members", "").Column(t, "email"); len(got) != 5 || !slices.Contains(got, "chen@tideline.example") {
		t.Errorf("members: %q", got)
	}
	if got := r.Do(t, r.as("freya", everything), "GET", r.channel(t, "Pelago 2 Launch", "Pricing")+"/members", "").Values(t); len(got) != 2 {
		t.Errorf("members of Pricing: %v", got)
	}
}

// Guests are counted, and of a channel only when its summary is asked for.
func TestSummaries(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	freya := r.as("freya", everything)
	for i, p := range r.tenant.People {
		if p.UPN == "bruno@"+r.tenant.Domain {
			r.tenant.People[i].Mail = "bruno@partner.example"
		}
	}
	for path, want := range map[string]string{
		"/teams/" + r.team(t, "Pelago 2 Launch").ID: "map[guestsCount:1 membersCount:2 ownersCount:2]",
		r.channel(t, "Pelago 2 Launch", "General"):  "map[guestsCount:1 hasMembersFromOtherTenants:false membersCount:2 ownersCount:2]",
		r.channel(t, "Pelago 2 Launch", "Pricing"):  "map[guestsCount:1 hasMembersFromOtherTenants:false membersCount:0 ownersCount:1]",
	} {
		if got := fmt.Sprint(r.Do(t, freya, "GET", path+"?$select=summary", "").JSON["summary"]); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got, ok := r.Do(t, freya, "GET", r.channel(t, "Pelago 2 Launch", "General"), "").JSON["summary"]; ok {
		t.Errorf("a summary that nobody asked for: %v", got)
	}
}

func TestWhoIsOutsideIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, hiroko := r.as("ada", everything), r.as("hiroko", everything)
	for _, c := range []struct {
		name, token, path string
		status            int
		code              string
	}{
		{"no member of the team", hiroko, "/teams/" + r.team(t, "Operations & Logistics").ID, 403, "Forbidden"},
		{"no member: messages", hiroko, r.channel(t, "Operations & Logistics", "General") + "/messages", 403, "Forbidden"},
		{"private channel", ada, r.channel(t, "Pelago 2 Launch", "Pricing"), 403, "Forbidden"},
		{"private channel: messages", ada, r.channel(t, "Pelago 2 Launch", "Pricing") + "/messages", 403, "Forbidden"},
		{"no team", ada, "/teams/11111111-1111-4111-8111-111111111111", 404, "NotFound"},
		{"no channel", ada, "/teams/" + r.team(t, "Operations & Logistics").ID + "/channels/19:x@thread.tacv2", 404, "NotFound"},
		{"scope", r.as("ada", "Team.ReadBasic.All Channel.ReadBasic.All"), r.channel(t, "Operations & Logistics", "General") + "/messages", 403, "Authorization_RequestDenied"},
		{"no chat member", hiroko, r.chat(t, "Launch war room"), 403, "Forbidden"},
		{"no chat", ada, "/chats/19:none@thread.v2", 404, "NotFound"},
		{"no chat id", ada, "/chats/general", 400, "BadRequest"},
		{"chat scope", r.as("ada", "Chat.ReadBasic"), r.chat(t, "Launch war room") + "/messages", 403, "Authorization_RequestDenied"},
	} {
		t.Run(c.name, func(t *testing.T) { r.Do(t, c.token, "GET", c.path, "").WantError(t, c.status, c.code) })
	}
}

func TestChannelMessages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, path := r.as("ada", everything), r.channel(t, "Pelago 2 Launch", "Firmware 2.0")+"/messages"
	all := r.Do(t, ada, "GET", path+"?$expand=replies", "").Values(t)
	if len(all) != 4 {
		t.Fatalf("%d messages", len(all))
	}
	for i, m := range all {
		if i > 0 && fmt.Sprint(m["lastModifiedDateTime"]) > fmt.Sprint(all[i-1]["lastModifiedDateTime"]) {
			t.Error("not in the order of the last change")
		}
		if m["replyToId"] != nil || m["etag"] == nil {
			t.Errorf("%v", m)
		}
	}
	var paged []string
	for next := path + "?$top=3"; next != ""; {
		page := r.Do(t, ada, "GET", next, "")
		paged, next = append(paged, page.Column(t, "id")...), page.Text("@odata.nextLink")
	}
	if len(paged) != 4 || paged[3] != all[3]["id"] {
		t.Errorf("pages: %q", paged)
	}
	i := slices.IndexFunc(all, func(m map[string]any) bool { return m["subject"] == "RC1 is out" })
	one := path + "/" + fmt.Sprint(all[i]["id"])
	replies := r.Do(t, ada, "GET", one+"/replies", "").Values(t)
	if len(replies) != 2 || replies[1]["deletedDateTime"] == nil || !strings.Contains(fmt.Sprint(replies[1]["body"]), "content: ") {
		t.Errorf("replies: %v", replies)
	}
	r.Do(t, ada, "GET", one+"/replies/"+fmt.Sprint(replies[0]["id"]), "")
	if got := r.Do(t, ada, "GET", one, ""); !strings.Contains(string(got.Body), "rc1-notes.pdf") {
		t.Errorf("no attachment: %s", got.Body)
	}
	for query, name := range map[string]string{"$top=51": "ErrorInvalidUrlQuery", "$expand=from": "BadRequest", "$filter=id%20eq%20'1'": "BadRequest", "$orderby=id": "BadRequest", "$select=id": "BadRequest", "$skip=1": "BadRequest"} {
		r.Do(t, ada, "GET", path+"?"+query, "").WantError(t, 400, name)
	}
	r.Do(t, ada, "GET", path+"/1", "").WantError(t, 404, "NotFound")
}

func TestSystemMessages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	path := r.channel(t, "Pelago 2 Launch", "General") + "/messages"
	for prefer, want := range map[string]string{"": "unknownFutureValue", "include-unknown-enum-members": "systemEventMessage"} {
		list := r.Do(t, r.as("ada", everything), "GET", path, "", "Prefer: "+prefer).Values(t)
		last := list[len(list)-1]
		detail, _ := last["eventDetail"].(map[string]any)
		if last["messageType"] != want || detail["@odata.type"] != "#microsoft.graph.membersAddedEventMessageDetail" || last["from"] != nil {
			t.Errorf("with %q: %v", prefer, last)
		}
	}
}

func TestInjectionIsServed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := string(r.Do(t, r.as("ada", everything), "GET", r.channel(t, "Pelago 2 Launch", "Rotterdam")+"/messages?$expand=replies", "").Body)
	for _, i := range r.data.PostInjections() {
		if !strings.Contains(body, i.Marker) {
			t.Errorf("%s is not served", i.Marker)
		}
	}
}

func TestDelta(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, path := r.as("ada", everything), r.channel(t, "Operations & Logistics", "Lisbon shipment")+"/messages"
	var ids []string
	link := path + "/delta?$top=2"
	for link != "" {
		page := r.Do(t, ada, "GET", link, "")
		ids = append(ids, page.Column(t, "id")...)
		if link = page.Text("@odata.nextLink"); link == "" {
			link = page.Text("@odata.deltaLink")
			break
		}
	}
	if len(ids) != 3 {
		t.Fatalf("first round: %q", ids)
	}
	sent := r.Do(t, ada, "POST", path, `{"body":{"content":"Released"}}`)
	r.Do(t, ada, "POST", path+"/"+ids[0]+"/setReaction", `{"reactionType":"👍"}`)
	second := r.Do(t, ada, "GET", link, "")
	if got := second.Column(t, "id"); !slices.Equal(got, []string{sent.Text("id"), ids[0]}) {
		t.Errorf("second round: %q", got)
	}
	if got := r.Do(t, ada, "GET", second.Text("@odata.deltaLink"), "").Values(t); len(got) != 0 {
		t.Errorf("third round: %v", got)
	}
	since := r.Do(t, ada, "GET", path+"/delta()"+servicetest.Query("$filter", "lastModifiedDateTime gt 2026-11-23T08:59:00Z"), "")
	if got := since.Values(t); len(got) != 2 {
		t.Errorf("filtered: %v", got)
	}
	r.workload.ExpireDeltas()
	r.Do(t, ada, "GET", link, "").WantError(t, http.StatusGone, "syncStateNotFound")
}
