package authserver

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"m365mcp/identity"
)

// A service is a client of the administrator's that works for nobody (RFC 6749 section
// 4.4): it reaches the tools that the configuration lists for it, of those that are
// about no person. It has no tokens of Microsoft's, and nothing of it can get any.

// serviceScope is what a service's token is good for. It is none of Microsoft's, so
// that it covers no tool that needs one of those.
const serviceScope = "service"

func (c configured) isService() bool { return c.service }

func (c configured) introspects() bool { return c.introspect }

// some reports whether the configuration has such a client.
func (s *Server) some(is func(configured) bool) bool {
	for _, c := range s.configured {
		if is(c) {
			return true
		}
	}
	return false
}

// serve gives a service an access token. What it asks for as scope is not looked at:
// there is one, and the answer names it (section 3.3).
func (s *Server) serve(ctx context.Context, client Client, p parameters) (tokenAnswer, error) {
	if client.public() || !s.configured[client.ID].service {
		return tokenAnswer{}, refuse(codeUnauthorizedClient, "This client may not act for itself. An administrator can make it a service (oauth.clients).")
	}
	now := s.now()
	if wait := s.limits.services.take(client.ID, now); wait > 0 {
		e := tooOften(wait)
		e.description = "This service asks for tokens too often: each is good for " + inWords(s.lifetimes.Access) + ". Use one until it expires."
		return tokenAnswer{}, e
	}
	return s.issue(ctx, Grant{
		Service: client.ID, ClientID: client.ID, Resource: p["resource"], Scopes: []string{serviceScope}, EndsAt: now.Add(s.lifetimes.Access), Perimeter: identity.PerimeterOf(ctx),
	}, now, eventService, nil)
}

// provenService is a machine that the proxy in front has proven and the configuration
// lists, on a request that brings no token to judge. It has no grant: there is nothing to
// end but the proof, which each request needs, and the line of the configuration. A stream
// would outlive its request, so /mcp is its only door.
func (s *Server) provenService(r *http.Request) (identity.Principal, bool) {
	who := identity.PerimeterOf(r.Context())
	if s.perimeter == nil || !who.Service || who.Subject == "" || r.URL.Path != mcpPath || len(r.Header["Authorization"]) > 0 {
		return identity.Principal{}, false
	}
	tools, listed := s.perimeter.Services[who.Subject]
	if !listed {
		return identity.Principal{}, false
	}
	now := s.now()
	return identity.Principal{
		Service: who.Subject, Tools: tools, Scopes: []string{serviceScope}, Perimeter: who, CheckedAt: now, Expires: now,
	}, true
}

// issue stores a grant that comes without a code, and gives out its one access token.
// There is nothing to refresh with: whoever has it proves itself again.
func (s *Server) issue(ctx context.Context, grant Grant, now time.Time, event string, evidence map[string]string) (tokenAnswer, error) {
	grant.ID, grant.Resource, grant.Generation = randomID(), cmp.Or(grant.Resource, s.resource), 1
	grant.CreatedAt, grant.LastUsedAt = now, now
	pair, answer := s.mint(grant, grant.Generation, grant.Scopes, now)
	grant.ExpiresAt = pair.AccessExpires
	err := s.store.IssueGrant(ctx, grant, pair)
	if errors.Is(err, ErrNotFound) { // grants belong to a stored client
		if err = s.keepClient(ctx, grant.ClientID); err == nil {
			err = s.store.IssueGrant(ctx, grant, pair)
		}
	}
	if err != nil {
		return tokenAnswer{}, err
	}
	attributes := map[string]string{"scopes": strings.Join(grant.Scopes, " ")}
	maps.Copy(attributes, evidence)
	if err := s.record(ctx, event, grant.principal(now), attributes); err != nil {
		s.discard(ctx, grant.ID, "not recorded")
		return tokenAnswer{}, err
	}
	return answer, nil
}
