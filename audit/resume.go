package audit

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// pageSize bounds the entries that are in memory at once while reading the log.
const pageSize = 512

func leafHash(record []byte) tlog.Hash { return tlog.RecordHash(record) }

// refresh reads the store again after it answered an error, because the batch
// may have been applied in spite of it, and after another writer was first.
func (l *Log) refresh(ctx context.Context) error {
	switch {
	case l.fatal != nil:
		return l.fatal
	case l.stale:
		_, err := l.resume(ctx)
		return err
	case l.behind:
		t, err := l.follow(ctx)
		if err != nil {
			return err
		}
		l.tree, l.behind = t, false
	}
	return nil
}

// resume derives the tree from the signed checkpoint and the entries after it,
// never from stored state that nothing vouches for, and closes intents that
// nobody waits for. It ends with a checkpoint by the present key.
func (l *Log) resume(ctx context.Context) (orphans int, err error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	for {
		t, err := l.stored(ctx)
		if err != nil {
			return 0, err
		}
		l.tree = t
		if orphans, err = l.closeOrphans(ctx); !l.behind || !errors.Is(err, ErrConflict) {
			return orphans, err
		}
	}
}

// stored returns the tree as it is in the store.
func (l *Log) stored(ctx context.Context) (*tree, error) {
	if l.shared() && l.tree != nil {
		return l.follow(ctx)
	}
	head, err := l.store.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("audit: open: %w", err)
	}
	t := newTree()
	switch {
	case head.Checkpoint != nil:
		if t, err = l.signedTree(ctx, head); err != nil {
			return nil, err
		}
	case head.Size != 0 || head.Hashes != 0:
		// The first thing ever stored is a checkpoint of the empty log.
		return nil, fmt.Errorf("%w: %d entries and no checkpoint", ErrInconsistent, head.Size)
	}
	if err := replay(ctx, l.store, t, head, nil); err != nil {
		return nil, err
	}
	return t, l.ownTree(t)
}

// closeOrphans records the end of open intents that nobody waits for: this writer
// knows nothing of them, or theirs is dead.
func (l *Log) closeOrphans(ctx context.Context) (int, error) {
	open, err := l.store.Open(ctx)
	if err != nil {
		return 0, fmt.Errorf("audit: open intents: %w", err)
	}
	dead, err := l.dead(ctx, open)
	if err != nil {
		return 0, err
	}
	mine, inStore := map[string]int64{}, map[string]int64{}
	var lost []draft
	for _, e := range open {
		if e.Writer != l.writer && !dead(e.Writer) {
			continue
		}
		r, err := decodeRecord(e.Record)
		if err != nil || r.Kind != KindIntent {
			return 0, fmt.Errorf("%w: entry %d is not the intent that it was", ErrInconsistent, e.Index)
		}
		inStore[r.ID] = e.Index
		if _, waits := l.inFlight[r.ID]; waits {
			mine[r.ID] = e.Index
			continue
		}
		d, err := outcomeDraft(Outcome{ID: r.ID, Status: StatusUnknown, Code: CodeInterrupted}, l.now())
		if err != nil {
			return 0, err
		}
		lost = append(lost, d)
	}
	before := l.inFlight
	l.inFlight, l.stale, l.behind = mine, false, false
	p := l.plan()
	p.inFlight = inStore
	if err := p.add(lost); err != nil {
		return 0, err
	}
	if err := l.apply(ctx, p, true); err != nil {
		l.inFlight = before // so that the next attempt finds the same ones lost
		return 0, err
	}
	if len(lost) > 0 {
		l.logger.WarnContext(ctx, "closed interrupted calls as unknown", "calls", len(lost))
	}
	return len(lost), nil
}

// ownTree holds a running log to what it knows: the store has the tree from
// before the failed batch or from after it. Anything else was written by another.
func (l *Log) ownTree(t *tree) error {
	if l.tree == nil {
		return nil
	}
	root, err := t.root()
	if err != nil {
		return err
	}
	for _, known := range []*tree{l.tree, l.attempt} {
		if h, err := known.root(); err == nil && known.size == t.size && h == root {
			return nil
		}
	}
	l.fatal = ErrConflict
	return l.fatal
}

