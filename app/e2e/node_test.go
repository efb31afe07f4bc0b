package e2e_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"m365mcp/internal/testenv"
)

// minNode is the oldest Node.js that every package in clients/ runs on.
const minNode = 22

// workshop is a folder of its own for one run of Node.js: the scripts of
// clients/ beside the installed packages, and an empty home.
type workshop struct {
	dir, node string
	env       []string
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{dir: t.TempDir(), node: testenv.Node(t, minNode)}
	// A link, because packages are found from where a script lies.
	if err := os.Symlink(testenv.NodeModules(t, "clients"), filepath.Join(w.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob("clients/*.mjs")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		text, err := os.ReadFile(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(w.dir, filepath.Base(s)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.env = []string{
		"PATH=" + filepath.Dir(w.node) + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + w.dir, "XDG_CONFIG_HOME=" + w.dir, "XDG_CACHE_HOME=" + w.dir, "NODE_NO_WARNINGS=1",
	}
	return w
}

// output is what a program wrote, and how it ended.
type output struct {
	stdout, stderr string
	err            error
}

// run runs a script with Node.js to its end.
func (w *workshop) run(t *testing.T, script string, args ...string) output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := w.command(ctx, script, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return output{stdout.String(), stderr.String(), err}
}

func (w *workshop) command(ctx context.Context, script string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.node, append([]string{script}, args...)...)
	cmd.Dir, cmd.Env = w.dir, w.env
	cmd.WaitDelay = 2 * time.Second // a grandchild may hold the pipes
	return cmd
}
