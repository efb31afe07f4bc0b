package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"m365mcp/simulator/graph/apierror"
)

// Object is a JSON object whose members have been checked against the type.
type Object struct {
	typeName string
	members  map[string]json.RawMessage
}

// ReadObject decodes a JSON object. Names are case-sensitive and must belong
// to the type; annotations ("@odata.type") are let through.
func ReadObject(raw []byte, typeName string, names ...string) (Object, error) {
	o := Object{typeName: typeName}
	if err := json.Unmarshal(raw, &o.members); err != nil || o.members == nil {
		return Object{}, apierror.BadRequest("BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	for name := range o.members {
		if !strings.Contains(name, "@") && !slices.Contains(names, name) {
			return Object{}, apierror.BadRequest("RequestBodyRead", "The property '%s' does not exist on type 'microsoft.graph.%s'. Make sure to only use property names that are defined by the type.", name, typeName)
		}
	}
	return o, nil
}

// Has reports whether the object names a member, null or not.
func (o Object) Has(name string) bool {
	_, ok := o.members[name]
	return ok
}

// Read decodes a member into a Go value; an absent or null one is left alone.
func Read[T any](o Object, name string, into *T) error {
	raw, ok := o.members[name]
	if !ok || bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return apierror.BadRequest("RequestBodyRead", "Cannot convert the value of the property '%s' on type 'microsoft.graph.%s' to the expected type.", name, o.typeName)
	}
	return nil
}

// ReadAction decodes the parameters of an action, which are PascalCase in the
// metadata and camelCase in the documentation; Graph takes both. They are read
// by their camelCase names. An empty body is one without parameters.
func ReadAction(raw []byte, name string, params ...string) (Object, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return Object{typeName: name}, nil
	}
	var names []string
	for _, param := range params {
		names = append(names, param, strings.ToUpper(param[:1])+param[1:])
	}
	o, err := ReadObject(raw, name, names...)
	if err != nil {
		return o, err
	}
	for _, param := range params {
		pascal := strings.ToUpper(param[:1]) + param[1:]
		value, ok := o.members[pascal]
		if !ok {
			continue
		}
		if o.Has(param) {
			return Object{}, apierror.BadRequest("RequestBodyRead", "The parameter '%s' was given twice.", param)
		}
		o.members[param] = value
		delete(o.members, pascal)
	}
	return o, nil
}
