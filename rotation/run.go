package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"m365mcp/internal/seal"
)

// Pace is how much Run does at a time. Zero values mean 100 values and no pause.
type Pace struct {
	Batch    int                      // values in one transaction
	Pause    time.Duration            // after each
	Progress func(p Place, moved int) // after each; may be nil
}

// Report says what Run did.
type Report struct {
	Key    string // onto which it moved
	Moved  int
	Failed []Failure // in no key's reach, and left as they are
}

// Failure is a value that cannot be moved.
type Failure struct {
	Place Place
	Row   string // whose value it is
	Err   error  // seal.ErrTampered or seal.ErrUnknownKey
}

func (f Failure) String() string { return fmt.Sprintf("%s: %s: %v", f.Row, f.Place, f.Err) }

// maxPasses bounds how often values are looked at again that changed meanwhile.
const maxPasses = 5

// Run moves everything onto the first key. A value that does not open is reported
// and does not stop the rest. An error means that there is more to do.
func (r *Rotation) Run(ctx context.Context, pace Pace) (Report, error) {
	if pace.Batch <= 0 {
		pace.Batch = 100
	}
	report := Report{Key: r.first()}
	for _, p := range Places() {
		var failed []Failure
		for range maxPasses {
			var overtaken bool
			var err error
			failed, overtaken, err = r.pass(ctx, p, pace, &report.Moved)
			if err != nil {
				return report, fmt.Errorf("rotation: %ss: %w", p, err)
			}
			if !overtaken {
				break
			}
		}
		report.Failed = append(report.Failed, failed...)
	}
	return report, nil
}

// pass goes once through a place. It reports whether others have changed something
// of it at the same time.
func (r *Rotation) pass(ctx context.Context, p Place, pace Pace, moved *int) (failed []Failure, overtaken bool, err error) {
	head := seal.Head(r.first())
	for after := ""; ; {
		values, err := r.store.List(ctx, p, head, after, pace.Batch)
		if err != nil || len(values) == 0 {
			return failed, overtaken, err
		}
		after = values[len(values)-1].ID
		changes, bad, err := r.rewrap(p, values)
		if err != nil {
			return failed, overtaken, err
		}
		failed = append(failed, bad...)
		n, err := r.store.Replace(ctx, p, changes)
		if err != nil {
			return failed, overtaken, err
		}
		*moved += n
		overtaken = overtaken || n < len(changes)
		if pace.Progress != nil {
			pace.Progress(p, n)
		}
		if err := sleep(ctx, pace.Pause); err != nil {
			return failed, overtaken, err
		}
	}
}

func (r *Rotation) rewrap(p Place, values []Value) (changes []Change, failed []Failure, err error) {
	for _, v := range values {
		moved, err := r.keys.Rewrap(v.Sealed, v.context(p))
		switch {
		case errors.Is(err, seal.ErrTampered), errors.Is(err, seal.ErrUnknownKey):
			failed = append(failed, Failure{p, v.name(p), err})
		case err != nil:
			return nil, nil, err
		default:
			changes = append(changes, Change{ID: v.ID, Old: v.Sealed, New: moved})
		}
	}
	return changes, failed, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
