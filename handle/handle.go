// Package handle gives a model short ids in place of Microsoft Graph's, which are
// 150 characters and 100 tokens long: m_kxqwznapth is 12 characters and 8 tokens.
//
// On the way out a tool hands the Graph ids of a page to [Service.Shorten]; on the
// way in it hands what the model gave to [Service.Resolve], which takes a short id
// (a handle) or a Graph id, and tells them apart by their shape.
//
// # What a handle is
//
// The kind's prefix, an underscore, and ten letters of
//
//	HMAC-SHA256(HMAC-SHA256(server key, tenant + user), kind + Graph id)
//
// So an item has the same handle in every answer, two people's handles of one item
// have nothing in common, and a handle lost in a crash comes back with the next list.
// The letters are lower case without i, l and o: letters alone cost a model fewer
// tokens than letters and digits of the same strength (o200k: 7.9 against 8.5).
//
// Ten letters are 45 bits. That two of one person's items of a kind meet has odds of
// 1 in 800,000 for 10,000 items and 1 in 8,000 for 100,000; the later one then gets 13
// letters, or 16 (72 bits). That an invented or mistyped handle hits one of 100,000
// has odds of 1 in 400 million. A handle is no secret and grants nothing: it is looked
// up among its own person's only, and Graph checks that person's rights.
//
// # What is remembered
//
// One row a handle, with its person, its Graph id and its last use. The row wins over
// the computation: an item that has a row keeps that handle whatever the server key is.
// Thus not even a new root secret, which changes what is derived from it, changes a
// handle in use; replicas that start with it one after another agree as well. Only an
// item that was forgotten gets a new handle then. A row is forgotten 90 days after its last use,
// which is written at most once a day, or when its person's data is deleted.
//
// The Graph id is not sealed. It is personal data, for a chat's id contains its members'
// object ids and a site's id a host name, but it is no content, and it opens nothing
// without its person's token. A seal would double the row and be opened on every use,
// by a server that has the key at hand. The rows are protected by the database's file
// mode or role, by expiry, and by deletion with their person.
package handle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"m365mcp/identity"
)

const (
	// Life is how long a handle can be resolved after its last use, at least.
	Life = 90 * 24 * time.Hour

	// refreshAfter spares a write on most uses. The last use that is stored may be
	// older than the true one by this much, so rows are kept that much longer.
	refreshAfter = 24 * time.Hour

	keySize    = 32
	sweepBatch = 1000 // rows a transaction, so that a sweep holds up no call
)

// Options is all that a [Service] needs.
type Options struct {
	Store Store
	// Keys derives an independent 32-byte key for each purpose. Its key may change
	// between starts: remembered handles stay.
	Keys func(purpose string) []byte
	Now  func() time.Time
}

// Service shortens and resolves ids. It is safe for concurrent use, on many replicas too.
type Service struct {
	store Store
	key   []byte
	now   func() time.Time
	sizes []int
}

// New returns a Service, or an error that says which option is unusable.
func New(o Options) (*Service, error) {
	if o.Store == nil || o.Keys == nil || o.Now == nil {
		return nil, errors.New("handle: Store, Keys and Now are needed")
	}
	key := o.Keys("handle")
	if len(key) < keySize {
		return nil, fmt.Errorf("handle: the key has %d bytes, and must have %d", len(key), keySize)
	}
	return &Service{store: o.Store, key: key, now: o.Now, sizes: letterCounts}, nil
}

// Shorten returns a handle for each of the person's ids, in their order. An id that
// is no longer than a handle is returned as it is, an empty one included: Graph
// leaves optional ids empty, and Teams numbers messages with 13 digits.
//
// An id may also be several Graph ids in a form of the tool's own, where one alone
// does not lead to the item.
func (s *Service) Shorten(ctx context.Context, p identity.Principal, kind Kind, ids []string) ([]string, error) {
	person, err := personOf(p)
	if err != nil {
		return nil, err
	}
	name, err := newNamer(s.key, person, kind, s.sizes)
	if err != nil {
		return nil, err
	}
	short := make([]string, len(ids))
	items := make([]Item, 0, len(ids))
	at := make([]int, 0, len(ids)) // where in short each item belongs
	for i, id := range ids {
		if s.isShort(id) {
			short[i] = id
			continue
		}
		items = append(items, Item{Kind: kind, GraphID: id, Names: name.of(id)})
		at = append(at, i)
	}
	if len(items) == 0 {
		return short, nil
	}
	now := s.now()
	handles, err := s.store.Remember(ctx, person, items, now, now.Add(-refreshAfter))
	if err != nil {
		return nil, fmt.Errorf("shorten %d ids: %w", len(items), err)
	}
	if len(handles) != len(items) {
		return nil, fmt.Errorf("shorten %d ids: the store returned %d handles", len(items), len(handles))
	}
	for i, h := range handles {
		short[at[i]] = h
	}
	return short, nil
}

// isShort reports whether Graph's id can stand for itself: it costs no more than a
// handle, and Resolve will not take it for one.
func (s *Service) isShort(id string) bool {
	if id == "" || len(id) > ordinary {
		return id == ""
	}
	_, handle, err := parse(id, s.sizes)
	return err == nil && handle == ""
}

// Resolve returns the Graph id that a model means by a handle, or by the Graph id
// itself. What it refuses it refuses with an [*Error]. A Graph id is only looked at,
// not looked up: it is still outside input, to be escaped where it is used.
func (s *Service) Resolve(ctx context.Context, p identity.Principal, kind Kind, handleOrID string) (string, error) {
	person, err := personOf(p)
	if err != nil {
		return "", err
	}
	if _, known := prefixes[kind]; !known {
		return "", errKind(kind)
	}
	given := strings.TrimSpace(handleOrID)
	is, handle, err := parse(given, s.sizes)
	switch {
	case err != nil:
		return "", err
	case handle == "":
		return given, nil
	case is != kind:
		return "", &Error{Handle: handle, Is: is, Want: kind, reason: ErrWrongKind}
	}
	entry, err := s.store.Find(ctx, person, handle)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return "", fmt.Errorf("resolve a handle: %w", err)
	}
	now := s.now()
	if err != nil || !entry.UsedAt.After(forgottenAt(now)) {
		return "", &Error{Handle: handle, Is: is, Want: kind, reason: ErrUnknown}
	}
	if entry.UsedAt.Before(now.Add(-refreshAfter)) {
		if err := s.store.Touch(ctx, person, handle, now); err != nil {
			return "", fmt.Errorf("resolve a handle: %w", err)
		}
	}
	return entry.GraphID, nil
}

// Sweep deletes what was not used for [Life].
func (s *Service) Sweep(ctx context.Context) error {
	for {
		n, err := s.store.DeleteUnused(ctx, forgottenAt(s.now()), sweepBatch)
		if err != nil {
			return fmt.Errorf("sweep handles: %w", err)
		}
		if n < sweepBatch {
			return nil
		}
	}
}

// Forget deletes all handles of a person.
func (s *Service) Forget(ctx context.Context, person Person) error {
	if err := s.store.DeletePerson(ctx, person); err != nil {
		return fmt.Errorf("forget a person's handles: %w", err)
	}
	return nil
}

// forgottenAt is the last stored use that is too long ago.
func forgottenAt(now time.Time) time.Time { return now.Add(-Life - refreshAfter) }

func personOf(p identity.Principal) (Person, error) {
	if !p.IsPerson() {
		return Person{}, errors.New("handle: the principal names no person") // or all such would share their rows
	}
	return Person{TenantID: p.TenantID, UserID: p.UserID}, nil
}
