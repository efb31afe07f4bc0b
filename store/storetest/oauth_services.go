package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/authserver"
)

// oauthIssued is a grant that comes without a code, and its access token.
func oauthIssued(id, client, service, restsOn string) (authserver.Grant, authserver.Pair) {
	g, _ := oauthGrant(id, client, "ann")
	g.Generation, g.Service, g.RestsOn, g.ExpiresAt = 1, service, restsOn, oauthStart.Add(time.Hour)
	if service != "" {
		g.TenantID, g.UserID, g.UPN, g.Mail, g.Name = "", "", "", "", ""
	}
	p := oauthPair(id, 1, oauthStart)
	p.Refresh, p.RefreshExpires = authserver.Digest{}, time.Time{}
	return g, p
}

func oauthIssue(t *testing.T, s authserver.Store, id, client, service, restsOn string) error {
	t.Helper()
	if _, err := s.Client(t.Context(), client); errors.Is(err, authserver.ErrNotFound) {
		must(t, s.InsertClient(t.Context(), oauthClient(client), oauthRoom))
	}
	g, p := oauthIssued(id, client, service, restsOn)
	return s.IssueGrant(t.Context(), g, p)
}

// oauthAssertions: each works once, and is forgotten when it has expired.
func oauthAssertions(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	soon, later := oauthStart.Add(time.Minute), oauthStart.Add(time.Hour)
	must(t, s.UseAssertion(ctx, oauthDigest("a"), soon))
	must(t, s.UseAssertion(ctx, oauthDigest("b"), later))
	wantErr(t, s.UseAssertion(ctx, oauthDigest("a"), later), authserver.ErrAlreadyUsed)
	must(t, s.DeleteExpired(ctx, soon, oauthStart))
	must(t, s.UseAssertion(ctx, oauthDigest("a"), later))
	wantErr(t, s.UseAssertion(ctx, oauthDigest("b"), later), authserver.ErrAlreadyUsed)
}

// oauthAssertionRace: of any number that bring the same one at once, one is let through.
func oauthAssertionRace(t *testing.T, s authserver.Store) {
	for round := range raceRounds {
		digest := oauthDigest(fmt.Sprint("a", round))
		errs := concurrently(8, func(int) error { return s.UseAssertion(t.Context(), digest, oauthStart) })
		only(t, errs, authserver.ErrAlreadyUsed)
		if through := len(errs) - len(slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil })); through != 1 {
			t.Errorf("round %d: %d were let through", round, through)
		}
	}
}

// oauthServices: what a service got is read as it was stored, and ends with its client
// and with everything; no person's end is its own.
func oauthServices(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	g, p := oauthIssued("g", "a", "build", "")
	wantErr(t, s.IssueGrant(ctx, g, p), authserver.ErrNotFound)
	must(t, oauthIssue(t, s, "g", "a", "build", ""))
	token, err := s.Token(ctx, p.Access)
	must(t, err)
	g.Epoch = token.Grant.Epoch
	want := authserver.Token{
		Kind: authserver.AccessToken, Generation: 1, Scopes: p.Scopes, IssuedAt: oauthStart, ExpiresAt: p.AccessExpires, Grant: g,
	}
	if diff := cmp.Diff(want, token); diff != "" {
		t.Errorf("token (-want +got):\n%s", diff)
	}
	_, err = s.Rotate(ctx, "g", oauthPair("g", 3, oauthStart), oauthStart, oauthStart)
	wantErr(t, err, authserver.ErrAlreadyUsed) // it has no refresh token: whoever tries ends it

	for i, selector := range []authserver.Selector{{ClientID: "a"}, {All: true}} {
		before, after := fmt.Sprint("before", i), fmt.Sprint("after", i)
		must(t, oauthIssue(t, s, before, "a", "build", ""))
		must(t, s.Kill(ctx, authserver.Selector{User: authserver.UserRef{TenantID: "tenant", UserID: "ann"}}, oauthStart))
		if !alive(ctx, t, s, before, 1) {
			t.Errorf("%+v: a person's end is the service's", selector)
		}
		must(t, s.Kill(ctx, selector, oauthStart))
		if alive(ctx, t, s, before, 1) {
			t.Errorf("%+v: it lives on", selector)
		}
		must(t, oauthIssue(t, s, after, "a", "build", ""))
		if !alive(ctx, t, s, after, 1) {
			t.Errorf("%+v: it covers a younger one", selector)
		}
	}
	if ended, err := s.EndedGrants(ctx, oauthStart.Add(time.Hour), 100); err != nil || !slices.Contains(ended, "after1") {
		t.Errorf("ended after an hour: %v, %v", ended, err)
	}
}

