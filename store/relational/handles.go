package relational

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
func (s Stores) Handles() handle.Store { return handles{s.engine} }

type handles struct{ Engine }

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
	err = h.Write(ctx, Buffered, func(tx Tx) error {
		// Pages of one person share items, in any order: rows alone would be locked crosswise.
		if err := tx.Lock(ctx, handlesOf(p)); err != nil {
			return err
		}
		for _, i := range pending {
			_, stale := known[keys[i]]
			name, err := keepHandle(ctx, tx, p, items[i], keys[i], now, stale)
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
func knownHandles(each string) string {
	return `
	SELECT h.item, h.handle, h.used_at FROM ` + each + `
	CROSS JOIN handles AS h WHERE h.tenant_id = ? AND h.user_id = ? AND h.item = k.value`
}

// known reads a page of items in one query, by their keys.
func (h handles) known(ctx context.Context, p handle.Person, keys []string) (_ map[string]handleRow, err error) {
	list, err := json.Marshal(keys)
	if err != nil {
		return nil, fmt.Errorf("handles: %w", err)
	}
	rows, err := h.Query(ctx, knownHandles(h.Each()), string(list), p.TenantID, p.UserID)
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

func handlesOf(p handle.Person) string { return "handles " + p.TenantID + "/" + p.UserID }

// keepHandle marks the row of a stale item used, and gives one without a row the first
// of its names that is free. Where a name is not inserted, either the item has a row
// by now, or the name is another item's. It does not trust what was read before the
// transaction: other processes add and sweep, and an item may be twice on a page.
func keepHandle(ctx context.Context, tx Tx, p handle.Person, item handle.Item, key string, now time.Time, stale bool) (string, error) {
	if stale {
		if name, err := touchItem(ctx, tx, p, key, now); !errors.Is(err, handle.ErrUnknown) {
			return name, err
		}
	}
	for _, name := range item.Names {
		result, err := tx.Exec(ctx, `
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
		if name, err := touchItem(ctx, tx, p, key, now); !errors.Is(err, handle.ErrUnknown) {
			return name, err
		}
	}
	return "", handle.ErrTaken
}

// touchItem marks the item's row used and returns its handle, or handle.ErrUnknown.
func touchItem(ctx context.Context, tx Tx, p handle.Person, key string, now time.Time) (name string, err error) {
	err = tx.QueryRow(ctx, `
		UPDATE handles SET used_at = `+latest+` WHERE tenant_id = ?2 AND user_id = ?3 AND item = ?4
		RETURNING handle`, now.UnixMilli(), p.TenantID, p.UserID, key).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", handle.ErrUnknown
	}
	if err != nil {
		return "", fmt.Errorf("handles: touch: %w", err)
	}
	return name, nil
}

// latest: the clocks of several replicas differ.
const latest = "CASE WHEN used_at > ?1 THEN used_at ELSE ?1 END"

func (h handles) Find(ctx context.Context, p handle.Person, name string) (handle.Entry, error) {
	var e handle.Entry
	var usedAt int64
	err := h.QueryRow(ctx, `SELECT graph_id, used_at FROM handles WHERE tenant_id = ? AND user_id = ? AND handle = ?`,
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
	_, err := h.change(ctx, p, "touch", `
		UPDATE handles SET used_at = `+latest+` WHERE tenant_id = ?2 AND user_id = ?3 AND handle = ?4`,
		now.UnixMilli(), p.TenantID, p.UserID, name)
	return err
}

const unusedHandles = `SELECT tenant_id, user_id, handle FROM handles WHERE used_at <= ? ORDER BY used_at LIMIT ?`

// DeleteUnused goes person by person, each with the lock of Remember.
func (h handles) DeleteUnused(ctx context.Context, before time.Time, limit int) (deleted int, err error) {
	unused, err := h.unused(ctx, before, limit)
	if err != nil {
		return 0, err
	}
	for p, names := range unused {
		list, err := json.Marshal(names)
		if err != nil {
			return deleted, fmt.Errorf("handles: %w", err)
		}
		n, err := h.change(ctx, p, "delete unused", deleteHandles(h.Each()), p.TenantID, p.UserID, before.UnixMilli(), string(list))
		if err != nil {
			return deleted, err
		}
		deleted += n
	}
	return deleted, nil
}

func (h handles) unused(ctx context.Context, before time.Time, limit int) (_ map[handle.Person][]string, err error) {
	rows, err := h.Query(ctx, unusedHandles, before.UnixMilli(), limit)
	if err != nil {
		return nil, fmt.Errorf("handles: unused: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	unused := map[handle.Person][]string{}
	for rows.Next() {
		var p handle.Person
		var name string
		if err := rows.Scan(&p.TenantID, &p.UserID, &name); err != nil {
			return nil, fmt.Errorf("handles: unused: %w", err)
		}
		unused[p] = append(unused[p], name)
	}
	return unused, rows.Err()
}

// deleteHandles leaves what was used since it was chosen.
func deleteHandles(each string) string {
	return `DELETE FROM handles WHERE tenant_id = ? AND user_id = ? AND used_at <= ? AND handle IN (SELECT k.value FROM ` + each + `)`
}

func (h handles) DeletePerson(ctx context.Context, p handle.Person) error {
	return h.Erase(ctx, func(tx Tx) error {
		if err := tx.Lock(ctx, handlesOf(p)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM handles WHERE tenant_id = ? AND user_id = ?`, p.TenantID, p.UserID); err != nil {
			return fmt.Errorf("handles: delete a person's: %w", err)
		}
		return nil
	})
}

// change runs one statement on a person's rows and returns how many it met.
func (h handles) change(ctx context.Context, p handle.Person, what, query string, args ...any) (met int, err error) {
	err = h.Write(ctx, Buffered, func(tx Tx) error {
		if err := tx.Lock(ctx, handlesOf(p)); err != nil {
			return err
		}
		result, err := tx.Exec(ctx, query, args...)
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
