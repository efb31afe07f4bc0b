package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365mcp/handle"
	"m365mcp/store/sqlite"
	"m365mcp/store/storetest"
)

func openHandles(t *testing.T) (handle.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "handles.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db.Handles(), path
}

func TestHandles(t *testing.T) {
	t.Parallel()
	storetest.Handles(t, func(t *testing.T) handle.Store {
		t.Helper()
		s, _ := openHandles(t)
		return s
	})
}

func TestHandlesOfADeletedPersonLeaveNoTrace(t *testing.T) {
	t.Parallel()
	s, path := openHandles(t)
	person := handle.Person{TenantID: "tenant-5d1e", UserID: "user-77c2"}
	canary := "canary-93ab" + strings.Repeat("x", 150)
	now := time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)
	items := []handle.Item{{Kind: handle.KindMail, GraphID: canary, Names: []string{"m_a"}}}
	if _, err := s.Remember(t.Context(), person, items, now, now); err != nil {
		t.Fatal(err)
	}
	if !onDisk(t, path, []byte(canary)) || !onDisk(t, path, []byte(person.UserID)) {
		t.Fatal("the rows are not on the disk to begin with")
	}
	if err := s.DeletePerson(t.Context(), person); err != nil {
		t.Fatal(err)
	}
	if onDisk(t, path, []byte(canary)) || onDisk(t, path, []byte(person.UserID)) {
		t.Error("deleted ids are still on the disk")
	}
}

// A page that is known is read without the writer: a read-only store can do it.
func TestKnownHandlesNeedNoWrite(t *testing.T) {
	t.Parallel()
	s, path := openHandles(t)
	person := handle.Person{TenantID: "t", UserID: "u"}
	now := time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)
	items := []handle.Item{{Kind: handle.KindMail, GraphID: "A", Names: []string{"m_a"}}}
	if _, err := s.Remember(t.Context(), person, items, now, now); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	ro := db.Handles()
	if names, err := ro.Remember(t.Context(), person, items, now, now); err != nil || len(names) != 1 || names[0] != "m_a" {
		t.Errorf("Remember what is known = %q, %v", names, err)
	}
	if _, err := ro.Remember(t.Context(), person, items, now, now.Add(time.Millisecond)); err == nil {
		t.Error("a stale use was not written")
	}
}
