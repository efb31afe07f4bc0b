package ticket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"m365mcp/identity"
)

const (
	// lease is how long a claim outlives its last sign of life: a server that was
	// killed holds a ticket no longer.
	lease = time.Minute
	// renewAfter spares a write on most chunks.
	renewAfter = lease / 4
	// closing is the time for the last words about a transfer whose client is gone.
	closing = 5 * time.Second
)

// Ways of redemption, as the audit names them.
const (
	viaPage   = "page"
	viaBearer = "bearer"
)

// redeem runs the transfer of a ticket that p may use. The ticket is used up if, and
// only if, run returns no error; then nobody else has run it since.
func (s *Service) redeem(ctx context.Context, row Row, p identity.Principal, via string, run func(ctx context.Context, keep func() error) error) error {
	holder := rand.Text()
	claimed := s.now()
	if err := s.store.Claim(ctx, row.Digest, holder, claimed, claimed.Add(lease)); err != nil {
		return err
	}
	keep := func() error {
		now := s.now()
		if now.Sub(claimed) < renewAfter {
			return nil
		}
		claimed = now
		return s.store.Claim(ctx, row.Digest, holder, now, now.Add(lease))
	}
	err := s.audit.Event(ctx, eventRedeemed, p, row.attributes("via", via))
	if err != nil {
		err = fmt.Errorf("audit: %w", err)
	} else if err = runBounded(ctx, keep, run); err == nil {
		err = s.store.Consume(context.WithoutCancel(ctx), row.Digest, holder)
	}
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	return errors.Join(err,
		s.store.Release(ctx, row.Digest, holder),
		s.audit.Event(ctx, eventFailed, p, row.attributes("via", via)))
}

func runBounded(ctx context.Context, keep func() error, run func(context.Context, func() error) error) error {
	ctx, cancel := context.WithTimeout(ctx, maxTransfer)
	defer cancel()
	return run(ctx, keep)
}

// refuse records that somebody who is known tried a ticket that is not for them.
func (s *Service) refuse(ctx context.Context, row Row, who identity.Principal, via, reason string) error {
	return s.audit.Event(ctx, eventRefused, who, row.attributes("via", via, "reason", reason))
}

// flow watches the bytes of one transfer. The server's timeouts are for small
// requests: here the clock runs only while nothing moves.
type flow struct {
	deadline func(time.Time) error // of the direction that the bytes go
	stall    time.Duration
	keep     func() error // the claim; nil where there is none

	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

// direction is the way that the bytes of a transfer go.
type direction bool

const (
	inward  direction = true
	outward direction = false
)

// watch lifts the server's timeouts. The returned flow must be ended.
func watch(w http.ResponseWriter, d direction, stall time.Duration, keep func() error) *flow {
	rc := http.NewResponseController(w)
	// A writer without deadlines, as in tests, has nothing to lift or to cut.
	_, _ = rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{})
	f := &flow{deadline: rc.SetWriteDeadline, stall: stall, keep: keep}
	if d == inward { // the answer can still be written
		f.deadline = rc.SetReadDeadline
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.timer = time.AfterFunc(stall, f.cut)
	return f
}

// cut ends a read or write that waits, by a deadline that has long passed.
func (f *flow) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ended {
		_ = f.deadline(time.Unix(1, 0))
	}
}

func (f *flow) moved() error {
	f.timer.Reset(f.stall)
	if f.keep == nil {
		return nil
	}
	return f.keep()
}

// end gives the connection back, which serves other requests afterwards.
func (f *flow) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.timer.Stop()
}
