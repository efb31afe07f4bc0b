// Package relational keeps what this server remembers in tables. The SQL is of
// SQLite and PostgreSQL alike; what differs between them is an [Engine]'s.
//
//	store/sqlite    one file, one process
//	store/postgres  many replicas
//
// On PostgreSQL a transaction sees what others commit meanwhile (READ COMMITTED). So
// whatever may happen once only is one conditional UPDATE, and what counts rows
// before it adds one takes a [Tx.Lock] first. So does what changes several rows that
// others may change in another order: locked crosswise, one of the two would fail.
package relational

import (
	"context"
	"database/sql"
)

// Engine is an open database. Parameters are ?, or ?1, ?2 and so on.
type Engine interface {
	// QueryRow and Query read what is committed.
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)

	// Write runs fn in one transaction, which is rolled back where fn fails.
	Write(ctx context.Context, d Durability, fn func(Tx) error) error

	// Erase is a Synced Write whose deleted rows leave no trace, as far as the engine
	// has it in its hands.
	Erase(ctx context.Context, fn func(Tx) error) error

	// Each is a table k with the column value, of a parameter that is a JSON array of texts.
	Each() string

	// Damaged names an error of reading the audit: [audit.ErrDamaged] where the
	// database is no log any more.
	Damaged(what string, err error) error
}

// Tx is a transaction that writes.
type Tx interface {
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	// Lock keeps out other transactions that lock the same name, until this one ends.
	Lock(ctx context.Context, name string) error
}

// Durability of a transaction, once Write has returned.
type Durability bool

// Synced survives a power cut; Buffered survives the end of the process.
const (
	Synced   Durability = true
	Buffered Durability = false
)

// Stores are the stores of one database.
type Stores struct{ engine Engine }

// New returns the stores of an open database.
func New(e Engine) Stores { return Stores{e} }
