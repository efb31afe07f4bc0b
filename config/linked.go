package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"m365mcp/internal/secret"
)

// LinkedApps are what an organization runs beside Microsoft 365 and lets assistants use.
type LinkedApps struct {
	Apps       []LinkedApp
	Operations []LinkedOperation
}

// LinkedApp is one of them.
type LinkedApp struct {
	Name     string
	URL      string // that all its paths are below
	Auth     string // AuthAssertion, AuthAccessToken, AuthHeader
	Header   string // of AuthHeader
	Secret   secret.String
	Timeout  time.Duration
	MaxBytes int64 // of an answer
	Services bool
}

// LinkedOperation is one request that assistants may make of an app.
type LinkedOperation struct {
	App         string
	Name        string
	Description string
	Method      string
	Path        string
	Query       []string
	Body        bool
}

// How a linked app is shown whose call it is.
const (
	AuthAssertion   = "assertion"
	AuthAccessToken = "access-token"
	AuthHeader      = "header"
)

const (
	appsPath        = "linked_apps.apps"
	operationsPath  = "linked_apps.operations"
	appSecretPrefix = prefix + "LINKED_APP_SECRET_"
)

func (a LinkedApp) secretName() string { return appSecretPrefix + variable(a.Name) }

func linkedTable(c *Config) []setting {
	return []setting{
		{
			path: appsPath, env: []string{"M365_MCP_LINKED_APPS"}, example: "{name: crm, url: https://crm.example.com/api, auth: header, header: X-Api-Key}",
			value: value{kind: "list of apps", list: true, record: func() ([]setting, func()) {
				a := &LinkedApp{Header: "Authorization", Timeout: 30 * time.Second, MaxBytes: 1 << 20}
				return linkedAppTable(a), func() { c.Linked.Apps = append(c.Linked.Apps, *a) }
			}},
			doc: "Apps beside Microsoft 365 that assistants may use, by the operations below and no others. See docs/linked-apps.md.",
		},
		{
			path: operationsPath, env: []string{"M365_MCP_LINKED_APP_OPERATIONS"}, example: "{app: crm, name: getCustomer, method: GET, path: '/customers/{id}', description: One customer by its number.}",
			value: value{kind: "list of operations", list: true, record: func() ([]setting, func()) {
				o := &LinkedOperation{}
				return linkedOperationTable(o), func() { c.Linked.Operations = append(c.Linked.Operations, *o) }
			}},
			doc: "What may be done with them: each is a tool `APP_NAME`. `GET` and `HEAD` read, all else writes. They are listed with the presets `core` and `full`, and with `linked` in `tools.preset`.",
		},
	}
}

func linkedAppTable(a *LinkedApp) []setting {
	return []setting{
		{path: appsPath + ".name", value: matching(&a.Name, `^[a-z][a-z0-9-]{0,23}$`, "small letters, digits and hyphens, 24 at most"), required: true, doc: "the first part of its tools' names"},
		{path: appsPath + ".url", value: endpoint(&a.URL), required: true, doc: "that all its paths are below: https, or http on loopback"},
		{
			path: appsPath + ".auth", value: oneOf(&a.Auth, AuthAssertion, AuthAccessToken, AuthHeader), required: true,
			doc: "how a call is proven to it: `assertion`, the perimeter's assertion of the person in `Cf-Access-Token`, for an Access application with a rule `linked_app_token`; `access-token`, the same as `Authorization: Bearer`; `header`, a secret of the app's own, which says nothing of the person",
		},
		{path: appsPath + ".header", value: appHeader(&a.Header), doc: "of `header`: its name; absent, `Authorization`, whose secret includes the scheme (`Bearer ...`)"},
		{path: appsPath + ".secret", env: []string{appSecretPrefix + "<NAME>"}, value: confidential(&a.Secret), doc: "of `header`: its value; `<NAME>` is the app's in capitals, with `_` for hyphens"},
		{path: appsPath + ".timeout", value: duration(&a.Timeout, time.Second, 5*time.Minute), doc: "for one request; absent, 30s"},
		{path: appsPath + ".max_bytes", value: number(&a.MaxBytes, 1<<10, 16<<20), doc: "of one answer; absent, 1048576"},
		{path: appsPath + ".services", value: boolean(&a.Services), doc: "of `header`: services (`service` and `tools` in `oauth.clients`) may read it, too"},
	}
}

