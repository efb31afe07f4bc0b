package sqlite

import (
	"context"
	"fmt"

	"m365mcp/store/relational"
)

// Erase implements [relational.Engine]. SQLite overwrites all that it deletes or moves
// (secure_delete, see open); to turn that on for the erasure alone would leave what
// page splits before it have left behind. The write-ahead log is emptied too.
func (db *DB) Erase(ctx context.Context, fn func(relational.Tx) error) error {
	if err := db.Write(ctx, relational.Synced, fn); err != nil {
		return err
	}
	return db.scrub(ctx)
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
