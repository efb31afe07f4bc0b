package app

import (
	"fmt"
	"net/http"

	"m365mcp/authserver"
)

// routes puts the doors on one mux.
func routes(publicURL string, endpoint http.Handler, auth *authserver.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/mcp", endpoint)
	auth.Register(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "m365-mcp: Microsoft 365 for AI assistants.\n\nConnect an MCP client to %s/mcp\nHow, for each client: m365-mcp connect CLIENT --url %s/mcp\n", publicURL, publicURL)
	})
	return hardened(mux)
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
