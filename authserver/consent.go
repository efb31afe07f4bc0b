package authserver

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
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
type ticket struct {
	Request
	Expires int64 `json:"e"` // Unix seconds
}

func (s *Server) sealTicket(browser string, t ticket) (string, error) {
	body, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(body)
	return text + "." + macText(s.keys.consent, browser, text), nil
}

// openTicket returns the request, unless it is forged, another browser's or late.
func (s *Server) openTicket(browser, sealed string) (Request, bool) {
	text, sum, ok := strings.Cut(sealed, ".")
	if !ok || browser == "" || !hmac.Equal([]byte(sum), []byte(macText(s.keys.consent, browser, text))) {
		return Request{}, false
	}
	body, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return Request{}, false
	}
	var t ticket
	if err := json.Unmarshal(body, &t); err != nil {
		return Request{}, false
	}
	return t.Request, s.now().Before(time.Unix(t.Expires, 0))
}

// showConsent asks the person. Microsoft's own consent says nothing about the
// client, so without this page any client could ride on another's consent (the
// confused deputy).
func (s *Server) showConsent(w http.ResponseWriter, r *http.Request, client Client, request Request) error {
	browser := s.cookies.get(r, consentCookie) // kept, so that two tabs do not undo each other
	if browser == "" {
		browser = randomToken()
	}
	sealed, err := s.sealTicket(browser, ticket{Request: request, Expires: s.now().Add(s.lifetimes.SignIn).Unix()})
	if err != nil {
		return unavailable(err)
	}
	s.cookies.set(w, consentCookie, browser, s.lifetimes.SignIn)
	target, local := redirectTarget(request.RedirectURI)
	view := consentView{
		Client: displayText(client.Name, 60), Target: target, Local: local, Server: s.host(), CSRF: sealed,
		Minutes: strconv.Itoa(int(s.lifetimes.SignIn.Minutes())),
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
	request, ok := s.openTicket(browser, only(values, "csrf_token"))
	if !ok {
		return refusePage(http.StatusForbidden, "This page is no longer valid, or it was opened in another browser. Start the connection in your app again.")
	}
	// Both may have changed while the page was open.
	if _, _, err := s.checkClient(r, map[string][]string{"client_id": {request.ClientID}, "redirect_uri": {request.RedirectURI}}); err != nil {
		return err
	}
	switch only(values, "decision") {
	case "approve":
		return s.approve(w, r, request)
	case "deny":
		return s.deny(w, r, request)
	default:
		return refusePage(http.StatusBadRequest, "The form was sent without an answer.")
	}
}

func (s *Server) approve(w http.ResponseWriter, r *http.Request, request Request) error {
	ctx := r.Context()
	state, browser := randomToken(), randomToken()
	signIn := SignIn{Request: request, UpstreamState: digest(state), Browser: digest(browser), ExpiresAt: s.now().Add(s.lifetimes.SignIn)}
	to, err := s.upstream.AuthorizeURL(ctx, s.keys.signIn(state, request.Scopes))
	if err != nil {
		return unavailable(err)
	}
	if err := s.recordDecision(r, eventApproved, request); err != nil {
		return err
	}
	if err := s.store.InsertSignIn(ctx, signIn); err != nil {
		return unavailable(err)
	}
	// Only now: a browser that has not approved must not be able to finish a sign-in.
	s.cookies.set(w, signInCookie(signIn.UpstreamState), browser, s.lifetimes.SignIn)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func (s *Server) deny(w http.ResponseWriter, r *http.Request, request Request) error {
	if err := s.recordDecision(r, eventDenied, request); err != nil {
		return err
	}
	to := s.errorURL(request, refuse(codeAccessDenied, "The person said no."))
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// recordDecision is evidence without a person: who it was shows at the callback.
func (s *Server) recordDecision(r *http.Request, event string, request Request) error {
	target, _ := redirectTarget(request.RedirectURI)
	return s.record(r.Context(), event, identity.Principal{ClientID: request.ClientID}, map[string]string{
		"scopes": strings.Join(request.Scopes, " "), "redirect_host": target,
	})
}

func (s *Server) host() string {
	_, host, _ := strings.Cut(s.issuer, "://")
	return host
}