// oauthRestingGrants: what rests on a sign-in ends with it, however that ends.
func oauthRestingGrants(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	ends := map[string]func(under string) error{
		"revoked": func(under string) error { _, err := s.RevokeGrant(ctx, under, "test", oauthStart); return err },
		"deleted": func(under string) error { return s.DeleteGrants(ctx, []string{under}) },
		"its client": func(string) error {
			return s.Kill(ctx, authserver.Selector{ClientID: "under"}, oauthStart)
		},
		"its person": func(string) error {
			return s.Kill(ctx, authserver.Selector{User: authserver.UserRef{TenantID: "tenant", UserID: "ann"}}, oauthStart)
		},
		"everything": func(string) error { return s.Kill(ctx, authserver.Selector{All: true}, oauthStart) },
	}
	for name, end := range ends {
		under, resting := "under "+name, "resting "+name
		oauthInsert(t, s, under, "under", "ann")
		oauthRedeem(t, s, under)
		// A kill of the client that rests on it is over for what comes later.
		must(t, s.Kill(ctx, authserver.Selector{ClientID: "resting"}, oauthStart))
		must(t, oauthIssue(t, s, resting, "resting", "", under))
		if !alive(ctx, t, s, resting, 1) {
			t.Errorf("%s: dead from the start", name)
		}
		must(t, end(under))
		if alive(ctx, t, s, resting, 1) {
			t.Errorf("%s: it lives on", name)
		}
		if ended, err := s.EndedGrants(ctx, oauthStart, 100); err != nil || !slices.Contains(ended, resting) {
			t.Errorf("%s: not swept: %v, %v", name, ended, err)
		}
		wantErr(t, oauthIssue(t, s, resting+" late", "resting", "", under), authserver.ErrRevoked)
	}
}

// oauthRestingRace: none survives that is issued beside the end of what it rests on.
func oauthRestingRace(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	must(t, s.InsertClient(ctx, oauthClient("resting"), oauthRoom))
	for round := range raceRounds {
		under := fmt.Sprint("under", round)
		oauthInsert(t, s, under, "under", "ann")
		oauthRedeem(t, s, under)
		only(t, concurrently(4, func(i int) error {
			if i == 0 {
				_, err := s.RevokeGrant(ctx, under, "test", oauthStart)
				return err
			}
			g, p := oauthIssued(fmt.Sprint("resting", round, "-", i), "resting", "", under)
			return s.IssueGrant(ctx, g, p)
		}), authserver.ErrRevoked)
		for i := 1; i < 4; i++ {
			g, err := s.Grant(ctx, fmt.Sprint("resting", round, "-", i))
			if err == nil && g.Alive() {
				t.Errorf("round %d: %s has survived", round, g.ID)
			}
		}
	}
}

// oauthSignInsToRestOn: live ones of exactly that person, with tokens of Microsoft's own.
func oauthSignInsToRestOn(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	ann := authserver.UserRef{TenantID: "tenant", UserID: "ann"}
	for _, id := range []string{"first", "second", "revoked", "killed"} {
		client := "a"
		if id == "killed" {
			client = "killed"
		}
		oauthInsert(t, s, id, client, "ann")
		oauthRedeem(t, s, id)
	}
	oauthInsert(t, s, "of another", "a", "bob")
	oauthRedeem(t, s, "of another")
	oauthInsert(t, s, "unredeemed", "a", "ann")
	must(t, oauthIssue(t, s, "resting", "a", "", "first"))
	must(t, oauthIssue(t, s, "service", "a", "build", ""))
	_, err := s.RevokeGrant(ctx, "revoked", "test", oauthStart)
	must(t, err)
	must(t, s.Kill(ctx, authserver.Selector{ClientID: "killed"}, oauthStart))
	_, err = s.Rotate(ctx, "second", oauthPair("second", 2, oauthStart.Add(time.Minute)), oauthStart.Add(time.Minute), oauthStart)
	must(t, err)

	ids := func(user authserver.UserRef, now time.Time, most int) (ids []string) {
		grants, err := s.SignIns(ctx, user, now, most)
		must(t, err)
		for _, g := range grants {
			ids = append(ids, g.ID)
		}
		return ids
	}
	for name, c := range map[string]struct{ got, want []string }{
		"all":             {ids(ann, oauthStart, 10), []string{"second", "first"}},
		"one":             {ids(ann, oauthStart, 1), []string{"second"}},
		"expired":         {ids(ann, oauthStart.Add(1000*time.Hour), 10), nil},
		"another tenant":  {ids(authserver.UserRef{TenantID: "other", UserID: "ann"}, oauthStart, 10), nil},
		"nobody (no key)": {ids(authserver.UserRef{}, oauthStart, 10), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}
