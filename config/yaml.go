package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// readYAML walks the syntax tree itself instead of decoding into structs: that
// keeps the line of every key and goes on after a mistake.
func (l *loader) readYAML(text []byte) map[string]raw {
	tree, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		where, what := l.file, "is not YAML"
		if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
			// The parser's own text quotes the lines around, which may hold a secret.
			where, what = l.at(e.GetToken().Position.Line), "is not YAML: "+e.GetMessage()
		}
		l.report(Problem{Where: where, What: what, Fix: "compare with the output of: m365-mcp config example"})
		return nil
	}
	found := map[string]raw{}
	documents := 0
	for _, doc := range tree.Docs {
		if doc == nil || doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if documents++; documents > 1 {
			l.report(Problem{Where: l.line(doc.Body), What: "a second YAML document starts here", Fix: "keep one"})
			break
		}
		l.readSections(doc.Body, found)
	}
	return found
}

func (l *loader) readSections(body ast.Node, found map[string]raw) {
	entries, ok := mapping(body)
	if !ok {
		l.report(Problem{Where: l.line(body), What: "is not a mapping of sections", Fix: "compare with the output of: m365-mcp config example"})
		return
	}
	seen := map[string]bool{}
	for _, entry := range entries {
		name := keyText(entry.Key)
		where := l.line(entry.Key)
		if !known(name) {
			l.unknown(where, name, "", sectionNames())
			continue
		}
		if seen[name] {
			l.report(Problem{Where: where, Setting: name, What: "stands here a second time", Fix: "keep one"})
			continue
		}
		seen[name] = true
		if isNull(entry.Value) {
			continue // a section whose settings are all commented out
		}
		settings, ok := mapping(entry.Value)
		if !ok {
			l.report(Problem{Where: where, Setting: name, What: "is a section and holds settings, not a value", Fix: "its settings: " + strings.Join(keysOf(l.table, name), ", ")})
			continue
		}
		l.readSettings(l.table, name, settings, found)
	}
}

// readSettings reads the settings of a section, or of a record of a list.
func (l *loader) readSettings(table []setting, section string, entries []*ast.MappingValueNode, found map[string]raw) {
	seen := map[string]bool{}
	for _, entry := range entries {
		name, where := keyText(entry.Key), l.line(entry.Key)
		s := find(table, section+"."+name)
		switch {
		case s == nil:
			l.unknown(where, name, section, keysOf(table, section))
		case seen[name]:
			l.report(Problem{Where: where, Setting: s.path, What: "stands here a second time", Fix: "keep one"})
		case s.secret():
			l.report(Problem{
				Where: where, Setting: s.path, What: "is a secret, and secrets do not belong in the configuration file",
				Fix: fmt.Sprintf("remove the line, replace the secret (it has been in a file), and set %s or %s_FILE in the environment", s.familiar(), s.familiar()),
			})
		default:
			r, ok := l.readValue(s, entry.Value, where)
			if ok && s.value.hides != nil && slices.ContainsFunc(r.items, func(it item) bool { return s.value.hides(it.text) }) {
				l.report(Problem{
					Where: where, Setting: s.path, What: "holds a password, and secrets do not belong in the configuration file",
					Fix: fmt.Sprintf("replace the password (it has been in a file), and set %s or %s_FILE in the environment", s.familiar(), s.familiar()),
				})
				ok = false
			}
			if ok {
				found[s.path] = r
			}
		}
		seen[name] = true
	}
}

