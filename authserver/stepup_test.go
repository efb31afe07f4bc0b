package authserver_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/entra"
	"m365mcp/identity"
	"m365mcp/internal/secret"
)

// connected is a grant with these scopes, and what is needed to use it.
type connected struct {
	client, access, refresh string
	principal               identity.Principal
}

func (h *harness) connectWith(t *testing.T, scopes string) connected {
	t.Helper()
	c := connected{client: h.publicClient(t)}
	got := h.token(t, codeForm(c.client, h.code(t, h.scoped(c.client, scopes))))
	c.access, c.refresh = got.text(t, "access_token"), got.text(t, "refresh_token")
	c.principal = h.verify(t, c.access)
	return c
}

func (h *harness) verify(t *testing.T, access string) identity.Principal {
	t.Helper()
	p, err := h.auth.Verify(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// stepUp is a call that lacks the scopes; nil where it goes on.
func (h *harness) stepUp(p identity.Principal, missing ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	if !h.auth.StepUp(w, httptest.NewRequest(http.MethodPost, "/mcp", nil), p, missing) {
		if w.Code != http.StatusOK || w.Body.Len() > 0 || len(w.Header()) > 0 {
			panic("StepUp wrote an answer and said that it did not")
		}
		return nil
	}
	return w
}

// TestStepUp: 403 names all that the call needs, once; who comes again with the same
// grant is not sent in circles.
func TestStepUp(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	c := h.connectWith(t, "Mail.Read User.Read")
	w := h.stepUp(c.principal, "Tasks.Read", "Chat.Read")
	if w == nil {
		t.Fatal("the client was not told")
	}
	equal(t, "status", w.Code, http.StatusForbidden)
	equal(t, "challenge", w.Header().Get("WWW-Authenticate"), `Bearer error="insufficient_scope", `+
		`error_description="This needs permissions that the connection does not have: Tasks.Read, Chat.Read. The app can ask for them by a new authorization request. `+
		`If it cannot, call again: the answer then says what to do.", `+
		`resource_metadata="`+h.URL+`/.well-known/oauth-protected-resource/mcp", scope="Chat.Read Mail.Read Tasks.Read User.Read"`)
	equal(t, "Cache-Control", w.Header().Get("Cache-Control"), "no-store")
	event := h.audit.last(t, "oauth.scope_asked")
	equal(t, "person", event.Principal.UserKey(), "tenant/ann")
	equal(t, "scopes", event.Attributes["scopes"], "Tasks.Read Chat.Read")

	told := func(what string, p identity.Principal, want bool, missing ...string) {
		t.Helper()
		equal(t, what, h.stepUp(p, missing...) != nil, want)
	}
	told("the same again", c.principal, false, "Tasks.Read", "Chat.Read")
	told("one of them", c.principal, false, "Chat.Read")
	told("one of them and another", c.principal, false, "Chat.Read", "Mail.Send")
	told("another", c.principal, true, "Mail.Send")
	told("another person's grant", h.connectWith(t, "Mail.Read").principal, true, "Chat.Read")
	told("what nobody is asked for", c.principal, false, "Directory.ReadWrite.All")
	told("beside what people are", c.principal, false, "Mail.ReadWrite", "Directory.ReadWrite.All")
	told("nothing", c.principal, false)
	h.clock.advance(time.Hour - time.Second)
	told("within the hour", c.principal, false, "Chat.Read")
	h.clock.advance(time.Second)
	told("an hour later", c.principal, true, "Chat.Read")
	equal(t, "events", h.audit.count("oauth.scope_asked"), 4)

	h.audit.fail(errors.New("disk full"))
	told("without evidence", c.principal, false, "Mail.ReadWrite")
	h.audit.fail(nil)
	told("of a grant that is gone", identity.Principal{GrantID: "gone"}, false, "Chat.Read")
}

// TestStepUpAtOnce: of calls at the same time one asks the person.
func TestStepUpAtOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	p := h.connectWith(t, "Mail.Read").principal
	answers := make([]*httptest.ResponseRecorder, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = h.stepUp(p, "Chat.Read") })
	}
	wg.Wait()
	equal(t, "told", len(slices.DeleteFunc(answers, func(w *httptest.ResponseRecorder) bool { return w == nil })), 1)
}

