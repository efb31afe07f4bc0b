package graph

import (
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"m365mcp/simulator/graph/odata"
)

const (
	defaultPage = 10
	maxPage     = 1000
)

// queryOptions are OData's system query options of one request.
type queryOptions struct {
	values map[string]string // by lower-case name with its dollar sign
	custom map[string]string // other parameters, by lower-case name
	top    int
	offset int // $skip and $skiptoken together
	count  bool
}

func (o queryOptions) has(name string) bool {
	_, ok := o.values[name]
	return ok
}

// list splits $select, $expand and $orderby.
func (o queryOptions) list(name string) []string {
	if !o.has(name) {
		return nil
	}
	items := strings.Split(o.values[name], ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// systemOptions may also be written without the dollar sign (OData 4.01).
var systemOptions = []string{
	"$top", "$skip", "$skiptoken", "$select", "$filter", "$orderby", "$search", "$count", "$expand", "$format", "$apply",
	"$compute", "$deltatoken", "$index", "$levels",
}

// parseQuery splits the query at "&" only, decodes it and checks the options
// that the operation takes.
func (c *call) parseQuery() error {
	o := queryOptions{values: map[string]string{}, custom: map[string]string{}, top: defaultPage}
	for pair := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil {
			return badRequest("BadRequest", "Malformed percent-encoding in the query string.")
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
			return badRequest("BadRequest", "The query parameter '%s' is invalid.", name)
		}
		if !slices.Contains(c.route.options, name) {
			return badRequest("BadRequest", "The query specified in the URI is not valid. Query option '%s' is not allowed.", name)
		}
		if o.has(name) {
			return badRequest("BadRequest", "Query option '%s' was specified more than once, but it must be specified at most once.", name)
		}
		o.values[name] = value
	}
	c.opts = o
	return c.parseNumbers()
}

func (c *call) parseNumbers() error {
	o := &c.opts
	number := func(name string) (int, error) {
		n, err := strconv.Atoi(o.values[name])
		if err != nil || n < 0 {
			return 0, badRequest("BadRequest", "Invalid value '%s' for %s query option found. The %s query option requires a non-negative integer value.", o.values[name], name, name)
		}
		return n, nil
	}
	var err error
	if o.has("$top") {
		if o.top, err = number("$top"); err != nil {
			return err
		}
		if o.top < 1 || o.top > maxPage {
			return badRequest("ErrorInvalidUrlQuery", "The query specified in the URI is not valid. The limit of '%d' for Top query has been exceeded. The value from the incoming request is '%d'.", maxPage, o.top)
		}
	}
	if o.has("$skip") {
		if o.offset, err = number("$skip"); err != nil {
			return err
		}
	}
	if o.has("$skiptoken") {
		at, err := readSkipToken(c, o.values["$skiptoken"])
		if err != nil {
			return err
		}
		o.offset = at
	}
	if o.has("$count") {
		switch strings.ToLower(o.values["$count"]) {
		case "true":
			o.count = true
		case "false":
		default:
			return badRequest("BadRequest", "Invalid value '%s' for $count query option found. Valid values are 'true' and 'false'.", o.values["$count"])
		}
	}
	return nil
}

// skipToken is opaque to clients: the place in the list, and whose list it is.
func skipToken(c *call, offset int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(offset) + "|" + c.owner.ID + "|" + c.r.URL.EscapedPath()))
}

func readSkipToken(c *call, text string) (int, error) {
	invalid := badRequest("BadRequest", "The $skiptoken is invalid or belongs to another request.")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, invalid
	}
	parts := strings.SplitN(string(raw), "|", 3)
	if len(parts) != 3 || parts[1] != c.owner.ID || parts[2] != c.r.URL.EscapedPath() {
		return 0, invalid
	}
	offset, err := strconv.Atoi(parts[0])
	if err != nil || offset < 0 {
		return 0, invalid
	}
	return offset, nil
}

// nextLink is the URL of the page that starts at offset, with the options of
// this request.
func (s *Server) nextLink(c *call, offset int) string {
	query := url.Values{}
	for name, value := range c.opts.values {
		query.Set(name, value)
	}
	for name, value := range c.opts.custom {
		query.Set(name, value)
	}
	query.Del("$skip")
	query.Set("$skiptoken", skipToken(c, offset))
	return s.opts.BaseURL + c.r.URL.EscapedPath() + "?" + query.Encode()
}

// page cuts the page that was asked for out of a list of n; next is 0 on the
// last one.
func (o queryOptions) page(n int) (from, to, next int) {
	from = min(o.offset, n)
	to = min(from+o.top, n)
	if to < n {
		next = to
	}
	return from, to, next
}

// selected returns the properties to show: those of $select, or the default.
func (o queryOptions) selected(typeName string, standard []string, further ...[]string) ([]string, error) {
	names := o.list("$select")
	if names == nil || slices.Contains(names, "*") {
		return standard, nil
	}
	out := []string{"id"}
	for _, name := range names {
		known := slices.Contains(standard, name) || slices.ContainsFunc(further, func(l []string) bool { return slices.Contains(l, name) })
		if !known {
			return nil, unknownProperty(name, typeName)
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out, nil
}

// filter parses $filter; without one the filter is nil.
func (o queryOptions) filter(typeName string, kinds map[string]odata.Kind) (*odata.Filter, error) {
	if !o.has("$filter") {
		return nil, nil
	}
	f, err := odata.Parse(o.values["$filter"], func(path string) odata.Kind { return kinds[path] })
	var unknown *odata.UnknownPropertyError
	var unsupported *odata.UnsupportedError
	switch {
	case errors.As(err, &unknown):
		return nil, unknownProperty(unknown.Name, typeName)
	case errors.As(err, &unsupported):
		return nil, badRequest("ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
	case err != nil:
		return nil, badRequest("BadRequest", "Invalid filter clause: %s", err)
	}
	return f, nil
}

// sortKey is one part of $orderby.
type sortKey struct {
	path       string
	descending bool
}

func (o queryOptions) orderBy(typeName string, kinds map[string]odata.Kind) ([]sortKey, error) {
	var keys []sortKey
	for _, item := range o.list("$orderby") {
		fields := strings.Fields(item)
		if len(fields) == 0 || len(fields) > 2 || len(fields) == 2 && fields[1] != "asc" && fields[1] != "desc" {
			return nil, badRequest("BadRequest", "Syntax error in $orderby: '%s'.", item)
		}
		kind := kinds[fields[0]]
		if kind == odata.Unknown {
			return nil, unknownProperty(fields[0], typeName)
		}
		if kind == odata.Complex || kind == odata.Strings {
			return nil, badRequest("ErrorInvalidUrlQuery", "The query specified in the URI is not valid. The property '%s' cannot be used in the $orderby query option.", fields[0])
		}
		keys = append(keys, sortKey{fields[0], len(fields) == 2 && fields[1] == "desc"})
	}
	return keys, nil
}
