package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// overwriting runs fn so that what it deletes is overwritten: a plain DELETE leaves
// the text in free pages. scrub has to follow the commit.
func overwriting(ctx context.Context, tx *sql.Tx, fn func() error) (err error) {
	if _, err := tx.ExecContext(ctx, "PRAGMA secure_delete = ON"); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	defer func() {
		if _, off := tx.ExecContext(ctx, "PRAGMA secure_delete = OFF"); off != nil {
			err = errors.Join(err, fmt.Errorf("erase: %w", off))
		}
	}()
	return fn()
}

// scrub empties the write-ahead log, which holds pages from before the erasure.
// While a reader keeps it busy that is left to the next automatic checkpoint.
func (db *DB) scrub(ctx context.Context) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	var busy, frames, moved int
	if err := db.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("erase: write-ahead log: %w", err)
	}
	return nil
}
