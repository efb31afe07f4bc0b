package config

import (
	"fmt"
	"net"
	"net/url"

	"m365mcp/dial"
)

// require reports settings that have no value and no default.
func (l *loader) require() {
	missing := map[string]bool{
		"microsoft.client_id": l.cfg.Microsoft.ClientID == "",
		"microsoft.tenant_id": l.cfg.Microsoft.TenantID == "",
		"keys.encryption":     l.cfg.Keys.Encryption.IsZero(),
	}
	for i := range l.table {
		s := &l.table[i]
		if !s.required || !missing[s.path] || l.bad[s.path] {
			continue
		}
		fix := fmt.Sprintf("set %s in the environment, or %s in the file", s.familiar(), s.path)
		if s.secret() {
			fix = fmt.Sprintf("set %s, or %s_FILE to the name of a file that holds it", s.familiar(), s.familiar())
		}
		l.report(Problem{Where: s.path, Setting: s.path, What: "is not set", Fix: fix})
	}
}

// validate checks what only several settings together can tell.
func (l *loader) validate() {
	l.checkPublicURL()
	l.checkCredential()
	l.checkTenants()
	l.checkCloud()
	l.checkKeys()
	l.checkDatabase()
	l.checkClients()
	l.checkProviders()
	l.checkAddresses()
	l.checkPerimeter()
	l.checkLinkedApps()
	if !l.cfg.Gateway.ServiceToken.IsZero() {
		l.cfg.Warnings = append(l.cfg.Warnings,
			"AI_GATEWAY_SERVICE_TOKEN is set, but egress through Cloudflare AI Gateway is not in this version: requests go to Microsoft Graph directly")
	}
}

// checkDatabase: what one process makes for itself beside an SQLite file, replicas
// must be given.
func (l *loader) checkDatabase() {
	const key = "keys.audit_signing"
	address, ok := l.cfg.Database.PostgresURL()
	if !ok {
		return
	}
	if l.cfg.Keys.AuditSigning.IsZero() && !l.bad[key] {
		l.report(Problem{
			Where: l.find(key).familiar(), Setting: key, What: "is not set, and with PostgreSQL all replicas must sign with the same key", Fix: keyFix,
		})
	}
	l.checkSticky()
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || dial.Loopback(u.Hostname()) {
		return
	}
	if mode := u.Query().Get("sslmode"); mode != "verify-full" {
		l.cfg.Warnings = append(l.cfg.Warnings, fmt.Sprintf(
			"the connection to the database on %s is not proven: use sslmode=verify-full, or whoever is in between reads and changes what the server stores", u.Hostname()))
	}
}

const stickyPath = "mcp.sticky_sessions"

// checkSticky: a stream lives on one replica, and what belongs to it has to go there.
func (l *loader) checkSticky() {
	m := l.cfg.MCP
	for _, door := range []struct {
		path string
		open bool
	}{{"mcp.sse", m.SSE}, {"mcp.websocket", m.WebSocket}} {
		if door.open && !m.StickySessions && !l.bad[stickyPath] {
			l.report(Problem{
				Where: door.path, Setting: door.path, What: "is on with PostgreSQL, where there may be many replicas: a stream lives on one of them",
				Fix: "let the proxy keep each client on one replica, and set " + stickyPath + "; or turn it off",
			})
		}
	}
}

// checkPublicURL holds invariant 13 of the design: judged by the public URL,
// never by the listen address, because a proxy may stand in between.
func (l *loader) checkPublicURL() {
	const path = "server.public_url"
	s := &l.cfg.Server
	if s.PublicURL == "" {
		if l.bad[path] || l.bad["server.listen"] {
			return
		}
		host, port, err := net.SplitHostPort(s.Listen)
		if err != nil || !dial.Loopback(host) || port == "0" {
			l.report(Problem{
				Where: path, Setting: path,
				What: fmt.Sprintf("is not set and cannot be told from the listen address %s", s.Listen),
				Fix:  "set M365_MCP_PUBLIC_URL to the address that clients use, such as https://mcp.example.com",
			})
			return
		}
		s.PublicURL = "http://" + s.Listen
	}
	u, err := url.Parse(s.PublicURL)
	if err != nil || dial.Loopback(u.Hostname()) {
		return
	}
	if u.Scheme == "http" && !s.AllowPlainHTTP {
		l.report(Problem{
			Where: path, Setting: path,
			What: s.PublicURL + " is plain http: tokens and mail would cross the network readable",
			Fix:  "put a proxy with TLS in front and use its https address (or, knowing this, set server.allow_plain_http)",
		})
	}
	if !l.cfg.Perimeter.Declared() && !l.bad["perimeter.mode"] && !l.cfg.Perimeter.AllowPublicWithoutPerimeter {
		l.report(Problem{
			Where: path, Setting: path,
			What: s.PublicURL + " is public and no perimeter is declared: anybody who reaches it could start a sign-in",
			Fix:  "name what stands in front with perimeter.mode (M365_MCP_PERIMETER), such as cloudflare-access; or, knowing this, set perimeter.allow_public_without_perimeter (M365_MCP_ALLOW_PUBLIC_WITHOUT_PERIMETER=true)",
		})
	}
}

// checkAddresses looks at what depends on whether only this machine reaches the server.
func (l *loader) checkAddresses() {
	public, err := url.Parse(l.cfg.Server.PublicURL)
	if err != nil || l.cfg.Server.PublicURL == "" || dial.Loopback(public.Hostname()) {
		return
	}
	for _, host := range l.cfg.OAuth.ClientMetadataHosts {
		if u, err := url.Parse("https://" + host); err == nil && dial.Loopback(u.Hostname()) {
			l.report(Problem{
				Where: "oauth.client_metadata_hosts", Setting: "oauth.client_metadata_hosts",
				What: fmt.Sprintf("%s is this machine, and the public URL is not: strangers could make the server call itself", host),
				Fix:  "take it out; it is for trying, with a loopback public URL",
			})
		}
	}
	for setting, uri := range l.cfg.keyAddresses() {
		if u, err := url.Parse(uri); err == nil && dial.Loopback(u.Hostname()) {
			l.report(Problem{
				Where: setting, Setting: setting, What: uri + " is this machine, and the public URL is not",
				Fix: "name the keys' own host, or a file; loopback is for trying, with a loopback public URL",
			})
		}
	}
	if len(l.cfg.Server.TrustedProxies) == 0 {
		l.cfg.Warnings = append(l.cfg.Warnings,
			"server.trusted_proxies is not set: where a proxy stands in front, the limits by network address count everybody as one")
	}
}
