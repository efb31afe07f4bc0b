package entra

import (
	"net/http"
	"net/url"
)

// respond sends the parameters back to the app by the mode it asked for.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, t trace, req authRequest, params url.Values) {
	if req.State != "" {
		params.Set("state", req.State)
	}
	if req.Mode == modeFormPost {
		page := formPostPage{Action: req.RedirectURI}
		for name := range params {
			page.Fields = append(page.Fields, formField{Name: name, Value: params.Get(name)})
		}
		s.render(w, r, http.StatusOK, "formpost", page)
		return
	}
	target, err := url.Parse(req.RedirectURI)
	if err != nil {
		s.fail(w, r, t, err)
		return
	}
	if req.Mode == modeFragment {
		http.Redirect(w, r, target.String()+"#"+params.Encode(), http.StatusFound)
		return
	}
	// RFC 6749 section 3.1.2: a query of the registered URI is retained.
	if target.RawQuery != "" {
		target.RawQuery += "&"
	}
	target.RawQuery += params.Encode()
	http.Redirect(w, r, target.String(), http.StatusFound)
}

// respondError tells the app what is wrong, RFC 6749 section 4.1.2.1.
func (s *Server) respondError(w http.ResponseWriter, r *http.Request, t trace, req authRequest, e *stsError) {
	s.recordFailure(r, t, e)
	params := url.Values{"error": {e.oauth}, "error_description": {t.describe(e)}, "error_uri": {s.errorURI(e)}}
	if e.oauth == "access_denied" {
		params.Set("error_subcode", "cancel")
	}
	s.respond(w, r, t, req, params)
}
