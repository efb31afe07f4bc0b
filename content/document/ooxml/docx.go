package ooxml

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"m365mcp/content/document/limit"
)

// Docx reads the body of a Word document with its foot- and endnotes. What Word
// does not show on the page is left out: hidden text, tracked deletions,
// comments, instructions of fields. Tracked insertions stay.
func Docx(ctx context.Context, a *Archive, out *limit.Text) error {
	main, err := a.mainPart(ctx)
	if err != nil {
		return err
	}
	d := &docx{ctx: ctx, a: a, out: out, counters: make(map[string]*[9]int)}
	if d.links, err = a.relations(ctx, main); err != nil {
		return err
	}
	var foot, end string
	comments := false
	for _, r := range d.links {
		switch {
		case r.external || !a.Has(r.target):
		case r.kind == "styles":
			err = d.readStyles(r.target)
		case r.kind == "numbering":
			err = d.readNumbering(r.target)
		case r.kind == "footnotes":
			foot = r.target
		case r.kind == "endnotes":
			end = r.target
		case r.kind == "comments":
			comments = true
		}
		if err != nil {
			return err
		}
	}
	if err := d.walk(main); err != nil {
		return err
	}
	// Notes refer by id to entries of their own part.
	for _, notes := range []struct{ part, sign string }{{foot, ""}, {end, "e"}} {
		if notes.part == "" {
			continue
		}
		d.sign = notes.sign
		if d.links, err = a.relations(ctx, notes.part); err != nil {
			return err
		}
		if err := d.walk(notes.part); err != nil {
			return err
		}
	}
	d.remarks(comments)
	return nil
}

func (d *docx) remarks(comments bool) {
	if comments {
		d.a.meter.Note("Comments are left out.")
	}
	if d.deleted > 0 {
		d.a.meter.Note("Tracked deletions are left out: %d.", d.deleted)
	}
	if d.hidden > 0 {
		d.a.meter.Note("Hidden text is left out: %d places.", d.hidden)
	}
}

// docx is one walk; it goes through the body first and then through its notes.
type docx struct {
	ctx       context.Context //nolint:containedctx // of one call of Docx
	a         *Archive
	out       *limit.Text
	links     map[string]relation
	styles    map[string]style
	numbering numbering
	counters  map[string]*[9]int // how far each numbered list has come

	paragraphs []*paragraph // open ones: a text box stands inside of a paragraph
	tables     []*table
	sign       string // of the notes that are being read
	mark       string // before the first paragraph of a note
	deleted    int
	hidden     int
}

// paragraph is what has been read of one.
type paragraph struct {
	text   strings.Builder
	style  string
	list   string // numId
	level  int
	own    int // its own outline level from 1, 0: that of its style
	hidden bool
	run    bool   // inside of a run that is hidden
	link   string // address of the hyperlink that is open
	from   int    // where its text begins
}

// table is one that is open; those in its cells become text of the cell.
type table struct {
	rows [][]string
	cell strings.Builder
	full bool
}

func (d *docx) walk(part string) error {
	d.paragraphs, d.tables = nil, nil
	return d.a.scan(d.ctx, part, func(s *scanner, t token) error {
		switch {
		case d.out.Full():
			return errEnough
		case t.start:
			return d.start(s, t)
		case t.end:
			d.end(t.name)
		}
		return nil
	})
}

// current is the innermost paragraph.
func (d *docx) current() *paragraph {
	if len(d.paragraphs) == 0 {
		return nil
	}
	return d.paragraphs[len(d.paragraphs)-1]
}

func (d *docx) start(s *scanner, t token) error {
	switch t.name {
	case "w:del", "w:moveFrom":
		d.deleted++
		return s.skip()
	case "mc:Fallback", "w:instrText", "w:delText", "w:object", "w:pPrChange", "w:rPrChange", "w:sectPr", "w:tblPr", "w:tcPr":
		return s.skip()
	case "w:p":
		d.paragraphs = append(d.paragraphs, &paragraph{})
		return nil
	case "w:tbl":
		d.tables = append(d.tables, &table{})
		return nil
	case "w:tr":
		if n := len(d.tables); n > 0 {
			d.tables[n-1].rows = append(d.tables[n-1].rows, nil)
		}
		return nil
	case "w:tc":
		if n := len(d.tables); n > 0 {
			d.tables[n-1].cell.Reset()
		}
		return nil
	case "w:footnote", "w:endnote":
		return d.note(s, t)
	}
	if p := d.current(); p != nil {
		return d.inParagraph(s, p, t)
	}
	return nil
}

// note begins the text of a footnote; separators are no notes.
func (d *docx) note(s *scanner, t token) error {
	if kind := t.get("type"); kind != "" && kind != "normal" {
		return s.skip()
	}
	d.mark = fmt.Sprintf("[^%s%s]: ", d.sign, number(t.get("id")))
	return nil
}

