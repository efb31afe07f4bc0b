package authserver

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"m365mcp/identity"
)

const maxConsentForm = 32 << 10

// ticket is a checked request, inside the consent form: nothing is stored before
// a person agrees. It is signed together with the browser's cookie, which makes
// it the form's CSRF token: nobody else can make one that this browser may submit.
// Its id makes it good for one sign-in.
type ticket struct {
	Request
	wishes
	ID       string  `json:"i"`
	Expires  int64   `json:"e"`          // Unix seconds
	Expected UserRef `json:"u,omitzero"` // who has to come back, if the page was about somebody
	Client   Digest  `json:"d"`          // of the client's metadata as the page shows it
}

func (s *Server) newTicket(client Client, request Request, want wishes) ticket {
	return ticket{
		Request: request, wishes: want, ID: randomID(), Expires: s.now().Add(s.lifetimes.SignIn).Unix(), Client: metadata(client),
	}
}

// openTicket returns the ticket, unless it is forged, another browser's or late.
func (s *Server) openTicket(browser, signed string) (t ticket, ok bool) {
	if browser == "" || !openSigned(s.keys.consent, browser, signed, &t) {
		return ticket{}, false
	}
	return t, s.now().Before(time.Unix(t.Expires, 0))
}

// browser returns the value of the cookie that a form's browser gets, which is
// kept, so that two tabs do not undo each other.
func (s *Server) browser(w http.ResponseWriter, r *http.Request) string {
	browser := s.cookies.get(r, consentCookie)
	if browser == "" {
		browser = randomToken()
	}
	s.cookies.set(w, consentCookie, browser, s.lifetimes.SignIn)
	return browser
}

// ownForm refuses a form that another site's page has sent.
func ownForm(r *http.Request) error {
	// Browsers that send it cannot be made to lie about it.
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return refusePage(http.StatusForbidden, "This answer did not come from this server's own page.")
	}
	return nil
}

// showConsent asks the person. Microsoft's own consent says nothing about the
// client, so without this page any client could ride on another's consent (the
// confused deputy). upn names a person who is proven to be there.
func (s *Server) showConsent(w http.ResponseWriter, r *http.Request, client Client, t ticket, earlier Consent, upn string) error {
	csrf, err := signed(s.keys.consent, s.browser(w, r), t)
	if err != nil {
		return unavailable(err)
	}
	target, local := redirectTarget(t.RedirectURI)
	fresh := without(t.Scopes, earlier.Scopes)
	s.pages.render(w, r, s.log, http.StatusOK, "consent", consentView{
		Client: displayText(client.Name, maxShownName), Vouched: vouched(client), Target: target, Local: local, Server: s.host(), Person: upn,
		New: s.Words(fresh), Allowed: s.Words(without(t.Scopes, fresh)), Names: strings.Join(t.Scopes, ", "),
		CSRF: csrf, Minutes: minutes(s.lifetimes.SignIn), Connections: s.connectionsURL(),
	})
	return nil
}

// consent takes the person's answer.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) error {
	if err := ownForm(r); err != nil {
		return err
	}
	values, err := formValues(w, r, maxConsentForm)
	if err != nil {
		return err
	}
	browser := s.cookies.get(r, consentCookie)
	t, ok := s.openTicket(browser, only(values, "csrf_token"))
	if !ok {
		return refusePage(http.StatusForbidden, "This page is no longer valid, or it was opened in another browser. Start the connection in your app again.")
	}
	// All of it may have changed while the page was open.
	client, err := s.clientOf(r, t.Request)
	if err != nil {
		return err
	}
	if metadata(client) != t.Client {
		return refusePage(http.StatusForbidden, "The app has changed what it says of itself while this page was open. Start the connection in your app again.")
	}
	switch only(values, "decision") {
	case "approve":
		s.logDecision(r, "approve", t.Request)
		return s.begin(w, r, t, false)
	case "deny":
		return s.deny(w, r, t.Request)
	default:
		return refusePage(http.StatusBadRequest, "The form was sent without an answer.")
	}
}

// begin sends the browser to Microsoft. remembered says that an earlier consent
// stands for the page.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, t ticket, remembered bool) error {
	claims, err := s.withDemand(r.Context(), t.Expected, t.ClientID, t.Claims)
	if err != nil {
		return err
	}
	t.Claims = claims
	return s.toMicrosoft(w, r, SignIn{
		Request: t.Request, Ticket: t.ID, Expected: t.Expected, Remembered: remembered, Silent: t.silent, Claims: t.Claims, Client: t.Client,
	}, t.wishes)
}

// toMicrosoft stores the sign-in and sends the browser on.
func (s *Server) toMicrosoft(w http.ResponseWriter, r *http.Request, signIn SignIn, want wishes) error {
	ctx, now := r.Context(), s.now()
	// Derived from the ticket, so that a second click sends the same person the same way.
	state, browser := macText(s.keys.consent, "state", signIn.Ticket), macText(s.keys.consent, "browser", signIn.Ticket)
	// It expires after the ticket, so that the store knows a used ticket for as long as it is good.
	signIn.UpstreamState, signIn.Browser, signIn.ExpiresAt = digest(state), digest(browser), now.Add(s.lifetimes.SignIn)
	signIn.Perimeter = identity.PerimeterOf(ctx)
	in := s.keys.upstreamSignIn(state, signIn)
	in.Prompt, in.LoginHint = want.Prompt, want.LoginHint
	to, err := s.upstream.AuthorizeURL(ctx, in)
	if err != nil {
		return unavailable(err)
	}
	if err := s.insertSignIn(ctx, signIn, now); err != nil {
		return err
	}
	// Only now: a browser that has not approved must not be able to finish a sign-in.
	s.cookies.set(w, signInCookie(signIn.UpstreamState), browser, s.lifetimes.SignIn)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (s *Server) insertSignIn(ctx context.Context, signIn SignIn, now time.Time) error {
	err := s.store.InsertSignIn(ctx, signIn, s.maxSignIns, now)
	switch {
	case errors.Is(err, ErrAlreadyUsed): // nothing new is stored, and what came of it cannot come twice
	case errors.Is(err, ErrTooManySignIns):
		return &oauthError{
			status: http.StatusServiceUnavailable, code: codeUnavailable, cause: err, wait: signInWait,
			description: "Too many sign-ins are under way on this server. Try again in a few minutes.",
		}
	case err != nil:
		return unavailable(err)
	}
	return nil
}

// deny stores nothing and gives nothing out, so it does not use the ticket up.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, request Request) error {
	s.logDecision(r, "deny", request)
	to := s.errorURL(request, refuse(codeAccessDenied, "The person said no."))
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// logDecision is no evidence: nobody knows yet who it was.
func (s *Server) logDecision(r *http.Request, decision string, request Request) {
	target, _ := redirectTarget(request.RedirectURI)
	s.log.InfoContext(r.Context(), "consent page answered", "decision", decision, "client", request.ClientID, "scopes", request.Scopes, "redirect_host", target)
}

// minutes is a duration in words for people.
func minutes(d time.Duration) string { return strconv.Itoa(int(d.Minutes())) }

func (s *Server) host() string {
	_, host, _ := strings.Cut(s.issuer, "://")
	return host
}
