package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"m365mcp/dial"
	"m365mcp/gateway"
	"m365mcp/graph"
	"m365mcp/identity"
	"m365mcp/internal/secret"
)

// A call is for one destination: what is decided for an app reaches neither Graph nor
// another app, and the other way round; and Microsoft's token is not on that way.
func TestAppsAndGraphAreApart(t *testing.T) {
	t.Parallel()
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Host+r.URL.Path+" "+r.Header.Get("Authorization")+r.Header.Get("X-Api-Key"))
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	client, err := dial.Client("test", server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	tokens := &fixture{token: "canary-token"}
	app := gateway.App{
		Name: "crm", URL: server.URL + "/crm/", HTTP: client, Timeout: time.Minute, MaxBytes: 100,
		Credential: func(p identity.Principal) (string, secret.String, error) {
			if p.UserID == "unproven" {
				return "", secret.String{}, errors.New("no proof")
			}
			return "X-Api-Key", secret.New("key"), nil
		},
	}
	open := app
	open.Name, open.Services = "open", true
	var recheck error
	options := gateway.Options{
		GraphURL: server.URL, Version: "v1.0", HTTP: client, Credentials: tokens, Apps: []gateway.App{app, open},
		Recheck: func(context.Context, identity.Principal) error { return recheck },
		Retry:   gateway.Retry{MaxAttempts: 3, Backoff: time.Millisecond, MaxWait: time.Second},
		NewID:   func() string { return ulidA }, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	}
	gw, err := gateway.New(options)
	if err != nil {
		t.Fatal(err)
	}
	person := identity.Principal{TenantID: "t", UserID: "u"}
	service := identity.Principal{Service: "build"}
	get := func(app string) graph.Request {
		return graph.Request{App: app, Method: graph.Get, Path: graph.Fixed("/me")}
	}
	with := func(change func(*graph.Request)) graph.Request { r := get("crm"); change(&r); return r }
	for name, c := range map[string]struct {
		who      identity.Principal
		app      string // of the call
		readOnly bool
		r        graph.Request
		want     string // what arrives
		kind     graph.Kind
	}{
		"to the app":               {person, "crm", true, get("crm"), "/crm/me key", 0},
		"to Graph":                 {person, "", true, get(""), "/v1.0/me Bearer canary-token", 0},
		"of an app, to Graph":      {person, "crm", true, get(""), "", graph.KindRefused},
		"of Graph, to an app":      {person, "", true, get("crm"), "", graph.KindRefused},
		"of an app, to another":    {person, "crm", true, get("open"), "", graph.KindRefused},
		"to none that there is":    {person, "hr", true, get("hr"), "", graph.KindRefused},
		"a batch of Graph's":       {person, "crm", true, graph.Request{Method: graph.Post, Path: graph.Fixed("/$batch"), Sub: []graph.Request{get("")}}, "", graph.KindRefused},
		"a link":                   {person, "crm", true, with(func(r *graph.Request) { r.Next = server.URL + "/v1.0/me" }), "", graph.KindRefused},
		"a storage URL":            {person, "crm", true, with(func(r *graph.Request) { r.Storage = server.URL }), "", graph.KindRefused},
		"a write of a read":        {person, "crm", true, with(func(r *graph.Request) { r.Method = graph.Post }), "", graph.KindRefused},
		"a read with a body":       {person, "crm", true, with(func(r *graph.Request) { r.Body = []byte("x") }), "", graph.KindRefused},
		"a write":                  {person, "crm", false, with(func(r *graph.Request) { r.Method = graph.Post }), "/crm/me key", 0},
		"a foreign method":         {person, "crm", false, with(func(r *graph.Request) { r.Method = http.MethodTrace }), "", graph.KindRefused},
		"without a proof":          {identity.Principal{TenantID: "t", UserID: "unproven"}, "crm", true, get("crm"), "", graph.KindRefused},
		"of a service":             {service, "crm", true, get("crm"), "", graph.KindRefused},
		"of a service that may":    {service, "open", true, get("open"), "/crm/me key", 0},
		"of nobody":                {identity.Principal{}, "open", true, get("open"), "", graph.KindRefused},
		"of what has been revoked": {identity.Principal{TenantID: "t", UserID: "revoked"}, "crm", true, get("crm"), "", graph.KindRevoked},
	} {
		seen, recheck = nil, nil
		if c.who.UserID == "revoked" {
			recheck = errors.New("revoked")
		}
		session := gw.Open(gateway.Call{Principal: c.who, Tool: "x", RequestID: ulidA, ReadOnly: c.readOnly, App: c.app})
		_, err := session.Do(t.Context(), c.r)
		session.Close()
		ge, failed := errors.AsType[*graph.Error](err)
		want := ""
		if c.want != "" {
			want = strings.TrimPrefix(server.URL, "http://") + c.want
		}
		if strings.Join(seen, " ") != want || failed != (c.want == "") || failed && ge.Kind != c.kind {
			t.Errorf("%s: arrived %q, want %q; %v", name, seen, want, err)
		}
	}
	session := gw.Open(gateway.Call{Principal: person, App: "crm"})
	session.Close()
	if _, err := session.Do(t.Context(), get("crm")); err == nil {
		t.Error("a call that has ended still sends")
	}
	for i, change := range []func(*gateway.App){
		func(a *gateway.App) { a.URL = "nowhere" }, func(a *gateway.App) { a.URL += "?x" }, func(a *gateway.App) { a.HTTP = nil },
		func(a *gateway.App) { a.Timeout = 0 }, func(a *gateway.App) { a.MaxBytes = 0 }, func(a *gateway.App) { a.Credential = nil },
	} {
		bad := app
		change(&bad)
		options.Apps = []gateway.App{bad}
		if _, err := gateway.New(options); err == nil {
			t.Error(fmt.Sprintf("app %d", i), "is taken")
		}
	}
}
