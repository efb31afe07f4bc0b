package entra_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"m365mcp/entra"
	"m365mcp/internal/secret"
	simulator "m365mcp/simulator/entra"
)

// issued is a self-signed certificate of a key, for a year from now on.
func issued(t *testing.T, key crypto.Signer, now time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "m365-mcp"},
		NotBefore: now.Add(-time.Minute), NotAfter: now.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func certPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

func keyPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func parsed(t *testing.T, text string) entra.Credential {
	t.Helper()
	c, err := entra.ParseCertificate(secret.New(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParseCertificate(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ours := issued(t, signingKey(), now)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(signingKey())}))
	for name, c := range map[string]struct{ text, want string }{
		"certificate and key":   {certPEM(ours) + keyPEM(t, signingKey()), ""},
		"key first, PKCS #1":    {"Bag Attributes\n" + pkcs1 + certPEM(ours), ""},
		"chain":                 {certPEM(issued(t, spareKey(), now)) + certPEM(ours) + pkcs1, ""},
		"of another key":        {certPEM(issued(t, spareKey(), now)) + pkcs1, "does not belong"},
		"weak key":              {certPEM(issued(t, small, now)) + keyPEM(t, small), "weak key: RSA with 1024 bits"},
		"EC key":                {certPEM(issued(t, curve, now)) + keyPEM(t, curve), "not RSA"},
		"EC key, SEC 1":         {certPEM(ours) + string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})), "not RSA"},
		"no key":                {certPEM(ours), "no private key"},
		"no certificate":        {pkcs1, "no certificate"},
		"two keys":              {certPEM(ours) + pkcs1 + pkcs1, "two private keys"},
		"encrypted":             {certPEM(ours) + "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "is encrypted"},
		"encrypted as of old":   {certPEM(ours) + "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", "is encrypted"},
		"damaged key":           {certPEM(ours) + "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n", "cannot be read"},
		"damaged certificate":   {pkcs1 + "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n", "cannot be read"},
		"PFX":                   {"0\x82\x0a\x10\x02\x01\x03canary", "openssl pkcs12"},
		"a secret in its place": {"canary~secret", "is not PEM"},
	} {
		_, err := entra.ParseCertificate(secret.New(c.text))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to say %q", name, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "Y2Fu")) {
			t.Errorf("%s: the error quotes the text: %v", name, err)
		}
	}
}

func TestCertificateTimes(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := parsed(t, certPEM(issued(t, signingKey(), now))+keyPEM(t, signingKey()))
	const month = 30 * 24 * time.Hour
	for name, tc := range map[string]struct {
		at            time.Time
		warning, says string
	}{
		"now":         {now, "", ""},
		"not yet":     {now.Add(-time.Hour), "", "valid from"},
		"soon ends":   {now.AddDate(1, 0, 0).Add(-month + time.Hour), "expires on", ""},
		"not so soon": {now.AddDate(1, 0, 0).Add(-month - time.Hour), "", ""},
		"ended":       {now.AddDate(1, 0, 0).Add(time.Second), "", "expired on"},
	} {
		detail, warning, err := c.Status(tc.at)
		if (warning == "") != (tc.warning == "") || !strings.Contains(warning, tc.warning) {
			t.Errorf("%s: warning %q", name, warning)
		}
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want it to say %q", name, err, tc.says)
		}
		if err == nil && !strings.Contains(detail, `"CN=m365-mcp", valid until `+now.AddDate(1, 0, 0).UTC().Format(time.DateOnly)) {
			t.Errorf("%s: detail %q", name, detail)
		}
	}
}

// wantUse signs in and refreshes, twice each, so that a reused jti would show.
func wantUse(t *testing.T, server *httptest.Server, c *entra.Client) {
	t.Helper()
	for range 2 {
		_, tk := throughSimulator(t, server, c)
		if _, err := c.Refresh(t.Context(), tk.Refresh, tk.Scopes); err != nil {
			t.Fatal(err)
		}
	}
	if proven, err := c.Prove(t.Context()); !proven || err != nil {
		t.Errorf("Prove = %v, %v", proven, err)
	}
}

