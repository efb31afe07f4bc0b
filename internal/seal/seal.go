// Package seal encrypts values at rest: envelope encryption with AES-256-GCM.
//
// [Keyring.Seal] draws a data key for each value, encrypts the value with it,
// and wraps the data key with the key-encryption key that comes first in the
// [Keyring]. Both steps authenticate the caller's context ([AAD]: a grant id and
// a column, say), so a sealed value moved to another row does not open there.
// [Keyring.Open] finds the key-encryption key by the id in the sealed value;
// [Keyring.Rewrap] moves a value to the first key and leaves its data key alone.
// Keys for other purposes are derived from a [Root], which is itself kept sealed.
//
// The format, version 1:
//
//	1 byte   version, 1
//	1 byte   length of the key id, 1..32
//	n bytes  key id
//	60 bytes data key, wrapped: 12 nonce, 32 ciphertext, 16 tag
//	rest     value: 12 nonce, ciphertext, 16 tag
//
// Nonces are random. A data key encrypts one value; a key-encryption key should
// be replaced before 2^32 wraps (NIST SP 800-38D, section 8.3).
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

const (
	version    = 1
	keySize    = 32
	overhead   = 12 + 16 // nonce and tag
	wrapSize   = keySize + overhead
	maxKIDSize = 32
)

// Labels keep a wrapped key from being taken for a value, and the reverse.
const (
	labelKey   = "m365-mcp seal v1 key"
	labelValue = "m365-mcp seal v1 value"
)

var (
	// ErrTampered means that the sealed value, or the context it was sealed for, is not the one it was.
	ErrTampered = errors.New("sealed value is damaged, or was sealed for another context or with another key of the same id")

	// ErrUnknownKey means that the keyring does not hold the key the value was sealed with.
	ErrUnknownKey = errors.New("sealed with a key that is not configured")
)

// AAD encodes the parts of a context so that no two different lists of parts
// give the same bytes.
func AAD(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

// Seal encrypts plaintext for the context aad with the first key.
func (k Keyring) Seal(plaintext, aad []byte) ([]byte, error) {
	dataKey := make([]byte, keySize)
	if _, err := rand.Read(dataKey); err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	value, err := newAEAD(dataKey)
	if err != nil {
		return nil, err
	}
	sealed, err := k.wrap(dataKey, aad)
	if err != nil {
		return nil, err
	}
	return value.Seal(sealed, nil, plaintext, valueAAD(aad)), nil //nolint:gosec // the AEAD draws the nonce
}

// Open decrypts what Seal made for the same aad. It returns [ErrUnknownKey],
// naming the key id, or [ErrTampered].
func (k Keyring) Open(sealed, aad []byte) ([]byte, error) {
	dataKey, rest, err := k.unwrap(sealed, aad)
	if err != nil {
		return nil, err
	}
	value, err := newAEAD(dataKey)
	if err != nil {
		return nil, err
	}
	plaintext, err := value.Open(nil, nil, rest, valueAAD(aad))
	if err != nil {
		return nil, ErrTampered
	}
	return plaintext, nil
}

// Rewrap returns the value under the first key, unchanged where it is under
// that key already. Errors are those of Open.
func (k Keyring) Rewrap(sealed, aad []byte) ([]byte, error) {
	// Opened as a whole: a damaged value must not come out looking freshly sealed.
	if _, err := k.Open(sealed, aad); err != nil {
		return nil, err
	}
	h, err := parse(sealed)
	if err != nil {
		return nil, err
	}
	if h.kid == k.keys[0].id {
		return slices.Clone(sealed), nil
	}
	dataKey, rest, err := k.unwrap(sealed, aad)
	if err != nil {
		return nil, err
	}
	out, err := k.wrap(dataKey, aad)
	if err != nil {
		return nil, err
	}
	return append(out, rest...), nil
}

// wrap returns the header and the data key wrapped by the first key.
func (k Keyring) wrap(dataKey, aad []byte) ([]byte, error) {
	first := k.keys[0]
	aead, err := newAEAD(first.value)
	if err != nil {
		return nil, err
	}
	head := Head(first.id)
	return aead.Seal(head, nil, dataKey, keyAAD(head, aad)), nil //nolint:gosec // the AEAD draws the nonce
}

// unwrap returns the data key and the encrypted value.
func (k Keyring) unwrap(sealed, aad []byte) (dataKey, rest []byte, err error) {
	h, err := parse(sealed)
	if err != nil {
		return nil, nil, err
	}
	i := k.index(h.kid)
	if i < 0 {
		return nil, nil, fmt.Errorf("%w: key id %q", ErrUnknownKey, h.kid)
	}
	aead, err := newAEAD(k.keys[i].value)
	if err != nil {
		return nil, nil, err
	}
	if dataKey, err = aead.Open(nil, nil, h.wrapped, keyAAD(h.head, aad)); err != nil {
		return nil, nil, ErrTampered
	}
	return dataKey, h.value, nil
}

// header is a sealed value taken apart, nothing of it proven yet.
type header struct {
	head    []byte // version, length, key id: authenticated with the wrapped key
	kid     string
	wrapped []byte
	value   []byte
}

func parse(sealed []byte) (header, error) {
	kid, err := KeyID(sealed)
	if err != nil {
		return header{}, err
	}
	n := 2 + len(kid)
	if len(sealed) < n+wrapSize+overhead {
		return header{}, fmt.Errorf("%w: too short", ErrTampered)
	}
	return header{
		head: sealed[:n:n], kid: kid,
		wrapped: sealed[n : n+wrapSize], value: sealed[n+wrapSize:],
	}, nil
}

// HeadSize is how many bytes of a sealed value are enough for KeyID.
const HeadSize = 2 + maxKIDSize

// Head is how every value begins that the key of this id seals, and no other value.
func Head(kid string) []byte { return append([]byte{version, byte(len(kid))}, kid...) } //nolint:gosec // at most maxKIDSize

// KeyID returns the id of the key that a sealed value, or its first [HeadSize]
// bytes, names. Nothing of it is proven; [ErrTampered] where it names none.
func KeyID(head []byte) (string, error) {
	if len(head) < 2 {
		return "", fmt.Errorf("%w: too short", ErrTampered)
	}
	if head[0] != version {
		return "", fmt.Errorf("%w: unknown format version %d", ErrTampered, head[0])
	}
	n := 2 + int(head[1])
	if n > HeadSize || len(head) < n {
		return "", fmt.Errorf("%w: too short", ErrTampered)
	}
	kid := string(head[2:n])
	if !validKID(kid) {
		return "", fmt.Errorf("%w: malformed key id", ErrTampered)
	}
	return kid, nil
}

func keyAAD(head, aad []byte) []byte {
	return slices.Concat(AAD(labelKey, string(head)), aad)
}

// valueAAD leaves the key id out, or Rewrap would have to encrypt the value anew.
func valueAAD(aad []byte) []byte {
	return slices.Concat(AAD(labelValue), aad)
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("aes: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("gcm: %w", err)
	}
	return aead, nil
}