// TestStepUpToTheEnd: what a client does that asks its person.
func TestStepUpToTheEnd(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	c := h.connectWith(t, "Mail.Read")
	h.stepUp(c.principal, "Chat.Read")
	got := h.token(t, codeForm(c.client, h.code(t, h.scoped(c.client, "Chat.Read Mail.Read"))))
	equal(t, "scope", got.text(t, "scope"), "Chat.Read Mail.Read")
	equal(t, "the old connection", h.mcp(t, c.access), http.StatusOK)
	if h.stepUp(h.verify(t, got.text(t, "access_token")), "Tasks.Read") == nil {
		t.Error("the new connection inherits what the old was asked")
	}
}

// TestPartlyGranted: what Microsoft did not grant is not asked for again at the next call.
func TestPartlyGranted(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	tokens := h.microsoft.tokens
	h.microsoft.tokens = func(s entra.SignIn) entra.Tokens {
		got := tokens(s)
		got.Scopes = []string{"Mail.Read"}
		return got
	}
	p := h.connectWith(t, "Chat.Read Mail.Read").principal
	equal(t, "granted", strings.Join(p.Scopes, " "), "Mail.Read")
	equal(t, "refused", h.stepUp(p, "Chat.Read") == nil, true)
	equal(t, "never asked", h.stepUp(p, "Tasks.Read") != nil, true)
}

// TestHeldRefresh: a client that refreshes after the 403, as the TypeScript SDK of
// generation 1 does, learns that it has to ask its person; and loses nothing.
func TestHeldRefresh(t *testing.T) {
	t.Parallel()
	refresh := func(t *testing.T, h *harness, c connected) string {
		t.Helper()
		got := h.token(t, refreshForm(c.client, c.refresh))
		if got.StatusCode == http.StatusOK {
			return ""
		}
		return got.text(t, "error")
	}
	for _, s := range []struct {
		name   string
		before func(*testing.T, *harness, connected)
		want   string
	}{
		{name: "right after it", want: "interaction_required"},
		{name: "a minute later", before: func(_ *testing.T, h *harness, _ connected) { h.clock.advance(time.Minute) }},
		{name: "with a dead access token", before: func(_ *testing.T, h *harness, c connected) {
			h.clock.advance(time.Hour)
			h.stepUp(c.principal, "Tasks.Read")
		}},
		{name: "of another grant of the client", before: func(t *testing.T, h *harness, c connected) {
			other := h.token(t, codeForm(c.client, h.code(t, h.scoped(c.client, "Mail.Read"))))
			equal(t, "other", h.token(t, refreshForm(c.client, other.text(t, "refresh_token"))).StatusCode, http.StatusOK)
		}, want: "interaction_required"},
		{name: "of what it has by now", before: func(t *testing.T, h *harness, c connected) {
			if err := h.store.Widen(t.Context(), c.principal.GrantID, c.principal.Scopes, []string{"Chat.Read", "Mail.Read"}); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			c := h.connectWith(t, "Mail.Read")
			h.stepUp(c.principal, "Chat.Read")
			if s.before != nil {
				s.before(t, h, c)
			}
			equal(t, "refresh", refresh(t, h, c), s.want)
			if s.want == "" {
				return
			}
			equal(t, "access token", h.mcp(t, c.access), http.StatusOK)
			equal(t, "refresh, again", refresh(t, h, c), "")
			equal(t, "reuse", h.audit.count("oauth.refresh_reuse"), 0)
		})
	}
}

// accessible is a grant with a link to widen it.
type accessible struct {
	*harness
	connected
	link string
}

func newAccessible(t *testing.T) *accessible {
	t.Helper()
	h := newHarness(t)
	a := &accessible{harness: h, connected: h.connectWith(t, "Mail.Read")}
	a.link = a.newLink(t, "Chat.Read", "Mail.Send")
	h.microsoft.mu.Lock()
	defer h.microsoft.mu.Unlock()
	tokens := h.microsoft.tokens
	h.microsoft.tokens = func(s entra.SignIn) entra.Tokens { // other ones than the first
		got := tokens(s)
		got.Access = secret.New("ms-access-2")
		return got
	}
	return a
}

