package testenv

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// recorder stands in for a test that is about to be skipped or failed.
type recorder struct {
	testing.TB
	skipped, failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Skipf(string, ...any)  { r.skipped = true; runtime.Goexit() }
func (r *recorder) Fatalf(string, ...any) { r.failed = true; runtime.Goexit() }

func run(t *testing.T, f func(testing.TB)) *recorder {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r
}

func TestMissingSkipsAndFailsOnCI(t *testing.T) {
	t.Setenv("M365_MCP_TEST_POSTGRES", "")
	t.Setenv("CI", "")
	if r := run(t, func(tb testing.TB) { tb.Helper(); Postgres(tb) }); !r.skipped || r.failed {
		t.Errorf("without CI: %+v, want a skip", r)
	}
	t.Setenv("CI", "true")
	if r := run(t, func(tb testing.TB) { tb.Helper(); Postgres(tb) }); r.skipped || !r.failed {
		t.Errorf("with CI: %+v, want a failure", r)
	}
	t.Setenv("M365_MCP_TEST_POSTGRES", "postgres://db.example/test")
	if r := run(t, func(tb testing.TB) { tb.Helper(); Postgres(tb) }); r.skipped || r.failed {
		t.Errorf("with a URL: %+v", r)
	}
}

func TestGraphDataFollowsTheEnvironment(t *testing.T) {
	t.Setenv("M365_MCP_GRAPH_DATA", "elsewhere")
	if got := GraphData(t); got != "elsewhere" {
		t.Errorf("GraphData = %q", got)
	}
}

func TestNodeTakesTheFirstThatIsNewEnough(t *testing.T) {
	dir := t.TempDir()
	script := func(name, version string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\necho "+version+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	script("node", "v24.3.1")
	old := script("old-node", "v18.0.0")
	t.Setenv("PATH", dir)
	t.Setenv("CI", "")
	t.Setenv("M365_MCP_TEST_NODE", old)
	if got := Node(t, 18); got != old {
		t.Errorf("Node(18) = %q, want the one named by the environment", got)
	}
	if got := Node(t, 22); got != filepath.Join(dir, "node") {
		t.Errorf("Node(22) = %q, want the one on the PATH", got)
	}
	if r := run(t, func(tb testing.TB) { tb.Helper(); Node(tb, 30) }); !r.skipped {
		t.Error("Node(30) found something")
	}
	if r := run(t, func(tb testing.TB) { tb.Helper(); Chromium(tb) }); !r.skipped {
		t.Error("Chromium found something on an empty PATH")
	}
}
