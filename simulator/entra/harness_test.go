package entra_test

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/entra"
)

const (
	tenantID = "5f3b6c0e-4c1d-4c57-9a56-2b8f3f1c9a10"
	clientID = "0d9c1f4e-1f57-4f6c-8f0b-7a4f5f9e2c31"
	secret   = "s~cr+t/ of the app"
	callback = "http://app.example/callback"
	ada      = "ada@tideline.example"
	grace    = "grace@tideline.example"
	adaID    = "11111111-2222-4333-8444-555555555501"
	graceID  = "11111111-2222-4333-8444-555555555502"
)

func tenant() *dataset.Tenant {
	return &dataset.Tenant{
		ID: tenantID, Name: "Tideline Instruments", Domain: "tideline.example",
		People: []dataset.Person{
			{ID: adaID, UPN: ada, Mail: "ada.l@tideline.example", DisplayName: "Ada Lind", GivenName: "Ada", Surname: "Lind", JobTitle: "Chief engineer"},
			{ID: graceID, UPN: grace, DisplayName: "Grace Ho", GivenName: "Grace", Surname: "Ho", JobTitle: "Sales & <partners>"},
		},
	}
}

// clock is the injected time of server and verifier.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// sim is a running identity platform and one browser in front of it.
type sim struct {
	*entra.Server

	t     *testing.T
	clock *clock
	base  string
	http  *http.Client // follows no redirect, keeps cookies
	oauth *oauth2.Config
}

func start(t *testing.T, change ...func(*entra.Options)) *sim {
	t.Helper()
	clk := &clock{now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	srv := httptest.NewUnstartedServer(nil)
	base := "http://" + srv.Listener.Addr().String()
	options := entra.Options{
		Tenant: tenant(), BaseURL: base, Now: clk.Now,
		Clients: []entra.Client{{ID: clientID, Name: "m365-mcp", Secret: secret, RedirectURIs: []string{callback, "http://localhost/native"}}},
	}
	for _, f := range change {
		f(&options)
	}
	server, err := entra.New(options)
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = server
	srv.Start()
	t.Cleanup(srv.Close)
	s := &sim{Server: server, t: t, clock: clk, base: base, oauth: &oauth2.Config{
		ClientID: clientID, ClientSecret: secret, RedirectURL: callback,
		Scopes: []string{"openid", "profile", "email", "offline_access", "User.Read", "Mail.Read"},
		Endpoint: oauth2.Endpoint{
			AuthURL:  base + "/" + tenantID + "/oauth2/v2.0/authorize",
			TokenURL: base + "/" + tenantID + "/oauth2/v2.0/token", AuthStyle: oauth2.AuthStyleInParams,
		},
	}}
	s.newBrowser()
	return s
}

// newBrowser forgets every cookie.
func (s *sim) newBrowser() {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.http = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// page is an answer, read.
type page struct {
	status int
	header http.Header
	body   string
}

func (s *sim) do(req *http.Request) page {
	s.t.Helper()
	res, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		s.t.Fatal(err)
	}
	return page{status: res.StatusCode, header: res.Header, body: string(body)}
}

func (s *sim) get(target string) page {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, target, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(req)
}

func (s *sim) post(target string, form url.Values, header ...string) page {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return s.do(req)
}

// location returns the query of the redirect to the app.
func (s *sim) location(p page) url.Values {
	s.t.Helper()
	target, found := strings.CutPrefix(p.header.Get("Location"), callback+"?")
	if p.status != http.StatusFound || !found {
		s.t.Fatalf("not a redirect to the app: %d %q\n%s", p.status, p.header.Get("Location"), p.body)
	}
	q, err := url.ParseQuery(target)
	if err != nil {
		s.t.Fatal(err)
	}
	return q
}

var (
	actionPattern      = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
	transactionPattern = regexp.MustCompile(`name="transaction" value="([^"]+)"`)
)

// formOf reads the one form of the sign-in page.
func (s *sim) formOf(p page) (action, transaction string) {
	s.t.Helper()
	a, tx := actionPattern.FindStringSubmatch(p.body), transactionPattern.FindStringSubmatch(p.body)
	if p.status != http.StatusOK || a == nil || tx == nil {
		s.t.Fatalf("not a page with a form: %d\n%s", p.status, p.body)
	}
	return html.UnescapeString(a[1]), html.UnescapeString(tx[1])
}

// choose submits the sign-in page.
func (s *sim) choose(p page, name, value string) page {
	s.t.Helper()
	action, tx := s.formOf(p)
	return s.post(action, url.Values{"transaction": {tx}, name: {value}})
}

// code signs the person in on the page and returns the authorization code.
func (s *sim) code(upn string, options ...oauth2.AuthCodeOption) string {
	s.t.Helper()
	options = append(options, oauth2.SetAuthURLParam("prompt", "select_account"))
	q := s.location(s.choose(s.get(s.oauth.AuthCodeURL("st", options...)), "user", upn))
	if q.Get("code") == "" {
		s.t.Fatalf("no code: %v", q)
	}
	return q.Get("code")
}

// tokens runs the whole flow with PKCE.
func (s *sim) tokens(upn string) *oauth2.Token {
	s.t.Helper()
	verifier := oauth2.GenerateVerifier()
	tok, err := s.oauth.Exchange(s.t.Context(), s.code(upn, oauth2.S256ChallengeOption(verifier)), oauth2.VerifierOption(verifier))
	if err != nil {
		s.t.Fatal(err)
	}
	return tok
}

// answer is what the token endpoint says, either way.
type answer struct {
	Status       int    `json:"-"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
	Codes        []int  `json:"error_codes"`
	Suberror     string `json:"suberror"`
	TraceID      string `json:"trace_id"`
	Correlation  string `json:"correlation_id"`
	Timestamp    string `json:"timestamp"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Scope        string `json:"scope"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	Ext          int    `json:"ext_expires_in"`
}

func (s *sim) answer(p page) answer {
	s.t.Helper()
	out := answer{Status: p.status}
	if err := json.Unmarshal([]byte(p.body), &out); err != nil {
		s.t.Fatalf("%v: %d %s", err, p.status, p.body)
	}
	return out
}

// token posts to the token endpoint, authenticated unless the form says otherwise.
func (s *sim) token(form url.Values, header ...string) answer {
	s.t.Helper()
	if !form.Has("client_id") {
		form.Set("client_id", clientID)
		form.Set("client_secret", secret)
	}
	return s.answer(s.post(s.oauth.Endpoint.TokenURL, form, header...))
}

func (s *sim) refresh(refreshToken, scope string) answer {
	s.t.Helper()
	return s.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}, "scope": {scope}})
}

// verifier is go-oidc's view of the tenant, through discovery.
func (s *sim) verifier() *oidc.IDTokenVerifier {
	s.t.Helper()
	provider, err := oidc.NewProvider(s.oidcContext(), s.base+"/"+tenantID+"/v2.0")
	if err != nil {
		s.t.Fatal(err)
	}
	return provider.VerifierContext(s.oidcContext(), &oidc.Config{ClientID: clientID, Now: s.clock.Now})
}

func (s *sim) oidcContext() context.Context {
	return oidc.ClientContext(s.t.Context(), s.http)
}
