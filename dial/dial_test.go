package dial_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"m365mcp/dial"
)

// get returns the status, or 0 with the error.
func get(t *testing.T, c *http.Client, url string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer canary")
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// Invariant 3: a credential reaches no host but the one its client is for, also after a redirect.
func TestClientIsPinned(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(other.Close)
	own := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, other.URL, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "own")
	}))
	t.Cleanup(own.Close)

	c, err := dial.Client("test", own.URL+"/v1.0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	status, err := get(t, c, own.URL+"/anything")
	if err != nil || status != http.StatusOK {
		t.Fatalf("own host: %d, %v", status, err)
	}
	if _, err := get(t, c, other.URL); !errors.Is(err, dial.ErrHost) {
		t.Errorf("other host: %v, want ErrHost", err)
	}
	for _, u := range []string{
		strings.Replace(own.URL, "127.0.0.1", "localhost", 1),
		strings.Replace(own.URL, "http:", "https:", 1),
		"http://169.254.169.254/latest/meta-data",
	} {
		if _, err := get(t, c, u); !errors.Is(err, dial.ErrHost) {
			t.Errorf("%s: %v, want ErrHost", u, err)
		}
	}
	status, err = get(t, c, own.URL+"/redirect")
	if err != nil || status != http.StatusFound {
		t.Fatalf("redirect: %d, %v; want the 302 itself", status, err)
	}
	if reached.Load() != 0 {
		t.Errorf("the other host was reached %d times", reached.Load())
	}
}

func TestClientRefusesPlainHTTP(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"http://graph.example.com", "ftp://127.0.0.1", "graph.example.com", "http://127.0.0.1.example.com"} {
		if _, err := dial.Client("test", u); err == nil {
			t.Errorf("Client(%q) did not fail", u)
		}
	}
	for _, u := range []string{"https://graph.example.com", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost"} {
		if _, err := dial.Client("test", u); err != nil {
			t.Errorf("Client(%q): %v", u, err)
		}
	}
}
