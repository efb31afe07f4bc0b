package authserver

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"m365mcp/internal/assertion"
)

// A client that has a key pair proves itself by a signed assertion (RFC 7523 section
// 2.2, OpenID Connect Core section 9): it names nobody but the client, is for this
// server alone, lives for minutes, and works once on all replicas.

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// clientAssertions are the types of such assertions: none, any JWT's, or their own. The
// type of another use is refused: what was signed for one is no proof for another.
var clientAssertions = []string{"", "jwt", "client-authentication+jwt"}

func (s *Server) authenticateByKey(r *http.Request, p parameters) (Client, error) {
	if r.Header.Get("Authorization") != "" || p["client_secret"] != "" {
		return Client{}, refuse(codeInvalidRequest, "The client authenticated in two ways.")
	}
	claims, err := assertion.Peek(p["client_assertion"])
	if err != nil {
		return Client{}, badAssertion(err)
	}
	id := claims.Subject
	if p["client_assertion_type"] != assertionType || id == "" || p["client_id"] != "" && p["client_id"] != id {
		return Client{}, errClientAuth
	}
	guess := s.failureKey(r, id)
	if wait := s.limits.failures.wait(guess, s.now()); wait > 0 {
		return Client{}, tooOften(wait)
	}
	client, err := s.verifyClient(r, id, p["client_assertion"])
	if err != nil && asOAuth(err).status < http.StatusInternalServerError {
		s.limits.failures.take(guess, s.now())
	}
	return client, err
}

// verifyClient returns the client that has signed the assertion.
func (s *Server) verifyClient(r *http.Request, id, raw string) (Client, error) {
	// A metadata document is looked at as it is now: keys are exchanged.
	client, err := s.describe(r.Context(), id, s.fetchPermit(r))
	switch {
	case errors.Is(err, ErrNotFound):
		return Client{}, errClientAuth
	case err != nil:
		return Client{}, asOAuth(err)
	case client.AuthMethod != authKey || client.Keys == nil:
		return Client{}, errClientAuth
	}
	claims, err := assertion.Verify(r.Context(), raw, client.Keys, assertion.Rules{
		Types: clientAssertions, Issuer: id, Audience: []string{s.issuer, s.issuer + "/token"}, Now: s.now(),
	}, s.fetchPermit(r))
	if err != nil {
		return Client{}, badAssertion(err)
	}
	return client, s.useAssertion(r.Context(), "client", claims, errUsedAssertion)
}

// useAssertion lets each through once; whose they are is in their names.
func (s *Server) useAssertion(ctx context.Context, use string, claims assertion.Claims, used error) error {
	err := s.store.UseAssertion(ctx, Digest(mac(nil, use, claims.Issuer, claims.ID)), claims.Expires)
	if errors.Is(err, ErrAlreadyUsed) {
		s.log.WarnContext(ctx, "signed assertion sent again", "use", use, "issuer", claims.Issuer)
		return used
	}
	if err != nil {
		return unavailable(err)
	}
	return nil
}

var errUsedAssertion = &oauthError{
	status: http.StatusUnauthorized, code: codeInvalidClient,
	description: "The client assertion was used before: each works once (jti).",
}

// badAssertion tells the client what is wrong, as far as it is the client's.
func badAssertion(err error) error {
	if refused, ok := errors.AsType[*assertion.Error](err); ok {
		return &oauthError{status: http.StatusUnauthorized, code: codeInvalidClient, description: "The client assertion cannot be taken: it " + refused.Reason + "."}
	}
	return asOAuth(err)
}

// publishedKeys are those that a metadata document has, or leads to. The same hosts
// count as for documents, and the same client fetches them.
func (d *documents) publishedKeys(m clientMetadata) (*assertion.Keys, error) {
	switch {
	case len(m.Keys) > 0 && m.KeysURI != "":
		return nil, unusable("It has jwks and jwks_uri, which RFC 7591 forbids together.")
	case len(m.Keys) > 0:
		keys, err := assertion.ParseKeys(m.Keys)
		if err != nil {
			return nil, unusable("Its jwks is no set of public keys for " + strings.Join(assertion.Algorithms(), ", ") + ".")
		}
		return keys, nil
	}
	u, err := url.Parse(m.KeysURI)
	if err != nil || documentFault(m.KeysURI) != "" || !d.allowed(u) {
		return nil, unusable("It has neither jwks nor a jwks_uri that this server may fetch.")
	}
	return assertion.RemoteKeys(m.KeysURI, d.client, d.now), nil
}
