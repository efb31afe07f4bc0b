package authserver

import (
	"net/url"
	"slices"
	"strings"
)

// withQuery appends parameters to a redirect URI and leaves what it has as it is.
func withQuery(raw string, parameters url.Values) string {
	separator := "?"
	if strings.Contains(raw, "?") {
		separator = "&"
	}
	return raw + separator + parameters.Encode()
}

// redirectTarget says where a redirect URI leads, in words for people and logs:
// its host, or the scheme of an app.
func redirectTarget(raw string) (target string, local bool) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "", false
	case u.Scheme == "https":
		return u.Host, false
	case u.Scheme == "http":
		return u.Host, true
	default:
		return u.Scheme + "://", true
	}
}

// redirectHosts lists the targets of all registered redirects.
func (c Client) redirectHosts() []string {
	var hosts []string
	for _, uri := range c.RedirectURIs {
		if target, _ := redirectTarget(uri); !slices.Contains(hosts, target) {
			hosts = append(hosts, target)
		}
	}
	return hosts
}
