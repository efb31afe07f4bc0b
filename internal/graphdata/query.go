package graphdata

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checkQuery holds the query options against the operation's, and their values
// against the type that it returns.
func (d *Data) checkQuery(method, template string, op *operation, rawQuery string, header http.Header) error {
	given, err := url.ParseQuery(rawQuery)
	if err != nil {
		return fmt.Errorf("the query string: %w", err)
	}
	of := d.returned(template, op)
	var errs []error
	for name, values := range given {
		if len(values) > 1 {
			errs = append(errs, fmt.Errorf("%s is there %d times", name, len(values)))
			continue
		}
		if err := d.checkOption(method, template, op, of, name, values[0]); err != nil {
			errs = append(errs, err)
		}
	}
	paged := given.Has("$skiptoken") || given.Has("$deltatoken")
	for _, p := range op.Parameters {
		if p.In == "query" && p.Required && !given.Has(p.Name) && !paged {
			errs = append(errs, fmt.Errorf("%s is missing", p.Name))
		}
	}
	return errors.Join(append(errs, together(template, given, header))...)
}

// returned is the type that an operation returns, or lists; nil for none.
func (d *Data) returned(template string, op *operation) *schema {
	if op.Kind == "count" {
		if items := d.operation(http.MethodGet, strings.TrimSuffix(template, "/$count")); items != nil {
			op = items
		}
	}
	if s := d.schemas[op.Type]; s != nil {
		return s
	}
	for _, status := range []string{"200", "201"} {
		if resp := op.Responses[status]; resp != nil {
			return d.resolve(resp.Content["application/json"].Schema)
		}
	}
	return nil
}

func (d *Data) checkOption(method, template string, op *operation, of *schema, name, value string) error {
	for _, b := range beyondOptions {
		if b.method == method && b.name == name && b.template.MatchString(template) {
			if !b.value.MatchString(value) {
				return fmt.Errorf("%s=%s: not a value of it (%s)", name, value, b.page)
			}
			return nil
		}
	}
	if op.Pageable != nil && (name == "$skiptoken" || name == "$deltatoken") { // of a nextLink or deltaLink
		return nil
	}
	i := slices.IndexFunc(op.Parameters, func(p parameter) bool { return p.In == "query" && p.Name == name })
	if i < 0 {
		return fmt.Errorf("the option %s is not described", name)
	}
	for _, n := range narrower {
		if !n.template.MatchString(template) {
			continue
		}
		if n.options != "*" && !slices.Contains(strings.Fields(n.options), name) {
			return fmt.Errorf("the option %s is not supported (%s)", name, n.page)
		}
		if top, err := strconv.Atoi(value); name == "$top" && n.maxTop > 0 && err == nil && top > n.maxTop {
			return fmt.Errorf("$top=%d is more than %d (%s)", top, n.maxTop, n.page)
		}
		break
	}
	if err := d.checkValue(of, name, value); err != nil {
		return fmt.Errorf("%s=%s: %w", name, value, err)
	}
	return nil
}

func (d *Data) checkValue(of *schema, name, value string) error {
	switch name {
	case "$select":
		return d.eachProperty(of, value, func(item string) error { return d.selectable(of, item) })
	case "$orderby":
		return d.eachProperty(of, value, func(item string) error {
			path, direction, _ := strings.Cut(item, " ")
			if direction != "" && direction != "asc" && direction != "desc" {
				return fmt.Errorf("direction %q", direction)
			}
			_, err := d.walk(of, path)
			return err
		})
	case "$expand":
		return d.expand(of, value)
	case "$filter":
		return d.filter(of, value)
	case "$search":
		return search(of, value)
	case "$top", "$skip":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || name == "$top" && n == 0 {
			return errors.New("not a positive integer")
		}
	case "$count", "includeHiddenMessages", "includeHiddenFolders":
		if value != "true" && value != "false" {
			return errors.New("neither true nor false")
		}
	case "startDateTime", "endDateTime":
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.9999999", "2006-01-02T15:04", time.DateOnly} {
			if _, err := time.Parse(layout, value); err == nil {
				return nil
			}
		}
		return errors.New("not a time in ISO 8601 (is a + not encoded as %2B?)")
	case "changeType":
		if !slices.Contains([]string{"created", "updated", "deleted"}, value) {
			return errors.New("not one of created, updated, deleted")
		}
	}
	return nil
}

func (d *Data) eachProperty(of *schema, list string, check func(string) error) error {
	if of == nil {
		return errors.New("the operation returns no type to name properties of")
	}
	for item := range splitOutside(list, ',') {
		if item = strings.TrimSpace(item); item == "" {
			return errors.New("an empty name")
		}
		if err := check(item); err != nil {
			return err
		}
	}
	return nil
}

// selectable refuses navigation properties, which $expand brings.
func (d *Data) selectable(of *schema, name string) error {
	if name == "*" {
		return nil
	}
	if slices.Contains(of.Navs, name) {
		return fmt.Errorf("%s is a navigation property: use $expand", name)
	}
	_, err := d.walk(of, name)
	return err
}

