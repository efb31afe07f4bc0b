package entra_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"m365mcp/entra"
)

// An hour of Entra's trouble, over real HTTP, in half of which the access token
// has ended: calls fail for a while, nobody is signed out, and afterwards all is well.
func TestOutageSignsNobodyOut(t *testing.T) {
	t.Parallel()
	answer := func(status int, header, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
	const json = "Content-Type: application/json"
	for name, trouble := range map[string]http.Handler{
		"down": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"slow": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then the end of the connection is noticed
			<-r.Context().Done()
		}),
		"HTML":               answer(http.StatusOK, "Content-Type: text/html", "<html>Working on it</html>"),
		"HTML, 503":          answer(http.StatusServiceUnavailable, "Content-Type: text/html", "<html>"),
		"a captive portal":   answer(http.StatusFound, "Location: https://portal.example/", ""),
		"a proxy's 403":      answer(http.StatusForbidden, "Content-Type: text/html", "<html>invalid_grant</html>"),
		"500":                answer(http.StatusInternalServerError, json, `{"error":"server_error"}`),
		"500 that lies":      answer(http.StatusInternalServerError, json, `{"error":"invalid_grant"}`),
		"429":                answer(http.StatusTooManyRequests, "Retry-After: 600", `{"error":"throttled"}`),
		"429 that lies":      answer(http.StatusTooManyRequests, "Retry-After: 600", `{"error":"invalid_grant"}`),
		"our own credential": answer(http.StatusUnauthorized, json, `{"error":"invalid_client","error_description":"AADSTS7000222"}`),
		"half an answer":     answer(http.StatusOK, json, `{"access_token":"x`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t)
			var on atomic.Bool
			s.answer = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if on.Load() {
					trouble.ServeHTTP(w, r)
					return
				}
				s.token(w, r)
			})
			now := time.Now()
			s.now = func() time.Time { return now }
			client := http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if name != "slow" || !on.Load() {
					return s.Client().Transport.RoundTrip(r)
				}
				ctx, cancel := context.WithTimeout(r.Context(), 20*time.Millisecond) // in place of 30 seconds
				defer cancel()
				return s.Client().Transport.RoundTrip(r.WithContext(ctx))
			})}
			c, err := entra.New(s.config(), &client, s.now, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			_, tk, err := s.signIn(t, c)
			if err != nil {
				t.Fatal(err)
			}
			db, _ := database(t)
			v := newVault(t, db.Vault(), c, s.now)
			put(t, v, tk)
			const path = "oauth2/v2.0/token"
			before := s.counted(path)

			on.Store(true)
			start := now
			for minute := range 90 {
				now = start.Add(time.Duration(minute) * time.Minute)
				access, _, err := v.Token(t.Context(), grant)
				switch {
				case minute < 60 && (err != nil || access != tk.Access):
					t.Fatalf("minute %d: %v, though the token lives", minute, err)
				case minute >= 60 && (err == nil || entra.IsSignInRequired(err)):
					t.Fatalf("minute %d: %v, want trouble that passes", minute, err)
				}
			}
			asked := s.counted(path) - before
			if most := 40; asked > most || asked < 2 {
				t.Errorf("Entra was asked %d times in 90 minutes of calls, want %d at most", asked, most)
			}
			if strings.HasPrefix(name, "429") && asked > 31 {
				t.Errorf("Entra was asked %d times, though it wants ten minutes between", asked)
			}
			on.Store(false)
			now = now.Add(time.Minute)
			if access, _, err := v.Token(t.Context(), grant); err != nil || access == tk.Access {
				t.Errorf("after the trouble: %v", err)
			}
		})
	}
}

// A sign-in that comes back while Entra is in trouble yields nothing, says that trying
// again may help, and the next one is not spoilt by it.
func TestSignInDuringAnOutage(t *testing.T) {
	t.Parallel()
	page := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, trouble := range map[string]http.HandlerFunc{
		"down": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"slow": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		},
		"HTML":           page(http.StatusOK, "<html>Working on it</html>"),
		"HTML, 503":      page(http.StatusServiceUnavailable, "<html>"),
		"HTML that lies": page(http.StatusForbidden, `<html>{"error":"invalid_grant"}`),
		"nothing":        page(http.StatusOK, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStandIn(t)
			var on atomic.Bool
			s.answer = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if on.Load() {
					trouble(w, r)
					return
				}
				s.token(w, r)
			})
			client := http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if name != "slow" || !on.Load() {
					return s.Client().Transport.RoundTrip(r)
				}
				ctx, cancel := context.WithTimeout(r.Context(), 20*time.Millisecond) // in place of 30 seconds
				defer cancel()
				return s.Client().Transport.RoundTrip(r.WithContext(ctx))
			})}
			c, err := entra.New(s.config(), &client, s.now, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Discover(t.Context()); err != nil {
				t.Fatal(err)
			}
			on.Store(true)
			account, tokens, err := s.signIn(t, c)
			if !entra.IsTransient(err) {
				t.Errorf("error %v is taken for one that stays", err)
			}
			wantRefused(t, account, tokens, err, "code exchange")
			on.Store(false)
			if account, _, err := s.signIn(t, c); err != nil || account.ObjectID != objectID {
				t.Errorf("after the trouble: %+v, %v", account, err)
			}
		})
	}
}
