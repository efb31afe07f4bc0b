package tool_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/dlp"
	"m365mcp/graph"
	"m365mcp/identity"
	"m365mcp/policy"
	"m365mcp/tool"
)

// memory is a spool and a reader of documents in memory.
type memory struct {
	stored []*file
	notes  []string
	err    error
}

func (m *memory) Find(context.Context, identity.Principal, string) (tool.Source, error) {
	return nil, errors.New("not asked for")
}

func (m *memory) Store(_ context.Context, _ identity.Principal, _, _ string, r io.Reader) (tool.Source, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	f := &file{Reader: bytes.NewReader(content)}
	m.stored = append(m.stored, f)
	return f, nil
}

func (m *memory) Text(_ context.Context, _ identity.Principal, _, _ string, content []byte) (tool.Document, error) {
	return tool.Document{Text: string(content), Notes: m.notes}, m.err
}

// downloading is an internal tool whose file lies at Microsoft.
func downloading(r tool.Remote, send func(context.Context, tool.Call) error) *tool.Tool {
	r.Content = graph.Request{Method: graph.Get, Path: graph.Fixed("/me/file")}
	return tool.Define(tool.Spec{Name: "download", Of: "send", ReadOnly: true},
		func(_ context.Context, c tool.Call, _ noArgs) (tool.Plan, error) {
			return tool.Plan{Target: "/me/file", Files: []tool.Source{c.Remote(r)}}, nil
		},
		func(ctx context.Context, c tool.Call, _ noArgs) (tool.Result, error) {
			return tool.Result{Structured: map[string]int{}}, send(ctx, c)
		})
}

func planned(ctx context.Context, c tool.Call) error { return c.Send(ctx, c.Plan.Files[0]) }

// What is at Microsoft is looked at before the decision, and the decision before the
// first byte; what was looked at is what is sent, and nothing is fetched twice.
func TestRemoteFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		remote      tool.Remote
		content     string
		memory      memory
		word        string // that the detector knows; empty: there is no DLP
		unscannable string
		steps       string
	}{
		"read and sent":            {tool.Remote{Name: "a", Size: 7}, "content", memory{}, "word", "", "open send policy close intent open begin outcome close"},
		"nobody reads":             {tool.Remote{Name: "a", Size: 7}, "content", memory{}, "", "", "policy intent open send begin outcome close"},
		"found":                    {tool.Remote{Name: "a", Size: 4}, "word", memory{}, "word", "", "open send policy close denied"},
		"found in the name":        {tool.Remote{Name: "word", Size: 7}, "content", memory{}, "word", "", "open send policy close denied"},
		"not all of it":            {tool.Remote{Name: "a", Size: 7}, "content", memory{notes: []string{"the rest is left out"}}, "word", "a", "open send policy close denied"},
		"nothing of it":            {tool.Remote{Name: "a", Size: 7}, "content", memory{err: fmt.Errorf("%w: a film", tool.ErrUnreadable)}, "word", "a", "open send policy close denied"},
		"opaque":                   {tool.Remote{Name: "a", Size: 7, Opaque: true}, "content", memory{}, "word", "a", "policy denied"},
		"opaque, and nobody reads": {tool.Remote{Name: "a", Size: 7, Opaque: true}, "content", memory{}, "", "a", "policy denied"},
		"too large":                {tool.Remote{Name: "a", Size: 25<<20 + 1}, "content", memory{}, "word", "a", "policy denied"},
		"grown too large":          {tool.Remote{Name: "a", Size: 7}, strings.Repeat("x", 25<<20+1), memory{}, "word", "a", "open send policy close denied"},
		"another content":          {tool.Remote{Name: "a", Size: 700}, "content", memory{}, "word", "", "open send policy close intent open begin outcome close"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := &trace{}
			tr.answer = func(r graph.Request) (*graph.Response, error) {
				w, err := r.Sink("text/plain", int64(len(c.content)))
				if err == nil {
					_, err = io.WriteString(w, c.content)
				}
				return &graph.Response{Status: 200}, err
			}
			var unscannable []string
			registry, err := tool.NewRegistry(tool.Set{
				Tools: []*tool.Tool{sender(tr, sendPlanned)}, Internal: []*tool.Tool{downloading(c.remote, planned)},
			}, everything(t))
			if err != nil {
				t.Fatal(err)
			}
			r := newRunner(t, tr, func(o *tool.Options) {
				o.Registry, o.Services = registry, tool.Services{Uploads: &c.memory, Documents: &c.memory}
				if c.word != "" {
					o.DLP = dlp.New(dlp.Detector{Name: "word", Match: func(text string) bool { return strings.Contains(text, c.word) }})
				}
				o.Policy = policy.New(policy.PermitAll().Rules()[0], policy.Rule{ID: "leak", When: func(r policy.Request) bool {
					tr.steps, unscannable = append(tr.steps, "policy"), r.Context.Unscannable
					return len(r.Context.Findings)+len(r.Context.Unscannable) > 0
				}})
			})
			var got bytes.Buffer
			err = r.RunInternal(t.Context(), ada, "download", nil, func(string, int64) (io.Writer, error) {
				tr.steps = append(tr.steps, "begin")
				return &got, nil
			})
			if diff := cmp.Diff(c.steps, strings.Join(tr.steps, " ")); diff != "" {
				t.Errorf("steps (-want +got)\n%s", diff)
			}
			if strings.Join(unscannable, " ") != c.unscannable {
				t.Errorf("unscannable %q, want %q", unscannable, c.unscannable)
			}
			if denied := strings.HasSuffix(c.steps, "denied"); denied != (err != nil) || !denied && got.String() != c.content || denied && got.Len() > 0 {
				t.Errorf("%v, sent %d bytes", err, got.Len())
			}
			for _, f := range c.memory.stored {
				if f.closed != 1 {
					t.Errorf("a fetched file was closed %d times", f.closed)
				}
			}
		})
	}
}

// Only a file that was decided about is sent.
func TestSendOfAnotherFile(t *testing.T) {
	t.Parallel()
	tr := &trace{}
	other := func(ctx context.Context, c tool.Call) error {
		return c.Send(ctx, c.Remote(tool.Remote{Content: graph.Request{Method: graph.Get, Path: graph.Fixed("/me/another")}}))
	}
	registry, err := tool.NewRegistry(tool.Set{
		Tools: []*tool.Tool{sender(tr, sendPlanned)}, Internal: []*tool.Tool{downloading(tool.Remote{}, other)},
	}, everything(t))
	if err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, tr, func(o *tool.Options) { o.Registry = registry })
	err = r.RunInternal(t.Context(), ada, "download", nil, func(string, int64) (io.Writer, error) { return io.Discard, nil })
	if code(err) != tool.CodeInternal || slices.Contains(tr.steps, "send") {
		t.Errorf("%v after %v", err, tr.steps)
	}
}
