package assertion_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"m365mcp/internal/assertion"
)

var now = time.Date(2026, 8, 3, 9, 0, 0, 0, time.UTC)

const (
	issuer = "build"
	server = "https://mcp.example.com"
)

func rules() assertion.Rules {
	return assertion.Rules{Types: []string{"", "jwt"}, Issuer: issuer, Audience: []string{server, server + "/token"}, Now: now}
}

func claims() map[string]any {
	return map[string]any{"iss": issuer, "sub": issuer, "aud": server, "jti": "1", "exp": now.Add(time.Minute).Unix(), "iat": now.Unix()}
}

// signer is a key pair with its id.
type signer struct {
	id  string
	alg jose.SignatureAlgorithm
	key any
}

func newSigner(t testing.TB, id string) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{id, jose.ES256, key}
}

func (s signer) sign(t testing.TB, payload any, header map[string]any) string {
	t.Helper()
	o := (&jose.SignerOptions{}).WithType("JWT")
	for name, value := range header {
		o = o.WithHeader(jose.HeaderKey(name), value)
	}
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: s.alg, Key: jose.JSONWebKey{Key: s.key, KeyID: s.id}}, o)
	if err != nil {
		t.Fatal(err)
	}
	text, isText := payload.(string)
	if !isText {
		b, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
	}
	signed, err := made.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// set is the JWK Set of the public keys.
