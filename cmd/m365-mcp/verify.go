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
	Key        string `placeholder:"VERIFIER" help:"Public key of the checkpoints, as \"keys generate\" and the demo print it. Without one, it is derived from the configured signing key; where that is missing too, it is read from beside the database, and proves less."`
}

// keySource is where the key comes from that the report rests on.
type keySource string

const (
	keyGiven      keySource = "given"
	keyConfigured keySource = "configured"
	keyBeside     keySource = "beside the database"
)

func (c *auditVerifyCmd) Help() string {
	return `Exit code 0: the audit proves itself; 3: it does not. To be able to tell a log that was cut or rebuilt, keep a checkpoint elsewhere:

    m365-mcp audit verify --json | jq -r .checkpoint > checkpoint`
}

func (c *auditVerifyCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.configuration(w)
	if err != nil {
		return err
	}
	key, source, err := c.verifier(cfg)
	if err != nil {
		return err
	}
	var checkpoint []byte
	if c.Checkpoint != "" {
		if checkpoint, err = os.ReadFile(c.Checkpoint); err != nil {
			return usageError{err}
		}
	}
	report, err := app.AuditVerify(ctx, cfg.Database, key, checkpoint)
	if err != nil {
		return err
	}
	text := verdict(report, source, c.Checkpoint != "")
	if c.JSON {
		indented, err := json.MarshalIndent(struct {
			audit.Report

			KeySource keySource `json:"keySource"`
		}{report, source}, "", "  ")
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		text = string(indented) + "\n"
	}
	if err := w.show(app.Graphic(text)); err != nil {
		return err
	}
	if !report.OK {
		return errTampered
	}
	return nil
}

// configuration is that of --data with the configured key, which a database in
// a folder of one's own does not change.
func (c *auditVerifyCmd) configuration(w world) (config.Config, error) {
	cfg, err := c.load(w)
	if err != nil || c.Data == "" || c.Key != "" {
		return cfg, err
	}
	configured, err := config.LoadAuditKey(c.Config, w.environ, os.ReadFile)
	cfg.Keys = configured.Keys
	return cfg, err
}

// verifier is empty where app has to look for the key beside the database.
func (c *auditVerifyCmd) verifier(cfg config.Config) (string, keySource, error) {
	switch {
	case c.Key != "":
		return c.Key, keyGiven, nil
	case cfg.Keys.AuditSigning.IsZero():
		return "", keyBeside, nil
	}
	key, err := audit.VerifierKey(cfg.Keys.AuditSigning.Reveal())
	if err != nil {
		return "", "", usageError{err}
	}
	return key, keyConfigured, nil
}

// verdict is the report for people. trusted tells that a checkpoint from outside was given.
func verdict(r audit.Report, source keySource, trusted bool) string {
	var b strings.Builder
	if r.OK {
		b.WriteString("ok: the audit proves itself\n")
	} else {
		fmt.Fprintf(&b, "FAILED: %s\n", app.Count(int64(len(r.Problems)+r.Omitted), "problem", "problems"))
	}
	fmt.Fprintf(&b, "%s, %d not yet covered by a checkpoint, %s without an outcome, %d erased\n",
		app.Count(r.Entries, "entry", "entries"), r.Unsigned, app.Count(int64(r.Open), "call", "calls"), r.Erased)
	oneLine := strings.NewReplacer("\n", `\n`, "\t", `\t`) // what was tampered with may say "ok" on the next one
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "  %s at %d: %s\n", p.What, p.Index, oneLine.Replace(p.Detail))
	}
	if r.Omitted > 0 {
		fmt.Fprintf(&b, "  and %d more\n", r.Omitted)
	}
	switch source {
	case keyGiven:
	case keyConfigured:
		b.WriteString("Verified with the configured signing key.\n")
	case keyBeside:
		b.WriteString("Verified with the key found beside the database; whoever changed one may have changed the other: give --key.\n")
	}
	if r.OK && !trusted {
		b.WriteString("No checkpoint from outside was given (--checkpoint): a log that was cut or rebuilt as a whole would not be found.\n")
	}
	return b.String()
}
