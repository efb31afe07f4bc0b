package graph_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/graph"
)

func TestToRefusesWhatIsNotOneSegment(t *testing.T) {
	t.Parallel()
	for _, v := range []string{
		"", ".", "..", "../events?$top=1#", "a/b", "a\\b", "a%2fb", "%2e%2e", "a?b", "a#b",
		"a\nb", "a\x00b", "\xff", strings.Repeat("x", 1025), "$value", "root:", ":x",
	} {
		if p, err := graph.To("/me/mailFolders/{folder}/messages", v); !errors.Is(err, graph.ErrSegment) {
			t.Errorf("To(%q) = %q, %v; want ErrSegment", v, p, err)
		}
	}
}

func TestTo(t *testing.T) {
	t.Parallel()
	p, err := graph.To("/me/mailFolders/{folder}/messages/{id}", "Größe & Co", "AAMk=")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.String(), "/me/mailFolders/Gr%C3%B6%C3%9Fe%20&%20Co/messages/AAMk="; got != want {
		t.Errorf("path %q, want %q", got, want)
	}
	if got, want := p.Template(), "/me/mailFolders/{folder}/messages/{id}"; got != want {
		t.Errorf("template %q, want %q", got, want)
	}
	for _, values := range [][]string{{"a"}, {"a", "b", "c"}} {
		if _, err := graph.To("/x/{a}/{b}", values...); err == nil {
			t.Errorf("To with %d values for 2 placeholders did not fail", len(values))
		}
	}
}

func TestQueryEncode(t *testing.T) {
	t.Parallel()
	base := graph.Query{}.Select("id", "subject").Top(5)
	a, b := base.OrderBy("receivedDateTime desc"), base.OrderBy("x&$top=9")
	want := "$select=id%2Csubject&$top=5&$orderby=receivedDateTime%20desc"
	if got := a.Encode(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	want = "$select=id%2Csubject&$top=5&$orderby=x%26%24top%3D9"
	if got := b.Encode(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseError(t *testing.T) {
	t.Parallel()
	x := graph.Exchange{Method: "GET", Path: "/me", Status: 404, RequestID: "r"}
	for body, want := range map[string]string{
		`{"error":{"code":"ErrorItemNotFound","message":"gone"}}`: "ErrorItemNotFound",
		`<html>Bad gateway</html>`:                                "",
		``:                                                        "",
		`{"error":"text"}`:                                        "",
		`{"error":{"code":""}}`:                                   "",
	} {
		if got := graph.ParseError(x, []byte(body), 0); got.Code != want || got.Status != 404 || got.InnerCode != "" {
			t.Errorf("%q: %+v", body, got)
		}
	}
	for _, name := range []string{"innerError", "innererror"} {
		body := `{"error":{"code":"invalidRequest","message":"m","` + name + `":{"code":"outer","request-id":"inner","innerError":{"code":"nameAlreadyExists","innerError":{}}}}}`
		if got := graph.ParseError(graph.Exchange{}, []byte(body), 0); got.Code != "invalidRequest" || got.InnerCode != "nameAlreadyExists" || got.RequestID != "inner" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	got := map[string]time.Duration{}
	for _, v := range []string{"", "7", " 7 ", "-1", "1.5", "x", "99999999999", "Sun, 22 Nov 2026 10:00:30 GMT", "Sun, 22 Nov 2026 09:00:00 GMT"} {
		got[v] = graph.ParseRetryAfter(v, now)
	}
	want := map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-1": 0, "1.5": 0, "x": 0, "99999999999": 0,
		"Sun, 22 Nov 2026 10:00:30 GMT": 30 * time.Second, "Sun, 22 Nov 2026 09:00:00 GMT": 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
