package authserver

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"m365mcp/entra"
)

// randomToken returns 256 random bits in 43 characters.
func randomToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// randomID returns 128 random bits for a name that is no secret.
func randomID() string { return strings.ToLower(rand.Text()) }

func digest(value string) Digest { return sha256.Sum256([]byte(value)) }

// keys are the derived keys, one for each use.
type keys struct {
	tokens   []byte // pairs of tokens
	consent  []byte // the form of the consent page
	upstream []byte // nonce and PKCE verifier of a sign-in
	pages    []byte // page sessions and their forms
	person   []byte // who a browser's person probably is
}

func deriveKeys(derive func(purpose string) []byte) (keys, error) {
	k := keys{
		tokens:   derive("authserver tokens"),
		consent:  derive("authserver consent"),
		upstream: derive("authserver upstream"),
		pages:    derive("authserver pages"),
		person:   derive("authserver person"),
	}
	for _, key := range [][]byte{k.tokens, k.consent, k.upstream, k.pages, k.person} {
		if len(key) < 32 {
			return k, errors.New("authserver: a derived key is shorter than 32 bytes")
		}
	}
	return k, nil
}

// mac is HMAC-SHA-256 over length-prefixed parts, so that no two lists of parts collide.
func mac(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part))) // a hash takes everything
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

func macText(key []byte, parts ...string) string {
	return base64.RawURLEncoding.EncodeToString(mac(key, parts...))
}

// signed puts a value into text that only the key's holder can make for the same
// context. The value stays readable.
func signed(key []byte, context string, value any) (string, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(body)
	return text + "." + macText(key, context, text), nil
}

// openSigned reads what signed made with this key for this context, or returns false.
func openSigned(key []byte, context, signed string, value any) bool {
	text, sum, ok := strings.Cut(signed, ".")
	if !ok || !hmac.Equal([]byte(sum), []byte(macText(key, context, text))) {
		return false
	}
	body, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && json.Unmarshal(body, value) == nil
}

// pair derives the tokens of one generation of a grant. Whoever repeats a refresh
// because the answer was lost, or sends it twenty times at once, gets the same
// pair without its being stored anywhere.
func (k keys) pair(grantID string, generation int64) (access, refresh string) {
	n := fmt.Sprint(generation)
	return macText(k.tokens, "access", grantID, n), macText(k.tokens, "refresh", grantID, n)
}

// signIn derives what Microsoft is sent with a state. Nonce and verifier are
// needed again at the callback, which brings the state back: they are not stored.
func (k keys) signIn(state string, scopes []string) entra.SignIn {
	return entra.SignIn{
		State:    state,
		Nonce:    macText(k.upstream, "nonce", state),
		Verifier: macText(k.upstream, "verifier", state),
		Scopes:   scopes,
	}
}

// upstreamSignIn is signIn for a request of a client, with all that the code is redeemed with.
func (k keys) upstreamSignIn(state string, s SignIn) entra.SignIn {
	in := k.signIn(state, s.Scopes)
	in.Claims = s.Claims
	return in
}
