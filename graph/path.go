package graph

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrSegment means that a value cannot stand as one segment of a path.
var ErrSegment = errors.New("not usable as a path segment")

// maxSegment is generous: Graph's ids are about 150 characters, shared-drive ids longer.
const maxSegment = 1024

// Path is a resource path below the service root and version, with the
// template it was made from. The template is what logs and audit may show.
type Path struct{ escaped, template string }

// To fills each {placeholder} of template with the next value, escaped as
// exactly one segment (RFC 3986 section 3.3).
//
//	graph.To("/me/mailFolders/{folder}/messages", folder)
func To(template string, values ...string) (Path, error) {
	var b strings.Builder
	rest := template
	for {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed || len(values) == 0 {
			return Path{}, fmt.Errorf("path %s: placeholder %q has no value", template, name)
		}
		segment, err := escapeSegment(values[0])
		if err != nil {
			return Path{}, fmt.Errorf("path %s: %s: %w", template, name, err)
		}
		b.WriteString(segment)
		values, rest = values[1:], tail
	}
	if len(values) > 0 {
		return Path{}, fmt.Errorf("path %s: %d values too many", template, len(values))
	}
	return Path{escaped: b.String(), template: template}, nil
}

// Fixed is a path without placeholders, for constants of the program.
func Fixed(path string) Path { return Path{escaped: path, template: path} }

// String returns the escaped path.
func (p Path) String() string { return p.escaped }

// Template returns the path with its placeholders, which names nobody's data.
func (p Path) Template() string { return p.template }

func escapeSegment(v string) (string, error) {
	switch {
	case v == "":
		return "", fmt.Errorf("empty: %w", ErrSegment)
	case v == "." || v == "..":
		return "", fmt.Errorf("dot segment: %w", ErrSegment)
	case len(v) > maxSegment:
		return "", fmt.Errorf("longer than %d bytes: %w", maxSegment, ErrSegment)
	case !utf8.ValidString(v):
		return "", fmt.Errorf("invalid UTF-8: %w", ErrSegment)
	// Encoded slashes and dot segments are legal here, but some proxies decode before
	// they route (CVE-2021-41773 is the well-known case); no Graph id contains them.
	case strings.ContainsAny(v, "/\\%?#"):
		return "", fmt.Errorf("contains a reserved character: %w", ErrSegment)
	case strings.ContainsFunc(v, unicode.IsControl):
		return "", fmt.Errorf("contains a control character: %w", ErrSegment)
	}
	return url.PathEscape(v), nil
}
