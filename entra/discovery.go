package entra

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	discoveryLifetime = 24 * time.Hour
	discoveryRetry    = 5 * time.Minute // after a failed renewal; the old document serves on

	// tenantPlaceholder stands for the tenant in the issuer of multi-tenant aliases.
	tenantPlaceholder = "{tenantid}"
)

// issuerHosts are authorities whose tokens name another host: of the two names
// that Microsoft's pages give for the cloud in China, one stands in the issuer.
var issuerHosts = map[string]string{"https://login.chinacloudapi.cn": "https://login.partner.microsoftonline.cn"}

// provider is what discovery yields.
type provider struct {
	issuer   string // may contain tenantPlaceholder
	tenant   string // id of the one tenant, or empty where there are several
	tenants  Tenants
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// Discover fetches the discovery document anew and checks it: the authority
// answers, and is the one that is configured.
func (c *Client) Discover(ctx context.Context) error {
	_, err := c.rediscover(ctx)
	return err
}

// discovered returns the provider, from memory while it is young enough.
func (c *Client) discovered(ctx context.Context) (*provider, error) {
	c.mu.Lock()
	p, stale := c.provider, c.stale
	c.mu.Unlock()
	if p != nil && c.now().Before(stale) {
		return p, nil
	}
	fresh, err := c.rediscover(ctx)
	if err == nil || p == nil {
		return fresh, err
	}
	if ctx.Err() != nil {
		return nil, err
	}
	c.log.WarnContext(ctx, "discovery at the Microsoft identity platform failed; using the earlier document", "error", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stale = c.now().Add(discoveryRetry)
	return p, nil
}

// rediscover fetches for all who wait; one of them giving up does not end it.
func (c *Client) rediscover(ctx context.Context) (*provider, error) {
	done := c.flight.DoChan("", func() (any, error) {
		p, err := c.fetchProvider(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.provider, c.stale = p, c.now().Add(discoveryLifetime)
		return p, nil
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("entra: discovery: %w", context.Cause(ctx))
	case r := <-done:
		p, _ := r.Val.(*provider) // nil beside an error
		return p, r.Err
	}
}

func (c *Client) fetchProvider(ctx context.Context) (*provider, error) {
	base := c.config.Authority + "/" + url.PathEscape(c.config.Tenants.Name) + "/v2.0"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, fmt.Errorf("entra: discovery: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &Error{Op: "discovery", Err: err}
	}
	defer func() { _ = resp.Body.Close() }() // read to the end or given up: its error says nothing
	var doc struct {
		answer

		Issuer        string `json:"issuer"`
		Authorization string `json:"authorization_endpoint"`
		Token         string `json:"token_endpoint"`
		Keys          string `json:"jwks_uri"`
		Cloud         string `json:"cloud_instance_name"`
	}
	decodeErr := json.NewDecoder(resp.Body).Decode(&doc)
	if resp.StatusCode != http.StatusOK || decodeErr != nil {
		return nil, doc.failure("discovery", resp, decodeErr)
	}
	for _, endpoint := range []string{doc.Authorization, doc.Token, doc.Keys} {
		if err := c.checkEndpoint(endpoint, doc.Cloud); err != nil {
			return nil, err
		}
	}
	tenant, err := c.checkIssuer(doc.Issuer)
	if err != nil {
		return nil, err
	}
	c.keys.Locate(doc.Keys)
	return &provider{
		issuer:  doc.Issuer,
		tenant:  tenant,
		tenants: c.config.Tenants,
		oauth: oauth2.Config{
			ClientID:    c.config.ClientID,
			Endpoint:    oauth2.Endpoint{AuthURL: doc.Authorization, TokenURL: doc.Token, AuthStyle: oauth2.AuthStyleInParams},
			RedirectURL: c.config.RedirectURI,
		},
		verifier: oidc.NewVerifier(doc.Issuer, c.keys, &oidc.Config{
			ClientID:             c.config.ClientID,
			SupportedSigningAlgs: []string{oidc.RS256},
			SkipIssuerCheck:      true, // verify does it: the issuer may be a template
			Now:                  c.now,
		}),
	}, nil
}

// checkEndpoint keeps to the authority. A tenant of another cloud is found at
// each of them, with the endpoints of its own.
func (c *Client) checkEndpoint(endpoint, cloud string) error {
	u, err := url.Parse(endpoint)
	if err != nil || !c.origin.admits(u.Scheme, u.Host) {
		return fmt.Errorf("entra: discovery names the endpoint %q outside the authority %s; the tenant is in the cloud %q", endpoint, c.config.Authority, clean(cloud, nil))
	}
	return nil
}

// checkIssuer compares the document's issuer with what the authority and the
// tenant make it, and returns the tenant's id: domains are aliases of an id.
func (c *Client) checkIssuer(issuer string) (tenant string, err error) {
	middle, ok := strings.CutPrefix(issuer, cmp.Or(issuerHosts[c.config.Authority], c.config.Authority)+"/")
	if ok {
		middle, ok = strings.CutSuffix(middle, "/v2.0")
	}
	configured := c.config.Tenants.Name
	switch {
	case !ok:
	case c.config.Tenants.several():
		if middle == tenantPlaceholder {
			return "", nil
		}
	case guid.MatchString(configured):
		if strings.EqualFold(middle, configured) {
			return strings.ToLower(middle), nil
		}
	case guid.MatchString(middle):
		return strings.ToLower(middle), nil
	}
	return "", fmt.Errorf("entra: issuer %q is not that of tenant %q at %s", issuer, configured, c.config.Authority)
}
