package tool

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"m365mcp/content"
)

// maxScan is how much of a file is read for its text; what is larger is
// unscannable, and policy decides on it.
const maxScan = 25 << 20

// scan looks for what must not leave: in the plan's texts and in the text of its
// files. It returns the names of files of which not all can be read as text.
func (c *running) scan(ctx context.Context, plan Plan) (unscannable []string, err error) {
	texts := slices.Clone(plan.Content)
	for _, t := range plan.Content {
		if strings.ContainsAny(t, "<&") { // as people will read it: markup can split what is looked for
			texts = append(texts, content.Markdown(t, content.MarkdownOptions{FullLinks: true}).Text)
		}
	}
	for _, f := range plan.Files {
		texts = append(texts, f.Name())
		whole := readable(f)
		if whole && !c.DLP.Empty() { // else nobody would read it
			var doc Document
			if doc, whole, err = c.fileText(ctx, f); err != nil {
				return nil, err
			}
			texts = append(texts, doc.Text)
		}
		if !whole {
			unscannable = append(unscannable, f.Name())
		}
	}
	c.intent.Findings = c.DLP.Scan(texts...)
	return unscannable, nil
}

// readable reports whether the text of a file is looked for at all.
func readable(f Source) bool {
	r, ok := f.(*remote)
	opaque := ok && r.file.Opaque
	return !opaque && f.Size() <= maxScan
}

// fileText reads a file, and says whether that is the whole of it.
func (c *running) fileText(ctx context.Context, f Source) (doc Document, whole bool, err error) {
	if r, ok := f.(*remote); ok {
		if err := r.fetch(ctx); err != nil {
			return Document{}, false, err
		}
	}
	if !readable(f) { // it has grown
		return Document{}, false, nil
	}
	data, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
	if err != nil {
		return Document{}, false, err //nolint:wrapcheck // a fault of our own spool, said by it
	}
	doc, err = c.Services.Documents.Text(ctx, c.call.Principal, f.Name(), f.ContentType(), data)
	if errors.Is(err, ErrUnreadable) {
		return Document{}, false, nil
	}
	return doc, len(doc.Notes) == 0, err //nolint:wrapcheck // of our own service
}
