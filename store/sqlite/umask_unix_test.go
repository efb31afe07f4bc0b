//go:build unix

package sqlite

import (
	"os"
	"syscall"
	"testing"
)

// TestMain gives the tests' folders modes that Open takes, whatever the umask of
// whoever runs them: 002 is common, and leaves folders to the group.
func TestMain(m *testing.M) {
	syscall.Umask(0o022)
	os.Exit(m.Run())
}
