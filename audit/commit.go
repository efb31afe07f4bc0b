package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	maxGroup      = 256 // submissions in one transaction
	commitTimeout = 30 * time.Second
)

// committer is the state that only the committing goroutine touches.
type committer struct {
	tree     *tree
	inFlight map[string]int64 // ids of open intents, with their indexes
	unsigned bool             // entries have followed the last checkpoint
	stale    bool             // the store answered an error: what it holds must be read again
	behind   bool             // another writer of a shared log was first
	attempt  *tree            // what the store holds if the failed batch was applied after all
	fatal    error            // the log is not the one that it was: nothing may be appended any more
}

// submission is what one caller wants to be committed together.
type submission struct {
	drafts  []draft
	durable bool
	erase   *Person
	erased  int // written before the answer

	claimed atomic.Bool
	answer  chan error
}

func newSubmission(durable bool, drafts ...draft) *submission {
	return &submission{drafts: drafts, durable: durable, answer: make(chan error, 1)}
}

// claim decides the race between a caller that gives up and the committer: the
// first one owns the submission.
func (s *submission) claim() bool { return s.claimed.CompareAndSwap(false, true) }

func (l *Log) run(ctx context.Context) {
	defer close(l.done)
	due := time.NewTimer(SignInterval)
	defer due.Stop()
	armed := true
	var beat <-chan time.Time // never, where there is no other writer
	if l.shared() {
		ticker := time.NewTicker(l.beat)
		defer ticker.Stop()
		beat = ticker.C
	}
	for {
		select {
		case s := <-l.queue:
			l.commitFrom(ctx, s)
		case <-due.C:
			armed = false
			if l.unsigned {
				l.signDue(ctx)
			}
		case <-beat:
			l.attend(ctx)
		case <-l.stop:
			l.closeErr = l.drain(ctx)
			if l.shared() {
				l.closeErr = errors.Join(l.closeErr, l.presence.Leave(ctx, l.writer))
			}
			return
		}
		// Armed by the first unsigned entry and not moved by later ones.
		switch {
		case l.unsigned && !armed:
			due.Reset(SignInterval)
			armed = true
		case !l.unsigned && armed:
			due.Stop()
			armed = false
		}
	}
}

func (l *Log) drain(ctx context.Context) error {
	for {
		select {
		case s := <-l.queue:
			l.commitFrom(ctx, s)
			continue
		default:
		}
		break
	}
	if n := len(l.inFlight); n > 0 {
		l.logger.WarnContext(ctx, "audit log closed with calls in flight", "open", n)
	}
	if !l.unsigned && !l.stale {
		return nil
	}
	return l.sign(ctx)
}

// commitFrom commits first and what else waits, in the order of arrival.
func (l *Log) commitFrom(ctx context.Context, first *submission) {
	var group []*submission
	for s := first; s != nil; s = l.waiting(group) {
		switch {
		case !s.claim(): // its caller has given up
		case s.erase != nil:
			l.commitGroup(ctx, group)
			group = nil
			l.commitErase(ctx, s)
		default:
			group = append(group, s)
		}
	}
	l.commitGroup(ctx, group)
}

// waiting returns the next submission of the queue if there is one and the group has room.
func (l *Log) waiting(group []*submission) *submission {
	if len(group) >= maxGroup {
		return nil
	}
	select {
	case s := <-l.queue:
		return s
	default:
		return nil
	}
}

func (l *Log) commitGroup(ctx context.Context, group []*submission) {
	if len(group) == 0 {
		return
	}
	err := l.append(ctx, func(ctx context.Context) error {
		p, durable := l.plan(), false
		group = slices.DeleteFunc(group, func(s *submission) bool {
			err := p.add(s.drafts)
			if err != nil {
				s.answer <- err
			}
			durable = durable || (err == nil && s.durable)
			return err != nil
		})
		if len(group) == 0 {
			return nil
		}
		return l.apply(ctx, p, durable)
	})
	answerAll(group, err)
}

