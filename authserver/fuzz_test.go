package authserver_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/internal/testenv"
)

// endpoint is one of those that strangers reach, and how it is asked.
type endpoint struct{ method, path, mediaType string }

const formType = "application/x-www-form-urlencoded"

var endpoints = []endpoint{
	{http.MethodPost, "/token", formType},
	{http.MethodPost, "/revoke", formType},
	{http.MethodPost, "/introspect", formType},
	{http.MethodPost, "/register", "application/json"},
	{http.MethodGet, "/authorize", ""},
	{http.MethodGet, "/callback", ""},
	{http.MethodPost, "/consent", formType},
	{http.MethodPost, "/signin", formType},
	{http.MethodPost, "/signout", formType},
	{http.MethodPost, "/access", formType},
	{http.MethodGet, "/access/link", ""},
}

// fuzzed is a server with everything turned on; seeds are good requests to it.
func fuzzed(f *testing.F) (h *harness, seeds map[string][]string) {
	f.Helper()
	s, p := testenv.NewSigner(f, "a"), newProvider(f)
	h = newHarness(f, keyedClient(f, s), services(f, s), p.option, func(o *authserver.Options) {
		o.MaxClients, o.Registrations = 1_000_000, 1_000_000 // the limits are other tests'
	})
	code := codeForm("build", "code")
	code.Set("client_secret", serviceSecret)
	return h, map[string][]string{
		"/token": {
			code.Encode(), refreshForm(keyed, "refresh").Encode(), h.proven(f, s, keyed, refreshForm(keyed, "refresh")).Encode(),
			h.proven(f, s, "signed", clientCredentials).Encode(), "client_id=agent&client_secret=" + url.QueryEscape(serviceSecret) + "&" + h.word(f, p, nil).Encode(),
			"client_id=build&client_secret=" + url.QueryEscape(serviceSecret) + "&grant_type=client_credentials&resource=%3Cb%3E",
		},
		"/revoke":     {"token=x&client_id=desk", h.proven(f, s, "linked by key", url.Values{"token": {"x"}}).Encode()},
		"/introspect": {"token=x&client_id=linked&client_secret=" + url.QueryEscape(serviceSecret), h.proven(f, s, "linked by key", url.Values{"token": {"x"}}).Encode()},
		"/register": {
			`{"redirect_uris":["https://a.example/cb"],"client_name":"<b>x","token_endpoint_auth_method":"none"}`,
			`{"redirect_uris":["cursor://x"],"jwks":{"keys":[]},"jwks_uri":"https://a.example"}`,
		},
		"/authorize":   {h.request(keyed).Encode(), h.request("<script>alert(1)</script>").Encode(), "prompt=none&claims={}&" + h.request(keyed).Encode()},
		"/callback":    {"state=x&code=y", "state=x&error=%3Cscript%3E&error_description=%3Cscript%3E"},
		"/consent":     {"csrf_token=a.b&decision=approve"},
		"/signin":      {"csrf_token=a.b&return_to=%2Faccess%2F"},
		"/signout":     {"csrf_token=a.b"},
		"/access":      {"csrf_token=a.b&decision=approve&link=x"},
		"/access/link": {"x=<y>"},
	}
}

// FuzzEndpoints: whatever a stranger sends to any endpoint, the answer is the stranger's
// fault, in the form of that endpoint, and repeats no markup.
func FuzzEndpoints(f *testing.F) {
	h, seeds := fuzzed(f)
	for i, e := range endpoints {
		for _, seed := range seeds[e.path] {
			f.Add(uint8(i), seed, "", "")
			f.Add(uint8(i), seed, "Basic YnVpbGQ6eA==", "m365mcp-person=a.b; m365mcp-session=a.b")
		}
	}
	var asked atomic.Int64
	f.Fuzz(func(t *testing.T, which uint8, sent, authorization, cookie string) {
		e, sent := endpoints[int(which)%len(endpoints)], marked.Replace(sent)
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), e.method, h.URL+e.path, strings.NewReader(sent))
		if e.method == http.MethodGet {
			r.URL.RawQuery, r.Body = sent, http.NoBody
		}
		r.Header = http.Header{"Content-Type": {e.mediaType}, "Authorization": {authorization}, "Cookie": {cookie}}
		if authorization == "" {
			r.Header.Del("Authorization")
		}
		n := asked.Add(1)
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", n>>16&255, n>>8&255, n&255) // each is another stranger
		h.Config.Handler.ServeHTTP(w, r)
		judge(t, e, sent, w)
	})
}