func (l *loader) readValue(s *setting, node ast.Node, where string) (raw, bool) {
	if s.value.record != nil && !isNull(node) {
		return l.readRecords(s, node)
	}
	if list, ok := node.(*ast.SequenceNode); ok && s.value.list {
		r := raw{items: []item{}}
		for _, n := range list.Values {
			text, ok := scalar(n)
			if !ok {
				l.report(Problem{Where: l.line(n), Setting: s.path, What: "is not a plain text", Fix: "allowed: " + s.value.kind})
				return raw{}, false
			}
			r.items = append(r.items, item{text: text, where: l.line(n)})
		}
		return r, true
	}
	if isNull(node) {
		l.report(Problem{Where: where, Setting: s.path, What: "has no value", Fix: "give it one, or remove the line"})
		return raw{}, false
	}
	text, ok := scalar(node)
	if !ok {
		l.report(Problem{Where: where, Setting: s.path, What: "is not a single plain value", Fix: "allowed: " + s.value.kind})
		return raw{}, false
	}
	return raw{items: []item{{text: text, where: where}}}, true
}

// readRecords reads a list of mappings.
func (l *loader) readRecords(s *setting, node ast.Node) (raw, bool) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		l.report(Problem{Where: l.line(node), Setting: s.path, What: "is not a list", Fix: "allowed: " + s.value.kind})
		return raw{}, false
	}
	r := raw{items: []item{}}
	rows, _ := s.value.record()
	for _, n := range list.Values {
		entries, ok := mapping(n)
		if !ok {
			l.report(Problem{Where: l.line(n), Setting: s.path, What: "is not a mapping", Fix: "its settings: " + strings.Join(keysOf(rows, s.path), ", ")})
			return raw{}, false
		}
		it := item{where: l.line(n), fields: map[string]raw{}}
		l.readSettings(rows, s.path, entries, it.fields)
		r.items = append(r.items, it)
	}
	return r, true
}

// readRecordText reads a list of mappings that stands in a variable, in YAML's flow
// style or as JSON.
func (l *loader) readRecordText(s *setting, it item) (raw, bool) {
	file := l.file
	l.file = it.where
	defer func() { l.file = file }()
	tree, err := parser.ParseBytes([]byte(it.text), 0, parser.AllowDuplicateMapKey())
	if err != nil || len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		l.report(Problem{Where: it.where, Setting: s.path, What: "is not YAML or JSON", Fix: "allowed: " + s.value.kind})
		return raw{}, false
	}
	return l.readRecords(s, tree.Docs[0].Body)
}

func (l *loader) unknown(where, name, section string, names []string) {
	what, kind := fmt.Sprintf("unknown section %q", name), "the sections"
	if section != "" {
		what, kind = fmt.Sprintf("unknown setting %q in section %s", name, section), "its settings"
	}
	fix := kind + ": " + strings.Join(names, ", ")
	if near := nearest(name, names); near != "" {
		fix = fmt.Sprintf("did you mean %s?", near)
	}
	l.report(Problem{Where: where, What: what, Fix: fix})
}

func (l *loader) at(line int) string { return fmt.Sprintf("%s:%d", l.file, line) }

func (l *loader) line(n ast.Node) string {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return l.at(t.Position.Line)
	}
	return l.file
}

func keysOf(table []setting, section string) []string {
	var names []string
	for i := range table {
		if name, ok := strings.CutPrefix(table[i].path, section+"."); ok {
			names = append(names, name)
		}
	}
	return names
}

func sectionNames() []string {
	names := make([]string, len(sections))
	for i, s := range sections {
		names[i] = s.name
	}
	return names
}

func known(section string) bool {
	for _, s := range sections {
		if s.name == section {
			return true
		}
	}
	return false
}

// mapping returns the entries of a node that is a mapping.
func mapping(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	default:
		return nil, false
	}
}

func keyText(key ast.MapKeyNode) string {
	if text, ok := scalar(key); ok {
		return text
	}
	if t := key.GetToken(); t != nil {
		return t.Value
	}
	return ""
}

// scalar returns a plain value as it was written. Anchors, aliases and tags are
// no plain values: what a configuration says should stand where it is read.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	default:
		return "", false
	}
}

func isNull(n ast.Node) bool {
	if n == nil {
		return true
	}
	_, ok := n.(*ast.NullNode)
	return ok
}
