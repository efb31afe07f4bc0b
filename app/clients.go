package app

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"m365mcp/authserver"
	"m365mcp/config"
	"m365mcp/dial"
	"m365mcp/internal/assertion"
	"m365mcp/tool"
)

// newDocumentClient fetches the metadata documents of clients; nil where there are none.
func newDocumentClient(a *App, c config.OAuth) (client *http.Client, allowed func(*url.URL) bool, err error) {
	if !c.ClientMetadataDocuments {
		return nil, nil, nil
	}
	hosts, err := dial.ParseHosts(c.ClientMetadataHosts)
	if err != nil {
		return nil, nil, usage("oauth.client_metadata_hosts: %w", err)
	}
	client = dial.DocumentClient("client metadata", hosts)
	a.cleanups.add(closeIdle(client))
	return client, hosts.AllowDocument, nil
}

// configuredClients are those of the administrator, with their keys.
func configuredClients(a *App, list []config.OAuthClient, registry *tool.Registry, now func() time.Time) ([]authserver.ConfiguredClient, error) {
	var clients []authserver.ConfiguredClient
	for _, c := range list {
		if err := serviceTools("oauth.clients", c.ID, c.Tools, registry); err != nil {
			return nil, err
		}
		client := authserver.ConfiguredClient{
			ID: c.ID, Name: c.Name, RedirectURIs: c.RedirectURIs, Secret: c.Secret, Service: c.Service, Tools: c.Tools, Introspect: c.Introspect,
		}
		if c.AuthMethod == config.AuthKey {
			keys, err := publicKeys(a, c.KeySet, now)
			if err != nil {
				return nil, usage("oauth.clients: %s: %w", c.ID, err)
			}
			client.Keys = keys
		}
		clients = append(clients, client)
	}
	return clients, nil
}

// serviceTools refuses what a service cannot have.
func serviceTools(setting, service string, tools []string, registry *tool.Registry) error {
	for _, name := range tools {
		if known := registry.ForServices(); !slices.Contains(known, name) {
			return usage("%s: the service %s cannot use %s; a service can use, as far as tools.preset and tools.deny leave them: %s", setting, service, name, strings.Join(known, ", "))
		}
	}
	return nil
}

func identityProviders(a *App, list []config.IdentityProvider, now func() time.Time) ([]authserver.IdentityProvider, error) {
	var providers []authserver.IdentityProvider
	for _, p := range list {
		keys, err := publicKeys(a, p.KeySet, now)
		if err != nil {
			return nil, usage("oauth.id_jag: %s: %w", p.Issuer, err)
		}
		providers = append(providers, authserver.IdentityProvider{
			Issuer: p.Issuer, Keys: keys, Clients: p.Clients, TenantID: p.TenantID, TenantClaim: p.TenantClaim, UserClaim: p.UserClaim,
		})
	}
	return providers, nil
}

// publicKeys reads a file, or makes what fetches an address: of that host alone.
func publicKeys(a *App, set config.KeySet, now func() time.Time) (*assertion.Keys, error) {
	if set.File != "" {
		text, err := os.ReadFile(set.File)
		if err != nil {
			return nil, fmt.Errorf("jwks_file: %w", err)
		}
		keys, err := assertion.ParseKeys(text)
		if err != nil {
			return nil, fmt.Errorf("jwks_file %s: %w", set.File, err)
		}
		return keys, nil
	}
	u, err := url.Parse(set.URI)
	if err != nil {
		return nil, fmt.Errorf("jwks_uri: %w", err)
	}
	hosts, err := dial.ParseHosts([]string{u.Host})
	if err != nil {
		return nil, fmt.Errorf("jwks_uri: %w", err)
	}
	client := dial.DocumentClient("public keys", hosts)
	a.cleanups.add(closeIdle(client))
	return assertion.RemoteKeys(set.URI, client, now), nil
}
