package jwks_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"m365mcp/internal/jwks"
)

// issuer publishes keys and signs with them.
type issuer struct {
	t *testing.T

	mu        sync.Mutex
	published []any
	broken    http.HandlerFunc // answers instead
	requests  int

	now time.Time
	set *jwks.Set
}

func newIssuer(t *testing.T, grace time.Duration) *issuer {
	t.Helper()
	i := &issuer{t: t, now: time.Now()}
	server := httptest.NewServer(i)
	server.Config.SetKeepAlivesEnabled(false) // or else the transport repeats what hangs up
	t.Cleanup(server.Close)
	i.set = jwks.New(server.URL, jwks.Options{
		HTTP: server.Client(), Now: func() time.Time { i.mu.Lock(); defer i.mu.Unlock(); return i.now },
		Algorithms: []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}, Lifetime: time.Hour, Grace: grace,
	})
	return i
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.requests++
	if i.broken != nil {
		i.broken(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": i.published})
}

func (i *issuer) with(f func()) { i.mu.Lock(); defer i.mu.Unlock(); f() }

func (i *issuer) pass(d time.Duration) { i.with(func() { i.now = i.now.Add(d) }) }

func (i *issuer) count() (n int) { i.with(func() { n = i.requests }); return n }

// publish makes the public half of a key known.
func (i *issuer) publish(key jose.JSONWebKey) {
	i.with(func() { i.published = append(i.published, key.Public()) })
}

func (i *issuer) withdraw(id string) {
	i.with(func() {
		var left []any
		for _, k := range i.published {
			if public, ok := k.(jose.JSONWebKey); !ok || public.KeyID != id {
				left = append(left, k)
			}
		}
		i.published = left
	})
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any) string {
	t.Helper()
	// jose names the key in the header for asymmetric ones alone.
	var options *jose.SignerOptions
	if shared, ok := key.(jose.JSONWebKey); ok {
		if secret, ok := shared.Key.([]byte); ok {
			key, options = secret, (&jose.SignerOptions{}).WithHeader("kid", shared.KeyID)
		}
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign([]byte(`{"sub":"ada"}`))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// want is part of the error, or "" where the token is good.
func (i *issuer) want(key jose.JSONWebKey, want string) {
	i.t.Helper()
	payload, err := i.set.VerifySignature(i.t.Context(), sign(i.t, algorithm(key), key))
	switch {
	case want == "" && (err != nil || string(payload) != `{"sub":"ada"}`):
		i.t.Errorf("%s, %v", payload, err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		i.t.Errorf("%v, want %q", err, want)
	}
}

func algorithm(key jose.JSONWebKey) jose.SignatureAlgorithm {
	switch key.Key.(type) {
	case *rsa.PrivateKey:
		return jose.RS256
	case ed25519.PrivateKey:
		return jose.EdDSA
	default:
		return jose.ES256
	}
}

func newKey(t *testing.T, id string) jose.JSONWebKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id, Use: "sig"}
}

func newRSA(t *testing.T, id string, bits int) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id}
}

func TestKindsOfKeys(t *testing.T) {
	t.Parallel()
	_, seed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encrypts, forES384, unnamed := newKey(t, "encrypts"), newKey(t, "es384"), newKey(t, "")
	encrypts.Use, forES384.Algorithm = "enc", "ES384"
	for name, c := range map[string]struct {
		key  jose.JSONWebKey
		want string
	}{
		"RSA":                   {newRSA(t, "rsa", 2048), ""},
		"EC":                    {newKey(t, "ec"), ""},
		"Ed25519":               {jose.JSONWebKey{Key: seed, KeyID: "ed"}, ""},
		"weak RSA":              {newRSA(t, "weak", 1024), "not one of the issuer's"},
		"for encryption":        {encrypts, "not one of the issuer's"},
		"for another algorithm": {forES384, "another algorithm"},
		"without an id":         {unnamed, "not one of the issuer's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t, 0)
			i.publish(newKey(t, "also there"))
			i.publish(c.key)
			i.want(c.key, c.want)
		})
	}
}

