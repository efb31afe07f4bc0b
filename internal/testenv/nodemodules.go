package testenv

import (
	"os"
	"path/filepath"
	"testing"
)

// NodeModules returns the node_modules directory that npm ci filled from the
// package.json in dir: M365_MCP_TEST_NODE_MODULES, or the one in dir itself.
func NodeModules(t testing.TB, dir string) string {
	t.Helper()
	path := os.Getenv("M365_MCP_TEST_NODE_MODULES")
	if path == "" {
		var err error
		if path, err = filepath.Abs(filepath.Join(dir, "node_modules")); err != nil {
			t.Fatal(err)
		}
	}
	// npm writes this file last, so that half an installation is not taken for a whole one.
	if _, err := os.Stat(filepath.Join(path, ".package-lock.json")); err != nil { //nolint:gosec // who runs the tests names the path //nolint:gosec // whoever runs the tests names the path
		missing(t, "the npm packages of "+dir+" (run npm ci there, or set M365_MCP_TEST_NODE_MODULES)")
	}
	return path
}