func (a *accessible) newLink(t *testing.T, scopes ...string) string {
	t.Helper()
	link, expires, err := a.auth.AccessLink(t.Context(), a.principal, scopes)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "expires", expires, a.clock.now().Add(10*time.Minute))
	return link
}

// visit signs the browser's person in and returns the link's page.
func (a *accessible) visit(t *testing.T, b browser) answer {
	t.Helper()
	got := b.post(t, a.URL+"/signin", url.Values{"csrf_token": {csrf(t, b.get(t, a.link))}})
	state := parse(t, got.Header.Get("Location")).Query().Get("state")
	path := strings.TrimPrefix(a.link, a.URL)
	if got := a.callback(t, b, microsoftAnswer(state)); got.Header.Get("Location") != path {
		t.Fatalf("%d to %q: %s", got.StatusCode, got.Header.Get("Location"), got.body)
	}
	return b.get(t, a.link)
}

func (a *accessible) form(t *testing.T, page answer, decision string) url.Values {
	t.Helper()
	return url.Values{"csrf_token": {csrf(t, page)}, "link": {a.link[strings.LastIndex(a.link, "/")+1:]}, "decision": {decision}}
}

// approved presses the button and returns the state for Microsoft.
func (a *accessible) approved(t *testing.T, b browser) string {
	t.Helper()
	got := b.post(t, a.URL+"/access", a.form(t, a.visit(t, b), "approve"))
	if got.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d: %s", got.StatusCode, got.body)
	}
	return parse(t, got.Header.Get("Location")).Query().Get("state")
}

// unchanged checks that the grant is what it was.
func (a *accessible) unchanged(t *testing.T, what string) {
	t.Helper()
	equal(t, what+": scopes", strings.Join(a.verify(t, a.access).Scopes, " "), "Mail.Read")
	equal(t, what+": Microsoft's tokens", a.vault.access(a.principal.GrantID), "ms-access")
	equal(t, what+": widened", a.audit.count("oauth.grant_widened"), 0)
}

// TestAccessLink: the grant's own person adds to it, and the same tokens can do more.
func TestAccessLink(t *testing.T) {
	t.Parallel()
	a := newAccessible(t)
	b := a.browser(t)
	before := b.get(t, a.link)
	equal(t, "before the sign-in", before.StatusCode, http.StatusOK)
	for _, secret := range []string{"Assistant", "ann", "Read your chats"} {
		if strings.Contains(before.body, secret) {
			t.Errorf("the page says %q to anybody", secret)
		}
	}
	page := a.visit(t, b)
	fresh, allowed, _ := strings.Cut(page.body, "Already allowed")
	for _, want := range []string{"Assistant", "ann@contoso.example", "Read your chats", "Send mail as you", "in your name"} {
		if !strings.Contains(fresh, want) {
			t.Errorf("the page lacks %q: %s", want, fresh)
		}
	}
	if strings.Contains(fresh, "Read your mail") || !strings.Contains(allowed, "Read your mail") {
		t.Errorf("page: %s", page.body)
	}
	equal(t, "framed", page.Header.Get("X-Frame-Options"), "DENY")
	if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") {
		t.Error(policy)
	}

	approve := a.form(t, page, "approve")
	first, second := b.post(t, a.URL+"/access", approve), b.post(t, a.URL+"/access", approve)
	equal(t, "a second click", second.Header.Get("Location"), first.Header.Get("Location"))
	state := parse(t, first.Header.Get("Location")).Query().Get("state")
	begun := a.begun(state)
	equal(t, "scopes", strings.Join(begun.Scopes, " "), "Chat.Read Mail.Read Mail.Send")
	equal(t, "login_hint", begun.LoginHint, "ann@contoso.example")
	equal(t, "identity only", begun.IdentityOnly, false)
	a.unchanged(t, "before Microsoft's answer")
	done := a.callback(t, b, microsoftAnswer(state))
	if done.StatusCode != http.StatusOK || !strings.Contains(done.body, "Read your chats") {
		t.Errorf("%d: %s", done.StatusCode, done.body)
	}

	p := a.verify(t, a.access)
	equal(t, "scopes", strings.Join(p.Scopes, " "), "Chat.Read Mail.Read Mail.Send")
	equal(t, "the same grant", p.GrantID, a.principal.GrantID)
	equal(t, "Microsoft's tokens", a.vault.access(p.GrantID), "ms-access-2")
	event := a.audit.last(t, "oauth.grant_widened")
	equal(t, "person", event.Principal.UserKey(), "tenant/ann")
	equal(t, "added", event.Attributes["added"], "Chat.Read Mail.Send")
	equal(t, "replay", a.callback(t, b, microsoftAnswer(state)).StatusCode, http.StatusForbidden)
	equal(t, "the link again", b.get(t, a.link).StatusCode, http.StatusNotFound)
	equal(t, "its form again", b.post(t, a.URL+"/access", approve).StatusCode, http.StatusNotFound)
	got := a.token(t, refreshForm(a.client, a.refresh))
	equal(t, "after a refresh", got.text(t, "scope"), "Chat.Read Mail.Read Mail.Send")
	equal(t, "grants", a.rows(t, "oauth_grants"), 1)
}

