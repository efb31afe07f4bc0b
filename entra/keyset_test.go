package entra_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"m365mcp/entra"
)

// publishedSecret stands among the keys, where everybody could read it, and is long
// enough for HS256.
var publishedSecret = []byte(strings.Repeat("secret", 6))

// ring is the endpoint of the keys, and what signs id_tokens.
type ring struct {
	t *testing.T

	mu        sync.Mutex
	published []map[string]any
	broken    http.Handler // answers instead
	requests  int

	current jose.JSONWebKey
}

func newRing(t *testing.T) *ring {
	t.Helper()
	r := &ring{t: t}
	r.rotate("k1", signingKey(), "")
	return r
}

var spareKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// rotate publishes a key and signs with it from now on.
func (r *ring) rotate(id string, key *rsa.PrivateKey, issuer string) {
	r.t.Helper()
	r.current = jose.JSONWebKey{Key: key, KeyID: id, Use: "sig"}
	raw, err := r.current.Public().MarshalJSON()
	if err != nil {
		r.t.Fatal(err)
	}
	jwk := map[string]any{}
	if err := json.Unmarshal(raw, &jwk); err != nil {
		r.t.Fatal(err)
	}
	if issuer != "" {
		jwk["issuer"] = issuer
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.published = append(r.published, jwk)
}

func (r *ring) set(broken http.Handler) { r.mu.Lock(); defer r.mu.Unlock(); r.broken = broken }

func (r *ring) withdraw() { r.mu.Lock(); defer r.mu.Unlock(); r.published = r.published[1:] }

func (r *ring) count() int { r.mu.Lock(); defer r.mu.Unlock(); return r.requests }

func (r *ring) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	if r.broken != nil {
		r.broken.ServeHTTP(w, req)
		return
	}
	secret := base64.RawURLEncoding.EncodeToString(publishedSecret)
	keys := append([]map[string]any{{"kty": "EC", "crv": "unheard of"}, {"kty": "oct", "k": secret, "kid": "k1"}}, r.published...)
	if err := json.NewEncoder(w).Encode(map[string]any{"keys": keys}); err != nil {
		r.t.Error(err)
	}
}

// ringed is a stand-in whose keys come from a ring, in a time of its own.
func ringed(t *testing.T) (*standIn, *ring, *entra.Client, *time.Time) {
	t.Helper()
	s, r := newStandIn(t), newRing(t)
	now := time.Now()
	s.now = func() time.Time { return now }
	s.jwks = r
	s.forge = func(claims map[string]any) string { return sign(t, jose.RS256, r.current, claims) }
	return s, r, s.client(t), &now
}

func (s *standIn) wantSignIn(t *testing.T, c *entra.Client, want string) {
	t.Helper()
	account, tokens, err := s.signIn(t, c)
	if want != "" {
		wantRefused(t, account, tokens, err, want)
		return
	}
	if err != nil {
		t.Error(err)
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	s, r, c, now := ringed(t)
	for range 3 {
		s.wantSignIn(t, c, "")
	}
	if got := r.count(); got != 1 {
		t.Errorf("keys were asked for %d times for one key", got)
	}
	r.rotate("k2", spareKey(), "")
	*now = now.Add(time.Second)
	s.wantSignIn(t, c, "") // with a key of a second ago
	if got := r.count(); got != 2 {
		t.Errorf("keys were asked for %d times for two keys", got)
	}
	// A key that Entra has withdrawn is forgotten within a day.
	r.withdraw()
	r.current = jose.JSONWebKey{Key: signingKey(), KeyID: "k1"}
	s.wantSignIn(t, c, "")
	*now = now.Add(25 * time.Hour)
	s.wantSignIn(t, c, "not one of the issuer's")
}

// Whoever makes up key ids must not make this server hammer Entra.
func TestUnknownKeysAreLimited(t *testing.T) {
	t.Parallel()
	s, r, c, now := ringed(t)
	s.wantSignIn(t, c, "")
	good := r.current
	for range 20 {
		r.current = jose.JSONWebKey{Key: spareKey(), KeyID: rand.Text()}
		s.wantSignIn(t, c, "signature")
	}
	if got := r.count(); got != 4 {
		t.Errorf("%d requests in a minute, want 4", got)
	}
	r.current = good
	s.wantSignIn(t, c, "") // which touches nobody else
	*now = now.Add(time.Minute)
	r.rotate("k2", spareKey(), "")
	s.wantSignIn(t, c, "")
}

func TestKeysSurviveAnOutage(t *testing.T) {
	t.Parallel()
	page := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		})
	}
	for name, broken := range map[string]http.Handler{
		"503":      page(http.StatusServiceUnavailable, "<html>"),
		"HTML":     page(http.StatusOK, "<html>"),
		"no keys":  page(http.StatusOK, `{"keys":[]}`),
		"not RSA":  page(http.StatusOK, `{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"k1"}]}`),
		"too long": page(http.StatusOK, `{"keys":["`+strings.Repeat("x", 2<<20)+`"]}`),
		"hangs up": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r, c, now := ringed(t)
			s.wantSignIn(t, c, "")
			r.set(broken)
			for range 3 { // beyond the lifetime of keys and discovery
				*now = now.Add(25 * time.Hour)
				s.wantSignIn(t, c, "")
			}
			r.rotate("k2", spareKey(), "")
			s.wantSignIn(t, c, "signature") // of this one nobody knows
			r.set(nil)
			s.wantSignIn(t, c, "")
		})
	}
}

