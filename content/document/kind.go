package document

import (
	"bytes"
	"mime"
	"path"
	"strings"
	"unicode/utf8"
)

// Kind is a format that is told apart.
type Kind int

// Kinds of documents.
const (
	KindUnknown Kind = iota
	KindPDF
	KindOffice // Word, Excel or PowerPoint since 2007: its main part says which
	KindMail
	KindHTML
	KindCSV
	KindText
	KindEncrypted // an Office file with a password, whichever it is
)

// MayHavePDF says whether PDFium may be needed.
func (k Kind) MayHavePDF() bool { return k == KindPDF || k == KindMail }

// KindOf decides by magic bytes first, then by the name, then by the content
// type: the last two come from whoever sent the file.
func KindOf(name, contentType string, data []byte) Kind {
	if kind, known := byMagic(data); known {
		return kind
	}
	// What is left is text, or nothing that is read here.
	kind, said := byHint(name, contentType)
	text := data
	if kind == KindMail { // its attachments may be anything
		text, _, _ = bytes.Cut(data, []byte("\n\r\n"))
	}
	switch {
	case isBinary(text):
		return KindUnknown
	case said:
		return kind
	}
	start := strings.ToLower(string(bytes.TrimSpace(data[:min(len(data), 256)])))
	if strings.HasPrefix(start, "<!doctype html") || strings.HasPrefix(start, "<html") {
		return KindHTML
	}
	return KindText
}

// byHint believes the name, then the content type.
func byHint(name, contentType string) (kind Kind, said bool) {
	if kind, ok := extensions[strings.ToLower(path.Ext(name))]; ok {
		return kind, true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return KindUnknown, false
	}
	if kind, ok := mediaTypes[mediaType]; ok {
		return kind, true
	}
	return KindText, strings.HasPrefix(mediaType, "text/")
}

var extensions = map[string]Kind{
	".eml": KindMail, ".htm": KindHTML, ".html": KindHTML, ".xhtml": KindHTML, ".csv": KindCSV, ".tsv": KindCSV,
	".txt": KindText, ".text": KindText, ".md": KindText, ".markdown": KindText, ".log": KindText,
	".json": KindText, ".xml": KindText, ".yaml": KindText, ".yml": KindText, ".ics": KindText, ".vcf": KindText,
}

var mediaTypes = map[string]Kind{
	"message/rfc822": KindMail, "text/html": KindHTML, "application/xhtml+xml": KindHTML, "text/csv": KindCSV,
	"text/tab-separated-values": KindCSV,
}

// byMagic knows the formats that say what they are.
func byMagic(data []byte) (kind Kind, known bool) {
	head := data[:min(len(data), 1024)] // PDF readers look for %PDF in the first kilobyte
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")), bytes.HasPrefix(data, []byte("PK\x05\x06")):
		return KindOffice, true
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")): // compound file: old Office, or an encrypted new one
		if bytes.Contains(data, utf16le("EncryptedPackage")) || bytes.Contains(data, utf16le("EncryptionInfo")) {
			return KindEncrypted, true
		}
		return KindUnknown, true
	case bytes.HasPrefix(data, []byte("%PDF-")):
		return KindPDF, true
	case bytes.Contains(head, []byte("%PDF-")) && isBinary(data):
		return KindPDF, true
	}
	return KindUnknown, false
}

func utf16le(s string) []byte {
	b := make([]byte, 0, 2*len(s))
	for _, c := range []byte(s) {
		b = append(b, c, 0)
	}
	return b
}

// isBinary says that data is no text in any encoding that decode knows.
func isBinary(data []byte) bool {
	if len(utf16Mark(data)) > 0 {
		return false
	}
	head := data[:min(len(data), 8<<10)]
	control := 0
	for _, c := range head {
		switch {
		case c == 0:
			return true
		case c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b:
			control++
		}
	}
	return control > len(head)/50 && !utf8.Valid(data) || control > len(head)/10
}
