package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"m365mcp/internal/seal"
)

// State says what is known of a key.
type State string

// The states of a key.
const (
	Encrypts State = "encrypts" // the first one
	Opens    State = "opens"    // another configured one
	Missing  State = "missing"  // seals something, and is not configured
	Unknown  State = "unknown"  // stands for values that name no key: they are damaged
)

// Use is what one key seals.
type Use struct {
	Key    string // its id; empty for State Unknown
	State  State
	Values map[Place]int
}

// Total is how many values the key seals.
func (u Use) Total() int {
	n := 0
	for _, values := range u.Values {
		n += values
	}
	return n
}

// String says what the key seals, in words.
func (u Use) String() string {
	var parts []string
	for _, p := range Places() {
		switch n := u.Values[p]; {
		case n == 1:
			parts = append(parts, "1 "+string(p))
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, p))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// Status returns the configured keys in their order, then those that are missing.
func (r *Rotation) Status(ctx context.Context) ([]Use, error) {
	values := map[string]map[Place]int{}
	for _, p := range Places() {
		err := r.store.Heads(ctx, p, seal.HeadSize, func(head []byte) {
			kid, err := seal.KeyID(head)
			if err != nil {
				kid = ""
			}
			if values[kid] == nil {
				values[kid] = map[Place]int{}
			}
			values[kid][p]++
		})
		if err != nil {
			return nil, fmt.Errorf("sealed values: %w", err)
		}
	}
	var list []Use
	for i, kid := range r.keys.IDs() {
		state := Opens
		if i == 0 {
			state = Encrypts
		}
		list = append(list, Use{kid, state, values[kid]})
		delete(values, kid)
	}
	damaged := values[""]
	delete(values, "")
	for _, kid := range slices.Sorted(maps.Keys(values)) {
		list = append(list, Use{kid, Missing, values[kid]})
	}
	if damaged != nil {
		list = append(list, Use{"", Unknown, damaged})
	}
	return list, nil
}

// Removable returns the ids of the keys that can be taken out of the configuration.
func Removable(uses []Use) []string {
	var ids []string
	for _, u := range uses {
		if u.State == Opens && u.Total() == 0 {
			ids = append(ids, u.Key)
		}
	}
	return ids
}

// MissingError says that keys are not configured which seal something.
type MissingError struct {
	Uses       []Use // of the missing keys
	Configured []string
}

func (e *MissingError) Error() string {
	what := make([]string, 0, len(e.Uses))
	for _, u := range e.Uses {
		what = append(what, fmt.Sprintf("key %s, which seals %s", u.Key, u))
	}
	return fmt.Sprintf("the database needs %s; configured: %s", strings.Join(what, ", and "), strings.Join(e.Configured, ", "))
}

// Fix says what to do about it.
func (e *MissingError) Fix() string {
	return fmt.Sprintf("put the missing key back at the end of ENCRYPTION_KEY, and take it out once \"m365-mcp keys rotate\" says that it can be removed; "+
		"where it is lost, give up what it seals with: m365-mcp keys forget %s", e.Uses[0].Key)
}

// RootError says that the root secret does not open.
type RootError struct {
	Key string // that it names; empty where it names none
	Err error
}

func (e *RootError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("the database's root secret is damaged: %v", e.Err)
	}
	return fmt.Sprintf("the database's root secret does not open with the configured key %s: it was sealed with another key of this id, or it is damaged", e.Key)
}

func (e *RootError) Unwrap() error { return e.Err }

// Fix says what to do about it.
func (e *RootError) Fix() string {
	const anew = "draw a new one, after which everybody signs in again: m365-mcp keys rotate --leaked"
	if e.Key == "" {
		return "restore the database, or " + anew
	}
	return fmt.Sprintf("configure the key %s that this database was used with; where it is lost, put another id before the new key and run: m365-mcp keys forget %s; "+
		"where the key is the right one, ", e.Key, e.Key) + anew
}

// Check returns a [*MissingError] or a [*RootError] where the configured keys are
// not those of the database. It changes nothing.
func (r *Rotation) Check(ctx context.Context) error {
	uses, err := r.Status(ctx)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(uses, func(u Use) bool { return u.State != Missing })
	if len(missing) > 0 {
		return &MissingError{missing, r.keys.IDs()}
	}
	if _, _, err := r.stored(ctx); !errors.Is(err, ErrNoSecret) {
		return err
	}
	return nil
}
