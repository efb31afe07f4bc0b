package authserver

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"m365mcp/identity"
)

// For a client that cannot step up, a link does it: on its page the person of a grant
// adds scopes to that grant, and the same tokens can do more.
//
//	AccessLink            a link of the grant's, for a few minutes
//	GET  /access/LINK     sign in; then, to the grant's own person alone, the page
//	POST /access          the yes, from that page -> Microsoft
//	GET  /callback        the same person -> new tokens at Microsoft, wider scopes here
//
// Links are looked at by scanners on their way, so a GET changes nothing. The id of a
// link is the ticket of its sign-in: it works once.

const (
	accessPage = "/access/"
	maxLinks   = 5 // of one grant
)

// AccessLink returns a link on which the person may add scopes to the principal's grant.
func (s *Server) AccessLink(ctx context.Context, p identity.Principal, scopes []string) (link string, expires time.Time, err error) {
	if !widens(p) {
		return "", time.Time{}, errors.New("access link: not the connection of a person who signed in for it")
	}
	if len(scopes) == 0 || !s.mayAskAll(scopes) {
		return "", time.Time{}, fmt.Errorf("access link: people may not be asked for all of %v", scopes)
	}
	token := randomToken()
	// No longer than a sign-in, which is what remembers that it was used.
	expires = s.now().Add(s.lifetimes.SignIn)
	err = s.store.InsertLink(ctx, Link{Digest: digest(token), GrantID: p.GrantID, Scopes: union(scopes, nil), ExpiresAt: expires}, maxLinks)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("access link: %w", err)
	}
	return s.issuer + accessPage + token, expires, nil
}

// widens reports whether there is a person to be asked for more, and a sign-in of the
// connection's own to get it by.
func widens(p identity.Principal) bool { return p.IsPerson() && p.RestsOn == "" }

// visit is a link with its grant, opened by the grant's own person.
type visit struct {
	link  Link
	grant Grant
	csrf  string
}

// Reasons why a link shows no page.
var (
	errNobody      = errors.New("nobody is signed in")
	errOtherPerson = errors.New("the link is another person's")
)

// visit opens a link, changing nothing.
func (s *Server) visit(r *http.Request, token string) (visit, error) {
	var v visit
	var err error
	if v.link, err = s.store.Link(r.Context(), digest(token), s.now()); err != nil {
		return v, err
	}
	if v.grant, err = s.aliveGrant(r.Context(), v.link.GrantID); err != nil {
		return v, err
	}
	who, csrf, ok := s.Session(r)
	switch {
	case !ok:
		return v, errNobody
	case UserRef{who.TenantID, who.UserID} != v.grant.user():
		return v, errOtherPerson
	}
	v.csrf = csrf
	return v, nil
}

// added are the link's scopes that the grant does not have yet.
func (v visit) added() []string { return without(v.link.Scopes, v.grant.Scopes) }

// access shows the link's page.
func (s *Server) access(w http.ResponseWriter, r *http.Request) error {
	token := strings.TrimPrefix(r.URL.Path, accessPage)
	v, err := s.visit(r, token)
	if errors.Is(err, errNobody) || errors.Is(err, errOtherPerson) {
		return s.accessSignIn(w, r, token, errors.Is(err, errOtherPerson))
	}
	if err != nil {
		return s.showAccessError(w, r, err)
	}
	if len(v.added()) == 0 {
		s.showDone(w, r, "Nothing is left to allow", nil, nil)
		return nil
	}
	client, err := s.client(r.Context(), v.grant.ClientID)
	if err != nil {
		return unavailable(err)
	}
	s.pages.render(w, r, s.log, http.StatusOK, "access", consentView{
		Client: displayText(client.Name, maxShownName), Vouched: vouched(client), Server: s.host(), Person: displayText(v.grant.UPN, maxUPN),
		New: s.Words(v.added()), Allowed: s.Words(v.grant.Scopes), Names: strings.Join(v.added(), ", "),
		CSRF: v.csrf, Link: token, Minutes: minutes(v.link.ExpiresAt.Sub(s.now())), Connections: s.connectionsURL(),
	})
	return nil
}

