package authserver

import (
	"slices"
	"time"

	"m365mcp/identity"
	"m365mcp/internal/assertion"
)

// Digest is the SHA-256 of a value that a client or a browser holds.
type Digest [32]byte

// Authentication methods of clients at the token endpoint (RFC 7591 section 2).
const (
	authNone  = "none"
	authBasic = "client_secret_basic"
	authPost  = "client_secret_post"
	authKey   = "private_key_jwt" // RFC 7523 section 2.2, OpenID Connect Core section 9
)

// ClientSource says who describes a client, and so what of it is verified.
type ClientSource string

// The sources of clients.
const (
	ClientRegistered ClientSource = "registered" // itself, by RFC 7591: nothing is verified
	ClientDocument   ClientSource = "document"   // a metadata document: the host in its id is verified
	ClientConfigured ClientSource = "configured" // the administrator
)

// Client is an app that people may connect.
type Client struct {
	ID           string
	Source       ClientSource
	Name         string
	RedirectURIs []string
	AuthMethod   string
	Secret       Digest          // zero for a public client, and one that has a key
	Keys         *assertion.Keys // of one that proves itself by a key; not stored: they change
	CreatedAt    time.Time       // of a client that is described elsewhere: when that was last looked at
	LastUsedAt   time.Time       // zero until a person authorizes it
}

func (c Client) public() bool { return c.AuthMethod == authNone }

// Request is what a client asks for at the authorization endpoint, checked.
type Request struct {
	ClientID    string   `json:"c"`
	RedirectURI string   `json:"r"`
	State       string   `json:"s,omitempty"` // the client's, passed through
	Scopes      []string `json:"o"`
	Resource    string   `json:"a"`
	Challenge   string   `json:"p"` // PKCE, S256
}

// SignIn is a request that the person has approved, on its way through Microsoft.
type SignIn struct {
	Request
	Ticket        string // the id of the consent page that was approved
	UpstreamState Digest
	Browser       Digest // of the cookie that was set at the approval
	Epoch         int64  // the kill epoch at the approval; the store sets it
	ExpiresAt     time.Time

	// Expected is who has to come back from Microsoft; zero where whoever does is
	// the one who approved.
	Expected   UserRef
	Remembered bool   // no page was shown: an earlier consent of Expected's covers it
	Silent     bool   // no page may be shown (prompt=none)
	Claims     string // that Microsoft is asked for, as JSON
	Client     Digest // of the client's metadata at the approval
	// GrantID is a grant to be widened by Scopes; no client waits for the answer then.
	GrantID string
	// Perimeter is who was proven to be at the browser.
	Perimeter identity.Perimeter
}

// forPage: no client waits for the answer, but a page of this server. Where it
// leads back to is with the browser alone: that address may be a secret.
func (s SignIn) forPage() bool { return s.ClientID == "" && s.GrantID == "" }

// expectsAnother reports whether the person is not the one who has to come back.
func (s SignIn) expectsAnother(who UserRef) bool { return s.Expected != UserRef{} && s.Expected != who }

// ClientLimits bounds what strangers may register.
type ClientLimits struct {
	Clients int // of all
	Unused  int // of those that nobody ever authorized
	// EvictBefore is until when an unused client must have been registered to make
	// room for a new one. One with a pending sign-in never does.
	EvictBefore time.Time
}

// Grant is one person's consent to one client, and the family of its tokens; or what
// a service got for itself, or a client for a person by an identity provider's word.
type Grant struct {
	ID         string
	TenantID   string
	UserID     string
	UPN        string
	Mail       string
	Name       string
	ClientID   string
	Scopes     []string
	Resource   string
	Epoch      int64 // the kill epoch when the person agreed: older than a kill, covered by it
	Generation int64 // counts the refreshes; 0 until the code is redeemed
	CreatedAt  time.Time
	LastUsedAt time.Time // last issue of tokens
	ExpiresAt  time.Time // of the youngest refresh token, or of the code in generation 0
	// EndsAt is set when Microsoft gave no refresh token: then the grant cannot
	// outlive its access token.
	EndsAt    time.Time
	RevokedAt time.Time
	// Perimeter is who the proxy in front had proven at the sign-in.
	Perimeter identity.Perimeter
	// Killed says that a kill covers the grant, or that the one it rests on has ended;
	// the store finds out when it reads.
	Killed bool

	Service string // who calls where it is no person: then nobody is named above
	RestsOn string // the grant whose sign-in at Microsoft it uses; empty: its own
}

