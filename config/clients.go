package config

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"m365mcp/dial"
	"m365mcp/internal/redirecturi"
	"m365mcp/internal/secret"
)

// OAuthClient is a client that needs no registration.
type OAuthClient struct {
	ID           string
	Name         string
	RedirectURIs []string
	Secret       secret.String // may be absent

	AuthMethod string   // of the token endpoint; after [Load] never empty
	KeySet              // of one with AuthKey
	Service    bool     // it works for nobody
	Tools      []string // all that a service may use
	Introspect bool
}

// KeySet says where public keys are: in one of two places.
type KeySet struct {
	File string // with a JWK Set
	URI  string // of one
}

// Authentication methods of clients (RFC 7591 section 2).
const (
	AuthNone   = "none"
	AuthSecret = "client_secret_basic"
	AuthKey    = "private_key_jwt"
)

// IdentityProvider is an issuer whose word for a person counts (ID-JAG).
type IdentityProvider struct {
	Issuer string
	KeySet
	Clients     []string // ids
	TenantID    string   // of all its people; empty: TenantClaim names it
	TenantClaim string
	UserClaim   string
}

const (
	clientsPath   = "oauth.clients"
	providersPath = "oauth.id_jag"
	secretPrefix  = prefix + "OAUTH_CLIENT_SECRET_"
	fileSuffix    = "_FILE"
	maxClientName = 100
)

// secretName is the variable of a client's secret.
func (c OAuthClient) secretName() string { return secretPrefix + variable(c.ID) }

func variable(id string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(id))
}

func clients(p *[]OAuthClient) value {
	return value{kind: "list of clients", list: true, record: func() ([]setting, func()) {
		c := &OAuthClient{}
		return clientTable(c), func() { *p = append(*p, *c) }
	}}
}

func clientTable(c *OAuthClient) []setting {
	return []setting{
		{path: clientsPath + ".id", value: clientID(&c.ID), required: true, doc: "what the client sends as `client_id`"},
		{path: clientsPath + ".name", value: title(&c.Name), required: true, doc: "what people read on the consent page"},
		{path: clientsPath + ".redirect_uris", value: redirectURIs(&c.RedirectURIs), required: true, unless: []string{"auth_method", "service", "introspect"}, doc: "https, loopback http (its port is free) or an app's scheme; the same as the client sends, to the letter; for a client that people sign in with"},
		{
			path: clientsPath + ".secret", env: []string{secretPrefix + "<ID>"}, value: confidential(&c.Secret),
			doc: "for a client that can keep one; `<ID>` is the id in capitals, with `_` for all but letters and digits",
		},
		{
			path: clientsPath + ".auth_method", value: oneOf(&c.AuthMethod, AuthNone, AuthSecret, AuthKey),
			doc: "how it proves itself; absent, by its secret if it has one. `private_key_jwt` (RFC 7523) is by a signed assertion of at most 5 minutes, whose `aud` is this server's public URL alone, and which works once",
		},
		{path: clientsPath + ".jwks_file", value: path(&c.File), doc: "for `private_key_jwt`: a file with its public keys (JWK Set), read at the start"},
		{path: clientsPath + ".jwks_uri", value: keysURI(&c.URI), doc: "or their https address, on port 443 of a public host; it is looked at anew every hour, and when an unknown key signs"},
		{path: clientsPath + ".service", value: boolean(&c.Service), doc: "it gets tokens for itself (`client_credentials`), acts for no person, and reaches nobody's data; it has no redirect URIs"},
		{path: clientsPath + ".tools", value: words(&c.Tools), doc: "all that a service may use: of the tools that are about no person (`authenticate`, `findTools`); absent, none"},
		{path: clientsPath + ".introspect", value: boolean(&c.Introspect), doc: "it may ask what a token is good for (RFC 7662, `/introspect`): of all people's access tokens, and its own refresh tokens"},
	}
}

func providers(p *[]IdentityProvider) value {
	return value{kind: "list of identity providers", list: true, record: func() ([]setting, func()) {
		i := &IdentityProvider{TenantClaim: "tid", UserClaim: "oid"}
		return providerTable(i), func() { *p = append(*p, *i) }
	}}
}

func providerTable(i *IdentityProvider) []setting {
	return []setting{
		{path: providersPath + ".issuer", value: issuer(&i.Issuer), required: true, doc: "`iss` of its assertions, to the letter"},
		{path: providersPath + ".clients", value: clientIDList(&i.Clients), required: true, doc: "ids of the clients that may bring them: of `oauth.clients`, with a secret or a key, or addresses of metadata documents that name keys"},
		{path: providersPath + ".jwks_uri", value: keysURI(&i.URI), doc: "https address of its public keys, as for clients"},
		{path: providersPath + ".jwks_file", value: path(&i.File), doc: "or a file with them"},
		{path: providersPath + ".tenant_id", value: tenantID(&i.TenantID), doc: "the tenant of all its people; absent, `tenant_claim` says it, which is for a provider that may speak for several"},
		{path: providersPath + ".tenant_claim", value: claimName(&i.TenantClaim), doc: "claim with the tenant ID; absent, `tid`"},
		{path: providersPath + ".user_claim", value: claimName(&i.UserClaim), doc: "claim with the person's object ID at Microsoft; absent, `oid`. Addresses and names are not taken: they can pass to somebody else"},
	}
}

