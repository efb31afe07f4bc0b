package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"m365mcp/config"
	"m365mcp/tool"
)

// notice is no failure: the server works, and somebody has to know or do something.
type notice struct{ text, todo string }

func (n *notice) Error() string { return n.text }

// checkTools says who has to consent before the selected tools can run.
func checkTools(_ context.Context, c config.Config) (string, error) {
	registry, err := newRegistry(c.Tools, c.Linked)
	if err != nil {
		return "", err
	}
	var tools, scopes []string
	for _, t := range registry.Reachable() {
		if needs := t.AdminScopes(); len(needs) > 0 {
			tools, scopes = append(tools, t.Name), append(scopes, needs...)
		}
	}
	if len(tools) == 0 {
		return fmt.Sprintf("%d of them, and none needs an administrator's consent", len(registry.Reachable())), nil
	}
	slices.Sort(scopes)
	names, needs := strings.Join(tools, ", "), strings.Join(slices.Compact(scopes), ", ")
	const consent = "in Entra, App registrations, API permissions, add them and have an administrator choose Grant admin consent"
	if !c.Tools.AdminConsent {
		return "", &notice{
			fmt.Sprintf("%s: refused to everybody, because only an administrator can consent to %s, and sign-ins do not ask for it while tools.admin_consent is off", names, needs),
			fmt.Sprintf("%s, then set M365_MCP_TOOLS_ADMIN_CONSENT=true; or take the tools away with M365_MCP_TOOLS_DENY=%s", consent, strings.Join(tools, ",")),
		}
	}
	asked := slices.DeleteFunc(registry.Scopes(c.Tools.SharedMailboxes, true), func(scope string) bool { return !slices.Contains(tool.AdminConsent, scope) })
	if len(asked) == 0 {
		return "", &notice{
			fmt.Sprintf("%s: refused to everybody, because sign-ins ask for the permissions of listed tools only, and not for %s", names, needs),
			"list them: M365_MCP_TOOLS=" + c.Tools.Preset + "," + strings.Join(tools, ","),
		}
	}
	return "", &notice{
		fmt.Sprintf("tools.admin_consent is on, so every sign-in asks for %s; Microsoft refuses all of them (AADSTS90094) until an administrator has consented", strings.Join(asked, ", ")),
		"unless that is done: " + consent + "; or set M365_MCP_TOOLS_ADMIN_CONSENT=false",
	}
}
