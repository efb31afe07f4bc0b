package authserver

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"m365mcp/entra"
	"m365mcp/identity"
)

// A page session says which person sits at a browser, so that pages of this server
// can act for that person. It is no grant: no token of Microsoft's is kept for it,
// and it opens nothing at Graph.
//
//	a page that needs a person   SignInForm -> a button that posts to /signin
//	POST /signin                 the form is this browser's own -> Microsoft
//	GET  /callback               the same state, cookie and row as of any sign-in
//	                             -> session cookie, back to the page
//
// The session is a signed cookie and nothing else, so it ends with its time or with
// /signout in that browser, and not with a revocation: what a page does for the
// person has to ask [Server.Principal].

const (
	sessionCookie = "m365mcp-session"
	sessionLife   = 30 * time.Minute
	maxSession    = 2048
	maxPagePath   = 512
	maxUPN        = 120 // characters of it that a page shows
)

// Contexts of what the pages' key signs, beside browsers' values.
const (
	contextSession = "session"
	contextNext    = "next"
	contextCSRF    = "csrf"
)

// Person is who sits at the browser.
type Person struct {
	TenantID, UserID string
	UPN              string // for showing
}

// session is the cookie's content.
type session struct {
	Person
	ID      string `json:"i"`
	Expires int64  `json:"e"` // Unix seconds

	Perimeter identity.Perimeter `json:"f,omitzero"`
}

// pageTicket is in the form that leads to Microsoft, signed with the browser's cookie.
type pageTicket struct {
	Next    string `json:"n"`
	ID      string `json:"i"`
	Expires int64  `json:"e"`
}

// Session returns the person who is signed in at this browser, and the token that
// the person's forms have to carry; compare it with [SameToken].
func (s *Server) Session(r *http.Request) (who Person, csrf string, ok bool) {
	value := s.cookies.one(r, sessionCookie)
	var in session
	if value == "" || len(value) > maxSession || !openSigned(s.keys.pages, contextSession, value, &in) ||
		!s.now().Before(time.Unix(in.Expires, 0)) {
		return Person{}, "", false
	}
	if s.perimeter != nil && !in.Perimeter.Same(identity.PerimeterOf(r.Context())) {
		return Person{}, "", false
	}
	return in.Person, macText(s.keys.pages, contextCSRF, in.ID), true
}

// SameToken compares a form's token with the session's.
func SameToken(sent, want string) bool {
	return want != "" && hmac.Equal([]byte(sent), []byte(want))
}

// SignInForm returns the csrf_token of a form that posts to /signin and brings the
// person back to next, a path of this server's pages. It sets a cookie, so it comes
// before the page's body.
func (s *Server) SignInForm(w http.ResponseWriter, r *http.Request, next string) (csrf string, err error) {
	if !s.ownPage(next) {
		return "", fmt.Errorf("sign-in: %q is none of the pages that people sign in to", next)
	}
	return signed(s.keys.pages, s.browser(w, r), pageTicket{
		Next: next, ID: randomID(), Expires: s.now().Add(s.lifetimes.SignIn).Unix(),
	})
}

// ownPage reports whether a browser may be sent to this path after a sign-in.
func (s *Server) ownPage(next string) bool {
	if len(next) > maxPagePath || !plainPath(next) {
		return false
	}
	if s.connected != "" && next == s.connected {
		return true
	}
	for _, prefix := range s.signInTo {
		if strings.HasPrefix(next, prefix) {
			return true
		}
	}
	return false
}

// plainPath admits letters, digits and a few signs, from the root, without
// anything that browsers and servers could read in two ways.
func plainPath(p string) bool {
	odd := strings.ContainsFunc(p, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("/-_.", c)
	})
	return !odd && strings.HasPrefix(p, "/") && path.Clean(p) == p
}

// signIn sends the person to Microsoft.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := ownForm(r); err != nil {
		return err
	}
	values, err := formValues(w, r, maxBody)
	if err != nil {
		return err
	}
	var t pageTicket
	browser := s.cookies.get(r, consentCookie)
	// Without the browser's cookie any site could have its visitors sign in here.
	if browser == "" || !openSigned(s.keys.pages, browser, only(values, "csrf_token"), &t) ||
		!s.now().Before(time.Unix(t.Expires, 0)) || !s.ownPage(t.Next) {
		s.showError(w, r, refusePage(http.StatusForbidden, "This page is no longer valid, or it was opened in another browser."), true)
		return nil
	}
	ctx, now := r.Context(), s.now()
	// Derived from the form, so that a second click goes the same way.
	state, secret := macText(s.keys.pages, "state", t.ID), macText(s.keys.pages, "browser", t.ID)
	signIn := s.keys.pageSignIn(state)
	if only(values, "account") == "other" {
		signIn.Prompt = "select_account" // Microsoft would take the one that is signed in there
	}
	to, err := s.upstream.AuthorizeURL(ctx, signIn)
	if err != nil {
		return unavailable(err)
	}
	row := SignIn{
		Ticket: t.ID, UpstreamState: digest(state), Browser: digest(secret), ExpiresAt: now.Add(s.lifetimes.SignIn), Perimeter: identity.PerimeterOf(ctx),
	}
	if err := s.insertSignIn(ctx, row, now); err != nil {
		return err
	}
	next, err := signed(s.keys.pages, contextNext+state, t.Next)
	if err != nil {
		return unavailable(err)
	}
	s.cookies.set(w, signInCookie(row.UpstreamState), secret, s.lifetimes.SignIn)
	s.cookies.set(w, nextCookie(row.UpstreamState), next, s.lifetimes.SignIn)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// nextCookie holds the page that the sign-in began at. It is not in the database,
