package graph_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/graph"
)

func TestSafe(t *testing.T) {
	t.Parallel()
	named, err := graph.To("/me/messages/{message}", "getSchedule")
	if err != nil {
		t.Fatal(err)
	}
	get, post := graph.Request{Method: graph.Get, Path: graph.Fixed("/me")}, graph.Request{Method: graph.Post, Path: graph.Fixed("/me/sendMail")}
	batch := func(sub ...graph.Request) graph.Request {
		return graph.Request{Method: graph.Post, Path: graph.Fixed("/$batch"), Sub: sub}
	}
	for i, c := range []struct {
		r    graph.Request
		want bool
	}{
		{get, true},
		{post, false},
		{graph.Request{Method: graph.Patch, Path: graph.Fixed("/me/findMeetingTimes")}, false},
		{graph.Request{Method: graph.Post, Path: graph.Fixed("/me/findMeetingTimes")}, true},
		{graph.Request{Method: graph.Post, Path: graph.Fixed("/me/calendar/getSchedule")}, true},
		{graph.Request{Method: graph.Post, Path: graph.Fixed("/search/query")}, true},
		{graph.Request{Method: graph.Post, Path: graph.Fixed("/x/search/query")}, false},
		{graph.Request{Method: graph.Post, Path: named}, false}, // a value decides nothing
		{graph.Request{Method: graph.Post, Path: graph.Fixed("/me/getSchedule"), Storage: "https://x.example"}, false},
		{graph.Request{Method: graph.Put, Path: graph.Fixed("/(upload)"), Storage: "https://x.example"}, false},
		{batch(get, get), true},
		{batch(get, post), false},
		{batch(), false},
	} {
		if got := c.r.Safe(); got != c.want {
			t.Errorf("%d: %s %s: %v", i, c.r.Method, c.r.Path, got)
		}
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	base := func() graph.Request {
		return graph.Request{Method: graph.Post, Path: graph.Fixed("/a"), Prefer: []string{"x", "y"}, Body: []byte("b"), IfMatch: "e"}
	}
	same := base()
	same.MaxBytes, same.Follow = 7, true // how the answer is taken
	if !base().Equal(same) {
		t.Error("the same request is not equal")
	}
	for i, change := range []func(*graph.Request){
		func(r *graph.Request) { r.Method = graph.Put },
		func(r *graph.Request) { r.Path = graph.Fixed("/b") },
		func(r *graph.Request) { r.Query = r.Query.Top(1) },
		func(r *graph.Request) { r.Prefer = []string{"xy"} },
		func(r *graph.Request) { r.Body = nil },
		func(r *graph.Request) { r.Body = []byte("c") },
		func(r *graph.Request) { r.ContentType = "text/plain" },
		func(r *graph.Request) { r.IfMatch, r.Next = "", "e" },
		func(r *graph.Request) { r.Eventual = true },
		func(r *graph.Request) { r.Storage = "s" },
		func(r *graph.Request) { r.Range = "s" },
		func(r *graph.Request) { r.Sub = []graph.Request{base()} },
	} {
		changed := base()
		change(&changed)
		if base().Equal(changed) {
			t.Errorf("change %d goes unnoticed", i)
		}
	}
}

// doer answers from a function.
type doer func(graph.Request) (*graph.Response, error)

func (d doer) Do(_ context.Context, r graph.Request) (*graph.Response, error) { return d(r) }

func TestBatchSplits(t *testing.T) {
	t.Parallel()
	var sizes []int
	fail := -1
	d := doer(func(r graph.Request) (*graph.Response, error) {
		if sizes = append(sizes, len(r.Sub)); len(sizes)-1 == fail {
			return nil, &graph.Error{Kind: graph.KindUnknown, Exchange: graph.Exchange{Status: 504}}
		}
		resp := &graph.Response{}
		for _, sub := range r.Sub {
			resp.Sub = append(resp.Sub, graph.BatchResult{Response: &graph.Response{Body: sub.Body}})
		}
		return resp, nil
	})
	var reqs []graph.Request
	for i := range 45 {
		method := graph.Post
		if i%2 == 0 {
			method = graph.Get
		}
		reqs = append(reqs, graph.Request{Method: method, Path: graph.Fixed("/x"), Body: []byte(strconv.Itoa(i))})
	}
	results, err := graph.Batch(t.Context(), d, reqs)
	if err != nil || len(results) != 45 || !cmp.Equal(sizes, []int{20, 20, 5}) {
		t.Fatalf("%d results of %v, %v", len(results), sizes, err)
	}
	for i, r := range results {
		if string(r.Response.Body) != strconv.Itoa(i) {
			t.Errorf("result %d is that of %s", i, r.Response.Body)
		}
	}
	sizes, fail = nil, 1
	results, err = graph.Batch(t.Context(), d, reqs)
	if err != nil || len(results) != 45 || results[19].Err != nil || results[40].Err != nil {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for i, want := range map[int]graph.Kind{20: graph.KindGraph, 21: graph.KindUnknown} { // a read, a write
		var ge *graph.Error
		if !errors.As(results[i].Err, &ge) || ge.Kind != want || ge.Path != "/x" {
			t.Errorf("result %d: %#v", i, results[i].Err)
		}
	}
	sizes, fail = nil, 0
	if results, err = graph.Batch(t.Context(), d, reqs); err == nil || results != nil || len(sizes) != 1 {
		t.Errorf("first part failed: %d results, %v", len(results), err)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	pages := [][]int{{1, 2, 3}, {}, {4, 5}, {6, 7, 8}, {9}}
	d := doer(func(r graph.Request) (*graph.Response, error) {
		n := 0
		if r.Next != "" {
			n, _ = strconv.Atoi(r.Next)
		}
		next := ""
		if n+1 < len(pages) {
			next = strconv.Itoa(n + 1)
		}
		items := strings.ReplaceAll(fmt.Sprint(pages[n]), " ", ",")
		return &graph.Response{Body: fmt.Appendf(nil, `{"value":%s,"@odata.nextLink":%q}`, items, next)}, nil
	})
	for _, c := range []struct {
		from  string
		limit int
		items []int
		next  string
	}{
		{"", 3, []int{1, 2, 3}, "1"},
		{"", 2, []int{1, 2, 3}, "1"}, // a first page is never cut
		{"", 5, []int{1, 2, 3, 4, 5}, "3"},
		{"", 6, []int{1, 2, 3, 4, 5}, "3"}, // the next page would be too much: it is for next time
		{"3", 6, []int{6, 7, 8, 9}, ""},
		{"", 0, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}, ""},
	} {
		items, next, err := graph.List[int](t.Context(), d, graph.Request{Method: graph.Get, Next: c.from}, c.limit)
		if err != nil || !cmp.Equal(items, c.items) || next != c.next {
			t.Errorf("from %q, limit %d: %v, %q, %v", c.from, c.limit, items, next, err)
		}
	}
	calls := 0
	endless := doer(func(graph.Request) (*graph.Response, error) {
		calls++
		return &graph.Response{Body: []byte(`{"value":[],"@odata.nextLink":"more"}`)}, nil
	})
	if items, next, err := graph.List[int](t.Context(), endless, graph.Request{Method: graph.Get}, 5); err != nil || len(items) != 0 || next != "more" || calls != 20 {
		t.Errorf("endless: %v, %q, %v after %d pages", items, next, err, calls)
	}
	var ge *graph.Error
	broken := doer(func(graph.Request) (*graph.Response, error) { return &graph.Response{Body: []byte("<html>")}, nil })
	if _, _, err := graph.List[int](t.Context(), broken, graph.Request{Method: graph.Get}, 5); !errors.As(err, &ge) || ge.Kind != graph.KindProtocol {
		t.Errorf("broken: %v", err)
	}
}
