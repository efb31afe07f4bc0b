package authserver_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/authserver"
)

// publisher is an app's web server, with its metadata document.
type publisher struct {
	*httptest.Server
	mu     sync.Mutex
	serve  http.HandlerFunc // nil: document
	hits   int
	header http.Header // of the last request
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		serve := p.serve
		p.hits++
		p.header = r.Header.Clone()
		p.mu.Unlock()
		if serve == nil {
			serve = p.document(nil)
		}
		serve(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) set(serve http.HandlerFunc) { p.mu.Lock(); defer p.mu.Unlock(); p.serve = serve }

func (p *publisher) count() int { p.mu.Lock(); defer p.mu.Unlock(); return p.hits }

func (p *publisher) id() string { return p.URL + "/client.json" }

// document serves a good document with these members in place of its own; nil
// takes one out.
func (p *publisher) document(change map[string]any, header ...string) http.HandlerFunc {
	members := map[string]any{
		"client_id": p.id(), "client_name": "Published", "redirect_uris": []string{redirectURI}, "token_endpoint_auth_method": "none",
		"client_uri": "https://assistant.example", "grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"},
	}
	maps.Copy(members, change)
	maps.DeleteFunc(members, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return p.text(string(text), header...)
}

func (p *publisher) text(body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		_, _ = w.Write([]byte(body))
	}
}

// option turns documents on, for this publisher's host alone.
func (p *publisher) option(o *authserver.Options) { p.within(time.Minute, o) }

// within is option with a limit of the fetch's.
func (p *publisher) within(limit time.Duration, o *authserver.Options) {
	o.Documents = &http.Client{
		Transport: p.Client().Transport, Timeout: limit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	o.DocumentAllowed = func(u *url.URL) bool { return u.Scheme+"://"+u.Host == p.URL }
}

// alert is what an error page says.
func alert(page answer) string {
	_, text, _ := strings.Cut(page.body, `role="alert">`)
	text, _, _ = strings.Cut(text, "<")
	return text
}

func TestDocumentClient(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	h := newHarness(t, p.option)
	equal(t, "advertised", h.browser(t).get(t, h.URL+"/.well-known/oauth-authorization-server").json(t)["client_id_metadata_document_supported"], any(true))
	b := h.browser(t)
	page := h.authorize(t, b, h.request(p.id()))
	equal(t, "consent page", page.StatusCode, http.StatusOK)
	if !strings.Contains(page.body, "Published") {
		t.Error(page.body)
	}
	equal(t, "stored for nobody", h.rows(t, "oauth_clients"), 0)
	equal(t, "Accept", p.header.Get("Accept"), "application/json")
	equal(t, "Cookie", p.header.Get("Cookie"), "")
	state := h.decide(t, b, page, "approve").Query().Get("state")
	code := back(t, h.callback(t, b, url.Values{"state": {state}, "code": {"ms-code"}})).Get("code")
	tokens := h.token(t, codeForm(p.id(), code))
	access := tokens.text(t, "access_token")
	equal(t, "mcp", h.mcp(t, access), http.StatusOK)
	equal(t, "fetched", p.count(), 1)
	client, err := h.db.OAuth().Client(t.Context(), p.id())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "source", client.Source, authserver.ClientDocument)

	// What a person agreed to does not hang on the app's web server.
	p.Close()
	h.boot(t, p.option)
	tokens = h.token(t, refreshForm(p.id(), tokens.text(t, "refresh_token")))
	equal(t, "mcp after a refresh", h.mcp(t, tokens.text(t, "access_token")), http.StatusOK)
	if err := h.auth.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "mcp after a sweep", h.mcp(t, tokens.text(t, "access_token")), http.StatusOK)
	withSecret := refreshForm(p.id(), tokens.text(t, "refresh_token"))
	withSecret.Set("client_secret", "x")
	equal(t, "with a secret", h.token(t, withSecret).text(t, "error"), "invalid_client")
	if err := h.auth.Revoke(t.Context(), authserver.Selector{ClientID: p.id()}, "test"); err != nil {
		t.Fatal(err)
	}
	equal(t, "mcp after a kill", h.mcp(t, tokens.text(t, "access_token")), http.StatusUnauthorized)
}

