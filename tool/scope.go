package tool

import (
	"encoding/json"
	"slices"
	"strings"

	"m365mcp/identity"
)

// Includes reports whether a grant of scope have is good for everything that
// need is good for, by the build of Microsoft's names: Resource.Verb[.Reach].
// ReadWrite includes Read includes ReadBasic; .All includes no reach at all.
// .Shared is about other people's mailboxes and includes nothing of one's own.
func Includes(have, need string) bool {
	if have == need {
		return true
	}
	h, n := strings.Split(have, "."), strings.Split(need, ".")
	if len(h) < 2 || len(n) < 2 || len(h) > 3 || len(n) > 3 || h[0] != n[0] {
		return false
	}
	levels := []string{"ReadBasic", "Read", "ReadWrite"}
	hl, nl := slices.Index(levels, h[1]), slices.Index(levels, n[1])
	if hl < 0 || nl < 0 || hl < nl {
		return false
	}
	return reach(h) == reach(n) || reach(h) == "All" && reach(n) == "" && h[0] != "Calendars"
}

func reach(parts []string) string {
	if len(parts) == 3 {
		return parts[2]
	}
	return ""
}

// granted reports whether the person's connection carries scope, itself or in a wider one.
func granted(p identity.Principal, scope string) bool {
	return slices.ContainsFunc(p.Scopes, func(have string) bool { return Includes(have, scope) })
}

// AdminConsent are the scopes of the tools that only an administrator can grant
// (Microsoft's permissions.json of August 2026; a test holds it against that file).
var AdminConsent = []string{
	"ChannelMessage.Read.All", "OnlineMeetingTranscript.Read.All", "People.Read.All", "Place.Read.All", "User.Read.All",
}

// AdminScopes returns the scopes without which the tool cannot run and to which only
// an administrator can consent.
func (s Spec) AdminScopes() []string {
	return slices.DeleteFunc(slices.Clone(s.Scopes), func(scope string) bool { return !slices.Contains(AdminConsent, scope) })
}

// missing returns the scopes that have to be granted before a call with plan can run.
func missing(spec Spec, plan Plan, p identity.Principal) []string {
	var out []string
	for _, scope := range append(slices.Clip(spec.Scopes), plan.Scopes...) {
		if !granted(p, scope) && !slices.Contains(out, scope) {
			out = append(out, scope)
		}
	}
	if len(spec.AnyScope) > 0 && !slices.ContainsFunc(spec.AnyScope, func(set []string) bool { return grantedAll(p, set) }) {
		out = append(out, spec.AnyScope[0]...)
	}
	return out
}

func grantedAll(p identity.Principal, set []string) bool {
	return !slices.ContainsFunc(set, func(scope string) bool { return !granted(p, scope) })
}

// insufficientScope says in words what the step-up of the protocol could not do.
func insufficientScope(scopes []string, access Access) *Error {
	e := &Error{
		Code:    CodeInsufficientScope,
		Message: "the connection was not granted " + strings.Join(scopes, " and ") + ". Nothing was done.",
		Action:  "call requestAccess for " + strings.Join(scopes, " and ") + ": it gives the person a link to grant it. Then call this again.",
		Scopes:  scopes,
	}
	for _, scope := range scopes {
		switch {
		case access != nil && access.MayAsk(scope):
		case slices.Contains(AdminConsent, scope):
			e.Action = "ask the person's Microsoft 365 administrator to consent to " + scope + " for this server, and to have it asked for (tools.admin_consent)."
			return e
		default:
			e.Action = "this server does not ask people for " + scope + "; only its administrator can change that (M365_MCP_TOOLS, tools.shared_mailboxes)."
			return e
		}
	}
	return e
}

// Missing returns the scopes that the connection lacks for a tool.
func (c Call) Missing(t *Tool) []string { return missing(t.Spec, Plan{}, c.Principal) }

// Missing returns the scopes that a client's call of a listed tool lacks, whatever
// else is in its arguments. Of a tool that runs another it is the other's.
func (r *Registry) Missing(p identity.Principal, name string, args json.RawMessage) []string {
	t, ok := r.find(name)
	if !ok || !r.listed[name] {
		return nil
	}
	if t.dispatch != nil {
		other, _, err := t.dispatch.target(t, args, r)
		if err != nil {
			return nil // the call itself will say so
		}
		t = other
	}
	return missing(t.Spec, Plan{}, p)
}
