package graphdata

import (
	"encoding/base64"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// schema is the part of OpenAPI 3.0 that Microsoft's description uses.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Format     string             `json:"format"`
	EDM        string             `json:"x-edm"`
	Title      string             `json:"title"`
	Kind       string             `json:"x-csdl-kind"`
	Nullable   bool               `json:"nullable"`
	ReadOnly   bool               `json:"readOnly"`
	Enum       []any              `json:"enum"`
	Flags      []string           `json:"x-enum"`
	Required   []string           `json:"required"`
	MinItems   int                `json:"minItems"`
	MaxItems   int                `json:"maxItems"`
	Items      *schema            `json:"items"`
	Properties map[string]*schema `json:"properties"`
	Additional *schema            `json:"additionalProperties"`
	Derived    []string           `json:"x-derived"`
	Base       string             `json:"x-base"`
	Navs       []string           `json:"x-navs"`
	NavType    string             `json:"x-nav-type"`
	Abstract   bool               `json:"x-abstract"`
	Open       bool               `json:"x-open-type"`
}

// checker holds JSON values against schemas.
type checker struct {
	*Data
	request bool // what is sent: read-only properties and unknown types are refused
}

func (d *Data) resolve(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = d.schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	return s
}

// dynamic reports whether an object takes properties of any name: the open
// complex types (identities), and entities that are nothing but a bag. Open
// entities such as message take extensions only, and a wrong name there is a
// wrong name.
func (s *schema) dynamic() bool {
	if !s.Open {
		return false
	}
	if s.Kind == "complex" {
		return true
	}
	for name := range s.Properties {
		if name != "id" && !strings.HasPrefix(name, "@") {
			return false
		}
	}
	return true
}

func (c checker) check(value any, s *schema, at string) error {
	s = c.resolve(s)
	if s == nil {
		return nil
	}
	if value == nil {
		if s.Nullable || s.Type == "" {
			return nil
		}
		return fmt.Errorf("%s: null, not nullable", at)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) && (!c.request || !slices.Contains(s.Enum, capitalized(value))) {
		return fmt.Errorf("%s: %v is not one of %v", at, value, s.Enum)
	}
	switch s.Type {
	case "object":
		object, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: %T, want an object", at, value)
		}
		return c.object(object, s, at)
	case "array":
		items, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%s: %T, want an array", at, value)
		}
		if len(items) < s.MinItems || s.MaxItems > 0 && len(items) > s.MaxItems {
			return fmt.Errorf("%s: %d items, want %d to %d", at, len(items), s.MinItems, s.MaxItems)
		}
		for i, item := range items {
			if err := c.check(item, s.Items, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case "string":
		text, ok := value.(string)
		if !ok {
			return fmt.Errorf("%s: %T, want a string", at, value)
		}
		return s.text(text, at)
	case "boolean":
		if _, ok := value.(bool); !ok {
			return fmt.Errorf("%s: %T, want a boolean", at, value)
		}
	case "integer", "number":
		n, ok := value.(float64)
		if !ok || s.Type == "integer" && n != math.Trunc(n) || s.Format == "int32" && math.Abs(n) > math.MaxInt32 {
			return fmt.Errorf("%s: %v, want a %s %s", at, value, s.Type, s.Format)
		}
	}
	return nil
}

func (c checker) object(object map[string]any, s *schema, at string) error {
	declared := s
	s, known, err := c.actual(object, s, at)
	if err != nil {
		return err
	}
	if s.Abstract && s == declared && known {
		return fmt.Errorf("%s: %s is abstract: @odata.type must name one of %v", at, s.Title, s.Derived)
	}
	given := func(name string) bool { _, ok := property(object, s, name); return ok }
	for _, name := range s.Required {
		if !given(name) {
			return fmt.Errorf("%s: %s is missing", at, name)
		}
	}
	if s.untyped() {
		return nil
	}
	for name, value := range object {
		described, ok := property(s.Properties, s, name)
		switch {
		case ok && c.request && described.ReadOnly:
			return fmt.Errorf("%s: %s is read-only", at, name)
		case ok:
			if err := c.check(value, c.navigated(described), at+"."+name); err != nil {
				return err
			}
		case annotation(name):
		case s.Additional != nil:
			if err := c.check(value, s.Additional, at+"."+name); err != nil {
				return err
			}
		case s.dynamic(), !known && !c.request:
		default:
			return fmt.Errorf("%s: unknown property %s", at, name)
		}
	}
	return nil
}

