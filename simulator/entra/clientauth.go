package entra

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// authMethod is how a client proved itself, spelt as the appidacr claim.
type authMethod string

const (
	authNone        authMethod = "0"
	authSecret      authMethod = "1"
	authCertificate authMethod = "2"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523 section 2.2
	clockSkew     = 5 * time.Minute
)

func invalidClient(code int, text string) *stsError {
	return &stsError{code: code, oauth: "invalid_client", status: http.StatusUnauthorized, text: text}
}

// authenticateClient finds the client and checks its credential: secret in the
// body or in the Basic header (RFC 6749 section 2.3.1), or a certificate's assertion.
func (s *Server) authenticateClient(r *http.Request) (*Client, authMethod, *stsError) {
	form := r.PostForm
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		// Both halves are form-encoded before they are joined.
		basicID, errID := url.QueryUnescape(user)
		basicSecret, errSecret := url.QueryUnescape(password)
		if errID != nil || errSecret != nil || (id != "" && !strings.EqualFold(id, basicID)) {
			return nil, "", invalidRequest(90023, "The Authorization header and the request body name different clients.")
		}
		id, secret = basicID, basicSecret
	}
	if id == "" {
		return nil, "", missingParameter("client_id")
	}
	client := s.clients[strings.ToLower(id)]
	if client == nil {
		return nil, "", s.unknownClient(id)
	}
	assertion := form.Get("client_assertion")
	public := client.Secret == "" && len(client.Certificates) == 0
	switch {
	case public && (secret != "" || assertion != ""):
		return nil, "", invalidClient(700025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.")
	case public:
		return client, authNone, nil
	case r.Header.Get("Origin") != "":
		return nil, "", invalidRequest(9002326, "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type.")
	case assertion != "":
		return client, authCertificate, s.checkAssertion(client, r.PathValue("tenant"), form.Get("client_assertion_type"), assertion)
	case secret == "":
		return nil, "", invalidClient(7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case client.Secret == "" || subtle.ConstantTimeCompare([]byte(secret), []byte(client.Secret)) != 1:
		return nil, "", invalidClient(7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '"+client.ID+"'.")
	}
	return client, authSecret, nil
}

// checkAssertion verifies private_key_jwt, RFC 7523 section 3, as Microsoft's
// page on certificate credentials describes it.
func (s *Server) checkAssertion(client *Client, tenant, kind, raw string) *stsError {
	if kind != assertionType {
		return invalidRequest(90023, "The 'client_assertion_type' must be '"+assertionType+"'.")
	}
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.PS256, jose.RS256})
	if err != nil {
		return invalidClient(50027, "JWT token is invalid or malformed.")
	}
	certificate := client.certificate(parsed.Headers[0])
	if certificate == nil {
		return invalidClient(700027, "The certificate with identifier used to sign the client assertion is not registered on application.")
	}
	var c jwt.Claims
	if err := parsed.Claims(certificate.PublicKey, &c); err != nil {
		return invalidClient(700027, "Client assertion failed signature validation.")
	}
	if fault := s.checkAssertionClaims(client, tenant, c); fault != nil {
		return fault
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.assertions.first(client.ID+"\x00"+c.ID, s.now(), c.Expiry.Time().Add(clockSkew)) {
		return invalidClient(50013, "Assertion failed validation: its identifier (jti) was already used.")
	}
	return nil
}

func (s *Server) checkAssertionClaims(client *Client, tenant string, c jwt.Claims) *stsError {
	now := s.now()
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
	case !now.Before(c.Expiry.Time().Add(clockSkew)),
		c.NotBefore != nil && now.Add(clockSkew).Before(c.NotBefore.Time()):
		return invalidClient(700024, "Client assertion is not within its valid time range. Current time: "+now.UTC().Format(time.RFC3339)+".")
	}
	return nil
}

// certificate finds the registered certificate that the assertion's header names.
func (c *Client) certificate(header jose.Header) *x509.Certificate {
	thumbprint, ok := header.ExtraHeaders["x5t#S256"].(string)
	if !ok {
		return nil
	}
	for _, certificate := range c.Certificates {
		sum := sha256.Sum256(certificate.Raw)
		if base64.RawURLEncoding.EncodeToString(sum[:]) == strings.TrimRight(thumbprint, "=") {
			return certificate
		}
	}
	return nil
}