func set(t testing.TB, signers ...signer) []byte {
	t.Helper()
	var s jose.JSONWebKeySet
	for _, one := range signers {
		key := jose.JSONWebKey{Key: one.key, KeyID: one.id, Algorithm: string(one.alg), Use: "sig"}
		s.Keys = append(s.Keys, key.Public())
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parsed(t testing.TB, jwks []byte) *assertion.Keys {
	t.Helper()
	keys, err := assertion.ParseKeys(jwks)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func free() error { return nil }

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []signer{{"r", jose.RS256, r}, {"p", jose.PS256, r}, newSigner(t, "e"), {"e3", jose.ES384, p384}, {"ed", jose.EdDSA, ed}} {
		got, err := assertion.Verify(t.Context(), s.sign(t, claims(), nil), parsed(t, set(t, s)), rules(), free)
		if err != nil || got.Subject != issuer || got.ID != "1" || !got.Expires.Equal(now.Add(time.Minute+assertion.Skew)) {
			t.Errorf("%s: %+v, %v", s.alg, got, err)
		}
	}
	// Not those of the list, whatever key there is; nor one key in two ways.
	for _, s := range []signer{{"r", jose.RS512, r}, {"h", jose.HS256, []byte(strings.Repeat("k", 32))}} {
		_, err := assertion.Verify(t.Context(), s.sign(t, claims(), nil), parsed(t, set(t, signer{s.id, jose.RS256, r})), rules(), free)
		wantRefused(t, string(s.alg), err, "signed with one of")
	}
	_, err = assertion.Verify(t.Context(), signer{"r", jose.PS256, r}.sign(t, claims(), nil), parsed(t, set(t, signer{"r", jose.RS256, r})), rules(), free)
	wantRefused(t, "a key of another algorithm", err, "names no key")
}

func wantRefused(t *testing.T, what string, err error, reason string) {
	t.Helper()
	refused, ok := errors.AsType[*assertion.Error](err)
	if !ok || !strings.Contains(refused.Reason, reason) {
		t.Errorf("%s: %v, want %q", what, err, reason)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	own, other := newSigner(t, "a"), newSigner(t, "a")
	keys := parsed(t, set(t, own))
	with := func(changes map[string]any) string {
		c := claims()
		for name, value := range changes {
			if value == nil {
				delete(c, name)
			} else {
				c[name] = value
			}
		}
		return own.sign(t, c, nil)
	}
	good := with(nil)
	if _, err := assertion.Verify(t.Context(), good, keys, rules(), free); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	enc := base64.RawURLEncoding.EncodeToString
	unsigned := enc([]byte(`{"alg":"none"}`)) + "." + parts[1] + "."
	hmac := signer{"a", jose.HS256, set(t, own)}
	public := `{"iss":"build","sub":"build","aud":"` + server + `","jti":"1","exp":` + fmt.Sprint(now.Add(time.Minute).Unix())
	for name, c := range map[string]struct{ raw, reason string }{
		"nothing":                   {"", "no JWT"},
		"too long":                  {good + strings.Repeat("x", assertion.MaxSize), "too long"},
		"alg none":                  {unsigned, "signed with one of"},
		"HMAC with the public key":  {hmac.sign(t, claims(), nil), "signed with one of"},
		"another's key of that id":  {other.sign(t, claims(), nil), "not signed with a key"},
		"a changed claim":           {parts[0] + "." + enc([]byte(public+`}`)) + "." + parts[2], "not signed with a key"},
		"an unknown key":            {newSigner(t, "b").sign(t, claims(), nil), "names no key"},
		"a key in the header":       {other.sign(t, claims(), map[string]any{"jwk": json.RawMessage(`{"kty":"oct"}`)}), "no JWT"},
		"critical headers":          {own.sign(t, claims(), map[string]any{"crit": []string{"exp"}, "exp": 1}), "critical"},
		"an unencoded payload":      {own.sign(t, claims(), map[string]any{"b64": true}), "critical"},
		"another typ":               {own.sign(t, claims(), map[string]any{"typ": "oauth-id-jag+jwt"}), "another typ"},
		"claims that are a list":    {own.sign(t, `[1]`, nil), "no JSON object"},
		"a claim twice":             {own.sign(t, public+`,"sub":"other"}`, nil), "twice"},
		"another issuer":            {with(map[string]any{"iss": "other"}), "another iss"},
		"no issuer":                 {with(map[string]any{"iss": nil}), "another iss"},
		"no subject":                {with(map[string]any{"sub": nil}), "no sub"},
		"a subject that is a list":  {with(map[string]any{"sub": []string{issuer}}), "no sub"},
		"a NUL in the subject":      {with(map[string]any{"sub": "a\x00"}), "no sub"},
		"another audience":          {with(map[string]any{"aud": "https://other.example"}), "aud"},
		"two audiences":             {with(map[string]any{"aud": []string{server, "https://other.example"}}), "aud"},
		"the same audience twice":   {with(map[string]any{"aud": []string{server, server}}), "aud"},
		"no audience":               {with(map[string]any{"aud": nil}), "aud"},
		"no jti":                    {with(map[string]any{"jti": nil}), "no jti"},
		"a jti that is too long":    {with(map[string]any{"jti": strings.Repeat("x", 600)}), "no jti"},
		"no expiry":                 {with(map[string]any{"exp": nil}), "no exp"},
		"an expiry that is a text":  {with(map[string]any{"exp": "soon"}), "no exp"},
		"an expiry past all clocks": {with(map[string]any{"exp": 1e300}), "no exp"},
		"expired":                   {with(map[string]any{"exp": now.Add(-assertion.Skew).Unix()}), "has expired"},
		"expires too late":          {with(map[string]any{"exp": now.Add(assertion.Life + assertion.Skew + time.Second).Unix()}), "too late"},
		"not before a later time":   {with(map[string]any{"nbf": now.Add(assertion.Skew + time.Second).Unix()}), "nbf"},
		"issued in the future":      {with(map[string]any{"iat": now.Add(assertion.Skew + time.Second).Unix()}), "iat"},
		"nbf is a text":             {with(map[string]any{"nbf": "now"}), "nbf"},
	} {
		_, err := assertion.Verify(t.Context(), c.raw, keys, rules(), free)
		wantRefused(t, name, err, c.reason)
	}
	for name, changes := range map[string]map[string]any{
		"the token endpoint":   {"aud": server + "/token"},
		"one in a list":        {"aud": []string{server}},
		"neither nbf nor iat":  {"iat": nil},
		"the last moment":      {"exp": now.Add(time.Second - assertion.Skew).Unix()},
		"the longest":          {"exp": now.Add(assertion.Life + assertion.Skew).Unix()},
		"fractions of seconds": {"iat": float64(now.Unix()) + .5},
	} {
		if _, err := assertion.Verify(t.Context(), with(changes), keys, rules(), free); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyWithoutID(t *testing.T) {
	t.Parallel()
	a, b := newSigner(t, "a"), newSigner(t, "b")
	anonymous := signer{"", a.alg, a.key}
	if _, err := assertion.Verify(t.Context(), anonymous.sign(t, claims(), nil), parsed(t, set(t, a)), rules(), free); err != nil {
		t.Errorf("of one key: %v", err)
	}
	_, err := assertion.Verify(t.Context(), anonymous.sign(t, claims(), nil), parsed(t, set(t, a, b)), rules(), free)
	wantRefused(t, "of two keys", err, "names no key")
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	a := newSigner(t, "a")
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: a.key, KeyID: "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	good := string(set(t, a))
	for name, jwks := range map[string]string{
		"nothing":            "",
		"no keys":            `{"keys":[]}`,
		"a private key":      string(private),
		"a symmetric key":    `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`,
		"a weak key":         string(set(t, signer{"w", jose.RS256, weak})),
		"a key to encrypt":   strings.Replace(good, `"sig"`, `"enc"`, 1),
		"another algorithm":  strings.Replace(good, `"ES256"`, `"RS256"`, 1),
		"a member twice":     `{"keys":[],` + good[1:],
		"too large":          `{"x":"` + strings.Repeat("x", 64<<10) + `",` + good[1:],
		"too many":           `{"keys":[` + strings.Repeat(`{},`, 60) + `{}]}`,
		"keys in an object":  `{"keys":{"a":1}}`,
		"a curve of another": strings.Replace(good, `"P-256"`, `"P-384"`, 1),
	} {
		if _, err := assertion.ParseKeys([]byte(jwks)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := assertion.ParseKeys([]byte(`{"keys":[{"kty":"??"},` + strings.TrimPrefix(good, `{"keys":[`))); err != nil {
		t.Errorf("a key of a kind that is not known, beside one that is: %v", err)
	}
}

// keyServer serves a JWK Set that tests exchange.
type keyServer struct {
	*httptest.Server
	jwks   atomic.Pointer[[]byte] // nil: 500
	asked  atomic.Int64
	clock  atomic.Int64 // seconds since now
	signer signer
}

func newKeyServer(t *testing.T) (*keyServer, *assertion.Keys) {
	t.Helper()
	s := &keyServer{signer: newSigner(t, "a")}
	s.serve(set(t, s.signer))
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.asked.Add(1)
		if jwks := s.jwks.Load(); jwks != nil {
			_, _ = w.Write(*jwks)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(s.Close)
	return s, assertion.RemoteKeys(s.URL, s.Client(), s.now)
}

func (s *keyServer) serve(jwks []byte) { s.jwks.Store(&jwks) }

func (s *keyServer) now() time.Time { return now.Add(time.Duration(s.clock.Load()) * time.Second) }

func (s *keyServer) verify(t *testing.T, keys *assertion.Keys, by signer) error {
	t.Helper()
	r, c := rules(), claims()
	r.Now, c["exp"] = s.now(), s.now().Add(time.Minute).Unix()
	_, err := assertion.Verify(t.Context(), by.sign(t, c, nil), keys, r, free)
	return err
}

func TestRemoteKeys(t *testing.T) {
	t.Parallel()
	s, keys := newKeyServer(t)
	for range 3 {
		if err := s.verify(t, keys, s.signer); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.asked.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
	// A key of a moment ago is found; the one it replaced is no longer taken.
	next := newSigner(t, "b")
	s.serve(set(t, next))
	if err := s.verify(t, keys, next); err != nil {
		t.Errorf("the next key: %v", err)
	}
	wantRefused(t, "the last key", s.verify(t, keys, s.signer), "names no key")
	// While there is no answer, the good ones serve, for a day; after it, none.
	s.jwks.Store(nil)
	s.clock.Store(int64((2 * time.Hour).Seconds()))
	if err := s.verify(t, keys, next); err != nil {
		t.Errorf("during an outage: %v", err)
	}
	s.clock.Store(int64((25 * time.Hour).Seconds()))
	err := s.verify(t, keys, next)
	if _, refused := errors.AsType[*assertion.Error](err); err == nil || refused {
		t.Errorf("after a day of outage: %v", err)
	}
}

func TestUnknownKeysAreAskedForAtALimitedRate(t *testing.T) {
	t.Parallel()
	s, keys := newKeyServer(t)
	for i := range 20 {
		if err := s.verify(t, keys, newSigner(t, fmt.Sprint("unknown", i))); err == nil {
			t.Fatal("an unknown key")
		}
	}
	if n := s.asked.Load(); n != 4 {
		t.Errorf("%d requests", n)
	}
	if err := s.verify(t, keys, s.signer); err != nil {
		t.Errorf("the known one beside it: %v", err)
	}
	s.clock.Store(61)
	_ = s.verify(t, keys, newSigner(t, "later"))
	if n := s.asked.Load(); n != 5 {
		t.Errorf("%d requests after a minute", n)
	}
}

func TestKeysThatMayNotBeFetched(t *testing.T) {
	t.Parallel()
	s, keys := newKeyServer(t)
	no := errors.New("not now")
	_, err := assertion.Verify(t.Context(), s.signer.sign(t, claims(), nil), keys, rules(), func() error { return no })
	if !errors.Is(err, no) || s.asked.Load() != 0 {
		t.Errorf("%v, %d requests", err, s.asked.Load())
	}
	for name, jwks := range map[string]string{"too large": `{"keys":[]}` + strings.Repeat(" ", 65<<10), "no keys": `{"keys":[]}`, "HTML": "<html>"} {
		s.serve([]byte(jwks))
		s.clock.Add(61)
		if err := s.verify(t, keys, s.signer); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// FuzzVerify: no text proves anything that was not signed, and none ends in a panic.
func FuzzVerify(f *testing.F) {
	s := newSigner(f, "a")
	keys := parsed(f, set(f, s))
	good := s.sign(f, claims(), nil)
	signed := strings.Split(good, ".")
	f.Add(good)
	f.Add(good[:len(good)-2])
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	twice := maps.Clone(claims())
	twice["aud"] = []any{server, 1}
	f.Add(s.sign(f, twice, map[string]any{"crit": []string{"x"}}))
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := assertion.Peek(raw); err != nil {
			if _, ok := errors.AsType[*assertion.Error](err); !ok {
				t.Fatalf("%v", err)
			}
		}
		c, err := assertion.Verify(t.Context(), raw, keys, rules(), free)
		if parts := strings.Split(raw, "."); err == nil && (len(parts) != 3 || parts[0] != signed[0] || parts[1] != signed[1]) {
			t.Fatalf("%q proves %+v", raw, c)
		}
	})
}

// FuzzParseKeys: what is taken is public.
func FuzzParseKeys(f *testing.F) {
	f.Add(set(f, newSigner(f, "a")))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"RSA","n":"AQ","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, jwks []byte) {
		if _, err := assertion.ParseKeys(jwks); err != nil {
			return
		}
		var s struct{ Keys []json.RawMessage }
		if json.Unmarshal(jwks, &s) != nil || len(s.Keys) == 0 {
			t.Fatalf("%q is no set", jwks)
		}
		for _, raw := range s.Keys {
			var key jose.JSONWebKey
			if json.Unmarshal(raw, &key) == nil && !key.IsPublic() {
				t.Fatalf("a secret is taken: %q", raw)
			}
		}
	})
}

// FuzzClaims: what is signed well is still held to the rules, whatever it says.
func FuzzClaims(f *testing.F) {
	s := newSigner(f, "a")
	keys := parsed(f, set(f, s))
	good, err := json.Marshal(claims())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(good), `{}`, `[]`, `null`, `{"iss":"build","sub":{},"aud":[["x"]],"exp":-1e999}`, strings.Replace(string(good), `"iss"`, `"sub":"x","iss"`, 1),
		strings.Replace(string(good), `"aud":"`, `"aud":["x","`, 1),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		got, err := assertion.Verify(t.Context(), s.sign(t, payload, nil), keys, rules(), free)
		if err != nil {
			if _, ok := errors.AsType[*assertion.Error](err); !ok {
				t.Fatalf("%q: %v", payload, err)
			}
			return
		}
		var plain map[string]any
		if json.Unmarshal([]byte(payload), &plain) != nil || plain["iss"] != issuer || got.Subject == "" || got.ID == "" ||
			got.Expires.Before(now) || got.Expires.After(now.Add(assertion.Life+3*assertion.Skew)) {
			t.Fatalf("%q is taken as %+v", payload, got)
		}
		if list, ok := plain["aud"].([]any); ok && len(list) != 1 {
			t.Fatalf("%q is for several", payload)
		}
	})
}
