package authserver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/entra"
)

const pagePath = "/pages/secret-page_42"

// newPages is a server with a page that people sign in to.
func newPages(t *testing.T, change ...func(*authserver.Options)) *harness {
	t.Helper()
	h := newHarness(t, append(change, func(o *authserver.Options) { o.Pages = []string{"/pages/", "/more/"} })...)
	auth := h.Config.Handler
	mux := http.NewServeMux()
	mux.Handle("/", auth)
	mux.HandleFunc("/pages/", func(w http.ResponseWriter, r *http.Request) {
		if who, token, ok := h.auth.Session(r); ok {
			_, _ = fmt.Fprintf(w, `%s/%s %s name="csrf_token" value="%s"`, who.TenantID, who.UserID, who.UPN, token)
			return
		}
		token, err := h.auth.SignInForm(w, r, r.URL.Path)
		if err != nil {
			t.Error(err)
		}
		_, _ = fmt.Fprintf(w, `sign in name="csrf_token" value="%s"`, token)
	})
	h.Config.Handler = mux
	return h
}

// beginPage presses the button of the page and returns the state that Microsoft gets.
func (h *harness) beginPage(t *testing.T, b browser) string {
	t.Helper()
	got := b.post(t, h.URL+"/signin", url.Values{"csrf_token": {csrf(t, b.get(t, h.URL+pagePath))}})
	if got.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d: %s", got.StatusCode, got.body)
	}
	return parse(t, got.Header.Get("Location")).Query().Get("state")
}

func microsoftAnswer(state string) url.Values {
	return url.Values{"state": {state}, "code": {"ms-code"}}
}

// signInPage signs the browser's person in and returns the page.
func (h *harness) signInPage(t *testing.T, b browser) answer {
	t.Helper()
	got := h.callback(t, b, microsoftAnswer(h.beginPage(t, b)))
	if got.StatusCode != http.StatusFound || got.Header.Get("Location") != pagePath {
		t.Fatalf("%d to %q: %s", got.StatusCode, got.Header.Get("Location"), got.body)
	}
	return b.get(t, h.URL+pagePath)
}

func (h *harness) signedIn(t *testing.T, b browser) bool {
	t.Helper()
	return !strings.HasPrefix(b.get(t, h.URL+pagePath).body, "sign in")
}

func TestPageSession(t *testing.T) {
	t.Parallel()
	h := newPages(t)
	b := h.browser(t)
	equal(t, "before", h.signedIn(t, b), false)
	page := h.signInPage(t, b)
	if !strings.HasPrefix(page.body, "tenant/ann ann@contoso.example ") {
		t.Errorf("page: %s", page.body)
	}
	for _, begun := range h.microsoft.begun {
		if !begun.IdentityOnly || len(begun.Scopes) > 0 || begun.Prompt != "" || begun.Nonce == "" || begun.Verifier == "" {
			t.Errorf("began with %+v", begun)
		}
	}
	equal(t, "same token on each page", csrf(t, page), csrf(t, b.get(t, h.URL+pagePath)))
	event := h.audit.last(t, "page.signed_in")
	equal(t, "audited person", event.Principal.UserKey(), "tenant/ann")
	equal(t, "events", len(h.audit.types()), 1)
	equal(t, "grants", h.rows(t, "oauth_grants"), 0)
	equal(t, "in the vault", len(h.vault.grants()), 0)
	equal(t, "another browser", h.signedIn(t, h.browser(t)), false)
	for _, suffix := range []string{"", "-wal"} {
		if content, err := os.ReadFile(h.path + suffix); err == nil && strings.Contains(string(content), "secret-page_42") {
			t.Error("the page's address is in the database")
		}
	}

	h.clock.advance(30*time.Minute - time.Second)
	equal(t, "after 29 minutes", h.signedIn(t, b), true)
	h.clock.advance(time.Second)
	equal(t, "after 30 minutes", h.signedIn(t, b), false)

	got := b.post(t, h.URL+"/signin", url.Values{"csrf_token": {csrf(t, b.get(t, h.URL+pagePath))}, "account": {"other"}})
	state := parse(t, got.Header.Get("Location")).Query().Get("state")
	equal(t, "prompt", h.microsoft.begun[state].Prompt, "select_account")
	h.microsoft.account.ObjectID = "bob"
	h.callback(t, b, microsoftAnswer(state))
	if body := b.get(t, h.URL+pagePath).body; !strings.HasPrefix(body, "tenant/bob ") {
		t.Errorf("another account: %s", body)
	}
}

