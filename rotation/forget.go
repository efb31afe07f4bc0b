package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"m365mcp/internal/seal"
)

var (
	// ErrConfigured means that a key is not lost.
	ErrConfigured = errors.New("the key is configured, so what it seals is not lost")

	// ErrNotUsed means that a key seals nothing.
	ErrNotUsed = errors.New("nothing is sealed by a key of this id")
)

// Lost returns what a key seals that is not configured, or [ErrConfigured] or [ErrNotUsed].
func (r *Rotation) Lost(ctx context.Context, kid string) (Use, error) {
	uses, err := r.Status(ctx)
	if err != nil {
		return Use{}, err
	}
	i := slices.IndexFunc(uses, func(u Use) bool { return u.Key == kid && kid != "" })
	switch {
	case i < 0:
		return Use{}, ErrNotUsed
	case uses[i].State != Missing:
		return Use{}, ErrConfigured
	}
	return uses[i], nil
}

// Forget gives up what Lost has returned. Its people have to sign in anew, or to
// upload again. A root secret among it is drawn anew.
func (r *Rotation) Forget(ctx context.Context, lost Use) error {
	for _, p := range Places() {
		if err := r.store.Forget(ctx, p, seal.Head(lost.Key)); err != nil {
			return fmt.Errorf("forget %ss: %w", p, err)
		}
	}
	if lost.Values[Secret] == 0 {
		return nil
	}
	_, err := r.insert(ctx, seal.NewRoot())
	return err
}
