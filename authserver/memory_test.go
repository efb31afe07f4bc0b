package authserver_test

import (
	"database/sql"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/entra"
	"m365mcp/identity"
)

// codeIn brings a request through the consent page and Microsoft, in this browser.
func (h *harness) codeIn(t *testing.T, b browser, request url.Values) string {
	t.Helper()
	return h.codeAfter(t, b, h.authorize(t, b, request))
}

// codeAfter approves the page and comes back from Microsoft.
func (h *harness) codeAfter(t *testing.T, b browser, page answer) string {
	t.Helper()
	state := h.decide(t, b, page, "approve").Query().Get("state")
	return back(t, h.callback(t, b, microsoftAnswer(state))).Get("code")
}

// skipped returns the state for Microsoft where no page was shown.
func (h *harness) skipped(t *testing.T, got answer) (state string, ok bool) {
	t.Helper()
	if got.StatusCode != http.StatusSeeOther {
		return "", false
	}
	to := parse(t, got.Header.Get("Location"))
	equal(t, "where to", to.Host, "login.example")
	return to.Query().Get("state"), true
}

// personCookie returns the cookie that says who probably sits at the browser.
func (h *harness) personCookie(t *testing.T, b browser) *http.Cookie {
	t.Helper()
	for _, c := range b.client.Jar.Cookies(parse(t, h.URL)) {
		if strings.HasSuffix(c.Name, "m365mcp-person") {
			return c
		}
	}
	t.Fatal("the browser does not know its person")
	return nil
}

