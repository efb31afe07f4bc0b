package tool

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Type is the JSON type of a field.
type Type string

// The types of fields. StringOrList takes one string or a list of them.
const (
	String       Type = "string"
	Integer      Type = "integer"
	Number       Type = "number" // in results only
	Boolean      Type = "boolean"
	StringOrList Type = "string or list of strings"
	StringList   Type = "list of strings"
	ObjectList   Type = "list of objects"
	Object       Type = "object" // as an argument: any JSON object
)

// Field describes one argument or one property of a result. Schemas are made
// of fields alone, so that they stay flat and free of $ref.
type Field struct {
	Name        string
	Aliases     []string // other names under which an argument is taken; no schema says them
	Type        Type
	Description string
	Required    bool
	Default     any      // of an argument that is left out
	Enum        []string // allowed strings
	Min, Max    int      // bounds of an integer, both inclusive; both zero: none
	MaxLength   int      // of a string, in characters; of each string of a list
	MaxItems    int      // of a list
	Items       []Field  // of an ObjectList or Object result
}

// maxListed is the largest bound that a schema says. Larger ones hold as well, but
// no model comes near them by accident, and each costs tokens in every list.
const maxListed = 300

// Bounds of strings and lists for which a Field names no smaller one.
const (
	defaultMaxLength = 4096
	defaultMaxItems  = 500
)

// object is the JSON Schema (2020-12) of an object with these fields.
func object(fields []Field) map[string]any {
	properties := make(map[string]any, len(fields))
	required := []string{}
	for _, f := range fields {
		properties[f.Name] = f.schema()
		if f.Required {
			required = append(required, f.Name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties}
	if len(required) > 0 {
		slices.Sort(required)
		s["required"] = required
	}
	return s
}

// Allows says which values the field takes, for a reference.
func (f Field) Allows() string {
	switch {
	case len(f.Enum) > 0 && f.Type == String:
		return strings.Join(f.Enum, ", ")
	case len(f.Enum) > 0:
		return "list of " + strings.Join(f.Enum, ", ")
	case f.Type == Integer && (f.Min != 0 || f.Max != 0):
		return fmt.Sprintf("integer, %d to %d", f.Min, f.Max)
	case f.MaxItems > 0:
		return fmt.Sprintf("%s, at most %d", f.Type, f.MaxItems)
	case f.MaxLength > 0:
		return fmt.Sprintf("%s, at most %d characters", f.Type, f.MaxLength)
	}
	return string(f.Type)
}

func (f Field) schema() map[string]any {
	s := map[string]any{"type": string(f.Type)}
	text := map[string]any{"type": "string"}
	if f.MaxLength > 0 && f.MaxLength <= maxListed {
		text["maxLength"] = f.MaxLength
	}
	switch f.Type {
	case String:
		s = text
	case StringOrList:
		s = map[string]any{"type": []string{"string", "array"}, "items": text}
	case StringList:
		s = map[string]any{"type": "array", "items": text}
	case ObjectList:
		// A result speaks for itself: what its items have stands in docs/tools.md and is
		// held by tests, and not in every client's list of tools.
		s = map[string]any{"type": "array", "items": map[string]any{"type": "object"}}
	case Object, Integer, Number, Boolean:
	}
	if f.Description != "" {
		s["description"] = f.Description
	}
	if f.Default != nil {
		s["default"] = f.Default
	}
	switch {
	case len(f.Enum) == 0:
	case f.Type == StringList, f.Type == StringOrList:
		text["enum"] = f.Enum // of each entry
	default:
		s["enum"] = f.Enum
	}
	if f.Min > 1 { // that a number of things is not below one goes without saying
		s["minimum"] = f.Min
	}
	if f.Max != 0 {
		s["maximum"] = f.Max
	}
	if f.MaxItems > 0 && f.MaxItems <= maxListed {
		s["maxItems"] = f.MaxItems
	}
	return s
}

// inputSchema takes the named arguments and no others.
func inputSchema(fields []Field) json.RawMessage {
	s := object(fields)
	s["additionalProperties"] = false
	return schemaJSON(s)
}

// outputSchema says what a result has, at its top. Three names and more of one
// type stand together in a pattern: as much as a property for each would say, in
// half the tokens.
func outputSchema(fields []Field) json.RawMessage {
	s := object(fields)
	properties, ok := s["properties"].(map[string]any)
	if !ok {
		return schemaJSON(s)
	}
	alike := map[string][]string{} // names by schema
	for _, f := range fields {
		key := string(schemaJSON(f.schema()))
		alike[key] = append(alike[key], f.Name)
	}
	patterns := map[string]any{}
	for key, names := range alike {
		if len(names) < 3 {
			continue
		}
		patterns["^("+strings.Join(names, "|")+")$"] = json.RawMessage(key)
		for _, name := range names {
			delete(properties, name)
		}
	}
	if len(patterns) > 0 {
		s["patternProperties"] = patterns
	}
	return schemaJSON(s)
}

// schemaJSON encodes a schema; map keys are sorted, so it is deterministic.
func schemaJSON(schema map[string]any) json.RawMessage {
	b, err := json.Marshal(schema)
	if err != nil { // only an unencodable Default could do it, a mistake of the program
		panic("tool: schema: " + err.Error())
	}
	return b
}