// inParagraph reads properties and content of the innermost paragraph.
func (d *docx) inParagraph(s *scanner, p *paragraph, t token) error {
	switch t.name {
	case "w:pStyle":
		p.style = t.get("val")
	case "w:outlineLvl":
		p.own = outline(t.get("val"))
	case "w:numId":
		p.list = t.get("val")
	case "w:ilvl":
		p.level = level(t.get("val"))
	case "w:pPr":
		return d.paragraphProperties(s, p)
	case "w:r":
		p.run = false
	case "w:rPr":
		return d.runProperties(s, p)
	case "w:hyperlink":
		p.link, p.from = "", p.text.Len()
		if r := d.links[t.relation()]; r.external && r.kind == "hyperlink" {
			p.link = address(r.target)
		}
	case "w:t", "m:t":
		return d.text(s, p)
	case "w:tab", "w:ptab":
		d.put(p, " ")
	case "w:br", "w:cr":
		d.put(p, "\n")
	case "w:noBreakHyphen":
		d.put(p, "-")
	case "w:footnoteReference":
		d.put(p, "[^"+number(t.get("id"))+"]")
	case "w:endnoteReference":
		d.put(p, "[^e"+number(t.get("id"))+"]")
	}
	return nil
}

// paragraphProperties reads w:pPr; the w:rPr in it is about the paragraph mark.
func (d *docx) paragraphProperties(s *scanner, p *paragraph) error {
	for outside := s.depth - 1; s.depth > outside; {
		t, err := s.next()
		if err != nil {
			return noEOF(err)
		}
		if !t.start {
			continue
		}
		if t.name == "w:rPr" || t.name == "w:pPrChange" || t.name == "w:sectPr" {
			if err := s.skip(); err != nil {
				return err
			}
			continue
		}
		if err := d.inParagraph(s, p, t); err != nil {
			return err
		}
	}
	p.hidden = d.styles[p.style].hidden
	return nil
}

// runProperties reads w:rPr: whether the run is hidden by itself or by its style.
func (d *docx) runProperties(s *scanner, p *paragraph) error {
	for outside := s.depth - 1; s.depth > outside; {
		t, err := s.next()
		if err != nil {
			return noEOF(err)
		}
		switch {
		case !t.start:
		case t.name == "w:rPrChange":
			if err := s.skip(); err != nil {
				return err
			}
		case t.name == "w:rStyle":
			p.run = p.run || d.styles[t.get("val")].hidden
		case t.name == "w:vanish":
			p.run = t.on()
		}
	}
	return nil
}

// text reads the characters of w:t.
func (d *docx) text(s *scanner, p *paragraph) error {
	seen := false
	for outside := s.depth - 1; s.depth > outside; {
		t, err := s.next()
		if err != nil {
			return noEOF(err)
		}
		if len(t.text) == 0 {
			continue
		}
		if (p.run || p.hidden) && !seen {
			d.hidden++
			seen = true
		}
		d.put(p, string(t.text))
	}
	return nil
}

func (d *docx) put(p *paragraph, s string) {
	if !p.run && !p.hidden {
		p.text.WriteString(s)
	}
}

func (d *docx) end(name string) {
	switch name {
	case "w:r":
		if p := d.current(); p != nil {
			p.run = false
		}
	case "w:hyperlink":
		if p := d.current(); p != nil {
			p.closeLink()
		}
	case "w:p":
		if p := d.current(); p != nil {
			d.paragraphs = d.paragraphs[:len(d.paragraphs)-1]
			d.finish(p)
		}
	case "w:tc":
		d.endCell()
	case "w:tbl":
		d.endTable()
	}
}

// closeLink writes the address behind a text that hides it.
func (p *paragraph) closeLink() {
	if p.link == "" {
		return
	}
	whole := p.text.String()
	text := whole[min(p.from, len(whole)):]
	if label := strings.TrimSpace(text); label != "" && label != p.link {
		p.text.Reset()
		p.text.WriteString(whole[:len(whole)-len(text)] + "[" + label + "](" + p.link + ")")
	}
	p.link = ""
}

// address lets through what a person could follow.
func address(target string) string {
	for _, scheme := range []string{"https://", "http://", "mailto:"} {
		if strings.HasPrefix(strings.ToLower(target), scheme) && !strings.ContainsAny(target, " ()<>\"\\\n\r\t") {
			return target
		}
	}
	return ""
}

// number keeps an id that is written into text to digits.
func number(id string) string {
	n, err := strconv.Atoi(id)
	if err != nil {
		return "?"
	}
	return strconv.Itoa(n)
}
