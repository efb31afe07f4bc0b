package document_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"m365mcp/content/document"
	"m365mcp/content/document/documenttest"
)

// fuzz reads what is called name, and fails for errors of no kind and for text
// that is longer than allowed or invalid.
func fuzz(f *testing.F, name string, seeds ...[]byte) {
	f.Helper()
	for _, seed := range seeds {
		f.Add(seed)
	}
	const most = 5000
	f.Fuzz(func(t *testing.T, data []byte) {
		x := extractor(t, document.Limits{Text: most})
		doc, err := x.Extract(t.Context(), name, "", data)
		for _, kind := range []error{nil, document.ErrDamaged, document.ErrTooLarge, document.ErrEncrypted, document.ErrUnsupported} {
			if errors.Is(err, kind) {
				err = nil
			}
		}
		if err != nil {
			t.Error(err)
		}
		// Marks that make text harmless may make it longer.
		if n := utf8.RuneCountInString(doc.Text); n > 4*most || !utf8.ValidString(doc.Text) {
			t.Errorf("%d characters, valid %v", n, utf8.ValidString(doc.Text))
		}
		if strings.Contains(doc.Text, "![") {
			t.Error("a picture")
		}
	})
}

func FuzzText(f *testing.F) {
	fuzz(f, "a.txt", []byte("a"), []byte("\xff\xfea\x00"), []byte("![a](b)"))
}
func FuzzCSV(f *testing.F)  { fuzz(f, "a.csv", []byte("a;\"b\n\";c"), []byte("a\tb")) }
func FuzzHTML(f *testing.F) { fuzz(f, "a.html", []byte("<table><tr><td>a<img src=b alt=c>")) }
func FuzzMail(f *testing.F) { fuzz(f, "a.eml", []byte(mail), []byte("From: a\r\n\r\nb")) }

func FuzzWorkbook(f *testing.F) { fuzz(f, "a.xlsx", workbook(f, ledger)) }

// FuzzSheet reaches the cells, which FuzzWorkbook keeps inside of a zip.
func FuzzSheet(f *testing.F) {
	f.Add(`<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>x</t></is></c><c r="XFD1"><v>1</v></c></row></sheetData>`)
	x := extractor(f, document.Limits{})
	f.Fuzz(func(t *testing.T, cells string) {
		const ns = ` xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`
		_, err := x.Extract(t.Context(), "a.xlsx", "", documenttest.Zip(
			documenttest.Relations("", "r officeDocument xl/workbook.xml"),
			documenttest.Part{Name: "xl/workbook.xml", Body: "<workbook" + ns + `><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>`},
			documenttest.Relations("xl/workbook.xml", "r1 worksheet worksheets/sheet1.xml"),
			documenttest.Part{Name: "xl/worksheets/sheet1.xml", Body: "<worksheet" + ns + ">" + cells + "</worksheet>"}))
		if err != nil && !errors.Is(err, document.ErrDamaged) && !errors.Is(err, document.ErrTooLarge) {
			t.Error(err)
		}
	})
}

// FuzzPDF is slow to start: its extractor is shared.
func FuzzPDF(f *testing.F) {
	f.Add(documenttest.PDF("a", "b"))
	f.Add(encryptedPDF())
	x := extractor(f, document.Limits{Text: 1000})
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := x.Extract(t.Context(), "a.pdf", "", append([]byte("%PDF-1.4\n"), data...))
		if err != nil && !errors.Is(err, document.ErrDamaged) && !errors.Is(err, document.ErrEncrypted) {
			t.Error(err)
		}
	})
}
