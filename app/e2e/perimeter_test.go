package e2e_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	signed "github.com/go-jose/go-jose/v4/jwt"

	"m365mcp/app"
	"m365mcp/config"
	"m365mcp/internal/headless"
	simulator "m365mcp/simulator/entra"
)

// access plays Cloudflare Access: it knows people by their cookie and services by the
// headers of their token, signs who it is, and lets everybody else go no further.
type access struct {
	*httptest.Server
	t      *testing.T
	key    jose.JSONWebKey
	direct string // around it
	behind atomic.Pointer[httputil.ReverseProxy]
	told   atomic.Int32 // whose groups were asked for
}

const (
	accessAudience = "f00d"
	accessCookie   = "CF_Authorization"
	serviceID      = "4a9b.access"
	serviceSecret  = "of the service"
)

func newAccess(t *testing.T) *access {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	a := &access{t: t, key: jose.JSONWebKey{Key: key, KeyID: "access-1"}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *access) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/cdn-cgi/access/certs" {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{a.key.Public()}})
		return
	}
	if r.URL.Path == "/cdn-cgi/access/get-identity" {
		a.identity(w, r)
		return
	}
	claims := map[string]any{"iss": a.URL, "aud": []string{accessAudience}, "iat": time.Now().Unix(), "nbf": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "type": "app"}
	switch cookie, err := r.Cookie(accessCookie); {
	case err == nil:
		claims["sub"], claims["email"], claims["country"] = "access|"+cookie.Value, cookie.Value, "PT"
	case r.Header.Get("Cf-Access-Client-Id") == serviceID && r.Header.Get("Cf-Access-Client-Secret") == serviceSecret:
		claims["sub"], claims["common_name"] = "", serviceID
	default:
		http.Error(w, "Sign in at Access first", http.StatusUnauthorized)
		return
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: a.key}, nil)
	if err != nil {
		a.t.Error(err)
	}
	assertion, err := signed.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		a.t.Error(err)
	}
	r.Header.Del("Cf-Access-Client-Secret")
	r.Header.Set("Cf-Access-Jwt-Assertion", assertion)
	r.Header.Set("Cf-Connecting-Ip", "198.51.100.7")
	a.behind.Load().ServeHTTP(w, r)
}

// identity tells groups to who sends an assertion of its own as the cookie.
func (a *access) identity(w http.ResponseWriter, r *http.Request) {
	var claims struct {
		Email string `json:"email"`
	}
	cookie, err := r.Cookie(accessCookie)
	if err != nil {
		a.t.Error(err)
		return
	}
	token, err := signed.ParseSigned(cookie.Value, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || token.Claims(a.key.Public(), &claims) != nil {
		http.Error(w, "not signed here", http.StatusUnauthorized)
		return
	}
	a.told.Add(1)
	_ = json.NewEncoder(w).Encode(map[string]any{"email": claims.Email, "groups": []any{map[string]string{"id": "g-1", "name": "Staff"}}})
}

// front puts a demo behind Access.
func (a *access) front(t *testing.T, more func(*config.Config)) *demo {
	t.Helper()
	d := startDemo(t, app.DemoOptions{
		ConfigureEntra: func(o *simulator.Options) {
			for i := range o.Clients {
				o.Clients[i].RedirectURIs = []string{a.URL + "/callback"}
			}
		},
		Configure: func(c *config.Config) {
			listen, err := url.Parse(c.Server.PublicURL)
			if err != nil {
				t.Error(err)
			}
			a.direct = c.Server.PublicURL
			a.behind.Store(httputil.NewSingleHostReverseProxy(listen))
			c.Server.PublicURL = a.URL
			c.Server.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			c.Perimeter.Modes = []string{config.CloudflareAccess}
			c.Perimeter.AccessTeam, c.Perimeter.AccessAudiences = a.URL, []string{accessAudience}
			if more != nil {
				more(c)
			}
		},
	})
	t.Cleanup(a.CloseClientConnections)
	return d
}

// as sends what a person, or a service, sends through Access.
type as struct {
	next   http.RoundTripper
	access string // its address: nothing of it goes anywhere else
	add    http.Header
}

func (a as) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.String(), a.access+"/") {
		r = r.Clone(r.Context())
		for name, values := range a.add {
			for _, v := range values {
				r.Header.Add(name, v)
			}
		}
	}
	return a.next.RoundTrip(r)
}

