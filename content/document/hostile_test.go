package document_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"m365mcp/content/document"
	"m365mcp/content/document/documenttest"
)

// encryptedPDF has a user password that nobody knows (ISO 32000-1, 7.6.3:
// revision 2, 40 bits): a key made of another one does not open it.
func encryptedPDF() []byte {
	const pad = "\x28\xbf\x4e\x5e\x4e\x75\x8a\x41\x64\x00\x4e\x56\xff\xfa\x01\x08\x2e\x2e\x00\xb6\xd0\x68\x3e\x80\x2f\x0c\xa9\xfe\x64\x53\x69\x7a"
	owner := strings.Repeat("o", 32)
	key := md5.Sum([]byte("password" + pad[:24] + owner + "\xfc\xff\xff\xff" + "id"))
	user := make([]byte, 32)
	cipher, err := rc4.NewCipher(key[:5])
	if err != nil {
		panic(err)
	}
	cipher.XORKeyStream(user, []byte(pad))
	return documenttest.PDFObjects(fmt.Sprintf("/Encrypt 4 0 R /ID [<%x> <%x>]", "id", "id"),
		"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
		fmt.Sprintf("<< /Filter /Standard /V 1 /R 2 /O <%x> /U <%x> /P -4 >>", owner, user))
}

// big is a Word document whose only part has n bytes of text.
func big(n int) []byte { return documenttest.Docx(documenttest.Paragraph(strings.Repeat("a", n))) }

// lying changes the uncompressed sizes in a zip's directory.
func lying(data []byte, size uint32) []byte {
	data = bytes.Clone(data)
	for i := 0; ; {
		at := bytes.Index(data[i:], []byte("PK\x01\x02"))
		if at < 0 {
			return data
		}
		i += at
		binary.LittleEndian.PutUint32(data[i+24:], size)
		i += 4
	}
}

// overlapping is a zip in which many entries of the directory share the bytes of one file.
func overlapping(copies int) []byte {
	data := documenttest.Docx(documenttest.Paragraph("x"), documenttest.Part{Name: "word/media/a", Body: strings.Repeat("a", 100_000)})
	from := bytes.Index(data, []byte("PK\x01\x02"))
	end := bytes.Index(data, []byte("PK\x05\x06"))
	last := bytes.LastIndex(data[:end], []byte("PK\x01\x02"))
	out := bytes.Clone(data[:end])
	for i := range copies {
		entry := bytes.Clone(data[last:end])
		copy(entry[46:], fmt.Sprintf("word/media/%d", i%10)[:12])
		out = append(out, entry...)
	}
	tail := bytes.Clone(data[end:])
	n := uint16(3 + copies)
	binary.LittleEndian.PutUint16(tail[8:], n)
	binary.LittleEndian.PutUint16(tail[10:], n)
	binary.LittleEndian.PutUint32(tail[12:], uint32(len(out)-from))
	return append(out, tail...)
}

func manyEntries(n int) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range n {
		if _, err := z.Create(fmt.Sprintf("%d", i)); err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestHostileFiles(t *testing.T) {
	t.Parallel()
	const laughs = `<!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>`
	word := func(xml string) []byte {
		return documenttest.Zip(documenttest.Relations("", "rId1 officeDocument word/document.xml"), documenttest.Part{Name: "word/document.xml", Body: xml})
	}
	nested := "Subject: x\r\n"
	for i := range 200 {
		nested += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	for _, c := range []struct {
		name, file string
		data       []byte
		want       error
	}{
		{"ratio", "a.docx", big(20 << 20), document.ErrTooLarge},
		{"ratio in a workbook", "a.xlsx", documenttest.Zip(documenttest.Relations("", "rId1 officeDocument xl/workbook.xml"),
			documenttest.Part{Name: "xl/workbook.xml", Body: "<workbook/>"}, documenttest.Part{Name: "xl/media/a", Body: strings.Repeat("a", 20<<20)}), document.ErrTooLarge},
		{"sizes too small", "a.docx", lying(big(1000), 10), document.ErrDamaged},
		{"sizes too large", "a.docx", lying(big(1000), 1<<31), document.ErrDamaged},
		{"overlap", "a.docx", overlapping(5), document.ErrDamaged},
		{"entries", "a.docx", manyEntries(2001), document.ErrTooLarge},
		{"one name twice", "a.docx", documenttest.Docx("", documenttest.Part{Name: "WORD/document.xml"}), document.ErrDamaged},
		{"entities", "a.docx", word(laughs + documenttest.Word("document", "&b;")), document.ErrDamaged},
		{"unknown entity", "a.docx", word(documenttest.Word("document", "&b;")), document.ErrDamaged},
		{"deep XML", "a.docx", documenttest.Docx(strings.Repeat("<w:p>", 1000)), document.ErrTooLarge},
		{"XML that ends early", "a.docx", word("<w:document"), document.ErrDamaged},
		{"deep mail", "a.eml", []byte(nested), document.ErrTooLarge},
		{"pages in a circle", "a.pdf", documenttest.PDFObjects("", "<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R] /Count 1 >>"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			got, err := extractor(t, document.Limits{}).Extract(ctx, c.file, "", c.data)
			if c.want == nil && err == nil {
				return // read, and nothing found
			}
			if c.want == nil && errors.Is(err, document.ErrDamaged) {
				return
			}
			if !errors.Is(err, c.want) {
				t.Errorf("got %d characters, %v; want %v", len(got.Text), err, c.want)
			}
		})
	}
}

func TestExpansionCountsOverAllAttachments(t *testing.T) {
	t.Parallel()
	attachment := big(600 << 10) // below the megabyte at which the ratio counts
	var b strings.Builder
	b.WriteString("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
	for range 5 {
		fmt.Fprintf(&b, "--b\r\nContent-Disposition: attachment; filename=a.docx\r\nContent-Transfer-Encoding: binary\r\n\r\n%s\r\n", attachment)
	}
	b.WriteString("--b--\r\n")
	got, err := extractor(t, document.Limits{Expanded: 2 << 20}).Extract(t.Context(), "a.eml", "message/rfc822", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(got.Text, "# Attachment:") != 3 || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "too large") {
		t.Errorf("%d attachments, notes %q", strings.Count(got.Text, "# Attachment:"), got.Notes)
	}
}

// Files that end anywhere are read as far as they go or refused, never more.
func TestTruncatedFiles(t *testing.T) {
	t.Parallel()
	x := extractor(t, document.Limits{})
	for name, data := range samples(t) {
		for i := range 12 {
			cut := data[:len(data)*i/12]
			_, err := x.Extract(t.Context(), name, "", cut)
			if err != nil && !errors.Is(err, document.ErrDamaged) && !errors.Is(err, document.ErrUnsupported) {
				t.Errorf("%s, %d of %d bytes: %v", name, len(cut), len(data), err)
			}
			office := bytes.HasPrefix(cut, []byte("PK\x03\x04"))
			if office && err == nil {
				t.Errorf("%s, %d of %d bytes: read without its directory", name, len(cut), len(data))
			}
		}
	}
}
