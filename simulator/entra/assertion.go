package entra

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// thumbprintHeader names the certificate that signed an assertion.
const thumbprintHeader = "x5t#S256"

// checkAssertion verifies a client assertion (RFC 7523 section 3): one that the
// app signed with its certificate, or one of an issuer that it is federated with.
func (s *Server) checkAssertion(r *http.Request, client *Client, kind, raw string) *stsError {
	if kind != assertionType {
		return invalidRequest(90023, "The 'client_assertion_type' must be '"+assertionType+"'.")
	}
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.PS256, jose.RS256})
	if err != nil {
		return invalidClient(50027, "JWT token is invalid or malformed.")
	}
	var unproven jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&unproven); err != nil {
		return invalidClient(50027, "JWT token is invalid or malformed.")
	}
	header := parsed.Headers[0]
	if _, named := header.ExtraHeaders[thumbprintHeader]; !named && !strings.EqualFold(unproven.Issuer, client.ID) {
		return s.checkFederated(r.Context(), client, unproven, raw)
	}
	return s.checkCertificate(client, r.PathValue("tenant"), parsed)
}

// checkCertificate follows Microsoft's page on certificate credentials.
func (s *Server) checkCertificate(client *Client, tenant string, parsed *jwt.JSONWebToken) *stsError {
	header := parsed.Headers[0]
	thumbprint, ok := header.ExtraHeaders[thumbprintHeader].(string)
	switch {
	case !ok || thumbprint == "":
		return invalidClient(50027, "Invalid JWT token. No certificate thumbprint specified in token header.")
	case header.Algorithm != string(jose.PS256): // RS256 went with x5t, which is SHA-1
		return invalidClient(50027, "Invalid JWT token. The algorithm '"+header.Algorithm+"' is not the documented one.")
	}
	certificate := client.certificate(thumbprint)
	if certificate == nil {
		return invalidClient(700027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: '"+thumbprint+"']")
	}
	var c jwt.Claims
	if err := parsed.Claims(certificate.PublicKey, &c); err != nil {
		return invalidClient(700027, "Client assertion failed signature validation. [Reason - The provided signature value did not match the expected signature value.]")
	}
	now := s.now()
	if now.Before(certificate.NotBefore) || now.After(certificate.NotAfter) {
		return invalidClient(1000502, "The provided certificate is not within its specified validity window.")
	}
	if fault := s.checkAssertionClaims(client, tenant, c); fault != nil {
		return fault
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.assertions.first(client.ID+"\x00"+c.ID, now, c.Expiry.Time().Add(clockSkew)) {
		return invalidClient(50013, "Assertion failed validation: its identifier (jti) was already used.")
	}
	return nil
}

func (s *Server) checkAssertionClaims(client *Client, tenant string, c jwt.Claims) *stsError {
	audiences := []string{s.endpoint(s.tenant.ID, "token"), s.endpoint(tenant, "token")}
	switch {
	case c.Issuer == "" || c.Subject == "" || c.Expiry == nil || c.ID == "":
		return invalidClient(90014, "The required field 'iss', 'sub', 'exp' or 'jti' is missing from the credential. Ensure that you have all the necessary parameters for the login request.")
	case !strings.EqualFold(c.Issuer, client.ID):
		return invalidClient(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
	case !strings.EqualFold(c.Subject, c.Issuer):
		return invalidClient(50048, "Subject mismatches Issuer claim in the client assertion.")
	case !slices.ContainsFunc(audiences, func(a string) bool { return c.Audience.Contains(a) }):
		return invalidClient(700023, "Client assertion audience claim does not match Realm issuer.")
	}
	return s.checkTimes(c)
}

func (s *Server) checkTimes(c jwt.Claims) *stsError {
	now := s.now()
	if c.Expiry == nil || !now.Before(c.Expiry.Time().Add(clockSkew)) ||
		c.NotBefore != nil && now.Add(clockSkew).Before(c.NotBefore.Time()) {
		return invalidClient(700024, "Client assertion is not within its valid time range. Current time: "+now.UTC().Format(time.RFC3339)+".")
	}
	return nil
}

// certificate finds the registered certificate with this SHA-256 thumbprint.
func (c *Client) certificate(thumbprint string) *x509.Certificate {
	for _, certificate := range c.Certificates {
		sum := sha256.Sum256(certificate.Raw)
		if base64.RawURLEncoding.EncodeToString(sum[:]) == strings.TrimRight(thumbprint, "=") {
			return certificate
		}
	}
	return nil
}
