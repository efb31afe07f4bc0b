// Package golden compares output with files that are kept beside the tests.
// Run the test with -update to accept what it got; the diff is then reviewed
// like any other change.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const updateFlag = "update"

var _ = define()

// define registers the flag unless something else in the test binary has.
func define() bool {
	if flag.Lookup(updateFlag) != nil {
		return false
	}
	flag.Bool(updateFlag, false, "write golden files instead of comparing with them")
	return true
}

// Compare fails t when got is not what the file at path holds.
func Compare(t testing.TB, path string, got []byte) {
	t.Helper()
	if f := flag.Lookup(updateFlag); f != nil && f.Value.String() == "true" {
		write(t, path, got)
		return
	}
	want, err := os.ReadFile(path) //nolint:gosec // the test names the path
	if err != nil {
		t.Fatalf("golden file: %v (run the test with -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got), run the test with -update to accept:\n%s", path, diff)
	}
}

func write(t testing.TB, path string, got []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatalf("golden file: %v", err)
	}
	if err := os.WriteFile(path, got, 0o600); err != nil {
		t.Fatalf("golden file: %v", err)
	}
}
