package fault_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/simulator/fault"
)

func now() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

type bench struct {
	board  *fault.Switchboard
	server *httptest.Server
	served atomic.Int64
}

func newBench(t *testing.T, sleep func(context.Context, time.Duration) error) *bench {
	t.Helper()
	b := &bench{board: fault.New(now, sleep)}
	b.server = httptest.NewServer(b.board.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b.served.Add(1)
		_, _ = io.WriteString(w, "served")
	})))
	t.Cleanup(b.server.Close)
	return b
}

// answer is a response with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

func (b *bench) do(t *testing.T, method, path string) (answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.server.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.server.Client().Do(req)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: string(body)}, nil
}

func TestMatching(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, method, glob, path string
		want                     bool
	}{
		{"any", "", "", "/v1.0/me", true},
		{"double star crosses segments", "", "/v1.0/**", "/v1.0/me/messages/x", true},
		{"star stays in its segment", "", "/v1.0/me/*", "/v1.0/me/messages", true},
		{"star does not cross", "", "/v1.0/*", "/v1.0/me/messages", false},
		{"star in the middle", "", "/v1.0/me/messages/*/attachments", "/v1.0/me/messages/x/attachments", true},
		{"suffix", "", "**/sendMail", "/v1.0/me/sendMail", true},
		{"whole path only", "", "/v1.0/me", "/v1.0/me/messages", false},
		{"no regular expression", "", "/v1.0/me", "/v1x0/me", false},
		{"method", "post", "", "/v1.0/me", true},
		{"other method", "GET", "", "/v1.0/me", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.board.Add(fault.Rule{Method: c.method, Path: c.glob, Status: http.StatusServiceUnavailable})
			got, err := b.do(t, http.MethodPost, c.path)
			if err != nil {
				t.Fatal(err)
			}
			if matched := got.status == http.StatusServiceUnavailable; matched != c.want {
				t.Errorf("status %d, want the rule to match: %v", got.status, c.want)
			}
		})
	}
}

func TestStatusIsAGraphError(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.board.Add(fault.Rule{
		Status: http.StatusTooManyRequests, Code: "ApplicationThrottled", Message: "slow down", RetryAfter: "7",
		Header: map[string]string{"x-ms-throttle-scope": "User"}, Times: 2,
	})
	for range 2 {
		got, err := b.do(t, http.MethodGet, "/v1.0/me")
		if err != nil {
			t.Fatal(err)
		}
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "7" || got.header.Get("x-ms-throttle-scope") != "User" {
			t.Fatalf("got %d %v", got.status, got.header)
		}
		var body struct {
			Error struct {
				Code       string            `json:"code"`
				Message    string            `json:"message"`
				InnerError map[string]string `json:"innerError"`
			} `json:"error"`
		}
		if err := json.Unmarshal([]byte(got.body), &body); err != nil {
			t.Fatal(err)
		}
		if body.Error.Code != "ApplicationThrottled" || body.Error.Message != "slow down" {
			t.Errorf("error = %+v", body.Error)
		}
		if id := got.header.Get("request-id"); id == "" || body.Error.InnerError["request-id"] != id {
			t.Errorf("request-id header %q, body %q", id, body.Error.InnerError["request-id"])
		}
		if body.Error.InnerError["date"] != "2026-11-22T09:00:00" {
			t.Errorf("date = %q", body.Error.InnerError["date"])
		}
	}
	if got, err := b.do(t, http.MethodGet, "/v1.0/me"); err != nil || got.status != http.StatusOK {
		t.Fatalf("after two times: %+v, %v", got, err)
	}
	if rules := b.board.Rules(); len(rules) != 0 {
		t.Errorf("a used up rule is still listed: %v", rules)
	}
}

