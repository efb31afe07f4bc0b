package console_test

import (
	"bytes"
	"context"
	"errors"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"m365mcp/audit"
	"m365mcp/authserver"
	"m365mcp/console"
	"m365mcp/entra"
	"m365mcp/internal/headless"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
	"m365mcp/simulator/dataset"
	simulator "m365mcp/simulator/entra"
	"m365mcp/store/sqlite"
)

const (
	tenantID = "77777777-1111-4222-8333-444444444444"
	annID    = "00000000-0000-4000-8000-00000000000a"
	ann      = "ann@contoso.example"
	bob      = "bob@contoso.example"
)

// harness is the page with real sign-ins: SQLite, the authorization server, the
// simulated Microsoft.
type harness struct {
	*httptest.Server
	auth  *authserver.Server
	db    *sqlite.DB
	store *failing
	audit *auditor
	log   *lockedBuffer
	ahead atomic.Int64
}

func (h *harness) now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

func (h *harness) advance(d time.Duration) { h.ahead.Add(int64(d)) }

// auditor keeps the events.
type auditor struct {
	mu     sync.Mutex
	events []audit.Event
	err    error
}

func (a *auditor) Event(_ context.Context, event audit.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.events = append(a.events, event)
	}
	return a.err
}

func (a *auditor) fail(err error) { a.mu.Lock(); defer a.mu.Unlock(); a.err = err }

// revocations are the events of that type.
func (a *auditor) revocations() (events []audit.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.events {
		if e.Type == "oauth.revoked" {
			events = append(events, e)
		}
	}
	return events
}

// failing is a store that can be out of reach.
type failing struct {
	console.Store
	down atomic.Bool
}

var errDown = errors.New("the database is down")

func (f *failing) Connections(ctx context.Context, who authserver.UserRef, now time.Time, most int) ([]console.Connection, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Store.Connections(ctx, who, now, most)
}

// lockedBuffer is a log that is written and read at once.
type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.Buffer.String() }

