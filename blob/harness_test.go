package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"m365mcp/blob"
	"m365mcp/identity"
	"m365mcp/internal/seal"
	"m365mcp/store/sqlite"
)

const chunk = 64 << 10

var (
	ann = identity.Principal{TenantID: "tenant", UserID: "ann", GrantID: "g1"}
	bob = identity.Principal{TenantID: "tenant", UserID: "bob", GrantID: "g2"}
)

// harness is a spool on SQLite, as the server has it.
type harness struct {
	*blob.Spool
	options blob.Options
	dir     string
	clock   *clock
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

func newHarness(t *testing.T, change ...func(*blob.Options)) *harness {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	keys, err := seal.ParseKeyring(seal.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{t: time.Date(2026, 8, 3, 9, 0, 0, 0, time.UTC)}
	h := &harness{clock: c, dir: filepath.Join(t.TempDir(), "data", "spool"), options: blob.Options{
		Store: db.Blobs(), Keys: keys, Now: c.now,
	}}
	for _, f := range change {
		f(&h.options)
	}
	h.Spool = h.open(t)
	return h
}

// open is another start of the server on the same data.
func (h *harness) open(t *testing.T) *blob.Spool {
	t.Helper()
	o := h.options
	var err error
	if o.Files, err = blob.Folder(h.dir); err != nil {
		t.Fatal(err)
	}
	s, err := blob.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (h *harness) create(t *testing.T, p identity.Principal, content []byte) blob.Info {
	t.Helper()
	info, err := h.Create(t.Context(), p, blob.NewID(), "plan.pdf", "application/pdf", bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// files lists the spool's folder.
func (h *harness) files(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (h *harness) rows(t *testing.T) []blob.Row {
	t.Helper()
	rows, err := h.options.Store.List(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// wantEmpty: no row and no file is left.
func (h *harness) wantEmpty(t *testing.T) {
	t.Helper()
	if files, rows := h.files(t), h.rows(t); len(files) > 0 || len(rows) > 0 {
		t.Errorf("left behind: files %v, %d rows", files, len(rows))
	}
}

func (h *harness) sweep(t *testing.T) {
	t.Helper()
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (h *harness) path(id string) string { return filepath.Join(h.dir, id) }

// damage changes the sealed file.
func (h *harness) damage(t *testing.T, id string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(h.path(id))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path(id), change(slices.Clone(content)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(ctx context.Context, s *blob.Spool, p identity.Principal, id string) ([]byte, error) {
	b, err := s.Open(ctx, p, id)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	return content, errors.Join(err, b.Close())
}

func wantGone(t *testing.T, s *blob.Spool, p identity.Principal, id string) {
	t.Helper()
	if _, err := s.Open(t.Context(), p, id); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Open %q of %s: %v, want ErrNotFound", id, p.UserKey(), err)
	}
}

func bytesOf(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = r.Read(b)
	return b
}

func sha(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
