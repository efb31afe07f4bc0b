package authserver_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/authserver"
	"m365mcp/entra"
	"m365mcp/internal/seal"
)

// rows counts a table, in the file that the server writes.
func (h *harness) rows(t *testing.T, table string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(h.path)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestConsentReplay: one page is one sign-in, however often it is submitted, and
// also when that sign-in is over.
func TestConsentReplay(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b := h.browser(t)
	page := h.authorize(t, b, h.request(h.publicClient(t)))
	approve := url.Values{"csrf_token": {csrf(t, page)}, "decision": {"approve"}}
	answers := make([]answer, 20)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = b.post(t, h.URL+"/consent", approve) })
	}
	wg.Wait()
	states := map[string]bool{}
	for _, got := range answers {
		equal(t, "status", got.StatusCode, http.StatusSeeOther)
		states[parse(t, got.Header.Get("Location")).Query().Get("state")] = true
	}
	if len(states) != 1 {
		t.Fatalf("one page began %d sign-ins", len(states))
	}
	equal(t, "rows", h.rows(t, "oauth_signins"), 1)
	for state := range states {
		q := url.Values{"state": {state}, "code": {"ms-code"}}
		if back(t, h.callback(t, b, q)).Get("code") == "" {
			t.Error("the replays have spoilt the sign-in")
		}
		b.post(t, h.URL+"/consent", approve)
		if again := h.callback(t, b, q); again.StatusCode < 400 {
			t.Errorf("the same sign-in came back twice: %d", again.StatusCode)
		}
	}
	equal(t, "rows", h.rows(t, "oauth_signins"), 1)
	h.decide(t, b, h.authorize(t, b, h.request(h.publicClient(t))), "approve") // a new page is a new question
}

// TestManySignIns: people who never come back from Microsoft are bounded, and the
// others are told for how long.
func TestManySignIns(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *authserver.Options) { o.MaxSignIns = 3 })
	clientID := h.publicClient(t)
	b := h.browser(t)
	page := func() url.Values {
		return url.Values{"csrf_token": {csrf(t, h.authorize(t, b, h.request(clientID)))}, "decision": {"approve"}}
	}
	for i := range 3 {
		equal(t, fmt.Sprint(i), b.post(t, h.URL+"/consent", page()).StatusCode, http.StatusSeeOther)
	}
	h.clock.advance(time.Minute)
	waiting := page()
	full := b.post(t, h.URL+"/consent", waiting)
	equal(t, "full", full.StatusCode, http.StatusServiceUnavailable)
	equal(t, "Retry-After", full.Header.Get("Retry-After"), "60")
	equal(t, "cookies", len(full.Cookies()), 0)
	if !strings.Contains(full.body, "Too many sign-ins are under way") || strings.Contains(full.body, "seconds") {
		t.Error(full.body)
	}
	h.clock.advance(9 * time.Minute)
	equal(t, "the same page, later", b.post(t, h.URL+"/consent", waiting).StatusCode, http.StatusSeeOther)
	equal(t, "rows", h.rows(t, "oauth_signins"), 1)
}

// TestNobodyLeavesNoEvidence: the audit is for ever, so what anybody may do
// without a sign-in is not written there; what was approved is, with the person.
func TestNobodyLeavesNoEvidence(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b := h.browser(t)
	clientID := h.publicClient(t)
	request := h.request(clientID)
	request.Set("scope", "Mail.Read Mail.Send")
	begin := func() string {
		return h.decide(t, b, h.authorize(t, b, request), "approve").Query().Get("state")
	}
	h.decide(t, b, h.authorize(t, b, request), "deny")
	for _, answer := range []url.Values{{"error": {"access_denied"}}, {"code": {"forged"}}, {}} {
		answer.Set("state", begin())
		h.callback(t, b, answer)
	}
	if got := h.audit.types(); len(got) > 0 {
		t.Errorf("nobody wrote %v", got)
	}

	h.microsoft.tokens = func(tokens func(entra.SignIn) entra.Tokens) func(entra.SignIn) entra.Tokens {
		return func(s entra.SignIn) entra.Tokens {
			got := tokens(s)
			got.Scopes = []string{"Mail.Read"}
			return got
		}
	}(h.microsoft.tokens)
	h.callback(t, b, url.Values{"state": {begin()}, "code": {"ms-code"}})
	granted := h.audit.last(t, "oauth.grant_created")
	equal(t, "person", granted.Principal.UserKey(), "tenant/ann")
	equal(t, "client", granted.Principal.ClientID, clientID)
	equal(t, "approved", granted.Attributes["approved"], "Mail.Read Mail.Send")
	equal(t, "granted", granted.Attributes["scopes"], "Mail.Read")
	equal(t, "where to", granted.Attributes["redirect_host"], "assistant.example")
}

