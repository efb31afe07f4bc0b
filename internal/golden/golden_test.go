package golden_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m365mcp/internal/golden"
)

// recorder is a test that may fail without failing this one.
type recorder struct {
	testing.TB
	errors, fatals int
}

func (*recorder) Helper()                 {}
func (r *recorder) Errorf(string, ...any) { r.errors++ }
func (r *recorder) Fatalf(string, ...any) { r.fatals++ }

func TestCompare(t *testing.T) {
	if flag.Lookup("update").Value.String() == "true" {
		t.Skip("comparing is off with -update")
	}
	path := filepath.Join(t.TempDir(), "sub", "x.golden")
	absent := &recorder{TB: t}
	golden.Compare(absent, path, nil)
	if absent.fatals != 1 {
		t.Errorf("a missing file: %d fatal errors, want 1", absent.fatals)
	}

	if err := flag.Set("update", "true"); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, path, []byte("a\nb\n"))
	if err := flag.Set("update", "false"); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || strings.Count(string(data), "\n") != 2 {
		t.Fatalf("-update wrote %q, %v", data, err)
	}

	same, other := &recorder{TB: t}, &recorder{TB: t}
	golden.Compare(same, path, []byte("a\nb\n"))
	golden.Compare(other, path, []byte("a\nc\n"))
	if same.errors != 0 || other.errors != 1 {
		t.Errorf("errors: %d for the same, %d for another; want 0 and 1", same.errors, other.errors)
	}
}
