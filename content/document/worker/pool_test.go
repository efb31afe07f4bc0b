package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/content/document"
	"m365mcp/content/document/documenttest"
)

func newPool(t *testing.T, o Options) *Pool {
	t.Helper()
	if len(o.Command) == 0 {
		o.Command = []string{os.Args[0], Subcommand}
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func processes(p *Pool) (ids []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.children {
		ids = append(ids, c.cmd.Process.Pid)
	}
	return ids
}

func TestTextOfManyFormatsFromOneChild(t *testing.T) {
	if !raceDetector { // the child that compiles PDFium grows, and may be replaced
		if _, err := newPool(t, Options{CacheDir: filepath.Join(cacheDir, "code")}).Text(t.Context(), "ada", "a.pdf", "", documenttest.PDF("a")); err != nil {
			t.Error(err)
		}
	}
	p := newPool(t, Options{CacheDir: filepath.Join(cacheDir, "code")})
	if got := processes(p); len(got) != 0 {
		t.Errorf("children before the first document: %v", got)
	}
	var first []int
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"a.txt", []byte("plain"), "plain"},
		{"a.docx", documenttest.Docx(documenttest.Paragraph("from Word")), "from Word"},
		{"a.pdf", documenttest.PDF("from PDF"), "## Page 1\n\nfrom PDF"},
		{"b.pdf", documenttest.PDF("again"), "## Page 1\n\nagain"},
	} {
		if raceDetector && strings.HasSuffix(c.name, ".pdf") {
			continue // it makes compiling PDFium take gigabytes
		}
		got, err := p.Text(t.Context(), "ada", c.name, "", c.data)
		if err != nil || got.Text != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got.Text, err, c.want)
		}
		if ids := processes(p); first == nil {
			first = ids
		} else if !slices.Equal(ids, first) {
			t.Errorf("%s: processes %v, want %v", c.name, ids, first)
		}
	}
	info, err := os.Stat(filepath.Join(cacheDir, "code"))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("cache folder: %v, %v", info, err)
	}
}

// What a document has left in a child meets no other person's document, and whoever
// goes on finds a warm child.
func TestAChildReadsForOnePerson(t *testing.T) {
	t.Parallel()
	for children, want := range map[int]string{
		1: "ada 1, ada 1, bruno 2, ada 3, ada 3, chen 4, bruno 5",
		2: "ada 1, ada 1, bruno 2, ada 1, ada 1, chen 3, bruno 4",
	} {
		p := newPool(t, Options{Children: children})
		seen := map[int]int{} // by process, in the order of their starts
		var got []string
		for _, person := range []string{"ada", "ada", "bruno", "ada", "ada", "chen", "bruno"} {
			if _, err := p.Text(t.Context(), person, "a.txt", "", []byte("text")); err != nil {
				t.Fatal(err)
			}
			p.mu.Lock()
			last := p.idle[len(p.idle)-1].cmd.Process.Pid
			p.mu.Unlock()
			if seen[last] == 0 {
				seen[last] = len(seen) + 1
			}
			got = append(got, fmt.Sprint(person, " ", seen[last]))
			if n := len(processes(p)); n > children {
				t.Errorf("%d processes, at most %d", n, children)
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%d children: %v, want %s", children, got, want)
		}
	}
}

func TestErrorsKeepTheirKindAndTheChild(t *testing.T) {
	t.Parallel()
	p := newPool(t, Options{Limits: document.Limits{Input: 1 << 20}})
	var first []int
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"a.docx", []byte("PK\x03\x04 and no more"), document.ErrDamaged},
		{"a.bin", []byte{0, 1, 2, 3}, document.ErrUnsupported},
		{"a.txt", make([]byte, 1<<20+1), document.ErrTooLarge},
		{"a.doc", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1E\x00n\x00c\x00r\x00y\x00p\x00t\x00i\x00o\x00n\x00I\x00n\x00f\x00o\x00"), document.ErrEncrypted},
	} {
		if _, err := p.Text(t.Context(), "ada", c.name, "", c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if ids := processes(p); first == nil {
			first = ids
		} else if !slices.Equal(ids, first) {
			t.Errorf("%s: processes %v, want %v", c.name, ids, first)
		}
	}
}

func TestMisbehavingChildIsThatDocumentsError(t *testing.T) {
	t.Parallel()
	for child, want := range map[string]error{
		"child-hangs":   document.ErrTime,
		"child-crashes": document.ErrDamaged,
		"child-lies":    document.ErrDamaged,
		"child-eats":    document.ErrTooLarge,
	} {
		t.Run(child, func(t *testing.T) {
			t.Parallel()
			deadline := 20 * time.Second
			if child == "child-hangs" {
				deadline = 50 * time.Millisecond
			}
			p := newPool(t, Options{Command: []string{os.Args[0], child}, Deadline: deadline})
			if _, err := p.Text(t.Context(), "ada", "a.txt", "", []byte("text")); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			// The next document gets a new child.
			p.o.Command[1] = Subcommand
			p.o.Deadline = 20 * time.Second
			if got, err := p.Text(t.Context(), "ada", "a.txt", "", []byte("text")); err != nil || got.Text != "text" {
				t.Errorf("after it: %q, %v", got.Text, err)
			}
		})
	}
}

func TestChildThatDoesNotStartIsNoFaultOfTheDocument(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{os.Args[0], "child-absent"}, {filepath.Join(t.TempDir(), "missing")}} {
		p := newPool(t, Options{Command: command})
		_, err := p.Text(t.Context(), "ada", "a.txt", "", []byte("text"))
		if err == nil || errors.Is(err, document.ErrDamaged) {
			t.Errorf("%v: %v", command, err)
		}
	}
}

