package router

import (
	"net/url"
	"strings"

	"m365mcp/simulator/graph/apierror"
)

// segment is a part of a path as it was sent, unescaped by itself.
type segment struct {
	text   string
	opens  bool              // ended in a colon: a path follows
	isPath bool              // the path between two colons
	keyed  bool              // a collection whose key follows, messages('id')
	isKey  bool              // such a key
	args   map[string]string // of a function call, by lower-case name; nil: none
}

// unqualified is the name of an action or function without its namespace.
func (s segment) unqualified() string {
	if name, ok := strings.CutPrefix(s.text, "microsoft.graph."); ok {
		return name
	}
	return strings.TrimPrefix(s.text, "graph.")
}

// splitPath takes a path apart. Each segment is unescaped by itself and never
// joined again, so that an escaped slash stays inside its id, and dot segments
// are segments like any other. It knows OData's key syntax, messages('id') for
// messages/id, function calls, and the path addressing of drives and sites, root:/a/b:
func splitPath(path string) ([]segment, error) {
	var segments []segment
	raw := strings.Split(path, "/")
	for i := 0; i < len(raw); i++ {
		bare, opens := strings.CutSuffix(raw[i], ":") // a colon that is escaped is a part of the name
		text, err := unescape(bare)
		if err != nil {
			return nil, err
		}
		if opens && text != "" {
			addressed, used, err := addressedPath(raw[i+1:])
			if err != nil {
				return nil, err
			}
			segments = append(segments, segment{text: text, opens: true}, addressed)
			i += used
			continue
		}
		if opens {
			text = ":"
		}
		segments = append(segments, named(text)...)
	}
	return segments, nil
}

// addressedPath joins the segments up to one that ends in a colon, or all.
func addressedPath(raw []string) (segment, int, error) {
	var names []string
	for i, r := range raw {
		bare, closes := strings.CutSuffix(r, ":")
		name, err := unescape(bare)
		if err != nil {
			return segment{}, 0, err
		}
		if name == "" || strings.Contains(name, "/") {
			return segment{}, 0, apierror.BadRequest("invalidRequest", "The provided path '%s' contains an empty name or a character that is not allowed.", strings.Join(raw, "/"))
		}
		names = append(names, name)
		if closes {
			return segment{text: strings.Join(names, "/"), isPath: true}, i + 1, nil
		}
	}
	if len(names) == 0 {
		return segment{}, 0, apierror.BadRequest("BadRequest", "Resource not found for the segment ':'.")
	}
	return segment{text: strings.Join(names, "/"), isPath: true}, len(raw), nil
}

// named reads key syntax and function calls.
func named(text string) []segment {
	name, list, found := strings.Cut(text, "(")
	list, closed := strings.CutSuffix(list, ")")
	if !found || !closed || name == "" {
		return []segment{{text: text}}
	}
	if key, ok := quoted(list); ok {
		return []segment{{text: name, keyed: true}, {text: key, isKey: true}}
	}
	args, ok := arguments(list)
	if !ok {
		return []segment{{text: text}}
	}
	if args == nil {
		return []segment{{text: name, args: map[string]string{}}}
	}
	return []segment{{text: name, args: args}}
}

// quoted reads one string literal of OData, in which a quote is doubled.
func quoted(text string) (string, bool) {
	if len(text) < 2 || text[0] != '\'' || text[len(text)-1] != '\'' {
		return "", false
	}
	inner := text[1 : len(text)-1]
	plain := strings.ReplaceAll(inner, "''", "")
	if strings.Contains(plain, "'") {
		return "", false
	}
	return strings.ReplaceAll(inner, "''", "'"), true
}

// arguments reads "a='x',b=5"; commas inside of quotes are none.
func arguments(list string) (map[string]string, bool) {
	if list == "" {
		return nil, true
	}
	out := map[string]string{}
	start, inside := 0, false
	for i := 0; i <= len(list); i++ {
		if i < len(list) && list[i] == '\'' {
			inside = !inside
		}
		if i < len(list) && (inside || list[i] != ',') {
			continue
		}
		name, value, found := strings.Cut(list[start:i], "=")
		if !found || name == "" {
			return nil, false
		}
		if strings.HasPrefix(value, "'") {
			text, ok := quoted(value)
			if !ok {
				return nil, false
			}
			value = text
		}
		out[strings.ToLower(strings.TrimSpace(name))] = value
		start = i + 1
	}
	return out, !inside
}

func unescape(raw string) (string, error) {
	text, err := url.PathUnescape(raw)
	if err != nil {
		return "", apierror.BadRequest("BadRequest", "Malformed percent-encoding in the request path.")
	}
	return text, nil
}
