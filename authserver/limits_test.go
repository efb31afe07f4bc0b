package authserver_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"m365mcp/authserver"
)

const registration = `{"redirect_uris":["` + redirectURI + `"],"token_endpoint_auth_method":"none"}`

// registerFrom registers through a proxy on this machine, for somebody behind it.
func (h *harness) registerFrom(t *testing.T, header ...string) answer {
	t.Helper()
	return h.browser(t).do(t, http.MethodPost, h.URL+"/register", registration, append([]string{"Content-Type", "application/json"}, header...)...)
}

func loopbackProxy(o *authserver.Options) {
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
}

// TestThousandRegistrations: a thousand from one address, and a thousand from many.
func TestThousandRegistrations(t *testing.T) {
	t.Parallel()
	h := newHarness(t, loopbackProxy)
	created := 0
	for range 1000 {
		got := h.registerFrom(t, "X-Forwarded-For", "198.51.100.7")
		if got.StatusCode == http.StatusCreated {
			created++
			continue
		}
		if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "12" || got.Header.Get("Content-Type") != "application/json" ||
			got.text(t, "error") != "temporarily_unavailable" || !strings.Contains(got.text(t, "error_description"), "Try again in 12 seconds") {
			t.Fatalf("%d %s %s", got.StatusCode, got.Header.Get("Retry-After"), got.body)
		}
	}
	equal(t, "created", created, 300)
	equal(t, "rows", h.rows(t, "oauth_clients"), 300)
	equal(t, "a neighbour", h.registerFrom(t, "X-Forwarded-For", "198.51.100.8").StatusCode, http.StatusCreated)
	h.clock.advance(12 * time.Second)
	equal(t, "12 seconds later", h.registerFrom(t, "X-Forwarded-For", "198.51.100.7").StatusCode, http.StatusCreated)
	equal(t, "once", h.registerFrom(t, "X-Forwarded-For", "198.51.100.7").StatusCode, http.StatusTooManyRequests)

	h = newHarness(t, loopbackProxy)
	for i := range 1000 {
		equal(t, "from many", h.registerFrom(t, "X-Forwarded-For", fmt.Sprintf("203.0.%d.%d", i/200, i%200)).StatusCode, http.StatusCreated)
	}
	full := h.registerFrom(t, "X-Forwarded-For", "203.0.113.250")
	equal(t, "more than are kept", full.StatusCode, http.StatusServiceUnavailable)
	equal(t, "rows", h.rows(t, "oauth_clients"), 1000)
}

// TestRegistrationLimitIsAnAddress: what strangers write in headers changes nothing.
func TestRegistrationLimitIsAnAddress(t *testing.T) {
	t.Parallel()
	few := func(o *authserver.Options) { o.Registrations = 2 }
	exhaust := func(t *testing.T, h *harness, headers func(i int) []string) int {
		t.Helper()
		created := 0
		for i := range 10 {
			if h.registerFrom(t, headers(i)...).StatusCode == http.StatusCreated {
				created++
			}
		}
		return created
	}
	header := func(name, format string) func(int) []string {
		return func(i int) []string { return []string{name, fmt.Sprintf(format, i)} }
	}
	for _, c := range []struct {
		name    string
		proxies bool
		headers func(int) []string
		want    int
	}{
		{"nobody is trusted", false, header("X-Forwarded-For", "203.0.113.%d"), 2},
		{"nobody is trusted, Forwarded", false, header("Forwarded", "for=203.0.113.%d"), 2},
		{"what stands before the proxy's own", true, header("X-Forwarded-For", "203.0.113.%d, 198.51.100.7"), 2},
		{"the same in Forwarded", true, header("Forwarded", "for=203.0.113.%d;proto=https, for=198.51.100.7"), 2},
		{"two headers that differ", true, func(i int) []string {
			return []string{"X-Forwarded-For", "198.51.100.7", "Forwarded", fmt.Sprintf("for=203.0.113.%d", i)}
		}, 2},
		{"one /64", true, header("X-Forwarded-For", "2001:db8:1:2::%d"), 2},
		{"no addresses", true, header("X-Forwarded-For", "unknown-%d"), 2},
		{"other headers", true, header("X-Real-IP", "203.0.113.%d"), 2},
		{"people behind a proxy", true, header("X-Forwarded-For", "203.0.113.%d"), 10},
		{"behind two", true, header("X-Forwarded-For", "192.0.2.1, 203.0.113.%d, 10.0.0.1"), 10},
		{"many /64", true, header("Forwarded", `for="[2001:db8:1:%d::1]:4711"`), 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			options := []func(*authserver.Options){few}
			if c.proxies {
				options = append(options, loopbackProxy)
			}
			equal(t, "created", exhaust(t, newHarness(t, options...), c.headers), c.want)
		})
	}
}

