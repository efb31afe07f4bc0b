package router

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/simulator/graph/service"
)

func testRoutes() []route {
	var routes []route
	for _, template := range []string{
		"/me/messages/{message-id}", "/me/messages/$count", "/me/messages/delta()", "/me/messages/{message-id}/move",
		"/me/mailFolders/{mailFolder-id}/messages/{message-id}", "/drives/{drive-id}/root", "/drives/{drive-id}/root/search(q='{q}')",
		"/drives/{drive-id}/root:/{path}:", "/drives/{drive-id}/root:/{path}:/children", "/drives/{drive-id}/items/{driveItem-id}",
		"/drives/{drive-id}/items/{driveItem-id}:/{path}:/content", "/sites/{site-id}", "/sites/{host}:/{path}:", "/sites/{host}:/{path}:/drive",
		"/places/{place-id}", "/places/graph.room", "/me/reminderView(StartDateTime='{StartDateTime}',EndDateTime='{EndDateTime}')",
		"/chats/{chat-id}/messages",
	} {
		routes = append(routes, newRoute(service.Operation{Method: http.MethodGet, Template: template}))
	}
	return routes
}

func TestPathsFindTheirTemplates(t *testing.T) {
	t.Parallel()
	routes := testRoutes()
	for path, want := range map[string]struct {
		template string
		params   map[string]string
	}{
		"/me/messages/abc":                                      {"/me/messages/{message-id}", map[string]string{"message-id": "abc"}},
		"/me/messages('it''s')":                                 {"/me/messages/{message-id}", map[string]string{"message-id": "it's"}},
		"/me/messages/a%2Fb":                                    {"/me/messages/{message-id}", map[string]string{"message-id": "a/b"}},
		"/me/messages/$count":                                   {"/me/messages/$count", map[string]string{}},
		"/me/messages/delta":                                    {"/me/messages/delta()", map[string]string{}},
		"/me/messages/delta()":                                  {"/me/messages/delta()", map[string]string{}},
		"/me/messages/microsoft.graph.delta()":                  {"/me/messages/delta()", map[string]string{}},
		"/me/messages/x/microsoft.graph.move":                   {"/me/messages/{message-id}/move", map[string]string{"message-id": "x"}},
		"/drives/d/root/search(q='a%20b''c')":                   {"/drives/{drive-id}/root/search(q='{q}')", map[string]string{"drive-id": "d", "q": "a b'c"}},
		"/drives/d/root/search(q='a%2Fb')":                      {"/drives/{drive-id}/root/search(q='{q}')", map[string]string{"drive-id": "d", "q": "a/b"}},
		"/drives/d/root:/Reports/Q1%20plan.docx":                {"/drives/{drive-id}/root:/{path}:", map[string]string{"drive-id": "d", "path": "Reports/Q1 plan.docx"}},
		"/drives/d/root:/Reports/Q1:":                           {"/drives/{drive-id}/root:/{path}:", map[string]string{"drive-id": "d", "path": "Reports/Q1"}},
		"/drives/d/root:/Reports:/children":                     {"/drives/{drive-id}/root:/{path}:/children", map[string]string{"drive-id": "d", "path": "Reports"}},
		"/drives/d/root:/children:/children":                    {"/drives/{drive-id}/root:/{path}:/children", map[string]string{"drive-id": "d", "path": "children"}},
		"/drives/d/items/i:/a('x').txt:/content":                {"/drives/{drive-id}/items/{driveItem-id}:/{path}:/content", map[string]string{"drive-id": "d", "driveItem-id": "i", "path": "a('x').txt"}},
		"/sites/tideline.example:/sites/ops:/drive":             {"/sites/{host}:/{path}:/drive", map[string]string{"host": "tideline.example", "path": "sites/ops"}},
		"/sites/tideline.example:/sites/ops":                    {"/sites/{host}:/{path}:", map[string]string{"host": "tideline.example", "path": "sites/ops"}},
		"/sites/tideline.example,1,2":                           {"/sites/{site-id}", map[string]string{"site-id": "tideline.example,1,2"}},
		"/places/microsoft.graph.room":                          {"/places/graph.room", map[string]string{}},
		"/places/graph.room":                                    {"/places/graph.room", map[string]string{}},
		"/places/room":                                          {"/places/{place-id}", map[string]string{"place-id": "room"}},
		"/chats/19:abc@thread.v2/messages":                      {"/chats/{chat-id}/messages", map[string]string{"chat-id": "19:abc@thread.v2"}},
		"/me/reminderView(EndDateTime='b',StartDateTime='a,c')": {"/me/reminderView(StartDateTime='{StartDateTime}',EndDateTime='{EndDateTime}')", map[string]string{"StartDateTime": "a,c", "EndDateTime": "b"}},
	} {
		r, params, err := find(routes, http.MethodGet, "/v1.0"+path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if r.Template != want.template {
			t.Errorf("%s: found %s, want %s", path, r.Template, want.template)
		}
		if diff := cmp.Diff(want.params, params); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	for _, path := range []string{
		"/drives/d/root:", "/drives/d/root:/", "/drives/d/root://a", "/drives/d/root:/a%2Fb", "/drives/d/root:/a:/b:/children", "/me/messages/a/b", "/me/messages/a('move')", "/me/messages('a')('move')",
		"/drives/d/root/search(q='a'b')", "/drives/d/root/search", "/drives/d/root/search(p='a')", "/drives/d/root/search(q='a',p='b')", "/me/messages//move",
		"/me/messages/%zz", "/drives/d/root%3A/a", "",
	} {
		if r, params, err := find(routes, http.MethodGet, "/v1.0"+path); err == nil {
			t.Errorf("%s: found %s with %v", path, r.Template, params)
		}
	}
}

// What a client escapes stays one name, whatever it is.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"a", "a/b", "it's", "x:", ":", "delta()", "a('secret')", "..", "%2e", "q='x'", "é", "microsoft.graph.move"} {
		f.Add(seed)
	}
	routes := []route{
		newRoute(service.Operation{Method: http.MethodGet, Template: "/m/{id}"}),
		newRoute(service.Operation{Method: http.MethodGet, Template: "/m/{id}/secret"}),
		newRoute(service.Operation{Method: http.MethodGet, Template: "/s/search(q='{q}')"}),
	}
	f.Fuzz(func(t *testing.T, name string) {
		escaped := strings.ReplaceAll(url.PathEscape(name), ":", "%3A")
		r, params, err := find(routes, http.MethodGet, "/v1.0/m/"+escaped)
		if err == nil && (r.Template != "/m/{id}" || params["id"] != name) {
			t.Errorf("%q became %s with %v", name, r.Template, params)
		}
		quoted := strings.ReplaceAll(url.PathEscape(strings.ReplaceAll(name, "'", "''")), ":", "%3A")
		if _, params, err = find(routes, http.MethodGet, "/v1.0/s/search(q='"+quoted+"')"); err != nil || params["q"] != name {
			t.Errorf("search for %q: %v, %v", name, params, err)
		}
	})
}

func FuzzBatch(f *testing.F) {
	f.Add([]byte(`{"requests":[{"id":"1","method":"GET","url":"/me"},{"id":"2","method":"POST","url":"/me/sendMail","dependsOn":["1"],"headers":{"Content-Type":"application/json"},"body":{}}]}`))
	f.Add([]byte(`{"requests":[{"id":"1","method":"GET","url":"https://elsewhere.example/"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		requests, err := parseBatch(raw)
		if err != nil {
			return
		}
		if len(requests) == 0 || len(requests) > maxBatch {
			t.Errorf("%d requests", len(requests))
		}
		seen := map[string]bool{}
		for _, sub := range requests {
			if seen[sub.ID] || sub.ID == "" || strings.Contains(sub.URL, "://") {
				t.Errorf("accepted %+v", sub)
			}
			seen[sub.ID] = true
		}
	})
}
