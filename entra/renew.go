package entra

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"m365mcp/internal/secret"
)

const (
	// renewTimeout ends a renewal that hangs, waiting for another replica included.
	renewTimeout = 2 * time.Minute

	// Another replica at work is waited for in steps from minPoll to maxPoll,
	// but not at all while the token at hand lives for spareLife longer.
	minPoll   = 50 * time.Millisecond
	maxPoll   = time.Second
	spareLife = 5 * time.Second

	// After a failed refresh nobody asks Entra again for this long: deadPause
	// where the token has ended and people wait, livePause where it still lives.
	deadPause = 2 * time.Second
	livePause = 15 * time.Second
	maxPause  = time.Minute // where Retry-After asks for more and people wait

	saveTries = 3
	savePause = 200 * time.Millisecond
)

// renewed returns a row with a living access token. All callers of one process
// share one renewal; each of them can give up on its own, and the renewal goes
// on, since its result is worth as much to the next.
//
// due says when a row's time has come: the first caller's counts.
func (v *Vault) renewed(ctx context.Context, grantID string, due func(VaultRow) time.Time) (VaultRow, error) {
	done := v.flights.DoChan(grantID, func() (any, error) {
		if !v.begin() {
			return nil, errClosed
		}
		defer v.running.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewTimeout)
		defer cancel()
		return v.renew(ctx, grantID, due)
	})
	select {
	case <-ctx.Done():
		return VaultRow{}, fmt.Errorf("token vault: waiting for a refresh: %w", context.Cause(ctx))
	case r := <-done:
		row, _ := r.Val.(VaultRow) // nil beside an error
		return row, r.Err
	}
}

func (v *Vault) begin() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	v.running.Add(1)
	return true
}

// renew refreshes under the row's lease, or waits for the replica that holds it.
// No transaction is open while Entra answers.
func (v *Vault) renew(ctx context.Context, grantID string, due func(VaultRow) time.Time) (VaultRow, error) {
	holder := rand.Text() // of this renewal, not of the process: a pause after a failure binds the next one
	for poll := minPoll; ; poll = min(2*poll, maxPoll) {
		// Read anew each time: whoever came before may have done the work.
		row, err := v.row(ctx, grantID)
		if err != nil || v.fresh(row, due) {
			return row, err
		}
		if len(row.Refresh) == 0 {
			if v.lives(row, 0) {
				return row, nil
			}
			return VaultRow{}, &SignInError{Reason: "no refresh token was granted"}
		}
		token, err := v.open(grantID, columnRefresh, row.Refresh) // before the lease, which a damaged row must not hold
		if err != nil {
			return VaultRow{}, err
		}
		now := v.now()
		leased, err := v.store.Lease(ctx, grantID, row.Version, holder, now, now.Add(v.options.Lease))
		if err != nil {
			return VaultRow{}, fmt.Errorf("token vault: %w", err)
		}
		if leased {
			return v.refresh(ctx, grantID, holder, row, token)
		}
		if v.lives(row, spareLife) {
			return row, nil
		}
		if err := sleep(ctx, poll/2+mathrand.N(poll)); err != nil { //nolint:gosec // jitter is no secret
			return VaultRow{}, fmt.Errorf("token vault: another replica is refreshing: %w", err)
		}
	}
}

