package perimeter_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"m365mcp/identity"
	"m365mcp/perimeter"
)

// team plays Access's own host, without a network: its time is the bubble's.
type team struct {
	keys     jose.JSONWebKey
	identity func(*http.Request) (int, string, error)

	mu    sync.Mutex
	asked int
	log   bytes.Buffer
}

const (
	teamURL    = "https://team.example"
	adasAnswer = `{"email":"Ada@tideline.example","groups":["staff",{"id":"g-1","name":"admins"},{"email":"all@tideline.example","name":"All"},{"name":"Named"},{}]}`
)

var adasGroups = []string{"staff", "g-1", "all@tideline.example", "Named"}

func (s *team) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/cdn-cgi/access/certs" {
		keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.keys.Public()}})
		return textAnswer(http.StatusOK, string(keys)), err
	}
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	status, text, err := s.identity(r)
	if err != nil {
		return nil, err
	}
	return textAnswer(status, text), nil
}

func (s *team) questions() int { s.mu.Lock(); defer s.mu.Unlock(); return s.asked }

func textAnswer(status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader(text)), Header: http.Header{}}
}

func tells(status int, text string) func(*http.Request) (int, string, error) {
	return func(*http.Request) (int, string, error) { return status, text, nil }
}

// newTeam is a front of which the identity endpoint is asked.
func newTeam(t *testing.T) (*front, *team) {
	t.Helper()
	s := &team{keys: newRSA(t, "k1"), identity: tells(http.StatusOK, adasAnswer)}
	f := &front{t: t, mode: "cloudflare-access", now: time.Now(), url: teamURL, keys: []jose.JSONWebKey{s.keys}}
	var err error
	if f.a, err = perimeter.CloudflareAccess(teamURL, []string{"aud-1"}); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	m, err := perimeter.NewAssertion(f.a.WithGroups(log), &http.Client{Transport: s}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	f.serve(perimeter.Options{Modes: []perimeter.Mode{m}})
	return f, s
}

// until is an assertion that ends so much later than now.
func (f *front) until(life time.Duration) string {
	now := time.Now()
	return f.sign(map[string]any{"groups": nil, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(life).Unix()})
}

// Groups are asked for once in five minutes for each assertion, and never longer than it lives.
func TestGroupsOfAccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, s := newTeam(t)
		var sent []*http.Request
		s.identity = func(r *http.Request) (int, string, error) {
			sent = append(sent, r)
			return http.StatusOK, adasAnswer, nil
		}
		want := func(when, raw string, asked int) {
			t.Helper()
			if got := f.wantThrough(raw).Groups; !slices.Equal(got, adasGroups) {
				t.Errorf("%s: groups %q", when, got)
			}
			if s.questions() != asked {
				t.Errorf("%s: asked %d times, want %d", when, s.questions(), asked)
			}
		}
		long := f.until(time.Hour)
		want("at first", long, 1)
		want("again", long, 1)
		time.Sleep(5*time.Minute - time.Second)
		want("before five minutes", long, 1)
		time.Sleep(time.Second)
		want("after five minutes", long, 2)
		short := f.until(time.Minute)
		want("another assertion", short, 3)
		time.Sleep(time.Minute)
		want("beyond its end, of clocks that differ", short, 4)

		cookie, err := sent[0].Cookie("CF_Authorization")
		if err != nil || cookie.Value != long || sent[0].Method != http.MethodGet || sent[0].URL.String() != teamURL+"/cdn-cgi/access/get-identity" {
			t.Errorf("%v: asked with %s %s", err, sent[0].Method, sent[0].URL)
		}
		if len(sent[0].Header) != 1 {
			t.Errorf("sent beside the cookie: %v", sent[0].Header)
		}
		f.wantThrough(f.sign(map[string]any{"sub": nil, "email": nil, "groups": nil, "common_name": "4a9b.access", "iat": time.Now().Unix(), "nbf": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}))
		if s.questions() != 4 {
			t.Error("asked about a machine")
		}
		f.wantRefused(long+"x", "invalid_assertion")
		if s.questions() != 4 {
			t.Error("asked with what is not signed")
		}
	})
}

