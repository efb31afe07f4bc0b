package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"m365mcp/dial"
	"m365mcp/gateway"
	"m365mcp/graph"
	"m365mcp/identity"
	"m365mcp/internal/secret"
)

const ulidA = "01JDA5Q2Z0000000000000000A"

// fixture is a gateway before a real HTTP server whose answers the test scripts.
type fixture struct {
	gw       *gateway.Gateway
	log      bytes.Buffer
	mu       sync.Mutex
	seen     []*http.Request
	answers  []http.HandlerFunc // one each; the last one repeats
	unread   bool               // the answers read the bodies
	token    string
	rejected []string
	recheck  error
	rechecks int
	slow     func() // what happens while a token is waited for
	now      time.Time
}

func (f *fixture) Token(context.Context, identity.Principal) (secret.String, error) {
	if f.slow != nil {
		f.slow()
	}
	if f.token == "" {
		return secret.String{}, fmt.Errorf("vault: %w", gateway.ErrSignInRequired)
	}
	return secret.New(f.token), nil
}

func (f *fixture) Reject(_ context.Context, _ identity.Principal, token secret.String, claims string) error {
	f.rejected = append(f.rejected, token.Reveal()+"|"+claims)
	f.token += "'"
	return nil
}

func (f *fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !f.unread {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	f.mu.Lock()
	f.seen = append(f.seen, r)
	n := len(f.seen)
	answer := f.answers[0]
	if len(f.answers) > 1 {
		f.answers = f.answers[1:]
	}
	f.mu.Unlock()
	w.Header().Set("Request-Id", fmt.Sprintf("graph-%d", n))
	answer(w, r)
}

func (f *fixture) requests() []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seen)
}

// script replaces the answers.
func (f *fixture) script(answers ...http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers = answers
}

