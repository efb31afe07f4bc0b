// Package documenttest makes small files of every format for tests, whole ones
// and hostile ones. It is imported by tests only.
package documenttest

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
)

// Part is a file in a zip.
type Part struct{ Name, Body string }

const (
	head      = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`
	relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	// WordNS is the namespace of w:.
	WordNS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
)

// Zip makes an archive of the parts.
func Zip(parts ...Part) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		w, err := z.Create(p.Name)
		if err == nil {
			_, err = w.Write([]byte(p.Body))
		}
		if err != nil { // a buffer never fails to write
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// Relations makes a .rels part of lines "id kind target", or "id kind target External".
func Relations(of string, lines ...string) Part {
	var b strings.Builder
	b.WriteString(head + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`)
	for _, line := range lines {
		f := strings.Fields(line)
		mode := ""
		if len(f) > 3 {
			mode = ` TargetMode="` + f[3] + `"`
		}
		fmt.Fprintf(&b, `<Relationship Id="%s" Type="%s/%s" Target="%s"%s/>`, f[0], relations, f[1], f[2], mode)
	}
	b.WriteString("</Relationships>")
	dir, base := "", of
	if i := strings.LastIndexByte(of, '/'); i >= 0 {
		dir, base = of[:i+1], of[i+1:]
	}
	return Part{dir + "_rels/" + base + ".rels", b.String()}
}

// Word wraps elements into a root element of WordprocessingML.
func Word(root, inner string) string {
	return head + `<w:` + root + ` xmlns:w="` + WordNS + `" xmlns:r="` + relations +
		`" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">` + inner + `</w:` + root + `>`
}

// Docx makes a Word document of a body and what else it has.
func Docx(body string, more ...Part) []byte {
	return Zip(append([]Part{
		Relations("", "rId1 officeDocument word/document.xml"),
		{"word/document.xml", Word("document", "<w:body>"+body+"</w:body>")},
	}, more...)...)
}

// Paragraph is a plain one.
func Paragraph(text string) string { return "<w:p><w:r><w:t>" + text + "</w:t></w:r></w:p>" }

// Slide makes a slide, or its notes, of shapes.
func Slide(root, attributes, shapes string) string {
	return head + `<p:` + root + attributes + ` xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"` +
		` xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:r="` + relations + `">` +
		`<p:cSld><p:spTree>` + shapes + `</p:spTree></p:cSld></p:` + root + `>`
}

// Shape makes a shape of paragraphs; "\t" before one is its level.
func Shape(kind string, paragraphs ...string) string {
	var b strings.Builder
	b.WriteString(`<p:sp><p:nvSpPr><p:cNvPr id="1" name="x"/><p:nvPr>`)
	if kind != "" {
		b.WriteString(`<p:ph type="` + kind + `"/>`)
	}
	b.WriteString(`</p:nvPr></p:nvSpPr><p:txBody>`)
	for _, p := range paragraphs {
		text := strings.TrimLeft(p, "\t")
		fmt.Fprintf(&b, `<a:p><a:pPr lvl="%d"/><a:r><a:t>%s</a:t></a:r></a:p>`, len(p)-len(text), text)
	}
	b.WriteString(`</p:txBody></p:sp>`)
	return b.String()
}

// Pptx makes a presentation of slides; the parts more carry their notes.
func Pptx(slides []string, more ...Part) []byte {
	var list strings.Builder
	var links []string
	parts := []Part{Relations("", "rId1 officeDocument ppt/presentation.xml")}
	for i, slide := range slides {
		fmt.Fprintf(&list, `<p:sldId id="%d" r:id="rId%d"/>`, 256+i, i+1)
		links = append(links, fmt.Sprintf("rId%d slide slides/slide%d.xml", i+1, i+1))
		parts = append(parts, Part{fmt.Sprintf("ppt/slides/slide%d.xml", i+1), slide})
	}
	parts = append(parts, Relations("ppt/presentation.xml", links...), Part{
		"ppt/presentation.xml", head + `<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:r="` +
			relations + `"><p:sldIdLst>` + list.String() + `</p:sldIdLst></p:presentation>`,
	})
	return Zip(append(parts, more...)...)
}

// PDF makes a file with a line of text on each page.
func PDF(pages ...string) []byte {
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}
	var kids []string
	for _, page := range pages {
		stream := "BT /F1 12 Tf 72 720 Td (" + page + ") Tj ET"
		kids = append(kids, fmt.Sprintf("%d 0 R", len(objects)+1))
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F1 3 0 R >> >> >>", len(objects)+2),
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(stream), stream))
	}
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(pages))
	return PDFObjects("", objects...)
}

// PDFObjects makes a file of objects, the first of which is the catalog.
func PDFObjects(trailer string, objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, 0, len(objects))
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, trailer, start)
	return b.Bytes()
}
