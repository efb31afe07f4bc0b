package content

import (
	"strings"

	"golang.org/x/net/html"
)

const (
	maxNesting = 8   // lists and quotations; what is deeper stays on that level
	longestAlt = 200 // characters
	maxUnseen  = 4   // hidden texts that are compared with the visible text
)

// rewriter writes what is seen of a document as the few elements that Markdown
// has: no layout, no style, no block inside an inline element.
type rewriter struct {
	sheet     *sheet
	o         MarkdownOptions
	segments  []segment
	out       *html.Node // where the next node goes
	flat      int        // inside a heading, a link or a cell: blocks become spaces
	cell      bool       // inside a cell of a table that stays one
	inline    string     // the inline elements that are open
	nesting   int
	hidden    int
	unseen    []string        // the first hidden texts
	concealed bool            // the last text was hidden
	hosts     map[string]bool // already shown as the target of a shortened link
}

// segment is a stretch of the document, written now or quoted.
type segment struct {
	root   *html.Node
	quoted bool
}

func newRewriter(doc *document, o MarkdownOptions) *rewriter {
	r := &rewriter{sheet: parseSheet(doc.css.String()), o: o, hosts: make(map[string]bool)}
	r.turn(false)
	return r
}

// turn begins a new segment.
func (r *rewriter) turn(quoted bool) {
	root := &html.Node{Type: html.ElementNode, Data: "div"}
	r.segments = append(r.segments, segment{root: root, quoted: quoted})
	r.out = root
}

// split tells what stands before the quotation at the end from it. A quotation
// between answers stays where it is: the answers need it.
func (r *rewriter) split(cut bool) (fresh, quoted []*html.Node) {
	end := len(r.segments)
	for cut && end > 0 && (r.segments[end-1].quoted || isEmpty(r.segments[end-1].root)) {
		end--
	}
	for i, s := range r.segments {
		if i < end {
			fresh = append(fresh, s.root)
		} else {
			quoted = append(quoted, s.root)
		}
	}
	return fresh, quoted
}

func (r *rewriter) visit(n *node, s style) {
	if r.sheet.budget < 0 {
		return
	}
	if n.tag == "" {
		r.text(n.text, s)
		return
	}
	in, hidden := s.next(n, r.sheet.of(n))
	if hidden {
		r.conceal(n)
		return
	}
	if r.o.CutQuotes && r.flat == 0 && r.nesting == 0 && r.quotation(n, in) {
		return
	}
	r.element(n, in)
}

func (r *rewriter) children(n *node, s style) {
	for _, child := range n.children {
		r.visit(child, s)
	}
}

func (r *rewriter) element(n *node, s style) {
	switch n.tag {
	case "br":
		r.breakLine()
	case "hr":
		if r.flat == 0 {
			r.add("hr")
		}
	case "img", "emoji":
		r.picture(n, s)
	case "a":
		r.link(n, s)
	case "h1", "h2", "h3", "h4", "h5", "h6":
		r.flatBlock(n.tag, n, s)
	case "ul", "ol", "blockquote":
		r.nested(n, s)
	case "li":
		if r.out.Data == "ul" || r.out.Data == "ol" {
			r.inside("li", func() { r.children(n, s) })
		} else {
			r.block(n, s)
		}
	case "pre", "codeblock":
		r.code("pre", n, s)
	case "code", "kbd", "samp", "tt":
		r.code("code", n, s)
	case "b", "strong":
		r.emphasis("strong", n, s)
	case "i", "em":
		r.emphasis("em", n, s)
	case "at": // a mention in a Teams message
		r.text("@", s)
		r.children(n, s)
	case "table":
		r.table(n, s)
	default:
		if n.level > levelInline {
			r.block(n, s)
		} else {
			r.children(n, s)
		}
	}
}

// text writes a text or, where nobody sees it, notes that it was there.
func (r *rewriter) text(text string, s style) {
	clean, smuggled := visible(text)
	r.hidden += smuggled
	if !s.legible() {
		r.conceals(clean)
		return
	}
	if hasText(clean) {
		r.concealed = false
	}
	clean = inlineText(r.bare(clean), r.cell)
	if !s.keepLines || r.flat > 0 {
		r.write(clean)
		return
	}
	for i, line := range strings.Split(clean, "\n") {
		if i > 0 {
			r.add("br")
		}
		r.write(line)
	}
}

func (r *rewriter) bare(text string) string {
	if r.o.FullLinks {
		return text
	}
	return shortenBare(text)
}

func (r *rewriter) write(text string) {
	if text != "" {
		r.out.AppendChild(&html.Node{Type: html.TextNode, Data: text})
	}
}

func (r *rewriter) add(tag string) *html.Node {
	n := &html.Node{Type: html.ElementNode, Data: tag}
	r.out.AppendChild(n)
	return n
}

func (r *rewriter) breakLine() {
	if r.flat > 0 {
		r.write(" ")
	} else {
		r.add("br")
	}
}

// boundary separates blocks without nesting them.
func (r *rewriter) boundary() {
	if r.flat > 0 {
		r.write(" ")
		return
	}
	switch last := r.out.LastChild; {
	case last == nil || last.Type == html.ElementNode && last.Data == "div":
	default:
		r.add("div")
	}
}

