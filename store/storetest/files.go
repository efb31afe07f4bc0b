package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"m365mcp/blob"
)

// Files runs the contract of [blob.Files]; open returns an empty one.
func Files(t *testing.T, open func(*testing.T) blob.Files) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, blob.Files){
		"whole":        filesWhole,
		"partial":      filesPartial,
		"one id":       filesOneID,
		"remove":       filesRemove,
		"an empty one": filesEmpty,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			t.Cleanup(func() {
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, f)
		})
	}
}

const fileID = "up_abcdefghjk"

// sealedChunk is the length of what a spool writes at once; the last one is shorter.
const sealedChunk = 64<<10 + 16

func put(t *testing.T, f blob.Files, id string, chunks ...[]byte) {
	t.Helper()
	d, err := f.Create(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		if n, err := d.Write(c); err != nil || n != len(c) {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	if err := errors.Join(d.Commit(), d.Close()); err != nil {
		t.Fatal(err)
	}
}

func filesWhole(t *testing.T, f blob.Files) {
	chunks := [][]byte{bytes.Repeat([]byte{1}, sealedChunk), bytes.Repeat([]byte{2}, sealedChunk), bytes.Repeat([]byte{3}, 100)}
	whole := slices.Concat(chunks...)
	put(t, f, fileID, chunks...)
	c, err := f.Open(t.Context(), fileID)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if c.Size() != int64(len(whole)) {
		t.Errorf("Size = %d, want %d", c.Size(), len(whole))
	}
	for _, part := range [][2]int{{0, 10}, {0, len(whole)}, {sealedChunk, sealedChunk}, {sealedChunk - 5, 10}, {2 * sealedChunk, 100}} {
		got := make([]byte, part[1])
		if n, err := c.ReadAt(got, int64(part[0])); err != nil && n != len(got) || !bytes.Equal(got, whole[part[0]:part[0]+part[1]]) {
			t.Errorf("ReadAt %v = %d, %v", part, n, err)
		}
	}
	if n, err := c.ReadAt(make([]byte, 200), 2*sealedChunk); n != 100 || err == nil {
		t.Errorf("ReadAt beyond the end = %d, %v", n, err)
	}
	if size, err := f.Size(t.Context(), fileID); err != nil || size != int64(len(whole)) {
		t.Errorf("Size = %d, %v", size, err)
	}
}

func filesEmpty(t *testing.T, f blob.Files) {
	put(t, f, fileID, make([]byte, 16))
	if size, err := f.Size(t.Context(), fileID); err != nil || size != 16 {
		t.Errorf("Size = %d, %v", size, err)
	}
}

func filesPartial(t *testing.T, f blob.Files) {
	d, err := f.Create(t.Context(), fileID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := f.Open(t.Context(), fileID); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Open of half a file = %v, %v", c, err)
	}
	if _, err := f.Size(t.Context(), fileID); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Size of half a file: %v", err)
	}
	if err := f.Remove(t.Context(), fileID); err != nil {
		t.Fatal(err)
	}
	put(t, f, fileID, []byte("whole")) // its id is free again
}

func filesOneID(t *testing.T, f blob.Files) {
	var wg sync.WaitGroup
	var made atomic.Int64
	for range 5 {
		wg.Go(func() {
			d, err := f.Create(t.Context(), fileID)
			switch {
			case err == nil:
				made.Add(1)
				err = errors.Join(func() error { _, err := d.Write([]byte("x")); return err }(), d.Commit(), d.Close())
				if err != nil {
					t.Error(err)
				}
			case !errors.Is(err, blob.ErrTaken):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("%d files of one id", made.Load())
	}
	if _, err := f.Create(t.Context(), fileID); !errors.Is(err, blob.ErrTaken) {
		t.Errorf("Create of a complete file: %v", err)
	}
}

func filesRemove(t *testing.T, f blob.Files) {
	var ids []string
	for i := range 3 {
		id := fmt.Sprintf("up_abcdefghj%c", 'a'+i)
		ids = append(ids, id)
		put(t, f, id, []byte("x"))
	}
	if err := f.Remove(t.Context(), append(ids[:2:2], "up_zzzzzzzzzz")...); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		if _, err := f.Size(t.Context(), id); errors.Is(err, blob.ErrNotFound) != (i < 2) {
			t.Errorf("%s: %v", id, err)
		}
	}
}
