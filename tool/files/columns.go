package files

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/timezone"
	"m365mcp/tool"
)

// column holds the properties of Graph's columnDefinition that a filter needs.
type column struct {
	Name        string    `json:"name"`
	DisplayName string    `json:"displayName"`
	Number      *struct{} `json:"number"`
	Boolean     *struct{} `json:"boolean"`
	DateTime    *struct{} `json:"dateTime"`
}

const maxColumns = 400

// internalName is what SharePoint calls columns in addresses: letters, digits and
// underscores, everything else encoded as _x0020_.
var internalName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// filter compares a column with a value. The column is looked up: for its internal
// name, which no one but SharePoint makes, and for the type of the literal.
func (a rowsArgs) filter(ctx context.Context, c tool.Call, site, list string) (graph.Filter, error) {
	path, err := graph.To("/sites/{site}/lists/{list}/columns", site, list)
	if err != nil {
		return graph.Filter{}, tool.Invalid("list", "is no name or id of a list")
	}
	columns, _, err := graph.List[column](ctx, c.Graph, graph.Request{
		Method: graph.Get, Path: path, Query: graph.Query{}.Select("name", "displayName", "number", "boolean", "dateTime"),
	}, maxColumns)
	if err != nil {
		return graph.Filter{}, err
	}
	i := slices.IndexFunc(columns, func(c column) bool {
		return internalName.MatchString(c.Name) && (strings.EqualFold(c.Name, a.Field) || strings.EqualFold(c.DisplayName, a.Field))
	})
	if i < 0 {
		var names []string
		for _, c := range columns {
			names = append(names, content.Line(c.DisplayName, 60))
		}
		return graph.Filter{}, tool.Invalid("field", "is no column of the list; it has "+content.Line(strings.Join(names, ", "), 500))
	}
	zone, err := c.Zone(ctx, "")
	if err != nil {
		return graph.Filter{}, err
	}
	return columns[i].equals(a.Value, zone)
}

// equals compares with the value. A day is the one of the person's zone: SharePoint
// keeps a date as midnight somewhere.
func (c column) equals(value string, zone timezone.Zone) (graph.Filter, error) {
	property := "fields/" + c.Name
	switch {
	case c.Number != nil:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return graph.Filter{}, tool.Invalid("value", "is not a whole number, which this column is compared with")
		}
		return graph.Eq(property, n), nil
	case c.Boolean != nil:
		b, err := strconv.ParseBool(value)
		if err != nil {
			return graph.Filter{}, tool.Invalid("value", "is neither true nor false, which this column has")
		}
		return graph.Eq(property, b), nil
	case c.DateTime != nil:
		day, dayOnly, err := zone.Parse(value)
		if err != nil || !dayOnly {
			return graph.Filter{}, tool.Invalid("value", "is not a day such as 2026-03-05, which this column is compared with")
		}
		return graph.And(graph.Ge(property, day), graph.Lt(property, day.AddDate(0, 0, 1))), nil
	}
	return graph.Eq(property, value), nil
}

// system are columns that SharePoint adds to every list and that say nothing of a row.
var system = []string{
	"id", "ContentType", "Created", "Modified", "AuthorLookupId", "EditorLookupId", "AppAuthorLookupId", "AppEditorLookupId", "Attachments", "Edit", "DocIcon",
	"LinkTitle", "LinkTitleNoMenu", "LinkFilename", "LinkFilenameNoMenu", "ItemChildCount", "FolderChildCount", "FileSizeDisplay", "ComplianceAssetId",
}

var encoded = regexp.MustCompile(`_x([0-9A-Fa-f]{4})_`)

const maxValue = 500

// values are a row's own columns, by names that people read.
func values(fields map[string]json.RawMessage, zone timezone.Zone) map[string]any {
	out := map[string]any{}
	for name, raw := range fields {
		own := encoded.MatchString(name) || !strings.HasPrefix(name, "_")
		if !own || strings.Contains(name, "@") || slices.Contains(system, name) {
			continue
		}
		var v any
		if json.Unmarshal(raw, &v) != nil {
			continue
		}
		if s, ok := v.(string); ok {
			if t, err := time.Parse(time.RFC3339, s); err == nil {
				v = zone.Format(t)
			}
		}
		if v = plain(v); v != nil && v != "" {
			out[content.Line(encoded.ReplaceAllStringFunc(name, decodeName), maxPerson)] = v
		}
	}
	return out
}

func decodeName(code string) string {
	n, err := strconv.ParseUint(code[2:6], 16, 16)
	if err != nil {
		return code
	}
	return string(rune(n))
}

// plain makes a value flat: of people, lookups and links the words that are shown.
func plain(v any) any {
	switch v := v.(type) {
	case string:
		return content.Line(v, maxValue)
	case bool, float64:
		return v
	case map[string]any:
		for _, key := range []string{"LookupValue", "Label", "Description", "Url"} {
			if s, ok := v[key].(string); ok && s != "" {
				return content.Line(s, maxValue)
			}
		}
	case []any:
		var parts []string
		for _, one := range v {
			if p := plain(one); p != nil {
				parts = append(parts, word(p))
			}
		}
		return content.Line(strings.Join(parts, ", "), maxValue)
	}
	return nil
}

// line is the row as a line of text, its title first.
func (r row) line() string {
	names := slices.SortedFunc(maps.Keys(r.Values), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = name + ": " + word(r.Values[name])
	}
	return "- [" + r.ID + "] " + strings.Join(parts, "; ") + ", changed " + r.Modified
}

// word writes a value; numbers without an exponent.
func word(v any) string {
	if n, ok := v.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func rank(name string) int {
	if name == "Title" {
		return 0
	}
	return 1
}
