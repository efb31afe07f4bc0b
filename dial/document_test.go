package dial_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"m365mcp/dial"
)

func TestAllowDocument(t *testing.T) {
	t.Parallel()
	listed, err := dial.ParseHosts([]string{"app.example", "*.clients.example", "127.0.0.1:8443", "odd.example:8443"})
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string][2]bool{ // without a list, with this one
		"https://app.example/client.json":       {true, true},
		"https://app.example:443/client.json":   {true, true},
		"https://a.clients.example/client.json": {true, true},
		"https://other.example/client.json":     {true, false},
		"https://127.0.0.1:8443/client.json":    {false, true},
		"https://127.0.0.1:9443/client.json":    {false, false},
		"https://localhost:8443/client.json":    {false, false},
		"https://127.0.0.1/client.json":         {false, false},
		"https://[::1]/client.json":             {false, false},
		"https://app.example:8443/client.json":  {false, false},
		"https://odd.example:8443/client.json":  {false, false},
		"http://app.example/client.json":        {false, false},
		"http://127.0.0.1:8443/client.json":     {false, false},
		"https://u@app.example/client.json":     {false, false},
		"https:///client.json":                  {false, false},
		"ftp://app.example/client.json":         {false, false},
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := (dial.Hosts{}).AllowDocument(u); got != want[0] {
			t.Errorf("%s without a list: %v", raw, got)
		}
		if got := listed.AllowDocument(u); got != want[1] {
			t.Errorf("%s with a list: %v", raw, got)
		}
	}
}

// names is a DNS server that tests fill, and a resolver that asks it.
type names struct {
	mu      sync.Mutex
	answers map[string][][]netip.Addr // of each query for addresses in turn; the last one stays
	*net.Resolver
}

func newNames(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	n := &names{answers: map[string][][]netip.Addr{}}
	n.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	go func() {
		for buffer := make([]byte, 1500); ; {
			size, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply, err := n.reply(buffer[:size]); err == nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return n
}

// set gives a name its answers, each one's addresses separated by spaces.
func (n *names) set(name string, answers ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, answer := range answers {
		var list []netip.Addr
		for text := range strings.FieldsSeq(answer) {
			list = append(list, netip.MustParseAddr(text))
		}
		n.answers[name+"."] = append(n.answers[name+"."], list)
	}
}

// reply answers a query for IPv6 addresses with all addresses of that kind, and
// moves on to the next answer after the one for IPv4.
func (n *names) reply(query []byte) ([]byte, error) {
	var p dnsmessage.Parser
	header, err := p.Start(query)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	header.Response, header.Authoritative = true, true
	b := dnsmessage.NewBuilder(nil, header)
	if err := errors.Join(b.StartQuestions(), b.Question(q), b.StartAnswers()); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	answers := n.answers[q.Name.String()]
	if len(answers) == 0 {
		return b.Finish()
	}
	for _, a := range answers[0] {
		rh := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET}
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			err = b.AResource(rh, dnsmessage.AResource{A: a.As4()})
		case q.Type == dnsmessage.TypeAAAA && !a.Is4():
			err = b.AAAAResource(rh, dnsmessage.AAAAResource{AAAA: a.As16()})
		}
		if err != nil {
			return nil, err
		}
	}
	if q.Type == dnsmessage.TypeA && len(answers) > 1 {
		n.answers[q.Name.String()] = answers[1:]
	}
	return b.Finish()
}

func certificateOf(srv *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	return pool
}

