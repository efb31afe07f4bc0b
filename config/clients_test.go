package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/config"
)

const servicesFile = `oauth:
  clients:
  - {id: desk, name: Desk, redirect_uris: [https://desk.example/cb], auth_method: private_key_jwt, jwks_uri: https://desk.example/keys}
  - {id: build, name: Build, auth_method: private_key_jwt, jwks_file: build.json, service: true, tools: [findTools, authenticate]}
  - {id: portal, name: Portal, introspect: true}
  - {id: agent, name: Agent, auth_method: client_secret_basic}
  id_jag:
  - {issuer: https://idp.example, jwks_uri: https://idp.example/keys, clients: [agent, https://agent.example/client.json]}
  - {issuer: https://other.example/a, jwks_file: other.json, clients: [desk], tenant_id: 66666666-7777-8888-9999-00000000000A, user_claim: entra_oid}
`

func TestServices(t *testing.T) {
	t.Parallel()
	c, err := config.Load("c.yaml", complete("M365_MCP_OAUTH_CLIENT_SECRET_PORTAL=a secret of the portal", "M365_MCP_OAUTH_CLIENT_SECRET_AGENT=a secret of the agent"), files{"c.yaml": servicesFile}.read)
	if err != nil {
		t.Fatal(err)
	}
	var methods []string
	for _, client := range c.OAuth.Clients {
		methods = append(methods, client.AuthMethod)
	}
	if diff := cmp.Diff([]string{config.AuthKey, config.AuthKey, config.AuthSecret, config.AuthSecret}, methods); diff != "" {
		t.Error(diff)
	}
	if build := c.OAuth.Clients[1]; !build.Service || build.File != "build.json" || len(build.Tools) != 2 {
		t.Errorf("%+v", build)
	}
	want := []config.IdentityProvider{
		{
			Issuer: "https://idp.example", KeySet: config.KeySet{URI: "https://idp.example/keys"},
			Clients: []string{"agent", "https://agent.example/client.json"}, TenantClaim: "tid", UserClaim: "oid",
		},
		{
			Issuer: "https://other.example/a", KeySet: config.KeySet{File: "other.json"}, Clients: []string{"desk"},
			TenantID: "66666666-7777-8888-9999-00000000000a", TenantClaim: "tid", UserClaim: "entra_oid",
		},
	}
	if diff := cmp.Diff(want, c.OAuth.IdentityProviders); diff != "" {
		t.Error(diff)
	}
}

func TestMistakesInServices(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ client, want string }{
		"a service without a proof":     {`{id: a, name: A, service: true}`, "auth_method: of the client a is none"},
		"introspection for everybody":   {`{id: a, name: A, introspect: true}`, "auth_method: of the client a is none"},
		"a service with a redirect":     {`{id: a, name: A, auth_method: private_key_jwt, jwks_file: f, service: true, redirect_uris: [https://a.example/]}`, "people do not sign in with a service"},
		"tools of no service":           {`{id: a, name: A, redirect_uris: [https://a.example/], tools: [findTools]}`, "only a service has its own"},
		"keys in two places":            {`{id: a, name: A, auth_method: private_key_jwt, jwks_file: f, jwks_uri: https://a.example/k}`, "where its public keys are"},
		"keys nowhere":                  {`{id: a, name: A, auth_method: private_key_jwt}`, "where its public keys are"},
		"keys without the method":       {`{id: a, name: A, redirect_uris: [https://a.example/], jwks_file: f}`, "and there are keys"},
		"a method without its secret":   {`{id: a, name: A, auth_method: client_secret_basic}`, "M365_MCP_OAUTH_CLIENT_SECRET_A"},
		"a key and a secret":            {`{id: s, name: A, auth_method: private_key_jwt, jwks_file: f}`, "and there is a secret"},
		"a method that does not exist":  {`{id: a, name: A, auth_method: client_secret_jwt}`, "client_secret_jwt"},
		"nothing to come back to":       {`{id: a, name: A, auth_method: none}`, "redirect_uris: of the client a is not set"},
		"keys over http":                {`{id: a, name: A, auth_method: private_key_jwt, jwks_uri: http://a.example/k}`, "no well-formed https URL"},
		"keys on another port":          {`{id: a, name: A, auth_method: private_key_jwt, jwks_uri: "https://a.example:8443/k"}`, "another port than 443"},
		"keys with a user":              {`{id: a, name: A, auth_method: private_key_jwt, jwks_uri: https://u@a.example/k}`, "no well-formed https URL"},
		"a key in the file":             {`{id: a, name: A, auth_method: private_key_jwt, jwks: {keys: []}}`, `unknown setting "jwks"`},
		"keys of this machine":          {`{id: a, name: A, auth_method: private_key_jwt, jwks_uri: "https://127.0.0.1:8443/k"}`, "is this machine"},
		"a tool that is no name of one": {`{id: s, name: A, service: true, tools: ["<b>"]}`, "no name of a tool"},
	} {
		_, err := config.Load("c.yaml", complete(
			"M365_MCP_OAUTH_CLIENT_SECRET_S=a secret of the service", "M365_MCP_PUBLIC_URL=https://mcp.example.com", "M365_MCP_ALLOW_PUBLIC_WITHOUT_PERIMETER=true",
		), files{"c.yaml": "oauth:\n  clients:\n  - " + c.client + "\n  - {id: s, name: S, redirect_uris: [https://s.example/]}\n"}.read)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	const good = "issuer: https://idp.example, jwks_file: f, clients: [agent]"
	for name, c := range map[string]struct{ provider, want string }{
		"a public client":         {strings.Replace(good, "agent", "public", 1), "no client of oauth.clients with a secret or a key"},
		"a client that is none":   {strings.Replace(good, "agent", "other", 1), "no client of oauth.clients"},
		"no clients":              {"issuer: https://idp.example, jwks_file: f", "clients: is not set"},
		"keys nowhere":            {"issuer: https://idp.example, clients: [agent]", "where its public keys are"},
		"an issuer over http":     {strings.Replace(good, "https", "http", 1), "no https URL"},
		"a tenant by its domain":  {good + ", tenant_id: contoso.example", "no tenant ID"},
		"a claim with a space":    {good + `, user_claim: "a b"`, "no name of a claim"},
		"the same issuer twice":   {good + "}\n  - {" + good, "is there twice"},
		"what is no client's id":  {strings.Replace(good, "agent", `"a b"`, 1), "neither a client's id"},
		"a setting of another":    {good + ", secret: x", "unknown setting"},
		"personal accounts alone": {good + ", tenant_id: 9188040d-6c67-4c5b-b112-36a304b66dad", "no tenant ID"},
	} {
		_, err := config.Load("c.yaml", complete("M365_MCP_OAUTH_CLIENT_SECRET_AGENT=a secret of the agent"), files{"c.yaml": `oauth:
  clients: [{id: agent, name: A, auth_method: client_secret_basic}, {id: public, name: P, redirect_uris: [https://p.example/]}]
  id_jag:
  - {` + c.provider + "}\n"}.read)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
