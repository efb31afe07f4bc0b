package tool

import "slices"

// Prompt is a request that people make often, ready to be sent to a model with
// the tools of this server at hand.
type Prompt struct {
	Name, Title, Description string
	Arguments                []Field  // strings
	Needs                    []string // tools that must be listed for it to make sense
	Text                     func(args map[string]string) string
}

// Prompts returns the prompts whose tools are all listed.
func (r *Registry) Prompts() []Prompt {
	return slices.DeleteFunc(slices.Clone(r.prompts), func(p Prompt) bool {
		return slices.ContainsFunc(p.Needs, func(name string) bool { return !r.listed[name] })
	})
}