// TestPageSignInForgery: nobody else can make a browser sign in, or choose where it
// goes afterwards.
func TestPageSignInForgery(t *testing.T) {
	t.Parallel()
	h := newPages(t)
	b, other := h.browser(t), h.browser(t)
	good := csrf(t, b.get(t, h.URL+pagePath))
	foreign := csrf(t, other.get(t, h.URL+pagePath))
	form := func(token string) url.Values { return url.Values{"csrf_token": {token}} }
	consent := csrf(t, h.authorize(t, b, h.request(h.publicClient(t))))
	for name, try := range map[string]func() answer{
		"no token":          func() answer { return b.post(t, h.URL+"/signin", url.Values{"next": {pagePath}}) },
		"another's token":   func() answer { return b.post(t, h.URL+"/signin", form(foreign)) },
		"no cookie":         func() answer { return h.browser(t).post(t, h.URL+"/signin", form(good)) },
		"changed":           func() answer { return b.post(t, h.URL+"/signin", form("A"+good[1:])) },
		"token twice":       func() answer { return b.post(t, h.URL+"/signin", url.Values{"csrf_token": {good, good}}) },
		"of a consent page": func() answer { return b.post(t, h.URL+"/signin", form(consent)) },
		"from another site": func() answer { return b.post(t, h.URL+"/signin", form(good), "Sec-Fetch-Site", "cross-site") },
		"from a sub-domain": func() answer { return b.post(t, h.URL+"/signin", form(good), "Sec-Fetch-Site", "same-site") },
		"consent with these": func() answer {
			return b.post(t, h.URL+"/consent", url.Values{"csrf_token": {good}, "decision": {"approve"}})
		},
	} {
		got := try()
		if got.StatusCode != http.StatusForbidden || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
	equal(t, "GET", b.get(t, h.URL+"/signin?csrf_token="+good).StatusCode, http.StatusMethodNotAllowed)
	equal(t, "rows", h.rows(t, "oauth_signins"), 0)
	h.clock.advance(10 * time.Minute)
	equal(t, "late", b.post(t, h.URL+"/signin", form(good)).StatusCode, http.StatusForbidden)
}

func TestPageSignInTwice(t *testing.T) {
	t.Parallel()
	h := newPages(t)
	b := h.browser(t)
	form := url.Values{"csrf_token": {csrf(t, b.get(t, h.URL+pagePath))}}
	first, second := b.post(t, h.URL+"/signin", form), b.post(t, h.URL+"/signin", form)
	equal(t, "a second click", second.Header.Get("Location"), first.Header.Get("Location"))
	equal(t, "rows", h.rows(t, "oauth_signins"), 1)
}

// TestForeignNext: the way back leads to this server's own pages only.
func TestForeignNext(t *testing.T) {
	t.Parallel()
	h := newPages(t)
	for next, good := range map[string]bool{
		"/pages/a": true, "/more/A-b_c.9": true, "/pages/a/b": true,
		"": false, "/": false, "/pages": false, "/mcp": false, "/authorize": false, "/pagesX": false,
		"https://evil.example/pages/a": false, "//evil.example/pages/a": false, "/\\evil.example": false, "\\\\evil.example": false,
		"/pages//evil.example": false, "/pages/../authorize": false, "/pages/./a": false, "/pages/%2e%2e/authorize": false,
		"/pages/a?b=c": false, "/pages/a#b": false, "/pages/a\r\nX: y": false, "/pages/a b": false, " /pages/a": false, "/pages/ä": false,
		"/pages/": false, "/pages/" + strings.Repeat("a", 600): false,
	} {
		_, err := h.auth.SignInForm(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), next)
		if (err == nil) != good {
			t.Errorf("%q: %v", next, err)
		}
	}
}

