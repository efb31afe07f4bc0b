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
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"m365mcp/internal/jwks"
)

const (
	// requestTimeout bounds each request to the authority, redirects and body included.
	requestTimeout = 30 * time.Second

	// noticeInterval is how often the log is told that the credential ends soon.
	noticeInterval = 24 * time.Hour

	// globalGraph is the resource that scopes without one belong to.
	globalGraph = "https://graph.microsoft.com"
)

// Config is the registration of this application at Microsoft.
type Config struct {
	Authority     string  // https://login.microsoftonline.com, or that of a national cloud
	Tenants       Tenants // whose people may sign in
	ClientID      string
	Credential    Credential
	RedirectURI   string
	GraphResource string // https://graph.microsoft.com, or that of a national cloud
}

// Client is the relying party. It is safe for concurrent use.
type Client struct {
	config   Config
	resource string // prefix of scopes; empty where Entra's default, global Graph, is meant
	origin   *authorityOnly
	keys     *jwks.Set
	http     *http.Client // on origin
	now      func() time.Time
	log      *slog.Logger

	flight singleflight.Group // one discovery at a time

	mu       sync.Mutex
	provider *provider // nil until discovery has succeeded
	stale    time.Time // when to discover again
	noticed  time.Time // when the log was told of the credential's end
}

// New checks the configuration, and that the credential can be used now; it uses
// no network. The HTTP client's transport decides how the authority is reached;
// its redirect policy is replaced.
func New(config Config, client *http.Client, now func() time.Time, logger *slog.Logger) (*Client, error) {
	config.Authority = strings.TrimRight(config.Authority, "/")
	authority, err := url.Parse(config.Authority)
	if err != nil || authority.Host == "" || authority.User != nil || authority.RawQuery != "" ||
		(authority.Scheme != "https" && authority.Scheme != "http") {
		return nil, errors.New("microsoft authority: must be an https URL without user, query or fragment")
	}
	if err := config.Tenants.check(); err != nil {
		return nil, err
	}
	if config.ClientID == "" || config.Credential == nil {
		return nil, errors.New("microsoft client id or the credential of the client is not set")
	}
	if u, err := url.Parse(config.RedirectURI); err != nil || u.Host == "" || u.Fragment != "" {
		return nil, fmt.Errorf("microsoft redirect URI %q: must be an absolute URL without fragment", config.RedirectURI)
	}
	config.GraphResource = strings.TrimRight(config.GraphResource, "/")
	if graph, err := url.Parse(config.GraphResource); err != nil || graph.Host == "" {
		return nil, fmt.Errorf("microsoft Graph resource %q: must be an absolute URL", config.GraphResource)
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
	c := &Client{config: config, origin: origin, http: &pinned, keys: newKeySet(&pinned, now), now: now, log: logger}
	if config.GraphResource != globalGraph {
		c.resource = config.GraphResource + "/"
	}
	if _, _, err := config.Credential.Status(now()); err != nil {
		return nil, err
	}
	if warning := c.notice(now()); warning != "" {
		logger.Warn("credential at Microsoft", "warning", warning)
	}
	return c, nil
}

// credential is what a token request carries to prove that it is this application's.
func (c *Client) credential(ctx context.Context, op, tokenEndpoint string) (url.Values, error) {
	now := c.now()
	form, err := c.config.Credential.form(c.config.ClientID, tokenEndpoint, now)
	if err != nil {
		return nil, &Error{Op: op, Err: fmt.Errorf("%w: %w", ErrCredential, err)}
	}
	if warning := c.notice(now); warning != "" {
		c.log.WarnContext(ctx, "credential at Microsoft", "warning", warning)
	}
	return form, nil
}

// notice returns what the log should be told of the credential's end, not more
// often than it helps.
func (c *Client) notice(now time.Time) string {
	_, warning, err := c.config.Credential.Status(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || warning == "" || now.Sub(c.noticed) < noticeInterval {
		return ""
	}
	c.noticed = now
	return warning
}

// Credential says what the client's credential is, and where it ends soon, that too.
func (c *Client) Credential() string {
	detail, warning, err := c.config.Credential.Status(c.now())
	if err != nil {
		return err.Error()
	}
	if warning != "" {
		detail += " (" + warning + ")"
	}
	return detail
}