func newHarness(t *testing.T, change ...func(*authserver.Options)) *harness {
	t.Helper()
	h := &harness{audit: &auditor{}, log: &lockedBuffer{}}
	h.Server = httptest.NewUnstartedServer(nil)
	public := "http://" + h.Listener.Addr().String()
	microsoft := httptest.NewUnstartedServer(nil)
	base := "http://" + microsoft.Listener.Addr().String()
	sim, err := simulator.New(simulator.Options{
		Tenant: &dataset.Tenant{ID: tenantID, Name: "Contoso", Domain: "contoso.example", People: []dataset.Person{
			{ID: annID, UPN: ann, Mail: ann, DisplayName: "Ann Bell"},
			{ID: "00000000-0000-4000-8000-00000000000b", UPN: bob, Mail: bob, DisplayName: "Bob Cole"},
		}},
		BaseURL: base, Now: h.now,
		Clients: []simulator.Client{{ID: "99999999-1111-4222-8333-444444444444", Name: "m365-mcp", Secret: "shared", RedirectURIs: []string{public + "/callback"}}},
	})
	must(t, err)
	microsoft.Config.Handler = sim
	microsoft.Start()
	t.Cleanup(microsoft.Close)

	h.db, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	must(t, err)
	t.Cleanup(func() { _ = h.db.Close() })
	keys, err := seal.ParseKeyring(seal.GenerateKey())
	must(t, err)
	log := slog.New(slog.NewTextHandler(h.log, nil))
	client, err := entra.New(entra.Config{
		Authority: base, Tenants: entra.Tenants{Name: tenantID},
		ClientID: "99999999-1111-4222-8333-444444444444", Credential: entra.Secret(secret.New("shared")),
		RedirectURI: public + "/callback", GraphResource: "https://graph.microsoft.com",
	}, microsoft.Client(), h.now, log)
	must(t, err)
	vault := entra.NewVault(h.db.Vault(), keys, client, h.now, log, entra.Options{})
	t.Cleanup(func() { _ = vault.Close(context.WithoutCancel(t.Context())) })
	o := authserver.Options{
		PublicURL: public, Scopes: []string{"Mail.Read", "Mail.Send"}, Store: h.db.OAuth(), Upstream: client, Vault: vault, Audit: h.audit,
		Keys: seal.NewRoot().Derive, Now: h.now, Logger: log, Connections: console.Path,
		ScopeText: []authserver.ScopeText{
			{Name: "Mail.Read", Group: "Mail", Text: "Read your mail"},
			{Name: "Mail.Send", Group: "Mail", Effect: authserver.Speaks, Text: "Send mail in your name"},
		},
	}
	for _, c := range change {
		c(&o)
	}
	h.auth, err = authserver.New(o)
	must(t, err)
	h.store = &failing{Store: h.db.Console()}
	pages, err := console.New(console.Options{PublicURL: public, Store: h.store, People: h.auth, Words: h.auth, Now: h.now, Logger: log})
	must(t, err)
	mux := http.NewServeMux()
	h.auth.Register(mux)
	pages.Register(mux)
	h.Config.Handler = mux
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	h.Start()
	t.Cleanup(h.Close)
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// assistant is a client that a person has connected.
type assistant struct {
	id, grant string
	tokens    headless.Tokens
}

func (h *harness) connect(t *testing.T, name, upn string) assistant {
	t.Helper()
	b := headless.New(h.Client().Transport)
	id, err := b.Register(t.Context(), h.URL, name)
	must(t, err)
	return h.signInTo(t, id, upn)
}

func (h *harness) signInTo(t *testing.T, id, upn string) assistant {
	t.Helper()
	tokens, err := headless.New(h.Client().Transport).SignInTo(t.Context(), h.URL, id, upn)
	must(t, err)
	p, err := h.auth.Verify(t.Context(), tokens.Access)
	must(t, err)
	return assistant{id, p.GrantID, tokens}
}

// lives reports whether the assistant can still call and refresh.
func (h *harness) lives(t *testing.T, a assistant) bool {
	t.Helper()
	_, err := h.auth.Verify(t.Context(), a.tokens.Access)
	if err != nil && !errors.Is(err, authserver.ErrRevoked) && !errors.Is(err, authserver.ErrInvalidToken) {
		t.Fatal(err)
	}
	answer, refreshErr := headless.New(h.Client().Transport).Fetch(t.Context(), http.MethodPost, h.URL+"/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {a.tokens.Refresh}, "client_id": {a.id},
	}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	must(t, refreshErr)
	if (err == nil) != (answer.Status == http.StatusOK) {
		t.Fatalf("the token says %v, the refresh %d %s", err, answer.Status, answer.Body)
	}
	return err == nil
}

// browser is a person's.
type browser struct {
	*headless.Browser
	h *harness
}

func (h *harness) browser() browser { return browser{headless.New(h.Client().Transport), h} }

func (h *harness) page() string { return h.URL + console.Path }

func (b browser) get(t *testing.T, to string) headless.Answer {
	t.Helper()
	a, err := b.Fetch(t.Context(), http.MethodGet, to, "")
	must(t, err)
	return a
}

func (b browser) post(t *testing.T, to string, form url.Values, header ...string) headless.Answer {
	t.Helper()
	a, err := b.Fetch(t.Context(), http.MethodPost, to, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
	must(t, err)
	return a
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)

// fields reads the hidden fields of a page.
func fields(t *testing.T, page headless.Answer) url.Values {
	t.Helper()
	values := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page.Body, -1) {
		values.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	if len(values) == 0 {
		t.Fatalf("%d, no form: %s", page.Status, page.Body)
	}
	return values
}

// end is the form that ends one connection, from the page that the browser has.
func end(t *testing.T, page headless.Answer, grant string) url.Values {
	t.Helper()
	return url.Values{"csrf_token": fields(t, page)["csrf_token"], "action": {"end"}, "connection": {grant}}
}

// signIn opens the page, signs in as upn and returns what follows.
func (b browser) signIn(t *testing.T, upn string) headless.Answer {
	t.Helper()
	a := b.post(t, b.h.URL+"/signin", fields(t, b.get(t, b.h.page())))
	where, err := url.Parse(b.h.URL)
	must(t, err)
	for range 10 {
		switch {
		case a.Status == http.StatusFound || a.Status == http.StatusSeeOther:
			where, err = where.Parse(a.Header.Get("Location"))
			must(t, err)
			a = b.get(t, where.String())
		case strings.Contains(a.Body, `name="transaction"`):
			action := regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(a.Body)
			where, err = where.Parse(html.UnescapeString(action[1]))
			must(t, err)
			form := fields(t, a)
			form.Set("user", upn)
			a = b.post(t, where.String(), form)
		default:
			return a
		}
	}
	t.Fatal("the sign-in goes in circles")
	return a
}

// wantPage checks status and words of a page, and what every page carries.
func wantPage(t *testing.T, a headless.Answer, status int, words ...string) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	for _, w := range words {
		if !strings.Contains(a.Body, w) {
			t.Errorf("the page lacks %q: %s", w, a.Body)
		}
	}
	policy := a.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %s", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("X-Frame-Options") != "DENY" ||
		a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers %v", a.Header)
	}
}
