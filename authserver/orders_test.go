package authserver_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"m365mcp/authserver"
)

// TestOrdersAreRecorded: an order of a command that cannot write to the audit is
// recorded by a server, once, and one whose recorder fails by the next.
func TestOrdersAreRecorded(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	_, access, _ := h.connect(t)
	p, err := h.auth.Verify(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	command := authserver.Orders{Store: h.db.Orders(), Now: h.clock.now, Holder: "command"}
	server, other := command, command
	server.Audit, server.Holder, other.Audit, other.Holder = h.audit, "server", h.audit, "other"
	waiting := func() int {
		t.Helper()
		orders, err := h.db.Orders().Orders(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(orders)
	}
	order, err := command.Give(t.Context(), authserver.Selector{GrantID: p.GrantID})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "ended", h.mcp(t, access), http.StatusUnauthorized)
	equal(t, "recorded by the command", h.audit.count("oauth.revoked"), 0)
	h.audit.fail(errors.New("full"))
	if err := server.Record(t.Context()); err == nil {
		t.Error("Record without the audit")
	}
	equal(t, "waiting", waiting(), 1)
	h.audit.fail(nil)
	if err := other.Record(t.Context()); err != nil {
		t.Error(err)
	}
	equal(t, "recorded by another while one has it", h.audit.count("oauth.revoked"), 0)
	h.clock.advance(time.Minute)
	for range 2 {
		if err := other.Record(t.Context()); err != nil {
			t.Error(err)
		}
	}
	equal(t, "recorded", h.audit.count("oauth.revoked"), 1)
	e := h.audit.last(t, "oauth.revoked")
	if e.Principal.GrantID != p.GrantID || e.Principal.UserID != p.UserID || e.Attributes["order"] != order.ID || !e.Time.Equal(order.At) {
		t.Errorf("event %+v of order %+v", e, order)
	}
	equal(t, "waiting", waiting(), 0)

	// One that can write to the audit records it itself, and fails where that does.
	_, access, _ = h.connect(t)
	h.audit.fail(errors.New("full"))
	if _, err := server.Give(t.Context(), authserver.Selector{All: true}); err == nil {
		t.Error("Give without the audit")
	}
	h.audit.fail(nil)
	equal(t, "ended", h.mcp(t, access), http.StatusUnauthorized)
	equal(t, "waiting", waiting(), 1)
	if err := server.Record(t.Context()); err != nil {
		t.Error(err)
	}
	equal(t, "scope", h.audit.last(t, "oauth.revoked").Attributes["scope"], "all")
}

// TestConnectionsAreNamed: consent pages say where a consent is taken back, and people
// may sign in to that page, and to no other of a like name.
func TestConnectionsAreNamed(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *authserver.Options) { o.Connections = "/connections" })
	b := h.browser(t)
	page := h.authorize(t, b, h.request(h.publicClient(t)))
	if !strings.Contains(page.body, ">"+h.URL+"/connections<") {
		t.Errorf("the consent page lacks the address: %s", page.body)
	}
	h.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := h.auth.SignInForm(w, r, r.URL.Path); err != nil {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	for path, want := range map[string]int{
		"/connections": http.StatusOK, "/connections/": http.StatusNotFound, "/connections/x": http.StatusNotFound, "/connection": http.StatusNotFound,
	} {
		equal(t, path, b.get(t, h.URL+path).StatusCode, want)
	}
	without := newHarness(t)
	if page := without.authorize(t, without.browser(t), without.request(without.publicClient(t))); strings.Contains(page.body, "take this back") {
		t.Errorf("the consent page names a page that is not there: %s", page.body)
	}
}
