package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"m365mcp/audit"
	"m365mcp/authserver"
	"m365mcp/config"
	"m365mcp/internal/seal"
	"m365mcp/rotation"
)

// Types of audit events.
const (
	eventRotated   = "keys.rotated"
	eventLeaked    = "keys.leaked"
	eventForgotten = "keys.forgotten"
)

const (
	rotationPause = 50 * time.Millisecond // calls come first: at most some 2,000 values a second
	commandPause  = 5 * time.Millisecond
	failuresShown = 20
)

// errInUse means that a server has the database.
var errInUse = errors.New("another server is using")

// mendable is an error that says what to do.
type mendable interface {
	error
	Fix() string
}

// openKeys returns the keys, if they are those of the database, and the root secret.
func (a *App) openKeys(ctx context.Context, store rotation.Store) (*seal.Keyring, seal.Root, error) {
	keys, err := keyring(a.config)
	if err != nil {
		return nil, seal.Root{}, err
	}
	r := rotation.New(store, keys)
	root, err := r.Open(ctx)
	if err != nil {
		return nil, seal.Root{}, keyTrouble(err)
	}
	if len(keys.IDs()) > 1 {
		a.rotation = r
	}
	return keys, root, nil
}

func keyring(c config.Config) (*seal.Keyring, error) {
	keys, err := seal.ParseKeyring(c.Keys.Encryption.Reveal())
	if err != nil {
		return nil, usage("%w; ENCRYPTION_KEY has to hold the server's keys, as \"m365-mcp keys generate\" prints them", err)
	}
	return keys, nil
}

// keyTrouble is the operator's where it says what to do.
func keyTrouble(err error) error {
	if own, ok := errors.AsType[mendable](err); ok {
		return usage("encryption key: %w; %s", err, own.Fix())
	}
	return fmt.Errorf("encryption key: %w", err)
}

