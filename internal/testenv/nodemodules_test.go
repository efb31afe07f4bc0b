package testenv

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNodeModules(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CI", "")
	t.Setenv("M365_MCP_TEST_NODE_MODULES", "")
	if r := run(t, func(tb testing.TB) { NodeModules(tb, dir) }); !r.skipped {
		t.Error("found packages in an empty directory")
	}
	packages := filepath.Join(dir, "node_modules")
	if err := os.MkdirAll(packages, 0o700); err != nil {
		t.Fatal(err)
	}
	if r := run(t, func(tb testing.TB) { NodeModules(tb, dir) }); !r.skipped {
		t.Error("took half an installation for a whole one")
	}
	if err := os.WriteFile(filepath.Join(packages, ".package-lock.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := NodeModules(t, dir); got != packages {
		t.Errorf("NodeModules = %q, want %q", got, packages)
	}
	t.Setenv("M365_MCP_TEST_NODE_MODULES", packages)
	if got := NodeModules(t, "elsewhere"); got != packages {
		t.Errorf("NodeModules = %q, want the one named by the environment", got)
	}
}
