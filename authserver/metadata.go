package authserver

import (
	"net/http"
	"slices"

	"m365mcp/internal/assertion"
)

// serverMetadata describes the authorization server (RFC 8414 section 2). The
// OpenID path serves it too, for clients that look only there; no OpenID tokens
// are issued, so it names no keys.
func (s *Server) serverMetadata() any {
	proving := []string{authBasic, authPost, authKey}
	methods := append([]string{authNone}, proving...)
	grants := []string{grantCode, grantRefresh}
	if s.some(configured.isService) {
		grants = append(grants, grantClient)
	}
	var profiles, introspection []string
	if len(s.providers) > 0 {
		grants, profiles = append(grants, grantJWT), []string{profileIDJAG}
	}
	introspect := ""
	if s.some(configured.introspects) {
		introspect, introspection = s.issuer+"/introspect", proving
	}
	registration := s.issuer + "/register"
	if s.closed {
		registration = ""
	}
	return struct {
		Issuer            string   `json:"issuer"`
		Authorization     string   `json:"authorization_endpoint"`
		Token             string   `json:"token_endpoint"`
		Registration      string   `json:"registration_endpoint,omitempty"`
		Revocation        string   `json:"revocation_endpoint"`
		Scopes            []string `json:"scopes_supported"`
		ResponseTypes     []string `json:"response_types_supported"`
		ResponseModes     []string `json:"response_modes_supported"`
		GrantTypes        []string `json:"grant_types_supported"`
		TokenAuth         []string `json:"token_endpoint_auth_methods_supported"`
		TokenAlgs         []string `json:"token_endpoint_auth_signing_alg_values_supported"`
		RevocationAuth    []string `json:"revocation_endpoint_auth_methods_supported"`
		RevocationAlgs    []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
		Introspection     string   `json:"introspection_endpoint,omitempty"`
		IntrospectionAuth []string `json:"introspection_endpoint_auth_methods_supported,omitempty"`
		IntrospectionAlgs []string `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`
		GrantProfiles     []string `json:"authorization_grant_profiles_supported,omitempty"` // ID-JAG
		CodeChallenge     []string `json:"code_challenge_methods_supported"`
		IssuerInResponses bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
		Resources         []string `json:"protected_resources"`                            // RFC 9728 section 4
		Documents         bool     `json:"client_id_metadata_document_supported"`
	}{
		Issuer:            s.issuer,
		Authorization:     s.issuer + "/authorize",
		Token:             s.issuer + "/token",
		Registration:      registration,
		Revocation:        s.issuer + "/revoke",
		Scopes:            s.scopes,
		ResponseTypes:     []string{"code"},
		ResponseModes:     []string{"query"},
		GrantTypes:        grants,
		TokenAuth:         methods,
		TokenAlgs:         assertion.Algorithms(),
		RevocationAuth:    methods,
		RevocationAlgs:    assertion.Algorithms(),
		Introspection:     introspect,
		IntrospectionAuth: introspection,
		IntrospectionAlgs: algorithmsOf(introspection),
		GrantProfiles:     profiles,
		CodeChallenge:     []string{"S256"},
		IssuerInResponses: true,
		Resources:         []string{s.resource},
		Documents:         s.documents != nil,
	}
}

// algorithmsOf are those of the one method that signs, where it is one of them.
func algorithmsOf(methods []string) []string {
	if !slices.Contains(methods, authKey) {
		return nil
	}
	return assertion.Algorithms()
}

// resourceMetadata describes /mcp (RFC 9728 section 2). It is served at the
// path-inserted location and at the root, where older clients look.
func (s *Server) resourceMetadata() any {
	return struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported"`
		Bearer   []string `json:"bearer_methods_supported"`
		Name     string   `json:"resource_name"`
	}{
		Resource: s.resource,
		Servers:  []string{s.issuer},
		Scopes:   s.scopes,
		Bearer:   []string{"header"},
		Name:     "Microsoft 365",
	}
}

func (s *Server) resourceMetadataURL() string {
	return s.issuer + "/.well-known/oauth-protected-resource/mcp"
}

func serveDocument(document any) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		return writeJSON(w, http.StatusOK, document)
	}
}