func setup(t *testing.T, answers ...http.HandlerFunc) *fixture {
	t.Helper()
	f := &fixture{answers: answers, token: "canary-token", now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	client, err := dial.Client("graph", srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	f.gw, err = gateway.New(gateway.Options{
		GraphURL: srv.URL, Version: "v1.0", HTTP: client, Credentials: f,
		Recheck: func(context.Context, identity.Principal) error { f.rechecks++; return f.recheck },
		Retry:   gateway.Retry{MaxAttempts: 3, Backoff: time.Millisecond, MaxWait: time.Second},
		NewID:   func() string { return ulidA },
		Now:     func() time.Time { return f.now },
		Logger:  slog.New(slog.NewJSONHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) open(readOnly bool) *gateway.Session {
	return f.gw.Open(gateway.Call{
		Principal: identity.Principal{
			TenantID: "tid", UserID: "oid", Mail: "ada@example.com", ClientID: "client", GrantID: "grant", CheckedAt: f.now,
		},
		Tool: "getEmails", RequestID: "req-1", ReadOnly: readOnly,
	})
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		if code >= 400 {
			_, _ = io.WriteString(w, `{"error":{"code":"SomeCode","message":"words"}}`)
		} else {
			_, _ = io.WriteString(w, `{"ok":true}`)
		}
	}
}

func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

var (
	read  = graph.Request{Method: graph.Get, Path: graph.Fixed("/me/messages"), Query: graph.Query{}.Top(3)}
	write = graph.Request{Method: graph.Post, Path: graph.Fixed("/me/sendMail"), Body: []byte(`{"subject":"canary-subject"}`)}
)

func TestRetry(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		request  graph.Request
		answers  []http.HandlerFunc
		attempts int
		kind     graph.Kind // of the error
		ok       bool
	}{
		"read, 429 then ok":              {read, []http.HandlerFunc{status(429, "Retry-After", "0"), status(200)}, 2, 0, true},
		"read, 503 and 504 then ok":      {read, []http.HandlerFunc{status(503), status(504), status(200)}, 3, 0, true},
		"read, reset then ok":            {read, []http.HandlerFunc{reset, status(200)}, 2, 0, true},
		"read, 429 for ever":             {read, []http.HandlerFunc{status(429)}, 3, graph.KindGraph, false},
		"read, longer than we wait":      {read, []http.HandlerFunc{status(429, "Retry-After", "60")}, 1, graph.KindGraph, false},
		"read, 404":                      {read, []http.HandlerFunc{status(404)}, 1, graph.KindGraph, false},
		"read, 500":                      {read, []http.HandlerFunc{status(500)}, 1, graph.KindGraph, false},
		"read, redirect":                 {read, []http.HandlerFunc{status(302, "Location", "http://169.254.169.254/")}, 1, graph.KindProtocol, false},
		"write, 202":                     {write, []http.HandlerFunc{status(202)}, 1, 0, true},
		"write, 429 is a refusal":        {write, []http.HandlerFunc{status(429)}, 1, graph.KindGraph, false},
		"write, 503 is a refusal":        {write, []http.HandlerFunc{status(503)}, 1, graph.KindGraph, false},
		"write, 504 may have happened":   {write, []http.HandlerFunc{status(504)}, 1, graph.KindUnknown, false},
		"write, 500 may have happened":   {write, []http.HandlerFunc{status(500)}, 1, graph.KindUnknown, false},
		"write, reset may have happened": {write, []http.HandlerFunc{reset}, 1, graph.KindUnknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, tc.answers...)
			s := f.open(false)
			resp, err := s.Do(t.Context(), tc.request)
			if tc.ok != (err == nil) || tc.ok != (resp != nil) {
				t.Fatalf("got %v, %v", resp, err)
			}
			var ge *graph.Error
			if !tc.ok && (!errors.As(err, &ge) || ge.Kind != tc.kind) {
				t.Errorf("error %#v, want kind %d", err, tc.kind)
			}
			// A write that failed is never sent again (invariant 7).
			if len(f.requests()) != tc.attempts {
				t.Errorf("%d requests arrived, want %d", len(f.seen), tc.attempts)
			}
			x := s.Exchanges()
			if len(x) != 1 || x[0].Attempts != tc.attempts {
				t.Errorf("exchanges %+v", x)
			}
		})
	}
}

func TestWriteIsNotReplayedOnABrokenConnection(t *testing.T) {
	t.Parallel()
	f := setup(t, status(200), reset, status(202))
	s := f.open(false)
	if _, err := s.Do(t.Context(), read); err != nil { // leaves an idle connection
		t.Fatal(err)
	}
	_, err := s.Do(t.Context(), write)
	var ge *graph.Error
	if !errors.As(err, &ge) || ge.Kind != graph.KindUnknown || len(f.requests()) != 2 {
		t.Errorf("error %v after %d requests", err, len(f.requests()))
	}
}

func TestNothingListensIsNotUnknown(t *testing.T) {
	t.Parallel()
	f := setup(t, status(202))
	f.gw.HTTP = &http.Client{Transport: refusing{}}
	_, err := f.open(false).Do(t.Context(), write)
	var ge *graph.Error
	if !errors.As(err, &ge) || ge.Kind != graph.KindNetwork {
		t.Errorf("error %v, want KindNetwork: nothing was sent", err)
	}
}

type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func TestRejectedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	challenge := `Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`
	for name, tc := range map[string]struct {
		answers  []http.HandlerFunc
		rejected []string
		ok       bool
	}{
		"new token works": {[]http.HandlerFunc{status(401), status(200)}, []string{"canary-token|"}, true},
		"still refused":   {[]http.HandlerFunc{status(401)}, []string{"canary-token|", "canary-token'|"}, false},
		"claims challenge": {
			[]http.HandlerFunc{status(401, "WWW-Authenticate", challenge)},
			[]string{`canary-token|{"access_token":{}}`},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, tc.answers...)
			_, err := f.open(true).Do(t.Context(), read)
			if diff := cmp.Diff(tc.rejected, f.rejected); diff != "" {
				t.Error(diff)
			}
			var ge *graph.Error
			if tc.ok != (err == nil) || (!tc.ok && (!errors.As(err, &ge) || ge.Kind != graph.KindSignIn)) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Invariant 4: only a session of a decided call sends, and only what was decided.
func TestSessionRefuses(t *testing.T) {
	t.Parallel()
	f := setup(t, status(200))
	closed := f.open(false)
	closed.Close()
	for name, try := range map[string]func() error{
		"write in a read":      func() error { _, err := f.open(true).Do(t.Context(), write); return err },
		"after the call ended": func() error { _, err := closed.Do(t.Context(), read); return err },
		"path with a host": func() error {
			_, err := f.open(true).Do(t.Context(), graph.Request{Method: graph.Get, Path: graph.Fixed("@evil.example/")})
			return err
		},
	} {
		err := try()
		var ge *graph.Error
		if !errors.As(err, &ge) || ge.Kind != graph.KindRefused {
			t.Errorf("%s: %v, want KindRefused", name, err)
		}
	}
	if len(f.requests()) != 0 {
		t.Errorf("%d requests were sent", len(f.requests()))
	}
}

// Invariant 8: the grant is read again when the last look is older than 500 ms, and no answer means no.
func TestRecheck(t *testing.T) {
	t.Parallel()
	f := setup(t, status(200))
	s := f.open(true)
	f.now = f.now.Add(400 * time.Millisecond)
	if _, err := s.Do(t.Context(), read); err != nil || f.rechecks != 0 {
		t.Fatalf("fresh: %v, %d rechecks", err, f.rechecks)
	}
	f.now = f.now.Add(200 * time.Millisecond)
	if _, err := s.Do(t.Context(), read); err != nil || f.rechecks != 1 {
		t.Fatalf("stale: %v, %d rechecks", err, f.rechecks)
	}
	f.now = f.now.Add(time.Second)
	f.recheck = errors.New("revoked")
	_, err := s.Do(t.Context(), read)
	var ge *graph.Error
	if !errors.As(err, &ge) || ge.Kind != graph.KindRevoked || len(f.requests()) != 2 {
		t.Errorf("revoked: %v, %d requests", err, len(f.requests()))
	}
}

// Waiting for a token counts: nothing is sent after a revocation that came meanwhile.
func TestRecheckComesAfterTheToken(t *testing.T) {
	t.Parallel()
	f := setup(t, status(202))
	f.slow = func() {
		f.now = f.now.Add(3 * time.Second)
		f.recheck = errors.New("revoked meanwhile")
	}
	_, err := f.open(false).Do(t.Context(), write)
	var ge *graph.Error
	if !errors.As(err, &ge) || ge.Kind != graph.KindRevoked || len(f.requests()) != 0 {
		t.Errorf("%v, %d requests", err, len(f.requests()))
	}
}

func TestSignInRequired(t *testing.T) {
	t.Parallel()
	f := setup(t, status(200))
	f.token = ""
	_, err := f.open(true).Do(t.Context(), read)
	var ge *graph.Error
	if !errors.As(err, &ge) || ge.Kind != graph.KindSignIn || len(f.requests()) != 0 {
		t.Errorf("%v, %d requests", err, len(f.requests()))
	}
}

func TestRequestAndLogRecord(t *testing.T) {
	t.Parallel()
	f := setup(t, status(202))
	if _, err := f.open(false).Do(t.Context(), write); err != nil {
		t.Fatal(err)
	}
	r := f.requests()[0]
	if got, want := r.Header.Get("Client-Request-Id"), "0193545b-8be0-0000-0000-00000000000a"; got != want {
		t.Errorf("client-request-id %s, want %s", got, want)
	}
	if got := r.URL.RequestURI(); got != "/v1.0/me/sendMail" {
		t.Errorf("sent to %s", got)
	}
	var rec map[string]any
	if err := json.Unmarshal(f.log.Bytes(), &rec); err != nil {
		t.Fatalf("%v in %s", err, f.log.String())
	}
	want := map[string]any{
		"level": "INFO", "msg": "graph_request", "id": ulidA, "route": "microsoft-graph", "method": "POST",
		"path": "/me/sendMail", "status": 202.0, "outcome": "ok", "code": "", "graph_request_id": "graph-1", "attempts": 1.0,
		"metadata": map[string]any{"userId": "oid", "userEmail": "ada@example.com", "mcpTool": "getEmails", "requestId": "req-1", "clientId": "client"},
	}
	ignore := cmpopts.IgnoreMapEntries(func(k string, _ any) bool { return k == "time" || k == "duration" || k == "bytes" })
	if diff := cmp.Diff(want, rec, ignore); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(f.log.String(), "canary") {
		t.Errorf("the log holds content or a token: %s", f.log.String())
	}
}

// One person never has more than four requests under way, and does not hold up another.
func TestMailboxConcurrency(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var full sync.Once
	busy, most := 0, 0
	hold := make(chan struct{})
	f := setup(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		busy++
		most = max(most, busy)
		if busy == 4 {
			full.Do(func() { close(hold) })
		}
		mu.Unlock()
		<-hold
		mu.Lock()
		busy--
		mu.Unlock()
		status(200)(w, r)
	})
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if _, err := f.open(true).Do(t.Context(), read); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most != 4 {
		t.Errorf("%d requests were under way at once, want 4", most)
	}

	blocked := f.open(true)
	var releases []func()
	for range 4 {
		release, err := gateway.Acquire(t.Context(), f.gw, "tid/oid")
		if err != nil {
			t.Fatal(err)
		}
		releases = append(releases, release)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := blocked.Do(ctx, read); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with all places taken: %v", err)
	}
	other := f.gw.Open(gateway.Call{Principal: identity.Principal{TenantID: "tid", UserID: "other", CheckedAt: f.now}, ReadOnly: true})
	if _, err := other.Do(t.Context(), read); err != nil {
		t.Errorf("another person: %v", err)
	}
	for _, release := range releases {
		release()
	}
	if n := gateway.Held(f.gw); n != 0 {
		t.Errorf("%d mailboxes are remembered after all calls ended", n)
	}
}

// Nothing is sent for a service, or for nobody: there is no person whose data it could be.
func TestOnlyPeopleReachGraph(t *testing.T) {
	t.Parallel()
	f := setup(t, status(http.StatusOK))
	for _, p := range []identity.Principal{
		{}, {TenantID: "tid"}, {UserID: "oid"}, {Service: "build", ClientID: "build", GrantID: "g"}, {TenantID: "tid", UserID: "oid", Service: "build"},
	} {
		p.CheckedAt = f.now
		_, err := f.gw.Open(gateway.Call{Principal: p, Tool: "getEmails", RequestID: "req-1", ReadOnly: true}).
			Do(t.Context(), graph.Request{Method: graph.Get, Path: graph.Fixed("/me")})
		if ge, ok := errors.AsType[*graph.Error](err); !ok || ge.Kind != graph.KindRefused || ge.Attempts != 0 {
			t.Errorf("%+v: %v", p, err)
		}
	}
}