// TestRegistrationFlood: clients that nobody uses make room for new ones, but not
// those that a person may be signing in to right now.
func TestRegistrationFlood(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *authserver.Options) { o.MaxClients = 1000 })
	register := func(i int) answer {
		return h.register(t, fmt.Sprintf(`{"redirect_uris":["https://a%d.example/"],"token_endpoint_auth_method":"none"}`, i))
	}
	used, access, _ := h.connect(t)
	first, oldest := h.publicClient(t), register(0).text(t, "client_id")
	b := h.browser(t)
	state := h.decide(t, b, h.authorize(t, b, h.request(first)), "approve").Query().Get("state")
	h.clock.advance(time.Second)
	for i := range 98 { // a tenth of all may be unused
		equal(t, "registered", register(i).StatusCode, http.StatusCreated)
	}
	full := register(0)
	equal(t, "full", full.StatusCode, http.StatusServiceUnavailable)
	equal(t, "Retry-After", full.Header.Get("Retry-After"), "300")
	if text := full.text(t, "error_description"); !strings.Contains(text, "5 minutes") || strings.Contains(text, "seconds") {
		t.Error(text)
	}

	h.clock.advance(5 * time.Minute)
	equal(t, "after five minutes", register(0).StatusCode, http.StatusCreated)
	equal(t, "the oldest of the unused", h.authorizeStatus(t, oldest, "https://a0.example/"), http.StatusBadRequest)
	if back(t, h.callback(t, b, url.Values{"state": {state}, "code": {"ms-code"}})).Get("code") == "" {
		t.Error("the flood has ended a sign-in that was under way")
	}
	equal(t, "mcp", h.mcp(t, access), http.StatusOK)
	equal(t, "a used client", h.authorizeStatus(t, used, redirectURI), http.StatusOK)
}

func (h *harness) authorizeStatus(t *testing.T, clientID, redirect string) int {
	t.Helper()
	request := h.request(clientID)
	request.Set("redirect_uri", redirect)
	return h.authorize(t, h.browser(t), request).StatusCode
}

// TestRegistrationSize bounds what a stranger has stored.
func TestRegistrationSize(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	uris := func(n, size int) string {
		var list []string
		for i := range n {
			uri := fmt.Sprintf("https://a%d.example/", i)
			list = append(list, `"`+uri+strings.Repeat("x", size-len(uri))+`"`)
		}
		return `{"redirect_uris":[` + strings.Join(list, ",") + `]}`
	}
	equal(t, "8 KiB", h.register(t, uris(4, 2048)).StatusCode, http.StatusCreated)
	equal(t, "more", h.register(t, uris(5, 1700)).text(t, "error"), "invalid_redirect_uri")
}

// TestOnlyOpenIDScopes: a client that asks who the person is gets no mail.
func TestOnlyOpenIDScopes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for asked, want := range map[string]string{
		"openid profile":           "User.Read",
		"offline_access":           "User.Read",
		"openid email Mail.Read":   "Mail.Read",
		"":                         "Mail.Read Mail.Send User.Read",
		" ":                        "Mail.Read Mail.Send User.Read",
		"openid Directory.ReadAll": "",
	} {
		clientID := h.publicClient(t)
		request := h.request(clientID)
		request.Set("scope", asked)
		if want == "" {
			equal(t, asked, back(t, h.authorize(t, h.browser(t), request)).Get("error"), "invalid_scope")
			continue
		}
		equal(t, asked, h.token(t, codeForm(clientID, h.code(t, request))).text(t, "scope"), want)
	}
	h.boot(t, func(o *authserver.Options) { o.Scopes = []string{"Mail.Read"} })
	request := h.request(h.publicClient(t))
	request.Set("scope", "openid profile")
	equal(t, "without User.Read", back(t, h.authorize(t, h.browser(t), request)).Get("error"), "invalid_scope")
}

