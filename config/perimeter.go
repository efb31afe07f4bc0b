package config

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
)

// Perimeter is what stands in front of the server and proves who knocks.
type Perimeter struct {
	Modes                       []string // [NoPerimeter] alone, or others
	AllowPublicWithoutPerimeter bool

	AccessTeam      string
	AccessAudiences []string
	AccessGroups    bool

	Proxy             string // a known product; empty: what the rest says
	ProxyHeader       string
	ProxyIssuer       string
	ProxyAudiences    []string
	ProxyKeysURL      string
	ProxyAlgorithms   []string
	ProxySubjectClaim string
	ProxyEmailClaim   string
	ProxyGroupsClaim  string
	ProxyServiceClaim string

	ClientCA          string // file of the authorities that vouch for clients
	CertificateHeader string // of a trusted proxy; empty: TLS ends here

	Open     []string // OpenHealth, OpenMetadata
	People   []PerimeterPerson
	Machines []PerimeterMachine
	Services []PerimeterService
}

// Values of the settings above.
const (
	NoPerimeter      = "none"
	CloudflareAccess = "cloudflare-access"
	OIDCProxy        = "oidc-proxy"
	MTLS             = "mtls"

	OpenHealth   = "health"
	OpenMetadata = "metadata"
)

// Declared reports whether something stands in front.
func (p Perimeter) Declared() bool { return len(p.Modes) > 0 && !slices.Contains(p.Modes, NoPerimeter) }

// Has reports whether mode is one of those that are declared.
func (p Perimeter) Has(mode string) bool { return slices.Contains(p.Modes, mode) }

// PerimeterPerson says which Microsoft account somebody has whose addresses differ.
type PerimeterPerson struct {
	Perimeter string // the address that the proxy knows
	Microsoft string // the user principal name or mail
}

// PerimeterMachine is a machine that comes with people's bearer tokens.
type PerimeterMachine struct {
	Service string   // its name: a service token's client id
	Clients []string // whose tokens it may carry: client ids, or hosts of their redirect URIs
}

// PerimeterService is a machine that works for nobody.
type PerimeterService struct {
	Service string
	Tools   []string // all that it may use
}

const (
	peoplePath   = "perimeter.people"
	machinesPath = "perimeter.machines"
	servicesPath = "perimeter.services"

	machineName = "its name in the assertion: a service token's client id, a service account's address, a certificate's URI or common name"
)

