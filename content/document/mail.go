package document

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/jhillyerd/enmime/v2"

	"m365mcp/content"
	"m365mcp/content/document/limit"
)

// Bounds of a mail, for a parser that has none and reads parts in parts by recursion.
const (
	maxBoundaries  = 100
	maxAttachments = 20 // whose text is read, of a mail and of those in it together
	maxMails       = 3  // in each other, whose attachments are read
)

// boundary finds every part that may hold parts, RFC 2231's spellings included.
var boundary = regexp.MustCompile(`(?i)boundary[^\s;=]{0,20}\s*=`)

// mail reads headers, body and the list of attachments; the text of these follows.
// What is not read of them is noted: who decides about a mail by its text has to know.
func (x *Extractor) mail(ctx context.Context, data []byte, m *limit.Meter, out *limit.Text, depth int) error {
	if len(boundary.FindAllIndex(data, maxBoundaries+1)) > maxBoundaries {
		return fmt.Errorf("%w: mail with more than %d nested parts", ErrTooLarge, maxBoundaries)
	}
	parser := enmime.NewParser(
		enmime.DisableTextConversion(true), enmime.SkipMalformedParts(true), enmime.MaxStoredPartErrors(10),
		enmime.MultipartWOBoundaryAsSinglePart(true),
	)
	e, err := parser.ReadEnvelope(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%w: mail: %w", ErrDamaged, err)
	}
	if len(e.GetHeaderKeys()) == 0 {
		return fmt.Errorf("%w: mail without headers", ErrDamaged)
	}
	for _, name := range []string{"Subject", "From", "To", "Cc", "Date"} {
		if value := content.Line(e.GetHeader(name), 2000); value != "" {
			out.Line(name + ": " + value)
		}
	}
	if err := mailBody(e, m, out); err != nil {
		return err
	}
	return x.attachments(ctx, attached(e), m, out, depth)
}

func mailBody(e *enmime.Envelope, m *limit.Meter, out *limit.Text) error {
	if strings.TrimSpace(e.HTML) != "" {
		return htmlText(e.HTML, m, out)
	}
	out.Block(lines(e.Text))
	return nil
}

// attached is what a mail program lists: pictures that stand in the text do not count.
func attached(e *enmime.Envelope) []*enmime.Part {
	var all []*enmime.Part
	for _, parts := range [][]*enmime.Part{e.Attachments, e.Inlines, e.OtherParts} {
		for _, p := range parts {
			// By its bytes: what calls itself a picture may be anything.
			picture := p.ContentID != "" && strings.HasPrefix(http.DetectContentType(p.Content), "image/")
			if !picture {
				all = append(all, p)
			}
		}
	}
	return all
}

func (x *Extractor) attachments(ctx context.Context, parts []*enmime.Part, m *limit.Meter, out *limit.Text, depth int) error {
	if len(parts) == 0 {
		return nil
	}
	out.Block("Attachments:")
	for _, p := range parts {
		out.Line(fmt.Sprintf("- %s (%s, %d bytes)", partName(p), content.Line(p.ContentType, 100), len(p.Content)))
	}
	if depth >= maxMails {
		m.Note("Attachments of mails that are in more than %d others were not read.", depth-1)
		return nil
	}
	for _, p := range parts {
		if out.Full() {
			return nil
		}
		if !m.Part(maxAttachments) {
			m.Note("Only the text of the first %d attachments was read.", maxAttachments)
			return nil
		}
		name := partName(p)
		kind := KindOf(p.FileName, p.ContentType, p.Content)
		inner := limit.NewText(m)
		err := x.into(ctx, kind, p.Content, m, inner, depth+1)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrTooLarge):
			m.Note("Attachment %q is too large to read.", name)
		case errors.Is(err, ErrEncrypted):
			m.Note("Attachment %q is protected with a password.", name)
		case err != nil:
			m.Note("Attachment %q could not be read as text.", name)
		case strings.TrimSpace(inner.String()) != "":
			out.Block("# Attachment: " + name)
			out.Block(inner.String())
		}
	}
	return nil
}

func partName(p *enmime.Part) string {
	if name := content.Line(p.FileName, 200); name != "" {
		return name
	}
	return "(no name)"
}
