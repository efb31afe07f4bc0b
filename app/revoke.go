package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"m365mcp/authserver"
	"m365mcp/config"
)

// Revocation says what to end: exactly one of its fields is set.
type Revocation struct {
	User   string // user principal name, or tenant id/object id
	Client string
	Grant  string
	All    bool
}

// Revoked is what has ended.
type Revoked struct {
	Grants   int
	Recorded bool // in the audit, by now
}

const (
	recordPatience = 10 * time.Second // for the server that has to record an order
	recordLook     = 50 * time.Millisecond
	endedBatch     = 200
)

// Revoke ends grants, beside running servers or where there are none. When it returns
// without an error, no token of theirs is accepted by any server, and the audit has it
// or will have it with the next start of a server.
func Revoke(ctx context.Context, c config.Config, r Revocation) (_ Revoked, err error) {
	if path, ok := c.Database.SQLitePath(); ok { // this command makes none
		if _, err := os.Stat(path); err != nil {
			return Revoked{}, usage("database: %w; name the server's with M365_MCP_DATABASE", err)
		}
	}
	var end cleanups
	defer func() { err = errors.Join(err, end.run(context.WithoutCancel(ctx))) }()
	db, err := openStores(ctx, c.Database, &end)
	if err != nil {
		return Revoked{}, err
	}
	selector, err := r.selector(ctx, db.Orders())
	if err != nil {
		return Revoked{}, err
	}
	orders := authserver.Orders{Store: db.Orders(), Now: time.Now, Holder: newID(time.Now)()}
	if err := withAudit(ctx, c, db, &orders, &end); err != nil {
		return Revoked{}, err
	}
	order, err := orders.Give(ctx, selector)
	if errors.Is(err, authserver.ErrNotFound) {
		return Revoked{}, r.nothing()
	}
	if err != nil {
		return Revoked{}, fmt.Errorf("revoke: %w", err)
	}
	if err := deleteEnded(ctx, db.OAuth()); err != nil {
		return Revoked{}, err
	}
	recorded, err := awaitRecord(ctx, db.Orders(), order.ID)
	return Revoked{Grants: order.Grants, Recorded: recorded}, err
}

// withAudit opens the audit where this process may write to it: beside the servers of
// a PostgreSQL database, or alone on an SQLite one.
func withAudit(ctx context.Context, c config.Config, db opened, orders *authserver.Orders, end *cleanups) error {
	if db.presence == nil {
		release, err := db.exclusive(ctx)
		if errors.Is(err, errInUse) {
			return nil
		}
		if err != nil {
			return err
		}
		end.add(func(context.Context) error { return release() })
	}
	log, _, err := openAudit(ctx, c, db, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	end.add(log.Close)
	orders.Audit = log
	return nil
}

// selector finds out who is meant.
func (r Revocation) selector(ctx context.Context, store authserver.OrderStore) (authserver.Selector, error) {
	if r.User == "" {
		return authserver.Selector{GrantID: r.Grant, ClientID: r.Client, All: r.All}, nil
	}
	const byID = "name the person by the ids of Entra, --user TENANT/OBJECT: \"audit tail\" has them as tenantId and userId"
	if tenant, user, ok := strings.Cut(strings.ToLower(r.User), "/"); ok {
		if !objectID.MatchString(tenant) || !objectID.MatchString(user) {
			return authserver.Selector{}, usage("user %q: %s", r.User, byID)
		}
		return authserver.Selector{User: authserver.UserRef{TenantID: tenant, UserID: user}}, nil
	}
	people, err := store.PeopleNamed(ctx, r.User)
	if err != nil {
		return authserver.Selector{}, fmt.Errorf("revoke: %w", err)
	}
	switch len(people) {
	case 0:
		return authserver.Selector{}, fmt.Errorf("nobody with the name %s has signed in here, or it was another name then; nothing was revoked: %s", r.User, byID)
	case 1:
		return authserver.Selector{User: people[0]}, nil
	}
	var ids []string
	for _, who := range people {
		ids = append(ids, who.TenantID+"/"+who.UserID)
	}
	return authserver.Selector{}, fmt.Errorf("%d persons have had the name %s; nothing was revoked: name one of them, --user %s", len(people), r.User, strings.Join(ids, " or "))
}

// nothing says what was looked for in vain.
func (r Revocation) nothing() error {
	switch {
	case r.User != "":
		return fmt.Errorf("no assistant has access in the name of %s; nothing was revoked", r.User)
	case r.Client != "":
		return fmt.Errorf("client %s has access in nobody's name; nothing was revoked: \"audit tail\" has the ids of clients as clientId", r.Client)
	default:
		return fmt.Errorf("grant %s is unknown here or has ended before; nothing was revoked: \"audit tail\" has the ids of grants as grantId", r.Grant)
	}
}

// deleteEnded deletes Microsoft's tokens of what has ended, as a server does every
// few minutes.
func deleteEnded(ctx context.Context, store authserver.Store) error {
	for {
		ids, err := store.EndedGrants(ctx, time.Now(), endedBatch)
		if err == nil {
			err = store.DeleteGrants(ctx, ids)
		}
		if err != nil {
			return fmt.Errorf("revoked, but Microsoft's tokens are not deleted yet; a server does it within minutes: %w", err)
		}
		if len(ids) < endedBatch {
			return nil
		}
	}
}

// awaitRecord waits until a server has recorded the order.
func awaitRecord(ctx context.Context, store authserver.OrderStore, id string) (bool, error) {
	for deadline := time.Now().Add(recordPatience); ; {
		waiting, err := store.Orders(ctx)
		if err != nil {
			return false, fmt.Errorf("revoked, but not known to be in the audit: %w", err)
		}
		if !contains(waiting, id) {
			return true, nil
		}
		if time.Now().After(deadline) {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-time.After(recordLook):
		}
	}
}

func contains(orders []authserver.Order, id string) bool {
	for _, o := range orders {
		if o.ID == id {
			return true
		}
	}
	return false
}

// recordOrders brings into the audit what commands have ended that cannot write to it.
func (a *App) recordOrders(ctx context.Context) {
	tick := time.NewTicker(ordersInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := a.orders.Record(ctx); err != nil && ctx.Err() == nil {
				a.log.ErrorContext(ctx, "revocations by command are not in the audit yet", "error", err)
			}
		}
	}
}
