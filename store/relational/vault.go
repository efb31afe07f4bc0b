package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"m365mcp/entra"
)

// Vault returns the store of Microsoft's sealed tokens.
func (s Stores) Vault() entra.VaultStore { return vault{s.engine} }

type vault struct{ Engine }

func (v vault) Row(ctx context.Context, grantID string) (entra.VaultRow, error) {
	var (
		row              entra.VaultRow
		scopes           string
		expires, renewAt int64
	)
	err := v.QueryRow(ctx, `
		SELECT version, access, refresh, scopes, expires_at, renew_at, sign_in, claims
		FROM vault WHERE grant_id = ?`, grantID).
		Scan(&row.Version, &row.Access, &row.Refresh, &scopes, &expires, &renewAt, &row.SignIn, &row.Claims)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return entra.VaultRow{}, entra.ErrNoTokens
	case err != nil:
		return entra.VaultRow{}, fmt.Errorf("vault: read: %w", err)
	}
	row.Scopes = strings.Fields(scopes)
	row.Expires, row.RenewAt = time.UnixMilli(expires).UTC(), time.UnixMilli(renewAt).UTC()
	return row, nil
}

// Put fails where there is no such grant, by the table's foreign key.
func (v vault) Put(ctx context.Context, grantID string, row entra.VaultRow) error {
	return v.Write(ctx, Synced, func(tx Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO vault (version, access, refresh, scopes, expires_at, renew_at, sign_in, claims, grant_id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (grant_id) DO UPDATE SET version = excluded.version, access = excluded.access, refresh = excluded.refresh,
				scopes = excluded.scopes, expires_at = excluded.expires_at, renew_at = excluded.renew_at,
				sign_in = excluded.sign_in, claims = excluded.claims, lease_holder = '', lease_until = 0`, append(vaultColumns(row), grantID)...)
		if err != nil {
			return fmt.Errorf("vault: put: %w", err)
		}
		return nil
	})
}

func (v vault) Swap(ctx context.Context, grantID, version string, row entra.VaultRow) (bool, error) {
	return v.change(ctx, Synced, "swap", `
		UPDATE vault SET version = ?, access = ?, refresh = ?, scopes = ?, expires_at = ?, renew_at = ?,
			sign_in = ?, claims = ?, lease_holder = '', lease_until = 0
		WHERE grant_id = ? AND version = ?`, append(vaultColumns(row), grantID, version)...)
}

func (v vault) Lease(ctx context.Context, grantID, version, holder string, now, until time.Time) (bool, error) {
	return v.change(ctx, Buffered, "lease", `
		UPDATE vault SET lease_holder = ?, lease_until = ?
		WHERE grant_id = ? AND version = ? AND (lease_until <= ? OR lease_holder = ?)`,
		holder, until.UnixMilli(), grantID, version, now.UnixMilli(), holder)
}

func (v vault) Delete(ctx context.Context, grantID string) error {
	_, err := v.change(ctx, Synced, "delete", `DELETE FROM vault WHERE grant_id = ?`, grantID)
	return err
}

// change runs one statement and reports whether it met a row.
func (v vault) change(ctx context.Context, d Durability, what, query string, args ...any) (met bool, err error) {
	err = v.Write(ctx, d, func(tx Tx) error {
		result, err := tx.Exec(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("vault: %s: %w", what, err)
		}
		n, err := result.RowsAffected()
		if err != nil {
			return fmt.Errorf("vault: %s: %w", what, err)
		}
		met = n == 1
		return nil
	})
	return met && err == nil, err
}

// vaultColumns lists version to claims in the table's order.
func vaultColumns(row entra.VaultRow) []any {
	return []any{
		row.Version, notNull(row.Access), notNull(row.Refresh), strings.Join(row.Scopes, " "),
		row.Expires.UnixMilli(), row.RenewAt.UnixMilli(), row.SignIn, row.Claims,
	}
}

// notNull stores a nil slice as an empty value, not as NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
