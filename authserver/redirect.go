package authserver

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const maxRedirectURI = 2048

// appSchemes are the private-use schemes of MCP clients that do not use a
// reverse domain name, as RFC 8252 section 7.1 asks. A list of those that are
// safe, because browsers and desktops keep adding ones that are not.
var appSchemes = []string{
	"claude", "cursor", "goose", "kiro", "lmstudio", "raycast", "trae",
	"vscode", "vscode-insiders", "vscodium", "warp", "windsurf", "zed",
}

// checkRedirectURI says why raw cannot be registered, or "". OAuth 2.1 section
// 2.3.1: https, http on the loopback interface, or an app's own scheme.
func checkRedirectURI(raw string) string {
	if len(raw) > maxRedirectURI {
		return "is too long"
	}
	for i := range len(raw) {
		// Browsers drop or rewrite these where net/url does not.
		if c := raw[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\\\"'<>^`{|}", c) >= 0 {
			return "has a character that must be percent-encoded"
		}
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme == "" || u.Opaque != "":
		return "is not an absolute URI"
	case strings.Contains(raw, "#"):
		return "has a fragment"
	case u.User != nil:
		return "has user information"
	case !strings.HasPrefix(raw, u.Scheme+":"):
		return "has a scheme in capitals"
	}
	switch {
	case u.Scheme == "https":
		if u.Hostname() == "" || !strings.HasPrefix(raw, "https://") {
			return "has no host"
		}
		return ""
	case u.Scheme == "http":
		if _, ok := loopback(raw); !ok {
			return "is plain http; that is allowed for localhost, 127.0.0.1 and [::1] only"
		}
		return ""
	case strings.Contains(u.Scheme, ".") || slices.Contains(appSchemes, u.Scheme):
		return ""
	default:
		return "has a scheme that is not allowed; use https, loopback http or a reverse domain name as the scheme"
	}
}

// loopback reports whether raw is http on this computer, and returns it without
// its port.
func loopback(raw string) (portless string, ok bool) {
	rest, ok := strings.CutPrefix(raw, "http://")
	if !ok {
		return "", false
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]"} {
		port, found := strings.CutPrefix(authority, host)
		if !found {
			continue
		}
		if port == "" {
			return "http://" + host + tail, true
		}
		digits, found := strings.CutPrefix(port, ":")
		if n, err := strconv.ParseUint(digits, 10, 16); found && err == nil && n > 0 {
			return "http://" + host + tail, true
		}
	}
	return "", false
}

// redirectAllowed compares as strings (OAuth 2.1 section 4.1.1); only the port of
// a loopback redirect is free, because the app gets it from the system (RFC 8252
// section 7.3).
func (c Client) redirectAllowed(asked string) bool {
	if checkRedirectURI(asked) != "" {
		return false
	}
	if slices.Contains(c.RedirectURIs, asked) {
		return true
	}
	portless, ok := loopback(asked)
	return ok && slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		r, ok := loopback(registered)
		return ok && r == portless
	})
}

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
