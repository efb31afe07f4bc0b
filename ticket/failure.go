package ticket

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"m365mcp/blob"
	"m365mcp/identity"
)

// failure is an error as the outside may read it.
type failure struct {
	status int
	code   string // for programs
	text   string // for people
}

func (f *failure) Error() string { return f.text }

var (
	errNoGrant  = &failure{http.StatusForbidden, "revoked", "The connection that this link was made for has ended. Connect your assistant again and ask for a new link."}
	errNoPerson = &failure{http.StatusForbidden, "forbidden", "Files are people's: a service has none."}
	errNoFile   = &failure{http.StatusBadRequest, "invalid_request", "No file was sent. Choose one and try again."}
	errBadBody  = &failure{http.StatusBadRequest, "invalid_request", "The request body is not well-formed, or it broke off."}
	errNothing  = &failure{http.StatusBadGateway, "upstream_error", "Microsoft 365 did not deliver the file. Try again; the link stays valid until it expires."}
)

// describe is the one place that turns errors into what may leave.
func describe(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if refusal, ok := errors.AsType[*RefusalError](err); ok {
		return &failure{http.StatusForbidden, "refused", refusal.Text}
	}
	if limit, ok := errors.AsType[*blob.LimitError](err); ok {
		if limit.Of == blob.LimitTotal {
			return &failure{http.StatusServiceUnavailable, "no_room", sentence(limit.Error())}
		}
		return &failure{http.StatusRequestEntityTooLarge, "too_large", sentence(limit.Error())}
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return &failure{http.StatusNotFound, "not_found", "The ticket is unknown, has expired or was used. Tickets live ten minutes and work once: ask for a new one."}
	case errors.Is(err, ErrBusy):
		return &failure{http.StatusConflict, "busy", "The link is being used right now. If that transfer breaks off, try again in a minute."}
	}
	return &failure{http.StatusServiceUnavailable, "temporarily_unavailable", "The server cannot do this at the moment. Try again in a few seconds."}
}

func sentence(text string) string {
	if text == "" || text[0] < 'a' || text[0] > 'z' {
		return text + "."
	}
	return string(text[0]-'a'+'A') + text[1:] + "."
}

// logFailure records our own trouble as a warning, and a refusal at the level given.
func (s *Service) logFailure(r *http.Request, f *failure, err error, refused slog.Level, more ...slog.Attr) {
	attrs := append([]slog.Attr{slog.String("code", f.code), slog.Any("error", err)}, more...)
	if f.status >= http.StatusInternalServerError {
		s.log.LogAttrs(r.Context(), slog.LevelWarn, "ticket request failed", attrs...)
		return
	}
	s.log.LogAttrs(r.Context(), refused, "ticket request refused", attrs...)
}

// fail shows a person what went wrong, and how its line in the log is found.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := describe(err)
	retryAfter(w, f)
	if f.status == http.StatusNotFound { // the same page for everybody
		s.logFailure(r, f, err, slog.LevelDebug)
		s.show(w, r, f.status, pageGone, view{})
		return
	}
	reference := rand.Text()[:8] // 40 bits
	s.logFailure(r, f, err, slog.LevelInfo, slog.String("reference", reference))
	s.show(w, r, f.status, pageFailed, view{Text: f.text, Reference: reference})
}

// api wraps what programs call: POST with a bearer, answers in JSON.
func (s *Service) api(handle func(http.ResponseWriter, *http.Request, identity.Principal) error) http.Handler {
	next := s.people.RequireBearer(func(w http.ResponseWriter, r *http.Request, p identity.Principal) {
		w.Header().Set("Cache-Control", "no-store")
		err := error(errNoPerson)
		if p.IsPerson() {
			err = handle(w, r, p)
		}
		if err != nil {
			f := describe(err)
			s.logFailure(r, f, err, slog.LevelDebug)
			retryAfter(w, f)
			s.writeJSON(w, r, f.status, map[string]string{"error": f.code, "error_description": f.text})
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			s.writeJSON(w, r, http.StatusMethodNotAllowed, map[string]string{"error": "invalid_request", "error_description": "This endpoint takes POST only."})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func retryAfter(w http.ResponseWriter, f *failure) {
	if f.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
}

func (s *Service) writeJSON(w http.ResponseWriter, r *http.Request, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		s.log.ErrorContext(r.Context(), "answer not encoded", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(append(body, '\n')); err != nil {
		s.log.DebugContext(r.Context(), "answer not written", "error", err)
	}
}