// TestFailuresAtTheTokenEndpoint: guessing is slowed down, for the one who guesses.
func TestFailuresAtTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	h := newHarness(t, configured, loopbackProxy)
	clientID, _, refresh := h.connect(t)
	const guesser, neighbour = "198.51.100.7", "198.51.100.8"
	form := codeForm("portal", h.code(t, h.request("portal")))
	try := func(from string, form url.Values) answer {
		t.Helper()
		return h.token(t, form, "X-Forwarded-For", from)
	}
	for range 60 {
		equal(t, "a guess", try(guesser, withSecret(form, "a wrong secret")).StatusCode, http.StatusUnauthorized)
	}
	got := try(guesser, withSecret(form, "a secret of the portal"))
	equal(t, "the right one, too late", got.StatusCode, http.StatusTooManyRequests)
	equal(t, "Retry-After", got.Header.Get("Retry-After"), "1")
	revocation := h.browser(t).post(t, h.URL+"/revoke", url.Values{"client_id": {"portal"}, "client_secret": {"x"}, "token": {"x"}}, "X-Forwarded-For", guesser)
	equal(t, "at the revocation endpoint", revocation.StatusCode, http.StatusTooManyRequests)
	equal(t, "the client elsewhere", try(neighbour, withSecret(form, "a secret of the portal")).StatusCode, http.StatusOK)

	foreign := refreshForm("desktop", refresh)
	for range 60 {
		equal(t, "a token of another", try(guesser, foreign).text(t, "error"), "invalid_grant")
	}
	equal(t, "again and again", try(guesser, foreign).StatusCode, http.StatusTooManyRequests)
	equal(t, "another token of the address", try(guesser, refreshForm("desktop", "unknown")).StatusCode, http.StatusBadRequest)
	equal(t, "the token elsewhere", try(neighbour, refreshForm(clientID, refresh)).StatusCode, http.StatusOK)
	h.clock.advance(time.Second)
	equal(t, "a second later", try(guesser, foreign).StatusCode, http.StatusBadRequest)
}

// TestTooManyPages: whoever opens or answers pages without end is told to wait.
func TestTooManyPages(t *testing.T) {
	t.Parallel()
	h := newHarness(t, configured)
	b := h.browser(t)
	page := h.authorize(t, b, h.request("desktop"))
	form := url.Values{"csrf_token": {csrf(t, page)}, "decision": {"approve"}}
	var got answer
	for range 121 {
		got = b.post(t, h.URL+"/consent", form)
	}
	equal(t, "answers", got.StatusCode, http.StatusTooManyRequests)
	equal(t, "Retry-After", got.Header.Get("Retry-After"), "1")
	for _, want := range []string{"Try again later", "too many requests from your network address", "in 1 second."} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page lacks %q: %s", want, alert(got))
		}
	}
	for range 600 {
		got = b.get(t, h.URL+"/authorize")
	}
	equal(t, "pages", got.StatusCode, http.StatusTooManyRequests)
	h.clock.advance(time.Minute)
	equal(t, "a minute later", h.authorize(t, b, h.request("desktop")).StatusCode, http.StatusOK)
}
