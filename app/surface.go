package app

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"m365mcp/config"
	"m365mcp/tool"
)

// ToolReference is docs/tools.md: every tool as the registry knows it.
func ToolReference() (string, error) {
	registry, err := newRegistry(config.Tools{Preset: "full,runReadTool,runWriteTool,findTools"}, config.LinkedApps{})
	if err != nil {
		return "", err
	}
	set := catalogue()
	var b bytes.Buffer
	b.WriteString(referenceHead)
	for _, family := range tool.Families {
		tools := slices.DeleteFunc(slices.Clone(set.Tools), func(t *tool.Tool) bool { return t.Family != family })
		if len(tools) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n", family)
		for _, t := range tools {
			writeTool(&b, t)
		}
	}
	b.WriteString("\n## Resources\n\nA resource comes and goes with a tool: where that is denied, there is no resource.\n\n| URI | what | with | permissions |\n|---|---|---|---|\n")
	for _, r := range set.Resources {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", r.URI, r.Description, r.Of, code(permissions(r.Tool)))
	}
	b.WriteString("\n## Prompts\n\n| prompt | what | arguments | needs |\n|---|---|---|---|\n")
	for _, p := range registry.Prompts() {
		var args []string
		for _, f := range p.Arguments {
			args = append(args, f.Name)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.Name, p.Description, code(args), code(p.Needs))
	}
	return b.String(), nil
}

const referenceHead = `# Tools

Generated from the registry by ` + "`go test ./app -update`" + `; a test holds it current.

` + "`M365_MCP_TOOLS`" + ` chooses which are listed: ` + "`core`" + ` (the default, marked below), ` + "`full`" + `, ` + "`read-only`" + `, ` + "`minimal`" + `, ` + "`email`" + `, a family, single tools, or several of them separated by commas. With ` + "`core`" + `, assistants find the others with ` + "`findTools`" + ` and run those that read with ` + "`runReadTool`" + `; add ` + "`runWriteTool`" + ` (` + "`core,runWriteTool`" + `) for those that write. ` + "`tools.allow`" + ` and ` + "`tools.deny`" + ` are an administrator's lists and win. What is listed decides which Microsoft permissions are asked for at sign-in.

Ids in results are short (` + "`m_kxqwznapth`" + `), the same for the same item and person, and good for 90 days after their last use; Graph's own ids are taken too. Times are in the mailbox's zone unless ` + "`timeZone`" + ` says otherwise, and results name it. What outsiders wrote is fenced and marked ` + "`untrusted`" + `.

Permissions are delegated scopes of Microsoft Graph, least first; *shared* are asked for with ` + "`tools.shared_mailboxes`" + `. Those marked † need an administrator's consent.
`

func writeTool(b *bytes.Buffer, t *tool.Tool) {
	var marks []string
	switch {
	case t.ReadOnly:
		marks = append(marks, "reads")
	case t.Destructive:
		marks = append(marks, "writes, cannot be taken back")
	default:
		marks = append(marks, "writes")
	}
	if t.Core {
		marks = append(marks, "core")
	}
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n%s", t.Name, t.Description, strings.Join(marks, ", "))
	if p := permissions(t); p != nil {
		fmt.Fprintf(b, "; permissions: %s", code(p))
	}
	if t.SharedScopes != nil {
		fmt.Fprintf(b, "; shared: %s", code(t.SharedScopes))
	}
	b.WriteString("\n")
	if len(t.Output) > 0 {
		fmt.Fprintf(b, "\nReturns %s.\n", returned(t.Output))
	}
	if len(t.Input) == 0 {
		return
	}
	b.WriteString("\n| argument | type | | |\n|---|---|---|---|\n")
	for _, f := range t.Input {
		required := ""
		switch {
		case f.Required:
			required = "required"
		case f.Default != nil:
			required = fmt.Sprintf("default `%v`", f.Default)
		}
		what := f.Description
		if f.Aliases != nil {
			what = strings.TrimSpace(what + " Also taken as " + code(f.Aliases) + ".")
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.Name, f.Allows(), required, what)
	}
}

// returned names what a result has, lists with what their items have.
func returned(fields []tool.Field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = "`" + f.Name + "`"
		if len(f.Items) > 0 {
			names[i] += " (" + returned(f.Items) + ")"
		}
	}
	return strings.Join(names, ", ")
}

// permissions are a tool's scopes; alternatives stand side by side with a bar.
func permissions(t *tool.Tool) []string {
	out := slices.Clone(t.Scopes)
	var sets []string
	for _, set := range t.AnyScope {
		sets = append(sets, strings.Join(set, "+"))
	}
	if sets != nil {
		out = append(out, strings.Join(sets, " or "))
	}
	for _, s := range t.OptionalScopes {
		out = append(out, s+" (optional)")
	}
	for i, s := range out {
		if slices.Contains(tool.AdminConsent, s) {
			out[i] = s + "†"
		}
	}
	return out
}

func code(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}
