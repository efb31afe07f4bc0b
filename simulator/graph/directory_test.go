package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestUsersAreFound(t *testing.T) {
	t.Parallel()
	r, who := shippedRig(t)
	list := func(query, headers string) reply {
		t.Helper()
		return r.do(t, who("ada")+" User.ReadBasic.All", "GET", "/users"+query, "", headers)
	}
	const eventual, plain = "ConsistencyLevel: eventual", "Accept: application/json"
	for name, c := range map[string]struct {
		query, header string
		want          []string
	}{
		"all":                {"", plain, []string{"ada", "bruno", "chen", "dalia", "emeka", "freya", "gauri", "hiroko", "office"}},
		"search":             {q("$search", `"displayName:chen"`), eventual, []string{"chen"}},
		"by surname":         {q("$search", `"displayName:LIND"`), eventual, []string{"ada"}},
		"two words":          {q("$search", `"displayName:hadd dal"`), eventual, []string{"dalia"}},
		"Japanese":           {q("$search", `"displayName:田辺"`), eventual, []string{"hiroko"}},
		"or":                 {q("$search", `"displayName:ada" OR "mail:bruno@"`), eventual, []string{"ada", "bruno"}},
		"and":                {q("$search", `"displayName:ada" AND "mail:bruno@"`), eventual, nil},
		"startswith":         {q("$filter", "startswith(displayName,'Em')"), plain, []string{"emeka"}},
		"eq":                 {q("$filter", "userPrincipalName eq 'freya@tideline.example'"), plain, []string{"freya"}},
		"either":             {q("$filter", "startswith(givenName,'G') or startswith(surname,'Br')"), plain, []string{"freya", "gauri"}},
		"ends, advanced":     {q("$filter", "endswith(mail,'tideline.example')", "$count", "true", "$top", "2", "$orderby", "displayName desc"), eventual, []string{"office", "hiroko"}},
		"search in a filter": {q("$search", `"displayName:a"`, "$filter", "startswith(mail,'a')"), eventual, []string{"ada"}},
	} {
		got := list(c.query, c.header)
		var locals []string
		for _, upn := range got.column(t, "userPrincipalName") {
			local, _, _ := strings.Cut(upn, "@")
			locals = append(locals, local)
		}
		slices.Sort(locals)
		slices.Sort(c.want)
		if got.status != 200 || !slices.Equal(locals, c.want) {
			t.Errorf("%s: %d %v", name, got.status, locals)
		}
	}
	counted := list(q("$search", `"displayName:ada" OR "displayName:bruno"`, "$count", "true", "$top", "1"), eventual)
	if counted.json["@odata.count"] != 2.0 || len(counted.values(t)) != 1 {
		t.Errorf("count: %s", counted.body)
	}
	next := text(counted, "@odata.nextLink") // needs the header again
	wantError(t, r.do(t, who("ada")+" User.ReadBasic.All", "GET", next, ""), 400, "Request_UnsupportedQuery")
	if page := r.do(t, who("ada")+" User.ReadBasic.All", "GET", next, "", eventual); page.status != 200 || len(page.values(t)) != 1 {
		t.Errorf("next page: %d %s", page.status, page.body)
	}
	if number := r.do(t, who("ada")+" User.ReadBasic.All", "GET", "/users/$count", "", eventual); string(number.body) != "9" {
		t.Errorf("$count: %s", number.body)
	}
	for query, code := range map[string]string{
		q("$search", `"displayName:x"`): "Request_UnsupportedQuery", q("$count", "true"): "Request_UnsupportedQuery", q("$filter", "endswith(mail,'x')"): "Request_UnsupportedQuery",
		q("$filter", "not startswith(mail,'x')"): "Request_UnsupportedQuery", q("$filter", "contains(displayName,'x')"): "Request_UnsupportedQuery", q("$skip", "1"): "BadRequest", q("$top", "1000"): "ErrorInvalidUrlQuery",
	} {
		wantError(t, list(query, plain), 400, code)
	}
	for _, bad := range []string{`displayName:x`, `"x"`, `"colour:red"`, `"displayName:x" "mail:y"`, `"displayName:x" OR`, `"displayName:`, `OR "displayName:x"`} {
		wantError(t, list(q("$search", bad), eventual), 400, "Request_BadRequest")
	}
	wantError(t, r.do(t, who("ada")+" User.Read", "GET", "/users", ""), 403, "Authorization_RequestDenied")
	if basic := list(q("$filter", "startswith(displayName,'Em')", "$select", "displayName,jobTitle"), plain).values(t)[0]; basic["jobTitle"] != nil {
		t.Errorf("User.ReadBasic.All shows %v", basic)
	}
}

func TestManagerAndReports(t *testing.T) {
	t.Parallel()
	r, who := shippedRig(t)
	if got := r.do(t, who("chen")+" User.Read.All", "GET", "/me/manager", ""); got.json["displayName"] != "Ada Lindqvist" || got.json["@odata.type"] != "#microsoft.graph.user" {
		t.Errorf("manager: %d %s", got.status, got.body)
	}
	wantError(t, r.do(t, who("freya")+" User.Read.All", "GET", "/me/manager", ""), 404, "Request_ResourceNotFound")
	wantError(t, r.do(t, who("chen")+" User.Read", "GET", "/me/manager", ""), 403, "Authorization_RequestDenied")
	if got := r.do(t, who("freya")+" User.Read", "GET", "/me/directReports", ""); len(got.values(t)) != 6 {
		t.Errorf("reports: %d %s", got.status, got.body)
	}
	wantError(t, r.do(t, who("ada")+" User.Read", "GET", "/users/"+who("freya")+"/directReports", ""), 403, "Authorization_RequestDenied")
}

