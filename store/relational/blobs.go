package relational

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"m365mcp/blob"
)

// Blobs returns the store of the upload and download spool.
func (s Stores) Blobs() blob.Store { return blobs{s.engine} }

type blobs struct{ Engine }

func (b blobs) Insert(ctx context.Context, row blob.Row, limits blob.Limits, now time.Time) error {
	return b.Write(ctx, Synced, func(tx Tx) error {
		if err := tx.Lock(ctx, "blobs"); err != nil {
			return err
		}
		usage, err := scanUsage(tx.QueryRow(ctx, blobUsage, row.Owner.TenantID, row.Owner.UserID, now.UnixMilli()))
		if err != nil {
			return err
		}
		if err := limits.Admit(usage, row.Size); err != nil {
			return err
		}
		result, err := tx.Exec(ctx, `
			INSERT INTO blobs (id, tenant_id, user_id, size, head, expires_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`,
			row.ID, row.Owner.TenantID, row.Owner.UserID, row.Size, notNull(row.Head), row.ExpiresAt.UnixMilli())
		if err != nil {
			return fmt.Errorf("blobs: insert: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, blob.ErrTaken)
		}
		return nil
	})
}

const blobColumns = `id, tenant_id, user_id, size, head, expires_at`

func scanBlob(scan func(...any) error) (blob.Row, error) {
	var row blob.Row
	var expires int64
	err := scan(&row.ID, &row.Owner.TenantID, &row.Owner.UserID, &row.Size, &row.Head, &expires)
	row.ExpiresAt = time.UnixMilli(expires).UTC()
	return row, err
}

func (b blobs) Find(ctx context.Context, owner blob.Person, id string, now time.Time) (blob.Row, error) {
	row, err := scanBlob(b.QueryRow(ctx, `
		SELECT `+blobColumns+` FROM blobs WHERE id = ? AND tenant_id = ? AND user_id = ? AND expires_at > ?`,
		id, owner.TenantID, owner.UserID, now.UnixMilli()).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return blob.Row{}, blob.ErrNotFound
	case err != nil:
		return blob.Row{}, fmt.Errorf("blobs: find: %w", err)
	}
	return row, nil
}

const blobUsage = `
	SELECT coalesce(sum(size), 0), count(*), (SELECT coalesce(sum(size), 0) FROM blobs)
	FROM blobs WHERE tenant_id = ? AND user_id = ? AND expires_at > ?`

func (b blobs) Usage(ctx context.Context, owner blob.Person, now time.Time) (blob.Usage, error) {
	return scanUsage(b.QueryRow(ctx, blobUsage, owner.TenantID, owner.UserID, now.UnixMilli()))
}

func scanUsage(row *sql.Row) (u blob.Usage, err error) {
	if err := row.Scan(&u.Person, &u.Files, &u.Total); err != nil {
		return blob.Usage{}, fmt.Errorf("blobs: usage: %w", err)
	}
	return u, nil
}

const listBlobs = `SELECT ` + blobColumns + ` FROM blobs WHERE id > ? ORDER BY id LIMIT ?`

func (b blobs) List(ctx context.Context, after string, limit int) (list []blob.Row, err error) {
	rows, err := b.Query(ctx, listBlobs, after, limit)
	if err != nil {
		return nil, fmt.Errorf("blobs: list: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		row, err := scanBlob(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("blobs: list: %w", err)
		}
		list = append(list, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("blobs: list: %w", err)
	}
	return list, nil
}

func (b blobs) DeletePerson(ctx context.Context, owner blob.Person) (ids []string, err error) {
	err = b.Erase(ctx, func(tx Tx) (err error) {
		if err := tx.Lock(ctx, "blobs"); err != nil {
			return err
		}
		ids = nil
		rows, err := tx.Query(ctx, `DELETE FROM blobs WHERE tenant_id = ? AND user_id = ? RETURNING id`, owner.TenantID, owner.UserID)
		if err != nil {
			return fmt.Errorf("blobs: delete a person's: %w", err)
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return fmt.Errorf("blobs: delete a person's: %w", err)
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	return ids, err
}

func deleteBlobs(each string) string {
	return `DELETE FROM blobs WHERE id IN (SELECT value FROM ` + each + `)`
}

func (b blobs) Delete(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return fmt.Errorf("blobs: delete: %w", err)
	}
	return b.Write(ctx, Buffered, func(tx Tx) error {
		if err := tx.Lock(ctx, "blobs"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, deleteBlobs(b.Each()), string(list)); err != nil {
			return fmt.Errorf("blobs: delete: %w", err)
		}
		return nil
	})
}
