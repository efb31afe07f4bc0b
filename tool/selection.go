package tool

import (
	"fmt"
	"slices"
	"strings"
)

// Families of tools, in the order of the reference.
var Families = []string{"platform", "mail", "calendar", "teams", "files", "people", "tasks", "search", Linked}

// Linked is the family of the tools of linked apps, which the configuration names.
const Linked = "linked"

// platform tools are about the connection itself and come with every preset.
const platform = "platform"

// Presets say which tools are listed. Of those that core leaves out all can
// still be reached, by the dispatching tools; every other preset is a fence.
//
// minimal, email, calendar and teams are the scope presets of the system that
// this one replaces; the last two are families here.
var presets = map[string]func(Spec) bool{
	"core":      func(s Spec) bool { return s.Core },
	"full":      func(Spec) bool { return true },
	"read-only": func(s Spec) bool { return s.ReadOnly },
	"minimal":   func(s Spec) bool { return s.Family == platform },
	"email": func(s Spec) bool {
		return s.Family == "mail" && len(s.Scopes) == 1 && slices.Contains([]string{"Mail.ReadBasic", "Mail.Read", "Mail.Send"}, s.Scopes[0])
	},
}

// Selection is which tools a server lists and runs.
type Selection struct {
	wanted   func(Spec) bool
	readOnly bool
	core     bool
	names    []string // tools wanted by name
	allow    []string // tools and families; empty: all
	deny     []string
}

// Select reads a selection: presets, families and names of tools, separated by
// commas. read-only beside others takes the writes from them. Of an
// administrator's lists, which name tools or families, deny wins over allow, and
// both win over everything else.
func Select(text string, allow, deny []string) (Selection, error) {
	s := Selection{allow: allow, deny: deny}
	var sets []func(Spec) bool
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		preset, known := presets[word]
		switch {
		case word == "":
			return Selection{}, fmt.Errorf("tools %q: an empty name; write presets, families or tools, such as core or mail,calendar", text)
		case word == "read-only":
			s.readOnly = true
		case known:
			s.core = s.core || word == "core"
			sets = append(sets, preset)
		case slices.Contains(Families, word):
			sets = append(sets, func(spec Spec) bool { return spec.Family == word })
		default:
			s.names = append(s.names, word)
		}
	}
	if len(sets) == 0 && len(s.names) == 0 { // read-only alone
		sets = append(sets, presets["full"])
	}
	s.wanted = func(spec Spec) bool {
		return slices.Contains(s.names, spec.Name) || slices.ContainsFunc(sets, func(p func(Spec) bool) bool { return p(spec) })
	}
	return s, nil
}

// check finds names in the selection that are no tool's, and what belongs to no tool.
func (s Selection) check(set Set) error {
	known := map[string]bool{}
	for _, t := range set.Tools {
		known[t.Name] = true
	}
	of := map[string]string{} // what comes and goes with a tool
	for _, t := range set.dependent() {
		if of[t.Name] = t.Of; !known[t.Of] {
			return fmt.Errorf("tools: %s comes with %q, which is no tool", t.Name, t.Of)
		}
	}
	for _, list := range [][]string{s.names, s.allow, s.deny} {
		for _, name := range list {
			switch {
			case known[name], slices.Contains(Families, name):
			case of[name] != "":
				return fmt.Errorf("tools: %q cannot be chosen by itself; it comes and goes with %s: name that one", name, of[name])
			default:
				return fmt.Errorf("tools: %q is no tool, family or preset; presets: core, full, read-only, minimal, email; families: %s; tools: see docs/tools.md",
					name, strings.Join(Families, ", "))
			}
		}
	}
	return nil
}

// denied says whether an administrator's lists take a tool away.
func (s Selection) denied(t *Tool) bool {
	named := func(list []string) bool { return slices.Contains(list, t.Name) || slices.Contains(list, t.Family) }
	return named(s.deny) || len(s.allow) > 0 && !named(s.allow) && t.Family != platform
}

// of says whether a tool is listed, and whether it can be run at all.
func (s Selection) of(t *Tool) (listed, reachable bool) {
	if s.denied(t) || s.readOnly && !t.ReadOnly && t.Family != platform {
		return false, false
	}
	if t.dispatch != nil {
		listed = s.wanted(t.Spec) && (!s.readOnly || !t.dispatch.write)
		return listed, listed
	}
	listed = s.wanted(t.Spec) || t.Family == platform
	return listed, listed || s.core
}
