// Package config turns one strict YAML file, the environment and secret files
// into a checked [Config].
//
// The table in settings.go is the single source: names in the file, names in
// the environment, defaults, limits and descriptions stand there once, and
// [Load], [Example] and [Reference] are made from it. The flow of Load:
//
//	file    -> raw values   every unknown, doubled or secret key is a problem
//	environ -> raw values   the environment wins over the file
//	apply   -> Config       each value is parsed by its row of the table
//	validate                what only several values together can tell
//
// Every step goes on after a mistake, so that [Errors] names all of them at once.
package config

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"m365mcp/internal/secret"
)

// DatabaseFile is the name of the SQLite database inside a data folder.
const DatabaseFile = "m365-mcp.db"

// Config is everything the server can be told.
type Config struct {
	Server    Server
	Database  Database
	Microsoft Microsoft
	Keys      Keys
	OAuth     OAuth
	MCP       MCP
	Tools     Tools
	Gateway   Gateway
	Perimeter Perimeter
	Linked    LinkedApps
	Log       Log

	// Warnings are settings that were understood and have no effect here.
	Warnings []string
}

// Server is where the server listens and how the outside reaches it.
type Server struct {
	PublicURL      string // scheme and host, no slash at the end
	Listen         string
	TrustedProxies []netip.Prefix // whose forwarding headers are believed
	AllowPlainHTTP bool

	TLSCertificate, TLSKey string // files; empty: TLS ends at the proxy in front
}

// Database is where state is kept.
type Database struct {
	URL string // sqlite:PATH or postgres://USER@HOST/NAME; it may hold a password
}

// PostgresURL is the address of a PostgreSQL database, and false for another kind.
func (d Database) PostgresURL() (string, bool) { return d.URL, isPostgres(d.URL) }

// String is the URL without a password.
func (d Database) String() string {
	if !isPostgres(d.URL) {
		return d.URL
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		return "postgres://..."
	}
	u.RawQuery = "" // may hold passwords too
	return u.Redacted()
}

// SQLiteURL names the database in the data folder dir.
func SQLiteURL(dir string) string {
	return sqlitePrefix + strings.TrimSuffix(dir, "/") + "/" + DatabaseFile
}

// SQLitePath is the file of an SQLite database, and false for another kind.
func (d Database) SQLitePath() (string, bool) {
	return strings.CutPrefix(d.URL, sqlitePrefix)
}

// Microsoft is the app registration in Entra and the endpoints of its cloud.
type Microsoft struct {
	Cloud          string   // global, usgov, dod, china
	TenantID       string   // or a domain; [SeveralTenants] where there are several
	AllowedTenants []string // with SeveralTenants alone: their ids, or only [AnyTenant]
	ClientID       string

	// The credential of the application: exactly one of them.
	ClientSecret       secret.String
	ClientCertificate  secret.String // PEM, with the private key
	FederatedTokenFile string

	Authority       string // without the tenant, no slash at the end
	GraphURL        string // without the version, no slash at the end
	GraphResource   string // whose permissions are asked for: of the cloud, wherever GraphURL leads
	GraphAPIVersion string
	StorageHosts    []string
}

const (
	// SeveralTenants is the tenant of those who admit people of more than one.
	SeveralTenants = "organizations"

	// AnyTenant stands alone on the list of allowed tenants, for all of them.
	AnyTenant = "*"
)

// Keys are the server's own.
type Keys struct {
	Encryption       secret.String // [kid:]key[,[kid:]key...]; the first one encrypts
	CookieEncryption secret.String // may be absent
	CookieSecret     secret.String // may be absent
	AuditSigning     secret.String // a note signer key; absent: made beside the SQLite database
}

// OAuth is this server's own authorization server.
type OAuth struct {
	SignIn          string // presets and families whose scopes a sign-in asks for; empty: those of the listed tools
	CodeLifetime    time.Duration
	AccessLifetime  time.Duration
	RefreshLifetime time.Duration
	Registration    bool // dynamic client registration, RFC 7591
	MaxClients      int

	RegistrationsPerHour    int      // of one network address
	RedirectAllow           []string // hosts and schemes; empty: all
	ClientMetadataDocuments bool
	ClientMetadataHosts     []string // empty: all
	Clients                 []OAuthClient
	IdentityProviders       []IdentityProvider
}

// MCP is the protocol endpoint.
type MCP struct {
	AllowedOrigins  []string // beside the public URL's own
	MaxRequestBytes int64

	SSE, WebSocket   bool // doors that hold streams
	StreamsPerPerson int
	StickySessions   bool // a proxy keeps each client on one replica
	PublicDiscovery  bool // lists without a token
}

// Tools is what assistants are offered.
type Tools struct {
	Preset          string
	Allow, Deny     []string
	SharedMailboxes bool
	AdminConsent    bool
}

// Gateway is the way out to Microsoft Graph.
type Gateway struct {
	Timeout      time.Duration // of one call, its retries included
	MaxAttempts  int
	MaxWait      time.Duration // the longest Retry-After that is waited for
	ServiceToken secret.String // Cloudflare AI Gateway's
}

// Log is the server's log on standard error.
type Log struct {
	Level  string
	Format string
}

// Default is the configuration with nothing set: it is not complete enough to serve.
func Default() Config {
	var c Config
	newLoader(&c, "").apply(nil, nil)
	return c
}
