package graph

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/wire"
)

func TestUser(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	want := map[string]any{
		"@odata.context": r.http.URL + "/v1.0/$metadata#users/$entity", "id": danaID, "displayName": "Dana Ito", "givenName": "Dana",
		"surname": "Ito", "mail": "dana@contoso.example", "userPrincipalName": "dana@contoso.example", "jobTitle": "CFO",
		"businessPhones": []any{}, "mobilePhone": nil, "officeLocation": nil, "preferredLanguage": "en-GB",
	}
	for _, path := range []string{"/me", "/users/" + danaID, "/users/DANA@contoso.example"} {
		if diff := cmp.Diff(want, r.get(t, path).json); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	everything := r.get(t, "/me"+q("$select", strings.Join(slices.Concat(wire.UserDefault, wire.UserHeld, wire.UserNull, wire.UserEmpty), ",")))
	if everything.status != 200 || everything.json["companyName"] != "Contoso" {
		t.Errorf("everything: %d %s", everything.status, everything.body)
	}
	wantError(t, r.get(t, "/me"+q("$select", "colour")), 400, "BadRequest")
	wantError(t, r.get(t, "/me"+q("$filter", "id eq 'x'")), 400, "BadRequest")
	wantError(t, r.do(t, danaID+" User.Read", "GET", "/me"+q("$select", "mailboxSettings"), ""), 403, "ErrorAccessDenied")
}

func TestOtherPeople(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	wantError(t, r.get(t, "/users/"+rajID), 403, "Authorization_RequestDenied")
	wantError(t, r.get(t, "/users/nobody@contoso.example"), 404, "Request_ResourceNotFound")
	basic := r.do(t, danaID+" User.ReadBasic.All", "GET", "/users/"+rajID, "")
	if basic.json["displayName"] != "Raj Patel" || !cmp.Equal(basic.json["businessPhones"], []any{}) {
		t.Errorf("basic profile: %s", basic.body)
	}
	full := r.do(t, danaID+" User.Read.All", "GET", "/users/"+rajID, "")
	if !cmp.Equal(full.json["businessPhones"], []any{"+1 555 0100"}) {
		t.Errorf("full profile: %s", full.body)
	}
	wantError(t, r.get(t, "/users/"+rajID+"/messages"), 403, "ErrorAccessDenied")
	wantError(t, r.get(t, "/users/"+rajID+"/mailFolders/inbox/messages"), 403, "ErrorAccessDenied")
	wantError(t, r.get(t, "/users/nobody/messages"), 404, "ErrorInvalidUser")
	wantError(t, r.do(t, lenaID+" "+allScopes, "GET", "/me/messages", ""), 404, "MailboxNotEnabledForRESTAPI")
	wantError(t, r.do(t, danaID+" "+allScopes, "POST", "/users/"+rajID+"/sendMail", `{"message":{}}`), 403, "ErrorAccessDenied")
}

func TestMailboxSettings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	settings := r.get(t, "/me/mailboxSettings")
	if settings.json["timeZone"] != "W. Europe Standard Time" || settings.json["archiveFolder"] != testID("folder"+danaID, 4) {
		t.Errorf("settings: %s", settings.body)
	}
	if one := r.get(t, "/me/mailboxSettings"+q("$select", "timeZone")); len(one.json) != 2 {
		t.Errorf("$select: %s", one.body)
	}
	zone := r.get(t, "/me/mailboxSettings/timeZone")
	if diff := cmp.Diff(map[string]any{
		"@odata.context": r.http.URL + "/v1.0/$metadata#users('" + danaID + "')/mailboxSettings/timeZone", "value": "W. Europe Standard Time",
	}, zone.json); diff != "" {
		t.Error(diff)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, bearer := range []string{"", "nonsense", "expired", "stranger " + allScopes} {
		got := r.do(t, bearer, "GET", "/me/messages", "")
		wantError(t, got, http.StatusUnauthorized, "InvalidAuthenticationToken")
		if challenge := got.header.Get("WWW-Authenticate"); challenge == "" || challenge[:7] != "Bearer " {
			t.Errorf("%q: challenge %q", bearer, challenge)
		}
	}
	if got := r.get(t, "/me", "Authorization: Basic "+danaID); got.status != 401 {
		t.Errorf("Basic: %d", got.status)
	}
	// an unknown path tells nothing to those without a token
	if got := r.do(t, "", "GET", "/me/nothing", ""); got.status != 401 {
		t.Errorf("unknown path: %d", got.status)
	}
	other := newRig(t, func(o *Options) {
		o.Tenant.ID = "88888888-8888-4888-8888-888888888888"
	})
	if got := other.get(t, "/me"); got.status != 401 {
		t.Errorf("token of another tenant: %d", got.status)
	}
}

// Each operation opens with each of its scopes and with no other.
func TestScopes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var (
		scopesProfile  = []string{"User.Read", "User.ReadWrite", "User.ReadBasic.All", "User.Read.All", "Directory.Read.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
		scopesSettings = []string{"MailboxSettings.Read", "MailboxSettings.ReadWrite"}
		scopesMail     = []string{"Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite", "Mail.ReadBasic.Shared", "Mail.Read.Shared", "Mail.ReadWrite.Shared"}
		scopesContent  = []string{"Mail.Read", "Mail.ReadWrite", "Mail.Read.Shared", "Mail.ReadWrite.Shared"}
		scopesSend     = []string{"Mail.Send", "Mail.Send.Shared"}
		scopesCalendar = []string{"Calendars.Read", "Calendars.ReadWrite", "Calendars.ReadBasic"}
	)
	message := testID("message"+danaID, 3)
	for path, scopes := range map[string][]string{
		"/me": scopesProfile, "/me/mailboxSettings": scopesSettings, "/me/mailFolders": scopesMail, "/me/mailFolders/inbox": scopesMail,
		"/me/messages": scopesMail, "/me/messages/$count": scopesMail, "/me/messages/" + message: scopesMail,
		"/me/messages/" + message + "/$value": scopesContent, "/me/messages/" + message + "/attachments": scopesContent, "/me/events": scopesCalendar,
	} {
		for _, scope := range slices.Concat(scopesProfile, scopesSettings, scopesMail, scopesSend, scopesCalendar, []string{"mail.read"}) {
			want := 403
			if slices.Contains(scopes, scope) {
				want = 200
			}
			if got := r.do(t, danaID+" "+scope, "GET", path, ""); got.status != want {
				t.Errorf("%s with %s: %d, want %d", path, scope, got.status, want)
			}
		}
	}
}

func TestMailReadBasicHidesContent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	get := func(path string) reply { return r.do(t, danaID+" Mail.ReadBasic", "GET", path, "") }
	m := get("/me/messages/" + testID("message"+danaID, 3) + q("$select", "subject,body,bodyPreview,uniqueBody"))
	if len(m.json) != 4 || m.json["subject"] != "Budget" { // id, subject, context, etag
		t.Errorf("got %s", m.body)
	}
	for _, m := range get("/me/messages").values(t) {
		if m["body"] != nil || m["bodyPreview"] != nil {
			t.Errorf("content in a list: %v", m)
		}
	}
	for _, query := range []string{
		q("$search", `"budget"`), q("$filter", "contains(body/content,'travel')"), q("$filter", "contains(bodyPreview,'N')"), q("$expand", "attachments"), q("$orderby", "bodyPreview"),
	} {
		wantError(t, get("/me/messages"+query), 403, "ErrorAccessDenied")
	}
}

