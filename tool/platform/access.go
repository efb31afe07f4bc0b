package platform

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"m365mcp/tool"
)

type accessArgs struct {
	For []string `json:"for"`
}

type accessOut struct {
	Granted bool     `json:"granted"`
	Missing []lacked `json:"missing,omitempty"`
	Help    string   `json:"help"`
	Link    string   `json:"link,omitempty"`
}

type lacked struct {
	Scope        string   `json:"scope"`
	Tools        []string `json:"tools"`
	AdminConsent bool     `json:"adminConsent,omitempty"`
	NotAsked     bool     `json:"notAsked,omitempty"`
}

func requestAccess() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "requestAccess", Title: "Ask for missing permissions", Family: family,
		Description: "Says which Microsoft permissions a tool or family still lacks, and returns a link on which the person grants them: give it to the person. No reconnecting.",
		Keywords:    "consent grant permission scope step up admin approval denied",
		Input: []tool.Field{
			{Name: "for", Type: tool.StringOrList, Required: true, MaxItems: 20, Description: "Tools, families (mail, calendar, ...) or permissions that a failed call named."},
		},
		Output: []tool.Field{
			{Name: "granted", Type: tool.Boolean},
			{Name: "missing", Type: tool.ObjectList, Items: []tool.Field{
				{Name: "scope", Type: tool.String}, {Name: "tools", Type: tool.StringList}, {Name: "adminConsent", Type: tool.Boolean}, {Name: "notAsked", Type: tool.Boolean},
			}},
			{Name: "help", Type: tool.String},
			{Name: "link", Type: tool.String},
		},
		Idempotent: true, Core: true,
	}, planAccess, doAccess)
}

func planAccess(_ context.Context, c tool.Call, a accessArgs) (tool.Plan, error) {
	for _, name := range a.For {
		if len(meant(c.Tools(), name)) == 0 {
			return tool.Plan{}, tool.Invalid("for", "names no tool, family or permission of this server; findTools lists the tools")
		}
	}
	return tool.Plan{Target: "(this server)"}, nil
}

// meant returns the tools of that name or family, or those that can use the permission.
func meant(tools []*tool.Tool, name string) []*tool.Tool {
	return slices.DeleteFunc(slices.Clone(tools), func(t *tool.Tool) bool {
		return t.Name != name && t.Family != name && !uses(t, name)
	})
}

// uses reports whether a tool may need the permission.
func uses(t *tool.Tool, scope string) bool {
	return slices.Contains(slices.Concat(t.Scopes, t.OptionalScopes, t.SharedScopes, slices.Concat(t.AnyScope...)), scope)
}

func doAccess(ctx context.Context, c tool.Call, a accessArgs) (tool.Result, error) {
	var out accessOut
	for _, name := range a.For {
		for _, t := range meant(c.Tools(), name) {
			lacks := c.Missing(t)
			if uses(t, name) { // this one alone, needed or not
				lacks = slices.DeleteFunc([]string{name}, c.Has)
			}
			for _, scope := range lacks {
				out.add(scope, t.Name, !c.Access.MayAsk(scope))
			}
		}
	}
	out.Granted = len(out.Missing) == 0
	var asked []string
	for _, l := range out.Missing {
		if !l.NotAsked {
			asked = append(asked, l.Scope)
		}
	}
	var minutes int
	resting := len(asked) > 0 && c.Principal.RestsOn != ""
	if len(asked) > 0 && !resting {
		link, err := c.Access.Link(ctx, c.Principal, tool.Widest(asked))
		if err != nil {
			return tool.Result{}, fmt.Errorf("link: %w", err)
		}
		out.Link, minutes = link.URL, int(link.Expires.Sub(c.Now).Minutes())
	}
	out.Help = out.help(minutes)
	if resting {
		out.Help = strings.TrimSpace("This connection comes from the organization's identity provider and rests on a sign-in that the person has made in another app: " +
			"the permissions have to be added there, and count with the next token. " + out.Help)
	}
	return tool.Result{Structured: out, Text: out.text(), Items: len(out.Missing)}, nil
}

func (o *accessOut) help(minutes int) string {
	if o.Granted {
		return "Nothing is missing."
	}
	var help []string
	if o.Link != "" {
		help = append(help, fmt.Sprintf("Give the person this link: it works once, within %d minutes, for this person alone. "+
			"When it is granted, call the tool again; nothing has to be reconnected.", minutes))
	}
	if slices.ContainsFunc(o.Missing, func(l lacked) bool { return l.NotAsked && !l.AdminConsent }) {
		help = append(help, "This server does not ask people for those marked notAsked: its administrator has to add the tools to its list (M365_MCP_TOOLS), or tools.shared_mailboxes.")
	}
	if slices.ContainsFunc(o.Missing, func(l lacked) bool { return l.NotAsked && l.AdminConsent }) {
		help = append(help, "Those marked adminConsent need the consent of a Microsoft 365 administrator first, and tools.admin_consent on this server.")
	}
	return strings.Join(help, " ")
}

func (o *accessOut) add(scope, name string, notAsked bool) {
	for i := range o.Missing {
		if o.Missing[i].Scope == scope {
			if !slices.Contains(o.Missing[i].Tools, name) {
				o.Missing[i].Tools = append(o.Missing[i].Tools, name)
			}
			return
		}
	}
	o.Missing = append(o.Missing, lacked{scope, []string{name}, slices.Contains(tool.AdminConsent, scope), notAsked})
}

func (o *accessOut) text() string {
	var b strings.Builder
	for _, l := range o.Missing {
		b.WriteString("- " + l.Scope + " for " + strings.Join(l.Tools, ", "))
		if l.AdminConsent {
			b.WriteString(" (administrator)")
		}
		b.WriteByte('\n')
	}
	b.WriteString(o.Help)
	if o.Link != "" {
		b.WriteString("\n" + o.Link)
	}
	return b.String()
}
