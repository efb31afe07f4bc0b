package seal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// minDistinct is how many different byte values a key must have. Of 32 random
// bytes fewer than 16 differ with a chance below 2^-50; repeated text has fewer.
const minDistinct = 16

// Keyring holds the key-encryption keys: the first one encrypts, all decrypt.
// It is immutable, and shows its key ids only when it is printed.
type Keyring struct{ keys []key }

type key struct {
	id    string
	value []byte
}

// ParseKeyring reads keys separated by commas. A key is 32 bytes in hex or
// base64 (standard or URL alphabet, padded or not), with "kid:" in front where
// its id is not to be the default, the first 8 hex digits of its SHA-256.
// Errors name a key by its position and never show any of its text.
func ParseKeyring(text string) (*Keyring, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("no encryption key is set")
	}
	entries := strings.Split(text, ",")
	ring := &Keyring{keys: make([]key, 0, len(entries))}
	for i, entry := range entries {
		k, err := parseKey(strings.TrimSpace(entry))
		if err != nil {
			return nil, fmt.Errorf("encryption key %d of %d: %w", i+1, len(entries), err)
		}
		for j, other := range ring.keys {
			if k.id == other.id || bytes.Equal(k.value, other.value) {
				return nil, fmt.Errorf("encryption key %d of %d: same key or same key id as key %d", i+1, len(entries), j+1)
			}
		}
		ring.keys = append(ring.keys, k)
	}
	return ring, nil
}

// GenerateKey returns a new key as ParseKeyring reads it, its key id in front.
func GenerateKey() string {
	value := make([]byte, keySize)
	_, _ = rand.Read(value) // never fails (crypto/rand)
	return defaultKID(value) + ":" + base64.RawURLEncoding.EncodeToString(value)
}

// IDs returns the ids of the keys, the encrypting one first.
func (k Keyring) IDs() []string {
	ids := make([]string, 0, len(k.keys))
	for _, key := range k.keys {
		ids = append(ids, key.id)
	}
	return ids
}

func (k Keyring) index(kid string) int {
	return slices.IndexFunc(k.keys, func(key key) bool { return key.id == kid })
}

// String names the key ids, the encrypting one first.
func (k Keyring) String() string {
	return "keyring[" + strings.Join(k.IDs(), " ") + "]"
}

// Format implements fmt.Formatter, so that no verb reaches the keys.
func (k Keyring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue implements slog.LogValuer.
func (k Keyring) LogValue() slog.Value { return slog.StringValue(k.String()) }

func parseKey(entry string) (key, error) {
	kid, text, named := strings.Cut(entry, ":")
	if !named {
		kid, text = "", entry
	}
	value, err := decodeKey(strings.TrimSpace(text))
	if err != nil {
		return key{}, err
	}
	if err := checkStrength(value); err != nil {
		return key{}, err
	}
	if !named {
		kid = defaultKID(value)
	}
	if !validKID(kid) {
		return key{}, fmt.Errorf("the key id before the colon must be 1 to %d letters, digits, dots, dashes or underscores", maxKIDSize)
	}
	return key{id: kid, value: value}, nil
}

func decodeKey(text string) ([]byte, error) {
	if text == "" {
		return nil, errors.New("it is empty")
	}
	if value, err := hex.DecodeString(text); err == nil {
		return checkSize(value, "hex")
	}
	text = strings.TrimRight(text, "=")
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if value, err := enc.Strict().DecodeString(text); err == nil {
			return checkSize(value, "base64")
		}
	}
	return nil, fmt.Errorf("it is neither hex nor base64 of %d bytes", keySize)
}

func checkSize(value []byte, encoding string) ([]byte, error) {
	if len(value) != keySize {
		return nil, fmt.Errorf("it is %s of %d bytes, and must be of %d", encoding, len(value), keySize)
	}
	return value, nil
}

// checkStrength refuses what no random generator gives and people do type.
func checkStrength(value []byte) error {
	distinct := map[byte]bool{}
	text, steps := true, true
	for i, b := range value {
		distinct[b] = true
		text = text && b >= ' ' && b <= '~'
		steps = steps && (i < 2 || b-value[i-1] == value[1]-value[0])
	}
	switch {
	case len(distinct) == 1:
		return errors.New("weak key: all its bytes are equal")
	case len(distinct) < minDistinct:
		return errors.New("weak key: it repeats itself")
	case steps:
		return errors.New("weak key: its bytes are a plain sequence")
	case text:
		return fmt.Errorf("weak key: its bytes are readable text; it must be %d random bytes", keySize)
	}
	return nil
}

func defaultKID(value []byte) string {
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:4])
}

func validKID(kid string) bool {
	return kid != "" && len(kid) <= maxKIDSize && !slices.ContainsFunc([]byte(kid), func(b byte) bool {
		return (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && b != '.' && b != '-' && b != '_'
	})
}
