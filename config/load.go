package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// raw is the text of one setting before it is parsed, and where each item of it stands.
type raw struct{ items []item }

type item struct {
	text, where string
	fields      map[string]raw // of a record, in place of a text
}

// loader collects problems instead of stopping at the first.
type loader struct {
	cfg      *Config
	table    []setting
	file     string
	problems Errors
	bad      map[string]bool // settings that already have a problem
}

// Load reads the file at path (none if empty), environ (as os.Environ gives it)
// and the files that *_FILE variables name, and checks the result. Its error is
// of type [Errors] and names every mistake.
func Load(path string, environ []string, readFile func(string) ([]byte, error)) (Config, error) {
	var c Config
	l := load(&c, path, environ, readFile)
	l.require()
	l.validate()
	return c, l.problems.err()
}

// LoadDatabase is Load for commands that need only the database and the audit's
// key: mistakes in other settings are not theirs to report.
func LoadDatabase(path string, environ []string, readFile func(string) ([]byte, error)) (Config, error) {
	return loadOnly(path, environ, readFile, "keys.audit_signing", "database")
}

// LoadAuditKey is Load for commands to which the database is named otherwise.
func LoadAuditKey(path string, environ []string, readFile func(string) ([]byte, error)) (Config, error) {
	return loadOnly(path, environ, readFile, "keys.audit_signing")
}

// LoadKeys is Load for commands that need only the database and the server's keys.
func LoadKeys(path string, environ []string, readFile func(string) ([]byte, error)) (Config, error) {
	return loadOnly(path, environ, readFile, "keys.", "database")
}

// loadOnly reports mistakes in the settings with these beginnings, and those that are about none.
func loadOnly(path string, environ []string, readFile func(string) ([]byte, error), settings ...string) (Config, error) {
	var c Config
	l := load(&c, path, environ, readFile)
	return c, slices.DeleteFunc(l.problems, func(p Problem) bool {
		return p.Setting != "" && !slices.ContainsFunc(settings, func(s string) bool { return strings.HasPrefix(p.Setting, s) })
	}).err()
}

func load(c *Config, path string, environ []string, readFile func(string) ([]byte, error)) *loader {
	l := newLoader(c, path)
	var inFile map[string]raw
	if path != "" {
		if text, err := readFile(path); err != nil {
			l.report(Problem{Where: path, What: fmt.Sprintf("cannot be read: %v", err), Fix: "name a file that exists with --config, or none to use the environment alone"})
		} else {
			inFile = l.readYAML(text)
		}
	}
	env := variables(environ)
	l.apply(inFile, l.readEnviron(env, readFile))
	l.readClientSecrets(env, readFile)
	l.readAppSecrets(env, readFile)
	return l
}

func newLoader(c *Config, file string) *loader {
	return &loader{cfg: c, table: table(c), file: file, bad: map[string]bool{}}
}

func (l *loader) report(p Problem) {
	l.problems = append(l.problems, p)
	if p.Setting != "" {
		l.bad[p.Setting] = true
	}
}

// apply parses what was found: the environment's text, else the file's, else the default.
func (l *loader) apply(inFile, inEnv map[string]raw) {
	for i := range l.table {
		s := &l.table[i]
		r, found := inEnv[s.path]
		if !found {
			r, found = inFile[s.path]
		}
		if !found && s.def != "" {
			r = raw{items: []item{{text: s.def, where: s.path}}}
		}
		for _, it := range r.items {
			if s.value.record != nil {
				l.applyRecord(s, it)
				continue
			}
			if err := s.value.set(it.text); err != nil {
				l.report(Problem{Where: it.where, Setting: s.path, What: err.Error(), Fix: "allowed: " + s.value.kind})
			}
		}
	}
	m := &l.cfg.Microsoft
	m.Authority = cmp.Or(m.Authority, clouds[m.Cloud].authority)
	m.GraphURL = cmp.Or(m.GraphURL, clouds[m.Cloud].graph)
	m.GraphResource = clouds[m.Cloud].graph
	if m.TenantID == "" && (len(m.AllowedTenants) > 0 || l.bad["microsoft.allowed_tenants"]) {
		m.TenantID = SeveralTenants
	}
}

// applyRecord parses the settings of one record of a list.
func (l *loader) applyRecord(s *setting, record item) {
	rows, add := s.value.record()
	for i := range rows {
		row := &rows[i]
		items := record.fields[row.path].items
		given := func(name string) bool { _, ok := record.fields[s.path+"."+name]; return ok }
		if len(items) == 0 && row.required && !slices.ContainsFunc(row.unless, given) {
			l.report(Problem{Where: record.where, Setting: row.path, What: "is not set", Fix: "allowed: " + row.value.kind})
		}
		for _, it := range items {
			if err := row.value.set(it.text); err != nil {
				l.report(Problem{Where: it.where, Setting: row.path, What: err.Error(), Fix: "allowed: " + row.value.kind})
			}
		}
	}
	add()
}

// find returns the row with this path, or nil.
func (l *loader) find(path string) *setting { return find(l.table, path) }

func find(table []setting, path string) *setting {
	i := slices.IndexFunc(table, func(s setting) bool { return s.path == path })
	if i < 0 {
		return nil
	}
	return &table[i]
}

// familiar is the name that operators of the seed know, else ours.
func (s *setting) familiar() string { return s.env[len(s.env)-1] }