// TestDocumentsThatEnd: an administrator who turns documents off, or takes a host
// from the list, ends what its apps have.
func TestDocumentsThatEnd(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	for name, off := range map[string]func(*authserver.Options){
		"off":         func(*authserver.Options) {},
		"not allowed": func(o *authserver.Options) { p.option(o); o.DocumentAllowed = func(*url.URL) bool { return false } },
	} {
		h := newHarness(t, p.option)
		tokens := h.token(t, codeForm(p.id(), h.code(t, h.request(p.id()))))
		before := p.count()
		h.boot(t, off)
		principal, err := h.auth.Verify(t.Context(), tokens.text(t, "access_token"))
		equal(t, name+": mcp", h.mcp(t, tokens.text(t, "access_token")), http.StatusUnauthorized)
		if err == nil || h.auth.Recheck(t.Context(), principal) == nil {
			t.Errorf("%s: the token is good", name)
		}
		equal(t, name+": refresh", h.token(t, refreshForm(p.id(), tokens.text(t, "refresh_token"))).text(t, "error"), "invalid_client")
		equal(t, name+": authorize", h.authorize(t, h.browser(t), h.request(p.id())).StatusCode, http.StatusBadRequest)
		equal(t, name+": fetched", p.count(), before)
		if err := h.auth.EndRemoved(t.Context()); err != nil {
			t.Fatal(err)
		}
		equal(t, name+": in the vault", len(h.vault.grants()), 0)
	}
}

func TestDocumentsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	var inner int
	victim := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inner++ }))
	t.Cleanup(victim.Close)
	good, err := json.Marshal(map[string]any{"client_id": p.id(), "redirect_uris": []string{redirectURI}})
	if err != nil {
		t.Fatal(err)
	}
	withMember := func(member string) string { return `{` + member + `,` + string(good[1:]) }
	sent := 0
	patient := newHarness(t, p.option)
	hasty := newHarness(t, func(o *authserver.Options) { p.within(300*time.Millisecond, o) }) // with those who never end
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		want  string
	}{
		"redirects to loopback": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, victim.URL, http.StatusFound) }, "redirect"},
		"redirects to itself": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/other.json", http.StatusPermanentRedirect)
		}, "redirect"},
		"10 MB": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			chunk := []byte(strings.Repeat(" ", 64<<10))
			for range 160 {
				n, err := w.Write(chunk)
				if sent += n; err != nil {
					return
				}
			}
		}, "larger"},
		"one byte more":         {p.text(string(good) + strings.Repeat(" ", 5<<10-len(good)+1)), "larger"},
		"lies about its id":     {p.document(map[string]any{"client_id": "https://claude.ai/client.json"}), "client_id"},
		"its id with a slash":   {p.document(map[string]any{"client_id": p.id() + "/"}), "client_id"},
		"no id":                 {p.document(map[string]any{"client_id": nil}), "client_id"},
		"id in capitals":        {p.document(map[string]any{"client_id": nil, "CLIENT_ID": p.id()}), "client_id"},
		"not JSON":              {p.text("<html>"), "JSON"},
		"JSON and more":         {p.text(string(good) + "{}"), "JSON"},
		"an array":              {p.text("[" + string(good) + "]"), "JSON"},
		"null":                  {p.text("null"), "JSON"},
		"duplicate key":         {p.text(withMember(`"client_id":"https://evil.example/x"`)), "twice"},
		"duplicate redirects":   {p.text(withMember(`"redirect_uris":["https://evil.example/"]`)), "twice"},
		"duplicate key, inside": {p.text(withMember(`"jwks":{"keys":[{"kty":"EC","kty":"RSA"}]}`)), "twice"},
		"very deep":             {p.text(withMember(`"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000))), "deeply"},
		"not UTF-8":             {p.text(withMember("\"x\":\"\xff\"")), "UTF-8"},
		"HTML type":             {p.document(nil, "Content-Type", "text/html"), "Content-Type"},
		"no type":               {p.document(nil, "Content-Type", ""), "Content-Type"},
		"not found":             {http.NotFound, "status 404"},
		"no content":            {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "status 204"},
		"not modified, unasked": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, "redirect"},
		"a secret":              {p.document(map[string]any{"client_secret": "x"}), "client_secret"},
		"a secret's expiry":     {p.document(map[string]any{"client_secret_expires_at": 0}), "client_secret"},
		"basic":                 {p.document(map[string]any{"token_endpoint_auth_method": "client_secret_basic"}), "token_endpoint_auth_method"},
		"method of a secret":    {p.document(map[string]any{"token_endpoint_auth_method": "client_secret_jwt"}), "token_endpoint_auth_method"},
		"no keys":               {p.document(map[string]any{"token_endpoint_auth_method": "private_key_jwt"}), "neither jwks nor a jwks_uri"},
		"symmetric key": {p.document(map[string]any{
			"token_endpoint_auth_method": "private_key_jwt", "jwks": map[string]any{"keys": []any{map[string]any{"kty": "oct", "k": "c2VjcmV0"}}},
		}), "no set of public keys"},
		"keys in two ways": {p.document(map[string]any{
			"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": p.URL + "/keys", "jwks": map[string]any{"keys": []any{}},
		}), "forbids together"},
		"keys inside": {p.document(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://192.168.0.1/keys"}), "neither jwks nor a jwks_uri"},
		"keys over http": {p.document(map[string]any{
			"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": strings.Replace(p.URL, "https", "http", 1) + "/keys",
		}), "neither jwks nor a jwks_uri"},
		"no redirects":      {p.document(map[string]any{"redirect_uris": nil}), "redirect URI"},
		"redirects as text": {p.document(map[string]any{"redirect_uris": redirectURI}), "redirect_uris"},
		"script":            {p.document(map[string]any{"redirect_uris": []string{"javascript:alert(1)"}}), "redirect URI"},
		"plain http":        {p.document(map[string]any{"redirect_uris": []string{redirectURI, "http://a.example/"}}), "plain http"},
		"long name":         {p.document(map[string]any{"client_name": strings.Repeat("n", 4000)}), "client_name"},
		"10,000 characters": {p.document(map[string]any{"client_name": strings.Repeat("n", 10_000)}), "larger"},
		"other redirect":    {p.document(map[string]any{"redirect_uris": []string{redirectURI + "/"}}), "asked to return to"},
		"never ends": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for range tick.C {
				if _, err := w.Write([]byte(" ")); err != nil || http.NewResponseController(w).Flush() != nil {
					return
				}
			}
		}, "could not be fetched"},
		"says nothing": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "could not be fetched"},
		"broken":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "could not be fetched"},
		"hangs up":     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "could not be fetched"},
		"less than it said": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "4000")
			_, _ = w.Write(good)
		}, "could not be fetched"},
	} {
		p.set(c.serve)
		h, want := patient, http.StatusBadRequest
		if c.want == "could not be fetched" {
			h, want = hasty, http.StatusServiceUnavailable
		}
		h.clock.advance(49 * time.Hour) // nothing of the one before is left
		got := h.authorize(t, h.browser(t), h.request(p.id()))
		if h == hasty {
			equal(t, name+": Retry-After", got.Header.Get("Retry-After"), "10")
		}
		equal(t, name, got.StatusCode, want)
		equal(t, name+": Location", got.Header.Get("Location"), "")
		if !strings.Contains(alert(got), c.want) {
			t.Errorf("%s: the page says %q, not %q", name, alert(got), c.want)
		}
		equal(t, name+": clients", h.rows(t, "oauth_clients"), 0)
	}
	equal(t, "requests to the redirect's target", inner, 0)
	if sent > 8<<20 {
		t.Errorf("%d bytes were taken", sent)
	}
	h := patient
	h.clock.advance(49 * time.Hour)
	for name, serve := range map[string]http.HandlerFunc{
		"as it is":      p.document(nil),
		"no method":     p.document(map[string]any{"token_endpoint_auth_method": nil}),
		"no name":       p.document(map[string]any{"client_name": nil}),
		"5 KB":          p.text(string(good) + strings.Repeat(" ", 5<<10-len(good))),
		"own type":      p.document(nil, "Content-Type", "application/client-metadata+json; charset=utf-8"),
		"more members":  p.text(withMember(`"CLIENT_ID":"https://evil.example/","Redirect_Uris":["https://evil.example/"],"jwks":{"keys":[]}`)),
		"more redirect": p.document(map[string]any{"redirect_uris": []string{"http://127.0.0.1/cb", "cursor://x/y", redirectURI}}),
	} {
		p.set(serve)
		equal(t, name, h.authorize(t, h.browser(t), h.request(p.id())).StatusCode, http.StatusOK)
		h.clock.advance(49 * time.Hour)
	}
}

// TestDocumentAddresses: what is no address of a document is refused before anything is fetched.
func TestDocumentAddresses(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	h := newHarness(t, p.option, func(o *authserver.Options) { o.DocumentAllowed = func(*url.URL) bool { return true } })
	host := strings.TrimPrefix(p.URL, "https://")
	for name, id := range map[string]string{
		"no path":        p.URL,
		"only a query":   p.URL + "?x=/a",
		"fragment":       p.id() + "#x",
		"empty fragment": p.id() + "#",
		"user":           "https://user@" + host + "/client.json",
		"empty user":     "https://@" + host + "/client.json",
		"password":       "https://u:p@" + host + "/client.json",
		"dot":            p.URL + "/./client.json",
		"dots":           p.URL + "/a/../client.json",
		"last dots":      p.URL + "/a/..",
		"encoded dots":   p.URL + "/a/%2e%2E/client.json",
		"encoded slash":  p.URL + "/a/..%2fclient.json",
		"backslash":      p.URL + `/a\..\client.json`,
		"space":          p.URL + "/a client.json",
		"newline":        p.URL + "/a\nclient.json",
		"unicode":        p.URL + "/\u00e4.json",
		"unicode host":   "https://\uff41.example/client.json",
		"quote":          p.URL + `/"client.json`,
		"capital scheme": "HTTPS://" + host + "/client.json",
		"capital host":   "https://Assistant.example/client.json",
		"http":           "http://" + host + "/client.json",
		"no host":        "https:///client.json",
		"no slashes":     "https:client.json",
		"empty port":     "https://assistant.example:/client.json",
		"bad port":       "https://assistant.example:x/client.json",
		"long":           p.URL + "/" + strings.Repeat("x", 600),
		"bad escape":     p.URL + "/%zz",
	} {
		got := h.authorize(t, h.browser(t), h.request(id))
		equal(t, name, got.StatusCode, http.StatusBadRequest)
	}
	equal(t, "fetched", p.count(), 0)
}

// TestDocumentCache: HTTP's rules, between 5 minutes and a day.
func TestDocumentCache(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		header []string
		fresh  time.Duration
	}{
		{"no word", nil, time.Hour},
		{"a floor", []string{"Cache-Control", "max-age=1"}, 5 * time.Minute},
		{"no-store", []string{"Cache-Control", "public, No-Store, max-age=86400"}, 5 * time.Minute},
		{"a ceiling", []string{"Cache-Control", "max-age=31536000"}, 24 * time.Hour},
		{"in between", []string{"Cache-Control", `public, max-age="7200"`}, 2 * time.Hour},
		{"age", []string{"Cache-Control", "max-age=7200", "Age", "3600"}, time.Hour},
		{"nonsense", []string{"Cache-Control", "max-age=-5"}, 5 * time.Minute},
		{"overflow", []string{"Cache-Control", "max-age=99999999999999999999"}, 5 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPublisher(t)
			p.set(p.document(nil, c.header...))
			h := newHarness(t, p.option)
			see := func(want int) {
				t.Helper()
				equal(t, "page", h.authorize(t, h.browser(t), h.request(p.id())).StatusCode, http.StatusOK)
				equal(t, "fetched", p.count(), want)
			}
			see(1)
			h.clock.advance(c.fresh - time.Second)
			see(1)
			h.clock.advance(time.Second)
			see(2)
		})
	}
}

