package graph

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Query is a set of OData system query options, encoded for a URL. Each option
// has a method, so that a value can never introduce an option of its own.
type Query struct{ options []option }

type option struct{ name, value string }

// Select asks for these properties only ($select).
func (q Query) Select(properties ...string) Query {
	return q.with("$select", strings.Join(properties, ","))
}

// Top limits the page ($top).
func (q Query) Top(n int) Query { return q.with("$top", strconv.Itoa(n)) }

// OrderBy sorts ($orderby); expression is a constant of the program.
func (q Query) OrderBy(expression string) Query { return q.with("$orderby", expression) }

func (q Query) with(name, value string) Query {
	return Query{append(slices.Clip(q.options), option{name, value})}
}

// Encode returns the query string without the question mark. Spaces become
// %20: Graph reads a plus sign in some options as a plus sign.
func (q Query) Encode() string {
	var b strings.Builder
	for i, o := range q.options {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(o.name)
		b.WriteByte('=')
		b.WriteString(strings.ReplaceAll(url.QueryEscape(o.value), "+", "%20"))
	}
	return b.String()
}