// keysURI is the address of a JWK Set.
func keysURI(p *string) value {
	return value{kind: "https URL", set: func(s string) error {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" || u.String() != s {
			return errors.New("is no well-formed https URL")
		}
		if port := u.Port(); port != "" && port != "443" && !dial.Loopback(u.Hostname()) {
			return fmt.Errorf("%q has another port than 443", s)
		}
		*p = s
		return nil
	}}
}

func issuer(p *string) value {
	return value{kind: "https URL", set: func(s string) error {
		if u, err := parseURL(s); err != nil || u.Scheme != "https" && !dial.Loopback(u.Hostname()) {
			return errors.New("is no https URL")
		}
		*p = s
		return nil
	}}
}

func clientIDList(p *[]string) value {
	return value{kind: "list of client ids", list: true, set: func(s string) error {
		if !clientIDs.MatchString(s) && !strings.HasPrefix(s, "https://") {
			return fmt.Errorf("%q is neither a client's id nor the https address of a metadata document", s)
		}
		*p = append(*p, s)
		return nil
	}}
}

func tenantID(p *string) value {
	return value{kind: "GUID", set: func(s string) error {
		if s = strings.ToLower(s); !guid.MatchString(s) || s == personalTenant {
			return fmt.Errorf("%q is no tenant ID; Entra shows it on the tenant's overview", s)
		}
		*p = s
		return nil
	}}
}

var claimNames = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}$`)

func claimName(p *string) value {
	return value{kind: "name of a claim", set: func(s string) error {
		if !claimNames.MatchString(s) {
			return fmt.Errorf("%q is no name of a claim", s)
		}
		*p = s
		return nil
	}}
}

// checkClients looks at what only a client's settings together can tell.
func (l *loader) checkClients() {
	if l.bad[clientsPath] {
		return
	}
	for i := range l.cfg.OAuth.Clients {
		c := &l.cfg.OAuth.Clients[i]
		if c.AuthMethod == "" {
			c.AuthMethod = AuthNone
			if !c.Secret.IsZero() {
				c.AuthMethod = AuthSecret
			}
		}
		wrong := func(setting, what, fix string) {
			if path := clientsPath + "." + setting; !l.bad[path] {
				l.problems = append(l.problems, Problem{Where: clientsPath, Setting: path, What: "of the client " + c.ID + " " + what, Fix: fix})
			}
		}
		keys := c.File != "" || c.URI != ""
		switch {
		case c.AuthMethod == AuthSecret && c.Secret.IsZero():
			wrong("auth_method", "is "+AuthSecret+", and there is no secret", "set "+c.secretName()+", or "+c.secretName()+fileSuffix)
		case c.AuthMethod != AuthSecret && !c.Secret.IsZero():
			wrong("auth_method", "is "+c.AuthMethod+", and there is a secret", "unset "+c.secretName()+", or leave the method out")
		case c.AuthMethod == AuthKey && !c.one():
			wrong("jwks_file", "or jwks_uri has to say where its public keys are", "set one of the two")
		case c.AuthMethod != AuthKey && keys:
			wrong("auth_method", "is "+c.AuthMethod+", and there are keys", "set it to "+AuthKey)
		}
		proven := c.AuthMethod != AuthNone
		switch {
		case (c.Service || c.Introspect) && !proven:
			wrong("auth_method", "is none, and anybody could pass for it", "give it a key (private_key_jwt) or a secret")
		case c.Service && len(c.RedirectURIs) > 0:
			wrong("redirect_uris", "are set, and people do not sign in with a service", "take them out, or make two clients of it")
		case !c.Service && len(c.Tools) > 0:
			wrong("tools", "are set, and only a service has its own", "set service: true, or take them out")
		case len(c.RedirectURIs) == 0 && !proven && !l.bad[clientsPath+".redirect_uris"]:
			wrong("redirect_uris", "is not set", "allowed: "+redirectURIs(nil).kind)
		}
	}
}

// one reports whether exactly one place is named.
func (k KeySet) one() bool { return (k.File == "") != (k.URI == "") }

// keyAddresses yields the settings that say where keys are fetched from.
func (c *Config) keyAddresses() iter.Seq2[string, string] {
	return func(yield func(setting, uri string) bool) {
		for _, o := range c.OAuth.Clients {
			if o.URI != "" && !yield(clientsPath+".jwks_uri", o.URI) {
				return
			}
		}
		for _, p := range c.OAuth.IdentityProviders {
			if p.URI != "" && !yield(providersPath+".jwks_uri", p.URI) {
				return
			}
		}
	}
}

// checkProviders looks at the identity providers beside the clients.
func (l *loader) checkProviders() {
	methods := map[string]string{}
	for _, c := range l.cfg.OAuth.Clients {
		methods[c.ID] = c.AuthMethod
	}
	seen := map[string]bool{}
	for _, p := range l.cfg.OAuth.IdentityProviders {
		wrong := func(setting, what, fix string) {
			if path := providersPath + "." + setting; !l.bad[path] {
				l.problems = append(l.problems, Problem{Where: providersPath, Setting: path, What: "of " + p.Issuer + " " + what, Fix: fix})
			}
		}
		if seen[p.Issuer] {
			wrong("issuer", "is there twice", "keep one")
		}
		seen[p.Issuer] = true
		if !p.one() {
			wrong("jwks_uri", "or jwks_file has to say where its public keys are", "set one of the two")
		}
		for _, id := range p.Clients {
			method, configured := methods[id]
			switch {
			case strings.HasPrefix(id, "https://") && l.cfg.OAuth.ClientMetadataDocuments, configured && method != AuthNone:
			case strings.HasPrefix(id, "https://"):
				wrong("clients", "names a metadata document, and oauth.client_metadata_documents is off", "turn it on, or take the client out")
			default:
				wrong("clients", "names "+id+", which is no client of "+clientsPath+" with a secret or a key", "add it there")
			}
		}
	}
}

var clientIDs = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$`)

