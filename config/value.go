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
	hides  func(string) bool // this text holds a secret, though the setting is none; nil: it cannot
	set    func(string) error
	record func() (rows []setting, add func()) // of a list of records: the settings of a new one, and what adds it
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

// toolNames is a selection of tools; its words are checked where the tools are known.
func toolNames(p *string) value {
	return value{kind: "names, separated by commas", set: func(s string) error {
		s = strings.ReplaceAll(s, " ", "")
		if !toolList.MatchString(s) {
			return errors.New("is no list of names such as core or mail,calendar")
		}
		*p = s
		return nil
	}}
}

var toolList = regexp.MustCompile(`^[A-Za-z0-9_-]+(,[A-Za-z0-9_-]+)*$`)

// hosts is a list of host names or patterns for one label below a domain.
func hosts(p *[]string) value {
	return value{kind: "list of hosts", list: true, set: func(s string) error {
		if _, err := dial.ParseHosts([]string{s}); err != nil || !hostPattern.MatchString(s) {
			return fmt.Errorf("%q is no host such as files.example.com or *.example.com", s)
		}
		*p = append(*p, strings.ToLower(s))
		return nil
	}}
}

var hostPattern = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$`)

// words is a list of tools or families.
func words(p *[]string) value {
	return value{kind: "list of names", list: true, set: func(s string) error {
		if !toolList.MatchString(s) || strings.Contains(s, ",") {
			return fmt.Errorf("%q is no name of a tool or family", s)
		}
		*p = append(*p, s)
		return nil
	}}
}

// tenantName is what may stand as a path segment of Entra's addresses: a GUID or a domain.
var tenantName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

func tenant(p *string) value {
	return value{kind: "GUID, domain or " + SeveralTenants, set: func(s string) error {
		switch strings.ToLower(s) {
		case "common", "consumers":
			return fmt.Errorf("%q would let in personal accounts: name your tenant, or %s with a list in microsoft.allowed_tenants", s, SeveralTenants)
		case SeveralTenants:
			s = SeveralTenants
		}
		if !tenantName.MatchString(s) {
			return errors.New("is neither a GUID nor a domain")
		}
		*p = s
		return nil
	}}
}

var (
	guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

	// personalTenant is the tenant id that all personal Microsoft accounts share.
	personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

// tenantIDs is a list of tenants by id: a domain is none, since who holds it can change.
func tenantIDs(p *[]string) value {
	return value{kind: "list of GUIDs, or " + AnyTenant, list: true, set: func(s string) error {
		switch s = strings.ToLower(s); {
		case s == personalTenant:
			return fmt.Errorf("%q is the tenant of personal accounts, which are refused always", s)
		case s != AnyTenant && !guid.MatchString(s):
			return fmt.Errorf("%q is no tenant ID; Entra shows it on the tenant's overview", s)
		}
		*p = append(*p, s)
		return nil
	}}
}

// path is the name of a file.
func path(p *string) value {
	return value{kind: "path", set: func(s string) error {
		if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return errors.New("contains a control character")
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

func database(p *Database) value {
	return value{kind: "sqlite:PATH or postgres://USER@HOST/NAME", hides: hasPassword, set: func(s string) error {
		if path, ok := strings.CutPrefix(s, sqlitePrefix); ok && path != "" {
			p.URL = s
			return nil
		}
		if !isPostgres(s) {
			return errors.New("has neither the form sqlite:PATH nor postgres://USER@HOST/NAME")
		}
		u, err := url.Parse(s)
		if err != nil { // its text may quote a password
			return errors.New("is not a well-formed URL; percent-encode what is special in user name and password")
		}
		if strings.Trim(u.Path, "/") == "" {
			return errors.New("names no database: postgres://USER@HOST/NAME")
		}
		p.URL = s
		return nil
	}}
}

func isPostgres(s string) bool {
	return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
}

// hasPassword looks where the drivers of PostgreSQL do.
func hasPassword(s string) bool {
	if !isPostgres(s) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil {
		return true // who knows
	}
	_, set := u.User.Password()
	return set || u.Query().Has("password") || u.Query().Has("sslpassword")
}
