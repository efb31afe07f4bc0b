// Package e2e_test tries the whole product as its users do: over HTTP, with real
// clients, against the simulated tenant.
package e2e_test

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run exists because os.Exit skips what is deferred.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "m365-mcp-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	buildDir = dir
	if err := trustTestServers(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	// Every goroutine ends with what started it.
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// trustTestServers lets the server under test verify the certificate of
// httptest's TLS servers, where the system's authorities come from this variable.
func trustTestServers(dir string) error {
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	name := filepath.Join(dir, "authorities.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(name, block, 0o600); err != nil {
		return err
	}
	return os.Setenv("SSL_CERT_FILE", name)
}
