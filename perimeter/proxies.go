package perimeter

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// CloudflareAccess is Access in front of this server. The team is its name or, with a
// domain of its own, the address; an audience is an application's AUD tag
// (https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/).
func CloudflareAccess(team string, audiences []string) (Assertion, error) {
	issuer := team
	if !strings.Contains(team, "://") {
		issuer = "https://" + strings.TrimSuffix(team, ".cloudflareaccess.com") + ".cloudflareaccess.com"
	}
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" {
		return Assertion{}, fmt.Errorf("%q is neither a team's name nor the address of its domain", team)
	}
	return Assertion{
		Mode: "cloudflare-access", Title: "Cloudflare Access", Header: "Cf-Access-Jwt-Assertion",
		Issuer: issuer, Audiences: audiences, KeysURL: issuer + "/cdn-cgi/access/certs", Algorithms: []string{"RS256"},
		Claims: Claims{Subject: "sub", Email: "email", Country: "country", Service: "common_name"},
	}, nil
}

// OIDCProxy is any other proxy that signs; what a product settles need not be given.
func OIDCProxy(product string, given Assertion) (Assertion, error) {
	a := known[product]
	if product != "" && a.Header == "" {
		return Assertion{}, fmt.Errorf("%q is not a known product", product)
	}
	fill := func(to *string, from string) {
		if from != "" {
			*to = from
		}
	}
	a.Mode = "oidc-proxy"
	a.Title = "the proxy in front"
	fill(&a.Title, given.Title)
	fill(&a.Header, given.Header)
	fill(&a.Issuer, given.Issuer)
	fill(&a.KeysURL, given.KeysURL)
	a.Audiences = given.Audiences
	if len(given.Algorithms) > 0 {
		a.Algorithms = given.Algorithms
	}
	fill(&a.Claims.Subject, given.Claims.Subject)
	fill(&a.Claims.Email, given.Claims.Email)
	fill(&a.Claims.Groups, given.Claims.Groups)
	fill(&a.Claims.Service, given.Claims.Service)
	if product == "pomerium" && a.KeysURL == "" && a.Issuer != "" {
		a.KeysURL = "https://" + strings.TrimPrefix(a.Issuer, "https://") + "/.well-known/pomerium/jwks.json"
	}
	switch {
	case a.Header == "":
		return Assertion{}, errors.New("the header that carries the assertion is not named")
	case a.Issuer == "":
		return Assertion{}, errors.New("the issuer is not named")
	case len(a.Audiences) == 0:
		return Assertion{}, errors.New("no audience is named")
	case a.KeysURL == "":
		return Assertion{}, errors.New("the address of the keys is not named")
	}
	return a, nil
}

// known are products whose documents settle header, algorithm and claims.
var known = map[string]Assertion{
	// https://www.pomerium.com/docs/capabilities/getting-users-identity: iss and aud are
	// the route's host.
	"pomerium": {
		Header: "X-Pomerium-Jwt-Assertion", Algorithms: []string{"ES256"},
		Claims: Claims{Subject: "sub", Email: "email", Groups: "groups"},
	},
	// https://cloud.google.com/iap/docs/signed-headers-howto: a service account comes
	// with the address of one.
	"google-iap": {
		Header: "X-Goog-Iap-Jwt-Assertion", Algorithms: []string{"ES256"},
		Issuer: "https://cloud.google.com/iap", KeysURL: "https://www.gstatic.com/iap/verify/public_key-jwk",
		Claims: Claims{Subject: "sub", Email: "email", ServiceEmails: []string{"gserviceaccount.com"}},
	},
	"": {Algorithms: []string{"RS256", "ES256"}, Claims: Claims{Subject: "sub", Email: "email", Groups: "groups"}},
}
