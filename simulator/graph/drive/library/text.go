package library

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strings"
	"unicode/utf8"
)

// maxIndexed is how much of a file the content index reads.
const maxIndexed = 4 << 20

// Text is what the content index knows of a file: that of text files and of
// Office documents.
func (i *Item) Text() string {
	if i.text == nil {
		text := ""
		if !i.Folder {
			text = i.readText()
		}
		i.text = &text
	}
	return *i.text
}

func (i *Item) readText() string {
	switch strings.ToLower(path.Ext(i.Name)) {
	case ".txt", ".md", ".csv", ".eml", ".log", ".json", ".xml", ".html":
		text, err := io.ReadAll(io.NewSectionReader(i.Content, 0, min(i.Content.Size(), maxIndexed)))
		if err != nil || !utf8.Valid(text) {
			return ""
		}
		return string(text)
	case ".docx", ".pptx", ".xlsx":
		return i.officeText()
	default:
		return ""
	}
}

// officeText joins the character data of the parts that hold text.
func (i *Item) officeText() string {
	archive, err := zip.NewReader(i.Content, i.Content.Size())
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, f := range archive.File {
		dir, base := path.Split(f.Name)
		isText := f.Name == "word/document.xml" || f.Name == "xl/sharedStrings.xml" || dir == "xl/worksheets/" || dir == "ppt/slides/" && strings.HasSuffix(base, ".xml")
		if !isText || b.Len() > maxIndexed {
			continue
		}
		r, err := f.Open()
		if err != nil {
			continue
		}
		appendText(&b, io.LimitReader(r, maxIndexed))
		_ = r.Close() // reading is over
	}
	return b.String()
}

func appendText(b *strings.Builder, r io.Reader) {
	d := xml.NewDecoder(r)
	for {
		token, err := d.Token()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				b.WriteByte('\n') // a broken document is indexed as far as it goes
			}
			return
		}
		switch t := token.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.EndElement:
			if t.Name.Local == "p" || t.Name.Local == "c" || t.Name.Local == "row" {
				b.WriteByte('\n')
			}
		}
	}
}
