package authserver

import (
	"errors"
	"net/http"
	"strings"
)

// introspection is RFC 7662 section 2.2. Of a token that is no good it says that and
// nothing else: not why, and not whether there ever was one.
type introspection struct {
	Active   bool   `json:"active"`
	Scope    string `json:"scope,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	Username string `json:"username,omitempty"` // the UPN; none of a service
	Type     string `json:"token_type,omitempty"`
	Expires  int64  `json:"exp,omitempty"`
	Issued   int64  `json:"iat,omitempty"`
	Subject  string `json:"sub,omitempty"` // tenant and object id; of a service, its client's
	Audience string `json:"aud,omitempty"`
	Issuer   string `json:"iss,omitempty"`
}

// introspect tells a linked service what a token is good for, now: the same read as
// with every request to /mcp.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) error {
	p, err := s.readForm(w, r)
	if err != nil {
		return err
	}
	client, err := s.authenticate(r, p)
	if err != nil {
		return err
	}
	switch {
	case client.public() || !s.configured[client.ID].introspect:
		return &oauthError{
			status: http.StatusForbidden, code: codeUnauthorizedClient,
			description: "This client may not ask about tokens. An administrator can allow it (oauth.clients).",
		}
	case p["token"] == "":
		return refuse(codeInvalidRequest, "token is missing.")
	}
	now := s.now()
	token, err := s.store.Token(r.Context(), digest(p["token"]))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return unavailable(err)
	}
	if err != nil || s.usable(token, now) != nil || !tellable(token, client) {
		return writeJSON(w, http.StatusOK, introspection{})
	}
	grant := token.Grant
	who := grant.principal(now)
	answer := introspection{
		Active: true, Scope: strings.Join(token.Scopes, " "), ClientID: grant.ClientID, Username: grant.UPN,
		Expires: token.ExpiresAt.Unix(), Subject: who.UserKey(), Audience: grant.Resource, Issuer: s.issuer,
	}
	if grant.Service != "" {
		answer.Subject = grant.ClientID
	}
	if !token.IssuedAt.IsZero() {
		answer.Issued = token.IssuedAt.Unix()
	}
	if token.Kind == AccessToken {
		answer.Type = "Bearer"
	}
	return writeJSON(w, http.StatusOK, answer)
}

// tellable: an access token to whoever may ask, for it is made to be shown; a refresh
// token only to the client that holds it, and only the youngest.
func tellable(token Token, asking Client) bool {
	return token.Kind == AccessToken || token.Grant.ClientID == asking.ID && token.Generation == token.Grant.Generation
}
