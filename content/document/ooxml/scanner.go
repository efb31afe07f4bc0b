package ooxml

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"m365mcp/content/document/limit"
)

// token is a start element, an end element or text.
type token struct {
	start bool
	end   bool
	name  string // "w:p": our prefix of the namespace, whatever the file's is
	attr  []xml.Attr
	text  []byte // valid until the next token
}

// get returns an attribute by its local name; Office puts no two with one local
// name on the elements that are read here, except r:id beside id (see relation).
func (t token) get(name string) string {
	for _, a := range t.attr {
		if a.Name.Local == name && !isRelation(a.Name.Space) {
			return a.Value
		}
	}
	return ""
}

// relation returns the attribute r:id.
func (t token) relation() string {
	for _, a := range t.attr {
		if a.Name.Local == "id" && isRelation(a.Name.Space) {
			return a.Value
		}
	}
	return ""
}

// on reads a property that is a switch: <w:vanish/>, <w:vanish w:val="0"/>.
func (t token) on() bool {
	switch t.get("val") {
	case "0", "false", "off":
		return false
	}
	return true
}

// scanner walks over the XML of one part.
type scanner struct {
	d     *xml.Decoder
	depth int
	max   int
}

// errEnough ends a walk without an error.
var errEnough = errors.New("enough")

// scan calls each for every token of a part, until each returns an error.
func (a *Archive) scan(ctx context.Context, name string, each func(*scanner, token) error) error {
	r, err := a.part(name)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	s := &scanner{d: xml.NewDecoder(r), max: a.meter.Depth}
	for n := 0; ; n++ {
		if n&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		t, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(s, t)
		}
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("part %q: %w", path.Base(name), err)
		}
	}
}

// next returns the next token that says something. The decoder is strict: it
// expands no entities but the five of XML, and checks that elements nest.
func (s *scanner) next() (token, error) {
	for {
		raw, err := s.d.Token()
		if errors.Is(err, io.EOF) {
			return token{}, io.EOF
		}
		if err != nil {
			return token{}, damaged(err)
		}
		switch x := raw.(type) {
		case xml.StartElement:
			if s.depth++; s.depth > s.max {
				return token{}, fmt.Errorf("%w: XML nested deeper than %d", limit.ErrTooLarge, s.max)
			}
			return token{start: true, name: prefixed(x.Name), attr: x.Attr}, nil
		case xml.EndElement:
			s.depth--
			return token{end: true, name: prefixed(x.Name)}, nil
		case xml.CharData:
			return token{text: x}, nil
		case xml.Directive:
			return token{}, fmt.Errorf("%w: XML with a document type", limit.ErrDamaged)
		}
	}
}

// skip passes over the element that has just begun.
func (s *scanner) skip() error {
	for outside := s.depth - 1; s.depth > outside; {
		if _, err := s.next(); err != nil {
			return noEOF(err)
		}
	}
	return nil
}

// noEOF: the end of the file inside of an element is not the end of the walk.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: XML ends too early", limit.ErrDamaged)
	}
	return err
}

// prefixed writes a name with the prefix that the standard uses for its
// namespace, in both its transitional and its strict form.
func prefixed(n xml.Name) string {
	switch {
	case strings.Contains(n.Space, "wordprocessingml"):
		return "w:" + n.Local
	case strings.Contains(n.Space, "presentationml"):
		return "p:" + n.Local
	case strings.HasSuffix(n.Space, "drawingml/2006/main"), strings.HasSuffix(n.Space, "ooxml/drawingml/main"):
		return "a:" + n.Local
	case strings.HasSuffix(n.Space, "markup-compatibility/2006"):
		return "mc:" + n.Local
	case strings.HasSuffix(n.Space, "officeDocument/2006/math"), strings.HasSuffix(n.Space, "officeDocument/math"):
		return "m:" + n.Local
	}
	return n.Local
}

func isRelation(space string) bool {
	return strings.HasSuffix(space, "officeDocument/2006/relationships") || strings.HasSuffix(space, "officeDocument/relationships")
}

// relation is what one part says of another, or of an address outside.
type relation struct {
	kind     string // the last word of its type: "slide", "notesSlide", "hyperlink"
	target   string // the name of a part, or the address as it stands
	external bool
}

// relations reads those of a part by their ids; a part without any has none.
func (a *Archive) relations(ctx context.Context, name string) (map[string]relation, error) {
	dir, base := path.Split(name)
	file := dir + "_rels/" + base + ".rels"
	all := make(map[string]relation)
	if !a.Has(file) {
		return all, nil
	}
	err := a.scan(ctx, file, func(_ *scanner, t token) error {
		if !t.start || t.name != "Relationship" {
			return nil
		}
		r := relation{kind: path.Base(t.get("Type")), target: t.get("Target"), external: t.get("TargetMode") == "External"}
		if !r.external {
			if !strings.HasPrefix(r.target, "/") {
				r.target = path.Join(dir, r.target)
			}
			r.target = strings.TrimPrefix(path.Clean("/"+r.target), "/")
		}
		all[t.get("Id")] = r
		return nil
	})
	return all, err
}

// Format is the program that a file is for.
type Format int

// Formats by the folder of the main part.
const (
	Unknown Format = iota
	Word
	PowerPoint
	Excel
)

// Format tells them apart. A zip that is no Office file is Unknown.
func (a *Archive) Format(ctx context.Context) (Format, error) {
	main, err := a.mainPart(ctx)
	if err != nil {
		return Unknown, err
	}
	folder, _, _ := strings.Cut(main, "/")
	if path.Ext(main) != ".xml" {
		return Unknown, nil
	}
	return map[string]Format{"word": Word, "ppt": PowerPoint, "xl": Excel}[folder], nil
}

// mainPart is where the root relation points: word/document.xml as a rule.
// Without one there is none.
func (a *Archive) mainPart(ctx context.Context) (string, error) {
	root, err := a.relations(ctx, "")
	if err != nil {
		return "", err
	}
	for _, r := range root {
		if r.kind == "officeDocument" && !r.external && a.Has(r.target) {
			return r.target, nil
		}
	}
	return "", nil
}
