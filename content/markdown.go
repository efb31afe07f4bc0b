package content

import (
	"fmt"
	"strings"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/table"
	"golang.org/x/net/html"
)

// MaxHTML is how many bytes of HTML Markdown reads unless told otherwise: what
// is longer carries pictures in its attributes or decades of quotations.
const MaxHTML = 2 << 20

// MarkdownOptions says what Markdown does beyond reading.
type MarkdownOptions struct {
	CutQuotes bool // earlier messages at the end go to Reading.Quoted
	FullLinks bool // addresses keep their query and their length
	MaxBytes  int  // of HTML that is read; 0: MaxHTML
}

// Reading is what a person would have read of a mail, a chat message or an event.
type Reading struct {
	Text          string // Markdown without HTML, comments and invisible characters
	Quoted        string // with CutQuotes: the earlier messages, in the same form
	HiddenRemoved int    // places with text that people do not see; none of it is in Text or Quoted
	Truncated     bool   // a limit was reached, and what came after it is missing
}

// Markdown makes of HTML what a person reads of it, as compact Markdown:
//
//	parseHTML (a bounded tree) -> rewriter (hidden text out, layout flat, links
//	short, quotations apart) -> html-to-markdown -> finish (no HTML, few blank lines)
//
// It never fails: what cannot be read is missing, and Truncated says so.
func Markdown(source string, o MarkdownOptions) Reading {
	limit := o.MaxBytes
	if limit <= 0 {
		limit = MaxHTML
	}
	truncated := len(source) > limit
	if truncated {
		source = source[:limit]
	}
	doc := parseHTML(source)
	r := newRewriter(doc, o)
	r.visit(doc.root, initialStyle())
	reading := Reading{Truncated: truncated || doc.truncated || r.sheet.budget < 0}
	fresh, quoted := r.split(o.CutQuotes)
	if reading.Text, truncated = render(fresh); truncated {
		reading.Truncated = true
	}
	reading.HiddenRemoved = r.hidden + doc.comments - r.repeated(reading.Text)
	if !o.CutQuotes {
		return reading
	}
	if reading.Quoted, truncated = render(quoted); truncated {
		reading.Truncated = true
	}
	text, more := CutQuote(reading.Text)
	switch {
	case strings.TrimSpace(text) == "": // nothing but a quotation: that is the message
		reading.Text, reading.Quoted = joinBlocks(reading.Text, reading.Quoted), ""
	default:
		reading.Text, reading.Quoted = text, joinBlocks(more, reading.Quoted)
	}
	return reading
}

// Plain makes a plain text body safe and compact in the same way.
func Plain(text string) Reading {
	clean, hidden := visible(text)
	return Reading{Text: finish(shortenBare(clean)), HiddenRemoved: hidden}
}

// toMarkdown is the library's converter. Escaping is our own (finish, inlineText):
// the library's keeps a model from reading what stands there, costs tokens, and
// looks back and ahead for each character.
var toMarkdown = converter.NewConverter(
	converter.WithEscapeMode(converter.EscapeModeDisabled),
	converter.WithPlugins(
		base.NewBasePlugin(),
		commonmark.NewCommonmarkPlugin(
			commonmark.WithHorizontalRule("---"),
			commonmark.WithListEndComment(false),
			commonmark.WithLinkEmptyHrefBehavior(commonmark.LinkBehaviorSkip),
			commonmark.WithLinkEmptyContentBehavior(commonmark.LinkBehaviorSkip),
		),
		table.NewTablePlugin(
			table.WithCellPaddingBehavior(table.CellPaddingBehaviorMinimal),
			table.WithHeaderPromotion(true),
			table.WithSkipEmptyRows(true),
		),
	),
)

// render reports whether some of the roots could not be rendered.
func render(roots []*html.Node) (text string, failed bool) {
	parts := make([]string, 0, len(roots))
	for _, root := range roots {
		joinTexts(root)
		out, err := convert(root)
		if err != nil {
			failed = true
			continue
		}
		parts = append(parts, finish(string(out)))
	}
	return joinBlocks(parts...), failed
}

// convert keeps a fault of the library, met in a stranger's mail, to that mail.
func convert(root *html.Node) (out []byte, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			out, err = nil, fmt.Errorf("html to markdown: %v", fault)
		}
	}()
	return toMarkdown.ConvertNode(root)
}

func joinBlocks(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		if part == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(part)
	}
	return b.String()
}