// TestPageCallbackForgery: an answer of Microsoft's counts in the browser that went
// there, once; so nobody is signed in as somebody else without noticing.
func TestPageCallbackForgery(t *testing.T) {
	t.Parallel()
	h := newPages(t)
	b, victim := h.browser(t), h.browser(t)
	state := h.beginPage(t, b)
	cookies := map[string]string{}
	for _, c := range b.client.Jar.Cookies(parse(t, h.URL)) {
		cookies[c.Name] = c.Value
	}
	with := func(change func(name, value string) string) answer {
		var header []string
		for name, value := range cookies {
			header = append(header, name+"="+change(name, value))
		}
		return h.browser(t).do(t, http.MethodGet, h.URL+"/callback?"+microsoftAnswer(state).Encode(), "", "Cookie", strings.Join(header, "; "))
	}
	refused := func(name string, got answer) {
		t.Helper()
		if got.StatusCode != http.StatusForbidden || got.Header.Get("Location") != "" || strings.Contains(strings.Join(got.Header.Values("Set-Cookie"), " "), "session") {
			t.Errorf("%s: %d to %q %v", name, got.StatusCode, got.Header.Get("Location"), got.Header.Values("Set-Cookie"))
		}
	}
	refused("the attacker's answer in the victim's browser", h.callback(t, victim, microsoftAnswer(state)))
	refused("with a sign-in of its own", func() answer { h.beginPage(t, victim); return h.callback(t, victim, microsoftAnswer(state)) }())
	equal(t, "victim", h.signedIn(t, victim), false)
	equal(t, "not spoilt", h.callback(t, b, microsoftAnswer(state)).Header.Get("Location"), pagePath)
	refused("replay", h.callback(t, b, microsoftAnswer(state)))
	refused("replay with the cookies kept", with(func(_, value string) string { return value }))

	b = h.browser(t)
	state = h.beginPage(t, b)
	clear(cookies)
	for _, c := range b.client.Jar.Cookies(parse(t, h.URL)) {
		cookies[c.Name] = c.Value
	}
	refused("another way back", with(func(name, value string) string {
		if strings.HasSuffix(name, "-next") {
			return strings.Replace(value, value[:2], "Ij", 1)
		}
		return value
	}))
	late := h.beginPage(t, b)
	h.clock.advance(10 * time.Minute)
	refused("late", h.callback(t, b, microsoftAnswer(late)))
}

func TestPageCallbackErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer  url.Values
		prepare func(*harness)
		status  int
		text    string
	}{
		"cancelled":    {url.Values{"error": {"access_denied"}}, nil, http.StatusBadGateway, "cancelled"},
		"no code":      {url.Values{}, nil, http.StatusBadGateway, "no code"},
		"forged code":  {url.Values{"code": {"forged"}}, nil, http.StatusBadGateway, "could not be completed"},
		"no one":       {url.Values{"code": {"ms-code"}}, func(h *harness) { h.microsoft.account = entra.Account{} }, http.StatusBadGateway, "did not say who"},
		"no audit":     {url.Values{"code": {"ms-code"}}, func(h *harness) { h.audit.fail(errors.New("disk full")) }, http.StatusServiceUnavailable, "cannot answer"},
		"no Microsoft": {url.Values{"code": {"ms-code"}}, func(h *harness) { h.microsoft.err = context.DeadlineExceeded }, http.StatusBadGateway, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newPages(t)
			b := h.browser(t)
			c.answer.Set("state", h.beginPage(t, b))
			if c.prepare != nil {
				c.prepare(h)
			}
			got := h.callback(t, b, c.answer)
			equal(t, "status", got.StatusCode, c.status)
			if !strings.Contains(got.body, c.text) || !strings.Contains(got.body, "Open the link again") || got.Header.Get("Location") != "" {
				t.Errorf("to %q: %s", got.Header.Get("Location"), got.body)
			}
			equal(t, "signed in", h.signedIn(t, b), false)
		})
	}
}

