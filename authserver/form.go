package authserver

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

const (
	maxBody  = 16 << 10
	maxQuery = 8 << 10
)

// parameters are the fields of a request, each present once at most.
type parameters map[string]string

// once takes apart what was sent. A parameter that is there twice is refused
// (RFC 6749 sections 3.1 and 3.2), for two readers might take different ones;
// only resource may repeat (RFC 8707 section 2), when the values agree in the end.
func (s *Server) once(values url.Values) (parameters, error) {
	p := make(parameters, len(values))
	for name, all := range values {
		if name == "resource" {
			resource, err := s.checkResource(all)
			if err != nil {
				return p, err
			}
			p[name] = resource
			continue
		}
		if len(all) != 1 {
			return p, refuse(codeInvalidRequest, "A parameter was sent more than once.")
		}
		if !utf8.ValidString(all[0]) || strings.ContainsRune(all[0], 0) { // neither is text to every store
			return p, refuse(codeInvalidRequest, "A parameter is not valid UTF-8, or holds a NUL character.")
		}
		p[name] = all[0]
	}
	return p, nil
}

// checkResource binds a request to one audience.
func (s *Server) checkResource(asked []string) (string, error) {
	var one string
	for _, resource := range asked {
		resource = strings.TrimSuffix(resource, "/")
		if !s.serves(resource) || one != "" && resource != one {
			return "", &oauthError{
				status: http.StatusBadRequest, code: codeInvalidTarget,
				description: "This server issues tokens for " + strings.Join(s.resources, " or ") + " only.",
			}
		}
		one = resource
	}
	return one, nil
}

// checkAudience refuses a token request for another resource than the grant's
// (RFC 8707 section 2.2).
func checkAudience(p parameters, grant Grant) error {
	if asked := p["resource"]; asked != "" && asked != grant.Resource {
		return &oauthError{
			status: http.StatusBadRequest, code: codeInvalidTarget,
			description: "The authorization was for " + grant.Resource + ".",
		}
	}
	return nil
}

// readForm reads a form body. The query is ignored: credentials do not belong there.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request) (parameters, error) {
	values, err := formValues(w, r, maxBody)
	if err != nil {
		return nil, err
	}
	return s.once(values)
}

func formValues(w http.ResponseWriter, r *http.Request, most int64) (url.Values, error) {
	body, err := readBody(w, r, "application/x-www-form-urlencoded", most)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, refuse(codeInvalidRequest, "The body is not a well-formed form.")
	}
	return values, nil
}

func readBody(w http.ResponseWriter, r *http.Request, mediaType string, most int64) ([]byte, error) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != mediaType {
		return nil, &oauthError{status: http.StatusUnsupportedMediaType, code: codeInvalidRequest, description: "The Content-Type has to be " + mediaType + "."}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, &oauthError{status: http.StatusRequestEntityTooLarge, code: codeInvalidRequest, description: "The body is too large."}
	}
	if err != nil {
		return nil, refuse(codeInvalidRequest, "The body could not be read.")
	}
	return body, nil
}
