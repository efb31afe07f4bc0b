package graphdata

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Found is an operation's path in Microsoft's description, and what the request
// has in the place of its parameters.
type Found struct {
	Template string
	Params   map[string]string // decoded; what stands in a rewritten part is left out
}

// route is a described path in segments.
type route struct {
	template string
	segments []segment
}

// segment is a literal, a parameter, or a function with parameters of its own.
type segment struct {
	literal string   // also a function's name
	param   string   // "" for a literal
	call    bool     // a function: delta(), search(q='{q}')
	args    []string // its parameters' names
}

// call is name(...); keys are calls too: messages('id').
var call = regexp.MustCompile(`^([\w.$]+)\((.*)\)$`)

func newRoute(template string) route {
	r := route{template: template}
	for _, part := range strings.Split(template, "/")[1:] {
		s := segment{literal: part}
		if m := call.FindStringSubmatch(part); m != nil {
			s.literal, s.call = m[1], true
			for arg := range strings.SplitSeq(m[2], ",") {
				if name, _, ok := strings.Cut(arg, "="); ok {
					s.args = append(s.args, name)
				}
			}
		} else if strings.HasPrefix(part, "{") {
			s = segment{param: strings.Trim(part, "{}")}
		}
		r.segments = append(r.segments, s)
	}
	return r
}

// Find finds the operation that a path addresses, with or without /v1.0. The
// template is the described one: of the twin below /me or /users/{user-id}
// where only that is described, and of the item where it is addressed by a path.
func (d *Data) Find(method, escapedPath string) (Found, error) {
	path := strings.TrimPrefix(escapedPath, "/v1.0")
	for _, candidate := range addressed(path) {
		found, ok, err := d.match(candidate)
		if err != nil {
			return Found{}, fmt.Errorf("%s %s: %w", method, escapedPath, err)
		}
		if !ok {
			continue
		}
		if d.operation(method, found.Template) == nil {
			return found, fmt.Errorf("%s %s: Microsoft describes %s, but not this method", method, escapedPath, found.Template)
		}
		return found, nil
	}
	return Found{}, fmt.Errorf("%s %s: Microsoft's description has no such path, and no addressing form of beyond.go leads to one", method, escapedPath)
}

// match finds the template of a plain path: at the first segment where two
// templates differ, the literal wins.
func (d *Data) match(path string) (Found, bool, error) {
	if !strings.HasPrefix(path, "/") {
		return Found{}, false, fmt.Errorf("the path %q is not absolute", path)
	}
	parts, err := segmentsOf(path[1:])
	if err != nil {
		return Found{}, false, err
	}
	var best *route
	var params map[string]string
	for i := range d.routes {
		r := &d.routes[i]
		if got, ok := r.match(parts); ok && (best == nil || r.before(best)) {
			best, params = r, got
		}
	}
	if best == nil {
		return Found{}, false, nil
	}
	return Found{Template: best.template, Params: params}, true, nil
}

// part is a segment of a request: text, or a function with named arguments.
type part struct {
	text string
	call bool
	args []string // name=value, decoded
}

// segmentsOf splits a path; the key of messages('id') becomes a segment.
func segmentsOf(path string) ([]part, error) {
	var parts []part
	for raw := range strings.SplitSeq(path, "/") {
		text, err := url.PathUnescape(raw)
		if err != nil {
			return nil, fmt.Errorf("segment %q: %w", raw, err)
		}
		if text == "" || text == "." || text == ".." {
			return nil, fmt.Errorf("segment %q is empty or dots", raw)
		}
		m := call.FindStringSubmatch(text)
		if m == nil {
			parts = append(parts, part{text: text})
			continue
		}
		args, err := arguments(m[2])
		if err != nil {
			return nil, fmt.Errorf("segment %q: %w", raw, err)
		}
		if len(args) == 1 && (args[0][0] == '\'' || !strings.Contains(args[0], "=")) {
			parts = append(parts, part{text: m[1]}, part{text: unquote(args[0])})
			continue
		}
		parts = append(parts, part{text: m[1], call: true, args: args})
	}
	return parts, nil
}

// arguments splits at the commas outside 'literals'; a quote inside one is doubled.
func arguments(list string) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	var out []string
	quoted, start := false, 0
	for i := range len(list) {
		switch {
		case list[i] == '\'':
			quoted = !quoted
		case list[i] == ',' && !quoted:
			out, start = append(out, list[start:i]), i+1
		}
	}
	if quoted {
		return nil, fmt.Errorf("a quote in %s is not closed (inner quotes are doubled)", list)
	}
	out = append(out, list[start:])
	for _, arg := range out {
		_, value, _ := strings.Cut(arg, "='")
		inner := strings.ReplaceAll(strings.TrimSuffix(value, "'"), "''", "")
		if arg == "" || strings.Contains(inner, "'") {
			return nil, fmt.Errorf("argument %q is not well-formed (inner quotes are doubled)", arg)
		}
	}
	return out, nil
}

func unquote(literal string) string {
	if len(literal) < 2 || literal[0] != '\'' {
		return literal
	}
	return strings.ReplaceAll(literal[1:len(literal)-1], "''", "'")
}

func (r *route) match(parts []part) (map[string]string, bool) {
	if len(parts) != len(r.segments) {
		return nil, false
	}
	params := map[string]string{}
	for i, s := range r.segments {
		p := parts[i]
		if s.param != "" {
			if p.call {
				return nil, false
			}
			params[s.param] = p.text
			continue
		}
		// Bound names may be qualified: microsoft.graph.delta().
		name := strings.TrimPrefix(p.text, "microsoft.")
		if name != s.literal && strings.TrimPrefix(name, "graph.") != s.literal {
			return nil, false
		}
		if len(p.args) != len(s.args) || p.call && !s.call {
			return nil, false
		}
		for j, arg := range p.args {
			key, value, _ := strings.Cut(arg, "=")
			if !strings.EqualFold(key, s.args[j]) {
				return nil, false
			}
			params[s.args[j]] = unquote(value)
		}
	}
	return params, true
}

// before reports whether r is the more literal of two routes that match.
func (r *route) before(other *route) bool {
	for i := range r.segments {
		if mine, theirs := r.segments[i].param == "", other.segments[i].param == ""; mine != theirs {
			return mine
		}
	}
	return false
}