// TestForgedSessions: no cookie counts but one of this server's, whole and in time.
func TestForgedSessions(t *testing.T) {
	t.Parallel()
	h := newPages(t)
	b := h.browser(t)
	h.signInPage(t, b)
	var good string
	for _, c := range b.client.Jar.Cookies(parse(t, h.URL)) {
		if c.Name == "m365mcp-session" {
			good = c.Value
		}
	}
	body, sum, _ := strings.Cut(good, ".")
	form := csrf(t, h.browser(t).get(t, h.URL+pagePath))
	for name, header := range map[string]string{
		"empty": "", "no sum": body, "another sum": body + "." + sum[1:] + "A", "another body": "e30." + sum, "a form": form,
		"long": good + strings.Repeat("A", 4096), "twice": good + "; m365mcp-session=" + good,
	} {
		got := h.browser(t).do(t, http.MethodGet, h.URL+pagePath, "", "Cookie", "m365mcp-session="+header)
		if !strings.HasPrefix(got.body, "sign in") {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	got := h.browser(t).do(t, http.MethodGet, h.URL+pagePath, "", "Cookie", "m365mcp-session="+good)
	if !strings.HasPrefix(got.body, "tenant/ann") {
		t.Errorf("the good one: %s", got.body)
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	h := newPages(t)
	b := h.browser(t)
	token := csrf(t, h.signInPage(t, b))
	for name, try := range map[string]func() answer{
		"no token":    func() answer { return b.post(t, h.URL+"/signout", url.Values{}) },
		"wrong token": func() answer { return b.post(t, h.URL+"/signout", url.Values{"csrf_token": {"x"}}) },
		"another site": func() answer {
			return b.post(t, h.URL+"/signout", url.Values{"csrf_token": {token}}, "Sec-Fetch-Site", "cross-site")
		},
		"another token": func() answer {
			return b.post(t, h.URL+"/signout", url.Values{"csrf_token": {csrf(t, h.signInPage(t, h.browser(t)))}})
		},
	} {
		equal(t, name, try().StatusCode, http.StatusForbidden)
		equal(t, name, h.signedIn(t, b), true)
	}
	got := b.post(t, h.URL+"/signout", url.Values{"csrf_token": {token}})
	if got.StatusCode != http.StatusOK || !strings.Contains(got.body, "signed out") || !strings.HasPrefix(got.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d: %s", got.StatusCode, got.body)
	}
	equal(t, "afterwards", h.signedIn(t, b), false)
	equal(t, "again", b.post(t, h.URL+"/signout", url.Values{}).StatusCode, http.StatusOK)
}

// TestPageCookies: like TestCookies, for those of page sessions.
func TestPageCookies(t *testing.T) {
	t.Parallel()
	for public, prefix := range map[string]string{"https://mcp.example.com": "__Host-m365mcp-", "http://127.0.0.1:8080": "m365mcp-"} {
		t.Run(public, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, func(o *authserver.Options) { o.PublicURL, o.Pages = public, []string{"/pages/"} })
			jar := map[string]*http.Cookie{}
			send := func(r *http.Request) *httptest.ResponseRecorder {
				for _, c := range jar {
					r.AddCookie(c)
				}
				w := httptest.NewRecorder()
				h.Config.Handler.ServeHTTP(w, r)
				for _, c := range w.Result().Cookies() {
					jar[c.Name] = c
					if !strings.HasPrefix(c.Name, prefix) || c.Secure != strings.HasPrefix(public, "https") || !c.HttpOnly ||
						c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
						t.Error(c.Raw)
					}
				}
				return w
			}
			w := httptest.NewRecorder()
			token, err := h.auth.SignInForm(w, httptest.NewRequest(http.MethodGet, "/", nil), "/pages/a")
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range w.Result().Cookies() {
				jar[c.Name] = c
			}
			post := httptest.NewRequest(http.MethodPost, "/signin", strings.NewReader(url.Values{"csrf_token": {token}}.Encode()))
			post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			state := parse(t, send(post).Header().Get("Location")).Query().Get("state")
			back := send(httptest.NewRequest(http.MethodGet, "/callback?"+microsoftAnswer(state).Encode(), nil))
			if back.Code != http.StatusFound || jar[prefix+"session"] == nil {
				t.Fatalf("%d: %s", back.Code, back.Body)
			}
			equal(t, "life", jar[prefix+"session"].MaxAge, 1800)
			equal(t, "cookies", len(jar), 4) // of the browser, the sign-in, the way back, the session
		})
	}
}

// TestPrincipal: what is bound to a grant ends with it.
func TestPrincipal(t *testing.T) {
	t.Parallel()
	connected := func(t *testing.T) (*harness, string) {
		t.Helper()
		h := newHarness(t)
		h.connect(t)
		return h, h.audit.last(t, "oauth.grant_created").Principal.GrantID
	}
	h, grant := connected(t)
	p, err := h.auth.Principal(t.Context(), grant)
	if err != nil || p.UserKey() != "tenant/ann" || p.GrantID != grant || p.ClientID == "" || !p.HasScope("Mail.Read") || !p.CheckedAt.Equal(h.clock.now()) {
		t.Fatalf("%+v, %v", p, err)
	}
	for name, end := range map[string]func(*harness, *string) error{
		"unknown": func(_ *harness, grant *string) error { *grant = "unknown"; return nil },
		"no id":   func(_ *harness, grant *string) error { *grant = ""; return nil },
		"revoked": func(h *harness, grant *string) error {
			return h.auth.Revoke(context.Background(), authserver.Selector{GrantID: *grant}, "test")
		},
		"killed": func(h *harness, _ *string) error {
			return h.store.Kill(context.Background(), authserver.Selector{User: authserver.UserRef{TenantID: "tenant", UserID: "ann"}}, h.clock.now())
		},
		"expired": func(h *harness, _ *string) error { h.clock.advance(30 * 24 * time.Hour); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, grant := connected(t)
			if err := end(h, &grant); err != nil {
				t.Fatal(err)
			}
			if p, err := h.auth.Principal(t.Context(), grant); !errors.Is(err, authserver.ErrRevoked) || p.GrantID != "" {
				t.Errorf("%+v, %v, want ErrRevoked", p, err)
			}
		})
	}
	h.store.down = true
	if _, err := h.auth.Principal(t.Context(), grant); err == nil || errors.Is(err, authserver.ErrRevoked) {
		t.Errorf("store down: %v", err)
	}
}
