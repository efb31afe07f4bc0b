// Package jwks holds the signing keys of another party (RFC 7517): fetched when
// they are needed, asked for anew where one is unknown, at a limited rate, and
// used on while their endpoint is away.
package jwks

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	// A key that nobody has heard of is asked for at once, since it may have come a
	// second ago; but whoever sends such ids cannot make this server ask more than
	// burst times in window.
	burst  = 4
	window = time.Minute

	pause      = time.Minute // after a failure, while the keys at hand serve on
	timeout    = 10 * time.Second
	maxSet     = 1 << 20
	minKeyBits = 2048
)

var (
	// ErrUnavailable means that the keys cannot be had: nothing is known of the token.
	ErrUnavailable = errors.New("the signing keys cannot be fetched")

	errUnknown = errors.New("its key is not one of the issuer's")
)

// Options are what a Set is made with.
type Options struct {
	HTTP       *http.Client
	Now        func() time.Time
	Algorithms []jose.SignatureAlgorithm // asymmetric ones; no other gets through, whatever a token says

	// Lifetime is how long fetched keys are good, so that one that was withdrawn is
	// forgotten; Grace how much longer while the endpoint is away, 0 for without end.
	Lifetime, Grace time.Duration

	// Check may refuse what a key has signed.
	Check func(key Key, payload []byte) error
}

// Key is a JWK with all its members as they were sent.
type Key struct {
	jose.JSONWebKey

	Raw json.RawMessage
}

// Set is the keys of one party. It implements oidc.KeySet. Its methods are safe for
// concurrent use.
type Set struct {
	o      Options
	flight singleflight.Group

	mu      sync.Mutex
	url     string
	keys    []Key
	fetched time.Time   // of keys
	failed  time.Time   // the last try, if it did
	asked   []time.Time // requests within window
}

// New makes a set of the keys at url, which may be told later by [Set.Locate].
func New(url string, o Options) *Set {
	return &Set{o: o, url: url}
}

// Locate says where the keys are; those at hand stay until then.
func (s *Set) Locate(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.url != url {
		s.url, s.fetched, s.failed = url, time.Time{}, time.Time{}
	}
}

// VerifySignature implements oidc.KeySet.
func (s *Set) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	token, err := jose.ParseSignedCompact(raw, s.o.Algorithms)
	if err != nil || len(token.Signatures) != 1 {
		return nil, fmt.Errorf("not signed once with one of %v", s.o.Algorithms)
	}
	header := token.Signatures[0].Header
	key, err := s.find(ctx, header.KeyID)
	if err != nil {
		return nil, err
	}
	if key.Algorithm != "" && key.Algorithm != header.Algorithm {
		return nil, errors.New("the key is for another algorithm")
	}
	payload, err := token.Verify(key.Key)
	if err != nil {
		return nil, errors.New("the signature is not that of the key")
	}
	if s.o.Check != nil {
		return payload, s.o.Check(key, payload)
	}
	return payload, nil
}

// Refresh fetches the keys when half of their lifetime is over, so that no request
// has to wait for them.
func (s *Set) Refresh(ctx context.Context) error {
	s.mu.Lock()
	fresh := s.o.Now().Sub(s.fetched) < s.o.Lifetime/2
	s.mu.Unlock()
	if fresh {
		return nil
	}
	_, err := s.fetch(ctx)
	return err
}

// find returns the key, fetched anew where it is unknown or the keys are old.
func (s *Set) find(ctx context.Context, id string) (Key, error) {
	s.mu.Lock()
	now := s.o.Now()
	key, known := lookup(s.keys, id)
	age := now.Sub(s.fetched)
	paused := now.Sub(s.failed) < pause
	s.mu.Unlock()
	serves := known && (s.o.Grace == 0 || age < s.o.Lifetime+s.o.Grace)
	if serves && (age < s.o.Lifetime || paused) {
		return key, nil
	}
	keys, err := s.fetch(ctx)
	if err != nil {
		if serves { // the last good ones
			return key, nil
		}
		return Key{}, err
	}
	if key, known = lookup(keys, id); !known {
		return Key{}, errUnknown
	}
	return key, nil
}

func lookup(keys []Key, id string) (Key, bool) {
	i := slices.IndexFunc(keys, func(k Key) bool { return id != "" && k.KeyID == id })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// fetch asks for all who wait; one of them giving up does not end it.
func (s *Set) fetch(ctx context.Context) ([]Key, error) {
	done := s.flight.DoChan("", func() (any, error) {
		url, err := s.mayAsk()
		if err != nil {
			return nil, err
		}
		keys, err := s.request(context.WithoutCancel(ctx), url)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			s.failed = s.o.Now()
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		s.keys, s.fetched, s.failed = keys, s.o.Now(), time.Time{}
		return keys, nil
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	case r := <-done:
		keys, _ := r.Val.([]Key) // nil beside an error
		return keys, r.Err
	}
}

// mayAsk counts the requests of the last while.
func (s *Set) mayAsk() (url string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	for len(s.asked) > 0 && now.Sub(s.asked[0]) >= window {
		s.asked = s.asked[1:]
	}
	if len(s.asked) >= burst {
		return "", fmt.Errorf("%w: they were asked for too often; an unknown one is not looked for at the moment", ErrUnavailable)
	}
	s.asked = append(s.asked, now)
	return s.url, nil
}

func (s *Set) request(ctx context.Context, url string) ([]Key, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.o.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read to the end or given up: its error says nothing
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("keys: %s answers with status %d", url, resp.StatusCode)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, maxSet)).Decode(&set); err != nil {
		return nil, fmt.Errorf("keys: %s answers with something that is no JSON Web Key Set", url)
	}
	var keys []Key
	for _, raw := range set.Keys {
		if key, ok := read(raw); ok { // others are of kinds that sign nothing here
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("keys: %s names no public key that signs and is strong enough", url)
	}
	return keys, nil
}

// read takes public keys alone: never a shared secret that somebody published.
func read(raw json.RawMessage) (Key, bool) {
	key := Key{Raw: raw}
	if json.Unmarshal(raw, &key.JSONWebKey) != nil || key.Use != "" && key.Use != "sig" {
		return Key{}, false
	}
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		return key, public.N.BitLen() >= minKeyBits
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return key, true
	default:
		return Key{}, false
	}
}
