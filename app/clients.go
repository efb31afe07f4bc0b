package app

import (
	"net/http"
	"net/url"

	"m365mcp/authserver"
	"m365mcp/config"
	"m365mcp/dial"
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

func configuredClients(list []config.OAuthClient) []authserver.ConfiguredClient {
	var clients []authserver.ConfiguredClient
	for _, c := range list {
		clients = append(clients, authserver.ConfiguredClient(c))
	}
	return clients
}
