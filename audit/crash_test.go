package audit_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"m365mcp/audit"
)

const crashEnv = "M365_MCP_TEST_CRASH" // what the subprocess records, and where

// TestCrashingProcess is the subprocess: it kills itself in the middle of a
// call, before any cleanup.
func TestCrashingProcess(t *testing.T) {
	effect := os.Getenv(crashEnv)
	if effect == "" {
		t.Skip("runs as a subprocess of TestKilledInTheMiddleOfACall")
	}
	l := openLog(t, openDB(t, os.Getenv(crashEnv+"_PATH")).Audit())
	in := read(newID())
	if effect == "write" {
		in = write(in.ID)
	}
	must(t, l.Intent(t.Context(), in))
	must(t, syscall.Kill(os.Getpid(), syscall.SIGKILL))
	select {}
}

func TestKilledInTheMiddleOfACall(t *testing.T) {
	t.Parallel()
	for _, effect := range []string{"read", "write"} {
		t.Run(effect, func(t *testing.T) {
			t.Parallel()
			path := tempPath(t)
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashingProcess$")
			cmd.Env = append(os.Environ(), crashEnv+"="+effect, crashEnv+"_PATH="+path)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Fatalf("the subprocess was not killed: %v\n%s", err, out)
			}
			if status, ok := exit.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
				t.Fatalf("the subprocess ended otherwise: %v\n%s", err, out)
			}

			store := openDB(t, path).Audit()
			wantUnsigned := int64(1) // nobody had time to sign it
			if effect == "write" {
				wantUnsigned = 0
			}
			if r := verify(t, store, nil); !r.OK || r.Open != 1 || r.Unsigned != wantUnsigned {
				t.Errorf("verify before reopening: %+v", r)
			}
			l := openLog(t, store)
			if l.Recovered() != 1 {
				t.Errorf("Recovered = %d, want 1", l.Recovered())
			}
			lines := tail(t, store)
			if len(lines) != 2 || lines[1].ID != lines[0].ID || lines[1].Status != audit.StatusUnknown {
				t.Errorf("lines: %+v", lines)
			}
			if r := verify(t, store, nil); !r.OK || r.Open != 0 || r.Unsigned != 0 {
				t.Errorf("verify after reopening: %+v", r)
			}
		})
	}
}