func (r *rewriter) block(n *node, s style) {
	r.boundary()
	r.children(n, s)
	r.boundary()
}

// inside runs f within a new element and removes it if it stays without content.
func (r *rewriter) inside(tag string, f func()) *html.Node {
	outer := r.out
	n := r.add(tag)
	r.out = n
	f()
	r.out = outer
	if tag != "td" && isEmpty(n) {
		outer.RemoveChild(n)
		return nil
	}
	return n
}

// flatBlock is a block of one line.
func (r *rewriter) flatBlock(tag string, n *node, s style) {
	if r.flat > 0 {
		r.block(n, s)
		return
	}
	r.flat++
	r.inside(tag, func() { r.children(n, s) })
	r.flat--
}

func (r *rewriter) nested(n *node, s style) {
	if r.flat > 0 || r.nesting == maxNesting {
		r.block(n, s)
		return
	}
	r.nesting++
	r.inside(n.tag, func() { r.children(n, s) })
	r.nesting--
}

// emphasis leaves a mark out where it would span blocks or says nothing.
func (r *rewriter) emphasis(tag string, n *node, s style) {
	if n.blocks || strings.Contains(r.inline, tag) || strings.HasPrefix(r.out.Data, "h") {
		r.children(n, s)
		return
	}
	before := r.inline
	r.inline += tag + " "
	r.inside(tag, func() { r.children(n, s) })
	r.inline = before
}

// code writes the text of n as it is.
func (r *rewriter) code(tag string, n *node, s style) {
	var b strings.Builder
	r.plain(&b, n, s)
	text := strings.TrimPrefix(b.String(), "\n") // HTML, 13.2.6.4.7: a line end after <pre> is none
	switch {
	case strings.TrimSpace(text) == "":
		return
	case r.flat > 0 || r.inline != "":
		r.write(inlineText(strings.Join(strings.Fields(text), " "), r.cell))
		return
	}
	r.inside(tag, func() { r.write(text) })
}

func (r *rewriter) plain(b *strings.Builder, n *node, s style) {
	for _, child := range n.children {
		if child.tag == "" {
			clean, smuggled := visible(child.text)
			r.hidden += smuggled
			if s.legible() {
				b.WriteString(clean)
			} else {
				r.conceals(clean)
			}
			continue
		}
		in, hidden := s.next(child, r.sheet.of(child))
		switch {
		case hidden || r.sheet.budget < 0:
			r.conceal(child)
		case child.tag == "br":
			b.WriteByte('\n')
		default:
			r.plain(b, child, in)
			if child.level > levelInline {
				b.WriteByte('\n')
			}
		}
	}
}

// picture is its alternative text; a counting pixel is nothing.
func (r *rewriter) picture(n *node, s style) {
	for _, side := range []string{"width", "height"} {
		if v, ok := pixels(n.attr[side], 16); ok && v <= 2 {
			return
		}
		if v, ok := pixels(parseDeclarations(n.attr["style"])[side], 16); ok && v <= 2 {
			return
		}
	}
	alt := Line(n.attr["alt"], longestAlt)
	switch {
	case alt == "" || s.invisible || s.opacity < faintest:
		return
	case hasText(alt):
		alt = "(image: " + alt + ")"
	}
	r.concealed = false
	r.write(inlineText(alt, r.cell))
}

// conceal counts an element that is not seen.
func (r *rewriter) conceal(n *node) {
	if r.concealed {
		return
	}
	for _, child := range n.children {
		if child.tag == "" {
			clean, _ := visible(child.text)
			r.conceals(clean)
		} else {
			r.conceal(child)
		}
	}
}

// conceals counts a hidden text that follows a visible one.
func (r *rewriter) conceals(text string) {
	if r.concealed || !hasText(text) {
		return
	}
	r.hidden++
	r.concealed = true
	if len(r.unseen) < maxUnseen {
		r.unseen = append(r.unseen, Line(text, longestAlt))
	}
}

// repeated counts the hidden texts that are visible elsewhere: newsletters put
// their headline into a hidden element too, for the list of mails to show.
func (r *rewriter) repeated(text string) int {
	n := 0
	for _, unseen := range r.unseen {
		if strings.Contains(text, unseen) {
			n++
		}
	}
	return n
}

// joinTexts joins neighbouring texts. The library does it too, at a cost that
// grows with the square of their number.
func joinTexts(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type != html.TextNode {
			joinTexts(c)
			continue
		}
		next := c.NextSibling
		if next == nil || next.Type != html.TextNode {
			continue
		}
		var b strings.Builder
		b.WriteString(c.Data)
		for ; next != nil && next.Type == html.TextNode; next = c.NextSibling {
			b.WriteString(next.Data)
			n.RemoveChild(next)
		}
		c.Data = b.String()
	}
}

// isEmpty says that nothing would be read of n.
func isEmpty(n *html.Node) bool {
	if n.Type == html.TextNode {
		return strings.TrimSpace(n.Data) == ""
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if !isEmpty(c) {
			return false
		}
	}
	return true
}