// Alive reports whether tokens of the grant may still be used.
func (g Grant) Alive() bool { return g.RevokedAt.IsZero() && !g.Killed }

func (g Grant) refreshable() bool { return g.EndsAt.IsZero() }

// ofPerson reports whether a person is named: a service's grant must never pass for one.
func (g Grant) ofPerson() bool { return g.Service == "" && g.TenantID != "" && g.UserID != "" }

func (g Grant) user() UserRef { return UserRef{g.TenantID, g.UserID} }

func (g Grant) principal(checked time.Time) identity.Principal {
	return identity.Principal{
		TenantID: g.TenantID, UserID: g.UserID, UPN: g.UPN, Mail: g.Mail, Name: g.Name,
		ClientID: g.ClientID, GrantID: g.ID, Scopes: slices.Clone(g.Scopes), CheckedAt: checked,
		Service: g.Service, RestsOn: g.RestsOn,
	}
}

// Consent is what a person has allowed a client on the consent page, with answers
// that go to one redirect URI.
type Consent struct {
	User        UserRef
	UPN         string // to name the person to Microsoft
	ClientID    string
	RedirectURI string // a loopback one without its port
	Scopes      []string
	Client      Digest // of the client's metadata at the time
	Epoch       int64  // the kill epoch at the approval
	AgreedAt    time.Time
}

// Demand is what Microsoft wants of a person's next sign-in with a client.
type Demand struct {
	User     UserRef
	ClientID string
	Claims   string // JSON
	At       time.Time
}

// Link leads to a page on which a grant's person may add scopes to it.
type Link struct {
	Digest    Digest
	GrantID   string
	Scopes    []string
	ExpiresAt time.Time
}

// Code is an authorization code, bound to what it was issued for.
type Code struct {
	Digest      Digest
	GrantID     string
	ClientID    string // of the grant; not stored twice
	RedirectURI string
	Challenge   string
	ExpiresAt   time.Time
	UsedAt      time.Time
}

// TokenKind tells access tokens from refresh tokens.
type TokenKind string

// The kinds of tokens.
const (
	AccessToken  TokenKind = "access"
	RefreshToken TokenKind = "refresh"
)

// Token is a stored token with its grant.
type Token struct {
	Kind       TokenKind
	Generation int64
	Scopes     []string  // the grant's, or fewer
	IssuedAt   time.Time // zero: not known
	ExpiresAt  time.Time
	Grant      Grant
}

// Pair is the access and refresh token of one generation, to be stored.
type Pair struct {
	Generation     int64
	Scopes         []string // of the access token
	Access         Digest
	AccessExpires  time.Time
	Refresh        Digest // not stored when RefreshExpires is zero
	RefreshExpires time.Time
}

// Rotated is the outcome of a refresh.
type Rotated struct {
	Replay        bool // the pair had been stored before
	Access        Digest
	AccessExpires time.Time
	Scopes        []string
}

// Selector names the grants to end. Exactly one of its fields is set.
type Selector struct {
	GrantID  string
	User     UserRef
	ClientID string
	All      bool
}

// UserRef is the key of a person.
type UserRef struct{ TenantID, UserID string }

// KillScope is the kind of grants that a kill epoch covers.
type KillScope string

// The scopes of kill epochs.
const (
	KillAll    KillScope = "all"
	KillUser   KillScope = "user"
	KillClient KillScope = "client"
)

// Kill returns the scope and key under which the selector's kill epoch is kept;
// a single grant has none.
func (s Selector) Kill() (scope KillScope, key string, ok bool) {
	switch s {
	case Selector{All: true}:
		return KillAll, "", true
	case Selector{User: s.User}:
		return KillUser, s.User.key(), s.User.TenantID != "" && s.User.UserID != ""
	case Selector{ClientID: s.ClientID}:
		return KillClient, s.ClientID, s.ClientID != ""
	default:
		return "", "", false
	}
}

func (u UserRef) key() string {
	return identity.Principal{TenantID: u.TenantID, UserID: u.UserID}.UserKey()
}
