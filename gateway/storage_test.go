package gateway_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/dial"
	"m365mcp/gateway"
	"m365mcp/graph"
	"m365mcp/identity"
	"m365mcp/internal/secret"
)

// storage is a host for the bytes of files, beside the Graph of the fixture.
type storage struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []*http.Request
	bodies []string
	answer http.HandlerFunc
}

// setupStorage adds a storage host that only localhost names; the Graph of the
// fixture is at 127.0.0.1.
func setupStorage(t *testing.T, f *fixture, answer http.HandlerFunc) *storage {
	t.Helper()
	s := &storage{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen, s.bodies = append(s.seen, r), append(s.bodies, string(body))
		s.mu.Unlock()
		s.answer(w, r)
	}))
	t.Cleanup(s.Close)
	s.URL = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	o := f.gw.Options
	o.StorageHosts = []string{"localhost"}
	var err error
	if o.Storage, err = dial.StorageClient("storage", o.StorageHosts, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Storage.CloseIdleConnections)
	if f.gw, err = gateway.New(o); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *storage) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func kind(t *testing.T, err error) graph.Kind {
	t.Helper()
	var ge *graph.Error
	if !errors.As(err, &ge) {
		t.Fatalf("%v is no *graph.Error", err)
	}
	return ge.Kind
}

// sink collects what is streamed.
type sink struct {
	strings.Builder
	contentType string
	size        int64
	calls       int
}

func (s *sink) take(contentType string, size int64) (io.Writer, error) {
	s.contentType, s.size, s.calls = contentType, size, s.calls+1
	return &s.Builder, nil
}

func TestStorage(t *testing.T) {
	t.Parallel()
	f := setup(t, status(500))
	f.token = "" // none is needed
	s := setupStorage(t, f, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/broken" && r.Method == http.MethodPut:
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/gone":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/away":
			http.Redirect(w, r, "/", http.StatusFound)
		case r.Method == http.MethodPut:
			w.Header().Set("Location", "there")
			w.WriteHeader(http.StatusCreated)
		default:
			_, _ = io.WriteString(w, `{"nextExpectedRanges":["0-"]}`)
		}
	})
	session, upload := f.open(false), graph.Fixed("/(upload)")
	chunk := graph.Request{Method: graph.Put, Path: upload, Storage: s.URL + "/up?tempauth=canary-credential", Body: []byte("abc"), Range: "bytes 0-2/3"}
	resp, err := session.Do(t.Context(), chunk)
	if err != nil || resp.Status != 201 || resp.Header.Get("Location") != "there" {
		t.Fatalf("%+v, %v", resp, err)
	}
	sent := s.requests()[0].Header
	s.mu.Lock()
	body := s.bodies[0]
	s.mu.Unlock()
	want := http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"gzip"}, "Content-Length": {"3"}, "Content-Range": {"bytes 0-2/3"}, "Content-Type": {"application/octet-stream"}, "User-Agent": {"m365-mcp"}}
	if diff := cmp.Diff(want, sent); diff != "" || body != "abc" {
		t.Errorf("%q with %s", body, diff)
	}
	for name, c := range map[string]struct {
		path, method string
		want         graph.Kind
	}{
		"a chunk without answer":   {"/broken", graph.Put, graph.KindUnknown},
		"an expired session":       {"/gone", graph.Get, graph.KindGraph}, // says nothing of our token
		"a redirect":               {"/away", graph.Get, graph.KindProtocol},
		"a method storage has not": {"/up", graph.Post, graph.KindRefused},
	} {
		before := len(s.requests())
		_, err := session.Do(t.Context(), graph.Request{Method: c.method, Path: upload, Storage: s.URL + c.path + "?tempauth=canary-credential"})
		if got := kind(t, err); got != c.want || len(s.requests()) > before+1 {
			t.Errorf("%s: kind %d after %d requests: %v", name, got, len(s.requests())-before, err)
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error shows the URL: %v", name, err)
		}
	}
	if _, err := session.Do(t.Context(), graph.Request{Method: graph.Get, Path: upload, Storage: s.URL}); err != nil {
		t.Error(err)
	}
	if x := session.Exchanges(); len(x) != 5 || x[0].Path != "/(upload)" || x[0].Status != 201 || len(f.rejected) != 0 || len(f.requests()) != 0 {
		t.Errorf("%+v, %d rejected, %d requests to Graph", x, len(f.rejected), len(f.requests()))
	}
	if strings.Contains(f.log.String(), "canary") {
		t.Errorf("the log shows the URL: %s", f.log.String())
	}
}

