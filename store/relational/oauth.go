package relational

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"m365mcp/authserver"
	"m365mcp/identity"
)

// oauth implements authserver.Store.
type oauth struct{ Engine }

// OAuth returns the store of the authorization server.
func (s Stores) OAuth() authserver.Store { return oauth{s.engine} }

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
	return o.Write(ctx, Buffered, func(tx Tx) error {
		if err := makeRoom(ctx, tx, limits); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO oauth_clients (id, source, name, redirect_uris, auth_method, secret, created_at, last_used_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			c.ID, c.Source, c.Name, string(uris), c.AuthMethod, c.Secret[:], millis(c.CreatedAt), millis(c.LastUsedAt)); err != nil {
			return fmt.Errorf("insert client: %w", err)
		}
		return nil
	})
}

// countClients counts by index: the rows are wide, and strangers make it run.
const countClients = `
	SELECT (SELECT count(*) FROM oauth_clients) - (SELECT count(*) FROM oauth_clients WHERE source <> 'registered'),
	       (SELECT count(*) FROM oauth_clients WHERE last_used_at IS NULL)`

// makeRoom evicts as many unused clients as have to go for one more, the oldest first.
func makeRoom(ctx context.Context, tx Tx, limits authserver.ClientLimits) error {
	if err := tx.Lock(ctx, "oauth_clients"); err != nil {
		return err
	}
	var all, unused int64
	if err := tx.QueryRow(ctx, countClients).Scan(&all, &unused); err != nil {
		return fmt.Errorf("count clients: %w", err)
	}
	excess := 1 + max(all-int64(limits.Clients), unused-int64(limits.Unused))
	if excess <= 0 {
		return nil
	}
	if err := tx.Lock(ctx, "oauth_signins"); err != nil { // or one that begins now would not be seen
		return err
	}
	// Who is used for the first time meanwhile stays.
	res, err := tx.Exec(ctx, `
		DELETE FROM oauth_clients WHERE last_used_at IS NULL AND id IN (
			SELECT c.id FROM oauth_clients c
			WHERE c.last_used_at IS NULL AND c.created_at < ?
			  AND NOT EXISTS (SELECT 1 FROM oauth_signins s WHERE s.client_id = c.id)
			ORDER BY c.created_at LIMIT ?)`, millis(limits.EvictBefore), excess)
	if err != nil {
		return fmt.Errorf("evict clients: %w", err)
	}
	switch n, err := res.RowsAffected(); {
	case err != nil || n == excess:
		return err
	case n == 0:
		return authserver.ErrTooManyClients // and roll the eviction back
	}
	return makeRoom(ctx, tx, limits) // some stayed: do others suffice?
}

