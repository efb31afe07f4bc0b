package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/authserver"
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
		{"client limit", oauthClientLimit},
		{"idle clients", oauthIdleClients},
		{"sign-ins", oauthSignIns},
		{"grants and codes", oauthGrants},
		{"codes that fail", oauthBadCodes},
		{"one code redeemed at once by many", oauthCodeRace},
		{"rotation", oauthRotation},
		{"rotation at once by many", oauthRotationRace},
		{"a grant without refresh", oauthNoRefresh},
		{"revocation", oauthRevocation},
		{"kill epochs", oauthKills},
		{"sweep", oauthSweep},
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
		ID: id, Name: "Assistant \u00e9", RedirectURIs: []string{"https://assistant.example/cb", "http://127.0.0.1/cb"},
		AuthMethod: "client_secret_post", Secret: oauthDigest("secret of " + id), CreatedAt: oauthStart,
	}
}

// oauthGrant returns a grant and its code, both named after id.
func oauthGrant(id, client, user string) (authserver.Grant, authserver.Code) {
	g := authserver.Grant{
		ID: id, TenantID: "tenant", UserID: user, UPN: user + "@contoso.example", Mail: user + ".m@contoso.example", Name: "Name of " + user,
		ClientID: client, Scopes: []string{"Mail.Read", "User.Read"}, Resource: "https://mcp.example.com/mcp",
		CreatedAt: oauthStart, LastUsedAt: oauthStart, ExpiresAt: oauthStart.Add(time.Minute),
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
		must(t, s.InsertClient(t.Context(), oauthClient(client), 100))
	}
	g, c := oauthGrant(id, client, user)
	g.Epoch = oauthEpoch(t, s)
	must(t, s.InsertGrant(t.Context(), g, c))
}

// oauthEpoch reads the present kill epoch, as a sign-in gets it.
func oauthEpoch(t *testing.T, s authserver.Store) int64 {
	t.Helper()
	state := oauthDigest("epoch")
	must(t, s.InsertSignIn(t.Context(), authserver.SignIn{UpstreamState: state, ExpiresAt: oauthStart.Add(time.Minute)}))
	signIn, err := s.TakeSignIn(t.Context(), state, authserver.Digest{}, oauthStart)
	must(t, err)
	return signIn.Epoch
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
	_, err := s.Client(ctx, "nobody")
	wantErr(t, err, authserver.ErrNotFound)
	want := oauthClient("a")
	must(t, s.InsertClient(ctx, want, 2))
	got, err := s.Client(ctx, "a")
	must(t, err)
	same(t, got, want)
	if err := s.InsertClient(ctx, want, 2); err == nil {
		t.Fatal("the same id was registered twice")
	}
}

func oauthClientLimit(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	const most = 5
	errs := concurrently(20, func(i int) error { return s.InsertClient(ctx, oauthClient(fmt.Sprint(i)), most) })
	refused := 0
	for _, err := range errs {
		if err != nil {
			wantErr(t, err, authserver.ErrTooManyClients)
			refused++
		}
	}
	same(t, refused, 20-most)
}

func oauthIdleClients(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	must(t, s.InsertClient(ctx, oauthClient("unused"), 9))
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
	state, browser := oauthDigest("state"), oauthDigest("browser")
	want := authserver.SignIn{
		Request: authserver.Request{
			ClientID: "a", RedirectURI: "https://assistant.example/cb", State: "the client's\n\u00e9", Scopes: []string{"Mail.Read", "User.Read"},
			Resource: "https://mcp.example.com/mcp", Challenge: "challenge",
		},
		UpstreamState: state, Browser: browser, ExpiresAt: oauthStart.Add(time.Minute),
	}
	must(t, s.InsertSignIn(ctx, want))
	for name, take := range map[string]func() error{
		"another state":   func() error { _, err := s.TakeSignIn(ctx, browser, browser, oauthStart); return err },
		"another browser": func() error { _, err := s.TakeSignIn(ctx, state, state, oauthStart); return err },
		"too late":        func() error { _, err := s.TakeSignIn(ctx, state, browser, want.ExpiresAt); return err },
	} {
		if err := take(); !errors.Is(err, authserver.ErrNotFound) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	errs := concurrently(10, func(int) error {
		got, err := s.TakeSignIn(ctx, state, browser, oauthStart)
		if err == nil && !cmp.Equal(got, want) {
			return errors.New(cmp.Diff(want, got))
		}
		return err
	})
	onlyOneSucceeds(t, errs, authserver.ErrNotFound)
}

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
