package seal_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"m365mcp/internal/seal"
)

func TestRootOutlivesItsKey(t *testing.T) {
	t.Parallel()
	root := seal.NewRoot()
	if bytes.Equal(root.Derive("a"), root.Derive("b")) || len(root.Derive("a")) != 32 {
		t.Error("purposes need a key of 32 bytes each")
	}
	if bytes.Equal(root.Derive("a"), seal.NewRoot().Derive("a")) {
		t.Error("two roots are the same")
	}
	sealed, err := ring(t, oldKey).SealRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := ring(t, newKey+","+oldKey).Rewrap(sealed, seal.RootContext())
	if err != nil {
		t.Fatal(err)
	}
	again, err := ring(t, newKey).OpenRoot(moved)
	if err != nil || !bytes.Equal(again.Derive("a"), root.Derive("a")) {
		t.Errorf("the root under another key derives something else (%v)", err)
	}
	if _, err := ring(t, newKey).OpenRoot(sealed); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("OpenRoot without its key: %v", err)
	}
	// A sealed value of another kind is no root.
	for _, c := range []struct {
		text string
		aad  []byte
	}{{strings.Repeat("x", 32), seal.AAD("vault", "g", "access")}, {"short", seal.RootContext()}} {
		token, err := ring(t, oldKey).Seal([]byte(c.text), c.aad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ring(t, oldKey).OpenRoot(token); !errors.Is(err, seal.ErrTampered) {
			t.Errorf("OpenRoot of %q: %v", c.text, err)
		}
	}
}

// What versions without a stored root derived, they derived from the first key.
func TestRootOf(t *testing.T) {
	t.Parallel()
	value, err := hex.DecodeString(strings.TrimPrefix(oldKey, "old:"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := hkdf.Key(sha256.New, value, nil, "m365-mcp derive v1: handle", 32)
	if err != nil {
		t.Fatal(err)
	}
	root, err := ring(t, newKey+","+oldKey).RootOf("old")
	if err != nil || !bytes.Equal(root.Derive("handle"), want) {
		t.Errorf("RootOf derives %x, want %x (%v)", root.Derive("handle"), want, err)
	}
	if _, err := ring(t, newKey).RootOf("old"); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("RootOf an unknown key: %v", err)
	}
	// It is no key itself: who has the root does not have what it came from.
	sealed, err := ring(t, oldKey).SealRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	prk, err := ring(t, oldKey).Open(sealed, seal.RootContext())
	if err != nil || bytes.Equal(prk, value) {
		t.Errorf("the root is the key (%v)", err)
	}
}

func TestRootIsNotPrinted(t *testing.T) {
	t.Parallel()
	k := ring(t, oldKey)
	root := seal.NewRoot()
	sealed, err := k.SealRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	prk, err := k.Open(sealed, seal.RootContext())
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).InfoContext(t.Context(), "root", "value", root, "pointer", &root)
	text := fmt.Sprintf("%v %+v %#v %s %x %d %v", root, root, root, root, root, root, &root) + log.String()
	for _, leak := range []string{hex.EncodeToString(prk[:4]), fmt.Sprintf("%d %d", prk[0], prk[1]), fmt.Sprintf("%#x", prk[0])} {
		if strings.Contains(text, leak) {
			t.Errorf("printed the root: %s", text)
		}
	}
}

func TestKeyID(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 32)
	keys := ring(t, long+":"+strings.TrimPrefix(oldKey, "old:")+","+newKey)
	if diff := slices.Compare(keys.IDs(), []string{long, "new"}); diff != 0 {
		t.Errorf("IDs = %q", keys.IDs())
	}
	sealed, err := keys.Seal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if kid, err := seal.KeyID(sealed[:seal.HeadSize]); err != nil || kid != long {
		t.Errorf("KeyID of the head = %q, %v", kid, err)
	}
	if !bytes.HasPrefix(sealed, seal.Head(long)) || bytes.HasPrefix(sealed, seal.Head(long[:31])) {
		t.Error("a value begins as those of its own key do, and no others")
	}
	for name, bad := range map[string][]byte{
		"nothing": {}, "one byte": {1}, "another version": {2, 1, 'a'}, "no id": {1, 0, 'a'}, "too long": append([]byte{1, 33}, long+"k"...),
		"cut": {1, 3, 'a', 'b'}, "no key id": {1, 2, 'a', '\n'},
	} {
		if kid, err := seal.KeyID(bad); !errors.Is(err, seal.ErrTampered) {
			t.Errorf("%s: KeyID = %q, %v", name, kid, err)
		}
	}
}

// What KeyID reads is what Head writes, and nothing else: a value is counted under
// exactly one key, the one that a rotation would look for.
func FuzzKeyID(f *testing.F) {
	f.Add([]byte{1, 3, 'o', 'l', 'd', 0xff})
	f.Add([]byte{1, 0})
	f.Add([]byte{1, 255, 'a'})
	f.Fuzz(func(t *testing.T, head []byte) {
		kid, err := seal.KeyID(head)
		if err != nil {
			if !errors.Is(err, seal.ErrTampered) {
				t.Errorf("unexpected error: %v", err)
			}
			return
		}
		if !bytes.HasPrefix(head, seal.Head(kid)) {
			t.Errorf("%x does not begin as the key %q seals", head, kid)
		}
		if cut, err := seal.KeyID(head[:min(len(head), seal.HeadSize)]); err != nil || cut != kid {
			t.Errorf("the first %d bytes name %q, %v; all of it %q", seal.HeadSize, cut, err, kid)
		}
	})
}
