package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"m365mcp/authserver"
)

// killed compares the epoch of a grant or consent with the three kills that may cover
// it; each is a lookup by primary key, also where the grant itself is looked up.
const killed = `(
	EXISTS (SELECT 1 FROM oauth_kills k WHERE k.scope = 'all' AND k.key = '' AND k.epoch > g.epoch)
	OR EXISTS (SELECT 1 FROM oauth_kills k WHERE k.scope = 'user' AND k.key = g.tenant_id || '/' || g.user_id AND k.epoch > g.epoch)
	OR EXISTS (SELECT 1 FROM oauth_kills k WHERE k.scope = 'client' AND k.key = g.client_id AND k.epoch > g.epoch))`

// grantKilled does the same for the grant that a grant rests on, if any.
const grantKilled = `(` + killed + `
	OR g.rests_on <> '' AND NOT EXISTS (SELECT 1 FROM oauth_grants u WHERE u.id = g.rests_on AND u.revoked_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM oauth_kills k WHERE k.scope = 'all' AND k.key = '' AND k.epoch > u.epoch)
		AND NOT EXISTS (SELECT 1 FROM oauth_kills k WHERE k.scope = 'user' AND k.key = u.tenant_id || '/' || u.user_id AND k.epoch > u.epoch)
		AND NOT EXISTS (SELECT 1 FROM oauth_kills k WHERE k.scope = 'client' AND k.key = u.client_id AND k.epoch > u.epoch)))`

const grantColumns = `g.id, g.tenant_id, g.user_id, g.upn, g.mail, g.name, g.client_id, g.scopes, g.resource, g.epoch, g.generation,
	g.created_at, g.last_used_at, g.expires_at, g.ends_at, g.revoked_at, g.service, g.rests_on, g.perimeter, ` + grantKilled

// grantRow scans grantColumns.
type grantRow struct {
	grant                                 authserver.Grant
	scopes, perimeter                     string
	created, used, expires, ends, revoked sql.NullInt64
}

func (r *grantRow) fields() []any {
	g := &r.grant
	return []any{
		&g.ID, &g.TenantID, &g.UserID, &g.UPN, &g.Mail, &g.Name, &g.ClientID, &r.scopes, &g.Resource, &g.Epoch, &g.Generation,
		&r.created, &r.used, &r.expires, &r.ends, &r.revoked, &g.Service, &g.RestsOn, &r.perimeter, &g.Killed,
	}
}

func (r *grantRow) value() authserver.Grant {
	g := r.grant
	g.Scopes = oauthScopes(r.scopes)
	g.CreatedAt, g.LastUsedAt, g.ExpiresAt = fromMillis(r.created), fromMillis(r.used), fromMillis(r.expires)
	g.EndsAt, g.RevokedAt, g.Perimeter = fromMillis(r.ends), fromMillis(r.revoked), perimeterValue(r.perimeter)
	return g
}

