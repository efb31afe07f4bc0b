package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"m365mcp/authserver"
)

func oauthGrants(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	g, c := oauthGrant("g", "a", "ann")
	wantErr(t, s.InsertGrant(ctx, g, c), authserver.ErrNotFound) // no such client
	oauthInsert(t, s, "g", "a", "ann")

	client, err := s.Client(ctx, "a")
	must(t, err)
	same(t, client.LastUsedAt, oauthStart)
	gotCode, err := s.Code(ctx, c.Digest)
	must(t, err)
	same(t, gotCode, c)
	got, err := s.Grant(ctx, "g")
	must(t, err)
	same(t, got, g)

	now := oauthStart.Add(time.Second)
	pair := oauthPair("g", 1, now)
	got, err = s.RedeemCode(ctx, c.Digest, pair, now)
	must(t, err)
	g.Generation, g.LastUsedAt, g.ExpiresAt = 1, now, pair.RefreshExpires
	same(t, got, g)

	access, err := s.Token(ctx, pair.Access)
	must(t, err)
	same(t, access, authserver.Token{Kind: authserver.AccessToken, Generation: 1, Scopes: pair.Scopes, IssuedAt: now, ExpiresAt: pair.AccessExpires, Grant: g})
	refresh, err := s.Token(ctx, pair.Refresh)
	must(t, err)
	same(t, refresh, authserver.Token{Kind: authserver.RefreshToken, Generation: 1, Scopes: g.Scopes, IssuedAt: now, ExpiresAt: pair.RefreshExpires, Grant: g})
	_, err = s.Token(ctx, c.Digest)
	wantErr(t, err, authserver.ErrNotFound)
	_, err = s.Grant(ctx, "other")
	wantErr(t, err, authserver.ErrNotFound)
	_, err = s.Code(ctx, pair.Access)
	wantErr(t, err, authserver.ErrNotFound)

	gotCode, err = s.Code(ctx, c.Digest)
	must(t, err)
	same(t, gotCode.UsedAt, now)
	_, err = s.RedeemCode(ctx, c.Digest, oauthPair("g", 1, now), now)
	wantErr(t, err, authserver.ErrAlreadyUsed)
	if alive(ctx, t, s, "g", 1) {
		t.Error("the grant lives on after its code was used twice")
	}
}

func oauthBadCodes(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	oauthInsert(t, s, "late", "a", "ann")
	oauthInsert(t, s, "revoked", "a", "ann")
	_, err := s.RevokeGrant(ctx, "revoked", "test", oauthStart)
	must(t, err)
	for id, now := range map[string]time.Time{
		"late": oauthStart.Add(time.Minute), "revoked": oauthStart, "unknown": oauthStart,
	} {
		_, err := s.RedeemCode(ctx, oauthDigest("code "+id), oauthPair(id, 1, now), now)
		if !errors.Is(err, authserver.ErrNotFound) {
			t.Errorf("%s: error is %v", id, err)
		}
		if _, err := s.Token(ctx, oauthPair(id, 1, now).Access); !errors.Is(err, authserver.ErrNotFound) {
			t.Errorf("%s: token: error is %v", id, err)
		}
	}
}

func oauthCodeRace(t *testing.T, s authserver.Store) {
	oauthInsert(t, s, "g", "a", "ann")
	errs := concurrently(callers, func(int) error {
		_, err := s.RedeemCode(t.Context(), oauthDigest("code g"), oauthPair("g", 1, oauthStart), oauthStart)
		return err
	})
	onlyOneSucceeds(t, errs, authserver.ErrAlreadyUsed)
}

