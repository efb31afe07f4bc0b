package app

import (
	"bytes"
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
	"m365mcp/internal/private"
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
			return nil, "", usage("audit signing key: %w", err)
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

// keyFile reads a key that only we can read, or makes it and writes it so. Its
// folder must not be writable by others either: they could put their own there.
func keyFile(path string, generate func() (string, error)) (string, error) {
	if err := errors.Join(private.Folder(filepath.Dir(path)), private.Secret(path)); err != nil {
		return "", err
	}
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
	reader, next := audit.NewReader(db.Audit()), int64(0)
	for {
		err := reader.Tail(ctx, next, func(l audit.Line) error {
			next = l.Index + 1
			return writeLine(w, l)
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

// writeLine writes what came from outside in a way that a terminal does not act on.
func writeLine(w io.Writer, l audit.Line) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return err
	}
	_, err := io.WriteString(w, Graphic(b.String()))
	return err
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
// A database that holds no log, or an empty one, is a report and no error.
func AuditVerify(ctx context.Context, database, verifierKey string, checkpoint []byte) (audit.Report, error) {
	report, err := auditVerify(ctx, database, verifierKey, checkpoint)
	switch {
	case errors.Is(err, audit.ErrDamaged):
		return audit.Report{Problems: []audit.Problem{{Index: -1, What: audit.ProblemDatabase, Detail: err.Error()}}}, nil
	case err == nil && report.OK && report.Size == 0: // the first start of a server is an entry
		report.OK = false
		report.Problems = append(report.Problems, audit.Problem{Index: -1, What: audit.ProblemDatabase, Detail: "the log is empty"})
	}
	return report, err
}

func auditVerify(ctx context.Context, database, verifierKey string, checkpoint []byte) (_ audit.Report, err error) {
	verifiers, err := verifiersFrom(database, verifierKey)
	if err != nil {
		return audit.Report{}, err
	}
	var trusted *audit.Checkpoint
	if checkpoint != nil {
		// One line break at the end, whatever an editor or a pipe made of it.
		signed := append(bytes.TrimRight(checkpoint, "\r\n"), '\n')
		if trusted, err = audit.ParseCheckpoint(signed, verifiers); err != nil {
			return audit.Report{}, usage("--checkpoint: %w", err)
		}
	}
	db, err := openForReading(ctx, database)
	if err != nil {
		return audit.Report{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return audit.Verify(ctx, db.Audit(), verifiers, trusted)
}

func verifiersFrom(database, key string) (note.Verifiers, error) {
	source := "--key"
	if key == "" {
		path, _ := config.Database{URL: database}.SQLitePath()
		source = filepath.Join(filepath.Dir(path), auditVerifierFile)
		b, err := os.ReadFile(source) //nolint:gosec // in the operator's data folder
		if err != nil {
			return nil, usage("no key to verify with: %w; name it with --key", err)
		}
		key = strings.TrimSpace(string(b))
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, usage("%s: %w; it is a line of the form name+hash+key", source, err)
	}
	return note.VerifierList(verifier), nil
}

func openForReading(ctx context.Context, database string) (*sqlite.DB, error) {
	path, ok := config.Database{URL: database}.SQLitePath()
	if !ok {
		return nil, usage("database %q: only sqlite:PATH is supported", database)
	}
	db, err := sqlite.OpenReadOnly(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usage("%w; name its folder with --data", err)
	case err != nil:
		return nil, fmt.Errorf("audit: %w", err)
	}
	return db, nil
}
