package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// The smallest packages that Word and Excel open (ECMA-376 part 2: content
// types, a root relationship, the main part).
const (
	xmlHead      = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	packageNS    = "http://schemas.openxmlformats.org/package/2006/"
	officeNS     = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	relationHead = xmlHead + `<Relationships xmlns="` + packageNS + `relationships">`
)

type part struct{ name, body string }

// docx makes a document with one paragraph for each line.
func docx(text string) ([]byte, error) {
	var b strings.Builder
	b.WriteString(xmlHead + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`)
	for line := range strings.Lines(text) {
		b.WriteString(`<w:p><w:r><w:t xml:space="preserve">` + escapeXML(strings.TrimRight(line, "\n")) + "</w:t></w:r></w:p>")
	}
	b.WriteString("</w:body></w:document>")
	return ooxml(
		part{"[Content_Types].xml", contentTypes(
			override{"/word/document.xml", "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"},
		)},
		part{"_rels/.rels", relationHead + relation("officeDocument", "word/document.xml") + "</Relationships>"},
		part{"word/document.xml", b.String()},
	)
}

// xlsx makes a workbook with one sheet of comma separated rows; what reads as a number is one.
func xlsx(text string) ([]byte, error) {
	reader := csv.NewReader(strings.NewReader(text))
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("rows: %w", err)
	}
	const (
		main    = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
		columns = "ABCDEFGHIJ"
	)
	var b strings.Builder
	b.WriteString(xmlHead + `<worksheet xmlns="` + main + `"><sheetData>`)
	for i, row := range rows {
		if len(row) > len(columns) {
			return nil, fmt.Errorf("row %d: more than %d cells", i+1, len(columns))
		}
		fmt.Fprintf(&b, `<row r="%d">`, i+1)
		for j, cell := range row {
			ref := columns[j:j+1] + strconv.Itoa(i+1)
			if _, err := strconv.ParseFloat(cell, 64); err == nil {
				fmt.Fprintf(&b, `<c r="%s"><v>%s</v></c>`, ref, cell)
			} else {
				fmt.Fprintf(&b, `<c r="%s" t="inlineStr"><is><t>%s</t></is></c>`, ref, escapeXML(cell))
			}
		}
		b.WriteString("</row>")
	}
	b.WriteString("</sheetData></worksheet>")
	return ooxml(
		part{"[Content_Types].xml", contentTypes(
			override{"/xl/workbook.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"},
			override{"/xl/worksheets/sheet1.xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"},
		)},
		part{"_rels/.rels", relationHead + relation("officeDocument", "xl/workbook.xml") + "</Relationships>"},
		part{"xl/workbook.xml", xmlHead + `<workbook xmlns="` + main + `" xmlns:r="` + officeNS +
			`"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`},
		part{"xl/_rels/workbook.xml.rels", relationHead + relation("worksheet", "worksheets/sheet1.xml") + "</Relationships>"},
		part{"xl/worksheets/sheet1.xml", b.String()},
	)
}

// override is the content type of one part.
type override struct{ part, contentType string }

func contentTypes(overrides ...override) string {
	var b strings.Builder
	b.WriteString(xmlHead + `<Types xmlns="` + packageNS + `content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/xml"/>`)
	for _, o := range overrides {
		fmt.Fprintf(&b, `<Override PartName="%s" ContentType="%s"/>`, o.part, o.contentType)
	}
	b.WriteString("</Types>")
	return b.String()
}

func relation(kind, target string) string {
	return fmt.Sprintf(`<Relationship Id="rId1" Type="%s/%s" Target="%s"/>`, officeNS, kind, target)
}

// ooxml zips parts without times, so that the same text gives the same bytes.
func ooxml(parts ...part) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		// Stored, not deflated: dozens of compressors would be most of the cost of Load.
		w, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Store})
		if err != nil {
			return nil, fmt.Errorf("part %s: %w", p.name, err)
		}
		if _, err := w.Write([]byte(p.body)); err != nil {
			return nil, fmt.Errorf("part %s: %w", p.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("package: %w", err)
	}
	return b.Bytes(), nil
}

func escapeXML(s string) string {
	var b strings.Builder
	// A strings.Builder never fails to write.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
