package authserver_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"m365mcp/authserver"
	"m365mcp/entra"
	"m365mcp/identity"
	"m365mcp/internal/secret"
	"m365mcp/internal/testenv"
)

// door says who the proxy in front proves to be there; the guard's own tests have the rest.
type door struct {
	mu  sync.Mutex
	who identity.Perimeter
}

func (d *door) is(who identity.Perimeter) { d.mu.Lock(); defer d.mu.Unlock(); d.who = who }

func newDoor(t *testing.T, rules authserver.Perimeter, change ...func(*authserver.Options)) (*harness, *door) {
	t.Helper()
	h := newPages(t, append(change, func(o *authserver.Options) { o.Perimeter = &rules })...)
	d := &door{who: annAtTheDoor}
	inner := h.Config.Handler
	h.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		who := d.who
		d.mu.Unlock()
		inner.ServeHTTP(w, r.WithContext(identity.WithPerimeter(r.Context(), who)))
	})
	return h, d
}

var (
	annAtTheDoor = identity.Perimeter{Mode: "cloudflare-access", Issuer: "https://team.example", Subject: "1", Email: "Ann@contoso.example", Country: "PT", Groups: []string{"staff"}}
	bobAtTheDoor = identity.Perimeter{Mode: "cloudflare-access", Issuer: "https://team.example", Subject: "2", Email: "bob@contoso.example"}
	machine      = identity.Perimeter{Mode: "cloudflare-access", Issuer: "https://team.example", Subject: "4a9b.access", Service: true}
)

// Invariant 2: a grant is of the person whom the proxy had proven, and so are its tokens.
func TestTokensAreOfWhoIsProven(t *testing.T) {
	t.Parallel()
	h, d := newDoor(t, authserver.Perimeter{})
	clientID, access, refresh := h.connect(t)
	renamed := annAtTheDoor
	renamed.Email, renamed.Country, renamed.Groups = "ann.bell@contoso.example", "DE", nil
	elsewhere, otherMode, human := annAtTheDoor, annAtTheDoor, machine
	elsewhere.Issuer, otherMode.Mode, human.Service = "https://other.example", "mtls", false
	for _, c := range []struct {
		name string
		who  identity.Perimeter
		want int
	}{
		{"the person", annAtTheDoor, http.StatusOK},
		{"the person by a new address", renamed, http.StatusOK},
		{"another person", bobAtTheDoor, http.StatusForbidden},
		{"the subject at another issuer", elsewhere, http.StatusForbidden},
		{"the subject in another mode", otherMode, http.StatusForbidden},
		{"a machine that nobody named", machine, http.StatusForbidden},
		{"a machine that calls itself a person", human, http.StatusForbidden},
		{"nobody", identity.Perimeter{}, http.StatusForbidden},
	} {
		d.is(c.who)
		before := h.audit.count("perimeter.mismatch")
		equal(t, c.name, h.mcp(t, access), c.want)
		equal(t, c.name+": events", h.audit.count("perimeter.mismatch")-before, map[bool]int{true: 1}[c.want == http.StatusForbidden])
	}
	// What is recorded says whose token it was, and who came with it.
	d.is(bobAtTheDoor)
	h.mcp(t, access)
	event := h.audit.last(t, "perimeter.mismatch")
	equal(t, "person of the token", event.Principal.UserID, "ann")
	equal(t, "who came", event.Principal.Perimeter.String(), "bob@contoso.example")
	equal(t, "who was expected", event.Attributes["expected"], "Ann@contoso.example")
	// A refresh token is of no use to others either, and stays good.
	equal(t, "refresh by another", h.token(t, refreshForm(clientID, refresh)).text(t, "error"), "invalid_grant")
	d.is(annAtTheDoor)
	equal(t, "refresh", h.token(t, refreshForm(clientID, refresh)).StatusCode, http.StatusOK)
}

func TestCodeIsOfWhoIsProven(t *testing.T) {
	t.Parallel()
	h, d := newDoor(t, authserver.Perimeter{})
	clientID := h.publicClient(t)
	code := h.code(t, h.request(clientID))
	d.is(bobAtTheDoor)
	equal(t, "by another", h.token(t, codeForm(clientID, code)).text(t, "error"), "invalid_grant")
	d.is(annAtTheDoor)
	equal(t, "by the person", h.token(t, codeForm(clientID, code)).StatusCode, http.StatusOK)
}

