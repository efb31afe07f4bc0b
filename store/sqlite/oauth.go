package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"m365mcp/authserver"
)

// oauth implements authserver.Store.
type oauth struct{ db *DB }

// OAuth returns the store of the authorization server.
func (db *DB) OAuth() authserver.Store { return oauth{db} }

// millis and fromMillis convert the times of all tables; null is the zero time.
func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

func fromMillis(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMilli(n.Int64).UTC()
}

func oauthScopes(text string) []string { return strings.Fields(text) }

// notFound makes the absence of a row the contract's error.
func notFound(what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return authserver.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (o oauth) InsertClient(ctx context.Context, c authserver.Client, limits authserver.ClientLimits) error {
	uris, err := json.Marshal(c.RedirectURIs)
	if err != nil {
		return fmt.Errorf("insert client: %w", err)
	}
	return o.db.write(ctx, buffered, func(tx *sql.Tx) error {
		if err := makeRoom(ctx, tx, limits); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `
			INSERT INTO oauth_clients (id, name, redirect_uris, auth_method, secret, created_at, last_used_at)
			VALUES (?, ?, ?, ?, ?, ?, ?)`,
			c.ID, c.Name, string(uris), c.AuthMethod, c.Secret[:], millis(c.CreatedAt), millis(c.LastUsedAt)); err != nil {
			return fmt.Errorf("insert client: %w", err)
		}
		return nil
	})
}

// makeRoom evicts as many unused clients as have to go for one more, the oldest first.
func makeRoom(ctx context.Context, tx *sql.Tx, limits authserver.ClientLimits) error {
	var all, unused int64
	if err := tx.QueryRowContext(ctx, `
		SELECT (SELECT count(*) FROM oauth_clients), (SELECT count(*) FROM oauth_clients WHERE last_used_at IS NULL)`).
		Scan(&all, &unused); err != nil {
		return fmt.Errorf("count clients: %w", err)
	}
	excess := 1 + max(all-int64(limits.Clients), unused-int64(limits.Unused))
	if excess <= 0 {
		return nil
	}
	res, err := tx.ExecContext(ctx, `
		DELETE FROM oauth_clients WHERE id IN (
			SELECT c.id FROM oauth_clients c
			WHERE c.last_used_at IS NULL AND c.created_at < ?
			  AND NOT EXISTS (SELECT 1 FROM oauth_signins s WHERE s.client_id = c.id)
			ORDER BY c.created_at LIMIT ?)`, millis(limits.EvictBefore), excess)
	if err != nil {
		return fmt.Errorf("evict clients: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == excess {
		return err
	}
	return authserver.ErrTooManyClients // and roll the eviction back
}

func (o oauth) Client(ctx context.Context, id string) (authserver.Client, error) {
	c := authserver.Client{ID: id}
	var uris string
	var secret []byte
	var created, used sql.NullInt64
	err := o.db.reader.QueryRowContext(ctx, `
		SELECT name, redirect_uris, auth_method, secret, created_at, last_used_at FROM oauth_clients WHERE id = ?`, id).
		Scan(&c.Name, &uris, &c.AuthMethod, &secret, &created, &used)
	if err != nil {
		return c, notFound("client", err)
	}
	if err := json.Unmarshal([]byte(uris), &c.RedirectURIs); err != nil {
		return c, fmt.Errorf("client: redirect URIs: %w", err)
	}
	copy(c.Secret[:], secret)
	c.CreatedAt, c.LastUsedAt = fromMillis(created), fromMillis(used)
	return c, nil
}

func (o oauth) DeleteIdleClients(ctx context.Context, unused, idle time.Time) (int, error) {
	var deleted int64
	err := o.db.write(ctx, buffered, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `
			DELETE FROM oauth_clients
			WHERE CASE WHEN last_used_at IS NULL THEN created_at < ? ELSE last_used_at < ? END
			  AND NOT EXISTS (SELECT 1 FROM oauth_grants g WHERE g.client_id = oauth_clients.id)`,
			millis(unused), millis(idle))
		if err != nil {
			return fmt.Errorf("delete idle clients: %w", err)
		}
		deleted, err = res.RowsAffected()
		return err
	})
	return int(deleted), err
}

func (o oauth) InsertSignIn(ctx context.Context, s authserver.SignIn, most int, now time.Time) error {
	return o.db.write(ctx, buffered, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM oauth_signins WHERE expires_at <= ?`, millis(now)); err != nil {
			return fmt.Errorf("insert sign-in: expired: %w", err)
		}
		res, err := tx.ExecContext(ctx, `
			INSERT INTO oauth_signins (state, ticket, browser, client_id, redirect_uri, client_state, scopes, resource, challenge, epoch, expires_at)
			SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, epoch, ? FROM oauth_epoch WHERE (SELECT count(*) FROM oauth_signins) < ?
			ON CONFLICT (ticket) DO NOTHING`,
			s.UpstreamState[:], s.Ticket, s.Browser[:], s.ClientID, s.RedirectURI, s.State,
			strings.Join(s.Scopes, " "), s.Resource, s.Challenge, millis(s.ExpiresAt), most)
		if err != nil {
			return fmt.Errorf("insert sign-in: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		var used bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM oauth_signins WHERE ticket = ?)`, s.Ticket).Scan(&used); err != nil {
			return fmt.Errorf("insert sign-in: ticket: %w", err)
		}
		if used {
			return authserver.ErrAlreadyUsed
		}
		return authserver.ErrTooManySignIns
	})
}

// TakeSignIn leaves the row until it expires, for its ticket must not work again.
func (o oauth) TakeSignIn(ctx context.Context, state, browser authserver.Digest, now time.Time) (authserver.SignIn, error) {
	s := authserver.SignIn{UpstreamState: state, Browser: browser}
	var scopes string
	var expires sql.NullInt64
	err := o.db.write(ctx, buffered, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `
			UPDATE oauth_signins SET taken = 1 WHERE state = ? AND browser = ? AND expires_at > ? AND taken = 0
			RETURNING ticket, client_id, redirect_uri, client_state, scopes, resource, challenge, epoch, expires_at`,
			state[:], browser[:], millis(now)).
			Scan(&s.Ticket, &s.ClientID, &s.RedirectURI, &s.State, &scopes, &s.Resource, &s.Challenge, &s.Epoch, &expires)
	})
	if err != nil {
		return authserver.SignIn{}, notFound("take sign-in", err)
	}
	s.Scopes, s.ExpiresAt = oauthScopes(scopes), fromMillis(expires)
	return s, nil
}
