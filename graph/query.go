package graph

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
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

// Expand includes related items ($expand); expression is a constant of the program.
func (q Query) Expand(expression string) Query { return q.with("$expand", expression) }

// Count asks for the number of all items ($count); directory objects need Request.Eventual.
func (q Query) Count() Query { return q.with("$count", "true") }

// Filter restricts the items ($filter); the zero Filter restricts nothing.
func (q Query) Filter(f Filter) Query {
	if f.IsZero() {
		return q
	}
	return q.with("$filter", f.String())
}

// Search searches messages and other indexed items ($search); an empty KQL is left out.
func (q Query) Search(k KQL) Query {
	if k.IsZero() {
		return q
	}
	return q.with("$search", quotePhrase(k.String()))
}

// DirectorySearch searches directory objects by words of their properties
// ($search); it needs Request.Eventual. Terms without a value are left out.
func (q Query) DirectorySearch(terms ...Term) Query {
	var parts []string
	for _, t := range terms {
		if value := blank(t.Value, unicode.IsControl); value != "" {
			parts = append(parts, quotePhrase(t.Property+":"+value))
		}
	}
	if len(parts) == 0 {
		return q
	}
	return q.with("$search", strings.Join(parts, " OR "))
}

// Term is a part of a directory search: words at the beginning of words of a
// property. Property is a constant of the program, Value may be anybody's.
type Term struct{ Property, Value string }

// Param sets a parameter that is no system query option, such as startDateTime
// of a calendar view. name is a constant of the program.
func (q Query) Param(name, value string) Query { return q.with(name, value) }

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

// quotePhrase makes a phrase of OData's $search (OData 4.01 part 2, section
// 5.1.1.9): what ends it early is escaped with a backslash.
func quotePhrase(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
