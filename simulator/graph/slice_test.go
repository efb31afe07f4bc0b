package graph

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/internal/testenv"
)

// schema is the part of OpenAPI 3.0 that Microsoft's description uses.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Format     string             `json:"format"`
	Nullable   bool               `json:"nullable"`
	Enum       []any              `json:"enum"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	Properties map[string]*schema `json:"properties"`
	Derived    []string           `json:"x-derived"`
	NavNames   []string           `json:"x-navs"`
}

type response struct {
	Ref     string `json:"$ref"`
	Content map[string]struct {
		Schema *schema `json:"schema"`
	} `json:"content"`
}

type description struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas   map[string]*schema   `json:"schemas"`
		Responses map[string]*response `json:"responses"`
	} `json:"components"`
}

var (
	slice     description
	errSlice  error
	sliceOnce sync.Once
)

// microsoftSlice loads Microsoft's description, or skips the test.
func microsoftSlice(t *testing.T) *description {
	t.Helper()
	dir := testenv.GraphData(t)
	sliceOnce.Do(func() {
		var raw []byte
		if raw, errSlice = os.ReadFile(filepath.Join(dir, "graph-v1.0-slice.json")); errSlice == nil {
			errSlice = json.Unmarshal(raw, &slice)
		}
	})
	if errSlice != nil {
		t.Fatal(errSlice)
	}
	return &slice
}

// check holds a response against the description of an operation. A body that
// is not JSON is only held against the media types.
func (d *description) check(method, template string, status int, contentType string, body []byte) error {
	operation, ok := d.Paths[template][strings.ToLower(method)]
	if !ok {
		return fmt.Errorf("%s %s is not described", method, template)
	}
	var op struct {
		Responses map[string]*response `json:"responses"`
	}
	if err := json.Unmarshal(operation, &op); err != nil {
		return err
	}
	resp := op.Responses[fmt.Sprint(status)]
	if resp == nil && status >= 400 {
		resp = op.Responses["default"]
	}
	if resp == nil {
		return fmt.Errorf("status %d is not described", status)
	}
	if resp.Ref != "" {
		resp = d.Components.Responses[resp.Ref[strings.LastIndex(resp.Ref, "/")+1:]]
	}
	media, described := resp.Content["application/json"]
	isJSON := strings.HasPrefix(contentType, "application/json")
	switch {
	case len(resp.Content) == 0 && len(body) > 0:
		return fmt.Errorf("a body where none is described: %.80s", body)
	case len(resp.Content) == 0, !described && !isJSON:
		return nil
	case described != isJSON:
		return fmt.Errorf("content type %q, described: %v", contentType, resp.Content)
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	return d.validate(value, media.Schema, "$")
}

func (d *description) resolve(s *schema) *schema {
	for s.Ref != "" {
		s = d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
	}
	return s
}

func (d *description) validate(value any, s *schema, at string) error {
	s = d.resolve(s)
	if value == nil {
		if s.Nullable {
			return nil
		}
		return fmt.Errorf("%s: null, not nullable", at)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		return fmt.Errorf("%s: %v is not one of %v", at, value, s.Enum)
	}
	switch s.Type {
	case "object":
		object, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: %T, want an object", at, value)
		}
		return d.validateObject(object, s, at)
	case "array":
		items, ok := value.([]any)
		if !ok {
			return fmt.Errorf("%s: %T, want an array", at, value)
		}
		for i, item := range items {
			if err := d.validate(item, s.Items, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	case "string":
		text, ok := value.(string)
		if !ok {
			return fmt.Errorf("%s: %T, want a string", at, value)
		}
		return validateFormat(text, s.Format, at)
	case "boolean":
		if _, ok := value.(bool); !ok {
			return fmt.Errorf("%s: %T, want a boolean", at, value)
		}
	case "integer":
		n, ok := value.(float64)
		if !ok || n != math.Trunc(n) || s.Format == "int32" && math.Abs(n) > math.MaxInt32 {
			return fmt.Errorf("%s: %v, want an integer (%s)", at, value, s.Format)
		}
	}
	return nil
}

func (d *description) validateObject(object map[string]any, s *schema, at string) error {
	if typed, ok := object["@odata.type"].(string); ok {
		name := strings.TrimPrefix(typed, "#")
		if slices.Contains(s.Derived, name) {
			s = d.Components.Schemas[name]
		}
	}
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			return fmt.Errorf("%s: %s is missing", at, name)
		}
	}
	for name, value := range object {
		property, ok := s.Properties[name]
		switch {
		case ok:
			if err := d.validate(value, property, at+"."+name); err != nil {
				return err
			}
		case strings.Contains(name, "@odata."):
		default:
			return fmt.Errorf("%s: unknown property %s", at, name)
		}
	}
	return nil
}

func validateFormat(text, format, at string) error {
	var err error
	switch format {
	case "date-time":
		_, err = time.Parse(time.RFC3339Nano, text)
	case "date":
		_, err = time.Parse(time.DateOnly, text)
	case "byte":
		_, err = base64.StdEncoding.DecodeString(text)
	}
	if err != nil {
		return fmt.Errorf("%s: not a %s: %w", at, format, err)
	}
	return nil
}

// properties lists the structural properties of a type.
func (d *description) properties(name string) []string {
	var out []string
	of := d.Components.Schemas["microsoft.graph."+name]
	for property := range of.Properties {
		if !strings.HasPrefix(property, "@") && !slices.Contains(of.NavNames, property) {
			out = append(out, property)
		}
	}
	slices.Sort(out)
	return out
}

func TestValidatorRefusesBrokenSamples(t *testing.T) {
	t.Parallel()
	d := microsoftSlice(t)
	const list, item = "/me/messages", "/me/messages/{message-id}"
	for name, c := range map[string]struct {
		template string
		status   int
		body     string
		ok       bool
	}{
		"good":                 {item, 200, `{"id":"x","subject":null,"isRead":true,"importance":"low","receivedDateTime":"2026-01-01T00:00:00Z"}`, true},
		"annotations":          {item, 200, `{"id":"x","@odata.etag":"W/\"1\"","attachments@odata.context":"y"}`, true},
		"unknown property":     {item, 200, `{"id":"x","colour":"red"}`, false},
		"unknown nested":       {item, 200, `{"id":"x","body":{"contentType":"html","text":"x"}}`, false},
		"wrong type":           {item, 200, `{"id":"x","isRead":"yes"}`, false},
		"wrong enum":           {item, 200, `{"id":"x","importance":"urgent"}`, false},
		"wrong case of enum":   {item, 200, `{"id":"x","body":{"contentType":"HTML"}}`, false},
		"no date":              {item, 200, `{"id":"x","receivedDateTime":"yesterday"}`, false},
		"no base64":            {item, 200, `{"id":"x","conversationIndex":"%%"}`, false},
		"null id":              {item, 200, `{"id":null}`, false},
		"object for array":     {item, 200, `{"id":"x","toRecipients":{}}`, false},
		"item for list":        {list, 200, `{"id":"x"}`, false},
		"list":                 {list, 200, `{"value":[{"id":"x"}],"@odata.nextLink":"n"}`, true},
		"derived attachment":   {item + "/attachments", 200, `{"value":[{"@odata.type":"#microsoft.graph.fileAttachment","id":"a","contentBytes":"eA=="}]}`, true},
		"base with derived":    {item + "/attachments", 200, `{"value":[{"id":"a","contentBytes":"eA=="}]}`, false},
		"size is no float":     {item + "/attachments", 200, `{"value":[{"id":"a","size":1.5}]}`, false},
		"error":                {item, 404, `{"error":{"code":"c","message":"m","innerError":{"date":"d","request-id":"r","client-request-id":"q"}}}`, true},
		"error without code":   {item, 404, `{"error":{"message":"m"}}`, false},
		"error as text":        {item, 404, `{"error":"m"}`, false},
		"undescribed status":   {item, 201, `{"id":"x"}`, false},
		"undescribed path":     {"/me/nothing", 200, `{}`, false},
		"body where none goes": {"/me/sendMail", 202, `{}`, false},
	} {
		method := "GET"
		if c.template == "/me/sendMail" {
			method = "POST"
		}
		if err := d.check(method, c.template, c.status, "application/json", []byte(c.body)); (err == nil) != c.ok {
			t.Errorf("%s: %v, want acceptance: %v", name, err, c.ok)
		}
	}
}
