package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"m365mcp/authserver"
)

// raceRounds is how often a race between two calls is run.
const raceRounds = 10

// only fails the test unless all errors are among these.
func only(t *testing.T, errs []error, allowed ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil && !slices.ContainsFunc(allowed, func(a error) bool { return errors.Is(err, a) }) {
			t.Errorf("error is %v, want none or one of %v", err, allowed)
		}
	}
}

// oauthKillRace: whatever comes of a sign-in from before a kill is dead after it, and
// what begins after it lives.
func oauthKillRace(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	ann := authserver.Selector{User: authserver.UserRef{TenantID: "tenant", UserID: "ann"}}
	must(t, s.InsertClient(ctx, oauthClient("a"), oauthRoom))
	for round := range raceRounds {
		const flows = 4
		grants, codes := make([]authserver.Grant, flows), make([]authserver.Code, flows)
		epoch := oauthEpoch(t, s)
		for i := range flows {
			grants[i], codes[i] = oauthGrant(fmt.Sprint("g", round, "-", i), "a", "ann")
			grants[i].Epoch = epoch
		}
		only(t, concurrently(flows+2, func(i int) error {
			if i >= flows { // two at once, of which each has to count
				return s.Kill(ctx, []authserver.Selector{ann, {ClientID: "a"}}[i-flows], oauthStart)
			}
			if err := s.InsertGrant(ctx, grants[i], codes[i]); err != nil {
				return err
			}
			_, err := s.RedeemCode(ctx, codes[i].Digest, oauthPair(grants[i].ID, 1, oauthStart), oauthStart)
			return err
		}), authserver.ErrRevoked, authserver.ErrNotFound)
		for _, g := range grants {
			switch got, err := s.Grant(ctx, g.ID); {
			case err == nil && got.Alive():
				t.Errorf("round %d: grant %s has survived", round, g.ID)
			case err != nil:
				wantErr(t, err, authserver.ErrNotFound)
			}
		}
		id := fmt.Sprint("after", round)
		oauthInsert(t, s, id, "a", "ann")
		oauthRedeem(t, s, id)
		if !alive(ctx, t, s, id, 1) {
			t.Errorf("round %d: a kill covers a younger grant", round)
		}
	}
}

// oauthRevocationRace: a revocation is not lost beside what moves the grant on.
func oauthRevocationRace(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	now := oauthStart.Add(time.Second)
	for round := range raceRounds {
		id := fmt.Sprint("g", round)
		oauthInsert(t, s, id, "a", "ann")
		if round%2 == 0 {
			oauthRedeem(t, s, id)
		}
		only(t, concurrently(2, func(i int) (err error) {
			switch {
			case i == 0:
				var revoked bool
				if revoked, err = s.RevokeGrant(ctx, id, "test", now); err == nil && !revoked {
					err = errors.New("nothing was revoked")
				}
			case round%2 == 0:
				_, err = s.Rotate(ctx, id, oauthPair(id, 2, now), now, now)
			default:
				_, err = s.RedeemCode(ctx, oauthDigest("code "+id), oauthPair(id, 1, now), now)
			}
			return err
		}), authserver.ErrNotFound)
		g, err := s.Grant(ctx, id)
		must(t, err)
		if g.Alive() {
			t.Errorf("round %d: the grant has survived", round)
		}
	}
}

// oauthDeletionRace: codes are redeemed while their grants are swept.
func oauthDeletionRace(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	const grants = 8
	for round := range raceRounds {
		ids := make([]string, grants)
		for i := range ids {
			ids[i] = fmt.Sprint("g", round, "-", i)
			oauthInsert(t, s, ids[i], "a", "ann")
		}
		only(t, concurrently(grants+2, func(i int) error {
			if i >= grants { // as two replicas sweep
				return s.DeleteGrants(ctx, ids)
			}
			_, err := s.RedeemCode(ctx, oauthDigest("code "+ids[i]), oauthPair(ids[i], 1, oauthStart), oauthStart)
			return err
		}), authserver.ErrNotFound)
		for _, id := range ids {
			_, err := s.Grant(ctx, id)
			wantErr(t, err, authserver.ErrNotFound)
			_, err = s.Token(ctx, oauthPair(id, 1, oauthStart).Access)
			wantErr(t, err, authserver.ErrNotFound)
		}
	}
}

