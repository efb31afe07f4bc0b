package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"m365mcp/ticket"
)

// Tickets returns the store of download and upload tickets.
func (s Stores) Tickets() ticket.Store { return tickets{s.engine} }

type tickets struct{ Engine }

func (t tickets) Insert(ctx context.Context, row ticket.Row, most int, now time.Time) error {
	return t.Write(ctx, Buffered, func(tx Tx) error {
		if err := tx.Lock(ctx, "tickets "+row.Owner.TenantID+"/"+row.Owner.UserID); err != nil {
			return err
		}
		var held int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM tickets WHERE tenant_id = ? AND user_id = ? AND expires_at > ?`,
			row.Owner.TenantID, row.Owner.UserID, now.UnixMilli()).Scan(&held); err != nil {
			return fmt.Errorf("tickets: insert: %w", err)
		}
		if held >= most {
			return ticket.ErrTooMany
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO tickets (digest, grant_id, tenant_id, user_id, kind, item, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			row.Digest[:], row.GrantID, row.Owner.TenantID, row.Owner.UserID, row.Kind, notNull(row.Item), row.ExpiresAt.UnixMilli()); err != nil {
			return fmt.Errorf("tickets: insert: %w", err)
		}
		return nil
	})
}

func (t tickets) Find(ctx context.Context, digest ticket.Digest, now time.Time) (ticket.Row, error) {
	row := ticket.Row{Digest: digest}
	var expires int64
	err := t.QueryRow(ctx, `
		SELECT grant_id, tenant_id, user_id, kind, item, expires_at FROM tickets WHERE digest = ? AND expires_at > ?`,
		digest[:], now.UnixMilli()).
		Scan(&row.GrantID, &row.Owner.TenantID, &row.Owner.UserID, &row.Kind, &row.Item, &expires)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ticket.Row{}, ticket.ErrNotFound
	case err != nil:
		return ticket.Row{}, fmt.Errorf("tickets: find: %w", err)
	}
	row.ExpiresAt = time.UnixMilli(expires).UTC()
	return row, nil
}

func (t tickets) Claim(ctx context.Context, digest ticket.Digest, holder string, now, until time.Time) error {
	return t.Write(ctx, Buffered, func(tx Tx) error {
		result, err := tx.Exec(ctx, `
			UPDATE tickets SET lease_holder = ?1, lease_until = ?2
			WHERE digest = ?3 AND (lease_holder = ?1 OR (lease_until <= ?4 AND expires_at > ?4))`,
			holder, until.UnixMilli(), digest[:], now.UnixMilli())
		if err != nil {
			return fmt.Errorf("tickets: claim: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			return err
		}
		var good bool // or somebody's, who may have let it go by now
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM tickets WHERE digest = ?1 AND (expires_at > ?2 OR lease_until > ?2))`,
			digest[:], now.UnixMilli()).Scan(&good); err != nil {
			return fmt.Errorf("tickets: claim: %w", err)
		}
		if good {
			return ticket.ErrBusy
		}
		return ticket.ErrNotFound
	})
}

func (t tickets) Release(ctx context.Context, digest ticket.Digest, holder string) error {
	_, err := t.change(ctx, Buffered, "release", `
		UPDATE tickets SET lease_holder = '', lease_until = 0 WHERE digest = ? AND lease_holder = ?`, digest[:], holder)
	return err
}

func (t tickets) Consume(ctx context.Context, digest ticket.Digest, holder string) error {
	n, err := t.change(ctx, Synced, "consume", `DELETE FROM tickets WHERE digest = ? AND lease_holder = ?`, digest[:], holder)
	if err == nil && n == 0 {
		return ticket.ErrNotFound
	}
	return err
}

func (t tickets) DeletePerson(ctx context.Context, owner ticket.Person) error {
	return t.Erase(ctx, func(tx Tx) error {
		if err := tx.Lock(ctx, "tickets"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM tickets WHERE tenant_id = ? AND user_id = ?`, owner.TenantID, owner.UserID); err != nil {
			return fmt.Errorf("tickets: delete a person's: %w", err)
		}
		return nil
	})
}

const deleteExpiredTickets = `DELETE FROM tickets WHERE expires_at <= ?1 AND lease_until <= ?1`

func (t tickets) DeleteExpired(ctx context.Context, now time.Time) (deleted int, err error) {
	err = t.Write(ctx, Buffered, func(tx Tx) error {
		if err := tx.Lock(ctx, "tickets"); err != nil {
			return err
		}
		deleted, err = t.exec(ctx, tx, "delete expired", deleteExpiredTickets, now.UnixMilli())
		return err
	})
	return deleted, err
}

// change runs one statement and returns how many rows it met.
func (t tickets) change(ctx context.Context, d Durability, what, query string, args ...any) (met int, err error) {
	err = t.Write(ctx, d, func(tx Tx) error {
		met, err = t.exec(ctx, tx, what, query, args...)
		return err
	})
	return met, err
}

func (tickets) exec(ctx context.Context, tx Tx, what, query string, args ...any) (int, error) {
	result, err := tx.Exec(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("tickets: %s: %w", what, err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}
