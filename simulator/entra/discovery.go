package entra

import (
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// configuration is the OpenID Connect discovery document in Entra's form. Like
// Entra's it does not mention PKCE; endpoints that are not simulated are absent.
type configuration struct {
	TokenEndpoint                     string   `json:"token_endpoint"`
	TokenEndpointAuthMethodsSupported []string `json:"token_endpoint_auth_methods_supported"`
	JWKSURI                           string   `json:"jwks_uri"`
	ResponseModesSupported            []string `json:"response_modes_supported"`
	SubjectTypesSupported             []string `json:"subject_types_supported"`
	IDTokenSigningAlgValuesSupported  []string `json:"id_token_signing_alg_values_supported"`
	ResponseTypesSupported            []string `json:"response_types_supported"`
	ScopesSupported                   []string `json:"scopes_supported"`
	Issuer                            string   `json:"issuer"`
	RequestURIParameterSupported      bool     `json:"request_uri_parameter_supported"`
	AuthorizationEndpoint             string   `json:"authorization_endpoint"`
	HTTPLogoutSupported               bool     `json:"http_logout_supported"`
	EndSessionEndpoint                string   `json:"end_session_endpoint"`
	ClaimsSupported                   []string `json:"claims_supported"`
	TenantRegionScope                 *string  `json:"tenant_region_scope"`
	CloudInstanceName                 string   `json:"cloud_instance_name"`
	CloudGraphHostName                string   `json:"cloud_graph_host_name"`
	MSGraphHost                       string   `json:"msgraph_host"`
}

func (s *Server) handleConfiguration(w http.ResponseWriter, r *http.Request) {
	t := s.begin(w, r)
	path := r.PathValue("tenant")
	at, fault := s.findTenant(path)
	if fault != nil {
		s.writeError(w, r, t, fault)
		return
	}
	// An alias serves every tenant: its issuer is a template, its paths keep the alias.
	var region *string
	if at != nil {
		path, region = at.ID, new("EU")
	}
	allowCaching(w)
	s.writeJSON(w, r, http.StatusOK, configuration{
		TokenEndpoint:                     s.endpoint(path, "token"),
		TokenEndpointAuthMethodsSupported: []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		JWKSURI:                           s.baseURL + "/" + path + "/discovery/v2.0/keys",
		ResponseModesSupported:            []string{modeQuery, modeFragment, modeFormPost},
		SubjectTypesSupported:             []string{"pairwise"},
		IDTokenSigningAlgValuesSupported:  []string{string(jose.RS256)},
		ResponseTypesSupported:            []string{"code", "id_token", "code id_token", "id_token token"},
		ScopesSupported:                   []string{"openid", "profile", "email", "offline_access"},
		Issuer:                            s.issuer(at),
		AuthorizationEndpoint:             s.endpoint(path, "authorize"),
		HTTPLogoutSupported:               true,
		EndSessionEndpoint:                s.endpoint(path, "logout"),
		ClaimsSupported: []string{
			"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
			"aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email",
		},
		TenantRegionScope:  region,
		CloudInstanceName:  "microsoftonline.com",
		CloudGraphHostName: "graph.windows.net",
		MSGraphHost:        strings.TrimPrefix(s.graph, "https://"),
	})
}

// publishedKey is a JWK with the member that Entra adds to RFC 7517's.
type publishedKey struct {
	KeyType string `json:"kty"`
	Use     string `json:"use"`
	KeyID   string `json:"kid"`
	N       string `json:"n"`
	E       string `json:"e"`
	Issuer  string `json:"issuer"`
}

func (s *Server) handleKeys(w http.ResponseWriter, r *http.Request) {
	t := s.begin(w, r)
	at, fault := s.findTenant(r.PathValue("tenant"))
	if fault != nil {
		s.writeError(w, r, t, fault)
		return
	}
	allowCaching(w)
	var set struct {
		Keys []publishedKey `json:"keys"`
	}
	for _, key := range s.keys.public() {
		set.Keys = append(set.Keys, publish(key, s.issuer(at)))
	}
	s.writeJSON(w, r, http.StatusOK, set)
}

// allowCaching replaces no-store: discovery and keys are the public answers.
func allowCaching(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "max-age=86400, private")
	w.Header().Del("Pragma")
	w.Header().Set("Access-Control-Allow-Origin", "*")
}

func (s *Server) endpoint(tenant, name string) string {
	return s.baseURL + "/" + tenant + "/oauth2/v2.0/" + name
}