func (o oauth) InsertGrant(ctx context.Context, g authserver.Grant, c authserver.Code) error {
	return o.Write(ctx, Synced, func(tx Tx) error {
		if err := insertGrant(ctx, tx, g); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO oauth_codes (digest, grant_id, redirect_uri, challenge, expires_at) VALUES (?, ?, ?, ?, ?)`,
			c.Digest[:], g.ID, c.RedirectURI, c.Challenge, millis(c.ExpiresAt)); err != nil {
			return fmt.Errorf("insert code: %w", err)
		}
		return nil
	})
}

// insertGrant stores a grant that no kill covers, and that its client was used.
func insertGrant(ctx context.Context, tx Tx, g authserver.Grant) error {
	res, err := tx.Exec(ctx, `UPDATE oauth_clients SET last_used_at = ? WHERE id = ?`, millis(g.CreatedAt), g.ClientID)
	if err != nil {
		return fmt.Errorf("insert grant: client: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, authserver.ErrNotFound)
	}
	perimeter, err := perimeterText(g.Perimeter)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO oauth_grants (id, tenant_id, user_id, upn, mail, name, client_id, scopes, resource,
			generation, rotated_at, epoch, created_at, last_used_at, expires_at, ends_at, service, rests_on, perimeter)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		g.ID, g.TenantID, g.UserID, g.UPN, g.Mail, g.Name, g.ClientID, strings.Join(g.Scopes, " "), g.Resource,
		g.Generation, millis(g.CreatedAt), g.Epoch, millis(g.CreatedAt), millis(g.LastUsedAt), millis(g.ExpiresAt), millis(g.EndsAt),
		g.Service, g.RestsOn, perimeter); err != nil {
		return fmt.Errorf("insert grant: %w", err)
	}
	var killed bool
	if err := tx.QueryRow(ctx, `SELECT `+grantKilled+` FROM oauth_grants g WHERE g.id = ?`, g.ID).Scan(&killed); err != nil {
		return fmt.Errorf("insert grant: kills: %w", err)
	}
	if killed {
		return authserver.ErrRevoked // and roll back
	}
	return nil
}

func (o oauth) IssueGrant(ctx context.Context, g authserver.Grant, pair authserver.Pair) error {
	return o.Write(ctx, Synced, func(tx Tx) error {
		g.Generation = pair.Generation
		if err := tx.QueryRow(ctx, `SELECT epoch FROM oauth_epoch`).Scan(&g.Epoch); err != nil {
			return fmt.Errorf("issue grant: epoch: %w", err)
		}
		if err := insertGrant(ctx, tx, g); err != nil {
			return err
		}
		return insertTokens(ctx, tx, g.ID, "", pair, g.CreatedAt)
	})
}

func (o oauth) SignIns(ctx context.Context, user authserver.UserRef, now time.Time, most int) ([]authserver.Grant, error) {
	rows, err := o.Query(ctx, `
		SELECT `+grantColumns+` FROM oauth_grants g
		WHERE g.tenant_id = ? AND g.user_id = ? AND g.service = '' AND g.rests_on = '' AND g.generation > 0
			AND g.expires_at > ? AND g.revoked_at IS NULL AND NOT `+grantKilled+`
		ORDER BY g.last_used_at DESC, g.id LIMIT ?`, user.TenantID, user.UserID, millis(now), most)
	if err != nil {
		return nil, fmt.Errorf("sign-ins: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var grants []authserver.Grant
	for rows.Next() {
		var row grantRow
		if err := rows.Scan(row.fields()...); err != nil {
			return nil, fmt.Errorf("sign-ins: %w", err)
		}
		grants = append(grants, row.value())
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sign-ins: %w", err)
	}
	return grants, nil
}

func (o oauth) Code(ctx context.Context, digest authserver.Digest) (authserver.Code, error) {
	c := authserver.Code{Digest: digest}
	var expires, used sql.NullInt64
	err := o.QueryRow(ctx, `
		SELECT c.grant_id, g.client_id, c.redirect_uri, c.challenge, c.expires_at, c.used_at
		FROM oauth_codes c JOIN oauth_grants g ON g.id = c.grant_id WHERE c.digest = ?`, digest[:]).
		Scan(&c.GrantID, &c.ClientID, &c.RedirectURI, &c.Challenge, &expires, &used)
	if err != nil {
		return authserver.Code{}, notFound("code", err)
	}
	c.ExpiresAt, c.UsedAt = fromMillis(expires), fromMillis(used)
	return c, nil
}

func (o oauth) Grant(ctx context.Context, id string) (authserver.Grant, error) {
	var row grantRow
	err := o.QueryRow(ctx, `SELECT `+grantColumns+` FROM oauth_grants g WHERE g.id = ?`, id).Scan(row.fields()...)
	if err != nil {
		return authserver.Grant{}, notFound("grant", err)
	}
	return row.value(), nil
}

func (o oauth) RedeemCode(ctx context.Context, digest authserver.Digest, pair authserver.Pair, now time.Time) (authserver.Grant, error) {
	var grant authserver.Grant
	var reused bool
	err := o.Write(ctx, Synced, func(tx Tx) error {
		var id string
		err := tx.QueryRow(ctx, `
			UPDATE oauth_codes SET used_at = ?1 WHERE digest = ?2 AND used_at IS NULL AND expires_at > ?1
			RETURNING grant_id`, millis(now), digest[:]).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			err = tx.QueryRow(ctx, `SELECT grant_id FROM oauth_codes WHERE digest = ? AND used_at IS NOT NULL`, digest[:]).Scan(&id)
			if err != nil {
				return notFound("redeem code", err)
			}
			reused = true // and commit the revocation
			_, err = revokeGrant(ctx, tx, id, "code used twice", now)
			return err
		}
		if err != nil {
			return fmt.Errorf("redeem code: %w", err)
		}
		grant, err = advance(ctx, tx, id, pair, now)
		return err
	})
	if err == nil && reused {
		err = authserver.ErrAlreadyUsed
	}
	return grant, err
}

// advance moves a live grant to the pair's generation and stores the pair, or
// returns ErrNotFound.
func advance(ctx context.Context, tx Tx, id string, pair authserver.Pair, now time.Time) (authserver.Grant, error) {
	var row grantRow
	expires := pair.AccessExpires
	if pair.RefreshExpires.After(expires) {
		expires = pair.RefreshExpires
	}
	err := tx.QueryRow(ctx, `
		UPDATE oauth_grants AS g SET generation = ?1, rotated_at = ?2, last_used_at = ?2, expires_at = ?3
		WHERE g.id = ?4 AND g.generation + 1 = ?1 AND g.revoked_at IS NULL AND NOT `+grantKilled+`
		RETURNING id`,
		pair.Generation, millis(now), millis(expires), id).Scan(&id)
	if err != nil {
		return authserver.Grant{}, notFound("advance grant", err)
	}
	if err := tx.QueryRow(ctx, `SELECT `+grantColumns+` FROM oauth_grants g WHERE g.id = ?`, id).Scan(row.fields()...); err != nil {
		return authserver.Grant{}, fmt.Errorf("advance grant: %w", err)
	}
	// To the hour: all grants of a client share this row, and would wait for each other.
	if _, err := tx.Exec(ctx, `UPDATE oauth_clients SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`,
		millis(now), row.grant.ClientID, millis(now.Add(-time.Hour))); err != nil {
		return authserver.Grant{}, fmt.Errorf("advance grant: client: %w", err)
	}
	return row.value(), insertTokens(ctx, tx, id, row.scopes, pair, now)
}

// insertTokens stores a pair; the refresh token, if there is one, has the grant's scopes.
func insertTokens(ctx context.Context, tx Tx, grantID, scopes string, pair authserver.Pair, now time.Time) error {
	const insert = `INSERT INTO oauth_tokens (digest, kind, grant_id, generation, scopes, issued_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`
	if _, err := tx.Exec(ctx, insert, pair.Access[:], authserver.AccessToken, grantID, pair.Generation,
		strings.Join(pair.Scopes, " "), millis(now), millis(pair.AccessExpires)); err != nil {
		return fmt.Errorf("store access token: %w", err)
	}
	if pair.RefreshExpires.IsZero() {
		return nil
	}
	if _, err := tx.Exec(ctx, insert, pair.Refresh[:], authserver.RefreshToken, grantID, pair.Generation,
		scopes, millis(now), millis(pair.RefreshExpires)); err != nil {
		return fmt.Errorf("store refresh token: %w", err)
	}
	return nil
}
