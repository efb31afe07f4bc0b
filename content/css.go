package content

import (
	"maps"
	"strconv"
	"strings"
)

// declarations are CSS properties that decide whether a text is seen.
type declarations map[string]string

// Bounds of a style sheet: a large newsletter has 200 rules and needs 100,000
// comparisons of an element with a selector.
const (
	maxRules       = 1000
	maxComparisons = 10_000_000
)

// rule is one selector of a style sheet with what it declares.
type rule struct {
	steps []step // outermost first
	set   declarations
}

// step is one compound selector: a tag, ids and classes.
type step struct {
	tag     string
	id      string
	classes []string
	child   bool // the step before it is the parent, not any ancestor
}

// sheet finds rules by what their last step asks for.
type sheet struct {
	byKey  map[string][]*rule // ".class", "#id" or "tag"
	count  int
	budget int // comparisons left; below zero the sheet is hostile
}

// parseSheet reads the rules that hold on any screen. Others (print, a width, a
// dark mode) and selectors on states or attributes are not what a reader sees.
func parseSheet(css string) *sheet {
	s := &sheet{byKey: make(map[string][]*rule), budget: maxComparisons}
	s.parse(withoutComments(css), 0)
	return s
}

func (s *sheet) parse(css string, depth int) {
	for s.count < maxRules {
		i := strings.IndexAny(css, "{;")
		if i < 0 {
			return
		}
		prelude := strings.TrimSpace(css[:i])
		if css[i] == ';' { // @import, @charset
			css = css[i+1:]
			continue
		}
		at := strings.HasPrefix(prelude, "@")
		body, rest := block(css[i+1:], at)
		css = rest
		switch {
		case at && depth < 2 && everyScreen(prelude):
			s.parse(body, depth+1)
		case !at:
			s.add(prelude, body)
		}
	}
}

// block cuts behind the brace that closes what was opened.
func block(css string, nested bool) (body, rest string) {
	depth := 1
	for i := range len(css) {
		switch css[i] {
		case '{':
			if nested {
				depth++
			}
		case '}':
			if depth--; depth == 0 {
				return css[:i], css[i+1:]
			}
		}
	}
	return css, ""
}

func everyScreen(prelude string) bool {
	query, ok := strings.CutPrefix(strings.ToLower(prelude), "@media")
	if !ok {
		return false
	}
	switch strings.TrimSpace(query) {
	case "", "all", "screen", "only screen", "all, screen", "screen, print":
		return true
	}
	return false
}

func (s *sheet) add(prelude, body string) {
	set := parseDeclarations(body)
	if len(set) == 0 {
		return
	}
	for selector := range strings.SplitSeq(prelude, ",") {
		steps, ok := parseSelector(selector)
		if !ok || s.count == maxRules {
			continue
		}
		s.count++
		last := steps[len(steps)-1]
		key := last.tag
		switch {
		case last.id != "":
			key = "#" + last.id
		case len(last.classes) > 0:
			key = "." + last.classes[0]
		}
		s.byKey[key] = append(s.byKey[key], &rule{steps: steps, set: set})
	}
}

func parseSelector(text string) (steps []step, ok bool) {
	const longest = 6
	child := false
	for word := range strings.FieldsSeq(strings.ReplaceAll(text, ">", " > ")) {
		if word == ">" {
			child = true
			continue
		}
		if strings.ContainsAny(word, ":[]+~()\\&") || len(steps) == longest {
			return nil, false
		}
		one := step{child: child}
		child = false
		i := strings.IndexAny(word, ".#")
		if i < 0 {
			i = len(word)
		}
		if one.tag = strings.ToLower(word[:i]); one.tag == "*" {
			one.tag = ""
		}
		for rest := word[i:]; rest != ""; {
			end := strings.IndexAny(rest[1:], ".#") + 1
			if end == 0 {
				end = len(rest)
			}
			if rest[0] == '#' {
				one.id = rest[1:end]
			} else {
				one.classes = append(one.classes, rest[1:end])
			}
			rest = rest[end:]
		}
		steps = append(steps, one)
	}
	return steps, len(steps) > 0
}

