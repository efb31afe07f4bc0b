package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"m365mcp/authserver"
)

const tokenQuery = `SELECT t.kind, t.generation, t.scopes, t.issued_at, t.expires_at, ` + grantColumns + `
	FROM oauth_tokens t JOIN oauth_grants g ON g.id = t.grant_id WHERE t.digest = ?`

func (o oauth) Token(ctx context.Context, digest authserver.Digest) (authserver.Token, error) {
	var t authserver.Token
	var row grantRow
	var scopes string
	var issued, expires sql.NullInt64
	err := o.QueryRow(ctx, tokenQuery, digest[:]).
		Scan(append([]any{&t.Kind, &t.Generation, &scopes, &issued, &expires}, row.fields()...)...)
	if err != nil {
		return authserver.Token{}, notFound("token", err)
	}
	t.Scopes, t.IssuedAt, t.ExpiresAt, t.Grant = oauthScopes(scopes), fromMillis(issued), fromMillis(expires), row.value()
	return t, nil
}

func (o oauth) UseAssertion(ctx context.Context, digest authserver.Digest, expires time.Time) error {
	return o.Write(ctx, Synced, func(tx Tx) error {
		res, err := tx.Exec(ctx, `INSERT INTO oauth_assertions (digest, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING`, digest[:], millis(expires))
		if err != nil {
			return fmt.Errorf("use assertion: %w", err)
		}
		n, err := res.RowsAffected()
		if err == nil && n == 0 {
			err = authserver.ErrAlreadyUsed
		}
		return err
	})
}

func (o oauth) Rotate(ctx context.Context, grantID string, pair authserver.Pair, now, replayAfter time.Time) (authserver.Rotated, error) {
	rotated := authserver.Rotated{Access: pair.Access, AccessExpires: pair.AccessExpires, Scopes: pair.Scopes}
	var reused bool
	err := o.Write(ctx, Synced, func(tx Tx) error {
		_, err := advance(ctx, tx, grantID, pair, now)
		if !errors.Is(err, authserver.ErrNotFound) {
			return err
		}
		var generation, rotatedAt int64
		err = tx.QueryRow(ctx, `
			SELECT g.generation, g.rotated_at FROM oauth_grants g
			WHERE g.id = ? AND g.revoked_at IS NULL AND NOT `+grantKilled, grantID).Scan(&generation, &rotatedAt)
		if err != nil {
			return notFound("rotate", err)
		}
		if generation == pair.Generation && rotatedAt >= replayAfter.UnixMilli() {
			rotated, err = storedPair(ctx, tx, grantID, generation)
			return err
		}
		reused = true // and commit the revocation
		_, err = revokeGrant(ctx, tx, grantID, "refresh token used again", now)
		return err
	})
	switch {
	case err != nil:
		return authserver.Rotated{}, err
	case reused:
		return authserver.Rotated{}, authserver.ErrAlreadyUsed
	}
	return rotated, nil
}

// storedPair is what an earlier Rotate to this generation stored.
func storedPair(ctx context.Context, tx Tx, grantID string, generation int64) (authserver.Rotated, error) {
	r := authserver.Rotated{Replay: true}
	var access []byte
	var scopes string
	var expires sql.NullInt64
	err := tx.QueryRow(ctx, `
		SELECT digest, scopes, expires_at FROM oauth_tokens WHERE grant_id = ? AND generation = ? AND kind = 'access'`,
		grantID, generation).Scan(&access, &scopes, &expires)
	if err != nil {
		return r, notFound("stored pair", err)
	}
	copy(r.Access[:], access)
	r.Scopes, r.AccessExpires = oauthScopes(scopes), fromMillis(expires)
	return r, nil
}

func (o oauth) RevokeGrant(ctx context.Context, id, reason string, now time.Time) (revoked bool, err error) {
	err = o.Write(ctx, Synced, func(tx Tx) error {
		revoked, err = revokeGrant(ctx, tx, id, reason, now)
		return err
	})
	return revoked, err
}

func revokeGrant(ctx context.Context, tx Tx, id, reason string, now time.Time) (bool, error) {
	res, err := tx.Exec(ctx, `
		UPDATE oauth_grants AS g SET revoked_at = ?, revoked_for = ? WHERE g.id = ? AND g.revoked_at IS NULL AND NOT `+grantKilled,
		millis(now), reason, id)
	if err != nil {
		return false, fmt.Errorf("revoke grant: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

func (o oauth) Kill(ctx context.Context, selector authserver.Selector, now time.Time) error {
	return o.Write(ctx, Synced, func(tx Tx) error { return kill(ctx, tx, selector, now) })
}

func kill(ctx context.Context, tx Tx, selector authserver.Selector, now time.Time) error {
	scope, key, ok := selector.Kill()
	if !ok {
		return errors.New("kill: not a selector of many grants")
	}
	var epoch int64
	if err := tx.QueryRow(ctx, `UPDATE oauth_epoch SET epoch = epoch + 1 RETURNING epoch`).Scan(&epoch); err != nil {
		return fmt.Errorf("kill epoch: %w", err)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO oauth_kills (scope, key, epoch, killed_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (scope, key) DO UPDATE SET epoch = excluded.epoch, killed_at = excluded.killed_at`,
		scope, key, epoch, millis(now)); err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	return nil
}

func (o oauth) EndedGrants(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return o.ids(ctx, "ended grants", `
		SELECT g.id FROM oauth_grants g WHERE g.revoked_at IS NOT NULL OR g.expires_at <= ? OR `+grantKilled+` LIMIT ?`,
		millis(now), limit)
}

// ids reads a column of ids.
func (o oauth) ids(ctx context.Context, what, query string, args ...any) ([]string, error) {
	rows, err := o.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return ids, nil
}

func (o oauth) DeleteGrants(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return o.Write(ctx, Buffered, func(tx Tx) error {
		for _, name := range []string{"sweep", "vault"} { // their tokens go with them
			if err := tx.Lock(ctx, name); err != nil {
				return err
			}
		}
		for _, id := range ids {
			if err := lockGrant(ctx, tx, id); err != nil {
				return err
			}
			// In the order in which a redemption locks them.
			for _, statement := range []string{`DELETE FROM oauth_codes WHERE grant_id = ?`, `DELETE FROM oauth_grants WHERE id = ?`} {
				if _, err := tx.Exec(ctx, statement, id); err != nil {
					return fmt.Errorf("delete grant: %w", err)
				}
			}
		}
		return nil
	})
}

func (o oauth) DeleteExpired(ctx context.Context, now, codes time.Time) error {
	for _, d := range []struct {
		lock, statement string // the lock of others that delete several rows there
		before          time.Time
	}{
		{"oauth_signins", `DELETE FROM oauth_signins WHERE expires_at <= ?`, now},
		{"sweep", `DELETE FROM oauth_tokens WHERE expires_at <= ?`, now},
		{"sweep", `DELETE FROM oauth_links WHERE expires_at <= ?`, now},
		{"sweep", `DELETE FROM oauth_assertions WHERE expires_at <= ?`, now},
		{"sweep", `DELETE FROM oauth_codes WHERE expires_at <= ?`, codes},
	} {
		err := o.Write(ctx, Buffered, func(tx Tx) error {
			if err := tx.Lock(ctx, d.lock); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, d.statement, millis(d.before)); err != nil {
				return fmt.Errorf("delete expired: %w", err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
