package main

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// A direct dependency is a decision, and decisions have their line.
func TestDirectDependenciesHaveTheirReason(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	module, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	reasons, err := os.ReadFile("../../docs/adr/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range module.Require {
		if !r.Indirect && !strings.Contains(string(reasons), "`"+r.Mod.Path+"`") {
			t.Errorf("docs/adr/dependencies.md has no line for %s", r.Mod.Path)
		}
	}
}
