package entra_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"m365mcp/entra"
	"m365mcp/internal/secret"
)

// entraAt is a Refresher that takes a while to answer, in the virtual time of
// synctest, and rotates: each answer is named by its number.
type entraAt struct {
	takes time.Duration
	err   error
	life  time.Duration
	asked atomic.Int32
	last  atomic.Value // the refresh token redeemed last
}

func (e *entraAt) Refresh(ctx context.Context, refresh secret.String, _ []string) (entra.Tokens, error) {
	n := e.asked.Add(1)
	e.last.Store(refresh.Reveal())
	select {
	case <-ctx.Done():
		return entra.Tokens{}, ctx.Err()
	case <-time.After(e.takes):
	}
	if e.err != nil {
		return entra.Tokens{}, e.err
	}
	life := e.life
	if life == 0 {
		life = time.Hour
	}
	return tokens(fmt.Sprintf("r%d", n), time.Now().Add(life)), nil
}

func wantAsked(t *testing.T, e *entraAt, want int) {
	t.Helper()
	if got := int(e.asked.Load()); got != want {
		t.Errorf("Entra was asked %d times, want %d", got, want)
	}
}

// many calls Token from n goroutines and returns how often it gave which token.
func many(t *testing.T, n int, vaults ...*entra.Vault) map[string]int {
	t.Helper()
	got := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			access, _, err := vaults[i%len(vaults)].Token(t.Context(), grant)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			got[access.Reveal()]++
		})
	}
	wg.Wait()
	return got
}

func TestRenewalTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		e := &entraAt{}
		v := newVault(t, db.Vault(), e, time.Now)
		put(t, v, tokens("1", time.Now().Add(time.Hour)))
		time.Sleep(55*time.Minute - time.Second)
		wantToken(t, v, "access 1")
		wantAsked(t, e, 0)
		time.Sleep(2 * time.Second)
		wantToken(t, v, "access r1")
		wantToken(t, v, "access r1")
		wantAsked(t, e, 1)
		time.Sleep(2 * time.Hour)
		wantToken(t, v, "access r2")
		if got := e.last.Load(); got != "refresh r1" {
			t.Errorf("redeemed %v, want the rotated token", got)
		}
	})
}

// A token that lives shorter than the time it is renewed before would otherwise
// be renewed by every call.
func TestShortLivedTokensAreUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		e := &entraAt{life: 2 * time.Minute}
		v := newVault(t, db.Vault(), e, time.Now)
		put(t, v, tokens("1", time.Now().Add(2*time.Minute)))
		for range 20 {
			wantToken(t, v, "access r1")
		}
		wantAsked(t, e, 1)
		time.Sleep(time.Minute + time.Second)
		wantToken(t, v, "access r2")
	})
}

func TestOneRefreshForManyCalls(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]time.Duration{"near the end": time.Minute, "after the end": -time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db, _ := database(t)
				e := &entraAt{takes: 3 * time.Second}
				v := newVault(t, db.Vault(), e, time.Now)
				put(t, v, tokens("1", time.Now().Add(left)))
				if got := many(t, 50, v); got["access r1"] != 50 {
					t.Errorf("calls got %v, want the new token for all", got)
				}
				wantAsked(t, e, 1)
			})
		})
	}
}

func TestOneRefreshForTwoReplicas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		e := &entraAt{takes: 3 * time.Second}
		a, b := newVault(t, db.Vault(), e, time.Now), newVault(t, db.Vault(), e, time.Now)
		put(t, a, tokens("1", time.Now().Add(-time.Minute)))
		if got := many(t, 50, a, b); got["access r1"] != 50 {
			t.Errorf("calls got %v, want the new token for all", got)
		}
		wantAsked(t, e, 1)

		// While the old token has minutes left, the other replica does not wait for the new one.
		put(t, a, tokens("2", time.Now().Add(2*time.Minute)))
		start := time.Now()
		go func() { _, _, _ = a.Token(t.Context(), grant) }()
		synctest.Wait()
		wantToken(t, b, "access 2")
		if took := time.Since(start); took != 0 {
			t.Errorf("waited %s with a living token at hand", took)
		}
		time.Sleep(4 * time.Second)
		wantToken(t, b, "access r2")
		wantAsked(t, e, 2)
	})
}

// A replica that dies, or is too slow, costs one more refresh and nothing else.
func TestLostLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		slow, quick := &entraAt{takes: 100 * time.Second}, &entraAt{takes: time.Second}
		a, b := newVault(t, db.Vault(), slow, time.Now), newVault(t, db.Vault(), quick, time.Now)
		put(t, a, tokens("1", time.Now().Add(-time.Minute)))
		done := make(chan string)
		go func() {
			access, _, err := a.Token(t.Context(), grant)
			if err != nil {
				t.Error(err)
			}
			done <- access.Reveal()
		}()
		synctest.Wait()
		start := time.Now()
		got, _, err := b.Token(t.Context(), grant)
		if took := time.Since(start); err != nil || got.Reveal() != "access r1" || took < 45*time.Second || took > 48*time.Second {
			t.Errorf("the second replica got %q, %v after %s; want a token soon after the lease of 45s", got.Reveal(), err, took)
		}
		wantAsked(t, quick, 1)
		put(t, b, tokens("of the second replica", time.Now().Add(time.Hour)))
		if got := <-done; got != "access of the second replica" {
			t.Errorf("the slow replica returned %q: it must take what is stored by now", got)
		}
		wantToken(t, b, "access of the second replica")
		wantAsked(t, slow, 1)
	})
}