// wantNo expects every token request to be refused by Entra with that number,
// and nobody to be signed out over it.
func wantNo(t *testing.T, server *httptest.Server, c *entra.Client, number string) {
	t.Helper()
	in := newSignIn()
	_, _, exchangeErr := c.Exchange(t.Context(), codeFor(t, server, c, in), in)
	_, refreshErr := c.Refresh(t.Context(), secret.New("refresh-canary"), nil)
	_, proveErr := c.Prove(t.Context())
	for name, err := range map[string]error{"Exchange": exchangeErr, "Refresh": refreshErr, "Prove": proveErr} {
		e, ok := errors.AsType[*entra.Error](err)
		if !ok || e.Code != "invalid_client" || !strings.HasPrefix(e.Description, number+":") || entra.IsSignInRequired(err) {
			t.Errorf("%s: %v, want %s", name, err, number)
		}
	}
}

func TestCertificateAtEntra(t *testing.T) {
	t.Parallel()
	certificate := issued(t, signingKey(), time.Now())
	text := certPEM(certificate) + keyPEM(t, signingKey())
	for name, tc := range map[string]struct {
		registered []*x509.Certificate
		tenants    entra.Tenants
		number     string
	}{
		"registered":       {[]*x509.Certificate{issued(t, spareKey(), time.Now()), certificate}, entra.Tenants{Name: tenantID}, ""},
		"by domain":        {[]*x509.Certificate{certificate}, entra.Tenants{Name: "contoso.example"}, ""},
		"another is known": {[]*x509.Certificate{issued(t, signingKey(), time.Now())}, entra.Tenants{Name: tenantID}, "AADSTS700027"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, server, c := simulated(t, time.Now, func(o *simulator.Options, config *entra.Config) {
				o.Clients[0].Secret, o.Clients[0].Certificates = "", tc.registered
				config.Credential, config.Tenants = parsed(t, text), tc.tenants
			})
			if tc.number != "" {
				wantNo(t, server, c, tc.number)
				return
			}
			wantUse(t, server, c)
		})
	}
	t.Run("organizations", func(t *testing.T) {
		t.Parallel()
		_, server, c := simulated(t, time.Now, func(o *simulator.Options, config *entra.Config) {
			o.Clients[0].Secret, o.Clients[0].Certificates, o.Clients[0].MultiTenant = "", []*x509.Certificate{certificate}, true
			config.Credential, config.Tenants = parsed(t, text), entra.Tenants{Name: "organizations", Allowed: []string{tenantID}}
		})
		_, tk := throughSimulator(t, server, c)
		if _, err := c.Refresh(t.Context(), tk.Refresh, tk.Scopes); err != nil {
			t.Error(err)
		}
		if proven, err := c.Prove(t.Context()); proven || err != nil {
			t.Errorf("Prove = %v, %v; there is no tenant to ask at", proven, err)
		}
	})
}

// The log is told a month ahead, once a day, and an expired certificate is a
// trouble of this server: it asks Entra nothing and signs nobody out.
func TestCertificateEnds(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := now
	certificate := issued(t, signingKey(), now)
	var config entra.Config
	sim, server, _ := simulated(t, func() time.Time { return at }, func(o *simulator.Options, c *entra.Config) {
		o.Clients[0].Secret, o.Clients[0].Certificates = "", []*x509.Certificate{certificate}
		c.Credential = parsed(t, certPEM(certificate)+keyPEM(t, signingKey()))
		config = *c
	})
	var text bytes.Buffer
	c, err := entra.New(config, server.Client(), func() time.Time { return at }, slog.New(slog.NewTextHandler(&text, nil)))
	if err != nil {
		t.Fatal(err)
	}
	var tk entra.Tokens
	refresh := func() error {
		var err error
		tk, err = c.Refresh(t.Context(), tk.Refresh, tk.Scopes)
		return err
	}
	at = certificate.NotAfter.Add(-35 * 24 * time.Hour)
	_, tk = throughSimulator(t, server, c)
	for at.Before(certificate.NotAfter.Add(-time.Hour)) {
		if err := refresh(); err != nil {
			t.Fatal(err)
		}
		at = at.Add(12 * time.Hour)
	}
	if got := strings.Count(text.String(), "expires on"); got < 29 || got > 31 {
		t.Errorf("warned %d times in the last month, want once a day", got)
	}
	at = certificate.NotAfter
	before := sim.Stats()
	old := tk
	err = refresh()
	if !errors.Is(err, entra.ErrCredential) || !strings.Contains(err.Error(), "expired on") || entra.IsSignInRequired(err) || !entra.IsTransient(err) {
		t.Errorf("Refresh = %v", err)
	}
	if after := sim.Stats(); after != before || old.Refresh.IsZero() {
		t.Errorf("Entra was asked: %+v", after)
	}
}

