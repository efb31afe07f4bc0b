package entra

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
)

// Cookies, named as Entra's. Browsers share them among the ports of a host.
const (
	sessionCookie = "ESTSAUTH" // who is signed in
	browserCookie = "esctx"    // ties an open sign-in page to this browser
)

// transaction is the hidden field of the sign-in page: the request it belongs
// to, bound to the browser it was shown in.
type transaction struct {
	authRequest

	Browser string    `json:"b"` // SHA-256 of the browser cookie
	Shown   time.Time `json:"i"`
}

// openPage prepares a page with a form: the browser cookie and the sealed transaction.
func (s *Server) openPage(w http.ResponseWriter, r *http.Request, req authRequest) (string, error) {
	var browser string
	if c, err := r.Cookie(browserCookie); err == nil && len(c.Value) == 43 {
		browser = c.Value // another tab's page stays valid
	} else {
		browser = randomID(32)
		s.setCookie(w, browserCookie, browser, int(sessionLifetime.Seconds()))
	}
	return s.sealer.seal(purposeSignIn, transaction{authRequest: req, Browser: hash(browser), Shown: s.now().UTC()})
}

func (s *Server) signInURL(req authRequest) string { return s.baseURL + "/" + req.Tenant + "/login" }

// showSignIn asks who signs in, the hinted person first.
func (s *Server) showSignIn(w http.ResponseWriter, r *http.Request, t trace, client *Client, req authRequest) {
	sealed, err := s.openPage(w, r, req)
	if err != nil {
		s.fail(w, r, t, err)
		return
	}
	page := signInPage{App: client.Name, Action: s.signInURL(req), Transaction: sealed, Scopes: req.Scopes.Names}
	for _, p := range s.people {
		if s.checkHome(p, req.Tenant) != nil {
			continue
		}
		choice := personChoice{Person: p, Initials: initials(p), Hinted: strings.EqualFold(p.UPN, req.Hint)}
		if choice.Hinted {
			page.People = slices.Insert(page.People, 0, choice)
			continue
		}
		page.People = append(page.People, choice)
	}
	s.render(w, r, http.StatusOK, "signin", page)
}

// showApproval is where a person ends who may not consent to what the app asks.
func (s *Server) showApproval(w http.ResponseWriter, r *http.Request, t trace, client *Client, req authRequest) {
	sealed, err := s.openPage(w, r, req)
	if err != nil {
		s.fail(w, r, t, err)
		return
	}
	page := signInPage{App: client.Name, Action: s.signInURL(req), Transaction: sealed}
	for _, name := range req.Scopes.Names {
		if !client.mayGrant(name) {
			page.Scopes = append(page.Scopes, name)
		}
	}
	fault := &stsError{
		code: 90094, oauth: "access_denied",
		text: client.Name + " needs permission to access resources in your organization that only an admin can grant.",
	}
	page.Reason = t.describe(fault)
	s.recordFailure(r, t, fault)
	s.render(w, r, http.StatusOK, "approval", page)
}

// handleSignIn takes the choice made on the page.
func (s *Server) handleSignIn(w http.ResponseWriter, r *http.Request) {
	t := s.begin(w, r)
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		s.showError(w, r, t, invalidRequest(90004, "The request is not properly formatted."))
		return
	}
	var tx transaction
	cookie, err := r.Cookie(browserCookie)
	if err != nil || !s.sealer.open(purposeSignIn, r.PostForm.Get("transaction"), &tx) ||
		subtle.ConstantTimeCompare([]byte(hash(cookie.Value)), []byte(tx.Browser)) != 1 {
		s.showError(w, r, t, invalidRequest(165000, "Invalid Request: The request tokens do not match the user context. One or more of the user context values (cookies; form fields; headers) were incorrect or invalid. Start the sign-in again from the app."))
		return
	}
	if s.now().Sub(tx.Shown) > signInLifetime {
		s.showError(w, r, t, invalidRequest(50089, "Authentication failed due to flow token expired. Start the sign-in again from the app."))
		return
	}
	client := s.clients[strings.ToLower(tx.Client)]
	if r.PostForm.Get("cancel") != "" {
		s.respondError(w, r, t, tx.authRequest, &stsError{code: 65004, oauth: "access_denied", text: "User declined to consent to access the app."})
		return
	}
	if slices.ContainsFunc(tx.Scopes.Names, func(name string) bool { return !client.mayGrant(name) }) {
		s.showApproval(w, r, t, client, tx.authRequest)
		return
	}
	person := s.byUPN[strings.ToLower(r.PostForm.Get("user"))]
	if person == nil {
		s.showError(w, r, t, invalidRequest(50034, "The user account "+r.PostForm.Get("user")+" does not exist in the "+s.tenant.Name+" directory. To sign into this application, the account must be added to the directory."))
		return
	}
	s.signIn(w, r, t, client, tx.authRequest, person)
}

// sessionContent is the single sign-on cookie.
type sessionContent struct {
	User     string    `json:"u"`
	Revision int       `json:"r"`
	Issued   time.Time `json:"i"`
}

func (s *Server) startSession(w http.ResponseWriter, p *dataset.Person) error {
	sealed, err := s.sealer.seal(purposeSession, sessionContent{User: p.ID, Revision: s.revocation(p.ID).count, Issued: s.now().UTC()})
	if err != nil {
		return err
	}
	s.setCookie(w, sessionCookie, sealed, 0)
	return nil
}

// session returns who is signed in, nil when nobody is.
func (s *Server) session(r *http.Request) *dataset.Person {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	var c sessionContent
	if !s.sealer.open(purposeSession, cookie.Value, &c) || s.now().Sub(c.Issued) > sessionLifetime ||
		c.Revision != s.revocation(c.User).count {
		return nil
	}
	return s.byID[c.User]
}

// setCookie sets a cookie; maxAge 0 is a session cookie, negative removes it.
func (s *Server) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure follows the scheme of the base URL
		Name: name, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true,
		Secure:   strings.HasPrefix(s.baseURL, "https://"), // plain http is for loopback
		SameSite: http.SameSiteLaxMode,                     // the app's redirect here is a top-level GET
	})
}

// handleLogout ends the session and returns to the app, if the address is registered.
func (s *Server) handleLogout(w http.ResponseWriter, r *http.Request) {
	t := s.begin(w, r)
	if _, fault := s.findTenant(r.PathValue("tenant")); fault != nil {
		s.showError(w, r, t, fault)
		return
	}
	s.setCookie(w, sessionCookie, "", -1)
	target := r.URL.Query().Get("post_logout_redirect_uri")
	for _, c := range s.clients {
		if target != "" && c.registeredRedirect(target) {
			http.Redirect(w, r, target, http.StatusFound) //nolint:gosec // a registered address
			return
		}
	}
	s.render(w, r, http.StatusOK, "signedout", nil)
}

func hash(v string) string {
	sum := sha256.Sum256([]byte(v))
	return hex.EncodeToString(sum[:])
}

func initials(p *dataset.Person) string {
	var out []rune
	for _, name := range []string{p.GivenName, p.Surname} {
		for _, r := range name {
			out = append(out, r)
			break
		}
	}
	return strings.ToUpper(string(out))
}
