package entra_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/entra"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
	"m365mcp/store/sqlite"
	"m365mcp/store/storetest"
)

const grant = "grant-1"

var keyText = sync.OnceValue(seal.GenerateKey)

func keyring(tb testing.TB, text string) *seal.Keyring {
	tb.Helper()
	k, err := seal.ParseKeyring(text)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// database opens a new database with grants; path is its file.
func database(tb testing.TB, grants ...string) (db *sqlite.DB, path string) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "data", "m365.db")
	db, err := sqlite.Open(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	storetest.Grants(tb, db.OAuth(), append(grants, grant, "other")...)
	return db, path
}

func newVault(tb testing.TB, store entra.VaultStore, r entra.Refresher, now func() time.Time) *entra.Vault {
	tb.Helper()
	return entra.NewVault(store, keyring(tb, keyText()), r, now, slog.New(slog.DiscardHandler), entra.Options{})
}

// refreshFunc is a Refresher.
type refreshFunc func(ctx context.Context, refresh secret.String, scopes []string) (entra.Tokens, error)

func (f refreshFunc) Refresh(ctx context.Context, refresh secret.String, scopes []string) (entra.Tokens, error) {
	return f(ctx, refresh, scopes)
}

// never fails the test where a refresh happens.
func never(t *testing.T) entra.Refresher {
	t.Helper()
	return refreshFunc(func(context.Context, secret.String, []string) (entra.Tokens, error) {
		t.Error("refreshed")
		return entra.Tokens{}, errors.New("unexpected")
	})
}

func tokens(name string, expires time.Time) entra.Tokens {
	return entra.Tokens{
		Access: secret.New("access " + name), Refresh: secret.New("refresh " + name),
		Expires: expires, Scopes: []string{"Mail.Read", "User.Read"},
	}
}

func put(t *testing.T, v *entra.Vault, tk entra.Tokens) {
	t.Helper()
	if err := v.Put(t.Context(), grant, tk); err != nil {
		t.Fatal(err)
	}
}

func wantToken(t *testing.T, v *entra.Vault, want string) {
	t.Helper()
	got, _, err := v.Token(t.Context(), grant)
	if err != nil || got.Reveal() != want {
		t.Errorf("Token = %q, %v; want %q", got.Reveal(), err, want)
	}
}

func TestVaultKeeps(t *testing.T) {
	t.Parallel()
	db, _ := database(t)
	v := newVault(t, db.Vault(), never(t), time.Now)
	if _, _, err := v.Token(t.Context(), grant); !errors.Is(err, entra.ErrNoTokens) {
		t.Errorf("Token of nothing: %v", err)
	}
	expires := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	put(t, v, tokens("1", expires))
	got, until, err := v.Token(t.Context(), grant)
	if err != nil || got.Reveal() != "access 1" || !until.Equal(expires) {
		t.Errorf("Token = %q until %s, %v", got.Reveal(), until, err)
	}
	put(t, v, tokens("2", expires))
	wantToken(t, v, "access 2")
	if err := v.Delete(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Token(t.Context(), grant); !errors.Is(err, entra.ErrNoTokens) {
		t.Errorf("Token after Delete: %v", err)
	}
	if err := v.Put(t.Context(), grant, entra.Tokens{}); err == nil {
		t.Error("stored no token")
	}
}

// Sealed at rest: no form of a token is in any file of the database.
func TestVaultSealsAtRest(t *testing.T) {
	t.Parallel()
	db, path := database(t)
	tk := entra.Tokens{
		Access: secret.New("canary-access-token"), Refresh: secret.New("canary-refresh-token"),
		Expires: time.Now().Add(time.Hour), Scopes: []string{"Mail.Read"},
	}
	put(t, newVault(t, db.Vault(), never(t), time.Now), tk)
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v: want the database and its log", files, err)
	}
	seen := false
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		seen = seen || bytes.Contains(raw, []byte(grant))
		for _, s := range []string{tk.Access.Reveal(), tk.Refresh.Reveal()} {
			for _, form := range []string{s, base64.StdEncoding.EncodeToString([]byte(s)), fmt.Sprintf("%x", s)} {
				if bytes.Contains(raw, []byte(form)) {
					t.Errorf("%s contains %q", filepath.Base(name), form)
				}
			}
		}
	}
	if !seen {
		t.Error("the row is in none of the files: the test looks in the wrong place")
	}
}

func TestVaultRefusesForeignRows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string
		want   error
	}{
		"damaged":            {`UPDATE vault SET access = CAST(substr(access, 1, length(access) - 1) || x'00' AS BLOB)`, seal.ErrTampered},
		"cut":                {`UPDATE vault SET access = substr(access, 1, 20)`, seal.ErrTampered},
		"of another grant":   {`UPDATE vault SET access = (SELECT access FROM vault WHERE grant_id = 'other')`, seal.ErrTampered},
		"of another column":  {`UPDATE vault SET access = refresh`, seal.ErrTampered},
		"refresh of another": {`UPDATE vault SET renew_at = 0, refresh = (SELECT refresh FROM vault WHERE grant_id = 'other')`, seal.ErrTampered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, path := database(t)
			v := newVault(t, db.Vault(), never(t), time.Now)
			put(t, v, tokens("1", time.Now().Add(time.Hour)))
			if err := v.Put(t.Context(), "other", tokens("2", time.Now().Add(time.Hour))); err != nil {
				t.Fatal(err)
			}
			raw, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = raw.Close() }()
			if _, err := raw.ExecContext(t.Context(), c.change+" WHERE grant_id = '"+grant+"'"); err != nil {
				t.Fatal(err)
			}
			for range 2 { // at once the second time too: a damaged row holds no lease
				_, _, err = v.Token(t.Context(), grant)
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), grant) {
					t.Errorf("Token: %v, want %v and the grant's id", err, c.want)
				}
			}
		})
	}
}

