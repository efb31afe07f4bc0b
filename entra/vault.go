package entra

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
)

// Refresher redeems refresh tokens; [Client] does.
type Refresher interface {
	// Refresh returns new tokens, or an error that IsSignInRequired and
	// IsTransient can judge.
	Refresh(ctx context.Context, refresh secret.String, scopes []string) (Tokens, error)
}

// Options of a vault; zero values mean the defaults.
type Options struct {
	// RefreshBefore is how long before its end an access token is renewed; 5 minutes.
	RefreshBefore time.Duration
	// Lease is how long one replica has the sole right to renew a grant's
	// tokens; 45 seconds. It should exceed the time a refresh may take.
	Lease time.Duration
}

// Vault keeps Microsoft's tokens sealed and gives out access tokens that live.
// It holds no token in memory: a read and a decryption cost a tenth of a
// millisecond (BenchmarkToken), and what is deleted is gone for the next call.
// It is safe for concurrent use.
type Vault struct {
	store   VaultStore
	keys    *seal.Keyring
	entra   Refresher
	now     func() time.Time
	log     *slog.Logger
	options Options

	flights singleflight.Group // one refresh per grant in this process
	uses    uses

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup // refreshes under way; Add only under mu and while open
}

// errClosed is for calls that would start a refresh after Close.
var errClosed = errors.New("token vault is closed")

// NewVault returns a vault over store. Close it before the store.
func NewVault(store VaultStore, keys *seal.Keyring, entra Refresher, now func() time.Time, logger *slog.Logger, options Options) *Vault {
	if options.RefreshBefore <= 0 {
		options.RefreshBefore = 5 * time.Minute
	}
	if options.Lease <= 0 {
		options.Lease = 45 * time.Second
	}
	return &Vault{store: store, keys: keys, entra: entra, now: now, log: logger, options: options}
}

// Put stores the tokens of a fresh sign-in under the grant, in place of any others.
func (v *Vault) Put(ctx context.Context, grantID string, t Tokens) error {
	if grantID == "" || t.Access.IsZero() {
		return errors.New("token vault: a grant and an access token are needed")
	}
	row, err := v.seal(grantID, t)
	if err != nil {
		return err
	}
	row.RenewAt = t.Expires.Add(-v.options.RefreshBefore)
	if err := v.store.Put(ctx, grantID, row); err != nil {
		return fmt.Errorf("token vault: %w", err)
	}
	return nil
}

// Token returns the grant's access token and its end, renewed where that is
// near. It returns [ErrNoTokens], a [SignInError], [seal.ErrUnknownKey] or
// [seal.ErrTampered] where waiting does not help.
func (v *Vault) Token(ctx context.Context, grantID string) (access secret.String, expires time.Time, err error) {
	row, err := v.row(ctx, grantID)
	if err != nil {
		return secret.String{}, time.Time{}, err
	}
	if !v.fresh(row, renewAt) {
		if row, err = v.renewed(ctx, grantID, renewAt); err != nil {
			return secret.String{}, time.Time{}, err
		}
	}
	v.uses.note(grantID, row, v.now())
	access, err = v.open(grantID, columnAccess, row.Access)
	if err != nil {
		return secret.String{}, time.Time{}, err
	}
	return access, row.Expires, nil
}

