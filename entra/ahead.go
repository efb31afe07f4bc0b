package entra

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Renewing ahead spares calls the wait for Entra. It is for grants in use only,
// slow enough to go unnoticed there, and keeps still while Entra is in trouble.
const (
	aheadTick    = 10 * time.Second
	aheadBatch   = 20 // grants a tick, the most urgent first
	aheadAtOnce  = 4
	inUse        = 30 * time.Minute // after the last call
	firstTrouble = 15 * time.Second // nothing is renewed ahead after a failure, twice as long after each next one
	mostTrouble  = 2 * time.Minute
)

// uses is which grants were used lately, by this process.
type uses struct {
	mu       sync.Mutex
	of       map[string]use // by grant; nil while nobody renews ahead
	backoff  time.Duration  // zero while Entra is well
	troubled time.Time      // until then nothing is renewed ahead
}

type use struct{ last, due time.Time }

// begin makes the uses remembered from now on.
func (u *uses) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.of = map[string]use{}
}

// note remembers that a call has used the grant's tokens.
func (u *uses) note(grantID string, row VaultRow, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of != nil && len(row.Refresh) > 0 {
		u.of[grantID] = use{last: now, due: aheadOf(row)}
	}
}

// moveOn sets the grant's next time, without counting as a use. One that could
// not be renewed lets others go first.
func (u *uses) moveOn(grantID string, due, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !now.Before(due) {
		due = now.Add(mostTrouble)
	}
	if known, ok := u.of[grantID]; ok {
		u.of[grantID] = use{last: known.last, due: due}
	}
}

// due lists grants to renew, and forgets those that nobody uses any more.
func (u *uses) due(now time.Time) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var ids []string
	for id, known := range u.of {
		switch {
		case now.Sub(known.last) >= inUse:
			delete(u.of, id)
		case !now.Before(known.due):
			ids = append(ids, id)
		}
	}
	if now.Before(u.troubled) {
		return nil
	}
	slices.SortFunc(ids, func(a, b string) int { return u.of[a].due.Compare(u.of[b].due) })
	most := aheadBatch
	if u.backoff > 0 {
		most = 1 // finds out whether Entra is well again
	}
	return ids[:min(len(ids), most)]
}

// trouble notes a failure of Entra's that a call or the renewal ahead has met.
func (u *uses) trouble(retryAfter time.Duration, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now.Before(u.troubled) {
		return // of the same moment
	}
	u.backoff = min(max(2*u.backoff, firstTrouble), mostTrouble)
	u.troubled = now.Add(max(u.backoff, retryAfter))
}

func (u *uses) well() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.backoff, u.troubled = 0, time.Time{}
}

func (u *uses) inTrouble(now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return now.Before(u.troubled)
}

// aheadOf is when a row is renewed though no call waits for it: half as long
// again before its end as a call would do it, so that short lives are used too.
func aheadOf(row VaultRow) time.Time {
	return row.RenewAt.Add(-row.Expires.Sub(row.RenewAt) / 2)
}

// KeepFresh renews the tokens of grants in use before a call has to wait for it,
// until ctx ends. The row's lease keeps replicas from doing it twice.
func (v *Vault) KeepFresh(ctx context.Context) {
	v.uses.begin()
	tick := time.NewTicker(aheadTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			v.renewAhead(ctx, v.uses.due(v.now()))
		}
	}
}

func (v *Vault) renewAhead(ctx context.Context, grants []string) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, aheadAtOnce)
	for _, id := range grants {
		slots <- struct{}{} // one of them ends: renewTimeout and ctx see to it
		if ctx.Err() != nil || v.uses.inTrouble(v.now()) {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			v.renewOne(ctx, id)
		})
	}
	wg.Wait()
}

func (v *Vault) renewOne(ctx context.Context, grantID string) {
	row, err := v.renewed(ctx, grantID, aheadOf)
	if err != nil { // logged where it happened; the next call says so to whom it concerns
		row = VaultRow{}
	}
	v.uses.moveOn(grantID, aheadOf(row), v.now())
}