// where nothing is that a ticket could be made of.
func nextCookie(state Digest) string { return signInCookie(state) + "-next" }

// pageSignIn is signIn for a person alone.
func (k keys) pageSignIn(state string) entra.SignIn {
	in := k.signIn(state, nil)
	in.IdentityOnly = true
	return in
}

// finishPage turns Microsoft's answer into a session. The state was this browser's,
// and nobody can use it again.
func (s *Server) finishPage(w http.ResponseWriter, r *http.Request, state string, values url.Values) error {
	cookie := nextCookie(digest(state))
	var next string
	if !openSigned(s.keys.pages, contextNext+state, s.cookies.one(r, cookie), &next) || !s.ownPage(next) {
		return errForeignSignIn
	}
	s.cookies.clear(w, cookie)
	if err := s.startSession(w, r, state, values); err != nil {
		s.showError(w, r, err, true)
		return nil
	}
	redirect(w, next)
	return nil
}

func (s *Server) startSession(w http.ResponseWriter, r *http.Request, state string, values url.Values) error {
	// Its tokens are dropped: they are good for nothing but the name.
	account, _, err := s.exchange(r.Context(), values, s.keys.pageSignIn(state))
	if err != nil {
		return err
	}
	in := session{
		Person: Person{TenantID: account.TenantID, UserID: account.ObjectID, UPN: displayText(account.UPN, maxUPN)},
		ID:     randomToken(), Expires: s.now().Add(sessionLife).Unix(),
		Perimeter: identity.PerimeterOf(r.Context()),
	}
	in.Perimeter.Groups = nil // a cookie is small, and they change
	value, err := signed(s.keys.pages, contextSession, in)
	if err != nil {
		return unavailable(err)
	}
	if err := s.record(r.Context(), eventPageSignIn, principalOf(account, ""), nil); err != nil {
		return err
	}
	s.cookies.set(w, sessionCookie, value, sessionLife)
	return nil
}

// signOut ends the session in this browser. Microsoft's own goes on.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := ownForm(r); err != nil {
		return err
	}
	values, err := formValues(w, r, maxBody)
	if err != nil {
		return err
	}
	if _, csrf, ok := s.Session(r); ok && !SameToken(only(values, "csrf_token"), csrf) {
		return refusePage(http.StatusForbidden, "This answer did not come from this server's own page.")
	}
	s.cookies.clear(w, sessionCookie)
	s.ShowPage(w, r, http.StatusOK, "You are signed out here", signedOut)
	return nil
}

const signedOut template.HTML = `<p>Your sign-in at Microsoft goes on; sign out there as well on a computer that others use.</p>
<p class="quiet">You can close this page.</p>`

// Principal returns on whose behalf what is bound to a grant is done, as of now:
// [ErrRevoked] unless the grant is alive, and any other error means that nobody knows.
func (s *Server) Principal(ctx context.Context, grantID string) (identity.Principal, error) {
	grant, err := s.aliveGrant(ctx, grantID)
	if err != nil {
		return identity.Principal{}, err
	}
	p := grant.principal(s.now())
	p.Expires = grant.ExpiresAt
	return p, nil
}

// aliveGrant returns a grant that can be used, or [ErrRevoked].
func (s *Server) aliveGrant(ctx context.Context, grantID string) (Grant, error) {
	now := s.now()
	grant, err := s.store.Grant(ctx, grantID)
	switch {
	case errors.Is(err, ErrNotFound):
		return Grant{}, ErrRevoked
	case err != nil:
		return Grant{}, fmt.Errorf("grant: %w", err)
	case !grant.Alive(), !s.entitled(grant), !grant.ofPerson(), !now.Before(grant.ExpiresAt), grant.Resource != s.resource,
		!grant.EndsAt.IsZero() && !now.Before(grant.EndsAt):
		return Grant{}, ErrRevoked
	}
	return grant, nil
}
