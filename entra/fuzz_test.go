package entra

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"m365mcp/internal/secret"
)

// FuzzKeySet: whatever the endpoint of the keys and a token say, nothing that is
// not signed by an RSA key of decent size gets through.
func FuzzKeySet(f *testing.F) {
	f.Add(`{"kty":"RSA","kid":"1","n":"AQAB","e":"AQAB","issuer":"x"}`, "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.AA")
	f.Add(`{"kty":"oct","kid":"1","k":"AQAB"}`, "eyJhbGciOiJub25lIn0.e30.")
	f.Add(`{"kty":"EC","crv":"P-256","x":"","y":""}`, "eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.e30.AA")
	f.Fuzz(func(t *testing.T, jwk, token string) {
		k := newKeySet(nil, time.Now)
		k.fetched = time.Now()
		if key, ok := readKey(json.RawMessage(jwk)); ok {
			k.keys = []signingKey{key}
			k.asked = []time.Time{k.fetched, k.fetched, k.fetched, k.fetched} // no more requests
			if payload, err := k.VerifySignature(t.Context(), token); err == nil {
				t.Errorf("verified %q", payload)
			}
		}
	})
}

func FuzzParseCertificate(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	f.Add("0\x82canary-canary")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCertificate(secret.New(text))
		if (c == nil) == (err == nil) {
			t.Errorf("%v, %v", c, err)
		}
		if err != nil && len(text) > 40 && strings.Contains(err.Error(), text) {
			t.Errorf("the error quotes what may be a key: %v", err)
		}
	})
}
