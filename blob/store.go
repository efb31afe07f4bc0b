package blob

import (
	"context"
	"time"
)

// Store keeps one row for each complete file. Its methods are safe for concurrent
// use. Times are kept to the millisecond.
type Store interface {
	// Insert stores the row, durably, if limits admit it beside what is there by
	// now: in one step, so that of any number at once only as many succeed as fit.
	// Otherwise the error is the *[LimitError] of [Limits.Admit], or [ErrTaken]
	// where there is a row of the same id, anybody's.
	Insert(ctx context.Context, row Row, limits Limits, now time.Time) error

	// Find returns the person's row, unless it has expired by now: [ErrNotFound].
	Find(ctx context.Context, owner Person, id string, now time.Time) (Row, error)

	// Usage says what the person has that has not expired by now, and how much
	// there is of all people, expired or not.
	Usage(ctx context.Context, owner Person, now time.Time) (Usage, error)

	// List returns up to limit rows, anybody's and expired ones included, in the
	// order of their ids, of those whose id comes after the given one.
	List(ctx context.Context, after string, limit int) ([]Row, error)

	// Delete deletes rows, anybody's. Ids that are not there are no error.
	Delete(ctx context.Context, ids []string) error

	// DeletePerson deletes all rows of the person, beyond recovery, and returns their
	// ids. It is durable when it returns.
	DeletePerson(ctx context.Context, owner Person) ([]string, error)
}

// Person owns files; both are needed to name one.
type Person struct{ TenantID, UserID string }

// Row is what is stored of a file beside the file.
type Row struct {
	ID        string
	Owner     Person
	Size      int64  // of the plaintext
	Head      []byte // sealed: data key, name, type, digest
	ExpiresAt time.Time
}

// Usage is the room that files take.
type Usage struct {
	Person int64 // bytes of one person
	Files  int   // of one person
	Total  int64 // bytes of all
}
