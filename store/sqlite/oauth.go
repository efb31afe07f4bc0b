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

func (o oauth) InsertClient(ctx context.Context, c authserver.Client, most int) error {
	uris, err := json.Marshal(c.RedirectURIs)
	if err != nil {
		return fmt.Errorf("insert client: %w", err)
	}
	return o.db.write(ctx, synced, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `
			INSERT INTO oauth_clients (id, name, redirect_uris, auth_method, secret, created_at, last_used_at)
			SELECT ?, ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM oauth_clients) < ?`,
			c.ID, c.Name, string(uris), c.AuthMethod, c.Secret[:], millis(c.CreatedAt), millis(c.LastUsedAt), most)
		if err != nil {
			return fmt.Errorf("insert client: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return authserver.ErrTooManyClients
	})
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

func (o oauth) InsertSignIn(ctx context.Context, s authserver.SignIn) error {
	return o.db.write(ctx, buffered, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO oauth_signins (state, browser, client_id, redirect_uri, client_state, scopes, resource, challenge, epoch, expires_at)
			SELECT ?, ?, ?, ?, ?, ?, ?, ?, epoch, ? FROM oauth_epoch`,
			s.UpstreamState[:], s.Browser[:], s.ClientID, s.RedirectURI, s.State,
			strings.Join(s.Scopes, " "), s.Resource, s.Challenge, millis(s.ExpiresAt))
		if err != nil {
			return fmt.Errorf("insert sign-in: %w", err)
		}
		return nil
	})
}

func (o oauth) TakeSignIn(ctx context.Context, state, browser authserver.Digest, now time.Time) (authserver.SignIn, error) {
	s := authserver.SignIn{UpstreamState: state, Browser: browser}
	var scopes string
	var expires sql.NullInt64
	err := o.db.write(ctx, buffered, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `
			DELETE FROM oauth_signins WHERE state = ? AND browser = ? AND expires_at > ?
			RETURNING client_id, redirect_uri, client_state, scopes, resource, challenge, epoch, expires_at`,
			state[:], browser[:], millis(now)).
			Scan(&s.ClientID, &s.RedirectURI, &s.State, &scopes, &s.Resource, &s.Challenge, &s.Epoch, &expires)
	})
	if err != nil {
		return authserver.SignIn{}, notFound("take sign-in", err)
	}
	s.Scopes, s.ExpiresAt = oauthScopes(scopes), fromMillis(expires)
	return s, nil
}