// Not the token says how it is to be verified.
func TestForgedSignatures(t *testing.T) {
	t.Parallel()
	public, err := x509.MarshalPKIXPublicKey(signingKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, forge := range map[string]func(t *testing.T, s *standIn, r *ring, claims map[string]any) string{
		"none": func(t *testing.T, _ *standIn, _ *ring, claims map[string]any) string {
			t.Helper()
			payload, err := json.Marshal(claims)
			if err != nil {
				t.Error(err)
			}
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"k1"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
		},
		"HS256 with the public key": func(t *testing.T, _ *standIn, _ *ring, claims map[string]any) string {
			t.Helper()
			return sign(t, jose.HS256, jose.JSONWebKey{Key: text, KeyID: "k1"}, claims)
		},
		"HS256 with the published secret": func(t *testing.T, _ *standIn, _ *ring, claims map[string]any) string {
			t.Helper()
			return sign(t, jose.HS256, jose.JSONWebKey{Key: publishedSecret, KeyID: "k1"}, claims)
		},
		"PS256": func(t *testing.T, _ *standIn, r *ring, claims map[string]any) string {
			t.Helper()
			return sign(t, jose.PS256, r.current, claims)
		},
		"another key under the id": func(t *testing.T, _ *standIn, _ *ring, claims map[string]any) string {
			t.Helper()
			return sign(t, jose.RS256, jose.JSONWebKey{Key: spareKey(), KeyID: "k1"}, claims)
		},
		"no id": func(t *testing.T, _ *standIn, _ *ring, claims map[string]any) string {
			t.Helper()
			return sign(t, jose.RS256, signingKey(), claims)
		},
		"a weak key": func(t *testing.T, _ *standIn, r *ring, claims map[string]any) string {
			t.Helper()
			r.rotate("weak", small, "")
			return sign(t, jose.RS256, r.current, claims)
		},
		"a key for personal accounts": func(t *testing.T, s *standIn, r *ring, claims map[string]any) string {
			t.Helper()
			r.rotate("personal", spareKey(), s.URL+"/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0")
			return sign(t, jose.RS256, r.current, claims)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r, c, _ := ringed(t)
			s.forge = func(claims map[string]any) string { return forge(t, s, r, claims) }
			s.wantSignIn(t, c, "id_token")
		})
	}
	// The template of the multi-tenant keys, and the tenant's own.
	s, r, c, _ := ringed(t)
	for _, issuer := range []string{s.URL + "/{tenantid}/v2.0", s.issuer} {
		r.rotate(rand.Text(), spareKey(), issuer)
		s.wantSignIn(t, c, "")
	}
}
