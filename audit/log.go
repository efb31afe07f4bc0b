package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// queueSize bounds the entries that wait for the committer; beyond it callers wait.
const queueSize = 1024

// Options are the parts of a [Log]. All but Origin are required.
type Options struct {
	Store     Store
	Signer    note.Signer
	Verifiers note.Verifiers // the signer's own key, and earlier ones after a change of keys
	Now       func() time.Time
	Logger    *slog.Logger
	Origin    string // first line of every checkpoint; the signer's name if empty

	// Presence makes the log a shared one: several processes append to it, each
	// under a Writer of its own, with the same signing key. Without it, another
	// writer is taken for an intruder.
	Presence Presence
	Writer   string
	Beat     time.Duration // how often a writer of a shared log says that it is alive; [BeatInterval] if zero
}

// A writer of a shared log that has been silent for SilentAfter is taken for dead:
// the calls that it left open are closed as unknown.
const (
	BeatInterval = 10 * time.Second
	SilentAfter  = time.Minute
)

// Log is a writer of a log: the only one, or one of several ([Options.Presence]). Its methods are safe for concurrent use.
type Log struct {
	store     Store
	signer    note.Signer
	verifiers note.Verifiers
	now       func() time.Time
	logger    *slog.Logger
	origin    string
	presence  Presence // nil: the only writer
	writer    string
	beat      time.Duration
	recovered int

	queue     chan *submission
	stop      chan struct{} // closed by Close
	stopOnce  sync.Once
	done      chan struct{} // closed when the committer has ended
	closeErr  error         // of the committer; read after done
	committer               // state of the committer's goroutine
}

// Open continues the log in the store, or begins one. It returns an error
// wrapping [ErrInconsistent] when entries below the last checkpoint are missing
// or the tree is another than the signed one. Intents that a crash left open are
// closed as unknown. The caller must Close the log.
func Open(ctx context.Context, o Options) (*Log, error) {
	if o.Store == nil || o.Signer == nil || o.Verifiers == nil || o.Now == nil || o.Logger == nil {
		return nil, errors.New("audit: open: an option is missing")
	}
	if (o.Presence == nil) != (o.Writer == "") {
		return nil, errors.New("audit: open: a shared log needs both Presence and Writer")
	}
	if o.Origin == "" {
		o.Origin = o.Signer.Name()
	}
	l := &Log{
		store: o.Store, signer: o.Signer, verifiers: o.Verifiers, now: o.Now, logger: o.Logger, origin: o.Origin,
		presence: o.Presence, writer: o.Writer, beat: cmp.Or(o.Beat, BeatInterval),
		queue: make(chan *submission, queueSize), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if l.shared() {
		if err := l.presence.Beat(ctx, l.writer); err != nil {
			return nil, fmt.Errorf("audit: open: %w", err)
		}
	}
	recovered, err := l.resume(ctx)
	if err != nil {
		return nil, err
	}
	l.recovered = recovered
	// The committer outlives the call that opened the log; Close ends it.
	go l.run(context.WithoutCancel(ctx))
	return l, nil
}

func (l *Log) shared() bool { return l.presence != nil }

// Recovered tells how many intents Open has closed as unknown.
func (l *Log) Recovered() int { return l.recovered }

// Intent records what is about to happen. The intent of a write is on the disk
// when it returns. On any error the caller must refuse the call: either nothing
// was recorded, or what the store kept in spite of its error is closed as unknown.
//
// A context that ends before the committer takes the entry withdraws it. From
// then on Intent waits for the commit, so that it never leaves the answer open.
func (l *Log) Intent(ctx context.Context, in Intent) error {
	d, err := intentDraft(in, l.now())
	if err != nil {
		return err
	}
	return l.submit(ctx, newSubmission(in.Effect == EffectWrite, d))
}

// Outcome records how a call ended. It does so even when ctx has ended, since
// what happened must not depend on a client that hung up. After an error it may
// be tried again; an intent without outcome is closed as unknown by the next Open,
// or by another writer of a shared log. [ErrInvalid]: it has been, meanwhile.
func (l *Log) Outcome(ctx context.Context, out Outcome) error {
	d, err := outcomeDraft(out, l.now())
	if err != nil {
		return err
	}
	return l.submit(context.WithoutCancel(ctx), newSubmission(false, d))
}

// Denied records a refused call: intent and outcome in one append, even when ctx has ended.
func (l *Log) Denied(ctx context.Context, in Intent, out Outcome) error {
	if in.ID != out.ID {
		return fmt.Errorf("%w: intent %q with outcome of %q", ErrInvalid, in.ID, out.ID)
	}
	now := l.now()
	intent, err := intentDraft(in, now)
	if err != nil {
		return err
	}
	outcome, err := outcomeDraft(out, now)
	if err != nil {
		return err
	}
	// Not synced, for either effect: nothing is sent, and a flood of refused
	// calls should not become a flood of syncs.
	return l.submit(context.WithoutCancel(ctx), newSubmission(false, intent, outcome))
}

// Event records something outside calls, on the disk, even when ctx has ended.
func (l *Log) Event(ctx context.Context, ev Event) error {
	if strings.HasPrefix(ev.Type, reservedEvent) {
		return fmt.Errorf("%w: event type %q is reserved", ErrInvalid, ev.Type)
	}
	d, err := eventDraft(ev, l.now())
	if err != nil {
		return err
	}
	return l.submit(context.WithoutCancel(ctx), newSubmission(true, d))
}

// Erase deletes salts and values of all entries of a person and records that
// so many entries were erased, in one step. It returns their number. Every proof
// stays whole. Entries that follow hold personal values again.
func (l *Log) Erase(ctx context.Context, tenantID, userID string) (int, error) {
	if tenantID == "" || userID == "" {
		return 0, fmt.Errorf("%w: erase without tenant or user", ErrInvalid)
	}
	s := newSubmission(true)
	s.erase = &Person{TenantID: tenantID, UserID: userID}
	if err := l.submit(ctx, s); err != nil {
		return 0, err
	}
	return s.erased, nil
}

// Close commits what is queued, signs a last checkpoint and ends the committer.
// When ctx ends first, the committer still finishes by itself.
func (l *Log) Close(ctx context.Context) error {
	l.stopOnce.Do(func() { close(l.stop) })
	select {
	case <-l.done:
		return l.closeErr
	case <-ctx.Done():
		return fmt.Errorf("audit: close: %w", context.Cause(ctx))
	}
}

func (l *Log) submit(ctx context.Context, s *submission) error {
	select {
	case <-l.stop:
		return ErrClosed
	default:
	}
	select {
	case l.queue <- s:
	case <-l.done:
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("audit: not recorded: %w", context.Cause(ctx))
	}
	select {
	case err := <-s.answer:
		return err
	case <-ctx.Done():
		if s.claim() {
			return fmt.Errorf("audit: not recorded: %w", context.Cause(ctx))
		}
	case <-l.done:
		if s.claim() {
			return ErrClosed
		}
	}
	return <-s.answer // the committer has it, and answers what it takes
}