func TestPeopleByRelevance(t *testing.T) {
	t.Parallel()
	r, who := shippedRig(t)
	me := who("ada") + " People.Read Mail.Send"
	people := r.do(t, me, "GET", "/me/people"+q("$top", "50"), "").values(t)
	if len(people) < 10 {
		t.Fatalf("%d people", len(people))
	}
	score := func(p map[string]any) float64 {
		list, _ := p["scoredEmailAddresses"].([]any)
		first, _ := list[0].(map[string]any)
		n, _ := first["relevanceScore"].(float64)
		return n
	}
	kinds := map[string]bool{}
	for i, p := range people {
		if i > 0 && score(p) > score(people[i-1]) {
			t.Errorf("%v before %v", people[i-1]["displayName"], p["displayName"])
		}
		kinds[fmt.Sprint(p["personType"])] = true
	}
	if len(kinds) != 3 {
		t.Errorf("kinds: %v", kinds)
	}
	for range 100 { // whom one writes to most comes first
		r.do(t, me, "POST", "/me/sendMail", `{"message":{"subject":"Hi","toRecipients":[{"emailAddress":{"name":"Mira Sol","address":"mira@fabrikam.example"}}]},"saveToSentItems":true}`)
	}
	if first := r.do(t, me, "GET", "/me/people"+q("$top", "1"), "").values(t)[0]; first["displayName"] != "Mira Sol" {
		t.Errorf("first: %v", first)
	}
	found := r.do(t, me, "GET", "/me/people"+q("$search", `"mir"`, "$select", "displayName,scoredEmailAddresses"), "").values(t)
	if len(found) != 1 || len(found[0]) != 3 {
		t.Errorf("search: %v", found)
	}
	members := r.do(t, me, "GET", "/me/people"+q("$filter", "personType/subclass eq 'OrganizationUser'"), "").column(t, "userPrincipalName")
	if len(members) != 7 || slices.Contains(members, "<nil>") {
		t.Errorf("members: %v", members)
	}
	id, _ := found[0]["id"].(string)
	if one := r.do(t, me, "GET", "/me/people/"+id, ""); one.json["displayName"] != "Mira Sol" {
		t.Errorf("one: %d %s", one.status, one.body)
	}
	wantError(t, r.do(t, me, "GET", "/users/"+who("bruno")+"/people", ""), 403, "ErrorAccessDenied")
	wantError(t, r.do(t, who("ada")+" Contacts.ReadWrite", "GET", "/me/people", ""), 403, "Authorization_RequestDenied")
}

func TestContacts(t *testing.T) {
	t.Parallel()
	r, who := shippedRig(t)
	me := who("ada") + " Contacts.ReadWrite"
	if names := r.do(t, me, "GET", "/me/contacts", "").column(t, "displayName"); len(names) != 5 || names[0] != "Annika Holm" {
		t.Errorf("contacts: %v", names)
	}
	if found := r.do(t, me, "GET", "/me/contacts"+q("$filter", "startswith(surname,'Kra')", "$select", "displayName,emailAddresses"), "").values(t); len(found) != 1 || len(found[0]) != 4 {
		t.Errorf("filter: %v", found)
	}
	if found := r.do(t, me, "GET", "/me/contacts"+q("$filter", "emailAddresses/any(a:a/address eq 'BUCHHALTUNG@kranz-metallbau.example')"), "").column(t, "surname"); !slices.Equal(found, []string{"Kranz"}) {
		t.Errorf("by address: %v", found)
	}
	if found := r.do(t, me, "GET", "/me/contacts"+q("$search", `"atlantis"`), "").values(t); len(found) != 1 {
		t.Errorf("search: %v", found)
	}
	made := r.do(t, me, "POST", "/me/contacts", `{"givenName":"Noor","surname":"Aziz","emailAddresses":[{"name":"Noor","address":"noor@fabrikam.example"}],"businessPhones":["+44 20 7946 0999"],"homeAddress":{"city":"Leiden"}}`)
	if made.status != 201 || made.json["displayName"] != "Noor Aziz" || !strings.Contains(fmt.Sprint(made.json["primaryEmailAddress"]), "noor@") {
		t.Fatalf("create: %d %s", made.status, made.body)
	}
	path := "/me/contacts/" + text(made, "id")
	patched := r.do(t, me, "PATCH", path, `{"jobTitle":"Buyer","homeAddress":null}`)
	if patched.json["jobTitle"] != "Buyer" || patched.json["surname"] != "Aziz" || patched.json["@odata.etag"] == made.json["@odata.etag"] {
		t.Errorf("change: %d %s", patched.status, patched.body)
	}
	wantError(t, r.do(t, me, "PATCH", path, `{"jobTitle":5}`), 400, "RequestBodyRead")
	wantError(t, r.do(t, me, "PATCH", path, `{"emails":[]}`), 400, "RequestBodyRead")
	if gone := r.do(t, me, "DELETE", path, ""); gone.status != 204 {
		t.Errorf("delete: %d", gone.status)
	}
	wantError(t, r.do(t, me, "GET", path, ""), 404, "ErrorItemNotFound")
	wantError(t, r.do(t, who("ada")+" Contacts.Read", "POST", "/me/contacts", `{}`), 403, "ErrorAccessDenied")
	if other := r.do(t, who("dalia")+" Contacts.Read", "GET", "/me/contacts", ""); len(other.values(t)) != 0 {
		t.Errorf("another's: %s", other.body)
	}
}
