package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"m365mcp/audit"
	"m365mcp/config"
	"m365mcp/store/sqlite"
)

// The audit's keys, where none is configured: beside the database for the demo
// and small installations; whoever can write that folder can sign.
const (
	auditKeyFile      = "audit-signing.key"
	auditVerifierFile = "audit-verifier.pub"
	auditName         = "m365-mcp"
	pollInterval      = 500 * time.Millisecond
)

// openAudit opens the log with the configured signing key, or with one that is
// made once in folder.
func openAudit(ctx context.Context, c config.Config, folder string, store audit.Store, now func() time.Time, log *slog.Logger) (*audit.Log, string, error) {
	signing := c.Keys.AuditSigning.Reveal()
	if signing == "" {
		var err error
		if signing, err = keyFile(filepath.Join(folder, auditKeyFile), func() (string, error) {
			skey, _, err := audit.GenerateKey(auditName)
			return skey, err
		}); err != nil {
			return nil, "", fmt.Errorf("audit signing key: %w", err)
		}
	}
	signer, err := note.NewSigner(signing)
	if err != nil {
		return nil, "", usage("audit signing key: %w; make one with: m365-mcp keys generate", err)
	}
	verifierKey, err := audit.VerifierKey(signing)
	if err != nil {
		return nil, "", usage("%w", err)
	}
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil {
		return nil, "", usage("audit verifier key: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, auditVerifierFile), []byte(verifierKey+"\n"), 0o600); err != nil {
		return nil, "", fmt.Errorf("audit verifier key: %w", err)
	}
	l, err := audit.Open(ctx, audit.Options{
		Store: store, Signer: signer, Verifiers: note.VerifierList(verifier), Now: now, Logger: log,
	})
	if err != nil {
		return nil, "", fmt.Errorf("%w; look at it with: m365-mcp audit verify", err)
	}
	return l, verifierKey, nil
}

// keyFile reads a key, or makes it and writes it where only we can read it.
func keyFile(path string, generate func() (string, error)) (string, error) {
	b, err := os.ReadFile(path) //nolint:gosec // in the operator's data folder
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	key, err := generate()
	if err != nil {
		return "", err
	}
	// Exclusive: two servers that start at once must not each make a key of their own.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // as above
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(key + "\n")
	return key, errors.Join(err, f.Sync(), f.Close())
}

// AuditTail writes the audit of database as JSON lines; with follow it goes on
// with new entries until ctx ends.
func AuditTail(ctx context.Context, database string, follow bool, w io.Writer) error {
	db, err := openForReading(ctx, database)
	if err != nil {
		return err
	}
	reader, enc, next := audit.NewReader(db.Audit()), json.NewEncoder(w), int64(0)
	enc.SetEscapeHTML(false)
	for {
		err := reader.Tail(ctx, next, func(l audit.Line) error {
			next = l.Index + 1
			return enc.Encode(l)
		})
		if err != nil || !follow {
			return errors.Join(ended(ctx, err), db.Close())
		}
		select {
		case <-ctx.Done():
			return db.Close()
		case <-time.After(pollInterval):
		}
	}
}

// ended drops the error of a reader that was told to stop.
func ended(ctx context.Context, err error) error {
	if errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// AuditVerify proves the audit of database. An empty verifierKey means the one
// beside the database, which proves less: whoever changed the database may have
// changed it too. A checkpoint is a signed note that was kept elsewhere, or nil.
func AuditVerify(ctx context.Context, database, verifierKey string, checkpoint []byte) (_ audit.Report, err error) {
	db, err := openForReading(ctx, database)
	if err != nil {
		return audit.Report{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if verifierKey == "" {
		path, _ := config.Database{URL: database}.SQLitePath()
		b, err := os.ReadFile(filepath.Join(filepath.Dir(path), auditVerifierFile))
		if err != nil {
			return audit.Report{}, usage("no key to verify with: %w; name it with --key", err)
		}
		verifierKey = strings.TrimSpace(string(b))
	}
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil {
		return audit.Report{}, usage("--key: %w; it is a line of the form name+hash+key", err)
	}
	verifiers := note.VerifierList(verifier)
	var trusted *audit.Checkpoint
	if checkpoint != nil {
		if trusted, err = audit.ParseCheckpoint(checkpoint, verifiers); err != nil {
			return audit.Report{}, usage("--checkpoint: %w", err)
		}
	}
	return audit.Verify(ctx, db.Audit(), verifiers, trusted)
}

func openForReading(ctx context.Context, database string) (*sqlite.DB, error) {
	path, ok := config.Database{URL: database}.SQLitePath()
	if !ok {
		return nil, usage("database %q: only sqlite:PATH is supported", database)
	}
	db, err := sqlite.OpenReadOnly(ctx, path)
	if err != nil {
		return nil, usage("%w; name its folder with --data", err)
	}
	return db, nil
}
