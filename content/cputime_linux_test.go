package content_test

import (
	"syscall"
	"testing"
	"time"
)

// cpuTime is what this process has had of the processors: other work on the machine
// does not count. The test that asks runs while no other does.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