// A sign-in ends with the person it began with.
func TestSignInIsOfWhoIsProven(t *testing.T) {
	t.Parallel()
	h, d := newDoor(t, authserver.Perimeter{})
	b := h.browser(t)
	page := h.authorize(t, b, h.request(h.publicClient(t)))
	toMicrosoft := h.decide(t, b, page, "approve")
	q := url.Values{"state": {toMicrosoft.Query().Get("state")}, "code": {"ms-code"}}
	d.is(bobAtTheDoor)
	equal(t, "callback as another person", h.callback(t, b, q).StatusCode, http.StatusForbidden)

	// Pages are for people.
	for _, who := range []identity.Perimeter{machine, {}} {
		d.is(who)
		equal(t, "authorize", h.authorize(t, h.browser(t), h.request("x")).StatusCode, http.StatusForbidden)
		for _, path := range []string{"/callback", "/access/x"} {
			equal(t, path, h.browser(t).get(t, h.URL+path).StatusCode, http.StatusForbidden)
		}
		for _, path := range []string{"/consent", "/signin", "/signout", "/access"} {
			got := h.browser(t).post(t, h.URL+path, nil)
			equal(t, path, got.StatusCode, http.StatusForbidden)
			if !strings.Contains(got.body, "This page is for people") {
				t.Errorf("%s: %s", path, got.body)
			}
		}
	}
}

func TestPageSessionIsOfWhoIsProven(t *testing.T) {
	t.Parallel()
	h, d := newDoor(t, authserver.Perimeter{})
	b := h.browser(t)
	h.signInPage(t, b)
	equal(t, "the person", h.signedIn(t, b), true)
	d.is(bobAtTheDoor)
	equal(t, "another with the cookie", h.signedIn(t, b), false)
	h.callback(t, b, microsoftAnswer(h.beginPage(t, b))) // comes back as Ann from Microsoft
	equal(t, "another with the person's account", h.signedIn(t, b), false)
	d.is(annAtTheDoor)
	equal(t, "the person again", h.signedIn(t, b), true)
}

func TestMicrosoftAccountIsOfWhoIsProven(t *testing.T) {
	t.Parallel()
	const upn = "ann@contoso.example"
	people := map[string]string{"a.bell@corp.example": upn}
	for _, c := range []struct {
		name  string
		at    string // the address at the proxy
		rules authserver.Perimeter
		to    entra.Account
		ok    bool
	}{
		{"user principal name", "ANN@contoso.example", authserver.Perimeter{}, entra.Account{UPN: upn}, true},
		{"mail", "ann.b@contoso.example", authserver.Perimeter{Mail: true}, entra.Account{UPN: upn, Mail: "Ann.B@contoso.example"}, true},
		{"mail, where it does not count", "ann.b@contoso.example", authserver.Perimeter{}, entra.Account{UPN: upn, Mail: "ann.b@contoso.example"}, false},
		{"no mail", "ann.b@contoso.example", authserver.Perimeter{Mail: true}, entra.Account{UPN: upn}, false},
		{"mapped", "A.Bell@corp.example", authserver.Perimeter{People: people}, entra.Account{UPN: upn}, true},
		{"mapped, and somebody else", "a.bell@corp.example", authserver.Perimeter{People: people}, entra.Account{UPN: "a.bell@corp.example"}, false},
		{"guest", "ann_b@partner.example", authserver.Perimeter{}, entra.Account{UPN: "ann_b_partner.example#EXT#@contoso.example"}, true},
		{"another guest", "b@partner.example", authserver.Perimeter{}, entra.Account{UPN: "ann_b_partner.example#EXT#@contoso.example"}, false},
		{"a guest's name that is none", "ann@contoso.example", authserver.Perimeter{}, entra.Account{UPN: "#EXT#@contoso.example"}, false},
		{"another person", "bob@contoso.example", authserver.Perimeter{Mail: true}, entra.Account{UPN: upn, Mail: upn}, false},
		{"no address", "", authserver.Perimeter{Mail: true}, entra.Account{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, d := newDoor(t, c.rules)
			d.is(identity.Perimeter{Mode: "oidc-proxy", Issuer: "i", Subject: "1", Email: c.at})
			c.to.TenantID, c.to.ObjectID = "tenant", "ann"
			h.microsoft.account = c.to
			b := h.browser(t)
			toMicrosoft := h.decide(t, b, h.authorize(t, b, h.request(h.publicClient(t))), "approve")
			q := back(t, h.callback(t, b, url.Values{"state": {toMicrosoft.Query().Get("state")}, "code": {"ms-code"}}))
			equal(t, "code", q.Get("code") != "", c.ok)
			if c.ok {
				return
			}
			equal(t, "error", q.Get("error"), "access_denied")
			if text := q.Get("error_description"); !strings.Contains(text, "perimeter.people") {
				t.Error(text)
			}
			equal(t, "event", h.audit.last(t, "perimeter.mismatch").Attributes["at"], "sign-in")
			equal(t, "tokens kept", len(h.vault.held), 0)
		})
	}
}

