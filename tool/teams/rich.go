package teams

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// piece is a part of rich text: text as it is read, or markup as it is sent.
type piece struct{ text, markup string }

// allowed are the elements of Teams' own editor. They are sent without their
// attributes: styles can hide text, and pictures call home when they are read.
var allowed = map[string]bool{
	"b": true, "strong": true, "i": true, "em": true, "u": true, "s": true, "strike": true, "sub": true, "sup": true, "code": true, "pre": true,
	"blockquote": true, "p": true, "div": true, "span": true, "br": true, "hr": true, "ul": true, "ol": true, "li": true, "h1": true, "h2": true, "h3": true,
	"table": true, "thead": true, "tbody": true, "tr": true, "td": true, "th": true, "a": true,
}

// swallowed are the elements whose content is no text for people.
var swallowed = map[string]bool{
	"script": true, "style": true, "title": true, "template": true, "iframe": true, "object": true, "svg": true, "math": true, "noscript": true,
	"textarea": true, "select": true, "xmp": true, "noembed": true, "noframes": true, "plaintext": true,
}

// rich reads HTML by the allowlist: what it does not know loses its tag and keeps
// its text. Nothing of the source is copied as markup, so that no trick of writing
// gets through; every element that is opened is closed.
func rich(source string) []piece {
	var (
		out  []piece
		open []string
	)
	addText := func(s string) {
		if s != "" {
			out = append(out, piece{text: html.UnescapeString(s)})
		}
	}
	for source != "" {
		before, after, found := strings.Cut(source, "<")
		addText(before)
		if !found {
			break
		}
		t, rest, ok := readTag(after)
		if !ok {
			addText("<")
			source = after
			continue
		}
		source = rest
		switch name := t.name; {
		case swallowed[name] && !t.closing:
			source = behind(rest, name)
		case !allowed[name]:
		case name == "br" || name == "hr":
			out = append(out, piece{markup: "<" + name + ">"})
		case t.closing:
			if i := lastIndex(open, name); i >= 0 {
				for _, inner := range slices.Backward(open[i:]) {
					out = append(out, piece{markup: "</" + inner + ">"})
				}
				open = open[:i]
			}
		default:
			markup := "<" + name + ">"
			if name == "a" {
				if markup = link(t.attributes); markup == "" {
					continue
				}
			}
			open = append(open, name)
			out = append(out, piece{markup: markup})
		}
	}
	for _, name := range slices.Backward(open) {
		out = append(out, piece{markup: "</" + name + ">"})
	}
	return out
}

func lastIndex(list []string, s string) int {
	for i, x := range slices.Backward(list) {
		if x == s {
			return i
		}
	}
	return -1
}

type tag struct {
	name, attributes string
	closing          bool
}

var tagName = regexp.MustCompile(`^/?[A-Za-z][A-Za-z0-9:-]*`)

// readTag reads what stands behind a "<". Comments and declarations are tags
// without a name; a lone "<" is none.
func readTag(s string) (t tag, rest string, ok bool) {
	if after, is := strings.CutPrefix(s, "!--"); is {
		_, rest, _ = strings.Cut(after, "-->")
		return tag{}, rest, true
	}
	if s != "" && (s[0] == '!' || s[0] == '?') {
		_, rest, _ = strings.Cut(s, ">")
		return tag{}, rest, true
	}
	name := tagName.FindString(s)
	if name == "" || name == "/" {
		return tag{}, "", false
	}
	end, quote := len(name), byte(0)
	for ; end < len(s); end++ {
		switch ch := s[end]; {
		case quote != 0:
			if ch == quote {
				quote = 0
			}
		case ch == '"' || ch == '\'':
			quote = ch
		case ch == '>':
			bare, closing := strings.CutPrefix(name, "/")
			return tag{strings.ToLower(bare), s[len(name):end], closing}, s[end+1:], true
		}
	}
	return tag{}, "", true // never closed: nothing of it is text
}

// behind skips the content of an element that is not for people.
func behind(s, name string) string {
	for {
		_, after, found := strings.Cut(s, "</")
		if !found {
			return ""
		}
		if t, rest, ok := readTag("/" + after); ok && t.name == name {
			return rest
		}
		s = after
	}
}

var hrefAttribute = regexp.MustCompile(`(?i)(?:^|[\s"'])href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`)

// link is an <a> to a web page or an address, or "" for what leads elsewhere.
func link(attributes string) string {
	found := hrefAttribute.FindStringSubmatch(attributes)
	if found == nil {
		return ""
	}
	u, err := url.Parse(strings.TrimSpace(html.UnescapeString(found[1] + found[2] + found[3])))
	if err != nil || u.User != nil {
		return ""
	}
	switch {
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
	case u.Scheme == "mailto" && u.Opaque != "":
	default:
		return ""
	}
	return `<a href="` + html.EscapeString(u.String()) + `">`
}
