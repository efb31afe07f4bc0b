package authserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"m365mcp/identity"
)

// Errors of [Server.Verify] and [Server.Recheck]; [GrantStore] has ErrRevoked too. Any other error means that the
// store could not be asked: the request is refused, but the token may be good.
var (
	ErrInvalidToken = errors.New("invalid token")
	ErrRevoked      = errors.New("revoked")
)

// Verify returns the principal behind an access token for /mcp. Token, grant and kill
// epoch are one indexed read, so a revocation counts from its commit on, everywhere.
func (s *Server) Verify(ctx context.Context, rawToken string) (identity.Principal, error) {
	return s.verify(ctx, mcpPath, rawToken)
}

// Reverify is [Server.Verify] with the token and the door of a request that
// [Server.RequireBearer] has admitted, for what lives longer than the request's answer.
func (s *Server) Reverify(r *http.Request) (identity.Principal, error) {
	token, _ := bearerToken(r.Header)
	return s.verify(r.Context(), r.URL.Path, token)
}

func (s *Server) verify(ctx context.Context, path, rawToken string) (identity.Principal, error) {
	now := s.now()
	token, err := s.store.Token(ctx, digest(rawToken))
	switch {
	case errors.Is(err, ErrNotFound):
		return identity.Principal{}, fmt.Errorf("%w: unknown", ErrInvalidToken)
	case err != nil:
		return identity.Principal{}, fmt.Errorf("verify token: %w", err)
	case token.Kind != AccessToken:
		return identity.Principal{}, fmt.Errorf("%w: not an access token", ErrInvalidToken)
	}
	if err := s.usable(token, now); err != nil {
		return identity.Principal{}, err
	}
	if !s.accepts(path, token.Grant.Resource) {
		return identity.Principal{}, fmt.Errorf("%w: issued for another resource", ErrInvalidToken)
	}
	switch err := s.comesAs(ctx, token.Grant, "request"); {
	case errors.Is(err, errUnbound):
		return identity.Principal{}, fmt.Errorf("%w: %w", ErrInvalidToken, err)
	case err != nil:
		return identity.Principal{}, err
	}
	p := token.Grant.principal(now)
	p.Perimeter, p.Assertion = identity.PerimeterOf(ctx), identity.AssertionOf(ctx)
	p.Scopes, p.Expires, p.Tools = token.Scopes, token.ExpiresAt, s.configured[token.Grant.ClientID].tools
	return p, nil
}

// usable says why a token is good for nothing any more.
func (s *Server) usable(token Token, now time.Time) error {
	switch {
	case !now.Before(token.ExpiresAt):
		return fmt.Errorf("%w: expired", ErrInvalidToken)
	case !token.Grant.Alive() || !s.entitled(token.Grant):
		return fmt.Errorf("%w: %w", ErrInvalidToken, ErrRevoked)
	case !s.serves(token.Grant.Resource): // the public URL has changed, or a door was closed
		return fmt.Errorf("%w: issued for another resource", ErrInvalidToken)
	}
	return nil
}

// entitled reports whether the configuration still lets the grant's client have what
// it has: for itself, for a person by an identity provider's word, or by the person's.
func (s *Server) entitled(g Grant) bool {
	switch {
	case !s.admitted(g.ClientID):
		return false
	case g.Service != "":
		return s.configured[g.ClientID].service && !g.ofPerson()
	case g.RestsOn != "":
		return s.trusts(g.ClientID) && g.ofPerson()
	default:
		return g.ofPerson()
	}
}

// Recheck reads the principal's grant and kill epoch again, right before something
// is done in the person's name. [ErrRevoked] if they say no.
//
// A principal without a grant ([Server.provenService]) has nothing to read: its proof was
// for one request, and nothing can be done in a person's name on it.
func (s *Server) Recheck(ctx context.Context, p identity.Principal) error {
	if p.GrantID == "" {
		return ErrRevoked
	}
	grant, err := s.store.Grant(ctx, p.GrantID)
	if errors.Is(err, ErrNotFound) || (err == nil && (!grant.Alive() || !s.entitled(grant))) {
		return ErrRevoked
	}
	if err != nil {
		return fmt.Errorf("recheck grant: %w", err)
	}
	return nil
}