// A storage URL is Graph's word, but no reason to go anywhere.
func TestStorageRefuses(t *testing.T) {
	t.Parallel()
	f := setup(t, status(200))
	s := setupStorage(t, f, status(200))
	get := func(u string) graph.Request {
		return graph.Request{Method: graph.Get, Path: graph.Fixed("/(upload)"), Storage: u}
	}
	for _, u := range []string{
		f.gw.GraphURL + "/v1.0/me", "https://evil.example/", "http://169.254.169.254/", "https://localhost.evil.example/", "https://u:p@localhost/", "file:///etc/passwd", ":", "//localhost/x",
	} {
		if _, err := f.open(false).Do(t.Context(), get(u)); kind(t, err) != graph.KindRefused {
			t.Errorf("%s: %v", u, err)
		}
	}
	put := get(s.URL)
	put.Method = graph.Put
	if _, err := f.open(true).Do(t.Context(), put); kind(t, err) != graph.KindRefused {
		t.Errorf("a chunk in a read: %v", err)
	}
	f.now, f.recheck = f.now.Add(time.Second), errors.New("revoked")
	stale := f.gw.Open(gateway.Call{Principal: identity.Principal{TenantID: "tid", UserID: "oid", CheckedAt: f.now.Add(-time.Minute)}})
	if _, err := stale.Do(t.Context(), put); kind(t, err) != graph.KindRevoked {
		t.Errorf("after a revocation: %v", err)
	}
	if len(s.requests()) != 0 || len(f.requests()) != 0 {
		t.Errorf("%d and %d requests were sent", len(s.requests()), len(f.requests()))
	}
	without := setup(t, status(200))
	if _, err := without.open(false).Do(t.Context(), get(s.URL)); kind(t, err) != graph.KindRefused {
		t.Errorf("without storage hosts: %v", err)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	f := setup(t)
	content := strings.Repeat("file", 1<<18)
	s := setupStorage(t, f, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		switch r.URL.Path {
		case "/again":
			http.Redirect(w, r, "/file", http.StatusFound)
		case "/gone":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = io.WriteString(w, content)
		}
	})
	download := graph.Request{Method: graph.Get, Path: graph.Fixed("/me/drive/items/{item}/content"), Follow: true}
	f.script(status(302, "Location", s.URL+"/file?tempauth=canary-credential"))
	var got sink
	streamed := download
	streamed.Sink = got.take
	resp, err := f.open(true).Do(t.Context(), streamed)
	if err != nil || got.String() != content || got.contentType != "text/plain" || got.size != int64(len(content)) || len(resp.Body) != 0 {
		t.Fatalf("%d bytes of %q (%d announced), %v", got.Len(), got.contentType, got.size, err)
	}
	if h := s.requests()[0].Header; h.Get("Authorization") != "" || h.Get("Cookie") != "" || h.Get("Client-Request-Id") != "" {
		t.Errorf("storage was sent %v", h)
	}
	if f.requests()[0].Header.Get("Authorization") == "" {
		t.Error("Graph was sent no token")
	}
	if resp, err = f.open(true).Do(t.Context(), download); err != nil || string(resp.Body) != content {
		t.Errorf("kept: %v", err)
	}
	for location, want := range map[string]graph.Kind{
		s.URL + "/again": graph.KindProtocol, s.URL + "/gone": graph.KindGraph, "https://evil.example/": graph.KindRefused, f.gw.GraphURL: graph.KindRefused, "": graph.KindProtocol,
	} {
		f.script(status(302, "Location", location))
		session := f.open(true)
		if _, err := session.Do(t.Context(), download); kind(t, err) != want {
			t.Errorf("%s: %v", location, err)
		}
		if x := session.Exchanges(); len(x) != 1 || x[0].Attempts != 1 {
			t.Errorf("%s: exchanges %+v", location, x)
		}
	}
	if len(f.rejected) != 0 || strings.Contains(f.log.String(), "canary") {
		t.Errorf("rejected %q, log %s", f.rejected, f.log.String())
	}
}