func TestForgeries(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, 0)
	good := newRSA(t, "k1", 2048)
	i.publish(good)
	i.with(func() {
		i.published = append(i.published, map[string]any{"kty": "oct", "kid": "shared", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"})
	})
	i.want(good, "")
	i.want(newKey(t, "k1"), "signature")
	genuine := sign(t, jose.RS256, good)
	for name, raw := range map[string]string{
		"none":                 "eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.eyJzdWIiOiJhZGEifQ.",
		"HMAC, published":      sign(t, jose.HS256, jose.JSONWebKey{Key: []byte("secretsecretsecretsecretsecretsecret"), KeyID: "shared"}),
		"an algorithm unasked": sign(t, jose.PS256, good),
		"cut":                  genuine[:len(genuine)-4],
		"two signatures":       `{"payload":"","signatures":[{"signature":""},{"signature":""}]}`,
		"nothing":              "",
	} {
		if payload, err := i.set.VerifySignature(t.Context(), raw); err == nil {
			t.Errorf("%s: verified %q", name, payload)
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, 0)
	first, second := newKey(t, "1"), newKey(t, "2")
	i.publish(first)
	i.want(first, "")
	i.publish(second)
	i.want(second, "") // of a moment ago
	i.want(first, "")
	if n := i.count(); n != 2 {
		t.Errorf("%d requests for two keys", n)
	}
	i.withdraw("1")
	i.want(first, "") // until they are old
	i.pass(time.Hour)
	i.want(first, "not one of the issuer's")
	i.want(second, "")
}

// Whoever makes up ids must not make this server hammer the issuer, nor shut anybody else out.
func TestUnknownIDsAreLimited(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, 0)
	good := newKey(t, "good")
	i.publish(good)
	i.want(good, "")
	made := newKey(t, "")
	for n := range 1000 {
		made.KeyID = "made up " + strconv.Itoa(n)
		if _, err := i.set.VerifySignature(t.Context(), sign(t, jose.ES256, made)); err == nil {
			t.Fatal("verified with a key that nobody published")
		}
	}
	if n := i.count(); n != 4 {
		t.Errorf("%d requests in a minute, want 4", n)
	}
	i.want(good, "")
	i.pass(time.Minute)
	late := newKey(t, "late")
	i.publish(late)
	i.want(late, "")
}

func TestOutage(t *testing.T) {
	t.Parallel()
	page := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, broken := range map[string]http.HandlerFunc{
		"503":     page(http.StatusServiceUnavailable, `{"keys":[]}`),
		"HTML":    page(http.StatusOK, "<html>"),
		"no keys": page(http.StatusOK, `{"keys":[]}`),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"too long": page(http.StatusOK, `{"keys":["`+strings.Repeat("x", 2<<20)+`"]}`),
		"hangs up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t, 2*time.Hour)
			good := newKey(t, "good")
			i.publish(good)
			i.want(good, "")
			i.with(func() { i.broken = broken })
			i.pass(time.Hour)
			for range 100 { // one of them asks, the others do not wait for what is away
				i.want(good, "")
			}
			if n := i.count(); n != 2 {
				t.Errorf("%d requests, want 2", n)
			}
			i.want(newKey(t, "new"), "cannot be fetched")
			i.pass(time.Hour + 59*time.Minute)
			i.want(good, "")
			i.pass(time.Minute) // the grace is over
			_, err := i.set.VerifySignature(t.Context(), sign(t, jose.ES256, good))
			if !errors.Is(err, jwks.ErrUnavailable) {
				t.Errorf("%v, want ErrUnavailable", err)
			}
			i.with(func() { i.broken = nil })
			i.pass(time.Minute)
			i.want(good, "")
		})
	}
}

// Keys are fetched ahead, so that no request waits for them.
func TestRefresh(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, 0)
	i.publish(newKey(t, "1"))
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{0, 1}, {29 * time.Minute, 1}, {time.Minute, 2}, {time.Minute, 2}} {
		i.pass(step.pass)
		if err := i.set.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		if n := i.count(); n != step.want {
			t.Errorf("%d requests, want %d", n, step.want)
		}
	}
	i.set.Locate("http://127.0.0.1:1/moved")
	if err := i.set.Refresh(t.Context()); !errors.Is(err, jwks.ErrUnavailable) {
		t.Errorf("keys that have moved: %v", err)
	}
}
