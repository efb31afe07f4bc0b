package audit_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"m365mcp/audit"
)

// attendance says what a test wants to be true of the writers.
type attendance struct {
	mu     sync.Mutex
	silent []string
}

func (a *attendance) Beat(context.Context, string) error { return nil }

func (a *attendance) Leave(_ context.Context, writer string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.silent = append(a.silent, writer)
	return nil
}

func (a *attendance) Silent(_ context.Context, writers []string, d time.Duration) ([]string, error) {
	if d != audit.SilentAfter {
		return nil, errors.New("asked for another silence")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(writers), func(w string) bool { return !slices.Contains(a.silent, w) }), nil
}

func (a *attendance) falls(silent ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.silent = silent
}

// join opens one more writer of the shared log.
func join(t testing.TB, store audit.Store, presence audit.Presence, writer string) *audit.Log {
	t.Helper()
	signer, verifiers := keys(t)
	l, err := audit.Open(context.Background(), audit.Options{
		Store: store, Signer: signer, Verifiers: verifiers,
		Now: func() time.Time { return start }, Logger: slog.New(slog.DiscardHandler),
		Presence: presence, Writer: writer, Beat: time.Millisecond,
	})
	must(t, err)
	return l
}

func TestWritersShareOneLog(t *testing.T) {
	t.Parallel()
	store, present := openDB(t, tempPath(t)).Audit(), &attendance{}
	logs := []*audit.Log{join(t, store, present, "a"), join(t, store, present, "b"), join(t, store, present, "c")}
	const callers, calls = 4, 15
	var wg sync.WaitGroup
	for _, l := range logs {
		for range callers {
			wg.Go(func() {
				for i := range calls {
					in := read(newID())
					if i%2 == 0 {
						in = write(newID())
					}
					if err := errors.Join(l.Intent(t.Context(), in), l.Outcome(t.Context(), ok(in.ID))); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	for _, l := range logs {
		closeLog(t, l)
	}
	want := len(logs) * callers * calls * 2
	if r := verify(t, store, nil); !r.OK || r.Open != 0 || r.Entries != int64(want) {
		t.Errorf("verify: %+v, want %d entries", r, want)
	}
	for _, line := range tail(t, store) {
		if line.Status == audit.StatusUnknown {
			t.Errorf("a call of a living writer was closed: %+v", line)
		}
	}
}

func TestDeadWritersCallsAreClosed(t *testing.T) {
	t.Parallel()
	store, present := openDB(t, tempPath(t)).Audit(), &attendance{}
	a, b := join(t, store, present, "a"), join(t, store, present, "b")
	lost, own := newID(), newID()
	must(t, a.Intent(t.Context(), write(lost)))
	must(t, b.Intent(t.Context(), write(own)))
	c := join(t, store, present, "c")
	if c.Recovered() != 0 {
		t.Errorf("a new writer closed %d calls of living ones", c.Recovered())
	}
	present.falls("a")
	waitFor(t, func() bool { open, err := store.Open(t.Context()); return err == nil && len(open) == 1 })
	// It was only slow: its call has an end in the log, and gets no second one.
	if err := a.Outcome(t.Context(), ok(lost)); !errors.Is(err, audit.ErrInvalid) {
		t.Errorf("Outcome after the call was closed: %v, want ErrInvalid", err)
	}
	present.falls()
	call(t, a, write(newID())) // and it goes on
	must(t, b.Outcome(t.Context(), ok(own)))
	for _, l := range []*audit.Log{a, b, c} {
		closeLog(t, l)
	}
	if r := verify(t, store, nil); !r.OK || r.Open != 0 || r.Entries != 6 {
		t.Errorf("verify: %+v", r)
	}
	ends := map[string][]audit.Status{}
	for _, line := range tail(t, store) {
		if line.Kind == audit.KindOutcome {
			ends[line.ID] = append(ends[line.ID], line.Status)
		}
	}
	if got := ends[lost]; !slices.Equal(got, []audit.Status{audit.StatusUnknown}) {
		t.Errorf("the lost call ended as %v", got)
	}
	if got := ends[own]; !slices.Equal(got, []audit.Status{audit.StatusOK}) {
		t.Errorf("the other one as %v", got)
	}
}

// Whoever holds the signing key can rebuild the log from an old copy. A writer that
// has seen what is missing now does not go along.
func TestRebuiltLogIsRefusedByItsWriters(t *testing.T) {
	t.Parallel()
	present := &attendance{}
	db := openDB(t, tempPath(t))
	l := join(t, db.Audit(), present, "a")
	for range 3 {
		call(t, l, write(newID()))
	}
	rebuilt := openDB(t, filepath.Join(t.TempDir(), "data", "other.db")).Audit()
	other := join(t, rebuilt, present, "b")
	for range 5 {
		call(t, other, write(newID()))
	}
	closeLog(t, other)
	swapped := &swap{Store: db.Audit()}
	l2 := join(t, swapped, present, "c")
	call(t, l2, read(newID()))
	swapped.to(rebuilt)
	for range 2 { // and it stays so
		if err := l2.Intent(t.Context(), write(newID())); !errors.Is(err, audit.ErrInconsistent) {
			t.Errorf("Intent on the rebuilt log: %v, want ErrInconsistent", err)
		}
	}
	if err := l2.Close(t.Context()); !errors.Is(err, audit.ErrInconsistent) {
		t.Errorf("Close: %v", err)
	}
	closeLog(t, l)
}

// swap is a store whose database was replaced under it.
type swap struct {
	audit.Store
	mu  sync.Mutex
	now audit.Store
}

func (s *swap) to(other audit.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = other
}

func (s *swap) store() audit.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != nil {
		return s.now
	}
	return s.Store
}

func (s *swap) Append(ctx context.Context, b audit.Batch) error { return s.store().Append(ctx, b) }
func (s *swap) Head(ctx context.Context) (audit.Head, error)    { return s.store().Head(ctx) }
func (s *swap) Entries(ctx context.Context, from int64, limit int) ([]audit.Entry, error) {
	return s.store().Entries(ctx, from, limit)
}

func TestSharedLogAfterAnAmbiguousAppend(t *testing.T) {
	t.Parallel()
	present := &attendance{}
	db := openDB(t, tempPath(t))
	store := &flaky{Store: db.Audit()}
	l, other := join(t, store, present, "a"), join(t, db.Audit(), present, "b")
	live, refused := newID(), newID()
	must(t, l.Intent(t.Context(), write(live)))
	store.after.Store(true)
	if err := l.Intent(t.Context(), write(refused)); !errors.Is(err, errDisk) {
		t.Errorf("Intent = %v, want the store's error", err)
	}
	call(t, other, write(newID()))
	store.after.Store(false)
	must(t, l.Outcome(t.Context(), ok(live)))
	closeLog(t, l)
	closeLog(t, other)
	if r := verify(t, store, nil); !r.OK || r.Open != 0 || r.Entries != 6 {
		t.Errorf("verify: %+v", r)
	}
	for _, line := range tail(t, store) {
		if line.ID == refused && line.Kind == audit.KindOutcome && line.Status != audit.StatusUnknown {
			t.Errorf("the refused call ended as %+v", line)
		}
	}
}

func TestErasingCountsWhatOthersWrote(t *testing.T) {
	t.Parallel()
	store, present := openDB(t, tempPath(t)).Audit(), &attendance{}
	a, b := join(t, store, present, "a"), join(t, store, present, "b")
	call(t, a, read(newID()))
	call(t, b, read(newID()))
	n, err := a.Erase(t.Context(), alice.TenantID, alice.UserID)
	if must(t, err); n != 2 {
		t.Errorf("Erase = %d, want 2: one intent of each writer", n)
	}
	closeLog(t, a)
	closeLog(t, b)
	if r := verify(t, store, nil); !r.OK {
		t.Errorf("verify: %+v", r)
	}
}

func TestSharedLogNeedsItsWritersName(t *testing.T) {
	t.Parallel()
	signer, verifiers := keys(t)
	_, err := audit.Open(t.Context(), audit.Options{
		Store: openDB(t, tempPath(t)).Audit(), Signer: signer, Verifiers: verifiers,
		Now: time.Now, Logger: slog.New(slog.DiscardHandler), Presence: &attendance{},
	})
	if err == nil {
		t.Error("opened")
	}
}

// waitFor gives another goroutine's ticker its turns.
func waitFor(t testing.TB, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal("it did not happen")
		case <-time.After(time.Millisecond):
		}
	}
}
