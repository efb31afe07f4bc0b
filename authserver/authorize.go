package authserver

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const maxState = 4 << 10

// authorize is the authorization endpoint: it checks the request and asks the
// person, before anything goes to Microsoft.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) error {
	if len(r.URL.RawQuery) > maxQuery {
		return refusePage(http.StatusRequestURITooLong, "The request is too long.")
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return refusePage(http.StatusBadRequest, "The address of this page is not well-formed.")
	}
	client, redirectURI, err := s.checkClient(r, values)
	if err != nil {
		return err
	}
	request, want, err := s.checkRequest(values, client, redirectURI)
	if err != nil {
		// Client and redirect are known to belong together: the client may be told.
		return s.redirectError(w, r, Request{RedirectURI: redirectURI, State: only(values, "state")}, err)
	}
	return s.ask(w, r, client, s.newTicket(client, request, want))
}

// ask shows the consent page, unless the person who is probably at the browser has
// allowed all of it before. The callback looks who it was.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, client Client, t ticket) error {
	earlier, known := s.memory(r, t)
	if known {
		t.Expected = earlier.User
		if t.Prompt != promptSelect {
			t.LoginHint = earlier.UPN
		}
		if skips(r, t, earlier) {
			return s.begin(w, r, t, true)
		}
	}
	if t.silent {
		code := codeConsentRequired
		if _, ok := s.person(r); !ok {
			code = codeLoginRequired
		}
		return s.redirectError(w, r, t.Request, silently(code))
	}
	return s.showConsent(w, r, client, t, earlier, "")
}

// checkClient finds out whom an answer may be sent to. Until that is known, errors
// are shown and never redirected (RFC 6749 section 4.1.2.1).
func (s *Server) checkClient(r *http.Request, values url.Values) (Client, string, error) {
	clientID, redirectURI := only(values, "client_id"), only(values, "redirect_uri")
	if clientID == "" {
		return Client{}, "", refusePage(http.StatusBadRequest, "The app did not say which app it is (client_id).")
	}
	client, err := s.describe(r.Context(), clientID, s.fetchPermit(r))
	if errors.Is(err, ErrNotFound) {
		return Client{}, "", refusePage(http.StatusBadRequest,
			"This server does not know the app. Its registration may have expired: remove the connection in the app and add it again.")
	}
	if err != nil {
		return Client{}, "", asOAuth(err)
	}
	if redirectURI == "" {
		return Client{}, "", refusePage(http.StatusBadRequest, "The app did not say where to return to (redirect_uri).")
	}
	if !s.redirectAllowed(client, redirectURI) {
		return Client{}, "", refusePage(http.StatusBadRequest, "The app asked to return to an address that it has not registered, or that this server's administrator does not allow (redirect_uri).")
	}
	return client, redirectURI, nil
}

// clientOf finds the client of a request that was checked a while ago.
func (s *Server) clientOf(r *http.Request, request Request) (Client, error) {
	client, _, err := s.checkClient(r, url.Values{"client_id": {request.ClientID}, "redirect_uri": {request.RedirectURI}})
	return client, err
}

func (s *Server) checkRequest(values url.Values, client Client, redirectURI string) (Request, wishes, error) {
	p, err := s.once(values)
	if err != nil {
		return Request{}, wishes{}, err
	}
	request := Request{
		ClientID: client.ID, RedirectURI: redirectURI, State: p["state"],
		Resource: cmp.Or(p["resource"], s.resource), Challenge: p["code_challenge"],
	}
	switch {
	case p["response_type"] == "":
		return request, wishes{}, refuse(codeInvalidRequest, "response_type is missing.")
	case p["response_type"] != "code":
		return request, wishes{}, refuse(codeUnsupportedResponse, "Only response_type=code is supported.")
	case p["response_mode"] != "" && p["response_mode"] != "query":
		return request, wishes{}, refuse(codeInvalidRequest, "Only response_mode=query is supported.")
	case len(request.State) > maxState:
		return request, wishes{}, refuse(codeInvalidRequest, "state is too long.")
	case request.Challenge == "":
		return request, wishes{}, refuse(codeInvalidRequest, "PKCE is required: code_challenge is missing.")
	case p["code_challenge_method"] != "S256":
		return request, wishes{}, refuse(codeInvalidRequest, "PKCE needs code_challenge_method=S256.")
	case !validChallenge(request.Challenge):
		return request, wishes{}, refuse(codeInvalidRequest, "code_challenge is not the base64url form of a SHA-256.")
	}
	if request.Scopes, err = s.askedScopes(p["scope"]); err != nil {
		return request, wishes{}, err
	}
	want, err := readWishes(p)
	return request, want, err
}

// askedScopes are those of an authorization request: what is asked for at sign-in
// when it names none, and otherwise any that a person may be asked for. A preset
// stands for its scopes.
func (s *Server) askedScopes(asked string) ([]string, error) {
	words := strings.Fields(asked)
	if len(words) == 0 {
		return slices.Clone(s.scopes), nil
	}
	var scopes []string
	for _, word := range words {
		if preset, ok := s.presets[word]; ok {
			scopes = append(scopes, preset...)
		} else {
			scopes = append(scopes, word)
		}
	}
	return narrow(strings.Join(scopes, " "), s.most)
}

// narrow returns the asked scopes that are among the allowed ones, in their order,
// and all of them only if nothing was asked. OpenID's scopes and offline_access have
// no meaning of their own here: who asks for nothing else wants to know who the
// person is, and gets no more than that.
func narrow(asked string, allowed []string) ([]string, error) {
	want := strings.Fields(asked)
	if len(want) == 0 {
		return slices.Clone(allowed), nil
	}
	want = slices.DeleteFunc(want, func(scope string) bool {
		return slices.Contains([]string{"openid", "profile", "email", "offline_access"}, scope)
	})
	if len(want) == 0 {
		want = []string{"User.Read"}
	}
	got := slices.DeleteFunc(slices.Clone(allowed), func(scope string) bool { return !slices.Contains(want, scope) })
	if len(got) == 0 {
		return nil, refuse(codeInvalidScope, "None of the scopes asked for is available here.")
	}
	return got, nil
}

// only returns the value of a parameter that is there exactly once.
func only(values url.Values, name string) string {
	if all := values[name]; len(all) == 1 {
		return all[0]
	}
	return ""
}

// answerURL is the address that takes an authorization response back to the
// client, with the issuer (RFC 9207) so that it cannot be taken for another's.
func (s *Server) answerURL(request Request, parameters url.Values) string {
	parameters.Set("iss", s.issuer)
	if request.State != "" {
		parameters.Set("state", request.State)
	}
	return withQuery(request.RedirectURI, parameters)
}

func (s *Server) errorURL(request Request, e *oauthError) string {
	return s.answerURL(request, url.Values{"error": {e.code}, "error_description": {e.description}})
}

// redirectError tells the client, through the browser, why there is no code.
func (s *Server) redirectError(w http.ResponseWriter, r *http.Request, request Request, err error) error {
	e := asOAuth(err)
	s.logError(r, e, slog.LevelDebug)
	redirect(w, s.errorURL(request, e))
	return nil
}

// redirect is http.Redirect without its rewriting of paths and its body, which
// would repeat the code.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}
