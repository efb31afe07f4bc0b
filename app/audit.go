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
// made once beside the database.
func openAudit(ctx context.Context, c config.Config, db opened, now func() time.Time, log *slog.Logger) (*audit.Log, string, error) {
	signing := c.Keys.AuditSigning.Reveal()
	if signing == "" {
		var err error
		if signing, err = keyFile(filepath.Join(db.folder, auditKeyFile), func() (string, error) {
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
	o := audit.Options{Store: db.Audit(), Signer: signer, Verifiers: note.VerifierList(verifier), Now: now, Logger: log}
	if db.presence != nil {
		o.Presence, o.Writer = db.presence, newID(now)()
	}
	l, err := audit.Open(ctx, o)
	if err != nil {
		return nil, "", fmt.Errorf("%w; look at it with: m365-mcp audit verify", err)
	}
	if db.presence == nil { // after Open: another key than the log's must not take its place
		if err := os.WriteFile(filepath.Join(db.folder, auditVerifierFile), []byte(verifierKey+"\n"), 0o600); err != nil {
			return nil, "", errors.Join(fmt.Errorf("audit verifier key: %w", err), l.Close(ctx))
		}
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

// ErrDamagedEntries means that entries of the audit could not be read.
var ErrDamagedEntries = errors.New("damaged entries in the audit")

// AuditTail writes the audit of database as JSON lines; with follow it goes on
// with new entries until ctx ends. It goes on after damaged entries too, and ends
// with [ErrDamagedEntries] then.
func AuditTail(ctx context.Context, c config.Database, follow bool, w io.Writer) error {
	db, err := openForReading(ctx, c, stay)
	if err != nil {
		return err
	}
	reader, next := audit.NewReader(db.Audit()), int64(0)
	var damaged, first int64
	for ctx.Err() == nil {
		if err = reader.Tail(ctx, next, func(l audit.Line) error {
			next = l.Index + 1
			if l.Damaged != "" {
				if damaged++; damaged == 1 {
					first = l.Index
				}
			}
			return writeLine(w, l)
		}); err != nil || !follow {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(pollInterval):
		}
	}
	err = errors.Join(ended(ctx, err), db.Close())
	if damaged > 0 {
		err = errors.Join(err, fmt.Errorf("%w: %d, the first at index %d; look at it with: m365-mcp audit verify", ErrDamagedEntries, damaged, first))
	}
	return err
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
func AuditVerify(ctx context.Context, c config.Database, verifierKey string, checkpoint []byte) (audit.Report, error) {
	return verifyAudit(ctx, c, verifierKey, checkpoint, stay)
}

func verifyAudit(ctx context.Context, c config.Database, verifierKey string, checkpoint []byte, as reading) (audit.Report, error) {
	report, err := readAudit(ctx, c, verifierKey, checkpoint, as)
	switch {
	case errors.Is(err, audit.ErrDamaged):
		return audit.Report{Problems: []audit.Problem{{Index: -1, What: audit.ProblemDatabase, Detail: err.Error()}}}, nil
	case err == nil && report.OK && report.Size == 0: // the first start of a server is an entry
		report.OK = false
		report.Problems = append(report.Problems, audit.Problem{Index: -1, What: audit.ProblemDatabase, Detail: "the log is empty"})
	}
	return report, err
}

func readAudit(ctx context.Context, c config.Database, verifierKey string, checkpoint []byte, as reading) (_ audit.Report, err error) {
	verifiers, err := verifiersFrom(c, verifierKey)
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
	db, err := openForReading(ctx, c, as)
	if err != nil {
		return audit.Report{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return audit.Verify(ctx, db.Audit(), verifiers, trusted)
}

func verifiersFrom(c config.Database, key string) (note.Verifiers, error) {
	source := "--key"
	if key == "" {
		path, ok := c.SQLitePath()
		if !ok {
			return nil, usage("no key to verify with: name it with --key")
		}
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
