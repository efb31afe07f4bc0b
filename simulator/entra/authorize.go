package entra

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
)

// Response modes, OAuth 2.0 Multiple Response Types and Form Post Response Mode.
const (
	modeQuery    = "query"
	modeFragment = "fragment"
	modeFormPost = "form_post"
)

// maxForm bounds every request body.
const maxForm = 64 << 10

// authRequest is a validated authorization request. Sealed, it is the sign-in
// page's transaction and, with the person in it, the authorization code.
type authRequest struct {
	Tenant      string   `json:"t"` // as the path named it
	Client      string   `json:"c"`
	RedirectURI string   `json:"d"`
	Mode        string   `json:"m"`
	State       string   `json:"s,omitempty"`
	Nonce       string   `json:"n,omitempty"`
	Challenge   string   `json:"p,omitempty"` // RFC 7636
	Method      string   `json:"q,omitempty"`
	Scopes      scopeSet `json:"o"`
	Prompt      string   `json:"-"`
	Hint        string   `json:"-"`
	CAE         bool     `json:"e,omitempty"`
	Contexts    []string `json:"x,omitempty"` // authentication contexts
}

// handleAuthorize is the authorization endpoint, RFC 6749 section 3.1.
func (s *Server) handleAuthorize(w http.ResponseWriter, r *http.Request) {
	t := s.begin(w, r)
	at, fault := s.findTenant(r.PathValue("tenant"))
	if fault != nil {
		s.showError(w, r, t, fault)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.showError(w, r, t, invalidRequest(90004, "The request is not properly formatted."))
		return
	}
	client, fault := s.identify(r.Form, at)
	if fault != nil {
		// RFC 6749 section 4.1.2.1: no redirect to an address that is not proven the client's.
		s.showError(w, r, t, fault)
		return
	}
	req, fault := s.parseAuthorization(r.PathValue("tenant"), client, r.Form)
	if fault != nil {
		s.respondError(w, r, t, req, fault)
		return
	}
	s.authenticate(w, r, t, client, req)
}

// identify checks who asks and where the answer would go.
func (s *Server) identify(form url.Values, at *dataset.Tenant) (*Client, *stsError) {
	for _, name := range []string{"client_id", "redirect_uri"} {
		if len(form[name]) > 1 {
			return nil, duplicated(name)
		}
		if form.Get(name) == "" {
			return nil, missingParameter(name)
		}
	}
	client := s.clients[strings.ToLower(form.Get("client_id"))]
	if client == nil {
		return nil, s.unknownClient(form.Get("client_id"), s.tenant)
	}
	if fault := s.checkAudience(client, at); fault != nil {
		return nil, fault
	}
	if redirect := form.Get("redirect_uri"); !client.registeredRedirect(redirect) {
		return nil, invalidRequest(50011, "The redirect URI '"+redirect+"' specified in the request does not match the redirect URIs configured for the application '"+client.ID+"'. Make sure the redirect URI sent in the request matches one added to your application.")
	}
	return client, nil
}

func duplicated(name string) *stsError {
	return invalidRequest(9000411, "The request is not properly formatted. The parameter '"+name+"' is duplicated.")
}

func (s *Server) unknownClient(id string, at *dataset.Tenant) *stsError {
	return &stsError{
		code: 700016, oauth: "unauthorized_client",
		text: "Application with identifier '" + id + "' was not found in the directory '" + at.Name + "'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
	}
}

// registeredRedirect compares exactly, but for the port of http://localhost,
// which Entra ignores (RFC 8252 section 7.3).
func (c *Client) registeredRedirect(redirect string) bool {
	if slices.Contains(c.RedirectURIs, redirect) {
		return true
	}
	asked, err := url.Parse(redirect)
	if err != nil || asked.Scheme != "http" || asked.Hostname() != "localhost" {
		return false
	}
	asked.Host = "localhost"
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		u, err := url.Parse(registered)
		if err != nil || u.Hostname() != "localhost" {
			return false
		}
		u.Host = "localhost"
		return u.String() == asked.String()
	})
}

// parseAuthorization validates what may be answered to the app. The request is
// returned with an error too, as far as it is needed to answer it.
func (s *Server) parseAuthorization(tenant string, client *Client, form url.Values) (authRequest, *stsError) {
	req := authRequest{
		Tenant: tenant, Client: client.ID, RedirectURI: form.Get("redirect_uri"), Mode: modeQuery, State: form.Get("state"),
		Nonce: form.Get("nonce"), Challenge: form.Get("code_challenge"), Method: form.Get("code_challenge_method"),
		Prompt: form.Get("prompt"), Hint: form.Get("login_hint"),
	}
	switch mode := form.Get("response_mode"); mode {
	case "":
	case modeQuery, modeFragment, modeFormPost:
		req.Mode = mode
	default:
		return req, invalidRequest(70007, "'"+mode+"' is not a supported value of 'response_mode' when requesting a token.")
	}
	for name, values := range form {
		if len(values) > 1 {
			return req, duplicated(name)
		}
	}
	if form.Get("resource") != "" {
		return req, resourceRefused()
	}
	switch kind := form.Get("response_type"); kind {
	case "code":
	case "":
		return req, missingParameter("response_type")
	case "id_token", "code id_token":
		return req, &stsError{code: 700054, oauth: "unsupported_response_type", text: "response_type 'id_token' is not enabled for the application."}
	default:
		return req, &stsError{code: 70005, oauth: "unsupported_response_type", text: "The app requested an unsupported response type '" + kind + "'."}
	}
	if fault := checkChallenge(req.Challenge, &req.Method); fault != nil {
		return req, fault
	}
	if !slices.Contains([]string{"", "none", "login", "consent", "select_account"}, req.Prompt) {
		return req, invalidRequest(90023, "Unsupported 'prompt' value.")
	}
	claims, fault := parseClaims(form.Get("claims"))
	if fault != nil {
		return req, fault
	}
	req.CAE, req.Contexts = claims.cae, claims.contexts
	if strings.TrimSpace(form.Get("scope")) == "" {
		return req, missingParameter("scope")
	}
	req.Scopes, fault = s.parseScopes(client, form.Get("scope"), false)
	return req, fault
}