// issuer is what writes the token file: a cluster with keys of its own.
type issuer struct {
	*httptest.Server

	t   *testing.T
	key jose.JSONWebKey
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t, key: jose.JSONWebKey{Key: spareKey(), KeyID: "cluster", Algorithm: "RS256", Use: "sig"}}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body any = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.key.Public()}}
		if r.URL.Path == "/.well-known/openid-configuration" {
			body = map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"}
		}
		if err := json.NewEncoder(w).Encode(body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(i.Close)
	return i
}

const workload = "system:serviceaccount:m365:mcp"

func (i *issuer) token(subject string, ends time.Time) string {
	return sign(i.t, jose.RS256, i.key, map[string]any{
		"iss": i.URL, "sub": subject, "aud": []string{"api://AzureADTokenExchange"}, "exp": ends.Unix(), "nbf": ends.Add(-time.Hour).Unix(),
	})
}

func TestTokenFileAtEntra(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	at := now
	write(i.token(workload, now.Add(time.Hour)) + "\n")
	_, server, c := simulated(t, func() time.Time { return at }, func(o *simulator.Options, config *entra.Config) {
		o.HTTP, o.Clients[0].Secret = i.Client(), ""
		o.Clients[0].Federated = []simulator.FederatedCredential{{Issuer: i.URL, Subject: workload, Audience: "api://AzureADTokenExchange"}}
		config.Credential = entra.TokenFile(file)
	})
	wantUse(t, server, c)

	// Its writer replaces it, and each use reads it anew.
	at = now.Add(90 * time.Minute)
	if _, err := c.Prove(t.Context()); err == nil || !strings.Contains(err.Error(), "has ended") || !entra.IsTransient(err) {
		t.Errorf("an old file: %v", err)
	}
	write(i.token(workload, at.Add(time.Hour)))
	wantUse(t, server, c)
	write(i.token("system:serviceaccount:m365:other", at.Add(time.Hour)))
	wantNo(t, server, c, "AADSTS700213")

	for text, want := range map[string]string{"": "not hold a JWT", "canary": "not hold a JWT", "e30.e30.": "not hold a JWT"} {
		write(text)
		_, err := c.Refresh(t.Context(), secret.New("refresh-canary"), nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") || entra.IsSignInRequired(err) {
			t.Errorf("file with %q: %v", text, err)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Refresh(t.Context(), secret.New("refresh-canary"), nil); !errors.Is(err, os.ErrNotExist) || !entra.IsTransient(err) {
		t.Errorf("no file: %v", err)
	}
}

func TestTokenFileStatus(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(i.token(workload, time.Now().Add(time.Hour))), 0o600); err != nil {
		t.Fatal(err)
	}
	want := `federated token of issuer "` + i.URL + `", subject "` + workload + `", audience ["api://AzureADTokenExchange"]`
	if detail, warning, err := entra.TokenFile(file).Status(time.Now()); detail != want || warning != "" || err != nil {
		t.Errorf("%s, %q, %v", detail, warning, err)
	}
}

func TestSecretAtEntra(t *testing.T) {
	t.Parallel()
	_, server, c := simulated(t, time.Now)
	wantUse(t, server, c)
	_, server, c = simulated(t, time.Now, func(_ *simulator.Options, config *entra.Config) {
		config.Credential = entra.Secret(secret.New("wrong-canary"))
	})
	wantNo(t, server, c, "AADSTS7000215")
	// The proof names what is wrong with the registration too.
	_, _, c = simulated(t, time.Now, func(_ *simulator.Options, config *entra.Config) {
		config.ClientID = "c2d4b6a8-0000-4000-8000-ffffffffffff"
	})
	if proven, err := c.Prove(t.Context()); proven || err == nil || !strings.Contains(err.Error(), "AADSTS700016") {
		t.Errorf("unknown client: %v, %v", proven, err)
	}
}