// TestCodeOfAnotherClient: a client cannot end what a person gave to another.
func TestCodeOfAnotherClient(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID, other := h.publicClient(t), h.publicClient(t)
	code := h.code(t, h.request(clientID))
	foreign := func(when string, events int) {
		t.Helper()
		equal(t, when, h.token(t, codeForm(other, code)).text(t, "error"), "invalid_grant")
		equal(t, when, h.audit.count("oauth.code_foreign_client"), events)
		equal(t, when, h.audit.last(t, "oauth.code_foreign_client").Attributes["presented_by"], other)
	}
	foreign("before its use", 1)
	access := h.token(t, codeForm(clientID, code)).text(t, "access_token")
	foreign("after its use", 2)
	elsewhere := codeForm(clientID, code)
	elsewhere.Set("redirect_uri", redirectURI+"/")
	equal(t, "another redirect", h.token(t, elsewhere).text(t, "error"), "invalid_grant")
	equal(t, "mcp", h.mcp(t, access), http.StatusOK)
	equal(t, "reuse", h.audit.count("oauth.code_reuse"), 0)
	equal(t, "in the vault", len(h.vault.grants()), 1)

	equal(t, "its own client", h.token(t, codeForm(clientID, code)).text(t, "error"), "invalid_grant")
	equal(t, "mcp after reuse", h.mcp(t, access), http.StatusUnauthorized)
	equal(t, "reuse", h.audit.count("oauth.code_reuse"), 1)
}

// slowVault is the real vault; something happens right before it stores.
type slowVault struct {
	*entra.Vault
	before func(grantID string)
}

func (v slowVault) Put(ctx context.Context, grantID string, tokens entra.Tokens) error {
	v.before(grantID)
	return v.Vault.Put(ctx, grantID, tokens)
}

// TestKillDuringSignIn: "revoke everything" leaves no refresh token behind, also
// of a sign-in that is between its grant and its tokens.
func TestKillDuringSignIn(t *testing.T) {
	t.Parallel()
	keys, err := seal.ParseKeyring(seal.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t)
	var grant string
	var kill bool
	h.boot(t, func(o *authserver.Options) {
		o.Vault = slowVault{entra.NewVault(h.db.Vault(), keys, nil, o.Now, slog.New(slog.DiscardHandler), entra.Options{}), func(id string) {
			grant = id
			if !kill {
				return
			}
			if err := h.auth.Revoke(t.Context(), authserver.Selector{All: true}, "test"); err != nil {
				t.Error(err)
			}
		}}
	})
	clientID := h.publicClient(t)
	h.code(t, h.request(clientID))
	if _, err := h.db.Vault().Row(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	kill = true
	b := h.browser(t)
	state := h.decide(t, b, h.authorize(t, b, h.request(clientID)), "approve").Query().Get("state")
	got := back(t, h.callback(t, b, url.Values{"state": {state}, "code": {"ms-code"}}))
	equal(t, "code", got.Get("code"), "")
	if _, err := h.db.Vault().Row(t.Context(), grant); !errors.Is(err, entra.ErrNoTokens) {
		t.Errorf("Microsoft's tokens outlive the revocation: %v", err)
	}
	equal(t, "rows", h.rows(t, "vault"), 0)
}

// TestKillBeforeGrant: what was agreed to before a kill becomes no grant after it.
func TestKillBeforeGrant(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	b := h.browser(t)
	state := h.decide(t, b, h.authorize(t, b, h.request(h.publicClient(t))), "approve").Query().Get("state")
	if err := h.auth.Revoke(t.Context(), authserver.Selector{All: true}, "test"); err != nil {
		t.Fatal(err)
	}
	got := back(t, h.callback(t, b, url.Values{"state": {state}, "code": {"ms-code"}}))
	equal(t, "error", got.Get("error"), "access_denied")
	equal(t, "grants", h.rows(t, "oauth_grants"), 0)
	equal(t, "in the vault", len(h.vault.grants()), 0)
}
