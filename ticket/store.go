package ticket

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrNotFound means that there is no such ticket, or no longer.
	ErrNotFound = errors.New("the ticket is unknown, has expired or was used")

	// ErrBusy means that another transfer of the ticket is under way.
	ErrBusy = errors.New("the ticket is being used right now")

	// ErrTooMany means that the person has as many tickets as one may have.
	ErrTooMany = errors.New("too many open links: use some, or wait until they expire after ten minutes")
)

// Store keeps one row for each ticket until it is used or expires. Its methods are
// safe for concurrent use, on several replicas too. Times are kept to the millisecond.
type Store interface {
	RowStore
	ClaimStore
}

// RowStore keeps the tickets.
type RowStore interface {
	// Insert stores a ticket, or returns [ErrTooMany] where its person has most that
	// have not expired by now. A power cut may lose it.
	Insert(ctx context.Context, row Row, most int, now time.Time) error

	// Find returns the ticket, unless it has expired by now: [ErrNotFound]. One that
	// is being used is found.
	Find(ctx context.Context, digest Digest, now time.Time) (Row, error)

	// DeleteExpired deletes the tickets that have expired by now and that nobody
	// has, and returns how many.
	DeleteExpired(ctx context.Context, now time.Time) (int, error)

	// DeletePerson deletes all tickets of the person, claimed ones too, beyond
	// recovery. It is durable when it returns.
	DeletePerson(ctx context.Context, owner Person) error
}

// ClaimStore sees to it that a ticket is used once.
type ClaimStore interface {
	// Claim gives the ticket to holder until then, in one conditional write: of any
	// number of holders exactly one succeeds. It does so where nobody's claim is left
	// and the ticket has not expired by now, or where holder has it already, expired or
	// not. Otherwise it returns [ErrBusy], or [ErrNotFound].
	Claim(ctx context.Context, digest Digest, holder string, now, until time.Time) error

	// Release gives the ticket back, if holder has it.
	Release(ctx context.Context, digest Digest, holder string) error

	// Consume deletes the ticket that holder has, durably and in one conditional
	// write, or returns [ErrNotFound].
	Consume(ctx context.Context, digest Digest, holder string) error
}

// Digest is the SHA-256 of a token.
type Digest [32]byte

// Person owns tickets; both are needed to name one.
type Person struct{ TenantID, UserID string }

// Row is what is stored of a ticket.
type Row struct {
	Digest    Digest
	GrantID   string
	Owner     Person
	Kind      Kind
	Item      []byte // sealed
	ExpiresAt time.Time
}
