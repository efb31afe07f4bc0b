package main

import (
	"context"
	"fmt"

	"m365mcp/app"
)

type eraseCmd struct {
	configFile
	Tenant string `required:"" placeholder:"ID" help:"Tenant of the person; \"audit tail\" has it as tenantId."`
	User   string `required:"" placeholder:"ID" help:"Object id of the person in Entra; \"audit tail\" has it as userId."`
}

func (c *eraseCmd) Help() string {
	return `Ends what the person granted to assistants, deletes Microsoft's tokens, short ids, links and files, and what the audit says of them; its proofs stay whole. Stop the server first. It cannot be undone.`
}

func (c *eraseCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.load(w)
	if err != nil {
		return err
	}
	entries, err := app.Erase(ctx, cfg, newLogger(w.stderr, cfg.Log), c.Tenant, c.User)
	if err != nil {
		return err
	}
	return w.show(fmt.Sprintf("Erased: grants, tokens, short ids, links and files of the person, and what %d entries of the audit said of them.\n", entries))
}
