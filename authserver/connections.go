package authserver

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Face is a client as pages name it.
type Face struct {
	Name    string   // as it calls itself, fit to be shown; it may be empty
	Vouched string   // who says so: "", which is nobody, a host, or "administrator"
	Targets []string // where its answers may go
	Local   bool     // some of them to an app on a person's computer
}

// Face returns how pages name a stored client.
func (s *Server) Face(c Client) Face {
	if current, ok := s.configured[c.ID]; ok {
		c = current.Client
	}
	face := Face{Name: displayText(c.Name, maxShownName), Vouched: vouched(c), Targets: c.redirectHosts()}
	face.Local = slices.ContainsFunc(c.RedirectURIs, func(uri string) bool {
		_, local := redirectTarget(uri)
		return local
	})
	return face
}

const byItsPerson = "by its person"

// Disconnect ends a grant of a person's, by that person's word, and forgets what they
// have allowed its client. ended is false where the grant was over before;
// [ErrNotFound]: there is none, or it is another person's.
func (s *Server) Disconnect(ctx context.Context, who UserRef, grantID string) (ended bool, err error) {
	grant, err := s.store.Grant(ctx, grantID)
	switch {
	case err == nil && grant.user() != who:
		return false, ErrNotFound
	case errors.Is(err, ErrNotFound):
		return false, err
	case err != nil:
		return false, fmt.Errorf("disconnect: %w", err)
	}
	return s.revokeGrant(ctx, grant, byItsPerson)
}

// DisconnectAll ends all that a person has granted, sign-ins under way included.
func (s *Server) DisconnectAll(ctx context.Context, who UserRef) error {
	return s.Revoke(ctx, Selector{User: who}, byItsPerson)
}

// connectionsURL is where people take their consent back, or empty.
func (s *Server) connectionsURL() string {
	if s.connected == "" {
		return ""
	}
	return s.issuer + s.connected
}
