package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"m365mcp/handle"
)

// Handles returns the store of short ids.
func (db *DB) Handles() handle.Store { return handles{db} }

type handles struct{ db *DB }

func (h handles) Remember(ctx context.Context, p handle.Person, items []handle.Item, now, stale time.Time) ([]string, error) {
	keys := make([]string, len(items))
	for i, item := range items {
		keys[i] = itemKey(item)
	}
	known, err := h.known(ctx, p, keys)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(items))
	var pending []int
	for i, key := range keys {
		row, ok := known[key]
		names[i] = row.name
		if !ok || row.usedAt < stale.UnixMilli() {
			pending = append(pending, i)
		}
	}
	if len(pending) == 0 {
		return names, nil
	}
	err = h.db.write(ctx, buffered, func(tx *sql.Tx) error {
		for _, i := range pending {
			name, err := keepHandle(ctx, tx, p, items[i], keys[i], now)
			if err != nil {
				return err
			}
			names[i] = name
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return names, nil
}

type handleRow struct {
	name   string
	usedAt int64
}

// CROSS JOIN keeps the order: one look into the index for each key.
const knownHandles = `
	SELECT h.item, h.handle, h.used_at FROM json_each(?) AS k
	CROSS JOIN handles AS h ON h.tenant_id = ? AND h.user_id = ? AND h.item = k.value`

// known reads a page of items in one query, by their keys.
func (h handles) known(ctx context.Context, p handle.Person, keys []string) (_ map[string]handleRow, err error) {
	list, err := json.Marshal(keys)
	if err != nil {
		return nil, fmt.Errorf("handles: %w", err)
	}
	rows, err := h.db.reader.QueryContext(ctx, knownHandles, string(list), p.TenantID, p.UserID)
	if err != nil {
		return nil, fmt.Errorf("handles: read: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	known := make(map[string]handleRow, len(keys))
	for rows.Next() {
		var key string
		var row handleRow
		if err := rows.Scan(&key, &row.name, &row.usedAt); err != nil {
			return nil, fmt.Errorf("handles: read: %w", err)
		}
		known[key] = row
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("handles: read: %w", err)
	}
	return known, nil
}

// keepHandle gives the item the first of its names that is free. Where a name is not
// inserted, either the item has a row, which then is marked used, or the name is
// another item's. It does not trust what was read before the transaction: other
// processes add and sweep, and an item may be twice on a page.
func keepHandle(ctx context.Context, tx *sql.Tx, p handle.Person, item handle.Item, key string, now time.Time) (string, error) {
	for _, name := range item.Names {
		result, err := tx.ExecContext(ctx, `
			INSERT INTO handles (tenant_id, user_id, handle, item, graph_id, used_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, p.TenantID, p.UserID, name, key, item.GraphID, now.UnixMilli())
		if err != nil {
			return "", fmt.Errorf("handles: add: %w", err)
		}
		switch n, err := result.RowsAffected(); {
		case err != nil:
			return "", fmt.Errorf("handles: add: %w", err)
		case n == 1:
			return name, nil
		}
		var remembered string
		err = tx.QueryRowContext(ctx, `
			UPDATE handles SET used_at = max(used_at, ?) WHERE tenant_id = ? AND user_id = ? AND item = ?
			RETURNING handle`, now.UnixMilli(), p.TenantID, p.UserID, key).Scan(&remembered)
		switch {
		case err == nil:
			return remembered, nil
		case !errors.Is(err, sql.ErrNoRows):
			return "", fmt.Errorf("handles: touch: %w", err)
		}
	}
	return "", handle.ErrTaken
}

func (h handles) Find(ctx context.Context, p handle.Person, name string) (handle.Entry, error) {
	var e handle.Entry
	var usedAt int64
	err := h.db.queryRow(ctx, `SELECT graph_id, used_at FROM handles WHERE tenant_id = ? AND user_id = ? AND handle = ?`,
		p.TenantID, p.UserID, name).Scan(&e.GraphID, &usedAt)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return handle.Entry{}, handle.ErrUnknown
	case err != nil:
		return handle.Entry{}, fmt.Errorf("handles: find: %w", err)
	}
	e.UsedAt = time.UnixMilli(usedAt).UTC()
	return e, nil
}

func (h handles) Touch(ctx context.Context, p handle.Person, name string, now time.Time) error {
	_, err := h.change(ctx, buffered, "touch", `
		UPDATE handles SET used_at = max(used_at, ?) WHERE tenant_id = ? AND user_id = ? AND handle = ?`,
		now.UnixMilli(), p.TenantID, p.UserID, name)
	return err
}

const deleteUnusedHandles = `
	DELETE FROM handles WHERE (tenant_id, user_id, handle) IN
		(SELECT tenant_id, user_id, handle FROM handles WHERE used_at <= ? ORDER BY used_at LIMIT ?)`

func (h handles) DeleteUnused(ctx context.Context, before time.Time, limit int) (int, error) {
	return h.change(ctx, buffered, "delete unused", deleteUnusedHandles, before.UnixMilli(), limit)
}

// DeletePerson leaves no trace of the ids in free pages or in the write-ahead log.
func (h handles) DeletePerson(ctx context.Context, p handle.Person) error {
	err := h.db.write(ctx, synced, func(tx *sql.Tx) error {
		return overwriting(ctx, tx, func() error {
			_, err := tx.ExecContext(ctx, `DELETE FROM handles WHERE tenant_id = ? AND user_id = ?`, p.TenantID, p.UserID)
			if err != nil {
				return fmt.Errorf("handles: delete a person's: %w", err)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	return h.db.scrub(ctx)
}

// change runs one statement and returns how many rows it met.
func (h handles) change(ctx context.Context, d durability, what, query string, args ...any) (met int, err error) {
	err = h.db.write(ctx, d, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("handles: %s: %w", what, err)
		}
		n, err := result.RowsAffected()
		met = int(n)
		return err
	})
	if err != nil {
		return 0, err
	}
	return met, nil
}

// itemKey names kind and Graph id in 22 characters. 128 bits suffice: whoever could
// choose Graph ids so that two of them meet would confuse their own mails only.
func itemKey(item handle.Item) string {
	sum := sha256.Sum256([]byte(string(item.Kind) + "\x00" + item.GraphID))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
