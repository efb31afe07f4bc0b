package tool

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	"m365mcp/content"
)

// maxAddress is 64 characters before the @ and 255 behind it (RFC 3696, erratum 1690).
const maxAddress = 320

// CheckAddresses accepts plain SMTP addresses as values of an argument, and nothing
// that a mail header could read as more (RFC 5322 section 3.4.1) or a person as
// another address.
func CheckAddresses(field string, addresses ...string) error {
	for _, s := range addresses {
		if problem := checkAddress(s); problem != "" {
			if len(addresses) > 1 {
				problem = fmt.Sprintf("entry %+q %s", shorten(s), problem)
			}
			return Invalid(field, problem)
		}
	}
	return nil
}

func checkAddress(s string) string {
	parsed, err := mail.ParseAddress(s)
	switch {
	case len(s) > maxAddress:
		return "is longer than an address can be"
	case strings.ContainsFunc(s, unseen):
		return "contains a space, a line break or a character that cannot be seen; give bare addresses such as ada@example.com, several as a list"
	case err != nil || parsed.Address != s || parsed.Name != "":
		return "is not a bare address such as ada@example.com; give several as a list, and find addresses by name with findPeople"
	}
	return ""
}

// unseen characters, and marks that only change the one before.
func unseen(r rune) bool {
	return unicode.IsSpace(r) || content.Invisible(r) || unicode.Is(unicode.Mn, r)
}
