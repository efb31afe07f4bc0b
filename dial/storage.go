package dial

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// ErrAddress means that an allowed name led to an address inside a network.
var ErrAddress = errors.New("address is not a public one")

// StorageClient returns an HTTP client for URLs that another server hands out:
// upload sessions and downloads. Beside the host, which must match a pattern,
// the address is checked when a connection is made, whatever DNS says by then:
// only public ones, and with allowLoopback also this machine's own.
func StorageClient(name string, patterns []string, allowLoopback bool) (*http.Client, error) {
	hosts, err := ParseHosts(patterns)
	if err != nil {
		return nil, fmt.Errorf("client %s: %w", name, err)
	}
	return client(name, hosts.Allow, transport(name, dialer(), func(_ string, to netip.Addr) error {
		if public(to) || allowLoopback && to.Unmap().IsLoopback() {
			return nil
		}
		return ErrAddress
	})), nil
}

// Hosts is a list of hosts: exact names ("outlook.office.com"), everything below
// a name ("*.sharepoint.com"), each with ":port" where it is not 443. A loopback
// host without port stands for all its ports.
type Hosts []string

// ParseHosts checks patterns.
func ParseHosts(patterns []string) (Hosts, error) {
	hosts := make(Hosts, 0, len(patterns))
	for _, p := range patterns {
		p = strings.ToLower(p)
		below, wildcard := strings.CutPrefix(p, "*.")
		u, err := url.Parse("https://" + below)
		if err != nil || u.Host != below || u.Hostname() == "" || strings.ContainsAny(below, "*%") || wildcard && !strings.Contains(below, ".") {
			return nil, fmt.Errorf("host pattern %q is neither a host nor *. and a domain", p)
		}
		hosts = append(hosts, p)
	}
	return hosts, nil
}

// Allow reports whether the URL is on one of the hosts, by https; http is for
// loopback alone. URLs with a user name are for none.
func (h Hosts) Allow(u *url.URL) bool {
	local := Loopback(u.Hostname())
	if u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return false
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && port != "443" {
		if slices.ContainsFunc(h, func(p string) bool { return matches(p, host+":"+port) }) {
			return true
		}
		if !local {
			return false
		}
	}
	return slices.ContainsFunc(h, func(p string) bool { return matches(strings.TrimSuffix(p, ":443"), host) })
}

func matches(pattern, host string) bool {
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok { // keeps the dot
		return strings.HasSuffix(host, suffix) && len(host) > len(suffix)
	}
	return pattern == host
}

// special are networks that are not the public Internet beyond what package
// netip knows (IANA special-purpose address registries, RFC 6890).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carrier-grade NAT, RFC 6598
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),    // the three of documentation, RFC 5737
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks, RFC 2544
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),           // IPv4-compatible
	netip.MustParsePrefix("::ffff:0:0:0/96"), // the next four, too, carry an IPv4 address in them
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("100::/64"),      // discard
	netip.MustParsePrefix("2001::/23"),     // protocol assignments, Teredo among them
	netip.MustParsePrefix("2001:db8::/32"), // documentation
	netip.MustParsePrefix("3fff::/20"),     // documentation
	netip.MustParsePrefix("5f00::/16"),     // segment routing
	netip.MustParsePrefix("fec0::/10"),
}

func public(a netip.Addr) bool {
	a = a.Unmap()
	return a.Zone() == "" && a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}
