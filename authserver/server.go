// Package authserver is the OAuth 2.1 authorization server in front of /mcp, and
// the resource server's bearer check. It knows people only through Microsoft:
//
//	POST /register   a client describes itself (RFC 7591); others are described by
//	                 the document at their id, or by the configuration
//	GET  /authorize  client, redirect, PKCE, resource and scopes are checked
//	                 -> consent page: who asks, for what, and where the answer goes
//	                 (left out where this browser's person has allowed it all before)
//	POST /consent    the person's yes, once for each page, then on to Microsoft
//	                 with a state that only this browser can bring back
//	GET  /callback   Microsoft's answer -> grant, sealed Microsoft tokens, code
//	POST /token      the code, later a refresh token, for this server's own tokens
//	                 or a service's own word, or an identity provider's for a person
//	POST /revoke     the client gives a grant back (RFC 7009)
//	POST /introspect a linked service asks what a token is good for (RFC 7662)
//	POST /signin     a person, with no client, for a page of this server; the same
//	                 way over Microsoft and /callback, and a session in a cookie
//	RequireBearer    every request to /mcp: one indexed read, or it is refused
//	StepUp           a call that lacks scopes: the client asks its person for more
//	GET  /access/    the same by a link, for clients that cannot
//
// A grant is one person's consent to one client and the family of all tokens that
// descend from it. Clients never see Microsoft's tokens, and none of the values
// that a client or a browser holds is stored in clear: the store has SHA-256
// digests, and what Microsoft must be sent later is derived again from the state.
//
// Everybody on the network may do all of this until Microsoft has proven a person.
// So what is kept before that is bounded and ends by itself, and none of it is in
// the audit, which keeps everything.
package authserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"m365mcp/audit"
	"m365mcp/entra"
	"m365mcp/internal/redirecturi"
)

// Upstream is the identity provider that people sign in at.
type Upstream interface {
	// AuthorizeURL is where the browser is sent; it carries all of the sign-in's values.
	AuthorizeURL(ctx context.Context, signIn entra.SignIn) (string, error)
	// Exchange redeems Microsoft's code. It must verify the id_token against the
	// sign-in's nonce, and return no account unless all of it is proven.
	Exchange(ctx context.Context, code string, signIn entra.SignIn) (entra.Account, entra.Tokens, error)
}

// Vault keeps Microsoft's tokens, sealed, one set for each grant.
type Vault interface {
	// Put stores or replaces the tokens of a grant; they are durable when it returns.
	Put(ctx context.Context, grantID string, tokens entra.Tokens) error
	// Delete forgets them. Deleting what is not there is no error.
	Delete(ctx context.Context, grantID string) error
}

// Auditor records evidence. An event that cannot be recorded is an error, and
// what it would have recorded is then refused.
type Auditor interface {
	Event(ctx context.Context, event audit.Event) error
}

// Options is all that a [Server] needs.
type Options struct {
	// PublicURL is the origin that clients and browsers see, e.g.
	// https://mcp.example.com. It is the issuer; the resource is PublicURL + "/mcp".
	PublicURL string
	// Scopes are the Graph scopes that a client gets at sign-in when it asks for none.
	Scopes []string
	// MoreScopes are the others that a client may ask for, at once or later (step-up).
	MoreScopes []string
	// Presets are names for sets of scopes; a client may ask for them by those.
	Presets map[string][]string
	// ScopeText says each scope in words, in the order of the pages.
	ScopeText []ScopeText

	Store    Store
	Upstream Upstream
	Vault    Vault
	Audit    Auditor
	// Keys derives an independent 32-byte key for each purpose. It must give the
	// same keys after a restart and on every replica.
	Keys      func(purpose string) []byte
	Now       func() time.Time
	Logger    *slog.Logger
	Lifetimes Lifetimes
	// Pages are the paths, with a slash at both ends, of other pages that people sign
	// in to by [Server.SignInForm].
	Pages []string
	// Connections is the path of the page on which people see what they have connected,
	// and take it back; consent pages name it. Empty: there is none.
	Connections string
	// NoRegistration turns dynamic client registration off: known clients go on.
	NoRegistration bool
	// Registrations bounds how many clients one network address may register in an
	// hour; zero means 300.
	Registrations int
	// Documents fetches client metadata documents; nil: there are none. It must reach
	// public addresses only, follow no redirect and end every request soon.
	Documents *http.Client
	// DocumentAllowed says which of their addresses are welcome.
	DocumentAllowed func(*url.URL) bool
	// Clients are those of the administrator.
	Clients []ConfiguredClient
	// IdentityProviders are those whose word for a person counts (ID-JAG).
	IdentityProviders []IdentityProvider
	// RedirectAllow lists where answers to all other clients may go, as
	// [redirecturi.ParseRules] reads it; empty: to every legal place.
	RedirectAllow []string
	// TrustedProxies are the peers whose forwarding headers are believed.
	TrustedProxies []netip.Prefix
	// Perimeter is set where a proxy in front proves who comes.
	Perimeter *Perimeter
	// MaxClients bounds the registered clients; zero means 10,000. A tenth of them,
	// and a hundred at least, may be clients that nobody ever authorized.
	MaxClients int
	// MaxSignIns bounds the approved sign-ins within [Lifetimes.SignIn]; zero means 10,000.
	MaxSignIns int
}

