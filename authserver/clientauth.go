package authserver

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
)

// authenticate finds out which client calls (RFC 6749 section 2.3). A public
// client only names itself; what it redeems is bound to its id and to PKCE.
func (s *Server) authenticate(r *http.Request, p parameters) (Client, error) {
	if p["client_assertion"] != "" || p["client_assertion_type"] != "" {
		return s.authenticateByKey(r, p)
	}
	id, secret, err := credentials(r, p)
	if err != nil {
		return Client{}, err
	}
	client, err := s.client(r.Context(), id)
	if errors.Is(err, ErrNotFound) {
		return Client{}, errClientAuth
	}
	if err != nil {
		return Client{}, unavailable(err)
	}
	if client.public() {
		if secret != "" {
			return Client{}, errClientAuth
		}
		return client, nil
	}
	guess := s.failureKey(r, client.ID)
	if wait := s.limits.failures.wait(guess, s.now()); wait > 0 {
		return Client{}, tooOften(wait)
	}
	got := digest(secret)
	if secret == "" || client.AuthMethod == authKey || subtle.ConstantTimeCompare(got[:], client.Secret[:]) != 1 {
		s.limits.failures.take(guess, s.now())
		return Client{}, errClientAuth
	}
	return client, nil
}

var errClientAuth = &oauthError{
	status: http.StatusUnauthorized, code: codeInvalidClient,
	description: "The client is not registered, or its authentication failed.",
}

// credentials reads the client's id and secret from the header or the body, never
// from both. Clients mix up the two methods, so a secret counts either way.
func credentials(r *http.Request, p parameters) (id, secret string, err error) {
	if r.Header.Get("Authorization") == "" {
		if p["client_id"] == "" {
			return "", "", errClientAuth
		}
		return p["client_id"], p["client_secret"], nil
	}
	user, password, ok := r.BasicAuth()
	if !ok || len(r.Header.Values("Authorization")) > 1 {
		return "", "", errClientAuth
	}
	// The two are form-encoded inside (RFC 6749 section 2.3.1).
	id, idErr := url.QueryUnescape(user)
	secret, secretErr := url.QueryUnescape(password)
	if idErr != nil || secretErr != nil {
		return "", "", errClientAuth
	}
	if p["client_secret"] != "" || (p["client_id"] != "" && p["client_id"] != id) {
		return "", "", refuse(codeInvalidRequest, "The client authenticated in two ways.")
	}
	return id, secret, nil
}
