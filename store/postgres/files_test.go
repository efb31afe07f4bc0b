package postgres_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"m365mcp/blob"
	"m365mcp/identity"
	"m365mcp/internal/seal"
)

// meter notes how much memory is in use while the largest file that is taken flows.
type meter struct {
	n, sample int64
	most      uint64
}

func (m *meter) Write(p []byte) (int, error) {
	if m.n += int64(len(p)); m.n >= m.sample {
		m.sample += 10e6
		runtime.GC()
		runtime.GC() // empties pools, of what was before
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		m.most = max(m.most, s.HeapAlloc)
	}
	return len(p), nil
}

func (m *meter) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i)
	}
	return m.Write(p)
}

// TestLargeFiles is not parallel: it looks at everybody's memory. What one replica
// took, another one gives out.
func TestLargeFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 300 MB")
	}
	db := open(t)
	keys, err := seal.ParseKeyring(seal.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	replica := func() *blob.Spool {
		s, err := blob.New(blob.Options{Files: db.Files(), Store: db.Blobs(), Keys: keys, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	a, b := replica(), replica()
	ann := identity.Principal{TenantID: "tenant", UserID: "ann", GrantID: "g"}
	in := new(meter)
	info, err := a.Create(t.Context(), ann, blob.NewID(), "film.mp4", "video/mp4", io.LimitReader(in, a.MaxSize()))
	if err != nil || info.Size != a.MaxSize() {
		t.Fatalf("%d bytes, %v", info.Size, err)
	}
	file, err := b.Open(t.Context(), ann, info.ID)
	if err != nil {
		t.Fatal(err)
	}
	out, sum := new(meter), sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), io.NewSectionReader(file, 0, file.Size()))
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != info.Digest {
		t.Errorf("digest %s, want %s", got, info.Digest)
	}
	for what, m := range map[string]*meter{"in": in, "out": out} {
		if m.most == 0 || m.most > 8<<20 {
			t.Errorf("%s: %d KB in use", what, m.most>>10)
		}
	}
	if err := b.Delete(t.Context(), ann, info.ID); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM blob_chunks").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d chunks are left, %v", left, err)
	}
}
