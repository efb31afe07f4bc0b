package content

import (
	"strings"

	"golang.org/x/net/html"
)

// Bounds of a tree. A browser's parser is not bounded: formatting elements left
// open are repeated in every paragraph that follows, so that a megabyte becomes
// gigabytes. This one never repeats, and drops what is nested deeper than any mail.
const (
	maxDepth  = 200     // elements that are kept
	maxStack  = 400     // elements that are followed
	maxTokens = 150_000 // a newsletter of 125 KB has 2,000
	maxAttr   = 8 << 10
	maxClass  = 512
)

// node is an element, or a text where tag is empty.
type node struct {
	tag      string
	text     string
	attr     map[string]string
	parent   *node
	children []*node
	level    int
	blocks   bool // a block stands in it
	tables   bool // a table stands in it
}

type document struct {
	root      *node
	css       strings.Builder // of all style elements
	comments  int             // comments that address a reader
	truncated bool
}

// Levels say what an end tag may close over: </b> no block, </div> no cell.
const (
	levelInline = iota
	levelParagraph
	levelBlock
	levelCell
	levelRow
	levelRows
	levelTable
)

var levels = map[string]int{
	"p":       levelParagraph,
	"address": levelBlock, "article": levelBlock, "aside": levelBlock, "blockquote": levelBlock, "body": levelBlock,
	"center": levelBlock, "codeblock": levelBlock, "dd": levelBlock, "details": levelBlock, "div": levelBlock,
	"dl": levelBlock, "dt": levelBlock, "fieldset": levelBlock, "figcaption": levelBlock, "figure": levelBlock,
	"footer": levelBlock, "form": levelBlock, "h1": levelBlock, "h2": levelBlock, "h3": levelBlock, "h4": levelBlock,
	"h5": levelBlock, "h6": levelBlock, "header": levelBlock, "li": levelBlock, "main": levelBlock, "nav": levelBlock,
	"ol": levelBlock, "pre": levelBlock, "section": levelBlock, "summary": levelBlock, "template": levelBlock, "ul": levelBlock,
	"caption": levelCell, "td": levelCell, "th": levelCell,
	"tr":    levelRow,
	"tbody": levelRows, "tfoot": levelRows, "thead": levelRows,
	"table": levelTable,
}

// void elements have no content; those that are not br, hr or img show nothing.
var void = map[string]bool{
	"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true,
	"link": true, "meta": true, "param": true, "source": true, "track": true, "wbr": true,
}

// unread elements are never shown; the tokenizer reads their content as one text.
var unread = map[string]bool{
	"iframe": true, "noembed": true, "noframes": true, "script": true, "style": true, "textarea": true, "title": true,
}

// keptAttr is all that is looked at.
var keptAttr = map[string]bool{
	"alt": true, "background": true, "bgcolor": true, "class": true, "color": true, "height": true, "hidden": true,
	"href": true, "id": true, "itemtype": true, "role": true, "style": true, "text": true, "type": true, "width": true,
}

// builder makes the tree in one pass over the tokens.
type builder struct {
	doc   *document
	stack []*node // the open elements, doc.root first
}

func parseHTML(source string) *document {
	doc := &document{root: &node{tag: "body"}}
	b := &builder{doc: doc, stack: []*node{doc.root}}
	z := html.NewTokenizer(strings.NewReader(source))
	skip := "" // the unread element that is open
	for range maxTokens {
		switch z.Next() {
		case html.ErrorToken: // the end; a reader of a string has no other error
			return doc
		case html.TextToken:
			switch skip {
			case "":
				b.text(string(z.Text()))
			case "style":
				doc.css.Write(z.Raw())
				doc.css.WriteByte('\n')
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, attr := startTag(z)
			switch {
			case unread[name]:
				skip = name
			case !b.start(name, attr):
				doc.truncated = true
				return doc
			default:
				skip = ""
				z.NextIsNotRawText() // noscript and their like
			}
		case html.EndTagToken:
			skip = ""
			name, _ := z.TagName()
			b.end(string(name))
		case html.CommentToken:
			if addressesReader(string(z.Text())) {
				doc.comments++
			}
		case html.DoctypeToken:
		}
	}
	doc.truncated = true
	return doc
}

func startTag(z *html.Tokenizer) (name string, attr map[string]string) {
	tag, more := z.TagName()
	name = string(tag)
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		if !keptAttr[string(key)] || len(value) > maxAttr || len(value) > maxClass && string(key) == "class" {
			continue
		}
		if attr == nil {
			attr = make(map[string]string, 4)
		}
		if _, twice := attr[string(key)]; !twice { // the first one counts
			attr[string(key)] = string(value)
		}
	}
	return name, attr
}

// addressesReader tells a comment with a sentence in it from the marks that mail
// programs and templates leave.
func addressesReader(comment string) bool {
	comment = strings.TrimSpace(comment)
	return !strings.HasPrefix(comment, "[if") && !strings.Contains(comment, "<") && len(strings.Fields(comment)) >= 6
}

func (b *builder) top() *node { return b.stack[len(b.stack)-1] }

func (b *builder) text(s string) {
	if len(b.stack) > maxDepth {
		b.doc.truncated = b.doc.truncated || hasText(s)
		return
	}
	t := b.top()
	t.children = append(t.children, &node{text: s, parent: t})
}

// start opens an element; it reports false where no more can be followed.
func (b *builder) start(name string, attr map[string]string) bool {
	switch name {
	case "html", "head":
		return true
	case "body":
		if len(b.doc.root.attr) == 0 {
			b.doc.root.attr = attr
		}
		return true
	}
	b.closeImplied(name)
	t := b.top()
	n := &node{tag: name, attr: attr, parent: t, level: levels[name]}
	if len(b.stack) <= maxDepth {
		t.children = append(t.children, n)
	}
	if void[name] {
		return true
	}
	if len(b.stack) == maxStack {
		return false
	}
	b.stack = append(b.stack, n)
	if n.level > levelInline {
		for p := t; p != nil && !p.blocks; p = p.parent {
			p.blocks = true
		}
	}
	if name == "table" {
		for p := t; p != nil && !p.tables; p = p.parent {
			p.tables = true
		}
	}
	return true
}

// closeImplied closes what HTML lets authors leave open: a block ends a paragraph,
// an item the item before it, a cell or a row the one before it.
func (b *builder) closeImplied(name string) {
	switch name {
	case "li":
		b.closeBack("li", "li", levelParagraph)
	case "dt", "dd":
		b.closeBack("dt", "dd", levelParagraph)
	case "td", "th":
		b.closeBack("td", "th", levelBlock)
	case "tr":
		b.closeBack("tr", "tr", levelCell)
	case "tbody", "thead", "tfoot":
		b.closeBack("tbody", "thead", levelRow)
	default:
		if levels[name] > levelInline && levels[name] < levelTable {
			b.closeBack("p", "p", levelInline)
		}
	}
}

// closeBack closes the innermost a or b if nothing above level stands in it.
func (b *builder) closeBack(first, second string, level int) {
	for i := len(b.stack) - 1; i > 0; i-- {
		n := b.stack[i]
		if n.tag == first || n.tag == second {
			b.stack = b.stack[:i]
			return
		}
		if n.level > level {
			return
		}
	}
}

func (b *builder) end(name string) { b.closeBack(name, name, levels[name]) }
