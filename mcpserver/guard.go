package mcpserver

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"m365mcp/dial"
)

// guard refuses requests that a web page made a browser send: a foreign Origin,
// or a Host that is not ours, which is how DNS rebinding shows itself
// (MCP 2025-11-25, transports, security warning). It answers CORS for the
// origins that are allowed, and never for cookies: a bearer token is what counts.
func (a *adapter) guard(methods string, next http.Handler) http.Handler {
	public, err := url.Parse(a.PublicURL)
	if err != nil {
		public = &url.URL{} // configuration checks it; an empty host lets nothing in
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !SameHost(r.Host, public) {
			http.Error(w, "403 Forbidden: this server is "+a.PublicURL+", the request names another host", http.StatusForbidden)
			return
		}
		w.Header().Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); origin != "" {
			if !a.allowed(origin, public) {
				http.Error(w, "403 Forbidden: requests from this Origin are not allowed; the administrator can list it in mcp.allowed_origins", http.StatusForbidden)
				return
			}
			h := w.Header()
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After")
			if r.Method == http.MethodOptions {
				h.Set("Access-Control-Allow-Methods", methods)
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID")
				h.Set("Access-Control-Max-Age", "600")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (a *adapter) allowed(origin string, public *url.URL) bool {
	if slices.Contains(a.AllowedOrigins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Scheme == public.Scheme && SameHost(u.Host, public)
}

// SameHost reports whether host is the public URL's; the names of loopback count as one.
func SameHost(host string, public *url.URL) bool {
	if strings.EqualFold(host, public.Host) {
		return true
	}
	name, port, err := net.SplitHostPort(host)
	return err == nil && port == public.Port() && dial.Loopback(name) && dial.Loopback(public.Hostname())
}

// decodeName decodes an Mcp-Name header that a client sent in base64, because
// the name has characters that a header cannot carry; the SDK compares it
// undecoded with the body.
func decodeName(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		encoded, prefix := strings.CutPrefix(r.Header.Get("Mcp-Name"), "=?base64?")
		encoded, suffix := strings.CutSuffix(encoded, "?=")
		if name, err := base64.StdEncoding.DecodeString(encoded); prefix && suffix && err == nil {
			r = r.Clone(r.Context())
			r.Header.Set("Mcp-Name", string(name))
		}
		next.ServeHTTP(w, r)
	})
}
