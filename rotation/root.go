package rotation

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"m365mcp/internal/seal"
)

const rootName = "root"

// Open is how a server starts: Check, then Root.
func (r *Rotation) Open(ctx context.Context) (seal.Root, error) {
	if err := r.Check(ctx); err != nil {
		return seal.Root{}, err
	}
	return r.Root(ctx)
}

// Root returns the root secret of the database, sealed by the first key from here
// on. Where there is none it is stored first: of several replicas that start at
// once, one stores it and all return it. It returns a [*RootError] where the root
// secret does not open.
func (r *Rotation) Root(ctx context.Context) (seal.Root, error) {
	root, sealed, err := r.stored(ctx)
	if errors.Is(err, ErrNoSecret) {
		root, err := r.original(ctx)
		if err != nil {
			return seal.Root{}, err
		}
		return r.insert(ctx, root)
	}
	if err != nil {
		return seal.Root{}, err
	}
	moved, err := r.keys.Rewrap(sealed, seal.RootContext())
	if err != nil {
		return seal.Root{}, fmt.Errorf("root secret: %w", err)
	}
	if bytes.Equal(moved, sealed) {
		return root, nil
	}
	// Where another has moved it meanwhile, it is where it should be.
	if _, err := r.store.Replace(ctx, Secret, []Change{{ID: rootName, Old: sealed, New: moved}}); err != nil {
		return seal.Root{}, fmt.Errorf("root secret: %w", err)
	}
	return root, nil
}

// Known reports whether the first key seals the root secret: whether a server that
// can open what this key seals has started.
func (r *Rotation) Known(ctx context.Context) (bool, error) {
	sealed, err := r.store.Secret(ctx, rootName)
	if errors.Is(err, ErrNoSecret) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("root secret: %w", err)
	}
	kid, err := seal.KeyID(sealed)
	return err == nil && kid == r.first(), nil
}

// RenewRoot draws a new root secret in place of the one there is, which it need not
// be able to open. What was derived from the old one is void once every server has
// been started again.
func (r *Rotation) RenewRoot(ctx context.Context) error {
	old, err := r.store.Secret(ctx, rootName)
	if errors.Is(err, ErrNoSecret) {
		_, err = r.insert(ctx, seal.NewRoot())
		return err
	}
	if err != nil {
		return fmt.Errorf("root secret: %w", err)
	}
	sealed, err := r.keys.SealRoot(seal.NewRoot())
	if err != nil {
		return fmt.Errorf("root secret: %w", err)
	}
	n, err := r.store.Replace(ctx, Secret, []Change{{ID: rootName, Old: old, New: sealed}})
	if err == nil && n == 0 {
		err = errors.New("it was changed at the same time; try again")
	}
	if err != nil {
		return fmt.Errorf("root secret: %w", err)
	}
	return nil
}

// original is the root secret of a database that has none: a new one where nothing
// is sealed yet, else what versions without a stored one derived everything from.
// They used the key that sealed last, the foremost one that seals anything.
func (r *Rotation) original(ctx context.Context) (seal.Root, error) {
	uses, err := r.Status(ctx)
	if err != nil {
		return seal.Root{}, err
	}
	for _, u := range uses {
		if (u.State == Encrypts || u.State == Opens) && u.Total() > 0 {
			return r.keys.RootOf(u.Key)
		}
	}
	return seal.NewRoot(), nil
}

func (r *Rotation) insert(ctx context.Context, root seal.Root) (seal.Root, error) {
	sealed, err := r.keys.SealRoot(root)
	if err != nil {
		return seal.Root{}, fmt.Errorf("root secret: %w", err)
	}
	if err := r.store.InsertSecret(ctx, rootName, sealed); err != nil {
		return seal.Root{}, fmt.Errorf("root secret: %w", err)
	}
	root, _, err = r.stored(ctx) // another's, if that came first
	return root, err
}

func (r *Rotation) stored(ctx context.Context) (root seal.Root, sealed []byte, err error) {
	if sealed, err = r.store.Secret(ctx, rootName); err != nil {
		return seal.Root{}, nil, fmt.Errorf("root secret: %w", err)
	}
	root, err = r.keys.OpenRoot(sealed)
	if err != nil {
		kid, _ := seal.KeyID(sealed) // empty where not even that can be read
		return seal.Root{}, nil, &RootError{Key: kid, Err: err}
	}
	return root, sealed, nil
}
