// Package redirecturi judges redirect URIs: which ones a client may have, whether
// the one it asks for is one of them, and whether an administrator's list lets
// answers go there. Configuration, registration and metadata documents all ask here.
package redirecturi

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"m365mcp/dial"
)

const maxURI = 2048

// appSchemes are the private-use schemes of MCP clients that do not use a
// reverse domain name, as RFC 8252 section 7.1 asks. A list of those that are
// safe, because browsers and desktops keep adding ones that are not.
var appSchemes = []string{
	"claude", "cursor", "goose", "kiro", "lmstudio", "raycast", "trae",
	"vscode", "vscode-insiders", "vscodium", "warp", "windsurf", "zed",
}

func appScheme(scheme string) bool {
	return strings.Contains(scheme, ".") || slices.Contains(appSchemes, scheme)
}

// Strange reports whether a URI has a character that browsers drop or rewrite
// where net/url does not.
func Strange(raw string) bool {
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\\\"'<>^`{|}", c) >= 0 {
			return true
		}
	}
	return false
}

// Fault says why no client may have the URI, or "". OAuth 2.1 section 2.3.1:
// https, http on the loopback interface, or an app's own scheme.
func Fault(raw string) string {
	if len(raw) > maxURI {
		return "is too long"
	}
	if Strange(raw) {
		return "has a character that must be percent-encoded"
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
		if _, ok := Portless(raw); !ok {
			return "is plain http; that is allowed for localhost, 127.0.0.1 and [::1] only"
		}
		return ""
	case appScheme(u.Scheme):
		return ""
	default:
		return "has a scheme that is not allowed; use https, loopback http or a reverse domain name as the scheme"
	}
}

// Portless reports whether raw is http on this computer, and returns it without
// its port.
func Portless(raw string) (string, bool) {
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

// Match compares as strings (OAuth 2.1 section 4.1.1); only the port of a
// loopback redirect is free, because the app gets it from the system (RFC 8252
// section 7.3).
func Match(registered []string, asked string) bool {
	if Fault(asked) != "" {
		return false
	}
	if slices.Contains(registered, asked) {
		return true
	}
	local, ok := Portless(asked)
	return ok && slices.ContainsFunc(registered, func(r string) bool {
		r, ok := Portless(r)
		return ok && r == local
	})
}

// Rules are an administrator's list of where answers may go. None: to every
// place that has no [Fault].
type Rules struct {
	hosts   dial.Hosts
	schemes []string
}

// ParseRules reads a list of hosts (claude.ai, *.example.com, localhost, each
// with :port where it is not 443; loopback without one stands for all its ports)
// and schemes of apps (cursor:).
func ParseRules(patterns []string) (Rules, error) {
	var r Rules
	for _, p := range patterns {
		if scheme, ok := strings.CutSuffix(p, ":"); ok {
			if Fault(scheme+"://app/") != "" || !appScheme(scheme) {
				return Rules{}, fmt.Errorf("%q is no scheme that apps may be reached by", p)
			}
			r.schemes = append(r.schemes, scheme)
			continue
		}
		hosts, err := dial.ParseHosts([]string{p})
		if err != nil {
			return Rules{}, err
		}
		r.hosts = append(r.hosts, hosts...)
	}
	return r, nil
}

// Allow reports whether an answer may go to the URI.
func (r Rules) Allow(raw string) bool {
	if len(r.hosts)+len(r.schemes) == 0 {
		return true
	}
	u, err := url.Parse(raw)
	return err == nil && (slices.Contains(r.schemes, u.Scheme) || r.hosts.Allow(u))
}
