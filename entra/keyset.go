package entra

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	keysLifetime = 24 * time.Hour // so that a key which Entra has withdrawn is forgotten

	// A key that nobody has heard of is asked for at once, since Entra may have
	// rotated a second ago; but whoever sends such ids cannot make this server ask
	// more than keysBurst times in keysWindow.
	keysBurst  = 4
	keysWindow = time.Minute
)

// keySet holds the keys that Entra signs id_tokens with. The last good ones serve
// on while the endpoint is away. It implements [oidc.KeySet].
type keySet struct {
	http *http.Client
	now  func() time.Time

	flight singleflight.Group

	mu      sync.Mutex
	url     string // of the JWKS, from discovery
	keys    []signingKey
	fetched time.Time   // of keys
	asked   []time.Time // requests within keysWindow
}

// signingKey is a JWK with the member that Entra adds to RFC 7517's: whose
// tokens it signs. It may be a template for the tenant, or absent.
type signingKey struct {
	jose.JSONWebKey

	issuer string
}

func newKeySet(client *http.Client, now func() time.Time) *keySet {
	return &keySet{http: client, now: now}
}

var _ oidc.KeySet = (*keySet)(nil)

// locate says where the keys are; those at hand stay.
func (k *keySet) locate(url string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.url != url {
		k.url, k.fetched = url, time.Time{}
	}
}

// VerifySignature implements [oidc.KeySet]. The algorithm is RS256, whatever the
// token says: neither "none" nor an HMAC with the public key gets through.
func (k *keySet) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	token, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(token.Signatures) != 1 {
		return nil, errors.New("not signed once with RS256")
	}
	id := token.Signatures[0].Header.KeyID
	key, err := k.find(ctx, id)
	if err != nil {
		return nil, err
	}
	payload, err := token.Verify(key.Key)
	if err != nil {
		return nil, errors.New("the signature is not that of the key")
	}
	return payload, key.signs(payload)
}

// signs compares the key's issuer with the token's, as Microsoft asks of those
// who take tokens of several tenants.
func (s signingKey) signs(payload []byte) error {
	var claims struct {
		Issuer   string `json:"iss"`
		TenantID string `json:"tid"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return errors.New("the token's claims cannot be read")
	}
	if s.issuer != "" && strings.Replace(s.issuer, tenantPlaceholder, claims.TenantID, 1) != claims.Issuer {
		return fmt.Errorf("the key signs for issuer %q only", s.issuer)
	}
	return nil
}

// find returns the key, fetched anew where it is unknown or the keys are old.
func (k *keySet) find(ctx context.Context, id string) (signingKey, error) {
	k.mu.Lock()
	key, known := lookup(k.keys, id)
	old := k.now().Sub(k.fetched) >= keysLifetime
	k.mu.Unlock()
	if known && !old {
		return key, nil
	}
	keys, err := k.fetch(ctx)
	if err == nil {
		if key, known = lookup(keys, id); !known {
			err = errors.New("the key is not one of Entra's")
		}
		return key, err
	}
	if known { // the last good ones
		return key, nil
	}
	return signingKey{}, err
}

func lookup(keys []signingKey, id string) (signingKey, bool) {
	for _, key := range keys {
		if key.KeyID == id {
			return key, true
		}
	}
	return signingKey{}, false
}

// fetch asks for all who wait; one of them giving up does not end it.
func (k *keySet) fetch(ctx context.Context) ([]signingKey, error) {
	done := k.flight.DoChan("", func() (any, error) {
		url, err := k.mayAsk()
		if err != nil {
			return nil, err
		}
		keys, err := k.request(context.WithoutCancel(ctx), url)
		if err != nil {
			return nil, err
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.keys, k.fetched = keys, k.now()
		return keys, nil
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("keys: %w", context.Cause(ctx))
	case r := <-done:
		keys, _ := r.Val.([]signingKey) // nil beside an error
		return keys, r.Err
	}
}

// mayAsk counts the requests of the last while.
func (k *keySet) mayAsk() (url string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	for len(k.asked) > 0 && now.Sub(k.asked[0]) >= keysWindow {
		k.asked = k.asked[1:]
	}
	if len(k.asked) >= keysBurst {
		return "", errors.New("the keys were asked for too often; an unknown one is not looked for at the moment")
	}
	k.asked = append(k.asked, now)
	return k.url, nil
}

func (k *keySet) request(ctx context.Context, url string) ([]signingKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := k.http.Do(req)
	if err != nil {
		return nil, &Error{Op: "keys", Err: err}
	}
	defer func() { _ = resp.Body.Close() }() // read to the end or given up: its error says nothing
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	err = json.NewDecoder(resp.Body).Decode(&set)
	if resp.StatusCode != http.StatusOK || err != nil {
		return nil, answer{}.failure("keys", resp, err)
	}
	var keys []signingKey
	for _, raw := range set.Keys {
		if key, ok := readKey(raw); ok { // others are of kinds that sign no id_token
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, &Error{Op: "keys", Err: errors.New("the answer names no RSA key that signs")}
	}
	return keys, nil
}

func readKey(raw json.RawMessage) (signingKey, bool) {
	var key signingKey
	var also struct {
		Issuer string `json:"issuer"`
	}
	if json.Unmarshal(raw, &key.JSONWebKey) != nil || json.Unmarshal(raw, &also) != nil {
		return key, false
	}
	key.issuer = also.Issuer
	public, ok := key.Key.(*rsa.PublicKey)
	return key, ok && public.N.BitLen() >= minKeyBits && (key.Use == "" || key.Use == "sig")
}