func linkedOperationTable(o *LinkedOperation) []setting {
	return []setting{
		{path: operationsPath + ".app", value: word(&o.App), required: true, doc: "of " + appsPath},
		{path: operationsPath + ".name", value: matching(&o.Name, `^[A-Za-z][A-Za-z0-9_]{0,38}$`, "letters, digits and underscores, 39 at most"), required: true, doc: "the second part of the tool's name"},
		{path: operationsPath + ".description", value: sentence(&o.Description), required: true, doc: "what models read: what it does, what it returns, in a sentence or two"},
		{path: operationsPath + ".method", value: oneOf(&o.Method, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"), required: true, doc: "of the request"},
		{path: operationsPath + ".path", value: word(&o.Path), required: true, doc: "below the app's address, such as `/customers/{id}`; a placeholder is a whole segment, and a required argument"},
		{path: operationsPath + ".query", value: texts(&o.Query), doc: "names of query parameters that may be given, as texts"},
		{path: operationsPath + ".body", value: boolean(&o.Body), doc: "it takes a JSON object, in the argument `body`"},
	}
}

func matching(p *string, pattern, kind string) value {
	re := regexp.MustCompile(pattern)
	return value{kind: kind, set: func(s string) error {
		if !re.MatchString(s) {
			return fmt.Errorf("%q is not of %s", s, kind)
		}
		*p = s
		return nil
	}}
}

// sentence is a text that models read.
func sentence(p *string) value {
	const most = 400
	return value{kind: fmt.Sprintf("text, up to %d characters", most), set: func(s string) error {
		if len(s) > most || strings.TrimSpace(s) == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("is empty, longer than %d characters, or has control characters", most)
		}
		*p = s
		return nil
	}}
}

// appHeader is the name of a header that the server itself does not need.
func appHeader(p *string) value {
	own := []string{"host", "cookie", "connection", "accept", "user-agent", "expect", "te", "trailer", "upgrade", "x-request-id"}
	return value{kind: "name of a header", set: func(s string) error {
		low := strings.ToLower(s)
		if s == "" || strings.ContainsFunc(s, func(r rune) bool { return !isToken(r) }) {
			return fmt.Errorf("%q is no name of a header", s)
		}
		if slices.Contains(own, low) || strings.HasPrefix(low, "content-") || strings.HasPrefix(low, "transfer-") || strings.HasPrefix(low, "proxy-") {
			return fmt.Errorf("%q carries something else", s)
		}
		*p = s
		return nil
	}}
}

// readAppSecrets finds the secrets of linked apps, and reports those of nobody.
func (l *loader) readAppSecrets(env map[string]string, readFile func(string) ([]byte, error)) {
	var names []string
	for i := range l.cfg.Linked.Apps {
		a := &l.cfg.Linked.Apps[i]
		if slices.Contains(names, a.secretName()) {
			l.report(Problem{Where: appsPath, Setting: appsPath + ".name", What: fmt.Sprintf("two apps are called %s, or so that their secret's variable cannot tell them apart", a.Name), Fix: "rename one"})
			continue
		}
		names = append(names, a.secretName(), a.secretName()+fileSuffix)
		s := setting{path: appsPath + ".secret", env: []string{a.secretName()}, value: confidential(&a.Secret)}
		it, found := l.fromEnviron(&s, env, readFile)
		if !found {
			continue
		}
		err := s.value.set(it.text)
		if strings.ContainsFunc(it.text, func(r rune) bool { return r < ' ' || r > '~' }) {
			err = errors.New("has characters that no header may have")
		}
		if err != nil {
			l.report(Problem{Where: it.where, Setting: s.path, What: err.Error(), Fix: "set the header's value, on one line"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, appSecretPrefix) && !slices.Contains(names, name) && !l.bad[appsPath] && !l.bad[appsPath+".name"] {
			l.report(Problem{Where: name, Setting: appsPath, What: "no linked app has this secret", Fix: "name the app in " + appsPath + ", or unset it"})
		}
	}
}

// checkLinkedApps looks at what only the settings of an app together can tell.
func (l *loader) checkLinkedApps() {
	if l.bad[appsPath] || l.bad[operationsPath] {
		return
	}
	used := map[string]bool{}
	for _, a := range l.cfg.Linked.Apps {
		wrong := func(setting, what, fix string) {
			if path := appsPath + "." + setting; !l.bad[path] {
				l.problems = append(l.problems, Problem{Where: appsPath, Setting: path, What: "of the linked app " + a.Name + " " + what, Fix: fix})
			}
		}
		used[a.Name] = false
		proof := l.cfg.Perimeter.Has(CloudflareAccess) || l.cfg.Perimeter.Has(OIDCProxy)
		switch {
		case a.Auth == AuthHeader && a.Secret.IsZero():
			wrong("secret", "is not set", "set "+a.secretName()+", or "+a.secretName()+fileSuffix)
		case a.Auth != AuthHeader && !a.Secret.IsZero():
			wrong("auth", "is "+a.Auth+", and there is a secret", "set it to "+AuthHeader+", or unset "+a.secretName())
		case a.Auth != AuthHeader && a.Auth != "" && !proof && !l.bad["perimeter.mode"]:
			wrong("auth", "is "+a.Auth+", and no perimeter that signs assertions is declared", "set perimeter.mode to "+CloudflareAccess+" or "+OIDCProxy+", or auth to "+AuthHeader)
		}
		if a.Services && a.Auth != AuthHeader {
			wrong("services", "is on, and a service has no proof of a person", "turn it off, or set auth to "+AuthHeader)
		}
	}
	seen := map[string]bool{}
	for _, o := range l.cfg.Linked.Operations {
		wrong := func(setting, what, fix string) {
			if path := operationsPath + "." + setting; !l.bad[path] {
				l.problems = append(l.problems, Problem{Where: operationsPath, Setting: path, What: "of the operation " + o.Name + " " + what, Fix: fix})
			}
		}
		if _, known := used[o.App]; !known {
			wrong("app", "names "+o.App+", which is none of "+appsPath, "add it there")
		}
		used[o.App] = true
		if key := o.App + "_" + o.Name; seen[key] {
			wrong("name", "is there twice in "+o.App, "rename one")
		} else {
			seen[key] = true
		}
	}
	for _, a := range l.cfg.Linked.Apps {
		if !used[a.Name] {
			l.cfg.Warnings = append(l.cfg.Warnings, "the linked app "+a.Name+" has no operation in "+operationsPath+", so nothing can be done with it")
		}
	}
}
