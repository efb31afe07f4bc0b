package handle

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrUnknown means that the person has no such handle, or no longer.
	ErrUnknown = errors.New("handle is not known")

	// ErrTaken means that other items have all names an item could have had.
	ErrTaken = errors.New("all names of the item are taken")
)

// Store keeps one row per handle. Its methods are safe for concurrent use, by several
// processes too; what one of them has committed, all of them read from then on. No
// method reads or changes rows of another person, DeleteUnused aside. What was written
// survives the end of the process; a power cut may lose it, and costs no more than
// listing the items again. Times are kept to the millisecond.
type Store interface {
	// Remember returns the handle of each item, in their order, for as many as a page
	// holds. An item, which is a kind and a Graph id, keeps the handle it has, whatever
	// its Names are now; one without gets the first of its Names that the person has
	// for no other item. It is all or nothing: where an item finds no free name, the
	// error is ErrTaken and nothing is stored. Of handles that exist, the last use is
	// moved to now where it lies before stale; if there are none of these and no new
	// ones, nothing is written.
	Remember(ctx context.Context, person Person, items []Item, now, stale time.Time) ([]string, error)

	// Find returns what the person's handle stands for, or ErrUnknown.
	Find(ctx context.Context, person Person, handle string) (Entry, error)

	// Touch moves the last use of the person's handle to now, and never back. One that
	// is absent is no error.
	Touch(ctx context.Context, person Person, handle string, now time.Time) error

	// DeleteUnused deletes up to limit rows, anybody's, that were last used at before
	// or earlier, and returns how many.
	DeleteUnused(ctx context.Context, before time.Time, limit int) (int, error)

	// DeletePerson deletes all rows of the person. It is durable when it returns.
	DeletePerson(ctx context.Context, person Person) error
}

// Person owns handles; both are needed to name one.
type Person struct{ TenantID, UserID string }

// Item is what a handle is wanted for.
type Item struct {
	Kind    Kind
	GraphID string
	Names   []string // handles it may get, the best one first
}

// Entry is what is remembered of a handle. Its kind is in its name.
type Entry struct {
	GraphID string
	UsedAt  time.Time
}
