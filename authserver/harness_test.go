package authserver_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/audit"
	"m365mcp/authserver"
	"m365mcp/entra"
	"m365mcp/identity"
	"m365mcp/internal/secret"
	"m365mcp/store/sqlite"
)

const (
	redirectURI = "https://assistant.example/callback"
	verifier    = "a-verifier-of-forty-three-characters-or-more.~_"
)

func challenge(v string) string {
	sum := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// harness is the server over real HTTP and SQLite, with a Microsoft of its own.
type harness struct {
	*httptest.Server
	auth      *authserver.Server
	microsoft *microsoft
	vault     *vault
	audit     *auditor
	clock     *clock
	store     *failingStore
	db        *sqlite.DB
	path      string
	made      int // assertions
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

// microsoft is the identity platform: it remembers what each sign-in was begun
// with and redeems a code only for exactly that.
type microsoft struct {
	mu      sync.Mutex
	begun   map[string]entra.SignIn
	account entra.Account
	tokens  func(entra.SignIn) entra.Tokens
	err     error
}

func (m *microsoft) AuthorizeURL(_ context.Context, s entra.SignIn) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun[s.State] = s
	return "https://login.example/authorize?" + url.Values{"state": {s.State}, "nonce": {s.Nonce}}.Encode(), nil
}

func (m *microsoft) Exchange(_ context.Context, code string, s entra.SignIn) (entra.Account, entra.Tokens, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return entra.Account{}, entra.Tokens{}, m.err
	}
	b, ok := m.begun[s.State]
	if !ok || code != "ms-code" || b.Nonce != s.Nonce || b.Verifier != s.Verifier || !slices.Equal(b.Scopes, s.Scopes) || b.Claims != s.Claims || b.IdentityOnly != s.IdentityOnly {
		return entra.Account{}, entra.Tokens{}, errors.New("not what the sign-in was begun with")
	}
	return m.account, m.tokens(s), nil
}

type vault struct {
	mu   sync.Mutex
	held map[string]entra.Tokens
	err  error
}

func (v *vault) Put(_ context.Context, id string, t entra.Tokens) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil {
		v.held[id] = t
	}
	return v.err
}

func (v *vault) Delete(_ context.Context, id string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.held, id)
	return nil
}

// access returns Microsoft's access token of a grant.
func (v *vault) access(id string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.held[id].Access.Reveal()
}

func (v *vault) grants() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.held))
}

type auditor struct {
	mu     sync.Mutex
	events []audit.Event
	err    error
}

func (a *auditor) Event(_ context.Context, e audit.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.events = append(a.events, e)
	}
	return a.err
}

func (a *auditor) fail(err error) { a.mu.Lock(); defer a.mu.Unlock(); a.err = err }

// types lists the types of all events, in their order.
func (a *auditor) types() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var types []string
	for _, e := range a.events {
		types = append(types, e.Type)
	}
	return types
}

// last returns the youngest event of the type.
func (a *auditor) last(t *testing.T, event string) audit.Event {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range slices.Backward(a.events) {
		if e.Type == event {
			return e
		}
	}
	t.Fatalf("no event %s", event)
	return audit.Event{}
}

// all returns the events of the type.
func (a *auditor) all(event string) []audit.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.events), func(e audit.Event) bool { return e.Type != event })
}

// count returns how often an event of the type was recorded.
func (a *auditor) count(event string) int { return len(a.all(event)) }

// failingStore is a store that can be made unreachable.
type failingStore struct {
	authserver.Store
	down bool
}

func (f *failingStore) Client(ctx context.Context, id string) (authserver.Client, error) {
	if f.down {
		return authserver.Client{}, errors.New("connection refused")
	}
	return f.Store.Client(ctx, id)
}

func (f *failingStore) Token(ctx context.Context, d authserver.Digest) (authserver.Token, error) {
	if f.down {
		return authserver.Token{}, errors.New("connection refused")
	}
	return f.Store.Token(ctx, d)
}

