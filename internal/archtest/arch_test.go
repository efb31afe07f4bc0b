package archtest

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// maxLines is where a file should long have been two.
const maxLines = 600

func TestFilesAreSmall(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		if s.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d", s.path, s.lines, maxLines)
		}
	}
}

// arrows says which of the module's packages a package may import, tests aside.
// "x" is the package x, "x/" is every package below it. What is not listed is
// forbidden, and a package without a row has no place yet.
var arrows = map[string][]string{
	// Leaves.
	"content":   {},
	"content/":  {"content", "content/", "internal/"},
	"dial":      {},
	"dlp":       {},
	"graph":     {},
	"internal/": {},
	"policy":    {"identity"},
	"timezone":  {},

	"identity":             {"internal/secret"}, // prints as [redacted]
	"internal/redirecturi": {"dial"},            // patterns of hosts

	"config":     {"dial", "internal/redirecturi", "internal/seal", "internal/secret"},
	"audit":      {"identity"},
	"entra":      {"internal/jwks", "internal/seal", "internal/secret"},
	"authserver": {"audit", "entra", "identity", "internal/assertion", "internal/redirecturi", "internal/secret"},
	"console":    {"authserver"},
	"tool":       {"audit", "content", "dlp", "graph", "handle", "identity", "policy", "timezone"},
	"tool/":      {"content", "graph", "handle", "timezone", "tool"}, // families know nothing of each other
	"tool/tooltest": {
		"audit", "content", "dial", "dlp", "gateway", "graph", "handle", "identity", "internal/", "policy", "simulator/", "store/", "timezone", "tool",
	}, // the whole way of a call, for tests
	"perimeter":  {"identity", "internal/jwks", "internal/secret"},
	"gateway":    {"dial", "graph", "identity", "internal/secret"},
	"handle":     {"identity"},
	"blob":       {"identity", "internal/"},
	"ticket":     {"blob", "identity", "internal/", "timezone"},
	"rotation":   {"blob", "entra", "internal/", "ticket"}, // what their owners have sealed
	"mcpserver":  {"dial", "identity", "tool"},
	"store/":     {"audit", "authserver", "blob", "console", "dial", "entra", "handle", "identity", "internal/private", "rotation", "store/", "ticket"}, // the consumers, whose contracts it keeps
	"simulator/": {"simulator/"},                                                                                                                        // a witness that knows nothing of the product

	"app": {
		"audit", "authserver", "blob", "config", "console", "content", "content/", "dial", "entra", "gateway", "graph", "handle", "identity", "internal/", "mcpserver", "perimeter", "policy", "rotation", "ticket",
		"simulator/", "store/", "timezone", "tool", "tool/",
	},
	"app/":        {},
	"cmd/":        {"app", "audit", "cmd/", "config", "content/", "dial", "internal/", "rotation"},
	"bench":       {"app", "config", "dial", "internal/"},
	"bench/":      {"app", "bench/", "config", "internal/"},
	"bench/oauth": {"audit", "authserver", "entra", "internal/", "store/"},
}

// witnessTests are what tests of the simulator may import beside it.
var witnessTests = []string{"simulator/", "internal/golden", "internal/graphdata", "internal/testenv"}

func TestImportsFollowTheArrows(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t) {
		row, placed := rowOf(s.dir())
		if !placed {
			t.Errorf("%s: package %s has no row in arrows", s.path, s.dir())
			continue
		}
		allowed := arrows[row]
		if s.isTest() {
			if row != "simulator/" {
				continue
			}
			allowed = witnessTests
		}
		for _, imported := range s.imports() {
			if !slices.ContainsFunc(allowed, func(pattern string) bool { return covers(pattern, imported) }) {
				t.Errorf("%s imports %s; %q may import %q only", s.path, imported, row, allowed)
			}
		}
	}
}

// rowOf finds the row of the package itself, or else of the closest folder above it.
func rowOf(dir string) (string, bool) {
	if _, ok := arrows[dir]; ok {
		return dir, true
	}
	for above := path.Dir(dir); above != "."; above = path.Dir(above) {
		if _, ok := arrows[above+"/"]; ok {
			return above + "/", true
		}
	}
	return "", false
}

func covers(pattern, dir string) bool {
	if strings.HasSuffix(pattern, "/") {
		return strings.HasPrefix(dir, pattern)
	}
	return dir == pattern
}

func TestRowsAndPatterns(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]string{
		"tool": "tool", "tool/mail": "tool/", "simulator/graph/kql": "simulator/", "app/e2e": "app/", "simulator": "", "misc": "",
	} {
		if got, _ := rowOf(dir); got != want {
			t.Errorf("the row of %s is %q, want %q", dir, got, want)
		}
	}
	for _, c := range []struct {
		pattern, dir string
		want         bool
	}{
		{"tool", "tool", true},
		{"tool", "tool/mail", false},
		{"tool/", "tool/mail", true},
		{"tool/", "tool", false},
		{"app", "apple", false},
	} {
		if got := covers(c.pattern, c.dir); got != c.want {
			t.Errorf("covers(%q, %q) = %v", c.pattern, c.dir, got)
		}
	}
}