// checkChallenge validates PKCE's half of the request, RFC 7636 section 4.3.
// Without a method the challenge is plain.
func checkChallenge(challenge string, method *string) *stsError {
	switch {
	case challenge == "" && *method == "":
		return nil
	case challenge == "":
		return invalidRequest(50147, "Missing code challenge.")
	case *method == "":
		*method = "plain"
	case *method != "plain" && *method != "S256":
		return invalidRequest(50149, "Invalid Code_Challenge_method parameter.")
	}
	if len(challenge) < 43 || len(challenge) > 128 {
		return invalidRequest(501491, "Invalid size of Code_Challenge parameter.")
	}
	return nil
}

// authenticate finds out who is signing in: silently by a session, by
// Options.SignInAs, or by asking.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request, t trace, client *Client, req authRequest) {
	person := s.session(r)
	if person != nil && (req.Hint != "" && !strings.EqualFold(req.Hint, person.UPN) || s.checkHome(person, req.Tenant) != nil) {
		person = nil // the hinted person, or nobody of that tenant, has no session here
	}
	denied := slices.ContainsFunc(req.Scopes.Names, func(name string) bool { return !client.mayGrant(name) })
	granted := person != nil && !denied && s.missingConsent(client.ID, person.ID, req.Scopes) == "" &&
		len(req.Contexts) == 0 // which take a stronger proof than a session
	switch {
	case req.Prompt == "none" && person == nil:
		s.respondError(w, r, t, req, &stsError{code: 50058, oauth: "login_required", text: "A silent sign-in request was sent but no user is signed in."})
	case req.Prompt == "none" && len(req.Contexts) > 0:
		s.respondError(w, r, t, req, &stsError{code: 50076, oauth: "interaction_required", text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '" + graphAppID + "'."})
	case req.Prompt == "none" && !granted:
		s.respondError(w, r, t, req, &stsError{code: 65001, oauth: "consent_required", text: notConsented(client)})
	case denied:
		s.showApproval(w, r, t, client, req)
	case req.Prompt == "none", req.Prompt == "" && granted:
		s.respondCode(w, r, t, req, person)
	case s.signInAs != nil:
		s.signIn(w, r, t, client, req, s.signInAs)
	default:
		s.showSignIn(w, r, t, client, req)
	}
}

func notConsented(c *Client) string {
	return "The user or administrator has not consented to use the application with ID '" + c.ID + "' named '" + c.Name + "'. Send an interactive authorization request for this user and resource."
}

// signIn is what follows a choice of person: the consent that the page asked
// for is recorded and the session begins.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, t trace, client *Client, req authRequest, person *dataset.Person) {
	if fault := s.checkHome(person, req.Tenant); fault != nil {
		s.showError(w, r, t, fault)
		return
	}
	s.consent(client.ID, person.ID, req.Scopes.Names)
	if err := s.startSession(w, person); err != nil {
		s.fail(w, r, t, err)
		return
	}
	s.respondCode(w, r, t, req, person)
}

// codeContent is an authorization code, opened.
type codeContent struct {
	authRequest

	ID    string `json:"id"`
	Grant grant  `json:"g"`
}

func (c codeContent) expires() time.Time { return c.Grant.Issued.Add(codeLifetime) }

// respondCode issues the authorization code.
func (s *Server) respondCode(w http.ResponseWriter, r *http.Request, t trace, req authRequest, person *dataset.Person) {
	code, err := s.sealer.seal(purposeCode, codeContent{
		authRequest: req, ID: randomID(16), Grant: s.newGrant(req, person.ID),
	})
	if err != nil {
		s.fail(w, r, t, err)
		return
	}
	s.count(func(st *Stats) { st.Authorizations++ })
	s.log.InfoContext(r.Context(), "entra signed in", "upn", person.UPN, "client_id", req.Client, "trace_id", t.id)
	s.respond(w, r, t, req, url.Values{"code": {code}, "session_state": {t.correlation}})
}

func (s *Server) newGrant(req authRequest, user string) grant {
	return grant{
		Client: req.Client, User: user, Scopes: req.Scopes, CAE: req.CAE, Contexts: req.Contexts,
		Issued: s.now().UTC(), Revision: s.revocation(user).count,
	}
}

// current tells whether no revocation of the person happened since.
func (s *Server) current(g grant) bool { return s.revocation(g.User).count == g.Revision }
