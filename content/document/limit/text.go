package limit

import (
	"strings"
	"unicode/utf8"
)

// Text collects Markdown up to the limit of characters.
type Text struct {
	meter *Meter
	b     strings.Builder
	left  int
	full  bool
}

// NewText begins an empty text.
func NewText(m *Meter) *Text { return &Text{meter: m, left: m.Text} }

// String is the text so far.
func (t *Text) String() string { return t.b.String() }

// Full says that nothing more goes in; parsers stop there.
func (t *Text) Full() bool { return t.full }

// Add appends text as it is, as far as there is room.
func (t *Text) Add(s string) {
	if t.full || s == "" {
		return
	}
	n := len(s) // at least as many as its characters
	if n > t.left {
		if n = utf8.RuneCountInString(s); n > t.left {
			s = firstRunes(s, t.left)
			n, t.full = t.left, true
			t.meter.Note("Only the first %d characters were read.", t.meter.Text)
		}
	} else {
		n = utf8.RuneCountInString(s)
	}
	t.left -= n
	t.b.WriteString(s)
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Block appends a paragraph, a heading or a whole table behind an empty line.
func (t *Text) Block(s string) {
	s = strings.Trim(s, "\n")
	if strings.TrimSpace(s) == "" {
		return
	}
	if t.b.Len() > 0 {
		t.Add("\n\n")
	}
	t.Add(s)
}

// Line appends a line directly below what is there.
func (t *Text) Line(s string) {
	if t.b.Len() > 0 {
		t.Add("\n")
	}
	t.Add(s)
}

// maxColumns is where a table stops being one that can be read.
const maxColumns = 200

// Table makes a Markdown table whose first row is its head. Columns that are
// empty in every row are left out; width is that of the widest row.
func (m *Meter) Table(rows [][]string) string {
	used := make([]bool, 0, 8)
	for _, row := range rows {
		for i, cell := range row {
			if i >= len(used) {
				used = append(used, false)
			}
			used[i] = used[i] || cell != ""
		}
	}
	columns := make([]int, 0, len(used))
	for i, u := range used {
		if u {
			columns = append(columns, i)
		}
	}
	if len(columns) > maxColumns {
		columns = columns[:maxColumns]
		m.Note("Only the first %d columns of its tables were read.", maxColumns)
	}
	if len(columns) == 0 {
		return ""
	}
	var b strings.Builder
	for i, row := range rows {
		b.WriteByte('|')
		for _, c := range columns {
			b.WriteByte(' ')
			if c < len(row) {
				b.WriteString(cellText(row[c]))
			}
			b.WriteString(" |")
		}
		b.WriteByte('\n')
		if i == 0 {
			b.WriteString("|" + strings.Repeat("---|", len(columns)) + "\n")
		}
	}
	return b.String()
}

// cellText keeps a cell on its line and inside its column.
func cellText(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
