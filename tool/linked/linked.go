// Package linked makes tools of the operations of linked apps: what an organization
// runs beside Microsoft 365 and has named in the configuration. They go the way of
// every tool; only the place that they send to is another one.
package linked

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

// App is a linked app and what may be done with it.
type App struct {
	Name       string
	Person     bool // the app is shown the proof of the person that the perimeter gave
	Services   bool // services may read it
	Operations []Operation
}

// Operation is one request that the app understands.
type Operation struct {
	Name        string // of the tool, after the app's and an underscore
	Description string
	Method      string
	Path        string   // template: a placeholder in braces is a segment of its own
	Query       []string // names of parameters that may be given
	Body        bool     // takes a JSON object
}

// maxName is what clients take at most.
const maxName = 64

var (
	appName    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,23}$`)
	toolName   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
	paramName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)
	segment    = regexp.MustCompile(`^[A-Za-z0-9_~.-]+$`)
	withBody   = []string{graph.Post, graph.Put, graph.Patch, graph.Delete}
	methods    = append([]string{graph.Get, graph.Head}, withBody...)
	idempotent = []string{graph.Get, graph.Head, graph.Put, graph.Delete}
)

const bodyArgument = "body"

// Tools makes the tools of an app. Its error names the first operation that is none.
func Tools(app App) ([]*tool.Tool, error) {
	if !appName.MatchString(app.Name) {
		return nil, fmt.Errorf("the app %q: a name is of small letters, digits and hyphens, 24 at most", app.Name)
	}
	var tools []*tool.Tool
	for _, op := range app.Operations {
		fields, err := op.fields()
		if err == nil && (!toolName.MatchString(op.Name) || len(app.Name)+1+len(op.Name) > maxName) {
			err = fmt.Errorf("a name is of letters, digits, underscores and hyphens, %d at most", maxName-1-len(app.Name))
		}
		if err != nil {
			return nil, fmt.Errorf("the operation %s of %s: %w", op.Name, app.Name, err)
		}
		tools = append(tools, define(app, op, fields))
	}
	return tools, nil
}

// placeholders are the names in the path, in order.
func (op Operation) placeholders() ([]string, error) {
	rest, ok := strings.CutPrefix(op.Path, "/")
	if !ok {
		return nil, fmt.Errorf("the path %q does not begin with a slash", op.Path)
	}
	var names []string
	for part := range strings.SplitSeq(rest, "/") {
		name, opened := strings.CutPrefix(part, "{")
		name, closed := strings.CutSuffix(name, "}")
		switch {
		case opened && closed && paramName.MatchString(name):
			names = append(names, name)
		case part == "." || part == "..", !segment.MatchString(part):
			return nil, fmt.Errorf("the path %q: each segment is plain, or one {placeholder}", op.Path)
		}
	}
	return names, nil
}

// fields are the arguments. Which of them goes where is told by their names alone, so
// none may be there twice.
func (op Operation) fields() ([]tool.Field, error) {
	if !slices.Contains(methods, op.Method) {
		return nil, fmt.Errorf("the method %q is none of %s", op.Method, strings.Join(methods, ", "))
	}
	if op.Body && !slices.Contains(withBody, op.Method) {
		return nil, fmt.Errorf("%s takes no body", op.Method)
	}
	inPath, err := op.placeholders()
	if err != nil {
		return nil, err
	}
	var fields []tool.Field
	seen := map[string]bool{bodyArgument: op.Body}
	add := func(name string, required bool) error {
		if !paramName.MatchString(name) || seen[name] {
			return fmt.Errorf("the parameter %q is there twice, or has no usable name", name)
		}
		seen[name] = true
		fields = append(fields, tool.Field{Name: name, Type: tool.String, Required: required})
		return nil
	}
	for _, name := range inPath {
		if err := add(name, true); err != nil {
			return nil, err
		}
	}
	for _, name := range op.Query {
		if err := add(name, false); err != nil {
			return nil, err
		}
	}
	if op.Body {
		fields = append(fields, tool.Field{Name: bodyArgument, Type: tool.Object, Required: true, Description: "What to send, as JSON."})
	}
	return fields, nil
}

type arguments map[string]json.RawMessage

func (a arguments) text(name string) (value string, given bool) {
	raw, given := a[name]
	return value, given && json.Unmarshal(raw, &value) == nil
}

// request places the arguments. Values are escaped where they stand (package graph).
func (op Operation) request(app string, args arguments) (graph.Request, error) {
	names, err := op.placeholders()
	if err != nil {
		return graph.Request{}, err
	}
	values := make([]string, len(names))
	for i, name := range names {
		values[i], _ = args.text(name)
	}
	path, err := graph.To(op.Path, values...)
	if err != nil {
		return graph.Request{}, err //nolint:wrapcheck // says which placeholder
	}
	r := graph.Request{App: app, Method: op.Method, Path: path}
	for _, name := range op.Query {
		if value, given := args.text(name); given {
			r.Query = r.Query.Param(name, value)
		}
	}
	if op.Body {
		r.Body = args[bodyArgument]
	}
	return r, nil
}

// leaving are the texts that the app would get.
func leaving(fields []tool.Field, args arguments) []string {
	var out []string
	for _, f := range fields {
		if text, given := args.text(f.Name); given {
			out = append(out, text)
		} else if raw := args[f.Name]; raw != nil {
			out = append(out, texts(raw)...)
		}
	}
	return out
}

// texts are the body as it is sent, and each string of it as a person reads it:
// escapes and markup split what is looked for.
func texts(raw json.RawMessage) []string {
	out := []string{string(raw)}
	dec := json.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := dec.Token()
		if err != nil {
			return out
		}
		if s, ok := token.(string); ok {
			out = append(out, s)
		}
	}
}

func define(app App, op Operation, fields []tool.Field) *tool.Tool {
	reads := graph.Request{App: app.Name, Method: op.Method}.Safe()
	spec := tool.Spec{
		Name: app.Name + "_" + op.Name, Title: op.Name + " in " + app.Name, Family: tool.Linked, App: app.Name,
		Description: strings.TrimSpace(op.Description) + " In the linked app " + app.Name + ".",
		Keywords:    app.Name, Input: fields,
		Output:   []tool.Field{{Name: "status", Type: tool.Integer}, {Name: "contentType", Type: tool.String}, {Name: "bytes", Type: tool.Integer}},
		ReadOnly: reads, Destructive: !reads, Idempotent: slices.Contains(idempotent, op.Method), OpenWorld: true,
		Core: true, Untrusted: true, Anyone: app.Services && reads,
	}
	return tool.Define(spec, func(_ context.Context, c tool.Call, args arguments) (tool.Plan, error) {
		if err := provable(app, c); err != nil {
			return tool.Plan{}, err
		}
		r, err := op.request(app.Name, args)
		if err != nil {
			return tool.Plan{}, err
		}
		plan := tool.Plan{Target: r.Route() + op.Path, Recipients: []string{r.Route()}, Content: leaving(fields, args)}
		if !reads {
			plan.Writes = []graph.Request{r}
		}
		return plan, nil
	}, func(ctx context.Context, c tool.Call, args arguments) (tool.Result, error) {
		r, err := op.request(app.Name, args)
		if err != nil {
			return tool.Result{}, err
		}
		resp, err := c.Graph.Do(ctx, r)
		if err != nil {
			return tool.Result{}, err //nolint:wrapcheck // of the gateway, said by it
		}
		return shape(resp), nil
	})
}

// provable refuses what the app could not be shown whose call it is.
func provable(app App, c tool.Call) error {
	var why string
	switch {
	case !app.Person:
		return nil
	case c.Principal.Perimeter.Service:
		why = "it came with the proof of a machine, and not of the person."
	case c.Principal.Assertion.IsZero():
		why = "nothing in front of this server has proven who made it."
	default:
		return nil
	}
	return &tool.Error{
		Code:    tool.CodeForbidden,
		Message: "the linked app " + app.Name + " wants the perimeter's proof of the person, and this call has none: " + why + " Nothing was done.",
		Action:  "use a client that comes through the organization's proxy as the person; else ask the administrator.",
	}
}

type answer struct {
	Status      int             `json:"status"`
	ContentType string          `json:"contentType"`
	Bytes       int             `json:"bytes"`
	Data        json.RawMessage `json:"data,omitempty"`
	Text        string          `json:"text,omitempty"`
}

// shape takes JSON as it is and text as people would see it; all else is named only.
func shape(resp *graph.Response) tool.Result {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		kind = "application/octet-stream"
	}
	a := answer{Status: resp.Status, ContentType: kind, Bytes: len(resp.Body)}
	var text string
	switch {
	case len(resp.Body) == 0:
		a.ContentType = ""
		text = fmt.Sprintf("Done (status %d), without content.", resp.Status)
	case isJSON(kind) && visible(resp.Body) != nil:
		a.Data = visible(resp.Body)
		text = string(a.Data)
	case kind == "text/html":
		a.Text = content.Markdown(string(resp.Body), content.MarkdownOptions{}).Text
		text = a.Text
	case strings.HasPrefix(kind, "text/"), isJSON(kind): // or what is left of a JSON answer that was cut
		a.Text = content.Plain(string(resp.Body)).Text
		text = a.Text
	default:
		text = fmt.Sprintf("%d bytes of %s, which are not shown.", a.Bytes, kind)
	}
	return tool.Result{Structured: a, Text: text, Items: 1}
}

func isJSON(kind string) bool { return kind == graph.JSON || strings.HasSuffix(kind, "+json") }

// visible is the same JSON without what people do not see, escaped or not; nil where it is none.
func visible(body []byte) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil || dec.More() {
		return nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return nil
	}
	return json.RawMessage(strings.Map(func(r rune) rune {
		if content.Invisible(r) { // the line end of Encode among them
			return -1
		}
		return r
	}, b.String()))
}