func (h *harness) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(h.path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func (h *harness) account(id string) {
	h.microsoft.mu.Lock()
	defer h.microsoft.mu.Unlock()
	h.microsoft.account = entra.Account{TenantID: "tenant", ObjectID: id, UPN: id + "@contoso.example", Name: id}
}

func (h *harness) begun(state string) entra.SignIn {
	h.microsoft.mu.Lock()
	defer h.microsoft.mu.Unlock()
	return h.microsoft.begun[state]
}

// scoped is a request for these scopes.
func (h *harness) scoped(clientID, scopes string) url.Values {
	request := h.request(clientID)
	request.Set("scope", scopes)
	return request
}

// TestConsentRemembered: whoever has agreed once is not asked again, by the same
// client, for no more, in the same browser; and gets a code only as the same person.
func TestConsentRemembered(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b, clientID := h.browser(t), h.publicClient(t)
	h.codeIn(t, b, h.scoped(clientID, "Mail.Read User.Read"))
	equal(t, "asked", h.audit.last(t, "oauth.grant_created").Attributes["consent"], "")
	for _, scopes := range []string{"Mail.Read User.Read", "Mail.Read", "User.Read Mail.Read"} {
		got := h.authorize(t, b, h.scoped(clientID, scopes))
		state, ok := h.skipped(t, got)
		if !ok {
			t.Fatalf("%s: %d %s", scopes, got.StatusCode, got.body)
		}
		begun := h.begun(state)
		equal(t, "login_hint", begun.LoginHint, "ann@contoso.example")
		equal(t, "prompt", begun.Prompt, "")
		code := back(t, h.callback(t, b, microsoftAnswer(state))).Get("code")
		if code == "" {
			t.Fatalf("%s: no code", scopes)
		}
		equal(t, "token", h.token(t, codeForm(clientID, code)).StatusCode, http.StatusOK)
		equal(t, "remembered", h.audit.last(t, "oauth.grant_created").Attributes["consent"], "remembered")
		equal(t, "replay", h.callback(t, b, microsoftAnswer(state)).StatusCode, http.StatusForbidden)
	}
	// What is allowed in two steps is allowed together.
	h.codeIn(t, b, h.scoped(clientID, "Chat.Read"))
	if _, ok := h.skipped(t, h.authorize(t, b, h.scoped(clientID, "Chat.Read Mail.Read"))); !ok {
		t.Error("asked for what was allowed in two steps")
	}
	h.boot(t)
	if _, ok := h.skipped(t, h.authorize(t, b, h.scoped(clientID, "Mail.Read"))); !ok {
		t.Error("asked again after a restart")
	}
}

// TestConsentAskedAgain: everything that makes it another question.
func TestConsentAskedAgain(t *testing.T) {
	t.Parallel()
	const other, local, scheme = "https://assistant.example/other", "http://127.0.0.1:7000/cb", "cursor://anysphere.cursor-mcp/cb"
	revoke := func(s func(identity.Principal) authserver.Selector) func(*testing.T, *harness, identity.Principal) {
		return func(t *testing.T, h *harness, p identity.Principal) {
			if err := h.auth.Revoke(t.Context(), s(p), "test"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name    string
		request func(url.Values) // changes it
		change  func(*testing.T, *harness, identity.Principal)
		header  []string
		uri     string // of the consent too; empty: redirectURI
		skips   bool
	}{
		{name: "the same again", skips: true},
		{name: "a wider scope", request: func(q url.Values) { q.Set("scope", "Mail.Read Mail.Send") }},
		{name: "a scope that includes it", request: func(q url.Values) { q.Set("scope", "Mail.ReadWrite") }},
		{name: "no scope, which is all", request: func(q url.Values) { q.Del("scope") }},
		{name: "another redirect of the client", request: func(q url.Values) { q.Set("redirect_uri", other) }},
		{name: "loopback", uri: local},
		{name: "scheme of an app", uri: scheme},
		{name: "prompt=consent", request: func(q url.Values) { q.Set("prompt", "consent") }},
		{name: "prompt=login", request: func(q url.Values) { q.Set("prompt", "login") }, skips: true},
		{name: "prompt=login consent", request: func(q url.Values) { q.Set("prompt", "login consent") }},
		{name: "hint of the same person", request: func(q url.Values) { q.Set("login_hint", "ANN@contoso.example") }, skips: true},
		{name: "hint of another person", request: func(q url.Values) { q.Set("login_hint", "bob@contoso.example") }},
		{name: "in a frame", header: []string{"Sec-Fetch-Dest", "iframe"}},
		{name: "as an image", header: []string{"Sec-Fetch-Dest", "image"}},
		{name: "as a page", header: []string{"Sec-Fetch-Dest", "document"}, skips: true},
		{name: "89 days later", change: func(_ *testing.T, h *harness, _ identity.Principal) { h.clock.advance(89 * 24 * time.Hour) }, skips: true},
		{name: "90 days later", change: func(_ *testing.T, h *harness, _ identity.Principal) { h.clock.advance(90 * 24 * time.Hour) }},
		{name: "after the person was revoked", change: revoke(func(p identity.Principal) authserver.Selector {
			return authserver.Selector{User: authserver.UserRef{TenantID: p.TenantID, UserID: p.UserID}}
		})},
		{name: "after the client was revoked", change: revoke(func(p identity.Principal) authserver.Selector { return authserver.Selector{ClientID: p.ClientID} })},
		{name: "after the connection was revoked", change: revoke(func(p identity.Principal) authserver.Selector { return authserver.Selector{GrantID: p.GrantID} })},
		{name: "after everything was revoked", change: revoke(func(identity.Principal) authserver.Selector { return authserver.Selector{All: true} })},
		{name: "after another person was revoked", change: revoke(func(identity.Principal) authserver.Selector {
			return authserver.Selector{User: authserver.UserRef{TenantID: "tenant", UserID: "bob"}}
		}), skips: true},
		{name: "after a sign-in that Microsoft wanted", change: func(t *testing.T, h *harness, p identity.Principal) {
			if err := h.auth.SignInAgain(t.Context(), p.GrantID, ""); err != nil {
				t.Fatal(err)
			}
		}, skips: true},
		{name: "the client has another name", change: func(t *testing.T, h *harness, _ identity.Principal) {
			h.exec(t, "UPDATE oauth_clients SET name = 'Your bank'")
		}},
		{name: "the client has one more redirect", change: func(t *testing.T, h *harness, _ identity.Principal) {
			h.exec(t, "UPDATE oauth_clients SET redirect_uris = replace(redirect_uris, ']', ',\"https://evil.example/\"]')")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			b := h.browser(t)
			clientID := h.register(t, `{"client_name":"Assistant","redirect_uris":["`+redirectURI+`","`+other+`","`+local+`","`+scheme+
				`"],"token_endpoint_auth_method":"none"}`).text(t, "client_id")
			request := h.scoped(clientID, "Mail.Read")
			if c.uri != "" {
				request.Set("redirect_uri", c.uri)
			}
			state := h.decide(t, b, h.authorize(t, b, request), "approve").Query().Get("state")
			code := parse(t, h.callback(t, b, microsoftAnswer(state)).Header.Get("Location")).Query().Get("code")
			form := codeForm(clientID, code)
			form.Set("redirect_uri", request.Get("redirect_uri"))
			p, err := h.auth.Verify(t.Context(), h.token(t, form).text(t, "access_token"))
			if err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				c.change(t, h, p)
			}
			if c.request != nil {
				c.request(request)
			}
			got := b.do(t, http.MethodGet, h.URL+"/authorize?"+request.Encode(), "", c.header...)
			if _, ok := h.skipped(t, got); ok != c.skips {
				t.Errorf("%d %s", got.StatusCode, got.Header.Get("Location"))
			}
			if !c.skips && !strings.Contains(got.body, "Agree and sign in at Microsoft") {
				t.Errorf("%d, no page: %s", got.StatusCode, got.body)
			}
			if other := h.authorize(t, h.browser(t), h.scoped(clientID, "Mail.Read")); other.StatusCode != http.StatusOK {
				t.Errorf("another browser is sent to %s", other.Header.Get("Location"))
			}
		})
	}
}

// TestConsentOfAnotherClient: a client gets nothing from what another was allowed,
// also under the same name and with the same redirect.
func TestConsentOfAnotherClient(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b := h.browser(t)
	h.codeIn(t, b, h.scoped(h.publicClient(t), "Mail.Read"))
	page := h.authorize(t, b, h.scoped(h.publicClient(t), "Mail.Read"))
	if strings.Contains(page.body, "Already allowed") || page.StatusCode != http.StatusOK {
		t.Errorf("%d: %s", page.StatusCode, page.body)
	}
}

// TestAnotherPersonComesBack: the consent was one person's, so another who comes back
// from Microsoft is asked before anything is given out; and has to come back as that.
func TestAnotherPersonComesBack(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b, clientID := h.browser(t), h.publicClient(t)
	request := h.scoped(clientID, "Mail.Read")
	h.codeIn(t, b, request)
	grants := h.rows(t, "oauth_grants")
	state, _ := h.skipped(t, h.authorize(t, b, request))

	h.account("bob")
	page := h.callback(t, b, microsoftAnswer(state))
	asked := func(page answer, who, not string) {
		t.Helper()
		if page.StatusCode != http.StatusOK || page.Header.Get("Location") != "" || !strings.Contains(page.body, who+"@contoso.example") || strings.Contains(page.body, not+"@") ||
			strings.Contains(page.body, "Already allowed") {
			t.Fatalf("%d %s: %s", page.StatusCode, page.Header.Get("Location"), page.body)
		}
		equal(t, "grants", h.rows(t, "oauth_grants"), grants)
		equal(t, "in the vault", len(h.vault.grants()), grants)
	}
	asked(page, "bob", "ann")
	event := h.audit.last(t, "oauth.other_person")
	equal(t, "person", event.Principal.UserKey(), "tenant/bob")
	equal(t, "client", event.Principal.ClientID, clientID)
	equal(t, "replay", h.callback(t, b, microsoftAnswer(state)).StatusCode, http.StatusForbidden)

	// His page is his browser's, and about him.
	form := url.Values{"csrf_token": {csrf(t, page)}, "decision": {"approve"}}
	equal(t, "another browser", h.browser(t).post(t, h.URL+"/consent", form).StatusCode, http.StatusForbidden)
	state = h.decide(t, b, page, "approve").Query().Get("state")
	equal(t, "login_hint", h.begun(state).LoginHint, "bob@contoso.example")
	h.account("carl")
	page = h.callback(t, b, microsoftAnswer(state))
	asked(page, "carl", "bob")

	state = h.decide(t, b, page, "approve").Query().Get("state")
	h.account("carl")
	code := back(t, h.callback(t, b, microsoftAnswer(state))).Get("code")
	p, err := h.auth.Verify(t.Context(), h.token(t, codeForm(clientID, code)).text(t, "access_token"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "whose grant", p.UserID, "carl")
	state, ok := h.skipped(t, h.authorize(t, b, request))
	equal(t, "remembered", ok, true)
	equal(t, "login_hint", h.begun(state).LoginHint, "carl@contoso.example")
	equal(t, "consents: not bob's", h.rows(t, "oauth_consents"), 2)
	h.account("bob")
	to := h.decide(t, b, h.callback(t, b, microsoftAnswer(state)), "deny")
	equal(t, "bob says no", to.Query().Get("error"), "access_denied")
}

// TestPersonCookieOfAnother: a stolen or planted cookie shows a page less, and
// nothing else; a changed one not even that.
func TestPersonCookieOfAnother(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	ann, clientID := h.browser(t), h.publicClient(t)
	request := h.scoped(clientID, "Mail.Read")
	h.codeIn(t, ann, request)
	cookie := h.personCookie(t, ann)
	grants := h.rows(t, "oauth_grants")

	thief := h.copyOf(t, ann)
	state, ok := h.skipped(t, h.authorize(t, thief, request))
	equal(t, "sent on", ok, true)
	h.account("mallory")
	page := h.callback(t, thief, microsoftAnswer(state))
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, "mallory@contoso.example") {
		t.Errorf("%d %s", page.StatusCode, page.Header.Get("Location"))
	}
	equal(t, "grants", h.rows(t, "oauth_grants"), grants)

	form := csrf(t, h.authorize(t, h.browser(t), request))
	for name, value := range map[string]string{
		"changed": "A" + cookie.Value[1:], "cut": strings.Split(cookie.Value, ".")[0], "empty": "", "of a form": form,
		"long": cookie.Value + strings.Repeat("A", 2000), "the browser's": strings.Repeat("A", 43),
	} {
		b := h.browser(t)
		b.client.Jar.SetCookies(parse(t, h.URL), []*http.Cookie{{Name: cookie.Name, Value: value, Path: "/"}})
		equal(t, name, h.authorize(t, b, request).StatusCode, http.StatusOK)
	}
	twice := h.browser(t).do(t, http.MethodGet, h.URL+"/authorize?"+request.Encode(), "", "Cookie", cookie.Name+"="+cookie.Value+"; "+cookie.Name+"="+cookie.Value)
	equal(t, "twice", twice.StatusCode, http.StatusOK)
	h.clock.advance(90 * 24 * time.Hour)
	equal(t, "after 90 days", h.authorize(t, ann, request).StatusCode, http.StatusOK)
}

// TestSkippedSignInIsTheBrowsers: login CSRF and state theft, where no page was shown.
func TestSkippedSignInIsTheBrowsers(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID := h.publicClient(t)
	request := h.scoped(clientID, "Mail.Read")
	attacker, victim := h.browser(t), h.browser(t)
	h.account("mallory")
	h.codeIn(t, attacker, request)
	h.account("ann")
	h.codeIn(t, victim, request)
	grants := h.rows(t, "oauth_grants")
	state, _ := h.skipped(t, h.authorize(t, attacker, request))
	equal(t, "the attacker's state in the victim's browser", h.callback(t, victim, microsoftAnswer(state)).StatusCode, http.StatusForbidden)
	equal(t, "grants", h.rows(t, "oauth_grants"), grants)
	state, _ = h.skipped(t, h.authorize(t, victim, request))
	equal(t, "the victim's state in the attacker's browser", h.callback(t, attacker, microsoftAnswer(state)).StatusCode, http.StatusForbidden)
	if back(t, h.callback(t, victim, microsoftAnswer(state))).Get("code") == "" {
		t.Error("the attack has spoilt the sign-in")
	}
}

// TestConsentTakenBackMeanwhile: what was remembered has to be so when the code is issued.
func TestConsentTakenBackMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b, clientID := h.browser(t), h.publicClient(t)
	request := h.scoped(clientID, "Mail.Read")
	access := h.token(t, codeForm(clientID, h.codeIn(t, b, request))).text(t, "access_token")
	p, err := h.auth.Verify(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	state, _ := h.skipped(t, h.authorize(t, b, request))
	if err := h.auth.Revoke(t.Context(), authserver.Selector{GrantID: p.GrantID}, "test"); err != nil {
		t.Fatal(err)
	}
	page := h.callback(t, b, microsoftAnswer(state))
	equal(t, "status", page.StatusCode, http.StatusOK)
	equal(t, "another person", h.audit.count("oauth.other_person"), 0)
	if h.codeAfter(t, b, page) == "" {
		t.Error("no code after a new yes")
	}
	// And the client's own revocation, which is a person's leaving in the app.
	equal(t, "revoke", h.token(t, codeForm(clientID, h.codeIn(t, b, h.consenting(request)))).StatusCode, http.StatusOK)
	tokens := h.token(t, codeForm(clientID, h.codeIn(t, b, h.consenting(request))))
	b.post(t, h.URL+"/revoke", url.Values{"client_id": {clientID}, "token": {tokens.text(t, "refresh_token")}})
	equal(t, "after the client's revocation", h.authorize(t, b, request).StatusCode, http.StatusOK)
}

// consenting is the request with the page in any case.
func (h *harness) consenting(request url.Values) url.Values {
	q := maps.Clone(request)
	q.Set("prompt", "consent")
	return q
}

// TestReuseForgetsConsent: what somebody else may have got hold of is asked about again.
func TestReuseForgetsConsent(t *testing.T) {
	t.Parallel()
	for _, reused := range []string{"code", "refresh token"} {
		t.Run(reused, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			b, clientID := h.browser(t), h.publicClient(t)
			form := codeForm(clientID, h.codeIn(t, b, h.request(clientID)))
			first := h.token(t, form).text(t, "refresh_token")
			if reused == "code" {
				h.token(t, form)
			} else {
				second := h.token(t, refreshForm(clientID, first)).text(t, "refresh_token")
				h.token(t, refreshForm(clientID, second))
				h.token(t, refreshForm(clientID, first))
			}
			equal(t, "consents", h.rows(t, "oauth_consents"), 0)
			equal(t, "asked", h.authorize(t, b, h.request(clientID)).StatusCode, http.StatusOK)
		})
	}
}

// TestStepUpPage: only what is new is asked, what was allowed is said; and it is
// asked of the person whose consent that was.
func TestStepUpPage(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b := h.browser(t)
	clientID := h.register(t, `{"client_name":"Assistant","redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}`).text(t, "client_id")
	request := func(scopes, port string) url.Values {
		q := h.scoped(clientID, scopes)
		q.Set("redirect_uri", "http://127.0.0.1:"+port+"/cb")
		return q
	}
	state := h.decide(t, b, h.authorize(t, b, request("Mail.Read User.Read", "7001")), "approve").Query().Get("state")
	h.callback(t, b, microsoftAnswer(state))
	page := h.authorize(t, b, request("Mail.Read Mail.Send User.Read", "7002"))
	fresh, allowed, found := strings.Cut(page.body, "Already allowed")
	if !found || !strings.Contains(fresh, "asks for more permissions") || !strings.Contains(fresh, "Send mail as you") || strings.Contains(fresh, "Read your mail") ||
		!strings.Contains(allowed, "Read your mail") || !strings.Contains(allowed, "Read your profile") || strings.Contains(allowed, "Send mail as you") {
		t.Errorf("page: %s", page.body)
	}
	state = h.decide(t, b, page, "approve").Query().Get("state")
	equal(t, "login_hint", h.begun(state).LoginHint, "ann@contoso.example")
	equal(t, "scopes", strings.Join(h.begun(state).Scopes, " "), "Mail.Read Mail.Send User.Read")
	h.account("bob")
	again := h.callback(t, b, microsoftAnswer(state))
	if again.StatusCode != http.StatusOK || strings.Contains(again.body, "Already allowed") || !strings.Contains(again.body, "Read your mail") {
		t.Errorf("the other person's page: %d %s", again.StatusCode, again.body)
	}
	// All of it allowed before: the page comes, because any program could listen there.
	if page := h.authorize(t, b, request("Mail.Read", "7003")); !strings.Contains(page.body, "wants to connect again") {
		t.Errorf("page: %s", page.body)
	}
}

// TestClientChangesWhileThePageIsOpen: the yes was to what the page said.
func TestClientChangesWhileThePageIsOpen(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b := h.browser(t)
	page := h.authorize(t, b, h.request(h.publicClient(t)))
	h.exec(t, "UPDATE oauth_clients SET name = 'Your bank'")
	got := b.post(t, h.URL+"/consent", url.Values{"csrf_token": {csrf(t, page)}, "decision": {"approve"}})
	if got.StatusCode != http.StatusForbidden || !strings.Contains(got.body, "has changed what it says") {
		t.Errorf("%d: %s", got.StatusCode, got.body)
	}
	equal(t, "sign-ins", h.rows(t, "oauth_signins"), 0)
}

// TestNoEvidenceOfAnotherPerson: no evidence, no page.
func TestNoEvidenceOfAnotherPerson(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b, clientID := h.browser(t), h.publicClient(t)
	h.codeIn(t, b, h.request(clientID))
	state, _ := h.skipped(t, h.authorize(t, b, h.request(clientID)))
	h.account("bob")
	h.audit.fail(errors.New("disk full"))
	equal(t, "status", h.callback(t, b, microsoftAnswer(state)).StatusCode, http.StatusServiceUnavailable)
}

// TestDemandedClaims: what Microsoft demands of a person is in that person's next
// sign-in with the client, whether the browser is known or not.
func TestDemandedClaims(t *testing.T) {
	t.Parallel()
	const demand, carried = `{"access_token": {"nbf":{"essential":true, "value":"1700000000"}}}`, `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`
	h := newHarness(t)
	b, clientID := h.browser(t), h.publicClient(t)
	request := h.scoped(clientID, "Mail.Read")
	end := func(code string) {
		t.Helper()
		access := h.token(t, codeForm(clientID, code)).text(t, "access_token")
		p, err := h.auth.Verify(t.Context(), access)
		if err == nil {
			err = h.auth.SignInAgain(t.Context(), p.GrantID, demand)
		}
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "mcp", h.mcp(t, access), http.StatusUnauthorized)
	}
	end(h.codeIn(t, b, request))
	state, ok := h.skipped(t, h.authorize(t, b, request))
	equal(t, "sent on", ok, true)
	equal(t, "claims", h.begun(state).Claims, carried)
	code := back(t, h.callback(t, b, microsoftAnswer(state))).Get("code")
	equal(t, "demands", h.rows(t, "oauth_demands"), 0)

	// In a browser that does not know the person, it is known only afterwards.
	end(code)
	unknown := h.browser(t)
	state = h.decide(t, unknown, h.authorize(t, unknown, request), "approve").Query().Get("state")
	equal(t, "claims", h.begun(state).Claims, "")
	page := h.callback(t, unknown, microsoftAnswer(state))
	equal(t, "asked", page.StatusCode, http.StatusOK)
	equal(t, "not another person", h.audit.count("oauth.other_person"), 0)
	state = h.decide(t, unknown, page, "approve").Query().Get("state")
	equal(t, "claims", h.begun(state).Claims, carried)
	code = back(t, h.callback(t, unknown, microsoftAnswer(state))).Get("code")
	equal(t, "demands", h.rows(t, "oauth_demands"), 0)

	// Another person's sign-in does not carry it, and a day later nobody's does.
	end(code)
	h.account("bob")
	other := h.browser(t)
	if h.codeIn(t, other, request) == "" {
		t.Error("somebody else has to meet it")
	}
	h.account("ann")
	h.clock.advance(24 * time.Hour)
	state, _ = h.skipped(t, h.authorize(t, b, request))
	equal(t, "claims", h.begun(state).Claims, "")
}

