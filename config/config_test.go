package config_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"m365mcp/config"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
)

// complete is the least that serve needs.
func complete(extra ...string) []string {
	return append([]string{
		"MICROSOFT_CLIENT_ID=client", "MICROSOFT_TENANT_ID=contoso.example", "MICROSOFT_CLIENT_SECRET=a-client-secret",
		"ENCRYPTION_KEY=" + goodKey,
	}, extra...)
}

var goodKey = seal.GenerateKey()

var goodSigner = func() string {
	skey, _, err := note.GenerateKey(rand.Reader, "test")
	if err != nil {
		panic(err)
	}
	return skey
}()

type files map[string]string

func (f files) read(name string) ([]byte, error) {
	if text, ok := f[name]; ok {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func TestEnvironmentAloneIsEnough(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", complete(), os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	if c.Server.PublicURL != "http://127.0.0.1:8365" {
		t.Errorf("public URL %q", c.Server.PublicURL)
	}
	if c.Microsoft.Authority != "https://login.microsoftonline.com" || c.Microsoft.GraphURL != "https://graph.microsoft.com" {
		t.Errorf("endpoints %q, %q", c.Microsoft.Authority, c.Microsoft.GraphURL)
	}
	if c.Microsoft.ClientSecret.Reveal() != "a-client-secret" {
		t.Error("the client secret did not arrive")
	}
	if path, ok := c.Database.SQLitePath(); !ok || path != "data/"+config.DatabaseFile {
		t.Errorf("database %q", path)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings: %q", c.Warnings)
	}
}

func TestFileAndPrecedence(t *testing.T) {
	t.Parallel()
	f := files{
		"m365.yaml": `
server:
  public_url: https://mcp.example.com/
  listen: ":8443"
  trusted_proxies: [10.0.0.0/8, 192.0.2.7]
microsoft:
  cloud: usgov
  graph_api_version: beta
oauth:
  access_lifetime: 30m
  registration: false
  max_clients: 50
perimeter: {allow_public_without_perimeter: true}
log:
`,
		"/run/secrets/ms": "from-a-file\n",
	}
	env := []string{
		"MICROSOFT_CLIENT_ID=client", "MICROSOFT_TENANT_ID=contoso.example", "MICROSOFT_CLIENT_SECRET_FILE=/run/secrets/ms",
		"ENCRYPTION_KEY=new:" + seal.GenerateKey()[9:] + ",old:" + seal.GenerateKey()[9:],
		"M365_MCP_OAUTH_MAX_CLIENTS=70", "M365_MCP_ALLOWED_ORIGINS=https://a.example, https://b.example:8443",
		"M365_MCP_DATABASE=", "M365_MCP_SERVICE_HOST=10.1.2.3", "M365_MCP_PORT=tcp://10.1.2.3:80",
	}
	c, err := config.Load("m365.yaml", env, f.read)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{
		c.Server.PublicURL, c.Server.Listen, c.Server.TrustedProxies, c.Microsoft.GraphURL, c.Microsoft.GraphAPIVersion,
		c.Microsoft.ClientSecret.Reveal(), c.OAuth.AccessLifetime, c.OAuth.Registration, c.OAuth.MaxClients, c.MCP.AllowedOrigins,
	}
	want := []any{
		"https://mcp.example.com", ":8443",
		[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32")},
		"https://graph.microsoft.us", "beta",
		"from-a-file", 30 * time.Minute, false, 70,
		[]string{"https://a.example", "https://b.example:8443"},
	}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Error(d)
	}
}

func TestPerimeter(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", append(complete(),
		"M365_MCP_PUBLIC_URL=https://mcp.example.com", "M365_MCP_PERIMETER=cloudflare-access,mtls", "M365_MCP_ACCESS_TEAM=tideline", "M365_MCP_ACCESS_AUDIENCES=one,two", "M365_MCP_ACCESS_GROUPS=true",
		"M365_MCP_PERIMETER_CLIENT_CA=ca.pem", "M365_MCP_PERIMETER_CERTIFICATE_HEADER=Client-Cert", "M365_MCP_TRUSTED_PROXIES=192.0.2.1", "M365_MCP_PERIMETER_OPEN=metadata",
		"M365_MCP_PERIMETER_PEOPLE=[{perimeter: A.Lovelace@tideline.example, microsoft: ada@tideline.example}]", "M365_MCP_PERIMETER_MACHINES=[{service: 4a9b.access, clients: [claude.ai]}]",
		"M365_MCP_PERIMETER_SERVICES=[{service: 7c2d.access, tools: [authenticate]}]",
	), files{}.read)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Perimeter{
		Modes: []string{"cloudflare-access", "mtls"}, AccessTeam: "tideline", AccessAudiences: []string{"one", "two"}, AccessGroups: true, ClientCA: "ca.pem", CertificateHeader: "Client-Cert",
		Open: []string{"metadata"}, People: []config.PerimeterPerson{{Perimeter: "a.lovelace@tideline.example", Microsoft: "ada@tideline.example"}},
		Machines: []config.PerimeterMachine{{Service: "4a9b.access", Clients: []string{"claude.ai"}}},
		Services: []config.PerimeterService{{Service: "7c2d.access", Tools: []string{"authenticate"}}},
	}
	if diff := cmp.Diff(want, c.Perimeter); diff != "" || !c.Perimeter.Declared() {
		t.Error(diff)
	}
}

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	const canary = "canary-in-the-file"
	f := files{"c.yaml": `server:
  public_ur: https://mcp.example.com
  listen: nowhere
microsoft:
  client_secret: ` + canary + `
  cloud: moon
oauth: 5
gatway:
  timeout: 5s
log:
  level: [info]
  format: text
  format: json
`}
	_, err := config.Load("c.yaml", []string{
		"MICROSOFT_CLIENT_ID=client", "ENCRYPTION_KEY=" + strings.Repeat("00", 32), "COOKIE_SECRET=short",
		"MICROSOFT_CLIENT_SECRET=a", "MICROSOFT_CLIENT_SECRET_FILE=/nowhere", "M365_MCP_LISTN=:1", "M365_MCP_GATEWAY_MAX_ATTEMPTS=many",
	}, f.read)
	got, ok := errors.AsType[config.Errors](err)
	if !ok {
		t.Fatalf("error is %T", err)
	}
	text := got.Error()
	for _, want := range []string{
		`c.yaml:2: unknown setting "public_ur" in section server`, "did you mean public_url?",
		`c.yaml:3: server.listen: "nowhere" is not host:port`,
		"c.yaml:5: microsoft.client_secret: is a secret", "MICROSOFT_CLIENT_SECRET_FILE in the environment",
		`c.yaml:6: microsoft.cloud: "moon" is not one of its values`,
		"c.yaml:7: oauth: is a section",
		`c.yaml:8: unknown section "gatway"`, "did you mean gateway?",
		"c.yaml:11: log.level: is not a single plain value",
		"c.yaml:13: log.format: stands here a second time",
		"MICROSOFT_CLIENT_SECRET_FILE: microsoft.client_secret: the file cannot be read",
		"M365_MCP_LISTN: no setting has this name", "did you mean M365_MCP_LISTEN?",
		`M365_MCP_GATEWAY_MAX_ATTEMPTS: gateway.max_attempts: "many" is not a whole number`,
		"microsoft.tenant_id: is not set",
		"ENCRYPTION_KEY: keys.encryption: encryption key 1 of 1: weak key",
		"COOKIE_SECRET: keys.cookie_secret: weak secret",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("not named: %s", want)
		}
	}
	if len(got) != 14 {
		t.Errorf("%d problems, want 14", len(got))
	}
	if strings.Contains(text, canary) {
		t.Error("the text shows a secret")
	}
	if t.Failed() {
		t.Log(text)
	}
}

