//go:build unix

package app

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// A second server on the same database is refused, and may have it afterwards.
func TestOneServerToADatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "m365-mcp.db")
	unlock, err := lockDatabase(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockDatabase(path)
	if u := (*UsageError)(nil); !errors.As(err, &u) || !strings.Contains(err.Error(), "another server is using") {
		t.Errorf("the second one: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDatabase(path)
	if err != nil {
		t.Fatalf("after the first one ended: %v", err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
}
