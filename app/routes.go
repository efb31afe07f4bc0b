package app

import (
	"fmt"
	"net/http"
	"net/url"

	"m365mcp/authserver"
	"m365mcp/console"
	"m365mcp/mcpserver"
	"m365mcp/perimeter"
	"m365mcp/ticket"
)

const healthPath = "/healthz"

// routes puts the doors on one mux.
func routes(publicURL string, guard *perimeter.Guard, endpoint http.Handler, auth *authserver.Server, tickets *ticket.Service, pages *console.Console) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/mcp", endpoint)
	auth.Register(mux)
	tickets.Register(mux)
	pages.Register(mux)
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "m365-mcp: Microsoft 365 for AI assistants.\n\nConnect an MCP client to %s/mcp\nHow, for each client: m365-mcp connect CLIENT --url %s/mcp\nSee and end what you have connected: %s%s\n", publicURL, publicURL, publicURL, console.Path)
	})
	return hardened(guard.Handler(ownHost(publicURL, mux)))
}

// ownHost refuses requests for another host, which is how DNS rebinding shows
// itself; health checks come by address.
func ownHost(publicURL string, next http.Handler) http.Handler {
	public, err := url.Parse(publicURL)
	if err != nil {
		public = &url.URL{} // configuration checks it; an empty host lets nothing in
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != healthPath && !mcpserver.SameHost(r.Host, public) {
			http.Error(w, "403 Forbidden: this server is "+publicURL+", the request names another host", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hardened sets what every answer carries; pages add a policy of their own.
func hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}