// A name of a stranger's choice leads nowhere but to the public Internet.
func TestDocumentClientRefusesInnerAddresses(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	inner := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(inner.Close)
	_, port, err := net.SplitHostPort(inner.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := dial.ParseHosts([]string{"127.0.0.1:" + port, "*.evil.example"}) // the guard holds beside the override, too
	if err != nil {
		t.Fatal(err)
	}
	n := newNames(t)
	c := dial.TestDocumentClient("test", hosts, n.Resolver, certificateOf(inner))
	for name, address := range map[string]string{
		"loopback": "127.0.0.1", "loopback6": "::1", "other-loopback": "127.9.9.9", "mapped": "::ffff:127.0.0.1", "any": "0.0.0.0", "any6": "::",
		"ten": "10.0.0.1", "home": "192.168.1.1", "private": "172.31.255.255", "unique-local": "fd12::1", "cgnat": "100.64.0.1",
		"metadata": "169.254.169.254", "metadata6": "fd00:ec2::254", "link-local": "fe80::1", "multicast": "224.0.0.1", "multicast6": "ff02::1",
		"broadcast": "255.255.255.255", "nat64": "64:ff9b::7f00:1", "local-nat64": "64:ff9b:1::7f00:1", "6to4": "2002:7f00:1::1",
		"compatible": "::7f00:1", "translated": "::ffff:0:7f00:1", "teredo": "2001::1", "benchmark": "198.19.0.1", "two": "10.0.0.1 fd12::1",
	} {
		n.set(name+".evil.example", address)
		if _, err := get(t, c, "https://"+name+".evil.example/client.json"); !errors.Is(err, dial.ErrAddress) {
			t.Errorf("%s: %v, want ErrAddress", name, err)
		}
	}
	// A name that was good when somebody looked, and leads inside when it is dialled.
	const rebinding = "rebinding.evil.example"
	n.set(rebinding, "13.107.136.8", "127.0.0.1")
	if good, err := n.LookupNetIP(t.Context(), "ip4", rebinding); err != nil || len(good) != 1 || !dial.Public(good[0]) {
		t.Fatalf("%v, %v", good, err)
	}
	if _, err := get(t, c, "https://"+rebinding+"/client.json"); !errors.Is(err, dial.ErrAddress) {
		t.Errorf("rebinding: %v, want ErrAddress", err)
	}
	for _, u := range []string{
		"https://10.0.0.1/x", "https://[::1]/x", "https://localhost/x", "https://LOCALHOST/x", "https://\uff4cocalhost/x", "https://127.0.0.1/x",
		"https://[::ffff:127.0.0.1]/x", "http://127.0.0.1:" + port + "/x", "https://loopback.evil.example:" + port + "/x",
	} {
		if _, err := get(t, c, u); !errors.Is(err, dial.ErrHost) {
			t.Errorf("%s: %v, want ErrHost", u, err)
		}
	}
	unlisted := dial.TestDocumentClient("test", nil, n.Resolver, certificateOf(inner))
	for u, want := range map[string]error{
		"https://10.0.0.1/x": dial.ErrAddress, "https://[::ffff:10.0.0.1]/x": dial.ErrAddress, "https://[::ffff:7f00:1]/x": dial.ErrHost,
		"https://LOCALHOST/x": dial.ErrAddress, "https://\uff4cocalhost/x": dial.ErrAddress, inner.URL: dial.ErrHost,
	} {
		if _, err := get(t, unlisted, u); !errors.Is(err, want) {
			t.Errorf("%s without a list: %v, want %v", u, err, want)
		}
	}
	if got := reached.Load(); got != 0 {
		t.Errorf("the inner server was reached %d times", got)
	}
	if status, err := get(t, c, inner.URL+"/client.json"); err != nil || status != http.StatusOK {
		t.Errorf("the one that is listed: %d, %v", status, err)
	}
}

func TestDocumentClientVerifiesAndStays(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/headers" {
			w.Header().Set("X-Long", strings.Repeat("x", 64<<10))
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		if r.Header.Get("Cookie") != "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
	}))
	t.Cleanup(srv.Close)
	hosts, err := dial.ParseHosts([]string{strings.TrimPrefix(srv.URL, "https://")})
	if err != nil {
		t.Fatal(err)
	}
	c := dial.TestDocumentClient("test", hosts, nil, certificateOf(srv))
	for range 2 { // the second time with a cookie, if there were any
		if status, err := get(t, c, srv.URL); err != nil || status != http.StatusFound {
			t.Errorf("redirect: %d, %v; want the 302 itself", status, err)
		}
	}
	if status, err := get(t, c, srv.URL+"/headers"); err == nil {
		t.Errorf("endless headers: %d", status)
	}
	if c.Timeout != 10*time.Second {
		t.Errorf("a request may take %v", c.Timeout)
	}
	if status, err := get(t, dial.DocumentClient("test", hosts), srv.URL); err == nil {
		t.Errorf("an unknown certificate: %d", status)
	}
}