// rotate moves everything onto the first key, and goes on for as long as there are
// others: a replica that has not been started again yet still uses them.
func (a *App) rotate(ctx context.Context) {
	if a.rotation == nil {
		return
	}
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		a.rotateOnce(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (a *App) rotateOnce(ctx context.Context) {
	report, err := a.rotation.Run(ctx, rotation.Pace{Pause: rotationPause})
	if err != nil && ctx.Err() == nil {
		a.log.ErrorContext(ctx, "rotation of keys: it is taken up again later", "error", err)
	}
	for i, f := range report.Failed {
		if i == failuresShown {
			a.log.ErrorContext(ctx, "more sealed values do not open", "count", len(report.Failed)-i)
			break
		}
		a.log.ErrorContext(ctx, "a sealed value does not open", "row", f.Row, "place", f.Place, "error", f.Err)
	}
	if report.Moved == 0 {
		return
	}
	a.log.InfoContext(ctx, "sealed values were moved onto the first encryption key", "key", report.Key, "moved", report.Moved)
	// Also when it was stopped: this much is done.
	if err := a.audit.Event(context.WithoutCancel(ctx), rotated(report)); err != nil {
		a.log.ErrorContext(ctx, "audit", "error", err)
	}
}

func rotated(r rotation.Report) audit.Event {
	return audit.Event{Type: eventRotated, Attributes: map[string]string{
		"key": r.Key, "moved": strconv.Itoa(r.Moved), "failed": strconv.Itoa(len(r.Failed)),
	}}
}

// KeysStatus says what each key seals in the configured database.
func KeysStatus(ctx context.Context, c config.Config) ([]rotation.Use, error) {
	k, err := openKeyring(ctx, c)
	if err != nil {
		return nil, err
	}
	uses, err := k.rotation.Status(ctx)
	return uses, errors.Join(err, k.close(ctx))
}

// RotateKeys moves everything onto the first key, beside a server that knows the key
// or where none is running. With leaked, for which none may be running, it also draws
// a new root secret and ends every sign-in: who had the key could make tokens.
func RotateKeys(ctx context.Context, c config.Config, leaked bool, progress func(rotation.Place, int)) (_ rotation.Report, _ []rotation.Use, err error) {
	k, err := openKeyring(ctx, c)
	if err != nil {
		return rotation.Report{}, nil, err
	}
	defer func() { err = errors.Join(err, k.close(ctx)) }()
	if err := k.prepare(ctx, leaked); err != nil {
		return rotation.Report{}, nil, err
	}
	report, err := k.rotation.Run(ctx, rotation.Pace{Pause: commandPause, Progress: progress})
	if report.Moved > 0 && k.audit != nil {
		err = errors.Join(err, k.audit.Event(context.WithoutCancel(ctx), rotated(report)))
	}
	if err != nil {
		return report, nil, err
	}
	uses, err := k.rotation.Status(ctx)
	return report, uses, err
}

// ForgetKey gives up what a lost key seals, and returns what that is. Unless sure, it
// does no more than that. No server may be running.
func ForgetKey(ctx context.Context, c config.Config, kid string, sure bool) (_ rotation.Use, err error) {
	k, err := openKeyring(ctx, c)
	if err != nil {
		return rotation.Use{}, err
	}
	defer func() { err = errors.Join(err, k.close(ctx)) }()
	lost, err := k.rotation.Lost(ctx, kid)
	if errors.Is(err, rotation.ErrConfigured) || errors.Is(err, rotation.ErrNotUsed) {
		return lost, usage("key %s: %w", kid, err)
	}
	if err != nil || !sure {
		return lost, err
	}
	if err := k.lock(ctx); err != nil {
		return lost, err
	}
	if err := k.audit.Event(ctx, audit.Event{Type: eventForgotten, Attributes: map[string]string{"key": kid, "values": lost.String()}}); err != nil {
		return lost, fmt.Errorf("audit: %w", err)
	}
	return lost, k.rotation.Forget(ctx, lost)
}

// keyWork is what the commands about keys work with.
type keyWork struct {
	config   config.Config
	db       opened
	rotation *rotation.Rotation
	audit    *audit.Log // while no server is running
	cleanups cleanups
}

func openKeyring(ctx context.Context, c config.Config) (*keyWork, error) {
	keys, err := keyring(c)
	if err != nil {
		return nil, err
	}
	if path, ok := c.Database.SQLitePath(); ok { // these commands make none
		if _, err := os.Stat(path); err != nil {
			return nil, usage("database: %w; name the server's with M365_MCP_DATABASE", err)
		}
	}
	k := &keyWork{config: c}
	if k.db, err = openStores(ctx, c.Database, &k.cleanups); err != nil {
		return nil, errors.Join(err, k.close(ctx))
	}
	k.rotation = rotation.New(k.db.Rotation(), keys)
	return k, nil
}

func (k *keyWork) close(ctx context.Context) error { return k.cleanups.run(context.WithoutCancel(ctx)) }

// lock keeps servers off the database and opens its audit, or returns errInUse.
func (k *keyWork) lock(ctx context.Context) error {
	release, err := k.db.exclusive(ctx)
	if err != nil {
		return err
	}
	k.cleanups.add(func(context.Context) error { return release() })
	if k.audit, _, err = openAudit(ctx, k.config, k.db, time.Now, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	k.cleanups.add(k.audit.Close)
	return nil
}

// prepare sees to it that what is moved can be opened by whoever runs.
func (k *keyWork) prepare(ctx context.Context, leaked bool) error {
	err := k.lock(ctx)
	switch {
	case errors.Is(err, errInUse) && !leaked:
		known, err := k.rotation.Known(ctx)
		if err == nil && !known {
			return usage("a server is running that does not have the first key: give it the same ENCRYPTION_KEY and restart it; " +
				"it then moves everything by itself")
		}
		return err
	case err != nil:
		return err
	case leaked:
		return k.leaked(ctx)
	}
	// Before anything is moved that tells which root this database has always had.
	if _, err := k.rotation.Root(ctx); err != nil {
		return keyTrouble(err)
	}
	return nil
}

// leaked ends every sign-in, and what could be made with the old root secret.
func (k *keyWork) leaked(ctx context.Context) error {
	if err := k.audit.Event(ctx, audit.Event{Type: eventLeaked}); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := k.db.OAuth().Kill(ctx, authserver.Selector{All: true}, time.Now()); err != nil {
		return err
	}
	return k.rotation.RenewRoot(ctx)
}
