package router_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/query"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/service/servicetest"
)

// notes is the smallest workload with one of everything.
type notes struct{ uploaded string }

func (n *notes) Operations() []service.Operation {
	list := func(c *service.Call) (*service.Answer, error) {
		return c.Page(c.OwnerContext("/notes"), 10, func(i int) any { return map[string]any{"id": fmt.Sprint(i), "of": c.Owner.DisplayName} }), nil
	}
	return append(service.Personal(service.Operation{
		Method: http.MethodGet, Template: "/notes", Mailbox: true, Scopes: []string{"Notes.Read"}, Shared: []string{"Notes.Read.Shared"},
		Options: []string{"$top", "$skiptoken"}, Pages: query.Pages{Standard: 3, Most: 5}, Handle: list,
		Access: func(c *service.Call) error {
			if strings.HasPrefix(c.Owner.UPN, "bruno") {
				return nil
			}
			return apierror.AccessDenied()
		},
	}), service.Operation{
		Method: http.MethodPost, Template: "/notes", Scopes: []string{"Notes.Write"}, MaxBody: 8,
		Handle: func(c *service.Call) (*service.Answer, error) {
			return &service.Answer{Status: http.StatusCreated, Value: map[string]any{"url": c.Storage + "/notes/1"}, Header: map[string]string{"Location": "here"}}, nil
		},
	})
}

func (n *notes) StorageHandlers() map[string]http.Handler {
	return map[string]http.Handler{
		"/notes/": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			n.uploaded = string(body)
			service.StorageAnswer{Status: http.StatusCreated, Location: "there"}.Write(w, nil)
		}),
		"/notes/none/": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			service.StorageAnswer{}.Write(w, apierror.ItemNotFound())
		}),
	}
}

func TestWorkloadBehindTheRouter(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }
	tenant, own := dataset.Load(now()), &notes{}
	r := servicetest.Start(t, servicetest.Options{Tenant: tenant, Now: now, Workloads: []service.Workload{own}})
	id := func(name string) string {
		p, _ := tenant.PersonByUPN(name + "@" + tenant.Domain)
		return p.ID
	}
	page := r.Do(t, id("ada")+" Notes.Read", "GET", "/me/notes", "")
	if got := page.Column(t, "id"); len(got) != 3 || got[2] != "2" {
		t.Errorf("page: %v", got)
	}
	if next := r.Do(t, id("ada")+" Notes.Read", "GET", page.Text("@odata.nextLink"), ""); next.Column(t, "id")[0] != "3" {
		t.Errorf("next page: %s", next.Body)
	}
	r.Do(t, id("ada")+" Notes.Read", "GET", "/me/notes?$top=6", "").WantError(t, 400, "ErrorInvalidUrlQuery")
	r.Do(t, id("ada")+" Notes.Read", "GET", "/me/notes?$filter=x", "").WantError(t, 400, "BadRequest")
	if got := r.Do(t, id("ada")+" Notes.Read.Shared", "GET", "/users/"+id("bruno")+"/notes", ""); got.Status != 200 || got.Column(t, "of")[0] != "Bruno Carvalho" {
		t.Errorf("shared: %d %s", got.Status, got.Body)
	}
	r.Do(t, id("ada")+" Notes.Read.Shared", "GET", "/users/"+id("chen")+"/notes", "").WantError(t, 403, "ErrorAccessDenied")
	r.Do(t, id("ada")+" Notes.Read", "GET", "/users/"+id("bruno")+"/notes", "").WantError(t, 403, "ErrorAccessDenied")
	r.Do(t, id("ada")+" Notes.Read", "GET", "/users/nobody/notes", "").WantError(t, 404, "ErrorInvalidUser")
	r.Do(t, id("ada")+" Notes.Read", "POST", "/notes", "{}").WantError(t, 403, "Authorization_RequestDenied")
	r.Do(t, id("ada")+" Notes.Write", "POST", "/notes", `{"long":1}`).WantError(t, 413, "RequestEntityTooLarge")
	r.Do(t, id("ada")+" Notes.Write", "DELETE", "/notes", "").WantError(t, 405, "Request_BadRequest")
	made := r.Do(t, id("ada")+" Notes.Write", "POST", "/notes", `{"a":1}`)
	if made.Header.Get("Location") != "here" {
		t.Errorf("created: %d %v", made.Status, made.Header)
	}
	if up := r.Do(t, "", "PUT", made.Text("url"), "content"); up.Status != 201 || up.Header.Get("Location") != "there" || own.uploaded != "content" {
		t.Errorf("upload: %d %q", up.Status, own.uploaded)
	}
	if up := r.Do(t, "", "PUT", r.Storage+"/notes/none/1", "x"); up.Status != 404 || up.Code() != "ErrorItemNotFound" { // the longer prefix
		t.Errorf("upload: %d %s", up.Status, up.Body)
	}
	if up := r.Do(t, id("ada")+" Notes.Write", "PUT", made.Text("url"), "secret"); up.Status != 401 || own.uploaded != "content" {
		t.Errorf("upload with a token: %d %q", up.Status, own.uploaded)
	}
	records := r.Server.Requests()
	if last := records[len(records)-1]; !last.Storage || !last.Authorized || string(last.Body) != "secret" || last.Status != 401 {
		t.Errorf("record: %+v", last)
	}
}