func (t step) matches(n *node) bool {
	if t.tag != "" && t.tag != n.tag || t.id != "" && t.id != n.attr["id"] {
		return false
	}
	for _, class := range t.classes {
		if !hasWord(n.attr["class"], class) {
			return false
		}
	}
	return true
}

func hasWord(list, word string) bool {
	for w := range strings.FieldsSeq(list) {
		if w == word {
			return true
		}
	}
	return false
}

func (s *sheet) matches(r *rule, n *node) bool {
	s.budget--
	i := len(r.steps) - 1
	if !r.steps[i].matches(n) {
		return false
	}
	direct := r.steps[i].child
	for p := n.parent; i > 0; p = p.parent {
		if s.budget--; p == nil || s.budget < 0 {
			return false
		}
		if r.steps[i-1].matches(p) {
			i--
			direct = r.steps[i].child
		} else if direct {
			return false
		}
	}
	return true
}

// of is what sheet and style attribute declare for n, the latter last.
func (s *sheet) of(n *node) declarations {
	own := parseDeclarations(n.attr["style"])
	if s.count == 0 {
		return own
	}
	set := make(declarations)
	apply := func(key string) {
		for _, r := range s.byKey[key] {
			if s.matches(r, n) {
				s.budget -= len(r.set)
				maps.Copy(set, r.set)
			}
		}
	}
	apply("")
	apply(n.tag)
	classes := 0
	for class := range strings.FieldsSeq(n.attr["class"]) {
		if classes++; classes > 16 {
			break
		}
		apply("." + class)
	}
	if id := n.attr["id"]; id != "" {
		apply("#" + id)
	}
	maps.Copy(set, own)
	return set
}

// seen lists the properties that matter.
var seen = map[string]bool{
	"background": true, "background-color": true, "background-image": true, "clip": true, "clip-path": true,
	"color": true, "display": true, "font": true, "font-size": true, "height": true, "left": true, "margin-left": true,
	"margin-top": true, "max-height": true, "max-width": true, "opacity": true, "overflow": true, "overflow-x": true,
	"overflow-y": true, "position": true, "right": true, "text-indent": true, "top": true, "transform": true,
	"visibility": true, "white-space": true, "width": true,
}

func parseDeclarations(text string) declarations {
	if text == "" {
		return nil
	}
	set := make(declarations)
	for one := range strings.SplitSeq(withoutComments(text), ";") {
		property, value, ok := strings.Cut(one, ":")
		if !ok {
			continue
		}
		property = strings.ToLower(strings.TrimSpace(unescapeCSS(property)))
		if !seen[property] {
			continue
		}
		value, _, _ = strings.Cut(unescapeCSS(value), "!") // !important
		set[property] = strings.ToLower(strings.TrimSpace(value))
	}
	return set
}

func withoutComments(css string) string {
	if !strings.Contains(css, "/*") && !strings.Contains(css, "<!--") {
		return css
	}
	css = strings.NewReplacer("<!--", " ", "-->", " ").Replace(css)
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(css, "/*")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte(' ')
		if _, css, found = strings.Cut(rest, "*/"); !found {
			return b.String()
		}
	}
}

// unescapeCSS reads backslash escapes (CSS Syntax 3, 4.3.7), which a sender may
// use so that a filter does not find "none".
func unescapeCSS(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			b.WriteByte(text[i])
			continue
		}
		digits := i + 1
		for digits < len(text) && digits < i+7 && strings.IndexByte("0123456789abcdefABCDEF", text[digits]) >= 0 {
			digits++
		}
		if code, err := strconv.ParseInt(text[i+1:digits], 16, 32); err == nil {
			b.WriteRune(rune(code))
			if i = digits - 1; digits < len(text) && text[digits] == ' ' {
				i++
			}
		}
	}
	return b.String()
}
