package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"m365mcp/audit"
	"m365mcp/internal/seal"
)

type keysCmd struct {
	Generate keysGenerateCmd `cmd:"" help:"Print a new set of keys as lines for an environment file."`
	Status   keysStatusCmd   `cmd:"" help:"Print which encryption key seals how much in the database."`
	Rotate   keysRotateCmd   `cmd:"" help:"Move everything that is sealed onto the first encryption key."`
	Forget   keysForgetCmd   `cmd:"" help:"Give up what a lost encryption key seals."`
}

func (*keysCmd) Help() string {
	return `To rotate the encryption key, with nobody signed out:

  1. "keys generate" prints a new ENCRYPTION_KEY: write it and a comma in front of the old one. With several servers write it behind the old one first, on all of them, and restart each.
  2. Restart each server. It moves what is sealed onto the new key, in the background.
  3. "keys rotate" does the same, waits for it, and says when the old key can be removed: remove it and restart.

docs/keys.md says more, also of keys that are lost or known to others.`
}

type keysGenerateCmd struct {
	AuditName string `default:"m365-mcp" placeholder:"NAME" help:"Name in the audit's signing key; give each installation its own (${default})."`
}

func (*keysGenerateCmd) Help() string {
	return `Prints ENCRYPTION_KEY, COOKIE_ENCRYPTION_KEY, COOKIE_SECRET and the audit's signing key, new at every call, and writes nothing anywhere.

    (umask 077; m365-mcp keys generate > m365-mcp.env)`
}

func (c *keysGenerateCmd) Run(w world) error {
	signer, verifier, err := audit.GenerateKey(c.AuditName)
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintf(w.stdout, `# Keys of one m365-mcp installation.
# Put these lines where only the server reads them: a secret store, or an environment
# file with mode 0600. Each also works as NAME_FILE with the name of a file that holds
# the value. None of them belongs in the configuration file or in version control.

# Wraps the keys of Microsoft's tokens at rest. Lost, everybody has to sign in again.
# To rotate: put a new key and a comma in front, restart, and remove the old one when
# "m365-mcp keys rotate" says so.
ENCRYPTION_KEY=%s

# For encrypted and signed cookies. This version's cookies hold random values only.
COOKIE_ENCRYPTION_KEY=%s
COOKIE_SECRET=%s

# Signs the audit's checkpoints. Keep it away from the database and its backups.
M365_MCP_AUDIT_SIGNING_KEY=%s

# Not a secret: give this one to whoever verifies the audit.
#   m365-mcp audit verify --key %s
`, seal.GenerateKey(), randomHex(), randomHex(), signer, quote(verifier))
	return err
}

// randomHex is 32 random bytes, in the spelling that the seed's operators know.
func randomHex() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
