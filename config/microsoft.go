package config

import (
	"fmt"
	"slices"
	"strings"
)

// checkCredential wants exactly one way to prove to Entra who is asking.
func (l *loader) checkCredential() {
	m := &l.cfg.Microsoft
	all := []struct {
		path string
		set  bool
	}{
		{"microsoft.client_secret", !m.ClientSecret.IsZero()},
		{"microsoft.client_certificate", !m.ClientCertificate.IsZero()},
		{"microsoft.federated_token_file", m.FederatedTokenFile != ""},
	}
	var set, names []string
	for _, c := range all {
		if l.bad[c.path] {
			return // said already
		}
		if c.set {
			set = append(set, c.path)
		}
		s := l.find(c.path)
		name := s.familiar()
		if s.secret() {
			name += " (or " + name + "_FILE)"
		}
		names = append(names, name)
	}
	switch len(set) {
	case 0:
		l.report(Problem{
			Where: all[0].path, Setting: all[0].path, What: "no credential of the application is set",
			Fix: "set exactly one of " + strings.Join(names, ", "),
		})
	case 1:
	default:
		l.report(Problem{
			Where: strings.Join(set, ", "), Setting: set[0], What: "several credentials of the application are set: which one counts?",
			Fix: "keep one of them",
		})
	}
}

// checkTenants holds the name of the tenant against the list.
func (l *loader) checkTenants() {
	const list = "microsoft.allowed_tenants"
	m := &l.cfg.Microsoft
	if l.bad["microsoft.tenant_id"] || l.bad[list] {
		return
	}
	problem := Problem{Where: list, Setting: list}
	switch {
	case m.TenantID == SeveralTenants && len(m.AllowedTenants) == 0:
		problem.What = "is not set, and microsoft.tenant_id is " + SeveralTenants + ": people of every organization could sign in"
		problem.Fix = "list the tenant IDs, or, knowing this, set it to \"" + AnyTenant + "\""
	case m.TenantID != SeveralTenants && len(m.AllowedTenants) > 0:
		problem.What = "is a list, and microsoft.tenant_id names one tenant"
		problem.Fix = "remove one of the two"
	case len(m.AllowedTenants) > 1 && slices.Contains(m.AllowedTenants, AnyTenant):
		problem.What = "names tenants beside \"" + AnyTenant + "\", which is all of them"
		problem.Fix = "keep one or the other"
	default:
		return
	}
	l.report(problem)
}

// checkCloud refuses the endpoint of another cloud: a sign-in there leads to
// nothing here, and nothing says so clearly. Addresses that are no cloud's are a
// stand-in's, or of a proxy on the way.
func (l *loader) checkCloud() {
	m := &l.cfg.Microsoft
	for _, e := range []struct {
		path, address string
		of            func(cloud) []string
	}{
		{"microsoft.authority", m.Authority, func(c cloud) []string { return append(c.aliases, c.authority) }},
		{"microsoft.graph_url", m.GraphURL, func(c cloud) []string { return []string{c.graph} }},
	} {
		var of []string
		for _, name := range cloudNames() {
			if slices.ContainsFunc(e.of(clouds[name]), func(known string) bool { return strings.EqualFold(known, e.address) }) {
				of = append(of, name)
			}
		}
		if len(of) == 0 || slices.Contains(of, m.Cloud) || l.bad["microsoft.cloud"] {
			continue
		}
		l.report(Problem{
			Where: e.path, Setting: e.path,
			What: fmt.Sprintf("%s is of the cloud %s, and microsoft.cloud is %s", e.address, strings.Join(of, " or "), m.Cloud),
			Fix:  "set M365_MCP_MICROSOFT_CLOUD=" + of[0] + ", which sets both addresses, or remove this one",
		})
	}
}
