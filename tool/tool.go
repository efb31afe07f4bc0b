package tool

import (
	"context"
	"encoding/json"
	"fmt"

	"m365mcp/graph"
)

// Spec is what is known about a tool without running it.
type Spec struct {
	Name        string
	Title       string
	Description string // read by models: what it does, what it returns, in few words
	Family      string
	Input       []Field
	Output      []Field
	Keywords    string // other words for what it does, for FindTools; not listed
	Of          string // of a resource or an internal tool: the tool that gives the same, with which it comes and goes

	// The four MCP annotations, each said on purpose.
	ReadOnly    bool
	Destructive bool // a write that cannot be taken back
	Idempotent  bool
	OpenWorld   bool // reaches people outside the organization, or returns what they wrote

	Core      bool   // listed by default
	Finder    bool   // finds what the list leaves out; listed only where that is something
	App       string // the linked app that it sends to, and to nothing else; "": to Graph
	Anyone    bool   // is about no person: a service may run it, where the configuration lists it
	Untrusted bool   // results hold what people outside this server wrote: they are fenced and marked

	Scopes         []string   // delegated scopes at Microsoft without which it cannot run
	AnyScope       [][]string // sets of which one must be complete, beside Scopes
	AnyOf          []string   // for each set of AnyScope the tool that gives the same: where an administrator takes that away, the set goes with it
	OptionalScopes []string   // scopes that make its answer fuller
	SharedScopes   []string   // scopes that it needs for another mailbox; asked for only where configured
}

// Plan says what a call would do, before anything is done. Policy, DLP,
// approval and audit see the plan, and Do is held to it.
type Plan struct {
	Target     string          // path template of what is read or changed
	Recipients []string        // addresses that data goes to
	Content    []string        // texts that would leave
	Files      []Source        // files that would leave; their text is scanned too
	Scopes     []string        // delegated scopes that these arguments need beside the Spec's
	Writes     []graph.Request // the only writes Do may send, each at most once
	Guards     []Guard         // what must not have changed when Do begins
}

// Guard is a thing that the decision was made about: it is read again right
// before Do, and the call is refused if its ETag is another one by then. Where
// Graph takes If-Match on the write itself, no guard is needed.
type Guard struct {
	Read graph.Request // its answer has an @odata.etag
	ETag string
}

// Result is what Do returns.
type Result struct {
	Structured any    // encodes to the Output schema
	Text       string // the same for reading
	Note       string // of the server itself, after the text: never inside a fence
	Items      int    // how many things were returned, for the audit
}

// Tool is a Spec with its functions. Make one with Define.
type Tool struct {
	Spec
	InputSchema, OutputSchema json.RawMessage

	dispatch *dispatch // it runs others
	// prepare decodes and plans; run executes what prepare planned.
	prepare func(ctx context.Context, c Call, raw json.RawMessage) (Plan, runFunc, error)
}

// With returns the tool with another Spec, for tests that change it.
func (t *Tool) With(change func(*Spec)) *Tool {
	next := *t
	change(&next.Spec)
	next.InputSchema = inputSchema(next.Input)
	return &next
}

type runFunc func(ctx context.Context, c Call) (Result, error)

// Define makes a tool whose arguments are read into an A. A nil plan is for
// reads whose target is fixed in the spec's name alone.
func Define[A any](
	spec Spec,
	plan func(ctx context.Context, c Call, args A) (Plan, error),
	do func(ctx context.Context, c Call, args A) (Result, error),
) *Tool {
	t := &Tool{Spec: spec, InputSchema: inputSchema(spec.Input), OutputSchema: outputSchema(spec.Output)}
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