// latest returns the signed checkpoint of the head.
func (l *Log) latest(head Head) (*Checkpoint, error) {
	c, err := ParseCheckpoint(head.Checkpoint, l.verifiers)
	if err != nil {
		return nil, fmt.Errorf("%w: is it signed by another key? %w", ErrInconsistent, err)
	}
	if c.Origin != l.origin {
		return nil, fmt.Errorf("%w: it is the checkpoint of %q, this is %q", ErrInconsistent, c.Origin, l.origin)
	}
	if head.Size < c.Size {
		return nil, cut(c.Size, head.Size)
	}
	return c, nil
}

func cut(from, to int64) error {
	return fmt.Errorf("%w: it was cut from %d entries or more to %d", ErrInconsistent, from, to)
}

// signedTree loads the edge of the tree at the last checkpoint and checks it
// against the signed root.
func (l *Log) signedTree(ctx context.Context, head Head) (*tree, error) {
	c, err := l.latest(head)
	if err != nil {
		return nil, err
	}
	t := &tree{size: c.Size, hashes: map[int64]tlog.Hash{}}
	for _, index := range edgeIndexes(c.Size) {
		stored, err := l.store.Hashes(ctx, index, index+1)
		if err != nil {
			return nil, fmt.Errorf("audit: open: %w", err)
		}
		h, ok := stored[index]
		if !ok {
			return nil, fmt.Errorf("%w: hash %d is missing", ErrInconsistent, index)
		}
		t.hashes[index] = h
	}
	return t, t.fits(c)
}

// fits holds a tree to a checkpoint of its size.
func (t *tree) fits(c *Checkpoint) error {
	root, err := t.root()
	if err != nil {
		return err
	}
	if root != c.Root {
		return fmt.Errorf("%w: the first %d entries have root %s, signed was %s", ErrInconsistent, c.Size, root, c.Root)
	}
	return nil
}

// replay appends the stored entries after the checkpoint to the tree: they are
// the traffic of at most [SignInterval], so their number is small.
// appended, if any, sees each entry once it is in the tree.
func replay(ctx context.Context, store Store, t *tree, head Head, appended func(Entry) error) error {
	for t.size < head.Size {
		entries, err := store.Entries(ctx, t.size, pageSize)
		if err != nil {
			return fmt.Errorf("audit: open: %w", err)
		}
		if len(entries) == 0 {
			return fmt.Errorf("%w: entry %d is missing", ErrInconsistent, t.size)
		}
		for _, e := range entries {
			if e.Index >= head.Size {
				break
			}
			if err := replayEntry(ctx, store, t, e); err != nil {
				return err
			}
			if appended == nil {
				continue
			}
			if err := appended(e); err != nil {
				return err
			}
		}
		t.prune()
	}
	if want := tlog.StoredHashCount(t.size); head.Hashes != want {
		return fmt.Errorf("%w: %d hashes for %d entries, want %d", ErrInconsistent, head.Hashes, t.size, want)
	}
	return nil
}

func replayEntry(ctx context.Context, store Store, t *tree, e Entry) error {
	if e.Index != t.size {
		return fmt.Errorf("%w: entry %d is missing", ErrInconsistent, t.size)
	}
	first := tlog.StoredHashCount(t.size)
	want, err := t.append(leafHash(e.Record))
	if err != nil {
		return err
	}
	stored, err := store.Hashes(ctx, first, first+int64(len(want)))
	if err != nil {
		return fmt.Errorf("audit: open: %w", err)
	}
	for i, h := range want {
		if stored[first+int64(i)] != h {
			return fmt.Errorf("%w: the hashes of entry %d do not fit it", ErrInconsistent, e.Index)
		}
	}
	return nil
}
