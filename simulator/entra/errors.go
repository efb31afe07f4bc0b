package entra

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// stsError is an error of Entra's security token service. Apps branch on the
// OAuth fields; the AADSTS number and the text are for people.
type stsError struct {
	code     int    // the AADSTS number
	oauth    string // error, RFC 6749 section 5.2 and Entra's additions
	suberror string
	status   int // at the token endpoint; 400 when zero
	text     string
}

func (e *stsError) Error() string { return "AADSTS" + strconv.Itoa(e.code) + ": " + e.text }

func invalidGrant(code int, text string) *stsError {
	return &stsError{code: code, oauth: "invalid_grant", text: text}
}

func invalidRequest(code int, text string) *stsError {
	return &stsError{code: code, oauth: "invalid_request", text: text}
}

// missingParameter is what Entra says of any absent required parameter.
func missingParameter(name string) *stsError {
	return invalidRequest(900144, "The request body must contain the following parameter: '"+name+"'.")
}

// malformedGrant answers a code or refresh token that this service never issued.
func malformedGrant() *stsError {
	return invalidGrant(9002313, "Invalid request. Request is malformed or invalid.")
}

// resourceRefused answers RFC 8707's parameter: version 2.0 names the resource in the scope.
func resourceRefused() *stsError {
	return &stsError{
		code: 9010010, oauth: "invalid_target",
		text: "The resource parameter provided in the request doesn't match with the requested scopes.",
	}
}

// trace identifies one request, for the headers and for every error text.
type trace struct {
	id          string
	correlation string
	at          time.Time
}

// begin names the request and sets the headers that every answer carries. The
// app's client-request-id, when it is a UUID, becomes the correlation id.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) trace {
	t := trace{id: uuid.NewString(), correlation: uuid.NewString(), at: s.now().UTC()}
	if asked, err := uuid.Parse(r.Header.Get("client-request-id")); err == nil {
		t.correlation = asked.String()
		w.Header().Set("client-request-id", t.correlation)
	}
	w.Header().Set("x-ms-request-id", t.id)
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("Pragma", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	return t
}

func (t trace) timestamp() string { return t.at.Format("2006-01-02 15:04:05Z") }

func (t trace) describe(e *stsError) string {
	return fmt.Sprintf("%v Trace ID: %s Correlation ID: %s Timestamp: %s", e, t.id, t.correlation, t.timestamp())
}

func (s *Server) errorURI(e *stsError) string {
	return s.baseURL + "/error?code=" + strconv.Itoa(e.code)
}

// tokenError is the error body of the token endpoint.
type tokenError struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	URI           string `json:"error_uri"`
	Suberror      string `json:"suberror,omitempty"`
}

func (s *Server) writeError(w http.ResponseWriter, r *http.Request, t trace, e *stsError) {
	s.recordFailure(r, t, e)
	status := e.status
	if status == 0 {
		status = http.StatusBadRequest
	}
	s.writeJSON(w, r, status, tokenError{
		Error: e.oauth, Description: t.describe(e), Codes: []int{e.code}, Timestamp: t.timestamp(),
		TraceID: t.id, CorrelationID: t.correlation, URI: s.errorURI(e), Suberror: e.suberror,
	})
}

func (s *Server) recordFailure(r *http.Request, t trace, e *stsError) {
	s.count(func(st *Stats) { st.Failures++ })
	s.log.InfoContext(r.Context(), "entra refused",
		slog.String("path", r.URL.Path), slog.String("error", e.oauth), slog.String("reason", e.Error()), slog.String("trace_id", t.id))
}

func (s *Server) writeJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.log.DebugContext(r.Context(), "client went away", slog.String("error", err.Error()))
	}
}