func TestSink(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	broken := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "200000")
		_, _ = io.WriteString(w, long)
		panic(http.ErrAbortHandler)
	}
	whole := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		_, _ = io.WriteString(w, long)
	}
	chunked := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, long[:50_000])
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, long[50_000:])
	}
	full := errors.New("no room")
	for name, c := range map[string]struct {
		answers  []http.HandlerFunc
		max      int64
		refuses  bool
		fails    bool
		requests int
		bytes    int // -1: some
		size     int64
		kind     graph.Kind
		ok       bool
	}{
		"whole":               {answers: []http.HandlerFunc{whole}, requests: 1, bytes: 100_000, size: 100_000, ok: true},
		"chunked":             {answers: []http.HandlerFunc{chunked}, max: 100_000, requests: 1, bytes: 100_000, size: -1, ok: true},
		"throttled first":     {answers: []http.HandlerFunc{status(429), whole}, requests: 2, bytes: 100_000, size: 100_000, ok: true},
		"breaks off":          {answers: []http.HandlerFunc{broken, whole}, requests: 1, bytes: -1, size: 200_000, kind: graph.KindNetwork},
		"announced too large": {answers: []http.HandlerFunc{whole}, max: 99_999, requests: 1, kind: graph.KindProtocol},
		"too large":           {answers: []http.HandlerFunc{chunked}, max: 99_999, requests: 1, bytes: 99_999, size: -1, kind: graph.KindProtocol},
		"an error":            {answers: []http.HandlerFunc{status(404)}, requests: 1, kind: graph.KindGraph},
		"taker refuses":       {answers: []http.HandlerFunc{whole}, refuses: true, requests: 1},
		"taker fails":         {answers: []http.HandlerFunc{whole}, fails: true, requests: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, c.answers...)
			var got sink
			r := read
			r.MaxBytes = c.max
			r.Sink = func(contentType string, size int64) (io.Writer, error) {
				w, err := got.take(contentType, size)
				if c.refuses {
					return nil, full
				}
				if c.fails {
					return failing{full}, nil
				}
				return w, err
			}
			_, err := f.open(true).Do(t.Context(), r)
			if c.ok != (err == nil) || c.bytes >= 0 && got.Len() != c.bytes || len(f.requests()) != c.requests {
				t.Fatalf("%d bytes after %d requests: %v", got.Len(), len(f.requests()), err)
			}
			switch {
			case c.refuses || c.fails:
				if !errors.Is(err, full) {
					t.Errorf("%v is not the taker's error", err)
				}
				return
			case !c.ok && kind(t, err) != c.kind:
				t.Errorf("%v, want kind %d", err, c.kind)
			}
			if got.size != c.size || (c.max > 0 && !c.ok) != errors.Is(err, graph.ErrTooLarge) {
				t.Errorf("size %d, %v", got.size, err)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestMaxBytes(t *testing.T) {
	t.Parallel()
	f := setup(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 1000)) })
	for limit, ok := range map[int64]bool{0: true, 1000: true, 999: false} {
		r := read
		r.MaxBytes = limit
		before := len(f.requests())
		_, err := f.open(true).Do(t.Context(), r)
		if ok != (err == nil) || !ok && (kind(t, err) != graph.KindProtocol || !errors.Is(err, graph.ErrTooLarge)) || len(f.requests()) != before+1 {
			t.Errorf("limit %d: %v after %d requests", limit, err, len(f.requests())-before)
		}
	}
}

// stalling sends a little and then nothing, until its request ends.
type stalling struct{}

func (stalling) RoundTrip(r *http.Request) (*http.Response, error) {
	pr, pw := io.Pipe()
	go func() {
		_, _ = io.WriteString(pw, "a little")
		<-r.Context().Done()
		pw.CloseWithError(r.Context().Err())
	}()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: pr, ContentLength: -1, Request: r}, nil
}

type oneToken struct{}

func (oneToken) Token(context.Context, identity.Principal) (secret.String, error) {
	return secret.New("t"), nil
}

func (oneToken) Reject(context.Context, identity.Principal, secret.String, string) error { return nil }

func TestAnAnswerThatStallsEnds(t *testing.T) {
	t.Parallel()
	for _, streamed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			gw, err := gateway.New(gateway.Options{
				GraphURL: "https://graph.example.com", Version: "v1.0", HTTP: &http.Client{Transport: stalling{}}, Credentials: oneToken{},
				Recheck: func(context.Context, identity.Principal) error { return nil }, Retry: gateway.Retry{MaxAttempts: 1, Backoff: time.Second},
				NewID: func() string { return ulidA }, Now: time.Now, Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			var got sink
			r := read
			if streamed {
				r.Sink = got.take
			}
			start := time.Now()
			_, err = gw.Open(gateway.Call{Principal: identity.Principal{TenantID: "tid", UserID: "oid", CheckedAt: start}, ReadOnly: true}).Do(t.Context(), r)
			if kind(t, err) != graph.KindNetwork || errors.Is(err, context.Canceled) || time.Since(start) != time.Minute {
				t.Errorf("%v after %s", err, time.Since(start))
			}
			if streamed && got.String() != "a little" {
				t.Errorf("took %q", got.String())
			}
		})
	}
}

func TestDefaultStorageHosts(t *testing.T) {
	t.Parallel()
	for graphURL, want := range map[string]string{
		"https://graph.microsoft.com":             "*.sharepoint.com",
		"https://Graph.Microsoft.us":              "*.sharepoint.us",
		"https://dod-graph.microsoft.us":          "*.sharepoint-mil.us",
		"https://microsoftgraph.chinacloudapi.cn": "*.sharepoint.cn",
		"http://127.0.0.1:8081":                   "127.0.0.1:8081",
		"https://graph.example.com":               "graph.example.com",
	} {
		hosts := gateway.DefaultStorageHosts(graphURL)
		if _, err := dial.ParseHosts(hosts); err != nil || !slices.Contains(hosts, want) {
			t.Errorf("%s: %q, %v", graphURL, hosts, err)
		}
	}
}
