package app

import (
	"slices"
	"time"

	"m365mcp/config"
	"m365mcp/dial"
	"m365mcp/entra"
)

// newEntra makes the client of the identity platform. A credential that cannot
// be used is said at once, with the way out, and not by the first sign-in.
func newEntra(a *App, c config.Config, now func() time.Time) (*entra.Client, error) {
	m := c.Microsoft
	credential, err := newCredential(m)
	if err != nil {
		return nil, usage("%w", err)
	}
	client, err := dial.Client("entra", m.Authority)
	if err != nil {
		return nil, usage("%w", err)
	}
	a.cleanups.add(closeIdle(client))
	tenants := entra.Tenants{Name: m.TenantID, Allowed: m.AllowedTenants}
	if slices.Contains(m.AllowedTenants, config.AnyTenant) {
		tenants.Allowed, tenants.Any = nil, true
	}
	e, err := entra.New(entra.Config{
		Authority: m.Authority, Tenants: tenants, ClientID: m.ClientID, Credential: credential,
		RedirectURI: c.Server.PublicURL + "/callback", GraphResource: m.GraphResource,
	}, client, now, a.log)
	if err != nil {
		return nil, usage("%w", err)
	}
	return e, nil
}

func newCredential(m config.Microsoft) (entra.Credential, error) {
	switch {
	case !m.ClientCertificate.IsZero():
		return entra.ParseCertificate(m.ClientCertificate)
	case m.FederatedTokenFile != "":
		return entra.TokenFile(m.FederatedTokenFile), nil
	case !m.ClientSecret.IsZero():
		return entra.Secret(m.ClientSecret), nil
	}
	return nil, nil // which entra.New refuses
}
