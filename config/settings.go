package config

import (
	"slices"
	"time"
)

// setting is one row of the table: everything there is to know about a value.
type setting struct {
	path     string   // in the file, section.key
	env      []string // in the environment: ours first, then the seed's name
	value    value
	def      string // as one would write it
	required bool
	unless   []string // of a record: required but where one of these is given
	example  string
	doc      string
}

func (s *setting) secret() bool { return s.value.secret }

// fromFile tells whether NAME_FILE may name a file that holds the value.
func (s *setting) fromFile() bool { return s.value.secret || s.value.hides != nil }

// section describes a group of settings of the file.
type section struct{ name, doc string }

var sections = []section{
	{"server", "Where the server listens and how the outside reaches it."},
	{"database", "Where grants, sealed tokens and the audit are kept."},
	{"microsoft", "The app registration in Entra (docs/entra.md) and the endpoints of its cloud."},
	{"keys", "The server's own keys. `m365-mcp keys generate` makes a set of them."},
	{"oauth", "The server's own authorization server: what MCP clients hold are its tokens, never Microsoft's."},
	{"mcp", "The MCP endpoint, `<public URL>/mcp`, and the doors beside it."},
	{"tools", "What assistants are offered."},
	{"gateway", "The way out to Microsoft Graph."},
	{"perimeter", "The proxy in front, which proves who knocks."},
	{"linked_apps", "What assistants may use beside Microsoft 365, each thing on purpose."},
	{"log", "The log on standard error."},
}

const oneCredential = "Exactly one of `client_secret`, `client_certificate` and `federated_token_file` is required by `serve`."

