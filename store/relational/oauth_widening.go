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

// lockGrant goes before what counts or changes several rows of one grant.
func lockGrant(ctx context.Context, tx Tx, id string) error { return tx.Lock(ctx, "grant "+id) }

// errAsked rolls an asking back.
var errAsked = errors.New("asked before")

func (o oauth) Ask(ctx context.Context, grantID string, scopes []string, now, since time.Time) (bool, error) {
	err := o.Write(ctx, Buffered, func(tx Tx) error {
		if err := lockGrant(ctx, tx, grantID); err != nil {
			return err
		}
		for _, scope := range scopes {
			res, err := tx.Exec(ctx, `
				INSERT INTO oauth_asked (grant_id, scope, asked_at) SELECT id, ?, ? FROM oauth_grants WHERE id = ?
				ON CONFLICT (grant_id, scope) DO UPDATE SET asked_at = excluded.asked_at, refreshed = 0 WHERE oauth_asked.asked_at <= ?`,
				scope, millis(now), grantID, millis(since))
			if err != nil {
				return fmt.Errorf("ask: %w", err)
			}
			if n, err := res.RowsAffected(); err != nil {
				return fmt.Errorf("ask: %w", err)
			} else if n == 0 {
				return errAsked
			}
		}
		return nil
	})
	if errors.Is(err, errAsked) {
		return false, nil
	}
	return err == nil, err
}

func (o oauth) TakeAsked(ctx context.Context, grantID string, since time.Time) (bool, error) {
	var taken int64
	err := o.Write(ctx, Buffered, func(tx Tx) error {
		if err := lockGrant(ctx, tx, grantID); err != nil {
			return err
		}
		res, err := tx.Exec(ctx, `UPDATE oauth_asked SET refreshed = 1 WHERE grant_id = ? AND asked_at > ? AND refreshed = 0`, grantID, millis(since))
		if err != nil {
			return fmt.Errorf("take asked: %w", err)
		}
		taken, err = res.RowsAffected()
		return err
	})
	return taken > 0, err
}

func (o oauth) InsertLink(ctx context.Context, l authserver.Link, most int) error {
	return o.Write(ctx, Buffered, func(tx Tx) error {
		if err := lockGrant(ctx, tx, l.GrantID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			DELETE FROM oauth_links WHERE grant_id = ?1 AND digest NOT IN (
				SELECT digest FROM oauth_links WHERE grant_id = ?1 ORDER BY expires_at DESC LIMIT ?2)`, l.GrantID, most-1); err != nil {
			return fmt.Errorf("insert link: %w", err)
		}
		res, err := tx.Exec(ctx, `
			INSERT INTO oauth_links (digest, grant_id, scopes, expires_at) SELECT ?, id, ?, ? FROM oauth_grants WHERE id = ?`,
			l.Digest[:], strings.Join(l.Scopes, " "), millis(l.ExpiresAt), l.GrantID)
		if err != nil {
			return fmt.Errorf("insert link: %w", err)
		}
		return oneRow(res)
	})
}

func (o oauth) Link(ctx context.Context, digest authserver.Digest, now time.Time) (authserver.Link, error) {
	l := authserver.Link{Digest: digest}
	var scopes string
	var expires sql.NullInt64
	err := o.QueryRow(ctx, `
		SELECT grant_id, scopes, expires_at FROM oauth_links WHERE digest = ? AND expires_at > ?`, digest[:], millis(now)).
		Scan(&l.GrantID, &scopes, &expires)
	if err != nil {
		return authserver.Link{}, notFound("link", err)
	}
	l.Scopes, l.ExpiresAt = oauthScopes(scopes), fromMillis(expires)
	return l, nil
}

func (o oauth) DeleteLink(ctx context.Context, digest authserver.Digest) error {
	return o.Write(ctx, Buffered, func(tx Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM oauth_links WHERE digest = ?`, digest[:]); err != nil {
			return fmt.Errorf("delete link: %w", err)
		}
		return nil
	})
}

func (o oauth) Widen(ctx context.Context, grantID string, from, to []string) error {
	before, after := strings.Join(from, " "), strings.Join(to, " ")
	return o.Write(ctx, Synced, func(tx Tx) error {
		if err := tx.Lock(ctx, "sweep"); err != nil { // which may have some of the tokens in hand
			return err
		}
		if err := lockGrant(ctx, tx, grantID); err != nil {
			return err
		}
		res, err := tx.Exec(ctx, `
			UPDATE oauth_grants AS g SET scopes = ? WHERE g.id = ? AND g.scopes = ? AND g.revoked_at IS NULL AND NOT `+grantKilled,
			after, grantID, before)
		if err != nil {
			return fmt.Errorf("widen grant: %w", err)
		}
		if err := oneRow(res); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE oauth_tokens SET scopes = ? WHERE grant_id = ? AND scopes = ?`, after, grantID, before); err != nil {
			return fmt.Errorf("widen tokens: %w", err)
		}
		for _, scope := range to {
			if _, err := tx.Exec(ctx, `DELETE FROM oauth_asked WHERE grant_id = ? AND scope = ?`, grantID, scope); err != nil {
				return fmt.Errorf("widen: asked: %w", err)
			}
		}
		return nil
	})
}
