package ooxml

import (
	"context"
	"fmt"
	"strings"

	"m365mcp/content/document/limit"
)

// Pptx reads the slides in their order, each with its number, its title, its
// text, its tables and the speaker's notes.
func Pptx(ctx context.Context, a *Archive, out *limit.Text) error {
	main, err := a.mainPart(ctx)
	if err != nil {
		return err
	}
	links, err := a.relations(ctx, main)
	if err != nil {
		return err
	}
	var order []string
	seen := make(map[string]bool) // a slide that is listed twice is read once
	err = a.scan(ctx, main, func(_ *scanner, t token) error {
		if !t.start || t.name != "p:sldId" {
			return nil
		}
		r := links[t.relation()]
		if r.kind == "slide" && !r.external && a.Has(r.target) && !seen[r.target] {
			seen[r.target] = true
			order = append(order, r.target)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, part := range order {
		if out.Full() {
			return nil
		}
		if i == a.meter.Pages {
			a.meter.Note("Only the first %d of %d slides were read.", i, len(order))
			return nil
		}
		if err := pptxSlide(ctx, a, out, i+1, part); err != nil {
			return err
		}
	}
	return nil
}

func pptxSlide(ctx context.Context, a *Archive, out *limit.Text, n int, part string) error {
	s := slide{meter: a.meter}
	if err := a.scan(ctx, part, s.each); err != nil {
		return err
	}
	head := fmt.Sprintf("## Slide %d", n)
	if s.title != "" {
		head += ": " + s.title
	}
	if s.hidden {
		head += " (hidden)"
	}
	out.Block(head)
	for _, b := range s.blocks {
		out.Block(b)
	}
	links, err := a.relations(ctx, part)
	if err != nil {
		return err
	}
	for _, r := range links {
		if r.kind != "notesSlide" || r.external || !a.Has(r.target) {
			continue
		}
		notes := slide{meter: a.meter, notes: true}
		if err := a.scan(ctx, r.target, notes.each); err != nil {
			return err
		}
		if len(notes.blocks) > 0 {
			out.Block("Notes: " + strings.Join(notes.blocks, "\n\n"))
		}
		break
	}
	return nil
}

// slide is what has been read of one, or of its notes.
type slide struct {
	meter  *limit.Meter
	notes  bool
	hidden bool
	title  string
	blocks []string

	kind  string // of the placeholder that is read: "title", "body", "sldNum"
	shape []string
	line  strings.Builder
	level int
	inRun bool
	table *table
}

func (d *slide) each(s *scanner, t token) error {
	switch {
	case t.start:
		return d.start(s, t)
	case t.end:
		d.end(t.name)
	case d.inRun:
		d.line.Write(t.text)
	}
	return nil
}

func (d *slide) start(s *scanner, t token) error {
	switch t.name {
	case "p:sld":
		d.hidden = t.get("show") == "0" || t.get("show") == "false"
	case "mc:Fallback", "p:transition", "p:timing", "p:extLst":
		return s.skip()
	case "p:cNvPr":
		if h := t.get("hidden"); h == "1" || h == "true" {
			d.kind = "hidden"
		}
	case "p:sp", "p:graphicFrame":
		d.kind, d.shape = "", nil
	case "p:ph":
		if d.kind == "" {
			d.kind = t.get("type")
		}
	case "a:p":
		d.line.Reset()
		d.level = 0
	case "a:pPr":
		d.level = level(t.get("lvl"))
	case "a:t":
		d.inRun = true
	case "a:br":
		d.line.WriteByte('\n')
	case "a:tbl":
		d.table = &table{}
	case "a:tr":
		if d.table != nil {
			d.table.rows = append(d.table.rows, nil)
		}
	}
	return nil
}

func (d *slide) end(name string) {
	switch name {
	case "a:t":
		d.inRun = false
	case "a:p":
		d.endParagraph()
	case "a:tc":
		d.endCell()
	case "a:tbl":
		if d.table != nil && d.kind != "hidden" {
			d.blocks = append(d.blocks, d.meter.Table(d.table.rows))
		}
		d.table = nil
	case "p:sp", "p:graphicFrame":
		d.endShape()
	}
}

func (d *slide) endParagraph() {
	text := strings.TrimSpace(d.line.String())
	d.line.Reset()
	switch {
	case text == "":
	case d.table != nil:
		d.table.cell.WriteString(text + "\n")
	case d.level > 0:
		d.shape = append(d.shape, strings.Repeat("  ", d.level-1)+"- "+strings.ReplaceAll(text, "\n", " "))
	default:
		d.shape = append(d.shape, text)
	}
}

func (d *slide) endCell() {
	if d.table == nil || len(d.table.rows) == 0 || d.table.full {
		return
	}
	if !d.meter.Cell() {
		d.table.full = true
		return
	}
	last := len(d.table.rows) - 1
	d.table.rows[last] = append(d.table.rows[last], strings.TrimSpace(d.table.cell.String()))
	d.table.cell.Reset()
}

// endShape keeps the text of a shape, unless it is hidden or furniture.
func (d *slide) endShape() {
	text := strings.Join(d.shape, "\n")
	d.shape = nil
	kind := d.kind
	d.kind = ""
	switch kind {
	case "hidden":
		if text != "" {
			d.meter.Note("Text of hidden shapes is left out.")
		}
		return
	case "sldNum", "dt", "ftr", "hdr":
		return
	case "title", "ctrTitle":
		if d.title == "" && !d.notes {
			d.title = strings.Join(strings.Fields(text), " ")
			return
		}
	}
	if text != "" {
		d.blocks = append(d.blocks, text)
	}
}