func perimeterTable(c *Config) []setting {
	p := &c.Perimeter
	const proxyOnly = "Of `oidc-proxy`. "
	return []setting{
		{
			path: "perimeter.mode", env: []string{"M365_MCP_PERIMETER"},
			value: severalOf(&p.Modes, NoPerimeter, CloudflareAccess, OIDCProxy, MTLS), def: NoPerimeter,
			doc: "What stands in front. With several, a request must be proven by exactly one of them. " +
				"Every header that claims an identity is removed, and those that say where a request came from unless a proxy of `server.trusted_proxies` sent them.",
		},
		{
			path: "perimeter.allow_public_without_perimeter", env: []string{"M365_MCP_ALLOW_PUBLIC_WITHOUT_PERIMETER"},
			value: boolean(&p.AllowPublicWithoutPerimeter), def: "false",
			doc: "Override: serve a public URL that is not loopback with no perimeter declared. Anybody who reaches it can then start a sign-in.",
		},
		{
			path: "perimeter.access_team", env: []string{"M365_MCP_ACCESS_TEAM"},
			value: word(&p.AccessTeam), example: "tideline",
			doc: "Of `cloudflare-access`: the team's name, as in `https://tideline.cloudflareaccess.com`, or that address.",
		},
		{
			path: "perimeter.access_audiences", env: []string{"M365_MCP_ACCESS_AUDIENCES"},
			value: texts(&p.AccessAudiences), example: "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2",
			doc: "Of `cloudflare-access`: the AUD tags of the applications in front of this server.",
		},
		{
			path: "perimeter.access_groups", env: []string{"M365_MCP_ACCESS_GROUPS"},
			value: boolean(&p.AccessGroups), def: "false",
			doc: "Of `cloudflare-access`: ask the team's identity endpoint for the groups of each person, which the assertion does not have; every five minutes at most. Where it does not answer within three seconds, they are unknown, and nobody is refused for it.",
		},
		{
			path: "perimeter.proxy", env: []string{"M365_MCP_PERIMETER_PROXY"},
			value: oneOf(&p.Proxy, "pomerium", "google-iap"), example: "pomerium",
			doc: proxyOnly + "A product whose header, algorithm and claims are known. Without it, the settings below say all.",
		},
		{
			path: "perimeter.proxy_issuer", env: []string{"M365_MCP_PERIMETER_PROXY_ISSUER"},
			value: word(&p.ProxyIssuer), example: "mcp.example.com",
			doc: proxyOnly + "The `iss` of its assertions. Pomerium's is the host of the route.",
		},
		{
			path: "perimeter.proxy_audiences", env: []string{"M365_MCP_PERIMETER_PROXY_AUDIENCES"},
			value: texts(&p.ProxyAudiences), example: "mcp.example.com",
			doc: proxyOnly + "What `aud` may be.",
		},
		{
			path: "perimeter.proxy_header", env: []string{"M365_MCP_PERIMETER_PROXY_HEADER"},
			value: headerName(&p.ProxyHeader), example: "X-Assertion",
			doc: proxyOnly + "The header that carries the assertion, a JWT.",
		},
		{
			path: "perimeter.proxy_keys_url", env: []string{"M365_MCP_PERIMETER_PROXY_KEYS_URL"},
			value: endpoint(&p.ProxyKeysURL), example: "https://proxy.example.com/jwks.json",
			doc: proxyOnly + "Where its JSON Web Key Set is.",
		},
		{
			path: "perimeter.proxy_algorithms", env: []string{"M365_MCP_PERIMETER_PROXY_ALGORITHMS"},
			value: severalOf(&p.ProxyAlgorithms, "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"), example: "ES256",
			doc: proxyOnly + "How it may sign. Without it, the product's, or RS256 and ES256.",
		},
		{
			path: "perimeter.proxy_subject_claim", env: []string{"M365_MCP_PERIMETER_PROXY_SUBJECT_CLAIM"},
			value: word(&p.ProxySubjectClaim), example: "sub", doc: proxyOnly + "The claim that names a person for good.",
		},
		{
			path: "perimeter.proxy_email_claim", env: []string{"M365_MCP_PERIMETER_PROXY_EMAIL_CLAIM"},
			value: word(&p.ProxyEmailClaim), example: "email", doc: proxyOnly + "The claim with a person's address.",
		},
		{
			path: "perimeter.proxy_groups_claim", env: []string{"M365_MCP_PERIMETER_PROXY_GROUPS_CLAIM"},
			value: word(&p.ProxyGroupsClaim), example: "groups", doc: proxyOnly + "The claim with a person's groups, a list.",
		},
		{
			path: "perimeter.proxy_service_claim", env: []string{"M365_MCP_PERIMETER_PROXY_SERVICE_CLAIM"},
			value: word(&p.ProxyServiceClaim), example: "client_id", doc: proxyOnly + "The claim that names a machine; an assertion with it is no person's.",
		},
		{
			path: "perimeter.client_ca", env: []string{"M365_MCP_PERIMETER_CLIENT_CA"},
			value: path(&p.ClientCA), example: "client-ca.pem",
			doc: "Of `mtls`: a PEM file with the authorities that vouch for client certificates. One with an address is a person's, one with a URI or only a common name a machine's.",
		},
		{
			path: "perimeter.certificate_header", env: []string{"M365_MCP_PERIMETER_CERTIFICATE_HEADER"},
			value: headerName(&p.CertificateHeader), example: "Client-Cert",
			doc: "Of `mtls`: the header in which a proxy of `server.trusted_proxies` hands on the client's certificate, as in RFC 9440 or as PEM, percent-encoded. That proxy must remove it from what clients send.",
		},
		{
			path: "perimeter.open", env: []string{"M365_MCP_PERIMETER_OPEN"},
			value: severalOf(&p.Open, OpenHealth, OpenMetadata), def: OpenHealth,
			doc: "What needs no proof: `health` is `/healthz`, `metadata` the public documents below `/.well-known/` by which clients find the authorization server.",
		},
	}
}