func TestCancelledCallEndsItsChild(t *testing.T) {
	t.Parallel()
	for _, child := range []string{"child-hangs", "child-silent"} {
		p := newPool(t, Options{Command: []string{os.Args[0], child}})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := p.Text(ctx, "ada", "a.txt", "", []byte("text"))
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, document.ErrTime) {
			t.Errorf("%s: %v", child, err)
		}
	}
}

func TestChildSeesNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	t.Setenv("M365_MCP_SECRET", "secret")
	secret, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = secret.Close() }()
	p := newPool(t, Options{Command: []string{os.Args[0], "child-tells"}})
	got, err := p.Text(t.Context(), "ada", "a.txt", "", []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got.Text, "secret") || !strings.Contains(got.Text, "GOTRACEBACK") ||
		!strings.Contains(got.Text, ", 0 files") || !strings.HasSuffix(got.Text, "descriptors") {
		t.Errorf("the child sees %s", got.Text)
	}
}

func TestIdleChildrenEnd(t *testing.T) {
	t.Parallel()
	p := newPool(t, Options{Idle: 10 * time.Millisecond})
	if _, err := p.Text(t.Context(), "ada", "a.txt", "", []byte("text")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(processes(p)) == 0 })
	if _, err := p.Text(t.Context(), "ada", "a.txt", "", []byte("text")); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	p := newPool(t, Options{Command: []string{os.Args[0], "child-hangs"}, Children: 1})
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() {
			if _, err := p.Text(t.Context(), "ada", "a.txt", "", []byte("text")); !errors.Is(err, ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
		})
	}
	waitFor(t, func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.queue) == 2 && len(p.children) == 1 })
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	calls.Wait()
	if _, err := p.Text(t.Context(), "ada", "a.txt", "", nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// waitFor yields until the other goroutines have come to where the test needs them.
func waitFor(t *testing.T, reached func() bool) {
	t.Helper()
	for !reached() {
		if t.Context().Err() != nil {
			t.Fatal("not reached")
		}
		runtime.Gosched()
	}
}

func TestCacheFolderOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no mode bits")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{CacheDir: dir}); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("got %v", err)
	}
}

// A parser may be busy for long when its parent has gone.
func TestServeExitsWhenItsParentGoes(t *testing.T) {
	t.Parallel()
	content := documenttest.Docx(strings.Repeat(documenttest.Paragraph("a word"), 200_000))
	var in bytes.Buffer
	if err := writeFrame(&in, request{Name: "a.docx", Limits: document.Limits{}, Size: int64(len(content))}, content); err != nil {
		t.Fatal(err)
	}
	code := make(chan int, 1)
	if err := Serve(t.Context(), &in, io.Discard, func(c int) { code <- c }); err != nil {
		t.Error(err)
	}
	if got := <-code; got != ExitOrphan {
		t.Errorf("exit code %d", got)
	}
}

func TestServeEndsWithItsInput(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := Serve(t.Context(), strings.NewReader(""), &out, func(int) {}); err != nil {
		t.Error(err)
	}
	if err := Serve(t.Context(), strings.NewReader("\x00\x00\x00\x02{}\xff\xff\xff\xff"), &out, func(int) {}); err == nil {
		t.Error("a frame of 4 GB was read")
	}
}
