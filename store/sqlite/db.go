// Package sqlite is the embedded store: one file, WAL, one writing connection.
//
// Every write goes through Write, which says how durable it has to be: durable
// commits are synced to the disk before it returns (synchronous=FULL), the
// others reach the operating system and so survive kill -9 but not a power cut.
// Reads use a pool of read-only connections and never wait for a writer.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite" // and registers itself as "sqlite"

	"m365mcp/internal/private"
	"m365mcp/store/relational"
)

//go:embed migrations/*.sql
var migrations embed.FS

// DB is an open database. Its methods are safe for concurrent use.
type DB struct {
	relational.Stores

	writer *sql.DB // one connection, so that writers queue here and not on SQLITE_BUSY
	reader *sql.DB

	mu      sync.Mutex // guards the order "set synchronous, then begin"
	current synchronous

	prepared sync.Map // of *sql.Stmt on reader, by query
}

// synchronous is what the writing connection was last set to. The zero value
// means that nobody knows.
type synchronous struct {
	conn  any // the driver's, because database/sql may replace it
	level relational.Durability
}

const pragmaTimeout = 10 * time.Second

// Open opens or creates the database at path and brings its schema up to date.
// It refuses one that other users may write: a [private.Error] says what to do.
func Open(ctx context.Context, path string) (_ *DB, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := Private(path); err != nil {
		return nil, err
	}
	// Created here and not by the driver, for the mode: it holds sealed tokens and personal data.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the path
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db := &DB{}
	db.Stores = relational.New(db)
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	if db.writer, err = open(path, "rwc", "_txlock", "immediate"); err != nil {
		return nil, err
	}
	db.writer.SetMaxOpenConns(1)
	db.writer.SetConnMaxIdleTime(0)
	if err := migrate(ctx, db.writer); err != nil {
		return nil, err
	}
	db.reader, err = open(path, "ro")
	return db, err
}

// Private refuses a database that other users may write, or whose folder they may.
func Private(path string) error {
	if err := private.Folder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	// With the files that SQLite keeps beside it: what stands in them counts as committed.
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := private.File(path + suffix); err != nil {
			return fmt.Errorf("database: %w", err)
		}
	}
	return nil
}

// Glance is OpenReadOnly for a short look, which leaves no files beside a database
// that no server has open: those could be another user's than the server's.
func Glance(ctx context.Context, path string) (*DB, error) {
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return OpenReadOnly(ctx, path)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	reader, err := openChecked(ctx, path, "immutable", "1")
	if err != nil {
		return nil, (&DB{}).Damaged("database "+path, err)
	}
	db := &DB{reader: reader}
	db.Stores = relational.New(db)
	return db, nil
}

// Pending counts the migrations that Open would apply.
func (db *DB) Pending(ctx context.Context) (int64, error) {
	p, err := migrator(db.reader)
	if err != nil {
		return 0, err
	}
	current, _, err := p.GetVersions(ctx)
	if err != nil {
		return 0, db.Damaged("schema", err)
	}
	var pending int64 // the numbers have gaps
	for _, source := range p.ListSources() {
		if source.Version > current {
			pending++
		}
	}
	return pending, nil
}

// OpenReadOnly opens an existing database for inspection beside a running
// server; it changes nothing, the schema included. Where nothing can be written
// and no server has left a write-ahead log, as in a copy kept as evidence, the
// file is read as it is.
func OpenReadOnly(ctx context.Context, path string) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	reader, err := openChecked(ctx, path)
	if e, ok := errors.AsType[*driver.Error](err); ok && (e.Code()&0xff == codeReadOnly || e.Code()&0xff == codeCantOpen) {
		if _, walErr := os.Stat(path + "-wal"); errors.Is(walErr, fs.ErrNotExist) {
			reader, err = openChecked(ctx, path, "immutable", "1")
		}
	}
	if err != nil {
		return nil, (&DB{}).Damaged("database "+path, err)
	}
	db := &DB{reader: reader}
	db.Stores = relational.New(db)
	return db, nil
}

