package perimeter_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"m365mcp/identity"
	"m365mcp/perimeter"
)

// front is a proxy that signs, with the address of its keys, and a guard behind it.
type front struct {
	t   testing.TB
	url string // of its keys, and issuer

	mu       sync.Mutex
	now      time.Time
	keys     []jose.JSONWebKey
	away     bool
	requests int

	mode    string
	a       perimeter.Assertion
	refused []string
	seen    *http.Request // that came through
	guard   http.Handler
}

const (
	proxyAddress    = "192.0.2.10:4711"
	strangerAddress = "203.0.113.5:4711"
)

// newFront plays a proxy of the mode.
func newFront(t testing.TB, mode string, o perimeter.Options) *front {
	t.Helper()
	f := &front{t: t, mode: mode, now: time.Now()}
	server := httptest.NewServer(http.HandlerFunc(f.serveKeys))
	t.Cleanup(server.Close)
	f.url = server.URL
	var err error
	switch mode {
	case "cloudflare-access":
		f.keys = []jose.JSONWebKey{newRSA(t, "k1")}
		f.a, err = perimeter.CloudflareAccess(f.url, []string{"aud-1", "aud-2"})
	case "pomerium", "google-iap":
		f.keys = []jose.JSONWebKey{newEC(t, "k1")}
		f.a, err = perimeter.OIDCProxy(mode, perimeter.Assertion{Issuer: "mcp.example.com", Audiences: []string{"aud-1", "aud-2"}, KeysURL: f.url})
	default:
		f.keys = []jose.JSONWebKey{newRSA(t, "k1")}
		f.a, err = perimeter.OIDCProxy("", perimeter.Assertion{
			Header: "X-Assertion", Issuer: "https://proxy.example", Audiences: []string{"aud-1", "aud-2"}, KeysURL: f.url, Claims: perimeter.Claims{Service: "common_name"},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := perimeter.NewAssertion(f.a, server.Client(), func() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.now })
	if err != nil {
		t.Fatal(err)
	}
	o.Modes = append(o.Modes, m)
	f.serve(o)
	return f
}

func (f *front) serve(o perimeter.Options) {
	o.Log = slog.New(slog.DiscardHandler)
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	o.Refused = func(_ context.Context, reason string) { f.refused = append(f.refused, reason) }
	f.guard = perimeter.New(o).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.seen = r
		w.WriteHeader(http.StatusNoContent)
	}))
}

func (f *front) serveKeys(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	if f.away {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	var public []jose.JSONWebKey
	for _, k := range f.keys {
		public = append(public, k.Public())
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": public})
}

// claims of a person, with changes; a nil value removes one.
func (f *front) claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": f.a.Issuer, "aud": []string{"aud-1"}, "sub": "sub-ada", "email": "ada@tideline.example", "country": "PT", "groups": []string{"staff"},
		"iat": f.now.Unix(), "nbf": f.now.Unix(), "exp": f.now.Add(time.Minute).Unix(),
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (f *front) sign(changes map[string]any) string {
	f.t.Helper()
	return sign(f.t, f.keys[len(f.keys)-1], f.a.Algorithms[0], f.claims(changes))
}

func sign(t testing.TB, key any, algorithm string, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// send returns the answer's status and text.
func (f *front) send(path string, header http.Header) (int, string) {
	f.t.Helper()
	f.seen = nil
	r := httptest.NewRequestWithContext(f.t.Context(), http.MethodPost, path, http.NoBody)
	r.RemoteAddr = strangerAddress
	if from := header.Get("From-Address"); from != "" {
		r.RemoteAddr = from
		header.Del("From-Address")
	}
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	f.guard.ServeHTTP(w, r)
	if (w.Code == http.StatusNoContent) != (f.seen != nil) {
		f.t.Errorf("status %d, and the request came through: %v", w.Code, f.seen != nil)
	}
	return w.Code, w.Body.String()
}

// wantRefused sends one assertion.
func (f *front) wantRefused(raw, reason string) {
	f.t.Helper()
	f.refused = nil
	code, body := f.send("/mcp", http.Header{f.a.Header: {raw}})
	want := http.StatusForbidden
	if reason == "keys_unavailable" {
		want = http.StatusServiceUnavailable
	}
	if code != want || strings.Join(f.refused, " ") != reason || !strings.Contains(body, "Refused: ") {
		f.t.Errorf("%d %q %s, want %s", code, f.refused, body, reason)
	}
}

func (f *front) wantThrough(raw string) identity.Perimeter {
	f.t.Helper()
	if code, body := f.send("/mcp", http.Header{f.a.Header: {raw}}); code != http.StatusNoContent {
		f.t.Fatalf("%d %s", code, body)
	}
	return identity.PerimeterOf(f.seen.Context())
}

func newRSA(t testing.TB, id string) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id}
}

func newEC(t testing.TB, id string) jose.JSONWebKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id}
}

