// Package entra is the sign-in half of the simulated tenant: the Microsoft
// identity platform (Entra v2) as an http.Handler.
//
// One sign-in runs through these files:
//
//	authorize.go   the request is validated; errors the app may learn go to its
//	               redirect URI, the others to Entra's own error page
//	signin.go      a session, Options.SignInAs or the sign-in page names the person
//	respond.go     the code goes back by query, fragment or form_post
//	clientauth.go  the token endpoint authenticates the client: by its secret,
//	               its certificate (assertion.go) or another issuer (federation.go)
//	grant.go       the code, later the refresh token, is redeemed
//	mint.go        access token (opaque to apps), id_token, next refresh token
//
// Codes, refresh tokens, sessions and the sign-in page's transaction are sealed
// values that the server reads back, so memory grows with neither sign-ins nor
// refreshes; only what must happen once is remembered, until it expires.
//
// The behaviour follows Microsoft's protocol reference and the error texts that
// Entra is known to answer, not what the client of this project happens to send.
package entra

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"m365mcp/simulator/dataset"
)

// Lifetimes as Microsoft documents them.
const (
	defaultAccessTokenLifetime = 65 * time.Minute // Entra picks 60 to 90 minutes
	idTokenLifetime            = time.Hour
	codeLifetime               = 10 * time.Minute
	refreshLifetime            = 90 * 24 * time.Hour // of inactivity: each use yields a fresh one
	sessionLifetime            = 24 * time.Hour
	signInLifetime             = time.Hour // how long an open sign-in page can be submitted
)

// Faults wraps the whole service, to make it slow or broken on purpose.
type Faults interface {
	Middleware(next http.Handler) http.Handler
}

// Options configures a Server. Tenant, BaseURL and one client are required.
type Options struct {
	Tenant  *dataset.Tenant   // the home of the clients
	Others  []*dataset.Tenant // further tenants of the same cloud; one may be that of personal accounts
	BaseURL string            // scheme and host; the authority is BaseURL/{tenant id}
	Graph   string            // the resource of Graph in this cloud; empty: the global one's
	Clients []Client
	// SignInAs is the UPN of the person whom everyone is: it replaces the
	// sign-in page, and nothing but the page.
	SignInAs            string
	AccessTokenLifetime time.Duration
	Now                 func() time.Time
	Logger              *slog.Logger
	Faults              Faults
	HTTP                *http.Client // to read the keys of federated issuers; nil: there are none
}

// Client is one app registration. Without any credential it is a public client,
// which must not authenticate.
type Client struct {
	ID           string
	Name         string
	Secret       string
	Certificates []*x509.Certificate // for private_key_jwt, found by x5t#S256
	Federated    []FederatedCredential
	RedirectURIs []string
	// Scopes are the delegated Graph permissions that people can grant to the
	// app. Empty: every one that needs no administrator's consent. Otherwise
	// exactly these, those an administrator has to consent to included.
	Scopes []string
	// MultiTenant lets people of every tenant sign in to the app, and the aliases be used.
	MultiTenant bool
}

// Stats counts what happened since the start.
type Stats struct {
	Authorizations int // codes issued
	CodeExchanges  int // codes redeemed
	Refreshes      int // refresh tokens redeemed
	Failures       int // errors answered by any endpoint
}

// Server is the identity platform of one cloud. It is safe for concurrent use.
type Server struct {
	tenant   *dataset.Tenant
	tenants  []*dataset.Tenant          // all
	people   []*dataset.Person          // of all of them
	home     map[string]*dataset.Tenant // by object id
	baseURL  string
	graph    string
	clients  map[string]*Client         // by lower-case id
	byID     map[string]*dataset.Person // by object id
	byUPN    map[string]*dataset.Person // by lower-case UPN
	signInAs *dataset.Person
	now      func() time.Time
	log      *slog.Logger
	handler  http.Handler
	http     *http.Client
	sealer   *sealer
	keys     *keyring
	pages    *pages

	mu          sync.Mutex
	lifetime    time.Duration
	stats       Stats
	consents    map[consentKey]map[string]bool
	revocations map[string]revocation // by object id
	redeemed    onceSet               // code ids
	assertions  onceSet               // client assertion ids
	evicted     map[string]revocation // by object id
	contexts    map[string]string     // required ones, by object id
}

type consentKey struct{ client, user string }

// revocation moves a person's TokensValidFrom. The count decides, the time is
// for the message: two events of one instant still have an order.
type revocation struct {
	count int
	at    time.Time
}

