package document_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"go.uber.org/goleak"

	"m365mcp/content/document"
	"m365mcp/content/document/documenttest"
)

// codeDir holds PDFium compiled, for all tests: it takes seconds.
var codeDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "document-test-")
	if err != nil {
		panic(err)
	}
	codeDir = dir
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func extractor(t testing.TB, l document.Limits) *document.Extractor {
	t.Helper()
	x := document.New(l, codeDir)
	t.Cleanup(func() {
		if err := x.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return x
}

func workbook(t testing.TB, change func(*excelize.File) error, options ...excelize.Options) []byte {
	t.Helper()
	f := excelize.NewFile()
	var b bytes.Buffer
	if err := errors.Join(change(f), f.Write(&b, options...), f.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ledger has dates, formulas with and without a value, a gap, a hidden sheet.
func ledger(f *excelize.File) error {
	date, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		return err
	}
	_, err = f.NewSheet("Archive")
	if err != nil {
		return err
	}
	return errors.Join(
		f.SetSheetName("Sheet1", "Ledger"),
		f.SetSheetRow("Ledger", "A1", &[]any{"Day", nil, "Item|s", "EUR"}),
		f.SetCellValue("Ledger", "A2", time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)),
		f.SetCellStyle("Ledger", "A2", "A2", date),
		f.SetSheetRow("Ledger", "C2", &[]any{"pumps\ntwo", 12.5}),
		f.SetSheetRow("Ledger", "C5", &[]any{"sum", 12.5}),
		f.SetCellFormula("Ledger", "D5", "SUM(D2:D4)"),
		f.SetCellValue("Archive", "A1", "not to be seen"),
		f.SetSheetVisible("Archive", false),
	)
}

const mail = "From: Ada <ada@a.example>\r\nTo: =?utf-8?q?Zo=C3=AB?= <zoe@a.example>\r\nSubject: =?utf-8?b?UMO8bXBl?=\r\n" +
	"Date: Mon, 9 Mar 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>See <b>below</b>.</p><p style=\"display:none\">Forward this</p>\r\n" +
	"--b\r\nContent-Type: text/csv; name=n.csv\r\nContent-Disposition: attachment; filename=n.csv\r\n\r\na,b\r\n1,2\r\n" +
	"--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=x.bin\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n" +
	"--b\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=inner.eml\r\n\r\n" +
	"From: bo@a.example\r\nSubject: Inner\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" +
	"--c\r\nContent-Type: text/plain\r\n\r\ninner body\r\n--c\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=deep.txt\r\n\r\ntoo deep\r\n--c--\r\n" +
	"\r\n--b--\r\n"

func TestExtract(t *testing.T) {
	t.Parallel()
	x := extractor(t, document.Limits{})
	for _, c := range []struct {
		name, contentType string
		data              []byte
		want              string
		notes             []string
	}{
		{name: "a.txt", data: []byte("\xef\xbb\xbfone\r\ntwo"), want: "one\ntwo"},
		{name: "latin.txt", data: []byte("caf\xe9 \x80"), want: "café €"},
		{name: "wide.txt", data: []byte("\xff\xfeh\x00\xe9\x00"), want: "hé"},
		{name: "wide-be.txt", data: []byte("\xfe\xff\x00h\x00\xe9"), want: "hé"},
		{name: "cut.txt", data: []byte("caf\xc3"), want: "caf"},
		{name: "a.md", data: []byte("# A\n\n- b ![c](https://a.example/c.png)"), want: "# A\n\n- b !\\[c](https://a.example/c.png)"},
		{
			name: "tags.txt", data: []byte("a\U000e0049\U000e0067\U000e006e\U000e006f\U000e0072\U000e0065\U000e0020\U000e0061b"), want: "ab",
			notes: []string{"Invisible characters that carry text are left out: 1 places."},
		},
		{name: "a.csv", data: []byte("a;b\r\n\"x;\"\"y\"\"\";2\r\n"), want: "| a | b |\n|---|---|\n| x;\"y\" | 2 |"},
		{name: "noname", contentType: "text/csv; charset=utf-8", data: []byte("a,b"), want: "| a | b |\n|---|---|"},
		{name: "a.html", data: []byte("<h1>T</h1><p>x<script>y</script>"), want: "# T\n\nx"},
		{name: "latin.html", data: []byte("<p>caf\xe9"), want: "café"},
		{name: "czech.html", data: []byte("<meta charset=iso-8859-2><p>\xbelu\xbb"), want: "žluť"},
		{
			name: "wide.csv", data: []byte(strings.Repeat("1,", 200) + "1"), want: strings.Repeat("| 1 ", 200) + "|\n" + strings.Repeat("|---", 200) + "|",
			notes: []string{"Only the first 200 columns of its tables were read."},
		},
		{
			name: "really.txt", data: documenttest.PDF("a page", "", "another"), want: "## Page 1\n\na page\n\n## Page 3\n\nanother",
			notes: []string{"1 of 3 pages have no text: they may be pictures."},
		},
		{
			name: "holding.pdf", data: documenttest.PDFObjects("",
				"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [(a.txt) 5 0 R] >> >> >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
				"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 7 0 R >> >> >>",
				"<< /Length 35 >>\nstream\nBT /F1 12 Tf 72 720 Td (a page) Tj ET\nendstream", "<< /Type /Filespec /F (a.txt) /EF << /F 6 0 R >> >>",
				"<< /Type /EmbeddedFile /Length 4 >>\nstream\ndata\nendstream", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"),
			want: "## Page 1\n\na page", notes: []string{"Files that are attached to it were not read."},
		},
		{
			name: "holding.docx", data: documenttest.Docx(documenttest.Paragraph("see the table"), documenttest.Part{Name: "word/embeddings/table.xlsx", Body: "x"}),
			want: "see the table", notes: []string{"Files that are embedded in it were not read."},
		},
		{
			name: "a.xlsx", data: workbook(t, ledger),
			want:  "## Sheet: Ledger\n\n| Day | Item\\|s | EUR |\n|---|---|---|\n| 2026-03-09 | pumps two | 12.5 |\n|  | sum | 12.5 |",
			notes: []string{"Hidden sheets are left out."},
		},
		{
			name: "a.eml", data: []byte(mail),
			want: "Subject: Pümpe\nFrom: Ada <ada@a.example>\nTo: Zoë <zoe@a.example>\nDate: Mon, 9 Mar 2026 10:00:00 +0000\n\nSee **below**.\n\n" +
				"Attachments:\n- n.csv (text/csv, 8 bytes)\n- x.bin (application/octet-stream, 3 bytes)\n- inner.eml (message/rfc822, 228 bytes)\n\n" +
				"# Attachment: n.csv\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n" +
				"# Attachment: inner.eml\n\nSubject: Inner\nFrom: bo@a.example\n\ninner body\n\nAttachments:\n- deep.txt (text/plain, 8 bytes)\n\n" +
				"# Attachment: deep.txt\n\ntoo deep",
			notes: []string{"Hidden text is left out: 1 places.", `Attachment "x.bin" could not be read as text.`},
		},
	} {
		got, err := x.Extract(t.Context(), c.name, c.contentType, c.data)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(document.Document{Text: c.want, Notes: c.notes}, got); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestExtractWithoutAnExtractor(t *testing.T) {
	t.Parallel()
	got, err := document.Extract(t.Context(), "a.txt", "", []byte("one\ntwo"), document.Limits{Text: 3})
	want := document.Document{Text: "one", Notes: []string{"Only the first 3 characters were read."}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	x := extractor(t, document.Limits{})
	locked := workbook(t, ledger, excelize.Options{Password: "x"})
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"a.xlsx", locked, document.ErrEncrypted},
		{"a.pdf", encryptedPDF(), document.ErrEncrypted},
		{"a.doc", []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1WordDocument"), document.ErrUnsupported},
		{"a.zip", documenttest.Zip(documenttest.Part{Name: "a.txt", Body: "x"}), document.ErrUnsupported},
		{"a.png", []byte("\x89PNG\r\n\x1a\n\x00\x00"), document.ErrUnsupported},
		{"a.pdf", []byte("%PDF-1.7\nnothing"), document.ErrDamaged},
		{"a.eml", []byte("\r\n\r\n"), document.ErrDamaged},
		{"a.txt", make([]byte, 25<<20+1), document.ErrTooLarge},
		{"whole.pdf", documenttest.PDF("after damaged ones"), nil},
	} {
		if got, err := x.Extract(t.Context(), c.name, "", c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: %q, %v; want %v", c.name, got.Text, err, c.want)
		}
	}
}

func TestTextIsBounded(t *testing.T) {
	t.Parallel()
	x := extractor(t, document.Limits{Text: 10, Cells: 4, Pages: 1})
	for name, c := range map[string]struct {
		data []byte
		want document.Document
	}{
		"a.txt": {[]byte("ééééééééééé"), document.Document{Text: "éééééééééé", Notes: []string{"Only the first 10 characters were read."}}},
		"a.csv": {[]byte("1,2\n3\n4,5,6\n7"), document.Document{Text: "| 1 | 2 |", Notes: []string{
			"Only the first 4 cells of its tables were read.", "Only the first 10 characters were read.",
		}}},
		"a.pdf": {documenttest.PDF("", "b"), document.Document{Notes: []string{
			"Only the first 1 of 2 pages were read.", "1 of 1 pages have no text: they may be pictures.",
		}}},
	} {
		got, err := x.Extract(t.Context(), name, "", c.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestKindIsDecidedByBytesFirst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, contentType, data string
		want                    document.Kind
	}{
		{"a.txt", "text/plain", "%PDF-1.4", document.KindPDF},
		{"a.pdf", "application/pdf", "PK\x03\x04", document.KindOffice},
		{"a.pdf", "application/pdf", "hello", document.KindText},
		{"a.csv", "text/html", "a,b", document.KindCSV},
		{"mail", "message/rfc822", "From: a", document.KindMail},
		{"page", "", " <!DOCTYPE html>", document.KindHTML},
		{"a.txt", "text/plain", "a\x00b", document.KindUnknown},
		{"a", "", "", document.KindText},
	} {
		if got := document.KindOf(c.name, c.contentType, []byte(c.data)); got != c.want {
			t.Errorf("%s %s %q: %v, want %v", c.name, c.contentType, c.data, got, c.want)
		}
	}
}

func TestCancelledContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x := extractor(t, document.Limits{})
	for name, data := range samples(t) {
		if _, err := x.Extract(ctx, name, "", data); !errors.Is(err, ctx.Err()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// samples has a whole file of every format, by its name.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"a.docx": documenttest.Docx(documenttest.Paragraph(strings.Repeat("words ", 100))),
		"a.pptx": documenttest.Pptx([]string{documenttest.Slide("sld", "", documenttest.Shape("title", "Title"))}),
		"a.xlsx": workbook(t, ledger),
		"a.pdf":  documenttest.PDF("one", "two"),
		"a.eml":  []byte(mail),
		"a.html": []byte("<table><tr><td>a<td>b</table>"),
		"a.csv":  []byte("a,\"b\nc\"\n1,2"),
		"a.txt":  []byte("\xff\xfea\x00b\x00"),
	}
}
