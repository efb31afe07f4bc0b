package tool

import (
	"context"
	"encoding/json"
	"errors"
)

// dispatch makes a tool run another one, which the list leaves out.
type dispatch struct{ write bool }

// dispatchArgs are the arguments of a dispatching tool.
type dispatchArgs struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// Dispatcher makes a tool that runs others by name: those that only read, or,
// with write, those that change something. The call is the other tool's in every
// way: its arguments are checked, its plan is decided on, its name is in the
// evidence. The Spec's Input is set here.
func Dispatcher(spec Spec, write bool) *Tool {
	spec.Input = []Field{
		{Name: "name", Type: String, Required: true, Description: "As findTools names it."},
		{Name: "arguments", Type: Object, Description: "By its input schema."},
	}
	t := Define(spec,
		func(context.Context, Call, dispatchArgs) (Plan, error) { return Plan{}, errNotDispatched },
		func(context.Context, Call, dispatchArgs) (Result, error) { return Result{}, errNotDispatched })
	t.dispatch = &dispatch{write}
	return t
}

var errNotDispatched = errors.New("a dispatching tool does nothing itself")

// reaches reports whether there is a hidden tool for this one to run.
func (d *dispatch) reaches(hidden map[bool]bool) bool { return hidden[!d.write] }

// target finds the tool to run in the arguments of t.
func (d *dispatch) target(t *Tool, raw json.RawMessage, r *Registry) (*Tool, json.RawMessage, error) {
	var args dispatchArgs
	if problems := decode(raw, t.Input, &args); problems != nil {
		return nil, nil, invalidArguments(problems)
	}
	for _, other := range r.tools {
		switch {
		case other.Name != args.Name || other.dispatch != nil:
		case other.ReadOnly == d.write && d.write:
			return nil, nil, Invalid("name", args.Name+" only reads; run it with runReadTool")
		case other.ReadOnly == d.write:
			return nil, nil, Invalid("name", args.Name+" changes something; runReadTool only reads. If runWriteTool or "+args.Name+" is listed, use that")
		default:
			return other, args.Arguments, nil
		}
	}
	return nil, nil, Invalid("name", "is no tool of this server; call findTools to see which there are")
}