var assertionModes = []string{"cloudflare-access", "pomerium", "google-iap", "custom"}

// Invariant 1: nothing comes in that is not proven.
func TestAttacksOnAssertions(t *testing.T) {
	t.Parallel()
	for _, mode := range assertionModes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, mode, perimeter.Options{})
			now := f.now
			good := f.sign(nil)
			if got := f.wantThrough(good); got.Email != "ada@tideline.example" || got.Subject != "sub-ada" || got.Service {
				t.Errorf("%+v", got)
			}
			for name, c := range map[string]struct{ raw, reason string }{
				"expired":                 {f.sign(map[string]any{"exp": now.Add(-time.Minute).Unix()}), "expired_assertion"},
				"without an end":          {f.sign(map[string]any{"exp": nil}), "expired_assertion"},
				"not yet valid":           {f.sign(map[string]any{"nbf": now.Add(time.Minute).Unix()}), "invalid_assertion"},
				"issued in the future":    {f.sign(map[string]any{"iat": now.Add(time.Hour).Unix()}), "invalid_assertion"},
				"another audience":        {f.sign(map[string]any{"aud": "aud-3"}), "foreign_assertion"},
				"other audiences":         {f.sign(map[string]any{"aud": []string{"aud-3", "aud-4"}}), "foreign_assertion"},
				"no audience":             {f.sign(map[string]any{"aud": nil}), "foreign_assertion"},
				"part of an audience":     {f.sign(map[string]any{"aud": "aud-"}), "foreign_assertion"},
				"another issuer":          {f.sign(map[string]any{"iss": f.a.Issuer + ".evil.example"}), "invalid_assertion"},
				"no issuer":               {f.sign(map[string]any{"iss": nil}), "invalid_assertion"},
				"nobody":                  {f.sign(map[string]any{"sub": nil, "email": nil}), "invalid_assertion"},
				"no address":              {f.sign(map[string]any{"email": nil}), "invalid_assertion"},
				"no subject":              {f.sign(map[string]any{"sub": ""}), "invalid_assertion"},
				"names that are no texts": {f.sign(map[string]any{"sub": 1, "email": []string{"ada@tideline.example"}}), "invalid_assertion"},
				"no JWT":                  {"Bearer x", "invalid_assertion"},
				"empty":                   {"", "invalid_assertion"},
				"claims that are no JSON": {signText(t, f, "ada"), "invalid_assertion"},
				"cut":                     {good[:len(good)-3], "invalid_assertion"},
				"very long":               {good + strings.Repeat("x", 20000), "invalid_assertion"},
				"none":                    {unsigned(t, f.claims(nil)), "invalid_assertion"},
				"HS256 with the public key": {
					sign(t, jose.JSONWebKey{Key: publicPEM(t, f.keys[0]), KeyID: "k1"}, "HS256", f.claims(nil)), "invalid_assertion",
				},
				"another key under the id": {sign(t, sameKind(t, f.keys[0]), f.a.Algorithms[0], f.claims(nil)), "invalid_assertion"},
			} {
				t.Log(name)
				f.wantRefused(c.raw, c.reason)
			}
			f.refused = nil
			if code, body := f.send("/mcp", nil); code != http.StatusForbidden || f.refused[0] != "no_proof" || !strings.Contains(body, "no proof of having come through") {
				t.Errorf("no assertion: %d %q %s", code, f.refused, body)
			}
			if code, _ := f.send("/mcp", http.Header{f.a.Header: {good, good}}); code != http.StatusForbidden || f.refused[1] != "several_assertions" {
				t.Errorf("two assertions: %d %q", code, f.refused)
			}
			// An audience is a text or a list; a clock may be half a minute off.
			f.wantThrough(f.sign(map[string]any{"aud": "aud-2"}))
			f.wantThrough(f.sign(map[string]any{"aud": []string{"other", "aud-2"}}))
			f.wantThrough(f.sign(map[string]any{"nbf": now.Add(20 * time.Second).Unix(), "iat": now.Add(20 * time.Second).Unix()}))
		})
	}
}

