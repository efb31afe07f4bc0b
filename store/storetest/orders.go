package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/console"
)

// Granted are the stores of one database that is about grants.
type Granted struct {
	Grants  authserver.Store
	Orders  authserver.OrderStore
	Console console.Store
}

// Orders checks an implementation of [authserver.OrderStore]. open returns an empty store.
func Orders(t *testing.T, open func(t *testing.T) Granted) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*testing.T, Granted)
	}{
		{"people by name", ordersPeople},
		{"what ends", ordersExecute},
		{"nothing to end", ordersNothing},
		{"until they are recorded", ordersRecorded},
		{"one order claimed at once by many", ordersRace},
		{"beside grants", ordersBesideGrants},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

func ordersPeople(t *testing.T, s Granted) {
	ctx := t.Context()
	oauthInsert(t, s.Grants, "g1", "a", "ann")
	oauthInsert(t, s.Grants, "g2", "b", "ann")
	oauthInsert(t, s.Grants, "g3", "a", "bob")
	_, err := s.Grants.RevokeGrant(ctx, "g3", "test", oauthStart)
	must(t, err)
	must(t, s.Grants.PutConsent(ctx, authserver.Consent{
		User: authserver.UserRef{TenantID: "other", UserID: "zoe"}, UPN: "Ann@Contoso.example", ClientID: "a",
		RedirectURI: "https://assistant.example/cb", AgreedAt: oauthStart,
	}))
	for upn, want := range map[string][]authserver.UserRef{
		"ANN@contoso.Example":   {{TenantID: "other", UserID: "zoe"}, {TenantID: "tenant", UserID: "ann"}},
		"bob@contoso.example":   {{TenantID: "tenant", UserID: "bob"}},
		"cleo@contoso.example":  nil,
		"%":                     nil,
		"ann.m@contoso.example": nil, // her mail
	} {
		got, err := s.Orders.PeopleNamed(ctx, upn)
		must(t, err)
		same(t, got, want)
	}
}

func order(id string, selector authserver.Selector) authserver.Order {
	return authserver.Order{ID: id, Selector: selector, At: oauthStart.Add(time.Second)}
}

var (
	orderAnn = authserver.UserRef{TenantID: "tenant", UserID: "ann"}
	orderBob = authserver.UserRef{TenantID: "tenant", UserID: "bob"}
)

func ordersExecute(t *testing.T, s Granted) {
	ctx := t.Context()
	fill := func(t *testing.T) {
		t.Helper()
		for i, g := range [][2]string{{"a", "ann"}, {"b", "ann"}, {"a", "bob"}, {"b", "bob"}} {
			id := fmt.Sprint("g", i)
			must(t, s.Grants.DeleteGrants(t.Context(), []string{id}))
			oauthInsert(t, s.Grants, id, g[0], g[1])
			oauthRedeem(t, s.Grants, id)
			must(t, s.Grants.PutConsent(t.Context(), authserver.Consent{
				User: authserver.UserRef{TenantID: "tenant", UserID: g[1]}, ClientID: g[0], RedirectURI: "https://assistant.example/cb",
				Epoch: oauthEpoch(t, s.Grants), AgreedAt: oauthStart,
			}))
		}
	}
	for _, c := range []struct {
		name     string
		selector authserver.Selector
		want     authserver.Order // as far as the store finds out
		left     string           // grants, and consents, that go on
	}{
		{"grant", authserver.Selector{GrantID: "g1"}, authserver.Order{User: orderAnn, ClientID: "b", Grants: 1}, "g0 g2 g3 ann/a bob/a bob/b"},
		{"user", authserver.Selector{User: orderBob}, authserver.Order{User: orderBob, Grants: 2}, "g0 g1 ann/a ann/b"},
		{"client", authserver.Selector{ClientID: "a"}, authserver.Order{ClientID: "a", Grants: 2}, "g1 g3 ann/b bob/b"},
		{"all", authserver.Selector{All: true}, authserver.Order{Grants: 4}, ""},
	} {
		fill(t)
		got, err := s.Orders.Execute(ctx, order(c.name, c.selector), "", time.Time{})
		must(t, err)
		c.want.ID, c.want.Selector, c.want.At = c.name, c.selector, oauthStart.Add(time.Second)
		same(t, got, c.want)
		stored, err := s.Orders.Orders(ctx)
		must(t, err)
		same(t, stored, []authserver.Order{c.want})
		must(t, s.Orders.DeleteOrder(ctx, c.name))
		var left []string
		for i := range 4 {
			if id := fmt.Sprint("g", i); alive(ctx, t, s.Grants, id, 1) {
				left = append(left, id)
			}
		}
		for _, who := range []authserver.UserRef{orderAnn, orderBob} {
			for _, client := range []string{"a", "b"} {
				if _, err := s.Grants.Consent(ctx, who, client, "https://assistant.example/cb"); err == nil {
					left = append(left, who.UserID+"/"+client)
				}
			}
		}
		same(t, strings.Join(left, " "), c.left)
	}
}

// What cannot be used any more is nothing to end; a remembered consent is.
func ordersNothing(t *testing.T, s Granted) {
	ctx := t.Context()
	oauthInsert(t, s.Grants, "revoked", "a", "ann")
	oauthInsert(t, s.Grants, "late", "a", "ann")
	_, err := s.Grants.RevokeGrant(ctx, "revoked", "test", oauthStart)
	must(t, err)
	late := func(selector authserver.Selector) error {
		o := order("o", selector)
		o.At = oauthStart.Add(time.Minute) // the code's end
		_, err := s.Orders.Execute(ctx, o, "", time.Time{})
		return err
	}
	for _, selector := range []authserver.Selector{
		{}, {GrantID: "revoked"}, {GrantID: "late"}, {GrantID: "g"}, {User: orderAnn}, {User: orderBob}, {ClientID: "a"}, {ClientID: "b"},
	} {
		wantErr(t, late(selector), authserver.ErrNotFound)
	}
	stored, err := s.Orders.Orders(ctx)
	must(t, err)
	same(t, stored, []authserver.Order(nil))
	must(t, s.Grants.PutConsent(ctx, authserver.Consent{User: orderAnn, ClientID: "a", RedirectURI: "https://assistant.example/cb", AgreedAt: oauthStart}))
	must(t, late(authserver.Selector{User: orderAnn}))
	must(t, s.Orders.DeleteOrder(ctx, "o"))
	wantErr(t, late(authserver.Selector{ClientID: "a"}), authserver.ErrNotFound) // it has gone with hers
	must(t, late(authserver.Selector{All: true}))
	_, err = s.Grants.Consent(ctx, orderAnn, "a", "https://assistant.example/cb")
	wantErr(t, err, authserver.ErrNotFound)
}

func ordersRecorded(t *testing.T, s Granted) {
	ctx := t.Context()
	now := oauthStart.Add(time.Hour)
	claim := func(id, holder string, at time.Time, want bool) {
		t.Helper()
		got, err := s.Orders.ClaimOrder(ctx, id, holder, at, at.Add(time.Minute))
		must(t, err)
		same(t, got, want)
	}
	_, err := s.Orders.Execute(ctx, order("held", authserver.Selector{All: true}), "command", now)
	must(t, err)
	_, err = s.Orders.Execute(ctx, order("open", authserver.Selector{All: true}), "", time.Time{})
	must(t, err)
	claim("none", "server", now, false)
	claim("open", "server", now, true)
	claim("open", "other", now, false)
	claim("open", "server", now, true)
	claim("open", "other", now.Add(time.Minute), true) // its holder is gone
	claim("held", "server", now.Add(-time.Millisecond), false)
	claim("held", "command", now.Add(-time.Millisecond), true)
	must(t, s.Orders.DeleteOrder(ctx, "held"))
	must(t, s.Orders.DeleteOrder(ctx, "held"))
	stored, err := s.Orders.Orders(ctx)
	must(t, err)
	same(t, len(stored), 1)
}

func ordersRace(t *testing.T, s Granted) {
	_, err := s.Orders.Execute(t.Context(), order("o", authserver.Selector{All: true}), "", time.Time{})
	must(t, err)
	claimed := make([]bool, 20)
	errs := concurrently(len(claimed), func(i int) (err error) {
		claimed[i], err = s.Orders.ClaimOrder(t.Context(), "o", fmt.Sprint(i), oauthStart, oauthStart.Add(time.Minute))
		return err
	})
	n := 0
	for i, err := range errs {
		must(t, err)
		if claimed[i] {
			n++
		}
	}
	same(t, n, 1)
}

// Grants, refreshes, sweeps and orders at once: nobody waits for ever, and at the end
// nothing goes on that the last order covers.
func ordersBesideGrants(t *testing.T, s Granted) {
	ctx := t.Context()
	for i := range 10 {
		id := fmt.Sprint("g", i)
		oauthInsert(t, s.Grants, id, "a", "ann")
		oauthRedeem(t, s.Grants, id)
	}
	later := oauthStart.Add(time.Minute)
	errs := concurrently(20, func(i int) error {
		id := fmt.Sprint("g", i/2)
		if i%2 == 0 {
			_, err := s.Grants.Rotate(ctx, id, oauthPair(id, 2, later), later, oauthStart)
			if err != nil && !errors.Is(err, authserver.ErrNotFound) {
				return err
			}
			ended, err := s.Grants.EndedGrants(ctx, later, 5)
			if err != nil {
				return err
			}
			return s.Grants.DeleteGrants(ctx, ended)
		}
		selector := authserver.Selector{GrantID: id}
		if i%4 == 1 {
			selector = authserver.Selector{User: orderAnn}
		}
		_, err := s.Orders.Execute(ctx, order(fmt.Sprint("o", i), selector), "", time.Time{})
		if errors.Is(err, authserver.ErrNotFound) {
			return nil
		}
		return err
	})
	for _, err := range errs {
		must(t, err)
	}
	_, err := s.Orders.Execute(ctx, order("last", authserver.Selector{All: true}), "", time.Time{})
	must(t, err)
	for i := range 10 {
		grant, err := s.Grants.Grant(ctx, fmt.Sprint("g", i))
		if errors.Is(err, authserver.ErrNotFound) {
			continue // deleted by now
		}
		must(t, err)
		if grant.Alive() {
			t.Errorf("g%d goes on", i)
		}
	}
}

// Connections checks an implementation of [console.Store]. open returns an empty store.
func Connections(t *testing.T, open func(t *testing.T) Granted) {
	t.Helper()
	t.Run("connections", func(t *testing.T) {
		t.Parallel()
		connections(t, open(t))
	})
}

func connections(t *testing.T, s Granted) {
	ctx := t.Context()
	now := oauthStart.Add(2 * time.Minute)
	list := func(who authserver.UserRef, at time.Time, most int) (ids []string) {
		t.Helper()
		got, err := s.Console.Connections(ctx, who, at, most)
		must(t, err)
		for _, c := range got {
			ids = append(ids, c.Grant.ID)
		}
		return ids
	}
	same(t, list(orderAnn, now, 10), []string(nil))
	for _, g := range [][3]string{{"g1", "a", "ann"}, {"g2", "b", "ann"}, {"g3", "a", "ann"}, {"his", "a", "bob"}, {"revoked", "b", "ann"}} {
		oauthInsert(t, s.Grants, g[0], g[1], g[2])
		oauthRedeem(t, s.Grants, g[0])
	}
	oauthInsert(t, s.Grants, "late", "a", "ann") // its code is never redeemed
	short, code := oauthGrant("short", "a", "ann")
	short.EndsAt, short.ExpiresAt = now, oauthStart.Add(time.Hour)
	must(t, s.Grants.InsertGrant(ctx, short, code))
	_, err := s.Grants.Rotate(ctx, "g2", oauthPair("g2", 2, oauthStart.Add(time.Minute)), oauthStart.Add(time.Minute), oauthStart)
	must(t, err)
	_, err = s.Grants.RevokeGrant(ctx, "revoked", "test", oauthStart)
	must(t, err)

	got, err := s.Console.Connections(ctx, orderAnn, now, 10)
	must(t, err)
	same(t, list(orderAnn, now, 10), []string{"g2", "g1", "g3"})
	grant, err := s.Grants.Grant(ctx, "g2")
	must(t, err)
	want := oauthClient("b")
	same(t, got[0], console.Connection{
		Grant: grant, Client: authserver.Client{ID: want.ID, Source: want.Source, Name: want.Name, RedirectURIs: want.RedirectURIs},
	})
	same(t, list(orderAnn, now, 2), []string{"g2", "g1"})
	same(t, list(orderAnn, oauthStart, 10), []string{"g2", "g1", "g3", "late", "short"})
	same(t, list(orderBob, now, 10), []string{"his"})
	same(t, list(authserver.UserRef{TenantID: "other", UserID: "ann"}, now, 10), []string(nil))
	same(t, list(orderAnn, oauthStart.Add(48*time.Hour), 10), []string(nil))

	must(t, s.Grants.Kill(ctx, authserver.Selector{ClientID: "a"}, now))
	same(t, list(orderAnn, now, 10), []string{"g2"})
	same(t, list(orderBob, now, 10), []string(nil))
	must(t, s.Grants.Kill(ctx, authserver.Selector{User: orderAnn}, now))
	same(t, list(orderAnn, now, 10), []string(nil))
}
