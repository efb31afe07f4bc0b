package graph

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Filter is an expression of OData's $filter. Properties are constants of the
// program; values may be anybody's and stay inside their literal.
type Filter struct {
	expression string
	joined     bool // by "and" or "or"
}

// Literal is what a property can be compared with.
type Literal interface {
	string | bool | int | int64 | time.Time
}

// Eq is property eq value.
func Eq[V Literal](property string, value V) Filter { return compare(property, "eq", value) }

// Ne is property ne value.
func Ne[V Literal](property string, value V) Filter { return compare(property, "ne", value) }

// Ge is property ge value.
func Ge[V Literal](property string, value V) Filter { return compare(property, "ge", value) }

// Gt is property gt value.
func Gt[V Literal](property string, value V) Filter { return compare(property, "gt", value) }

// Le is property le value.
func Le[V Literal](property string, value V) Filter { return compare(property, "le", value) }

// Lt is property lt value.
func Lt[V Literal](property string, value V) Filter { return compare(property, "lt", value) }

// StartsWith is startswith(property,'prefix').
func StartsWith(property, prefix string) Filter { return call("startswith", property, prefix) }

// Contains is contains(property,'part').
func Contains(property, part string) Filter { return call("contains", property, part) }

// Any is property/any(x:x eq 'value'), for collections of strings.
func Any(property, value string) Filter {
	return Filter{expression: property + "/any(x:x eq " + quoteLiteral(value) + ")"}
}

// In is property in ('a','b'). It takes at least one value: none would have to
// match nothing, and a filter that is left out matches all.
func In(property, value string, more ...string) Filter {
	quoted := []string{quoteLiteral(value)}
	for _, v := range more {
		quoted = append(quoted, quoteLiteral(v))
	}
	return Filter{expression: property + " in (" + strings.Join(quoted, ",") + ")"}
}

// And holds where all of them hold; zero filters are left out.
func And(filters ...Filter) Filter { return join(" and ", filters) }

// Or holds where one of them holds; zero filters are left out.
func Or(filters ...Filter) Filter { return join(" or ", filters) }

// Not holds where f does not; of the zero filter it is the zero filter.
func Not(f Filter) Filter {
	if f.IsZero() {
		return f
	}
	return Filter{expression: "not (" + f.expression + ")"}
}

// IsZero reports whether f restricts nothing.
func (f Filter) IsZero() bool { return f.expression == "" }

// String is the expression.
func (f Filter) String() string { return f.expression }

func compare[V Literal](property, operator string, value V) Filter {
	return Filter{expression: property + " " + operator + " " + literal(value)}
}

func call(function, property, value string) Filter {
	return Filter{expression: function + "(" + property + "," + quoteLiteral(value) + ")"}
}

func join(operator string, filters []Filter) Filter {
	var parts []Filter
	for _, f := range filters {
		if !f.IsZero() {
			parts = append(parts, f)
		}
	}
	if len(parts) == 0 {
		return Filter{}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	var b strings.Builder
	for i, f := range parts {
		if i > 0 {
			b.WriteString(operator)
		}
		if f.joined {
			b.WriteString("(" + f.expression + ")")
		} else {
			b.WriteString(f.expression)
		}
	}
	return Filter{expression: b.String(), joined: true}
}

// literal writes a value as OData does (ABNF: primitiveLiteral).
func literal(value any) string {
	switch v := value.(type) {
	case string:
		return quoteLiteral(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case bool:
		return strconv.FormatBool(v)
	default: // int or int64, see Literal
		return fmt.Sprint(v)
	}
}

// quoteLiteral makes a string literal of OData: a quote inside is doubled.
func quoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
