package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/config"
)

const linkedFile = `perimeter: {mode: cloudflare-access, access_team: tideline, access_audiences: [f00d]}
linked_apps:
  apps:
  - {name: crm, url: https://crm.example/api/, auth: assertion}
  - {name: old-wiki, url: 'http://127.0.0.1:8080', auth: header, header: X-Api-Key, timeout: 5s, max_bytes: 2048, services: true}
  operations:
  - {app: crm, name: getCustomer, method: GET, path: '/customers/{id}', query: [fields, state], description: One customer by its number.}
  - {app: old-wiki, name: addPage, method: POST, path: /pages, body: true, description: Adds a page.}
`

func TestLinkedApps(t *testing.T) {
	t.Parallel()
	c, err := config.Load("c.yaml", complete("M365_MCP_LINKED_APP_SECRET_OLD_WIKI=of the wiki"), files{"c.yaml": linkedFile}.read)
	if err != nil {
		t.Fatal(err)
	}
	wiki := c.Linked.Apps[1]
	if wiki.Secret.Reveal() != "of the wiki" || wiki.Header != "X-Api-Key" || wiki.Timeout != 5*time.Second || wiki.MaxBytes != 2048 || !wiki.Services {
		t.Errorf("%+v", wiki)
	}
	if crm := c.Linked.Apps[0]; crm.URL != "https://crm.example/api" || crm.Timeout != 30*time.Second || crm.MaxBytes != 1<<20 || !crm.Secret.IsZero() {
		t.Errorf("%+v", crm)
	}
	if diff := cmp.Diff([]config.LinkedOperation{
		{App: "crm", Name: "getCustomer", Method: "GET", Path: "/customers/{id}", Query: []string{"fields", "state"}, Description: "One customer by its number."},
		{App: "old-wiki", Name: "addPage", Method: "POST", Path: "/pages", Body: true, Description: "Adds a page."},
	}, c.Linked.Operations); diff != "" {
		t.Error(diff)
	}
}

func TestMistakesInLinkedApps(t *testing.T) {
	t.Parallel()
	const wiki = "M365_MCP_LINKED_APP_SECRET_OLD_WIKI=of the wiki"
	for name, c := range map[string]struct{ old, now, env, want string }{
		"plain http":                  {"https://crm.example/api/", "http://crm.example", wiki, "plain http"},
		"a secret in the file":        {"timeout: 5s", "secret: abc", wiki, "secrets do not belong in the configuration file"},
		"no secret":                   {"", "", "", "linked_apps.apps.secret: of the linked app old-wiki is not set"},
		"a secret of nobody":          {"", "", wiki + "\x00M365_MCP_LINKED_APP_SECRET_CMR=x", "no linked app has this secret"},
		"a secret for an assertion":   {"", "", wiki + "\x00M365_MCP_LINKED_APP_SECRET_CRM=x", "and there is a secret"},
		"a secret with a line end":    {"", "", wiki + "\r\nX-Other: 1", "no header may have"},
		"no perimeter":                {"mode: cloudflare-access, access_team: tideline, access_audiences: [f00d]", "mode: none, allow_public_without_perimeter: true", wiki, "no perimeter that signs assertions is declared"},
		"services with an assertion":  {"auth: assertion", "auth: assertion, services: true", wiki, "a service has no proof of a person"},
		"a header of the server's":    {"header: X-Api-Key", "header: Content-Length", wiki, "carries something else"},
		"a header that is none":       {"header: X-Api-Key", "header: 'A: b'", wiki, "is no name of a header"},
		"an operation of nobody":      {"app: crm", "app: cmr", wiki, "names cmr, which is none of linked_apps.apps"},
		"an unknown method":           {"method: GET", "method: TRACE", wiki, "is not one of its values"},
		"an operation without words":  {"description: Adds a page.", "description: ''", wiki, "linked_apps.operations.description"},
		"a name that is no tool's":    {"name: addPage", "name: add page", wiki, "is not of letters"},
		"two apps with one variable":  {"name: crm", "name: old-wiki", wiki, "two apps are called"},
		"an unknown proof":            {"auth: header, header", "auth: password, header", wiki, "is not one of its values"},
		"one operation twice":         {"query: [fields, state], description: One customer by its number.}", "description: One.}\n  - {app: crm, name: getCustomer, method: GET, path: /x, description: Two.}", wiki, "is there twice in crm"},
		"a setting that there is not": {"timeout: 5s", "timeuot: 5s", wiki, "did you mean timeout?"},
	} {
		_, err := config.Load("c.yaml", complete(strings.Split(c.env, "\x00")...), files{"c.yaml": strings.Replace(linkedFile, c.old, c.now, 1)}.read)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "of the wiki") {
			t.Errorf("%s: the secret is shown: %v", name, err)
		}
	}
}