// table lists all settings, each bound to its field of c.
func table(c *Config) []setting {
	return slices.Concat(serverTable(c), keyTable(c), callTable(c), perimeterTable(c), perimeterNames(c), linkedTable(c), logTable(c))
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
			doc: "The address to listen on. TLS ends at the proxy in front, unless `tls_certificate` is set.",
		},
		{
			path: "server.tls_certificate", env: []string{"M365_MCP_TLS_CERTIFICATE"},
			value: path(&c.Server.TLSCertificate), example: "server.pem",
			doc: "A PEM file with the server's certificate and those between it and its authority, where TLS ends here. TLS 1.2 is the least.",
		},
		{
			path: "server.tls_key", env: []string{"M365_MCP_TLS_KEY"},
			value: path(&c.Server.TLSKey), example: "server-key.pem",
			doc: "The PEM file with the certificate's private key.",
		},
		{
			path: "server.trusted_proxies", env: []string{"M365_MCP_TRUSTED_PROXIES"},
			value: prefixes(&c.Server.TrustedProxies), example: "10.0.0.0/8",
			doc: "Addresses or networks of the proxies whose forwarding headers (`X-Forwarded-For`, `Forwarded`) are believed. Limits count the last address there that is not on this list; " +
				"where a proxy is not on it, everybody behind it counts as one address.",
		},
		{
			path: "server.allow_plain_http", env: []string{"M365_MCP_ALLOW_PLAIN_HTTP"},
			value: boolean(&c.Server.AllowPlainHTTP), def: "false",
			doc: "Override: accept a public URL that is plain http and not loopback. Tokens then cross the network readable.",
		},
		{
			path: "database.url", env: []string{"M365_MCP_DATABASE"},
			value: database(&c.Database), def: "sqlite:data/" + DatabaseFile,
			doc: "`sqlite:PATH`. The folder is made if it is missing; on Unix, a folder or database that other users may write is refused. " +
				"`postgres://USER@HOST/NAME` for many replicas, with the parameters that PostgreSQL's own clients know (`sslmode`, `sslrootcert`, ...); " +
				"with a password in it, it comes from the environment or from a file that `M365_MCP_DATABASE_FILE` names. All replicas need the same keys, `keys.audit_signing` included.",
		},
		{
			path: "microsoft.client_id", env: []string{"M365_MCP_MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_ID"},
			value: word(&c.Microsoft.ClientID), required: true, example: "11111111-2222-3333-4444-555555555555",
			doc: "Application (client) ID of the app registration.",
		},
		{
			path: "microsoft.tenant_id", env: []string{"M365_MCP_MICROSOFT_TENANT_ID", "MICROSOFT_TENANT_ID"},
			value: tenant(&c.Microsoft.TenantID), required: true, example: "66666666-7777-8888-9999-000000000000",
			doc: "Directory (tenant) ID, or a domain verified there. People of other tenants are refused. " +
				"`organizations` is for several tenants, whose list is `allowed_tenants`; personal accounts are refused always.",
		},
		{
			path: "microsoft.allowed_tenants", env: []string{"M365_MCP_MICROSOFT_ALLOWED_TENANTS"},
			value: tenantIDs(&c.Microsoft.AllowedTenants), example: "66666666-7777-8888-9999-000000000000, 77777777-8888-9999-0000-111111111111",
			doc: "Tenant IDs whose people may sign in, where there are several; `tenant_id` is `organizations` then, or absent. " +
				"`*` (in quotes) lets in people of every organization that consents to the app: say who may use it in another way.",
		},
		{
			path: "microsoft.client_secret", env: []string{"M365_MCP_MICROSOFT_CLIENT_SECRET", "MICROSOFT_CLIENT_SECRET"},
			value: confidential(&c.Microsoft.ClientSecret),
			doc:   "Value (not ID) of a client secret of the app registration. " + oneCredential,
		},
		{
			path: "microsoft.client_certificate", env: []string{"M365_MCP_MICROSOFT_CLIENT_CERTIFICATE"},
			value: confidential(&c.Microsoft.ClientCertificate),
			doc:   "Certificate that is registered for the app, with its private key: PEM, RSA with at least 2048 bits, no password. " + oneCredential,
		},
		{
			path: "microsoft.federated_token_file", env: []string{"M365_MCP_MICROSOFT_FEDERATED_TOKEN_FILE", "AZURE_FEDERATED_TOKEN_FILE"},
			value: path(&c.Microsoft.FederatedTokenFile), example: "/var/run/secrets/azure/tokens/azure-identity-token",
			doc: "File with a token of an issuer that the app trusts (workload identity federation). It is read anew at each use. " + oneCredential,
		},
		{
			path: "microsoft.cloud", env: []string{"M365_MCP_MICROSOFT_CLOUD"},
			value: oneOf(&c.Microsoft.Cloud, cloudNames()...), def: "global",
			doc: "Which of Microsoft's clouds; it sets the two endpoints below and whose Graph the permissions are of. " +
				"GCC uses `global`, GCC High (L4) `usgov`, DoD (L5) `dod`, 21Vianet `china`.",
		},
		{
			path: "microsoft.authority", env: []string{"M365_MCP_MICROSOFT_AUTHORITY", "MICROSOFT_AUTHORITY"},
			value: endpoint(&c.Microsoft.Authority), example: clouds["global"].authority,
			doc: "Base address of the Microsoft identity platform, without the tenant. Absent, the cloud's; that of another cloud is refused.",
		},
		{
			path: "microsoft.graph_url", env: []string{"M365_MCP_MICROSOFT_GRAPH_URL", "MICROSOFT_GRAPH_URL"},
			value: endpoint(&c.Microsoft.GraphURL), example: clouds["global"].graph,
			doc: "Base address of Microsoft Graph, without the version. Absent, the cloud's; that of another cloud is refused.",
		},
		{
			path: "microsoft.storage_hosts", env: []string{"M365_MCP_MICROSOFT_STORAGE_HOSTS"},
			value: hosts(&c.Microsoft.StorageHosts), example: "contoso-my.sharepoint.com",
			doc: "Hosts to which the upload and download URLs that Graph gives out may lead: exact, or `*.` and a domain (in quotes). No token is sent there. Absent, the cloud's.",
		},
		{
			path: "microsoft.graph_api_version", env: []string{"M365_MCP_GRAPH_API_VERSION", "GRAPH_API_VERSION"},
			value: oneOf(&c.Microsoft.GraphAPIVersion, "v1.0", "beta"), def: "v1.0",
			doc: "Version segment of Graph's addresses. Microsoft supports `beta` for trying things only.",
		},
	}
}