// openChecked opens for reading and reads a first page, which a ping does not.
func openChecked(ctx context.Context, path string, extra ...string) (*sql.DB, error) {
	reader, err := open(path, "ro", extra...)
	if err != nil {
		return nil, err
	}
	var tables int
	if err := reader.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return reader, nil
}

func open(path, mode string, extra ...string) (*sql.DB, error) {
	q := url.Values{"mode": {mode}, "_pragma": {
		"busy_timeout(5000)", "foreign_keys(1)",
	}}
	if mode != "ro" {
		q["_pragma"] = append(q["_pragma"], "journal_mode(wal)", "synchronous(full)", "secure_delete(on)")
	}
	for i := 0; i+1 < len(extra); i += 2 {
		q.Set(extra[i], extra[i+1])
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	return db, nil
}

func migrator(db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return p, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	p, err := migrator(db)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// QueryRow implements [relational.Engine]. It keeps the statements prepared, because
// parsing them was a tenth of a call's CPU.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	if s, ok := db.prepared.Load(query); ok {
		if stmt, ok := s.(*sql.Stmt); ok {
			return stmt.QueryRowContext(ctx, args...)
		}
	}
	stmt, err := db.reader.PrepareContext(ctx, query)
	if err != nil { // says the same again, where the row's error is looked at
		return db.reader.QueryRowContext(ctx, query, args...)
	}
	first, raced := db.prepared.LoadOrStore(query, stmt)
	if s, ok := first.(*sql.Stmt); ok && raced {
		defer func() { _ = stmt.Close() }() // of two that were prepared at once, one is enough
		return s.QueryRowContext(ctx, args...)
	}
	return stmt.QueryRowContext(ctx, args...)
}

// Close closes all connections; SQLite then folds the write-ahead log into the file.
func (db *DB) Close() error {
	var errs []error
	db.prepared.Range(func(_, s any) bool {
		if stmt, ok := s.(*sql.Stmt); ok {
			errs = append(errs, stmt.Close())
		}
		return true
	})
	for _, c := range []*sql.DB{db.reader, db.writer} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Query implements [relational.Engine].
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.reader.QueryContext(ctx, query, args...)
}

// Each implements [relational.Engine].
func (*DB) Each() string { return "json_each(?) AS k" }

// transaction implements [relational.Tx].
type transaction struct{ *sql.Tx }

func (t transaction) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.ExecContext(ctx, query, args...)
}

func (t transaction) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return t.QueryRowContext(ctx, query, args...)
}

func (t transaction) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.QueryContext(ctx, query, args...)
}

// Lock has nothing to do: there is one writer.
func (transaction) Lock(context.Context, string) error { return nil }

// Write implements [relational.Engine]: one immediate transaction on the writing connection.
func (db *DB) Write(ctx context.Context, d relational.Durability, fn func(relational.Tx) error) (err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.writer == nil {
		return errors.New("database is open for reading only")
	}
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := db.setSynchronous(ctx, conn, d); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("database: begin: %w", err)
	}
	if err := fn(transaction{tx}); err != nil {
		if rb := tx.Rollback(); rb != nil && !errors.Is(rb, sql.ErrTxDone) {
			err = errors.Join(err, rb)
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("database: commit: %w", err)
	}
	return nil
}

// setSynchronous makes the transactions of conn as durable as d.
func (db *DB) setSynchronous(ctx context.Context, conn *sql.Conn, d relational.Durability) error {
	want := synchronous{level: d}
	if err := conn.Raw(func(c any) error { want.conn = c; return nil }); err != nil {
		return err
	}
	if want == db.current {
		return nil
	}
	level := "NORMAL"
	if d == relational.Synced {
		level = "FULL"
	}
	db.current = synchronous{}
	// Not with ctx: where it ends meanwhile, the driver reports that of a PRAGMA that took effect.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pragmaTimeout)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous="+level); err != nil {
		return err
	}
	db.current = want
	return nil
}
