package config

import (
	"bytes"
	"fmt"
	"strings"
)

const textWidth = 92

// Example is a configuration file with every setting, each commented out and
// at its default, so that it is valid as it is printed.
func Example() []byte {
	var b bytes.Buffer
	b.WriteString(`# m365-mcp configuration: m365-mcp serve --config FILE
# Every setting can also come from the environment, which wins. Secrets come from
# the environment or from files only: they are refused here.
`)
	var c Config
	rows := table(&c)
	for _, sec := range sections {
		fmt.Fprintf(&b, "\n# %s\n%s:\n", sec.doc, sec.name)
		for i := range rows {
			s := &rows[i]
			key, ok := strings.CutPrefix(s.path, sec.name+".")
			if !ok {
				continue
			}
			if s.secret() {
				fmt.Fprintf(&b, "  # %s: set %s or %s_FILE in the environment\n", key, s.familiar(), s.familiar())
				continue
			}
			for _, line := range wrap(s.doc, textWidth) {
				fmt.Fprintf(&b, "  # %s\n", line)
			}
			fmt.Fprintf(&b, "  #%s\n", exampleLine(s, key))
		}
	}
	return b.Bytes()
}

func exampleLine(s *setting, key string) string {
	text := s.def
	if text == "" {
		text = s.example
	}
	if s.value.list {
		text = "[" + text + "]"
	}
	return key + ": " + text
}

// wrap breaks text into lines of at most width characters where words allow it.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
