package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"m365mcp/content/document"
	"m365mcp/content/document/worker"
	"m365mcp/identity"
	"m365mcp/tool"
)

// documents hands the text of files to the tools; other processes read them.
type documents struct{ pool *worker.Pool }

// newDocuments makes the pool; compiled code is kept beside the database.
func newDocuments(a *App, folder string, command []string) (documents, error) {
	pool, err := worker.New(worker.Options{Command: command, CacheDir: filepath.Join(folder, "document-cache")})
	if err != nil {
		return documents{}, usage("%w", err)
	}
	a.cleanups.add(func(context.Context) error { return pool.Close() })
	return documents{pool}, nil
}

// Text implements tool.Documents.
func (d documents) Text(ctx context.Context, p identity.Principal, name, contentType string, content []byte) (tool.Document, error) {
	doc, err := d.pool.Text(ctx, p.UserKey(), name, contentType, content)
	if errors.Is(err, document.ErrBusy) {
		return tool.Document{}, &tool.Error{Code: tool.CodeThrottled, Message: document.ErrBusy.Error() + ".", Action: "wait a few seconds before calling again."}
	}
	for _, reason := range []error{document.ErrUnsupported, document.ErrTooLarge, document.ErrDamaged, document.ErrEncrypted, document.ErrTime} {
		if errors.Is(err, reason) { // its details can hold words of the file
			return tool.Document{}, fmt.Errorf("%w: %w", tool.ErrUnreadable, reason)
		}
	}
	if err != nil {
		return tool.Document{}, fmt.Errorf("text of a file: %w", err)
	}
	return tool.Document{Text: doc.Text, Notes: doc.Notes}, nil
}