const clientsVariable = `M365_MCP_OAUTH_CLIENTS=[{"id":"desk-top","name":"Desk","redirect_uris":["http://localhost/cb"]}]`

func TestClients(t *testing.T) {
	t.Parallel()
	f := files{
		"c.yaml": `
oauth:
  redirect_allow: [claude.ai, "cursor:"]
  clients:
  - id: mcp-remote
    name: mcp-remote of the company
    redirect_uris: [http://localhost/oauth/callback, "http://127.0.0.1/oauth/callback"]
  - {id: portal.v2, name: Portal, redirect_uris: [https://portal.example/cb]}
`,
		"/run/secrets/portal": "a secret of the portal\n",
	}
	want := []config.OAuthClient{
		{ID: "mcp-remote", Name: "mcp-remote of the company", RedirectURIs: []string{"http://localhost/oauth/callback", "http://127.0.0.1/oauth/callback"}, AuthMethod: config.AuthNone},
		{ID: "portal.v2", Name: "Portal", RedirectURIs: []string{"https://portal.example/cb"}, Secret: secret.New("a secret of the portal"), AuthMethod: config.AuthSecret},
	}
	compare := func(want, got []config.OAuthClient) {
		t.Helper()
		if d := cmp.Diff(want, got, cmp.Comparer(func(a, b secret.String) bool { return a.Reveal() == b.Reveal() })); d != "" {
			t.Error(d)
		}
	}
	c, err := config.Load("c.yaml", complete("M365_MCP_OAUTH_CLIENT_SECRET_PORTAL_V2_FILE=/run/secrets/portal"), f.read)
	if err != nil {
		t.Fatal(err)
	}
	compare(want, c.OAuth.Clients)
	if d := cmp.Diff([]string{"claude.ai", "cursor:"}, c.OAuth.RedirectAllow); d != "" {
		t.Error(d)
	}
	c, err = config.Load("c.yaml", complete(clientsVariable, "M365_MCP_OAUTH_CLIENT_SECRET_DESK_TOP=the environment wins"), f.read)
	if err != nil {
		t.Fatal(err)
	}
	compare([]config.OAuthClient{{ID: "desk-top", Name: "Desk", RedirectURIs: []string{"http://localhost/cb"}, Secret: secret.New("the environment wins"), AuthMethod: config.AuthSecret}}, c.OAuth.Clients)
	if c, err := config.Load("c.yaml", complete(), files{"c.yaml": "oauth: {clients: []}"}.read); err != nil || len(c.OAuth.Clients) != 0 {
		t.Errorf("%v, %v", c.OAuth.Clients, err)
	}
}

