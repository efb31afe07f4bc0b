package config

import (
	"fmt"
	"slices"
	"strings"
)

const prefix = "M365_MCP_"

// readEnviron finds every setting's value in the environment. An empty variable
// counts as absent, as container tools pass them for values that are not set.
func (l *loader) readEnviron(environ []string, readFile func(string) ([]byte, error)) map[string]raw {
	env := map[string]string{}
	for _, kv := range environ {
		if name, text, ok := strings.Cut(kv, "="); ok && text != "" {
			env[name] = text
		}
	}
	found := map[string]raw{}
	for i := range l.table {
		s := &l.table[i]
		if it, ok := l.fromEnviron(s, env, readFile); ok {
			found[s.path] = split(s, it)
		}
	}
	l.strangers(env)
	return found
}

func split(s *setting, it item) raw {
	if !s.value.list {
		return raw{items: []item{it}}
	}
	var r raw
	for part := range strings.SplitSeq(it.text, ",") {
		r.items = append(r.items, item{strings.TrimSpace(part), it.where})
	}
	return r
}

// fromEnviron looks under each of the setting's names, and for a secret also
// for the file that NAME_FILE points to.
func (l *loader) fromEnviron(s *setting, env map[string]string, readFile func(string) ([]byte, error)) (item, bool) {
	var hits []item
	for _, name := range s.env {
		if text, ok := env[name]; ok {
			hits = append(hits, item{text, name})
		}
		file, ok := env[name+"_FILE"]
		if !ok || !s.secret() {
			continue
		}
		text, err := readFile(file)
		switch {
		case err != nil:
			l.report(Problem{Where: name + "_FILE", Setting: s.path, What: fmt.Sprintf("the file cannot be read: %v", err), Fix: "name a file that the server may read"})
		case strings.TrimSpace(string(text)) == "":
			l.report(Problem{Where: name + "_FILE", Setting: s.path, What: "the file is empty", Fix: "put the secret into it, alone"})
		default:
			hits = append(hits, item{strings.TrimSpace(string(text)), name + "_FILE"})
		}
	}
	switch len(hits) {
	case 0:
		return item{}, false
	case 1:
		return hits[0], true
	}
	names := make([]string, len(hits))
	for i, h := range hits {
		names[i] = h.where
	}
	l.report(Problem{Where: strings.Join(names, ", "), Setting: s.path, What: "are set together", Fix: "keep one of them"})
	return item{}, false
}

// strangers reports misspelt names that start like ours.
func (l *loader) strangers(env map[string]string) {
	names := l.environNames()
	var unknown []string
	for name := range env {
		if strings.HasPrefix(name, prefix) && !slices.Contains(names, name) && !foreign(name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		fix := "the names are in docs/configuration.md; unset it if it is not meant for the server"
		if near := nearest(name, names); near != "" {
			fix = fmt.Sprintf("did you mean %s?", near)
		}
		l.report(Problem{Where: name, What: "no setting has this name", Fix: fix})
	}
}

func (l *loader) environNames() []string {
	var names []string
	for i := range l.table {
		for _, name := range l.table[i].env {
			names = append(names, name)
			if l.table[i].secret() {
				names = append(names, name+"_FILE")
			}
		}
	}
	return names
}

// foreign are names with our prefix that others own: the command line, the
// tests, and Kubernetes, which describes a Service called m365-mcp to every pod
// as M365_MCP_SERVICE_HOST, M365_MCP_PORT_8365_TCP and so on.
func foreign(name string) bool {
	rest := strings.TrimPrefix(name, prefix)
	for _, p := range []string{"TEST_", "SERVICE_", "PORT_"} {
		if strings.HasPrefix(rest, p) {
			return true
		}
	}
	return slices.Contains([]string{"CONFIG", "GRAPH_DATA", "PORT"}, rest)
}
