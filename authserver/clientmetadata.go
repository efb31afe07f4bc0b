package authserver

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"m365mcp/internal/assertion"
	"m365mcp/internal/redirecturi"
)

const (
	maxRedirectURIs  = 10
	maxRedirectBytes = 8 << 10 // of all of a client's
	maxClientName    = 200
)

// clientMetadata is what RFC 7591 section 2 lets a client say of itself, as far as
// it has a meaning here. Other members are ignored, as the RFC asks.
type clientMetadata struct {
	ClientID      string
	RedirectURIs  []string
	ClientName    string
	AuthMethod    *string
	GrantTypes    []string
	ResponseTypes []string
	Secret        bool // it names a secret, whatever it is
	Keys          json.RawMessage
	KeysURI       string
}

// parseMetadata reads the JSON object of a registration or of a metadata document.
// Members are known by their exact names, and none may be there twice: two readers
// might take different ones.
func parseMetadata(body []byte) (clientMetadata, error) {
	var m clientMetadata
	if !utf8.Valid(body) {
		return m, refuse(codeInvalidMetadata, "The client metadata are not valid UTF-8.")
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return m, refuse(codeInvalidMetadata, "The client metadata are not the JSON object of RFC 7591.")
	}
	if err := assertion.Unique(body); err != nil {
		return m, refuse(codeInvalidMetadata, "The client metadata have a member twice, or are nested too deeply.")
	}
	for name, into := range map[string]any{
		"client_id": &m.ClientID, "redirect_uris": &m.RedirectURIs, "client_name": &m.ClientName,
		"token_endpoint_auth_method": &m.AuthMethod, "grant_types": &m.GrantTypes, "response_types": &m.ResponseTypes,
		"jwks": &m.Keys, "jwks_uri": &m.KeysURI,
	} {
		if value, ok := members[name]; ok && json.Unmarshal(value, into) != nil {
			return m, refuse(codeInvalidMetadata, "The client metadata have the wrong type of value for "+name+".")
		}
	}
	for _, name := range []string{"client_secret", "client_secret_expires_at"} {
		_, ok := members[name]
		m.Secret = m.Secret || ok
	}
	return m, nil
}

// client checks what a client says of itself and returns what is kept of it.
func (m clientMetadata) client(methods ...string) (Client, error) {
	c := Client{Name: displayText(m.ClientName, maxClientName), RedirectURIs: m.RedirectURIs, AuthMethod: authBasic} // the default of RFC 7591
	if m.AuthMethod != nil {
		c.AuthMethod = *m.AuthMethod
	}
	switch {
	case len(c.RedirectURIs) == 0:
		return c, refuse(codeInvalidRedirectURI, "At least one redirect URI is needed.")
	case len(c.RedirectURIs) > maxRedirectURIs:
		return c, refuse(codeInvalidRedirectURI, "There are more redirect URIs than this server takes.")
	case utf8.RuneCountInString(m.ClientName) > maxClientName:
		return c, refuse(codeInvalidMetadata, "The client_name is too long.")
	case !slices.Contains(methods, c.AuthMethod):
		return c, refuse(codeInvalidMetadata, "The token_endpoint_auth_method has to be one of: "+strings.Join(methods, ", ")+".")
	case len(m.GrantTypes) > 0 && !slices.Contains(m.GrantTypes, grantCode):
		return c, refuse(codeInvalidMetadata, "The grant_types have to include authorization_code.")
	case len(m.ResponseTypes) > 0 && !slices.Contains(m.ResponseTypes, "code"):
		return c, refuse(codeInvalidMetadata, "The response_types have to include code.")
	}
	size := 0
	for _, uri := range c.RedirectURIs {
		if size += len(uri); size > maxRedirectBytes {
			return c, refuse(codeInvalidRedirectURI, "The redirect URIs are too long together.")
		}
		if fault := redirecturi.Fault(uri); fault != "" {
			return c, refuse(codeInvalidRedirectURI, "A redirect URI "+fault+".")
		}
	}
	return c, nil
}
