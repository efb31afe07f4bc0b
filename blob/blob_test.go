package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"m365mcp/blob"
	"m365mcp/identity"
)

// TestMemory comes first and is not parallel: it counts what everybody allocates.
func TestMemory(t *testing.T) {
	h := newHarness(t)
	h.create(t, ann, bytesOf(10)) // the database's own caches
	const size = 149e6
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	info, err := h.Create(t.Context(), ann, blob.NewID(), "film.mp4", "video/mp4", io.LimitReader(endless{}, size))
	runtime.ReadMemStats(&after)
	if err != nil || info.Size != size {
		t.Fatalf("%d bytes, %v", info.Size, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
		t.Errorf("a file of %d MB took %d KiB of memory", info.Size/1e6, used>>10)
	}
	runtime.ReadMemStats(&before)
	_, err = h.Create(t.Context(), ann, blob.NewID(), "film.mp4", "video/mp4", io.LimitReader(endless{}, 151e6))
	runtime.ReadMemStats(&after)
	if limit, ok := errors.AsType[*blob.LimitError](err); !ok || limit.Of != blob.LimitEach || limit.Max != 150e6 {
		t.Errorf("151 MB: %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
		t.Errorf("a file that is too large took %d KiB of memory", used>>10)
	}
	if got := len(h.files(t)); got != 2 {
		t.Errorf("%d files", got)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i)
	}
	return len(p), nil
}

func TestSizes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, 3*chunk + 7} {
		content := bytesOf(size)
		// Readers may deliver in any pieces.
		info, err := h.Create(t.Context(), ann, blob.NewID(), "a.txt", "text/plain", iotest.HalfReader(bytes.NewReader(content)))
		if err != nil {
			t.Fatal(err)
		}
		want := blob.Info{ID: info.ID, Name: "a.txt", ContentType: "text/plain", Size: int64(size), Digest: sha(content), Expires: h.clock.now().Add(time.Hour)}
		if info != want {
			t.Errorf("%+v, want %+v", info, want)
		}
		b, err := h.Open(t.Context(), ann, info.ID)
		if err != nil {
			t.Fatal(err)
		}
		if b.Info() != want || b.Name() != want.Name || b.ContentType() != want.ContentType || b.Size() != want.Size || b.Digest() != want.Digest {
			t.Errorf("opened: %+v, want %+v", b.Info(), want)
		}
		if err := iotest.TestReader(io.NewSectionReader(b, 0, b.Size()), content); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		sealed, err := os.ReadFile(h.path(info.ID))
		if err != nil {
			t.Fatal(err)
		}
		if size > 16 && bytes.Contains(sealed, content[:16]) {
			t.Error("the file is readable on the disk")
		}
	}
}

func TestReadAtRandom(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	content := bytesOf(5*chunk + 100)
	b, err := h.Open(t.Context(), ann, h.create(t, ann, content).ID)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	var wg sync.WaitGroup
	for _, at := range []int{0, chunk - 3, chunk, 4 * chunk, 5*chunk + 90, len(content) - 1, len(content), len(content) + 5} {
		for _, n := range []int{0, 1, 10, chunk + 5, 2*chunk + 1} {
			wg.Go(func() {
				p := make([]byte, n)
				got, err := b.ReadAt(p, int64(at))
				want := content[min(at, len(content)):min(at+n, len(content))]
				if !bytes.Equal(p[:got], want) || (got < n) != errors.Is(err, io.EOF) {
					t.Errorf("ReadAt(%d bytes, %d): %d, %v; want %d", n, at, got, err, len(want))
				}
			})
		}
	}
	wg.Wait()
	if _, err := b.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset was read")
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	form := regexp.MustCompile(`^up_[a-hjkmnp-z]{10}$`)
	seen := map[string]bool{}
	for range 50 {
		id := h.create(t, ann, nil).ID
		if !form.MatchString(id) || seen[id] {
			t.Errorf("id %q", id)
		}
		seen[id] = true
	}
}

// A file can be put under an id that was promised before, once.
func TestIDsAreGivenOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	id, content := blob.NewID(), []byte("as promised")
	wantGone(t, h.Spool, ann, id)
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := h.Create(t.Context(), ann, id, "a.txt", "", r)
		done <- err
	}()
	if _, err := w.Write(content); err != nil { // it has begun
		t.Fatal(err)
	}
	taken := func(when string) {
		t.Helper()
		for _, p := range []identity.Principal{ann, bob} {
			if _, err := h.Create(t.Context(), p, id, "b.txt", "", strings.NewReader("another")); !errors.Is(err, blob.ErrTaken) {
				t.Errorf("%s, for %s: %v, want ErrTaken", when, p.UserID, err)
			}
		}
	}
	taken("while it arrives")
	if err := errors.Join(w.Close(), <-done); err != nil {
		t.Fatal(err)
	}
	taken("when it is there")
	if got, err := read(t.Context(), h.Spool, ann, id); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "a", "up_", "../up_aaaaaaaaaa", "up_iiiiiiiiii"} {
		if _, err := h.Create(t.Context(), ann, bad, "", "", strings.NewReader("")); err == nil {
			t.Errorf("stored as %q", bad)
		}
	}
	if _, err := h.Create(t.Context(), ann, blob.NewID(), "", "", iotest.ErrReader(io.ErrUnexpectedEOF)); err == nil || len(h.files(t)) != 1 {
		t.Errorf("one that broke off: %v, files %v", err, h.files(t))
	}
}

