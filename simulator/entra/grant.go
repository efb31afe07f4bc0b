package entra

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
)

// tokenResponse is RFC 6749 section 5.1 with Entra's ext_expires_in.
type tokenResponse struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	ExpiresIn    int    `json:"expires_in"`
	ExtExpiresIn int    `json:"ext_expires_in"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
}

// redemption is a grant on its way to tokens.
type redemption struct {
	tenant *dataset.Tenant // of the path; nil for an alias
	client *Client
	method authMethod
	grant  grant    // what the code or refresh token stands for
	ask    scopeSet // the scopes of this request, a part of the consented ones
	nonce  string
	done   func(*Stats)
}

// handleToken is the token endpoint, RFC 6749 section 3.2.
func (s *Server) handleToken(w http.ResponseWriter, r *http.Request) {
	t := s.begin(w, r)
	redeemed, fault := s.redeem(w, r)
	if fault != nil {
		s.writeError(w, r, t, fault)
		return
	}
	answer, err := s.issue(redeemed)
	if err != nil {
		s.fail(w, r, t, err)
		return
	}
	s.count(redeemed.done)
	s.writeJSON(w, r, http.StatusOK, answer)
}

// redeem takes the request through the steps that no grant type can skip, and
// the one that differs.
func (s *Server) redeem(w http.ResponseWriter, r *http.Request) (redemption, *stsError) {
	var out redemption
	var fault *stsError
	if out.tenant, fault = s.findTenant(r.PathValue("tenant")); fault != nil {
		return out, fault
	}
	if r.Method != http.MethodPost {
		return out, invalidRequest(900561, "The endpoint only accepts POST requests. Received a "+r.Method+" request.")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return out, invalidRequest(9002313, "Invalid request. Request is malformed or invalid.")
	}
	for name, values := range r.PostForm { // of a body in another media type nothing is seen
		if len(values) > 1 {
			return out, duplicated(name)
		}
	}
	kind := r.PostForm.Get("grant_type")
	if kind == "" {
		return out, missingParameter("grant_type")
	}
	if out.client, out.method, fault = s.authenticateClient(r); fault != nil {
		return out, fault
	}
	if fault = s.checkAudience(out.client, out.tenant); fault != nil {
		return out, fault
	}
	if r.PostForm.Get("resource") != "" {
		return out, resourceRefused()
	}
	switch kind {
	case "authorization_code":
		fault = s.redeemCode(r, &out)
	case "refresh_token":
		fault = s.redeemRefresh(r, &out)
	case "client_credentials":
		fault = s.refuseAppOnly(r, out)
	default:
		fault = &stsError{code: 70003, oauth: "unsupported_grant_type", text: "The app requested an unsupported grant type '" + kind + "'."}
	}
	return out, fault
}

// redeemCode is the authorization code grant, RFC 6749 section 4.1.3, with PKCE.
func (s *Server) redeemCode(r *http.Request, out *redemption) *stsError {
	form := r.PostForm
	for _, name := range []string{"code", "redirect_uri"} {
		if form.Get(name) == "" {
			return missingParameter(name)
		}
	}
	var code codeContent
	if !s.sealer.open(purposeCode, form.Get("code"), &code) {
		return malformedGrant()
	}
	now := s.now()
	switch redirect := form.Get("redirect_uri"); {
	case code.Client != out.client.ID:
		return invalidGrant(70000, "Provided grant is invalid or malformed: the code was issued to another client.")
	case redirect != code.RedirectURI:
		return &stsError{
			code: 500112, oauth: "invalid_client",
			text: "The reply address '" + redirect + "' does not match the reply address '" + code.RedirectURI + "' provided when requesting Authorization code.",
		}
	case !now.Before(code.expires()):
		return invalidGrant(70008, "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.")
	}
	if fault := verifyChallenge(code.Challenge, code.Method, form.Get("code_verifier")); fault != nil {
		return fault
	}
	out.grant, out.nonce = code.Grant, code.Nonce
	if fault := s.scope(form.Get("scope"), out); fault != nil {
		return fault
	}
	// The last check, so that a refused attempt does not cost the code.
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.redeemed.first(code.ID, now, code.expires()) {
		return invalidGrant(54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.")
	}
	out.done = func(st *Stats) { st.CodeExchanges++ }
	return nil
}

// verifyChallenge is RFC 7636 section 4.6.
func verifyChallenge(challenge, method, verifier string) *stsError {
	switch {
	case challenge == "" && verifier == "":
		return nil
	case challenge == "" || verifier == "":
		return invalidGrant(50148, "The code_verifier does not match the code_challenge supplied in the authorization request for PKCE.")
	}
	derived := verifier
	if method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		derived = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if len(verifier) < 43 || len(verifier) > 128 || subtle.ConstantTimeCompare([]byte(derived), []byte(challenge)) != 1 {
		return invalidGrant(501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
	}
	return nil
}

// redeemRefresh is RFC 6749 section 6. The token stays valid: Entra expects
// clients to discard it, and does not revoke it.
func (s *Server) redeemRefresh(r *http.Request, out *redemption) *stsError {
	raw := r.PostForm.Get("refresh_token")
	if raw == "" {
		return missingParameter("refresh_token")
	}
	if !s.sealer.open(purposeRefresh, raw, &out.grant) {
		return malformedGrant()
	}
	if out.grant.Client != out.client.ID {
		return invalidGrant(70000, "Provided grant is invalid or malformed: the refresh token was issued to another client.")
	}
	if s.now().Sub(out.grant.Issued) >= refreshLifetime {
		return invalidGrant(700082, "The refresh token has expired due to inactivity. The token was issued on "+
			out.grant.Issued.Format(time.RFC3339)+" and was inactive for "+refreshLifetime.String()+".")
	}
	if fault := s.scope(r.PostForm.Get("scope"), out); fault != nil {
		return fault
	}
	if asked, fault := parseClaims(r.PostForm.Get("claims")); fault != nil {
		return fault
	} else if asked.cae {
		out.grant.CAE = true
	}
	out.done = func(st *Stats) { st.Refreshes++ }
	return nil
}

// scope settles what this request asks for: everything consented at most, the
// grant's own scopes when it does not say.
func (s *Server) scope(raw string, out *redemption) *stsError {
	if g := out.grant; !s.current(g) {
		return invalidGrant(50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '"+
			g.Issued.Format(time.RFC3339)+"' and the TokensValidFrom date (before which tokens are not valid) for this user is '"+
			s.revocation(g.User).at.Format(time.RFC3339)+"'.")
	}
	if out.tenant != nil && out.tenant != s.home[out.grant.User] {
		return invalidGrant(700005, "Provided Authorization Code is intended to use against other tenant, thus rejected.")
	}
	out.ask = out.grant.Scopes
	if strings.TrimSpace(raw) != "" {
		asked, fault := s.parseScopes(out.client, raw, true)
		if fault != nil {
			return fault
		}
		out.ask = asked
	}
	if s.missingConsent(out.client.ID, out.grant.User, out.ask) != "" {
		fault := invalidGrant(65001, notConsented(out.client))
		fault.suberror = "consent_required"
		return fault
	}
	return nil
}

// refuseAppOnly answers client_credentials: this tenant gave no app a role.
func (s *Server) refuseAppOnly(r *http.Request, out redemption) *stsError {
	if out.method == authNone {
		return invalidClient(7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
	}
	if scope := r.PostForm.Get("scope"); scope != s.graph+"/"+defaultScope {
		return &stsError{
			code: 1002012, oauth: "invalid_scope",
			text: "The provided value for scope " + scope + " is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).",
		}
	}
	return invalidGrant(501051, "Application '"+out.client.ID+"'("+out.client.Name+") is not assigned to a role for the application '"+s.graph+"'.")
}

// issue mints what the request is entitled to.
func (s *Server) issue(in redemption) (tokenResponse, error) {
	person, lifetime := s.byID[in.grant.User], s.accessTokenLifetime()
	access, err := s.mintAccess(in.client, person, in.grant, in.method, lifetime)
	if err != nil {
		return tokenResponse{}, err
	}
	out := tokenResponse{
		TokenType: "Bearer", AccessToken: access, Scope: s.scopeResponse(in),
		ExpiresIn: int(lifetime.Seconds()), ExtExpiresIn: int(lifetime.Seconds()),
	}
	if in.ask.has("openid") {
		if out.IDToken, err = s.mintID(in.client, person, in.ask, in.nonce); err != nil {
			return tokenResponse{}, err
		}
	}
	if in.grant.Scopes.has("offline_access") {
		next := in.grant // its revision too: a revocation meanwhile must hold for it
		next.Issued = s.now().UTC()
		if out.RefreshToken, err = s.sealer.seal(purposeRefresh, next); err != nil {
			return tokenResponse{}, err
		}
	}
	return out, nil
}

// scopeResponse spells the scopes as the request did: bare, or below Graph's URL.
func (s *Server) scopeResponse(in redemption) string {
	names := s.effectiveScopes(in.client.ID, in.grant.User)
	for i, name := range names {
		if in.ask.Prefixed && !isOIDC(name) {
			names[i] = s.graph + "/" + name
		}
	}
	return strings.Join(names, " ")
}