func TestResets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule   fault.Rule
		served int64
	}{
		"before": {fault.Rule{Reset: true}, 0},
		"after":  {fault.Rule{ResetAfter: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.board.Add(c.rule)
			_, err := b.do(t, http.MethodPost, "/v1.0/me/sendMail") // POST: the transport does not retry it
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				t.Errorf("client saw %v, want a broken connection", err)
			}
			if got := b.served.Load(); got != c.served {
				t.Errorf("request performed %d times, want %d", got, c.served)
			}
		})
	}
}

func TestDelay(t *testing.T) {
	t.Parallel()
	var slept atomic.Int64
	b := newBench(t, func(_ context.Context, d time.Duration) error {
		slept.Add(int64(d))
		return nil
	})
	b.board.Add(fault.Rule{Delay: 3 * time.Second})
	got, err := b.do(t, http.MethodGet, "/v1.0/me")
	if err != nil || got.body != "served" {
		t.Fatalf("body %q, err %v", got.body, err)
	}
	if time.Duration(slept.Load()) != 3*time.Second {
		t.Errorf("slept %s", time.Duration(slept.Load()))
	}
}

func TestSleepEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := fault.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if err := fault.Sleep(t.Context(), time.Nanosecond); err != nil {
		t.Errorf("err = %v", err)
	}
}

func TestControlAPI(t *testing.T) {
	t.Parallel()
	board := fault.New(now, nil)
	call := func(method, body string) (int, string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "http://127.0.0.1:8365/simulator/faults", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		board.Handler().ServeHTTP(w, r)
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	if code, body := call("POST", `{"method":"get","path":"/v1.0/**","status":429,"retryAfter":"5","delay":"250ms","times":3}`); code != 201 || body != `{"id":"1"}` {
		t.Fatalf("add: %d %s", code, body)
	}
	want := []fault.Active{{ID: "1", Rule: fault.Rule{
		Method: "GET", Path: "/v1.0/**", Status: 429, RetryAfter: "5", Delay: 250 * time.Millisecond, Times: 3,
	}}}
	if diff := cmp.Diff(want, board.Rules()); diff != "" {
		t.Error(diff)
	}
	if code, body := call("GET", ""); code != 200 || body != `{"faults":[{"id":"1","method":"GET","path":"/v1.0/**","delay":"250ms","status":429,"retryAfter":"5","times":3}]}` {
		t.Errorf("list: %d %s", code, body)
	}
	for name, body := range map[string]string{
		"unknown member":    `{"status":500,"colour":"red"}`,
		"trailing data":     `{"status":500}{"status":500}`,
		"not an object":     `[]`,
		"bad delay":         `{"delay":"soon"}`,
		"long delay":        `{"delay":"1h"}`,
		"status range":      `{"status":99}`,
		"two effects":       `{"status":500,"reset":true}`,
		"nothing to do":     `{"path":"/v1.0/me"}`,
		"negative times":    `{"status":500,"times":-1}`,
		"relative path":     `{"status":500,"path":"v1.0/me"}`,
		"id from outside":   `{"status":500,"id":"9"}`,
		"too large a rule":  `{"status":500,"body":"` + strings.Repeat("x", 70_000) + `"}`,
		"wrong member type": `{"status":"500"}`,
	} {
		if code, answer := call("POST", body); code != 400 || !strings.Contains(answer, `"error"`) {
			t.Errorf("%s: %d %s", name, code, answer)
		}
	}
	if code, _ := call("DELETE", ""); code != 204 || len(board.Rules()) != 0 {
		t.Errorf("clear: %d, %d rules left", code, len(board.Rules()))
	}
	if code, _ := call("PUT", ""); code != 405 {
		t.Errorf("PUT: %d", code)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.board.Add(fault.Rule{Status: http.StatusInternalServerError, Times: 20})
	var failed atomic.Int64
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			got, err := b.do(t, http.MethodGet, "/v1.0/me")
			if err == nil && got.status == http.StatusInternalServerError {
				failed.Add(1)
			}
			_ = b.board.Rules()
		})
	}
	wg.Wait()
	if failed.Load() != 20 {
		t.Errorf("%d requests failed, want exactly 20", failed.Load())
	}
}
