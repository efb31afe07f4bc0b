package audit

import (
	"context"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Store keeps the log. All methods are safe for concurrent use by several
// processes. Stored entries, hashes and the checkpoint are evidence that may have been tampered with: a store returns what
// it holds and judges nothing.
type Store interface {
	// Append applies the batch as a whole or not at all. It returns
	// [ErrConflict] unless the log has exactly b.Start entries and every intent
	// in b.Closed is open. When b.Durable
	// is set, the batch and everything before it are on stable storage when
	// Append returns and before any reader can see them; otherwise they survive
	// the end of the process. After any other error the batch may have been
	// applied.
	Append(ctx context.Context, b Batch) error

	// Head returns sizes and checkpoint of one moment.
	Head(ctx context.Context) (Head, error)

	// Entries returns at most limit entries with index from or above, in the
	// order of their indexes, each with its personal values if still held. Where
	// the log has gaps, the result has them too.
	Entries(ctx context.Context, from int64, limit int) ([]Entry, error)

	// Hashes returns the stored hashes with indexes in [from, to). Missing and
	// malformed ones are left out.
	Hashes(ctx context.Context, from, to int64) (map[int64]tlog.Hash, error)

	// Open returns the entries of intents that were opened and not closed, in
	// the order of their indexes, with their writers. Its cost depends on their
	// number only.
	Open(ctx context.Context) ([]Entry, error)

	// Held counts the entries that hold personal values of a person.
	Held(ctx context.Context, p Person) (int, error)
}

// Presence tells which writers of a shared log are alive, by the store's clock.
type Presence interface {
	// Beat says that the writer is alive.
	Beat(ctx context.Context, writer string) error

	// Leave says that the writer is gone.
	Leave(ctx context.Context, writer string) error

	// Silent returns those of the writers that have not beaten for at least d.
	Silent(ctx context.Context, writers []string, d time.Duration) ([]string, error)
}

// Batch is one atomic change of the log.
type Batch struct {
	Start      int64       // index of the first entry: the size of the log before
	Entries    []Entry     // with consecutive indexes from Start
	Hashes     []tlog.Hash // consecutive from tlog.StoredHashCount(Start)
	Writer     string      // who appends, and waits for the outcomes of what it opened
	Opened     []int64     // indexes of intents that wait for an outcome
	Closed     []int64     // indexes of intents that have got one
	Erase      *Person     // whose personal values to delete, beyond recovery
	Checkpoint []byte      // replaces the latest checkpoint, unless nil
	Durable    bool
}

// Entry is one leaf and what lies beside it.
type Entry struct {
	Index    int64
	Record   []byte    // the exact bytes that were hashed
	Personal *Personal // nil when it never had values, or they were erased
	Writer   string    // who opened it; from [Store.Open] only
}

// Personal are the values behind the commitments of one entry.
type Personal struct {
	TenantID, UserID string // whose call it was: the key for erasing
	Values           []byte // opaque to the store
}

// Person is the key of erasure.
type Person struct{ TenantID, UserID string }

// Head describes the log at one moment.
type Head struct {
	Size       int64  // one more than the highest index of an entry
	Hashes     int64  // one more than the highest index of a hash
	Checkpoint []byte // the latest signed note; nil before the first
}