// TestAccessLinkOfAnother: whoever is not the grant's person sees nothing and changes nothing.
func TestAccessLinkOfAnother(t *testing.T) {
	t.Parallel()
	a := newAccessible(t)
	own := a.browser(t)
	form := a.form(t, a.visit(t, own), "approve")

	a.account("mallory")
	b := a.browser(t)
	page := a.visit(t, b)
	equal(t, "page", page.StatusCode, http.StatusForbidden)
	if strings.Contains(page.body, "Assistant") || strings.Contains(page.body, "ann@") || strings.Contains(page.body, "chats") {
		t.Errorf("the page tells another person: %s", page.body)
	}
	equal(t, "another account", strings.Contains(page.body, `name="account" value="other"`), true)
	for name, try := range map[string]func() answer{
		"the person's form in another's browser": func() answer { return b.post(t, a.URL+"/access", form) },
		"nobody's browser":                       func() answer { return a.browser(t).post(t, a.URL+"/access", form) },
		"no token": func() answer {
			return own.post(t, a.URL+"/access", url.Values{"link": form["link"], "decision": {"approve"}})
		},
		"token of a sign-in form": func() answer {
			f := url.Values{"link": form["link"], "decision": {"approve"}, "csrf_token": {csrf(t, page)}}
			return own.post(t, a.URL+"/access", f)
		},
		"token of a consent page": func() answer {
			f := url.Values{"link": form["link"], "decision": {"approve"}, "csrf_token": {csrf(t, a.authorize(t, own, a.request(a.client)))}}
			return own.post(t, a.URL+"/access", f)
		},
		"from another site": func() answer { return own.post(t, a.URL+"/access", form, "Sec-Fetch-Site", "cross-site") },
	} {
		if got := try(); got.StatusCode != http.StatusForbidden || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
	equal(t, "no answer", own.post(t, a.URL+"/access", url.Values{"link": form["link"], "csrf_token": form["csrf_token"]}).StatusCode, http.StatusBadRequest)
	equal(t, "GET", own.get(t, a.URL+"/access?"+form.Encode()).StatusCode, http.StatusMethodNotAllowed)
	equal(t, "a link nobody gave out", own.get(t, a.URL+"/access/"+strings.Repeat("A", 43)).StatusCode, http.StatusNotFound)
	a.unchanged(t, "attacks")
	equal(t, "sign-ins begun", a.begunFor("Chat.Read"), 0)

	// The right person presses the button, and another comes back from Microsoft.
	state := parse(t, own.post(t, a.URL+"/access", form).Header.Get("Location")).Query().Get("state")
	equal(t, "in another browser", a.callback(t, b, microsoftAnswer(state)).StatusCode, http.StatusForbidden)
	got := a.callback(t, own, microsoftAnswer(state)) // still mallory's session at Microsoft
	if got.StatusCode != http.StatusForbidden || !strings.Contains(got.body, "Somebody else came back") {
		t.Errorf("%d: %s", got.StatusCode, got.body)
	}
	equal(t, "evidence", a.audit.last(t, "oauth.other_person").Principal.UserKey(), "tenant/mallory")
	a.unchanged(t, "another person came back")
}

// begunFor counts the sign-ins at Microsoft that ask for a scope.
func (h *harness) begunFor(scope string) (n int) {
	h.microsoft.mu.Lock()
	defer h.microsoft.mu.Unlock()
	for _, s := range h.microsoft.begun {
		if slices.Contains(s.Scopes, scope) {
			n++
		}
	}
	return n
}

// TestAccessLinkAtOnce: a link is one sign-in, however often its button is pressed.
func TestAccessLinkAtOnce(t *testing.T) {
	t.Parallel()
	a := newAccessible(t)
	b := a.browser(t)
	form := a.form(t, a.visit(t, b), "approve")
	states := make([]string, 20)
	var wg sync.WaitGroup
	for i := range states {
		wg.Go(func() {
			states[i] = parse(t, b.post(t, a.URL+"/access", form).Header.Get("Location")).Query().Get("state")
		})
	}
	wg.Wait()
	slices.Sort(states)
	equal(t, "sign-ins", len(slices.Compact(states)), 1)
	done := make([]int, 20)
	for i := range done {
		wg.Go(func() { done[i] = a.callback(t, b, microsoftAnswer(states[0])).StatusCode })
	}
	wg.Wait()
	equal(t, "done", len(slices.DeleteFunc(done, func(status int) bool { return status != http.StatusOK })), 1)
	equal(t, "widened", a.audit.count("oauth.grant_widened"), 1)
}

// TestAccessLinkFails: each way in which it comes to nothing leaves the grant as it was.
func TestAccessLinkFails(t *testing.T) {
	t.Parallel()
	at := func(s string, change func(*testing.T, *accessible)) func(*testing.T, *accessible, string) {
		return func(t *testing.T, a *accessible, stage string) {
			if s == stage {
				change(t, a)
			}
		}
	}
	revoked := func(t *testing.T, a *accessible) {
		if err := a.auth.Revoke(t.Context(), authserver.Selector{GrantID: a.principal.GrantID}, "test"); err != nil {
			t.Fatal(err)
		}
	}
	tokens := func(change func(*entra.Tokens)) func(*testing.T, *accessible) {
		return func(_ *testing.T, a *accessible) {
			before := a.microsoft.tokens
			a.microsoft.tokens = func(s entra.SignIn) entra.Tokens { got := before(s); change(&got); return got }
		}
	}
	for _, c := range []struct {
		name, text string
		change     func(t *testing.T, a *accessible, stage string)
		status     int
		answer     url.Values
		ended      bool
	}{
		{name: "late", text: "does not work", status: http.StatusNotFound, change: at("page", func(_ *testing.T, a *accessible) { a.clock.advance(10 * time.Minute) })},
		{name: "the person says no", text: "Nothing was changed", status: http.StatusOK, change: at("deny", nil)},
		{name: "revoked before the button", text: "does not work", status: http.StatusNotFound, ended: true, change: at("page", revoked)},
		{name: "revoked at Microsoft", text: "does not work", status: http.StatusNotFound, ended: true, change: at("microsoft", revoked)},
		{name: "killed at Microsoft", text: "does not work", status: http.StatusNotFound, ended: true, change: at("microsoft", func(t *testing.T, a *accessible) {
			if err := a.auth.Revoke(t.Context(), authserver.Selector{All: true}, "test"); err != nil {
				t.Fatal(err)
			}
		})},
		{name: "cancelled at Microsoft", text: "cancelled", status: http.StatusBadGateway, answer: url.Values{"error": {"access_denied"}}},
		{name: "nothing granted", text: "granted none", status: http.StatusForbidden, change: at("microsoft", tokens(func(t *entra.Tokens) { t.Scopes = []string{"Mail.Read"} }))},
		{name: "nothing to refresh with", text: "no lasting access", status: http.StatusBadGateway, change: at("microsoft", tokens(func(t *entra.Tokens) { t.Refresh = secret.New("") }))},
		{name: "vault", text: "cannot answer", status: http.StatusServiceUnavailable, change: at("microsoft", func(_ *testing.T, a *accessible) { a.vault.err = errors.New("disk full") })},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := newAccessible(t)
			b := a.browser(t)
			if c.change == nil {
				c.change = func(*testing.T, *accessible, string) {}
			}
			page := a.visit(t, b)
			var got answer
			if c.name == "the person says no" {
				got = b.post(t, a.URL+"/access", a.form(t, page, "deny"))
				equal(t, "asked again at the next call", a.stepUp(a.principal, "Chat.Read") != nil, false)
			} else {
				c.change(t, a, "page")
				got = b.post(t, a.URL+"/access", a.form(t, page, "approve"))
			}
			if got.StatusCode == http.StatusSeeOther {
				c.change(t, a, "microsoft")
				q := microsoftAnswer(parse(t, got.Header.Get("Location")).Query().Get("state"))
				if c.answer != nil {
					q.Del("code")
					q.Set("error", c.answer.Get("error"))
				}
				got = a.callback(t, b, q)
			}
			if got.StatusCode != c.status || !strings.Contains(got.body, c.text) {
				t.Errorf("%d: %s", got.StatusCode, got.body)
			}
			if c.ended {
				equal(t, "mcp", a.mcp(t, a.access), http.StatusUnauthorized)
				equal(t, "in the vault", len(a.vault.grants()), 0)
			} else {
				a.unchanged(t, c.name)
			}
			if c.name == "nothing granted" {
				equal(t, "asked again at the next call", a.stepUp(a.principal, "Chat.Read") != nil, false)
			}
		})
	}
}