func oauthRotation(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	oauthInsert(t, s, "g", "a", "ann")
	oauthRedeem(t, s, "g")
	const grace = 10 * time.Minute
	rotate := func(generation int64, now time.Time) (authserver.Rotated, error) {
		return s.Rotate(ctx, "g", oauthPair("g", generation, now), now, now.Add(-grace))
	}

	now := oauthStart.Add(time.Hour)
	first := oauthPair("g", 2, now)
	want := authserver.Rotated{Access: first.Access, AccessExpires: first.AccessExpires, Scopes: first.Scopes}
	got, err := rotate(2, now)
	must(t, err)
	same(t, got, want)
	grant, err := s.Grant(ctx, "g")
	must(t, err)
	same(t, []any{grant.Generation, grant.LastUsedAt, grant.ExpiresAt}, []any{int64(2), now, first.RefreshExpires})

	want.Replay = true
	got, err = rotate(2, now.Add(grace)) // the last moment
	must(t, err)
	same(t, got, want)

	_, err = rotate(3, now.Add(grace))
	must(t, err)
	_, err = rotate(2, now.Add(grace)) // its replacement has been used
	wantErr(t, err, authserver.ErrAlreadyUsed)
	if alive(ctx, t, s, "g", 1) {
		t.Error("the family lives on after a refresh token was used again")
	}
	_, err = rotate(4, now.Add(grace))
	wantErr(t, err, authserver.ErrNotFound)

	oauthInsert(t, s, "slow", "a", "ann")
	oauthRedeem(t, s, "slow")
	pair := oauthPair("slow", 2, now)
	_, err = s.Rotate(ctx, "slow", pair, now, now.Add(-grace))
	must(t, err)
	later := now.Add(grace + time.Millisecond)
	_, err = s.Rotate(ctx, "slow", pair, later, later.Add(-grace))
	wantErr(t, err, authserver.ErrAlreadyUsed)
	_, err = s.Rotate(ctx, "unknown", pair, now, now)
	wantErr(t, err, authserver.ErrNotFound)
}

func oauthRotationRace(t *testing.T, s authserver.Store) {
	oauthInsert(t, s, "g", "a", "ann")
	oauthRedeem(t, s, "g")
	now := oauthStart.Add(time.Minute)
	fresh := make([]bool, callers)
	errs := concurrently(len(fresh), func(i int) error {
		r, err := s.Rotate(t.Context(), "g", oauthPair("g", 2, now), now, now.Add(-time.Minute))
		fresh[i] = !r.Replay
		if err == nil && r.Access != oauthPair("g", 2, now).Access {
			return errors.New("another pair")
		}
		return err
	})
	must(t, errors.Join(errs...))
	if n := len(slices.DeleteFunc(fresh, func(f bool) bool { return !f })); n != 1 {
		t.Errorf("%d of %d stored a pair", n, callers)
	}
	if !alive(t.Context(), t, s, "g", 2) {
		t.Error("the grant was revoked")
	}
}

func oauthNoRefresh(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	must(t, s.InsertClient(ctx, oauthClient("a"), oauthRoom))
	g, c := oauthGrant("g", "a", "ann")
	g.EndsAt = oauthStart.Add(30 * time.Minute)
	must(t, s.InsertGrant(ctx, g, c))
	pair := oauthPair("g", 1, oauthStart)
	pair.AccessExpires, pair.RefreshExpires = g.EndsAt, time.Time{}
	got, err := s.RedeemCode(ctx, c.Digest, pair, oauthStart)
	must(t, err)
	same(t, []time.Time{got.EndsAt, got.ExpiresAt}, []time.Time{g.EndsAt, g.EndsAt})
	_, err = s.Token(ctx, pair.Refresh)
	wantErr(t, err, authserver.ErrNotFound)
}

func oauthRevocation(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	oauthInsert(t, s, "g", "a", "ann")
	oauthInsert(t, s, "other", "a", "ann")
	oauthRedeem(t, s, "g")
	oauthRedeem(t, s, "other")
	for _, want := range []bool{true, false} {
		revoked, err := s.RevokeGrant(ctx, "g", "test", oauthStart.Add(time.Minute))
		must(t, err)
		same(t, revoked, want)
	}
	revoked, err := s.RevokeGrant(ctx, "unknown", "test", oauthStart)
	must(t, err)
	same(t, revoked, false)
	same(t, []bool{alive(ctx, t, s, "g", 1), alive(ctx, t, s, "other", 1)}, []bool{false, true})
	grant, err := s.Grant(ctx, "g")
	must(t, err)
	same(t, grant.RevokedAt, oauthStart.Add(time.Minute))
}

