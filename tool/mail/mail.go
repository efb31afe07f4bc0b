// Package mail has the tools for a person's mailbox.
package mail

import (
	"errors"
	"net/mail"
	"slices"
	"strings"
	"unicode"

	"m365mcp/content"
	"m365mcp/tool"
)

const family = "mail"

// Tools returns the family.
func Tools() []*tool.Tool { return []*tool.Tool{getEmails(), sendEmail()} }

// wellKnown are the folder names that Graph takes in place of an id
// (https://learn.microsoft.com/graph/api/resources/mailfolder).
var wellKnown = []string{"inbox", "sentitems", "drafts", "deleteditems", "archive", "junkemail", "outbox"}

// aliases are what people call them.
var aliases = map[string]string{
	"sent": "sentitems", "sent items": "sentitems", "draft": "drafts", "deleted": "deleteditems",
	"deleted items": "deleteditems", "trash": "deleteditems", "junk": "junkemail", "spam": "junkemail", "junk email": "junkemail",
}

// folderID returns what stands for folder in a path: a well-known name or an id.
func folderID(folder string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(folder))
	if alias, ok := aliases[name]; ok {
		name = alias
	}
	if slices.Contains(wellKnown, name) {
		return name, nil
	}
	if looksLikeID(folder) {
		return folder, nil
	}
	return "", tool.Invalid("folder", "is not a folder; allowed: "+strings.Join(wellKnown, ", ")+", or a folder id")
}

// looksLikeID reports whether s has the shape of Graph's ids: long base64url.
func looksLikeID(s string) bool {
	return len(s) >= 40 && len(s) <= 512 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '='
	})
}

// checkAddress accepts one plain SMTP address and nothing that a mail header
// could read as more (RFC 5322 section 3.4.1).
func checkAddress(s string) error {
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || content.Invisible(r) || unicode.Is(unicode.Mn, r) }) {
		return errors.New("contains a space, a line break or a character that cannot be seen; give bare addresses such as ada@example.com, several as a list")
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || a.Name != "" {
		return errors.New("is not a bare address such as ada@example.com; give several as a list")
	}
	return nil
}
