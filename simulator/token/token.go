// Package token is what simulator/entra and simulator/graph agree on: the
// content of an access token once its signature has been checked. Neither of
// the two imports the other, as Graph and Entra do not.
package token

import (
	"errors"
	"slices"
	"time"
)

var (
	// ErrExpired means that the token was genuine and its time is over.
	ErrExpired = errors.New("access token expired")
	// ErrInvalid means that the token is malformed, not signed by this
	// tenant, revoked, or meant for another audience than Graph.
	ErrInvalid = errors.New("access token invalid")
)

// ChallengeError means that the token was genuine and is no longer enough: what
// Graph answers carries a claims challenge (continuous access evaluation).
type ChallengeError struct{ Claims string } // JSON

func (*ChallengeError) Error() string { return "access token is challenged" }

// Claims is a verified access token for Microsoft Graph: the claims tid, oid,
// upn, appid, scp and exp of Entra.
type Claims struct {
	TenantID string
	UserID   string
	UPN      string
	ClientID string
	Scopes   []string
	Expires  time.Time
}

// HasAny reports whether the token carries one of the scopes.
func (c Claims) HasAny(scopes ...string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(c.Scopes, s) })
}