// New builds the identity platform and its first signing key.
func New(o Options) (*Server, error) {
	if o.Tenant == nil || o.Tenant.ID == "" {
		return nil, errors.New("entra: Options.Tenant is required")
	}
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("entra: Options.BaseURL %q is not an absolute http(s) URL", o.BaseURL)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.AccessTokenLifetime <= 0 {
		o.AccessTokenLifetime = defaultAccessTokenLifetime
	}
	s := &Server{
		tenant:      o.Tenant,
		tenants:     append([]*dataset.Tenant{o.Tenant}, o.Others...),
		home:        map[string]*dataset.Tenant{},
		graph:       cmp.Or(o.Graph, defaultGraph),
		baseURL:     strings.TrimRight(o.BaseURL, "/"),
		clients:     map[string]*Client{},
		byID:        map[string]*dataset.Person{},
		byUPN:       map[string]*dataset.Person{},
		now:         o.Now,
		log:         o.Logger,
		http:        o.HTTP,
		lifetime:    o.AccessTokenLifetime,
		consents:    map[consentKey]map[string]bool{},
		revocations: map[string]revocation{},
		redeemed:    onceSet{},
		assertions:  onceSet{},
		evicted:     map[string]revocation{},
		contexts:    map[string]string{},
	}
	if err := s.register(o); err != nil {
		return nil, err
	}
	if s.sealer, err = newSealer(); err != nil {
		return nil, err
	}
	if s.keys, err = newKeyring(); err != nil {
		return nil, err
	}
	if s.pages, err = newPages(o.Tenant); err != nil {
		return nil, err
	}
	s.handler = s.routes()
	if o.Faults != nil {
		s.handler = o.Faults.Middleware(s.handler)
	}
	return s, nil
}

func (s *Server) register(o Options) error {
	for _, t := range s.tenants {
		for i := range t.People {
			p := &t.People[i]
			s.people, s.home[p.ID], s.byID[p.ID], s.byUPN[strings.ToLower(p.UPN)] = append(s.people, p), t, p, p
		}
	}
	if o.SignInAs != "" {
		if s.signInAs = s.byUPN[strings.ToLower(o.SignInAs)]; s.signInAs == nil {
			return fmt.Errorf("entra: Options.SignInAs %q is nobody in tenant %s or another", o.SignInAs, o.Tenant.Domain)
		}
	}
	if len(o.Clients) == 0 {
		return errors.New("entra: Options.Clients is empty: nobody could sign in")
	}
	for _, c := range o.Clients {
		if c.ID == "" || len(c.RedirectURIs) == 0 {
			return fmt.Errorf("entra: client %q needs an id and a redirect URI", c.ID)
		}
		if len(c.Federated) > 0 && o.HTTP == nil {
			return fmt.Errorf("entra: client %q: Options.HTTP is needed to read the keys of its federated issuers", c.ID)
		}
		if c.Name == "" {
			c.Name = c.ID
		}
		registered := make([]string, 0, len(c.Scopes))
		for _, name := range c.Scopes {
			known, ok := lookupScope(name)
			if !ok {
				return fmt.Errorf("entra: client %q: Graph has no delegated scope %q", c.ID, name)
			}
			registered = append(registered, known.name)
		}
		c.Scopes = registered
		s.clients[strings.ToLower(c.ID)] = &c
	}
	return nil
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.handleConfiguration)
	mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", s.handleKeys)
	mux.HandleFunc("GET /{tenant}/oauth2/v2.0/authorize", s.handleAuthorize)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/authorize", s.handleAuthorize)
	mux.HandleFunc("POST /{tenant}/login", s.handleSignIn)
	mux.HandleFunc("/{tenant}/oauth2/v2.0/token", s.handleToken)
	mux.HandleFunc("/{tenant}/oauth2/v2.0/logout", s.handleLogout)
	return mux
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Stats returns the counters so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

func (s *Server) count(add func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.stats)
}

// SetAccessTokenLifetime applies to access tokens issued from now on.
func (s *Server) SetAccessTokenLifetime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lifetime = d
}

func (s *Server) accessTokenLifetime() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lifetime
}

// RotateKey makes a new signing key the current one. Older keys stay published,
// so that tokens they signed still verify.
func (s *Server) RotateKey() error { return s.keys.rotate() }

// RevokeUser ends what the person's sign-ins so far led to: sessions, unredeemed
// codes and refresh tokens. Access tokens live on until they expire.
func (s *Server) RevokeUser(oid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revocations[oid] = revocation{count: s.revocations[oid].count + 1, at: s.now().UTC()}
}

func (s *Server) revocation(oid string) revocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.revocations[oid]
}
