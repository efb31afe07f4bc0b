// Package assertion verifies signed assertions: JWTs by which a client proves itself,
// or an identity provider a person (RFC 7521, RFC 7523). It knows neither whose word
// counts nor what has been used before: that is the caller's.
package assertion

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
)

const (
	// MaxSize bounds an assertion.
	MaxSize  = 8 << 10
	maxText  = 512 // of one claim that is looked at
	maxDepth = 16  // of JSON inside JSON

	// Life is how far ahead an assertion may expire, and so how long its use has to be
	// remembered.
	Life = 5 * time.Minute
	// Skew is how far clocks may differ.
	Skew = 30 * time.Second
)

// Error says in words for its sender what is wrong with an assertion. It repeats
// nothing of it.
type Error struct{ Reason string }

func (e *Error) Error() string { return "assertion: it " + e.Reason }

func refuse(reason string) error { return &Error{reason} }

// Rules are what an assertion has to keep.
type Rules struct {
	Types    []string // typ of its header, in small letters; "" for none
	Issuer   string
	Audience []string // exactly one of these, and nobody else
	Now      time.Time
}

// Claims are those of an assertion.
type Claims struct {
	Issuer  string
	Subject string
	ID      string    // jti; with the issuer it is the assertion's name
	Expires time.Time // after which nobody takes it, whatever their clock

	members map[string]json.RawMessage
}

// Text returns a claim that is a text, or "".
func (c Claims) Text(name string) string {
	var text string
	if json.Unmarshal(c.members[name], &text) != nil || !plain(text) {
		return ""
	}
	return text
}

// Has reports whether there is a claim of this name.
func (c Claims) Has(name string) bool { _, ok := c.members[name]; return ok }

// Peek returns the claims of what may be an assertion, of which nothing is proven yet:
// for finding out whose keys to ask.
func Peek(raw string) (Claims, error) {
	_, c, err := parse(raw)
	return c, err
}

// Verify proves an assertion. Its error is an [*Error] where the sender is to blame;
// any other means that keys cannot be had at the moment.
func Verify(ctx context.Context, raw string, keys *Keys, rules Rules, permit func() error) (Claims, error) {
	token, c, err := parse(raw)
	if err != nil {
		return Claims{}, err
	}
	header := token.Signatures[0].Header
	kind, _ := header.ExtraHeaders[jose.HeaderType].(string)
	if !slices.Contains(rules.Types, strings.ToLower(kind)) {
		return Claims{}, refuse("has another typ than one for this use")
	}
	if c.Issuer != rules.Issuer {
		return Claims{}, refuse("has another iss than the one expected")
	}
	found, err := keys.find(ctx, header.KeyID, jose.SignatureAlgorithm(header.Algorithm), permit)
	if err != nil {
		return Claims{}, err
	}
	if !slices.ContainsFunc(found, func(key any) bool { _, err := token.Verify(key); return err == nil }) {
		return Claims{}, refuse("is not signed with a key of its issuer's")
	}
	expires, err := c.check(rules)
	c.Expires = expires.Add(Skew)
	return c, err
}

// parse takes an assertion apart and believes none of it.
func parse(raw string) (*jose.JSONWebSignature, Claims, error) {
	if len(raw) > MaxSize {
		return nil, Claims{}, refuse("is too long")
	}
	token, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil || len(token.Signatures) != 1 {
		return nil, Claims{}, refuse("is no JWT that is signed with one of " + strings.Join(Algorithms(), ", "))
	}
	// go-jose reads b64 (RFC 7797), which no JWT has: the payload would not be what others read.
	if extra := token.Signatures[0].Header.ExtraHeaders; extra["b64"] != nil || extra["crit"] != nil {
		return nil, Claims{}, refuse("has a critical header")
	}
	payload := token.UnsafePayloadWithoutVerification()
	var c Claims
	if !utf8.Valid(payload) || json.Unmarshal(payload, &c.members) != nil || c.members == nil || Unique(payload) != nil {
		return nil, Claims{}, refuse("has claims that are no JSON object, or are there twice")
	}
	c.Issuer, c.Subject, c.ID = c.Text("iss"), c.Text("sub"), c.Text("jti")
	return token, c, nil
}

// check is about RFC 7523 section 3.
func (c Claims) check(rules Rules) (expires time.Time, err error) {
	expires, hasExpiry := c.time("exp")
	switch {
	case !slices.Contains(rules.Audience, c.audience()):
		return expires, refuse("is not for this server alone (aud)")
	case c.Subject == "":
		return expires, refuse("has no sub")
	case c.ID == "":
		return expires, refuse("has no jti")
	case !hasExpiry:
		return expires, refuse("has no exp")
	case !rules.Now.Before(expires.Add(Skew)):
		return expires, refuse("has expired")
	case expires.After(rules.Now.Add(Life + Skew)):
		return expires, refuse("expires too late: " + fmt.Sprint(int(Life.Minutes())) + " minutes are allowed")
	}
	for _, name := range []string{"nbf", "iat"} {
		at, ok := c.time(name)
		if c.Has(name) && !ok || at.After(rules.Now.Add(Skew)) {
			return expires, refuse("is of the future (" + name + ")")
		}
	}
	return expires, nil
}

// audience is the only one, or "".
func (c Claims) audience() string {
	var list []string
	if json.Unmarshal(c.members["aud"], &list) == nil && len(list) == 1 && plain(list[0]) {
		return list[0]
	}
	return c.Text("aud")
}

// latest is the end of the year 9999, past which times have no text.
const latest = 253402300799

func (c Claims) time(name string) (time.Time, bool) {
	var seconds float64
	if json.Unmarshal(c.members[name], &seconds) != nil || seconds < 1 || seconds > latest {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

// plain: neither too long nor with what a store or a log cannot hold.
func plain(text string) bool {
	return len(text) <= maxText && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError })
}

var errNotUnique = errors.New("a member is there twice, or too deep")

// Unique refuses JSON with an object, at any depth, that has a name twice: two
// readers might take different ones.
func Unique(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	var open []map[string]bool // the names of each open object; nil for an array
	name := false              // the next token is one, if it is no end
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			if len(open) > maxDepth {
				return errNotUnique
			}
		case string:
			if !name {
				break
			}
			names := open[len(open)-1]
			if names[t] {
				return errNotUnique
			}
			names[t], name = true, false
			continue
		}
		name = len(open) > 0 && open[len(open)-1] != nil
	}
}