// A hosted assistant has no cookie of the person's: its machine is named.
func TestMachinesThatCarryTokens(t *testing.T) {
	t.Parallel()
	host := parse(t, redirectURI).Host
	for _, c := range []struct {
		name    string
		allowed []string
		want    int
	}{
		{"by the host of the redirect", []string{"other.example", host}, http.StatusOK},
		{"of other clients", []string{"other.example"}, http.StatusForbidden},
		{"none", nil, http.StatusForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, d := newDoor(t, authserver.Perimeter{Machines: map[string][]string{machine.Subject: c.allowed}})
			clientID, access, refresh := h.connect(t)
			d.is(machine)
			equal(t, "call", h.mcp(t, access), c.want)
			wantRefresh := map[int]int{http.StatusOK: http.StatusOK, http.StatusForbidden: http.StatusBadRequest}[c.want]
			equal(t, "refresh", h.token(t, refreshForm(clientID, refresh)).StatusCode, wantRefresh)
		})
	}
	t.Run("by id", func(t *testing.T) {
		t.Parallel()
		rules := authserver.Perimeter{Machines: map[string][]string{}}
		h, d := newDoor(t, rules)
		clientID, access, _ := h.connect(t)
		rules.Machines[machine.Subject] = []string{clientID}
		d.is(machine)
		equal(t, "call", h.mcp(t, access), http.StatusOK)
	})
	t.Run("a redirect to this machine beside it", func(t *testing.T) {
		t.Parallel()
		h, d := newDoor(t, authserver.Perimeter{Machines: map[string][]string{machine.Subject: {host}}})
		clientID := h.register(t, `{"client_name":"x","redirect_uris":["`+redirectURI+`","http://127.0.0.1/cb"],"token_endpoint_auth_method":"none"}`).text(t, "client_id")
		access := h.token(t, codeForm(clientID, h.code(t, h.request(clientID)))).text(t, "access_token")
		d.is(machine)
		equal(t, "call", h.mcp(t, access), http.StatusForbidden)
	})
}

// A grant from before the perimeter was declared asks for a new sign-in.
func TestGrantFromBeforeThePerimeter(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	clientID, access, refresh := h.connect(t)
	h.boot(t, func(o *authserver.Options) { o.Perimeter = &authserver.Perimeter{} })
	inner := h.Config.Handler
	h.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r.WithContext(identity.WithPerimeter(r.Context(), annAtTheDoor)))
	})
	equal(t, "call", h.mcp(t, access), http.StatusUnauthorized)
	equal(t, "refresh", h.token(t, refreshForm(clientID, refresh)).text(t, "error"), "invalid_grant")
}

// What comes without a code is of whom was proven, too.
func TestIssuedTokensAreOfWhoIsProven(t *testing.T) {
	t.Parallel()
	provider := newProvider(t)
	h, d := newDoor(t, authserver.Perimeter{}, provider.option, services(t, testenv.NewSigner(t, "a")))
	h.connect(t)
	asserted := h.asserted(t, h.word(t, provider, nil)).text(t, "access_token")
	equal(t, "of a person", h.mcp(t, asserted), http.StatusOK)
	d.is(bobAtTheDoor)
	equal(t, "of a person, by another", h.mcp(t, asserted), http.StatusForbidden)
	equal(t, "asserted through another's door", h.asserted(t, h.word(t, provider, nil)).text(t, "error"), "invalid_grant")

	d.is(machine)
	service := h.serviceToken(t)
	equal(t, "of a service", h.mcp(t, service), http.StatusOK)
	another := machine
	another.Subject = "5b.access"
	for _, who := range []identity.Perimeter{another, annAtTheDoor, {}} {
		d.is(who)
		equal(t, "of a service, by "+who.String(), h.mcp(t, service), http.StatusForbidden)
	}
}

