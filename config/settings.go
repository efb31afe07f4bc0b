package config

import "time"

// setting is one row of the table: everything there is to know about a value.
type setting struct {
	path     string   // in the file, section.key
	env      []string // in the environment: ours first, then the seed's name
	value    value
	def      string // as one would write it
	required bool
	example  string
	doc      string
}

func (s *setting) secret() bool { return s.value.secret }

// section describes a group of settings of the file.
type section struct{ name, doc string }

var sections = []section{
	{"server", "Where the server listens and how the outside reaches it."},
	{"database", "Where grants, sealed tokens and the audit are kept."},
	{"microsoft", "The app registration in Entra (docs/entra.md) and the endpoints of its cloud."},
	{"keys", "The server's own keys. `m365-mcp keys generate` makes a set of them."},
	{"oauth", "The server's own authorization server: what MCP clients hold are its tokens, never Microsoft's."},
	{"mcp", "The MCP endpoint, `<public URL>/mcp`."},
	{"tools", "What assistants are offered."},
	{"gateway", "The way out to Microsoft Graph."},
	{"perimeter", "The proxy in front, which proves who knocks."},
	{"log", "The log on standard error."},
}

// table lists all settings, each bound to its field of c.
func table(c *Config) []setting {
	return append(serverTable(c), policyTable(c)...)
}

func serverTable(c *Config) []setting {
	return []setting{
		{
			path: "server.public_url", env: []string{"M365_MCP_PUBLIC_URL"},
			value:   origin(&c.Server.PublicURL),
			example: "https://mcp.example.com",
			doc: "The address under which clients and browsers reach the server: scheme and host, no path. " +
				"It is the OAuth issuer, and `<public URL>/callback` is the redirect URI to register in Entra. " +
				"Absent, it is `http://` and the listen address where that is a loopback address with a port.",
		},
		{
			path: "server.listen", env: []string{"M365_MCP_LISTEN"},
			value: listenAddress(&c.Server.Listen), def: "127.0.0.1:8365",
			doc: "The address to listen on. TLS ends at the proxy in front.",
		},
		{
			path: "server.trusted_proxies", env: []string{"M365_MCP_TRUSTED_PROXIES"},
			value: prefixes(&c.Server.TrustedProxies), example: "10.0.0.0/8",
			doc: "Addresses or networks of the proxies whose forwarding headers are believed. This version reads no such header, so nobody's are.",
		},
		{
			path: "server.allow_plain_http", env: []string{"M365_MCP_ALLOW_PLAIN_HTTP"},
			value: boolean(&c.Server.AllowPlainHTTP), def: "false",
			doc: "Override: accept a public URL that is plain http and not loopback. Tokens then cross the network readable.",
		},
		{
			path: "database.url", env: []string{"M365_MCP_DATABASE"},
			value: database(&c.Database.URL), def: "sqlite:data/" + DatabaseFile,
			doc: "`sqlite:PATH`. The folder is made if it is missing; on Unix, a folder or database that other users may write is refused. PostgreSQL is not in this version.",
		},
		{
			path: "microsoft.client_id", env: []string{"M365_MCP_MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_ID"},
			value: word(&c.Microsoft.ClientID), required: true, example: "11111111-2222-3333-4444-555555555555",
			doc: "Application (client) ID of the app registration.",
		},
		{
			path: "microsoft.tenant_id", env: []string{"M365_MCP_MICROSOFT_TENANT_ID", "MICROSOFT_TENANT_ID"},
			value: tenant(&c.Microsoft.TenantID), required: true, example: "66666666-7777-8888-9999-000000000000",
			doc: "Directory (tenant) ID, or a domain verified there. People of other tenants are refused.",
		},
		{
			path: "microsoft.client_secret", env: []string{"M365_MCP_MICROSOFT_CLIENT_SECRET", "MICROSOFT_CLIENT_SECRET"},
			value: confidential(&c.Microsoft.ClientSecret), required: true,
			doc: "Value (not ID) of a client secret of the app registration.",
		},
		{
			path: "microsoft.cloud", env: []string{"M365_MCP_MICROSOFT_CLOUD"},
			value: oneOf(&c.Microsoft.Cloud, cloudNames()...), def: "global",
			doc: "Which of Microsoft's clouds; it sets the two endpoints below. GCC uses `global`, GCC High `usgov`.",
		},
		{
			path: "microsoft.authority", env: []string{"M365_MCP_MICROSOFT_AUTHORITY", "MICROSOFT_AUTHORITY"},
			value: endpoint(&c.Microsoft.Authority), example: clouds["global"].authority,
			doc: "Base address of the Microsoft identity platform, without the tenant. Absent, the cloud's.",
		},
		{
			path: "microsoft.graph_url", env: []string{"M365_MCP_MICROSOFT_GRAPH_URL", "MICROSOFT_GRAPH_URL"},
			value: endpoint(&c.Microsoft.GraphURL), example: clouds["global"].graph,
			doc: "Base address of Microsoft Graph, without the version. Absent, the cloud's.",
		},
		{
			path: "microsoft.graph_api_version", env: []string{"M365_MCP_GRAPH_API_VERSION", "GRAPH_API_VERSION"},
			value: oneOf(&c.Microsoft.GraphAPIVersion, "v1.0", "beta"), def: "v1.0",
			doc: "Version segment of Graph's addresses. Microsoft supports `beta` for trying things only.",
		},
	}
}

