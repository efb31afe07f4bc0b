package entra

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// authMethod is how a client proved itself, spelt as the appidacr claim.
type authMethod string

const (
	authNone        authMethod = "0"
	authSecret      authMethod = "1"
	authCertificate authMethod = "2" // or any other assertion
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" // RFC 7523 section 2.2
	clockSkew     = 5 * time.Minute
)

func invalidClient(code int, text string) *stsError {
	return &stsError{code: code, oauth: "invalid_client", status: http.StatusUnauthorized, text: text}
}

// authenticateClient finds the client and checks its credential: secret in the
// body or in the Basic header (RFC 6749 section 2.3.1), or an assertion.
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
		return nil, "", s.unknownClient(id, s.tenant)
	}
	assertion := form.Get("client_assertion")
	public := client.Secret == "" && len(client.Certificates) == 0 && len(client.Federated) == 0
	switch {
	case public && (secret != "" || assertion != ""):
		return nil, "", invalidClient(700025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.")
	case public:
		return client, authNone, nil
	case r.Header.Get("Origin") != "":
		return nil, "", invalidRequest(9002326, "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type.")
	case assertion != "":
		return client, authCertificate, s.checkAssertion(r, client, form.Get("client_assertion_type"), assertion)
	case secret == "":
		return nil, "", invalidClient(7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case client.Secret == "" || subtle.ConstantTimeCompare([]byte(secret), []byte(client.Secret)) != 1:
		return nil, "", invalidClient(7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '"+client.ID+"'.")
	}
	return client, authSecret, nil
}
