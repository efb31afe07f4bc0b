package entra

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Inside the package: discovery and the redirect policy keep every request on
// the authority, so this last check can be reached only directly.
func TestTransportIsPinned(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", maxAnswer+1))
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	for target, want := range map[string]bool{
		server.URL: true,
		"http://LOCALHOST:" + strings.TrimPrefix(host, "127.0.0.1:"): false,
		"https://" + host:             false,
		"http://localhost.example:80": false,
		"http://127.0.0.1":            false,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("client_secret=x"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&authorityOnly{next: server.Client().Transport, scheme: "http", host: host}).RoundTrip(req)
		if !want {
			if err == nil || !strings.Contains(err.Error(), "not the configured authority") {
				t.Errorf("%s: %v, want it refused before a connection", target, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err == nil || n > maxAnswer {
			t.Errorf("read %d bytes, %v; want a limit of %d", n, err, maxAnswer)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}
