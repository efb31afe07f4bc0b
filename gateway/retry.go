package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"m365mcp/graph"
)

// Retry bounds the repetition of requests that only read.
type Retry struct {
	MaxAttempts int           // the first one included; 1 means no retry
	Backoff     time.Duration // before the second attempt where Graph names no time; doubles
	MaxWait     time.Duration // a longer Retry-After is not waited for but handed to the caller
}

// repeatable are the answers after which Microsoft asks clients to come back
// (https://learn.microsoft.com/graph/throttling, /graph/best-practices-concept).
var repeatable = []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

func (r Retry) executor() failsafe.Executor[*graph.Response] {
	return failsafe.With(retrypolicy.NewBuilder[*graph.Response]().
		WithMaxAttempts(r.MaxAttempts).
		WithBackoff(r.Backoff, max(r.MaxWait, 2*r.Backoff)).
		WithJitterFactor(0.2).
		WithDelayFunc(func(e failsafe.ExecutionAttempt[*graph.Response]) time.Duration {
			var ge *graph.Error
			if errors.As(e.LastError(), &ge) && ge.RetryAfter > 0 {
				return ge.RetryAfter
			}
			return -1 // back off
		}).
		HandleIf(func(_ *graph.Response, err error) bool { return r.worthRepeating(err) }).
		ReturnLastFailure().
		Build())
}

// repeat runs a request that only reads, again where that is worth it.
func (s *Session) repeat(ctx context.Context, attempt func() (*graph.Response, error)) (*graph.Response, error) {
	resp, err := s.gw.retry.WithContext(ctx).Get(attempt)
	if final, ok := errors.AsType[*finalError](err); ok {
		err = final.cause
	}
	return resp, err
}

// finalError hides an error from the retry policy: whatever it is, what failed
// is not repeated.
type finalError struct{ cause error }

func (e *finalError) Error() string { return e.cause.Error() }

func (r Retry) worthRepeating(err error) bool {
	var ge *graph.Error
	switch {
	case !errors.As(err, &ge):
		return false
	case ge.Kind == graph.KindNetwork:
		return ge.Attempts > 0 // a missing credential is not mended by asking again
	case ge.Kind == graph.KindGraph:
		return slices.Contains(repeatable, ge.Status) && ge.RetryAfter <= r.MaxWait
	}
	return false
}
