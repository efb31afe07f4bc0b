package console_test

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/internal/headless"
)

// TestOwnConnections: the page shows what its person has connected, and of others nothing.
func TestOwnConnections(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	papers, plans := h.connect(t, "Papers <b>&", ann), h.connect(t, "Plans", ann)
	his := h.connect(t, "Secret of Bob", bob)
	b := h.browser()
	wantPage(t, b.get(t, h.page()), http.StatusOK, "Sign in with your work account")
	if a := b.get(t, h.page()); strings.Contains(a.Body, "Papers") {
		t.Error("a stranger reads the list")
	}
	page := b.signIn(t, ann)
	wantPage(t, page, http.StatusOK, "<h1>My connections</h1>", "Papers &lt;b&gt;&amp;", "Plans", ann, "Read your mail", "Send mail in your name",
		"The name is not verified", `<span class="address">127.0.0.1`, "Within the last hour", "2 permissions", papers.grant, plans.grant)
	for _, text := range []string{"Bob", bob, his.grant, "<b>&"} {
		if strings.Contains(page.Body, text) {
			t.Errorf("ann reads %q", text)
		}
	}
}

func TestNothingConnected(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	page := h.browser().signIn(t, ann)
	wantPage(t, page, http.StatusOK, "No assistant can use Microsoft 365 in your name")
	if strings.Contains(page.Body, `value="end`) {
		t.Error("there is a button with nothing to end")
	}
}

// TestVouchedConnection: the administrator's clients are not called unverified.
func TestVouchedConnection(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *authserver.Options) {
		o.Clients = []authserver.ConfiguredClient{{ID: "intranet", Name: "Intranet", RedirectURIs: []string{headless.RedirectURI}}}
	})
	h.signInTo(t, "intranet", ann)
	page := h.browser().signIn(t, ann)
	wantPage(t, page, http.StatusOK, "Intranet", "Set up by the administrators of")
	if strings.Contains(page.Body, "not verified") {
		t.Error("its name is called unverified")
	}
}

// TestEndConnection: at once, with the consent, recorded; the others live on, and a
// second click is told so.
func TestEndConnection(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	papers, plans := h.connect(t, "Papers", ann), h.connect(t, "Plans", ann)
	who := authserver.UserRef{TenantID: tenantID, UserID: annID}
	for _, c := range []assistant{papers, plans} {
		must(t, h.db.OAuth().PutConsent(t.Context(), authserver.Consent{User: who, UPN: ann, ClientID: c.id, RedirectURI: "https://a.example/cb", AgreedAt: h.now()}))
	}
	b := h.browser()
	form := end(t, b.signIn(t, ann), papers.grant)
	wantPage(t, b.post(t, h.page(), form), http.StatusOK, "The connection has ended", "<bdi>Papers</bdi>", "you are asked first")
	if h.lives(t, papers) || !h.lives(t, plans) {
		t.Error("the wrong one has ended")
	}
	for c, want := range map[assistant]error{papers: authserver.ErrNotFound, plans: nil} {
		if _, err := h.db.OAuth().Consent(t.Context(), who, c.id, "https://a.example/cb"); !errors.Is(err, want) {
			t.Errorf("consent: %v, want %v", err, want)
		}
	}
	events := h.audit.revocations()
	if len(events) != 1 || events[0].Principal.GrantID != papers.grant || events[0].Principal.UserID != annID || events[0].Attributes["reason"] != "by its person" {
		t.Errorf("events %+v", events)
	}
	wantPage(t, b.post(t, h.page(), form), http.StatusNotFound, "There is no such connection", "Nothing was changed")
	wantPage(t, b.get(t, h.page()), http.StatusOK, "Plans")
	if n := len(h.audit.revocations()); n != 1 {
		t.Errorf("%d events after a second click", n)
	}
}

