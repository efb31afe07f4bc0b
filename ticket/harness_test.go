package ticket_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"m365mcp/audit"
	"m365mcp/authserver"
	"m365mcp/blob"
	"m365mcp/entra"
	"m365mcp/identity"
	"m365mcp/internal/headless"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
	"m365mcp/simulator/dataset"
	simulator "m365mcp/simulator/entra"
	"m365mcp/store/sqlite"
	"m365mcp/ticket"
)

const (
	tenantID = "77777777-1111-4222-8333-444444444444"
	ann      = "ann@contoso.example"
	bob      = "bob@contoso.example"
)

// harness is the server with real sign-ins: SQLite, the authorization server, the
// simulated Microsoft, a spool. Only the tool that reads bytes is a function.
type harness struct {
	*httptest.Server
	auth    *authserver.Server
	tickets *ticket.Service
	spool   *blob.Spool
	audit   *auditor
	path    string
	options ticket.Options
	ahead   atomic.Int64
	running sync.WaitGroup // requests

	mu    sync.Mutex
	fetch ticket.Fetch
}

func (h *harness) now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

func (h *harness) advance(d time.Duration) { h.ahead.Add(int64(d)) }

// settled waits until no request runs: a client has its last byte a moment before
// the server has used up the ticket.
func (h *harness) settled() { h.running.Wait() }

// auditor keeps the events of tickets.
type auditor struct {
	mu     sync.Mutex
	events []event
	err    error
}

type event struct {
	Type string
	Who  identity.Principal
	Attr map[string]string
}

func (a *auditor) Event(_ context.Context, name string, who identity.Principal, attributes map[string]string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.events = append(a.events, event{name, who, attributes})
	}
	return a.err
}

func (a *auditor) fail(err error) { a.mu.Lock(); defer a.mu.Unlock(); a.err = err }

func (a *auditor) types() (types []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.events {
		types = append(types, e.Type)
	}
	return types
}

func (a *auditor) last(t *testing.T) event {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.events) == 0 {
		t.Fatal("no event")
	}
	return a.events[len(a.events)-1]
}

type ignored struct{}

func (ignored) Event(context.Context, audit.Event) error { return nil }

// people is what the app puts between the two packages.
type people struct{ *authserver.Server }

func (p people) Session(r *http.Request) (ticket.Session, bool) {
	who, csrf, ok := p.Server.Session(r)
	return ticket.Session{TenantID: who.TenantID, UserID: who.UserID, UPN: who.UPN, CSRF: csrf}, ok
}

func newHarness(t *testing.T, change ...func(*ticket.Options, *blob.Options)) *harness {
	t.Helper()
	h := &harness{audit: &auditor{}, path: filepath.Join(t.TempDir(), "test.db")}
	h.Server = httptest.NewUnstartedServer(nil)
	public := "http://" + h.Listener.Addr().String()
	ctx := context.WithoutCancel(t.Context())

	microsoft := httptest.NewUnstartedServer(nil)
	base := "http://" + microsoft.Listener.Addr().String()
	sim, err := simulator.New(simulator.Options{
		Tenant: &dataset.Tenant{ID: tenantID, Name: "Contoso", Domain: "contoso.example", People: []dataset.Person{
			{ID: "00000000-0000-4000-8000-00000000000a", UPN: ann, Mail: ann, DisplayName: "Ann Bell"},
			{ID: "00000000-0000-4000-8000-00000000000b", UPN: bob, Mail: bob, DisplayName: "Bob Cole"},
		}},
		BaseURL: base, Now: h.now,
		Clients: []simulator.Client{{ID: "99999999-1111-4222-8333-444444444444", Name: "m365-mcp", Secret: "shared", RedirectURIs: []string{public + "/callback"}}},
	})
	must(t, err)
	microsoft.Config.Handler = sim
	microsoft.Start()
	t.Cleanup(microsoft.Close)

	db, err := sqlite.Open(t.Context(), h.path)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	keys, err := seal.ParseKeyring(seal.GenerateKey())
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	client, err := entra.New(entra.Config{
		Authority: base, Tenants: entra.Tenants{Name: tenantID},
		ClientID: "99999999-1111-4222-8333-444444444444", Credential: entra.Secret(secret.New("shared")),
		RedirectURI: public + "/callback", GraphResource: "https://graph.microsoft.com",
	}, microsoft.Client(), h.now, log)
	must(t, err)
	vault := entra.NewVault(db.Vault(), keys, client, h.now, log, entra.Options{})
	t.Cleanup(func() { _ = vault.Close(ctx) })
	h.auth, err = authserver.New(authserver.Options{
		PublicURL: public, Scopes: []string{"Mail.Read"}, Store: db.OAuth(), Upstream: client, Vault: vault, Audit: ignored{},
		Keys: seal.NewRoot().Derive, Now: h.now, Logger: log, Pages: []string{"/tickets/"},
	})
	must(t, err)
	folder, err := blob.Folder(filepath.Join(t.TempDir(), "spool"))
	must(t, err)
	spool := blob.Options{Files: folder, Store: db.Blobs(), Keys: keys, Now: h.now}
	h.options = ticket.Options{
		PublicURL: public, Store: db.Tickets(), Keys: keys, People: people{h.auth}, Audit: h.audit, Now: h.now, Logger: log,
		Fetch: func(ctx context.Context, p identity.Principal, tool string, args json.RawMessage, begin func(string, int64) (io.Writer, error)) error {
			h.mu.Lock()
			fetch := h.fetch
			h.mu.Unlock()
			return fetch(ctx, p, tool, args, begin)
		},
	}
	for _, c := range change {
		c(&h.options, &spool)
	}
	h.spool, err = blob.New(spool)
	must(t, err)
	t.Cleanup(func() { _ = h.spool.Close() })
	h.options.Files = h.spool
	h.tickets, err = ticket.New(h.options)
	must(t, err)
	mux := http.NewServeMux()
	h.auth.Register(mux)
	h.tickets.Register(mux)
	h.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.running.Add(1)
		defer h.running.Done()
		mux.ServeHTTP(w, r)
	})
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	h.Start()
	t.Cleanup(h.Close)
	h.serve(delivering("application/pdf", content))
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *harness) serve(f ticket.Fetch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fetch = f
}

