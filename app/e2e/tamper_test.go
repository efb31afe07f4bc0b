package e2e_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to tamper with the file behind the server's back

	"m365mcp/audit"
	"m365mcp/config"
)

// verify runs the command as an auditor would and returns its exit code and report.
func verify(t *testing.T, folder string, flags ...string) (int, audit.Report) {
	t.Helper()
	args := append([]string{"audit", "verify", "--json", "--data", folder}, flags...)
	out, err := exec.Command(build(t), args...).Output()
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	var report audit.Report
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("exit code %d, %v in %s", code, err, out)
	}
	return code, report
}

// The command finds each kind of tampering, and says so with exit code 3.
func TestTamperingIsFoundByTheCommand(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data") // made by the demo, for itself alone
	p := startProcess(t, folder, "--sign-in-as", "ada")
	token := p.signIn(t, "ada").Access
	for range 5 {
		p.call(t, token, "getEmails", `{"count":1}`)
	}
	code, early := verify(t, folder)
	if code != 0 || !early.OK || early.Checkpoint == "" {
		t.Fatalf("while the server runs: exit code %d, %+v", code, early)
	}
	p.call(t, token, "sendEmail", `{"to":"bruno@tideline.example","subject":"s","body":"b"}`)
	p.stop()
	code, whole := verify(t, folder)
	if code != 0 || !whole.OK || whole.Size <= early.Size || whole.Unsigned != 0 {
		t.Fatalf("after the end: exit code %d, %+v", code, whole)
	}
	checkpoint := filepath.Join(t.TempDir(), "checkpoint.txt") // kept outside
	if err := os.WriteFile(checkpoint, []byte(whole.Checkpoint), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _ := verify(t, folder, "--checkpoint", checkpoint); code != 0 {
		t.Errorf("the untouched log against its own checkpoint: exit code %d", code)
	}

	for name, tc := range map[string]struct {
		sql  string
		with []string
	}{
		"a byte of an entry":  {sql: `UPDATE audit_entry SET record = CAST(replace(CAST(record AS TEXT), '"read"', '"rEad"') AS BLOB) WHERE idx = (SELECT min(idx) FROM audit_entry WHERE CAST(record AS TEXT) LIKE '%"read"%')`},
		"a hash":              {sql: `UPDATE audit_hash SET hash = zeroblob(32) WHERE idx = 3`},
		"the checkpoint":      {sql: `UPDATE audit_checkpoint SET note = CAST(replace(CAST(note AS TEXT), 'm365-mcp', 'm365-mcq') AS BLOB)`},
		"an entry deleted":    {sql: `DELETE FROM audit_entry WHERE idx = 4`},
		"two entries swapped": {sql: `UPDATE audit_entry SET idx = -1 WHERE idx = 4; UPDATE audit_entry SET idx = 4 WHERE idx = 5; UPDATE audit_entry SET idx = 5 WHERE idx = -1`},
		"the tail cut":        {sql: `DELETE FROM audit_entry WHERE idx > 5`},
		"everything gone":     {sql: `DELETE FROM audit_entry; DELETE FROM audit_hash; DELETE FROM audit_checkpoint`, with: []string{"--checkpoint", checkpoint}},
		"a table dropped":     {sql: `DROP TABLE audit_hash`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			copied := t.TempDir()
			if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			tamper(t, filepath.Join(copied, config.DatabaseFile), tc.sql)
			if code, r := verify(t, copied); code != 3 || r.OK {
				t.Errorf("exit code %d, %+v", code, r)
			}
			if tc.with == nil {
				return
			}
			if code, r := verify(t, copied, tc.with...); code != 3 || r.OK {
				t.Errorf("with the checkpoint kept outside: exit code %d, %+v", code, r)
			}
		})
	}
}

// The command that shows the audit goes on after a damaged entry, names it, and
// ends with exit code 3.
func TestTailGoesOn(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	p := startProcess(t, folder, "--sign-in-as", "ada")
	p.call(t, p.signIn(t, "ada").Access, "whoAmI", `{}`)
	p.stop()
	show := func() (int, []audit.Line, string) {
		t.Helper()
		cmd := exec.Command(build(t), "audit", "tail", "--data", folder)
		var complaint strings.Builder
		cmd.Stderr = &complaint
		out, err := cmd.Output()
		if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
			t.Fatal(err, exit)
		}
		var lines []audit.Line
		for line := range strings.Lines(string(out)) {
			var l audit.Line
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			lines = append(lines, l)
		}
		return cmd.ProcessState.ExitCode(), lines, complaint.String()
	}
	code, whole, complaint := show()
	if code != 0 || len(whole) < 4 || complaint != "" {
		t.Fatalf("exit code %d, %d lines, %s", code, len(whole), complaint)
	}
	tamper(t, filepath.Join(folder, config.DatabaseFile), `UPDATE audit_entry SET record = x'7b' WHERE idx IN (1, 3)`)
	code, left, complaint := show()
	if code != 3 || len(left) != len(whole) || !strings.Contains(complaint, "damaged entries in the audit: 2, the first at index 1") {
		t.Errorf("exit code %d, %d of %d lines, %s", code, len(left), len(whole), complaint)
	}
	for i, l := range left {
		if damaged := i == 1 || i == 3; (l.Damaged != "") != damaged {
			t.Errorf("line %d: %+v", i, l)
		}
	}
}

func tamper(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	changed := int64(0)
	for one := range strings.SplitSeq(statements, ";") {
		r, err := db.ExecContext(t.Context(), one)
		if err != nil {
			t.Fatalf("%s: %v", one, err)
		}
		n, err := r.RowsAffected()
		if err != nil {
			t.Fatal(err)
		}
		changed += n
	}
	if changed == 0 && !strings.HasPrefix(statements, "DROP") {
		t.Fatalf("%s changed nothing", statements)
	}
}
