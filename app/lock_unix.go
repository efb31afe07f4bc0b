//go:build unix

package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockDatabase keeps a second server off the same SQLite database: two writers
// would fence each other out of the audit. The kernel gives the lock back when
// the process ends, however it ends.
func lockDatabase(path string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, usage("database: %w; choose a folder that can be written", err)
	}
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // beside the operator's database
	if err != nil {
		return nil, usage("database: %w; choose a folder that can be written", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		err = errors.Join(err, f.Close())
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, usage("%w %s: stop it first, or choose another database", errInUse, path)
		}
		return nil, fmt.Errorf("database lock: %w", err)
	}
	return f.Close, nil
}
