package ooxml

import (
	"strconv"
	"strings"
)

// finish writes a paragraph that has ended: into the cell of a table, else as a
// heading, an item of a list or plain.
func (d *docx) finish(p *paragraph) {
	text := strings.TrimSpace(p.text.String())
	if text == "" {
		return
	}
	if n := len(d.tables); n > 0 {
		d.tables[n-1].cell.WriteString(text + "\n")
		return
	}
	if outer := d.current(); outer != nil { // a text box
		outer.text.WriteString("\n" + text + "\n")
		return
	}
	text, d.mark = d.mark+text, ""
	s := d.styles[p.style]
	heading := p.own
	if heading == 0 {
		heading = s.heading
	}
	if heading > 0 {
		d.out.Block(strings.Repeat("#", min(heading, 6)) + " " + strings.Join(strings.Fields(text), " "))
		return
	}
	list, lvl := p.list, p.level
	if list == "" {
		list, lvl = s.list, max(s.level, lvl)
	}
	if list == "" || list == "0" {
		d.out.Block(text)
		return
	}
	item := strings.Repeat("  ", lvl) + d.marker(list, lvl) + " " + strings.ReplaceAll(text, "\n", " ")
	d.out.Line(item)
}

// marker is a bullet, or the number that the list has come to.
func (d *docx) marker(list string, lvl int) string {
	if !d.numbering.numbered(list, lvl) {
		return "-"
	}
	c := d.counters[list]
	if c == nil {
		c = new([9]int)
		d.counters[list] = c
	}
	c[lvl]++
	for deeper := lvl + 1; deeper < len(c); deeper++ {
		c[deeper] = 0
	}
	return strconv.Itoa(c[lvl]) + "."
}

func (d *docx) endCell() {
	n := len(d.tables)
	if n == 0 {
		return
	}
	t := d.tables[n-1]
	if len(t.rows) == 0 || t.full {
		return
	}
	if !d.a.meter.Cell() {
		t.full = true
		return
	}
	last := len(t.rows) - 1
	t.rows[last] = append(t.rows[last], strings.TrimSpace(t.cell.String()))
	t.cell.Reset()
}

// endTable writes a table, or makes it text of the cell that it stands in.
func (d *docx) endTable() {
	n := len(d.tables)
	if n == 0 {
		return
	}
	t := d.tables[n-1]
	d.tables = d.tables[:n-1]
	if n == 1 {
		d.out.Block(d.a.meter.Table(t.rows))
		return
	}
	outer := d.tables[n-2]
	for _, row := range t.rows {
		outer.cell.WriteString(strings.Join(row, ", ") + "; ")
	}
}

// style is what matters of one.
type style struct {
	heading int // 1 to 9
	hidden  bool
	list    string
	level   int
	basedOn string
}

func (d *docx) readStyles(part string) error {
	d.styles = make(map[string]style)
	var id string
	var s style
	err := d.a.scan(d.ctx, part, func(sc *scanner, t token) error {
		switch {
		case t.end && t.name == "w:style":
			d.styles[id] = s
		case !t.start:
		case t.name == "w:style":
			id, s = t.get("styleId"), style{}
		case t.name == "w:name":
			if n, ok := strings.CutPrefix(strings.ToLower(t.get("val")), "heading "); ok && s.heading == 0 {
				s.heading = level(n)
			} else if strings.EqualFold(t.get("val"), "title") {
				s.heading = 1
			}
		case t.name == "w:basedOn":
			s.basedOn = t.get("val")
		case t.name == "w:outlineLvl":
			s.heading = outline(t.get("val"))
		case t.name == "w:numId":
			s.list = t.get("val")
		case t.name == "w:ilvl":
			s.level = level(t.get("val"))
		case t.name == "w:vanish":
			s.hidden = t.on()
		case t.name == "w:tblStylePr":
			return sc.skip()
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.inheritStyles()
	return nil
}

// inheritStyles hands down what a style is based on. Styles may be based on one
// another in a circle; ten steps are more than documents have.
func (d *docx) inheritStyles() {
	whole := make(map[string]style, len(d.styles))
	for id, s := range d.styles {
		above := s.basedOn
		for range 10 {
			base, ok := d.styles[above]
			if !ok {
				break
			}
			if s.heading == 0 {
				s.heading = base.heading
			}
			if s.list == "" {
				s.list, s.level = base.list, base.level
			}
			s.hidden = s.hidden || base.hidden
			above = base.basedOn
		}
		whole[id] = s
	}
	d.styles = whole
}

// numbering says which levels of which lists carry numbers.
type numbering struct {
	abstract map[string]string         // numId to abstractNumId
	formats  map[string]map[int]string // abstractNumId to level to format
}

func (n numbering) numbered(list string, lvl int) bool {
	format, ok := n.formats[n.abstract[list]][lvl]
	return ok && format != "bullet" && format != "none"
}

func (d *docx) readNumbering(part string) error {
	d.numbering = numbering{abstract: make(map[string]string), formats: make(map[string]map[int]string)}
	var of, num string
	lvl := 0
	return d.a.scan(d.ctx, part, func(_ *scanner, t token) error {
		if !t.start {
			return nil
		}
		switch t.name {
		case "w:abstractNum":
			of = t.get("abstractNumId")
			d.numbering.formats[of] = make(map[int]string)
		case "w:lvl":
			lvl = level(t.get("ilvl"))
		case "w:numFmt":
			if f := d.numbering.formats[of]; f != nil {
				f[lvl] = t.get("val")
			}
		case "w:num":
			num = t.get("numId")
		case "w:abstractNumId":
			d.numbering.abstract[num] = t.get("val")
		}
		return nil
	})
}

// level reads a level from 0 to 8.
func level(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return min(n, 8)
}

// outline makes a heading from 1 of an outline level from 0; 9 is body text.
func outline(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 8 {
		return 0
	}
	return n + 1
}
