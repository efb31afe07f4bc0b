package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"m365mcp/audit"
)

type auditStore struct{ Engine }

// Audit returns the store of the audit log.
func (s Stores) Audit() audit.Store { return auditStore{s.engine} }

func (s auditStore) Append(ctx context.Context, b audit.Batch) error {
	if b.Erase == nil {
		return s.Write(ctx, Durability(b.Durable), func(tx Tx) error { return appendBatch(ctx, tx, b) })
	}
	return s.Erase(ctx, func(tx Tx) error { return appendBatch(ctx, tx, b) })
}

func appendBatch(ctx context.Context, tx Tx, b audit.Batch) error {
	if err := tx.Lock(ctx, "audit"); err != nil {
		return err
	}
	var size int64
	if err := tx.QueryRow(ctx, "SELECT coalesce(max(idx) + 1, 0) FROM audit_entry").Scan(&size); err != nil {
		return fmt.Errorf("audit size: %w", err)
	}
	if size != b.Start {
		return audit.ErrConflict
	}
	if p := b.Erase; p != nil {
		const drop = "DELETE FROM audit_personal WHERE tenant_id = ? AND user_id = ? AND entry < ?"
		if _, err := tx.Exec(ctx, drop, p.TenantID, p.UserID, b.Start); err != nil {
			return fmt.Errorf("erase: %w", err)
		}
	}
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
		opened = append(opened, []any{index, b.Writer})
	}
	for _, rows := range []struct {
		into string
		rows [][]any
	}{
		{"audit_entry (idx, record)", entries},
		{"audit_hash (idx, hash)", hashes},
		{"audit_personal (entry, tenant_id, user_id, fields)", personal},
		{"audit_open (entry, writer)", opened},
	} {
		if err := insert(ctx, tx, rows.into, rows.rows); err != nil {
			return err
		}
	}
	for _, index := range b.Closed {
		res, err := tx.Exec(ctx, "DELETE FROM audit_open WHERE entry = ?", index)
		if err != nil {
			return fmt.Errorf("close the intent: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(audit.ErrConflict, err)
		}
	}
	if b.Checkpoint != nil {
		const put = "INSERT INTO audit_checkpoint (one, note) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET note = excluded.note"
		if _, err := tx.Exec(ctx, put, b.Checkpoint); err != nil {
			return fmt.Errorf("store the checkpoint: %w", err)
		}
	}
	return nil
}

// insert adds rows in few statements: with a group commit of hundreds of rows,
// the cost of a statement is most of the cost of a row.
func insert(ctx context.Context, tx Tx, into string, rows [][]any) error {
	const most = 100
	for len(rows) > 0 {
		n := min(most, len(rows))
		tuple := "(?" + strings.Repeat(",?", len(rows[0])-1) + ")"
		query := "INSERT INTO " + into + " VALUES " + tuple + strings.Repeat(","+tuple, n-1)
		args := make([]any, 0, n*len(rows[0]))
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		if _, err := tx.Exec(ctx, query, args...); err != nil {
			return fmt.Errorf("insert into %s: %w", into, err)
		}
		rows = rows[n:]
	}
	return nil
}

func (s auditStore) Head(ctx context.Context) (audit.Head, error) {
	var h audit.Head
	err := s.QueryRow(ctx, `SELECT
		(SELECT coalesce(max(idx) + 1, 0) FROM audit_entry),
		(SELECT coalesce(max(idx) + 1, 0) FROM audit_hash),
		(SELECT note FROM audit_checkpoint)`).Scan(&h.Size, &h.Hashes, &h.Checkpoint)
	if err != nil {
		return audit.Head{}, s.Damaged("audit head", err)
	}
	return h, nil
}

const (
	entryColumns = `SELECT e.idx, e.record, p.tenant_id, p.user_id, p.fields`
	entryTables  = ` FROM audit_entry e LEFT JOIN audit_personal p ON p.entry = e.idx `
)

func (s auditStore) Entries(ctx context.Context, from int64, limit int) ([]audit.Entry, error) {
	return s.entries(ctx, entryColumns+", ''"+entryTables+"WHERE e.idx >= ? ORDER BY e.idx LIMIT ?", from, limit)
}

func (s auditStore) Open(ctx context.Context) ([]audit.Entry, error) {
	return s.entries(ctx, entryColumns+", o.writer"+entryTables+"JOIN audit_open o ON o.entry = e.idx ORDER BY e.idx")
}

func (s auditStore) entries(ctx context.Context, query string, args ...any) (_ []audit.Entry, err error) {
	rows, err := s.Query(ctx, query, args...)
	if err != nil {
		return nil, s.Damaged("audit entries", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []audit.Entry
	for rows.Next() {
		var e audit.Entry
		var tenant, user sql.NullString
		var values []byte
		if err := rows.Scan(&e.Index, &e.Record, &tenant, &user, &values, &e.Writer); err != nil {
			return nil, s.Damaged("audit entries", err)
		}
		if tenant.Valid {
			e.Personal = &audit.Personal{TenantID: tenant.String, UserID: user.String, Values: values}
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func (s auditStore) Hashes(ctx context.Context, from, to int64) (_ map[int64]tlog.Hash, err error) {
	rows, err := s.Query(ctx, "SELECT idx, hash FROM audit_hash WHERE idx >= ? AND idx < ?", from, to)
	if err != nil {
		return nil, s.Damaged("audit hashes", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out := map[int64]tlog.Hash{}
	for rows.Next() {
		var index int64
		var hash []byte
		if err := rows.Scan(&index, &hash); err != nil {
			return nil, s.Damaged("audit hashes", err)
		}
		if len(hash) == tlog.HashSize {
			out[index] = tlog.Hash(hash)
		}
	}
	return out, rows.Err()
}

func (s auditStore) Held(ctx context.Context, p audit.Person) (int, error) {
	var n int
	err := s.QueryRow(ctx,
		"SELECT count(*) FROM audit_personal WHERE tenant_id = ? AND user_id = ?", p.TenantID, p.UserID).Scan(&n)
	if err != nil {
		return 0, s.Damaged("audit personal values", err)
	}
	return n, nil
}