func TestOneDataSetServesManyServers(t *testing.T) {
	t.Parallel()
	fill := func() *dataset.Tenant {
		tenant := testTenant()
		box := tenant.Mailbox[danaID]
		box.Messages = append(box.Messages, dataset.Message{
			ID: testID("draft", 1), FolderID: box.Folders[2].ID, Subject: "Unsent", Draft: true, From: dana,
			To: []dataset.Address{{Address: raj.Address}}, // without the name that sending fills in
		})
		return tenant
	}
	tenant := fill()
	share := func(o *Options) { o.Tenant = tenant }
	a, b := newRig(t, share), newRig(t, share)
	a.do(t, danaID+" Mail.Send", "POST", "/me/sendMail", mailTo("Shared?", raj))
	if got := b.do(t, rajID+" Mail.Read", "GET", "/me/messages"+q("$filter", "subject eq 'Shared?'"), ""); len(got.values(t)) != 0 {
		t.Error("a message sent on one server arrived on the other")
	}
	if n := len(tenant.Mailbox[rajID].Messages); n != inboxLen+1 {
		t.Errorf("the data set has been changed: %d messages", n)
	}
	id := testID("message"+danaID, 5)
	a.do(t, danaID+" Mail.Send", "POST", "/me/messages/"+id+"/replyAll", `{"comment":"x"}`)
	a.do(t, danaID+" Mail.ReadWrite", "PATCH", "/me/messages/"+id, `{"isRead":true,"categories":["Blue"]}`)
	a.do(t, danaID+" Mail.ReadWrite", "DELETE", "/me/messages/"+id, "")
	if got := a.do(t, danaID+" Mail.Send", "POST", "/me/messages/"+testID("draft", 1)+"/send", ""); got.status != 202 {
		t.Errorf("send: %s", got.body)
	}
	if diff := cmp.Diff(fill().Mailbox, tenant.Mailbox); diff != "" {
		t.Errorf("the data set has been changed: %s", diff)
	}
}
