package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365mcp/audit"
	"m365mcp/config"
)

// pemFile writes one block.
func pemFile(t *testing.T, folder, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TLS that ends here, with clients that prove themselves by a certificate.
func TestTLSAndClientCertificates(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	issue := func(c, parent *x509.Certificate) []byte {
		t.Helper()
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	root := issue(ca, ca)
	server := issue(&x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca)
	client := issue(&x509.Certificate{
		SerialNumber: big.NewInt(3), NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, EmailAddresses: []string{"ada@tideline.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, ca)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	d, err := StartDemo(t.Context(), DemoOptions{
		Listen: "127.0.0.1:0", DataDir: ownFolder(t), Logger: slog.New(slog.DiscardHandler),
		Configure: func(c *config.Config) {
			c.Server.PublicURL = strings.Replace(c.Server.PublicURL, "http:", "https:", 1)
			c.Server.TLSCertificate, c.Server.TLSKey = pemFile(t, folder, "server.pem", "CERTIFICATE", server), pemFile(t, folder, "key.pem", "PRIVATE KEY", private)
			c.Perimeter.Modes, c.Perimeter.ClientCA = []string{config.MTLS}, pemFile(t, folder, "ca.pem", "CERTIFICATE", root)
			c.Perimeter.Open = []string{config.OpenHealth}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}))
	get := func(path string, certificates ...tls.Certificate) int {
		t.Helper()
		transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: certificates}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(d.MCPURL, "/mcp")+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		return resp.StatusCode
	}
	ada := tls.Certificate{Certificate: [][]byte{client}, PrivateKey: key}
	for _, c := range []struct {
		path string
		by   []tls.Certificate
		want int
	}{
		{"/healthz", nil, http.StatusOK},
		{"/mcp", nil, http.StatusForbidden},
		{"/mcp", []tls.Certificate{{Certificate: [][]byte{server}, PrivateKey: key}}, http.StatusForbidden},
		{"/mcp", []tls.Certificate{ada}, http.StatusUnauthorized}, // proven, and not signed in
		{"/.well-known/oauth-authorization-server", []tls.Certificate{ada}, http.StatusOK},
	} {
		if got := get(c.path, c.by...); got != c.want {
			t.Errorf("%s with %d certificates: %d, want %d", c.path, len(c.by), got, c.want)
		}
	}
}

// Whoever knocks without a proof cannot fill the audit.
func TestRefusalsAreGathered(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 3, 9, 0, 0, 0, time.UTC)
	var events []map[string]string
	r := &refusals{audit: eventsTo(func(e audit.Event) { events = append(events, e.Attributes) }), log: slog.New(slog.DiscardHandler), now: func() time.Time { return now }, seen: map[string]*refusalCount{}}
	for range 1000 {
		r.note(t.Context(), "no_proof")
	}
	r.note(t.Context(), "expired_assertion")
	now = now.Add(time.Minute)
	r.note(t.Context(), "no_proof")
	var got []string
	for _, e := range events {
		got = append(got, e["reason"]+" "+e["count"])
	}
	if want := "no_proof 1, expired_assertion 1, no_proof 1000"; strings.Join(got, ", ") != want {
		t.Errorf("%q, want %s", got, want)
	}
}

type eventsTo func(audit.Event)

func (f eventsTo) Event(_ context.Context, e audit.Event) error { f(e); return nil }