// perimeterNames are the lists of who is known to the proxy.
func perimeterNames(c *Config) []setting {
	p := &c.Perimeter
	return []setting{
		{
			path: peoplePath, env: []string{"M365_MCP_PERIMETER_PEOPLE"}, example: "{perimeter: a.lovelace@tideline.example, microsoft: ada@tideline.example}",
			value: value{kind: "list of people", list: true, record: func() ([]setting, func()) {
				one := &PerimeterPerson{}
				return []setting{
					{path: peoplePath + ".perimeter", value: address(&one.Perimeter), required: true, doc: "the address that the proxy has"},
					{path: peoplePath + ".microsoft", value: address(&one.Microsoft), required: true, doc: "the user principal name or mail at Microsoft"},
				}, func() { p.People = append(p.People, *one) }
			}},
			doc: "Who has another address at the proxy than at Microsoft. Everybody else must have the same, as mail or user principal name.",
		},
		{
			path: machinesPath, env: []string{"M365_MCP_PERIMETER_MACHINES"}, example: "{service: 4a9b.access, clients: [claude.ai]}",
			value: value{kind: "list of machines", list: true, record: func() ([]setting, func()) {
				one := &PerimeterMachine{}
				return []setting{
					{path: machinesPath + ".service", value: word(&one.Service), required: true, doc: machineName},
					{path: machinesPath + ".clients", value: texts(&one.Clients), required: true, doc: "client ids, or hosts of redirect URIs"},
				}, func() { p.Machines = append(p.Machines, *one) }
			}},
			doc: "Machines that carry people's tokens: a hosted assistant reaches the server with a machine's proof, and the bearer token says for whom. " +
				"Of which clients is said here; no other machine may use a person's token.",
		},
		{
			path: servicesPath, env: []string{"M365_MCP_PERIMETER_SERVICES"}, example: "{service: 7c2d.access, tools: [authenticate]}",
			value: value{kind: "list of services", list: true, record: func() ([]setting, func()) {
				one := &PerimeterService{}
				return []setting{
					{path: servicesPath + ".service", value: word(&one.Service), required: true, doc: machineName},
					{path: servicesPath + ".tools", value: words(&one.Tools), required: true, doc: "all that it may use: of the tools that are about no person (`authenticate`, `findTools`)"},
				}, func() { p.Services = append(p.Services, *one) }
			}},
			doc: "Machines that work for nobody: with such a proof and no bearer token, `/mcp` lets them use their tools, and nobody's data.",
		},
	}
}

// texts is a list of words.
func texts(p *[]string) value {
	return value{kind: "list of texts", list: true, set: func(s string) error {
		var one string
		if err := word(&one).set(s); err != nil {
			return err
		}
		*p = append(*p, one)
		return nil
	}}
}

// severalOf is a list of some of the allowed words.
func severalOf(p *[]string, allowed ...string) value {
	return value{kind: "list of " + strings.Join(allowed, ", "), list: true, set: func(s string) error {
		if !slices.Contains(allowed, s) {
			return fmt.Errorf("%q is not one of its values", s)
		}
		if !slices.Contains(*p, s) {
			*p = append(*p, s)
		}
		return nil
	}}
}

// headerName is a field name (RFC 9110 section 5.1) that carries nothing else.
func headerName(p *string) value {
	taken := []string{"authorization", "cookie", "host", "content-type", "content-length", "connection", "origin", "forwarded"}
	return value{kind: "name of a header", set: func(s string) error {
		if strings.ContainsFunc(s, func(r rune) bool { return !isToken(r) }) {
			return fmt.Errorf("%q is no name of a header", s)
		}
		if low := strings.ToLower(s); slices.Contains(taken, low) || strings.HasPrefix(low, "mcp-") {
			return fmt.Errorf("%q carries something else", s)
		}
		*p = s
		return nil
	}}
}

