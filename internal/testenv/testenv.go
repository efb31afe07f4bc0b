// Package testenv finds what some tests need and not every machine has:
// Microsoft's published metadata, a browser, Node.js, PostgreSQL. Where a thing
// is missing the test is skipped with a plain line; on CI (environment CI=true)
// it fails instead, so that a skipped test is never taken for a passed one.
package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// GraphData returns the directory of graph-v1.0-slice.json and
// graph-permissions.json: M365_MCP_GRAPH_DATA, or shared/graph beside the
// module's root directory.
func GraphData(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv("M365_MCP_GRAPH_DATA"); dir != "" {
		return dir
	}
	root := moduleRoot(tb)
	dir := filepath.Join(filepath.Dir(root), "shared", "graph")
	if _, err := os.Stat(filepath.Join(dir, "graph-v1.0-slice.json")); err != nil {
		missing(tb, "Microsoft's Graph metadata (set M365_MCP_GRAPH_DATA to its directory)")
	}
	return dir
}

// Chromium returns the path of a Chromium or Chrome.
func Chromium(tb testing.TB) string {
	tb.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(tb, "chromium, chromium-browser or google-chrome on the PATH")
	return ""
}

// Node returns the path of a Node.js of at least the major version:
// M365_MCP_TEST_NODE, or node on the PATH.
func Node(tb testing.TB, minMajor int) string {
	tb.Helper()
	var candidates []string
	if path := os.Getenv("M365_MCP_TEST_NODE"); path != "" {
		candidates = append(candidates, path)
	}
	if path, err := exec.LookPath("node"); err == nil {
		candidates = append(candidates, path)
	}
	for _, path := range candidates {
		out, err := exec.CommandContext(tb.Context(), path, "--version").Output() //nolint:gosec // who runs the tests names the program
		if err == nil && nodeMajor(string(out)) >= minMajor {
			return path
		}
	}
	missing(tb, "Node.js "+strconv.Itoa(minMajor)+" or later (set M365_MCP_TEST_NODE to its path)")
	return ""
}

// Postgres returns the connection URL of a PostgreSQL that tests may fill:
// M365_MCP_TEST_POSTGRES.
func Postgres(tb testing.TB) string {
	tb.Helper()
	url := os.Getenv("M365_MCP_TEST_POSTGRES")
	if url == "" {
		missing(tb, "PostgreSQL (set M365_MCP_TEST_POSTGRES to its URL)")
	}
	return url
}

func missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("CI") == "true" {
		tb.Fatalf("missing on CI: %s", what)
	}
	tb.Skipf("skipped, missing here: %s", what)
}

// moduleRoot walks up from the package under test to the directory of go.mod.
func moduleRoot(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}

// nodeMajor reads "v24.1.0"; 0 where it is something else.
func nodeMajor(version string) int {
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(version), "v"), ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return n
}
