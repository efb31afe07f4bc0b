package query

import (
	"cmp"
	"errors"
	"strings"
	"time"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/odata"
)

// Filter parses $filter; without one the filter is nil.
func (o Options) Filter(typeName string, kinds map[string]odata.Kind) (*odata.Filter, error) {
	if !o.Has("$filter") {
		return nil, nil
	}
	f, err := odata.Parse(o.values["$filter"], func(path string) odata.Kind { return kinds[path] })
	var unknown *odata.UnknownPropertyError
	var unsupported *odata.UnsupportedError
	switch {
	case errors.As(err, &unknown):
		return nil, apierror.UnknownProperty(unknown.Name, typeName)
	case errors.As(err, &unsupported):
		return nil, apierror.BadRequest("ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
	case err != nil:
		return nil, apierror.BadRequest("BadRequest", "Invalid filter clause: %s", err)
	}
	return f, nil
}

// SortKey is one part of $orderby.
type SortKey struct {
	Path       string
	Descending bool
}

// OrderBy parses $orderby; without one there are no keys.
func (o Options) OrderBy(typeName string, kinds map[string]odata.Kind) ([]SortKey, error) {
	var keys []SortKey
	for _, item := range o.List("$orderby") {
		fields := strings.Fields(item)
		if len(fields) == 0 || len(fields) > 2 || len(fields) == 2 && fields[1] != "asc" && fields[1] != "desc" {
			return nil, apierror.BadRequest("BadRequest", "Syntax error in $orderby: '%s'.", item)
		}
		kind := kinds[fields[0]]
		if kind == odata.Unknown {
			return nil, apierror.UnknownProperty(fields[0], typeName)
		}
		if kind == odata.Complex || kind == odata.Strings {
			return nil, apierror.BadRequest("ErrorInvalidUrlQuery", "The query specified in the URI is not valid. The property '%s' cannot be used in the $orderby query option.", fields[0])
		}
		keys = append(keys, SortKey{fields[0], len(fields) == 2 && fields[1] == "desc"})
	}
	return keys, nil
}

// CheckEfficient is Exchange's rule for $filter with $orderby: the properties
// of $orderby must be in $filter, in the same order and before all others
// (Graph, "List messages", using filter and orderby in the same query).
func CheckEfficient(filter *odata.Filter, keys []SortKey) error {
	if filter == nil || len(keys) == 0 {
		return nil
	}
	paths := filter.Paths()
	for i, key := range keys {
		if i >= len(paths) || paths[i] != key.Path {
			return apierror.BadRequest("InefficientFilter", "The restriction or sort order is too complex for this operation.")
		}
	}
	return nil
}

// Compare orders two items by their properties.
func Compare(keys []SortKey, a, b func(path string) any) int {
	for _, key := range keys {
		order := comparePlain(a(key.Path), b(key.Path))
		if key.Descending {
			order = -order
		}
		if order != 0 {
			return order
		}
	}
	return 0
}

func comparePlain(x, y any) int {
	switch a := x.(type) {
	case time.Time:
		if b, ok := y.(time.Time); ok {
			return a.Compare(b)
		}
	case string:
		if b, ok := y.(string); ok {
			return cmp.Compare(strings.ToLower(a), strings.ToLower(b))
		}
	case bool:
		if b, ok := y.(bool); ok && a != b {
			if b {
				return -1
			}
			return 1
		}
	}
	return 0
}
