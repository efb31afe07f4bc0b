package authserver

import (
	"context"
	"errors"
	"time"
)

// Errors of the stores. Everything else they return means that the store could
// not be asked, and is never read as "no".
var (
	ErrNotFound       = errors.New("not found")
	ErrTooManyClients = errors.New("too many registered clients")
	ErrTooManySignIns = errors.New("too many pending sign-ins")
	ErrAlreadyUsed    = errors.New("used before")
)

// Store is everything this server remembers. Every implementation passes
// storetest.OAuth. All methods are safe for concurrent use, on several replicas
// too; what redeems something does so in one conditional write, so that exactly
// one of any number of concurrent callers succeeds.
type Store interface {
	ClientStore
	SignInStore
	GrantStore
	TokenStore
	RevocationStore
	MemoryStore
}

// MemoryStore keeps what goes beyond one sign-in.
type MemoryStore interface {
	ConsentStore
	DemandStore
	WideningStore
}

// ClientStore keeps the clients.
type ClientStore interface {
	// InsertClient stores a new registered client. At a limit the unused clients that
	// were registered first make room, as far as the limits let them go; if they do not
	// suffice, nothing changes and it returns [ErrTooManyClients]. A power cut may
	// lose the client until its first grant: then it registers again.
	InsertClient(ctx context.Context, client Client, limits ClientLimits) error
	// PutClient stores or replaces a client that is described elsewhere and in use; the
	// limits do not count it. It is an error where the id is that of another source's
	// client.
	PutClient(ctx context.Context, client Client) error
	// Client returns the client, or [ErrNotFound].
	Client(ctx context.Context, id string) (Client, error)
	// DeleteIdleClients deletes the clients without any grant that were never
	// used and registered before unused, or last used before idle.
	DeleteIdleClients(ctx context.Context, unused, idle time.Time) (int, error)
	// GrantedClients lists the ids of the clients that have a grant that is alive.
	GrantedClients(ctx context.Context) ([]string, error)
}

// SignInStore keeps the approved requests whose person is at Microsoft.
type SignInStore interface {
	// InsertSignIn stores an approved request with the present kill epoch. It may
	// be lost in a power cut. [ErrAlreadyUsed]: there was one of the same ticket
	// that would not have expired by now, taken or not. [ErrTooManySignIns]: there
	// are most of them by now.
	InsertSignIn(ctx context.Context, signIn SignIn, most int, now time.Time) error
	// TakeSignIn returns the request with this state and this browser, once, and
	// unless it has expired by now: [ErrNotFound]. A wrong browser leaves it in
	// place, so that nobody else can burn it.
	TakeSignIn(ctx context.Context, state, browser Digest, now time.Time) (SignIn, error)
}

// GrantStore keeps the consents and the codes that lead to their first tokens.
type GrantStore interface {
	// InsertGrant stores a grant in generation 0, its code, and the client's use,
	// durably. [ErrNotFound]: there is no such client. [ErrRevoked]: a kill younger
	// than the grant's epoch covers it.
	InsertGrant(ctx context.Context, grant Grant, code Code) error
	// Code returns a code, used and expired ones included, or [ErrNotFound].
	Code(ctx context.Context, digest Digest) (Code, error)
	// RedeemCode marks the code as used, moves its grant to generation 1 and
	// stores the pair, durably and at once. [ErrAlreadyUsed]: it was used before,
	// and the grant is now revoked. [ErrNotFound]: no such code, it has expired,
	// or the grant has ended.
	RedeemCode(ctx context.Context, digest Digest, pair Pair, now time.Time) (Grant, error)
	// Grant returns a grant, ended ones included, or [ErrNotFound]. With the
	// kill epoch it is one indexed read.
	Grant(ctx context.Context, id string) (Grant, error)
	// IssueGrant stores a grant that comes without a code, in generation 1 and with the
	// present kill epoch, the access token of the pair, and the client's use, durably.
	// [ErrNotFound]: there is no such client. [ErrRevoked]: the grant that it rests on has ended.
	IssueGrant(ctx context.Context, grant Grant, pair Pair) error
	// SignIns returns the live grants of a person that have a sign-in at Microsoft of
	// their own, those last used first, most at most.
	SignIns(ctx context.Context, user UserRef, now time.Time, most int) ([]Grant, error)
}

