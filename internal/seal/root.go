package seal

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
)

// Root is the secret that keys for other purposes are derived from, by
// HKDF-SHA256 (RFC 5869). It is drawn once and kept sealed, so that what is
// derived from it outlives the keys of the [Keyring]. It is never printed.
type Root struct{ prk []byte }

// NewRoot draws a root.
func NewRoot() Root {
	prk := make([]byte, keySize)
	_, _ = rand.Read(prk) // never fails (crypto/rand)
	return Root{prk}
}

// RootOf returns the root that versions without a stored one had under the key of
// this id, or [ErrUnknownKey]. It does not tell the key.
func (k Keyring) RootOf(kid string) (Root, error) {
	i := k.index(kid)
	if i < 0 {
		return Root{}, fmt.Errorf("%w: key id %q", ErrUnknownKey, kid)
	}
	prk, err := hkdf.Extract(sha256.New, k.keys[i].value, nil)
	if err != nil {
		return Root{}, fmt.Errorf("hkdf: %w", err)
	}
	return Root{prk}, nil
}

// RootContext is the context that a root is sealed for.
func RootContext() []byte { return AAD("m365-mcp root v1") }

// SealRoot seals the root with the first key.
func (k Keyring) SealRoot(r Root) ([]byte, error) { return k.Seal(r.prk, RootContext()) }

// OpenRoot opens what SealRoot made. Errors are those of Open.
func (k Keyring) OpenRoot(sealed []byte) (Root, error) {
	prk, err := k.Open(sealed, RootContext())
	if err != nil {
		return Root{}, err
	}
	if len(prk) != keySize {
		return Root{}, ErrTampered
	}
	return Root{prk}, nil
}

// Derive returns 32 bytes for a purpose, an HMAC key say.
func (r Root) Derive(purpose string) []byte {
	out, err := hkdf.Expand(sha256.New, r.prk, "m365-mcp derive v1: "+purpose, keySize)
	if err != nil {
		panic("seal: hkdf: " + err.Error()) // only for outputs beyond 255 blocks (RFC 5869, section 2.3)
	}
	return out
}

const printedRoot = "root[redacted]"

// String implements fmt.Stringer.
func (Root) String() string { return printedRoot }

// Format implements fmt.Formatter, so that no verb reaches the secret.
func (Root) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, printedRoot) }

// LogValue implements slog.LogValuer.
func (Root) LogValue() slog.Value { return slog.StringValue(printedRoot) }
