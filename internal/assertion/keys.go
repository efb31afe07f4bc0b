package assertion

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	maxKeySet  = 64 << 10 // bytes
	maxKeys    = 50
	minKeyBits = 2048 // of RSA

	keysFresh  = time.Hour
	keysServe  = 24 * time.Hour // how long the last good ones serve where there are no others
	keysBurst  = 4              // requests in keysWindow, whatever ids are asked for
	keysWindow = time.Minute
)

// algorithms are asymmetric ones alone: no "none", and no HMAC, whose key a public
// key could be taken for.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.ES384, jose.EdDSA}

// Algorithms lists those that assertions may be signed with.
func Algorithms() []string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = string(a)
	}
	return names
}

// Keys are the public keys of one issuer, at hand or at an address. They are safe for
// concurrent use.
type Keys struct {
	url    string // empty: there are no others than those at hand
	http   *http.Client
	now    func() time.Time
	flight singleflight.Group

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	fetched time.Time   // of keys
	asked   []time.Time // requests within keysWindow
}

// ParseKeys reads a JWK Set (RFC 7517). It is refused where a key in it is a secret, or
// none is of use.
func ParseKeys(set []byte) (*Keys, error) {
	keys, err := readKeys(set, true)
	if err != nil {
		return nil, err
	}
	return &Keys{keys: keys}, nil
}

// RemoteKeys are those of a JWK Set at an address. Who asks for the address decides
// what client may fetch it; this one bounds how often, how much, and for how long.
func RemoteKeys(url string, client *http.Client, now func() time.Time) *Keys {
	return &Keys{url: url, http: client, now: now}
}

// find returns the keys that may have signed: those of the id; where the assertion
// names none, those of its algorithm, if there is one alone.
func (k *Keys) find(ctx context.Context, id string, alg jose.SignatureAlgorithm, permit func() error) ([]any, error) {
	found, old := k.lookup(id, alg)
	if k.url == "" || len(found) > 0 && !old {
		return found, none(found)
	}
	if err := k.fetch(ctx, permit); err != nil {
		if found, _ = k.lookup(id, alg); len(found) > 0 && k.serves() {
			return found, nil // the last good ones
		}
		return nil, err
	}
	found, _ = k.lookup(id, alg)
	return found, none(found)
}

func none(found []any) error {
	if len(found) == 0 {
		return refuse("names no key of its issuer's (kid), or one of another algorithm")
	}
	return nil
}

func (k *Keys) lookup(id string, alg jose.SignatureAlgorithm) (found []any, old bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if (id == "" || key.KeyID == id) && (key.Algorithm == "" || key.Algorithm == string(alg)) && suits(key.Key, alg) {
			found = append(found, key.Key)
		}
	}
	if id == "" && len(found) > 1 {
		found = nil
	}
	return found, k.url != "" && k.now().Sub(k.fetched) >= keysFresh
}

func (k *Keys) serves() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now().Sub(k.fetched) < keysServe
}

// suits holds a key to its algorithm, so that none is used in two ways.
func suits(key any, alg jose.SignatureAlgorithm) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= minKeyBits && (alg == jose.RS256 || alg == jose.PS256)
	case *ecdsa.PublicKey:
		return alg == map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384}[key.Params().BitSize]
	case ed25519.PublicKey:
		return alg == jose.EdDSA
	default:
		return false
	}
}

// fetch asks for all who wait; one of them giving up does not end it.
func (k *Keys) fetch(ctx context.Context, permit func() error) error {
	if err := permit(); err != nil {
		return err
	}
	done := k.flight.DoChan("", func() (any, error) {
		if err := k.mayAsk(); err != nil {
			return nil, err
		}
		keys, err := k.request(context.WithoutCancel(ctx)) // the client's timeout bounds it
		if err != nil {
			return nil, err
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.keys, k.fetched = keys, k.now()
		return nil, nil
	})
	select {
	case <-ctx.Done():
		return fmt.Errorf("keys: %w", context.Cause(ctx))
	case r := <-done:
		return r.Err
	}
}

var errTooOften = errors.New("keys: they were asked for too often; an unknown one is not looked for at the moment")

// mayAsk counts the requests of the last while: whoever sends unknown ids cannot make
// this server ask without end.
func (k *Keys) mayAsk() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	k.asked = slices.DeleteFunc(k.asked, func(at time.Time) bool { return now.Sub(at) >= keysWindow })
	if len(k.asked) >= keysBurst {
		return errTooOften
	}
	k.asked = append(k.asked, now)
	return nil
}

func (k *Keys) request(ctx context.Context) ([]jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := k.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read as far as it is wanted
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("keys: status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return readKeys(body, false)
}

// readKeys returns the public keys of a set that sign with an algorithm of ours.
// Others, of which a set may have some, are left out; strict refuses secrets.
func readKeys(body []byte, strict bool) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(body) > maxKeySet || json.Unmarshal(body, &set) != nil || len(set.Keys) > maxKeys || Unique(body) != nil {
		return nil, errors.New("keys: no JWK Set, or too large")
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) != nil {
			continue
		}
		if !key.IsPublic() {
			if strict {
				return nil, errors.New("keys: one is private or symmetric; only public keys belong here")
			}
			continue
		}
		of := func(alg jose.SignatureAlgorithm) bool {
			return suits(key.Key, alg) && (key.Algorithm == "" || key.Algorithm == string(alg))
		}
		if (key.Use == "" || key.Use == "sig") && slices.ContainsFunc(algorithms, of) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("keys: none signs with an algorithm that is taken here, or is strong enough")
	}
	return keys, nil
}
