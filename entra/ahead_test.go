package entra_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"m365mcp/entra"
	"m365mcp/internal/secret"
)

// crowd is a Refresher that counts, and notes how many are asked for at once.
type crowd struct {
	takes time.Duration

	mu    sync.Mutex
	err   error
	asked int
	now   int
	most  int
}

func (c *crowd) Refresh(ctx context.Context, _ secret.String, _ []string) (entra.Tokens, error) {
	c.mu.Lock()
	c.asked++
	c.now++
	c.most = max(c.most, c.now)
	err, n := c.err, c.asked
	c.mu.Unlock()
	defer func() { c.mu.Lock(); defer c.mu.Unlock(); c.now-- }()
	select {
	case <-ctx.Done():
		return entra.Tokens{}, ctx.Err()
	case <-time.After(c.takes):
	}
	if err != nil {
		return entra.Tokens{}, err
	}
	return tokens(fmt.Sprintf("r%d", n), time.Now().Add(time.Hour)), nil
}

func (c *crowd) set(err error) { c.mu.Lock(); defer c.mu.Unlock(); c.err = err }

func (c *crowd) count() int { c.mu.Lock(); defer c.mu.Unlock(); return c.asked }

// keepFresh runs the renewal ahead until the test ends it.
func keepFresh(t *testing.T, vaults ...*entra.Vault) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, v := range vaults {
		wg.Go(func() { v.KeepFresh(ctx) })
	}
	synctest.Wait()
	return func() { cancel(); wg.Wait() }
}

// A call finds a new token without having waited for it, and one that nobody
// uses is left alone.
func TestKeepFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		e := &crowd{takes: 2 * time.Second}
		a, b := newVault(t, db.Vault(), e, time.Now), newVault(t, db.Vault(), e, time.Now)
		put(t, a, tokens("1", time.Now().Add(time.Hour)))
		if err := a.Put(t.Context(), "other", tokens("unused", time.Now().Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		defer keepFresh(t, a, b)()
		wantToken(t, a, "access 1")
		if _, _, err := a.Token(t.Context(), "other"); err != nil { // its last use for long
			t.Fatal(err)
		}
		time.Sleep(40 * time.Minute)
		wantToken(t, a, "access 1")
		wantToken(t, b, "access 1")
		time.Sleep(13 * time.Minute) // 53 minutes, before a call would renew it
		if got := e.count(); got != 1 {
			t.Errorf("%d refreshes, want one by two replicas", got)
		}
		time.Sleep(3 * time.Minute)
		start := time.Now()
		wantToken(t, a, "access r1")
		wantToken(t, b, "access r1")
		if took := time.Since(start); took != 0 {
			t.Errorf("waited %s for a token", took)
		}
		if got := e.count(); got != 1 {
			t.Errorf("%d refreshes, want 1", got)
		}
		// Half an hour after the last call the renewal ends, and starts with the next one.
		time.Sleep(3 * time.Hour)
		if got := e.count(); got != 1 {
			t.Errorf("%d refreshes of a grant that nobody uses", got)
		}
		wantToken(t, a, "access r2")
		for range 12 {
			time.Sleep(10 * time.Minute)
			start := time.Now()
			if _, _, err := a.Token(t.Context(), grant); err != nil || time.Since(start) != 0 {
				t.Errorf("Token: %v after %s", err, time.Since(start))
			}
		}
		if got := e.count(); got != 4 {
			t.Errorf("%d refreshes, want one for each hour of use", got)
		}
	})
}