func TestEveryMistakeInClientsIsNamed(t *testing.T) {
	t.Parallel()
	_, err := config.Load("c.yaml", complete(), files{"c.yaml": `oauth:
  clients:
  - id: dcr-x
    name: A
    redirect_uris: [https://a.example/cb, http://a.example/cb, "https://a.example/#x"]
  - name: "A\u202eB"
    redirect_uri: [https://a.example/]
  - {id: a/b, id: c, name: "", redirect_uris: [{a: b}]}
  - {id: same-id, name: A, redirect_uris: [https://a.example/]}
  - {id: same.id, name: A, redirect_uris: [https://a.example/]}
  - {id: my_file, name: A, redirect_uris: [https://a.example/]}
  - {id: empty, name: A, redirect_uris: []}
`}.read)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		`c.yaml:3: oauth.clients.id: "dcr-x" looks like an id that registration gives out`,
		`c.yaml:5: oauth.clients.redirect_uris: "http://a.example/cb" is plain http`,
		`c.yaml:5: oauth.clients.redirect_uris: "https://a.example/#x" has a fragment`,
		`c.yaml:6: oauth.clients.id: is not set`,
		`c.yaml:6: oauth.clients.name: has characters that cannot be seen`,
		`c.yaml:6: oauth.clients.redirect_uris: is not set`,
		`c.yaml:7: unknown setting "redirect_uri" in section oauth.clients`, "did you mean redirect_uris?",
		`c.yaml:8: oauth.clients.id: stands here a second time`,
		`c.yaml:8: oauth.clients.id: "a/b" is no id`,
		`c.yaml:8: oauth.clients.name: has 0 characters`,
		`c.yaml:8: oauth.clients.redirect_uris: is not a plain text`,
		`oauth.clients: oauth.clients.id: two clients have the id same.id`,
		`c.yaml:11: oauth.clients.id: "my_file" ends like`,
		`c.yaml:12: oauth.clients.redirect_uris: is not set`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not named: %s", want)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		file string
		env  []string
		want string
	}{
		{name: "public URL is plain http", env: []string{"M365_MCP_PUBLIC_URL=http://mcp.example.com", "M365_MCP_ALLOW_PUBLIC_WITHOUT_PERIMETER=true"}, want: "plain http"},
		{name: "public URL without a perimeter", env: []string{"M365_MCP_PUBLIC_URL=https://mcp.example.com"}, want: "no perimeter is declared"},
		{name: "private network is public too", env: []string{"M365_MCP_PUBLIC_URL=https://10.0.0.5"}, want: "no perimeter is declared"},
		{name: "loopback listener does not make it private", env: []string{"M365_MCP_PUBLIC_URL=https://mcp.example.com", "M365_MCP_LISTEN=127.0.0.1:1"}, want: "no perimeter is declared"},
		{name: "public URL cannot be guessed", env: []string{"M365_MCP_LISTEN=:8365"}, want: "cannot be told from the listen address"},
		{name: "public URL with a path", env: []string{"M365_MCP_PUBLIC_URL=https://mcp.example.com/m365"}, want: "has a path"},
		{name: "public URL with a password", env: []string{"M365_MCP_PUBLIC_URL=https://u:canary@mcp.example.com"}, want: "user name or password"},
		{name: "unknown perimeter", env: []string{"M365_MCP_PERIMETER=vpn"}, want: `"vpn" is not one of its values`},
		{name: "none and another", env: []string{"M365_MCP_PERIMETER=none,mtls", "M365_MCP_PERIMETER_CLIENT_CA=ca.pem"}, want: "is none and something else"},
		{name: "Access without a team", env: []string{"M365_MCP_PERIMETER=cloudflare-access", "M365_MCP_ACCESS_AUDIENCES=a"}, want: "M365_MCP_ACCESS_TEAM"},
		{name: "Access without an audience", env: []string{"M365_MCP_PERIMETER=cloudflare-access", "M365_MCP_ACCESS_TEAM=tideline"}, want: "M365_MCP_ACCESS_AUDIENCES"},
		{name: "proxy without an audience", env: []string{"M365_MCP_PERIMETER=oidc-proxy", "M365_MCP_PERIMETER_PROXY=google-iap"}, want: "M365_MCP_PERIMETER_PROXY_AUDIENCES"},
		{name: "Pomerium without an issuer", env: []string{"M365_MCP_PERIMETER=oidc-proxy", "M365_MCP_PERIMETER_PROXY=pomerium", "M365_MCP_PERIMETER_PROXY_AUDIENCES=a"}, want: "M365_MCP_PERIMETER_PROXY_ISSUER"},
		{
			name: "proxy without a header",
			env:  []string{"M365_MCP_PERIMETER=oidc-proxy", "M365_MCP_PERIMETER_PROXY_ISSUER=i", "M365_MCP_PERIMETER_PROXY_AUDIENCES=a", "M365_MCP_PERIMETER_PROXY_KEYS_URL=https://a.example/keys"},
			want: "M365_MCP_PERIMETER_PROXY_HEADER",
		},
		{name: "HMAC", env: []string{"M365_MCP_PERIMETER_PROXY_ALGORITHMS=HS256"}, want: `"HS256" is not one of its values`},
		{name: "keys over plain http", env: []string{"M365_MCP_PERIMETER_PROXY_KEYS_URL=http://proxy.example/keys"}, want: "use https"},
		{name: "assertion in the bearer's header", env: []string{"M365_MCP_PERIMETER_PROXY_HEADER=Authorization"}, want: "carries something else"},
		{name: "mtls without an authority", env: []string{"M365_MCP_PERIMETER=mtls", "M365_MCP_PERIMETER_CERTIFICATE_HEADER=Client-Cert", "M365_MCP_TRUSTED_PROXIES=10.0.0.1"}, want: "M365_MCP_PERIMETER_CLIENT_CA"},
		{name: "mtls of everybody", env: []string{"M365_MCP_PERIMETER=mtls", "M365_MCP_PERIMETER_CLIENT_CA=ca.pem", "M365_MCP_PERIMETER_CERTIFICATE_HEADER=Client-Cert"}, want: "server.trusted_proxies"},
		{name: "mtls without TLS", env: []string{"M365_MCP_PERIMETER=mtls", "M365_MCP_PERIMETER_CLIENT_CA=ca.pem"}, want: "no connection has a client certificate"},
		{name: "a certificate without a key", env: []string{"M365_MCP_TLS_CERTIFICATE=server.pem"}, want: "go together"},
		{name: "a person without an address", env: []string{"M365_MCP_PERIMETER_PEOPLE=[{perimeter: ada, microsoft: ada@tideline.example}]"}, want: "is no address"},
		{name: "a service without tools", env: []string{"M365_MCP_PERIMETER_SERVICES=[{service: ci}]"}, want: "perimeter.services.tools: is not set"},
		{name: "a service twice", env: []string{"M365_MCP_PERIMETER_SERVICES=[{service: ci, tools: [authenticate]}, {service: ci, tools: [findTools]}]"}, want: "which is listed before"},
		{
			name: "a service by the name of a client", want: "which is a client of oauth.clients",
			env: []string{
				"M365_MCP_OAUTH_CLIENTS=[{id: ci, name: CI, service: true}]", "M365_MCP_OAUTH_CLIENT_SECRET_CI=a secret of the service",
				"M365_MCP_PERIMETER_SERVICES=[{service: ci, tools: [authenticate]}]",
			},
		},
		{name: "a machine for no client", env: []string{"M365_MCP_PERIMETER_MACHINES=[{service: ci}]"}, want: "perimeter.machines.clients: is not set"},
		{name: "PostgreSQL without the audit's key", env: []string{"M365_MCP_DATABASE=postgres://u:canary@db.example/m365"}, want: "all replicas must sign with the same key"},
		{name: "streams on many replicas", env: []string{"M365_MCP_DATABASE=postgres://u:canary@db.example/m365", "M365_MCP_AUDIT_SIGNING_KEY=" + goodSigner, "M365_MCP_SSE=true"}, want: "mcp.sse: is on with PostgreSQL"},
		{name: "sockets on many replicas", env: []string{"M365_MCP_DATABASE=postgres://u:canary@db.example/m365", "M365_MCP_AUDIT_SIGNING_KEY=" + goodSigner, "M365_MCP_WEBSOCKET=true"}, want: "mcp.websocket: is on with PostgreSQL"},
		{name: "PostgreSQL without a name", env: []string{"M365_MCP_DATABASE=postgres://u:canary@db.example/"}, want: "names no database"},
		{name: "PostgreSQL with a broken password", env: []string{"M365_MCP_DATABASE=postgres://u:canary%zz@db.example/m365"}, want: "percent-encode"},
		{name: "password of the database in the file", file: "database:\n  url: postgres://u:canary@db.example/m365\n", want: "c.yaml:2: database.url: holds a password"},
		{name: "password in a parameter", file: "database:\n  url: postgres://u@db.example/m365?password=canary\n", want: "c.yaml:2: database.url: holds a password"},
		{name: "other database", env: []string{"M365_MCP_DATABASE=mysql:canary"}, want: "sqlite:PATH"},
		{name: "authority of personal accounts", env: []string{"MICROSOFT_TENANT_ID=common"}, want: "would let in personal accounts"},
		{name: "tenant as a path", env: []string{"MICROSOFT_TENANT_ID=a/../b"}, want: "neither a GUID nor a domain"},
		{name: "plain http to Graph", env: []string{"MICROSOFT_GRAPH_URL=http://graph.example"}, want: "plain http"},
		{name: "short key", env: []string{"ENCRYPTION_KEY=00112233445566778899aabbccddeeff"}, want: "ENCRYPTION_KEY: keys.encryption"},
		{name: "one weak key among several", env: []string{"ENCRYPTION_KEY=" + goodKey + "," + strings.Repeat("ab", 32)}, want: "key 2 of 2: weak key"},
		{name: "key that is no key", env: []string{"ENCRYPTION_KEY=canary"}, want: "ENCRYPTION_KEY: keys.encryption"},
		{name: "audit key", env: []string{"M365_MCP_AUDIT_SIGNING_KEY=canary"}, want: "is not a signing key"},
		{name: "cookie secret repeats", env: []string{"COOKIE_SECRET=" + strings.Repeat("ab", 20)}, want: "repeats itself"},
		{name: "both names", env: []string{"M365_MCP_MICROSOFT_CLIENT_ID=other"}, want: "M365_MCP_MICROSOFT_CLIENT_ID, MICROSOFT_CLIENT_ID: microsoft.client_id: are set together"},
		{name: "key and file", env: []string{"COOKIE_SECRET=0123456789abcdef", "COOKIE_SECRET_FILE=secret"}, want: "are set together"},
		{name: "empty secret file", env: []string{"COOKIE_SECRET_FILE=empty"}, want: "the file is empty"},
		{name: "everybody is a proxy", env: []string{"M365_MCP_TRUSTED_PROXIES=10.0.0.1,0.0.0.0/0"}, want: "is everybody"},
		{name: "lifetime too long", env: []string{"M365_MCP_OAUTH_ACCESS_LIFETIME=2h"}, want: "2h is not from 10s to 1h"},
		{name: "no limit", env: []string{"M365_MCP_OAUTH_REGISTRATIONS_PER_HOUR=0"}, want: "0 is not from 1"},
		{name: "redirects to a path", env: []string{"M365_MCP_OAUTH_REDIRECT_ALLOW=claude.ai,https://a.example/cb"}, want: "neither a host"},
		{name: "redirects to scripts", env: []string{"M365_MCP_OAUTH_REDIRECT_ALLOW=javascript:"}, want: "neither a host"},
		{name: "documents of a whole top-level domain", env: []string{"M365_MCP_OAUTH_CLIENT_METADATA_HOSTS=*.com"}, want: "is no host"},
		{
			name: "documents of this machine on a public server", want: "make the server call itself",
			env: []string{"M365_MCP_PUBLIC_URL=https://mcp.example.com", "M365_MCP_ALLOW_PUBLIC_WITHOUT_PERIMETER=true", "M365_MCP_OAUTH_CLIENT_METADATA_HOSTS=a.example,127.0.0.1:8443"},
		},
		{name: "clients as text", env: []string{"M365_MCP_OAUTH_CLIENTS=desktop"}, want: "is not a list"},
		{name: "clients as texts", env: []string{"M365_MCP_OAUTH_CLIENTS=[desktop]"}, want: "is not a mapping"},
		{name: "clients that are no YAML", env: []string{"M365_MCP_OAUTH_CLIENTS=[{"}, want: "not YAML or JSON"},
		{name: "client's secret in the file", file: "oauth:\n  clients:\n  - {id: a, name: A, redirect_uris: [https://a.example/], secret: canary}\n", want: "c.yaml:3: oauth.clients.secret: is a secret"},
		{name: "client's weak secret", env: []string{clientsVariable, "M365_MCP_OAUTH_CLIENT_SECRET_DESK_TOP=canary"}, want: "M365_MCP_OAUTH_CLIENT_SECRET_DESK_TOP: oauth.clients.secret: weak secret"},
		{name: "secret of nobody", env: []string{clientsVariable, "M365_MCP_OAUTH_CLIENT_SECRET_DESKTOP=canary"}, want: "M365_MCP_OAUTH_CLIENT_SECRET_DESKTOP: oauth.clients: no client has this secret"},
		{name: "secret of nobody at all", env: []string{"M365_MCP_OAUTH_CLIENT_SECRET_X_FILE=secret"}, want: "no client has this secret"},
		{name: "client's secret twice", env: []string{clientsVariable, "M365_MCP_OAUTH_CLIENT_SECRET_DESK_TOP=0123456789abcdef", "M365_MCP_OAUTH_CLIENT_SECRET_DESK_TOP_FILE=secret"}, want: "are set together"},
		{name: "not YAML", file: "server: [", want: "c.yaml:1: is not YAML"},
		{name: "list as document", file: "- a", want: "not a mapping of sections"},
		{name: "no value", file: "server:\n  listen:\n", want: "c.yaml:2: server.listen: has no value"},
		{name: "mapping as value", file: "server:\n  listen: {a: b}\n", want: "not a single plain value"},
		{name: "anchor", file: "server:\n  listen: &a 127.0.0.1:1\n", want: "not a single plain value"},
		{name: "mapping in a list", file: "mcp:\n  allowed_origins: [{a: b}]\n", want: "not a plain text"},
		{name: "two documents", file: "log: {level: info}\n---\nlog: {level: info}\n", want: "second YAML document"},
		{name: "section twice", file: "log: {level: info}\nlog: {format: text}\n", want: "second time"},
		{name: "unlike any section", file: "something_else: 1\n", want: "the sections: server"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := files{"c.yaml": tt.file, "secret": "0123456789abcdef", "empty": "\n"}
			env := complete()
			for _, kv := range tt.env { // a case replaces what it names
				name, _, _ := strings.Cut(kv, "=")
				kept := env[:0:0]
				for _, have := range env {
					if !strings.HasPrefix(have, name+"=") {
						kept = append(kept, have)
					}
				}
				env = append(kept, kv)
			}
			_, err := config.Load("c.yaml", env, f.read)
			got, ok := errors.AsType[config.Errors](err)
			if !ok {
				t.Fatalf("accepted: %v", err)
			}
			if len(got) != 1 || !strings.Contains(got.Error(), tt.want) {
				t.Errorf("want one problem with %q, got %v", tt.want, got)
			}
			if strings.Contains(got.Error(), "canary") {
				t.Errorf("a secret is shown: %v", got)
			}
		})
	}
}

