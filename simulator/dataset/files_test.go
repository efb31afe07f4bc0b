package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// Every attachment is what its name and content type claim.
func TestAttachments(t *testing.T) {
	t.Parallel()
	seen := make(map[string]int)
	each(tenant(t), func(_ Person, _ *Mailbox, m Message) {
		for _, a := range m.Attachments {
			ext := path.Ext(a.Name)
			seen[ext]++
			if len(a.Content) == 0 || a.ContentType == "" {
				t.Errorf("%s of %q is empty or has no type", a.Name, m.Subject)
			}
			if a.Inline != (a.ContentID != "") {
				t.Errorf("%s: inline = %v, content id %q", a.Name, a.Inline, a.ContentID)
			}
			if err := opens(ext, a.Content); err != nil {
				t.Errorf("%s of %q: %v", a.Name, m.Subject, err)
			}
			if a.Inline && !strings.Contains(m.Body, `src="cid:`+a.ContentID+`"`) {
				t.Errorf("%s of %q is nowhere in the body", a.Name, m.Subject)
			}
		}
	})
	for _, ext := range []string{".pdf", ".docx", ".xlsx", ".csv", ".png", ".txt", ".ics"} {
		if seen[ext] == 0 {
			t.Errorf("no attachment of the kind %s", ext)
		}
	}
}

func opens(ext string, content []byte) error {
	switch ext {
	case ".pdf":
		return checkPDF(content)
	case ".docx":
		return checkParts(content, "[Content_Types].xml", "_rels/.rels", "word/document.xml")
	case ".xlsx":
		return checkParts(content, "[Content_Types].xml", "_rels/.rels", "xl/workbook.xml",
			"xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml")
	case ".png":
		_, err := png.Decode(bytes.NewReader(content))
		return err
	case ".csv":
		_, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
		return err
	case ".ics":
		text := string(content)
		if !strings.HasPrefix(text, "BEGIN:VCALENDAR\r\n") || !strings.HasSuffix(text, "END:VCALENDAR\r\n") {
			return errors.New("not a calendar")
		}
	}
	return nil
}

var (
	xrefEntry = regexp.MustCompile(`(?m)^(\d{10}) 00000 n \n`)
	streamLen = regexp.MustCompile(`(?s)/Length (\d+) >>\nstream\n(.*)\nendstream`)
	startXref = regexp.MustCompile(`startxref\n(\d+)\n%%EOF\n$`)
)

// checkPDF follows the cross-reference table to every object (ISO 32000-1 §7.5.4).
func checkPDF(content []byte) error {
	if !bytes.HasPrefix(content, []byte("%PDF-1.4\n")) {
		return errors.New("no header")
	}
	start := startXref.FindSubmatch(content)
	if start == nil {
		return errors.New("no startxref")
	}
	at, err := strconv.Atoi(string(start[1]))
	if err != nil || !bytes.HasPrefix(content[at:], []byte("xref\n")) {
		return errors.New("startxref points elsewhere")
	}
	entries := xrefEntry.FindAllSubmatch(content[at:], -1)
	for i, entry := range entries {
		offset, err := strconv.Atoi(string(entry[1]))
		if err != nil || !bytes.HasPrefix(content[offset:], []byte(strconv.Itoa(i+1)+" 0 obj\n")) {
			return errors.New("the table misses object " + strconv.Itoa(i+1))
		}
	}
	stream := streamLen.FindSubmatch(content)
	if len(entries) != 5 || stream == nil || strconv.Itoa(len(stream[2])) != string(stream[1]) {
		return errors.New("objects or stream length are wrong")
	}
	return nil
}

func checkParts(content []byte, names ...string) error {
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	for _, name := range names {
		f, err := z.Open(name)
		if err != nil {
			return err
		}
		decoder := xml.NewDecoder(f)
		for err == nil {
			_, err = decoder.Token()
		}
		if closeErr := f.Close(); closeErr != nil {
			return closeErr
		}
		if !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

func TestPreview(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body   string
		isHTML bool
		want   string
	}{
		"text":           {"  one\r\n\n two\t3 < 4 ", false, "one two 3 < 4"},
		"tags":           {"<p>one</p><p>two <b>th</b>ree</p>", true, "one two three"},
		"entities":       {"a&nbsp;&amp;&#160;b &lt;c&gt;", true, "a & b <c>"},
		"style":          {"<head><title>t</title><STYLE>p{}</STYLE></head><script>x()</script>y", true, "y"},
		"comment":        {"a<!-- b > c -->d", true, "ad"},
		"break":          {"a<br/>b<br>c", true, "a b c"},
		"unclosed":       {"a<style>b", true, "a"},
		"hidden is text": {`<div style="display:none">pre</div>text`, true, "pre text"},
		"long":           {strings.Repeat("é ", 300), false, strings.TrimSpace(strings.Repeat("é ", 128))},
		"empty":          {"", true, ""},
	}
	for name, tc := range tests {
		if got := preview(tc.body, tc.isHTML); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
	each(tenant(t), func(_ Person, _ *Mailbox, m Message) {
		if got := preview(m.Body, m.HTML); m.Preview != got || utf8.RuneCountInString(got) > 255 || strings.Contains(got, "&nbsp;") {
			t.Errorf("%q: preview %q", m.Subject, m.Preview)
		}
	})
}

func FuzzPreview(f *testing.F) {
	f.Add("<p>a</p><!-- b --><style>c</style>&amp;", true)
	f.Add("<", true)
	f.Add("a\u200b b", false)
	f.Fuzz(func(t *testing.T, body string, isHTML bool) {
		if got := preview(body, isHTML); utf8.RuneCountInString(got) > previewRunes || !utf8.ValidString(got) {
			t.Errorf("preview(%q) = %q", body, got)
		}
	})
}
