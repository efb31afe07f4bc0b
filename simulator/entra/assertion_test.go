package entra_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"m365mcp/simulator/entra"
)

// credential is a certificate as one uploads it to an app registration.
type credential struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

// validFrom is where the certificates of tests begin; they hold for a year.
var validFrom = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func newCredential(t *testing.T) credential {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "m365-mcp"},
		NotBefore: validFrom, NotAfter: validFrom.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return credential{key, certificate}
}

func (c credential) thumbprint() string {
	sum := sha256.Sum256(c.certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (c credential) sign(t *testing.T, alg jose.SignatureAlgorithm, key crypto.PrivateKey, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("x5t#S256", c.thumbprint())
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// bare is an assertion that names no certificate.
func bare(t *testing.T, key *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.PS256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	ours, theirs := newCredential(t), newCredential(t)
	s := start(t, func(o *entra.Options) { o.Clients[0].Certificates = []*x509.Certificate{ours.certificate} })
	refresh := s.tokens(ada).RefreshToken
	now := s.clock.Now()
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }

	good := func(id string) map[string]any {
		return map[string]any{
			"aud": s.oauth.Endpoint.TokenURL, "iss": clientID, "sub": clientID, "jti": id, "nbf": at(0), "exp": at(10 * time.Minute),
		}
	}
	with := func(id, name string, value any) map[string]any {
		c := maps.Clone(good(id))
		c[name] = value
		if value == nil {
			delete(c, name)
		}
		return c
	}
	for _, tc := range []struct {
		name      string
		assertion string
		code      int // 0: accepted
	}{
		{"PS256", ours.sign(t, jose.PS256, ours.key, good("1")), 0},
		{"RS256", ours.sign(t, jose.RS256, ours.key, good("2")), 50027},
		{"no thumbprint", bare(t, ours.key, good("14")), 50027},
		{"replay", ours.sign(t, jose.PS256, ours.key, good("1")), 50013},
		{"PS384", ours.sign(t, jose.PS384, ours.key, good("4")), 50027},
		{"garbage", "x.y.z", 50027},
		{"unregistered certificate", theirs.sign(t, jose.PS256, theirs.key, good("5")), 700027},
		{"signed by another key", ours.sign(t, jose.PS256, theirs.key, good("6")), 700027},
		{"audience", ours.sign(t, jose.PS256, ours.key, with("3", "aud", "https://evil.example/token")), 700023},
		{"issuer", ours.sign(t, jose.PS256, ours.key, with("8", "iss", "someone")), 700021},
		{"subject", ours.sign(t, jose.PS256, ours.key, with("9", "sub", "someone")), 50048},
		{"expired", ours.sign(t, jose.PS256, ours.key, with("10", "exp", at(-6*time.Minute))), 700024},
		{"not yet", ours.sign(t, jose.PS256, ours.key, with("11", "nbf", at(6*time.Minute))), 700024},
		{"no expiry", ours.sign(t, jose.PS256, ours.key, with("12", "exp", nil)), 90014},
		{"no jti", ours.sign(t, jose.PS256, ours.key, with("13", "jti", nil)), 90014},
	} {
		s.wantAssertion(tc.name, refresh, tc.assertion, tc.code)
	}
	for _, now := range []time.Time{validFrom.Add(-time.Second), validFrom.AddDate(1, 0, 1)} {
		s.clock.advance(now.Sub(s.clock.Now()))
		claims := with(now.String(), "nbf", now.Unix())
		claims["exp"] = now.Add(time.Minute).Unix()
		s.wantAssertion("certificate at "+now.String(), refresh, ours.sign(t, jose.PS256, ours.key, claims), 1000502)
	}
}

// wantAssertion refreshes with an assertion; code 0 means that it is accepted.
func (s *sim) wantAssertion(name, refresh, assertion string, code int) {
	s.t.Helper()
	got := s.token(url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {clientID},
		"client_assertion": {assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	})
	switch {
	case code == 0 && got.Status != http.StatusOK:
		s.t.Errorf("%s: %+v", name, got)
	case code != 0 && (got.Status != http.StatusUnauthorized || got.Error != "invalid_client" || !slices.Equal(got.Codes, []int{code})):
		s.t.Errorf("%s: %d %s %v, want %d", name, got.Status, got.Error, got.Codes, code)
	}
}
