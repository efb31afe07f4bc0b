// Package servicetest runs workloads of the simulated Graph behind the real
// router, over real HTTP, for their tests. Every answer can be held against
// Microsoft's description by Options.Check.
package servicetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/router"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/token"
)

// Options are what a [Rig] is made of.
type Options struct {
	Tenant    *dataset.Tenant
	Now       func() time.Time
	Workloads []service.Workload
	Change    func(*router.Options) // nil: nothing

	// Check holds an answer against Microsoft's description; nil: unchecked.
	// The template is that of the operation.
	Check func(method, template string, status int, contentType string, body []byte) error
}

// Rig is a running server with a client.
type Rig struct {
	Server  *router.Server
	URL     string // origin of Graph
	Storage string // origin of the upload and download URLs

	client *http.Client
	check  func(method, template string, status int, contentType string, body []byte) error
}

// Start runs the workloads until the test ends. Tokens have the form
// "person-id scope scope".
func Start(t testing.TB, o Options) *Rig {
	t.Helper()
	graph, storage := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	r := &Rig{URL: "http://" + graph.Listener.Addr().String(), Storage: "http://" + storage.Listener.Addr().String(), check: o.Check}
	opts := router.Options{Tenant: o.Tenant, Now: o.Now, BaseURL: r.URL, StorageURL: r.Storage, Workloads: o.Workloads, Verify: Verifier(o.Tenant, o.Now)}
	if o.Change != nil {
		o.Change(&opts)
	}
	r.Server = router.New(opts)
	graph.Config.Handler, storage.Config.Handler = r.Server, r.Server.Storage()
	graph.Start()
	storage.Start()
	t.Cleanup(graph.Close)
	t.Cleanup(storage.Close)
	r.client = graph.Client()
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return r
}

// Verifier takes tokens of the form "person-id scope scope"; "expired" and
// "stranger" are persons too.
func Verifier(tenant *dataset.Tenant, now func() time.Time) func(string) (token.Claims, error) {
	return func(raw string) (token.Claims, error) {
		person, scopes, _ := strings.Cut(raw, " ")
		if person == "expired" {
			return token.Claims{}, fmt.Errorf("checking: %w", token.ErrExpired)
		}
		if _, member := tenant.PersonByID(person); !member && person != "stranger" {
			return token.Claims{}, token.ErrInvalid
		}
		return token.Claims{TenantID: tenant.ID, UserID: person, ClientID: "app", Scopes: strings.Fields(scopes), Expires: now().Add(time.Hour)}, nil
	}
}

// Reply is a response with its body read.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	JSON   map[string]any
}

// Do sends a request. The path is below /v1.0 or an absolute URL; without a
// bearer there is no Authorization header. Headers are "Name: value".
func (r *Rig) Do(t testing.TB, bearer, method, path, body string, headers ...string) Reply {
	t.Helper()
	target := path
	if !strings.HasPrefix(path, "http") {
		target = r.URL + "/v1.0" + path
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	out := Reply{Status: resp.StatusCode, Header: resp.Header}
	out.Body, err = io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(out.Body, &out.JSON); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, out.Body)
		}
	}
	if template := r.Server.Match(method, req.URL.EscapedPath()); r.check != nil && template != "" && strings.HasPrefix(target, r.URL) {
		if err := r.check(method, template, out.Status, out.Header.Get("Content-Type"), out.Body); err != nil {
			t.Errorf("%s %s: %d contradicts Microsoft's description: %v", method, path, out.Status, err)
		}
	}
	return out
}

// Code is the code of an error; empty where there is none.
func (r Reply) Code() string {
	e, ok := r.JSON["error"].(map[string]any)
	if !ok {
		return ""
	}
	code, _ := e["code"].(string)
	return code
}

// Text is a member that is a string; empty where it is none.
func (r Reply) Text(name string) string { s, _ := r.JSON[name].(string); return s }

// Values are the items of a list.
func (r Reply) Values(t testing.TB) []map[string]any {
	t.Helper()
	list, ok := r.JSON["value"].([]any)
	if !ok {
		t.Fatalf("no list: %d %s", r.Status, r.Body)
	}
	out := make([]map[string]any, 0, len(list))
	for _, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			t.Fatalf("not an object: %v", item)
		}
		out = append(out, object)
	}
	return out
}

// Column is one property of the items of a list.
func (r Reply) Column(t testing.TB, name string) []string {
	t.Helper()
	var out []string
	for _, object := range r.Values(t) {
		out = append(out, fmt.Sprint(object[name]))
	}
	return out
}

// WantError checks the status and the code of an error.
func (r Reply) WantError(t testing.TB, status int, code string) {
	t.Helper()
	if r.Status != status || r.Code() != code {
		t.Errorf("got %d %s (%s), want %d %s", r.Status, r.Code(), r.Body, status, code)
	}
	if r.Header.Get("request-id") == "" {
		t.Error("an error without request-id")
	}
}

// Query writes a query string of pairs.
func Query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return "?" + values.Encode()
}
