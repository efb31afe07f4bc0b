package tooltest

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"m365mcp/tool"
)

// Suite is a family's tools and the cases of each.
type Suite struct {
	Tools []*tool.Tool
	Setup func(*Options) // what every case's server has beside the tools
	Cases []Case

	// Survivors are mutants that no case can notice, with the reason; the name is
	// the one that RunMutants reports. One that is noticed after all fails the test.
	Survivors map[string]string
}

// Case is one call of a tool, on a server and a Graph of its own.
type Case struct {
	Tool, Name string
	As         string                // the caller's name before the @; "" is the first of the data set
	Args       string                // JSON; "" is {}
	ArgsOf     func(*Harness) string // instead of Args, with what is on this server: ids, or calls made before
	Fails      map[string]int        // see Options

	// The token: with the tool's OptionalScopes and SharedScopes, with set Any of its
	// AnyScope, and with or without single scopes.
	Optional, Shared bool
	Any              int
	With, Without    []string

	Err   string                           // the code it ends with; "" is success
	Field string                           // the argument that invalid_arguments is about
	Check func(Reporter, *Harness, Result) // what the result is to be, and what Graph holds afterwards
	Setup func(*Options)                   // of this case's server
}

func (c Case) succeeds() bool { return c.Err == "" }

// ofGraph reports a case in which Graph, or what it holds, is the one to refuse.
func (c Case) ofGraph() bool {
	return !slices.Contains([]string{"", tool.CodeInvalidArguments, tool.CodeInsufficientScope, tool.CodePolicyDenied}, c.Err)
}

// RunSuite runs the cases, for each tool also what every tool must refuse, and for
// each other name of an argument a case of success with that name. It
// fails where a tool has no case of success, of a refusal by Graph, or of bad
// input; a tool without scopes or without arguments needs none of the last two.
func RunSuite(t *testing.T, s Suite) {
	t.Helper()
	b := newBase(t)
	for _, problem := range s.gaps() {
		t.Error(problem)
	}
	for _, c := range slices.Concat(s.Cases, s.general()) {
		t.Run(c.Tool+"/"+c.Name, func(t *testing.T) {
			t.Parallel()
			s.try(t, b, c, mutation{})
		})
	}
	for _, x := range s.Tools {
		for _, f := range x.Input {
			for _, alias := range f.Aliases {
				t.Run(x.Name+"/"+f.Name+" as "+alias, func(t *testing.T) {
					t.Parallel()
					s.tryAlias(t, b, x, f.Name, alias)
				})
			}
		}
	}
}

// gaps says what the cases leave out.
func (s Suite) gaps() []string {
	var out []string
	has := func(name string, kind func(Case) bool) bool {
		return slices.ContainsFunc(s.Cases, func(c Case) bool { return c.Tool == name && kind(c) })
	}
	names := map[string]bool{}
	for _, t := range s.Tools {
		names[t.Name] = true
		if !has(t.Name, Case.succeeds) {
			out = append(out, t.Name+" has no case of success")
		}
		if len(t.Scopes)+len(t.AnyScope) > 0 && !has(t.Name, Case.ofGraph) {
			out = append(out, t.Name+" has no case of a refusal by Graph (403, 404, ...; see Case.Fails)")
		}
		if len(t.Input) > 0 && !has(t.Name, func(c Case) bool { return c.Err == tool.CodeInvalidArguments }) {
			out = append(out, t.Name+" has no case of bad input")
		}
	}
	seen := map[string]bool{}
	for _, c := range s.Cases {
		if !names[c.Tool] {
			out = append(out, fmt.Sprintf("the case %s is of %s, which is not among the tools", c.Name, c.Tool))
		}
		if key := c.Tool + "/" + c.Name; seen[key] {
			out = append(out, "two cases are called "+key)
		} else {
			seen[key] = true
		}
	}
	return out
}

