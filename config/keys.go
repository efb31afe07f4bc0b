package config

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"m365mcp/internal/seal"
)

const (
	secretChars = 16
	fewDistinct = 8
	keyFix      = "make one with: m365-mcp keys generate"
)

// checkKeys looks at the form and strength of the server's keys. No problem
// quotes any part of one.
func (l *loader) checkKeys() {
	k := &l.cfg.Keys
	l.checkKey("keys.encryption", k.Encryption.Reveal(), checkKeyring)
	l.checkKey("keys.cookie_encryption", k.CookieEncryption.Reveal(), checkKeyring)
	l.checkKey("keys.cookie_secret", k.CookieSecret.Reveal(), checkText)
	l.checkKey("keys.audit_signing", k.AuditSigning.Reveal(), checkSigner)
}

func (l *loader) checkKey(path, text string, check func(string) error) {
	if text == "" || l.bad[path] {
		return
	}
	if err := check(text); err != nil {
		l.report(Problem{Where: l.find(path).familiar(), Setting: path, What: err.Error(), Fix: keyFix})
	}
}

func checkKeyring(text string) error {
	_, err := seal.ParseKeyring(text)
	return err
}

func checkText(text string) error {
	if len(text) < secretChars {
		return fmt.Errorf("weak secret: it is %d characters long, and must have at least %d", len(text), secretChars)
	}
	distinct := map[rune]bool{}
	for _, r := range text {
		distinct[r] = true
	}
	if len(distinct) < fewDistinct {
		return fmt.Errorf("weak secret: it repeats itself, with only %d different characters", len(distinct))
	}
	return nil
}

// checkSigner takes the text of a golang.org/x/mod/sumdb/note signer.
func checkSigner(text string) error {
	if _, err := note.NewSigner(text); err != nil {
		return errors.New("is not a signing key of the form PRIVATE+KEY+name+hash+key")
	}
	return nil
}
