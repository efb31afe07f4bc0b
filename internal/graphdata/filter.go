package graphdata

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// filter checks an OData $filter (OData 4.01 URL conventions, section 5.1.1):
// its grammar, the names of properties, and that a literal is of the kind of what
// it is compared with.
func (d *Data) filter(of *schema, text string) error {
	tokens, err := lex(text)
	if err != nil {
		return err
	}
	p := &filterParser{Data: d, tokens: tokens, scope: map[string]*schema{"": of}}
	if err := p.or(); err != nil {
		return err
	}
	if p.at < len(p.tokens) {
		return fmt.Errorf("%q is too much", p.tokens[p.at])
	}
	return nil
}

var token = regexp.MustCompile(`^(?:'(?:[^']|'')*'` + // text
	`|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}` + // GUID
	`|\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?` + // time
	`|-?\d+(?:\.\d+)?` +
	`|[A-Za-z_$@][\w.@$-]*(?:/[\w.@$-]+)*` + // name, path, operator
	`|[(),:])`)

func lex(text string) ([]string, error) {
	var tokens []string
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		t := token.FindString(rest)
		if t == "" {
			return nil, fmt.Errorf("not understood at %q (quotes inside a text are doubled)", rest)
		}
		tokens = append(tokens, t)
		rest = rest[len(t):]
	}
	return tokens, nil
}

type filterParser struct {
	*Data
	tokens []string
	at     int
	scope  map[string]*schema // of lambda variables; "" is the resource itself
}

// operand is one side of a comparison.
type operand struct {
	of      *schema // nil: of any kind
	literal string  // "" for a property or function
	boolean bool    // may stand alone
}

func (p *filterParser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *filterParser) take(want string) error {
	if p.peek() != want {
		return fmt.Errorf("%q where %q is due", p.peek(), want)
	}
	p.at++
	return nil
}

func (p *filterParser) or() error {
	for {
		if err := p.unary(); err != nil {
			return err
		}
		if next := p.peek(); next != "and" && next != "or" {
			return nil
		}
		p.at++
	}
}

func (p *filterParser) unary() error {
	switch p.peek() {
	case "not":
		p.at++
		return p.unary()
	case "(":
		p.at++
		if err := p.or(); err != nil {
			return err
		}
		return p.take(")")
	}
	return p.comparison()
}

func (p *filterParser) comparison() error {
	left, err := p.operand()
	if err != nil {
		return err
	}
	switch operator := p.peek(); operator {
	case "eq", "ne", "gt", "ge", "lt", "le", "has":
		p.at++
		right, err := p.operand()
		if err != nil {
			return err
		}
		return sameKind(left, right)
	case "in":
		p.at++
		if err := p.take("("); err != nil {
			return err
		}
		for {
			item, err := p.operand()
			if err != nil {
				return err
			}
			if err := sameKind(left, item); err != nil {
				return err
			}
			if p.peek() != "," {
				return p.take(")")
			}
			p.at++
		}
	}
	if !left.boolean {
		return fmt.Errorf("an operator is due at %q", p.peek())
	}
	return nil
}

func (p *filterParser) operand() (operand, error) {
	t := p.peek()
	if t == "" {
		return operand{}, errors.New("the expression ends too soon")
	}
	p.at++
	switch {
	case t[0] == '\'', t[0] >= '0' && t[0] <= '9', t[0] == '-', t == "true", t == "false", t == "null", guid.MatchString(t):
		return operand{literal: t}, nil
	case p.peek() == "(":
		p.at++
		if path, ok := strings.CutSuffix(t, "/any"); ok {
			return p.lambda(path)
		}
		if path, ok := strings.CutSuffix(t, "/all"); ok {
			return p.lambda(path)
		}
		return p.function(t)
	case strings.ContainsAny(t, "(),:"):
		return operand{}, fmt.Errorf("%q where a property or value is due", t)
	}
	of, err := p.property(t)
	return operand{of: of, boolean: of == nil || of.Type == "boolean"}, err
}

