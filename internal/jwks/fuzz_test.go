package jwks

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// FuzzSet: whatever the endpoint of the keys and a token say, nothing gets through
// that is not signed by a strong public key.
func FuzzSet(f *testing.F) {
	f.Add(`{"kty":"RSA","kid":"1","n":"AQAB","e":"AQAB","issuer":"x"}`, "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.AA")
	f.Add(`{"kty":"oct","kid":"1","k":"AQAB"}`, "eyJhbGciOiJub25lIn0.e30.")
	f.Add(`{"kty":"EC","crv":"P-256","x":"","y":""}`, "eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.e30.AA")
	f.Fuzz(func(t *testing.T, jwk, token string) {
		now := time.Now()
		s := New("", Options{Now: time.Now, Lifetime: time.Hour, Algorithms: []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}})
		if key, ok := read(json.RawMessage(jwk)); ok {
			s.keys, s.fetched = []Key{key}, now
			s.asked = []time.Time{now, now, now, now} // no more requests
			if payload, err := s.VerifySignature(t.Context(), token); err == nil {
				t.Errorf("verified %q", payload)
			}
		}
	})
}
