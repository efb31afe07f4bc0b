// Package platform has the tools about the connection itself.
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

const family = "platform"

// zoneScope lets whoAmI say the mailbox's time zone; without it the field stays empty.
const zoneScope = "MailboxSettings.Read"

// Tools returns the family.
func Tools() []*tool.Tool { return []*tool.Tool{whoAmI()} }

// Resources returns what can be read under a URI.
func Resources() []*tool.Resource {
	return []*tool.Resource{{URI: "microsoft://profile", Tool: profile()}}
}

type none struct{}

type identityOut struct {
	Name        string   `json:"displayName"`
	Mail        string   `json:"mail"`
	UPN         string   `json:"userPrincipalName"`
	ID          string   `json:"id"`
	TenantID    string   `json:"tenantId"`
	TimeZone    string   `json:"timeZone"`
	Permissions []string `json:"permissions"`
}

func whoAmI() *tool.Tool {
	return tool.Define(tool.Spec{
		Name: "whoAmI", Title: "Who is signed in", Family: family,
		Description: "Says who is signed in to Microsoft 365, in which tenant, with which permissions, and the mailbox's time zone.",
		Output: []tool.Field{
			{Name: "displayName", Type: tool.String, Required: true},
			{Name: "mail", Type: tool.String, Required: true},
			{Name: "userPrincipalName", Type: tool.String, Required: true},
			{Name: "id", Type: tool.String, Required: true, Description: "Object id in the tenant."},
			{Name: "tenantId", Type: tool.String, Required: true},
			{Name: "timeZone", Type: tool.String, Required: true, Description: "Windows or IANA name; empty if the permission " + zoneScope + " is missing."},
			{Name: "permissions", Type: tool.StringList, Required: true, Description: "Delegated scopes granted to this connection."},
		},
		ReadOnly: true, Idempotent: true,
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
		if c.Principal.HasScope(zoneScope) {
			var zone struct {
				Value string `json:"value"`
			}
			if err := get(ctx, c, "/me/mailboxSettings/timeZone", graph.Query{}, &zone); err != nil {
				return tool.Result{}, err
			}
			out.TimeZone = zone.Value
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
		Name: "resource:profile", Title: "Profile of the signed-in person", Family: family,
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

// get reads a constant path into v.
func get(ctx context.Context, c tool.Call, path string, q graph.Query, v any) error {
	resp, err := c.Graph.Do(ctx, graph.Request{Method: graph.Get, Path: graph.Fixed(path), Query: q})
	if err != nil {
		return err
	}
	return resp.Decode(v)
}