// append calls try until no other writer comes first. That ends: whoever was first
// has got its own entries in.
func (l *Log) append(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	for {
		if err := l.refresh(ctx); err != nil {
			return err
		}
		if err := try(ctx); !l.behind || !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

// commitErase counts and deletes in two steps; nothing comes between, because the
// batch holds no other entry and fits no other log than the counted one.
func (l *Log) commitErase(ctx context.Context, s *submission) {
	s.answer <- l.append(ctx, func(ctx context.Context) error {
		held, err := l.store.Held(ctx, *s.erase)
		if err != nil {
			return fmt.Errorf("audit: erase: %w", err)
		}
		d, err := eventDraft(Event{Type: eventErase, Attributes: map[string]string{attrEntries: strconv.Itoa(held)}}, l.now())
		if err != nil {
			return err
		}
		p := l.plan()
		if err := p.add([]draft{d}); err != nil {
			return err
		}
		p.batch.Erase = s.erase
		if err := l.apply(ctx, p, true); err != nil {
			return err
		}
		s.erased = held
		return nil
	})
}

func answerAll(group []*submission, err error) {
	for _, s := range group {
		s.answer <- err
	}
}

// plan is a batch in the making, and the state that holds once it is applied.
type plan struct {
	batch    Batch
	tree     *tree
	inFlight map[string]int64 // before the batch
	opened   map[string]int64
	closed   map[string]int64
}

func (l *Log) plan() *plan {
	return &plan{
		batch: Batch{Start: l.tree.size}, tree: l.tree.clone(), inFlight: l.inFlight,
		opened: map[string]int64{}, closed: map[string]int64{},
	}
}

// add puts all drafts of one submission into the batch or, with an error, none.
func (p *plan) add(drafts []draft) error {
	if err := p.admit(drafts); err != nil {
		return err
	}
	for _, d := range drafts {
		index := p.tree.size
		hashes, err := p.tree.append(leafHash(d.record))
		if err != nil {
			return err
		}
		p.batch.Hashes = append(p.batch.Hashes, hashes...)
		p.batch.Entries = append(p.batch.Entries, Entry{Index: index, Record: d.record, Personal: d.personal})
		switch d.kind {
		case KindIntent:
			p.opened[d.id] = index
		case KindOutcome:
			if opened, here := p.opened[d.id]; here {
				delete(p.opened, d.id)
				p.closed[d.id] = opened
			} else {
				p.closed[d.id] = p.inFlight[d.id]
			}
		case KindEvent:
		}
	}
	return nil
}

// admit holds the rule of one intent and one outcome for each call.
func (p *plan) admit(drafts []draft) error {
	own := ""
	for _, d := range drafts {
		_, before := p.inFlight[d.id]
		_, here := p.opened[d.id]
		_, closed := p.closed[d.id]
		switch d.kind {
		case KindIntent:
			if before || here || closed {
				return fmt.Errorf("%w: intent %s is recorded already", ErrInvalid, d.id)
			}
			own = d.id
		case KindOutcome:
			if closed || (!before && !here && own != d.id) {
				return fmt.Errorf("%w: outcome %s without an open intent", ErrInvalid, d.id)
			}
		case KindEvent:
		}
	}
	return nil
}

// apply appends the batch, signed if it is durable: a checkpoint may leave the
// machine, so it never covers an entry that a power cut could take back.
func (l *Log) apply(ctx context.Context, p *plan, durable bool) error {
	p.tree.prune()
	p.batch.Durable, p.batch.Writer = durable, l.writer
	if durable {
		signed, err := signCheckpoint(l.origin, p.tree, l.signer)
		if err != nil {
			return err
		}
		p.batch.Checkpoint = signed
	}
	p.batch.Opened = slices.Sorted(maps.Values(p.opened))
	for id, index := range p.closed {
		if _, before := p.inFlight[id]; before {
			p.batch.Closed = append(p.batch.Closed, index)
		}
	}
	slices.Sort(p.batch.Closed)
	err := l.store.Append(ctx, p.batch)
	if l.shared() && errors.Is(err, ErrConflict) { // nothing was applied
		l.behind = true
		return err //nolint:wrapcheck // ours
	}
	if err != nil {
		l.stale, l.attempt = true, p.tree
		l.logger.ErrorContext(ctx, "audit append failed", "error", err)
		return fmt.Errorf("audit: append: %w", err)
	}
	maps.Copy(l.inFlight, p.opened)
	for id := range p.closed {
		delete(l.inFlight, id)
	}
	l.tree = p.tree
	l.unsigned = !durable
	return nil
}

func (l *Log) sign(ctx context.Context) error {
	return l.append(ctx, func(ctx context.Context) error { return l.apply(ctx, l.plan(), true) })
}

func (l *Log) signDue(ctx context.Context) {
	if err := l.sign(ctx); err != nil {
		l.logger.ErrorContext(ctx, "audit checkpoint is late", "error", err)
	}
}