func oauthKills(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	for i, g := range [][2]string{{"a", "ann"}, {"b", "ann"}, {"a", "bob"}, {"b", "bob"}} {
		id := fmt.Sprint("g", i)
		oauthInsert(t, s, id, g[0], g[1])
		oauthRedeem(t, s, id)
	}
	check := func(want ...bool) {
		t.Helper()
		var got []bool
		for i := range 4 {
			got = append(got, alive(ctx, t, s, fmt.Sprint("g", i), 1))
		}
		same(t, got, want)
	}
	check(true, true, true, true)
	for _, bad := range []authserver.Selector{
		{},
		{GrantID: "g1"},
		{All: true, ClientID: "a"},
		{User: authserver.UserRef{UserID: "ann"}},
	} {
		if err := s.Kill(ctx, bad, oauthStart); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	check(true, true, true, true)
	must(t, s.Kill(ctx, authserver.Selector{User: authserver.UserRef{TenantID: "tenant", UserID: "ann"}}, oauthStart))
	check(false, false, true, true)
	must(t, s.Kill(ctx, authserver.Selector{ClientID: "a"}, oauthStart))
	check(false, false, false, true)

	_, err := s.Rotate(ctx, "g0", oauthPair("g0", 2, oauthStart), oauthStart, oauthStart)
	wantErr(t, err, authserver.ErrNotFound)

	// What is granted after a kill lives, although the clock has not moved.
	oauthInsert(t, s, "new", "a", "ann")
	oauthRedeem(t, s, "new")
	if !alive(ctx, t, s, "new", 1) {
		t.Error("a kill covers a younger grant")
	}
	oauthInsert(t, s, "pending", "b", "bob")
	late, lateCode := oauthGrant("late", "b", "bob")
	late.Epoch = oauthEpoch(t, s)
	must(t, s.Kill(ctx, authserver.Selector{All: true}, oauthStart))
	check(false, false, false, false)
	if alive(ctx, t, s, "new", 1) {
		t.Error("a second kill has no effect")
	}
	// Agreed to before the kill, granted after it.
	wantErr(t, s.InsertGrant(ctx, late, lateCode), authserver.ErrRevoked)
	_, err = s.Grant(ctx, "late")
	wantErr(t, err, authserver.ErrNotFound)
	_, err = s.RedeemCode(ctx, lateCode.Digest, oauthPair("late", 1, oauthStart), oauthStart)
	wantErr(t, err, authserver.ErrNotFound)
	_, err = s.RedeemCode(ctx, oauthDigest("code pending"), oauthPair("pending", 1, oauthStart), oauthStart)
	wantErr(t, err, authserver.ErrNotFound)
}

func oauthSweep(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	for _, id := range []string{"alive", "never redeemed", "revoked"} {
		oauthInsert(t, s, id, "a", "ann")
	}
	oauthInsert(t, s, "killed", "b", "ann")
	for _, id := range []string{"alive", "revoked", "killed"} {
		oauthRedeem(t, s, id)
	}
	_, err := s.RevokeGrant(ctx, "revoked", "test", oauthStart)
	must(t, err)
	must(t, s.Kill(ctx, authserver.Selector{ClientID: "b"}, oauthStart))
	ended := func(now time.Time, limit int) []string {
		t.Helper()
		ids, err := s.EndedGrants(ctx, now, limit)
		must(t, err)
		slices.Sort(ids)
		return ids
	}
	same(t, ended(oauthStart, 9), []string{"killed", "revoked"})
	same(t, len(ended(oauthStart, 1)), 1)
	same(t, ended(oauthStart.Add(time.Minute), 9), []string{"killed", "never redeemed", "revoked"})
	must(t, s.DeleteGrants(ctx, ended(oauthStart.Add(time.Minute), 9)))
	same(t, ended(oauthStart.Add(24*time.Hour), 9), []string{"alive"})
	_, err = s.Token(ctx, oauthPair("revoked", 1, oauthStart).Access)
	wantErr(t, err, authserver.ErrNotFound)
	_, err = s.Code(ctx, oauthDigest("code revoked"))
	wantErr(t, err, authserver.ErrNotFound)

	must(t, s.DeleteExpired(ctx, oauthStart.Add(time.Hour-time.Millisecond), oauthStart))
	if !alive(ctx, t, s, "alive", 1) {
		t.Error("the grant is gone")
	}
	must(t, s.DeleteExpired(ctx, oauthStart.Add(time.Hour), oauthStart))
	_, err = s.Token(ctx, oauthPair("alive", 1, oauthStart).Access)
	wantErr(t, err, authserver.ErrNotFound)
	_, err = s.Token(ctx, oauthPair("alive", 1, oauthStart).Refresh)
	must(t, err)
	_, err = s.Code(ctx, oauthDigest("code alive"))
	must(t, err)
	must(t, s.DeleteExpired(ctx, oauthStart, oauthStart.Add(time.Hour)))
	_, err = s.Code(ctx, oauthDigest("code alive"))
	wantErr(t, err, authserver.ErrNotFound)
}