// The slow replica's token was rotated away: its invalid_grant must not sign out
// the person for whom another replica has just succeeded.
func TestLateRefusalIsHarmless(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		slow := &entraAt{takes: 100 * time.Second, err: &entra.Error{Op: "refresh", Status: 400, Code: "invalid_grant"}}
		quick := &entraAt{}
		a, b := newVault(t, db.Vault(), slow, time.Now), newVault(t, db.Vault(), quick, time.Now)
		put(t, a, tokens("1", time.Now().Add(-time.Minute)))
		go func() { _, _, _ = a.Token(t.Context(), grant) }()
		synctest.Wait()
		wantToken(t, b, "access r1")
		time.Sleep(2 * time.Minute)
		wantToken(t, a, "access r1")

		// The reverse order: refused first, saved later.
		c := newVault(t, db.Vault(), &entraAt{takes: 100 * time.Second}, time.Now)
		d := newVault(t, db.Vault(), &entraAt{err: slow.err}, time.Now)
		put(t, c, tokens("1", time.Now().Add(-time.Minute)))
		go func() { _, _, _ = c.Token(t.Context(), grant) }()
		synctest.Wait()
		if _, _, err := d.Token(t.Context(), grant); !entra.IsSignInRequired(err) {
			t.Errorf("Token = %v", err)
		}
		time.Sleep(2 * time.Minute)
		wantToken(t, d, "access r1")
	})
}

func TestWaitersGiveUpAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		e := &entraAt{takes: 10 * time.Second}
		v := newVault(t, db.Vault(), e, time.Now)
		put(t, v, tokens("1", time.Now().Add(-time.Minute)))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		patient := make(chan error)
		go func() { // first comes the impatient one, who starts the refresh
			synctest.Wait()
			_, _, err := v.Token(t.Context(), grant)
			patient <- err
		}()
		start := time.Now()
		_, _, err := v.Token(ctx, grant)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("impatient call: %v after %s", err, took)
		}
		if err := <-patient; err != nil {
			t.Errorf("patient call: %v", err)
		}
		wantAsked(t, e, 1)
	})
}

func TestTransientFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		e := &entraAt{takes: time.Second, err: &entra.Error{Op: "refresh", Status: 503}}
		v, other := newVault(t, db.Vault(), e, time.Now), newVault(t, db.Vault(), e, time.Now)
		put(t, v, tokens("1", time.Now().Add(time.Minute)))

		// While the token lives it is used, and Entra is left alone for a while, by all replicas.
		if got := many(t, 20, v); got["access 1"] != 20 {
			t.Errorf("calls got %v, want the old token", got)
		}
		start := time.Now()
		wantToken(t, v, "access 1")
		wantToken(t, other, "access 1")
		if took := time.Since(start); took != 0 {
			t.Errorf("waited %s", took)
		}
		wantAsked(t, e, 1)
		time.Sleep(16 * time.Second)
		wantToken(t, other, "access 1")
		wantAsked(t, e, 2)

		// Once it has ended, callers get the error, and it is not theirs to sign in.
		time.Sleep(time.Minute)
		_, _, err := v.Token(t.Context(), grant)
		if !entra.IsTransient(err) || entra.IsSignInRequired(err) {
			t.Errorf("Token = %v, want a transient error", err)
		}
		wantAsked(t, e, 3)
		e.err = nil
		wantToken(t, other, "access r4")
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		e := &entraAt{err: &entra.Error{Op: "refresh", Status: 429, Code: "throttled", RetryAfter: 40 * time.Second}}
		v := newVault(t, db.Vault(), e, time.Now)
		put(t, v, tokens("1", time.Now().Add(4*time.Minute)))
		wantToken(t, v, "access 1")
		time.Sleep(39 * time.Second)
		wantToken(t, v, "access 1")
		wantAsked(t, e, 1)
		time.Sleep(2 * time.Second)
		wantToken(t, v, "access 1")
		wantAsked(t, e, 2)
	})
}

func TestRefusalIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		const claims = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`
		e := &entraAt{err: &entra.Error{Op: "refresh", Status: 400, Code: "interaction_required", Claims: claims}}
		v := newVault(t, db.Vault(), e, time.Now)
		put(t, v, tokens("1", time.Now().Add(time.Minute)))
		for range 5 {
			_, _, err := v.Token(t.Context(), grant)
			s, ok := errors.AsType[*entra.SignInError](err)
			if !ok || s.Claims != claims || s.Reason != "interaction_required" {
				t.Errorf("Token = %v (%+v)", err, s)
			}
		}
		wantAsked(t, e, 1)
		if _, err := db.Vault().Row(t.Context(), grant); err != nil {
			t.Errorf("the row is gone: %v", err)
		}
		put(t, v, tokens("2", time.Now().Add(time.Hour)))
		wantToken(t, v, "access 2")
	})
}

func TestWithoutRefreshToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		v := newVault(t, db.Vault(), never(t), time.Now)
		tk := tokens("1", time.Now().Add(time.Minute))
		tk.Refresh = secret.String{}
		put(t, v, tk)
		wantToken(t, v, "access 1")
		time.Sleep(time.Minute)
		if _, _, err := v.Token(t.Context(), grant); !entra.IsSignInRequired(err) {
			t.Errorf("Token = %v, want a sign-in", err)
		}
	})
}

// What happens to the grant while Entra answers wins over the answer.
func TestEventsDuringARefresh(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		event  func(t *testing.T, v *entra.Vault) error
		err    error // of the refresh
		want   string
		reason error
	}{
		"deleted": {
			func(t *testing.T, v *entra.Vault) error { t.Helper(); return v.Delete(t.Context(), grant) },
			nil, "", entra.ErrNoTokens,
		},
		"deleted while Entra is away": {
			func(t *testing.T, v *entra.Vault) error { t.Helper(); return v.Delete(t.Context(), grant) },
			&entra.Error{Op: "refresh", Status: 503}, "", entra.ErrNoTokens,
		},
		"signed in anew": {
			func(t *testing.T, v *entra.Vault) error {
				t.Helper()
				return v.Put(t.Context(), grant, tokens("2", time.Now().Add(time.Hour)))
			},
			nil, "access 2", nil,
		},
		"claims challenge": {
			func(t *testing.T, v *entra.Vault) error {
				t.Helper()
				err := v.Reject(t.Context(), grant, secret.New("access 1"), `{"access_token":{}}`)
				if e, ok := errors.AsType[*entra.SignInError](err); !ok || e.Claims != `{"access_token":{}}` {
					t.Errorf("Reject = %v", err)
				}
				return nil
			},
			nil, "", entra.ErrSignInRequired,
		},
		"plain 401": { // the refresh is just what it asks for
			func(t *testing.T, v *entra.Vault) error {
				t.Helper()
				return v.Reject(t.Context(), grant, secret.New("access 1"), "")
			},
			nil, "access r1", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db, _ := database(t)
				v := newVault(t, db.Vault(), &entraAt{takes: 5 * time.Second, err: c.err}, time.Now)
				put(t, v, tokens("1", time.Now().Add(time.Minute)))
				done := make(chan error)
				var got secret.String
				go func() {
					var err error
					got, _, err = v.Token(t.Context(), grant)
					done <- err
				}()
				synctest.Wait()
				if err := c.event(t, v); err != nil {
					t.Fatal(err)
				}
				if err := <-done; !errors.Is(err, c.reason) || got.Reveal() != c.want {
					t.Errorf("Token = %q, %v; want %q, %v", got.Reveal(), err, c.want, c.reason)
				}
			})
		})
	}
}

// flaky is a store that fails to swap for a while.
type flaky struct {
	entra.VaultStore

	failures atomic.Int32
}

func (f *flaky) Swap(ctx context.Context, grantID, version string, row entra.VaultRow) (bool, error) {
	if f.failures.Add(-1) >= 0 {
		return false, errors.New("store is away")
	}
	return f.VaultStore.Swap(ctx, grantID, version, row)
}

func TestRotatedTokenIsSavedWithPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		store := &flaky{VaultStore: db.Vault()}
		e := &entraAt{}
		v := newVault(t, store, e, time.Now)
		put(t, v, tokens("1", time.Now().Add(time.Minute)))
		store.failures.Store(2)
		wantToken(t, v, "access r1")
		wantAsked(t, e, 1)

		put(t, v, tokens("2", time.Now().Add(time.Minute)))
		store.failures.Store(3)
		if _, _, err := v.Token(t.Context(), grant); err == nil || entra.IsSignInRequired(err) {
			t.Errorf("Token = %v, want the store's error", err)
		}
	})
}

func TestCloseWaitsForTheRotatedToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		e := &entraAt{takes: 5 * time.Second}
		v := newVault(t, db.Vault(), e, time.Now)
		put(t, v, tokens("1", time.Now().Add(-time.Minute)))
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _, _ = v.Token(ctx, grant) }()
		synctest.Wait()
		cancel() // the client has gone; its refresh has not
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := v.Close(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close = %v, want its deadline", err)
		}
		if err := v.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantToken(t, newVault(t, db.Vault(), never(t), time.Now), "access r1")

		put(t, v, tokens("2", time.Now().Add(-time.Minute)))
		if _, _, err := v.Token(t.Context(), grant); err == nil {
			t.Error("a closed vault refreshed")
		}
		wantAsked(t, e, 1)
	})
}
