package authserver

import (
	"errors"
	"net/http"
	"strings"
)

// registeredPrefix begins the ids that this server gives to clients. No other
// source's ids begin like this.
const registeredPrefix = "dcr-"

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
	asked, err := parseMetadata(body)
	if err != nil {
		return err
	}
	client, err := asked.client(authNone, authBasic, authPost)
	if err != nil {
		return err
	}
	if client.RedirectURIs, err = s.allowedRedirects(client.RedirectURIs); err != nil {
		return err
	}
	now := s.now()
	client.ID, client.Source, client.CreatedAt = registeredPrefix+randomID(), ClientRegistered, now
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
