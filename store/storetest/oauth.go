package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/authserver"
	"m365mcp/identity"
)

// oauthStart is when the suite's clock begins; stores keep milliseconds.
var oauthStart = time.Date(2026, 8, 3, 9, 0, 0, 7e6, time.UTC)

// OAuth checks an implementation of [authserver.Store]. open returns an empty store.
func OAuth(t *testing.T, open func(t *testing.T) authserver.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*testing.T, authserver.Store)
	}{
		{"clients", oauthClients},
		{"clients described elsewhere", oauthPutClient},
		{"clients with a grant", oauthGrantedClients},
		{"client limit", oauthClientLimit},
		{"eviction of unused clients", oauthEviction},
		{"idle clients", oauthIdleClients},
		{"sign-ins", oauthSignIns},
		{"one ticket used at once by many", oauthTicketRace},
		{"sign-in limit", oauthSignInLimit},
		{"grants and codes", oauthGrants},
		{"codes that fail", oauthBadCodes},
		{"one code redeemed at once by many", oauthCodeRace},
		{"rotation", oauthRotation},
		{"rotation at once by many", oauthRotationRace},
		{"a grant without refresh", oauthNoRefresh},
		{"revocation", oauthRevocation},
		{"kill epochs", oauthKills},
		{"sweep", oauthSweep},
		{"consents", oauthConsents},
		{"forgotten consents", oauthForgottenConsents},
		{"demands", oauthDemands},
		{"asked scopes", oauthAsked},
		{"links", oauthLinks},
		{"widening", oauthWidening},
		{"assertions", oauthAssertions},
		{"one assertion used at once by many", oauthAssertionRace},
		{"grants of services", oauthServices},
		{"grants that rest on a sign-in", oauthRestingGrants},
		{"grants beside the end of what they rest on", oauthRestingRace},
		{"sign-ins to rest on", oauthSignInsToRestOn},
		{"kills beside grants", oauthKillRace},
		{"revocation beside rotation and redemption", oauthRevocationRace},
		{"deletion beside redemption", oauthDeletionRace},
		{"eviction beside a first grant", oauthEvictionRace},
		{"sweeps of several replicas", oauthSweepRace},
		{"widening beside all else", oauthWideningRace},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

func oauthDigest(text string) (d authserver.Digest) {
	copy(d[:], text)
	return d
}

func oauthClient(id string) authserver.Client {
	return authserver.Client{
		ID: id, Source: authserver.ClientRegistered, Name: "Assistant \u00e9", RedirectURIs: []string{"https://assistant.example/cb", "http://127.0.0.1/cb"},
		AuthMethod: "client_secret_post", Secret: oauthDigest("secret of " + id), CreatedAt: oauthStart,
	}
}

// oauthGrant returns a grant and its code, both named after id.
func oauthGrant(id, client, user string) (authserver.Grant, authserver.Code) {
	g := authserver.Grant{
		ID: id, TenantID: "tenant", UserID: user, UPN: user + "@contoso.example", Mail: user + ".m@contoso.example", Name: "Name of " + user,
		ClientID: client, Scopes: []string{"Mail.Read", "User.Read"}, Resource: "https://mcp.example.com/mcp",
		CreatedAt: oauthStart, LastUsedAt: oauthStart, ExpiresAt: oauthStart.Add(time.Minute),
		Perimeter: identity.Perimeter{Mode: "mtls", Issuer: "CN=CA", Subject: "CN=\"" + user + "\"", Email: user + "@sso.example"},
	}
	return g, authserver.Code{
		Digest: oauthDigest("code " + id), GrantID: id, ClientID: client,
		RedirectURI: "https://assistant.example/cb", Challenge: "challenge", ExpiresAt: g.ExpiresAt,
	}
}

func oauthPair(id string, generation int64, at time.Time) authserver.Pair {
	return authserver.Pair{
		Generation: generation, Scopes: []string{"User.Read"},
		Access: oauthDigest(fmt.Sprint("access ", id, generation)), AccessExpires: at.Add(time.Hour),
		Refresh: oauthDigest(fmt.Sprint("refresh ", id, generation)), RefreshExpires: at.Add(24 * time.Hour),
	}
}

// oauthInsert stores a client, if it is new, and a grant of it.
func oauthInsert(t *testing.T, s authserver.Store, id, client, user string) {
	t.Helper()
	if _, err := s.Client(t.Context(), client); errors.Is(err, authserver.ErrNotFound) {
		must(t, s.InsertClient(t.Context(), oauthClient(client), oauthRoom))
	}
	g, c := oauthGrant(id, client, user)
	g.Epoch = oauthEpoch(t, s)
	must(t, s.InsertGrant(t.Context(), g, c))
}

// Grants inserts grants of these names into an empty store, for tests of what
// belongs to a grant.
func Grants(tb testing.TB, s authserver.Store, ids ...string) {
	tb.Helper()
	const client = "a"
	err := s.InsertClient(tb.Context(), oauthClient(client), oauthRoom)
	for _, id := range ids {
		g, c := oauthGrant(id, client, "ann")
		err = errors.Join(err, s.InsertGrant(tb.Context(), g, c))
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// oauthRoom is more than the suite needs.
var oauthRoom = authserver.ClientLimits{Clients: 100, Unused: 100}

// oauthSignIn is an approved request for a minute, under names that follow from the
// ticket's.
func oauthSignIn(ticket, client string) authserver.SignIn {
	return authserver.SignIn{
		Request: authserver.Request{
			ClientID: client, RedirectURI: "https://assistant.example/cb", State: "the client's\n\u00e9", Scopes: []string{"Mail.Read", "User.Read"},
			Resource: "https://mcp.example.com/mcp", Challenge: "challenge",
		},
		Ticket: ticket, UpstreamState: oauthDigest("state " + ticket), Browser: oauthDigest("browser " + ticket), ExpiresAt: oauthStart.Add(time.Minute),
		Expected: authserver.UserRef{TenantID: "tenant", UserID: "ann"}, Remembered: true, Silent: true, Claims: `{"id_token":{}}`,
		Client: oauthDigest("metadata"), GrantID: "g", Perimeter: identity.Perimeter{Mode: "oidc-proxy", Issuer: "https://sso.example", Subject: "7", Service: true},
	}
}

// oauthEpoch reads the present kill epoch, as a sign-in gets it.
func oauthEpoch(t *testing.T, s authserver.Store) int64 {
	t.Helper()
	signIn := oauthSignIn(rand.Text(), "a")
	signIn.UpstreamState, signIn.Browser = oauthDigest(signIn.Ticket), authserver.Digest{}
	must(t, s.InsertSignIn(t.Context(), signIn, 1000, oauthStart))
	taken, err := s.TakeSignIn(t.Context(), signIn.UpstreamState, signIn.Browser, oauthStart)
	must(t, err)
	return taken.Epoch
}

// oauthRedeem brings a grant into generation 1.
func oauthRedeem(t *testing.T, s authserver.Store, id string) {
	t.Helper()
	_, err := s.RedeemCode(t.Context(), oauthDigest("code "+id), oauthPair(id, 1, oauthStart), oauthStart)
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func oauthClients(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	for _, id := range []string{"nobody", "", "a\x00", "\xff"} { // the last two are no text to PostgreSQL
		_, err := s.Client(ctx, id)
		wantErr(t, err, authserver.ErrNotFound)
	}
	want := oauthClient("a")
	must(t, s.InsertClient(ctx, want, oauthRoom))
	got, err := s.Client(ctx, "a")
	must(t, err)
	same(t, got, want)
	if err := s.InsertClient(ctx, want, oauthRoom); err == nil {
		t.Fatal("the same id was registered twice")
	}
}

func oauthClientLimit(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	const most = 5
	// None of them is old enough to make room.
	limits := authserver.ClientLimits{Clients: most, Unused: 100, EvictBefore: oauthStart}
	errs := concurrently(20, func(i int) error { return s.InsertClient(ctx, oauthClient(fmt.Sprint(i)), limits) })
	refused := 0
	for _, err := range errs {
		if err != nil {
			wantErr(t, err, authserver.ErrTooManyClients)
			refused++
		}
	}
	same(t, refused, 20-most)
}

func oauthEviction(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	at := func(minute int) time.Time { return oauthStart.Add(time.Duration(minute) * time.Minute) }
	insert := func(id string, minute int, limits authserver.ClientLimits) error {
		c := oauthClient(id)
		c.CreatedAt = at(minute)
		return s.InsertClient(ctx, c, limits)
	}
	check := func(want ...string) {
		t.Helper()
		var got []string
		for _, id := range []string{"used", "pending", "old", "older", "young", "new", "newer"} {
			if _, err := s.Client(ctx, id); err == nil {
				got = append(got, id)
			}
		}
		same(t, got, want)
	}
	oauthInsert(t, s, "g", "used", "ann") // older than all, and used
	pending := oauthSignIn("ticket", "pending")
	must(t, s.InsertSignIn(ctx, pending, 100, oauthStart))
	for id, minute := range map[string]int{"pending": 1, "older": 2, "old": 3, "young": 9} {
		must(t, insert(id, minute, oauthRoom))
	}
	must(t, insert("new", 10, authserver.ClientLimits{Clients: 100, Unused: 4, EvictBefore: at(5)}))
	check("used", "pending", "old", "young", "new")
	must(t, insert("newer", 10, authserver.ClientLimits{Clients: 5, Unused: 100, EvictBefore: at(5)}))
	check("used", "pending", "young", "new", "newer")
	wantErr(t, insert("none", 10, authserver.ClientLimits{Clients: 5, Unused: 100, EvictBefore: at(5)}), authserver.ErrTooManyClients)
	// One of the two that would have to go is too young: neither goes.
	wantErr(t, insert("none", 10, authserver.ClientLimits{Clients: 4, Unused: 100, EvictBefore: at(10)}), authserver.ErrTooManyClients)
	check("used", "pending", "young", "new", "newer")
	must(t, insert("old", 10, authserver.ClientLimits{Clients: 4, Unused: 100, EvictBefore: at(11)})) // the limit was lowered
	_, err := s.Client(ctx, "young")
	wantErr(t, err, authserver.ErrNotFound)
}

func oauthIdleClients(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	must(t, s.InsertClient(ctx, oauthClient("unused"), oauthRoom))
	oauthInsert(t, s, "g1", "used", "ann")
	oauthInsert(t, s, "g2", "connected", "ann")
	must(t, s.DeleteGrants(ctx, []string{"g1"}))
	remove := func(unused, idle time.Time, want int) {
		t.Helper()
		n, err := s.DeleteIdleClients(ctx, unused, idle)
		must(t, err)
		same(t, n, want)
	}
	later := oauthStart.Add(time.Second)
	remove(oauthStart, oauthStart, 0)
	remove(later, oauthStart, 1) // unused
	remove(later, later, 1)      // used; connected has its grant
	_, err := s.Client(ctx, "connected")
	must(t, err)
}

func oauthSignIns(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	want := oauthSignIn("ticket", "a")
	state, browser := want.UpstreamState, want.Browser
	must(t, s.InsertSignIn(ctx, want, 9, oauthStart))
	for name, take := range map[string]func() error{
		"another state":   func() error { _, err := s.TakeSignIn(ctx, browser, browser, oauthStart); return err },
		"another browser": func() error { _, err := s.TakeSignIn(ctx, state, state, oauthStart); return err },
		"too late":        func() error { _, err := s.TakeSignIn(ctx, state, browser, want.ExpiresAt); return err },
	} {
		if err := take(); !errors.Is(err, authserver.ErrNotFound) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	errs := concurrently(callers, func(int) error {
		got, err := s.TakeSignIn(ctx, state, browser, oauthStart)
		if err == nil && !cmp.Equal(got, want) {
			return errors.New(cmp.Diff(want, got))
		}
		return err
	})
	onlyOneSucceeds(t, errs, authserver.ErrNotFound)

	// Its ticket is used for as long as it would have lived.
	again := want
	again.UpstreamState, again.ExpiresAt = browser, want.ExpiresAt.Add(time.Minute)
	wantErr(t, s.InsertSignIn(ctx, again, 9, want.ExpiresAt.Add(-time.Millisecond)), authserver.ErrAlreadyUsed)
	must(t, s.InsertSignIn(ctx, again, 9, want.ExpiresAt))
	_, err := s.TakeSignIn(ctx, browser, browser, want.ExpiresAt)
	must(t, err)
}

func oauthTicketRace(t *testing.T, s authserver.Store) {
	errs := concurrently(callers, func(i int) error {
		signIn := oauthSignIn(fmt.Sprint(i), "a")
		signIn.Ticket = "ticket"
		return s.InsertSignIn(t.Context(), signIn, 100, oauthStart)
	})
	onlyOneSucceeds(t, errs, authserver.ErrAlreadyUsed)
}

func oauthSignInLimit(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	const most = 5
	refused := 0
	for _, err := range concurrently(20, func(i int) error { return s.InsertSignIn(ctx, oauthSignIn(fmt.Sprint(i), "a"), most, oauthStart) }) {
		if err != nil {
			wantErr(t, err, authserver.ErrTooManySignIns)
			refused++
		}
	}
	same(t, refused, 20-most)
	late := oauthSignIn("late", "a")
	late.ExpiresAt = late.ExpiresAt.Add(time.Minute)
	wantErr(t, s.InsertSignIn(ctx, late, most, oauthStart.Add(time.Minute-time.Millisecond)), authserver.ErrTooManySignIns)
	must(t, s.InsertSignIn(ctx, late, most, oauthStart.Add(time.Minute))) // the others have expired
}

// callers is how many try at once to spend what can be spent once.
const callers = 20

// concurrently runs fn n times at once.
func concurrently(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func onlyOneSucceeds(t *testing.T, errs []error, others ...error) {
	t.Helper()
	succeeded := 0
	for _, err := range errs {
		if err == nil {
			succeeded++
		} else if !slices.ContainsFunc(others, func(o error) bool { return errors.Is(err, o) }) {
			t.Fatal(err)
		}
	}
	same(t, succeeded, 1)
}

// alive reads whether the access token of the grant's generation is good, through
// the token and through the grant.
func alive(ctx context.Context, t *testing.T, s authserver.Store, id string, generation int64) bool {
	t.Helper()
	token, err := s.Token(ctx, oauthPair(id, generation, oauthStart).Access)
	must(t, err)
	grant, err := s.Grant(ctx, id)
	must(t, err)
	same(t, token.Grant, grant)
	return grant.Alive()
}
