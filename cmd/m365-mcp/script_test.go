package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the real command, as people do. The scripts use nothing of
// the machine but that command: where Go runs, they do.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Values[servicesKey{}] = &services{running: map[string]*exec.Cmd{}}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode": exitCodeIs,
			"load":     load,
			"start":    start,
			"waitfor":  waitFor,
			"end":      end,
			"match":    match,
		},
	})
}

type servicesKey struct{}

// services are the commands that a script has started, and what it loaded for them.
type services struct {
	running map[string]*exec.Cmd
	loaded  []string
}

func of(ts *testscript.TestScript) *services {
	s, ok := ts.Value(servicesKey{}).(*services)
	if !ok {
		ts.Fatalf("the script has no services")
	}
	return s
}

// exitCodeIs runs a command that must end with this code: exitcode CODE COMMAND...
func exitCodeIs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode code command [args...]")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%s ended with %d, want %s", strings.Join(args[1:], " "), got, args[0])
	}
}

// load puts the NAME=value lines of files into the environment: load FILE...
func load(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: load file...")
	}
	for _, file := range args {
		for line := range strings.Lines(ts.ReadFile(file)) {
			name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
			if !ok || strings.HasPrefix(name, "#") {
				continue
			}
			value = strings.Trim(value, `'"`)
			ts.Setenv(name, value)
			of(ts).loaded = append(of(ts).loaded, name)
		}
	}
}

// start runs a command beside the script: start NAME COMMAND...; its output goes
// to the files NAME.out and NAME.err while it runs.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start name command [args...]")
	}
	path, err := exec.LookPath(args[1]) // in PATH, where testscript has put the command
	ts.Check(err)
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range append([]string{"PATH", "HOME", "WORK", "TMPDIR"}, of(ts).loaded...) {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	for suffix, stream := range map[string]func(*os.File){
		".out": func(f *os.File) { cmd.Stdout = f },
		".err": func(f *os.File) { cmd.Stderr = f },
	} {
		f, err := os.Create(filepath.Join(cmd.Dir, args[0]+suffix))
		ts.Check(err)
		ts.Defer(func() { _ = f.Close() })
		stream(f)
	}
	ts.Check(cmd.Start())
	of(ts).running[args[0]] = cmd
	ts.Defer(func() {
		if of(ts).running[args[0]] == cmd { // the script failed before its end
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
}

// waitFor waits until a file has a line that matches: waitfor PATTERN FILE
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor pattern file")
	}
	pattern, path := regexp.MustCompile(`(?m)`+args[0]), ts.MkAbs(args[1])
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil && pattern.Match(text) {
			return
		}
	}
	ts.Fatalf("%s never had a line that matches %s", args[1], args[0])
}

// end stops a started command by a signal; it must end well: end NAME INT|TERM
func end(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM}
	if neg || len(args) != 2 || signals[args[1]] == nil || of(ts).running[args[0]] == nil {
		ts.Fatalf("usage: end name INT|TERM")
	}
	cmd := of(ts).running[args[0]]
	delete(of(ts).running, args[0])
	ts.Check(cmd.Process.Signal(signals[args[1]]))
	if err := cmd.Wait(); err != nil {
		ts.Fatalf("%s ended with %v", args[0], err)
	}
}

// match puts the first group of a match into a variable: match VARIABLE PATTERN FILE
func match(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: match variable pattern file")
	}
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile(args[2]))
	if len(m) != 2 {
		ts.Fatalf("%s does not match %s", args[2], args[1])
	}
	ts.Setenv(args[0], m[1])
}
