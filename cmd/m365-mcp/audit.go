package main

import (
	"context"
	"os"

	"m365mcp/app"
	"m365mcp/config"
)

type auditCmd struct {
	Tail   auditTailCmd   `cmd:"" help:"Print the audit's entries as lines of JSON."`
	Verify auditVerifyCmd `cmd:"" help:"Prove that no entry was changed, removed, moved or added."`
}

// auditDatabase says whose audit is meant.
type auditDatabase struct {
	configFile
	Data string `type:"existingdir" placeholder:"DIR" help:"Folder of an SQLite database, instead of the configured one."`
}

func (d auditDatabase) load(w world) (config.Config, error) {
	if d.Data == "" {
		return config.LoadDatabase(d.Config, w.environ, os.ReadFile)
	}
	cfg := config.Default()
	cfg.Database.URL = config.SQLiteURL(d.Data)
	return cfg, nil
}

func (*auditTailCmd) Help() string {
	return `Exit code 3: there were damaged entries. Each has its line, with "damaged" and why; "audit verify" proves the rest.`
}

type auditTailCmd struct {
	auditDatabase
	Follow bool `short:"f" help:"Go on with new entries until stopped."`
}

func (c *auditTailCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.load(w)
	if err != nil {
		return err
	}
	return app.AuditTail(ctx, cfg.Database, c.Follow, w.stdout)
}
