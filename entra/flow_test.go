package entra_test

import (
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"m365mcp/store/sqlite"
	"m365mcp/store/storetest"
)

// The whole way over real HTTP: sign in, fifty calls near the end of the token,
// a restart, another rotation. The stand-in takes each refresh token once, so
// that one lost rotation would sign the person out.
func TestFlow(t *testing.T) {
	t.Parallel()
	s := newStandIn(t)
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s.now = now
	path := filepath.Join(t.TempDir(), "data", "m365.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Grants(t, db.OAuth(), grant)
	c := s.client(t)
	_, first, err := s.signIn(t, c)
	if err != nil {
		t.Fatal(err)
	}
	v := newVault(t, db.Vault(), c, now)
	put(t, v, first)
	wantToken(t, v, first.Access.Reveal())

	const tokenPath = "oauth2/v2.0/token"
	for round := range 3 {
		ahead.Add(int64(58 * time.Minute))
		replica := newVault(t, db.Vault(), c, now)
		// The other replica may still give out the old token while it lives: both are good.
		if got := many(t, 50, v, replica); len(got) > 2 {
			t.Errorf("%d different tokens", len(got))
		}
		if got, want := s.counted(tokenPath), 2+round; got != want {
			t.Fatalf("round %d: %d requests for tokens, want %d", round, got, want)
		}
		if err := v.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if db, err = sqlite.Open(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		v = newVault(t, db.Vault(), c, now)
		access, expires, err := v.Token(t.Context(), grant)
		if err != nil || !strings.HasPrefix(access.Reveal(), "access-canary") || expires.Sub(now()) < 50*time.Minute {
			t.Errorf("round %d, after the restart: ends in %s, %v", round, expires.Sub(now()), err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
