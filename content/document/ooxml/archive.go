// Package ooxml reads the text of Word and PowerPoint files (ECMA-376) as a
// stream, and checks the zip and the XML of any Office file:
//
//	Open (zip bounded, no overlaps) -> Archive.Part (expansion counted as it
//	happens) -> scanner (no document types, no entities, bounded depth) -> Docx, Pptx
//
// Nothing outside of the file is ever opened: external relations and macros
// are not looked at, and of embedded files it is noted that there are some.
package ooxml

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"m365mcp/content/document/limit"
)

// Archive is an Office file whose directory has been checked.
type Archive struct {
	meter *limit.Meter
	parts map[string]*zip.File // by lower case name
}

// Open checks the directory. The sizes that it names are not believed: Part counts.
func Open(content []byte, m *limit.Meter) (*Archive, error) {
	// Before the reader makes an object of each: 25 MB hold half a million entries.
	if n := bytes.Count(content, []byte("PK\x01\x02")); n > m.Entries {
		return nil, fmt.Errorf("%w: more than %d files in one", limit.ErrTooLarge, m.Entries)
	}
	r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fmt.Errorf("%w: zip: %w", limit.ErrDamaged, err)
	}
	a := &Archive{meter: m, parts: make(map[string]*zip.File, len(r.File))}
	type span struct{ from, to int64 }
	var spans []span
	for _, f := range r.File {
		name := key(f.Name)
		const encrypted = 1
		switch {
		case f.Flags&encrypted != 0:
			return nil, fmt.Errorf("%w: %w", limit.ErrEncrypted, errors.New("its zip is encrypted"))
		case a.parts[name] != nil:
			return nil, fmt.Errorf("%w: two parts have one name", limit.ErrDamaged)
		}
		from, err := f.DataOffset()
		if err != nil || f.CompressedSize64 > uint64(len(content)) {
			return nil, fmt.Errorf("%w: a part lies outside of the file", limit.ErrDamaged)
		}
		a.parts[name] = f
		if strings.Contains(name, "/embeddings/") {
			m.Note("Files that are embedded in it were not read.")
		}
		if f.CompressedSize64 > 0 {
			spans = append(spans, span{from, from + int64(f.CompressedSize64)}) //nolint:gosec // not larger than the file
		}
	}
	slices.SortFunc(spans, func(x, y span) int { return int(x.from - y.from) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return nil, fmt.Errorf("%w: its parts overlap", limit.ErrDamaged)
		}
	}
	return a, nil
}

func key(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))
}

// Has says whether a part exists.
func (a *Archive) Has(name string) bool { return a.parts[key(name)] != nil }

// part opens a part for one bounded reading.
func (a *Archive) part(name string) (io.ReadCloser, error) {
	f := a.parts[key(name)]
	if f == nil {
		return nil, fmt.Errorf("%w: a part is missing: %q", limit.ErrDamaged, name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: zip: %w", limit.ErrDamaged, err)
	}
	return &countedReader{ReadCloser: r, meter: a.meter, compressed: int64(f.CompressedSize64)}, nil //nolint:gosec // Open has compared it
}

// Check reads every part to its end, and the XML among them as XML, for a
// library that will not count.
func (a *Archive) Check(ctx context.Context) error {
	for name := range a.parts {
		if strings.HasSuffix(name, "/") {
			continue
		}
		if err := a.check(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (a *Archive) check(ctx context.Context, name string) error {
	if strings.HasSuffix(name, ".xml") || strings.HasSuffix(name, ".rels") {
		return a.scan(ctx, name, func(*scanner, token) error { return nil })
	}
	r, err := a.part(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return damaged(errors.Join(err, r.Close()))
}

// countedReader counts what comes out while it comes out.
type countedReader struct {
	io.ReadCloser
	meter      *limit.Meter
	compressed int64
	soFar      int64
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.soFar += int64(n)
	if over := r.meter.Expand(int64(n), r.soFar, r.compressed); over != nil {
		return 0, over
	}
	return n, err
}

// damaged makes an error of a library one of ours.
func damaged(err error) error {
	if err == nil || errors.Is(err, limit.ErrTooLarge) || errors.Is(err, limit.ErrDamaged) || errors.Is(err, limit.ErrEncrypted) {
		return err
	}
	return fmt.Errorf("%w: %w", limit.ErrDamaged, err)
}
