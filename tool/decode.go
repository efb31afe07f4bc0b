package tool

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FieldError says what is wrong with one argument and what is allowed.
type FieldError struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// decode checks raw against fields and reads it, with defaults filled in, into
// args. It reports every mistake at once: a model corrects them in one go.
func decode(raw json.RawMessage, fields []Field, args any) []FieldError {
	given, err := members(raw)
	if err != nil {
		return []FieldError{{Field: "(arguments)", Problem: err.Error()}}
	}
	var problems []FieldError
	values := make(map[string]any, len(fields))
	for _, f := range fields {
		value, name, twice := f.take(given)
		present := name != ""
		switch {
		case twice != "":
			problems = append(problems, FieldError{twice, "is the same as " + name + "; give one of them"})
		case !present && f.Required:
			problems = append(problems, FieldError{f.Name, "is required: " + f.allowed()})
		case !present, f.blank(value):
			if f.Default != nil {
				values[f.Name] = f.Default
			}
		default:
			v, problem := f.check(value)
			if problem != "" {
				problems = append(problems, FieldError{f.Name, problem})
			}
			values[f.Name] = v
		}
	}
	for name := range given {
		problems = append(problems, FieldError{shorten(name), "is not an argument of this tool; " + meant(name, fields) + "it has " + names(fields)})
	}
	if len(problems) > 0 {
		slices.SortFunc(problems, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
		return problems
	}
	b, err := json.Marshal(values)
	if err == nil {
		err = json.Unmarshal(b, args)
	}
	if err != nil { // the fields and the struct disagree: a mistake of the program, found by its test
		return []FieldError{{Field: "(arguments)", Problem: err.Error()}}
	}
	return nil
}

// take takes the field's value out of what was given, with the name that it had
// there. twice is another name for it that was given as well.
func (f Field) take(given map[string]json.RawMessage) (value json.RawMessage, name, twice string) {
	for _, n := range append([]string{f.Name}, f.Aliases...) {
		v, ok := given[n]
		delete(given, n)
		switch {
		case ok && name != "":
			twice = n
		case ok:
			value, name = v, n
		}
	}
	return value, name, twice
}

// blank reports whether the value is the empty string with which many models leave out
// an argument that has a default or a list of values.
func (f Field) blank(value json.RawMessage) bool {
	return f.Type == String && !f.Required && (f.Default != nil || f.Enum != nil) && string(value) == `""`
}

// meant says which field a wrong name was probably meant for: unread for isRead.
func meant(given string, fields []Field) string {
	for _, mine := range words(given) {
		for _, f := range fields {
			for _, w := range words(f.Name) {
				if mine == w || len(mine) >= 4 && len(w) >= 4 && (strings.Contains(mine, w) || strings.Contains(w, mine)) {
					hint := "did you mean " + f.Name
					if f.Description != "" {
						hint += " (" + strings.TrimSuffix(f.Description, ".") + ")"
					}
					return hint + "? "
				}
			}
		}
	}
	return ""
}

// words splits emailId, email_id and EMAIL-ID into email and id.
func words(name string) []string {
	var b strings.Builder
	lower := false
	for _, r := range shorten(name) {
		if unicode.IsUpper(r) && lower {
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(r)
		if !unicode.IsLetter(r) {
			r = ' '
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Fields(b.String())
}

// members reads a JSON object and refuses what two parsers could read
// differently: duplicate names, text after the end.
func members(raw json.RawMessage) (map[string]json.RawMessage, error) {
	m := map[string]json.RawMessage{}
	if len(bytes.TrimSpace(raw)) == 0 || string(bytes.TrimSpace(raw)) == "null" {
		return m, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("must be a JSON object")
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, errors.New("are not valid JSON")
		}
		name, ok := t.(string)
		if !ok {
			return nil, errors.New("are not valid JSON")
		}
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("name %q twice", shorten(name))
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, errors.New("are not valid JSON")
		}
		m[name] = v
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("are not valid JSON")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("are followed by other text")
	}
	return m, nil
}

// check returns the value of the field, or what is wrong with it.
func (f Field) check(raw json.RawMessage) (any, string) {
	switch f.Type {
	case Integer:
		var n json.Number
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if len(raw) == 0 || raw[0] == '"' || dec.Decode(&n) != nil {
			return nil, f.wrongType(raw)
		}
		i, err := n.Int64()
		if err != nil { // JSON Schema counts 1.0 as an integer
			x, ferr := n.Float64()
			if ferr != nil || x != math.Trunc(x) || math.Abs(x) > 1<<53 {
				return nil, f.wrongType(raw)
			}
			i = int64(x)
		}
		if (f.Min != 0 || f.Max != 0) && (i < int64(f.Min) || i > int64(f.Max)) {
			return nil, fmt.Sprintf("is %d; allowed: %s", i, f.allowed())
		}
		return i, ""
	case Boolean:
		var b bool
		if string(raw) == "null" || json.Unmarshal(raw, &b) != nil {
			return nil, f.wrongType(raw)
		}
		return b, ""
	case String:
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil {
			return nil, f.wrongType(raw)
		}
		return *s, f.checkText(*s)
	case StringOrList, StringList:
		var one *string
		if f.Type == StringOrList && json.Unmarshal(raw, &one) == nil && one != nil {
			return []string{*one}, f.checkText(*one)
		}
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil || list == nil {
			return nil, f.wrongType(raw)
		}
		return f.checkList(list)
	case Object:
		if _, err := members(raw); err != nil || len(raw) == 0 || raw[0] != '{' {
			return nil, f.wrongType(raw)
		}
		return raw, ""
	case ObjectList, Number:
	}
	return nil, "cannot be given"
}

func (f Field) checkList(list []json.RawMessage) (any, string) {
	if len(list) == 0 && f.Required {
		return nil, "is empty; give at least one"
	}
	if most := cmp.Or(f.MaxItems, defaultMaxItems); len(list) > most {
		return nil, fmt.Sprintf("has %d entries; at most %d are allowed", len(list), most)
	}
	out := make([]string, len(list))
	for i, raw := range list {
		var s *string
		if json.Unmarshal(raw, &s) != nil || s == nil {
			return nil, fmt.Sprintf("entry %d is %s; allowed: a string", i+1, jsonType(raw))
		}
		if problem := f.checkText(*s); problem != "" {
			return nil, fmt.Sprintf("entry %d %s", i+1, problem)
		}
		out[i] = *s
	}
	return out, ""
}

func (f Field) checkText(s string) string {
	if len(f.Enum) > 0 && !slices.Contains(f.Enum, s) {
		return fmt.Sprintf("is %q; allowed: %s", shorten(s), f.allowed())
	}
	if n, most := utf8.RuneCountInString(s), cmp.Or(f.MaxLength, defaultMaxLength); n > most {
		return fmt.Sprintf("has %d characters; at most %d are allowed", n, most)
	}
	return ""
}

func (f Field) wrongType(raw json.RawMessage) string {
	return fmt.Sprintf("is %s; allowed: %s", jsonType(raw), f.allowed())
}

// allowed says in words which values the field takes.
func (f Field) allowed() string {
	switch {
	case len(f.Enum) > 0:
		return "one of " + strings.Join(f.Enum, ", ")
	case f.Type == Integer && (f.Min != 0 || f.Max != 0):
		return fmt.Sprintf("an integer from %d to %d", f.Min, f.Max)
	case f.Type == Integer:
		return "an integer"
	case f.Type == Boolean:
		return "true or false"
	case f.Type == Object:
		return "an object, not text with JSON in it"
	}
	return "a " + string(f.Type)
}

func jsonType(raw json.RawMessage) string {
	switch {
	case len(raw) == 0:
		return "empty"
	case raw[0] == '"':
		return "a string"
	case raw[0] == '{':
		return "an object"
	case raw[0] == '[':
		return "a list"
	case raw[0] == 't' || raw[0] == 'f':
		return "a boolean"
	case raw[0] == 'n':
		return "null"
	}
	return "the number " + shorten(string(raw))
}

func names(fields []Field) string {
	if len(fields) == 0 {
		return "none"
	}
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.Name
	}
	return strings.Join(list, ", ")
}

// shorten keeps what a client sent from filling an error text.
func shorten(s string) string { return shortenTo(s, 60) }