func TestEndAllConnections(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	hers := []assistant{h.connect(t, "Papers", ann), h.connect(t, "Plans", ann)}
	his := h.connect(t, "His", bob)
	b := h.browser()
	page := b.signIn(t, ann)
	form := url.Values{"csrf_token": fields(t, page)["csrf_token"], "action": {"end all"}}
	wantPage(t, b.post(t, h.page(), form), http.StatusOK, "All connections have ended", "Papers", "Plans")
	for _, c := range hers {
		if h.lives(t, c) {
			t.Error("one of hers lives on")
		}
	}
	if !h.lives(t, his) {
		t.Error("his has ended")
	}
	wantPage(t, b.get(t, h.page()), http.StatusOK, "No assistant can use")
	wantPage(t, b.post(t, h.page(), form), http.StatusOK, "No assistant could use")
	if e := h.audit.revocations(); len(e) != 2 || e[0].Principal.UserID != annID || e[0].Attributes["scope"] != "user" {
		t.Errorf("events %+v", e)
	}
}

// TestForeignConnection: another person's, one that never was and one that has ended
// get the same answer, and nothing happens.
func TestForeignConnection(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	his, over := h.connect(t, "His", bob), h.connect(t, "Over", ann)
	must(t, h.auth.Revoke(t.Context(), authserver.Selector{GrantID: over.grant}, "test"))
	b := h.browser()
	page := b.signIn(t, ann)
	before := len(h.audit.revocations())
	var first headless.Answer
	for _, id := range []string{his.grant, over.grant, strings.Repeat("a", len(his.grant)), "", "<b>", "\x00"} {
		a := b.post(t, h.page(), end(t, page, id))
		wantPage(t, a, http.StatusNotFound, "There is no such connection")
		if first.Body == "" {
			first = a
		}
		if a.Body != first.Body {
			t.Errorf("%q: another answer: %s", id, a.Body)
		}
	}
	if !h.lives(t, his) || len(h.audit.revocations()) != before {
		t.Error("something has happened")
	}
	// Nor by the way around the page.
	if _, err := h.auth.Disconnect(t.Context(), authserver.UserRef{TenantID: tenantID, UserID: annID}, his.grant); !errors.Is(err, authserver.ErrNotFound) || !h.lives(t, his) {
		t.Errorf("Disconnect: %v", err)
	}
}

// TestForeignConnectionForms: only the person's own page can press the buttons, and
// no address does.
func TestForeignConnectionForms(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	papers := h.connect(t, "Papers", ann)
	b, other, his := h.browser(), h.browser(), h.browser()
	good := end(t, b.signIn(t, ann), papers.grant)
	with := func(name string, values ...string) url.Values {
		form := maps.Clone(good)
		form[name] = values
		return form
	}
	for name, try := range map[string]func() headless.Answer{
		"no token":              func() headless.Answer { return b.post(t, h.page(), with("csrf_token")) },
		"two tokens":            func() headless.Answer { return b.post(t, h.page(), with("csrf_token", good.Get("csrf_token"), "x")) },
		"another session's":     func() headless.Answer { return b.post(t, h.page(), end(t, other.signIn(t, ann), papers.grant)) },
		"another person's":      func() headless.Answer { return b.post(t, h.page(), end(t, his.signIn(t, bob), papers.grant)) },
		"cross-site":            func() headless.Answer { return b.post(t, h.page(), good, "Sec-Fetch-Site", "cross-site") },
		"same site":             func() headless.Answer { return b.post(t, h.page(), good, "Sec-Fetch-Site", "same-site") },
		"typed address":         func() headless.Answer { return b.post(t, h.page(), good, "Sec-Fetch-Site", "none") },
		"another origin":        func() headless.Answer { return b.post(t, h.page(), good, "Origin", "https://evil.example") },
		"this origin as prefix": func() headless.Answer { return b.post(t, h.page(), good, "Origin", h.URL+".evil.example") },
		"all, no token":         func() headless.Answer { return b.post(t, h.page(), url.Values{"action": {"end all"}}) },
		"token in the address": func() headless.Answer {
			return b.post(t, h.page()+"?"+good.Encode(), url.Values{"action": {"end all"}})
		},
	} {
		wantPage(t, try(), http.StatusForbidden, "Nothing was changed")
		if !h.lives(t, papers) {
			t.Fatalf("%s ends the connection", name)
		}
	}
	wantPage(t, b.get(t, h.page()+"?"+good.Encode()), http.StatusOK, "Papers")
	wantPage(t, b.post(t, h.page(), with("action")), http.StatusBadRequest, "without an answer")
	wantPage(t, b.post(t, h.page(), with("action", "end", "end all")), http.StatusBadRequest, "without an answer")
	wantPage(t, h.browser().post(t, h.page(), good), http.StatusForbidden, "has ended", "Nothing was changed")
	if !h.lives(t, papers) {
		t.Error("it has ended")
	}
	// As a browser sends it from a page that lets no referrer out.
	wantPage(t, b.post(t, h.page(), good, "Sec-Fetch-Site", "same-origin", "Origin", "null"), http.StatusOK, "The connection has ended")
}

