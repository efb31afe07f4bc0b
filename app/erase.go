package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"m365mcp/config"
)

// person is the key of what is kept of one.
type person struct{ TenantID, UserID string }

// objectID is the form of Entra's ids.
var objectID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Erase forgets a person: ends and deletes what they granted to assistants with
// Microsoft's tokens, their short ids, links and files, and, last of all, what the
// audit says of them. It returns of how many entries. What stays is the audit's
// proofs, and the ids under which the grants were ended, which keeps a copy of them
// from coming back. No server may run on an SQLite database meanwhile.
func Erase(ctx context.Context, c config.Config, log *slog.Logger, tenantID, userID string) (entries int, err error) {
	who := person{strings.ToLower(tenantID), strings.ToLower(userID)}
	if !objectID.MatchString(who.TenantID) || !objectID.MatchString(who.UserID) {
		return 0, usage("tenant %q, user %q: both are ids of Entra, such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301; the audit names them", tenantID, userID)
	}
	if c.Server.PublicURL == "" {
		c.Server.PublicURL = "http://" + c.Server.Listen
	}
	a := &App{config: c, log: log}
	defer func() { err = errors.Join(err, a.cleanups.run(context.WithoutCancel(ctx))) }()
	if _, err := a.wire(ctx, Options{Now: time.Now}); err != nil {
		return 0, err
	}
	for _, forget := range a.forgets {
		if err := forget(ctx, who); err != nil {
			return 0, fmt.Errorf("erase: %w", err)
		}
	}
	if entries, err = a.audit.Erase(ctx, who.TenantID, who.UserID); err != nil {
		return 0, fmt.Errorf("erase: %w", err)
	}
	return entries, nil
}
