package content

import "strings"

// A table of data is small enough to be read as one; all others are layout.
const (
	maxColumns = 12
	maxRows    = 200
	maxCell    = 200 // bytes
)

func (r *rewriter) table(n *node, s style) {
	if r.flat > 0 || !isData(n) {
		r.block(n, s)
		return
	}
	r.boundary()
	for _, child := range n.children {
		if child.tag == "caption" {
			r.visit(child, s)
		}
	}
	r.inside("table", func() { r.rows(n, s) })
	r.boundary()
}

// rows writes what isData found: rows, or groups of them.
func (r *rewriter) rows(n *node, s style) {
	for _, child := range n.children {
		if child.tag == "" || child.tag == "caption" {
			continue
		}
		in, hidden := s.next(child, r.sheet.of(child))
		switch {
		case hidden:
			r.conceal(child)
		case child.tag == "tr":
			r.inside("tr", func() { r.cells(child, in) })
		default:
			r.rows(child, in)
		}
	}
}

func (r *rewriter) cells(row *node, s style) {
	r.flat++
	r.cell = true
	for _, child := range row.children {
		if child.tag == "" {
			continue
		}
		in, hidden := s.next(child, r.sheet.of(child))
		r.inside("td", func() {
			if hidden {
				r.conceal(child)
			} else {
				r.children(child, in)
			}
		})
	}
	r.flat--
	r.cell = false
}

// tableShape counts what tells data from layout.
type tableShape struct {
	rows, cells, filled int
	widest, narrowest   int
	marked              bool // by th
	layout              bool // something that no cell of data has
}

// isData judges a table by its form: no table in it, two columns and rows at
// least, the same number of short cells in every row.
func isData(n *node) bool {
	role := strings.ToLower(n.attr["role"])
	if n.tables || role == "presentation" || role == "none" {
		return false
	}
	t := tableShape{narrowest: maxColumns + 1}
	t.group(n)
	if t.layout || t.rows < 2 || t.rows > maxRows || t.widest < 2 || t.widest > maxColumns {
		return false
	}
	if t.marked {
		return true
	}
	return t.widest == t.narrowest && t.filled*10 >= t.cells*7
}

func (t *tableShape) group(n *node) {
	for _, child := range n.children {
		switch child.tag {
		case "caption":
		case "tr":
			t.row(child)
		case "thead", "tbody", "tfoot":
			t.group(child)
		case "":
			t.layout = t.layout || strings.TrimSpace(child.text) != ""
		default:
			t.layout = t.layout || child.tag != "col" && child.tag != "colgroup"
		}
		if t.layout {
			return
		}
	}
}

func (t *tableShape) row(n *node) {
	cells := 0
	for _, child := range n.children {
		switch child.tag {
		case "td", "th":
			cells++
			size := 0
			t.measure(child, &size)
			if size > maxCell {
				t.layout = true
			}
			if size > 0 {
				t.filled++
			}
			t.marked = t.marked || child.tag == "th"
		case "":
			t.layout = t.layout || strings.TrimSpace(child.text) != ""
		default:
			t.layout = true
		}
	}
	if cells == 0 {
		return
	}
	t.rows++
	t.cells += cells
	t.widest, t.narrowest = max(t.widest, cells), min(t.narrowest, cells)
}

// measure adds up the text of a cell.
func (t *tableShape) measure(n *node, size *int) {
	switch n.tag {
	case "":
		*size += len(strings.TrimSpace(strings.ReplaceAll(n.text, "\u00a0", " ")))
	case "ul", "ol", "blockquote", "pre", "hr", "h1", "h2", "h3", "h4":
		t.layout = true
	}
	for _, child := range n.children {
		t.measure(child, size)
	}
}
