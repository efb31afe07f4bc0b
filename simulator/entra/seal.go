package entra

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// sealer turns a value into an opaque string only this server reads. The
// purpose is authenticated, so a refresh token is never taken for a code.
type sealer struct{ aead cipher.AEAD }

// purpose keeps the sealed kinds apart.
type purpose string

const (
	purposeCode    purpose = "code"
	purposeRefresh purpose = "refresh_token"
	purposeSession purpose = "session"
	purposeSignIn  purpose = "sign_in"
)

// sealVersion starts every sealed value, as it starts Entra's codes and tokens.
const sealVersion = "1."

func newSealer() (*sealer, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("entra: sealing key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("entra: sealing key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("entra: sealing key: %w", err)
	}
	return &sealer{aead: aead}, nil
}

func (s *sealer) seal(p purpose, v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("seal %s: %w", p, err)
	}
	return sealVersion + base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, plain, []byte(p))), nil //nolint:gosec // the AEAD draws the nonce
}

// open reads a sealed value back; false means that this server did not seal it.
func (s *sealer) open(p purpose, sealed string, v any) bool {
	encoded, ok := strings.CutPrefix(sealed, sealVersion)
	if !ok {
		return false
	}
	box, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return false
	}
	plain, err := s.aead.Open(nil, nil, box, []byte(p))
	return err == nil && json.Unmarshal(plain, v) == nil
}

// onceSet remembers what must happen once, until it could not happen anyway.
// The caller holds the lock.
type onceSet map[string]time.Time

// first records the id and tells whether it is new. Expired ids are dropped on
// the way, at most once per doubling of the set.
func (o onceSet) first(id string, now, expires time.Time) bool {
	if until, seen := o[id]; seen && now.Before(until) {
		return false
	}
	if n := len(o); n >= 64 && n&(n-1) == 0 {
		for old, until := range o {
			if !now.Before(until) {
				delete(o, old)
			}
		}
	}
	o[id] = expires
	return true
}

// randomID returns n random bytes in base64url.
func randomID(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}
