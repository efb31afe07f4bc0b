package graphdata

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Data is Microsoft's published metadata. It is safe for concurrent use.
type Data struct {
	operations map[string]map[string]*operation // by template, then method
	schemas    map[string]*schema
	responses  map[string]*response
	routes     []route
	granted    map[string]map[string]grant // by template, then method
	scopes     map[string]struct {
		AdminConsent bool `json:"adminConsent"`
	}
}

type operation struct {
	Type        string      `json:"x-type"`
	Kind        string      `json:"x-kind"`
	Parameters  []parameter `json:"parameters"`
	RequestBody *struct {
		Required bool             `json:"required"`
		Content  map[string]media `json:"content"`
	} `json:"requestBody"`
	Responses map[string]*response `json:"responses"`
	Pageable  *struct{}            `json:"x-ms-pageable"`
}

type parameter struct {
	Name     string  `json:"name"`
	In       string  `json:"in"`
	Required bool    `json:"required"`
	Schema   *schema `json:"schema"`
}

type response struct {
	Ref     string           `json:"$ref"`
	Content map[string]media `json:"content"`
}

type media struct {
	Schema *schema `json:"schema"`
}

var cache = struct {
	sync.Mutex
	loads map[string]func() (*Data, error) // by directory
}{loads: map[string]func() (*Data, error){}}

// Load reads graph-v1.0-slice.json and graph-permissions.json in dir, once a
// process.
func Load(dir string) (*Data, error) {
	cache.Lock()
	once, ok := cache.loads[dir]
	if !ok {
		once = sync.OnceValues(func() (*Data, error) { return load(dir) })
		cache.loads[dir] = once
	}
	cache.Unlock()
	return once()
}

func load(dir string) (*Data, error) {
	var slice struct {
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Schemas   map[string]*schema   `json:"schemas"`
			Responses map[string]*response `json:"responses"`
		} `json:"components"`
	}
	if err := readJSON(filepath.Join(dir, "graph-v1.0-slice.json"), &slice); err != nil {
		return nil, err
	}
	var permissions struct {
		Paths  map[string]map[string]grant `json:"paths"`
		Scopes map[string]struct {
			AdminConsent bool `json:"adminConsent"`
		} `json:"scopes"`
	}
	if err := readJSON(filepath.Join(dir, "graph-permissions.json"), &permissions); err != nil {
		return nil, err
	}
	d := &Data{
		operations: map[string]map[string]*operation{}, schemas: slice.Components.Schemas, responses: slice.Components.Responses,
		granted: permissions.Paths, scopes: permissions.Scopes,
	}
	for template, methods := range slice.Paths {
		d.operations[template] = map[string]*operation{}
		for method, raw := range methods {
			if method == "parameters" {
				continue // of the path itself; its template says them too
			}
			op := &operation{}
			if err := json.Unmarshal(raw, op); err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, template, err)
			}
			d.operations[template][strings.ToUpper(method)] = op
		}
		d.routes = append(d.routes, newRoute(template))
	}
	slices.SortFunc(d.routes, func(a, b route) int { return strings.Compare(a.template, b.template) })
	return d, nil
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return fmt.Errorf("metadata of Microsoft: %w", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("metadata of Microsoft in %s: %w", path, err)
	}
	return nil
}

// operation finds a described operation by its template, or by its twin's.
func (d *Data) operation(method, template string) *operation {
	method = strings.ToUpper(method)
	if op := d.operations[template][method]; op != nil {
		return op
	}
	return d.operations[twin(template)][method]
}

// Describes reports whether the operation is described, itself or its twin
// below /me or /users/{user-id}.
func (d *Data) Describes(method, template string) bool { return d.operation(method, template) != nil }

// Operations lists what is described: the methods of each template.
func (d *Data) Operations() map[string][]string {
	out := map[string][]string{}
	for template, methods := range d.operations {
		out[template] = slices.Sorted(maps.Keys(methods))
	}
	return out
}

// twin is the same resource below /users/{user-id} instead of /me, or the other
// way round; "" for what is below neither.
func twin(template string) string {
	const users = "/users/{user-id}"
	if rest, ok := strings.CutPrefix(template, "/me"); ok && (rest == "" || rest[0] == '/') {
		return users + rest
	}
	if rest, ok := strings.CutPrefix(template, users); ok && (rest == "" || rest[0] == '/') {
		return "/me" + rest
	}
	return ""
}

// Properties lists the structural properties of a type, such as "message".
func (d *Data) Properties(name string) []string {
	var out []string
	of := d.schemas["microsoft.graph."+name]
	if of == nil {
		return nil
	}
	for property := range of.Properties {
		if !strings.HasPrefix(property, "@") && !slices.Contains(of.Navs, property) {
			out = append(out, property)
		}
	}
	slices.Sort(out)
	return out
}