func (f *failingStore) Grant(ctx context.Context, id string) (authserver.Grant, error) {
	if f.down {
		return authserver.Grant{}, errors.New("connection refused")
	}
	return f.Store.Grant(ctx, id)
}

func newHarness(t testing.TB, change ...func(*authserver.Options)) *harness {
	t.Helper()
	h := &harness{
		microsoft: &microsoft{
			begun:   map[string]entra.SignIn{},
			account: entra.Account{TenantID: "tenant", ObjectID: "ann", UPN: "ann@contoso.example", Mail: "ann.b@contoso.example", Name: "Ann Bell"},
		},
		vault: &vault{held: map[string]entra.Tokens{}},
		audit: &auditor{},
		clock: &clock{t: time.Date(2026, 8, 3, 9, 0, 0, 0, time.UTC)},
		path:  filepath.Join(t.TempDir(), "data", "test.db"),
	}
	h.microsoft.tokens = func(s entra.SignIn) entra.Tokens {
		return entra.Tokens{Access: secret.New("ms-access"), Refresh: secret.New("ms-refresh"), Expires: h.clock.now().Add(time.Hour), Scopes: s.Scopes}
	}
	h.Server = httptest.NewUnstartedServer(nil)
	h.boot(t, change...)
	h.Start()
	t.Cleanup(h.Close)
	return h
}

// boot opens the database and puts a new server behind the same address, as a
// restart of the program does.
func (h *harness) boot(t testing.TB, change ...func(*authserver.Options)) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), h.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	h.db, h.store = db, &failingStore{Store: db.OAuth()}
	o := authserver.Options{
		PublicURL:  "http://" + h.Listener.Addr().String(),
		Scopes:     []string{"User.Read", "Mail.Send", "Mail.Read"},
		MoreScopes: []string{"Mail.ReadWrite", "Chat.Read", "Tasks.Read"},
		Presets:    map[string][]string{"preset:mail": {"Mail.Read", "Mail.Send"}},
		ScopeText: []authserver.ScopeText{
			{Name: "Mail.Send", Group: "Mail", Effect: authserver.Speaks, Text: "Send mail as you"},
			{Name: "Mail.Read", Group: "Mail", Text: "Read your mail"},
			{Name: "Mail.ReadWrite", Group: "Mail", Effect: authserver.Changes, Text: "Change your mail"},
			{Name: "Chat.Read", Group: "Teams", Text: "Read your chats"},
			{Name: "User.Read", Group: "You", Text: "Read your profile"},
		},
		Store: h.store, Upstream: h.microsoft, Vault: h.vault, Audit: h.audit,
		Keys: func(purpose string) []byte { sum := sha256.Sum256([]byte("test " + purpose)); return sum[:] },
		Now:  h.clock.now, Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&o)
	}
	if h.auth, err = authserver.New(o); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	h.auth.Register(mux)
	door := h.auth.RequireBearer(func(w http.ResponseWriter, _ *http.Request, p identity.Principal) {
		_, _ = io.WriteString(w, p.UserKey())
	})
	mux.Handle("/mcp", door)
	mux.Handle("/sse", door)
	h.Config.Handler = mux
}

// answer is a response, read to its end.
type answer struct {
	*http.Response
	body string
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%d, not JSON: %s", a.StatusCode, a.body)
	}
	return m
}

func (a answer) text(t *testing.T, key string) string {
	t.Helper()
	s, ok := a.json(t)[key].(string)
	if !ok {
		t.Fatalf("%d, no %s: %s", a.StatusCode, key, a.body)
	}
	return s
}

// browser follows no redirect and keeps cookies.
type browser struct{ client *http.Client }

