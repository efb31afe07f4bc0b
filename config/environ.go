package config

import (
	"fmt"
	"slices"
	"strings"
)

const prefix = "M365_MCP_"

// variables reads the environment. An empty variable counts as absent, as container
// tools pass them for values that are not set.
func variables(environ []string) map[string]string {
	env := map[string]string{}
	for _, kv := range environ {
		if name, text, ok := strings.Cut(kv, "="); ok && text != "" {
			env[name] = text
		}
	}
	return env
}

// readEnviron finds every setting's value in the environment.
func (l *loader) readEnviron(env map[string]string, readFile func(string) ([]byte, error)) map[string]raw {
	found := map[string]raw{}
	for i := range l.table {
		s := &l.table[i]
		if it, ok := l.fromEnviron(s, env, readFile); ok {
			if s.value.record == nil {
				found[s.path] = split(s, it)
			} else if r, ok := l.readRecordText(s, it); ok {
				found[s.path] = r
			}
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
		r.items = append(r.items, item{text: strings.TrimSpace(part), where: it.where})
	}
	return r
}

// fromEnviron looks under each of the setting's names, and for what may be a secret
// also for the file that NAME_FILE points to.
func (l *loader) fromEnviron(s *setting, env map[string]string, readFile func(string) ([]byte, error)) (item, bool) {
	var hits []item
	for _, name := range s.env {
		if text, ok := env[name]; ok {
			hits = append(hits, item{text: text, where: name})
		}
		file, ok := env[name+fileSuffix]
		if !ok || !s.fromFile() {
			continue
		}
		text, err := readFile(file)
		switch {
		case err != nil:
			l.report(Problem{Where: name + fileSuffix, Setting: s.path, What: fmt.Sprintf("the file cannot be read: %v", err), Fix: "name a file that the server may read"})
		case strings.TrimSpace(string(text)) == "":
			l.report(Problem{Where: name + fileSuffix, Setting: s.path, What: "the file is empty", Fix: "put the secret into it, alone"})
		default:
			hits = append(hits, item{text: strings.TrimSpace(string(text)), where: name + fileSuffix})
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
			if l.table[i].fromFile() {
				names = append(names, name+fileSuffix)
			}
		}
	}
	return names
}

// foreign are names with our prefix that others own: the command line, the
// tests, the clients and linked apps (whose secrets are read with them), and Kubernetes, which describes a Service called m365-mcp to every pod
// as M365_MCP_SERVICE_HOST, M365_MCP_PORT_8365_TCP and so on.
func foreign(name string) bool {
	rest := strings.TrimPrefix(name, prefix)
	for _, p := range []string{"TEST_", "SERVICE_", "PORT_", strings.TrimPrefix(secretPrefix, prefix), strings.TrimPrefix(appSecretPrefix, prefix)} {
		if strings.HasPrefix(rest, p) {
			return true
		}
	}
	return slices.Contains([]string{"CONFIG", "GRAPH_DATA", "PORT"}, rest)
}