func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("modes are of Unix")
	}
	h := newHarness(t)
	info := h.create(t, ann, []byte("x"))
	for path, want := range map[string]os.FileMode{h.dir: 0o700, h.path(info.ID): 0o600} {
		stat, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if stat.Mode().Perm() != want {
			t.Errorf("%s: mode %o, want %o", path, stat.Mode().Perm(), want)
		}
	}
	if err := os.Chmod(h.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Folder(h.dir); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("an open folder: %v", err)
	}
}

// TestOwner: an id is good for its person only, for an hour.
func TestOwner(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	content := []byte("quarterly figures")
	id := h.create(t, ann, content).ID
	for _, p := range []identity.Principal{bob, {TenantID: "elsewhere", UserID: "ann"}, {TenantID: "tenant"}, {UserID: "ann"}, {}, {Service: "build"}, {TenantID: "tenant", UserID: "ann", Service: "build"}} {
		wantGone(t, h.Spool, p, id)
		if err := h.Delete(t.Context(), p, id); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%v deletes: %v", p, err)
		}
		if _, err := h.Create(t.Context(), p, blob.NewID(), "", "", strings.NewReader("")); !p.IsPerson() && err == nil {
			t.Errorf("%v has stored a file", p)
		}
	}
	for _, bad := range []string{"", "up_", id + "a", id[:len(id)-1], "../" + id, "up_../../etc/p", strings.Replace(id, "up_", "m_", 1), "up_iiiiiiiiii"} {
		wantGone(t, h.Spool, ann, bad)
	}
	other := identity.Principal{TenantID: ann.TenantID, UserID: ann.UserID, GrantID: "another client's"}
	for _, given := range []string{id, " " + strings.ToUpper(id) + "\n"} {
		if got, err := read(t.Context(), h.open(t), other, given); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%q, %v", got, err)
		}
	}
	h.clock.advance(time.Hour - time.Millisecond)
	if _, err := read(t.Context(), h.Spool, ann, id); err != nil {
		t.Error(err)
	}
	h.clock.advance(time.Millisecond)
	wantGone(t, h.Spool, ann, id)
	if err := h.Delete(t.Context(), ann, id); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("deleted after its expiry: %v", err)
	}
}

func TestNamesAndTypes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	long := strings.Repeat("ü", 300)
	for _, c := range []struct{ name, contentType, wantName, wantType string }{
		{"report.pdf", "application/pdf", "report.pdf", "application/pdf"},
		{`C:\Users\ann\Bericht März.docx`, "Text/Plain; charset=utf-8", "Bericht März.docx", "text/plain"},
		{"../../etc/passwd", "text", "passwd", "application/octet-stream"},
		{"a\r\nSet-Cookie: x\x00.txt", "text/html\r\nX: y", "aSet-Cookie: x.txt", "application/octet-stream"},
		{"invoice\u202efdp.exe", "", "invoicefdp.exe", "application/octet-stream"},
		{"", "", "file", "application/octet-stream"},
		{"..", "", "file", "application/octet-stream"},
		{"/", "", "file", "application/octet-stream"},
		{"\xff\xfe", "", "file", "application/octet-stream"},
		{long + ".pdf", "", strings.Repeat("ü", 98) + ".pdf", "application/octet-stream"},
		{"a." + long, "", "a." + strings.Repeat("ü", 99), "application/octet-stream"},
	} {
		info, err := h.Create(t.Context(), ann, blob.NewID(), c.name, c.contentType, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		if info.Name != c.wantName || info.ContentType != c.wantType {
			t.Errorf("%q %q became %q %q, want %q %q", c.name, c.contentType, info.Name, info.ContentType, c.wantName, c.wantType)
		}
	}
}