func (h *harness) browser(t *testing.T) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return browser{&http.Client{Jar: jar, Transport: h.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

func (b browser) do(t *testing.T, method, to, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, to, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, string(got)}
}

func (b browser) get(t *testing.T, to string) answer {
	t.Helper()
	return b.do(t, http.MethodGet, to, "")
}

func (b browser) post(t *testing.T, to string, form url.Values, header ...string) answer {
	t.Helper()
	return b.do(t, http.MethodPost, to, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
}

// register registers a client and returns its answer.
func (h *harness) register(t *testing.T, body string) answer {
	t.Helper()
	return h.browser(t).do(t, http.MethodPost, h.URL+"/register", body, "Content-Type", "application/json")
}

func (h *harness) publicClient(t *testing.T) string {
	t.Helper()
	return h.register(t, `{"client_name":"Assistant","redirect_uris":["`+redirectURI+`"],"token_endpoint_auth_method":"none"}`).text(t, "client_id")
}

// request is a good authorization request.
func (h *harness) request(clientID string) url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirectURI}, "state": {"client state"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}, "resource": {h.URL + "/mcp"},
	}
}

func (h *harness) authorize(t *testing.T, b browser, request url.Values) answer {
	t.Helper()
	return b.get(t, h.URL+"/authorize?"+request.Encode())
}

var csrfField = regexp.MustCompile(`name="csrf_token" value="([^"]+)"`)

func csrf(t *testing.T, page answer) string {
	t.Helper()
	m := csrfField.FindStringSubmatch(page.body)
	if m == nil {
		t.Fatalf("%d %s, no form: %s", page.StatusCode, page.Header.Get("Location"), page.body)
	}
	return html.UnescapeString(m[1])
}

// decide submits the consent page and returns where the browser goes next.
func (h *harness) decide(t *testing.T, b browser, page answer, decision string) *url.URL {
	t.Helper()
	got := b.post(t, h.URL+"/consent", url.Values{"csrf_token": {csrf(t, page)}, "decision": {decision}})
	if got.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d: %s", got.StatusCode, got.body)
	}
	return parse(t, got.Header.Get("Location"))
}

func parse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// code brings a request through the consent page and Microsoft.
func (h *harness) code(t *testing.T, request url.Values) string {
	t.Helper()
	b := h.browser(t)
	toMicrosoft := h.decide(t, b, h.authorize(t, b, request), "approve")
	return back(t, h.callback(t, b, url.Values{"state": {toMicrosoft.Query().Get("state")}, "code": {"ms-code"}})).Get("code")
}

func (h *harness) callback(t *testing.T, b browser, q url.Values) answer {
	t.Helper()
	return b.get(t, h.URL+"/callback?"+q.Encode())
}

// back returns the parameters of a redirect to the client.
func back(t *testing.T, a answer) url.Values {
	t.Helper()
	if a.StatusCode != http.StatusFound || !strings.HasPrefix(a.Header.Get("Location"), redirectURI+"?") {
		t.Fatalf("%d to %q: %s", a.StatusCode, a.Header.Get("Location"), a.body)
	}
	return parse(t, a.Header.Get("Location")).Query()
}

func (h *harness) token(t *testing.T, form url.Values, header ...string) answer {
	t.Helper()
	return h.browser(t).post(t, h.URL+"/token", form, header...)
}

func codeForm(clientID, code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {clientID}, "code": {code},
		"redirect_uri": {redirectURI}, "code_verifier": {verifier},
	}
}

func refreshForm(clientID, refresh string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {refresh}}
}

// connect goes all the way and returns the client and its tokens.
func (h *harness) connect(t *testing.T) (clientID, access, refresh string) {
	t.Helper()
	clientID = h.publicClient(t)
	got := h.token(t, codeForm(clientID, h.code(t, h.request(clientID))))
	return clientID, got.text(t, "access_token"), got.text(t, "refresh_token")
}

// mcp calls the protected resource.
func (h *harness) mcp(t *testing.T, access string) int {
	t.Helper()
	return h.browser(t).do(t, http.MethodPost, h.URL+"/mcp", "", "Authorization", "Bearer "+access).StatusCode
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