// person is somebody with a browser behind Access.
func (a *access) person(d *demo, address string) (*headless.Browser, http.RoundTripper) {
	t := as{d.transport, a.URL, http.Header{"Cookie": {accessCookie + "=" + address}}}
	return headless.New(t), t
}

// call is one tool call, by whoever the transport is.
func (a *access) call(t *testing.T, by http.RoundTripper, token string) (int, string) {
	t.Helper()
	answer, err := headless.New(by).Fetch(t.Context(), http.MethodPost, a.URL+"/mcp",
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"getEmails","arguments":{"count":1}}}`,
		"Content-Type", "application/json", "Accept", "application/json, text/event-stream", "MCP-Protocol-Version", "2025-11-25", "Authorization", "Bearer "+token)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status, answer.Body
}

// Invariants 1 and 2, end to end: two people and a service come through a proxy that
// signs; each is who they are, all the way to the audit.
func TestBehindAccess(t *testing.T) {
	t.Parallel()
	a := newAccess(t)
	d := a.front(t, func(c *config.Config) {
		c.Perimeter.Machines = []config.PerimeterMachine{{Service: serviceID, Clients: []string{"hosted.example"}}}
	})
	ada, bruno := d.upn(t, "ada"), d.upn(t, "bruno")
	adasBrowser, asAda := a.person(d, ada)
	_, asBruno := a.person(d, bruno)
	asService := as{d.transport, a.URL, http.Header{"Cf-Access-Client-Id": {serviceID}, "Cf-Access-Client-Secret": {serviceSecret}}}

	id, err := adasBrowser.Register(t.Context(), a.URL, "Through Access")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := adasBrowser.SignInTo(t.Context(), a.URL, id, ada)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := a.call(t, asAda, tokens.Access); status != http.StatusOK || !strings.Contains(body, "emails") {
		t.Errorf("the person: %d %s", status, body)
	}
	for name, by := range map[string]http.RoundTripper{"another person": asBruno, "a service for other clients": asService} {
		if status, body := a.call(t, by, tokens.Access); status != http.StatusForbidden || !strings.Contains(body, "somebody else") {
			t.Errorf("%s with the person's token: %d %s", name, status, body)
		}
	}
	// Around the proxy, with every header that a proxy could send.
	direct := &http.Transport{}
	defer direct.CloseIdleConnections()
	answer, err := headless.New(direct).Fetch(t.Context(), http.MethodPost, a.direct+"/mcp", `{}`,
		"Host", strings.TrimPrefix(a.URL, "http://"), "Authorization", "Bearer "+tokens.Access, "Cf-Access-Authenticated-User-Email", ada,
		"X-Forwarded-Email", ada, "X-Forwarded-For", "127.0.0.1", "Cookie", accessCookie+"="+ada)
	if err != nil || answer.Status != http.StatusForbidden || !strings.Contains(answer.Body, "no proof of having come through Cloudflare Access") {
		t.Errorf("around the proxy: %v, %d %s", err, answer.Status, answer.Body)
	}
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/token": http.StatusForbidden, "/authorize": http.StatusForbidden, "/.well-known/oauth-authorization-server": http.StatusForbidden, "/connections": http.StatusForbidden} {
		answer, err := headless.New(direct).Fetch(t.Context(), http.MethodGet, a.direct+path, "", "Host", strings.TrimPrefix(a.URL, "http://"))
		if err != nil || answer.Status != want {
			t.Errorf("%s around the proxy: %v, %d, want %d", path, err, answer.Status, want)
		}
	}

	// Bruno is at the browser, and Ada's account at Microsoft.
	brunosBrowser, _ := a.person(d, bruno)
	if _, err := brunosBrowser.SignInTo(t.Context(), a.URL, id, ada); err == nil || !strings.Contains(err.Error(), "access_denied") {
		t.Errorf("signed in to somebody else's account: %v", err)
	}

	checked := config.Default()
	checked.Perimeter.Modes, checked.Perimeter.AccessTeam, checked.Perimeter.AccessAudiences = []string{config.CloudflareAccess}, a.URL, []string{accessAudience}
	app.Check(t.Context(), checked, func(r app.CheckResult) {
		if r.Name == "perimeter" && (!r.OK || r.Detail != "cloudflare-access") {
			t.Errorf("check: %+v", r)
		}
	})

	var refused, mismatch int
	for _, l := range d.audit(t) {
		switch l.Type {
		case "perimeter.refused":
			refused++
		case "perimeter.mismatch":
			mismatch++
		}
		if l.Tool == "getEmails" && l.PerimeterIdentity != ada {
			t.Errorf("the audit has the perimeter identity %q of a call", l.PerimeterIdentity)
		}
	}
	if refused != 1 || mismatch != 3 {
		t.Errorf("%d refusals and %d mismatches in the audit, want 1 and 3", refused, mismatch)
	}
}

// Automation needs no token of this server's: the proxy has proven it at each request, and
// the configuration lists what it may use.
func TestServiceBehindAccess(t *testing.T) {
	t.Parallel()
	a := newAccess(t)
	d := a.front(t, func(c *config.Config) {
		c.Tools.Preset = "full,runReadTool,runWriteTool,findTools"
		c.Perimeter.Services = []config.PerimeterService{{Service: serviceID, Tools: []string{"authenticate"}}}
	})
	ada := d.upn(t, "ada")
	adasBrowser, asAda := a.person(d, ada)
	asService := as{d.transport, a.URL, http.Header{"Cf-Access-Client-Id": {serviceID}, "Cf-Access-Client-Secret": {serviceSecret}}}
	send := func(by http.RoundTripper, method, params string) answer {
		t.Helper()
		got, err := headless.New(by).Fetch(t.Context(), http.MethodPost, a.URL+"/mcp", fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params),
			"Content-Type", "application/json", "Accept", "application/json, text/event-stream", "MCP-Protocol-Version", "2025-11-25")
		if err != nil {
			t.Fatal(err)
		}
		return answer{got.Status, got.Header, got.Body}
	}
	// A person of whom the server could have data is there; a person needs a token.
	tokens, err := adasBrowser.SignIn(t.Context(), a.URL, ada)
	if err != nil {
		t.Fatal(err)
	}
	if got := send(asAda, "tools/list", `{}`); got.status != http.StatusUnauthorized || !strings.Contains(got.header.Get("WWW-Authenticate"), "resource_metadata") {
		t.Errorf("a person without a token: %d %s", got.status, got.body)
	}
	if status, _ := a.call(t, asService, tokens.Access); status != http.StatusForbidden {
		t.Errorf("the service with a person's token: %d", status)
	}
	since := time.Now()

	if got := send(asService, "initialize", `{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"ci","version":"1"}}`); got.status != http.StatusOK {
		t.Fatalf("initialize: %d %s", got.status, got.body)
	}
	if got := toolNames(t, parseRPC(t, send(asService, "tools/list", `{}`))); !slices.Equal(got, []string{"authenticate"}) {
		t.Errorf("it sees %v", got)
	}
	call := func(name string) result {
		t.Helper()
		r := parseRPC(t, send(asService, "tools/call", fmt.Sprintf(`{"name":%q,"arguments":{"name":"getEmails","arguments":{},"query":"mail"}}`, name)))
		var out result
		if err := json.Unmarshal(r.Result, &out); err != nil {
			t.Fatalf("%s: %v, %+v", name, err, r.Error)
		}
		return out
	}
	own := parseRPC(t, send(asService, "tools/call", `{"name":"authenticate","arguments":{}}`))
	if !strings.Contains(string(own.Result), "the service "+serviceID) {
		t.Errorf("its own tool: %s", own.Result)
	}
	names := toolNames(t, listedTo(t, a, asAda, tokens.Access))
	if len(names) < 40 {
		t.Fatalf("a person sees %d tools", len(names))
	}
	for _, name := range names {
		if name == "authenticate" {
			continue
		}
		if r := call(name); !r.IsError || !strings.Contains(r.text(), "not_for_services") {
			t.Errorf("%s: %s", name, r.text())
		}
	}
	for _, uri := range []string{"microsoft://profile", "microsoft://calendars"} {
		if r := parseRPC(t, send(asService, "resources/read", fmt.Sprintf(`{"uri":%q}`, uri))); r.Error == nil {
			t.Errorf("%s: %s", uri, r.Result)
		}
	}
	if got := d.asked(since); len(got) != 0 {
		t.Errorf("Graph was asked: %+v", got)
	}

	// Around the proxy its name is worth nothing.
	direct := &http.Transport{}
	defer direct.CloseIdleConnections()
	got, err := headless.New(direct).Fetch(t.Context(), http.MethodPost, a.direct+"/mcp", `{}`, "Host", strings.TrimPrefix(a.URL, "http://"),
		"Cf-Access-Client-Id", serviceID, "Cf-Access-Client-Secret", serviceSecret)
	if err != nil || got.Status != http.StatusForbidden {
		t.Errorf("around the proxy: %v, %d %s", err, got.Status, got.Body)
	}
	var audited int
	for _, l := range d.audit(t) {
		if l.Tool == "authenticate" && l.Service == serviceID && l.PerimeterIdentity == "service:"+serviceID && l.GrantID == "" {
			audited++
		}
	}
	if audited != 1 {
		t.Errorf("%d lines of the audit are of its one call, want 1", audited)
	}
}

// Nobody but the listed: a machine without a line of the configuration is asked for a token.
func TestUnlistedServiceBehindAccess(t *testing.T) {
	t.Parallel()
	a := newAccess(t)
	d := a.front(t, func(c *config.Config) {
		c.Perimeter.Services = []config.PerimeterService{{Service: "another.access", Tools: []string{"authenticate"}}}
	})
	asService := as{d.transport, a.URL, http.Header{"Cf-Access-Client-Id": {serviceID}, "Cf-Access-Client-Secret": {serviceSecret}}}
	got, err := headless.New(asService).Fetch(t.Context(), http.MethodPost, a.URL+"/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`,
		"Content-Type", "application/json", "Accept", "application/json, text/event-stream", "MCP-Protocol-Version", "2025-11-25")
	if err != nil || got.Status != http.StatusUnauthorized || got.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%v, %d %s", err, got.Status, got.Body)
	}
}

