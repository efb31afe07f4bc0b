package graph

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
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
	message := "IDX14100: JWT is not well formed, there are no dots (.). The token needs to be in JWS or JWE Compact Serialization Format."
	switch {
	case errors.Is(err, errNoToken):
		message = "Access token is empty."
	case errors.Is(err, token.ErrExpired):
		message = "Lifetime validation failed, the token is expired."
	}
	return &apierror.Error{
		Status: http.StatusUnauthorized, Code: "InvalidAuthenticationToken", Message: message,
		Header: map[string]string{"WWW-Authenticate": fmt.Sprintf(
			`Bearer realm="", authorization_uri="%s/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`, s.opts.BaseURL)},
	}
}

// authorize checks the scopes and finds out whose resource is asked for.
func (s *Server) authorize(c *call) error {
	if !c.claims.HasAny(c.route.scopes...) {
		if c.route.mailbox {
			return apierror.AccessDenied()
		}
		return apierror.InsufficientPrivileges()
	}
	c.owner = c.me
	if name, ok := c.params["user-id"]; ok {
		if c.owner = s.person(name); c.owner == nil && c.route.mailbox {
			return &apierror.Error{Status: http.StatusNotFound, Code: "ErrorInvalidUser", Message: fmt.Sprintf("The requested user '%s' is invalid.", name)}
		} else if c.owner == nil {
			return &apierror.Error{Status: http.StatusNotFound, Code: "Request_ResourceNotFound", Message: fmt.Sprintf("Resource '%s' does not exist or one of its queried reference-property objects are not present.", name)}
		}
	}
	if !c.route.mailbox {
		return nil
	}
	if c.owner != c.me { // delegated scopes without .Shared end at one's own mailbox
		return apierror.AccessDenied()
	}
	if c.box = s.mail.Mailbox(c.owner.ID); c.box == nil {
		return &apierror.Error{Status: http.StatusNotFound, Code: "MailboxNotEnabledForRESTAPI", Message: "The mailbox is either inactive, soft-deleted, or is hosted on-premise."}
	}
	return nil
}

// person finds a member of the tenant by object id or user principal name.
func (s *Server) person(name string) *dataset.Person {
	people := s.opts.Tenant.People
	i := slices.IndexFunc(people, func(p dataset.Person) bool {
		return strings.EqualFold(p.ID, name) || strings.EqualFold(p.UPN, name)
	})
	if i < 0 {
		return nil
	}
	return &people[i]
}

// basicOnly reports whether the token sees mail without its content:
// Mail.ReadBasic excludes body, bodyPreview, uniqueBody, attachments and
// search (Microsoft Graph permissions reference).
func (c *call) basicOnly() bool { return !c.claims.HasAny("Mail.Read", "Mail.ReadWrite") }
