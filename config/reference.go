package config

import (
	"bytes"
	"fmt"
	"strings"
)

// Reference is docs/configuration.md.
func Reference() []byte {
	var b bytes.Buffer
	b.WriteString(`# Configuration

<!-- Made from config/settings.go by: go test ./config -update -->

` + "`m365-mcp serve`" + ` reads one YAML file (` + "`--config FILE`" + ` or ` + "`M365_MCP_CONFIG`" + `) and the environment.
The file is optional; the environment wins. An empty variable counts as absent.

- The file is strict: an unknown section or setting, a doubled key, a value of the wrong kind is an error with its line.
- A secret comes from the environment, or from a file that ` + "`NAME_FILE`" + ` points to. In the configuration file it is refused. Both at once is an error.
- A list is a YAML list in the file, and separated by commas in the environment.
- All mistakes are named at once. ` + "`m365-mcp check`" + ` looks without serving; the exit code is 2.
- ` + "`m365-mcp config example`" + ` prints a file with every setting.
`)
	var c Config
	rows := table(&c)
	for _, sec := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", sec.name, sec.doc)
		for i := range rows {
			s := &rows[i]
			if key, ok := strings.CutPrefix(s.path, sec.name+"."); ok {
				s.writeReference(&b, key)
			}
		}
	}
	return b.Bytes()
}

func (s *setting) writeReference(b *bytes.Buffer, key string) {
	fmt.Fprintf(b, "\n### `%s`\n\n%s\n\n", key, s.doc)
	if s.secret() {
		b.WriteString("- in the file: refused, it is a secret\n")
	} else {
		fmt.Fprintf(b, "- in the file: `%s`\n", s.path)
	}
	names := make([]string, len(s.env))
	for i, name := range s.env {
		names[i] = "`" + name + "`"
		if s.fromFile() {
			names[i] += ", `" + name + "_FILE`"
		}
	}
	fmt.Fprintf(b, "- in the environment: %s\n", strings.Join(names, ", "))
	if !s.secret() {
		fmt.Fprintf(b, "- value: %s\n", s.value.kind)
	}
	if s.value.record != nil {
		s.writeRecordReference(b)
	}
	switch {
	case s.required:
		b.WriteString("- required by `serve`\n")
	case s.def != "":
		fmt.Fprintf(b, "- default: `%s`\n", s.def)
	}
	switch {
	case s.example == "" || s.def != "":
	case s.value.record != nil:
		fmt.Fprintf(b, "- example: `[%s]`\n", s.example)
	default:
		fmt.Fprintf(b, "- example: `%s`\n", s.example)
	}
}

// writeRecordReference lists the settings of each record.
func (s *setting) writeRecordReference(b *bytes.Buffer) {
	rows, _ := s.value.record()
	for i := range rows {
		row := &rows[i]
		kind := row.value.kind + ", required"
		switch {
		case row.secret():
			kind = fmt.Sprintf("in the environment only: `%s`, `%s_FILE`", row.familiar(), row.familiar())
		case !row.required, row.unless != nil:
			kind = row.value.kind
		}
		fmt.Fprintf(b, "  - `%s`: %s (%s)\n", strings.TrimPrefix(row.path, s.path+"."), row.doc, kind)
	}
}
