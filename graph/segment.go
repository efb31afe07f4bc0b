package graph

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrSegment means that a value cannot stand where it should in a path.
var ErrSegment = errors.New("not usable as a path segment")

// maxSegment is generous: Graph's ids are about 150 characters, shared-drive ids longer.
const maxSegment = 1024

// escapeSegment makes a segment of an id or well-known name.
func escapeSegment(v string) (string, error) {
	if err := plain(v); err != nil {
		return "", err
	}
	switch {
	// Encoded slashes and dot segments are legal here, but some proxies decode before
	// they route (CVE-2021-41773 is the well-known case); no Graph id contains them.
	case strings.ContainsAny(v, "/\\%?#"):
		return "", fmt.Errorf("contains a reserved character: %w", ErrSegment)
	case v[0] == '$':
		return "", fmt.Errorf("begins like $value or $ref: %w", ErrSegment)
	// Behind an item, a colon makes the rest of the path a file's name.
	case v[0] == ':' || v[len(v)-1] == ':':
		return "", fmt.Errorf("begins or ends with a colon: %w", ErrSegment)
	}
	return url.PathEscape(v), nil
}

// escapeName makes a segment of the name of a file or folder. What it refuses
// OneDrive and SharePoint refuse in names too, but for what looks percent-encoded.
func escapeName(v string) (string, error) {
	if err := plain(v); err != nil {
		return "", err
	}
	switch {
	case strings.ContainsAny(v, `"*:<>?/\|`):
		return "", fmt.Errorf("contains a character that no file name has: %w", ErrSegment)
	case encoded(v):
		return "", fmt.Errorf("looks percent-encoded: %w", ErrSegment)
	}
	return url.PathEscape(v), nil
}

// escapeLiteral makes the inside of a string literal of OData, in which a quote
// is doubled. Words to search for have slashes and percent signs; what would
// lead upwards after a proxy's decoding is refused.
func escapeLiteral(v string) (string, error) {
	for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == "." || part == ".." {
			return "", fmt.Errorf("contains a dot segment: %w", ErrSegment)
		}
	}
	if err := plain(v); err != nil {
		return "", err
	}
	if encoded(v) {
		return "", fmt.Errorf("looks percent-encoded: %w", ErrSegment)
	}
	return url.PathEscape(strings.ReplaceAll(v, "'", "''")), nil
}

// plain refuses what no value may be, wherever it stands.
func plain(v string) error {
	switch {
	case v == "":
		return fmt.Errorf("empty: %w", ErrSegment)
	case v == "." || v == "..":
		return fmt.Errorf("dot segment: %w", ErrSegment)
	case len(v) > maxSegment:
		return fmt.Errorf("longer than %d bytes: %w", maxSegment, ErrSegment)
	case !utf8.ValidString(v):
		return fmt.Errorf("invalid UTF-8: %w", ErrSegment)
	case strings.ContainsFunc(v, unicode.IsControl):
		return fmt.Errorf("contains a control character: %w", ErrSegment)
	}
	return nil
}

// encoded reports a percent sign and two hexadecimal digits, which a second
// decoding on the way would read.
func encoded(v string) bool {
	const digits = "0123456789abcdefABCDEF"
	for {
		_, after, found := strings.Cut(v, "%")
		if !found {
			return false
		}
		if len(after) >= 2 && strings.IndexByte(digits, after[0]) >= 0 && strings.IndexByte(digits, after[1]) >= 0 {
			return true
		}
		v = after
	}
}
