package tooltest

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"m365mcp/tool"
)

// mutation is one thing that is broken.
type mutation struct {
	name     string
	tool     *tool.Tool // in the place of the one of its name; nil: as it is
	argument string     // that the tool does not see
	gone     string     // "METHOD template" that Graph does not have
	cases    []Case     // that could notice
	survived bool
}

// RunMutants breaks the suite's tools one thing at a time and fails for each
// mutant with which all cases still pass:
//
//   - a scope is left out, or ReadWrite is Read: the token lacks it, so Graph
//     refuses, or Microsoft's permissions do;
//   - an argument is left out of the calls, as if the tool ignored it;
//   - an operation of Graph that the tool uses is not there (404).
//
// Only cases of success count: a mutant that breaks nothing but an error message
// is not noticed by them.
func RunMutants(t *testing.T, s Suite) {
	t.Helper()
	mutants, broken := s.tryMutants(newBase(t))
	for _, problem := range slices.Concat(broken, s.judge(mutants)) {
		t.Error(problem)
	}
	t.Logf("%d mutants, %d of them allowed to survive", len(mutants), len(s.Survivors))
}

// tryMutants finds out which mutants survive. broken are cases that fail without
// any mutation; then nothing is tried.
func (s Suite) tryMutants(b *base) (mutants []mutation, broken []string) {
	used := make([][]string, len(s.Cases)) // operations, by case
	failed := make([]string, len(s.Cases))
	each(len(s.Cases), func(i int) {
		c := s.Cases[i]
		if !c.succeeds() {
			return
		}
		if failures := attempt(func(r Reporter) { used[i] = s.try(r, b, c, mutation{}).Operations(b.data) }); failures != nil {
			failed[i] = fmt.Sprintf("%s/%s fails without any mutation:\n  %s", c.Tool, c.Name, strings.Join(failures, "\n  "))
		}
	})
	if broken = slices.DeleteFunc(failed, func(problem string) bool { return problem == "" }); len(broken) > 0 {
		return nil, broken
	}
	mutants = s.mutants(used)
	each(len(mutants), func(i int) {
		m := &mutants[i]
		m.survived = !slices.ContainsFunc(m.cases, func(c Case) bool {
			return attempt(func(r Reporter) { s.try(r, b, c, *m) }) != nil
		})
	})
	return mutants, nil
}

// judge holds what survived against what may.
func (s Suite) judge(mutants []mutation) []string {
	var out []string
	names := map[string]bool{}
	for _, m := range mutants {
		names[m.name] = true
		_, expected := s.Survivors[m.name]
		switch {
		case m.survived && !expected:
			out = append(out, fmt.Sprintf("no case notices the mutant %q (%d cases could)", m.name, len(m.cases)))
		case !m.survived && expected:
			out = append(out, fmt.Sprintf("the mutant %q is noticed: take it out of Survivors", m.name))
		}
	}
	for name := range s.Survivors {
		if !names[name] && len(mutants) > 0 {
			out = append(out, fmt.Sprintf("there is no mutant %q, which Survivors names", name))
		}
	}
	return out
}

// each runs f for 0 to n-1, as many at once as there are processors.
func each(n int, f func(int)) {
	var group sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range n {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			f(i)
		})
	}
	group.Wait()
}

func (s Suite) mutants(used [][]string) []mutation {
	var out []mutation
	for _, t := range s.Tools {
		out = append(out, s.scopeMutants(t)...)
		cases := s.successes(t, func(Case) bool { return true })
		for _, f := range t.Input {
			out = append(out, mutation{name: t.Name + " without the argument " + f.Name, argument: f.Name, cases: s.successes(t, func(c Case) bool {
				return c.ArgsOf != nil || hasArgument(c.Args, f.Name)
			})})
		}
		for _, operation := range s.operations(t, used) {
			out = append(out, mutation{name: t.Name + " without " + operation, gone: operation, cases: cases})
		}
	}
	return out
}

// successes are the tool's cases that succeed and that the condition holds for.
func (s Suite) successes(t *tool.Tool, condition func(Case) bool) []Case {
	var out []Case
	for _, c := range s.Cases {
		if c.Tool == t.Name && c.succeeds() && condition(c) {
			out = append(out, c)
		}
	}
	return out
}

func (s Suite) operations(t *tool.Tool, used [][]string) []string {
	var out []string
	for i, c := range s.Cases {
		if c.Tool == t.Name {
			out = append(out, used[i]...)
		}
	}
	out = slices.DeleteFunc(out, func(operation string) bool { return operation == "POST /$batch" }) // its parts count
	slices.Sort(out)
	return slices.Compact(out)
}

func (s Suite) scopeMutants(t *tool.Tool) []mutation {
	var out []mutation
	vary := func(what string, scopes []string, put func(*tool.Spec, []string), condition func(Case) bool) {
		for i, scope := range scopes {
			add := func(name string, next []string) {
				out = append(out, mutation{
					name: fmt.Sprintf("%s %s", t.Name, name), tool: t.With(func(s *tool.Spec) { put(s, next) }), cases: s.successes(t, condition),
				})
			}
			add("without the "+what+" "+scope, slices.Delete(slices.Clone(scopes), i, i+1))
			if narrow := strings.Replace(scope, ".ReadWrite", ".Read", 1); narrow != scope {
				next := slices.Clone(scopes)
				next[i] = narrow
				add("with "+narrow+" for the "+what+" "+scope, next)
			}
		}
	}
	vary("scope", t.Scopes, func(s *tool.Spec, scopes []string) { s.Scopes = scopes }, func(Case) bool { return true })
	vary("optional scope", t.OptionalScopes, func(s *tool.Spec, scopes []string) { s.OptionalScopes = scopes }, func(c Case) bool { return c.Optional })
	vary("shared scope", t.SharedScopes, func(s *tool.Spec, scopes []string) { s.SharedScopes = scopes }, func(c Case) bool { return c.Shared })
	for i, set := range t.AnyScope {
		vary(fmt.Sprintf("scope of set %d", i), set, func(s *tool.Spec, scopes []string) {
			s.AnyScope = slices.Clone(s.AnyScope)
			s.AnyScope[i] = scopes
		}, func(c Case) bool { return c.Any == i })
	}
	return out
}

func hasArgument(args, name string) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal([]byte(args), &object) == nil && object[name] != nil
}

func withoutArgument(args, name string) string {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(args), &object) != nil {
		return args
	}
	delete(object, name)
	out, err := json.Marshal(object)
	if err != nil {
		return args
	}
	return string(out)
}