// judge looks at an answer to what a stranger has sent.
func judge(t *testing.T, e endpoint, sent string, w *httptest.ResponseRecorder) {
	t.Helper()
	body, kind := w.Body.String(), w.Header().Get("Content-Type")
	if w.Code >= http.StatusInternalServerError {
		t.Fatalf("%s %q: %d %s", e.path, sent, w.Code, body)
	}
	if to := w.Header().Get("Location"); to != "" && !strings.HasPrefix(to, redirectURI+"?") && !strings.HasPrefix(to, "/") {
		t.Fatalf("%s %q leads to %q", e.path, sent, to)
	}
	page := strings.HasPrefix(kind, "text/html")
	if page != (e.mediaType != "application/json" && !isAPI(e.path)) && body != "" {
		t.Fatalf("%s %q: an answer of %q: %s", e.path, sent, kind, body)
	}
	if strings.Contains(body, mark) {
		t.Fatalf("%s %q: repeats markup: %s", e.path, sent, body)
	}
}

// mark begins markup that no page of this server has.
const mark = "<zq"

var marked = strings.NewReplacer("<", mark, "%3C", "%3Czq", "%3c", "%3czq")

func isAPI(path string) bool { return path == "/token" || path == "/revoke" || path == "/introspect" }

// FuzzIDJAG: an identity provider's word, well signed, opens nothing unless it names
// this client, this resource and a person who has signed in.
func FuzzIDJAG(f *testing.F) {
	p := newProvider(f)
	h := newHarness(f, p.option)
	grant(f, h)
	good := h.claims("x")
	maps.Copy(good, map[string]any{"iss": providerIssuer, "client_id": agent, "resource": h.URL + "/mcp", "tid": "tenant", "oid": "ann"})
	seed, err := json.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		string(seed), `{"iss":"` + providerIssuer + `"}`, strings.Replace(string(seed), `"ann"`, `["ann"]`, 1), strings.Replace(string(seed), `"ann"`, `"bob"`, 1),
		strings.Replace(string(seed), `"client_id"`, `"client_id":"x","client_id"`, 1), strings.Replace(string(seed), `"resource"`, `"scope":"<b>","resource"`, 1),
	} {
		f.Add(text)
	}
	var asked atomic.Int64
	f.Fuzz(func(t *testing.T, payload string) {
		var claims map[string]any
		if json.Unmarshal([]byte(payload), &claims) != nil || claims == nil {
			return
		}
		n := asked.Add(1)
		if _, named := claims["jti"]; named {
			claims["jti"] = fmt.Sprint("word ", n) // each is another one
		}
		form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {p.Sign(t, "oauth-id-jag+jwt", claims)}}
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, h.URL+"/token", strings.NewReader(form.Encode()))
		r.Header = http.Header{"Content-Type": {formType}, "Authorization": {basic(agent, serviceSecret)[1]}}
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", n>>16&255, n>>8&255, n&255)
		h.Config.Handler.ServeHTTP(w, r)
		judge(t, endpoints[0], payload, w)
		if w.Code == http.StatusOK && (claims["client_id"] != agent || claims["tid"] != "tenant" || !strings.EqualFold(fmt.Sprint(claims["oid"]), "ann")) {
			t.Fatalf("%q opens what is Ann's: %s", payload, w.Body)
		}
	})
}

// grant is a sign-in of Ann's, put where a sign-in puts it.
func grant(t testing.TB, h *harness) {
	t.Helper()
	now := h.clock.now()
	client := authserver.Client{ID: "dcr-a", Source: authserver.ClientRegistered, RedirectURIs: []string{redirectURI}, AuthMethod: "none", CreatedAt: now}
	err := errors.Join(
		h.store.InsertClient(t.Context(), client, authserver.ClientLimits{Clients: 9, Unused: 9}),
		h.store.IssueGrant(t.Context(), authserver.Grant{
			ID: "g", TenantID: "tenant", UserID: "ann", ClientID: client.ID, Scopes: []string{"Mail.Read"}, Resource: h.URL + "/mcp",
			CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(time.Hour),
		}, authserver.Pair{Generation: 1, AccessExpires: now.Add(time.Hour)}),
	)
	if err != nil {
		t.Fatal(err)
	}
}
