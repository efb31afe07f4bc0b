package storetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"m365mcp/authserver"
)

func oauthDocument(id string) authserver.Client {
	c := oauthClient(id)
	c.Source, c.AuthMethod, c.Secret = authserver.ClientDocument, "none", authserver.Digest{}
	c.LastUsedAt = oauthStart
	return c
}

func oauthPutClient(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	want := oauthDocument("https://assistant.example/client.json")
	check := func() {
		t.Helper()
		got, err := s.Client(ctx, want.ID)
		must(t, err)
		same(t, got, want)
	}
	must(t, s.PutClient(ctx, want))
	check()
	later := oauthStart.Add(time.Hour)
	want.Name, want.RedirectURIs, want.AuthMethod = "Renamed", []string{"https://assistant.example/other"}, "private_key_jwt"
	want.Secret, want.CreatedAt, want.LastUsedAt = oauthDigest("x"), later, later
	must(t, s.PutClient(ctx, want))
	check()

	taken := want
	taken.Source, taken.Name = authserver.ClientConfigured, "Another"
	if err := s.PutClient(ctx, taken); err == nil {
		t.Error("a client of another source was replaced")
	}
	check()
	must(t, s.InsertClient(ctx, oauthClient("dcr"), oauthRoom))
	if err := s.PutClient(ctx, oauthDocument("dcr")); err == nil {
		t.Error("a registered client was replaced")
	}

	// They take no room from those that register, and make none.
	must(t, s.InsertClient(ctx, oauthClient("second"), authserver.ClientLimits{Clients: 2, Unused: 2}))
	for _, limits := range []authserver.ClientLimits{{Clients: 2, Unused: 9}, {Clients: 9, Unused: 2}} {
		wantErr(t, s.InsertClient(ctx, oauthClient("third"), limits), authserver.ErrTooManyClients)
	}
	must(t, s.InsertClient(ctx, oauthClient("third"), authserver.ClientLimits{Clients: 1, Unused: 1, EvictBefore: later}))
	for id, want := range map[string]error{"dcr": authserver.ErrNotFound, "second": authserver.ErrNotFound, "third": nil} {
		if _, err := s.Client(ctx, id); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	check()

	// A grant needs one, and keeps it from being forgotten.
	g, c := oauthGrant("g", want.ID, "ann")
	must(t, s.InsertGrant(ctx, g, c))
	n, err := s.DeleteIdleClients(ctx, oauthStart, later.Add(time.Hour))
	must(t, err)
	same(t, n, 0)
	must(t, s.DeleteGrants(ctx, []string{"g"}))
	n, err = s.DeleteIdleClients(ctx, oauthStart, later.Add(time.Hour))
	must(t, err)
	same(t, n, 1)
	_, err = s.Client(ctx, want.ID)
	wantErr(t, err, authserver.ErrNotFound)
}

func oauthGrantedClients(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	check := func(want ...string) {
		t.Helper()
		got, err := s.GrantedClients(ctx)
		must(t, err)
		slices.Sort(got)
		same(t, got, want)
	}
	check()
	must(t, s.PutClient(ctx, oauthDocument("nobody's")))
	for id, client := range map[string]string{"g1": "a", "g2": "a", "g3": "b", "g4": "c"} {
		oauthInsert(t, s, id, client, "ann")
	}
	check("a", "b", "c")
	for _, id := range []string{"g1", "g3"} {
		_, err := s.RevokeGrant(ctx, id, "test", oauthStart)
		must(t, err)
	}
	check("a", "c")
	must(t, s.Kill(ctx, authserver.Selector{ClientID: "c"}, oauthStart))
	check("a")
}
