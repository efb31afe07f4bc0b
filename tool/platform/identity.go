package platform

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

// zoneScope lets whoAmI say the mailbox's time zone; without it the field stays empty.
const zoneScope = "MailboxSettings.Read"

type identityOut struct {
	Name        string   `json:"displayName"`
	Mail        string   `json:"mail"`
	UPN         string   `json:"userPrincipalName"`
	ID          string   `json:"id"`
	TenantID    string   `json:"tenantId"`
	TimeZone    string   `json:"timeZone,omitempty"`
	Permissions []string `json:"permissions"`
}

func whoAmI() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "whoAmI", Title: "Who is signed in", Family: family,
		Description: "Who is signed in to Microsoft 365 (name, address, tenant), the mailbox's time zone, and the permissions granted to this connection.",
		Keywords:    "my name my account identity profile user which tenant scopes",
		Output: []tool.Field{
			{Name: "displayName", Type: tool.String},
			{Name: "mail", Type: tool.String},
			{Name: "userPrincipalName", Type: tool.String},
			{Name: "id", Type: tool.String},
			{Name: "tenantId", Type: tool.String},
			{Name: "timeZone", Type: tool.String},
			{Name: "permissions", Type: tool.StringList},
		},
		ReadOnly: true, Idempotent: true, Core: true,
		Scopes: []string{"User.Read"}, OptionalScopes: []string{zoneScope},
	}, func(context.Context, tool.Call, none) (tool.Plan, error) {
		return tool.Plan{Target: "/me"}, nil
	}, func(ctx context.Context, c tool.Call, _ none) (tool.Result, error) {
		var me graph.User
		if err := get(ctx, c, "/me", graph.Query{}.Select("id", "displayName", "mail", "userPrincipalName"), &me); err != nil {
			return tool.Result{}, err
		}
		out := identityOut{
			Name: content.Line(me.DisplayName, 256), Mail: me.Mail, UPN: me.UserPrincipalName, ID: me.ID,
			TenantID: c.Principal.TenantID, Permissions: slices.Sorted(slices.Values(c.Principal.Scopes)),
		}
		if c.Has(zoneScope) {
			var settings struct {
				TimeZone string `json:"timeZone"`
			}
			if err := get(ctx, c, "/me/mailboxSettings", graph.Query{}.Select("timeZone"), &settings); err != nil {
				return tool.Result{}, err
			}
			out.TimeZone = content.Line(settings.TimeZone, 100)
		}
		return tool.Result{Structured: out, Text: out.text(), Items: 1}, nil
	})
}

func (o identityOut) text() string {
	zone := o.TimeZone
	if zone == "" {
		zone = "not known (permission " + zoneScope + " is missing)"
	}
	return fmt.Sprintf("Signed in: %s <%s>, user principal name %s, tenant %s.\nTime zone: %s.\nPermissions: %s.",
		o.Name, o.Mail, o.UPN, o.TenantID, zone, strings.Join(o.Permissions, ", "))
}

type signedIn struct {
	SignedIn bool   `json:"signedIn"`
	User     string `json:"user"`
	Help     string `json:"help"`
}

// authenticate keeps the name that clients of the system before this one know.
// Who reaches a tool is signed in already: the transport sees to that.
func authenticate() *tool.Tool {
	const help = "The sign-in belongs to the assistant's connection. To sign in as somebody else, or with other permissions: " +
		"disconnect this server in the assistant's settings and connect it again; a browser opens for the consent and Microsoft's sign-in. " +
		"Which assistants are connected, and how to end that: the page /connections of this server."
	const serviceHelp = "A service acts for no person and reaches nobody's data. For that, connect this server in an assistant and sign in."
	return tool.Define(tool.Spec{
		Name: "authenticate", Title: "Sign-in status", Family: family,
		Description: "Tells whether and as whom this connection is signed in, and how to sign in again or as another person.",
		Keywords:    "login log in logout switch account sign out",
		Output: []tool.Field{
			{Name: "signedIn", Type: tool.Boolean}, {Name: "user", Type: tool.String}, {Name: "help", Type: tool.String},
		},
		ReadOnly: true, Idempotent: true, Core: true, Anyone: true,
	}, nothing[none], func(_ context.Context, c tool.Call, _ none) (tool.Result, error) {
		if c.Principal.Service != "" {
			out := signedIn{SignedIn: true, User: c.Principal.Service, Help: serviceHelp}
			return tool.Result{Structured: out, Items: 1, Text: "Connected as the service " + c.Principal.Service + ". " + serviceHelp}, nil
		}
		out := signedIn{SignedIn: true, User: c.Principal.UPN, Help: help}
		return tool.Result{Structured: out, Items: 1, Text: "Signed in as " + c.Principal.UPN + ". " + help}, nil
	})
}

type profileOut struct {
	ID         string `json:"id"`
	Name       string `json:"displayName"`
	Mail       string `json:"mail"`
	UPN        string `json:"userPrincipalName"`
	JobTitle   string `json:"jobTitle"`
	Department string `json:"department"`
	Company    string `json:"companyName"`
}

func profile() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "resource:profile", Title: "Profile of the signed-in person", Family: family, Of: "whoAmI",
		Description: "Name, addresses, job title, department and company of the signed-in person, as JSON.",
		ReadOnly:    true, Idempotent: true,
		Scopes: []string{"User.Read"},
	}, func(context.Context, tool.Call, none) (tool.Plan, error) {
		return tool.Plan{Target: "/me"}, nil
	}, func(ctx context.Context, c tool.Call, _ none) (tool.Result, error) {
		var me graph.User
		query := graph.Query{}.Select("id", "displayName", "mail", "userPrincipalName", "jobTitle", "department", "companyName")
		if err := get(ctx, c, "/me", query, &me); err != nil {
			return tool.Result{}, err
		}
		return tool.Result{Items: 1, Structured: profileOut{
			ID: me.ID, Name: me.DisplayName, Mail: me.Mail, UPN: me.UserPrincipalName,
			JobTitle: me.JobTitle, Department: me.Department, Company: me.CompanyName,
		}}, nil
	})
}
