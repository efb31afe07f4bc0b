package dataset

import (
	"html"
	"strings"
	"unicode"
)

// previewRunes is the length of Graph's bodyPreview.
const previewRunes = 255

// plainText reduces HTML to its text, whitespace collapsed, up to limit runes
// (negative: all of it). Like Exchange it knows no style: what a browser would
// hide is in it.
func plainText(source string, limit int) string {
	var w collapser
	w.limit = limit
	for source != "" && !w.full() {
		text, tag, found := strings.Cut(source, "<")
		w.write(html.UnescapeString(text))
		if !found {
			break
		}
		var name string
		name, source = skipTag(tag)
		switch name {
		case "br", "p", "/p", "div", "/div", "td", "/td", "tr", "/tr", "li", "/li", "blockquote", "h1", "h2", "h3":
			w.write(" ")
		}
	}
	return strings.TrimSpace(w.text.String())
}

// skipTag takes what follows a "<" and returns the element's name and the rest
// after it; of comments and of elements without readable text it skips all.
func skipTag(s string) (name, rest string) {
	if strings.HasPrefix(s, "!--") {
		_, rest, _ = strings.Cut(s, "-->")
		return "!--", rest
	}
	tag, rest, _ := strings.Cut(s, ">")
	name = strings.ToLower(tag)
	if i := strings.IndexAny(name, " \t\r\n"); i >= 0 {
		name = name[:i]
	}
	name = strings.TrimSuffix(name, "/")
	switch name {
	case "style", "script", "title":
		rest = afterClosing(rest, name)
	}
	return name, rest
}

// afterClosing is what follows the closing tag of an element, in any case.
func afterClosing(s, name string) string {
	for s != "" {
		_, s, _ = strings.Cut(s, "</")
		if len(s) >= len(name) && strings.EqualFold(s[:len(name)], name) {
			_, s, _ = strings.Cut(s, ">")
			break
		}
	}
	return s
}

// collapser joins text with single spaces and stops at its limit.
type collapser struct {
	text  strings.Builder
	limit int
	runes int
	space bool
}

func (c *collapser) full() bool { return c.limit >= 0 && c.runes >= c.limit }

func (c *collapser) write(s string) {
	for _, r := range s {
		if c.full() {
			return
		}
		if unicode.IsSpace(r) {
			c.space = c.runes > 0
			continue
		}
		if c.space {
			c.space = false
			c.text.WriteByte(' ')
			c.runes++
			if c.full() {
				return
			}
		}
		c.text.WriteRune(r)
		c.runes++
	}
}

// preview is the beginning of a body, as Graph shows it in lists.
func preview(body string, isHTML bool) string {
	if isHTML {
		return plainText(body, previewRunes)
	}
	var w collapser
	w.limit = previewRunes
	w.write(body)
	return strings.TrimSpace(w.text.String())
}
