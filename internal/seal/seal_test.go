package seal_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"m365mcp/internal/seal"
)

// sealedVector is "format version 1", sealed with oldKey for the context
// "grant-1", "refresh" when the format was made.
const sealedVector = "01036f6c6439bf3d02abe84f11cbad932faca71e211732d9156af2776559257c98a3a44a919b06e81d85074e34787f02750ad697c533f4d3" +
	"f8f5e3d7666817e798124c7a31eb1498c3284a42628528833f1f4077841b8e4ec60d1b35a07a2aca2ed4b1c3e9d611fcaac978b111"

// Keys of no other use, as ParseKeyring reads them.
const (
	oldKey = "old:8f1c2a6be07d4953b2c4e9d81f6037a5cc0e7b1894f25d3a6e90b7c1d2458f3e"
	newKey = "new:Yn9x0Jk7bqVdT2mZp4s6w8eR1uHcGfLaXvC3oQi5tEk="
)

func ring(tb testing.TB, text string) *seal.Keyring {
	tb.Helper()
	k, err := seal.ParseKeyring(text)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func TestSealOpen(t *testing.T) {
	t.Parallel()
	k := ring(t, oldKey)
	aad := seal.AAD("grant-1", "refresh")
	for _, plaintext := range []string{"", "token", strings.Repeat("long ", 4000)} {
		sealed, err := k.Seal([]byte(plaintext), aad)
		if err != nil {
			t.Fatal(err)
		}
		if plaintext != "" && bytes.Contains(sealed, []byte(plaintext)) {
			t.Error("the sealed value shows its plaintext")
		}
		again, err := k.Seal([]byte(plaintext), aad)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(sealed, again) {
			t.Error("sealing twice gave the same bytes")
		}
		got, err := k.Open(sealed, aad)
		if err != nil || string(got) != plaintext {
			t.Errorf("Open = %q, %v; want %q", got, err, plaintext)
		}
	}
}

func TestOpenRefusesEveryChange(t *testing.T) {
	t.Parallel()
	k := ring(t, oldKey)
	aad := seal.AAD("grant-1", "refresh")
	sealed, err := k.Seal([]byte("token"), aad)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		if _, err := k.Open(damaged, aad); !errors.Is(err, seal.ErrTampered) && !errors.Is(err, seal.ErrUnknownKey) {
			t.Errorf("byte %d flipped: %v", i, err)
		}
		if _, err := k.Open(sealed[:i], aad); !errors.Is(err, seal.ErrTampered) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	for _, other := range [][]byte{nil, seal.AAD("grant-1", "access"), seal.AAD("grant-2", "refresh"), seal.AAD("grant-1refresh")} {
		if _, err := k.Open(sealed, other); !errors.Is(err, seal.ErrTampered) {
			t.Errorf("context %q: %v", other, err)
		}
	}
}

// The value part of one sealed value must not pass under the wrapped key of another.
func TestOpenRefusesSplicedValues(t *testing.T) {
	t.Parallel()
	k := ring(t, oldKey)
	aad := seal.AAD("grant-1", "refresh")
	a, err := k.Seal([]byte("token a"), aad)
	if err != nil {
		t.Fatal(err)
	}
	b, err := k.Seal([]byte("token b"), aad)
	if err != nil {
		t.Fatal(err)
	}
	cut := 2 + len("old") + 60
	if _, err := k.Open(append(a[:cut:cut], b[cut:]...), aad); !errors.Is(err, seal.ErrTampered) {
		t.Errorf("spliced: %v", err)
	}
}

func TestUnknownKeyIsNamed(t *testing.T) {
	t.Parallel()
	sealed, err := ring(t, oldKey).Seal([]byte("token"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = ring(t, newKey).Open(sealed, nil)
	if !errors.Is(err, seal.ErrUnknownKey) || !strings.Contains(err.Error(), `"old"`) {
		t.Errorf("Open with another key = %v, want ErrUnknownKey naming old", err)
	}
	// The same id on another key is damage, not an unknown key.
	imposter := ring(t, "old:"+strings.TrimPrefix(newKey, "new:"))
	if _, err := imposter.Open(sealed, nil); !errors.Is(err, seal.ErrTampered) {
		t.Errorf("Open with another key of the same id = %v, want ErrTampered", err)
	}
}

func TestRewrap(t *testing.T) {
	t.Parallel()
	aad := seal.AAD("grant-1", "access")
	sealed, err := ring(t, oldKey).Seal([]byte("token"), aad)
	if err != nil {
		t.Fatal(err)
	}
	both := ring(t, newKey+","+oldKey)
	moved, err := both.Rewrap(sealed, aad)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ring(t, newKey).Open(moved, aad)
	if err != nil || string(got) != "token" {
		t.Errorf("Open with the new key alone = %q, %v", got, err)
	}
	still, err := both.Rewrap(moved, aad)
	if err != nil || !bytes.Equal(still, moved) {
		t.Errorf("Rewrap of a value under the first key changed it (%v)", err)
	}
	if _, err := both.Rewrap(sealed, nil); !errors.Is(err, seal.ErrTampered) {
		t.Errorf("Rewrap for another context: %v", err)
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := both.Rewrap(sealed, aad); !errors.Is(err, seal.ErrTampered) {
		t.Errorf("Rewrap of a damaged value: %v", err)
	}
}

// Made by this package once: where this breaks, so does every database in the field.
func TestVectors(t *testing.T) {
	t.Parallel()
	k := ring(t, oldKey)
	b, err := hex.DecodeString(sealedVector)
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.Open(b, seal.AAD("grant-1", "refresh"))
	if err != nil || string(got) != "format version 1" {
		t.Errorf("Open = %q, %v", got, err)
	}
	const derived = "af0fd56b3b2f2d2b92a71858e0c5abed0d3ea053e31b6385c6733a2dbe41df0f"
	root, err := k.RootOf("old")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(root.Derive("handle")); got != derived {
		t.Errorf("Derive = %s, want %s", got, derived)
	}
	if got, want := ring(t, strings.TrimPrefix(oldKey, "old:")).String(), "keyring[eee0e5ce]"; got != want {
		t.Errorf("default key id: %s, want %s", got, want)
	}
}

func FuzzOpen(f *testing.F) {
	k := ring(f, oldKey)
	// The fixed value: worker processes have to agree on it.
	sealed, err := hex.DecodeString(sealedVector)
	if err != nil {
		f.Fatal(err)
	}
	context := seal.AAD("grant-1", "refresh")
	f.Add(sealed, context)
	f.Add(sealed[:40], context)
	f.Add([]byte{1, 255}, []byte(nil))
	f.Fuzz(func(t *testing.T, in, aad []byte) {
		_, err := k.Open(in, aad)
		switch {
		case err == nil && (!bytes.Equal(in, sealed) || !bytes.Equal(aad, context)):
			t.Errorf("a forged value opened: %x", in)
		case err != nil && !errors.Is(err, seal.ErrTampered) && !errors.Is(err, seal.ErrUnknownKey):
			t.Errorf("unexpected error: %v", err)
		}
	})
}