// property finds the type of a path that may begin with a lambda variable.
func (p *filterParser) property(path string) (*schema, error) {
	first, rest, more := strings.Cut(path, "/")
	of, ok := p.scope[first]
	switch {
	case !ok:
		if p.scope[""] == nil {
			return nil, nil
		}
		return p.walk(p.scope[""], path)
	case !more:
		return of, nil
	}
	return p.walk(of, rest)
}

func (p *filterParser) lambda(path string) (operand, error) {
	collection, err := p.property(path)
	if err != nil {
		return operand{}, err
	}
	if p.peek() == ")" { // any() alone: is there one
		p.at++
		return operand{boolean: true}, nil
	}
	variable := p.peek()
	p.at++
	if err := p.take(":"); err != nil {
		return operand{}, err
	}
	if collection != nil && collection.Type != "array" {
		return operand{}, fmt.Errorf("%s is not a collection", path)
	}
	p.scope[variable] = nil
	if collection != nil {
		p.scope[variable] = p.resolve(collection.Items)
	}
	defer delete(p.scope, variable)
	if err := p.or(); err != nil {
		return operand{}, err
	}
	return operand{boolean: true}, p.take(")")
}

// functions are OData's, with the number of their arguments and what they give.
var functions = map[string]struct {
	args  int
	gives schema
}{
	"startswith": {2, schema{Type: "boolean"}}, "endswith": {2, schema{Type: "boolean"}}, "contains": {2, schema{Type: "boolean"}},
	"tolower": {1, schema{Type: "string"}}, "toupper": {1, schema{Type: "string"}}, "trim": {1, schema{Type: "string"}},
	"length": {1, schema{Type: "integer"}}, "indexof": {2, schema{Type: "integer"}},
	"year": {1, schema{Type: "integer"}}, "month": {1, schema{Type: "integer"}}, "day": {1, schema{Type: "integer"}}, "hour": {1, schema{Type: "integer"}},
	"now": {0, schema{Type: "string", Format: "date-time"}}, "date": {1, schema{Type: "string", Format: "date"}},
}

func (p *filterParser) function(name string) (operand, error) {
	f, ok := functions[strings.ToLower(name)]
	if !ok {
		return operand{}, fmt.Errorf("%s is no function", name)
	}
	n := 0
	for ; p.peek() != ")"; n++ {
		if n > 0 {
			if err := p.take(","); err != nil {
				return operand{}, err
			}
		}
		arg, err := p.operand()
		if err != nil {
			return operand{}, err
		}
		if f.gives.Type == "boolean" && arg.literal != "" && arg.literal[0] != '\'' {
			return operand{}, fmt.Errorf("%s(%s): the text is not in quotes", name, arg.literal)
		}
	}
	if n != f.args {
		return operand{}, fmt.Errorf("%s takes %d arguments", name, f.args)
	}
	return operand{of: &f.gives, boolean: f.gives.Type == "boolean"}, p.take(")")
}

var (
	zoned    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$`)
	dateOnly = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	numeric  = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
)

// sameKind reports a literal of another kind than what it is compared with.
func sameKind(left, right operand) error {
	if left.literal != "" {
		left, right = right, left
	}
	if left.of == nil || left.literal != "" || right.literal == "" || right.literal == "null" {
		return nil
	}
	literal, of := right.literal, left.of
	var ok bool
	switch {
	case len(of.Enum) > 0:
		ok = slices.Contains(of.Enum, any(unquote(literal))) && literal[0] == '\''
	case of.Format == "date-time":
		ok = zoned.MatchString(literal)
	case of.Format == "date":
		ok = dateOnly.MatchString(literal)
	case of.EDM == "Edm.Guid":
		ok = guid.MatchString(unquote(literal))
	case of.Type == "string":
		ok = literal[0] == '\''
	case of.Type == "boolean":
		ok = literal == "true" || literal == "false"
	case of.Type == "integer" || of.Type == "number":
		ok = numeric.MatchString(literal)
	default:
		return fmt.Errorf("%s cannot be compared with %s", of.Title, literal)
	}
	if !ok {
		return fmt.Errorf("the literal %s is not a value of this property (%s %s %v)", literal, of.Type, of.Format, of.Enum)
	}
	return nil
}
