// Package rotation keeps what is sealed in the database readable while the
// encryption keys change.
//
//	Open    at each start: every key that seals something is there -> the root secret,
//	        drawn where there is none, and moved onto the first key
//	Run     beside the server: a batch of values that the first key does not seal ->
//	        rewrapped -> each stored if it still is what was read -> a pause -> the next
//	Status  which key seals how much, and which ones can be removed
//	Forget  gives up what a lost key seals
//
// Nothing is remembered between two runs: what is left to do is what the first key
// does not seal. So a run that was interrupted is taken up by the next one, of any
// replica, and several at once do each other no harm. A value that was replaced
// since it was read, by a refresh say, is left as it is.
//
// The root secret is what keys for other purposes are derived from (tokens, pages,
// short ids). A database from before there was one gets the root of that time, so
// that nothing of it changes.
package rotation

import (
	"context"
	"encoding/hex"
	"errors"

	"m365mcp/blob"
	"m365mcp/entra"
	"m365mcp/internal/seal"
	"m365mcp/ticket"
)

// ErrNoSecret means that the store has no secret of this name.
var ErrNoSecret = errors.New("there is no such secret")

// Store reaches everything in the database that is sealed. Its methods are safe for
// concurrent use, by several processes too.
type Store interface {
	// Heads calls visit with the first size bytes of each sealed value of the place,
	// in any order. Empty values are none.
	Heads(ctx context.Context, p Place, size int, visit func(head []byte)) error

	// List returns up to limit values of the place that do not begin with head, in
	// the order of their ids, of those whose id comes after the given one.
	List(ctx context.Context, p Place, head []byte, after string, limit int) ([]Value, error)

	// Replace stores New for each value that still is Old, and returns for how many
	// that was so. Nothing else of a row changes. It is one transaction, and durable.
	Replace(ctx context.Context, p Place, changes []Change) (int, error)

	// Forget removes the values that begin with head, durably. A row goes with its
	// value; a grant's tokens go both, and their row says that its person has to sign
	// in anew.
	Forget(ctx context.Context, p Place, head []byte) error

	// Secret returns the sealed secret of this name, or [ErrNoSecret].
	Secret(ctx context.Context, name string) ([]byte, error)

	// InsertSecret stores a sealed secret, durably, unless there is one of this name.
	InsertSecret(ctx context.Context, name string, sealed []byte) error
}

// Place is a column of sealed values.
type Place string

// The places.
const (
	Secret       Place = "secret"
	AccessToken  Place = "access token"
	RefreshToken Place = "refresh token"
	Upload       Place = "upload"
	Link         Place = "link"
)

// Places returns all of them. The root secret comes first: where it is sealed by a
// key, a server that knows the key has started.
func Places() []Place { return []Place{Secret, AccessToken, RefreshToken, Upload, Link} }

// Value is a sealed value, and what of its row it is bound to.
type Value struct {
	ID       string // of a grant for tokens, of an upload; a link's digest; a secret's name
	GrantID  string // of a link
	TenantID string // of uploads and links
	UserID   string
	Kind     string // of a link
	Sealed   []byte
}

// Change replaces a sealed value by another.
type Change struct {
	ID       string
	Old, New []byte
}

// context is what the owner of the place has sealed the value for.
func (v Value) context(p Place) []byte {
	switch p {
	case AccessToken:
		return entra.AccessContext(v.ID)
	case RefreshToken:
		return entra.RefreshContext(v.ID)
	case Upload:
		return blob.HeadContext(v.ID, blob.Person{TenantID: v.TenantID, UserID: v.UserID})
	case Link:
		row := ticket.Row{GrantID: v.GrantID, Owner: ticket.Person{TenantID: v.TenantID, UserID: v.UserID}, Kind: ticket.Kind(v.Kind)}
		copy(row.Digest[:], v.ID)
		return row.ItemContext()
	case Secret:
		return seal.RootContext()
	}
	return nil
}

// name is the value's row, for people.
func (v Value) name(p Place) string {
	switch p {
	case AccessToken, RefreshToken:
		return "grant " + v.ID
	case Link:
		return "link " + hex.EncodeToString([]byte(v.ID)[:min(len(v.ID), 8)]) // as in the audit
	case Upload, Secret:
	}
	return string(p) + " " + v.ID
}

// Rotation knows the keys and what they seal.
type Rotation struct {
	store Store
	keys  *seal.Keyring
}

// New returns a Rotation of what is in store onto the first of keys.
func New(store Store, keys *seal.Keyring) *Rotation { return &Rotation{store, keys} }

// first is the id of the key that encrypts.
func (r *Rotation) first() string { return r.keys.IDs()[0] }
