package rotation_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/entra"
	"m365mcp/internal/seal"
	"m365mcp/rotation"
)

func TestNewDatabasesHaveRandomRoots(t *testing.T) {
	t.Parallel()
	keys := ring(t, oldKey())
	h := furnish(t, 0)
	root := h.root(t, keys)
	sameKey(t, "at the next start", h.root(t, keys), root)
	if bytes.Equal(root, furnish(t, 0).root(t, keys)) {
		t.Error("two databases have the same root")
	}
	legacy, err := keys.RootOf("old")
	must(t, err)
	if bytes.Equal(root, legacy.Derive("test")) {
		t.Error("the root of a new database can be told from the key")
	}
	sameKey(t, "with a new key in front", h.root(t, ring(t, newKey(), oldKey())), root)
	h.wantUses(t, ring(t, newKey(), oldKey()), "new encrypts 1 secret; old opens nothing")
}

// A database of a version without a root secret keeps what that version derived from
// its first key, also where the key is rotated at the same time as the version.
func TestOldDatabasesKeepTheirRoot(t *testing.T) {
	t.Parallel()
	legacy, err := ring(t, oldKey()).RootOf("old")
	must(t, err)
	for name, keys := range map[string]*seal.Keyring{
		"same key": ring(t, oldKey()), "new key in front": ring(t, newKey(), oldKey()), "new key behind": ring(t, oldKey(), newKey()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := furnish(t, 1)
			h.fill(t, ring(t, oldKey()))
			sameKey(t, "first start", h.root(t, keys), legacy.Derive("test"))
			h.run(t, keys)
			sameKey(t, "next start", h.root(t, keys), legacy.Derive("test"))
		})
	}
}

func TestReplicasThatStartAtOnceHaveOneRoot(t *testing.T) {
	t.Parallel()
	for _, used := range []bool{false, true} {
		h := furnish(t, 1)
		if used {
			h.fill(t, ring(t, oldKey()))
		}
		var wg sync.WaitGroup
		derived := make([][]byte, 16)
		for i := range derived {
			keys := ring(t, oldKey())
			if i%2 == 0 {
				keys = ring(t, newKey(), oldKey())
			}
			wg.Go(func() {
				root, err := rotation.New(h.Rotation(), keys).Root(t.Context())
				if errors.Is(err, seal.ErrUnknownKey) && i%2 == 1 {
					return // another has moved it already
				}
				if err != nil {
					t.Error(err)
					return
				}
				derived[i] = root.Derive("test")
			})
		}
		wg.Wait()
		for i := 0; i < len(derived); i += 2 {
			sameKey(t, "a replica", derived[i], derived[0])
		}
	}
}

func TestMissingKeyIsRefused(t *testing.T) {
	t.Parallel()
	h := furnish(t, 3)
	h.root(t, ring(t, oldKey()))
	h.fill(t, ring(t, oldKey()))
	must(t, h.vault(ring(t, lostKey()), nil, time.Now).Put(t.Context(), "grant-001", tokens("1")))
	r := rotation.New(h.Rotation(), ring(t, newKey()))
	_, err := r.Open(t.Context())
	missing, ok := errors.AsType[*rotation.MissingError](err)
	if !ok {
		t.Fatalf("Open = %v", err)
	}
	const want = "the database needs key lost, which seals 1 access token, 1 refresh token, and key old, which seals 1 secret, 2 access tokens, 2 refresh tokens; configured: new"
	if got := err.Error(); got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	for _, words := range []string{"ENCRYPTION_KEY", "m365-mcp keys rotate", "m365-mcp keys forget lost"} {
		if !strings.Contains(missing.Fix(), words) {
			t.Errorf("the fix does not say %q: %s", words, missing.Fix())
		}
	}
	if err := r.Check(t.Context()); !errors.As(err, &missing) {
		t.Errorf("Check = %v", err)
	}
	h.wantUses(t, ring(t, newKey()), "new encrypts nothing; lost missing 1 access token, 1 refresh token; old missing 1 secret, 2 access tokens, 2 refresh tokens")
	if got := h.root(t, ring(t, newKey(), oldKey(), lostKey())); len(got) != 32 {
		t.Error("all keys are there, and no root")
	}
}