func TestVaultNamesAMissingKey(t *testing.T) {
	t.Parallel()
	db, _ := database(t)
	put(t, newVault(t, db.Vault(), never(t), time.Now), tokens("1", time.Now().Add(time.Hour)))
	other := entra.NewVault(db.Vault(), keyring(t, seal.GenerateKey()), never(t), time.Now, slog.New(slog.DiscardHandler), entra.Options{})
	kid, _, _ := strings.Cut(keyText(), ":")
	if _, _, err := other.Token(t.Context(), grant); !errors.Is(err, seal.ErrUnknownKey) || !strings.Contains(err.Error(), kid) {
		t.Errorf("Token with another key: %v, want ErrUnknownKey naming %s", err, kid)
	}
	both := entra.NewVault(db.Vault(), keyring(t, seal.GenerateKey()+","+keyText()), never(t), time.Now, slog.New(slog.DiscardHandler), entra.Options{})
	wantToken(t, both, "access 1")
}

func TestRejectForcesOneRefresh(t *testing.T) {
	t.Parallel()
	db, _ := database(t)
	var redeemed []string
	v := newVault(t, db.Vault(), refreshFunc(func(_ context.Context, r secret.String, scopes []string) (entra.Tokens, error) {
		redeemed = append(redeemed, r.Reveal())
		if diff := cmp.Diff([]string{"Mail.Read", "User.Read"}, scopes); diff != "" {
			t.Errorf("scopes (-want +got):\n%s", diff)
		}
		return tokens("2", time.Now().Add(time.Hour)), nil
	}), time.Now)
	put(t, v, tokens("1", time.Now().Add(time.Hour)))
	reject := func(name string) {
		t.Helper()
		if err := v.Reject(t.Context(), grant, secret.New(name), ""); err != nil {
			t.Fatal(err)
		}
	}
	reject("access of yesterday")
	wantToken(t, v, "access 1")
	for range 3 { // as many calls as used it report it
		reject("access 1")
	}
	wantToken(t, v, "access 2")
	reject("access 1") // a straggler
	wantToken(t, v, "access 2")
	if diff := cmp.Diff([]string{"refresh 1"}, redeemed); diff != "" {
		t.Errorf("refresh tokens redeemed (-want +got):\n%s", diff)
	}
	if err := v.Reject(t.Context(), "unknown", secret.New("x"), ""); err != nil {
		t.Errorf("Reject for a deleted grant: %v", err)
	}
}

// A token that Graph has refused is not fallen back on, even where Entra is away.
func TestRejectedTokenIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	db, _ := database(t)
	v := newVault(t, db.Vault(), refreshFunc(func(context.Context, secret.String, []string) (entra.Tokens, error) {
		return entra.Tokens{}, &entra.Error{Op: "refresh", Status: 503}
	}), time.Now)
	put(t, v, tokens("1", time.Now().Add(time.Hour)))
	if err := v.Reject(t.Context(), grant, secret.New("access 1"), ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Token(t.Context(), grant); !entra.IsTransient(err) {
		t.Errorf("Token = %v, want a transient error", err)
	}
}

// Continuous access evaluation: a claims challenge is for the person.
func TestClaimsChallengeAsksForSignIn(t *testing.T) {
	t.Parallel()
	const claims = `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`
	for name, c := range map[string]struct{ challenge, want string }{
		"base64":     {base64.StdEncoding.EncodeToString([]byte(claims)), claims},
		"JSON":       {claims, claims},
		"unreadable": {"%%%", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, _ := database(t)
			v := newVault(t, db.Vault(), never(t), time.Now)
			put(t, v, tokens("1", time.Now().Add(time.Hour)))
			rejected := v.Reject(t.Context(), grant, secret.New("access 1"), c.challenge)
			_, _, err := v.Token(t.Context(), grant)
			for method, err := range map[string]error{"Reject": rejected, "Token": err} {
				e, ok := errors.AsType[*entra.SignInError](err)
				if !ok || !errors.Is(err, entra.ErrSignInRequired) || !entra.IsSignInRequired(err) || e.Claims != c.want || e.Reason != "insufficient_claims" {
					t.Errorf("%s = %v (%+v), want a sign-in with claims %q", method, err, e, c.want)
				}
			}
			if err := v.Reject(t.Context(), grant, secret.New("access 1"), c.challenge); err != nil {
				t.Errorf("Reject of what is rejected: %v", err)
			}
			put(t, v, tokens("2", time.Now().Add(time.Hour)))
			wantToken(t, v, "access 2")
		})
	}
}

func BenchmarkToken(b *testing.B) {
	db, _ := database(b)
	v := newVault(b, db.Vault(), nil, time.Now)
	if err := v.Put(b.Context(), grant, tokens(strings.Repeat("x", 2000), time.Now().Add(time.Hour))); err != nil {
		b.Fatal(err)
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := v.Token(b.Context(), grant); err != nil {
				b.Error(err)
			}
		}
	})
}
