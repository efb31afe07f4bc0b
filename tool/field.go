package tool

import (
	"encoding/json"
	"slices"
)

// Type is the JSON type of a field.
type Type string

// The types of fields. StringOrList takes one string or a list of them.
const (
	String       Type = "string"
	Integer      Type = "integer"
	Boolean      Type = "boolean"
	StringOrList Type = "string or list of strings"
	StringList   Type = "list of strings"
	ObjectList   Type = "list of objects"
)

// Field describes one argument or one property of a result. Schemas are made
// of fields alone, so that they stay flat and free of $ref.
type Field struct {
	Name        string
	Type        Type
	Description string
	Required    bool
	Default     any      // of an argument that is left out
	Enum        []string // allowed strings
	Min, Max    int      // bounds of an integer, both inclusive; both zero: none
	MaxLength   int      // of a string, in characters; of each string of a list
	MaxItems    int      // of a list
	Items       []Field  // of an ObjectList
}

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
	s := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		slices.Sort(required)
		s["required"] = required
	}
	return s
}

func (f Field) schema() map[string]any {
	s := map[string]any{"type": string(f.Type)}
	text := map[string]any{"type": "string"}
	if f.MaxLength > 0 {
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
		s = map[string]any{"type": "array", "items": object(f.Items)}
	case Integer, Boolean:
	}
	if f.Description != "" {
		s["description"] = f.Description
	}
	if f.Default != nil {
		s["default"] = f.Default
	}
	if len(f.Enum) > 0 {
		s["enum"] = f.Enum
	}
	if f.Min != 0 || f.Max != 0 {
		s["minimum"], s["maximum"] = f.Min, f.Max
	}
	if f.MaxItems > 0 {
		s["maxItems"] = f.MaxItems
	}
	return s
}

// schemaJSON encodes the schema of fields; map keys are sorted, so it is deterministic.
func schemaJSON(fields []Field) json.RawMessage {
	b, err := json.Marshal(object(fields))
	if err != nil { // only an unencodable Default could do it, a mistake of the program
		panic("tool: schema: " + err.Error())
	}
	return b
}
