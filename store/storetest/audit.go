// Package storetest holds one conformance suite for each store contract. A suite
// knows the contract only; every engine runs the same one.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"m365mcp/audit"
)

// Audit runs the contract of [audit.Store]; open returns an empty store.
func Audit(t *testing.T, open func(*testing.T) audit.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, audit.Store){
		"empty":              auditEmpty,
		"append":             auditAppend,
		"conflict":           auditConflict,
		"race":               auditRace,
		"all or nothing":     auditAtomic,
		"pages":              auditPages,
		"open intents":       auditOpen,
		"erase":              auditErase,
		"cancelled":          auditCancelled,
		"readers and writer": auditConcurrent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// batch makes n entries from start with hashes that no tree has; stores do not judge them.
func batch(start int64, n int) audit.Batch {
	b := audit.Batch{Start: start}
	for i := range int64(n) {
		b.Entries = append(b.Entries, audit.Entry{Index: start + i, Record: fmt.Appendf(nil, "record %d", start+i)})
	}
	for i := tlog.StoredHashCount(start); i < tlog.StoredHashCount(start+int64(n)); i++ {
		b.Hashes = append(b.Hashes, tlog.RecordHash(fmt.Appendf(nil, "hash %d", i)))
	}
	return b
}

func mustAppend(t *testing.T, s audit.Store, b audit.Batch) {
	t.Helper()
	if err := s.Append(t.Context(), b); err != nil {
		t.Fatalf("Append: %v", err)
	}
}

func head(t *testing.T, s audit.Store) audit.Head {
	t.Helper()
	h, err := s.Head(t.Context())
	if err != nil {
		t.Fatalf("Head: %v", err)
	}
	return h
}

func entries(t *testing.T, s audit.Store, from int64, limit int) []audit.Entry {
	t.Helper()
	e, err := s.Entries(t.Context(), from, limit)
	if err != nil {
		t.Fatalf("Entries: %v", err)
	}
	return e
}

func auditEmpty(t *testing.T, s audit.Store) {
	if h := head(t, s); h.Size != 0 || h.Hashes != 0 || h.Checkpoint != nil {
		t.Errorf("Head = %+v, want zero", h)
	}
	if e := entries(t, s, 0, 10); len(e) != 0 {
		t.Errorf("Entries = %v, want none", e)
	}
	hashes, err := s.Hashes(t.Context(), 0, 10)
	if err != nil || len(hashes) != 0 {
		t.Errorf("Hashes = %v, %v; want none", hashes, err)
	}
	open, err := s.Open(t.Context())
	if err != nil || len(open) != 0 {
		t.Errorf("Open = %v, %v; want none", open, err)
	}
}

func auditAppend(t *testing.T, s audit.Store) {
	first := batch(0, 3)
	first.Durable = true
	first.Checkpoint = []byte("first")
	first.Entries[1].Personal = &audit.Personal{TenantID: "t", UserID: "u", Values: []byte{0, 1, 0xff}}
	mustAppend(t, s, first)
	second := batch(3, 2)
	mustAppend(t, s, second)
	if diff := cmp.Diff(audit.Head{Size: 5, Hashes: tlog.StoredHashCount(5), Checkpoint: []byte("first")}, head(t, s)); diff != "" {
		t.Errorf("Head without a new checkpoint (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(append(first.Entries, second.Entries...), entries(t, s, 0, 10)); diff != "" {
		t.Errorf("Entries (-want +got):\n%s", diff)
	}
	all := append(first.Hashes, second.Hashes...)
	got, err := s.Hashes(t.Context(), 1, 6)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int64]tlog.Hash{}
	for i := int64(1); i < 6; i++ {
		want[i] = all[i]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Hashes (-want +got):\n%s", diff)
	}
	mustAppend(t, s, audit.Batch{Start: 5, Checkpoint: []byte("second"), Durable: true})
	if h := head(t, s); h.Size != 5 || string(h.Checkpoint) != "second" {
		t.Errorf("Head after a checkpoint alone = %+v", h)
	}
}

func auditConflict(t *testing.T, s audit.Store) {
	mustAppend(t, s, batch(0, 2))
	for _, start := range []int64{0, 1, 3} {
		b := batch(start, 1)
		b.Checkpoint = []byte("of a loser")
		if err := s.Append(t.Context(), b); !errors.Is(err, audit.ErrConflict) {
			t.Errorf("Append at %d of 2: %v, want ErrConflict", start, err)
		}
	}
	// An intent has one end: two writers must not both give it one.
	opening := batch(2, 1)
	opening.Opened, opening.Writer = []int64{2}, "a"
	mustAppend(t, s, opening)
	closing := batch(3, 1)
	closing.Closed = []int64{2}
	mustAppend(t, s, closing)
	again := batch(4, 1)
	again.Closed = []int64{2}
	if err := s.Append(t.Context(), again); !errors.Is(err, audit.ErrConflict) {
		t.Errorf("Append that closes a closed intent: %v, want ErrConflict", err)
	}
	if h := head(t, s); h.Size != 4 || h.Checkpoint != nil {
		t.Errorf("Head = %+v after conflicts", h)
	}
}

// auditRace: of several writers that append at the same place, one does.
func auditRace(t *testing.T, s audit.Store) {
	const writers, rounds = 4, 10
	for round := range int64(rounds) {
		var wg sync.WaitGroup
		var won atomic.Int64
		for range writers {
			wg.Go(func() {
				b := batch(2*round, 2)
				b.Durable = round%2 == 0
				switch err := s.Append(t.Context(), b); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, audit.ErrConflict):
					t.Errorf("Append: %v, want ErrConflict", err)
				}
			})
		}
		wg.Wait()
		if n := won.Load(); n != 1 {
			t.Fatalf("%d writers appended at %d", n, 2*round)
		}
	}
	if h := head(t, s); h.Size != 2*rounds || h.Hashes != tlog.StoredHashCount(2*rounds) {
		t.Errorf("Head = %+v", h)
	}
}

