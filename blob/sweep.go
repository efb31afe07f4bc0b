package blob

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

const sweepBatch = 500

// Sweep deletes what is over or half: rows that have expired, or whose file is gone
// or of another length, and files that no row names, of crashes for example. The app
// calls it at its start and on a timer.
func (s *Spool) Sweep(ctx context.Context) error {
	orphans, err := s.strays(ctx)
	if err != nil {
		return fmt.Errorf("sweep the spool: %w", err)
	}
	// After the files, so that whatever came in meanwhile has its row by now.
	for after := ""; ; {
		rows, err := s.store.List(ctx, after, sweepBatch)
		if err != nil {
			return fmt.Errorf("sweep the spool: %w", err)
		}
		var over []string
		for _, row := range rows {
			after = row.ID
			if !row.ExpiresAt.After(s.now()) || !s.intact(ctx, row) {
				over = append(over, row.ID)
			} else {
				delete(orphans, row.ID)
			}
		}
		if err := s.drop(ctx, over); err != nil {
			return fmt.Errorf("sweep the spool: %w", err)
		}
		if len(rows) < sweepBatch {
			break
		}
	}
	if err := s.files.Remove(ctx, slices.Collect(maps.Keys(orphans))...); err != nil {
		return fmt.Errorf("sweep the spool: %w", err)
	}
	return nil
}

// strays returns the files that no running call is writing. Names that are not a
// spool's are left alone.
func (s *Spool) strays(ctx context.Context) (map[string]bool, error) {
	ids, err := s.files.Idle(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if validID(id) && s.arrives[id] == nil {
			found[id] = true
		}
	}
	return found, nil
}

// intact reports whether the row has its file. Where that cannot be found out, it is left alone.
func (s *Spool) intact(ctx context.Context, row Row) bool {
	size, err := s.files.Size(ctx, row.ID)
	if err != nil {
		return !errors.Is(err, ErrNotFound)
	}
	return size == sealedSize(row.Size)
}

// drop deletes rows, then their files.
func (s *Spool) drop(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	if err := s.store.Delete(ctx, ids); err != nil {
		return err
	}
	return s.files.Remove(ctx, ids...)
}