// TestRefusedLeavesNothing: whatever ends a Create, it leaves no file and no row.
func TestRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	broken := errors.New("the connection broke")
	for name, c := range map[string]struct {
		r       io.Reader
		prepare func(*harness, context.CancelFunc)
		want    func(error) bool
	}{
		"too large":          {bytes.NewReader(bytesOf(2*chunk + 1)), nil, isLimit(blob.LimitEach)},
		"breaks at once":     {iotest.ErrReader(broken), nil, func(err error) bool { return errors.Is(err, broken) }},
		"breaks in a chunk":  {io.MultiReader(bytes.NewReader(bytesOf(chunk+5)), iotest.ErrReader(broken)), nil, func(err error) bool { return errors.Is(err, broken) }},
		"breaks at a border": {io.MultiReader(bytes.NewReader(bytesOf(chunk)), iotest.ErrReader(broken)), nil, func(err error) bool { return errors.Is(err, broken) }},
		"is cut off":         {io.MultiReader(bytes.NewReader(bytesOf(chunk+5)), iotest.ErrReader(io.ErrUnexpectedEOF)), nil, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"cancelled": {bytes.NewReader(bytesOf(chunk)), func(_ *harness, cancel context.CancelFunc) { cancel() }, func(err error) bool {
			return errors.Is(err, context.Canceled)
		}},
		"no row": {bytes.NewReader(bytesOf(chunk)), func(h *harness, _ context.CancelFunc) { h.options.Store = refusing{h.options.Store} }, func(err error) bool {
			return errors.Is(err, errRefused)
		}},
		"no key": {bytes.NewReader(bytesOf(chunk)), func(h *harness, _ context.CancelFunc) { h.options.Keys = refusing{} }, func(err error) bool {
			return errors.Is(err, errRefused)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, func(o *blob.Options) { o.Limits.Each = 2 * chunk })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.prepare != nil {
				c.prepare(h, cancel)
			}
			if _, err := h.open(t).Create(ctx, ann, blob.NewID(), "a", "", c.r); !c.want(err) {
				t.Errorf("Create: %v", err)
			}
			h.wantEmpty(t)
		})
	}
}

var errRefused = errors.New("refused")

type refusing struct{ blob.Store }

func (refusing) Insert(context.Context, blob.Row, blob.Limits, time.Time) error { return errRefused }

func (refusing) Seal([]byte, []byte) ([]byte, error) { return nil, errRefused }

func (refusing) Open([]byte, []byte) ([]byte, error) { return nil, errRefused }

func isLimit(of blob.LimitOf) func(error) bool {
	return func(err error) bool {
		limit, ok := errors.AsType[*blob.LimitError](err)
		return ok && limit.Of == of && limit.Error() != ""
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *blob.Options) { o.Limits = blob.Limits{Each: 100, Person: 150, Total: 300, Files: 3} })
	fail := func(p identity.Principal, size int, of blob.LimitOf) {
		t.Helper()
		if _, err := h.Create(t.Context(), p, blob.NewID(), "", "", bytes.NewReader(bytesOf(size))); !isLimit(of)(err) {
			t.Errorf("%d bytes of %s: %v, want the limit of %s", size, p.UserID, err, of)
		}
	}
	fail(ann, 101, blob.LimitEach)
	h.create(t, ann, bytesOf(100))
	fail(ann, 51, blob.LimitPerson)
	h.create(t, ann, bytesOf(50))
	fail(ann, 1, blob.LimitPerson)
	h.create(t, ann, nil)
	fail(ann, 0, blob.LimitFiles)
	h.create(t, bob, bytesOf(100))
	fail(identity.Principal{TenantID: "tenant", UserID: "cid"}, 51, blob.LimitTotal)
	h.clock.advance(time.Hour)
	h.create(t, ann, bytesOf(50)) // expired ones no longer count as hers, but take room until they are swept
	fail(bob, 1, blob.LimitTotal)
	h.sweep(t)
	h.create(t, bob, bytesOf(100))
}

// TestArrivalsCount: files on their way in take room before they have a row.
func TestArrivalsCount(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *blob.Options) { o.Limits = blob.Limits{Person: 4 * chunk} })
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := h.Create(t.Context(), ann, blob.NewID(), "slow", "", r)
		done <- err
	}()
	if _, err := w.Write(bytesOf(3*chunk + 1)); err != nil { // returns when two chunks are counted, at least
		t.Fatal(err)
	}
	if _, err := h.Create(t.Context(), ann, blob.NewID(), "", "", bytes.NewReader(bytesOf(3*chunk))); !isLimit(blob.LimitPerson)(err) {
		t.Errorf("beside a file that arrives: %v", err)
	}
	h.create(t, bob, bytesOf(2*chunk))
	h.sweep(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("the sweep has taken what was arriving: %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			content := bytesOf(i * 10_000)
			p := identity.Principal{TenantID: "tenant", UserID: fmt.Sprint(i % 3)}
			info, err := h.Create(t.Context(), p, blob.NewID(), "a", "", bytes.NewReader(content))
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := read(t.Context(), h.Spool, p, info.ID); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if i%2 == 0 {
				if err := h.Delete(t.Context(), p, info.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if files, rows := h.files(t), h.rows(t); len(files) != 10 || len(rows) != 10 || slices.ContainsFunc(files, func(n string) bool { return strings.HasSuffix(n, ".part") }) {
		t.Errorf("%d rows, files %v", len(rows), files)
	}
}

// A person is forgotten with rows and files; what is another's stays.
func TestForget(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	kept := h.create(t, bob, []byte("his"))
	for range 2 {
		h.create(t, ann, []byte("hers"))
	}
	if err := h.Forget(t.Context(), blob.Person{TenantID: ann.TenantID, UserID: ann.UserID}); err != nil {
		t.Fatal(err)
	}
	if files, rows := h.files(t), h.rows(t); len(files) != 1 || files[0] != kept.ID || len(rows) != 1 || rows[0].ID != kept.ID {
		t.Errorf("left: %v, %v; want %s", files, rows, kept.ID)
	}
}
