package graph

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Path is a resource path below the service root and version, with the
// template it was made from. The template is what logs and audit may show.
type Path struct{ escaped, template string }

// To fills each {placeholder} of template with the next value, so that it stays
// where it stands:
//
//	To("/me/mailFolders/{folder}/messages", folder)          one segment (RFC 3986 section 3.3)
//	To("/me/drive/root/search(q='{q}')", words)              one string literal of a function
//	To("/drives/{drive}/items/{item}:/{name}:/content", ...) one name of path addressing
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
		escape := escapeSegment
		switch {
		case strings.HasSuffix(before, "'") && strings.HasPrefix(tail, "'"):
			escape = escapeLiteral
		case strings.HasSuffix(before, ":/"):
			escape = escapeName
		}
		escaped, err := escape(values[0])
		if err != nil {
			return Path{}, fmt.Errorf("path %s: %s: %w", template, name, err)
		}
		b.WriteString(escaped)
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

// Value returns what fills the placeholder name, where that is a segment of its own.
func (p Path) Value(name string) string {
	mine, ok := segments(p.escaped)
	templates, ok2 := segments(p.template)
	i := slices.Index(templates, "{"+name+"}")
	if !ok || !ok2 || len(mine) != len(templates) || i < 0 {
		return ""
	}
	return mine[i]
}

// Leads reports whether another escaped path names the same resource. Graph does
// not write the paths of its links as they were asked for: it escapes less,
// writes keys in parentheses, other capitals, and the namespace of functions.
// Values must be the same in every character.
func (p Path) Leads(escaped string) bool {
	mine, ok := segments(p.escaped)
	theirs, ok2 := segments(escaped)
	if !ok || !ok2 || len(mine) != len(theirs) {
		return false
	}
	templates, ok := segments(p.template)
	for i := range mine {
		fixed := ok && len(templates) == len(mine) && !strings.Contains(templates[i], "{")
		if mine[i] != theirs[i] && (!fixed || !strings.EqualFold(mine[i], theirs[i])) {
			return false
		}
	}
	return true
}

// segments decodes a path, with keys in parentheses as segments of their own. In
// a value parentheses are escaped, so that none is taken for a key.
func segments(escaped string) ([]string, bool) {
	var out []string
	for raw := range strings.SplitSeq(strings.TrimPrefix(escaped, "/"), "/") {
		raw = strings.TrimSuffix(strings.TrimPrefix(raw, "microsoft.graph."), "()")
		name, key, found := strings.Cut(raw, "('")
		key, closed := strings.CutSuffix(key, "')")
		if found && closed {
			raw = name
		}
		s, err := url.PathUnescape(raw)
		if err != nil {
			return nil, false
		}
		out = append(out, s)
		if found && closed {
			k, err := url.PathUnescape(key)
			if err != nil {
				return nil, false
			}
			out = append(out, strings.ReplaceAll(k, "''", "'"))
		}
	}
	return out, true
}
