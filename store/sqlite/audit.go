package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
	driver "modernc.org/sqlite"

	"m365mcp/audit"
)

type auditStore struct{ db *DB }

// Audit returns the store of the audit log.
func (db *DB) Audit() audit.Store { return &auditStore{db: db} }

func (s *auditStore) Append(ctx context.Context, b audit.Batch) error {
	err := s.db.write(ctx, durability(b.Durable), func(tx *sql.Tx) error {
		var size int64
		if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(idx) + 1, 0) FROM audit_entry").Scan(&size); err != nil {
			return fmt.Errorf("audit size: %w", err)
		}
		if size != b.Start {
			return audit.ErrConflict
		}
		if b.Erase != nil {
			if err := erase(ctx, tx, b); err != nil {
				return err
			}
		}
		return appendBatch(ctx, tx, b)
	})
	if err == nil && b.Erase != nil {
		err = s.scrub(ctx)
	}
	return err
}

func appendBatch(ctx context.Context, tx *sql.Tx, b audit.Batch) error {
	var entries, hashes, personal, opened [][]any
	for _, e := range b.Entries {
		entries = append(entries, []any{e.Index, e.Record})
		if p := e.Personal; p != nil {
			personal = append(personal, []any{e.Index, p.TenantID, p.UserID, p.Values})
		}
	}
	first := tlog.StoredHashCount(b.Start)
	for i, h := range b.Hashes {
		hashes = append(hashes, []any{first + int64(i), h[:]})
	}
	for _, index := range b.Opened {
		opened = append(opened, []any{index})
	}
	for _, rows := range []struct {
		into string
		rows [][]any
	}{
		{"audit_entry (idx, record)", entries},
		{"audit_hash (idx, hash)", hashes},
		{"audit_personal (entry, tenant_id, user_id, fields)", personal},
		{"audit_open (entry)", opened},
	} {
		if err := insert(ctx, tx, rows.into, rows.rows); err != nil {
			return err
		}
	}
	for _, index := range b.Closed {
		if _, err := tx.ExecContext(ctx, "DELETE FROM audit_open WHERE entry = ?", index); err != nil {
			return fmt.Errorf("close the intent: %w", err)
		}
	}
	if b.Checkpoint != nil {
		const put = "INSERT INTO audit_checkpoint (one, note) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET note = excluded.note"
		if _, err := tx.ExecContext(ctx, put, b.Checkpoint); err != nil {
			return fmt.Errorf("store the checkpoint: %w", err)
		}
	}
	return nil
}

// insert adds rows in few statements: with a group commit of hundreds of rows,
// the cost of a statement is most of the cost of a row.
func insert(ctx context.Context, tx *sql.Tx, into string, rows [][]any) error {
	const most = 100
	for len(rows) > 0 {
		n := min(most, len(rows))
		tuple := "(?" + strings.Repeat(",?", len(rows[0])-1) + ")"
		query := "INSERT INTO " + into + " VALUES " + tuple + strings.Repeat(","+tuple, n-1) //nolint:gosec // constants and placeholders
		args := make([]any, 0, n*len(rows[0]))
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return fmt.Errorf("insert into %s: %w", into, err)
		}
		rows = rows[n:]
	}
	return nil
}

// erase overwrites what it deletes: a plain DELETE leaves the text in free pages.
func erase(ctx context.Context, tx *sql.Tx, b audit.Batch) error {
	const drop = "DELETE FROM audit_personal WHERE tenant_id = ? AND user_id = ? AND entry < ?"
	if _, err := tx.ExecContext(ctx, "PRAGMA secure_delete = ON"); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	_, err := tx.ExecContext(ctx, drop, b.Erase.TenantID, b.Erase.UserID, b.Start)
	if _, off := tx.ExecContext(ctx, "PRAGMA secure_delete = OFF"); err == nil {
		err = off
	}
	if err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	return nil
}