// untyped schemas are what the description says nothing about: navigation to
// types outside the slice.
func (s *schema) untyped() bool {
	return len(s.Properties) == 0 && s.Additional == nil && s.Title == "" && s.Kind == ""
}

// navigated is the type behind an untyped navigation property, if it is there.
func (c checker) navigated(s *schema) *schema {
	target, ok := c.schemas[s.NavType]
	switch {
	case !ok:
		return s
	case s.Type == "array" && s.Items != nil && s.Items.Ref == "":
		typed := *s
		typed.Items = target
		return &typed
	case s.Type == "object" && s.Ref == "":
		return target
	}
	return s
}

// actual is the type that the object's @odata.type names; known is false where
// that is a type outside the slice.
func (c checker) actual(object map[string]any, s *schema, at string) (of *schema, known bool, err error) {
	typed, ok := object["@odata.type"].(string)
	if !ok || s.Title == "" {
		return s, true, nil
	}
	name := strings.TrimPrefix(typed, "#")
	next, ok := c.schemas[name]
	if !ok {
		if c.request {
			return nil, false, fmt.Errorf("%s: @odata.type %s is not described", at, typed)
		}
		return s, false, nil
	}
	if next == s || slices.Contains(s.Derived, name) || c.extends(next, s) {
		return next, true, nil
	}
	return nil, false, fmt.Errorf("%s: @odata.type %s is no %s", at, typed, s.Title)
}

func (c checker) extends(s, base *schema) bool {
	for s != nil && s.Base != "" {
		if s = c.schemas[s.Base]; s == base {
			return s != nil
		}
	}
	return false
}

// property looks a name up; parameters of actions are PascalCase in the metadata
// and camelCase in the documentation, and Graph takes both.
func property[V any](in map[string]V, s *schema, name string) (V, bool) {
	v, ok := in[name]
	if !ok && s.Kind == "action" && name != "" {
		v, ok = in[otherCase(name)]
	}
	return v, ok
}

func otherCase(name string) string {
	first := []rune(name)
	if unicode.IsUpper(first[0]) {
		first[0] = unicode.ToLower(first[0])
	} else {
		first[0] = unicode.ToUpper(first[0])
	}
	return string(first)
}

// annotation reports whether a name is one of OData's or Graph's own.
func annotation(name string) bool {
	return strings.Contains(name, "@odata.") || strings.HasPrefix(name, "@microsoft.graph.") || name == "@removed" || name == "@content.downloadUrl"
}

var (
	guid     = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	duration = regexp.MustCompile(`^-?P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$`)
)

// capitalized is the value of OneNote's enumerations, which are capitalized in the
// metadata and lower case on the pages (learn.microsoft.com/graph/onenote-update-page).
func capitalized(value any) any {
	text, ok := value.(string)
	if !ok || text == "" || text[0] < 'a' || text[0] > 'z' {
		return value
	}
	return otherCase(text)
}

// text holds a string against its format, and flags against their names.
func (s *schema) text(text, at string) error {
	var err error
	switch s.Format {
	case "date-time":
		_, err = time.Parse(time.RFC3339Nano, text)
	case "date":
		_, err = time.Parse(time.DateOnly, text)
	case "byte":
		_, err = base64.StdEncoding.DecodeString(text)
	case "duration":
		if !duration.MatchString(text) {
			err = fmt.Errorf("%q is not like PT1H30M", text)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: not a %s: %w", at, s.Format, err)
	}
	for flag := range strings.SplitSeq(text, ",") {
		if len(s.Flags) > 0 && !slices.Contains(s.Flags, strings.TrimSpace(flag)) {
			return fmt.Errorf("%s: %s is not one of %v", at, flag, s.Flags)
		}
	}
	if s.EDM == "Edm.Guid" && !guid.MatchString(text) {
		return fmt.Errorf("%s: %q is not a GUID", at, text)
	}
	if s.EDM == "Edm.TimeOfDay" {
		if _, err := time.Parse("15:04:05.999999999", text); err != nil {
			return fmt.Errorf("%s: not a time of day: %w", at, err)
		}
	}
	return nil
}