// listedTo is the list of tools, by whoever the transport is.
func listedTo(t *testing.T, a *access, by http.RoundTripper, token string) rpc {
	t.Helper()
	got, err := headless.New(by).Fetch(t.Context(), http.MethodPost, a.URL+"/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}`,
		"Content-Type", "application/json", "Accept", "application/json, text/event-stream", "MCP-Protocol-Version", "2025-11-25", "Authorization", "Bearer "+token)
	if err != nil {
		t.Fatal(err)
	}
	return parseRPC(t, answer{got.Status, got.Header, got.Body})
}

// Groups come from the identity endpoint, and calls work with them as without.
func TestGroupsBehindAccess(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		a := newAccess(t)
		d := a.front(t, func(c *config.Config) { c.Perimeter.AccessGroups = on })
		ada := d.upn(t, "ada")
		browser, asAda := a.person(d, ada)
		tokens, err := browser.SignIn(t.Context(), a.URL, ada)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := a.call(t, asAda, tokens.Access); status != http.StatusOK || !strings.Contains(body, "emails") {
			t.Errorf("%v: %d %s", on, status, body)
		}
		if told := a.told.Load(); (told > 0) != on {
			t.Errorf("with access_groups %v, the identity endpoint was asked %d times", on, told)
		}
	}
}
