package app

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
)

// Every door answers with the same protection, also where there is none.
func TestAnswersAreHardened(t *testing.T) {
	t.Parallel()
	d, err := StartDemo(t.Context(), DemoOptions{Listen: "127.0.0.1:0", DataDir: ownFolder(t), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		if err := d.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	for path, status := range map[string]int{
		"/":        http.StatusOK,
		"/healthz": http.StatusOK,
		"/mcp":     http.StatusUnauthorized,
		"/nowhere": http.StatusNotFound,
		"/.well-known/oauth-authorization-server": http.StatusOK,
		"/authorize": http.StatusBadRequest,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.App.URL()+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if resp.StatusCode != status {
			t.Errorf("%s answered %d, want %d", path, resp.StatusCode, status)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		} {
			if got := resp.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q, want %q once", path, name, got, want)
			}
		}
	}
}
