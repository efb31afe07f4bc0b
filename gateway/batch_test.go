package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/gateway"
	"m365mcp/graph"
)

// batches answers each $batch with the next script: the answer to each id.
type batches struct {
	t      *testing.T
	mu     sync.Mutex
	rounds []map[string]string // by id: the rest of the answer's JSON after the id; "" for none
	asked  [][]map[string]any
}

func (b *batches) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var sent struct {
		Requests []map[string]any `json:"requests"`
	}
	if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || r.URL.Path != "/v1.0/$batch" || r.Header.Get("Content-Type") != "application/json" {
		b.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, sent.Requests)
	round := b.rounds[min(len(b.asked), len(b.rounds))-1]
	if raw, ok := round["raw"]; ok {
		_, _ = io.WriteString(w, raw)
		return
	}
	var answers []string
	for _, request := range slices.Backward(sent.Requests) { // Graph keeps no order
		if rest := round[fmt.Sprint(request["id"])]; rest != "" {
			answers = append(answers, fmt.Sprintf(`{"id":%q,%s}`, request["id"], rest))
		}
	}
	answers = append(answers, `{"id":"77","status":200}`, `null`)
	w.Header().Set("Request-Id", "graph-batch")
	_, _ = io.WriteString(w, `{"responses":[`+strings.Join(answers, ",")+`]}`)
}

// requests are what came, by round.
func (b *batches) requests() [][]map[string]any {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.asked)
}

func ids(round []map[string]any) (ids []string) {
	for _, r := range round {
		ids = append(ids, fmt.Sprint(r["id"]))
	}
	return ids
}

// setupBatch replaces the fixture's answers, whose body it must read itself.
func setupBatch(t *testing.T, rounds ...map[string]string) (*fixture, *batches) {
	t.Helper()
	b := &batches{t: t, rounds: rounds}
	f := setup(t, b.ServeHTTP)
	f.unread = true
	return f, b
}

// outcome is a result in one line.
func outcome(r graph.BatchResult) string {
	var ge *graph.Error
	switch {
	case r.Err == nil:
		return fmt.Sprintf("%d %s", r.Response.Status, r.Response.Body)
	case errors.As(r.Err, &ge):
		return fmt.Sprintf("kind %d, %d %s", ge.Kind, ge.Status, ge.Code)
	}
	return r.Err.Error()
}

func outcomes(results []graph.BatchResult) (out []string) {
	for _, r := range results {
		out = append(out, outcome(r))
	}
	return out
}

func TestBatchEnvelope(t *testing.T) {
	t.Parallel()
	f, b := setupBatch(t, map[string]string{"1": `"status":204`, "2": `"status":201,"headers":{"location":"l","X":7},"body":{"a":1}`, "3": `"status":200,"headers":{"content-type":"image/png"},"body":"aGk="`})
	part := graph.Request{
		Method: graph.Patch, Path: graph.Fixed("/me/messages/x"), Query: graph.Query{}.Select("id"), Body: []byte(`{"isRead":true}`),
		IfMatch: "e", Prefer: []string{graph.ImmutableIDs, "y"}, Eventual: true,
	}
	text := graph.Request{Method: graph.Put, Path: graph.Fixed("/me/photo/$value"), Body: []byte("hi"), ContentType: "image/png"}
	results, err := graph.Batch(t.Context(), f.open(false), []graph.Request{read, part, text})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"204 ", `201 {"a":1}`, "200 hi"}, outcomes(results)); diff != "" || results[1].Response.Header.Get("Location") != "l" {
		t.Errorf("%v %s", results[1].Response.Header, diff)
	}
	want := []map[string]any{
		{"id": "1", "method": "GET", "url": "/me/messages?$top=3"},
		{
			"id": "2", "method": "PATCH", "url": "/me/messages/x?$select=id", "body": map[string]any{"isRead": true},
			"headers": map[string]any{"Content-Type": "application/json", "If-Match": "e", "Prefer": `IdType="ImmutableId", y`, "ConsistencyLevel": "eventual"},
		},
		{"id": "3", "method": "PUT", "url": "/me/photo/$value", "body": "aGk=", "headers": map[string]any{"Content-Type": "image/png"}},
	}
	if diff := cmp.Diff(want, b.requests()[0]); diff != "" {
		t.Error(diff)
	}
	bad := write
	bad.Body = []byte("{")
	if _, err := graph.Batch(t.Context(), f.open(false), []graph.Request{bad}); kind(t, err) != graph.KindRefused || len(b.requests()) != 1 {
		t.Errorf("a body that is no JSON: %v", err)
	}
}