func policyTable(c *Config) []setting {
	const day = 24 * time.Hour
	return []setting{
		{
			path: "keys.encryption", env: []string{"M365_MCP_ENCRYPTION_KEY", "ENCRYPTION_KEY"},
			value: confidential(&c.Keys.Encryption), required: true,
			doc: "Key that wraps the keys of Microsoft's tokens at rest: 32 bytes in hex or base64, optionally with `kid:` in front. " +
				"Several, separated by commas, for a rotation: the first one encrypts, all decrypt.",
		},
		{
			path: "keys.cookie_encryption", env: []string{"M365_MCP_COOKIE_ENCRYPTION_KEY", "COOKIE_ENCRYPTION_KEY"},
			value: confidential(&c.Keys.CookieEncryption),
			doc:   "Key that encrypts the sign-in cookies: 32 bytes in hex or base64. Absent, one is derived from the encryption key.",
		},
		{
			path: "keys.cookie_secret", env: []string{"M365_MCP_COOKIE_SECRET", "COOKIE_SECRET"},
			value: confidential(&c.Keys.CookieSecret),
			doc:   "Secret that signs cookies and forms: at least 16 characters. Absent, one is derived from the encryption key.",
		},
		{
			path: "keys.audit_signing", env: []string{"M365_MCP_AUDIT_SIGNING_KEY"},
			value: confidential(&c.Keys.AuditSigning),
			doc: "Key that signs the audit's checkpoints, as `keys generate` prints it. Absent, one is made once in a file beside the SQLite database. " +
				"Whoever holds the database and this key can rewrite the audit: keep them apart.",
		},
		{
			path: "oauth.code_lifetime", env: []string{"M365_MCP_OAUTH_CODE_LIFETIME"},
			value: duration(&c.OAuth.CodeLifetime, 10*time.Second, 10*time.Minute), def: "1m",
			doc: "How long an authorization code can be redeemed.",
		},
		{
			path: "oauth.access_lifetime", env: []string{"M365_MCP_OAUTH_ACCESS_LIFETIME"},
			value: duration(&c.OAuth.AccessLifetime, 10*time.Second, time.Hour), def: "1h",
			doc: "How long an access token is valid; never longer than Microsoft's token behind it.",
		},
		{
			path: "oauth.refresh_lifetime", env: []string{"M365_MCP_OAUTH_REFRESH_LIFETIME"},
			value: duration(&c.OAuth.RefreshLifetime, time.Minute, 90*day), def: "720h",
			doc: "How long a refresh token is valid when it is not used; each use starts it anew.",
		},
		{
			path: "oauth.registration", env: []string{"M365_MCP_OAUTH_REGISTRATION"},
			value: boolean(&c.OAuth.Registration), def: "true",
			doc: "Dynamic client registration (RFC 7591), which today's MCP clients rely on.",
		},
		{
			path: "oauth.max_clients", env: []string{"M365_MCP_OAUTH_MAX_CLIENTS"},
			value: number(&c.OAuth.MaxClients, 1, 1_000_000), def: "10000",
			doc: "How many registered clients are kept; past that, registration is refused until unused ones expire.",
		},
		{
			path: "mcp.allowed_origins", env: []string{"M365_MCP_ALLOWED_ORIGINS"},
			value: origins(&c.MCP.AllowedOrigins), example: "https://assistant.example.com",
			doc: "Origins of web pages that may call the endpoint, beside the public URL's own. Any other `Origin` gets 403.",
		},
		{
			path: "mcp.max_request_bytes", env: []string{"M365_MCP_MAX_REQUEST_BYTES"},
			value: number(&c.MCP.MaxRequestBytes, 16<<10, 64<<20), def: "4194304",
			doc: "Largest request body that is read.",
		},
		{
			path: "tools.preset", env: []string{"M365_MCP_TOOLS"},
			value: oneOf(&c.Tools.Preset, "core"), def: "core",
			doc: "Which set of tools is offered.",
		},
		{
			path: "gateway.timeout", env: []string{"M365_MCP_GATEWAY_TIMEOUT"},
			value: duration(&c.Gateway.Timeout, time.Second, 10*time.Minute), def: "60s",
			doc: "How long one request to Graph may take, its retries included.",
		},
		{
			path: "gateway.max_attempts", env: []string{"M365_MCP_GATEWAY_MAX_ATTEMPTS"},
			value: number(&c.Gateway.MaxAttempts, 1, 10), def: "4",
			doc: "How often a request that is safe to repeat is sent, the first time included.",
		},
		{
			path: "gateway.max_wait", env: []string{"M365_MCP_GATEWAY_MAX_WAIT"},
			value: duration(&c.Gateway.MaxWait, 0, 5*time.Minute), def: "20s",
			doc: "Longest `Retry-After` that is waited for; where Graph asks for more, the assistant is told instead.",
		},
		{
			path: "gateway.service_token", env: []string{"M365_MCP_AI_GATEWAY_SERVICE_TOKEN", "AI_GATEWAY_SERVICE_TOKEN"},
			value: confidential(&c.Gateway.ServiceToken),
			doc:   "Service token of Cloudflare AI Gateway. Accepted with a warning: egress through it is not in this version.",
		},
		{
			path: "perimeter.mode", env: []string{"M365_MCP_PERIMETER"},
			value: perimeterMode(&c.Perimeter.Mode), def: "none",
			doc: "What stands in front. Only `none` is in this version.",
		},
		{
			path: "perimeter.allow_public_without_perimeter", env: []string{"M365_MCP_ALLOW_PUBLIC_WITHOUT_PERIMETER"},
			value: boolean(&c.Perimeter.AllowPublicWithoutPerimeter), def: "false",
			doc: "Override: serve a public URL that is not loopback with no perimeter declared. Anybody who reaches it can then start a sign-in.",
		},
		{
			path: "log.level", env: []string{"M365_MCP_LOG_LEVEL"},
			value: oneOf(&c.Log.Level, "debug", "info", "warn", "error"), def: "info",
			doc: "Least severity that is logged.",
		},
		{
			path: "log.format", env: []string{"M365_MCP_LOG_FORMAT"},
			value: oneOf(&c.Log.Format, "text", "json"), def: "text",
			doc: "How a record is written.",
		},
	}
}
