package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/simulator/graph/wire"
)

func TestPagesAddUpToTheWhole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	whole := r.get(t, "/me/mailFolders/inbox/messages"+q("$top", "1000", "$select", "subject")).column(t, "id")
	if len(whole) != inboxLen {
		t.Fatalf("%d messages in the inbox, want %d", len(whole), inboxLen)
	}
	for _, query := range []string{"", q("$top", "7"), q("$top", "47"), q("$top", "13", "$select", "id", "$count", "true"), q("top", "46")} {
		var got []string
		link, pages := "/me/mailFolders/inbox/messages"+query, 0
		for link != "" {
			page := r.get(t, link)
			if page.status != 200 {
				t.Fatalf("%s: %d %s", link, page.status, page.body)
			}
			got = append(got, page.column(t, "id")...)
			if strings.Contains(query, "count") && page.json["@odata.count"] != float64(inboxLen) {
				t.Errorf("@odata.count = %v", page.json["@odata.count"])
			}
			link, _ = page.json["@odata.nextLink"].(string)
			if pages++; pages > 50 {
				t.Fatal("paging does not end")
			}
		}
		if diff := cmp.Diff(whole, got); diff != "" {
			t.Errorf("%q: the pages differ from the whole:\n%s", query, diff)
		}
	}
	if got := r.get(t, "/me/mailFolders/inbox/messages"+q("$skip", "40")).column(t, "id"); !slices.Equal(got, whole[40:]) {
		t.Errorf("$skip=40 gave %d messages", len(got))
	}
	first := r.get(t, "/me/messages"+q("$top", "1"))
	link, _ := first.json["@odata.nextLink"].(string)
	if other := r.do(t, rajID+" Mail.Read", "GET", link, ""); other.status != 400 {
		t.Errorf("another person's nextLink: %d", other.status)
	}
}

func TestDefaultShapeOfAMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	m := r.get(t, "/me/messages/"+testID("message"+danaID, 3))
	var names []string
	for name := range m.json {
		if !strings.HasPrefix(name, "@") {
			names = append(names, name)
		}
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(wire.MessageProperties)), slices.Sorted(slices.Values(names))); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]any{
		"subject": "Budget", "importance": "high", "hasAttachments": true, "isRead": false, "receivedDateTime": "2026-11-22T06:00:00Z",
		"from":         map[string]any{"emailAddress": map[string]any{"name": "Raj Patel", "address": "raj@contoso.example"}},
		"toRecipients": []any{map[string]any{"emailAddress": map[string]any{"name": "Dana Ito", "address": "dana@contoso.example"}}},
		"ccRecipients": []any{}, "flag": map[string]any{"flagStatus": "notFlagged"},
		"@odata.context": r.http.URL + "/v1.0/$metadata#users('" + danaID + "')/messages/$entity",
	} {
		if diff := cmp.Diff(want, m.json[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if etag := fmt.Sprintf(`W/"%s"`, m.json["changeKey"]); m.json["@odata.etag"] != etag || m.header.Get("ETag") != etag {
		t.Errorf("etag %v, header %q, want %s", m.json["@odata.etag"], m.header.Get("ETag"), etag)
	}
}

func TestSelectExpandPrefer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	path := "/me/messages/" + testID("message"+danaID, 3)
	m := r.get(t, path+q("$select", "subject, internetMessageHeaders,uniqueBody"))
	if len(m.json) != 6 { // id, the three, context, etag
		t.Errorf("$select gave %v", m.json)
	}
	body := func(m reply) map[string]any { b, _ := m.json["body"].(map[string]any); return b }
	if b := body(r.get(t, path)); b["contentType"] != "html" {
		t.Errorf("body = %v", b)
	}
	text := r.get(t, path, `Prefer: outlook.body-content-type="text"`)
	if diff := cmp.Diff(map[string]any{"contentType": "text", "content": "Approve the <travel> budget\r\nThanks"}, body(text)); diff != "" {
		t.Error(diff)
	}
	if got := text.header.Get("Preference-Applied"); got != `outlook.body-content-type="text"` {
		t.Errorf("Preference-Applied = %q", got)
	}
	if b := body(r.get(t, "/me/messages/"+testID("message"+danaID, 4), `Prefer: outlook.body-content-type="html"`)); b["contentType"] != "html" {
		t.Errorf("text as HTML = %v", b)
	}
	immutable := r.get(t, path, `Prefer: IdType="ImmutableId"`)
	id, _ := immutable.json["id"].(string)
	if id == testID("message"+danaID, 3) || immutable.header.Get("Preference-Applied") != `IdType="ImmutableId"` {
		t.Errorf("immutable id %q, applied %q", id, immutable.header.Get("Preference-Applied"))
	}
	if again := r.get(t, "/me/messages/"+id+q("$select", "subject")); again.json["subject"] != "Budget" || again.json["id"] != testID("message"+danaID, 3) {
		t.Errorf("by immutable id: %v", again.json)
	}
	expanded := r.get(t, path+q("$expand", "attachments", "$select", "subject"))
	if files, _ := expanded.json["attachments"].([]any); len(files) != 2 {
		t.Errorf("expanded: %v", expanded.json["attachments"])
	}
	wantError(t, r.get(t, path+q("$select", "subject,colour")), 400, "RequestBroker--ParseUri")
	wantError(t, r.get(t, path+q("$expand", "colour")), 400, "BadRequest")
}

func TestFilterAndOrder(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	subjects := func(pairs ...string) []string {
		t.Helper()
		return r.get(t, "/me/messages"+q(append(pairs, "$top", "100")...)).column(t, "subject")
	}
	for filter, want := range map[string][]string{
		"importance eq 'high'":                                {"Budget"},
		"hasAttachments eq true and isRead eq false":          {"Budget"},
		"from/emailAddress/address eq 'SALES@vendor.example'": {"It's an offer"},
		"subject eq 'It''s an offer'":                         {"It's an offer"},
		"categories/any(c:c eq 'Red')":                        {"It's an offer"},
		"flag/flagStatus eq 'flagged'":                        {"It's an offer"},
		"receivedDateTime ge 2026-11-22T08:00:00Z":            {"Report 00", "Report 01"},
		"receivedDateTime lt 2026-11-01":                      {"Alpha plan"},

		"startswith(subject,'alpha') or (contains(subject,'budg') and not (isRead eq true))":    {"Budget", "Alpha plan"},
		"conversationId eq '" + testID("conversation", 0) + "' and endswith(subject,'02')":      {"Report 02"},
		"sentDateTime gt 2026-11-22T08:30:00Z and isDraft eq false and subject ne 'Report 500'": {"Report 00"},
	} {
		if diff := cmp.Diff(want, subjects("$filter", filter)); diff != "" {
			t.Errorf("%s: %s", filter, diff)
		}
	}
	ordered := subjects("$orderby", "receivedDateTime asc")
	if len(ordered) != inboxLen+1 || ordered[0] != "Alpha plan" || ordered[inboxLen] != "Report 00" {
		t.Errorf("oldest first: %v", ordered)
	}
	if got := subjects("$orderby", "from/emailAddress/name desc,subject")[:2]; !slices.Equal(got, []string{"It's an offer", "Alpha plan"}) {
		t.Errorf("by sender: %v", got)
	}
	if got := subjects("$filter", "receivedDateTime ge 2026-11-22T08:00:00Z and isRead eq false", "$orderby", "receivedDateTime desc"); !slices.Equal(got, []string{"Report 01"}) {
		t.Errorf("filter and order: %v", got)
	}
	for query, code := range map[string]string{
		q("$filter", "isRead eq false", "$orderby", "receivedDateTime desc"):                               "InefficientFilter",
		q("$filter", "isRead eq false and receivedDateTime ge 2026-01-01", "$orderby", "receivedDateTime"): "InefficientFilter",
		q("$filter", "colour eq 'red'"):                                   "RequestBroker--ParseUri",
		q("$filter", "isRead eq"):                                         "BadRequest",
		q("$filter", "subject eq 'it's'"):                                 "BadRequest",
		q("$filter", "toRecipients/any(r:r/emailAddress/address eq 'x')"): "ErrorInvalidUrlQueryFilter",
		q("$orderby", "colour"):                                           "RequestBroker--ParseUri",
		q("$orderby", "body"):                                             "ErrorInvalidUrlQuery",
		q("$orderby", "subject upwards"):                                  "BadRequest",
		q("$top", "0"):                                                    "ErrorInvalidUrlQuery",
		q("$top", "1001"):                                                 "ErrorInvalidUrlQuery",
		q("$top", "-1"):                                                   "BadRequest",
		q("$top", "ten"):                                                  "BadRequest",
		q("$skip", "x"):                                                   "BadRequest",
		q("$skiptoken", "x"):                                              "BadRequest",
		q("$count", "maybe"):                                              "BadRequest",
		q("$frobnicate", "1"):                                             "BadRequest",
		q("$deltatoken", "1"):                                             "BadRequest",
		"?$top=5&$top=6":                                                  "BadRequest",
		"?$filter=%zz":                                                    "BadRequest",
		"?$filter=isRead%20eq%20true&$orderby=subject":                    "InefficientFilter",
	} {
		wantError(t, r.get(t, "/me/messages"+query), 400, code)
	}
	if n := r.get(t, "/me/messages/$count"); string(n.body) != fmt.Sprint(inboxLen+1) || n.header.Get("Content-Type") != "text/plain" {
		t.Errorf("$count = %s", n.body)
	}
	if n := r.get(t, "/me/messages/$count"+q("$filter", "importance eq 'high'")); string(n.body) != "1" {
		t.Errorf("$count with a filter = %s", n.body)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	subjects := func(search string) []string {
		t.Helper()
		return r.get(t, "/me/messages"+q("$search", search, "$top", "100")).column(t, "subject")
	}
	for search, want := range map[string][]string{
		`"budget"`:                              {"Budget"},
		`budget`:                                {"Budget"},
		`"from:sales@vendor.example"`:           {"It's an offer"},
		`"subject:\"alpha plan\""`:              {"Alpha plan"},
		`"cc:raj AND subject:offer"`:            {"It's an offer"},
		`"hasattachment:true"`:                  {"Budget"},
		`"(alpha OR offer) NOT from:vendor"`:    {"Alpha plan"},
		`"body:\"travel budget\""`:              {"Budget"},
		`"style"`:                               nil, // markup is not content
		`"received>=2026-11-22 AND subject:07"`: {"Report 07"},
		`"budget" OR "alpha"`:                   {"Budget", "Alpha plan"},
	} {
		if diff := cmp.Diff(want, subjects(search)); diff != "" {
			t.Errorf("%s: %s", search, diff)
		}
	}
	in := r.get(t, "/me/mailFolders/archive/messages"+q("$search", `"budget"`))
	if len(in.values(t)) != 0 {
		t.Error("a search in one folder found mail of another")
	}
	page := r.get(t, "/me/messages"+q("$search", `"numbers"`, "$top", "20"))
	sent := page.column(t, "sentDateTime")
	if !slices.IsSortedFunc(sent, func(a, b string) int { return strings.Compare(b, a) }) || len(sent) != 20 {
		t.Errorf("not by sent date, newest first: %v", sent)
	}
	link, _ := page.json["@odata.nextLink"].(string)
	if next := r.get(t, link).values(t); len(next) != 20 {
		t.Errorf("second page of a search has %d messages", len(next))
	}
	for query, code := range map[string]string{
		q("$search", `"x"`, "$orderby", "subject"):        "SearchWithOrderBy",
		q("$search", `"x"`, "$filter", "isRead eq false"): "SearchWithFilter",
		q("$search", `"x"`, "$skip", "3"):                 "SearchWithSkip",
		q("$search", `"x`):                                "BadRequest",
		q("$search", `from:raj`):                          "BadRequest",
		q("$search", `"subject:\"open"`):                  "BadRequest",
		q("$search", `""`):                                "BadRequest",
		q("$search", ``):                                  "BadRequest",
	} {
		wantError(t, r.get(t, "/me/messages"+query), 400, code)
	}
}

func TestSearchFindsAtMostAThousand(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *Options) {
		box := o.Tenant.Mailbox[danaID]
		for i := range 1100 {
			m := box.Messages[0]
			m.ID, m.Subject = testID("many", i), "many"
			box.Messages = append(box.Messages, m)
		}
	})
	page := r.get(t, "/me/messages"+q("$search", `"subject:many"`, "$top", "1000", "$select", "id"))
	if n := len(page.values(t)); n != 1000 || page.json["@odata.nextLink"] != nil {
		t.Errorf("%d messages, next %v", n, page.json["@odata.nextLink"])
	}
}
