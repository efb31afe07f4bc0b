package people

import (
	"context"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

type findArgs struct {
	Query string `json:"query"`
	Count int    `json:"count"`
}

type findOut struct {
	People []user `json:"people"`
}

type user struct {
	Name       string `json:"displayName,omitempty"`
	Mail       string `json:"mail,omitempty"`
	UPN        string `json:"userPrincipalName,omitempty"`
	JobTitle   string `json:"jobTitle,omitempty"`
	Department string `json:"department,omitempty"`
	Office     string `json:"officeLocation,omitempty"`
}

func findPeople() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "findPeople", Title: "Find people in the organization", Family: family,
		Description: "Finds a colleague in the organization's directory: the email address of a name.",
		Keywords:    "employee staff user lookup email address of",
		Input: []tool.Field{
			{Name: "query", Type: tool.String, Required: true, MaxLength: 200, Description: "Name, beginning of a name, or address."},
			{Name: "count", Type: tool.Integer, Default: 10, Min: 1, Max: 50},
		},
		Output: []tool.Field{{Name: "people", Type: tool.ObjectList, Required: true, Items: []tool.Field{
			{Name: "displayName", Type: tool.String},
			{Name: "mail", Type: tool.String},
			{Name: "userPrincipalName", Type: tool.String},
			{Name: "jobTitle", Type: tool.String},
			{Name: "department", Type: tool.String},
			{Name: "officeLocation", Type: tool.String},
		}}},
		ReadOnly: true, Idempotent: true, Core: true, Untrusted: true,
		// User.ReadBasic.All shows names and addresses of everybody; titles need User.Read.All, which an administrator grants.
		Scopes: []string{"User.ReadBasic.All"},
	}, planFind, doFind)
}

func planFind(_ context.Context, _ tool.Call, a findArgs) (tool.Plan, error) {
	if strings.TrimSpace(a.Query) == "" {
		return tool.Plan{}, tool.Invalid("query", "is empty; give a name or an address")
	}
	return tool.Plan{Target: "/users"}, nil
}

func doFind(ctx context.Context, c tool.Call, a findArgs) (tool.Result, error) {
	request := graph.Request{
		Method: graph.Get, Path: graph.Fixed("/users"), Eventual: true,
		Query: graph.Query{}.Select("displayName", "mail", "userPrincipalName", "jobTitle", "department", "officeLocation").Top(a.Count).
			DirectorySearch(graph.Term{Property: "displayName", Value: a.Query}, graph.Term{Property: "mail", Value: a.Query}, graph.Term{Property: "userPrincipalName", Value: a.Query}),
	}
	items, _, err := graph.List[graph.User](ctx, c.Graph, request, a.Count)
	if err != nil {
		return tool.Result{}, err
	}
	out := findOut{People: make([]user, 0, len(items))}
	for _, u := range items[:min(len(items), a.Count)] {
		shaped := user{
			Name: content.Line(u.DisplayName, 100), Mail: content.Line(u.Mail, 320), UPN: content.Line(u.UserPrincipalName, 320),
			JobTitle: content.Line(u.JobTitle, 100), Department: content.Line(u.Department, 100), Office: content.Line(u.OfficeLocation, 100),
		}
		if strings.EqualFold(shaped.UPN, shaped.Mail) { // as it mostly is
			shaped.UPN = ""
		}
		out.People = append(out.People, shaped)
	}
	return tool.Result{Structured: out, Text: out.text(a.Query), Items: len(out.People)}, nil
}

func (o findOut) text(query string) string {
	if len(o.People) == 0 {
		return "Nobody in the directory matches " + content.Line(query, 100) + "."
	}
	var b strings.Builder
	for _, u := range o.People {
		fmt.Fprintf(&b, "- %s", content.Address(u.Name, u.Mail))
		for _, s := range []string{u.UPN, u.JobTitle, u.Department, u.Office} {
			if s != "" {
				fmt.Fprintf(&b, ", %s", s)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
