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

func newCredential(t *testing.T) credential {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "m365-mcp"}}
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
		{"RS256", ours.sign(t, jose.RS256, ours.key, good("2")), 0},
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
		got := s.token(url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {clientID},
			"client_assertion": {tc.assertion}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		})
		switch {
		case tc.code == 0 && got.Status != http.StatusOK:
			t.Errorf("%s: %+v", tc.name, got)
		case tc.code != 0 && (got.Status != http.StatusUnauthorized || got.Error != "invalid_client" || !slices.Equal(got.Codes, []int{tc.code})):
			t.Errorf("%s: %d %s %v, want %d", tc.name, got.Status, got.Error, got.Codes, tc.code)
		}
	}
}