// TestConsentEnds: each of the two ends by itself, what a browser knows and what was
// allowed; and going on without the page does not make it younger.
func TestConsentEnds(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	h := newHarness(t)
	clientID := h.publicClient(t)
	request := h.scoped(clientID, "Mail.Read")
	b, other := h.browser(t), h.browser(t)
	goOn := func(what string, b browser) {
		t.Helper()
		state, ok := h.skipped(t, h.authorize(t, b, request))
		equal(t, what, ok, true)
		h.callback(t, b, microsoftAnswer(state))
	}
	h.codeIn(t, b, request)
	h.clock.advance(60 * day)
	goOn("60 days after the page", b)
	h.clock.advance(30 * day)
	equal(t, "90 days after the page, 30 after the cookie", h.authorize(t, b, request).StatusCode, http.StatusOK)

	h.codeIn(t, other, request)
	goOn("in the first browser, by what was said in the other", b)
	h.clock.advance(50 * day)
	h.codeIn(t, other, h.consenting(request))
	h.clock.advance(40*day - time.Second)
	goOn("90 days after the cookie, nearly", h.copyOf(t, b))
	h.clock.advance(time.Second)
	equal(t, "90 days after the cookie, 40 after the page", h.authorize(t, b, request).StatusCode, http.StatusOK)
}

// copyOf returns a browser that knows the same person.
func (h *harness) copyOf(t *testing.T, b browser) browser {
	t.Helper()
	c := h.browser(t)
	cookie := h.personCookie(t, b)
	c.client.Jar.SetCookies(parse(t, h.URL), []*http.Cookie{{Name: cookie.Name, Value: cookie.Value, Path: "/"}})
	return c
}
