package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"m365mcp/internal/golden"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"m365-mcp": main})
}

// TestScripts runs the real command, as people do.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exitcode": exitCodeIs},
	})
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

func TestHelpIsGolden(t *testing.T) {
	for _, line := range []string{
		"", "demo", "serve", "check", "connect", "audit", "audit tail", "audit verify",
		"config", "config example", "keys", "keys generate", "simulator", "version",
	} {
		t.Run(line, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "m365-mcp", append(strings.Fields(line), "--help")...)
			cmd.Env = append(os.Environ(), "COLUMNS=80")
			got, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			name := strings.ReplaceAll(strings.TrimSpace("m365-mcp "+line), " ", "-")
			golden.Compare(t, filepath.Join("testdata", "help", name+".txt"), got)
		})
	}
}
