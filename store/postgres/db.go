// Package postgres is the store of many replicas: PostgreSQL 14 or later.
//
// Three pools share the work. Reads have one of their own, so that no call waits for
// what strangers write. What must survive a power cut is committed with
// synchronous_commit on; the third pool leaves that to the server's next write of its
// log. Transactions are READ COMMITTED; package relational says how its statements
// stay right under it.
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"m365mcp/audit"
	"m365mcp/dial"
	"m365mcp/store/relational"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	oldest = 140_000 // server_version_num

	// Of a replica, in each pool. A server takes 100 by default: two replicas, and some room.
	readingConnections  = 16
	syncedConnections   = 12 // each waits for the server's disk most of its time
	bufferedConnections = 12
	idleLife            = 5 * time.Minute
	connectionLife      = 30 * time.Minute // so that a replaced server is found
	startTimeout        = 30 * time.Second
	migrateTimeout      = 15 * time.Minute // an index on a large table takes its time
)

// DB is an open database. Its methods are safe for concurrent use.
type DB struct {
	relational.Stores

	reading  *sql.DB
	synced   *sql.DB
	buffered *sql.DB

	rebound sync.Map // of string, by string: statements with the parameters of this engine
}

// Error is a problem of whoever runs the database, with the way out.
type Error struct {
	Err error
	Fix string
}

func (e *Error) Error() string { return e.Err.Error() + "; " + e.Fix }
func (e *Error) Unwrap() error { return e.Err }

// Open connects to the database of address, a URL or a list of key=value as
// PostgreSQL's own clients take it, and brings its schema up to date. Several
// processes may do so at once. Its errors never show the password.
func Open(ctx context.Context, address string) (*DB, error) {
	config, err := parse(address)
	if err != nil {
		return nil, err
	}
	// A standby would take no write, and tell of revocations late.
	config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	db, err := connect(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, config); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// OpenReadOnly connects for inspection; it changes nothing, the schema included.
func OpenReadOnly(ctx context.Context, address string) (*DB, error) {
	config, err := parse(address)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["default_transaction_read_only"] = "on"
	return connect(ctx, config)
}

func parse(address string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, &Error{fmt.Errorf("database: %w", err), "the address has the form postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=verify-full"}
	}
	pin(config)
	for name, value := range map[string]string{
		"application_name": "m365-mcp", "timezone": "UTC",
		"statement_timeout": "30s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "30s",
	} {
		if _, chosen := config.RuntimeParams[name]; !chosen {
			config.RuntimeParams[name] = value
		}
	}
	return config, nil
}

func connect(ctx context.Context, config *pgx.ConnConfig) (*DB, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	db := &DB{
		reading:  open(config, readingConnections, "default_transaction_read_only", "on"),
		synced:   open(config, syncedConnections, "synchronous_commit", "on"),
		buffered: open(config, bufferedConnections, "synchronous_commit", "off"),
	}
	db.Stores = relational.New(db)
	var version int
	if err := db.reading.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version); err != nil {
		return nil, errors.Join(unreachable(config, err), db.Close())
	}
	if version < oldest {
		return nil, errors.Join(&Error{
			fmt.Errorf("database: PostgreSQL %d is too old", version/10_000), fmt.Sprintf("use PostgreSQL %d or later", oldest/10_000),
		}, db.Close())
	}
	return db, nil
}

// pin leaves the sockets to dial, which then knows where they may lead. Names are
// resolved there too.
func pin(config *pgx.ConnConfig) {
	var addresses []string
	add := func(host string, port uint16) {
		_, address := pgconn.NetworkAddress(host, port)
		addresses = append(addresses, address)
	}
	add(config.Host, config.Port)
	for _, f := range config.Fallbacks {
		add(f.Host, f.Port)
	}
	config.DialFunc = dial.Database(addresses...)
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
}

// open makes a pool whose sessions have a parameter of their own.
func open(config *pgx.ConnConfig, connections int, parameter, value string) *sql.DB {
	own := config.Copy()
	own.RuntimeParams[parameter] = value
	db := stdlib.OpenDB(*own)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections) // fewer would be closed and opened all the time under load
	db.SetConnMaxIdleTime(idleLife)
	db.SetConnMaxLifetime(connectionLife)
	return db
}

// Codes of PostgreSQL (https://www.postgresql.org/docs/current/errcodes-appendix.html).
const (
	codeInvalidPassword = "28P01"
	codeNotAuthorized   = "28000"
	codeNoDatabase      = "3D000"
	codeNotPermitted    = "42501"
	codeNoTable         = "42P01"
	codeNoColumn        = "42703"
	codeCorrupted       = "XX001"
	codeIndexCorrupted  = "XX002"
)

