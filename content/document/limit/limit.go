// Package limit bounds what a document may cost and what it may say. A Meter is
// made for one document and passed on to everything that is found inside it, so
// that a thousand small attachments cannot do what one large file may not.
package limit

import (
	"errors"
	"fmt"
	"slices"
)

// Errors of every format. They are wrapped with what was found.
var (
	ErrUnsupported = errors.New("this kind of document cannot be read as text")
	ErrTooLarge    = errors.New("the document is too large to read")
	ErrDamaged     = errors.New("the document is damaged")
	ErrEncrypted   = errors.New("the document is protected with a password")
)

// Limits of one document. What is zero counts as its default.
type Limits struct {
	Input    int64 // bytes of the file
	Expanded int64 // bytes that come out of all its compressed parts
	Ratio    int64 // expansion of one part after its first megabyte
	Entries  int   // files in a zip
	Depth    int   // nesting of XML elements
	Text     int   // characters of text; what follows is left out with a note
	Cells    int   // cells of tables; what follows is left out with a note
	Pages    int   // pages and slides; what follows is left out with a note
}

// Default is generous to documents and nothing else.
func Default() Limits {
	return Limits{
		Input: 25 << 20, Expanded: 100 << 20, Ratio: 200, Entries: 2000, Depth: 256,
		Text: 2_000_000, Cells: 200_000, Pages: 2000,
	}
}

// OrDefault replaces what is zero.
func (l Limits) OrDefault() Limits {
	d := Default()
	return Limits{
		Input: either(l.Input, d.Input), Expanded: either(l.Expanded, d.Expanded), Ratio: either(l.Ratio, d.Ratio),
		Entries: either(l.Entries, d.Entries), Depth: either(l.Depth, d.Depth), Text: either(l.Text, d.Text),
		Cells: either(l.Cells, d.Cells), Pages: either(l.Pages, d.Pages),
	}
}

func either[N int | int64](n, otherwise N) N {
	if n > 0 {
		return n
	}
	return otherwise
}

// free is how much of a part may come out before its ratio counts: short texts
// that repeat themselves are common in XML.
const free = 1 << 20

// Meter counts what one document has used of its limits.
type Meter struct {
	Limits
	Notes    []string // what is missing from the text and why, for a reader
	expanded int64
	cells    int
	parts    int
}

// NewMeter begins a document.
func NewMeter(l Limits) *Meter { return &Meter{Limits: l.OrDefault()} }

// maxNotes keeps a document from talking in notes.
const maxNotes = 50

// Note adds a remark for the reader unless it was made before.
func (m *Meter) Note(format string, args ...any) {
	note := fmt.Sprintf(format, args...)
	if len(m.Notes) < maxNotes && !slices.Contains(m.Notes, note) {
		m.Notes = append(m.Notes, note)
	}
}

// Expand counts n bytes that came out of a compressed part which has given soFar
// bytes, these included, from compressed bytes of the file.
func (m *Meter) Expand(n, soFar, compressed int64) error {
	m.expanded += n
	if m.expanded > m.Expanded {
		return fmt.Errorf("%w: its parts expand to more than %d MB", ErrTooLarge, m.Expanded>>20)
	}
	if soFar > free && soFar/m.Ratio > compressed {
		return fmt.Errorf("%w: a part of it expands more than %d times", ErrTooLarge, m.Ratio)
	}
	return nil
}

// Part counts a file in the document and says whether it is one of the first most.
func (m *Meter) Part(most int) bool {
	m.parts++
	return m.parts <= most
}

// Cell counts a cell and says whether there is room for it.
func (m *Meter) Cell() bool {
	if m.cells++; m.cells <= m.Cells {
		return true
	}
	m.Note("Only the first %d cells of its tables were read.", m.Cells)
	return false
}
