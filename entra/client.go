// Package entra speaks with the Microsoft identity platform (Entra ID, v2
// endpoints) and keeps what it hands out.
//
// The flow of one sign-in: [Client.AuthorizeURL] sends the browser to Microsoft
// (authorization code with PKCE S256), [Client.Exchange] redeems the code and
// verifies the id_token, which names the person; [Vault.Put] seals the tokens
// under the grant. From then on [Vault.Token] gives the access token for each
// Graph call and renews it in time, once for all callers and replicas, and
// [Vault.Reject] takes note when Graph no longer accepts it.
//
// Endpoints and keys come from discovery, fetched when first needed. Secrets and
// tokens go to the authority's origin and nowhere else; access tokens for Graph
// are opaque and never parsed.
package entra

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"m365mcp/internal/secret"
)

// requestTimeout bounds each request to the authority, redirects and body included.
const requestTimeout = 30 * time.Second

// Config is the registration of this application at Microsoft.
type Config struct {
	Authority    string // https://login.microsoftonline.com, or that of a national cloud
	Tenant       string // tenant id, a verified domain, or "organizations"
	ClientID     string
	ClientSecret secret.String
	RedirectURI  string
	GraphURL     string // the resource that scopes are asked for
}

// Client is the relying party. It is safe for concurrent use.
type Client struct {
	config   Config
	resource string // prefix of scopes; empty where Entra's default, global Graph, is meant
	origin   *authorityOnly
	http     *http.Client // on origin
	now      func() time.Time
	log      *slog.Logger

	flight singleflight.Group // one discovery at a time

	mu       sync.Mutex
	provider *provider // nil until discovery has succeeded
	stale    time.Time // when to discover again
}

// New checks the configuration; it uses no network. The HTTP client's transport
// decides how the authority is reached; its redirect policy is replaced.
func New(config Config, client *http.Client, now func() time.Time, logger *slog.Logger) (*Client, error) {
	config.Authority = strings.TrimRight(config.Authority, "/")
	authority, err := url.Parse(config.Authority)
	if err != nil || authority.Host == "" || authority.User != nil || authority.RawQuery != "" ||
		(authority.Scheme != "https" && authority.Scheme != "http") {
		return nil, errors.New("microsoft authority: must be an https URL without user, query or fragment")
	}
	if err := checkTenant(config.Tenant); err != nil {
		return nil, err
	}
	if config.ClientID == "" || config.ClientSecret.IsZero() {
		return nil, errors.New("microsoft client id or client secret is not set")
	}
	if u, err := url.Parse(config.RedirectURI); err != nil || u.Host == "" || u.Fragment != "" {
		return nil, fmt.Errorf("microsoft redirect URI %q: must be an absolute URL without fragment", config.RedirectURI)
	}
	graph, err := url.Parse(config.GraphURL)
	if err != nil || graph.Host == "" {
		return nil, fmt.Errorf("microsoft Graph URL %q: must be an absolute URL", config.GraphURL)
	}
	if client == nil || client.Transport == nil {
		return nil, errors.New("entra: an HTTP client with a transport of its own is required")
	}
	origin := &authorityOnly{next: client.Transport, scheme: authority.Scheme, host: authority.Host}
	pinned := *client
	pinned.Transport = origin
	pinned.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if pinned.Timeout == 0 || pinned.Timeout > requestTimeout {
		pinned.Timeout = requestTimeout
	}
	return &Client{config: config, resource: resourceOf(graph), origin: origin, http: &pinned, now: now, log: logger}, nil
}

// checkTenant refuses the aliases under which personal Microsoft accounts sign
// in: they have no tenant, and most of what this server offers does not exist there.
func checkTenant(tenant string) error {
	switch strings.ToLower(tenant) {
	case "":
		return errors.New("microsoft tenant is not set")
	case "common", "consumers":
		return fmt.Errorf("microsoft tenant %q admits personal accounts: name a tenant, or use \"organizations\"", tenant)
	}
	if strings.ContainsAny(tenant, "/?#%\\ ") || strings.Trim(tenant, ".") == "" {
		return fmt.Errorf("microsoft tenant %q: must be a tenant id, a domain or \"organizations\"", tenant)
	}
	return nil
}

// nationalGraphs are the hosts whose scopes have to be asked for by full name.
var nationalGraphs = map[string]bool{
	"graph.microsoft.us":              true,
	"dod-graph.microsoft.us":          true,
	"microsoftgraph.chinacloudapi.cn": true,
}

func resourceOf(graph *url.URL) string {
	if !nationalGraphs[strings.ToLower(graph.Hostname())] {
		return ""
	}
	return "https://" + strings.ToLower(graph.Host) + "/"
}