// AuditPresence runs the contract of [audit.Presence], for the engines that have several writers.
func AuditPresence(t *testing.T, open func(*testing.T) audit.Presence) {
	t.Helper()
	p, ctx := open(t), t.Context()
	silent := func(d time.Duration, writers ...string) []string {
		t.Helper()
		got, err := p.Silent(ctx, writers, d)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		return got
	}
	for _, writer := range []string{"a", "b", "a"} {
		if err := p.Beat(ctx, writer); err != nil {
			t.Fatal(err)
		}
	}
	if got := silent(time.Hour, "a", "b", "never"); !slices.Equal(got, []string{"never"}) {
		t.Errorf("silent for an hour: %v", got)
	}
	if got := silent(0, "a", "b"); !slices.Equal(got, []string{"a", "b"}) { // every beat is that long ago
		t.Errorf("silent for no time: %v", got)
	}
	if err := p.Leave(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if got := silent(time.Hour, "a", "b"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("silent after one has left: %v", got)
	}
	if got := silent(time.Hour); len(got) != 0 {
		t.Errorf("of nobody: %v", got)
	}
}

func auditAtomic(t *testing.T, s audit.Store) {
	b := batch(0, 2)
	b.Entries[1].Index = 0 // two entries with one index
	b.Opened, b.Checkpoint = []int64{0}, []byte("never")
	if err := s.Append(t.Context(), b); err == nil {
		t.Fatal("Append of a broken batch succeeded")
	}
	if h := head(t, s); h.Size != 0 || h.Hashes != 0 || h.Checkpoint != nil {
		t.Errorf("a failed batch left %+v", h)
	}
	mustAppend(t, s, batch(0, 1))
}

func auditPages(t *testing.T, s audit.Store) {
	const n = 700
	mustAppend(t, s, batch(0, n))
	next := int64(0)
	for {
		page := entries(t, s, next, 64)
		for _, e := range page {
			if e.Index != next || !bytes.Equal(e.Record, fmt.Appendf(nil, "record %d", next)) || e.Personal != nil {
				t.Fatalf("entry %+v, want index %d", e, next)
			}
			next++
		}
		if len(page) < 64 {
			break
		}
	}
	if next != n {
		t.Errorf("read %d entries, want %d", next, n)
	}
}

func auditOpen(t *testing.T, s audit.Store) {
	b := batch(0, 4)
	b.Opened, b.Writer = []int64{0, 2, 3}, "a"
	mustAppend(t, s, b)
	b = batch(4, 1)
	b.Opened, b.Writer = []int64{4}, "b"
	b.Closed = []int64{2}
	mustAppend(t, s, b)
	open, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := entries(t, s, 0, 10)
	all[0].Writer, all[3].Writer, all[4].Writer = "a", "a", "b"
	if diff := cmp.Diff([]audit.Entry{all[0], all[3], all[4]}, open); diff != "" {
		t.Errorf("Open (-want +got):\n%s", diff)
	}
}

func auditErase(t *testing.T, s audit.Store) {
	b := batch(0, 4)
	for i, key := range []audit.Person{{TenantID: "t1", UserID: "u"}, {TenantID: "t2", UserID: "u"}, {TenantID: "t1", UserID: "u"}, {TenantID: "t1", UserID: "v"}} {
		b.Entries[i].Personal = &audit.Personal{TenantID: key.TenantID, UserID: key.UserID, Values: []byte("{}")}
	}
	mustAppend(t, s, b)
	person := audit.Person{TenantID: "t1", UserID: "u"}
	held := func() int {
		n, err := s.Held(t.Context(), person)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := held(); n != 2 {
		t.Errorf("Held = %d, want 2", n)
	}
	b = batch(4, 1)
	b.Erase, b.Durable = &person, true
	b.Entries[0].Personal = &audit.Personal{TenantID: "t1", UserID: "u", Values: []byte("{}")} // of the batch itself: stays
	mustAppend(t, s, b)
	if n := held(); n != 1 {
		t.Errorf("Held = %d after erasing, want 1", n)
	}
	var kept []int64
	for _, e := range entries(t, s, 0, 10) {
		if e.Personal != nil {
			kept = append(kept, e.Index)
		}
	}
	if diff := cmp.Diff([]int64{1, 3, 4}, kept); diff != "" {
		t.Errorf("entries with personal values (-want +got):\n%s", diff)
	}
}

func auditCancelled(t *testing.T, s audit.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Append(ctx, batch(0, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %v, want context.Canceled", err)
	}
	if _, err := s.Head(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Head = %v, want context.Canceled", err)
	}
	mustAppend(t, s, batch(0, 1))
}

func auditConcurrent(t *testing.T, s audit.Store) {
	const batches, size = 40, 3
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for last := int64(0); ; {
				h, err := s.Head(t.Context())
				if err != nil || h.Size < last || h.Size%size != 0 || h.Hashes != tlog.StoredHashCount(h.Size) {
					t.Errorf("Head = %+v, %v after size %d: not a moment of the log", h, err, last)
					return
				}
				last = h.Size
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range int64(batches) {
		mustAppend(t, s, batch(i*size, size))
	}
	close(done)
	readers.Wait()
}
