// Package identity says on whose behalf a call is made. It is a leaf: the
// authorization server fills a [Principal] from a verified bearer token, and
// every later step takes it as a parameter.
package identity

import (
	"slices"
	"time"
)

// Principal is the proven identity behind one request.
type Principal struct {
	TenantID string // Entra tid; with UserID the key of a person, never UPN or mail
	UserID   string // Entra oid
	UPN      string
	Mail     string
	Name     string // display name
	ClientID string // OAuth client that holds the bearer token
	GrantID  string // the consent this token descends from; the refresh family
	Scopes   []string

	// Perimeter is the identity that the proxy in front has proven, if one is configured.
	Perimeter string

	Expires   time.Time // of the bearer token
	CheckedAt time.Time // when grant and kill epoch were last read from the store
}

// UserKey names the person across all tables and caches: tenant and object id.
func (p Principal) UserKey() string { return p.TenantID + "/" + p.UserID }

// HasScope reports whether the bearer token carries scope.
func (p Principal) HasScope(scope string) bool { return slices.Contains(p.Scopes, scope) }