func clientID(p *string) value {
	return value{kind: "letters, digits and `._~-`", set: func(s string) error {
		if !clientIDs.MatchString(s) {
			return fmt.Errorf("%q is no id of letters, digits and ._~-", s)
		}
		if strings.HasPrefix(strings.ToLower(s), "dcr-") {
			return fmt.Errorf("%q looks like an id that registration gives out", s)
		}
		if strings.HasSuffix(variable(s), fileSuffix) {
			return fmt.Errorf("%q ends like the name of a variable for a file", s)
		}
		*p = s
		return nil
	}}
}

func title(p *string) value {
	return value{kind: fmt.Sprintf("text, up to %d characters", maxClientName), set: func(s string) error {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return errors.New("has characters that cannot be seen")
		}
		if n := utf8.RuneCountInString(s); strings.TrimSpace(s) == "" || n > maxClientName {
			return fmt.Errorf("has %d characters: a name has up to %d", n, maxClientName)
		}
		*p = s
		return nil
	}}
}

func redirectURIs(p *[]string) value {
	return value{kind: "list of URIs", list: true, set: func(s string) error {
		if fault := redirecturi.Fault(s); fault != "" {
			return fmt.Errorf("%q %s", s, fault)
		}
		*p = append(*p, s)
		return nil
	}}
}

// redirectRules is a list of hosts and schemes.
func redirectRules(p *[]string) value {
	return value{kind: "list of hosts, and of schemes with a colon", list: true, set: func(s string) error {
		if _, err := redirecturi.ParseRules([]string{s}); err != nil {
			return fmt.Errorf("%q is neither a host such as claude.ai or *.example.com nor the scheme of an app with a colon", s)
		}
		*p = append(*p, s)
		return nil
	}}
}

// readClientSecrets finds the secrets of the clients, whose names only the list of
// clients tells, and reports those of nobody.
func (l *loader) readClientSecrets(env map[string]string, readFile func(string) ([]byte, error)) {
	var names []string
	for i := range l.cfg.OAuth.Clients {
		c := &l.cfg.OAuth.Clients[i]
		if slices.Contains(names, c.secretName()) {
			l.report(Problem{
				Where: clientsPath, Setting: clientsPath + ".id", What: fmt.Sprintf("two clients have the id %s, or ids that their secret's variable cannot tell apart", c.ID),
				Fix: "rename one",
			})
			continue
		}
		names = append(names, c.secretName(), c.secretName()+fileSuffix)
		s := setting{path: clientsPath + ".secret", env: []string{c.secretName()}, value: confidential(&c.Secret)}
		it, found := l.fromEnviron(&s, env, readFile)
		if !found {
			continue
		}
		if err := errors.Join(checkText(it.text), s.value.set(it.text)); err != nil {
			l.report(Problem{Where: it.where, Setting: s.path, What: err.Error(), Fix: "make one with: m365-mcp keys generate"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, secretPrefix) && !slices.Contains(names, name) && !l.bad[clientsPath] && !l.bad[clientsPath+".id"] {
			l.report(Problem{Where: name, Setting: clientsPath, What: "no client has this secret", Fix: "name the client in " + clientsPath + ", or unset it"})
		}
	}
}
