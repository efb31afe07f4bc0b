package e2e_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"m365mcp/app"
	"m365mcp/config"
	"m365mcp/internal/headless"
	"m365mcp/internal/secret"
	"m365mcp/simulator/entra"
	"m365mcp/simulator/fault"
)

// connection is one client of one person, who can sign in to it again.
type connection struct {
	*demo
	client, upn string
	headless.Tokens
}

func (d *demo) connect(t *testing.T) *connection {
	t.Helper()
	id, err := d.browser.Register(t.Context(), d.server(), "Evaluated")
	if err != nil {
		t.Fatal(err)
	}
	c := &connection{demo: d, client: id, upn: d.upn(t, "ada")}
	c.again(t)
	return c
}

func (c *connection) again(t *testing.T) {
	t.Helper()
	var err error
	if c.Tokens, err = c.browser.SignInTo(t.Context(), c.server(), c.client, c.upn); err != nil {
		t.Fatal(err)
	}
}

// wantEnded makes one call, which says that the person has to sign in, and
// expects what makes a client do so by itself: 401 from then on, and no refresh.
func (c *connection) wantEnded(t *testing.T) {
	t.Helper()
	if r := c.call(t, c.Access, "getEmails", `{"count":1}`); !r.IsError || !strings.Contains(r.text(), "sign_in_required") {
		t.Fatalf("the call answers %s", r.text())
	}
	a := c.post(t, c.Access, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`)
	if a.status != http.StatusUnauthorized || !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("the next request gets %d %s", a.status, a.header.Get("WWW-Authenticate"))
	}
	if _, err := c.refresh(t); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
		t.Errorf("refresh: %v", err)
	}
}

func (c *connection) refresh(t *testing.T) (headless.Tokens, error) {
	t.Helper()
	return c.browser.Token(t.Context(), c.server(), url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {c.Refresh}, "client_id": {c.client}, "resource": {c.MCPURL},
	})
}

func (c *connection) wantWorks(t *testing.T) {
	t.Helper()
	if r := c.call(t, c.Access, "getEmails", `{"count":1}`); r.IsError {
		t.Errorf("a call fails: %s", r.text())
	}
}

func (c *connection) id(t *testing.T) string {
	t.Helper()
	var who struct {
		ID string `json:"id"`
	}
	decodeResult(t, c.call(t, c.Access, "whoAmI", `{}`), &who)
	return who.ID
}

// Continuous access evaluation: an administrator ends a person's sessions, and
// the living tokens end with them. The next sign-in is good again.
func TestEvictionLeadsToASignIn(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{})
	c := d.connect(t)
	c.wantWorks(t)
	d.Simulator.Entra.Evict(c.id(t))
	c.wantEnded(t)
	c.again(t)
	c.wantWorks(t)
}

// A policy of Conditional Access that a plain sign-in does not meet: the next one
// carries what Graph demands, or it would go in circles. One sign-in is enough.
func TestContextIsCarriedByTheNextSignIn(t *testing.T) {
	t.Parallel()
	clk := &clock{}
	d := startDemo(t, app.DemoOptions{App: app.Options{Now: clk.now}})
	c := d.connect(t)
	d.Simulator.Entra.RequireContext(c.id(t), "c1")
	c.wantEnded(t)
	clk.advance(time.Second)
	c.again(t)
	c.wantWorks(t)
	clk.advance(70 * time.Minute) // a refresh keeps it
	var err error
	if c.Tokens, err = c.refresh(t); err != nil {
		t.Fatal(err)
	}
	c.wantWorks(t)
}

// Where the sign-in does not content Microsoft, the client is not sent through
// one after another: the person is told, and it is tried again much later.
func TestSignInsDoNotGoInCircles(t *testing.T) {
	t.Parallel()
	clk := &clock{}
	d := startDemo(t, app.DemoOptions{App: app.Options{Now: clk.now}})
	c := d.connect(t)
	claims := base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`))
	d.Simulator.Faults.Add(fault.Rule{
		Path: "/v1.0/**", Status: http.StatusUnauthorized, Code: "InvalidAuthenticationToken",
		Header: map[string]string{"WWW-Authenticate": `Bearer realm="", error="insufficient_claims", claims="` + claims + `"`},
	})
	c.wantEnded(t)
	clk.advance(time.Second)
	c.again(t)
	for range 3 {
		if r := c.call(t, c.Access, "getEmails", `{"count":1}`); !strings.Contains(r.text(), "sign_in_required") {
			t.Errorf("the call answers %s", r.text())
		}
		if a := c.post(t, c.Access, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`); a.status != http.StatusOK {
			t.Fatalf("the next request gets %d: the client would sign in at once", a.status)
		}
	}
	clk.advance(11 * time.Minute)
	c.wantEnded(t)
	d.Simulator.Faults.Clear()
	clk.advance(time.Second)
	c.again(t)
	c.wantWorks(t)
}

// Without Entra nobody is signed out: living tokens work, ended ones wait.
func TestOutageOfEntra(t *testing.T) {
	t.Parallel()
	clk := &clock{}
	d := startDemo(t, app.DemoOptions{AccessTokenLifetime: 20 * time.Minute, App: app.Options{Now: clk.now}})
	c := d.connect(t)
	d.Simulator.Faults.Add(fault.Rule{Path: "/*/oauth2/v2.0/token", Status: http.StatusServiceUnavailable, Body: "<html>", ContentType: "text/html"})
	clk.advance(18 * time.Minute)
	c.wantWorks(t)
	clk.advance(45 * time.Minute)
	tokens, err := c.refresh(t)
	if err != nil {
		t.Fatal(err) // the client's own tokens are this server's business
	}
	c.Tokens = tokens
	if r := c.call(t, c.Access, "getEmails", `{"count":1}`); !r.IsError || strings.Contains(r.text(), "sign_in_required") {
		t.Errorf("without a token the call answers %s", r.text())
	}
	d.Simulator.Faults.Clear()
	clk.advance(time.Minute)
	c.wantWorks(t)
}

// The whole way with a certificate in place of the secret.
func TestServerWithACertificate(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "m365-mcp"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	clk := &clock{}
	d := startDemo(t, app.DemoOptions{
		App: app.Options{Now: clk.now},
		Configure: func(c *config.Config) {
			c.Microsoft.ClientSecret, c.Microsoft.ClientCertificate = secret.String{}, secret.New(text)
		},
		ConfigureEntra: func(o *entra.Options) {
			o.Clients[0].Secret, o.Clients[0].Certificates = "", []*x509.Certificate{certificate}
		},
	})
	c := d.connect(t)
	c.wantWorks(t)
	clk.advance(59 * time.Minute)
	c.wantWorks(t)
	clk.advance(7 * time.Minute) // beyond the end of Microsoft's first token
	if c.Tokens, err = c.refresh(t); err != nil {
		t.Fatal(err)
	}
	c.wantWorks(t)
	if strings.Contains(d.log.String(), "PRIVATE KEY") {
		t.Error("the log has the key")
	}
}
