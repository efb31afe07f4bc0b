package sqlite_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m365mcp/audit"
	"m365mcp/store/sqlite"
	"m365mcp/store/storetest"
)

func openAudit(t *testing.T) (audit.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data", "audit.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db.Audit(), path
}

func TestAudit(t *testing.T) {
	t.Parallel()
	storetest.Audit(t, func(t *testing.T) audit.Store {
		t.Helper()
		s, _ := openAudit(t)
		return s
	})
}

// Erased text must not stay in free pages or in the write-ahead log.
func TestAuditEraseLeavesNoTrace(t *testing.T) {
	t.Parallel()
	s, path := openAudit(t)
	person := audit.Person{TenantID: "tenant-5d1e", UserID: "user-77c2"}
	canary := []byte("canary-93ab")
	b := audit.Batch{Entries: []audit.Entry{{Record: []byte("r"), Personal: &audit.Personal{
		TenantID: person.TenantID, UserID: person.UserID, Values: bytes.Repeat(canary, 2000), // with overflow pages
	}}}}
	if err := s.Append(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if !onDisk(t, path, canary) || !onDisk(t, path, []byte(person.UserID)) {
		t.Fatal("the values are not on the disk to begin with")
	}
	if err := s.Append(t.Context(), audit.Batch{Start: 1, Erase: &person, Durable: true}); err != nil {
		t.Fatal(err)
	}
	if onDisk(t, path, canary) || onDisk(t, path, []byte(person.UserID)) {
		t.Error("erased values are still on the disk")
	}
}

// What moved from page to page before the erasure has left nothing behind either.
func TestErasedPagesLeaveNoTrace(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			s, path := openAudit(t)
			person := audit.Person{TenantID: "tenant-5d1e", UserID: "user-77c2"}
			next := int64(0)
			for range 60 {
				b := audit.Batch{Start: next}
				for range 1 + r.IntN(20) {
					p := &audit.Personal{TenantID: "tenant-5d1e", UserID: "other", Values: []byte(strings.Repeat("other-93ab", 1+r.IntN(300)))}
					if r.IntN(2) == 0 {
						p.UserID, p.Values = person.UserID, []byte(strings.Repeat("canary-93ab", 1+r.IntN(300)))
					}
					b.Entries = append(b.Entries, audit.Entry{Index: next, Record: []byte(strings.Repeat("r", 1+r.IntN(500))), Personal: p})
					next++
				}
				if err := s.Append(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Append(t.Context(), audit.Batch{Start: next, Erase: &person, Durable: true}); err != nil {
				t.Fatal(err)
			}
			if onDisk(t, path, []byte("canary-93ab")) || onDisk(t, path, []byte(person.UserID)) {
				t.Error("erased values are still on the disk")
			}
		})
	}
}

func onDisk(t *testing.T, path string, text []byte) bool {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, text) {
			return true
		}
	}
	return false
}

func TestAuditReadOnly(t *testing.T) {
	t.Parallel()
	s, path := openAudit(t)
	db, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	ro := db.Audit()
	if err := s.Append(t.Context(), audit.Batch{Entries: []audit.Entry{{Record: []byte("r")}}}); err != nil {
		t.Fatal(err)
	}
	if h, err := ro.Head(t.Context()); err != nil || h.Size != 1 {
		t.Errorf("Head beside the writer = %+v, %v", h, err)
	}
	if err := ro.Append(t.Context(), audit.Batch{Start: 1, Durable: true}); err == nil {
		t.Error("Append on a read-only store succeeded")
	}
}