// Whatever the endpoint does, people come in, without groups; and it is left alone for a while.
func TestGroupsThatAreUnknown(t *testing.T) {
	t.Parallel()
	for name, endpoint := range map[string]func(*http.Request) (int, string, error){
		"down":            func(*http.Request) (int, string, error) { return 0, "", errors.New("no route") },
		"an error":        tells(http.StatusInternalServerError, adasAnswer),
		"a sign-in":       tells(http.StatusFound, adasAnswer),
		"HTML":            tells(http.StatusOK, "<html>"),
		"another person":  tells(http.StatusOK, `{"email":"bruno@tideline.example","groups":["admins"]}`),
		"nobody":          tells(http.StatusOK, `{"groups":["admins"]}`),
		"odd groups":      tells(http.StatusOK, `{"email":"ada@tideline.example","groups":["staff",7]}`),
		"a long answer":   tells(http.StatusOK, `{"email":"ada@tideline.example","groups":["`+strings.Repeat("x", 128<<10)+`"]}`),
		"never an answer": func(r *http.Request) (int, string, error) { <-r.Context().Done(); return 0, "", r.Context().Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f, s := newTeam(t)
				s.identity = endpoint
				raw, start := f.until(time.Hour), time.Now()
				for range 3 {
					if got := f.wantThrough(raw); got.Groups != nil || got.Email != "ada@tideline.example" {
						t.Errorf("%+v", got)
					}
				}
				if took := time.Since(start); took > 3*time.Second || s.questions() != 1 {
					t.Errorf("%v and %d questions, want 3 s and 1", took, s.questions())
				}
				if text := s.log.String(); strings.Count(text, "groups are unknown") != 1 || strings.Contains(text, raw) {
					t.Error(text)
				}
				s.identity = tells(http.StatusOK, adasAnswer)
				time.Sleep(30 * time.Second)
				if got := f.wantThrough(raw).Groups; !slices.Equal(got, adasGroups) {
					t.Errorf("once it works again: %q", got)
				}
			})
		})
	}
}

// Many requests with one assertion ask once.
func TestGroupsAreAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, s := newTeam(t)
		release := make(chan struct{})
		s.identity = func(*http.Request) (int, string, error) {
			<-release
			return http.StatusOK, adasAnswer, nil
		}
		raw := f.until(time.Hour)
		var seen sync.WaitGroup
		var mu sync.Mutex
		var got [][]string
		guard := f.guardOf(t, s, func(who identity.Perimeter) { mu.Lock(); defer mu.Unlock(); got = append(got, who.Groups) })
		for range 20 {
			seen.Go(func() {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/mcp", http.NoBody)
				r.Header.Set(f.a.Header, raw)
				guard.ServeHTTP(httptest.NewRecorder(), r)
			})
		}
		synctest.Wait()
		close(release)
		seen.Wait()
		if s.questions() != 1 || len(got) != 20 {
			t.Errorf("%d questions, %d requests came through", s.questions(), len(got))
		}
		for _, names := range got {
			if !slices.Equal(names, adasGroups) {
				t.Errorf("groups %q", names)
			}
		}
	})
}

// guardOf is a guard of the team's for many requests at once.
func (f *front) guardOf(t *testing.T, s *team, note func(identity.Perimeter)) http.Handler {
	t.Helper()
	m, err := perimeter.NewAssertion(f.a.WithGroups(slog.New(slog.DiscardHandler)), &http.Client{Transport: s}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return perimeter.New(perimeter.Options{Modes: []perimeter.Mode{m}, Log: slog.New(slog.DiscardHandler)}).Handler(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { note(identity.PerimeterOf(r.Context())) }))
}

// Assertions are many, and memory is not.
func TestGroupsAreBounded(t *testing.T) {
	t.Parallel()
	const limit = 10_000
	for name, c := range map[string]struct {
		lives func(int) time.Duration
		want  int
	}{
		"all alive":         {func(int) time.Duration { return time.Minute }, limit},
		"all ended but one": {func(i int) time.Duration { return time.Duration(i / limit) }, 1},
	} {
		if kept, last := perimeter.RememberedGroups(limit+1, time.Now(), c.lives); kept != c.want || !last {
			t.Errorf("%s: %d kept, the last one: %v", name, kept, last)
		}
	}
}