// refresh redeems the refresh token of row, on which holder has the lease.
func (v *Vault) refresh(ctx context.Context, grantID, holder string, row VaultRow, token secret.String) (VaultRow, error) {
	t, err := v.entra.Refresh(ctx, token, row.Scopes)
	// What Entra has said must be kept even where it took all the time there was.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.options.Lease)
	defer cancel()
	switch {
	case IsSignInRequired(err):
		v.uses.well()
		return v.refused(ctx, grantID, row, err)
	case err != nil:
		return v.failed(ctx, grantID, holder, row, err)
	}
	v.uses.well()
	if t.Refresh.IsZero() {
		t.Refresh = token // not every answer rotates (RFC 6749, section 6)
	}
	next, err := v.seal(grantID, t)
	if err != nil {
		return VaultRow{}, err
	}
	// A token that lives shorter than RefreshBefore must not be renewed by every call.
	lead := min(v.options.RefreshBefore, t.Expires.Sub(v.now())/2)
	next.RenewAt = t.Expires.Add(-lead)
	saved, err := v.save(ctx, grantID, row.Version, next)
	if err != nil {
		return VaultRow{}, err
	}
	if !saved { // deleted, signed in anew, or renewed by another after our lease: theirs counts
		return v.settled(ctx, grantID)
	}
	v.log.InfoContext(ctx, "Microsoft tokens refreshed", "grant_id", grantID, "expires", next.Expires)
	return next, nil
}

// save tries more than once: losing a rotated refresh token signs a person out.
func (v *Vault) save(ctx context.Context, grantID, version string, row VaultRow) (saved bool, err error) {
	for range saveTries {
		if saved, err = v.store.Swap(ctx, grantID, version, row); err == nil {
			return saved, nil
		}
		if sleep(ctx, savePause) != nil {
			break
		}
	}
	return false, fmt.Errorf("token vault: store refreshed tokens: %w", err)
}

// refused marks the row: nobody asks Entra again until the person has signed in.
// The version stays, so that another replica's refresh, which may have succeeded
// with the same token, can still be saved and clears the mark.
func (v *Vault) refused(ctx context.Context, grantID string, row VaultRow, cause error) (VaultRow, error) {
	marked := row
	marked.SignIn = "invalid_grant"
	if e, ok := errors.AsType[*Error](cause); ok {
		marked.SignIn, marked.Claims = e.Code, e.Claims
	}
	v.log.WarnContext(ctx, "Microsoft asks for a new sign-in", "grant_id", grantID, "error", cause)
	swapped, err := v.store.Swap(ctx, grantID, row.Version, marked)
	if err != nil {
		return VaultRow{}, errors.Join(&SignInError{Reason: marked.SignIn, Claims: marked.Claims}, fmt.Errorf("token vault: %w", err))
	}
	if !swapped {
		return v.settled(ctx, grantID)
	}
	return VaultRow{}, &SignInError{Reason: marked.SignIn, Claims: marked.Claims}
}

// failed turns the lease into a pause for all replicas, and falls back on the
// old access token while it lives.
func (v *Vault) failed(ctx context.Context, grantID, holder string, old VaultRow, cause error) (VaultRow, error) {
	now := v.now()
	var wanted time.Duration
	if e, ok := errors.AsType[*Error](cause); ok {
		wanted = e.RetryAfter
	}
	pause := max(deadPause, min(wanted, maxPause))
	if v.lives(old, 0) { // nobody waits: Entra gets all the time it wants, as far as there is any
		pause = max(livePause, min(wanted, old.Expires.Sub(now)))
	}
	v.uses.trouble(wanted, now)
	v.log.WarnContext(ctx, "refresh at Microsoft failed", "grant_id", grantID, "error", cause, "pause", pause)
	if _, err := v.store.Lease(ctx, grantID, old.Version, holder, now, now.Add(pause)); err != nil {
		cause = errors.Join(cause, err)
	}
	// Read anew: it may be deleted or refused by Graph since.
	row, err := v.row(ctx, grantID)
	if err != nil {
		return VaultRow{}, err
	}
	if !v.lives(row, 0) {
		return VaultRow{}, fmt.Errorf("token vault: refresh: %w", cause)
	}
	return row, nil
}

// settled returns the row that another has written while this renewal was under way.
func (v *Vault) settled(ctx context.Context, grantID string) (VaultRow, error) {
	row, err := v.row(ctx, grantID)
	if err != nil {
		return VaultRow{}, err
	}
	if !v.lives(row, 0) {
		return VaultRow{}, errors.New("token vault: tokens changed while they were refreshed; call again")
	}
	return row, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
