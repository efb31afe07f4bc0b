// Package kql reads and evaluates the Keyword Query Language, as far as
// Exchange answers it for $search on messages: words, phrases, prefixes,
// property restrictions, AND, OR, NOT and parentheses.
package kql

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// maxDepth bounds the nesting of a query, and with it the stack.
const maxDepth = 50

// SyntaxError is a text that is no KQL.
type SyntaxError struct {
	Position int
	Reason   string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("Syntax error: %s at position %d of the search query.", e.Reason, e.Position)
}

// Query is a parsed search.
type Query struct{ root expression }

// expression is a part of a query.
type expression interface{ match(m *matcher) bool }

type all []expression

type anyOf []expression

type none struct{ inner expression }

// restriction is a word, a phrase, or one of them on a property.
type restriction struct {
	property string // lower case; empty: free text
	operator string // : = <> < <= > >=
	value    string
	quoted   bool
}

// properties that Exchange lets a mail be searched by.
var properties = []string{
	"attachment", "bcc", "body", "category", "cc", "from", "hasattachment", "hasattachments", "importance", "kind",
	"participants", "received", "recipients", "sent", "size", "subject", "to",
}

// Parse reads a query.
func Parse(text string) (*Query, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, size: len(text)}
	root, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.at < len(p.tokens) {
		return nil, &SyntaxError{p.tokens[p.at].pos, "unexpected " + p.tokens[p.at].text}
	}
	return &Query{root}, nil
}

type lexeme struct {
	text   string // "(", ")" or a term
	pos    int
	quoted bool // the term, or the value of its restriction, stood in quotes
	term   restriction
	isTerm bool
}

func lex(text string) ([]lexeme, error) {
	var out []lexeme
	for i := 0; i < len(text); {
		c := text[i]
		switch c {
		case ' ', '\t':
			i++
		case '(', ')':
			out = append(out, lexeme{text: string(c), pos: i})
			i++
		default:
			l, next, err := lexTerm(text, i)
			if err != nil {
				return nil, err
			}
			out = append(out, l)
			i = next
		}
	}
	return out, nil
}

// lexTerm reads word, "a phrase", property:value, property>=value or
// property:"a phrase".
func lexTerm(text string, start int) (lexeme, int, error) {
	if text[start] == '"' {
		value, next, err := lexPhrase(text, start)
		return lexeme{text: value, pos: start, quoted: true, isTerm: true, term: restriction{operator: ":", value: value, quoted: true}}, next, err
	}
	i := start
	for i < len(text) && !strings.ContainsRune(" \t()\":=<>", rune(text[i])) {
		i++
	}
	name := strings.ToLower(text[start:i])
	operator := leadingOperator(text[i:])
	if operator == "" || !slices.Contains(properties, name) {
		for i < len(text) && !strings.ContainsRune(" \t()\"", rune(text[i])) {
			i++
		}
		value := text[start:i]
		return lexeme{text: value, pos: start, isTerm: true, term: restriction{operator: ":", value: value}}, i, nil
	}
	i += len(operator)
	l := lexeme{text: name, pos: start, isTerm: true, term: restriction{property: name, operator: operator}}
	if i < len(text) && text[i] == '"' {
		value, next, err := lexPhrase(text, i)
		l.term.value, l.term.quoted, l.quoted = value, true, true
		return l, next, err
	}
	from := i
	for i < len(text) && !strings.ContainsRune(" \t()\"", rune(text[i])) {
		i++
	}
	if l.term.value = text[from:i]; l.term.value == "" {
		return l, i, &SyntaxError{i, "a value is missing after " + name + operator}
	}
	return l, i, nil
}

func lexPhrase(text string, start int) (string, int, error) {
	length := strings.IndexByte(text[start+1:], '"')
	if length < 0 {
		return "", 0, &SyntaxError{start, "unbalanced quotation mark"}
	}
	return text[start+1 : start+1+length], start + length + 2, nil
}

func leadingOperator(s string) string {
	for _, operator := range []string{"<>", "<=", ">=", ":", "=", "<", ">"} {
		if strings.HasPrefix(s, operator) {
			return operator
		}
	}
	return ""
}

type parser struct {
	tokens []lexeme
	at     int
	size   int
}

// keyword takes AND, OR or NOT, which KQL only knows in capitals.
func (p *parser) keyword(name string) bool {
	if p.at < len(p.tokens) && p.isKeyword(p.tokens[p.at]) && p.tokens[p.at].text == name {
		p.at++
		return true
	}
	return false
}

func (*parser) isKeyword(l lexeme) bool {
	return l.isTerm && !l.quoted && l.term.property == "" && (l.text == "AND" || l.text == "OR" || l.text == "NOT")
}

func (p *parser) punctuation(text string) bool {
	if p.at < len(p.tokens) && !p.tokens[p.at].isTerm && p.tokens[p.at].text == text {
		p.at++
		return true
	}
	return false
}

func (p *parser) or(depth int) (expression, error) {
	first, err := p.and(depth)
	if err != nil {
		return nil, err
	}
	parts := anyOf{first}
	for p.keyword("OR") {
		part, err := p.and(depth)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// and reads terms up to OR or a closing parenthesis; between two terms AND may
// be left out.
func (p *parser) and(depth int) (expression, error) {
	var parts all
	for {
		part, err := p.unary(depth)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		if p.keyword("AND") {
			continue
		}
		if p.at >= len(p.tokens) || p.tokens[p.at].text == ")" && !p.tokens[p.at].isTerm || p.isKeyword(p.tokens[p.at]) && p.tokens[p.at].text == "OR" {
			return parts, nil
		}
	}
}

func (p *parser) unary(depth int) (expression, error) {
	if depth > maxDepth {
		return nil, &SyntaxError{p.position(), "nesting too deep"}
	}
	if p.keyword("NOT") {
		inner, err := p.unary(depth + 1)
		if err != nil {
			return nil, err
		}
		return none{inner}, nil
	}
	if p.punctuation("(") {
		inner, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if !p.punctuation(")") {
			return nil, &SyntaxError{p.position(), "a closing parenthesis is missing"}
		}
		return inner, nil
	}
	if p.at >= len(p.tokens) || !p.tokens[p.at].isTerm || p.isKeyword(p.tokens[p.at]) {
		return nil, &SyntaxError{p.position(), "a term is missing"}
	}
	term := p.tokens[p.at].term
	p.at++
	if negated, ok := strings.CutPrefix(term.value, "-"); ok && term.property == "" && !term.quoted && negated != "" {
		term.value = negated
		return none{term}, nil
	}
	return term, nil
}

func (p *parser) position() int {
	if p.at < len(p.tokens) {
		return p.tokens[p.at].pos
	}
	return p.size
}

// words splits a text the way a word breaker does: letters and digits.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
