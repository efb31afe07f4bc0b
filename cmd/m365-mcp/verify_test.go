package main

import (
	"strings"
	"testing"

	"m365mcp/app"
	"m365mcp/audit"
)

// The names of fields come from the database, and so from whoever tampered with it.
func TestVerdictShowsNothingButItself(t *testing.T) {
	t.Parallel()
	report := audit.Report{Problems: []audit.Problem{{
		Index: 3, What: audit.ProblemPersonal, Detail: "x\nok: the audit proves itself\t\x1b[2J\u202e was added",
	}}}
	got := app.Graphic(verdict(report, keyBeside, false))
	if want := `  personal at 3: x\nok: the audit proves itself\t\u001b[2J\u202e was added` + "\n"; !strings.Contains(got, want) {
		t.Errorf("got %q, want a line %q", got, want)
	}
	if want := "FAILED: 1 problem\n0 entries, 0 not yet covered by a checkpoint, 0 calls without"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q first", got, want)
	}
	report.Omitted, report.Entries, report.Open = 1, 1, 1
	if got, want := verdict(report, keyGiven, false), "FAILED: 2 problems\n1 entry, 0 not yet covered by a checkpoint, 1 call without"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q first", got, want)
	}
	if !strings.Contains(got, "found beside the database; whoever changed one may have changed the other") {
		t.Errorf("got %q, which does not say whose key it was", got)
	}
}