// TestAccessLinkWithoutEvidence: no evidence, no scope.
func TestAccessLinkWithoutEvidence(t *testing.T) {
	t.Parallel()
	a := newAccessible(t)
	b := a.browser(t)
	state := a.approved(t, b)
	a.audit.fail(errors.New("disk full"))
	equal(t, "status", a.callback(t, b, microsoftAnswer(state)).StatusCode, http.StatusServiceUnavailable)
	equal(t, "scopes", strings.Join(a.verify(t, a.access).Scopes, " "), "Mail.Read")
}

// TestAccessLinkPartly: what Microsoft granted counts, the rest is said.
func TestAccessLinkPartly(t *testing.T) {
	t.Parallel()
	a := newAccessible(t)
	tokens := a.microsoft.tokens
	a.microsoft.tokens = func(s entra.SignIn) entra.Tokens {
		got := tokens(s)
		got.Scopes = []string{"chat.read", "Mail.Read", "Tasks.Read"}
		return got
	}
	b := a.browser(t)
	done := a.callback(t, b, microsoftAnswer(a.approved(t, b)))
	granted, refused, _ := strings.Cut(done.body, "Not granted by Microsoft")
	if !strings.Contains(granted, "Read your chats") || !strings.Contains(refused, "Send mail as you") {
		t.Errorf("%d: %s", done.StatusCode, done.body)
	}
	equal(t, "scopes", strings.Join(a.verify(t, a.access).Scopes, " "), "Chat.Read Mail.Read")
	equal(t, "asked again at the next call", a.stepUp(a.principal, "Mail.Send") != nil, false)
}

