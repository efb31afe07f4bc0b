package graphdata_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"m365mcp/internal/graphdata"
	"m365mcp/internal/testenv"
)

func load(t *testing.T) *graphdata.Data {
	t.Helper()
	d, err := graphdata.Load(testenv.GraphData(t))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestLoadSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	if _, err := graphdata.Load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "graph-v1.0-slice.json") {
		t.Errorf("error %v", err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	d := load(t)
	for path, want := range map[string]string{
		"/v1.0/me":                                                  "/me",
		"/me/messages/AAMk%2F1%3D":                                  "/me/messages/{message-id}",
		"/me/messages('AAMk')/attachments":                          "/me/messages/{message-id}/attachments",
		"/me/messages/delta":                                        "/me/messages/delta()",
		"/me/messages/microsoft.graph.delta()":                      "/me/messages/delta()",
		"/me/messages/$count":                                       "/me/messages/$count",
		"/me/mailFolders/inbox/messages":                            "/me/mailFolders/{mailFolder-id}/messages",
		"/users/dana@contoso.example/messages":                      "/users/{user-id}/messages",
		"/users('dana@contoso.example')":                            "/users/{user-id}",
		"/users/x/chats":                                            "/me/chats", // described below /me only
		"/me/drive/root/search(q='it%27%27s')":                      "/me/drive/root/search(q='{q}')",
		"/me/reminderView(startDateTime='a',endDateTime='b')":       "/me/reminderView(StartDateTime='{StartDateTime}',EndDateTime='{EndDateTime}')",
		"/places/microsoft.graph.room":                              "/places/graph.room",
		"/me/drive/root:/Plans/Q4%20plan.docx":                      "/me/drive/items/{driveItem-id}",
		"/me/drive/root:/a/b.txt:/content":                          "/me/drive/items/{driveItem-id}/content",
		"/drives/d/items/1:/b.txt:/content":                         "/drives/{drive-id}/items/{driveItem-id}/content",
		"/sites/contoso.example:/sites/hr":                          "/sites/{site-id}",
		"/sites/contoso.example:/sites/hr:/drive/root:/a:/children": "/drives/{drive-id}/items/{driveItem-id}/children",
		"/sites/contoso.example,1,2/drive/root/children":            "/drives/{drive-id}/root/children",
		"/users/x/drive/root":                                       "/drives/{drive-id}/root",
		"/me/drive/special/documents/children":                      "/me/drive/items/{driveItem-id}/children",
		"/chats/19:a_b@unq.gbl.spaces/messages":                     "/chats/{chat-id}/messages",
		"/me/photos/48x48/$value":                                   "/me/photo/$value",
		// Not Graph's:
		"/me/mailboxSettings/timeZone":         "",
		"/me/messages/":                        "",
		"/me//messages":                        "",
		"/me/messages/../sendMail":             "",
		"/me/drive/root/search(q='it's')":      "",
		"/me/drive/root/search(query='x')":     "",
		"/me/nothing":                          "",
		"/beta/me":                             "",
		"me":                                   "",
		"/me/messages/%zz":                     "",
		"/me/messages/1/attachments/2/3":       "",
		"/me/drive/root/search(q='a',p='b')":   "",
		"/places/microsoft.graph.swimmingpool": "/places/{place-id}",
	} {
		found, err := d.Find("GET", path)
		if found.Template != want || (err == nil) != (want != "") {
			t.Errorf("%s is %q (%v), want %q", path, found.Template, err, want)
		}
	}
	if found, err := d.Find("DELETE", "/me/messages"); err == nil || found.Template != "/me/messages" {
		t.Errorf("DELETE of a list: %v, %v", found, err)
	}
	found, err := d.Find("GET", "/users/dana%40contoso.example/messages/a%2Fb")
	if err != nil || found.Params["user-id"] != "dana@contoso.example" || found.Params["message-id"] != "a/b" {
		t.Errorf("params %v, %v", found.Params, err)
	}
}

// Every described path is found as itself, and its permissions are listed.
func TestFindEveryOperation(t *testing.T) {
	t.Parallel()
	d := load(t)
	parameter := regexp.MustCompile(`\{[^}]+\}`)
	for template, methods := range d.Operations() {
		path := parameter.ReplaceAllString(template, "x")
		for _, method := range methods {
			if found, err := d.Find(method, "/v1.0"+path); err != nil || found.Template != template {
				t.Errorf("%s %s is %q (%v)", method, template, found.Template, err)
			}
			if least := d.Least(method, template); len(least) > 0 {
				if err := d.Allowed(method, template, least[:1]); err != nil {
					t.Error(err)
				}
				if err := d.Allowed(method, template, []string{"Colour.Read"}); err == nil {
					t.Errorf("%s %s is allowed to anybody", method, template)
				}
			}
		}
	}
}

func TestCheckRequestQuery(t *testing.T) {
	t.Parallel()
	d := load(t)
	eventual := http.Header{"Consistencylevel": {"eventual"}}
	for _, c := range []struct {
		path, query string
		header      http.Header
		problem     string // "" for none
	}{
		{"/me/messages", "$select=id,subject,from&$top=10&$orderby=receivedDateTime%20desc", nil, ""},
		{"/me/messages", "$select=id,from/emailAddress", nil, ""},
		{"/me/messages", "$select=id,colour", nil, "no property colour"},
		{"/me/messages", "$select=id,,subject", nil, "empty name"},
		{"/me/messages", "$select=attachments", nil, "navigation"},
		{"/me/messages", "$select=id&$select=subject", nil, "2 times"},
		{"/me/messages", "$top=ten", nil, "positive integer"},
		{"/me/messages", "$top=0", nil, "positive integer"},
		{"/me/messages", "$top=1001", nil, "more than 1000"},
		{"/me/messages", "$count=1", nil, "neither true"},
		{"/me/messages", "$orderby=receivedDateTime%20down", nil, "direction"},
		{"/me/messages", "$orderby=received", nil, "no property"},
		{"/me/messages", "top=1", nil, "not described"},
		{"/me/messages", "$skiptoken=abc&$top=5", nil, ""},
		{"/me/messages", "$expand=attachments($select=id,name)", nil, ""},
		{"/me/messages", "$expand=attachments($select=colour)", nil, "no property colour"},
		{"/me/messages", "$expand=subject", nil, "no navigation"},
		{"/me/messages", "$search=%22from:ada%20%5C%22x%5C%22%22", nil, ""},
		{"/me/messages", "$search=from:ada", nil, "double quotes"},
		{"/me/messages", "$search=%22a%22b%22", nil, "double quotes"},
		{"/me/messages", "$search=%22a%22&$orderby=subject", nil, "neither $filter nor $orderby"},
		{"/me/messages/1/attachments", "$select=id,contentBytes", nil, "no property contentBytes"},
		{"/me/messages/1/attachments", "$select=id,microsoft.graph.fileAttachment/contentBytes", nil, ""},
		{"/me/messages/1", "$top=1", nil, "not described"},
		{"/users", "$search=%22displayName:dana%22%20OR%20%22mail:dana%22", eventual, ""},
		{"/users", "$search=%22displayName:dana%22", nil, "ConsistencyLevel"},
		{"/users", "$search=dana", eventual, "displayName:x"},
		{"/users", "$select=id,displayName&$top=999", nil, ""},
		{"/me/memberOf", "$select=id,displayName", nil, ""},
		{"/me/memberOf", "$select=id,colour", nil, "no kind of"},
		{"/me/calendarView", "startDateTime=2026-01-01T00:00:00Z&endDateTime=2026-01-02T00:00:00%2B01:00", nil, ""},
		{"/me/calendarView", "startDateTime=2026-01-01T00:00:00Z", nil, "endDateTime is missing"},
		{"/me/calendarView", "startDateTime=2026-01-01T00:00:00+01:00&endDateTime=2026-01-02", nil, "%2B"},
		{"/me/calendarView", "startDateTime=2026-01-01&endDateTime=2026-01-02&$select=createdDateTime", nil, "cannot be selected"},
		{"/me/joinedTeams", "$top=5", nil, "not supported"},
		{"/chats/1/messages", "$top=51", nil, "more than 50"},
		{"/teams/1/channels/2/messages", "$filter=x", nil, "not supported"},
		{"/sites", "search=hr", nil, ""},
		{"/sites/1/lists/2/items", "$expand=fields($select=Title,Whatever)", nil, ""},
		{"/me/drive/items/1/children", "$expand=thumbnails&$select=id,name,file,folder", nil, ""},
		{"/me/messages", "", http.Header{"Prefer": {`outlook.timezone="UTC", outlook.body-content-type="text"`, `IdType="ImmutableId"`}}, ""},
		{"/me/messages", "", http.Header{"Prefer": {`outlook.body-content-type=text`}}, "Prefer"},
		{"/me/messages", "", http.Header{"Prefer": {`wonders`}}, "Prefer"},
		{"/me/mailboxSettings/timeZone", "", nil, "no such path"},
	} {
		_, err := d.CheckRequest("GET", c.path, c.query, c.header, nil)
		wantProblem(t, c.path+"?"+c.query, err, c.problem)
	}
}

func TestCheckRequestFilter(t *testing.T) {
	t.Parallel()
	d := load(t)
	for filter, problem := range map[string]string{
		"isRead eq false and receivedDateTime ge 2026-01-01T00:00:00Z":  "",
		"from/emailAddress/address eq 'o''brien@example.com'":           "",
		"startswith(subject,'Re: ') or contains(tolower(subject), 'x')": "",
		"not (isDraft eq true)":        "",
		"importance eq 'high'":         "",
		"categories/any(c:c eq 'Red')": "",
		"toRecipients/any(r:r/emailAddress/address eq 'a@example.com')": "",
		"conversationId in ('a','b')":                                   "",
		"flag/flagStatus eq 'flagged' and hasAttachments eq true":       "",
		"subject eq null":                            "",
		"importance eq 'urgent'":                     "not a value",
		"colour eq 'red'":                            "no property",
		"isRead eq 'false'":                          "not a value",
		"subject eq hello":                           "no property",
		"subject eq 5":                               "not a value",
		"receivedDateTime ge '2026-01-01T00:00:00Z'": "not a value",
		"receivedDateTime ge 2026-01-01":             "not a value",
		"from/emailAddress/address eq 'o'brien'":     "not understood",
		"isRead eq":                                  "too soon",
		"isRead = false":                             "not understood",
		"isRead eq false)":                           "too much",
		"(isRead eq false":                           "due",
		"subject":                                    "operator",
		"begins(subject,'x')":                        "no function",
		"startswith(subject)":                        "2 arguments",
		"toRecipients/any(r:r/emailAddress/street eq 'x')": "no property",
		"toRecipients/emailAddress eq 'x'":                 "collection",
		"subject/any(s:s eq 'x')":                          "not a collection",
		"":                                                 "too soon",
	} {
		_, err := d.CheckRequest("GET", "/me/messages", "$filter="+strings.NewReplacer(" ", "%20", "+", "%2B").Replace(filter), nil, nil)
		wantProblem(t, filter, err, problem)
	}
}

func TestCheckRequestBody(t *testing.T) {
	t.Parallel()
	d := load(t)
	for _, c := range []struct{ method, path, body, problem string }{
		{"POST", "/me/sendMail", `{"message":{"subject":"x","body":{"contentType":"text","content":"y"},"toRecipients":[{"emailAddress":{"address":"a@example.com"}}]},"saveToSentItems":true}`, ""},
		{"POST", "/me/sendMail", `{"Message":{"subject":"x"}}`, ""},
		{"POST", "/me/sendMail", `{"subject":"x"}`, "is missing"},
		{"POST", "/me/sendMail", `{"message":{"subject":"x"},"saveToSent":true}`, "unknown property saveToSent"},
		{"POST", "/me/sendMail", `{"message":{"body":{"contentType":"HTML"}}}`, "not one of"},
		{"POST", "/me/sendMail", `{"message":{"toRecipients":["a@example.com"]}}`, "want an object"},
		{"POST", "/me/sendMail", ``, "missing"},
		{"POST", "/me/sendMail", `{`, "not JSON"},
		{"POST", "/me/messages/1/send", ``, ""},
		{"POST", "/me/messages/1/send", `{}`, "none is described"},
		{"POST", "/me/messages/1/reply", `{"comment":"x"}`, ""},
		{"POST", "/me/messages/1/createReply", ``, ""},
		{"PATCH", "/me/messages/1", `{"isRead":true,"subject":null}`, ""},
		{"PATCH", "/me/messages/1", `{"importance":"High"}`, "not one of"},
		{"PATCH", "/me/messages/1", `{"isRead":null,"read":true}`, "unknown property"},
		{"POST", "/me/messages/1/attachments", `{"@odata.type":"#microsoft.graph.fileAttachment","name":"a","contentBytes":"eA=="}`, ""},
		{"POST", "/me/messages/1/attachments", `{"name":"a"}`, "abstract"},
		{"POST", "/me/messages/1/attachments", `{"@odata.type":"#microsoft.graph.zipAttachment","name":"a"}`, "not described"},
		{"POST", "/me/messages/1/attachments", `{"@odata.type":"#microsoft.graph.message"}`, "is no attachment"},
		{"POST", "/me/events", `{"subject":"x","start":{"dateTime":"2026-01-01T00:00:00","timeZone":"UTC"},"attendees":[{"type":"required","emailAddress":{"address":"a@example.com"}}]}`, ""},
		{"POST", "/me/events", `{"subject":"x","attendees":[{"type":"must","emailAddress":{"address":"a@example.com"}}]}`, "not one of"},
		{"POST", "/planner/tasks", `{"planId":"p","title":"x","assignments":{"u":{"@odata.type":"#microsoft.graph.plannerAssignment","orderHint":" !"}}}`, ""},
		{"PATCH", "/planner/tasks/1", `{"title":"x"}`, "If-Match is missing"},
		{"PATCH", "/sites/1/lists/2/items/3/fields", `{"Title":"x","Anything":1}`, ""},
		{"POST", "/chats", `{"chatType":"oneOnOne","members":[{"@odata.type":"#microsoft.graph.aadUserConversationMember","roles":["owner"],"user@odata.bind":"https://graph.microsoft.com/v1.0/users('x')"}]}`, ""},
		{"POST", "/me/presence/setPresence", `{"sessionId":"s","availability":"Busy","activity":"InACall","expirationDuration":"PT1H"}`, ""},
		{"POST", "/me/drive/items/1/createUploadSession", `{"item":{"@microsoft.graph.conflictBehavior":"rename","name":"x"}}`, ""},
		{"POST", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/me/messages?$select=id"},{"id":"2","method":"PATCH","url":"/me/messages/1","headers":{"content-type":"application/json"},"body":{"isRead":true}}]}`, ""},
		{"POST", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/me/messages?$select=colour"}]}`, "no property colour"},
		{"POST", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/me"},{"id":"1","method":"GET","url":"/me"}]}`, "there twice"},
		{"POST", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"https://graph.example/me"}]}`, "relative"},
		{"POST", "/$batch", `{"requests":[{"id":"1","method":"PATCH","url":"/me/messages/1","body":{"isRead":true}}]}`, "Content-Type"},
		{"POST", "/$batch", `{"requests":[]}`, "0 items"},
		{"POST", "/search/query", `{"requests":[{"entityTypes":["message"],"query":{"queryString":"x"},"from":0,"size":25}]}`, ""},
		{"POST", "/search/query", `{"requests":[{"entityTypes":["mail"],"query":{"queryString":"x"}}]}`, "not one of"},
	} {
		_, err := d.CheckRequest(c.method, c.path, "", http.Header{"Content-Type": {"application/json"}}, []byte(c.body))
		wantProblem(t, c.method+" "+c.path+" "+c.body, err, c.problem)
	}
	for _, c := range []struct{ method, path, media, problem string }{
		{"PUT", "/me/drive/root:/a.txt:/content", "text/plain", ""},
		{"PUT", "/me/photo/$value", "image/png", ""},
		{"PUT", "/me/photo/$value", "text/html", "content type"},
		{"POST", "/me/onenote/pages", "text/html; charset=utf-8", ""},
		{"POST", "/me/sendMail", "text/plain", "base64"},
		{"POST", "/me/sendMail", "", "content type"},
	} {
		_, err := d.CheckRequest(c.method, c.path, "", http.Header{"Content-Type": {c.media}}, []byte("no base64!"))
		wantProblem(t, c.method+" "+c.path+" "+c.media, err, c.problem)
	}
}

func wantProblem(t *testing.T, what string, err error, problem string) {
	t.Helper()
	switch {
	case problem == "" && err != nil:
		t.Errorf("%s: refused: %v", what, err)
	case problem != "" && err == nil:
		t.Errorf("%s: accepted, want %q", what, problem)
	case problem != "" && !strings.Contains(err.Error(), problem):
		t.Errorf("%s: %v, want %q", what, err, problem)
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	d := load(t)
	for _, c := range []struct {
		method, template, scopes string
		problem                  string
	}{
		{"GET", "/me/messages", "Mail.ReadBasic", ""},
		{"GET", "/me/messages/{message-id}", "Mail.ReadWrite", ""}, // a superset that Microsoft does not list
		{"GET", "/users/{user-id}/messages/{message-id}", "Mail.Read.Shared", ""},
		{"PATCH", "/me/messages/{message-id}", "Mail.Read User.Read", "needs Mail.ReadWrite"},
		{"POST", "/me/sendMail", "Mail.ReadWrite", "needs Mail.Send"},
		{"GET", "/users", "User.Read", "needs User.ReadBasic.All"},
		{"GET", "/me/drive/root/content", "Files.ReadWrite.All", ""},
		{"GET", "/me/drive/root/content", "", "needs Files.Read"},
		{"GET", "/users/{user-id}/chats", "Chat.ReadBasic", ""}, // of its twin
		{"POST", "/$batch", "", ""},
		{"GET", "/me/nothing", "Mail.Read", "do not list"},
	} {
		wantProblem(t, c.method+" "+c.template+" with "+c.scopes, d.Allowed(c.method, c.template, strings.Fields(c.scopes)), c.problem)
	}
	wantProblem(t, "another's mailbox", d.AllowedShared("GET", "/users/{user-id}/messages", []string{"Mail.ReadWrite"}), "needs")
	wantProblem(t, "another's mailbox", d.AllowedShared("GET", "/users/{user-id}/messages", []string{"Mail.Read.Shared"}), "")
}

func TestAllowedRequest(t *testing.T) {
	t.Parallel()
	d := load(t)
	const batch = `{"requests":[{"id":"1","method":"GET","url":"/me/messages"},{"id":"2","method":"GET","url":"/me/events"}]}`
	for _, c := range []struct{ path, body, scopes, problem string }{
		{"/$batch", batch, "Mail.Read", "needs Calendars.Read"},
		{"/$batch", batch, "Mail.Read Calendars.Read", ""},
		{"/search/query", `{"requests":[{"entityTypes":["message","event"]}]}`, "Mail.Read", "for event: needs Calendars.Read"},
		{"/search/query", `{"requests":[{"entityTypes":["driveItem"]}]}`, "Files.Read", "needs Files.Read.All"},
		{"/search/query", `{"requests":[{"entityTypes":["driveItem"]}]}`, "Sites.ReadWrite.All", ""},
		{"/search/query", `{"requests":[{}]}`, "Mail.Read", "without entityTypes"},
		{"/me/sendMail", `{}`, "Mail.Send", ""},
	} {
		err := d.AllowedRequest(graphdata.Request{Method: "POST", Path: c.path, Body: []byte(c.body)}, strings.Fields(c.scopes))
		wantProblem(t, c.path+" "+c.body+" with "+c.scopes, err, c.problem)
	}
}

func TestLeastAndConsent(t *testing.T) {
	t.Parallel()
	d := load(t)
	for path, want := range map[string][]string{
		"/me/mailboxSettings": {"MailboxSettings.Read"}, "/me/messages/{message-id}": {"Mail.Read"}, "/me/nothing": nil,
	} {
		if got := d.Least("GET", path); !slices.Equal(got, want) {
			t.Errorf("least of %s: %v, want %v", path, got, want)
		}
	}
	for scope, want := range map[string][2]bool{
		"Mail.Read": {false, true}, "ChannelMessage.Read.All": {true, true}, "Colour.Read": {false, false},
	} {
		if needed, known := d.AdminConsent(scope); needed != want[0] || known != want[1] {
			t.Errorf("%s: needed %v, known %v", scope, needed, known)
		}
	}
}
