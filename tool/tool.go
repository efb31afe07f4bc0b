package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"m365mcp/graph"
	"m365mcp/identity"
)

// Spec is what is known about a tool without running it.
type Spec struct {
	Name        string
	Title       string
	Description string // read by models: what it does, what it returns, in few words
	Family      string
	Input       []Field
	Output      []Field

	// The four MCP annotations, each said on purpose.
	ReadOnly    bool
	Destructive bool // a write that cannot be taken back
	Idempotent  bool
	OpenWorld   bool // reaches people outside the organization, or returns what they wrote

	Scopes         []string // delegated scopes at Microsoft without which it cannot run
	OptionalScopes []string // scopes that make its answer fuller
}

// Call is what a tool gets to know about the call it serves.
type Call struct {
	ID        string // ULID; the request id everywhere
	Principal identity.Principal
	Graph     graph.Doer // in Do; nil in Plan
	Plan      Plan       // in Do
}

// Plan says what a call would do, before anything is done. Policy, DLP,
// approval and audit see the plan, and Do is held to it.
type Plan struct {
	Target     string          // path template of what is read or changed
	Recipients []string        // addresses that data goes to
	Content    []string        // texts that would leave
	Writes     []graph.Request // the only writes Do may send, each at most once
}

// Result is what Do returns.
type Result struct {
	Structured any    // encodes to the Output schema
	Text       string // the same for reading
	Note       string // of the server itself, after the text: never inside a fence
	Untrusted  bool   // holds what people outside this server wrote
	Items      int    // how many things were returned, for the audit
}

// Tool is a Spec with its functions. Make one with Define.
type Tool struct {
	Spec
	InputSchema, OutputSchema json.RawMessage

	// prepare decodes and plans; run executes what prepare planned.
	prepare func(ctx context.Context, c Call, raw json.RawMessage) (Plan, runFunc, error)
}

type runFunc func(ctx context.Context, c Call) (Result, error)

// Define makes a tool whose arguments are read into an A. A nil plan is for
// reads whose target is fixed in the spec's name alone.
func Define[A any](
	spec Spec,
	plan func(ctx context.Context, c Call, args A) (Plan, error),
	do func(ctx context.Context, c Call, args A) (Result, error),
) *Tool {
	t := &Tool{Spec: spec, InputSchema: schemaJSON(spec.Input), OutputSchema: schemaJSON(spec.Output)}
	t.prepare = func(ctx context.Context, c Call, raw json.RawMessage) (Plan, runFunc, error) {
		var args A
		if problems := decode(raw, spec.Input, &args); problems != nil {
			return Plan{}, nil, invalidArguments(problems)
		}
		p, err := plan(ctx, c, args)
		if err != nil {
			return Plan{}, nil, err
		}
		if spec.ReadOnly && len(p.Writes) > 0 {
			return Plan{}, nil, fmt.Errorf("tool %s says it only reads but plans a write", spec.Name)
		}
		return p, func(ctx context.Context, c Call) (Result, error) { return do(ctx, c, args) }, nil
	}
	return t
}

// Registry is the set of tools and resources that the server offers.
type Registry struct {
	tools     []*Tool
	resources []*Resource
}

// Resource is a tool that is read under a URI and takes no arguments.
type Resource struct {
	URI string
	*Tool
}

// NewRegistry returns a registry of tools and resources; names must be unique.
func NewRegistry(tools []*Tool, resources []*Resource) (*Registry, error) {
	r := &Registry{tools: slices.Clone(tools), resources: slices.Clone(resources)}
	slices.SortFunc(r.tools, func(a, b *Tool) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(r.resources, func(a, b *Resource) int { return strings.Compare(a.URI, b.URI) })
	seen := map[string]bool{}
	for _, t := range r.all() {
		if seen[t.Name] {
			return nil, fmt.Errorf("two tools are called %s", t.Name)
		}
		seen[t.Name] = true
	}
	return r, nil
}

// Tools returns the tools, sorted by name.
func (r *Registry) Tools() []*Tool { return slices.Clone(r.tools) }

// Resources returns the resources, sorted by URI.
func (r *Registry) Resources() []*Resource { return slices.Clone(r.resources) }

// Scopes returns every delegated scope that the tools and resources use, sorted.
func (r *Registry) Scopes() []string {
	var all []string
	for _, t := range r.all() {
		all = append(append(all, t.Scopes...), t.OptionalScopes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *Registry) all() []*Tool {
	all := slices.Clone(r.tools)
	for _, res := range r.resources {
		all = append(all, res.Tool)
	}
	return all
}

func (r *Registry) find(name string) (*Tool, bool) {
	for _, t := range r.all() {
		if t.Name == name {
			return t, true
		}
	}
	return nil, false
}
