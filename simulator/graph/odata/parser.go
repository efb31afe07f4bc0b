package odata

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxDepth bounds the nesting of an expression, and with it the stack.
const maxDepth = 50

// Parse reads a filter. kindOf tells the kind of a property by its path
// ("from/emailAddress/address"); Unknown makes it an [UnknownPropertyError].
func Parse(text string, kindOf func(path string) Kind) (*Filter, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{text: text, tokens: tokens, kindOf: kindOf, scope: map[string]bool{}}
	root, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if next := p.peek(); next.class != end {
		return nil, p.syntax(next)
	}
	if root.kind() != Bool {
		return nil, &SyntaxError{"The $filter expression must evaluate to a single boolean value."}
	}
	return &Filter{root: root, paths: p.paths}, nil
}

type class int

const (
	end class = iota
	word
	quoted
	punctuation
)

type lexeme struct {
	class class
	text  string
	pos   int
}

func lex(text string) ([]lexeme, error) {
	var out []lexeme
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case ' ', '\t':
			i++
		case '(', ')', ',':
			out = append(out, lexeme{punctuation, string(c), i})
			i++
		case '\'':
			value, size, ok := unquote(text[i:])
			if !ok {
				return nil, &SyntaxError{fmt.Sprintf("There is an unterminated string literal at position %d in '%s'.", len(text), text)}
			}
			out = append(out, lexeme{quoted, value, i})
			i += size
		default:
			j := i
			for j < len(text) && !strings.ContainsRune(" \t(),'", rune(text[j])) {
				j++
			}
			out = append(out, lexeme{word, text[i:j], i})
			i = j
		}
	}
	return append(out, lexeme{end, "", len(text)}), nil
}

// unquote reads an OData string, in which a quote is written twice.
func unquote(s string) (value string, size int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 >= len(s) || s[i+1] != '\'' {
			return b.String(), i + 1, true
		}
		b.WriteByte('\'')
		i++
	}
	return "", 0, false
}

type parser struct {
	text   string
	tokens []lexeme
	at     int
	kindOf func(string) Kind
	scope  map[string]bool // range variables of the lambdas around
	paths  []string
}

func (p *parser) peek() lexeme { return p.tokens[p.at] }

func (p *parser) next() lexeme {
	t := p.tokens[p.at]
	if t.class != end {
		p.at++
	}
	return t
}

func (p *parser) syntax(at lexeme) error {
	return &SyntaxError{fmt.Sprintf("Syntax error at position %d in '%s'.", at.pos, p.text)}
}

func (p *parser) accept(class class, text string) bool {
	if t := p.peek(); t.class == class && t.text == text {
		p.at++
		return true
	}
	return false
}

func (p *parser) or(depth int) (node, error) { return p.logical(depth, "or", p.and) }

func (p *parser) and(depth int) (node, error) { return p.logical(depth, "and", p.unary) }

func (p *parser) logical(depth int, operator string, operand func(int) (node, error)) (node, error) {
	left, err := operand(depth)
	if err != nil {
		return nil, err
	}
	for p.accept(word, operator) {
		right, err := operand(depth)
		if err != nil {
			return nil, err
		}
		if left.kind() != Bool || right.kind() != Bool {
			return nil, &SyntaxError{fmt.Sprintf("A binary operator with incompatible types was detected. Found operand types '%s' and '%s' for operator kind '%s'.", left.kind(), right.kind(), operator)}
		}
		left = logical{and: operator == "and", left: left, right: right}
	}
	return left, nil
}

func (p *parser) unary(depth int) (node, error) {
	if depth > maxDepth {
		return nil, &SyntaxError{"The $filter expression is nested too deeply."}
	}
	if p.accept(word, "not") {
		inner, err := p.unary(depth + 1)
		if err != nil {
			return nil, err
		}
		if inner.kind() != Bool {
			return nil, &SyntaxError{fmt.Sprintf("A unary operator with an incompatible type was detected. Found operand type '%s' for operator kind 'Not'.", inner.kind())}
		}
		return not{inner}, nil
	}
	var left node
	var err error
	if p.accept(punctuation, "(") {
		if left, err = p.or(depth + 1); err != nil {
			return nil, err
		}
		if !p.accept(punctuation, ")") {
			return nil, p.syntax(p.peek())
		}
	} else if left, err = p.operand(depth); err != nil {
		return nil, err
	}
	op := p.peek()
	if op.class != word || !slices.Contains([]string{"eq", "ne", "gt", "ge", "lt", "le"}, op.text) {
		return left, nil
	}
	p.at++
	right, err := p.operand(depth)
	if err != nil {
		return nil, err
	}
	if err := checkTypes(op.text, left, right); err != nil {
		return nil, err
	}
	return comparison{op: op.text, left: left, right: right}, nil
}

