package entra

import (
	"strings"

	"m365mcp/simulator/dataset"
)

// personalTenant is the tenant id that all personal Microsoft accounts share.
const personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Aliases in the place of a tenant: the person signing in decides.
const (
	aliasCommon        = "common"        // personal accounts too
	aliasOrganizations = "organizations" // work and school accounts
)

func isTenantAlias(name string) bool { return name == aliasCommon || name == aliasOrganizations }

// findTenant resolves the tenant of a path, by id or domain; nil is an alias.
func (s *Server) findTenant(name string) (*dataset.Tenant, *stsError) {
	if isTenantAlias(name) {
		return nil, nil
	}
	for _, t := range s.tenants {
		if strings.EqualFold(name, t.ID) || strings.EqualFold(name, t.Domain) {
			return t, nil
		}
	}
	return nil, &stsError{
		code: 90002, oauth: "invalid_tenant",
		text: "Tenant '" + name + "' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
	}
}

// checkAudience tells whether the app may be used at that tenant, or by an alias.
func (s *Server) checkAudience(client *Client, at *dataset.Tenant) *stsError {
	switch {
	case client.MultiTenant || at == s.tenant:
		return nil
	case at == nil:
		return &stsError{
			code: 50194, oauth: "unauthorized_client",
			text: "Application '" + client.ID + "'(" + client.Name + ") is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.",
		}
	}
	return s.unknownClient(client.ID, at)
}

// checkHome tells whether the person may sign in at the tenant or alias of the path.
func (s *Server) checkHome(p *dataset.Person, path string) *stsError {
	at, fault := s.findTenant(path)
	home := s.home[p.ID]
	switch {
	case fault != nil || at == home:
		return fault
	case at != nil:
		return invalidRequest(50020, "User account '"+p.UPN+"' from identity provider 'https://sts.windows.net/"+home.ID+"/' does not exist in tenant '"+at.Name+"' and cannot access the application in that tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different Microsoft Entra user account.")
	case path == aliasOrganizations && home.ID == personalTenant:
		return invalidRequest(500200, "User account '"+p.UPN+"' is a personal Microsoft account. Personal Microsoft accounts are not supported for this application unless explicitly invited to an organization. Try signing out and signing back in with an organizational account.")
	}
	return nil
}

// issuer is that of id_tokens; the keys and discovery of an alias have a template.
func (s *Server) issuer(at *dataset.Tenant) string {
	if at == nil {
		return s.baseURL + "/{tenantid}/v2.0"
	}
	return s.baseURL + "/" + at.ID + "/v2.0"
}

// accessIssuer is the issuer of version 1.0 tokens, which differs from discovery's.
func accessIssuer(tenantID string) string { return "https://sts.windows.net/" + tenantID + "/" }