// general are the cases that every tool has.
func (s Suite) general() []Case {
	var out []Case
	for _, t := range s.Tools {
		out = append(out, Case{Tool: t.Name, Name: "an argument that it does not have", Args: `{"noSuchArgument":true}`, Err: tool.CodeInvalidArguments})
		for _, scope := range t.Scopes {
			others := slices.DeleteFunc(slices.Clone(t.Scopes), func(s string) bool { return s == scope })
			if !slices.ContainsFunc(others, func(other string) bool { return tool.Includes(other, scope) }) {
				out = append(out, Case{Tool: t.Name, Name: "without " + scope, Without: []string{scope}, Err: tool.CodeInsufficientScope, Check: nothingSent})
			}
		}
		if len(t.AnyScope) > 0 {
			out = append(out, Case{Tool: t.Name, Name: "without any of its scopes", Any: -1, Err: tool.CodeInsufficientScope, Check: nothingSent})
		}
	}
	return out
}

// tryAlias runs the first case of success that has an argument, with another of its names.
func (s Suite) tryAlias(t *testing.T, b *base, of *tool.Tool, name, alias string) {
	t.Helper()
	for _, c := range s.successes(of, func(c Case) bool { return c.ArgsOf != nil || hasArgument(c.Args, name) }) {
		renamed, made := false, c.ArgsOf
		c.ArgsOf = func(h *Harness) string {
			args := c.Args
			if made != nil {
				args = made(h)
			}
			if renamed = hasArgument(args, name); renamed {
				args = strings.Replace(args, strconv.Quote(name)+":", strconv.Quote(alias)+":", 1)
			}
			return args
		}
		if s.try(t, b, c, mutation{}); renamed {
			return
		}
	}
	t.Errorf("no case of success has the argument %s", name)
}

func nothingSent(t Reporter, _ *Harness, res Result) {
	t.Helper()
	if len(res.Requests) > 0 {
		t.Errorf("%d requests were sent, the first: %s", len(res.Requests), res.Requests[0])
	}
}

// try runs a case on a server of its own and reports what is not as it should be.
func (s Suite) try(t Reporter, b *base, c Case, m mutation) Result {
	t.Helper()
	o := Options{Tools: s.Tools, Fails: c.Fails}
	if m.tool != nil {
		o.Tools = slices.Clone(s.Tools)
		i := slices.IndexFunc(o.Tools, func(t *tool.Tool) bool { return t.Name == m.tool.Name })
		o.Tools[i] = m.tool
	}
	if s.Setup != nil {
		s.Setup(&o)
	}
	if c.Setup != nil {
		c.Setup(&o)
	}
	h, err := b.start(t, o)
	if err != nil {
		t.Fatalf("starting the server: %v", err)
		return Result{}
	}
	defer h.close()
	if c.As != "" {
		h = h.As(c.As)
	}
	h.scoping = scoping{optional: c.Optional, shared: c.Shared, anyOf: c.Any, with: c.With, without: c.Without}
	args := c.Args
	if c.ArgsOf != nil {
		args = c.ArgsOf(h)
	}
	if m.argument != "" {
		args = withoutArgument(args, m.argument)
	}
	h.world.lose(m.gone)
	res := h.Call(c.Tool, args)
	h.world.lose("")
	switch {
	case c.Field != "":
		res.WantField(t, c.Field)
	case c.Err != "":
		res.WantError(t, c.Err)
	default:
		res.WantOK(t)
	}
	if c.Check != nil {
		c.Check(t, h, res)
	}
	return res
}

// trial is the Reporter of a case whose failure is no failure of the test.
type trial struct{ failures []string }

// attempt runs f and returns what it reported; a panic is a failure too.
func attempt(f func(Reporter)) []string {
	var tr trial
	done := make(chan struct{})
	go func() { // Fatalf ends this goroutine, as it ends a test's
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				tr.Errorf("panic: %v", p)
			}
		}()
		f(&tr)
	}()
	<-done
	return tr.failures
}

// Helper implements Reporter.
func (*trial) Helper() {}

// Errorf implements Reporter.
func (tr *trial) Errorf(format string, args ...any) {
	tr.failures = append(tr.failures, fmt.Sprintf(format, args...))
}

// Fatalf implements Reporter.
func (tr *trial) Fatalf(format string, args ...any) {
	tr.Errorf(format, args...)
	runtime.Goexit()
}
