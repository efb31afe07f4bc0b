package perimeter_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/identity"
	"m365mcp/perimeter"
)

// authority issues client certificates.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.key = a.newKey()
	a.cert = a.create(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, a.key)
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *authority) create(c *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

func (a *authority) client(c x509.Certificate) *x509.Certificate {
	a.t.Helper()
	if c.ExtKeyUsage == nil {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	return a.create(&c, a.newKey())
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func encode(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

func TestCertificateOfATrustedProxy(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	const header = "X-Client-Cert"
	mode, err := perimeter.NewCertificate(perimeter.Certificate{Roots: ca.pool(), Header: header}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{t: t}
	f.serve(perimeter.Options{Modes: []perimeter.Mode{mode}})

	ada := x509.Certificate{Subject: pkix.Name{CommonName: "Ada"}, EmailAddresses: []string{"ada@tideline.example"}}
	person := ca.client(ada)
	service, err := url.Parse("spiffe://tideline.example/ci")
	if err != nil {
		t.Fatal(err)
	}
	expired := ada
	expired.NotBefore, expired.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	early := ada
	early.NotBefore, early.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
	server := ada
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	two := ada
	two.EmailAddresses = []string{"ada@tideline.example", "eve@evil.example"}
	text := encode(person)
	wantAda := identity.Perimeter{Mode: "mtls", Issuer: "CN=Test CA", Subject: "CN=Ada", Email: "ada@tideline.example"}
	for name, c := range map[string]struct {
		from   string
		values []string
		want   identity.Perimeter
		reason string
	}{
		"PEM, percent-encoded":  {proxyAddress, []string{url.PathEscape(text)}, wantAda, ""},
		"PEM as of a query":     {proxyAddress, []string{strings.ReplaceAll(url.QueryEscape(text), "+", "%20")}, wantAda, ""},
		"PEM on one line":       {proxyAddress, []string{strings.ReplaceAll(text, "\n", " ")}, wantAda, ""},
		"RFC 9440":              {proxyAddress, []string{":" + base64.StdEncoding.EncodeToString(person.Raw) + ":"}, wantAda, ""},
		"a machine's URI":       {proxyAddress, []string{url.PathEscape(encode(ca.client(x509.Certificate{URIs: []*url.URL{service}})))}, identity.Perimeter{Mode: "mtls", Issuer: "CN=Test CA", Subject: service.String(), Service: true}, ""},
		"a machine's name":      {proxyAddress, []string{url.PathEscape(encode(ca.client(x509.Certificate{Subject: pkix.Name{CommonName: "ci"}})))}, identity.Perimeter{Mode: "mtls", Issuer: "CN=Test CA", Subject: "ci", Service: true}, ""},
		"of a stranger":         {strangerAddress, []string{url.PathEscape(text)}, identity.Perimeter{}, "no_proof"},
		"none":                  {proxyAddress, nil, identity.Perimeter{}, "no_proof"},
		"two":                   {proxyAddress, []string{url.PathEscape(text), url.PathEscape(text)}, identity.Perimeter{}, "several_assertions"},
		"a chain in one header": {proxyAddress, []string{url.PathEscape(text + encode(ca.cert))}, identity.Perimeter{}, "invalid_certificate"},
		"expired":               {proxyAddress, []string{url.PathEscape(encode(ca.client(expired)))}, identity.Perimeter{}, "invalid_certificate"},
		"not yet valid":         {proxyAddress, []string{url.PathEscape(encode(ca.client(early)))}, identity.Perimeter{}, "invalid_certificate"},
		"a server's":            {proxyAddress, []string{url.PathEscape(encode(ca.client(server)))}, identity.Perimeter{}, "invalid_certificate"},
		"another authority's":   {proxyAddress, []string{url.PathEscape(encode(other.client(ada)))}, identity.Perimeter{}, "invalid_certificate"},
		"self-signed":           {proxyAddress, []string{url.PathEscape(encode(other.cert))}, identity.Perimeter{}, "invalid_certificate"},
		"two people":            {proxyAddress, []string{url.PathEscape(encode(ca.client(two)))}, identity.Perimeter{}, "invalid_certificate"},
		"nobody":                {proxyAddress, []string{url.PathEscape(encode(ca.client(x509.Certificate{})))}, identity.Perimeter{}, "invalid_certificate"},
		"a public key":          {proxyAddress, []string{"-----BEGIN PUBLIC KEY-----"}, identity.Perimeter{}, "invalid_certificate"},
		"rubbish":               {proxyAddress, []string{"%zz"}, identity.Perimeter{}, "invalid_certificate"},
		"not base64":            {proxyAddress, []string{":*:"}, identity.Perimeter{}, "invalid_certificate"},
		"very long":             {proxyAddress, []string{strings.Repeat("x", 20000)}, identity.Perimeter{}, "invalid_certificate"},
	} {
		f.refused = nil
		code, body := f.send("/mcp", http.Header{header: c.values, "From-Address": {c.from}})
		if (code == http.StatusNoContent) != (c.reason == "") || strings.Join(f.refused, " ") != c.reason {
			t.Errorf("%s: %d %q %s", name, code, f.refused, body)
			continue
		}
		if c.reason == "" {
			if diff := cmp.Diff(c.want, identity.PerimeterOf(f.seen.Context())); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
}

// TLS that ends at this server's own listener.
func TestCertificateOfTheConnection(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	mode, err := perimeter.NewCertificate(perimeter.Certificate{Roots: ca.pool()}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	var who identity.Perimeter
	guard := perimeter.New(perimeter.Options{Modes: []perimeter.Mode{mode}, Log: slog.New(slog.DiscardHandler), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	server := httptest.NewUnstartedServer(guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { who = identity.PerimeterOf(r.Context()) })))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	key := ca.newKey()
	get := func(header string, certificates ...tls.Certificate) int {
		t.Helper()
		client := server.Client()
		transport, ok := client.Transport.(*http.Transport)
		if !ok {
			t.Fatal("no transport")
		}
		transport = transport.Clone()
		transport.TLSClientConfig.Certificates = certificates
		defer transport.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Client-Cert", header)
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	ada := &x509.Certificate{EmailAddresses: []string{"ada@tideline.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	good := ca.create(ada, key)
	if code := get("", tls.Certificate{Certificate: [][]byte{good.Raw}, PrivateKey: key}); code != http.StatusOK || who.Email != "ada@tideline.example" {
		t.Errorf("%d, %+v", code, who)
	}
	if code := get(url.PathEscape(encode(good))); code != http.StatusForbidden {
		t.Errorf("a header where none is configured: %d", code)
	}
	foreign := other.create(ada, key)
	if code := get("", tls.Certificate{Certificate: [][]byte{foreign.Raw}, PrivateKey: key}); code != http.StatusForbidden {
		t.Errorf("another authority's: %d", code)
	}
}

// BenchmarkGuard is the cost of the check for each request, with cached keys.
func BenchmarkGuard(b *testing.B) {
	for _, mode := range []string{"none", "cloudflare-access", "pomerium"} {
		b.Run(mode, func(b *testing.B) {
			var guard http.Handler
			header := http.Header{"Authorization": {"Bearer t"}, "Content-Type": {"application/json"}, "X-Forwarded-For": {"198.51.100.7"}, "Cf-Connecting-Ip": {"198.51.100.7"}}
			if mode == "none" {
				f := &front{t: b}
				f.serve(perimeter.Options{})
				guard = f.guard
			} else {
				f := newFront(b, mode, perimeter.Options{})
				guard = f.guard
				header.Set(f.a.Header, f.sign(map[string]any{"exp": f.now.Add(time.Hour).Unix()}))
			}
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/mcp", http.NoBody)
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				r.Header = header.Clone()
				guard.ServeHTTP(w, r)
			}
			if w.Code != http.StatusNoContent {
				b.Fatal(w.Code, w.Body.String())
			}
		})
	}
}
