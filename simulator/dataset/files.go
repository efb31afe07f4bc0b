package dataset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"path"
	"strconv"
	"strings"
)

// build makes real files of what the content says in text.
func build(files []file) ([]Attachment, error) {
	var out []Attachment
	for _, f := range files {
		a := Attachment{Name: f.name, ContentID: f.cid, Inline: f.cid != ""}
		var err error
		switch ext := path.Ext(f.name); ext {
		case ".pdf":
			a.ContentType, a.Content = "application/pdf", pdf(f.text)
		case ".docx":
			a.ContentType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
			a.Content, err = docx(f.text)
		case ".xlsx":
			a.ContentType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
			a.Content, err = xlsx(f.text)
		case ".png":
			a.ContentType = "image/png"
			a.Content, err = barChart(f.text)
		case ".csv":
			a.ContentType, a.Content = "text/csv", []byte(f.text)
		case ".txt", ".log":
			a.ContentType, a.Content = "text/plain", []byte(f.text)
		case ".ics": // RFC 5545 §3.1: lines end in CRLF
			a.ContentType, a.Content = "text/calendar", []byte(strings.ReplaceAll(f.text, "\n", "\r\n"))
		default:
			err = fmt.Errorf("no way to make %q", ext)
		}
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", f.name, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// pdf sets lines of Latin text on one A4 page (PDF 1.4, one standard font, no compression).
func pdf(text string) []byte {
	var page strings.Builder
	page.WriteString("BT /F1 11 Tf 14 TL 56 786 Td\n")
	for line := range strings.Lines(text) {
		page.WriteString("(" + pdfString(strings.TrimRight(line, "\n")) + ") Tj T*\n")
	}
	page.WriteString("ET")
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", page.Len(), page.String()),
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, 0, len(objects))
	for i, object := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

// pdfString escapes a literal string; what WinAnsi shares with Latin-1 becomes an octal code.
func pdfString(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '(' || r == ')' || r == '\\':
			b.WriteString("\\" + string(r))
		case r == '€':
			b.WriteString(`\200`)
		case r < 0x80:
			b.WriteRune(r)
		case r >= 0xa0 && r <= 0xff:
			fmt.Fprintf(&b, "\\%03o", r)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

// barChart draws numbers between 0 and 100 as a PNG.
func barChart(text string) ([]byte, error) {
	const width, height, bar = 320, 120, 14
	palette := color.Palette{color.White, color.RGBA{0x0b, 0x5c, 0x7d, 0xff}, color.RGBA{0xe0, 0x8a, 0x2c, 0xff}}
	img := image.NewPaletted(image.Rect(0, 0, width, height), palette)
	for i, word := range strings.Fields(text) {
		value, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("value %q: %w", word, err)
		}
		ink := uint8(1)
		if value > 80 {
			ink = 2
		}
		for x := 8 + i*(bar+6); x < min(8+i*(bar+6)+bar, width); x++ {
			for y := height - 8 - min(value, 100); y < height-8; y++ {
				img.SetColorIndex(x, y, ink)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("png: %w", err)
	}
	return b.Bytes(), nil
}