func keyTable(c *Config) []setting {
	const day = 24 * time.Hour
	return []setting{
		{
			path: "keys.encryption", env: []string{"M365_MCP_ENCRYPTION_KEY", "ENCRYPTION_KEY"},
			value: confidential(&c.Keys.Encryption), required: true,
			doc: "Key that wraps the keys of Microsoft's tokens at rest: 32 bytes in hex or base64, optionally with `kid:` in front. " +
				"Several, separated by commas, for a rotation (docs/keys.md): the first one encrypts, all decrypt.",
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
			path: "oauth.sign_in", env: []string{"M365_MCP_OAUTH_SIGN_IN"},
			value: toolNames(&c.OAuth.SignIn), example: "minimal",
			doc: "Which Microsoft permissions a sign-in asks for, where the client does not say: presets and families, as in `tools.preset`, separated by commas. " +
				"Absent, those of all listed tools. With less, people are asked for the others when a tool first needs them (docs/entra.md).",
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
			doc: "Dynamic client registration (RFC 7591), which many of today's MCP clients rely on. Off, clients that are registered go on.",
		},
		{
			path: "oauth.registrations_per_hour", env: []string{"M365_MCP_OAUTH_REGISTRATIONS_PER_HOUR"},
			value: number(&c.OAuth.RegistrationsPerHour, 1, 1_000_000), def: "300",
			doc: "How many clients one network address (IPv6: one /64) may register in an hour, on each replica; an office may be one address.",
		},
		{
			path: "oauth.max_clients", env: []string{"M365_MCP_OAUTH_MAX_CLIENTS"},
			value: number(&c.OAuth.MaxClients, 1, 1_000_000), def: "10000",
			doc: "How many registered clients are kept; past that, registration is refused until unused ones expire.",
		},
		{
			path: "oauth.redirect_allow", env: []string{"M365_MCP_OAUTH_REDIRECT_ALLOW"},
			value: redirectRules(&c.OAuth.RedirectAllow), example: "claude.ai, localhost, 127.0.0.1",
			doc: "Where answers to clients may go: hosts, exact or `*.` and a domain, with the port where it is not 443 (`localhost` and `127.0.0.1` stand for all ports), and apps' schemes with a colon (`cursor:`, in the file in quotes). " +
				"Binds registration, metadata documents and every sign-in, not the clients below. Absent, every https host, loopback, and the schemes of known apps.",
		},
		{
			path: "oauth.client_metadata_documents", env: []string{"M365_MCP_OAUTH_CLIENT_METADATA_DOCUMENTS"},
			value: boolean(&c.OAuth.ClientMetadataDocuments), def: "true",
			doc: "Take clients whose id is the https address of a document that describes them (Client ID Metadata Documents). The server fetches it: public addresses only, port 443, " +
				"no redirects, 5 KB, 10 seconds, no proxy. Turn it off where the server cannot reach the Internet; such clients then register.",
		},
		{
			path: "oauth.client_metadata_hosts", env: []string{"M365_MCP_OAUTH_CLIENT_METADATA_HOSTS"},
			value: hosts(&c.OAuth.ClientMetadataHosts), example: "claude.ai, vscode.dev",
			doc: "Hosts whose documents are taken: exact, or `*.` and a domain (in quotes). Absent, every public host. Taking a host out ends at the next start what its clients have. " +
				"A loopback host with its port, for trying, only where the public URL is loopback, too.",
		},
		{
			path: clientsPath, env: []string{"M365_MCP_OAUTH_CLIENTS"},
			value: clients(&c.OAuth.Clients), example: "{id: mcp-remote, name: mcp-remote, redirect_uris: [http://localhost/oauth/callback]}",
			doc: "Clients that need no registration, such as `mcp-remote --static-oauth-client-info`. People read their names as vouched for by the administrator. " +
				"Taking one out ends at the next start what it has. In the environment, a list in YAML's flow style or JSON.",
		},
		{
			path: providersPath, env: []string{"M365_MCP_OAUTH_ID_JAG"},
			value: providers(&c.OAuth.IdentityProviders), example: "{issuer: https://idp.example.com, jwks_uri: https://idp.example.com/keys, clients: [https://agent.example.com/client.json], tenant_id: 66666666-7777-8888-9999-000000000000, user_claim: entra_oid}",
			doc: "Identity providers of the organization that may say which person a client acts for (ID-JAG, MCP's enterprise-managed authorization): the client then gets a token without a page being shown. " +
				"It rests on a sign-in at Microsoft that the person has made here before, with any client, reaches no further than that, lives for an hour, and ends with it. See docs/adr/0013-id-jag.md.",
		},
	}
}

