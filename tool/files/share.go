package files

import (
	"context"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

type shareArgs struct {
	ID      string   `json:"id"`
	Scope   string   `json:"scope"`
	People  []string `json:"people"`
	Role    string   `json:"role"`
	Message string   `json:"message"`
}

type shareOut struct {
	URL        string   `json:"url,omitempty"`
	SharedWith []string `json:"sharedWith"`
	Role       string   `json:"role"`
}

const (
	scopeOrganization, scopePeople, scopeAnonymous = "organization", "people", "anonymous"

	// anyone is the recipient of a link without sign-in, for policy: it is no address.
	anyone = "anyone"

	roleRead, roleWrite = "read", "write"

	maxInvited = 50
	maxMessage = 2000 // https://learn.microsoft.com/graph/api/driveitem-invite
)

func shareFile() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "shareFile", Title: "Share a file or folder", Family: family,
		Description: "Share a file or folder with people by mail address, who get an invitation, or by a link with everybody in the organization or with anybody.",
		Keywords:    "permission grant invite collaborate sharing link access",
		Input: []tool.Field{
			idField,
			{Name: "scope", Type: tool.String, Enum: []string{scopeOrganization, scopePeople, scopeAnonymous}, Default: scopeOrganization},
			{Name: "people", Type: tool.StringOrList, MaxLength: 320, MaxItems: maxInvited, Description: "Addresses, for scope people."},
			{Name: "role", Type: tool.String, Enum: []string{roleRead, roleWrite}, Default: roleRead},
			{Name: "message", Type: tool.String, MaxLength: maxMessage, Description: "In the invitation."},
		},
		Output: []tool.Field{
			{Name: "url", Type: tool.String},
			{Name: "sharedWith", Type: tool.StringList},
			{Name: "role", Type: tool.String},
		},
		Destructive: true, OpenWorld: true, Untrusted: true,
		Scopes: []string{writeScope}, SharedScopes: writeElsewhere[:1],
	}, planShare, doShare)
}

func (a shareArgs) check() error {
	switch {
	case a.Scope == scopePeople && len(a.People) == 0:
		return tool.Invalid("people", "are missing; give the addresses to share with")
	case a.Scope != scopePeople && len(a.People) > 0:
		return tool.Invalid("people", "are for scope people; leave them out to make a link for the scope "+a.Scope)
	case a.Scope != scopePeople && a.Message != "":
		return tool.Invalid("message", "is for scope people: nobody is written to otherwise")
	}
	return tool.CheckAddresses("people", a.People...)
}

func planShare(ctx context.Context, c tool.Call, a shareArgs) (tool.Plan, error) {
	if err := a.check(); err != nil {
		return tool.Plan{}, err
	}
	at, d, lacks, err := toChange(ctx, c, a.ID)
	if err != nil || lacks != nil {
		return tool.Plan{Target: "/drives/{drive}", Scopes: lacks}, err
	}
	request, err := a.request(at)
	if err != nil {
		return tool.Plan{}, err
	}
	file, err := at.leaving(c, d)
	if err != nil {
		return tool.Plan{}, err
	}
	guard, err := at.guard(d)
	return tool.Plan{
		Target: request.Path.Template(), Recipients: a.recipients(), Content: []string{a.Message}, Files: []tool.Source{file},
		Writes: []graph.Request{request}, Guards: []tool.Guard{guard},
	}, err
}

// recipients are who gets access.
func (a shareArgs) recipients() []string {
	switch a.Scope {
	case scopePeople:
		return a.People
	case scopeAnonymous:
		return []string{anyone}
	}
	return []string{scopeOrganization}
}

func (a shareArgs) request(at spot) (graph.Request, error) {
	if a.Scope != scopePeople {
		path, err := at.to("/createLink")
		if err != nil {
			return graph.Request{}, err
		}
		return graph.PostJSON(path, map[string]string{"type": map[string]string{roleRead: "view", roleWrite: "edit"}[a.Role], "scope": a.Scope})
	}
	path, err := at.to("/invite")
	if err != nil {
		return graph.Request{}, err
	}
	recipients := make([]map[string]string, len(a.People))
	for i, address := range a.People {
		recipients[i] = map[string]string{"email": address}
	}
	body := map[string]any{"recipients": recipients, "roles": []string{a.Role}, "requireSignIn": true, "sendInvitation": true}
	if a.Message != "" {
		body["message"] = a.Message
	}
	return graph.PostJSON(path, body)
}

func doShare(ctx context.Context, c tool.Call, a shareArgs) (tool.Result, error) {
	resp, err := c.Graph.Do(ctx, c.Plan.Writes[0])
	if err != nil {
		return tool.Result{}, err
	}
	out := shareOut{SharedWith: c.Plan.Recipients, Role: a.Role}
	text := fmt.Sprintf("Shared with %s, to %s; they were invited by mail.", strings.Join(out.SharedWith, ", "), a.Role)
	if a.Scope != scopePeople {
		var permission struct {
			Link struct {
				WebURL string `json:"webUrl"`
			} `json:"link"`
		}
		if err := resp.Decode(&permission); err != nil {
			return tool.Result{}, err
		}
		out.URL = content.Line(permission.Link.WebURL, maxURL)
		text = fmt.Sprintf("Link for %s, to %s: %s", strings.Join(out.SharedWith, ", "), a.Role, out.URL)
	}
	return tool.Result{Structured: out, Text: text, Items: 1}, nil
}