func TestDocumentRevalidation(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	p.set(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.Header().Set("Cache-Control", "max-age=600")
			w.WriteHeader(http.StatusNotModified)
			return
		}
		p.document(nil, "ETag", `"v1"`)(w, r)
	})
	h := newHarness(t, p.option)
	for i, after := range []time.Duration{0, time.Hour, 10 * time.Minute, 10 * time.Minute} {
		h.clock.advance(after)
		page := h.authorize(t, h.browser(t), h.request(p.id()))
		equal(t, fmt.Sprint(i), page.StatusCode, http.StatusOK)
		if !strings.Contains(page.body, "Published") {
			t.Error(page.body)
		}
		equal(t, "fetched", p.count(), i+1)
		equal(t, "If-None-Match", p.header.Get("If-None-Match"), map[bool]string{true: `"v1"`}[i > 0])
	}
}

// TestDocumentOutage: an app's web server that is down is not felt for a day, is not
// hammered, and what it withdraws counts at once.
func TestDocumentOutage(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	h := newHarness(t, p.option)
	see := func(what string, status, fetched int) {
		t.Helper()
		equal(t, what, h.authorize(t, h.browser(t), h.request(p.id())).StatusCode, status)
		equal(t, what+": fetched", p.count(), fetched)
	}
	down := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
	see("fresh", http.StatusOK, 1)
	p.set(down)
	h.clock.advance(time.Hour)
	see("down", http.StatusOK, 2)
	see("down, at once", http.StatusOK, 2)
	h.clock.advance(10 * time.Second)
	see("down, a little later", http.StatusOK, 3)
	h.clock.advance(24 * time.Hour)
	see("down for a day", http.StatusServiceUnavailable, 4)
	p.set(nil)
	see("up again, at once", http.StatusServiceUnavailable, 4)
	h.clock.advance(10 * time.Second)
	see("up again", http.StatusOK, 5)
	p.set(http.NotFound)
	h.clock.advance(time.Hour)
	see("withdrawn", http.StatusBadRequest, 6)
	see("withdrawn, at once", http.StatusBadRequest, 6)
	p.set(down)
	h.clock.advance(10 * time.Second)
	see("withdrawn, and then down", http.StatusServiceUnavailable, 7)
}