// scrub empties the write-ahead log, which holds pages from before the erasure.
func (s *auditStore) scrub(ctx context.Context) error {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	var busy, frames, moved int
	err := s.db.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	if err != nil {
		return fmt.Errorf("erase: write-ahead log: %w", err)
	}
	return nil // when a reader keeps it busy, the next automatic checkpoint overwrites it
}

func (s *auditStore) Head(ctx context.Context) (audit.Head, error) {
	var h audit.Head
	err := s.db.reader.QueryRowContext(ctx, `SELECT
		(SELECT coalesce(max(idx) + 1, 0) FROM audit_entry),
		(SELECT coalesce(max(idx) + 1, 0) FROM audit_hash),
		(SELECT note FROM audit_checkpoint)`).Scan(&h.Size, &h.Hashes, &h.Checkpoint)
	if err != nil {
		return audit.Head{}, damaged("audit head", err)
	}
	return h, nil
}

const entryColumns = `SELECT e.idx, e.record, p.tenant_id, p.user_id, p.fields
	FROM audit_entry e LEFT JOIN audit_personal p ON p.entry = e.idx `

func (s *auditStore) Entries(ctx context.Context, from int64, limit int) ([]audit.Entry, error) {
	return s.entries(ctx, entryColumns+"WHERE e.idx >= ? ORDER BY e.idx LIMIT ?", from, limit)
}

func (s *auditStore) Open(ctx context.Context) ([]audit.Entry, error) {
	return s.entries(ctx, entryColumns+"WHERE e.idx IN (SELECT entry FROM audit_open) ORDER BY e.idx")
}

func (s *auditStore) entries(ctx context.Context, query string, args ...any) (_ []audit.Entry, err error) {
	rows, err := s.db.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, damaged("audit entries", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []audit.Entry
	for rows.Next() {
		var e audit.Entry
		var tenant, user sql.NullString
		var values []byte
		if err := rows.Scan(&e.Index, &e.Record, &tenant, &user, &values); err != nil {
			return nil, damaged("audit entries", err)
		}
		if tenant.Valid {
			e.Personal = &audit.Personal{TenantID: tenant.String, UserID: user.String, Values: values}
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func (s *auditStore) Hashes(ctx context.Context, from, to int64) (_ map[int64]tlog.Hash, err error) {
	rows, err := s.db.reader.QueryContext(ctx, "SELECT idx, hash FROM audit_hash WHERE idx >= ? AND idx < ?", from, to)
	if err != nil {
		return nil, damaged("audit hashes", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := map[int64]tlog.Hash{}
	for rows.Next() {
		var index int64
		var hash []byte
		if err := rows.Scan(&index, &hash); err != nil {
			return nil, damaged("audit hashes", err)
		}
		if len(hash) == tlog.HashSize {
			out[index] = tlog.Hash(hash)
		}
	}
	return out, rows.Err()
}

func (s *auditStore) Held(ctx context.Context, p audit.Person) (int, error) {
	var n int
	err := s.db.reader.QueryRowContext(ctx,
		"SELECT count(*) FROM audit_personal WHERE tenant_id = ? AND user_id = ?", p.TenantID, p.UserID).Scan(&n)
	if err != nil {
		return 0, damaged("audit personal values", err)
	}
	return n, nil
}

// damaged names an error of reading, and tells a database that is no log any more
// from one that cannot be asked just now.
func damaged(what string, err error) error {
	if sqliteErr, ok := errors.AsType[*driver.Error](err); ok {
		missing := sqliteErr.Code() == codeError && strings.Contains(sqliteErr.Error(), "no such")
		if code := sqliteErr.Code() & 0xff; missing || code == codeCorrupt || code == codeNotADatabase {
			return fmt.Errorf("%w: %s: %w", audit.ErrDamaged, what, err)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Result codes of SQLite (https://sqlite.org/rescode.html).
const (
	codeError        = 1
	codeReadOnly     = 8
	codeCorrupt      = 11
	codeCantOpen     = 14
	codeNotADatabase = 26
)