func TestOverridesAndWarning(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", complete("M365_MCP_PUBLIC_URL=http://mcp.example.com", "M365_MCP_ALLOW_PLAIN_HTTP=true",
		"M365_MCP_ALLOW_PUBLIC_WITHOUT_PERIMETER=true", "AI_GATEWAY_SERVICE_TOKEN=a-token"), os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 2 || !strings.Contains(c.Warnings[0], "trusted_proxies") || !strings.Contains(c.Warnings[1], "AI Gateway is not in this version") {
		t.Errorf("warnings: %q", c.Warnings)
	}
}

func TestMissingFile(t *testing.T) {
	t.Parallel()
	_, err := config.Load("absent.yaml", complete(), files{}.read)
	if err == nil || !strings.Contains(err.Error(), "absent.yaml: cannot be read") {
		t.Errorf("got %v", err)
	}
}

func TestLoadDatabaseLooksAtTheDatabaseAlone(t *testing.T) {
	t.Parallel()
	c, err := config.LoadDatabase("", []string{"M365_MCP_DATABASE=sqlite:/tmp/x.db", "M365_MCP_LISTEN=nowhere"}, os.ReadFile)
	if err != nil || c.Database.URL != "sqlite:/tmp/x.db" {
		t.Errorf("%v, %v", c.Database, err)
	}
	for _, bad := range []string{"M365_MCP_DATABASE=mysql:x", "M365_MCP_DATABSE=sqlite:x"} {
		if _, err := config.LoadDatabase("", []string{bad}, os.ReadFile); err == nil {
			t.Errorf("accepted %s", bad)
		}
	}
}