// Lifetimes bounds everything this server hands out. Zero values mean the defaults.
type Lifetimes struct {
	SignIn  time.Duration // from the consent page, and again from the consent, to Microsoft's answer; 10 minutes
	Code    time.Duration // authorization code; 1 minute, 10 at most
	Access  time.Duration // access token; 1 hour, which is also the most
	Refresh time.Duration // refresh token, sliding; 30 days
	Unused  time.Duration // a client that nobody ever authorized; 7 days
	Idle    time.Duration // a client whose grants have all ended; 90 days after the last use
	Consent time.Duration // a consent that is remembered, after which the page comes again; 90 days
}

const (
	maxCode     = 10 * time.Minute
	maxAccess   = time.Hour
	defaultMax  = 10_000
	minUnused   = 100              // clients that nobody ever authorized, whatever the limit
	unusedWait  = 5 * time.Minute  // how long they are safe from eviction: a person may be reading the consent page
	signInWait  = time.Minute      // when to try again after [ErrTooManySignIns]
	refreshWait = 10 * time.Minute // how long the previous refresh token is answered for a client that lost the answer
)

func (l Lifetimes) withDefaults() (Lifetimes, error) {
	for _, d := range []struct {
		value     *time.Duration
		byDefault time.Duration
		most      time.Duration
		name      string
	}{
		{&l.SignIn, 10 * time.Minute, time.Hour, "sign-in"},
		{&l.Code, time.Minute, maxCode, "code"},
		{&l.Access, time.Hour, maxAccess, "access token"},
		{&l.Refresh, 30 * 24 * time.Hour, 90 * 24 * time.Hour, "refresh token"},
		{&l.Unused, 7 * 24 * time.Hour, 0, "unused client"},
		{&l.Idle, 90 * 24 * time.Hour, 0, "idle client"},
		{&l.Consent, 90 * 24 * time.Hour, 0, "consent"},
	} {
		if *d.value == 0 {
			*d.value = d.byDefault
		}
		if *d.value < time.Second || (d.most > 0 && *d.value > d.most) {
			return l, fmt.Errorf("lifetime of %s: %v is out of range", d.name, *d.value)
		}
	}
	return l, nil
}

// Server is the authorization server. Its methods are safe for concurrent use.
type Server struct {
	issuer     string              // PublicURL
	resource   string              // the one audience of this server's tokens
	scopes     []string            // of a sign-in that asks for none
	most       []string            // that people may be asked for
	presets    map[string][]string // names for some of most
	scopeText  []ScopeText
	store      Store
	upstream   Upstream
	vault      Vault
	audit      Auditor
	now        func() time.Time
	log        *slog.Logger
	lifetimes  Lifetimes
	maxClients int
	maxSignIns int
	closed     bool // no registration
	signInTo   []string
	connected  string // the path of the page of connections, or empty

	configured map[string]configured       // by id
	providers  map[string]IdentityProvider // by issuer
	documents  *documents                  // nil: none
	redirects  redirecturi.Rules
	proxies    []netip.Prefix
	limits     limits
	perimeter  *Perimeter // nil: nobody proves who comes

	cookies cookies
	keys    keys
	pages   *pages
}

