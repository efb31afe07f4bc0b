package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"m365mcp/internal/redirecturi"
	"m365mcp/internal/secret"
)

// OAuthClient is a client that needs no registration.
type OAuthClient struct {
	ID           string
	Name         string
	RedirectURIs []string
	Secret       secret.String // may be absent
}

const (
	clientsPath   = "oauth.clients"
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
		{path: clientsPath + ".redirect_uris", value: redirectURIs(&c.RedirectURIs), required: true, doc: "https, loopback http (its port is free) or an app's scheme; the same as the client sends, to the letter"},
		{
			path: clientsPath + ".secret", env: []string{secretPrefix + "<ID>"}, value: confidential(&c.Secret),
			doc: "for a client that can keep one; `<ID>` is the id in capitals, with `_` for all but letters and digits",
		},
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
