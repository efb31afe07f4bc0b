// Package document reads the text of files: Word, Excel, PowerPoint, PDF, mail,
// HTML, CSV and plain text become Markdown-like text.
//
//	kind (magic bytes, then name, then content type) -> the format's parser,
//	metered by package limit -> content.Plain (nothing invisible, no HTML)
//
// Parsers of files that strangers send are the likeliest way into a server:
// package worker runs this one in a process of its own.
package document

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/content/document/limit"
	"m365mcp/content/document/ooxml"
	"m365mcp/content/document/pdf"
)

// Errors of Extract and of a worker; test with errors.Is.
var (
	ErrUnsupported = limit.ErrUnsupported
	ErrTooLarge    = limit.ErrTooLarge
	ErrDamaged     = limit.ErrDamaged
	ErrEncrypted   = limit.ErrEncrypted
	ErrBusy        = errors.New("too many documents are being read; try again in a moment")
	ErrTime        = errors.New("the document took too long to read")
)

// Limits of one document; what is zero counts as its default.
type Limits = limit.Limits

// Document is what a person could read of a file.
type Document struct {
	Text  string
	Notes []string // what is missing from Text and why, in sentences
}

// Extractor reads one document after the other and keeps what is costly to make.
type Extractor struct {
	limits Limits
	pdf    *pdf.Engine
}

// New makes an extractor; pdfCache is the folder of pdf.New.
func New(l Limits, pdfCache string) *Extractor {
	return &Extractor{limits: l.OrDefault(), pdf: pdf.New(pdfCache)}
}

// Close frees what the extractor holds.
func (x *Extractor) Close(ctx context.Context) error { return x.pdf.Close(ctx) }

// PDFReady says whether a PDF would be read without the delay of the first one.
func (x *Extractor) PDFReady() bool { return x.pdf.Ready() }

// Extract reads one document with an extractor of its own. For a PDF that takes seconds.
func Extract(ctx context.Context, name, contentType string, data []byte, l Limits) (doc Document, err error) {
	x := New(l, "")
	defer func() { err = errors.Join(err, x.Close(ctx)) }()
	return x.Extract(ctx, name, contentType, data)
}

// Extract reads a file. name and contentType are hints of whoever sent it.
func (x *Extractor) Extract(ctx context.Context, name, contentType string, data []byte) (Document, error) {
	if int64(len(data)) > x.limits.Input {
		return Document{}, fmt.Errorf("%w: more than %d MB", ErrTooLarge, x.limits.Input>>20)
	}
	m := limit.NewMeter(x.limits)
	out := limit.NewText(m)
	if err := x.into(ctx, KindOf(name, contentType, data), data, m, out, 0); err != nil {
		return Document{}, err
	}
	reading := content.Plain(out.String())
	if reading.HiddenRemoved > 0 {
		m.Note("Invisible characters that carry text are left out: %d places.", reading.HiddenRemoved)
	}
	return Document{Text: pictures.Replace(reading.Text), Notes: m.Notes}, nil
}

// pictures: a client that shows Markdown would fetch them, and their addresses carry data away.
var pictures = strings.NewReplacer("![", `!\[`)

// into reads a document of a known kind. depth is 1 for an attachment of a mail,
// 2 for one of a mail that is attached.
// A fault of a parser, met in a stranger's file, is that file's error.
func (x *Extractor) into(ctx context.Context, kind Kind, data []byte, m *limit.Meter, out *limit.Text, depth int) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, fault)
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	switch kind {
	case KindPDF:
		return x.pdf.Text(ctx, data, m, out)
	case KindOffice:
		return office(ctx, data, m, out)
	case KindMail:
		return x.mail(ctx, data, m, out, depth)
	case KindCSV:
		return csvText(decode(data), m, out)
	case KindHTML:
		return htmlText(decodeHTML(data), m, out)
	case KindText:
		out.Block(decode(data))
		return nil
	case KindEncrypted:
		return ErrEncrypted
	case KindUnknown:
	}
	return errKind
}

var errKind = fmt.Errorf("%w; Word, Excel, PowerPoint, PDF, mail, HTML, CSV and plain text can", ErrUnsupported)

func office(ctx context.Context, data []byte, m *limit.Meter, out *limit.Text) error {
	a, err := ooxml.Open(data, m)
	if err != nil {
		return err
	}
	format, err := a.Format(ctx)
	if err != nil {
		return err
	}
	switch format {
	case ooxml.Word:
		return ooxml.Docx(ctx, a, out)
	case ooxml.PowerPoint:
		return ooxml.Pptx(ctx, a, out)
	case ooxml.Excel:
		if err := a.Check(ctx); err != nil {
			return err
		}
		return sheets(ctx, bytes.NewReader(data), m, out)
	case ooxml.Unknown:
	}
	return errKind
}

func htmlText(source string, m *limit.Meter, out *limit.Text) error {
	reading := content.Markdown(source, content.MarkdownOptions{FullLinks: true, MaxBytes: maxHTML})
	if reading.HiddenRemoved > 0 {
		m.Note("Hidden text is left out: %d places.", reading.HiddenRemoved)
	}
	if reading.Truncated {
		m.Note("The page is too long or too deep; the rest of it was not read.")
	}
	out.Block(reading.Text)
	return nil
}

// maxHTML is more than a mail's: a saved page is a document.
const maxHTML = 8 << 20
