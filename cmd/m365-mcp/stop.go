package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// stopTimeout is how long calls under way may take to end after SIGINT or SIGTERM.
const stopTimeout = 10 * time.Second

// untilStopped waits for a signal or for a failure inside, and then stops what runs.
func untilStopped(ctx context.Context, failed <-chan error, stop func(context.Context) error) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	// The context of the signal is over: stopping needs one that goes on.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if stopErr := stop(last); stopErr != nil {
		err = errors.Join(err, fmt.Errorf("stop: %w", stopErr))
	}
	return err
}