func TestLoadKeysLooksAtKeysAndDatabase(t *testing.T) {
	t.Parallel()
	c, err := config.LoadKeys("", []string{"ENCRYPTION_KEY=k:x", "M365_MCP_DATABASE=sqlite:/tmp/x.db", "M365_MCP_LISTEN=nowhere"}, os.ReadFile)
	if path, _ := c.Database.SQLitePath(); err != nil || c.Keys.Encryption.Reveal() != "k:x" || path != "/tmp/x.db" {
		t.Errorf("LoadKeys = %s, %v", path, err)
	}
	for _, bad := range []string{"ENCRYPTION_KEY_FILE=/nowhere/key", "M365_MCP_DATABASE=mysql:x"} {
		if _, err := config.LoadKeys("", []string{bad}, os.ReadFile); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestLoadAuditKeyLooksAtTheKeyAlone(t *testing.T) {
	t.Parallel()
	c, err := config.LoadAuditKey("", []string{"M365_MCP_AUDIT_SIGNING_KEY=a", "M365_MCP_DATABASE=mysql:x", "M365_MCP_LISTEN=nowhere"}, os.ReadFile)
	if err != nil || c.Keys.AuditSigning.Reveal() != "a" {
		t.Errorf("%v, %v", c.Keys.AuditSigning.IsZero(), err)
	}
	for _, bad := range []string{"M365_MCP_AUDIT_SIGNING_KEY_FILE=absent", "M365_MCP_AUDIT_SIGNIN_KEY=a"} {
		if _, err := config.LoadAuditKey("", []string{bad}, os.ReadFile); err == nil {
			t.Errorf("accepted %s", bad)
		}
	}
}

func TestSQLiteURL(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"d", "d/"} {
		if got := config.SQLiteURL(dir); got != "sqlite:d/"+config.DatabaseFile {
			t.Errorf("%q gives %q", dir, got)
		}
	}
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	const address = "postgres://m365:canary@db.example:5433/m365?sslmode=verify-full&password=canary"
	c := config.Config{Database: config.Database{URL: address}}
	if got := c.Database.String(); got != "postgres://m365:xxxxx@db.example:5433/m365" {
		t.Errorf("String = %q", got)
	}
	if _, ok := c.Database.SQLitePath(); ok {
		t.Error("taken for SQLite")
	}
	env := func(address string) []string {
		return []string{
			"MICROSOFT_CLIENT_ID=c", "MICROSOFT_TENANT_ID=contoso.example", "MICROSOFT_CLIENT_SECRET=s", "ENCRYPTION_KEY=" + goodKey,
			"M365_MCP_AUDIT_SIGNING_KEY=" + goodSigner, "M365_MCP_DATABASE_FILE=" + address,
		}
	}
	asFile := func(name string) ([]byte, error) { return []byte(name + "\n"), nil }
	sticky := append(env(address), "M365_MCP_SSE=true", "M365_MCP_WEBSOCKET=true", "M365_MCP_STICKY_SESSIONS=true")
	if _, err := config.Load("", sticky, asFile); err != nil {
		t.Errorf("streams with sticky sessions: %v", err)
	}
	for text, warned := range map[string]bool{
		address:                                      false,
		"postgres://m365@db.example/m365":            true,
		"postgres://m365@127.0.0.1/m365":             false,
		"postgres://m365@/m365?host=/run/postgresql": false,
	} {
		c, err := config.Load("", env(text), asFile)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := c.Database.PostgresURL(); !ok || got != text {
			t.Errorf("PostgresURL = %q, %v", got, ok)
		}
		if got := len(c.Warnings) > 0; got != warned {
			t.Errorf("%s: warnings %q", text, c.Warnings)
		}
	}
}
