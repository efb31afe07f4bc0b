// Package odata reads the $filter expressions of OData 4.01 (Part 2, section
// 5.1.1) as far as Graph's Outlook resources take them, checks them against
// the types of the resource and evaluates them.
package odata

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is the type of a property or of a part of an expression.
type Kind int

// The kinds of properties. Unknown is what a resource does not have.
const (
	Unknown Kind = iota
	Null
	String // compared without regard to case, as Exchange does
	ID     // a string compared exactly
	Enum
	Bool
	Int
	Time
	Strings // a collection of strings
	Complex // a structure, or a collection of structures: not ordered
)

var kindNames = map[Kind]string{
	Null: "null", String: "Edm.String", ID: "Edm.String", Enum: "Edm.Enum", Bool: "Edm.Boolean",
	Int: "Edm.Int32", Time: "Edm.DateTimeOffset", Strings: "Collection(Edm.String)", Complex: "Edm.ComplexType",
}

// String implements fmt.Stringer with the names of OData's types.
func (k Kind) String() string { return kindNames[k] }

// SyntaxError is a filter that is no OData expression, or an ill-typed one.
type SyntaxError struct{ Message string }

func (e *SyntaxError) Error() string { return e.Message }

// UnknownPropertyError is a filter on a property that the resource lacks.
type UnknownPropertyError struct{ Name string }

func (e *UnknownPropertyError) Error() string { return "unknown property " + e.Name }

// UnsupportedError is valid OData that Outlook does not evaluate.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return "not supported: " + e.What }

// Filter is a checked $filter expression.
type Filter struct {
	root  node
	paths []string
}

// Paths lists the properties in order of first appearance.
func (f *Filter) Paths() []string { return f.paths }

// Match evaluates the filter. get returns the value of a property: string,
// bool, int, time.Time, []string or nil.
func (f *Filter) Match(get func(path string) any) bool {
	matched, ok := f.root.eval(get).(bool)
	return ok && matched
}

// node is a part of an expression.
type node interface {
	kind() Kind
	eval(get func(string) any) any
}

type literal struct {
	of    Kind
	value any
}

func (l literal) kind() Kind                { return l.of }
func (l literal) eval(func(string) any) any { return l.value }

type property struct {
	path string
	of   Kind
}

func (p property) kind() Kind                    { return p.of }
func (p property) eval(get func(string) any) any { return get(p.path) }

type not struct{ inner node }

func (not) kind() Kind { return Bool }

func (n not) eval(get func(string) any) any { return !truth(n.inner.eval(get)) }

type logical struct {
	and         bool
	left, right node
}

func (logical) kind() Kind { return Bool }

func (l logical) eval(get func(string) any) any {
	if truth(l.left.eval(get)) != l.and {
		return !l.and
	}
	return truth(l.right.eval(get))
}

type comparison struct {
	op          string
	left, right node
}

func (comparison) kind() Kind { return Bool }

func (c comparison) eval(get func(string) any) any {
	exact := c.left.kind() == ID || c.right.kind() == ID
	order, ordered := compare(c.left.eval(get), c.right.eval(get), exact)
	switch c.op {
	case "eq":
		return ordered && order == 0
	case "ne":
		return !ordered || order != 0
	case "gt":
		return ordered && order > 0
	case "ge":
		return ordered && order >= 0
	case "lt":
		return ordered && order < 0
	default:
		return ordered && order <= 0
	}
}

// textFunction is contains, startswith, endswith, tolower or toupper.
type textFunction struct {
	name string
	args []node
}

func (f textFunction) kind() Kind {
	if len(f.args) == 1 {
		return String
	}
	return Bool
}

func (f textFunction) eval(get func(string) any) any {
	text := make([]string, len(f.args))
	for i, arg := range f.args {
		value, ok := arg.eval(get).(string)
		if !ok {
			return nil
		}
		text[i] = strings.ToLower(value)
	}
	switch f.name {
	case "contains":
		return strings.Contains(text[0], text[1])
	case "startswith":
		return strings.HasPrefix(text[0], text[1])
	case "endswith":
		return strings.HasSuffix(text[0], text[1])
	case "toupper":
		return strings.ToUpper(text[0])
	default:
		return text[0]
	}
}

// lambda is any or all over a collection of strings.
type lambda struct {
	all        bool
	collection string
	variable   string
	body       node // nil: any() of a collection that is not empty
}

func (lambda) kind() Kind { return Bool }

func (l lambda) eval(get func(string) any) any {
	items, ok := get(l.collection).([]string)
	if !ok {
		return l.all
	}
	if l.body == nil {
		return len(items) > 0
	}
	holds := func(item string) bool {
		return truth(l.body.eval(func(path string) any {
			if path == l.variable {
				return item
			}
			return get(path)
		}))
	}
	if l.all {
		return !slices.ContainsFunc(items, func(item string) bool { return !holds(item) })
	}
	return slices.ContainsFunc(items, holds)
}

func truth(value any) bool {
	b, ok := value.(bool)
	return ok && b
}

// compare orders two values; it reports false where they have no order.
func compare(a, b any, exact bool) (int, bool) {
	if a == nil || b == nil {
		return 0, a == nil && b == nil
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		if !exact {
			x, y = strings.ToLower(x), strings.ToLower(y)
		}
		return strings.Compare(x, y), ok
	case bool:
		y, ok := b.(bool)
		if x == y {
			return 0, ok
		}
		return 1, ok
	case int:
		y, ok := b.(int)
		return x - y, ok
	case time.Time:
		y, ok := b.(time.Time)
		return x.Compare(y), ok
	default:
		return 0, false
	}
}

// checkTypes holds the comparison against OData's rules.
func checkTypes(op string, left, right node) error {
	l, r := left.kind(), right.kind()
	text := func(k Kind) bool { return k == String || k == ID || k == Enum }
	ordered := op != "eq" && op != "ne"
	switch {
	case l == Complex || r == Complex || l == Strings || r == Strings:
	case l == Null || r == Null:
		if !ordered {
			return nil
		}
	case text(l) && text(r), l == r && (l != Bool || !ordered):
		return nil
	}
	return &SyntaxError{fmt.Sprintf("A binary operator with incompatible types was detected. Found operand types '%s' and '%s' for operator kind '%s'.", l, r, op)}
}