// walk follows a property path; nil means that any name may follow.
func (d *Data) walk(of *schema, path string) (*schema, error) {
	at := of
	for name := range strings.SplitSeq(path, "/") {
		if at = d.resolve(at); at == nil {
			return nil, nil
		}
		if at.Type == "array" {
			if name == "$count" {
				return &schema{Type: "integer"}, nil
			}
			return nil, fmt.Errorf("%s: a collection: use any() or all()", path)
		}
		if cast, ok := d.schemas[name]; ok { // microsoft.graph.fileAttachment/contentBytes
			at = cast
			continue
		}
		next, ok := at.Properties[name]
		switch {
		case ok:
			at = checker{Data: d}.navigated(next)
		case at.dynamic() || at.untyped():
			return nil, nil
		case at.Open && at.Abstract || at.Open && len(at.Derived) > 0: // directoryObject: properties of what it is
			if !slices.ContainsFunc(at.Derived, func(kind string) bool { return d.schemas[kind] != nil && d.schemas[kind].Properties[name] != nil }) {
				return nil, fmt.Errorf("no kind of %s has a property %s", at.Title, name)
			}
			return nil, nil
		default:
			return nil, fmt.Errorf("%s has no property %s", at.Title, name)
		}
	}
	return d.resolve(at), nil
}

var expanded = regexp.MustCompile(`^([\w.]+(?:/[\w.]+)?)(?:\((.*)\))?$`)

// expand checks the navigation properties and the options in their parentheses.
func (d *Data) expand(of *schema, list string) error {
	return d.eachProperty(of, list, func(item string) error {
		m := expanded.FindStringSubmatch(item)
		if m == nil {
			return fmt.Errorf("%q is not name(option=value;…)", item)
		}
		at, name := of, m[1]
		if cast, rest, ok := strings.Cut(name, "/"); ok && d.schemas[cast] != nil {
			at, name = d.schemas[cast], rest
		}
		if !slices.Contains(at.Navs, name) {
			return fmt.Errorf("%s has no navigation property %s", at.Title, name)
		}
		target, err := d.walk(at, name)
		if err != nil {
			return err
		}
		if target != nil && target.Type == "array" {
			target = d.resolve(target.Items)
		}
		for option := range splitOutside(m[2], ';') {
			key, value, _ := strings.Cut(option, "=")
			if option == "" && m[2] == "" {
				continue
			}
			if !slices.Contains([]string{"$select", "$expand", "$filter", "$orderby", "$top", "$skip", "$count", "$search", "$levels"}, key) {
				return fmt.Errorf("the option %q of %s is none of OData's", key, name)
			}
			if target == nil || target.untyped() {
				continue
			}
			if err := d.checkValue(target, key, value); err != nil {
				return fmt.Errorf("%s in %s: %w", key, name, err)
			}
		}
		return nil
	})
}

var (
	quotedOnce = regexp.MustCompile(`^"(?:[^"\\]|\\.)*"$`)
	quotedMany = regexp.MustCompile(`^\(?"(?:[^"\\:]+:)(?:[^"\\]|\\.)*"\)?(?: (?:AND|OR) \(?"(?:[^"\\:]+:)(?:[^"\\]|\\.)*"\)?)*$`)
)

// search checks the quotes: mail has one quoted KQL query with \" inside, the
// directory has quoted "property:value" terms
// (https://learn.microsoft.com/graph/search-query-parameter).
func search(of *schema, value string) error {
	kind := ""
	if of != nil {
		kind = of.Title
	}
	switch kind {
	case "message", "event", "contact":
		if !quotedOnce.MatchString(value) {
			return errors.New(`the query is not in one pair of double quotes with \" inside`)
		}
	case "user", "group", "directoryObject":
		if !quotedMany.MatchString(value) {
			return errors.New(`the terms are not like "displayName:x" with AND or OR between`)
		}
	default:
		if value == "" || strings.Count(strings.ReplaceAll(value, `\"`, ""), `"`)%2 != 0 {
			return errors.New("the query is empty or a quote is not closed")
		}
	}
	return nil
}

var directory = regexp.MustCompile(`^/(users|groups)(/\$count|/\{[^}]*\}/(members|memberOf|directReports|transitiveMemberOf))?$`)

// together checks what options may not be without, or beside, each other.
func together(template string, given url.Values, header http.Header) error {
	switch {
	case directory.MatchString(template):
		// https://learn.microsoft.com/graph/aad-advanced-queries
		if (given.Has("$search") || given.Has("$count") || strings.HasSuffix(template, "/$count")) && header.Get("ConsistencyLevel") != "eventual" {
			return errors.New("$search and $count on the directory need the header ConsistencyLevel: eventual")
		}
	case strings.HasSuffix(template, "/messages") && !strings.Contains(template, "chat") && !strings.Contains(template, "channel"):
		// https://learn.microsoft.com/graph/search-query-parameter
		if given.Has("$search") && (given.Has("$orderby") || given.Has("$filter")) {
			return errors.New("$search of messages takes neither $filter nor $orderby")
		}
	case strings.HasSuffix(template, "/calendarView"):
		// https://learn.microsoft.com/graph/api/user-list-calendarview
		for item := range strings.SplitSeq(given.Get("$select"), ",") {
			if item == "createdDateTime" || item == "lastModifiedDateTime" {
				return fmt.Errorf("%s cannot be selected in a calendarView", item)
			}
		}
	}
	return nil
}

// splitOutside yields the pieces between separators that stand outside quotes
// and parentheses.
func splitOutside(list string, separator byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		depth, start := 0, 0
		var quote byte
		for i := range len(list) {
			switch c := list[i]; {
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '\'' || c == '"':
				quote = c
			case c == '(':
				depth++
			case c == ')':
				depth--
			case c == separator && depth == 0:
				if !yield(list[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(list[start:])
	}
}
