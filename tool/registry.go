package tool

import (
	"fmt"
	"slices"
	"strings"

	"m365mcp/identity"
)

// Registry is the set of tools and resources that the server offers.
type Registry struct {
	tools     []*Tool // that can be run
	listed    map[string]bool
	denied    map[string]bool // by an administrator's lists
	resources []*Resource
	internal  []*Tool
	prompts   []Prompt
}

// Resource is a tool that is read under a URI. A URI with {placeholders} is a
// template (RFC 6570, level 1) whose variables are the tool's arguments.
type Resource struct {
	URI string
	*Tool
}

// Template reports whether the resource's URI has variables.
func (r *Resource) Template() bool { return strings.Contains(r.URI, "{") }

// Set is what a Registry is made of.
type Set struct {
	Tools     []*Tool
	Resources []*Resource
	Internal  []*Tool // run by the server itself for a person, never by a client's name for it
	Prompts   []Prompt
}

// dependent are the tools that come and go with another one.
func (s Set) dependent() []*Tool {
	all := slices.Clone(s.Internal)
	for _, res := range s.Resources {
		all = append(all, res.Tool)
	}
	return all
}

// NewRegistry returns a registry of what the selection leaves of a set; names must
// be unique. A resource, and what the server itself runs, shows what a tool gives:
// where that tool is out of reach, so is it.
func NewRegistry(set Set, s Selection) (*Registry, error) {
	r := &Registry{listed: map[string]bool{}, denied: map[string]bool{}, prompts: slices.Clone(set.Prompts)}
	if err := s.check(set); err != nil {
		return nil, err
	}
	reachable := map[string]bool{} // of every tool of the set
	for _, t := range set.Tools {
		r.denied[t.Name] = s.denied(t)
	}
	for _, t := range set.Tools {
		listed, reached := s.of(t)
		if t, reached = r.withoutDenied(t, reached); !reached {
			listed = false
		}
		reachable[t.Name] = reached
		if listed || reached {
			r.tools = append(r.tools, t)
			r.listed[t.Name] = listed
		}
	}
	r.dropDispatchers()
	for _, res := range set.Resources {
		if reachable[res.Of] {
			r.resources = append(r.resources, res)
		}
	}
	for _, t := range set.Internal {
		if reachable[t.Of] {
			r.internal = append(r.internal, t)
		}
	}
	slices.SortFunc(r.tools, func(a, b *Tool) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(r.resources, func(a, b *Resource) int { return strings.Compare(a.URI, b.URI) })
	seen := map[string]bool{}
	for _, t := range r.all() {
		if seen[t.Name] {
			return nil, fmt.Errorf("two tools are called %s", t.Name)
		}
		seen[t.Name] = true
		if t.Anyone && (len(scopesOf([]*Tool{t}, true, true)) > 0 || !t.ReadOnly || t.dispatch != nil || t.Of != "") {
			return nil, fmt.Errorf("tool %s is about no person, and yet needs a permission, writes or runs others", t.Name)
		}
	}
	return r, nil
}

// withoutDenied takes from a tool that gives what several others give the part of
// those that are denied; without any part left it cannot be run.
func (r *Registry) withoutDenied(t *Tool, reached bool) (*Tool, bool) {
	var left [][]string
	for i, of := range t.AnyOf {
		if !r.denied[of] {
			left = append(left, t.AnyScope[i])
		}
	}
	if len(left) == len(t.AnyOf) {
		return t, reached
	}
	return t.With(func(s *Spec) { s.AnyScope, s.AnyOf = left, nil }), reached && len(left) > 0
}

// dropDispatchers takes away the tools that reach others where there is nothing
// to reach: they would only cost a model tokens.
func (r *Registry) dropDispatchers() {
	hidden := map[bool]bool{} // by ReadOnly
	for _, t := range r.tools {
		if !r.listed[t.Name] && t.dispatch == nil {
			hidden[t.ReadOnly] = true
		}
	}
	r.tools = slices.DeleteFunc(r.tools, func(t *Tool) bool {
		return t.dispatch != nil && !t.dispatch.reaches(hidden) || t.Finder && len(hidden) == 0
	})
}

// Tools returns the tools that are listed, sorted by name.
func (r *Registry) Tools() []*Tool {
	return slices.DeleteFunc(slices.Clone(r.tools), func(t *Tool) bool { return !r.listed[t.Name] })
}

// Offered reports whether p may run the tool at all: a person every one, a service
// those of its own that are about no person, and who is neither none.
func Offered(p identity.Principal, t *Tool) bool {
	return p.IsPerson() || p.Service != "" && t.Anyone && slices.Contains(p.Tools, t.Name)
}

// ForServices returns the names of the tools that a service may be given, sorted.
func (r *Registry) ForServices() []string {
	var names []string
	for _, t := range r.tools {
		if t.Anyone {
			names = append(names, t.Name)
		}
	}
	return names
}

// Reachable returns every tool that can be run, listed or not, sorted by name.
func (r *Registry) Reachable() []*Tool { return slices.Clone(r.tools) }

// Resources returns the resources and templates, sorted by URI.
func (r *Registry) Resources() []*Resource { return slices.Clone(r.resources) }

// Scopes returns the delegated scopes to ask for at sign-in: those of what is
// listed, without those that others include, sorted. Those for shared mailboxes,
// and those that an administrator has to have consented to (a sign-in that asks for
// one without that fails altogether), are asked for only where they are wanted.
func (r *Registry) Scopes(shared, admin bool) []string {
	return Widest(scopesOf(append(r.Tools(), r.resourceTools()...), shared, admin))
}

// LaterScopes returns the delegated scopes that people may be asked for when a call
// needs them, sorted: those of everything that is listed, or run by what is listed,
// each by itself, so that a client may also ask for less than the widest.
func (r *Registry) LaterScopes(shared, admin bool) []string {
	return scopesOf(append(r.run(), r.resourceTools()...), shared, admin)
}

// ScopePresets returns the scopes of each preset and family, as far as people may be
// asked for them.
func (r *Registry) ScopePresets(shared, admin bool) map[string][]string {
	all := append(r.run(), r.resourceTools()...)
	sets := map[string][]string{}
	add := func(name string, has func(Spec) bool) {
		tools := slices.DeleteFunc(slices.Clone(all), func(t *Tool) bool { return !has(t.Spec) })
		if scopes := Widest(scopesOf(tools, shared, admin)); len(scopes) > 0 {
			sets[name] = scopes
		}
	}
	for name, has := range presets {
		add(name, has)
	}
	for _, family := range Families {
		add(family, func(s Spec) bool { return s.Family == family })
	}
	return sets
}

// run returns the tools that are listed, and those that a listed tool runs.
func (r *Registry) run() []*Tool {
	return slices.DeleteFunc(slices.Clone(r.tools), func(t *Tool) bool {
		return !r.listed[t.Name] && !slices.ContainsFunc(r.tools, func(d *Tool) bool { return d.dispatch != nil && d.dispatch.write != t.ReadOnly })
	})
}

func (r *Registry) resourceTools() []*Tool {
	tools := make([]*Tool, len(r.resources))
	for i, res := range r.resources {
		tools[i] = res.Tool
	}
	return tools
}

// scopesOf returns all that the tools can use, sorted.
func scopesOf(tools []*Tool, shared, admin bool) []string {
	var all []string
	for _, t := range tools {
		all = slices.Concat(all, t.Scopes, t.OptionalScopes, slices.Concat(t.AnyScope...))
		if shared {
			all = append(all, t.SharedScopes...)
		}
	}
	if !admin {
		all = slices.DeleteFunc(all, func(scope string) bool { return slices.Contains(AdminConsent, scope) })
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Widest leaves out the scopes that others include.
func Widest(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(scope string) bool {
		return slices.ContainsFunc(all, func(other string) bool { return other != scope && Includes(other, scope) })
	})
}

func (r *Registry) all() []*Tool {
	return slices.Concat(r.tools, r.internal, r.resourceTools())
}

// find returns what a client may run by name: tools and resources.
func (r *Registry) find(name string) (*Tool, bool) {
	for _, t := range r.tools {
		if t.Name == name {
			return t, true
		}
	}
	for _, res := range r.resources {
		if res.Name == name {
			return res.Tool, true
		}
	}
	return nil, false
}

func (r *Registry) findInternal(name string) (*Tool, bool) {
	i := slices.IndexFunc(r.internal, func(t *Tool) bool { return t.Name == name })
	if i < 0 {
		return nil, false
	}
	return r.internal[i], true
}
