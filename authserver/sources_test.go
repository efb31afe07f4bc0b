package authserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"m365mcp/internal/redirecturi"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 3, 9, 0, 0, 0, time.UTC)
	l := newLimiter(4, time.Minute) // one each 15 seconds
	for i, step := range []struct {
		after time.Duration
		wait  time.Duration
	}{
		{0, 0},
		{0, 0},
		{0, 0},
		{0, 0},
		{0, 15 * time.Second},
		{10 * time.Second, 5 * time.Second},
		{5 * time.Second, 0},
		{0, 15 * time.Second},
		{30 * time.Second, 0},
		{0, 0},
		{0, 15 * time.Second},
		{time.Hour, 0},
		{0, 0},
		{0, 0},
		{0, 0},
		{0, 15 * time.Second},
	} {
		now = now.Add(step.after)
		if got := l.wait("a", now); got != step.wait {
			t.Errorf("step %d: to wait %v, want %v", i, got, step.wait)
		}
		if got := l.take("a", now); got != step.wait {
			t.Errorf("step %d: %v, want %v", i, got, step.wait)
		}
	}
	if l.take("b", now) != 0 {
		t.Error("another key waits")
	}
}

// TestLimiterIsBounded: a flood of keys costs no more memory than it may, and a key
// that is in use is remembered through it.
func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 3, 9, 0, 0, 0, time.UTC)
	l := newLimiter(1, time.Hour)
	l.take("attacker", now)
	for i := range 5 * limitedAddresses {
		l.take(fmt.Sprint(i), now)
		if i%1000 == 0 && l.wait("attacker", now) == 0 {
			t.Fatalf("forgotten after %d others", i)
		}
	}
	if n := len(l.next.young) + len(l.next.old); n > 2*limitedAddresses {
		t.Errorf("%d keys", n)
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	s := &Server{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}}
	for _, c := range []struct {
		peer                string
		forwarded, standard []string
		want                string
	}{
		{"203.0.113.1:5000", nil, nil, "203.0.113.1"},
		{"[::ffff:203.0.113.1]:5000", nil, nil, "203.0.113.1"},
		{"203.0.113.1:5000", []string{"192.0.2.1"}, []string{"for=192.0.2.2"}, "203.0.113.1"},
		{"10.0.0.1:5000", nil, nil, "10.0.0.1"},
		{"10.0.0.1:5000", []string{"192.0.2.1"}, nil, "192.0.2.1"},
		{"[::ffff:10.0.0.1]:5000", []string{"::ffff:192.0.2.1"}, nil, "192.0.2.1"},
		{"10.0.0.1:5000", []string{"192.0.2.1:1234"}, nil, "192.0.2.1"},
		{"10.0.0.1:5000", []string{"[2001:db8::1]:1234"}, nil, "2001:db8::1"},
		{"10.0.0.1:5000", []string{"[2001:db8::1]"}, nil, "2001:db8::1"},
		{"10.0.0.1:5000", []string{"192.0.2.9, 192.0.2.1 , 10.0.0.2,10.0.0.3"}, nil, "192.0.2.1"},
		{"10.0.0.1:5000", []string{"192.0.2.9", "192.0.2.1", "10.0.0.2"}, nil, "192.0.2.1"},
		{"10.0.0.1:5000", []string{"10.0.0.3, 10.0.0.2"}, nil, "10.0.0.3"},
		{"10.0.0.1:5000", []string{"192.0.2.1, evil"}, nil, "10.0.0.1"},
		{"10.0.0.1:5000", []string{"192.0.2.1, evil, 10.0.0.2"}, nil, "10.0.0.2"},
		{"10.0.0.1:5000", []string{"192.0.2.1,"}, nil, "10.0.0.1"},
		{"10.0.0.1:5000", []string{""}, nil, "10.0.0.1"},
		{"10.0.0.1:5000", nil, []string{`for=192.0.2.9, For="192.0.2.1:80";proto=http;by=10.0.0.1`}, "192.0.2.1"},
		{"10.0.0.1:5000", nil, []string{`proto=https;for="[2001:db8::1]:80", for=10.0.0.2`}, "2001:db8::1"},
		{"10.0.0.1:5000", nil, []string{"for=192.0.2.1, for=_hidden"}, "10.0.0.1"},
		{"10.0.0.1:5000", nil, []string{"for=192.0.2.1, for=unknown, for=10.0.0.2"}, "10.0.0.2"},
		{"10.0.0.1:5000", nil, []string{`for="x, for=192.0.2.9", for=192.0.2.1`}, "192.0.2.1"},
		{"10.0.0.1:5000", []string{"192.0.2.1"}, []string{"for=192.0.2.1"}, "192.0.2.1"},
		{"10.0.0.1:5000", []string{"192.0.2.1"}, []string{"for=192.0.2.2"}, "10.0.0.1"},
		{"[2001:db8:ffff::1]:5000", []string{"fe80::1%eth0"}, nil, "fe80::1"},
		{"@", []string{"192.0.2.1"}, nil, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded, "Forwarded": c.standard}}
		if got := s.clientAddress(r).String(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	for address, want := range map[string]string{
		"203.0.113.1:1": "203.0.113.1", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64", "[::ffff:203.0.113.1]:1": "203.0.113.1", "@": "invalid IP",
	} {
		if got := s.address(&http.Request{RemoteAddr: address}); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func FuzzClientAddress(f *testing.F) {
	f.Add("192.0.2.1, 10.0.0.2", "for=192.0.2.1")
	f.Add("", `for="[2001:db8::1]:80";by=x`)
	s := &Server{proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	f.Fuzz(func(t *testing.T, forwarded, standard string) {
		// Whatever a stranger wrote, the proxy's own word at the end is what counts.
		const stranger = "192.0.2.200"
		r := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{"X-Forwarded-For": {forwarded, stranger}}}
		if got := s.clientAddress(r).String(); got != stranger {
			t.Fatalf("%q: %s", forwarded, got)
		}
		r.Header.Set("Forwarded", standard)
		if got := s.clientAddress(r).String(); got != stranger && got != "10.0.0.1" {
			t.Fatalf("%q, %q: %s", forwarded, standard, got)
		}
		r.RemoteAddr = "203.0.113.9:1"
		if got := s.clientAddress(r).String(); got != "203.0.113.9" {
			t.Fatalf("%q, %q: %s", forwarded, standard, got)
		}
	})
}

// FuzzClientMetadata is the body of a registration, and of a metadata document.
func FuzzClientMetadata(f *testing.F) {
	const id = "https://assistant.example/client.json"
	for _, seed := range []string{
		`{"redirect_uris":["https://a.example/"],"client_name":"x"}`,
		`{"client_id":"` + id + `","redirect_uris":["http://localhost/cb"],"token_endpoint_auth_method":"none"}`,
		`{"client_id":"` + id + `","client_id":"x","redirect_uris":["https://a.example/"]}`,
		`{"client_id":"` + id + `","redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://a.example/k","jwks":[]}`,
		`{"a":{"b":[1,{"c":null,"c":2}]}}`, `[]`, `null`, `{`, "{\"x\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if client, _, err := parseDocument(body, id); err == nil {
			var plain map[string]any
			if err := json.Unmarshal(body, &plain); err != nil {
				t.Fatalf("%q was taken and is no JSON: %v", body, err)
			}
			if plain["client_id"] != id || client.ID != id || client.Source != ClientDocument ||
				client.AuthMethod != authNone && client.AuthMethod != authKey || client.Secret != (Digest{}) {
				t.Fatalf("%q gives %+v", body, client)
			}
			if _, has := plain["client_secret"]; has {
				t.Fatalf("%q has a secret", body)
			}
		}
		m, err := parseMetadata(body)
		if err != nil {
			return
		}
		client, err := m.client(authNone, authBasic, authPost)
		if err != nil {
			return
		}
		if len(client.RedirectURIs) == 0 || len([]rune(client.Name)) > maxClientName {
			t.Fatalf("%q gives %+v", body, client)
		}
		for _, uri := range client.RedirectURIs {
			if redirecturi.Fault(uri) != "" {
				t.Fatalf("%q gives the redirect %q", body, uri)
			}
		}
	})
}

func FuzzDocumentAddress(f *testing.F) {
	for _, seed := range []string{
		"https://a.example/x", "https://a.example", "https://u@a.example/x", "https://a.example/../x", "https://a.example/%2e%2e/x", "https://a.example:443/x?y#z",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if documentFault(id) != "" {
			return
		}
		u, err := url.Parse(id)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Path == "" || u.String() != id {
			t.Fatalf("%q: %+v, %v", id, u, err)
		}
		if strings.ContainsAny(id, "\\\"'<> \r\n\t#") || strings.Contains(u.Path+"/", "/../") || strings.Contains(u.Path+"/", "/./") {
			t.Fatalf("%q was taken", id)
		}
	})
}
