// Package query reads OData's system query options the way Microsoft Graph and
// Exchange take them, the restrictions included that their documentation names.
package query

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"m365mcp/simulator/graph/apierror"
)

// Pages are the sizes of a list's pages: without $top, and the most that $top may ask for.
type Pages struct{ Standard, Most int }

// Outlook is the paging of Exchange's lists.
var Outlook = Pages{Standard: 10, Most: 1000}

// Options are OData's system query options of one request.
type Options struct {
	list   string            // what a $skiptoken must belong to
	values map[string]string // by lower-case name with its dollar sign
	custom map[string]string // other parameters, by lower-case name
	top    int
	offset int // $skip and $skiptoken together
	count  bool
	most   int
	delta  Delta
}

// Has reports whether a system query option was given.
func (o Options) Has(name string) bool {
	_, ok := o.values[name]
	return ok
}

// Value is a system query option as it was sent.
func (o Options) Value(name string) string { return o.values[name] }

// With is the same request with another value of one option.
func (o Options) With(name, value string) Options {
	o.values = maps.Clone(o.values)
	o.values[name] = value
	return o
}

// List splits $select, $expand and $orderby.
func (o Options) List(name string) []string {
	if !o.Has(name) {
		return nil
	}
	items := strings.Split(o.values[name], ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// Custom is a parameter that is no system query option, by its lower-case name.
func (o Options) Custom(name string) (string, bool) {
	value, ok := o.custom[name]
	return value, ok
}

// Top is the size of a page.
func (o Options) Top() int { return o.top }

// Count reports whether the number of all items was asked for.
func (o Options) Count() bool { return o.count }

// systemOptions may also be written without the dollar sign (OData 4.01).
var systemOptions = []string{
	"$top", "$skip", "$skiptoken", "$select", "$filter", "$orderby", "$search", "$count", "$expand", "$format", "$apply",
	"$compute", "$deltatoken", "$index", "$levels",
}

// Parse splits a query at "&" only, decodes it and checks it against the
// options that the operation takes. The name of the list keeps a $skiptoken from
// being used on another one.
func Parse(raw string, takes []string, list string, pages Pages) (Options, error) {
	o := Options{list: list, values: map[string]string{}, custom: map[string]string{}, top: pages.Standard, most: pages.Most}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil {
			return Options{}, apierror.BadRequest("BadRequest", "Malformed percent-encoding in the query string.")
		}
		name = strings.ToLower(name)
		if slices.Contains(systemOptions, "$"+name) {
			name = "$" + name
		}
		if !strings.HasPrefix(name, "$") {
			o.custom[name] = value
			continue
		}
		if !slices.Contains(systemOptions, name) {
			return Options{}, apierror.BadRequest("BadRequest", "The query parameter '%s' is invalid.", name)
		}
		if !slices.Contains(takes, name) {
			return Options{}, apierror.BadRequest("BadRequest", "The query specified in the URI is not valid. Query option '%s' is not allowed.", name)
		}
		if o.Has(name) {
			return Options{}, apierror.BadRequest("BadRequest", "Query option '%s' was specified more than once, but it must be specified at most once.", name)
		}
		o.values[name] = value
	}
	if slices.Contains(takes, "$deltatoken") {
		var err error
		if o, err = o.withDelta(); err != nil {
			return Options{}, err
		}
	}
	return o.withNumbers()
}

// withNumbers reads the options that are numbers and truth values.
func (o Options) withNumbers() (Options, error) {
	number := func(name string) (int, error) {
		n, err := strconv.Atoi(o.values[name])
		if err != nil || n < 0 {
			return 0, apierror.BadRequest("BadRequest", "Invalid value '%s' for %s query option found. The %s query option requires a non-negative integer value.", o.values[name], name, name)
		}
		return n, nil
	}
	var err error
	if o.Has("$top") {
		if o.top, err = number("$top"); err != nil {
			return o, err
		}
		if o.top < 1 || o.top > o.most {
			return o, apierror.BadRequest("ErrorInvalidUrlQuery", "The query specified in the URI is not valid. The limit of '%d' for Top query has been exceeded. The value from the incoming request is '%d'.", o.most, o.top)
		}
	}
	if o.Has("$skip") {
		if o.offset, err = number("$skip"); err != nil {
			return o, err
		}
	}
	if o.Has("$skiptoken") {
		at, err := o.readSkipToken(o.values["$skiptoken"])
		if err != nil {
			return o, err
		}
		o.offset = at
	}
	if o.Has("$count") {
		switch strings.ToLower(o.values["$count"]) {
		case "true":
			o.count = true
		case "false":
		default:
			return o, apierror.BadRequest("BadRequest", "Invalid value '%s' for $count query option found. Valid values are 'true' and 'false'.", o.values["$count"])
		}
	}
	return o, nil
}

// Page cuts the page that was asked for out of a list of n; next is 0 on the
// last one.
func (o Options) Page(n int) (from, to, next int) {
	from = min(o.offset, n)
	to = min(from+o.top, n)
	if to < n {
		next = to
	}
	return from, to, next
}

// Selected returns the properties to show: those of $select, or the default.
func (o Options) Selected(typeName string, standard []string, further ...[]string) ([]string, error) {
	names := o.List("$select")
	if names == nil || slices.Contains(names, "*") {
		return standard, nil
	}
	out := []string{"id"}
	for _, name := range names {
		known := slices.Contains(standard, name) || slices.ContainsFunc(further, func(l []string) bool { return slices.Contains(l, name) })
		if !known {
			return nil, apierror.UnknownProperty(name, typeName)
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out, nil
}
