package entra

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

const (
	signingBits = 2048 // as Entra's keys
	maxKeys     = 8    // published at once; a rotation beyond it retires the oldest
)

// keyring holds the signing keys, the current one last.
type keyring struct {
	mu   sync.RWMutex
	keys []jose.JSONWebKey
}

func newKeyring() (*keyring, error) {
	k := &keyring{}
	return k, k.rotate()
}

func (k *keyring) rotate() error {
	private, err := rsa.GenerateKey(rand.Reader, signingBits)
	if err != nil {
		return fmt.Errorf("entra: signing key: %w", err)
	}
	key := jose.JSONWebKey{Key: private, KeyID: randomID(20), Algorithm: string(jose.RS256), Use: "sig"}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys = append(k.keys, key)
	if len(k.keys) > maxKeys {
		k.keys = append([]jose.JSONWebKey(nil), k.keys[len(k.keys)-maxKeys:]...)
	}
	return nil
}

func (k *keyring) current() jose.JSONWebKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.keys[len(k.keys)-1]
}

// public returns the verification keys, newest first.
func (k *keyring) public() []jose.JSONWebKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	out := make([]jose.JSONWebKey, 0, len(k.keys))
	for i := len(k.keys) - 1; i >= 0; i-- {
		out = append(out, k.keys[i].Public())
	}
	return out
}

func (k *keyring) find(id string) (jose.JSONWebKey, bool) {
	for _, key := range k.public() {
		if key.KeyID == id {
			return key, true
		}
	}
	return jose.JSONWebKey{}, false
}
