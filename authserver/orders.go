package authserver

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"m365mcp/audit"
	"m365mcp/identity"
)

// An order is a revocation by an administrator's command, which works beside running
// servers. Where the audit has one writer it is not the command: what the order ends
// and the order itself are one durable write, and whoever writes to the audit records
// the order and then deletes it. So no order goes without its entry, and one that is
// recorded while its recorder dies may get a second.

// Order is what was ordered, until the audit has it.
type Order struct {
	ID       string
	Selector Selector
	At       time.Time
	// Of what has ended, as the store found it.
	User     UserRef // of a person or a grant
	ClientID string  // of a client or a grant
	Grants   int     // that could be used until then
}

// OrderStore executes orders and keeps them until they are recorded. All methods are
// safe for concurrent use, on several replicas too.
type OrderStore interface {
	// PeopleNamed lists the persons whose grants or consents, ended ones included,
	// carry this user principal name, whatever its capitals.
	PeopleNamed(ctx context.Context, upn string) ([]UserRef, error)
	// Execute ends what the order's selector names, with the remembered consents, and
	// stores the order for holder until then, in one durable write. It returns the
	// order with what was found. [ErrNotFound], and nothing changes: there is neither a
	// grant that can be used nor a consent; never for a selector of all.
	Execute(ctx context.Context, order Order, holder string, until time.Time) (Order, error)
	// Orders lists the orders that are not recorded yet.
	Orders(ctx context.Context) ([]Order, error)
	// ClaimOrder gives the order to holder until then, in one conditional write, where
	// nobody's claim is left or holder has it already.
	ClaimOrder(ctx context.Context, id, holder string, now, until time.Time) (bool, error)
	// DeleteOrder deletes an order, durably. Deleting what is not there is no error.
	DeleteOrder(ctx context.Context, id string) error
}

// orderLease is how long a recorder has for one order.
const orderLease = time.Minute

// Orders gives orders and records them.
type Orders struct {
	Store  OrderStore
	Audit  Auditor // nil where another process has to record
	Now    func() time.Time
	Holder string // of this process
}

// Give executes an order. It is recorded when Give returns, if there is an Auditor.
func (o Orders) Give(ctx context.Context, selector Selector) (Order, error) {
	order, holder, now := Order{ID: randomID(), Selector: selector, At: o.Now()}, "", o.Now()
	var until time.Time
	if o.Audit != nil {
		holder, until = o.Holder, now.Add(orderLease)
	}
	order, err := o.Store.Execute(ctx, order, holder, until)
	if err != nil || o.Audit == nil {
		return order, err
	}
	return order, o.record(context.WithoutCancel(ctx), order)
}

// Record brings the orders of other processes into the audit.
func (o Orders) Record(ctx context.Context) error {
	orders, err := o.Store.Orders(ctx)
	if err != nil {
		return fmt.Errorf("orders: %w", err)
	}
	for _, order := range orders {
		now := o.Now()
		mine, err := o.Store.ClaimOrder(ctx, order.ID, o.Holder, now, now.Add(orderLease))
		if err != nil {
			return fmt.Errorf("orders: %w", err)
		}
		if !mine {
			continue
		}
		if err := o.record(ctx, order); err != nil {
			return err
		}
	}
	return nil
}

func (o Orders) record(ctx context.Context, order Order) error {
	scope := "grant"
	if kill, _, ok := order.Selector.Kill(); ok {
		scope = string(kill)
	}
	err := o.Audit.Event(ctx, audit.Event{
		Time: order.At, Type: eventRevoked,
		Principal: identity.Principal{
			TenantID: order.User.TenantID, UserID: order.User.UserID, ClientID: order.ClientID, GrantID: order.Selector.GrantID,
		},
		Attributes: map[string]string{"scope": scope, "reason": "by an administrator's command", "grants": strconv.Itoa(order.Grants), "order": order.ID},
	})
	if err != nil {
		return fmt.Errorf("order %s: audit: %w", order.ID, err)
	}
	if err := o.Store.DeleteOrder(ctx, order.ID); err != nil {
		return fmt.Errorf("order %s: %w", order.ID, err)
	}
	return nil
}
