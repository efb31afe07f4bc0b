// Package e2e_test tries the whole product as its users do: over HTTP, with real
// clients, against the simulated tenant.
package e2e_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run exists because os.Exit skips what is deferred.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "m365-mcp-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	buildDir = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	// Every goroutine ends with what started it.
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}
