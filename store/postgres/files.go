package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"m365mcp/blob"
	"m365mcp/store/relational"
)

// Files keeps the spool's bytes, so that what one replica took another one can send.
func (db *DB) Files() blob.Files { return files{db} }

type files struct{ db *DB }

// idle is how long nobody must have written to a file that is swept. Another
// replica's upload that stalls for longer breaks off.
const idle = 10 * time.Minute

func (f files) Create(ctx context.Context, id string) (blob.Draft, error) {
	err := f.db.Write(ctx, relational.Buffered, func(tx relational.Tx) error {
		result, err := tx.Exec(ctx, "INSERT INTO blob_files (id, written_at) VALUES (?, clock_timestamp()) ON CONFLICT DO NOTHING", id)
		if err != nil {
			return fmt.Errorf("spool: create: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(blob.ErrTaken, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &draft{db: f.db, ctx: ctx, id: id}, nil
}

// draft implements [blob.Draft]: a row for each chunk.
type draft struct {
	db   *DB
	ctx  context.Context //nolint:containedctx // of the Create: io.Writer has none
	id   string
	size int64
}

func (d *draft) Write(chunk []byte) (int, error) {
	// One statement: the file may have been swept meanwhile, and then nothing is added.
	result, err := d.db.buffered.ExecContext(d.ctx, `
		WITH file AS (UPDATE blob_files SET written_at = clock_timestamp() WHERE id = $1 AND size IS NULL RETURNING id)
		INSERT INTO blob_chunks (id, at, data) SELECT id, $2, $3 FROM file`, d.id, d.size, chunk)
	if err != nil {
		return 0, fmt.Errorf("spool: write: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return 0, errors.Join(errors.New("spool: the file was removed while it came in"), err)
	}
	d.size += int64(len(chunk))
	return len(chunk), nil
}

func (d *draft) Commit() error {
	return d.db.Write(d.ctx, relational.Synced, func(tx relational.Tx) error {
		result, err := tx.Exec(d.ctx, "UPDATE blob_files SET size = ?, written_at = clock_timestamp() WHERE id = ? AND size IS NULL", d.size, d.id)
		if err != nil {
			return fmt.Errorf("spool: commit: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(errors.New("spool: the file was removed while it came in"), err)
		}
		return nil
	})
}

func (*draft) Close() error { return nil }

func (f files) Size(ctx context.Context, id string) (size int64, err error) {
	err = f.db.QueryRow(ctx, "SELECT size FROM blob_files WHERE id = ? AND size IS NOT NULL", id).Scan(&size)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, blob.ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("spool: size: %w", err)
	}
	return size, nil
}

func (f files) Open(ctx context.Context, id string) (blob.Content, error) {
	size, err := f.Size(ctx, id)
	if err != nil {
		return nil, err
	}
	return content{f.db, ctx, id, size}, nil
}

// content implements [blob.Content].
type content struct {
	db   *DB
	ctx  context.Context //nolint:containedctx // of the Open: io.ReaderAt has none
	id   string
	size int64
}

func (c content) Size() int64 { return c.size }

func (content) Close() error { return nil }

// ReadAt reads the chunk that holds the offset, and those after it as far as p goes.
func (c content) ReadAt(p []byte, offset int64) (read int, err error) {
	for read < len(p) {
		if offset >= c.size {
			return read, io.EOF
		}
		var at int64
		var data []byte
		err := c.db.QueryRow(c.ctx, "SELECT at, data FROM blob_chunks WHERE id = ? AND at <= ? ORDER BY at DESC LIMIT 1", c.id, offset).Scan(&at, &data)
		if errors.Is(err, sql.ErrNoRows) || err == nil && offset-at >= int64(len(data)) {
			return read, blob.ErrNotFound // removed meanwhile
		}
		if err != nil {
			return read, fmt.Errorf("spool: read: %w", err)
		}
		n := copy(p[read:], data[offset-at:])
		read, offset = read+n, offset+int64(n)
	}
	return read, nil
}

// Remove takes the chunks too, by the foreign key.
func (f files) Remove(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	return f.db.Write(ctx, relational.Buffered, func(tx relational.Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec(ctx, "DELETE FROM blob_files WHERE id = ?", id); err != nil {
				return fmt.Errorf("spool: remove: %w", err)
			}
		}
		return nil
	})
}

func (f files) Idle(ctx context.Context) (ids []string, err error) {
	rows, err := f.db.Query(ctx, "SELECT id FROM blob_files WHERE written_at < clock_timestamp() - ? * interval '1 second'", idle.Seconds())
	if err != nil {
		return nil, fmt.Errorf("spool: idle: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("spool: idle: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Close leaves the database to its owner.
func (files) Close() error { return nil }
