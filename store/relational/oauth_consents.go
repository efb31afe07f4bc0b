package relational

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"m365mcp/authserver"
)

func (o oauth) PutConsent(ctx context.Context, c authserver.Consent) error {
	return o.Write(ctx, Synced, func(tx Tx) error {
		res, err := tx.Exec(ctx, `
			INSERT INTO oauth_consents (tenant_id, user_id, client_id, redirect_uri, scopes, upn, client, epoch, agreed_at)
			SELECT ?, ?, id, ?, ?, ?, ?, ?, ? FROM oauth_clients WHERE id = ?
			ON CONFLICT (tenant_id, user_id, client_id, redirect_uri) DO UPDATE SET
				scopes = excluded.scopes, upn = excluded.upn, client = excluded.client, epoch = excluded.epoch, agreed_at = excluded.agreed_at`,
			c.User.TenantID, c.User.UserID, c.RedirectURI, strings.Join(c.Scopes, " "), c.UPN, c.Client[:], c.Epoch, millis(c.AgreedAt), c.ClientID)
		if err != nil {
			return fmt.Errorf("put consent: %w", err)
		}
		return oneRow(res)
	})
}

// oneRow makes a write that met no row the contract's error.
func oneRow(res sql.Result) error {
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = authserver.ErrNotFound
	}
	return err
}

// consentKilled is killed for a consent: both have the person, the client and the epoch.
const consentKilled = killed

func (o oauth) Consent(ctx context.Context, user authserver.UserRef, clientID, redirectURI string) (authserver.Consent, error) {
	c := authserver.Consent{User: user, ClientID: clientID, RedirectURI: redirectURI}
	var scopes string
	var client []byte
	var agreed sql.NullInt64
	err := o.QueryRow(ctx, `
		SELECT g.scopes, g.upn, g.client, g.epoch, g.agreed_at FROM oauth_consents g
		WHERE g.tenant_id = ? AND g.user_id = ? AND g.client_id = ? AND g.redirect_uri = ? AND NOT `+consentKilled,
		user.TenantID, user.UserID, clientID, redirectURI).
		Scan(&scopes, &c.UPN, &client, &c.Epoch, &agreed)
	if err != nil {
		return authserver.Consent{}, notFound("consent", err)
	}
	copy(c.Client[:], client)
	c.Scopes, c.AgreedAt = oauthScopes(scopes), fromMillis(agreed)
	return c, nil
}

func (o oauth) ForgetConsents(ctx context.Context, user authserver.UserRef, clientID string) error {
	return o.Write(ctx, Synced, func(tx Tx) error {
		if err := tx.Lock(ctx, "sweep"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM oauth_consents WHERE tenant_id = ? AND user_id = ? AND client_id = ?`,
			user.TenantID, user.UserID, clientID)
		if err != nil {
			return fmt.Errorf("forget consents: %w", err)
		}
		return nil
	})
}

func (o oauth) DeleteConsents(ctx context.Context, before time.Time) error {
	return o.Write(ctx, Buffered, func(tx Tx) error {
		if err := tx.Lock(ctx, "sweep"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM oauth_consents AS g WHERE g.agreed_at <= ? OR `+consentKilled, millis(before))
		if err != nil {
			return fmt.Errorf("delete consents: %w", err)
		}
		return nil
	})
}

func (o oauth) PutDemand(ctx context.Context, d authserver.Demand) error {
	return o.Write(ctx, Synced, func(tx Tx) error {
		res, err := tx.Exec(ctx, `
			INSERT INTO oauth_demands (tenant_id, user_id, client_id, claims, demanded_at)
			SELECT ?, ?, id, ?, ? FROM oauth_clients WHERE id = ?
			ON CONFLICT (tenant_id, user_id, client_id) DO UPDATE SET claims = excluded.claims, demanded_at = excluded.demanded_at`,
			d.User.TenantID, d.User.UserID, d.Claims, millis(d.At), d.ClientID)
		if err != nil {
			return fmt.Errorf("put demand: %w", err)
		}
		return oneRow(res)
	})
}

func (o oauth) Demand(ctx context.Context, user authserver.UserRef, clientID string) (authserver.Demand, error) {
	d := authserver.Demand{User: user, ClientID: clientID}
	var at sql.NullInt64
	err := o.QueryRow(ctx, `
		SELECT claims, demanded_at FROM oauth_demands WHERE tenant_id = ? AND user_id = ? AND client_id = ?`,
		user.TenantID, user.UserID, clientID).Scan(&d.Claims, &at)
	if err != nil {
		return authserver.Demand{}, notFound("demand", err)
	}
	d.At = fromMillis(at)
	return d, nil
}

func (o oauth) DeleteDemand(ctx context.Context, user authserver.UserRef, clientID string) error {
	return o.Write(ctx, Buffered, func(tx Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM oauth_demands WHERE tenant_id = ?1 AND user_id = ?2 AND (client_id = ?3 OR ?3 = '')`,
			user.TenantID, user.UserID, clientID)
		if err != nil {
			return fmt.Errorf("delete demand: %w", err)
		}
		return nil
	})
}
