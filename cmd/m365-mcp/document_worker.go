package main

import (
	"context"
	"os"

	"m365mcp/content/document/worker"
)

// documentWorkerCmd is the child that reads one document after the other for a
// server; people have no use for it.
type documentWorkerCmd struct{}

func (documentWorkerCmd) Run(ctx context.Context, w world) error {
	return worker.Serve(ctx, os.Stdin, w.stdout, os.Exit)
}