// A machine that the configuration lists works for nobody, by each request's proof alone.
func TestProvenServices(t *testing.T) {
	t.Parallel()
	other, elsewhere, unnamed, human := machine, machine, machine, machine
	other.Subject, elsewhere.Issuer, unnamed.Subject, human.Service = "5b.access", "https://other.example", "", false
	h := newHarness(t, func(o *authserver.Options) {
		o.Perimeter = &authserver.Perimeter{
			Services: map[string][]string{machine.Subject: {"authenticate"}},
			Machines: map[string][]string{other.Subject: {"assistant.example"}},
		}
	})
	var got identity.Principal
	door := h.auth.RequireBearer(func(_ http.ResponseWriter, _ *http.Request, p identity.Principal) { got = p })
	knock := func(who identity.Perimeter, path string, authorization ...string) *httptest.ResponseRecorder {
		got = identity.Principal{}
		r := httptest.NewRequestWithContext(identity.WithPerimeter(t.Context(), who), http.MethodPost, h.URL+path, nil)
		r.Header["Authorization"] = authorization
		if len(authorization) == 0 {
			delete(r.Header, "Authorization")
		}
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		return w
	}
	equal(t, "the service", knock(machine, "/mcp").Code, http.StatusOK)
	now := h.clock.now()
	if diff := cmp.Diff(identity.Principal{
		Service: machine.Subject, Tools: []string{"authenticate"}, Scopes: []string{"service"}, Perimeter: machine, CheckedAt: now, Expires: now,
	}, got, cmpopts.EquateComparable(secret.String{})); diff != "" {
		t.Error(diff)
	}
	equal(t, "a person", got.IsPerson(), false)
	equal(t, "recheck without a grant", errors.Is(h.auth.Recheck(t.Context(), got), authserver.ErrRevoked), true)
	if _, err := h.auth.Principal(t.Context(), got.GrantID); !errors.Is(err, authserver.ErrRevoked) {
		t.Errorf("its grant: %v", err)
	}
	if _, _, err := h.auth.AccessLink(t.Context(), got, []string{"Chat.Read"}); err == nil {
		t.Error("it gets a link for more permissions")
	}
	equal(t, "a proof of another issuer of the perimeter", knock(elsewhere, "/mcp").Code, http.StatusOK) // the guard says who may prove

	for _, c := range []struct {
		name          string
		who           identity.Perimeter
		path          string
		authorization []string
	}{
		{"a machine that is not listed", other, "/mcp", nil},
		{"a machine without a name", unnamed, "/mcp", nil},
		{"a person of that name", human, "/mcp", nil},
		{"a person", annAtTheDoor, "/mcp", nil},
		{"nobody", identity.Perimeter{}, "/mcp", nil},
		{"a stream", machine, "/sse", nil},
		{"another path", machine, "/upload", nil},
		{"with an unknown token", machine, "/mcp", []string{"Bearer guess"}},
		{"with an empty token", machine, "/mcp", []string{"Bearer "}},
		{"with another scheme", machine, "/mcp", []string{"Basic YTpi"}},
		{"with an empty header", machine, "/mcp", []string{""}},
	} {
		w := knock(c.who, c.path, c.authorization...)
		equal(t, c.name, w.Code, http.StatusUnauthorized)
		equal(t, c.name+": a challenge", strings.Contains(w.Header().Get("WWW-Authenticate"), "resource_metadata="), true)
		equal(t, c.name+": let in as", got.UserKey(), identity.Principal{}.UserKey())
	}
	none := newHarness(t)
	door = none.auth.RequireBearer(func(http.ResponseWriter, *http.Request, identity.Principal) {})
	equal(t, "where no perimeter is declared", knock(machine, "/mcp").Code, http.StatusUnauthorized)
}

// A listed service is as much of a stranger to people's tokens as any other machine.
func TestProvenServiceWithAPersonsToken(t *testing.T) {
	t.Parallel()
	h, d := newDoor(t, authserver.Perimeter{Services: map[string][]string{machine.Subject: {"authenticate"}}})
	clientID, access, refresh := h.connect(t)
	d.is(machine)
	equal(t, "call", h.mcp(t, access), http.StatusForbidden)
	equal(t, "refresh", h.token(t, refreshForm(clientID, refresh)).text(t, "error"), "invalid_grant")
	equal(t, "a page", h.authorize(t, h.browser(t), h.request(clientID)).StatusCode, http.StatusForbidden)
}