func TestAnotherKeyOfTheSameIDIsRefused(t *testing.T) {
	t.Parallel()
	h := furnish(t, 0)
	root := h.root(t, ring(t, oldKey()))
	wrong := named("old")
	_, err := rotation.New(h.Rotation(), ring(t, wrong)).Open(t.Context())
	if e, ok := errors.AsType[*rotation.RootError](err); !ok || e.Key != "old" || !strings.Contains(e.Fix(), "m365-mcp keys forget old") {
		t.Errorf("Open = %v", err)
	}
	for _, key := range []string{wrong, oldKey()} {
		if err != nil && strings.Contains(err.Error(), key[5:]) {
			t.Errorf("the error shows a key: %v", err)
		}
	}
	sameKey(t, "with the right key", h.root(t, ring(t, oldKey())), root)

	h.tamper(t, `UPDATE secrets SET sealed = x'00'`)
	_, err = rotation.New(h.Rotation(), ring(t, oldKey())).Open(t.Context())
	if e, ok := errors.AsType[*rotation.RootError](err); !ok || e.Key != "" || !strings.Contains(e.Fix(), "keys rotate --leaked") {
		t.Errorf("Open with a damaged root = %v", err)
	}
}

func TestRenewedRoot(t *testing.T) {
	t.Parallel()
	keys := ring(t, oldKey())
	h := furnish(t, 0)
	r := rotation.New(h.Rotation(), keys)
	must(t, r.RenewRoot(t.Context()))
	first := h.root(t, keys)
	must(t, r.RenewRoot(t.Context()))
	second := h.root(t, keys)
	h.tamper(t, `UPDATE secrets SET sealed = x'00'`)
	must(t, r.RenewRoot(t.Context()))
	if bytes.Equal(first, second) || bytes.Equal(second, h.root(t, keys)) {
		t.Error("the root secret is still the same")
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	h := furnish(t, 0)
	known := func(want bool, keys ...string) {
		t.Helper()
		got, err := rotation.New(h.Rotation(), ring(t, keys...)).Known(t.Context())
		if err != nil || got != want {
			t.Errorf("Known = %v, %v, want %v", got, err, want)
		}
	}
	known(false, oldKey())
	h.root(t, ring(t, oldKey()))
	known(true, oldKey())
	known(false, newKey(), oldKey())
	h.root(t, ring(t, newKey(), oldKey()))
	known(true, newKey(), oldKey())
	h.tamper(t, `UPDATE secrets SET sealed = x'00'`)
	known(false, newKey(), oldKey())
}

func TestForget(t *testing.T) {
	t.Parallel()
	h := furnish(t, 3)
	before, keys := ring(t, oldKey()), ring(t, newKey())
	root := h.root(t, before)
	h.fill(t, before)
	h.upload(t, before)
	h.link(t, before)
	must(t, h.vault(keys, nil, time.Now).Put(t.Context(), "grant-002", tokens("of grant-002")))
	r := rotation.New(h.Rotation(), keys)
	for kid, want := range map[string]error{"new": rotation.ErrConfigured, "odd": rotation.ErrNotUsed, "": rotation.ErrNotUsed} {
		if _, err := r.Lost(t.Context(), kid); !errors.Is(err, want) {
			t.Errorf("Lost(%q) = %v", kid, err)
		}
	}
	lost, err := r.Lost(t.Context(), "old")
	if err != nil || lost.String() != "1 secret, 2 access tokens, 2 refresh tokens, 1 upload, 1 link" {
		t.Fatalf("Lost = %s, %v", lost, err)
	}
	must(t, r.Forget(t.Context(), lost))
	h.wantUses(t, keys, "new encrypts 1 secret, 1 access token, 1 refresh token")
	if bytes.Equal(h.root(t, keys), root) {
		t.Error("the root secret came back")
	}
	v := h.vault(keys, nil, time.Now)
	if _, _, err := v.Token(t.Context(), "grant-001"); !entra.IsSignInRequired(err) {
		t.Errorf("Token of a forgotten grant: %v, want a sign-in", err)
	}
	if got, _, err := v.Token(t.Context(), "grant-002"); err != nil || got.Reveal() != "access of grant-002" {
		t.Errorf("Token under the key at hand: %q, %v", got.Reveal(), err)
	}
}
