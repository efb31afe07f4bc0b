package authserver

import (
	"cmp"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Error codes: RFC 6749 sections 4.1.2.1 and 5.2, RFC 7591 section 3.2.2,
// RFC 8707 section 2, RFC 6750 section 3.1, OpenID Connect Core section 3.1.2.6.
const (
	codeInvalidRequest      = "invalid_request"
	codeInvalidClient       = "invalid_client"
	codeInvalidGrant        = "invalid_grant"
	codeInvalidScope        = "invalid_scope"
	codeInvalidTarget       = "invalid_target"
	codeInvalidToken        = "invalid_token"
	codeInvalidRedirectURI  = "invalid_redirect_uri"
	codeInvalidMetadata     = "invalid_client_metadata"
	codeUnauthorizedClient  = "unauthorized_client"
	codeUnsupportedGrant    = "unsupported_grant_type"
	codeUnsupportedResponse = "unsupported_response_type"
	codeAccessDenied        = "access_denied"
	codeServerError         = "server_error"
	codeUnavailable         = "temporarily_unavailable"
	codeInsufficientScope   = "insufficient_scope"
	codeLoginRequired       = "login_required"
	codeConsentRequired     = "consent_required"
	codeInteractionRequired = "interaction_required"
)

// oauthError is what a client may read. The cause is for the log only.
type oauthError struct {
	status      int
	code        string
	description string
	cause       error
	wait        time.Duration // until another try may succeed, for a 429 or 503; zero: a moment
}

func (e *oauthError) Error() string {
	if e.cause != nil {
		return e.code + ": " + e.description + ": " + e.cause.Error()
	}
	return e.code + ": " + e.description
}

func (e *oauthError) Unwrap() error { return e.cause }

// refuse is a client's mistake.
func refuse(code, description string) *oauthError {
	return &oauthError{status: http.StatusBadRequest, code: code, description: description}
}

// unavailable is our trouble: the store, the audit or the vault did not answer.
func unavailable(cause error) *oauthError {
	return &oauthError{
		status: http.StatusServiceUnavailable, code: codeUnavailable,
		description: "The server cannot answer at the moment. Try again in a few seconds.", cause: cause,
	}
}

// asOAuth turns any error into what the outside may know of it.
func asOAuth(err error) *oauthError {
	if e, ok := errors.AsType[*oauthError](err); ok {
		return e
	}
	return unavailable(err)
}

// api wraps an endpoint that machines call: JSON answers, never cached, open to
// web clients of any origin because no cookie or other ambient authority counts.
func (s *Server) api(handle func(http.ResponseWriter, *http.Request) error, methods ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, MCP-Protocol-Version")
			h.Set("Access-Control-Max-Age", "86400")
			h.Set("Allow", strings.Join(append(slices.Clone(methods), http.MethodOptions), ", "))
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if !slices.Contains(methods, r.Method) {
			h.Set("Allow", strings.Join(append(slices.Clone(methods), http.MethodOptions), ", "))
			s.writeError(w, r, &oauthError{status: http.StatusMethodNotAllowed, code: codeInvalidRequest, description: "This endpoint does not take " + methodName(r) + "."})
			return
		}
		if err := handle(w, r); err != nil {
			s.writeError(w, r, asOAuth(err))
		}
	})
}

// methodName returns the method if it is safe to repeat.
func methodName(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return r.Method
	default:
		return "this method"
	}
}

func (s *Server) writeError(w http.ResponseWriter, r *http.Request, e *oauthError) {
	s.logError(r, e, slog.LevelDebug)
	setRetryAfter(w, e)
	// The header is of use only to those who tried it (RFC 6749 section 5.2).
	if e.code == codeInvalidClient && r.Header.Get("Authorization") != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
	}
	if err := writeJSON(w, e.status, map[string]string{"error": e.code, "error_description": e.description}); err != nil {
		s.log.DebugContext(r.Context(), "answer not written", "error", err)
	}
}

// setRetryAfter says when another try is worth while.
func setRetryAfter(w http.ResponseWriter, e *oauthError) {
	if e.status == http.StatusServiceUnavailable || e.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(cmp.Or(e.wait, 2*time.Second).Seconds()))))
	}
}

// logError records a failure as a warning, and a refusal at the level given.
func (s *Server) logError(r *http.Request, e *oauthError, refused slog.Level, more ...slog.Attr) {
	attrs := append([]slog.Attr{slog.String("path", r.URL.Path), slog.String("code", e.code)}, more...)
	if e.cause != nil {
		s.log.LogAttrs(r.Context(), slog.LevelWarn, "oauth request failed", append(attrs, slog.Any("error", e.cause))...)
		return
	}
	s.log.LogAttrs(r.Context(), refused, "oauth request refused", append(attrs, slog.String("reason", e.description))...)
}

func writeJSON(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	return err
}
