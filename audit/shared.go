package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// A shared log has several writers and no leader. Each keeps the tree that it has
// seen itself; where another was first ([ErrConflict]), it reads what came after
// its own tree and tries again. So every writer checks the others: a log that does
// not continue what one of them has seen is refused by it, whoever signed it.

// follow returns the tree with what others have appended since to the one that
// this writer knows, held to the latest checkpoint.
func (l *Log) follow(ctx context.Context) (*tree, error) {
	t, err := l.followed(ctx)
	if errors.Is(err, ErrInconsistent) {
		l.fatal = err
		l.logger.ErrorContext(ctx, "the audit log is not the one that this process has written to; nothing is recorded any more", "error", err)
	}
	return t, err
}

func (l *Log) followed(ctx context.Context) (*tree, error) {
	head, err := l.store.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("audit: follow: %w", err)
	}
	c, err := l.latest(head)
	if err != nil {
		return nil, err
	}
	t := l.tree.clone()
	if head.Size < t.size {
		return nil, cut(t.size, head.Size)
	}
	if c.Size == t.size {
		if err := t.fits(c); err != nil {
			return nil, err
		}
	}
	return t, replay(ctx, l.store, t, head, func(e Entry) error {
		if t.size == c.Size {
			if err := t.fits(c); err != nil {
				return err
			}
		}
		r, err := decodeRecord(e.Record)
		if err != nil {
			return fmt.Errorf("%w: entry %d: %w", ErrInconsistent, e.Index, err)
		}
		if r.Kind == KindOutcome { // another writer took this one for dead: that was the call's end
			delete(l.inFlight, r.ID)
		}
		return nil
	})
}

// dead tells which writers of open intents are not alive any more. Where there is
// only one writer, all before it are.
func (l *Log) dead(ctx context.Context, open []Entry) (func(writer string) bool, error) {
	if !l.shared() {
		return func(string) bool { return true }, nil
	}
	var others []string
	for _, e := range open {
		if e.Writer != l.writer && !slices.Contains(others, e.Writer) {
			others = append(others, e.Writer)
		}
	}
	if len(others) == 0 {
		return func(string) bool { return false }, nil
	}
	silent, err := l.presence.Silent(ctx, others, SilentAfter)
	if err != nil {
		return nil, fmt.Errorf("audit: other writers: %w", err)
	}
	return func(writer string) bool { return slices.Contains(silent, writer) }, nil
}

// attend says that this writer is alive, and ends what dead ones have left open.
func (l *Log) attend(ctx context.Context) {
	err := l.append(ctx, func(ctx context.Context) error {
		if err := l.presence.Beat(ctx, l.writer); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		open, err := l.store.Open(ctx)
		if err != nil {
			return fmt.Errorf("audit: open intents: %w", err)
		}
		if dead, err := l.dead(ctx, open); err != nil || !slices.ContainsFunc(open, func(e Entry) bool { return e.Writer != l.writer && dead(e.Writer) }) {
			return err
		}
		_, err = l.closeOrphans(ctx)
		return err
	})
	if err != nil {
		l.logger.WarnContext(ctx, "audit: other writers were not looked after", "error", err)
	}
}
