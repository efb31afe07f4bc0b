package authserver

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const maxConsentForm = 32 << 10

// ticket is a checked request, inside the consent form: nothing is stored before
// a person agrees. It is signed together with the browser's cookie, which makes
// it the form's CSRF token: nobody else can make one that this browser may submit.
// Its id makes it good for one sign-in.
type ticket struct {
	Request
	ID      string `json:"i"`
	Expires int64  `json:"e"` // Unix seconds
}

func (s *Server) sealTicket(browser string, t ticket) (string, error) {
	body, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(body)
	return text + "." + macText(s.keys.consent, browser, text), nil
}

// openTicket returns the ticket, unless it is forged, another browser's or late.
func (s *Server) openTicket(browser, sealed string) (t ticket, ok bool) {
	text, sum, ok := strings.Cut(sealed, ".")
	if !ok || browser == "" || !hmac.Equal([]byte(sum), []byte(macText(s.keys.consent, browser, text))) {
		return ticket{}, false
	}
	body, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return ticket{}, false
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return ticket{}, false
	}
	return t, s.now().Before(time.Unix(t.Expires, 0))
}

// showConsent asks the person. Microsoft's own consent says nothing about the
// client, so without this page any client could ride on another's consent (the
// confused deputy).
func (s *Server) showConsent(w http.ResponseWriter, r *http.Request, client Client, request Request) error {
	browser := s.cookies.get(r, consentCookie) // kept, so that two tabs do not undo each other
	if browser == "" {
		browser = randomToken()
	}
	sealed, err := s.sealTicket(browser, ticket{Request: request, ID: randomID(), Expires: s.now().Add(s.lifetimes.SignIn).Unix()})
	if err != nil {
		return unavailable(err)
	}
	s.cookies.set(w, consentCookie, browser, s.lifetimes.SignIn)
	target, local := redirectTarget(request.RedirectURI)
	view := consentView{
		Client: displayText(client.Name, 60), Target: target, Local: local, Server: s.host(), CSRF: sealed,
		Minutes: minutes(s.lifetimes.SignIn),
	}
	for _, scope := range request.Scopes {
		view.Scopes = append(view.Scopes, scopeView{Name: scope, Text: s.scopeText[scope]})
	}
	s.pages.render(w, r, s.log, http.StatusOK, "consent", view)
	return nil
}

// consent takes the person's answer.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) error {
	// Browsers that send it cannot be made to lie about it.
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return refusePage(http.StatusForbidden, "This answer did not come from this server's own page.")
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
	// Both may have changed while the page was open.
	if _, _, err := s.checkClient(r, map[string][]string{"client_id": {t.ClientID}, "redirect_uri": {t.RedirectURI}}); err != nil {
		return err
	}
	switch only(values, "decision") {
	case "approve":
		return s.approve(w, r, t)
	case "deny":
		return s.deny(w, r, t.Request)
	default:
		return refusePage(http.StatusBadRequest, "The form was sent without an answer.")
	}
}

func (s *Server) approve(w http.ResponseWriter, r *http.Request, t ticket) error {
	ctx, now := r.Context(), s.now()
	// Derived from the ticket, so that a second click sends the same person the same way.
	state, browser := macText(s.keys.consent, "state", t.ID), macText(s.keys.consent, "browser", t.ID)
	// It expires after the ticket, so that the store knows a used ticket for as long as it is good.
	signIn := SignIn{
		Request: t.Request, Ticket: t.ID,
		UpstreamState: digest(state), Browser: digest(browser), ExpiresAt: now.Add(s.lifetimes.SignIn),
	}
	to, err := s.upstream.AuthorizeURL(ctx, s.keys.signIn(state, t.Scopes))
	if err != nil {
		return unavailable(err)
	}
	err = s.store.InsertSignIn(ctx, signIn, s.maxSignIns, now)
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
	s.logDecision(r, "approve", t.Request)
	// Only now: a browser that has not approved must not be able to finish a sign-in.
	s.cookies.set(w, signInCookie(signIn.UpstreamState), browser, s.lifetimes.SignIn)
	http.Redirect(w, r, to, http.StatusSeeOther)
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
