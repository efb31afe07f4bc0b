// Command m365-mcp lets AI assistants work in Microsoft 365 on behalf of a
// signed-in person. Each subcommand has its file here; what they start is built
// in package app.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], world{
		program: program(os.Args[0]),
		environ: os.Environ(),
		stdout:  os.Stdout,
		stderr:  os.Stderr,
	})
	stop()
	os.Exit(code)
}
