package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"m365mcp/blob"
)

// TestTampering: no byte comes out that did not go in.
func TestTampering(t *testing.T) {
	t.Parallel()
	const sealedChunk = chunk + 16
	content := bytesOf(3 * chunk)
	for name, change := range map[string]func([]byte) []byte{
		"first byte": func(b []byte) []byte { b[0] ^= 1; return b },
		"a tag":      func(b []byte) []byte { b[sealedChunk-1] ^= 0x80; return b },
		"middle":     func(b []byte) []byte { b[sealedChunk+9] ^= 4; return b },
		"last byte":  func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
		"chunks swapped": func(b []byte) []byte {
			return slices.Concat(b[sealedChunk:2*sealedChunk], b[:sealedChunk], b[2*sealedChunk:])
		},
		"last repeated":  func(b []byte) []byte { return slices.Concat(b[:sealedChunk], b[2*sealedChunk:], b[2*sealedChunk:]) },
		"cut at a chunk": func(b []byte) []byte { return b[:2*sealedChunk] },
		"cut in a chunk": func(b []byte) []byte { return b[:len(b)-100] },
		"empty":          func([]byte) []byte { return nil },
		"longer":         func(b []byte) []byte { return append(b, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			id := h.create(t, ann, content).ID
			h.damage(t, id, change)
			got, err := read(t.Context(), h.Spool, ann, id)
			if !errors.Is(err, blob.ErrDamaged) {
				t.Errorf("read %d bytes: %v, want ErrDamaged", len(got), err)
			}
			if !bytes.HasPrefix(content, got) {
				t.Error("read what was never stored")
			}
		})
	}
	t.Run("cut while it is open", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t)
		b, err := h.Open(t.Context(), ann, h.create(t, ann, content).ID)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Close() }()
		if err := os.Truncate(h.path(b.Info().ID), 2*sealedChunk); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ReadAt(make([]byte, 1), 2*chunk); !errors.Is(err, blob.ErrDamaged) {
			t.Errorf("%v, want ErrDamaged", err)
		}
	})
	t.Run("files exchanged", func(t *testing.T) {
		t.Parallel()
		h := newHarness(t)
		mine, other := h.create(t, ann, content).ID, h.create(t, ann, bytesOf(3*chunk)).ID
		if err := os.Rename(h.path(other), h.path(mine)); err != nil {
			t.Fatal(err)
		}
		if _, err := read(t.Context(), h.Spool, ann, mine); !errors.Is(err, blob.ErrDamaged) {
			t.Errorf("%v, want ErrDamaged", err)
		}
	})
}

// TestRowTampering: a row that somebody changed in the database opens nothing.
func TestRowTampering(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*blob.Row){
		"owner": func(r *blob.Row) { r.Owner.UserID = "bob" },
		"id":    func(r *blob.Row) { r.ID = "up_aaaaaaaaaa" },
		"size":  func(r *blob.Row) { r.Size-- },
		"head":  func(r *blob.Row) { r.Head[len(r.Head)-1] ^= 1 },
		"empty": func(r *blob.Row) { r.Head = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			row := h.row(t, h.create(t, ann, bytesOf(100)).ID)
			if err := h.options.Store.Delete(t.Context(), []string{row.ID}); err != nil {
				t.Fatal(err)
			}
			before := row.ID
			change(&row)
			if err := h.options.Store.Insert(t.Context(), row, blob.Limits{Each: 1e3, Person: 1e3, Total: 1e3, Files: 9}, h.clock.now()); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(h.path(before), h.path(row.ID)); err != nil {
				t.Fatal(err)
			}
			p := ann
			p.UserID = row.Owner.UserID
			if _, err := read(t.Context(), h.Spool, p, row.ID); !errors.Is(err, blob.ErrDamaged) {
				t.Errorf("%v, want ErrDamaged", err)
			}
		})
	}
}

func (h *harness) row(t *testing.T, id string) blob.Row {
	t.Helper()
	rows := h.rows(t)
	i := slices.IndexFunc(rows, func(r blob.Row) bool { return r.ID == id })
	if i < 0 {
		t.Fatalf("no row %s", id)
	}
	return rows[i]
}

// TestSweepExpired deletes what is over, the file too, and nothing else.
func TestSweepExpired(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.create(t, ann, bytesOf(10))
	h.clock.advance(30 * time.Minute)
	kept := h.create(t, bob, bytesOf(10)).ID
	h.clock.advance(30 * time.Minute)
	h.sweep(t)
	if files, rows := h.files(t), h.rows(t); len(files) != 1 || files[0] != kept || len(rows) != 1 {
		t.Errorf("files %v, %d rows, want %s", files, len(rows), kept)
	}
	h.clock.advance(time.Hour)
	h.sweep(t)
	h.wantEmpty(t)
}

// TestSweepOrphans brings rows and files together, in both directions.
func TestSweepOrphans(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	lost, cut, kept, rowless := h.create(t, ann, bytesOf(10)).ID, h.create(t, ann, bytesOf(2*chunk)).ID, h.create(t, ann, bytesOf(10)).ID, h.create(t, ann, nil).ID
	if err := os.Remove(h.path(lost)); err != nil {
		t.Fatal(err)
	}
	h.damage(t, cut, func(b []byte) []byte { return b[:chunk+16] })
	if err := h.options.Store.Delete(t.Context(), []string{rowless}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README", "up_aaaaaaaaaa.txt", "up_.part"} { // somebody else's
		if err := os.WriteFile(h.path(name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantGone(t, h.Spool, ann, lost)
	h.sweep(t)
	want := []string{"README", "up_.part", "up_aaaaaaaaaa.txt", kept}
	slices.Sort(want)
	if got := h.files(t); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	if rows := h.rows(t); len(rows) != 1 || rows[0].ID != kept {
		t.Errorf("%d rows", len(rows))
	}
}

// TestKilledBetweenChunks: what a server that was killed has left is gone after the
// next sweep, and was never to be found.
func TestKilledBetweenChunks(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	ctx, kill := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := h.Create(ctx, ann, blob.NewID(), "half", "", r)
		done <- err
	}()
	if _, err := w.Write(bytesOf(3 * chunk)); err != nil {
		t.Fatal(err)
	}
	h.sweep(t) // the running server leaves it alone
	if files := h.files(t); len(files) != 1 {
		t.Fatalf("files %v", files)
	}
	next := h.open(t)
	if err := next.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.wantEmpty(t)
	kill()
	_ = w.Close()
	if err := <-done; err == nil {
		t.Error("a file that is gone was stored")
	}
	h.wantEmpty(t)
}

// TestDeleteWhileOpen: who has the file open reads on; nobody else finds it.
func TestDeleteWhileOpen(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	content := bytesOf(2 * chunk)
	id := h.create(t, ann, content).ID
	b, err := h.Open(t.Context(), ann, id)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if err := h.Delete(t.Context(), ann, id); err != nil {
		t.Fatal(err)
	}
	wantGone(t, h.Spool, ann, id)
	got, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	h.wantEmpty(t)
}