var content = bytes.Repeat([]byte("the quarterly report\n"), 10_000)

// delivering is a tool that has these bytes.
func delivering(contentType string, content []byte) ticket.Fetch {
	return func(_ context.Context, _ identity.Principal, _ string, _ json.RawMessage, begin func(string, int64) (io.Writer, error)) error {
		w, err := begin(contentType, int64(len(content)))
		if err != nil {
			return err
		}
		_, err = io.Copy(w, iotestChunks{bytes.NewReader(content)})
		return err
	}
}

// iotestChunks hides WriterTo, so that bytes come in pieces.
type iotestChunks struct{ io.Reader }

// connect signs an assistant in and returns its token and principal.
func (h *harness) connect(t *testing.T, upn string) (string, identity.Principal) {
	t.Helper()
	tokens, err := headless.New(h.Client().Transport).SignIn(t.Context(), h.URL, upn)
	must(t, err)
	p, err := h.auth.Verify(t.Context(), tokens.Access)
	must(t, err)
	return tokens.Access, p
}

var report = ticket.Item{
	Kind: ticket.Download, Tool: "file_bytes", Args: json.RawMessage(`{"id":"secret-item"}`), Name: "Bericht <März>.pdf", ContentType: "application/pdf", Size: int64(len(content)),
}

func (h *harness) issue(t *testing.T, p identity.Principal, item ticket.Item) string {
	t.Helper()
	link, err := h.tickets.Issue(t.Context(), p, item)
	must(t, err)
	return link.URL
}

// browser is a person's.
type browser struct {
	*headless.Browser
	h *harness
}

func (h *harness) browser() browser { return browser{headless.New(h.Client().Transport), h} }

func (b browser) get(t *testing.T, to string, header ...string) headless.Answer {
	t.Helper()
	a, err := b.Fetch(t.Context(), http.MethodGet, to, "", header...)
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

// form reads the hidden fields of a page.
func form(t *testing.T, page headless.Answer) url.Values {
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

// signIn presses the link's button, signs in as upn and returns the page that follows.
func (b browser) signIn(t *testing.T, link, upn string) headless.Answer {
	t.Helper()
	return b.follow(t, b.post(t, b.h.URL+"/signin", form(t, b.get(t, link))), b.h.URL, upn)
}

// follow goes where a sign-in leads, until a page of this server comes.
func (b browser) follow(t *testing.T, a headless.Answer, at, upn string) headless.Answer {
	t.Helper()
	where, err := url.Parse(at)
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
			fields := form(t, a)
			fields.Set("user", upn)
			a = b.post(t, where.String(), fields)
		default:
			return a
		}
	}
	t.Fatal("the sign-in goes in circles")
	return a
}

// bearer is a program's request.
func (h *harness) bearer(t *testing.T, access, path, contentType, body string, header ...string) headless.Answer {
	t.Helper()
	a, err := h.browser().Fetch(t.Context(), http.MethodPost, h.URL+path, body,
		append([]string{"Authorization", "Bearer " + access, "Content-Type", contentType}, header...)...)
	must(t, err)
	return a
}

func (h *harness) redeem(t *testing.T, access, link string) headless.Answer {
	t.Helper()
	return h.bearer(t, access, "/download", "application/x-www-form-urlencoded", url.Values{"ticket": {link}}.Encode())
}

// wantFile: the bytes, as something to save and nothing to run.
func wantFile(t *testing.T, a headless.Answer) {
	t.Helper()
	if a.Status != http.StatusOK || a.Body != string(content) {
		t.Fatalf("%d, %d bytes: %.300s", a.Status, len(a.Body), a.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/pdf", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox",
		"Content-Disposition": `attachment; filename="Bericht <M_rz>.pdf"; filename*=UTF-8''Bericht%20%3CM%C3%A4rz%3E.pdf`,
		"Cache-Control":       "no-store", "Referrer-Policy": "no-referrer",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// wantPage: a page with the status and the texts, protected as pages are.
func wantPage(t *testing.T, a headless.Answer, status int, texts ...string) {
	t.Helper()
	if a.Status != status {
		t.Errorf("status %d, want %d: %.2000s", a.Status, status, a.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !strings.HasPrefix(a.Header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy %q", a.Header.Get("Content-Security-Policy"))
	}
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			t.Errorf("the page does not say %q: %s", text, a.Body)
		}
	}
}

// wantError: a program's answer.
func wantError(t *testing.T, a headless.Answer, status int, code string) {
	t.Helper()
	var body struct {
		Code string `json:"error"`
		Text string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil || a.Status != status || body.Code != code || body.Text == "" {
		t.Errorf("%d %s, want %d %s", a.Status, a.Body, status, code)
	}
}

func wantEvents(t *testing.T, h *harness, want ...string) {
	t.Helper()
	if got := h.audit.types(); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

var errDown = errors.New("disk full")
