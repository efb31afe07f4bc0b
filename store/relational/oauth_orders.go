package relational

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"m365mcp/authserver"
)

// Orders returns the store of revocations by command.
func (s Stores) Orders() authserver.OrderStore { return orders{s.engine} }

type orders struct{ Engine }

func (o orders) PeopleNamed(ctx context.Context, upn string) ([]authserver.UserRef, error) {
	upn = strings.ToLower(upn)
	rows, err := o.Query(ctx, `
		SELECT tenant_id, user_id FROM oauth_grants WHERE lower(upn) = ? AND user_id <> ''
		UNION SELECT tenant_id, user_id FROM oauth_consents WHERE lower(upn) = ? AND user_id <> '' ORDER BY 1, 2`, upn, upn)
	if err != nil {
		return nil, fmt.Errorf("people named: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var people []authserver.UserRef
	for rows.Next() {
		var who authserver.UserRef
		if err := rows.Scan(&who.TenantID, &who.UserID); err != nil {
			return nil, fmt.Errorf("people named: %w", err)
		}
		people = append(people, who)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("people named: %w", err)
	}
	return people, nil
}

const scopeGrant = "grant"

// Execute counts before it ends: what is granted in between has the older epoch, and
// ends without being counted.
func (o orders) Execute(ctx context.Context, order authserver.Order, holder string, until time.Time) (authserver.Order, error) {
	err := o.Write(ctx, Synced, func(tx Tx) error {
		if err := tx.Lock(ctx, "sweep"); err != nil { // consents go
			return err
		}
		scope := scopeGrant
		var err error
		if kill, _, many := order.Selector.Kill(); many {
			scope = string(kill)
			err = executeKill(ctx, tx, &order)
		} else {
			err = executeGrant(ctx, tx, &order)
		}
		if err != nil {
			return err
		}
		held := int64(0)
		if !until.IsZero() {
			held = until.UnixMilli()
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO oauth_orders (id, scope, tenant_id, user_id, client_id, grant_id, grants, ordered_at, holder, held_until)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			order.ID, scope, order.User.TenantID, order.User.UserID, order.ClientID, order.Selector.GrantID, order.Grants,
			millis(order.At), holder, held); err != nil {
			return fmt.Errorf("order: %w", err)
		}
		return nil
	})
	return order, err
}

func executeKill(ctx context.Context, tx Tx, order *authserver.Order) error {
	order.User, order.ClientID = order.Selector.User, order.Selector.ClientID
	where, args := "1 = 1", []any(nil)
	switch {
	case order.Selector.ClientID != "":
		where, args = "g.client_id = ?", []any{order.ClientID}
	case !order.Selector.All:
		where, args = "g.tenant_id = ? AND g.user_id = ?", []any{order.User.TenantID, order.User.UserID}
	}
	usable := append([]any{millis(order.At), millis(order.At)}, args...)
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM oauth_grants g WHERE `+grantUsable+` AND `+where, usable...).Scan(&order.Grants); err != nil {
		return fmt.Errorf("order: grants: %w", err)
	}
	var consents int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM oauth_consents g WHERE NOT `+consentKilled+` AND `+where, args...).Scan(&consents); err != nil {
		return fmt.Errorf("order: consents: %w", err)
	}
	if order.Grants+consents == 0 && !order.Selector.All {
		return authserver.ErrNotFound
	}
	return kill(ctx, tx, order.Selector, order.At)
}

func executeGrant(ctx context.Context, tx Tx, order *authserver.Order) error {
	id := order.Selector.GrantID
	err := tx.QueryRow(ctx, `SELECT g.tenant_id, g.user_id, g.client_id FROM oauth_grants g WHERE `+grantUsable+` AND g.id = ?`,
		millis(order.At), millis(order.At), id).Scan(&order.User.TenantID, &order.User.UserID, &order.ClientID)
	if err != nil {
		return notFound("order", err)
	}
	ended, err := revokeGrant(ctx, tx, id, "by command", order.At)
	if err != nil || !ended {
		return errors.Join(err, authserver.ErrNotFound)
	}
	order.Grants = 1
	if _, err := tx.Exec(ctx, `DELETE FROM oauth_consents WHERE tenant_id = ? AND user_id = ? AND client_id = ?`,
		order.User.TenantID, order.User.UserID, order.ClientID); err != nil {
		return fmt.Errorf("order: consents: %w", err)
	}
	return nil
}

func (o orders) Orders(ctx context.Context) ([]authserver.Order, error) {
	rows, err := o.Query(ctx, `
		SELECT id, scope, tenant_id, user_id, client_id, grant_id, grants, ordered_at FROM oauth_orders ORDER BY ordered_at, id`)
	if err != nil {
		return nil, fmt.Errorf("orders: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var list []authserver.Order
	for rows.Next() {
		var order authserver.Order
		var scope, grant string
		var at int64
		if err := rows.Scan(&order.ID, &scope, &order.User.TenantID, &order.User.UserID, &order.ClientID, &grant, &order.Grants, &at); err != nil {
			return nil, fmt.Errorf("orders: %w", err)
		}
		switch order.At = time.UnixMilli(at).UTC(); scope {
		case scopeGrant:
			order.Selector.GrantID = grant
		case string(authserver.KillUser):
			order.Selector.User = order.User
		case string(authserver.KillClient):
			order.Selector.ClientID = order.ClientID
		case string(authserver.KillAll):
			order.Selector.All = true
		}
		list = append(list, order)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("orders: %w", err)
	}
	return list, nil
}

func (o orders) ClaimOrder(ctx context.Context, id, holder string, now, until time.Time) (claimed bool, err error) {
	err = o.Write(ctx, Buffered, func(tx Tx) error {
		res, err := tx.Exec(ctx, `
			UPDATE oauth_orders SET holder = ?, held_until = ? WHERE id = ? AND (held_until <= ? OR holder = ?)`,
			holder, millis(until), id, millis(now), holder)
		if err != nil {
			return fmt.Errorf("claim order: %w", err)
		}
		n, err := res.RowsAffected()
		claimed = n == 1
		return err
	})
	return claimed, err
}

func (o orders) DeleteOrder(ctx context.Context, id string) error {
	return o.Write(ctx, Synced, func(tx Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM oauth_orders WHERE id = ?`, id); err != nil {
			return fmt.Errorf("delete order: %w", err)
		}
		return nil
	})
}