// TestConnectionsSessionEnds: after half an hour the page asks again, and does nothing.
func TestConnectionsSessionEnds(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	papers := h.connect(t, "Papers", ann)
	b := h.browser()
	form := end(t, b.signIn(t, ann), papers.grant)
	h.advance(30 * time.Minute)
	wantPage(t, b.post(t, h.page(), form), http.StatusForbidden, "Your sign-in on this page has ended")
	wantPage(t, b.get(t, h.page()), http.StatusOK, "Sign in with your work account")
	if !h.lives(t, papers) {
		t.Error("it has ended")
	}
	page := b.signIn(t, ann)
	h.advance(time.Minute)
	if a := b.post(t, h.URL+"/signout", url.Values{"csrf_token": fields(t, page)["csrf_token"]}); a.Status != http.StatusOK {
		t.Fatalf("sign out: %d %s", a.Status, a.Body)
	}
	page = b.get(t, h.page())
	wantPage(t, page, http.StatusOK, "Sign in with your work account", `<button name="account" value="other">`)
	form = fields(t, page)
	form.Set("account", "other")
	if a := b.post(t, h.URL+"/signin", form); a.Status != http.StatusSeeOther || !strings.Contains(a.Header.Get("Location"), "prompt=select_account") {
		t.Errorf("another account: %d, %v", a.Status, a.Header)
	}
}

// TestConnectionsReference: what the page says of its failure finds the line in the log.
func TestConnectionsReference(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	papers := h.connect(t, "Papers", ann)
	b := h.browser()
	form := end(t, b.signIn(t, ann), papers.grant)
	seen := map[string]bool{}
	for _, c := range []struct {
		name   string
		status int
		try    func() headless.Answer
	}{
		{"no database", http.StatusServiceUnavailable, func() headless.Answer {
			h.store.down.Store(true)
			defer h.store.down.Store(false)
			return b.get(t, h.page())
		}},
		{"too large", http.StatusBadRequest, func() headless.Answer {
			return b.post(t, h.page(), url.Values{"csrf_token": {strings.Repeat("x", 20<<10)}})
		}},
		{"another method", http.StatusMethodNotAllowed, func() headless.Answer {
			a, err := b.Fetch(t.Context(), http.MethodDelete, h.page(), "")
			must(t, err)
			return a
		}},
		{"no audit", http.StatusServiceUnavailable, func() headless.Answer {
			h.audit.fail(errDown)
			defer h.audit.fail(nil)
			return b.post(t, h.page(), form)
		}},
	} {
		a := c.try()
		wantPage(t, a, c.status)
		m := regexp.MustCompile(`Reference: ([A-Z2-7]{8})<`).FindStringSubmatch(a.Body)
		if m == nil || seen[m[1]] {
			t.Fatalf("%s: the page has no reference of its own: %s", c.name, a.Body)
		}
		seen[m[1]] = true
		if !strings.Contains(h.log.String(), "reference="+m[1]) || strings.Contains(a.Body, errDown.Error()) {
			t.Errorf("%s: page %s, log %s", c.name, a.Body, h.log.String())
		}
	}
	if h.lives(t, papers) {
		t.Error("without the audit, access is not taken away")
	}
}

// TestLastUse: as far as it is known.
func TestLastUse(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.connect(t, "Papers", ann)
	for _, c := range []struct {
		later time.Duration
		want  string
	}{
		{0, "Within the last hour"},
		{time.Hour, "Within the last two hours"},
		{4*time.Hour + 30*time.Minute, "About 5 hours ago"},
		{42 * time.Hour, "About 47 hours ago"},
		{72 * time.Hour, "About 4 days ago"},
	} {
		h.advance(c.later)
		wantPage(t, h.browser().signIn(t, ann), http.StatusOK, c.want)
	}
}