// accessSignIn offers a sign-in, and says nothing about the link.
func (s *Server) accessSignIn(w http.ResponseWriter, r *http.Request, token string, other bool) error {
	csrf, err := s.SignInForm(w, r, accessPage+token)
	if err != nil {
		return refusePage(http.StatusNotFound, linkGone)
	}
	view, status := signInView{Title: "Sign in to continue", CSRF: csrf}, http.StatusOK
	if other {
		who, _, _ := s.Session(r)
		view.Title, view.Person, status = "This link is another person's", who.UPN, http.StatusForbidden
	}
	s.pages.render(w, r, s.log, status, "signin", view)
	return nil
}

const linkGone = "This link does not work: it was used before, is too old, or its connection has ended. Ask your assistant for a new one."

// showAccessError tells the person why a link leads nowhere.
func (s *Server) showAccessError(w http.ResponseWriter, r *http.Request, err error) error {
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrRevoked) {
		err = refusePage(http.StatusNotFound, linkGone)
	}
	s.showError(w, r, err, true)
	return nil
}

// allowAccess takes the person's answer.
func (s *Server) allowAccess(w http.ResponseWriter, r *http.Request) error {
	if err := ownForm(r); err != nil {
		return err
	}
	values, err := formValues(w, r, maxBody)
	if err != nil {
		return err
	}
	v, err := s.visit(r, only(values, "link"))
	switch {
	case errors.Is(err, errNobody), errors.Is(err, errOtherPerson), err == nil && !SameToken(only(values, "csrf_token"), v.csrf):
		return refusePage(http.StatusForbidden, "This answer did not come from this server's own page, or somebody else is signed in. Open the link again.")
	case err != nil:
		return s.showAccessError(w, r, err)
	}
	switch only(values, "decision") {
	case "approve":
		return s.beginWidening(w, r, v)
	case "deny":
		return s.denyAccess(w, r, v)
	default:
		return refusePage(http.StatusBadRequest, "The form was sent without an answer.")
	}
}

func (s *Server) beginWidening(w http.ResponseWriter, r *http.Request, v visit) error {
	who := v.grant.user()
	claims, err := s.withDemand(r.Context(), who, v.grant.ClientID, "")
	if err != nil {
		return err
	}
	return s.toMicrosoft(w, r, SignIn{
		Request: Request{Scopes: union(v.grant.Scopes, v.added()), Resource: s.resource},
		Ticket:  linkTicket(v.link.Digest), GrantID: v.grant.ID, Expected: who, Claims: claims,
	}, wishes{LoginHint: v.grant.UPN})
}

const linkPrefix = "link-"

func linkTicket(link Digest) string { return linkPrefix + hex.EncodeToString(link[:]) }

// ticketLink is the reverse of linkTicket.
func ticketLink(ticket string) (link Digest) {
	_, _ = hex.Decode(link[:], []byte(strings.TrimPrefix(ticket, linkPrefix))) // this server's own
	return link
}

func (s *Server) denyAccess(w http.ResponseWriter, r *http.Request, v visit) error {
	s.log.InfoContext(r.Context(), "access page answered", "decision", "deny", "grant", v.grant.ID, "scopes", v.added())
	if err := s.store.DeleteLink(r.Context(), v.link.Digest); err != nil {
		return unavailable(err)
	}
	s.refusedScopes(r.Context(), v.grant.ID, v.added())
	s.showDone(w, r, "Nothing was changed", nil, nil)
	return nil
}

// refusedScopes notes what the person or Microsoft said no to, so that the client is
// not told to ask for it again at the next call.
func (s *Server) refusedScopes(ctx context.Context, grantID string, scopes []string) {
	now := s.now()
	for _, scope := range scopes {
		if _, err := s.store.Ask(ctx, grantID, []string{scope}, now, now); err != nil {
			s.log.WarnContext(ctx, "refusal not noted", "grant", grantID, "scope", scope, "error", err)
		}
	}
}

func (s *Server) showDone(w http.ResponseWriter, r *http.Request, title string, added, refused []string) {
	s.pages.render(w, r, s.log, http.StatusOK, "done", doneView{Title: title, Added: s.Words(added), Refused: s.Words(refused), Connections: s.connected})
}
