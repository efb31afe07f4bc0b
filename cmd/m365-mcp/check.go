package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"m365mcp/app"
	"m365mcp/config"
)

type checkCmd struct {
	configFile
}

func (c *checkCmd) Help() string {
	return `Prints a line for each thing looked at, "ok", "note" or "FAIL", and below it what to do. Changes nothing, here or at Microsoft.`
}

func (c *checkCmd) Run(ctx context.Context, w world) error {
	var lost error // standard output is gone
	line := func(mark, name, detail, fix string) {
		text := fmt.Sprintf("%-4s  %-14s %s\n", mark, name, detail)
		if fix != "" {
			text += "      fix: " + fix + "\n"
		}
		_, err := io.WriteString(w.stdout, text)
		lost = errors.Join(lost, err)
	}
	cfg, err := c.load(w)
	if problems, ok := errors.AsType[config.Errors](err); ok {
		for _, p := range problems {
			line("FAIL", "configuration", p.Describe(), p.Fix)
		}
		return fmt.Errorf("%w: %w", errFailed, err)
	}
	line("ok", "configuration", "complete", "")
	for _, warning := range cfg.Warnings {
		line("note", "configuration", warning, "")
	}
	fine := app.Check(ctx, cfg, func(r app.CheckResult) {
		mark := "ok"
		switch {
		case !r.OK:
			mark = "FAIL"
		case r.Fix != "":
			mark = "note"
		}
		line(mark, r.Name, r.Detail, r.Fix)
	})
	if lost != nil {
		return fmt.Errorf("standard output: %w", lost)
	}
	if !fine {
		return errFailed
	}
	return nil
}