// Reject notes that Graph answered 401 to the access token bad: the next Token
// refreshes instead of giving it out again. With a claims challenge (continuous
// access evaluation; JSON or base64) a refresh would not help: the person has to
// sign in anew, with these claims, and Reject returns the [SignInError]. A token
// that is no longer the grant's current one changes nothing.
func (v *Vault) Reject(ctx context.Context, grantID string, bad secret.String, claims string) error {
	row, err := v.store.Row(ctx, grantID)
	if errors.Is(err, ErrNoTokens) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("token vault: %w", err)
	}
	if len(row.Access) == 0 {
		return nil
	}
	current, err := v.open(grantID, columnAccess, row.Access)
	if err != nil {
		return err
	}
	if !current.Equal(bad.Reveal()) {
		return nil
	}
	version := row.Version
	row.Access, row.Expires, row.RenewAt = nil, v.now(), v.now()
	if claims != "" {
		if row.Claims, err = DecodeClaims(claims); err != nil {
			v.log.WarnContext(ctx, "unreadable claims challenge from Graph", "grant_id", grantID, "error", err)
			row.Claims = ""
		}
		row.SignIn = "insufficient_claims"
		row.Version = rand.Text() // a refresh under way knows nothing of the challenge: its result is void
	}
	swapped, err := v.store.Swap(ctx, grantID, version, row)
	if err != nil {
		return fmt.Errorf("token vault: %w", err)
	}
	if !swapped { // by another meanwhile: the token is not current any more
		return nil
	}
	v.log.InfoContext(ctx, "Graph refused an access token", "grant_id", grantID, "sign_in_required", row.SignIn != "")
	if row.SignIn != "" {
		return &SignInError{Reason: row.SignIn, Claims: row.Claims}
	}
	return nil
}

// Delete forgets the grant's tokens; the result of a refresh under way is dropped.
func (v *Vault) Delete(ctx context.Context, grantID string) error {
	if err := v.store.Delete(ctx, grantID); err != nil {
		return fmt.Errorf("token vault: %w", err)
	}
	return nil
}

// Close starts no more refreshes and waits for those under way, so that a
// rotated refresh token is written before the store closes.
func (v *Vault) Close(ctx context.Context) error {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	done := make(chan struct{})
	go func() { // ends with the last refresh, which renewTimeout bounds
		v.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("token vault: refreshes under way: %w", context.Cause(ctx))
	}
}

// row reads the grant's row and refuses one whose person has to sign in.
func (v *Vault) row(ctx context.Context, grantID string) (VaultRow, error) {
	row, err := v.store.Row(ctx, grantID)
	if err != nil {
		return VaultRow{}, fmt.Errorf("token vault: %w", err)
	}
	if row.SignIn != "" {
		return VaultRow{}, &SignInError{Reason: row.SignIn, Claims: row.Claims}
	}
	return row, nil
}

// renewAt is when a call renews the row: it waits for it then.
func renewAt(row VaultRow) time.Time { return row.RenewAt }

// fresh reports whether the row can be used, and its time to be renewed has not come.
func (v *Vault) fresh(row VaultRow, due func(VaultRow) time.Time) bool {
	return v.lives(row, 0) && v.now().Before(due(row))
}

// lives reports whether the access token can still be used for a while.
func (v *Vault) lives(row VaultRow, while time.Duration) bool {
	return len(row.Access) > 0 && v.now().Add(while).Before(row.Expires)
}

// Names of the sealed columns, as the context of their values.
const (
	columnAccess  = "access"
	columnRefresh = "refresh"
)

func (v *Vault) seal(grantID string, t Tokens) (VaultRow, error) {
	row := VaultRow{Version: rand.Text(), Scopes: t.Scopes, Expires: t.Expires}
	var err error
	if row.Access, err = v.keys.Seal([]byte(t.Access.Reveal()), tokenContext(grantID, columnAccess)); err != nil {
		return VaultRow{}, fmt.Errorf("token vault: %w", err)
	}
	if t.Refresh.IsZero() {
		return row, nil
	}
	if row.Refresh, err = v.keys.Seal([]byte(t.Refresh.Reveal()), tokenContext(grantID, columnRefresh)); err != nil {
		return VaultRow{}, fmt.Errorf("token vault: %w", err)
	}
	return row, nil
}

func (v *Vault) open(grantID, column string, sealed []byte) (secret.String, error) {
	plain, err := v.keys.Open(sealed, tokenContext(grantID, column))
	if err != nil {
		return secret.String{}, fmt.Errorf("token vault: grant %s, %s token: %w", grantID, column, err)
	}
	return secret.New(string(plain)), nil
}
