package dataset

import (
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// Content is the bytes of a file. What is long is made while it is read: a
// beginning, and then a pattern again and again.
type Content struct {
	head, pattern []byte
	size          int64
}

// BytesContent is content that is there.
func BytesContent(b []byte) Content { return Content{head: b, size: int64(len(b))} }

// Size is how many bytes it has.
func (c Content) Size() int64 { return c.size }

// ReadAt implements io.ReaderAt.
func (c Content) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 {
		return 0, fmt.Errorf("read at %d: before the beginning", at)
	}
	n := 0
	for n < len(p) && at < c.size {
		from := c.head
		if at >= int64(len(c.head)) {
			from = c.pattern[(at-int64(len(c.head)))%int64(len(c.pattern)):]
		} else {
			from = from[at:]
		}
		k := copy(p[n:min(int64(len(p)), int64(n)+c.size-at)], from)
		n += k
		at += int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// repeated is a text whose last line goes on until the size is reached.
func repeated(text string, size int64) Content {
	text = strings.TrimRight(text, "\n") + "\n"
	last := strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n") + 1
	return Content{head: []byte(text[:last]), pattern: []byte(text[last:]), size: size}
}

// driveFile makes a real file of a text, by the ending of its name.
func driveFile(name, text string, modified time.Time) (contentType string, content []byte, err error) {
	switch path.Ext(name) {
	case ".pptx":
		content, err = pptx(text)
		return "application/vnd.openxmlformats-officedocument.presentationml.presentation", content, err
	case ".md":
		return "text/markdown", []byte(text), nil
	case ".eml": // RFC 5322: lines end in CRLF
		mail := "Date: " + modified.Format(time.RFC1123Z) + "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n" + text
		return "message/rfc822", []byte(strings.ReplaceAll(mail, "\n", "\r\n")), nil
	case ".docx":
		if strings.Contains(text, hiddenMark) {
			content, err = hiddenDocx(text)
			return "application/vnd.openxmlformats-officedocument.wordprocessingml.document", content, err
		}
	}
	made, err := build([]file{{name: name, text: text}})
	if err != nil {
		return "", nil, err
	}
	return made[0].ContentType, made[0].Content, nil
}

// hiddenMark begins a line that Word does not show.
const hiddenMark = "~hidden~ "

// hiddenDocx is a document some lines of which have the font effect "hidden".
func hiddenDocx(text string) ([]byte, error) {
	var b strings.Builder
	b.WriteString(xmlHead + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`)
	for line := range strings.Lines(text) {
		line, hidden := strings.CutPrefix(strings.TrimRight(line, "\n"), hiddenMark)
		style := ""
		if hidden {
			style = `<w:rPr><w:vanish/><w:color w:val="FFFFFF"/></w:rPr>`
		}
		b.WriteString(`<w:p><w:r>` + style + `<w:t xml:space="preserve">` + escapeXML(line) + "</w:t></w:r></w:p>")
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
