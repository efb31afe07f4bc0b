package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"m365mcp/dial"
	"m365mcp/internal/secret"
)

const sqlitePrefix = "sqlite:"

// value parses the text of one setting into its field. set is called once, or
// once an item for a list. Its errors say what is wrong and never quote a secret.
type value struct {
	kind   string // for the reference
	list   bool
	secret bool
	set    func(string) error
}

func word(p *string) value {
	return value{kind: "text", set: func(s string) error {
		if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return errors.New("contains a space or a control character")
		}
		*p = s
		return nil
	}}
}

// tenantName is what may stand as a path segment of Entra's addresses: a GUID or a domain.
var tenantName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

func tenant(p *string) value {
	return value{kind: "GUID or domain", set: func(s string) error {
		switch strings.ToLower(s) {
		case "common", "organizations", "consumers":
			return fmt.Errorf("%q would let in people of every tenant: name your own", s)
		}
		if !tenantName.MatchString(s) {
			return errors.New("is neither a GUID nor a domain")
		}
		*p = s
		return nil
	}}
}

func oneOf(p *string, allowed ...string) value {
	return value{kind: strings.Join(allowed, ", "), set: func(s string) error {
		if !slices.Contains(allowed, s) {
			return fmt.Errorf("%q is not one of its values", s)
		}
		*p = s
		return nil
	}}
}

func perimeterMode(p *string) value {
	return value{kind: "none", set: func(s string) error {
		if s != "none" {
			return fmt.Errorf("%q is not in this version: only none is", s)
		}
		*p = s
		return nil
	}}
}

func boolean(p *bool) value {
	return value{kind: "true, false", set: func(s string) error {
		switch s {
		case "true":
			*p = true
		case "false":
			*p = false
		default:
			return fmt.Errorf("%q is not true or false", s)
		}
		return nil
	}}
}

func number[T int | int64](p *T, least, most int64) value {
	return value{kind: fmt.Sprintf("number, %d to %d", least, most), set: func(s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", s)
		}
		if n < least || n > most {
			return fmt.Errorf("%d is not from %d to %d", n, least, most)
		}
		*p = T(n)
		return nil
	}}
}

func duration(p *time.Duration, least, most time.Duration) value {
	return value{kind: fmt.Sprintf("duration, %s to %s", spell(least), spell(most)), set: func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 90s, 10m or 24h", s)
		}
		if d < least || d > most {
			return fmt.Errorf("%s is not from %s to %s", spell(d), spell(least), spell(most))
		}
		*p = d
		return nil
	}}
}

// spell writes 10m, not 10m0s.
func spell(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func confidential(p *secret.String) value {
	return value{kind: "secret", secret: true, set: func(s string) error {
		*p = secret.New(s)
		return nil
	}}
}

// origin takes a scheme and host alone (RFC 6454), and drops a slash at the end.
func origin(p *string) value {
	return value{kind: "URL without path", set: func(s string) error {
		o, err := parseOrigin(s)
		if err != nil {
			return err
		}
		*p = o
		return nil
	}}
}

func origins(p *[]string) value {
	return value{kind: "list of origins", list: true, set: func(s string) error {
		o, err := parseOrigin(s)
		if err != nil {
			return err
		}
		*p = append(*p, o)
		return nil
	}}
}

func parseOrigin(s string) (string, error) {
	u, err := parseURL(s)
	if err != nil {
		return "", err
	}
	if strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("%q has a path: only scheme, host and port belong here", s)
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

// endpoint is a base address that carries people's tokens: https, or http to this machine.
func endpoint(p *string) value {
	return value{kind: "URL", set: func(s string) error {
		u, err := parseURL(s)
		if err != nil {
			return err
		}
		if u.Scheme == "http" && !dial.Loopback(u.Hostname()) {
			return fmt.Errorf("%q is plain http, and tokens are sent there: use https", s)
		}
		*p = strings.TrimRight(u.String(), "/")
		return nil
	}}
}

// parseURL never quotes a text that may hold a password.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	if u.User != nil {
		return nil, errors.New("has a user name or password in it")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("%q does not start with https:// or http://", s)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q has no host", s)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("%q has a query or a fragment", s)
	}
	return u, nil
}

func listenAddress(p *string) value {
	return value{kind: "host:port", set: func(s string) error {
		_, port, err := net.SplitHostPort(s)
		if err != nil {
			return fmt.Errorf("%q is not host:port", s)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
			return fmt.Errorf("%q is not a port from 0 to 65535", port)
		}
		*p = s
		return nil
	}}
}

func prefixes(p *[]netip.Prefix) value {
	return value{kind: "list of addresses or networks", list: true, set: func(s string) error {
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			*p = append(*p, netip.PrefixFrom(a, a.BitLen()))
			return nil
		}
		n, err := netip.ParsePrefix(s)
		if err != nil {
			return fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", s)
		}
		if n.Bits() == 0 {
			return fmt.Errorf("%q is everybody", s)
		}
		*p = append(*p, n.Masked())
		return nil
	}}
}

func database(p *string) value {
	return value{kind: "sqlite:PATH", set: func(s string) error {
		if strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
			return errors.New("PostgreSQL is not in this version: use sqlite:PATH")
		}
		path, ok := strings.CutPrefix(s, sqlitePrefix)
		if !ok || path == "" {
			return errors.New("does not have the form sqlite:PATH")
		}
		*p = s
		return nil
	}}
}
