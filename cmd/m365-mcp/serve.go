package main

import (
	"context"

	"m365mcp/app"
)

type serveCmd struct {
	configFile
}

func (c *serveCmd) Help() string {
	return `Needs an app registration in Entra: docs/entra.md says how, docs/configuration.md names every setting. "m365-mcp check" looks at all of it first.`
}

func (c *serveCmd) Run(ctx context.Context, w world) error {
	cfg, err := c.load(w)
	if err != nil {
		return err
	}
	logger := newLogger(w.stderr, cfg.Log)
	for _, warning := range cfg.Warnings {
		logger.WarnContext(ctx, "configuration", "warning", warning)
	}
	server, err := app.New(ctx, cfg, logger)
	if err != nil {
		return err
	}
	if err := server.Start(ctx); err != nil {
		return err
	}
	return untilStopped(ctx, server.Done(), server.Stop)
}