// New checks the options and returns a server that holds no resources of its own.
func New(o Options) (*Server, error) {
	public, err := publicURL(o.PublicURL)
	if err != nil {
		return nil, err
	}
	if o.Store == nil || o.Upstream == nil || o.Vault == nil || o.Audit == nil || o.Keys == nil || o.Now == nil || o.Logger == nil {
		return nil, errors.New("authserver: an option is missing")
	}
	if len(o.Scopes) == 0 {
		return nil, errors.New("authserver: no scopes: no tool is enabled")
	}
	for _, path := range o.Pages {
		if !strings.HasSuffix(path, "/") || !plainPath(strings.TrimSuffix(path, "/")) {
			return nil, fmt.Errorf("authserver: page %q is no path with a slash at both ends", path)
		}
	}
	if o.Connections != "" && (!plainPath(o.Connections) || o.Connections == "/") {
		return nil, fmt.Errorf("authserver: page %q is no path", o.Connections)
	}
	lifetimes, err := o.Lifetimes.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("authserver: %w", err)
	}
	keys, err := deriveKeys(o.Keys)
	if err != nil {
		return nil, err
	}
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
	clients, err := configuredClients(o.Clients)
	if err != nil {
		return nil, fmt.Errorf("authserver: %w", err)
	}
	providers, err := identityProviders(o.IdentityProviders)
	if err != nil {
		return nil, fmt.Errorf("authserver: %w", err)
	}
	redirects, err := redirecturi.ParseRules(o.RedirectAllow)
	if err != nil {
		return nil, fmt.Errorf("authserver: redirect allow-list: %w", err)
	}
	var documents *documents
	if o.Documents != nil {
		if o.DocumentAllowed == nil {
			return nil, errors.New("authserver: an option is missing")
		}
		documents = newDocuments(o.Documents, o.DocumentAllowed, o.Now)
	}
	o.MaxClients, o.MaxSignIns = cmp.Or(o.MaxClients, defaultMax), cmp.Or(o.MaxSignIns, defaultMax)
	return &Server{
		issuer:     o.PublicURL,
		perimeter:  o.Perimeter,
		resource:   o.PublicURL + "/mcp",
		scopes:     union(o.Scopes, nil),
		most:       union(o.Scopes, o.MoreScopes),
		presets:    maps.Clone(o.Presets),
		scopeText:  o.ScopeText,
		store:      o.Store,
		upstream:   o.Upstream,
		vault:      o.Vault,
		audit:      o.Audit,
		now:        o.Now,
		log:        o.Logger,
		lifetimes:  lifetimes,
		maxClients: o.MaxClients,
		maxSignIns: o.MaxSignIns,
		closed:     o.NoRegistration,
		signInTo:   append(slices.Clone(o.Pages), accessPage),
		connected:  o.Connections,
		configured: clients,
		providers:  providers,
		documents:  documents,
		redirects:  redirects,
		proxies:    slices.Clone(o.TrustedProxies),
		limits:     newLimits(cmp.Or(o.Registrations, defaultRegistrations)),
		cookies:    cookies{secure: public.Scheme == "https"},
		keys:       keys,
		pages:      pages,
	}, nil
}

// publicURL insists on a bare origin: the issuer is compared as a string by
// clients (RFC 8414 section 3.3), and the cookies hold for the whole origin.
func publicURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Scheme+"://"+u.Host != raw || strings.ContainsAny(raw, " \"\\") {
		return nil, fmt.Errorf("public URL %q: want scheme and host only, e.g. https://mcp.example.com", raw)
	}
	return u, nil
}

// Register adds the server's routes to mux. Bearer-protected routes are the
// caller's: it wraps them in [Server.RequireBearer].
func (s *Server) Register(mux *http.ServeMux) {
	for path, document := range map[string]any{
		"/.well-known/oauth-authorization-server":   s.serverMetadata(),
		"/.well-known/openid-configuration":         s.serverMetadata(),
		"/.well-known/oauth-protected-resource":     s.resourceMetadata(),
		"/.well-known/oauth-protected-resource/mcp": s.resourceMetadata(),
	} {
		mux.Handle(path, s.api(serveDocument(document), http.MethodGet, http.MethodHead))
	}
	if !s.closed {
		mux.Handle("/register", s.api(s.limited(s.limits.registrations, s.register), http.MethodPost))
	}
	mux.Handle("/token", s.api(s.token, http.MethodPost))
	mux.Handle("/revoke", s.api(s.revoke, http.MethodPost))
	if s.some(configured.introspects) {
		mux.Handle("/introspect", s.api(s.limited(s.limits.introspect, s.introspect), http.MethodPost))
	}
	mux.Handle("/authorize", s.page(s.limited(s.limits.authorize, s.authorize), http.MethodGet))
	mux.Handle("/consent", s.page(s.limited(s.limits.consent, s.consent), http.MethodPost))
	mux.Handle("/callback", s.page(s.callback, http.MethodGet))
	mux.Handle("/signin", s.page(s.limited(s.limits.consent, s.signIn), http.MethodPost))
	mux.Handle("/signout", s.page(s.signOut, http.MethodPost))
	mux.Handle(accessPage, s.page(s.limited(s.limits.authorize, s.access), http.MethodGet))
	mux.Handle("/access", s.page(s.limited(s.limits.consent, s.allowAccess), http.MethodPost))
}