// oauthEvictionRace: a client makes room in the moment in which it is first used.
func oauthEvictionRace(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	for round := range raceRounds {
		old := fmt.Sprint("old", round)
		must(t, s.InsertClient(ctx, oauthClient(old), oauthRoom))
		g, c := oauthGrant(fmt.Sprint("g", round), old, "ann")
		limits := authserver.ClientLimits{Clients: 1000, Unused: 1, EvictBefore: oauthStart.Add(time.Minute)}
		only(t, concurrently(2, func(i int) error {
			if i == 0 {
				return s.InsertGrant(ctx, g, c)
			}
			return s.InsertClient(ctx, oauthClient(fmt.Sprint("new", round)), limits)
		}), authserver.ErrNotFound, authserver.ErrTooManyClients)
		if _, err := s.Grant(ctx, g.ID); err == nil {
			_, err = s.Client(ctx, old)
			must(t, err)
		}
		// Whoever won, there is room for one more without a fault.
		must(t, s.InsertClient(ctx, oauthClient(fmt.Sprint("next", round)), limits))
		n, err := s.DeleteIdleClients(ctx, oauthStart.Add(time.Minute), oauthStart)
		must(t, err)
		same(t, n, 1)
	}
}

// oauthSweepRace: all replicas sweep on timers of their own, beside what goes on.
func oauthSweepRace(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	for round := range raceRounds {
		var ids []string
		for i := range 4 {
			id := fmt.Sprint("g", round, "-", i)
			ids = append(ids, id)
			oauthInsert(t, s, id, fmt.Sprint("client", i%2), "ann")
			oauthRedeem(t, s, id)
			must(t, s.InsertSignIn(ctx, oauthSignIn(id, "a"), 1000, oauthStart))
		}
		over := oauthStart.Add(48 * time.Hour)
		var deleted atomic.Int64
		only(t, concurrently(8, func(i int) error {
			switch i {
			case 0, 1:
				return s.DeleteExpired(ctx, over, over)
			case 2, 3:
				ended, err := s.EndedGrants(ctx, over, 100)
				return errors.Join(err, s.DeleteGrants(ctx, ended))
			case 4, 5:
				n, err := s.DeleteIdleClients(ctx, over, oauthStart)
				deleted.Add(int64(n))
				return err
			case 6:
				return s.InsertSignIn(ctx, oauthSignIn(fmt.Sprint("late", round), "a"), 1000, over)
			default:
				_, err := s.Rotate(ctx, ids[3], oauthPair(ids[3], 2, oauthStart), oauthStart, oauthStart)
				return err
			}
		}), authserver.ErrNotFound)
		must(t, s.DeleteGrants(ctx, ids))
		must(t, s.DeleteExpired(ctx, over.Add(time.Hour), over))
		if n := deleted.Load(); n != 0 {
			t.Errorf("%d clients with a recent use were deleted", n)
		}
	}
}

// oauthWideningRace: calls of one grant ask for scopes in any order, while it is
// widened, used and swept.
func oauthWideningRace(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	scopes := []string{"Calendars.Read", "Chat.Read", "Files.Read", "Notes.Read", "Sites.Read.All", "Tasks.Read"}
	backwards := slices.Clone(scopes)
	slices.Reverse(backwards)
	const most = 3
	for round := range raceRounds {
		id := fmt.Sprint("g", round)
		oauthInsert(t, s, id, "a", "ann")
		oauthRedeem(t, s, id)
		from := []string{"Mail.Read", "User.Read"}
		now := oauthStart.Add(2 * time.Hour) // its access token is over
		widened := slices.Concat(from, scopes)
		link := func(i int) authserver.Link {
			return authserver.Link{Digest: oauthDigest(fmt.Sprint("link ", id, " ", i)), GrantID: id, Scopes: scopes, ExpiresAt: now.Add(time.Minute)}
		}
		only(t, concurrently(16, func(i int) (err error) {
			switch {
			case i < 2:
				_, err = s.Ask(ctx, id, scopes, now, now)
			case i < 4:
				_, err = s.Ask(ctx, id, backwards, now, now)
			case i == 4:
				_, err = s.TakeAsked(ctx, id, oauthStart)
			case i == 5:
				err = s.Widen(ctx, id, from, widened)
			case i == 6:
				_, err = s.Rotate(ctx, id, oauthPair(id, 2, now), now, now)
			case i == 7:
				err = s.DeleteExpired(ctx, now, now)
			default:
				err = s.InsertLink(ctx, link(i), most)
			}
			return err
		}))
		grant, err := s.Grant(ctx, id)
		must(t, err)
		same(t, grant.Scopes, widened)
		refresh, err := s.Token(ctx, oauthPair(id, 2, now).Refresh)
		must(t, err)
		same(t, refresh.Scopes, widened)
		kept := 0
		for i := range 16 {
			if _, err := s.Link(ctx, link(i).Digest, now); err == nil {
				kept++
			}
		}
		same(t, kept, most)
		only(t, concurrently(4, func(i int) (err error) {
			switch i {
			case 0:
				err = s.DeleteGrants(ctx, []string{id})
			case 1:
				err = s.Widen(ctx, id, widened, scopes)
			case 2:
				err = s.InsertLink(ctx, link(99), most)
			default:
				_, err = s.Ask(ctx, id, append([]string{"Mail.Send"}, backwards...), now.Add(time.Hour), now.Add(time.Hour))
			}
			return err
		}), authserver.ErrNotFound)
	}
}
