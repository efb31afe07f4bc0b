package entra

import (
	"context"
	"time"
)

// VaultStore keeps one row of sealed tokens per grant. Its methods are safe for
// concurrent use, by several processes too; what one of them has committed, all
// of them read from then on.
type VaultStore interface {
	// Row returns the row of the grant, or ErrNoTokens.
	Row(ctx context.Context, grantID string) (VaultRow, error)

	// Put writes the row whether or not there was one, and ends any lease.
	// It is durable when it returns: it survives a power cut. It fails where there
	// is no such grant, and the row goes with the grant.
	Put(ctx context.Context, grantID string, row VaultRow) error

	// Swap replaces the row if its version still is version, and then ends any
	// lease; it reports whether it did. A row that is gone is no error. It is
	// durable when it returns. The new row may carry the same version.
	Swap(ctx context.Context, grantID, version string, row VaultRow) (bool, error)

	// Lease gives holder the right to renew the row until then, if its version
	// still is version and no other holder's lease reaches beyond now. A holder
	// may lease again, to move the end of its lease. It reports whether it did.
	// A crash may lose a lease: that costs a second refresh, and nothing else.
	Lease(ctx context.Context, grantID, version, holder string, now, until time.Time) (bool, error)

	// Delete removes the row; one that is absent is no error. Durable when it returns.
	Delete(ctx context.Context, grantID string) error
}

// VaultRow is what is kept of a grant's tokens. Times are kept to the millisecond.
type VaultRow struct {
	Version string    // drawn anew with each new set of tokens, never reused
	Access  []byte    // sealed; empty once Graph has refused the token
	Refresh []byte    // sealed; empty where none was granted
	Scopes  []string  // without spaces
	Expires time.Time // of the access token
	RenewAt time.Time // when to refresh; not after Expires
	SignIn  string    // why the person has to sign in anew; empty while all is well
	Claims  string    // what that sign-in has to carry, as JSON
}
