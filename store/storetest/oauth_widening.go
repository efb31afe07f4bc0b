package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"m365mcp/authserver"
)

func oauthAsked(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	oauthInsert(t, s, "g", "a", "ann")
	oauthInsert(t, s, "other", "a", "ann")
	const pause = time.Hour
	ask := func(id string, at time.Time, scopes ...string) bool {
		t.Helper()
		asked, err := s.Ask(ctx, id, scopes, at, at.Add(-pause))
		must(t, err)
		return asked
	}
	take := func(id string, since time.Time) bool {
		t.Helper()
		taken, err := s.TakeAsked(ctx, id, since)
		must(t, err)
		return taken
	}
	same(t, ask("unknown", oauthStart, "Chat.Read"), false)
	same(t, ask("g", oauthStart, "Chat.Read", "Tasks.Read"), true)
	same(t, ask("g", oauthStart.Add(pause-time.Millisecond), "Chat.Read"), false)
	same(t, ask("g", oauthStart.Add(time.Minute), "Files.Read", "Tasks.Read"), false) // one of them
	same(t, ask("other", oauthStart, "Chat.Read"), true)
	before := oauthStart.Add(-time.Millisecond)
	same(t, take("g", oauthStart), false)
	same(t, take("g", before), true)
	same(t, take("g", before), false)
	same(t, take("other", before), true)
	same(t, take("unknown", before), false)
	same(t, ask("g", oauthStart.Add(time.Minute), "Files.Read"), true) // it was not asked beside the other
	same(t, take("g", before), true)

	same(t, ask("g", oauthStart.Add(pause), "Chat.Read"), true)
	same(t, take("g", before), true)

	asked := make([]bool, 10)
	for _, err := range concurrently(len(asked), func(i int) (err error) {
		asked[i], err = s.Ask(ctx, "g", []string{"Sites.Read.All"}, oauthStart, oauthStart.Add(-pause))
		return err
	}) {
		must(t, err)
	}
	same(t, len(slices.DeleteFunc(asked, func(a bool) bool { return !a })), 1)

	must(t, s.DeleteGrants(ctx, []string{"g"}))
	same(t, take("g", oauthStart.Add(-time.Hour)), false)
}

func oauthLinks(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	oauthInsert(t, s, "g", "a", "ann")
	oauthInsert(t, s, "other", "a", "ann")
	link := func(grant string, i int) authserver.Link {
		return authserver.Link{
			Digest: oauthDigest(fmt.Sprint(grant, i)), GrantID: grant, Scopes: []string{"Chat.Read", "Tasks.Read"},
			ExpiresAt: oauthStart.Add(time.Duration(i) * time.Minute),
		}
	}
	wantErr(t, s.InsertLink(ctx, link("unknown", 1), 3), authserver.ErrNotFound)
	must(t, s.InsertLink(ctx, link("other", 9), 3))
	for i := range 5 {
		must(t, s.InsertLink(ctx, link("g", i+1), 3))
	}
	check := func(now time.Time, want ...int) {
		t.Helper()
		var got []int
		for i := range 5 {
			if l, err := s.Link(ctx, link("g", i+1).Digest, now); err == nil {
				same(t, l, link("g", i+1))
				got = append(got, i+1)
			} else {
				wantErr(t, err, authserver.ErrNotFound)
			}
		}
		same(t, got, want)
	}
	check(oauthStart, 3, 4, 5)
	check(oauthStart.Add(3*time.Minute), 4, 5)
	for range 2 {
		must(t, s.DeleteLink(ctx, link("g", 5).Digest))
	}
	check(oauthStart, 3, 4)
	must(t, s.DeleteExpired(ctx, oauthStart.Add(3*time.Minute), oauthStart))
	check(oauthStart, 4)
	must(t, s.DeleteGrants(ctx, []string{"g"}))
	check(oauthStart)
	must(t, s.DeleteExpired(ctx, oauthStart.Add(9*time.Minute-time.Millisecond), oauthStart))
	_, err := s.Link(ctx, link("other", 9).Digest, oauthStart)
	must(t, err)
}

func oauthWidening(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	oauthInsert(t, s, "g", "a", "ann")
	oauthInsert(t, s, "other", "a", "ann")
	code := func(id string) authserver.Digest { return oauthDigest("code " + id) }
	from, to := []string{"Mail.Read", "User.Read"}, []string{"Chat.Read", "Mail.Read", "User.Read"}
	full, narrow := oauthPair("g", 1, oauthStart), oauthPair("g", 2, oauthStart)
	full.Scopes = from
	_, err := s.RedeemCode(ctx, code("g"), full, oauthStart)
	must(t, err)
	_, err = s.Rotate(ctx, "g", narrow, oauthStart, oauthStart) // whose access token has User.Read alone
	must(t, err)
	oauthRedeem(t, s, "other")

	wantErr(t, s.Widen(ctx, "g", to, to), authserver.ErrNotFound)
	wantErr(t, s.Widen(ctx, "unknown", from, to), authserver.ErrNotFound)
	for _, scope := range []string{"Chat.Read", "Tasks.Read"} {
		_, err := s.Ask(ctx, "g", []string{scope}, oauthStart, oauthStart)
		must(t, err)
	}
	must(t, s.Widen(ctx, "g", from, to))
	for scope, want := range map[string]bool{"Chat.Read": true, "Tasks.Read": false} { // what it has is not asked any more
		again, err := s.Ask(ctx, "g", []string{scope}, oauthStart, oauthStart.Add(-time.Hour))
		must(t, err)
		same(t, again, want)
	}
	scopes := func(digest authserver.Digest) []string {
		t.Helper()
		token, err := s.Token(ctx, digest)
		must(t, err)
		return token.Scopes
	}
	grant, err := s.Grant(ctx, "g")
	must(t, err)
	same(t, grant.Scopes, to)
	same(t, scopes(full.Access), to)
	same(t, scopes(full.Refresh), to)
	same(t, scopes(narrow.Refresh), to)
	same(t, scopes(narrow.Access), []string{"User.Read"}) // it was less than the grant's
	other, err := s.Grant(ctx, "other")
	must(t, err)
	same(t, other.Scopes, from)
	same(t, scopes(oauthPair("other", 1, oauthStart).Refresh), from)

	wantErr(t, s.Widen(ctx, "g", from, to), authserver.ErrNotFound) // it has others by now
	must(t, s.Kill(ctx, authserver.Selector{ClientID: "a"}, oauthStart))
	wantErr(t, s.Widen(ctx, "g", to, from), authserver.ErrNotFound)
	oauthInsert(t, s, "revoked", "a", "ann")
	_, err = s.RevokeGrant(ctx, "revoked", "test", oauthStart)
	must(t, err)
	wantErr(t, s.Widen(ctx, "revoked", from, to), authserver.ErrNotFound)
}