func (o oauth) PutClient(ctx context.Context, c authserver.Client) error {
	uris, err := json.Marshal(c.RedirectURIs)
	if err != nil {
		return fmt.Errorf("put client: %w", err)
	}
	return o.Write(ctx, Buffered, func(tx Tx) error {
		res, err := tx.Exec(ctx, `
			INSERT INTO oauth_clients (id, source, name, redirect_uris, auth_method, secret, created_at, last_used_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, redirect_uris = excluded.redirect_uris, auth_method = excluded.auth_method,
				secret = excluded.secret, created_at = excluded.created_at, last_used_at = excluded.last_used_at
			WHERE oauth_clients.source = excluded.source`,
			c.ID, c.Source, c.Name, string(uris), c.AuthMethod, c.Secret[:], millis(c.CreatedAt), millis(c.LastUsedAt))
		if err != nil {
			return fmt.Errorf("put client: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		return fmt.Errorf("put client: %s is of another source", c.ID)
	})
}

func (o oauth) GrantedClients(ctx context.Context) ([]string, error) {
	return o.ids(ctx, "granted clients", `
		SELECT DISTINCT g.client_id FROM oauth_grants g WHERE g.revoked_at IS NULL AND NOT `+grantKilled)
}

func (o oauth) Client(ctx context.Context, id string) (authserver.Client, error) {
	c := authserver.Client{ID: id}
	if !utf8.ValidString(id) || strings.ContainsRune(id, 0) { // PostgreSQL would refuse to look
		return c, authserver.ErrNotFound
	}
	var uris string
	var secret []byte
	var created, used sql.NullInt64
	err := o.QueryRow(ctx, `
		SELECT source, name, redirect_uris, auth_method, secret, created_at, last_used_at FROM oauth_clients WHERE id = ?`, id).
		Scan(&c.Source, &c.Name, &uris, &c.AuthMethod, &secret, &created, &used)
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
	err := o.Write(ctx, Buffered, func(tx Tx) error {
		for _, name := range []string{"oauth_clients", "sweep"} { // consents go with them
			if err := tx.Lock(ctx, name); err != nil {
				return err
			}
		}
		res, err := tx.Exec(ctx, `
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
	perimeter, err := perimeterText(s.Perimeter)
	if err != nil {
		return err
	}
	return o.Write(ctx, Buffered, func(tx Tx) error {
		if err := tx.Lock(ctx, "oauth_signins"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM oauth_signins WHERE expires_at <= ?`, millis(now)); err != nil {
			return fmt.Errorf("insert sign-in: expired: %w", err)
		}
		var used bool
		var pending int
		if err := tx.QueryRow(ctx, `
			SELECT EXISTS (SELECT 1 FROM oauth_signins WHERE ticket = ?), (SELECT count(*) FROM oauth_signins), epoch FROM oauth_epoch`, s.Ticket).
			Scan(&used, &pending, &s.Epoch); err != nil {
			return fmt.Errorf("insert sign-in: %w", err)
		}
		switch {
		case used:
			return authserver.ErrAlreadyUsed
		case pending >= most:
			return authserver.ErrTooManySignIns
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO oauth_signins (state, ticket, browser, client_id, redirect_uri, client_state, scopes, resource, challenge, epoch, expires_at,
				tenant_id, user_id, remembered, silent, claims, client, grant_id, perimeter)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			s.UpstreamState[:], s.Ticket, s.Browser[:], s.ClientID, s.RedirectURI, s.State,
			strings.Join(s.Scopes, " "), s.Resource, s.Challenge, s.Epoch, millis(s.ExpiresAt),
			s.Expected.TenantID, s.Expected.UserID, s.Remembered, s.Silent, s.Claims, s.Client[:], s.GrantID, perimeter); err != nil {
			return fmt.Errorf("insert sign-in: %w", err)
		}
		return nil
	})
}

// TakeSignIn leaves the row until it expires, for its ticket must not work again.
func (o oauth) TakeSignIn(ctx context.Context, state, browser authserver.Digest, now time.Time) (authserver.SignIn, error) {
	s := authserver.SignIn{UpstreamState: state, Browser: browser}
	var scopes, perimeter string
	var client []byte
	var expires sql.NullInt64
	err := o.Write(ctx, Buffered, func(tx Tx) error {
		return tx.QueryRow(ctx, `
			UPDATE oauth_signins SET taken = 1 WHERE state = ? AND browser = ? AND expires_at > ? AND taken = 0
			RETURNING ticket, client_id, redirect_uri, client_state, scopes, resource, challenge, epoch, expires_at,
				tenant_id, user_id, remembered, silent, claims, client, grant_id, perimeter`,
			state[:], browser[:], millis(now)).
			Scan(&s.Ticket, &s.ClientID, &s.RedirectURI, &s.State, &scopes, &s.Resource, &s.Challenge, &s.Epoch, &expires,
				&s.Expected.TenantID, &s.Expected.UserID, &s.Remembered, &s.Silent, &s.Claims, &client, &s.GrantID, &perimeter)
	})
	if err != nil {
		return authserver.SignIn{}, notFound("take sign-in", err)
	}
	copy(s.Client[:], client)
	s.Scopes, s.ExpiresAt, s.Perimeter = oauthScopes(scopes), fromMillis(expires), perimeterValue(perimeter)
	return s, nil
}

// perimeterText keeps who it was, without what may change.
func perimeterText(p identity.Perimeter) (string, error) {
	if p.IsZero() {
		return "", nil
	}
	text, err := json.Marshal(identity.Perimeter{Mode: p.Mode, Issuer: p.Issuer, Subject: p.Subject, Email: p.Email, Service: p.Service})
	if err != nil {
		return "", fmt.Errorf("perimeter: %w", err)
	}
	return string(text), nil
}

// perimeterValue is nobody where the text cannot be read, which is refused like nobody.
func perimeterValue(text string) (p identity.Perimeter) {
	if text == "" || json.Unmarshal([]byte(text), &p) != nil {
		return identity.Perimeter{}
	}
	return p
}
