// Package identity says on whose behalf a call is made. It is a leaf: the
// authorization server fills a [Principal] from a verified bearer token, and
// every later step takes it as a parameter.
package identity

import (
	"cmp"
	"slices"
	"time"

	"m365mcp/internal/secret"
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

	// RestsOn is the grant whose sign-in at Microsoft this one uses; empty: its own.
	RestsOn string
	// Service is who calls where it is no person, and Tools all that it may reach.
	Service string
	Tools   []string

	// Perimeter is who the proxy in front has proven to have made the request.
	Perimeter Perimeter
	// Assertion is the proof itself, for linked apps that verify it; it is kept nowhere.
	Assertion secret.String `json:"-"`

	Expires   time.Time // of the bearer token
	CheckedAt time.Time // when grant and kill epoch were last read from the store
}

// UserKey names the person across all tables and caches: tenant and object id. A
// service has one of its own, which no person has: a tenant is a GUID.
func (p Principal) UserKey() string {
	if p.Service != "" {
		return "service/" + p.Service
	}
	return p.TenantID + "/" + p.UserID
}

// IsPerson reports whether a person is named, and no service. What is about people's
// data asks first.
func (p Principal) IsPerson() bool { return p.Service == "" && p.TenantID != "" && p.UserID != "" }

// SignIn is the grant that Microsoft's tokens are kept under.
func (p Principal) SignIn() string { return cmp.Or(p.RestsOn, p.GrantID) }

// HasScope reports whether the bearer token carries scope.
func (p Principal) HasScope(scope string) bool { return slices.Contains(p.Scopes, scope) }
