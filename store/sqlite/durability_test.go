package sqlite

import (
	"context"
	"database/sql/driver"
	"math/rand/v2"
	"testing"
	"time"

	"m365mcp/store/relational"
)

// Levels as PRAGMA synchronous reports them.
const (
	levelNormal = 1
	levelFull   = 2
)

func levelInside(t *testing.T, db *DB, d relational.Durability) int {
	t.Helper()
	level := -1
	if err := db.Write(t.Context(), d, func(tx relational.Tx) error {
		return tx.QueryRow(t.Context(), "PRAGMA synchronous").Scan(&level)
	}); err != nil {
		t.Fatal(err)
	}
	return level
}

// Requests go away at any moment; no synced write may run at a lower level for it.
func TestCancellationsLeaveSyncedWritesSynced(t *testing.T) {
	t.Parallel()
	db := openOAuth(t)
	random := rand.New(rand.NewPCG(6, 6))
	for i := range 5000 {
		d := relational.Durability(random.IntN(2) == 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(80))*time.Microsecond)
		_ = db.Write(ctx, d, func(relational.Tx) error { return nil }) // cut off or not
		cancel()
		if level := levelInside(t, db, relational.Synced); level != levelFull {
			t.Fatalf("after %d cancellations, the last in a write with synced = %v, a synced write runs at level %d", i+1, d, level)
		}
	}
}

func TestDurabilityIsSetOnAReplacedConnection(t *testing.T) {
	t.Parallel()
	db := openOAuth(t)
	for _, want := range []struct {
		d     relational.Durability
		level int
	}{{relational.Buffered, levelNormal}, {relational.Synced, levelFull}} {
		if level := levelInside(t, db, want.d); level != want.level {
			t.Fatalf("synced = %v runs at level %d", want.d, level)
		}
		conn, err := db.writer.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // database/sql drops it
		_ = conn.Close()
		if level := levelInside(t, db, want.d); level != want.level {
			t.Errorf("on a new connection synced = %v runs at level %d", want.d, level)
		}
	}
}
