//go:build !linux

package content_test

import (
	"testing"
	"time"
)

var started = time.Now()

// cpuTime is the wall's time where processors are not asked.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	return time.Since(started)
}