func isToken(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

func address(p *string) value {
	return value{kind: "address such as ada@example.com", set: func(s string) error {
		a, err := mail.ParseAddress(s)
		if err != nil || a.Address != s {
			return errors.New("is no address such as ada@example.com")
		}
		*p = strings.ToLower(s)
		return nil
	}}
}

// checkPerimeter: each mode has what it needs, and nothing is set for one that is not declared.
func (l *loader) checkPerimeter() {
	p := l.cfg.Perimeter
	if len(p.Modes) > 1 && p.Has(NoPerimeter) {
		l.report(Problem{Where: "perimeter.mode", Setting: "perimeter.mode", What: "is none and something else", Fix: "name what stands in front, without none"})
		return
	}
	l.checkPerimeterServices()
	for _, need := range []struct {
		mode, setting string
		missing       bool
	}{
		{CloudflareAccess, "perimeter.access_team", p.AccessTeam == ""},
		{CloudflareAccess, "perimeter.access_audiences", len(p.AccessAudiences) == 0},
		{OIDCProxy, "perimeter.proxy_audiences", len(p.ProxyAudiences) == 0},
		{OIDCProxy, "perimeter.proxy_issuer", p.ProxyIssuer == "" && p.Proxy != "google-iap"},
		{OIDCProxy, "perimeter.proxy_header", p.ProxyHeader == "" && p.Proxy == ""},
		{OIDCProxy, "perimeter.proxy_keys_url", p.ProxyKeysURL == "" && p.Proxy == ""},
		{MTLS, "perimeter.client_ca", p.ClientCA == ""},
	} {
		s := l.find(need.setting)
		if p.Has(need.mode) && need.missing && !l.bad[need.setting] {
			l.report(Problem{Where: need.setting, Setting: need.setting, What: "is not set, and perimeter.mode is " + need.mode, Fix: fmt.Sprintf("set %s in the environment, or %s in the file", s.familiar(), s.path)})
		}
	}
	if p.Has(MTLS) && p.CertificateHeader != "" && len(l.cfg.Server.TrustedProxies) == 0 && !l.bad["server.trusted_proxies"] {
		l.report(Problem{
			Where: "server.trusted_proxies", Setting: "server.trusted_proxies",
			What: "is not set, and nobody but a trusted proxy is believed about client certificates",
			Fix:  "name the addresses of the proxy in front",
		})
	}
	if p.Has(MTLS) && p.CertificateHeader == "" && l.cfg.Server.TLSCertificate == "" && !l.bad["server.tls_certificate"] {
		l.report(Problem{
			Where: "perimeter.certificate_header", Setting: "perimeter.certificate_header",
			What: "is not set, and without server.tls_certificate no connection has a client certificate",
			Fix:  "name the header in which the proxy in front hands it on, or end TLS here with server.tls_certificate and server.tls_key",
		})
	}
	if (l.cfg.Server.TLSCertificate == "") != (l.cfg.Server.TLSKey == "") {
		l.report(Problem{Where: "server.tls_certificate", Setting: "server.tls_certificate", What: "and server.tls_key go together, and one is not set", Fix: "set both, or none where TLS ends at the proxy in front"})
	}
}

// checkPerimeterServices: what is done as a service has one name in the audit.
func (l *loader) checkPerimeterServices() {
	taken := map[string]string{}
	for _, c := range l.cfg.OAuth.Clients {
		taken[c.ID] = "a client of " + clientsPath
	}
	for _, s := range l.cfg.Perimeter.Services {
		if by, ok := taken[s.Service]; ok {
			l.report(Problem{Where: servicesPath, Setting: servicesPath + ".service", What: "names " + s.Service + ", which is " + by, Fix: "give each a name of its own"})
		}
		taken[s.Service] = "listed before"
	}
}