func TestBatchOutcomes(t *testing.T) {
	t.Parallel()
	const failed = `"body":{"error":{"code":"SomeCode","message":"words"}}`
	signIn := `"status":401,"headers":{"WWW-Authenticate":"Bearer error=\"insufficient_claims\", claims=\"eyJ4Ijp7fX0=\""},` + failed
	var (
		ok        = `"status":200,"body":{}`
		throttled = `"status":429,"headers":{"Retry-After":"0"},` + failed
	)
	for name, c := range map[string]struct {
		requests []graph.Request
		rounds   []map[string]string
		want     []string
		asked    []string // ids of each round
		attempts []int
		rejected int
	}{
		"each for itself": {
			[]graph.Request{read, write, write, write, read, write},
			[]map[string]string{{
				"1": `"status":404,` + failed, "2": `"status":202`, "3": `"status":504,` + failed, "4": `"status":424,` + failed, "5": `"status":302`, "6": throttled,
			}},
			[]string{"kind 0, 404 SomeCode", "202 ", "kind 2, 504 SomeCode", "kind 0, 424 SomeCode", "kind 3, 302 ", "kind 0, 429 SomeCode"},
			[]string{"1 2 3 4 5 6"},
			[]int{1, 1, 1, 1, 1, 1},
			0,
		},
		"no answer": {
			[]graph.Request{read, write},
			[]map[string]string{{}},
			[]string{"kind 3, 0 ", "kind 2, 0 "},
			[]string{"1 2"},
			[]int{1, 1},
			0,
		},
		"no JSON": {
			[]graph.Request{read, write},
			[]map[string]string{{"raw": "<html>"}},
			[]string{"kind 3, 0 ", "kind 2, 0 "},
			[]string{"1 2"},
			[]int{1, 1},
			0,
		},
		"throttled reads are asked again, writes are not": {
			[]graph.Request{read, write, read, read},
			[]map[string]string{
				{"1": throttled, "2": `"status":503,` + failed, "3": ok, "4": `"status":504,` + failed}, {"1": ok, "4": throttled}, {"4": ok},
			},
			[]string{"200 {}", "kind 0, 503 SomeCode", "200 {}", "200 {}"},
			[]string{"1 2 3 4", "1 4", "4"},
			[]int{2, 1, 1, 3},
			0,
		},
		"throttled for ever": {
			[]graph.Request{read, read},
			[]map[string]string{{"1": throttled, "2": ok}},
			[]string{"kind 0, 429 SomeCode", "200 {}"},
			[]string{"1 2", "1", "1"},
			[]int{3, 1},
			0,
		},
		"longer than we wait": {
			[]graph.Request{read, read},
			[]map[string]string{{"1": `"status":429,"headers":{"retry-after":"60"},` + failed, "2": ok}},
			[]string{"kind 0, 429 SomeCode", "200 {}"},
			[]string{"1 2"},
			[]int{1, 1},
			0,
		},
		"a token that expired in between": {
			[]graph.Request{read, write, read},
			[]map[string]string{{"1": ok, "2": `"status":401,` + failed, "3": throttled}, {"2": `"status":202`}, {"3": ok}},
			[]string{"200 {}", "202 ", "200 {}"},
			[]string{"1 2 3", "2", "3"},
			[]int{1, 2, 2},
			1,
		},
		"a token that is refused twice": {
			[]graph.Request{read, write},
			[]map[string]string{{"1": ok, "2": `"status":401,` + failed}},
			[]string{"200 {}", "kind 4, 401 SomeCode"},
			[]string{"1 2", "2"},
			[]int{1, 2},
			2,
		},
		"a claims challenge": {
			[]graph.Request{read, write},
			[]map[string]string{{"1": ok, "2": signIn}},
			[]string{"200 {}", "kind 4, 401 SomeCode"},
			[]string{"1 2"},
			[]int{1, 1},
			1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, b := setupBatch(t, c.rounds...)
			session := f.open(false)
			results, err := graph.Batch(t.Context(), session, c.requests)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, outcomes(results)); diff != "" {
				t.Error(diff)
			}
			var asked []string
			for _, round := range b.requests() {
				asked = append(asked, strings.Join(ids(round), " "))
			}
			if diff := cmp.Diff(c.asked, asked); diff != "" {
				t.Error(diff)
			}
			x := session.Exchanges()
			if len(x) != len(c.requests) || len(f.rejected) != c.rejected {
				t.Fatalf("%d exchanges, rejected %q", len(x), f.rejected)
			}
			for i, r := range c.requests {
				if x[i].Path != r.Path.Template() || x[i].Method != r.Method || x[i].Attempts != c.attempts[i] {
					t.Errorf("exchange %d: %+v", i, x[i])
				}
			}
			if n := strings.Count(f.log.String(), "\n"); n != len(c.requests)+1 || strings.Contains(f.log.String(), "canary") {
				t.Errorf("%d log records: %s", n, f.log.String())
			}
		})
	}
}

