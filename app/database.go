package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"m365mcp/audit"
	"m365mcp/authserver"
	"m365mcp/blob"
	"m365mcp/config"
	"m365mcp/console"
	"m365mcp/entra"
	"m365mcp/handle"
	"m365mcp/internal/private"
	"m365mcp/rotation"
	"m365mcp/store/postgres"
	"m365mcp/store/sqlite"
	"m365mcp/ticket"
)

// database is an open store of either engine.
type database interface { //nolint:interfacebloat // one method for each consumer, which has a narrow one of its own
	Audit() audit.Store
	OAuth() authserver.Store
	Vault() entra.VaultStore
	Handles() handle.Store
	Blobs() blob.Store
	Tickets() ticket.Store
	Console() console.Store
	Orders() authserver.OrderStore
	Rotation() rotation.Store
	Close() error
}

// opened is a database, and what this process has beside it.
type opened struct {
	database

	folder   string         // this process's own
	files    blob.Files     // where the bytes of the spool are
	presence audit.Presence // of the other replicas; nil where there can be none

	// exclusive keeps servers off the database, or returns errInUse.
	exclusive func(context.Context) (release func() error, err error)
}

// openDatabase opens the configured database for a server, and closes it when the app stops.
func (a *App) openDatabase(ctx context.Context, c config.Database) (opened, error) {
	if path, ok := c.SQLitePath(); ok {
		unlock, err := lockDatabase(path)
		if err != nil {
			return opened{}, err
		}
		a.cleanups.add(func(context.Context) error { return unlock() })
	}
	return openStores(ctx, c, &a.cleanups)
}

// openStores opens the configured database, made or brought up to date if need be.
func openStores(ctx context.Context, c config.Database, end *cleanups) (opened, error) {
	if address, ok := c.PostgresURL(); ok {
		return openPostgres(ctx, address, end)
	}
	path, ok := c.SQLitePath()
	if !ok {
		return opened{}, usage("database %s: neither sqlite:PATH nor postgres://USER@HOST/NAME", c)
	}
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		if _, ok := errors.AsType[*private.Error](err); ok {
			return opened{}, usage("%w", err) // says its fix
		}
		return opened{}, usage("%w; choose a folder that can be written", err)
	}
	end.add(func(context.Context) error { return db.Close() })
	files, err := blob.Folder(filepath.Join(filepath.Dir(path), "spool"))
	if err != nil {
		return opened{}, usage("%w", err)
	}
	return opened{
		database: db, folder: filepath.Dir(path), files: files,
		exclusive: func(context.Context) (func() error, error) { return lockDatabase(path) },
	}, nil
}

func openPostgres(ctx context.Context, address string, end *cleanups) (opened, error) {
	// Nothing in it is state: it goes with the process.
	folder, err := os.MkdirTemp("", "m365-mcp-")
	if err != nil {
		return opened{}, fmt.Errorf("folder for temporary files: %w", err)
	}
	end.add(func(context.Context) error { return os.RemoveAll(folder) })
	db, err := postgres.Open(ctx, address)
	if _, ok := errors.AsType[*postgres.Error](err); ok {
		return opened{}, usage("%w", err) // says its fix
	}
	if err != nil {
		return opened{}, err
	}
	end.add(func(context.Context) error { return db.Close() })
	return opened{
		database: db, folder: folder, files: db.Files(), presence: db.Presence(),
		exclusive: func(ctx context.Context) (func() error, error) {
			// No lock: a server that starts meanwhile is not kept off, as the documentation says.
			servers, err := db.Writers(ctx, audit.SilentAfter)
			if err == nil && servers > 0 {
				err = usage("%w the database: stop all servers first, and wait a minute if one was killed", errInUse)
			}
			return func() error { return nil }, err
		},
	}, nil
}

// reading is how long a database is read.
type reading bool

const (
	stay   reading = false
	glance reading = true // for a moment: nothing is left beside an SQLite file
)

// readable is a database that is only looked at.
type readable interface {
	database
	// Pending counts the migrations that a server would apply.
	Pending(ctx context.Context) (int64, error)
}

// openForReading opens a database for inspection, beside servers that write.
func openForReading(ctx context.Context, c config.Database, as reading) (readable, error) {
	if address, ok := c.PostgresURL(); ok {
		db, err := postgres.OpenReadOnly(ctx, address)
		if _, ok := errors.AsType[*postgres.Error](err); ok {
			return nil, usage("%w", err)
		}
		if err != nil {
			return nil, err
		}
		return db, nil
	}
	path, ok := c.SQLitePath()
	if !ok {
		return nil, usage("database %s: neither sqlite:PATH nor postgres://USER@HOST/NAME", c)
	}
	open := sqlite.OpenReadOnly
	if as == glance {
		open = sqlite.Glance
	}
	db, err := open(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("%w; name its folder with --data", err)
	case err != nil:
		return nil, fmt.Errorf("audit: %w", err)
	}
	return db, nil
}
