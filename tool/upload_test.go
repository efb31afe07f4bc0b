package tool_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"m365mcp/graph"
	"m365mcp/tool"
)

// file is a Source in memory.
type file struct {
	*bytes.Reader
	closed int
}

func (f *file) Name() string        { return "plan.pdf" }
func (f *file) ContentType() string { return "application/pdf" }
func (f *file) Digest() string      { return "d1" }
func (f *file) Close() error        { f.closed++; return nil }

// storage is an upload session that keeps what it gets and can be made to fail.
type storage struct {
	t        *testing.T
	got      []byte
	size     int
	fail     map[int]error // by number of the PUT
	keep     map[int]bool  // the PUT fails, but its bytes arrived
	puts     int
	asked    int
	deleted  bool
	sessions int
}

func (s *storage) answer(r graph.Request) (*graph.Response, error) {
	switch {
	case r.Storage == "":
		s.sessions++
		return &graph.Response{Status: 201, Body: []byte(`{"uploadUrl":"https://upload.example/1"}`)}, nil
	case r.Storage != "https://upload.example/1":
		s.t.Errorf("storage URL %q", r.Storage)
	case r.Method == graph.Delete:
		s.deleted = true
		return &graph.Response{Status: 204}, nil
	case r.Method == graph.Get:
		s.asked++
		b, err := json.Marshal(map[string]any{"nextExpectedRanges": []string{fmt.Sprintf("%d-%d", len(s.got), s.size-1)}})
		return &graph.Response{Status: 200, Body: b}, err
	}
	s.puts++
	if want := fmt.Sprintf("bytes %d-%d/%d", len(s.got), len(s.got)+len(r.Body)-1, s.size); r.Range != want {
		s.t.Errorf("PUT %d: range %q, want %q", s.puts, r.Range, want)
	}
	err := s.fail[s.puts]
	if err == nil || s.keep[s.puts] {
		s.got = append(s.got, r.Body...)
	}
	if err != nil {
		return nil, err
	}
	return &graph.Response{Status: 201, Body: []byte(`{"id":"done"}`)}, nil
}

func uploader(f tool.Source, also ...tool.Source) *tool.Tool {
	session := graph.Request{Method: graph.Post, Path: graph.Fixed("/me/messages/1/attachments/createUploadSession")}
	return tool.Define(tool.Spec{Name: "attach"},
		func(context.Context, tool.Call, noArgs) (tool.Plan, error) {
			return tool.Plan{Target: "/x", Files: append(also, f), Writes: []graph.Request{session}}, nil
		},
		func(ctx context.Context, c tool.Call, _ noArgs) (tool.Result, error) {
			resp, err := c.Upload(ctx, session, f)
			if err != nil {
				return tool.Result{}, err
			}
			return tool.Result{Structured: json.RawMessage(resp.Body)}, nil
		})
}