func signText(t testing.TB, f *front, text string) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(f.a.Algorithms[0]), Key: f.keys[0]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func unsigned(t testing.TB, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"k1"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

func publicPEM(t testing.TB, key jose.JSONWebKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public().Key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func sameKind(t testing.TB, key jose.JSONWebKey) jose.JSONWebKey {
	t.Helper()
	if _, ok := key.Key.(*rsa.PrivateKey); ok {
		return newRSA(t, key.KeyID)
	}
	return newEC(t, key.KeyID)
}

func TestKeysOfTheProxy(t *testing.T) {
	t.Parallel()
	for _, mode := range assertionModes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, mode, perimeter.Options{})
			f.wantThrough(f.sign(nil))
			f.mu.Lock()
			f.keys = append(f.keys, sameKind(t, jose.JSONWebKey{Key: f.keys[0].Key, KeyID: "k2"}))
			f.mu.Unlock()
			f.wantThrough(f.sign(nil)) // with a key of a moment ago
			made := sameKind(t, jose.JSONWebKey{Key: f.keys[0].Key})
			for n := range 1000 {
				made.KeyID = "made up " + strconv.Itoa(n)
				if code, _ := f.send("/mcp", http.Header{f.a.Header: {sign(t, made, f.a.Algorithms[0], f.claims(nil))}}); code == http.StatusNoContent {
					t.Fatal("a made up key got through")
				}
			}
			if f.requests != 4 {
				t.Errorf("%d requests for keys in a minute, want 4", f.requests)
			}
			f.wantThrough(f.sign(nil))

			f.mu.Lock()
			f.away, f.now = true, f.now.Add(24*time.Hour)
			f.mu.Unlock()
			f.wantThrough(f.sign(nil)) // the last good keys
			f.mu.Lock()
			f.now = f.now.Add(12 * time.Hour)
			f.mu.Unlock()
			f.wantRefused(f.sign(nil), "keys_unavailable") // but not for ever
			f.mu.Lock()
			f.away, f.now = false, f.now.Add(time.Minute)
			f.mu.Unlock()
			f.wantThrough(f.sign(nil))
		})
	}
}