// TestDocumentChanges: what the app publishes counts at every step.
func TestDocumentChanges(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	moved := p.document(map[string]any{"redirect_uris": []string{"https://new.example/cb"}})
	t.Run("before the request", func(t *testing.T) {
		p.set(nil)
		h := newHarness(t, p.option)
		b := h.browser(t)
		equal(t, "before", h.authorize(t, b, h.request(p.id())).StatusCode, http.StatusOK)
		p.set(moved)
		equal(t, "for as long as it is fresh", h.authorize(t, b, h.request(p.id())).StatusCode, http.StatusOK)
		h.clock.advance(time.Hour)
		equal(t, "the old redirect", h.authorize(t, b, h.request(p.id())).StatusCode, http.StatusBadRequest)
		request := h.request(p.id())
		request.Set("redirect_uri", "https://new.example/cb")
		equal(t, "the new redirect", h.authorize(t, b, request).StatusCode, http.StatusOK)
	})
	t.Run("while the page is open", func(t *testing.T) {
		p.set(p.document(nil, "Cache-Control", "no-store"))
		h := newHarness(t, p.option)
		b := h.browser(t)
		page := h.authorize(t, b, h.request(p.id()))
		p.set(moved)
		h.clock.advance(5 * time.Minute)
		got := b.post(t, h.URL+"/consent", url.Values{"csrf_token": {csrf(t, page)}, "decision": {"approve"}})
		equal(t, "approval", got.StatusCode, http.StatusBadRequest)
	})
	t.Run("while the person is at Microsoft", func(t *testing.T) {
		p.set(p.document(nil, "Cache-Control", "no-store"))
		h := newHarness(t, p.option)
		b := h.browser(t)
		state := h.decide(t, b, h.authorize(t, b, h.request(p.id())), "approve").Query().Get("state")
		p.set(moved)
		h.clock.advance(5 * time.Minute)
		got := h.callback(t, b, url.Values{"state": {state}, "code": {"ms-code"}})
		equal(t, "callback", got.StatusCode, http.StatusBadRequest)
		equal(t, "Location", got.Header.Get("Location"), "")
		equal(t, "grants", h.rows(t, "oauth_grants"), 0)
	})
	t.Run("its name", func(t *testing.T) {
		p.set(p.document(map[string]any{"client_name": "<b>\u202eevil\u0007</b>"}))
		h := newHarness(t, p.option)
		page := h.authorize(t, h.browser(t), h.request(p.id()))
		if !strings.Contains(page.body, "&lt;b&gt;evil&lt;/b&gt;") || strings.Contains(page.body, "\u202e") {
			t.Error(page.body)
		}
	})
}

// TestDocumentFlights: many at once make one request; one address makes few.
func TestDocumentFlights(t *testing.T) {
	t.Parallel()
	p := newPublisher(t)
	asked, release := make(chan struct{}, 20), make(chan struct{})
	p.set(func(w http.ResponseWriter, r *http.Request) { asked <- struct{}{}; <-release; p.document(nil)(w, r) })
	h := newHarness(t, p.option)
	var wg sync.WaitGroup
	statuses := make([]int, 20)
	for i := range statuses {
		wg.Go(func() { statuses[i] = h.authorize(t, h.browser(t), h.request(p.id())).StatusCode })
	}
	<-asked
	close(release)
	wg.Wait()
	for _, status := range statuses {
		equal(t, "page", status, http.StatusOK)
	}
	equal(t, "fetched", p.count(), 1)

	h = newHarness(t, p.option)
	p.set(http.NotFound)
	last := answer{}
	for i := range 61 {
		last = h.authorize(t, h.browser(t), h.request(fmt.Sprintf("%s/%d.json", p.URL, i)))
	}
	equal(t, "one too many", last.StatusCode, http.StatusTooManyRequests)
	equal(t, "Retry-After", last.Header.Get("Retry-After"), "1")
	equal(t, "fetched", p.count(), 61)
}