// unreachable names the server and what to do about it.
func unreachable(config *pgx.ConnConfig, err error) error {
	where := "database " + config.Database + " on " + net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port)))
	fix := "is the server running, reachable from here, and set up for the sslmode of the address?"
	if errors.Is(err, pgconn.ErrStandbyConnection) {
		fix = "name the primary server, or all of them: postgres://USER@HOST1,HOST2/NAME"
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code {
		case codeInvalidPassword, codeNotAuthorized:
			fix = "check user name and password, and pg_hba.conf on the server"
		case codeNoDatabase:
			fix = "create it: createdb " + config.Database
		case codeNotPermitted:
			fix = "let the user connect, and create tables in its schema"
		}
		err = fmt.Errorf("%s (SQLSTATE %s)", e.Message, e.Code)
	}
	return &Error{fmt.Errorf("%s: %w", where, err), fix}
}

// Pending counts the migrations that Open would apply.
func (db *DB) Pending(ctx context.Context) (int64, error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}
	var applied int64
	err = db.reading.QueryRowContext(ctx, "SELECT count(*) FROM goose_db_version WHERE version_id > 0").Scan(&applied)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == codeNoTable {
		err = nil
	}
	if err != nil {
		return 0, db.Damaged("schema", err)
	}
	return max(0, int64(len(files))-applied), nil
}

// migrate has connections of its own, because its statements may take longer than others.
func migrate(ctx context.Context, config *pgx.ConnConfig) (err error) {
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	db := open(config, 2, "statement_timeout", "0")
	defer func() { err = errors.Join(err, db.Close()) }()
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	var id sql.NullInt64 // of this schema: others in the same database are none of our business
	if err := db.QueryRowContext(ctx, "SELECT hashtextextended(current_schema() || ' migrations', 0)").Scan(&id); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if !id.Valid {
		return &Error{errors.New("migrate the database: no schema of its search_path exists"), "create one, or let the user use and create tables in public"}
	}
	// Of two that start at once, one waits, and looks again every second.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(id.Int64), lock.WithLockTimeout(1, uint64(migrateTimeout.Seconds())))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, dir, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == codeNotPermitted {
			return &Error{fmt.Errorf("migrate the database: %w", err), "let the user create tables in its schema: GRANT CREATE, USAGE ON SCHEMA public TO ..."}
		}
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// Close closes all connections.
func (db *DB) Close() error {
	return errors.Join(db.reading.Close(), db.synced.Close(), db.buffered.Close())
}

// QueryRow implements [relational.Engine].
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return db.reading.QueryRowContext(ctx, db.rebind(query), args...)
}

// Query implements [relational.Engine].
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.reading.QueryContext(ctx, db.rebind(query), args...)
}

// Each implements [relational.Engine].
func (*DB) Each() string {
	return "json_array_elements_text(CAST(CAST(? AS text) AS json)) AS k(value)"
}

// transaction implements [relational.Tx].
type transaction struct {
	db *DB
	tx *sql.Tx
}

func (t transaction) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(ctx, t.db.rebind(query), args...)
}

func (t transaction) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(ctx, t.db.rebind(query), args...)
}

func (t transaction) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, t.db.rebind(query), args...)
}

func (t transaction) Lock(ctx context.Context, name string) error {
	if _, err := t.tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || $1, 0))", name); err != nil {
		return fmt.Errorf("database: lock: %w", err)
	}
	return nil
}

// Write implements [relational.Engine].
func (db *DB) Write(ctx context.Context, d relational.Durability, fn func(relational.Tx) error) error {
	pool := db.buffered
	if d == relational.Synced {
		pool = db.synced
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("database: begin: %w", err)
	}
	if err := fn(transaction{db, tx}); err != nil {
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

// Erase implements [relational.Engine]. Deleted rows are overwritten by the server's
// VACUUM, and its log and backups hold them for as long as they are kept: that is the
// operator's to set.
func (db *DB) Erase(ctx context.Context, fn func(relational.Tx) error) error {
	return db.Write(ctx, relational.Synced, fn)
}

// Damaged implements [relational.Engine].
func (*DB) Damaged(what string, err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if ok && slices.Contains([]string{codeNoTable, codeNoColumn, codeCorrupted, codeIndexCorrupted}, e.Code) {
		return fmt.Errorf("%w: %s: %w", audit.ErrDamaged, what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// rebind writes ? as $1, $2 and so on, and ?2 as $2. No statement has a question mark
// in a text.
func (db *DB) rebind(query string) string {
	if known, ok := db.rebound.Load(query); ok {
		if text, ok := known.(string); ok {
			return text
		}
	}
	var b strings.Builder
	n := 0
	for i := range len(query) {
		if query[i] != '?' {
			b.WriteByte(query[i])
			continue
		}
		b.WriteByte('$')
		if i+1 < len(query) && query[i+1] >= '1' && query[i+1] <= '9' {
			continue // numbered already
		}
		n++
		b.WriteString(strconv.Itoa(n))
	}
	text := b.String()
	db.rebound.Store(query, text)
	return text
}
