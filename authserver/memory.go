package authserver

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/entra"
	"m365mcp/internal/redirecturi"
)

// The consent page comes before Microsoft, so whose consent it is is known only
// afterwards. A signed cookie says who this browser's person probably is:
//
//	/authorize  what that person has allowed this client, for this redirect URI ->
//	            the page is left out, or says what is new; Microsoft gets a login_hint
//	/callback   the one who came back is that person, or is asked before anything else
//
// So the cookie opens nothing: in another browser it leads to a sign-in as somebody
// else, who is then asked.

const (
	personCookie = "m365mcp-person"
	personLife   = 90 * 24 * time.Hour
	maxPerson    = 512

	contextPerson = "person"
)

// probably is the cookie's content.
type probably struct {
	UserRef
	Expires int64 `json:"e"` // Unix seconds
}

// setPerson remembers in the browser who has just been proven to sit there.
func (s *Server) setPerson(w http.ResponseWriter, r *http.Request, who UserRef) {
	value, err := signed(s.keys.person, contextPerson, probably{who, s.now().Add(personLife).Unix()})
	if err != nil {
		s.log.WarnContext(r.Context(), "person not remembered in the browser", "error", err)
		return
	}
	s.cookies.set(w, personCookie, value, personLife)
}

// person returns who probably sits at the browser.
func (s *Server) person(r *http.Request) (UserRef, bool) {
	value := s.cookies.one(r, personCookie)
	var p probably
	if value == "" || len(value) > maxPerson || !openSigned(s.keys.person, contextPerson, value, &p) ||
		!s.now().Before(time.Unix(p.Expires, 0)) || p.TenantID == "" || p.UserID == "" {
		return UserRef{}, false
	}
	return p.UserRef, true
}

// metadata is a digest of what the consent page goes by. A client that comes to be
// another one under the same id has to be looked at again.
func metadata(c Client) Digest {
	uris := slices.Sorted(slices.Values(c.RedirectURIs))
	return Digest(mac(nil, slices.Concat([]string{string(c.Source), c.Name, c.AuthMethod}, uris)...))
}

// rememberedURI is a redirect URI as consents are kept by it: the port of a
// loopback one is another each time.
func rememberedURI(redirectURI string) string {
	if portless, ok := redirecturi.Portless(redirectURI); ok {
		return portless
	}
	return redirectURI
}

// consentOf returns what the person has allowed a client, as far as it still counts
// for the client as it is.
func (s *Server) consentOf(ctx context.Context, who UserRef, request Request, client Digest) (Consent, bool) {
	c, err := s.store.Consent(ctx, who, request.ClientID, rememberedURI(request.RedirectURI))
	if err != nil {
		if !errors.Is(err, ErrNotFound) {
			s.log.WarnContext(ctx, "consent not read: the person is asked", "client", request.ClientID, "error", err)
		}
		return Consent{}, false
	}
	if c.Client != client || !s.now().Before(c.AgreedAt.Add(s.lifetimes.Consent)) {
		return Consent{}, false
	}
	return c, true
}

// covers reports whether all of the scopes have been allowed, by their exact names.
func (c Consent) covers(scopes []string) bool {
	return len(without(scopes, c.Scopes)) == 0
}

// without returns the scopes that are not among others.
func without(scopes, others []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return slices.Contains(others, scope) })
}

// union returns both lists in one, sorted.
func union(first, second []string) []string {
	all := slices.Concat(first, second)
	slices.Sort(all)
	return slices.Compact(all)
}

// memory returns what the browser's probable person has allowed the client.
func (s *Server) memory(r *http.Request, t ticket) (Consent, bool) {
	who, ok := s.person(r)
	if !ok {
		return Consent{}, false
	}
	c, ok := s.consentOf(r.Context(), who, t.Request, t.Client)
	if t.LoginHint != "" && !strings.EqualFold(t.LoginHint, c.UPN) { // the client means somebody else
		return Consent{}, false
	}
	return c, ok
}

// skips reports whether an earlier consent stands for the page. Not where the answer
// goes to a program on the person's computer: whichever has the port or the scheme
// receives it.
func skips(r *http.Request, t ticket, earlier Consent) bool {
	_, local := redirectTarget(t.RedirectURI)
	// A frame or an image is no place where a person means to sign in.
	destination := r.Header.Get("Sec-Fetch-Dest")
	return !local && !t.asking && (destination == "" || destination == "document") && earlier.covers(t.Scopes)
}

// asksAgain reports whether the one who came back from Microsoft has to see the
// page first: another person than the page or the consent was about, one who has
// taken that consent back meanwhile, one whose client has become another one, or one
// of whom Microsoft demands more than it was asked for while nobody knew who it would be.
func (s *Server) asksAgain(ctx context.Context, signIn SignIn, client Client, who UserRef) (bool, error) {
	if signIn.expectsAnother(who) || signIn.Client != metadata(client) {
		return true, nil
	}
	if signIn.Remembered {
		if earlier, ok := s.consentOf(ctx, who, signIn.Request, signIn.Client); !ok || !earlier.covers(signIn.Scopes) {
			return true, nil
		}
	}
	claims, err := s.withDemand(ctx, who, signIn.ClientID, signIn.Claims)
	return claims != signIn.Claims, err
}

// askAgain shows the page to the one who came back. The tokens that came with the
// person are gone by now.
func (s *Server) askAgain(w http.ResponseWriter, r *http.Request, signIn SignIn, client Client, account entra.Account) error {
	ctx, who := r.Context(), refOf(account)
	if signIn.expectsAnother(who) {
		if err := s.record(ctx, eventOtherPerson, principalOf(account, signIn.ClientID), evidence(signIn, map[string]string{})); err != nil {
			return err
		}
	}
	if signIn.Silent {
		return s.redirectError(w, r, signIn.Request, silently(codeInteractionRequired))
	}
	t := s.newTicket(client, signIn.Request, wishes{LoginHint: account.UPN, Claims: signIn.Claims})
	t.Expected = who
	earlier, _ := s.consentOf(ctx, who, t.Request, t.Client)
	return s.showConsent(w, r, client, t, earlier, displayText(account.UPN, maxUPN))
}

// remember keeps what the person has approved, beside what was allowed before.
func (s *Server) remember(ctx context.Context, signIn SignIn, account entra.Account) {
	if signIn.Remembered {
		return
	}
	c := Consent{
		User: refOf(account), UPN: account.UPN, ClientID: signIn.ClientID, RedirectURI: rememberedURI(signIn.RedirectURI),
		Scopes: signIn.Scopes, Client: signIn.Client, Epoch: signIn.Epoch, AgreedAt: s.now(),
	}
	if earlier, ok := s.consentOf(ctx, c.User, signIn.Request, signIn.Client); ok {
		c.Scopes = union(earlier.Scopes, c.Scopes)
	}
	if err := s.store.PutConsent(ctx, c); err != nil {
		s.log.WarnContext(ctx, "consent not remembered: the person will be asked again", "client", c.ClientID, "error", err)
	}
}

// forgetConsents takes back what the grant's person has allowed its client.
func (s *Server) forgetConsents(ctx context.Context, grant Grant) error {
	if err := s.store.ForgetConsents(ctx, grant.user(), grant.ClientID); err != nil {
		return unavailable(err)
	}
	return nil
}

func refOf(account entra.Account) UserRef { return UserRef{account.TenantID, account.ObjectID} }