func (p *parser) operand(depth int) (node, error) {
	t := p.next()
	if t.class == quoted {
		return literal{String, t.text}, nil
	}
	if t.class != word {
		return nil, p.syntax(t)
	}
	if p.accept(punctuation, "(") {
		return p.call(t, depth+1)
	}
	if value, ok := readLiteral(t.text); ok {
		return value, nil
	}
	return p.property(t)
}

func (p *parser) property(t lexeme) (node, error) {
	if p.scope[t.text] {
		return property{t.text, String}, nil
	}
	kind := p.kindOf(t.text)
	if kind == Unknown {
		return nil, &UnknownPropertyError{t.text}
	}
	if !slices.Contains(p.paths, t.text) {
		p.paths = append(p.paths, t.text)
	}
	return property{t.text, kind}, nil
}

// call reads the arguments of a function or the body of a lambda; the opening
// parenthesis has been read.
func (p *parser) call(name lexeme, depth int) (node, error) {
	if depth > maxDepth {
		return nil, &SyntaxError{"The $filter expression is nested too deeply."}
	}
	if collection, ok := strings.CutSuffix(name.text, "/any"); ok {
		return p.lambda(name, collection, false, depth)
	}
	if collection, ok := strings.CutSuffix(name.text, "/all"); ok {
		return p.lambda(name, collection, true, depth)
	}
	arity := map[string]int{"contains": 2, "startswith": 2, "endswith": 2, "tolower": 1, "toupper": 1}[name.text]
	if arity == 0 {
		return nil, &SyntaxError{fmt.Sprintf("An unknown function with name '%s' was found.", name.text)}
	}
	f := textFunction{name: name.text}
	for {
		arg, err := p.operand(depth)
		if err != nil {
			return nil, err
		}
		if arg.kind() != String && arg.kind() != ID {
			return nil, &SyntaxError{fmt.Sprintf("No function signature for the function with name '%s' matches the specified arguments.", name.text)}
		}
		f.args = append(f.args, arg)
		if p.accept(punctuation, ")") {
			break
		}
		if !p.accept(punctuation, ",") {
			return nil, p.syntax(p.peek())
		}
	}
	if len(f.args) != arity {
		return nil, &SyntaxError{fmt.Sprintf("No function signature for the function with name '%s' matches the specified arguments.", name.text)}
	}
	return f, nil
}

func (p *parser) lambda(name lexeme, collection string, all bool, depth int) (node, error) {
	of, err := p.property(lexeme{word, collection, name.pos})
	if err != nil {
		return nil, err
	}
	if of.kind() == Complex { // Exchange refuses lambdas over recipients
		return nil, &UnsupportedError{name.text}
	}
	if of.kind() != Strings {
		return nil, p.syntax(name)
	}
	if !all && p.accept(punctuation, ")") {
		return lambda{collection: collection}, nil
	}
	head := p.next()
	variable, rest, found := strings.Cut(head.text, ":")
	if head.class != word || !found || variable == "" || p.scope[variable] {
		return nil, p.syntax(head)
	}
	if rest != "" { // "c:c eq 'x'" is lexed as one word up to the blank
		p.at--
		p.tokens[p.at] = lexeme{word, rest, head.pos + len(variable) + 1}
	}
	p.scope[variable] = true
	defer delete(p.scope, variable)
	body, err := p.or(depth)
	if err != nil {
		return nil, err
	}
	if body.kind() != Bool || !p.accept(punctuation, ")") {
		return nil, p.syntax(p.peek())
	}
	return lambda{all: all, collection: collection, variable: variable, body: body}, nil
}

// readLiteral reads what is neither quoted nor a property.
func readLiteral(text string) (literal, bool) {
	switch text {
	case "true", "false":
		return literal{Bool, text == "true"}, true
	case "null":
		return literal{Null, nil}, true
	}
	if n, err := strconv.Atoi(text); err == nil {
		return literal{Int, n}, true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return literal{Time, t}, true
		}
	}
	return literal{}, false
}