// Challenge is what a 401 or 403 says (RFC 6750 section 3, RFC 9728 section 5.1).
type Challenge struct {
	Error       string // empty when the request carried no token
	Description string
	Scopes      []string // all that are needed; empty: those of this server
	Resource    string   // empty: /mcp
}

// Challenge returns the WWW-Authenticate value.
func (s *Server) Challenge(c Challenge) string {
	if len(c.Scopes) == 0 {
		c.Scopes = s.scopes
	}
	var parts []string
	for _, p := range [][2]string{
		{"error", c.Error},
		{"error_description", c.Description},
		{"resource_metadata", s.resourceMetadataURL(cmp.Or(c.Resource, s.resource))},
		{"scope", strings.Join(c.Scopes, " ")},
	} {
		if p[1] != "" {
			parts = append(parts, p[0]+`="`+quotable(p[1])+`"`)
		}
	}
	return "Bearer " + strings.Join(parts, ", ")
}

// quotable drops what RFC 6750 section 3 does not allow in these values.
func quotable(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return -1
		}
		return c
	}, text)
}

// RequireBearer admits requests with a valid access token to next, and answers all
// others itself: 401 with a challenge, or 503 where the store cannot be asked.
func (s *Server) RequireBearer(next func(http.ResponseWriter, *http.Request, identity.Principal)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, sent := bearerToken(r.Header)
		if principal, ok := s.provenService(r); ok {
			next(w, r, principal)
			return
		}
		if !sent {
			s.deny401(w, r, Challenge{}, "Sign in first: this resource needs an access token.")
			return
		}
		if token == "" {
			s.deny401(w, r, Challenge{Error: codeInvalidToken}, "The Authorization header is not one well-formed bearer token.")
			return
		}
		principal, err := s.verify(r.Context(), r.URL.Path, token)
		if errors.Is(err, ErrInvalidToken) {
			s.log.DebugContext(r.Context(), "bearer token refused", "reason", err)
			s.deny401(w, r, Challenge{Error: codeInvalidToken}, "The access token is unknown, expired or revoked.")
			return
		}
		if errors.Is(err, ErrNotBearer) {
			w.Header().Set("Cache-Control", "no-store")
			s.writeError(w, r, &oauthError{
				status: http.StatusForbidden, code: codeAccessDenied,
				description: "This token is of somebody else than the proxy in front has proven to be here. It is recorded. Sign in for yourself.",
			})
			return
		}
		if err != nil {
			w.Header().Set("Cache-Control", "no-store")
			s.writeError(w, r, unavailable(err))
			return
		}
		next(w, r, principal)
	})
}

func (s *Server) deny401(w http.ResponseWriter, r *http.Request, c Challenge, text string) {
	if c.Error != "" {
		c.Description = text
	}
	s.refuseBearer(w, r, http.StatusUnauthorized, c, text)
}

func (s *Server) refuseBearer(w http.ResponseWriter, r *http.Request, status int, c Challenge, text string) {
	c.Resource = s.resourceOn(r.URL.Path)
	w.Header().Set("WWW-Authenticate", s.Challenge(c))
	w.Header().Set("Cache-Control", "no-store")
	code := c.Error
	if code == "" {
		code = "unauthorized"
	}
	s.writeError(w, r, &oauthError{status: status, code: code, description: text})
}

// bearerToken reads the header of RFC 6750 section 2.1. Tokens in the query or in
// a form are never looked for. sent: the request tried a bearer token; the token
// is empty when it is not well-formed, or not the only one.
func bearerToken(h http.Header) (token string, sent bool) {
	values := h.Values("Authorization")
	for _, value := range values {
		scheme, _, _ := strings.Cut(value, " ")
		sent = sent || strings.EqualFold(scheme, "Bearer")
	}
	if !sent || len(values) != 1 {
		return "", sent
	}
	_, token, _ = strings.Cut(values[0], " ")
	token = strings.Trim(token, " ")
	if token == "" || len(token) > 512 || !token68(token) {
		return "", true
	}
	return token, true
}

// token68 is the syntax of b64token (RFC 6750 section 2.1).
func token68(token string) bool {
	body := strings.TrimRight(token, "=")
	for i := range len(body) {
		c := body[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-._~+/", c) < 0 {
			return false
		}
	}
	return body != ""
}
