package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed statement about the log (C2SP tlog-checkpoint): it had
// Size entries and this root. Kept outside the database, one proves later that
// nothing before it was changed, removed or rebuilt.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
	Note   string // the signed note itself
}

// ParseCheckpoint reads a signed note and demands a signature by one of the verifiers.
func ParseCheckpoint(signed []byte, verifiers note.Verifiers) (*Checkpoint, error) {
	n, err := note.Open(signed, verifiers)
	if unverified, ok := errors.AsType[*note.UnverifiedNoteError](err); ok && len(unverified.Note.UnverifiedSigs) > 0 {
		return nil, fmt.Errorf("audit: checkpoint: signed by %s, not by the key given", unverified.Note.UnverifiedSigs[0].Name)
	}
	if err != nil {
		return nil, fmt.Errorf("audit: checkpoint: %w", err)
	}
	for _, sig := range n.Sigs {
		// note decodes leniently; a changed byte must not pass because it fell on unused bits.
		if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
			return nil, fmt.Errorf("audit: checkpoint: signature: %w", err)
		}
	}
	c, err := parseBody(n.Text)
	if err != nil {
		return nil, err
	}
	c.Note = string(signed)
	return c, nil
}

var errBody = errors.New("audit: checkpoint: want the three lines origin, size, root hash")

func parseBody(text string) (*Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return nil, errBody
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return nil, errBody
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] { // base64 has several spellings of one value
		return nil, errBody
	}
	return &Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

func (c *Checkpoint) body() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

func signCheckpoint(origin string, t *tree, signer note.Signer) ([]byte, error) {
	root, err := t.root()
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Origin: origin, Size: t.size, Root: root}
	signed, err := note.Sign(&note.Note{Text: c.body()}, signer)
	if err != nil {
		return nil, fmt.Errorf("audit: sign the checkpoint: %w", err)
	}
	return signed, nil
}

// GenerateKey makes an Ed25519 key for signing checkpoints. The name identifies
// the log, such as "mcp.example.com/audit": no spaces, no plus sign.
func GenerateKey(name string) (skey, vkey string, err error) {
	skey, vkey, err = note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", "", fmt.Errorf("audit: generate a key: %w", err)
	}
	if _, err := note.NewVerifier(vkey); err != nil {
		return "", "", fmt.Errorf("audit: name %q: %w", name, err)
	}
	return skey, vkey, nil
}

// VerifierKey derives the public key from the signing key, so that an operator
// configures one secret only.
func VerifierKey(skey string) (vkey string, err error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return "", fmt.Errorf("audit: signing key: %w", err)
	}
	// NewSigner has checked the form: PRIVATE+KEY+<name>+<hash>+<base64 of algorithm byte and seed>.
	parts := strings.SplitN(skey, "+", 5)
	data, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(data) != 1+ed25519.SeedSize {
		return "", errors.New("audit: signing key: not an Ed25519 key")
	}
	public, ok := ed25519.NewKeyFromSeed(data[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return "", errors.New("audit: signing key: not an Ed25519 key")
	}
	vkey, err = note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return "", fmt.Errorf("audit: verifier key: %w", err)
	}
	return vkey, nil
}
