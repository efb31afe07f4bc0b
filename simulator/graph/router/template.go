package router

import (
	"strings"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
)

// kind is what a segment of a template stands for; lower goes first.
type kind byte

const (
	literal  kind = 'a'
	function kind = 'b' // search(q='{q}')
	param    kind = 'c' // {message-id}
	paths    kind = 'd' // {path}: the rest up to a colon, slashes included
)

// part is a segment of a template.
type part struct {
	kind  kind
	name  string // literal, function or parameter
	opens bool   // ends in a colon: a path follows
	args  map[string]string
}

// route is an operation with its template taken apart.
type route struct {
	*service.Operation
	parts    []part
	rank     string // literals before parameters, compared as a string
	unlocked func(*call) (*service.Answer, error)
}

func newRoute(o service.Operation) route {
	r := route{Operation: &o}
	if o.Template == "" || o.Template == "/" {
		return r
	}
	afterColon := false
	for text := range strings.SplitSeq(strings.TrimPrefix(o.Template, "/"), "/") {
		p := parsePart(text, afterColon)
		afterColon = p.opens
		r.parts = append(r.parts, p)
		r.rank += string(rune(p.kind))
	}
	return r
}

func parsePart(text string, isPath bool) part {
	if isPath {
		return part{kind: paths, name: strings.Trim(text, "{}:")}
	}
	bare, opens := strings.CutSuffix(text, ":")
	switch {
	case strings.HasPrefix(bare, "{"):
		return part{kind: param, name: strings.Trim(bare, "{}"), opens: opens}
	case strings.HasSuffix(bare, ")"):
		name, list, _ := strings.Cut(strings.TrimSuffix(bare, ")"), "(")
		args := map[string]string{}
		for arg := range strings.SplitSeq(list, ",") {
			if key, value, found := strings.Cut(arg, "="); found {
				args[strings.ToLower(key)] = strings.Trim(value, "'{}")
			}
		}
		return part{kind: function, name: strings.TrimPrefix(name, "microsoft.graph."), args: args}
	default:
		if cast, isCast := strings.CutPrefix(bare, "graph."); isCast {
			bare = "microsoft.graph." + cast
		}
		return part{kind: literal, name: bare, opens: opens}
	}
}

// match fits the segments of a path to the template. It returns the
// parameters, or nil and how many segments did fit.
func (r *route) match(segments []segment) (map[string]string, int) {
	for i, s := range segments {
		if i >= len(r.parts) || !r.parts[i].fits(s) {
			return nil, i
		}
	}
	if len(segments) != len(r.parts) {
		return nil, len(segments)
	}
	params := map[string]string{}
	for i, p := range r.parts {
		switch p.kind {
		case literal:
		case function:
			for key, name := range p.args {
				params[name] = segments[i].args[key]
			}
		case param, paths:
			params[p.name] = segments[i].text
		}
	}
	return params, len(segments)
}

func (p part) fits(s segment) bool {
	if p.kind == paths || s.isPath {
		return p.kind == paths && s.isPath
	}
	if p.opens != s.opens {
		return false
	}
	name := strings.EqualFold(p.name, s.unqualified())
	switch p.kind {
	case literal:
		return s.args == nil && !s.isKey && (name || strings.EqualFold(p.name, s.text) || strings.EqualFold(p.name, "microsoft."+s.text))
	case function:
		if !name || s.isKey || s.keyed || len(p.args) != len(s.args) {
			return false
		}
		for key := range p.args {
			if _, ok := s.args[key]; !ok {
				return false
			}
		}
		return true
	case param, paths:
	}
	return s.text != "" && s.args == nil && !s.keyed
}

// find looks for the operation of a path as it was sent.
func find(routes []route, method, escapedPath string) (*route, map[string]string, error) {
	version, rest, _ := strings.Cut(strings.TrimPrefix(escapedPath, "/"), "/")
	if version != "v1.0" {
		return nil, nil, apierror.BadRequest("BadRequest", "Invalid version: %s.", version)
	}
	segments, err := splitPath(strings.TrimSuffix(rest, "/"))
	if err != nil {
		return nil, nil, err
	}
	var best *route
	var bestParams map[string]string
	wrongMethod, deepest := false, 0
	for i := range routes {
		r := &routes[i]
		params, depth := r.match(segments)
		deepest = max(deepest, depth)
		switch {
		case params == nil:
		case r.Method != method:
			wrongMethod = true
		case best == nil || r.rank < best.rank:
			best, bestParams = r, params
		}
	}
	switch {
	case best != nil:
		return best, bestParams, nil
	case wrongMethod:
		return nil, nil, apierror.MethodNotAllowed()
	}
	unknown := ""
	if len(segments) > 0 {
		unknown = segments[min(deepest, len(segments)-1)].text
	}
	return nil, nil, apierror.BadRequest("BadRequest", "Resource not found for the segment '%s'.", unknown)
}