func TestUpload(t *testing.T) {
	t.Parallel()
	lost := &graph.Error{Kind: graph.KindUnknown, Err: errors.New("connection reset")}
	busy := &graph.Error{Kind: graph.KindGraph, Exchange: graph.Exchange{Status: 503}}
	refused := &graph.Error{Kind: graph.KindGraph, Exchange: graph.Exchange{Status: 403}}
	const size = 10_000_000 // four chunks
	for name, c := range map[string]struct {
		fail        map[int]error
		keep        map[int]bool
		code        string
		puts, asked int
		deleted     bool
	}{
		"straight":                  {puts: 4},
		"a chunk lost on its way":   {fail: map[int]error{2: lost}, puts: 5, asked: 1},
		"an answer lost on its way": {fail: map[int]error{2: lost}, keep: map[int]bool{2: true}, puts: 4, asked: 1},
		"busy for a while":          {fail: map[int]error{1: busy, 2: busy, 3: busy}, puts: 7, asked: 3},
		"busy for good":             {fail: map[int]error{2: busy, 3: busy, 4: busy, 5: busy}, code: tool.CodeThrottled, puts: 5, asked: 3, deleted: true},
		"refused":                   {fail: map[int]error{3: refused}, code: tool.CodeForbidden, puts: 3, deleted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := bytes.Repeat([]byte("0123456789"), size/10)
			f := &file{Reader: bytes.NewReader(want)}
			s := &storage{t: t, size: size, fail: c.fail, keep: c.keep}
			tr := &trace{answer: s.answer}
			_, err := newRunner(t, tr, nil, uploader(f)).Run(t.Context(), ada, "attach", nil)
			if code(err) != c.code {
				t.Fatalf("error %v, want %q", err, c.code)
			}
			if err == nil && !bytes.Equal(s.got, want) {
				t.Errorf("%d bytes arrived, and not those of the file", len(s.got))
			}
			if s.puts != c.puts || s.asked != c.asked || s.deleted != c.deleted || s.sessions != 1 {
				t.Errorf("%d chunks, asked %d times, deleted %v, %d sessions; want %d, %d, %v, 1", s.puts, s.asked, s.deleted, s.sessions, c.puts, c.asked, c.deleted)
			}
			if f.closed != 1 {
				t.Errorf("the file was closed %d times", f.closed)
			}
		})
	}
}

// Bytes leave only for a file of the plan, and only to where a planned session leads.
func TestUploadIsPlanned(t *testing.T) {
	t.Parallel()
	planned, other := &file{Reader: bytes.NewReader([]byte("a"))}, &file{Reader: bytes.NewReader([]byte("b"))}
	session := graph.Request{Method: graph.Post, Path: graph.Fixed("/x/createUploadSession")}
	for name, do := range map[string]func(context.Context, tool.Call) error{
		"another file": func(ctx context.Context, c tool.Call) error {
			_, err := c.Upload(ctx, session, other)
			return err
		},
		"another session": func(ctx context.Context, c tool.Call) error {
			_, err := c.Upload(ctx, graph.Request{Method: graph.Post, Path: graph.Fixed("/y/createUploadSession")}, planned)
			return err
		},
		"by hand": func(ctx context.Context, c tool.Call) error {
			_, err := c.Graph.Do(ctx, graph.Request{Method: graph.Put, Storage: "https://upload.example/1", Body: []byte("x")})
			return err
		},
	} {
		s := &storage{t: t, size: 1}
		tr := &trace{answer: s.answer}
		leak := tool.Define(tool.Spec{Name: "attach"},
			func(context.Context, tool.Call, noArgs) (tool.Plan, error) {
				return tool.Plan{Files: []tool.Source{planned}, Writes: []graph.Request{session}}, nil
			},
			func(ctx context.Context, c tool.Call, _ noArgs) (tool.Result, error) {
				return tool.Result{}, do(ctx, c)
			})
		_, err := newRunner(t, tr, nil, leak).Run(t.Context(), ada, "attach", nil)
		if code(err) != tool.CodeInternal || s.puts > 0 {
			t.Errorf("%s: %v, %d chunks", name, err, s.puts)
		}
	}
}

// The digest of a plan knows its files: approval of one is none of another.
func TestFilesAreInTheDigest(t *testing.T) {
	t.Parallel()
	digests := map[string]bool{}
	for _, also := range [][]tool.Source{nil, {&file{Reader: bytes.NewReader([]byte("b"))}}} {
		tr := &trace{answer: (&storage{t: t, size: 1}).answer}
		f := &file{Reader: bytes.NewReader([]byte("a"))}
		if _, err := newRunner(t, tr, nil, uploader(f, also...)).Run(t.Context(), ada, "attach", nil); err != nil {
			t.Fatal(err)
		}
		digests[tr.intents[0].PlanDigest] = true
	}
	if len(digests) != 2 {
		t.Error("two plans with other files have one digest")
	}
}