// TokenStore keeps the digests of the tokens.
type TokenStore interface {
	// Token returns the token with its grant, expired and ended ones included,
	// or [ErrNotFound]. Token, grant and kill epoch are one indexed read.
	Token(ctx context.Context, digest Digest) (Token, error)
	// Rotate moves the grant from generation pair.Generation-1 to pair.Generation
	// and stores the pair, durably and at once. When the grant is already in
	// pair.Generation, for not longer than since replayAfter, nothing is stored and
	// the expiry of the access token stored then is returned with replay set.
	// [ErrAlreadyUsed]: the generation is older than that, and the grant is now
	// revoked. [ErrNotFound]: the grant does not exist or has ended.
	Rotate(ctx context.Context, grantID string, pair Pair, now, replayAfter time.Time) (rotated Rotated, err error)
	// UseAssertion notes, durably, that a signed assertion was used, until it expires.
	// [ErrAlreadyUsed]: it was before, here or on another replica.
	UseAssertion(ctx context.Context, digest Digest, expires time.Time) error
}

// RevocationStore ends grants and forgets what is over.
type RevocationStore interface {
	// RevokeGrant ends one grant, durably, and says whether it was alive until now.
	RevokeGrant(ctx context.Context, id, reason string, now time.Time) (bool, error)
	// Kill raises the kill epoch and ends all grants of the selector that people
	// agreed to before its commit, in one durable write whatever their number.
	Kill(ctx context.Context, selector Selector, now time.Time) error
	// EndedGrants lists at most limit grants that can never be used again:
	// revoked, killed, expired, or never redeemed within their code's lifetime.
	EndedGrants(ctx context.Context, now time.Time, limit int) ([]string, error)
	// DeleteGrants deletes grants with their codes and tokens, Microsoft's in the
	// vault of the same database included: none are ever kept without a grant.
	DeleteGrants(ctx context.Context, ids []string) error
	// DeleteExpired deletes sign-ins, tokens, links and used assertions that expired
	// before now, and codes that expired before codes.
	DeleteExpired(ctx context.Context, now, codes time.Time) error
}

// ConsentStore remembers what people have allowed clients.
type ConsentStore interface {
	// PutConsent stores a consent in place of an earlier one of the same person,
	// client and redirect URI. [ErrNotFound]: there is no such client.
	PutConsent(ctx context.Context, consent Consent) error
	// Consent returns it, or [ErrNotFound]: also where a kill younger than its epoch
	// covers it.
	Consent(ctx context.Context, user UserRef, clientID, redirectURI string) (Consent, error)
	// ForgetConsents deletes, durably, all that a person has allowed a client.
	ForgetConsents(ctx context.Context, user UserRef, clientID string) error
	// DeleteConsents deletes those that are from before, and those that a kill covers.
	DeleteConsents(ctx context.Context, before time.Time) error
}

// DemandStore keeps the claims that Microsoft demands of a person's next sign-in
// with a client.
type DemandStore interface {
	// PutDemand stores the claims in place of earlier ones. [ErrNotFound]: there is no
	// such client.
	PutDemand(ctx context.Context, demand Demand) error
	// Demand returns them, or [ErrNotFound].
	Demand(ctx context.Context, user UserRef, clientID string) (Demand, error)
	// DeleteDemand deletes them; without a client, those of all clients. Deleting what
	// is not there is no error.
	DeleteDemand(ctx context.Context, user UserRef, clientID string) error
}

// WideningStore is about scopes that a grant gets after its sign-in.
type WideningStore interface {
	// Ask notes that the grant's client is told to ask for the scopes, and returns
	// true. False, and nothing changes: one of them was asked after since, or there is
	// no such grant.
	Ask(ctx context.Context, grantID string, scopes []string, now, since time.Time) (bool, error)
	// TakeAsked reports, once for each asking, whether the grant's client was told to ask
	// after since, for scopes that the grant still lacks.
	TakeAsked(ctx context.Context, grantID string, since time.Time) (bool, error)
	// InsertLink stores a link; of a grant's that are there, the most-1 that expire
	// last stay. [ErrNotFound]: there is no such grant.
	InsertLink(ctx context.Context, link Link, most int) error
	// Link returns a link that has not expired by now, or [ErrNotFound].
	Link(ctx context.Context, digest Digest, now time.Time) (Link, error)
	// DeleteLink deletes a link. Deleting what is not there is no error.
	DeleteLink(ctx context.Context, digest Digest) error
	// Widen makes the scopes of a live grant from into to, durably, and those of its
	// tokens where they were the grant's. [ErrNotFound]: the grant does not exist, has
	// ended, or has other scopes.
	Widen(ctx context.Context, grantID string, from, to []string) error
}