func TestBatchThatFailsAsAWhole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		requests []graph.Request
		answers  []http.HandlerFunc
		sent     int
		kind     graph.Kind
		status   int
	}{
		"reads, throttled for ever": {[]graph.Request{read, read}, []http.HandlerFunc{status(429)}, 3, graph.KindGraph, 429},
		"a write, throttled":        {[]graph.Request{read, write}, []http.HandlerFunc{status(429)}, 1, graph.KindGraph, 429},
		"a write, reset":            {[]graph.Request{read, write}, []http.HandlerFunc{reset}, 1, graph.KindUnknown, 0},
		"a write, gateway timeout":  {[]graph.Request{read, write}, []http.HandlerFunc{status(504)}, 1, graph.KindUnknown, 504},
		"reads, reset":              {[]graph.Request{read, read}, []http.HandlerFunc{reset}, 3, graph.KindNetwork, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, c.answers...)
			session := f.open(false)
			results, err := graph.Batch(t.Context(), session, c.requests)
			if got := kind(t, err); got != c.kind || results != nil || len(f.requests()) != c.sent {
				t.Errorf("kind %d after %d requests: %v, %v", got, len(f.requests()), results, err)
			}
			x := session.Exchanges()
			if len(x) != 2 || x[0].Path != "/me/messages" || x[0].Status != c.status || x[1].Attempts != c.sent {
				t.Errorf("exchanges %+v", x)
			}
		})
	}
	// A later round that fails leaves what was known.
	f, b := setupBatch(t, map[string]string{"1": `"status":503`, "2": `"status":202`})
	f.script(b.ServeHTTP, status(404))
	results, err := graph.Batch(t.Context(), f.open(false), []graph.Request{read, write})
	if diff := cmp.Diff([]string{"kind 0, 404 SomeCode", "202 "}, outcomes(results)); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// A batch takes one place, however many parts it has.
func TestBatchHoldsOnePlace(t *testing.T) {
	t.Parallel()
	f, _ := setupBatch(t, map[string]string{"raw": `{"responses":[]}`})
	for range 3 {
		release, err := gateway.Acquire(t.Context(), f.gw, "tid/oid")
		if err != nil {
			t.Fatal(err)
		}
		defer release()
	}
	if _, err := graph.Batch(t.Context(), f.open(true), slices.Repeat([]graph.Request{read}, 20)); err != nil {
		t.Error(err)
	}
	if f.rechecks != 0 {
		t.Errorf("%d rechecks of a fresh grant", f.rechecks)
	}
}