func callTable(c *Config) []setting {
	return []setting{
		{
			path: "mcp.allowed_origins", env: []string{"M365_MCP_ALLOWED_ORIGINS"},
			value: origins(&c.MCP.AllowedOrigins), example: "https://assistant.example.com",
			doc: "Origins of web pages that may call the endpoint, beside the public URL's own. Any other `Origin` gets 403.",
		},
		{
			path: "mcp.max_request_bytes", env: []string{"M365_MCP_MAX_REQUEST_BYTES"},
			value: number(&c.MCP.MaxRequestBytes, 16<<10, 64<<20), def: "4194304",
			doc: "Largest request body, or WebSocket message, that is read.",
		},
		{
			path: "mcp.sse", env: []string{"M365_MCP_SSE"},
			value: boolean(&c.MCP.SSE), def: "false",
			doc: "The door `<public URL>/sse`, for clients that were set up with it: HTTP+SSE of revision 2024-11-05, and streamable HTTP as on `/mcp`. " +
				"It has tokens of its own, which `/mcp` refuses; those for `/mcp` are good here, too. Closing it ends its tokens.",
		},
		{
			path: "mcp.websocket", env: []string{"M365_MCP_WEBSOCKET"},
			value: boolean(&c.MCP.WebSocket), def: "false",
			doc: "The door `<public URL>/ws`: MCP over WebSocket, subprotocol `mcp`, with the access token in the `Authorization` header of the upgrade. Browsers cannot send that, and a token in the address is refused.",
		},
		{
			path: "mcp.streams_per_person", env: []string{"M365_MCP_STREAMS_PER_PERSON"},
			value: number(&c.MCP.StreamsPerPerson, 1, 1000), def: "20",
			doc: "How many streams of `/sse` and `/ws` one person may have at once on a replica, over all clients.",
		},
		{
			path: stickyPath, env: []string{"M365_MCP_STICKY_SESSIONS"},
			value: boolean(&c.MCP.StickySessions), def: "false",
			doc: "Declares that the proxy in front keeps each client on one replica (by its network address, since MCP clients keep no cookies and their tokens change). " +
				"With PostgreSQL, `/sse` and `/ws` need it: a stream lives on one replica.",
		},
		{
			path: "mcp.public_discovery", env: []string{"M365_MCP_PUBLIC_DISCOVERY"},
			value: boolean(&c.MCP.PublicDiscovery), def: "false",
			doc: "Answer without a token what is the same for everybody: `initialize`, `server/discover`, `ping` and the lists of tools, resources and prompts, up to 300 a minute for one network address. " +
				"For catalogues that look at a server before anybody signs in. Everything else needs the token as before.",
		},
		{
			path: "tools.preset", env: []string{"M365_MCP_TOOLS"},
			value: toolNames(&c.Tools.Preset), def: "core",
			doc: "Which tools are listed, and so which Microsoft permissions are asked for at sign-in: presets (`core`, `full`, `read-only`, `minimal`, `email`), " +
				"families (`mail`, `calendar`, `teams`, `files`, `people`, `tasks`, `search`, `linked`) and single tools, separated by commas. " +
				"`read-only` beside others takes the writes from them. With `core`, assistants reach the tools that are not listed by `findTools`; every other choice is a fence. See docs/tools.md.",
		},
		{
			path: "tools.allow", env: []string{"M365_MCP_TOOLS_ALLOW"},
			value: words(&c.Tools.Allow), example: "mail, getCalendarEvents",
			doc: "An administrator's list of tools and families: nothing else is listed or reached, whatever the preset. The tools about the connection itself stay.",
		},
		{
			path: "tools.deny", env: []string{"M365_MCP_TOOLS_DENY"},
			value: words(&c.Tools.Deny), example: "sendEmail, shareFile",
			doc: "Tools and families that are neither listed nor reached; wins over everything else. The resource and the download links of a tool go with it, and are not named here themselves. " +
				"Neither does `searchAll` look where the tool that reads the same is taken away (`getEmail`, `getCalendarEvent`, `readFile`, `getChatMessages`, `searchSites`), nor does a mail take files of drives without `readFile`.",
		},
		{
			path: "tools.shared_mailboxes", env: []string{"M365_MCP_TOOLS_SHARED_MAILBOXES"},
			value: boolean(&c.Tools.SharedMailboxes), def: "false",
			doc: "Ask at sign-in also for the permissions (`Mail.Read.Shared` and the like) that the argument `mailbox` of mail and calendar tools needs.",
		},
		{
			path: "tools.admin_consent", env: []string{"M365_MCP_TOOLS_ADMIN_CONSENT"},
			value: boolean(&c.Tools.AdminConsent), def: "false",
			doc: "Ask at sign-in also for the permissions that only an administrator can consent to (docs/tools.md marks them). " +
				"Set it once that consent is given in Entra: before, Microsoft refuses every sign-in that asks for one.",
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
	}
}

func logTable(c *Config) []setting {
	return []setting{
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
