package authserver

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxRedirectURIs  = 10
	maxRedirectBytes = 8 << 10 // of all of a client's
	maxClientName    = 200
)

// registration is the request of RFC 7591 section 2, as far as it has a meaning
// here. Other members are ignored, as the RFC asks.
type registration struct {
	RedirectURIs  []string `json:"redirect_uris"`
	ClientName    string   `json:"client_name"`
	AuthMethod    *string  `json:"token_endpoint_auth_method"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
}

// registered is the answer (RFC 7591 section 3.2.1): what was stored, which may
// be less than was asked.
type registered struct {
	ClientID      string   `json:"client_id"`
	IssuedAt      int64    `json:"client_id_issued_at"`
	Secret        string   `json:"client_secret,omitempty"`
	SecretExpires *int64   `json:"client_secret_expires_at,omitempty"` // 0: never
	RedirectURIs  []string `json:"redirect_uris"`
	ClientName    string   `json:"client_name,omitempty"`
	AuthMethod    string   `json:"token_endpoint_auth_method"`
	GrantTypes    []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	Scope         string   `json:"scope"`
}

// register is the registration endpoint. It is open to everybody, so all it
// gives is the right to show a person a consent page.
func (s *Server) register(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(w, r, "application/json", maxBody)
	if err != nil {
		return err
	}
	var asked registration
	if err := json.Unmarshal(body, &asked); err != nil {
		return refuse(codeInvalidMetadata, "The body is not the JSON object of RFC 7591.")
	}
	client, err := asked.client()
	if err != nil {
		return err
	}
	now := s.now()
	client.ID, client.CreatedAt = "dcr-"+randomID(), now
	answer := registered{
		ClientID: client.ID, IssuedAt: now.Unix(), RedirectURIs: client.RedirectURIs, ClientName: client.Name,
		AuthMethod: client.AuthMethod, GrantTypes: []string{grantCode, grantRefresh}, ResponseTypes: []string{"code"},
		Scope: strings.Join(s.scopes, " "),
	}
	if !client.public() {
		answer.Secret, answer.SecretExpires = randomToken(), new(int64)
		client.Secret = digest(answer.Secret)
	}
	err = s.store.InsertClient(r.Context(), client, ClientLimits{
		Clients: s.maxClients, Unused: min(s.maxClients, max(minUnused, s.maxClients/10)), EvictBefore: now.Add(-unusedWait),
	})
	if errors.Is(err, ErrTooManyClients) {
		return &oauthError{
			status: http.StatusServiceUnavailable, code: codeUnavailable, cause: err, wait: unusedWait,
			description: "Too many apps have registered with this server lately. Try again in " + minutes(unusedWait) + " minutes.",
		}
	}
	if err != nil {
		return unavailable(err)
	}
	s.log.InfoContext(r.Context(), "client registered", "client", client.ID,
		"redirect_hosts", client.redirectHosts(), "auth_method", client.AuthMethod)
	return writeJSON(w, http.StatusCreated, answer)
}

// client checks what was asked and returns what is stored of it.
func (a registration) client() (Client, error) {
	c := Client{Name: displayText(a.ClientName, maxClientName), RedirectURIs: a.RedirectURIs, AuthMethod: authBasic} // the default of RFC 7591
	if a.AuthMethod != nil {
		c.AuthMethod = *a.AuthMethod
	}
	switch {
	case len(c.RedirectURIs) == 0:
		return c, refuse(codeInvalidRedirectURI, "At least one redirect URI is needed.")
	case len(c.RedirectURIs) > maxRedirectURIs:
		return c, refuse(codeInvalidRedirectURI, "There are more redirect URIs than this server takes.")
	case utf8.RuneCountInString(a.ClientName) > maxClientName:
		return c, refuse(codeInvalidMetadata, "The client_name is too long.")
	case !slices.Contains([]string{authNone, authBasic, authPost}, c.AuthMethod):
		return c, refuse(codeInvalidMetadata, "The token_endpoint_auth_method has to be none, client_secret_basic or client_secret_post.")
	case len(a.GrantTypes) > 0 && !slices.Contains(a.GrantTypes, grantCode):
		return c, refuse(codeInvalidMetadata, "The grant_types have to include authorization_code.")
	case len(a.ResponseTypes) > 0 && !slices.Contains(a.ResponseTypes, "code"):
		return c, refuse(codeInvalidMetadata, "The response_types have to include code.")
	}
	size := 0
	for _, uri := range c.RedirectURIs {
		if size += len(uri); size > maxRedirectBytes {
			return c, refuse(codeInvalidRedirectURI, "The redirect URIs are too long together.")
		}
		if fault := checkRedirectURI(uri); fault != "" {
			return c, refuse(codeInvalidRedirectURI, "A redirect URI "+fault+".")
		}
	}
	return c, nil
}