func TestWhoIsProven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, mode string
		claims     map[string]any
		want       identity.Perimeter // without mode and issuer
		reason     string
	}{
		{"a person of Access", "cloudflare-access", nil, identity.Perimeter{Subject: "sub-ada", Email: "ada@tideline.example", Country: "PT"}, ""},
		{
			"a service token of Access", "cloudflare-access",
			map[string]any{"sub": "", "email": nil, "common_name": "9f2c.access"},
			identity.Perimeter{Subject: "9f2c.access", Service: true, Country: "PT"},
			"",
		},
		{"both at once", "cloudflare-access", map[string]any{"common_name": "9f2c.access"}, identity.Perimeter{}, "invalid_assertion"},
		{"groups of Pomerium", "pomerium", nil, identity.Perimeter{Subject: "sub-ada", Email: "ada@tideline.example", Groups: []string{"staff"}}, ""},
		{
			"a service account of IAP", "google-iap",
			map[string]any{"email": "ci@build.iam.gserviceaccount.com"},
			identity.Perimeter{Subject: "ci@build.iam.gserviceaccount.com", Service: true},
			"",
		},
		{
			"a domain that looks like one", "google-iap",
			map[string]any{"email": "ada@evilgserviceaccount.com"},
			identity.Perimeter{Subject: "sub-ada", Email: "ada@evilgserviceaccount.com"},
			"",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, c.mode, perimeter.Options{})
			if c.reason != "" {
				f.wantRefused(f.sign(c.claims), c.reason)
				return
			}
			c.want.Mode, c.want.Issuer = f.a.Mode, f.a.Issuer
			if diff := cmp.Diff(c.want, f.wantThrough(f.sign(c.claims))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Invariant 1: an identity header that was not proven by a signature is removed, and
// so is one that was: what is proven is in the context.
func TestClaimingHeadersAreRemoved(t *testing.T) {
	t.Parallel()
	claiming := http.Header{
		"Cf-Access-Authenticated-User-Email": {"eve@evil.example"}, "CF_ACCESS_AUTHENTICATED_USER_EMAIL": {"eve@evil.example"},
		"Cf-Access-Client-Id": {"x"}, "X-Pomerium-Claim-Email": {"eve@evil.example"}, "X-Goog-Authenticated-User-Email": {"eve@evil.example"},
		"X-Amzn-Oidc-Identity": {"eve"}, "X-Ms-Client-Principal-Name": {"eve"}, "X-Auth-Request-Email": {"eve@evil.example"},
		"X-Forwarded-User": {"eve"}, "X-Forwarded-Email": {"eve@evil.example"}, "X-Forwarded-Client-Cert": {"Subject=eve"}, "Client-Cert": {":AA==:"},
		"Remote-User": {"eve"}, "X-Ssl-Client-S-Dn": {"CN=eve"}, "X_remote_user": {"eve"},
	}
	forwarding := http.Header{
		"X-Forwarded-For": {"198.51.100.7"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"http"}, "Forwarded": {"for=198.51.100.7"},
		"X-Real-Ip": {"198.51.100.7"}, "Cf-Connecting-Ip": {"198.51.100.7"}, "True-Client-Ip": {"198.51.100.7"}, "X-Original-Url": {"/token"}, "X-Original-Host": {"evil.example"},
	}
	kept := http.Header{"Authorization": {"Bearer t"}, "Content-Type": {"application/json"}, "Mcp-Protocol-Version": {"2025-11-25"}, "Origin": {"https://x.example"}, "User-Agent": {"a"}}
	f := newFront(t, "cloudflare-access", perimeter.Options{Open: []string{"/open"}})
	for _, c := range []struct {
		name, path, from string
		proven           bool
		want             http.Header
	}{
		{"from a stranger", "/mcp", strangerAddress, true, kept},
		{"from a trusted proxy", "/mcp", proxyAddress, true, merged(kept, forwarding)},
		{"unproven, where that is open", "/open", strangerAddress, false, kept},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := merged(kept, forwarding, claiming)
			h["From-Address"] = []string{c.from}
			h["Cookie"] = []string{"a=1; CF_Authorization=secret; b=2", "CF_Authorization=secret"}
			if c.proven {
				h[f.a.Header] = []string{f.sign(nil)}
			}
			if code, body := f.send(c.path, h); code != http.StatusNoContent {
				t.Fatal(code, body)
			}
			want := c.want.Clone()
			want["Cookie"] = []string{"a=1; b=2"}
			if diff := cmp.Diff(want, f.seen.Header); diff != "" {
				t.Error(diff)
			}
			if got := identity.PerimeterOf(f.seen.Context()); got.IsZero() == c.proven || c.proven && got.Email != "ada@tideline.example" {
				t.Errorf("%+v", got)
			}
		})
	}
	// What proved it goes no further, whatever it is called.
	custom := newFront(t, "custom", perimeter.Options{})
	custom.wantThrough(custom.sign(nil))
	if len(custom.seen.Header) != 0 {
		t.Errorf("headers %v", custom.seen.Header)
	}
	// Headers alone prove nothing.
	if code, _ := f.send("/mcp", merged(forwarding, claiming)); code != http.StatusForbidden {
		t.Errorf("came in with headers: %d", code)
	}
}

