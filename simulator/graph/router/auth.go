package router

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/token"
)

var errNoToken = errors.New("no access token")

func (s *Server) verify(r *http.Request) (token.Claims, error) {
	scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if raw = strings.TrimSpace(raw); !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return token.Claims{}, errNoToken
	}
	claims, err := s.opts.Verify(raw)
	if err != nil {
		return token.Claims{}, fmt.Errorf("verifying the access token: %w", err)
	}
	if !s.opts.Now().Before(claims.Expires) {
		return token.Claims{}, token.ErrExpired
	}
	return claims, nil
}

// unauthorized words the 401 as Graph does for missing, expired and other bad
// tokens; the challenge names the authority and Graph's own application id.
func (s *Server) unauthorized(err error) *apierror.Error {
	var extra string
	message := "IDX14100: JWT is not well formed, there are no dots (.). The token needs to be in JWS or JWE Compact Serialization Format."
	challenge, challenged := errors.AsType[*token.ChallengeError](err)
	switch {
	case challenged:
		message = "Continuous access evaluation resulted in challenge with result: InteractionRequired."
		extra = fmt.Sprintf(`, error="insufficient_claims", claims="%s"`, base64.StdEncoding.EncodeToString([]byte(challenge.Claims)))
	case errors.Is(err, errNoToken):
		message = "Access token is empty."
	case errors.Is(err, token.ErrExpired):
		message = "Lifetime validation failed, the token is expired."
	}
	return &apierror.Error{
		Status: http.StatusUnauthorized, Code: "InvalidAuthenticationToken", Message: message,
		Header: map[string]string{"WWW-Authenticate": fmt.Sprintf(
			`Bearer realm="", authorization_uri="%s/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"%s`, s.opts.BaseURL, extra)},
	}
}

// findOwner checks the scopes and finds out whose resource is asked for.
func (s *Server) findOwner(c *call) error {
	name, named := c.params["user-id"]
	c.owner = c.me
	if named {
		c.owner = s.person(name, true)
	}
	scopes := c.route.Scopes
	if c.owner != c.me && c.route.Mailbox { // delegated scopes without .Shared end at one's own mailbox
		if scopes = c.route.Shared; c.owner == nil && c.claims.HasAny(c.route.Scopes...) {
			scopes = c.route.Scopes
		}
	}
	if !c.claims.HasAny(scopes...) {
		if c.route.Mailbox {
			return apierror.AccessDenied()
		}
		return apierror.InsufficientPrivileges()
	}
	switch {
	case c.owner == nil && c.route.Mailbox:
		return &apierror.Error{Status: http.StatusNotFound, Code: "ErrorInvalidUser", Message: fmt.Sprintf("The requested user '%s' is invalid.", name)}
	case c.owner == nil:
		return apierror.ResourceNotFound(name)
	}
	return nil
}

// checkAccess ends at a mailbox that is not shared with the caller, or is none.
func (s *Server) checkAccess(c *service.Call) error {
	if !c.Operation.Mailbox {
		return nil
	}
	switch {
	case c.Owner == c.Me:
	case c.Operation.Access != nil:
		if err := c.Operation.Access(c); err != nil {
			return err
		}
	case !s.opts.Tenant.Readable(c.Owner.ID, c.Me.ID):
		return apierror.AccessDenied()
	}
	if s.opts.Tenant.Mailbox[c.Owner.ID] == nil {
		return &apierror.Error{Status: http.StatusNotFound, Code: "MailboxNotEnabledForRESTAPI", Message: "The mailbox is either inactive, soft-deleted, or is hosted on-premise."}
	}
	return nil
}
