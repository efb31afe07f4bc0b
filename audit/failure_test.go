package audit_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"m365mcp/audit"
)

var errDisk = errors.New("disk trouble")

// flaky fails its appends, before or after it has applied them.
type flaky struct {
	audit.Store
	before, after atomic.Bool
}

func (f *flaky) Append(ctx context.Context, b audit.Batch) error {
	if f.before.Load() {
		return errDisk
	}
	err := f.Store.Append(ctx, b)
	if err == nil && f.after.Load() {
		return errDisk
	}
	return err
}

func TestStoreFailureRefusesAndRecovers(t *testing.T) {
	t.Parallel()
	store := &flaky{Store: openDB(t, tempPath(t)).Audit()}
	l := openLog(t, store)
	ctx := t.Context()
	live := newID()
	must(t, l.Intent(ctx, write(live)))

	store.before.Store(true)
	if err := l.Intent(ctx, write(newID())); !errors.Is(err, errDisk) {
		t.Errorf("Intent = %v, want the store's error", err)
	}
	if err := l.Outcome(ctx, ok(live)); !errors.Is(err, errDisk) {
		t.Errorf("Outcome = %v, want the store's error", err)
	}
	store.before.Store(false)
	must(t, l.Outcome(ctx, ok(live))) // tried again; recovery has left calls in flight alone
	if r := verify(t, store, nil); !r.OK || r.Entries != 2 || r.Open != 0 {
		t.Errorf("verify: %+v", r)
	}
}

// An append may take effect although the store answers an error. The caller
// refuses its call then, so the intent is closed as unknown.
func TestStoreFailureAfterCommit(t *testing.T) {
	t.Parallel()
	store := &flaky{Store: openDB(t, tempPath(t)).Audit()}
	l := openLog(t, store)
	ctx := t.Context()
	live, refused := newID(), newID()
	must(t, l.Intent(ctx, write(live)))
	store.after.Store(true)
	if err := l.Intent(ctx, write(refused)); !errors.Is(err, errDisk) {
		t.Errorf("Intent = %v, want the store's error", err)
	}
	store.after.Store(false)
	must(t, l.Outcome(ctx, ok(live)))
	lines := tail(t, store)
	if len(lines) != 4 {
		t.Fatalf("%d lines, want 4", len(lines))
	}
	if got := lines[2]; got.ID != refused || got.Status != audit.StatusUnknown || got.Code != audit.CodeInterrupted {
		t.Errorf("the refused call ended as %+v", got)
	}
	if r := verify(t, store, nil); !r.OK || r.Open != 0 {
		t.Errorf("verify: %+v", r)
	}
}

// Recovery itself may fail; what it could not close stays to be closed.
func TestRecoveryIsRepeated(t *testing.T) {
	t.Parallel()
	store := &flaky{Store: openDB(t, tempPath(t)).Audit()}
	l := openLog(t, store)
	ctx := t.Context()
	refused := newID()
	store.after.Store(true)
	if err := l.Intent(ctx, read(refused)); err == nil {
		t.Error("Intent succeeded")
	}
	store.after.Store(false)
	store.before.Store(true)
	if err := l.Intent(ctx, read(newID())); !errors.Is(err, errDisk) {
		t.Errorf("Intent = %v, want the store's error", err)
	}
	store.before.Store(false)
	call(t, l, read(newID()))
	lines := tail(t, store)
	if len(lines) != 4 || lines[1].ID != refused || lines[1].Status != audit.StatusUnknown {
		t.Errorf("lines: %+v", lines)
	}
}

// Two servers on one file: the first one must stop, not fight for the log.
func TestSecondWriter(t *testing.T) {
	t.Parallel()
	store := openDB(t, tempPath(t)).Audit()
	first, err := tryLog(t, store)
	must(t, err)
	id := newID()
	must(t, first.Intent(t.Context(), write(id)))
	second := openLog(t, store)
	if second.Recovered() != 1 {
		t.Errorf("Recovered = %d, want 1", second.Recovered())
	}
	for range 2 { // and it stays so
		if err := first.Outcome(t.Context(), ok(id)); !errors.Is(err, audit.ErrConflict) {
			t.Errorf("Outcome of the first writer: %v, want ErrConflict", err)
		}
	}
	if err := first.Close(t.Context()); !errors.Is(err, audit.ErrConflict) {
		t.Errorf("Close of the first writer: %v, want ErrConflict", err)
	}
	call(t, second, write(newID()))
	if r := verify(t, store, nil); !r.OK {
		t.Errorf("verify: %+v", r)
	}
}

// blocking holds appends back until it is released.
type blocking struct {
	audit.Store
	entered chan struct{}
	release chan struct{}
}

func (b *blocking) Append(ctx context.Context, batch audit.Batch) error {
	if len(batch.Entries) > 0 {
		b.entered <- struct{}{}
		<-b.release
	}
	return b.Store.Append(ctx, batch)
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	store := &blocking{Store: openDB(t, tempPath(t)).Audit(), entered: make(chan struct{}), release: make(chan struct{})}
	l := openLog(t, store)
	taken, queued, hungUp := newID(), newID(), newID()
	ctx, cancel := context.WithCancel(t.Context())
	takenErr, queuedErr := make(chan error), make(chan error)
	go func() { takenErr <- l.Intent(ctx, read(taken)) }()
	<-store.entered
	go func() { queuedErr <- l.Intent(ctx, read(queued)) }()
	cancel()
	if err := <-queuedErr; !errors.Is(err, context.Canceled) {
		t.Errorf("the queued intent: %v, want context.Canceled", err)
	}
	store.release <- struct{}{}
	if err := <-takenErr; err != nil {
		t.Errorf("the taken intent: %v, want its commit", err)
	}

	// An outcome is recorded although its client hung up long ago.
	for name, record := range map[string]func() error{
		"Outcome": func() error { return l.Outcome(ctx, ok(taken)) },
		"Denied": func() error {
			return l.Denied(ctx, read(hungUp), audit.Outcome{ID: hungUp, Status: audit.StatusDenied})
		},
	} {
		go func() { takenErr <- record() }()
		select {
		case <-store.entered:
			store.release <- struct{}{}
			if err := <-takenErr; err != nil {
				t.Errorf("%s after the client hung up: %v", name, err)
			}
		case err := <-takenErr:
			t.Errorf("%s after the client hung up was given up: %v", name, err)
		}
	}
	for _, line := range tail(t, store) {
		if line.ID == queued {
			t.Errorf("the withdrawn intent is in the log: %+v", line)
		}
	}
}
