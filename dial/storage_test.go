package dial_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"m365mcp/dial"
)

func TestHosts(t *testing.T) {
	t.Parallel()
	hosts, err := dial.ParseHosts([]string{"*.sharepoint.com", "Outlook.office.com", "files.example.test:8443", "127.0.0.1", "[::1]"})
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]bool{
		"https://tideline.sharepoint.com/x":       true,
		"https://a.b.SharePoint.com:443/x":        true,
		"https://outlook.office.com/x":            true,
		"https://files.example.test:8443/x":       true,
		"http://127.0.0.1:4321/x":                 true,
		"http://[::1]:1/x":                        true,
		"https://sharepoint.com/x":                false,
		"https://.sharepoint.com/x":               false,
		"https://evilsharepoint.com/x":            false,
		"https://sharepoint.com.evil.example/x":   false,
		"https://tideline.sharepoint.com:8443/x":  false,
		"https://tideline.sharepoint.com.:443/x":  false,
		"http://tideline.sharepoint.com/x":        false,
		"https://u:p@tideline.sharepoint.com/x":   false,
		"https://evil.example/.sharepoint.com":    false,
		"https://evil.example?a.sharepoint.com":   false,
		"https://evil.example#a.sharepoint.com":   false,
		"https://files.example.test/x":            false,
		"https://x.outlook.office.com/x":          false,
		"http://localhost:4321/x":                 false,
		"ftp://tideline.sharepoint.com/x":         false,
		"https://169.254.169.254/latest":          false,
		"https://tideline.sharepoint.com%00.evil": false,
	} {
		u, err := url.Parse(raw)
		if err != nil {
			continue
		}
		if got := hosts.Allow(u); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
	for _, bad := range []string{"", "*", "*.com", "*.", "a.*.example", "https://a.example", "a.example/x", "u@a.example", "a b"} {
		if _, err := dial.ParseHosts([]string{bad}); err == nil {
			t.Errorf("pattern %q was taken", bad)
		}
	}
}

// A name that is allowed may still lead into the network; the address decides.
func TestStorageClientChecksTheAddress(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(srv.Close)
	named := strings.Replace(srv.URL, "127.0.0.1", "localhost", 1) // resolves to loopback
	for _, allow := range []bool{true, false} {
		c, err := dial.StorageClient("storage", []string{"localhost", "127.0.0.1"}, allow)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.CloseIdleConnections)
		for _, u := range []string{srv.URL, named} {
			status, err := get(t, c, u)
			if allow && (err != nil || status != http.StatusOK) {
				t.Errorf("%s with loopback allowed: %d, %v", u, status, err)
			}
			if !allow && !errors.Is(err, dial.ErrAddress) {
				t.Errorf("%s: %d, %v, want ErrAddress", u, status, err)
			}
		}
		if _, err := get(t, c, "http://[::1]:1/"); !errors.Is(err, dial.ErrHost) {
			t.Errorf("another host: %v, want ErrHost", err)
		}
	}
	if _, err := dial.StorageClient("storage", []string{"*"}, false); err == nil {
		t.Error("a pattern for all hosts was taken")
	}
}

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"13.107.136.8": true, "2620:1ec:a92::156": true,
		"127.0.0.1": false, "::1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "::": false, "fe80::1": false, "fd00::1": false, "224.0.0.1": false, "ff02::1": false,
		"255.255.255.255": false, "64:ff9b::a9fe:a9fe": false, "::127.0.0.1": false, "2002:7f00:1::": false, "198.18.0.1": false,
	} {
		if got := dial.Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}