// Many grants at once are renewed a few at a time, the most urgent first.
func TestKeepFreshIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const grants = 60
		ids := make([]string, grants)
		for i := range ids {
			ids[i] = fmt.Sprintf("g%02d", i)
		}
		db, _ := database(t, ids...)
		e := &crowd{takes: 500 * time.Millisecond}
		v := newVault(t, db.Vault(), e, time.Now)
		defer keepFresh(t, v)()
		for i, id := range ids {
			ends := 20*time.Minute - time.Duration(i)*time.Millisecond
			if err := v.Put(t.Context(), id, tokens(id, time.Now().Add(ends))); err != nil {
				t.Fatal(err)
			}
			if _, _, err := v.Token(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(12*time.Minute + 5*time.Second) // all are due soon, in the same second
		last := e.count()
		for range 30 {
			time.Sleep(10 * time.Second)
			if got := e.count(); got-last > 20 {
				t.Errorf("%d refreshes in ten seconds", got-last)
			}
			last = e.count()
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.asked != grants || e.most > 4 || e.most < 2 {
			t.Errorf("%d refreshes, %d at once; want %d, 4 at once at most", e.asked, e.most, grants)
		}
	})
}

// While Entra is away hardly anything is asked, and all is made up for after.
func TestKeepFreshRestsInAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ids := make([]string, 40)
		for i := range ids {
			ids[i] = fmt.Sprintf("g%02d", i)
		}
		db, _ := database(t, ids...)
		e := &crowd{err: &entra.Error{Op: "refresh", Status: 503}}
		v := newVault(t, db.Vault(), e, time.Now)
		defer keepFresh(t, v)()
		for _, id := range ids {
			if err := v.Put(t.Context(), id, tokens(id, time.Now().Add(time.Hour))); err != nil {
				t.Fatal(err)
			}
		}
		use := func() {
			t.Helper()
			for _, id := range ids {
				if _, _, err := v.Token(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
		}
		use()
		time.Sleep(25 * time.Minute)
		use()
		time.Sleep(28*time.Minute + 30*time.Second) // ninety seconds before calls would ask
		if got := e.count(); got < 2 || got > 6 {   // the first batch, and a probe for each pause after it
			t.Errorf("asked %d times in the first minute of an outage", got)
		}
		e.set(nil)
		asked := e.count()
		time.Sleep(4 * time.Minute)
		start := time.Now()
		use()
		if took := time.Since(start); took != 0 {
			t.Errorf("waited %s", took)
		}
		if got := e.count() - asked; got != len(ids) {
			t.Errorf("renewed %d of %d when Entra was back", got, len(ids))
		}
	})
}

// One person's trouble keeps nobody else's tokens from being renewed.
func TestKeepFreshGoesRoundOneInTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t, "bad")
		good := &crowd{}
		v := newVault(t, db.Vault(), refreshFunc(func(ctx context.Context, refresh secret.String, scopes []string) (entra.Tokens, error) {
			if refresh.Reveal() == "refresh bad" {
				return entra.Tokens{}, &entra.Error{Op: "refresh", Status: 500}
			}
			return good.Refresh(ctx, refresh, scopes)
		}), time.Now)
		defer keepFresh(t, v)()
		for i, id := range []string{"bad", grant, "other"} { // the bad one is the most urgent
			if err := v.Put(t.Context(), id, tokens(id, time.Now().Add(20*time.Minute+time.Duration(i)*time.Second))); err != nil {
				t.Fatal(err)
			}
			if _, _, err := v.Token(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(14 * time.Minute)
		if got := good.count(); got != 2 {
			t.Errorf("%d of the others were renewed, want both", got)
		}
	})
}

// What has ended is not asked for again.
func TestKeepFreshForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, _ := database(t)
		e := &crowd{err: &entra.Error{Op: "refresh", Status: 400, Code: "invalid_grant"}}
		v := newVault(t, db.Vault(), e, time.Now)
		defer keepFresh(t, v)()
		for _, id := range []string{grant, "other"} {
			if err := v.Put(t.Context(), id, tokens(id, time.Now().Add(20*time.Minute))); err != nil {
				t.Fatal(err)
			}
			if _, _, err := v.Token(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if err := v.Delete(t.Context(), "other"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(19 * time.Minute)
		if got := e.count(); got != 1 {
			t.Errorf("asked %d times, want once for the one that was refused", got)
		}
		if _, _, err := v.Token(t.Context(), grant); !entra.IsSignInRequired(err) {
			t.Errorf("Token = %v", err)
		}
	})
}
