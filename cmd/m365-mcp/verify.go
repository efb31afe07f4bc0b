package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"m365mcp/app"
	"m365mcp/audit"
	"m365mcp/config"
)

type auditVerifyCmd struct {
	auditDatabase
	JSON       bool   `help:"Print the report as JSON."`
	Checkpoint string `type:"existingfile" placeholder:"FILE" help:"A checkpoint kept outside of the database. Only with one is a log found that was cut or rebuilt as a whole."`
	Key        string `placeholder:"VERIFIER" help:"Public key of the checkpoints, as \"keys generate\" and the demo print it. Without one, it is derived from the configured signing key."`
}

func (c *auditVerifyCmd) Help() string {
	return `Exit code 0: the audit proves itself; 3: it does not. To be able to tell a log that was cut or rebuilt, keep a checkpoint elsewhere:

    m365-mcp audit verify --json | jq -r .checkpoint > checkpoint`
}

func (c *auditVerifyCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.load(w)
	if err != nil {
		return err
	}
	key, err := c.verifier(cfg)
	if err != nil {
		return err
	}
	var checkpoint []byte
	if c.Checkpoint != "" {
		if checkpoint, err = os.ReadFile(c.Checkpoint); err != nil {
			return usageError{err}
		}
	}
	report, err := app.AuditVerify(ctx, cfg.Database.URL, key, checkpoint)
	if err != nil {
		return err
	}
	text := verdict(report, c.Checkpoint != "")
	if c.JSON {
		indented, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		text = string(indented) + "\n"
	}
	if err := w.show(text); err != nil {
		return err
	}
	if !report.OK {
		return errTampered
	}
	return nil
}

// verifier is empty where app has to look for the key beside the database.
func (c *auditVerifyCmd) verifier(cfg config.Config) (string, error) {
	if c.Key != "" || cfg.Keys.AuditSigning.IsZero() {
		return c.Key, nil
	}
	key, err := audit.VerifierKey(cfg.Keys.AuditSigning.Reveal())
	if err != nil {
		return "", usageError{err}
	}
	return key, nil
}

// verdict is the report for people. trusted tells that a checkpoint from outside was given.
func verdict(r audit.Report, trusted bool) string {
	var b strings.Builder
	if r.OK {
		b.WriteString("ok: the audit proves itself\n")
	} else {
		fmt.Fprintf(&b, "FAILED: %d problems\n", len(r.Problems)+r.Omitted)
	}
	fmt.Fprintf(&b, "%d entries, %d not yet covered by a checkpoint, %d calls without an outcome, %d erased\n",
		r.Entries, r.Unsigned, r.Open, r.Erased)
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  %s at %d: %s\n", p.What, p.Index, p.Detail)
	}
	if r.Omitted > 0 {
		fmt.Fprintf(&b, "  and %d more\n", r.Omitted)
	}
	if r.OK && !trusted {
		b.WriteString("No checkpoint from outside was given (--checkpoint): a log that was cut or rebuilt as a whole would not be found.\n")
	}
	return b.String()
}