// TestAccessLinks: a grant has a few at a time, and only for what people may be asked for.
func TestAccessLinks(t *testing.T) {
	t.Parallel()
	a := newAccessible(t)
	for _, scopes := range [][]string{nil, {"Directory.ReadWrite.All"}, {"Chat.Read", "Directory.ReadWrite.All"}} {
		if link, _, err := a.auth.AccessLink(t.Context(), a.principal, scopes); err == nil {
			t.Errorf("%v: %s", scopes, link)
		}
	}
	for range 10 {
		a.clock.advance(time.Millisecond)
		a.newLink(t, "Tasks.Read")
	}
	equal(t, "links", a.rows(t, "oauth_links"), 5)
	equal(t, "the first", a.browser(t).get(t, a.link).StatusCode, http.StatusNotFound)
	if strings.Contains(a.link, a.principal.GrantID) {
		t.Error("the link names the grant")
	}
	if _, _, err := a.auth.AccessLink(t.Context(), identity.Principal{TenantID: "tenant", UserID: "ann", GrantID: "gone"}, []string{"Chat.Read"}); !errors.Is(err, authserver.ErrNotFound) {
		t.Errorf("of no grant: %v", err)
	}

	// What was granted meanwhile, by another link, is not asked again.
	a.link = a.newLink(t, "Chat.Read")
	b := a.browser(t)
	state := a.approved(t, b)
	a.link = a.newLink(t, "Chat.Read")
	a.callback(t, b, microsoftAnswer(state))
	if page := b.get(t, a.link); !strings.Contains(page.body, "Nothing is left to allow") {
		t.Errorf("%d: %s", page.StatusCode, page.body)
	}
}
