// Package policy decides, purely: who may do what to which resource, in which
// context. It does no I/O and knows no tool by name; what it decides on is
// what the tool's plan says, and the decision is audited with the call.
package policy

import (
	"slices"

	"m365mcp/identity"
)

// Effect is what a decision says.
type Effect int

// The effects, from the zero value on in the order of caution.
const (
	Forbid Effect = iota
	RequireApproval
	Permit
)

func (e Effect) String() string {
	switch e {
	case Permit:
		return "allow"
	case RequireApproval:
		return "approval"
	case Forbid:
	}
	return "deny"
}

// Action is what is to be done.
type Action struct {
	Tool  string
	Write bool
}

// Resource is what it is done to.
type Resource struct {
	Target     string   // path template, such as /me/sendMail
	Recipients []string // addresses that data would go to
}

// Context is what else is known at the time of the decision.
type Context struct {
	Findings    []string // names of the detectors that found something in what would leave
	Unscannable []string // names of files that would leave and that no detector can read
}

// Request is one question.
type Request struct {
	Principal identity.Principal
	Action    Action
	Resource  Resource
	Context   Context
}

// Decision answers a Request.
type Decision struct {
	Effect Effect
	Rule   string // id of the rule that decided; "default" where none matched
	Reason string // for people
}

// Rule is a named condition with an effect.
type Rule struct {
	ID     string
	Effect Effect
	Reason string
	When   func(Request) bool
}

// Set is a set of rules. The most cautious matching rule decides, in whatever
// order they stand; where none matches, the answer is no. The zero value
// forbids everything.
type Set struct{ rules []Rule }

// New returns a set of rules.
func New(rules ...Rule) Set { return Set{rules} }

// Rules returns the rules.
func (s Set) Rules() []Rule { return slices.Clone(s.rules) }

// PermitAll is the rule set of a server without a policy of its own: the
// person's own rights at Microsoft are the only limit.
func PermitAll() Set {
	return New(Rule{
		ID: "permit-all", Effect: Permit, Reason: "no policy is configured",
		When: func(Request) bool { return true },
	})
}

// Decide answers r.
func (s Set) Decide(r Request) Decision {
	d, matched := Decision{Effect: Forbid, Rule: "default", Reason: "no rule permits it"}, false
	for _, rule := range s.rules {
		if (!matched || rule.Effect < d.Effect) && rule.When(r) {
			d, matched = Decision{Effect: rule.Effect, Rule: rule.ID, Reason: rule.Reason}, true
		}
	}
	return d
}
