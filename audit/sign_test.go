package audit_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"m365mcp/audit"
)

// memory is a store without files, which a synctest bubble cannot wait for.
type memory struct {
	batches []audit.Batch
	head    audit.Head
}

func (m *memory) Append(_ context.Context, b audit.Batch) error {
	if b.Start != m.head.Size {
		return audit.ErrConflict
	}
	m.batches = append(m.batches, b)
	m.head.Size += int64(len(b.Entries))
	m.head.Hashes = tlog.StoredHashCount(m.head.Size)
	if b.Checkpoint != nil {
		m.head.Checkpoint = b.Checkpoint
	}
	return nil
}

func (m *memory) Head(context.Context) (audit.Head, error) { return m.head, nil }

func (*memory) Entries(context.Context, int64, int) ([]audit.Entry, error) { return nil, nil }

func (*memory) Hashes(context.Context, int64, int64) (map[int64]tlog.Hash, error) { return nil, nil }

func (*memory) Open(context.Context) ([]audit.Entry, error)     { return nil, nil }
func (*memory) Held(context.Context, audit.Person) (int, error) { return 0, nil }
func (m *memory) signedSize(t *testing.T) int64                 { t.Helper(); return checkpoint(t, m).Size }

func TestSigningRule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		l := openLog(t, store)
		if len(store.batches) != 1 || store.signedSize(t) != 0 {
			t.Fatal("a new log does not begin with the checkpoint of the empty tree")
		}
		time.Sleep(5 * time.Second)
		if len(store.batches) != 1 {
			t.Error("an idle log was signed again")
		}

		call(t, l, read(newID()))
		if store.signedSize(t) != 0 {
			t.Error("a buffered entry was signed, though a power cut may take it back")
		}
		time.Sleep(audit.SignInterval / 2)
		call(t, l, read(newID())) // later entries do not put off the signature
		time.Sleep(audit.SignInterval/2 + time.Millisecond)
		synctest.Wait()
		if got := store.signedSize(t); got != 4 {
			t.Errorf("one interval after the first entry %d of 4 are signed", got)
		}

		must(t, l.Intent(t.Context(), write(newID())))
		if got := store.signedSize(t); got != 5 {
			t.Errorf("after a durable entry %d of 5 are signed", got)
		}
		must(t, l.Event(t.Context(), audit.Event{Type: "server.start"}))
		if got := store.signedSize(t); got != 6 {
			t.Errorf("after an event %d of 6 are signed", got)
		}

		must(t, l.Intent(t.Context(), read(newID())))
		closeLog(t, l)
		if got := store.signedSize(t); got != 7 {
			t.Errorf("after Close %d of 7 are signed", got)
		}
		for i, b := range store.batches {
			if (b.Checkpoint != nil) != b.Durable {
				t.Errorf("batch %d: signed %t, durable %t", i, b.Checkpoint != nil, b.Durable)
			}
		}
	})
}