func merged(all ...http.Header) http.Header {
	out := http.Header{}
	for _, h := range all {
		maps.Copy(out, h.Clone())
	}
	return out
}

func TestOpenPaths(t *testing.T) {
	t.Parallel()
	f := newFront(t, "custom", perimeter.Options{Open: []string{"/healthz", "/.well-known/"}})
	for path, want := range map[string]int{
		"/healthz": 204, "/.well-known/oauth-protected-resource/mcp": 204, "/healthz/": 403, "/healthz2": 403, "/.well-known": 403, "/mcp": 403, "/token": 403, "/": 403, "//healthz": 403,
		"/.well-known/../mcp": 403, "/.well-known/%2e%2e/mcp": 403, "/.well-known//x": 403, "/.well-known/x/": 403, "/.well-known%2f..%2fmcp": 403,
	} {
		if code, _ := f.send(path, nil); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	// Who tries and fails is refused there too.
	if code, _ := f.send("/healthz", http.Header{f.a.Header: {"forged"}}); code != http.StatusForbidden {
		t.Errorf("a forged assertion at an open path: %d", code)
	}
}

func TestNoPerimeter(t *testing.T) {
	t.Parallel()
	f := &front{t: t}
	f.serve(perimeter.Options{})
	if code, _ := f.send("/mcp", http.Header{"Cf-Access-Jwt-Assertion": {"x"}, "X-Forwarded-For": {"::1"}}); code != http.StatusNoContent || len(f.seen.Header) != 0 {
		t.Errorf("%d, headers %v", code, f.seen.Header)
	}
}

func TestSeveralModes(t *testing.T) {
	t.Parallel()
	other := newFront(t, "pomerium", perimeter.Options{})
	mode, err := perimeter.NewAssertion(other.a, http.DefaultClient, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	f := newFront(t, "cloudflare-access", perimeter.Options{Modes: []perimeter.Mode{mode}})
	access, pomerium := f.sign(nil), other.sign(nil)
	if got := f.wantThrough(access); got.Mode != "cloudflare-access" {
		t.Errorf("%+v", got)
	}
	if code, _ := f.send("/mcp", http.Header{other.a.Header: {pomerium}}); code != http.StatusNoContent || identity.PerimeterOf(f.seen.Context()).Mode != "oidc-proxy" {
		t.Errorf("the other proxy: %d", code)
	}
	for name, h := range map[string]http.Header{
		"two proofs":               {f.a.Header: {access}, other.a.Header: {pomerium}},
		"one of them forged":       {f.a.Header: {access}, other.a.Header: {"forged"}},
		"each under the other one": {f.a.Header: {pomerium}, other.a.Header: {access}},
	} {
		if code, _ := f.send("/mcp", h); code != http.StatusForbidden {
			t.Errorf("%s: %d", name, code)
		}
	}
}

func TestKeepFreshEnds(t *testing.T) {
	t.Parallel()
	f := newFront(t, "custom", perimeter.Options{})
	mode, err := perimeter.NewAssertion(f.a, http.DefaultClient, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	g := perimeter.New(perimeter.Options{Modes: []perimeter.Mode{mode}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := g.Check(t.Context()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g.KeepFresh(ctx)
	if f.requests != 1 || log.Len() != 0 {
		t.Errorf("%d requests; %s", f.requests, log.String())
	}
	f.mu.Lock()
	f.away = true
	f.mu.Unlock()
	mode, err = perimeter.NewAssertion(f.a, http.DefaultClient, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := perimeter.New(perimeter.Options{Modes: []perimeter.Mode{mode}}).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("keys that are away: %v", err)
	}
}
