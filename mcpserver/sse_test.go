package mcpserver_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever knows a stream's address and has a token of another, or another grant, or
// none, gets nowhere, and cannot tell the stream from one that is not.
func TestStreamIsItsOwners(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := openDoors(t)
		p := d.events(t, "ada")
		path, id, _ := strings.Cut(p.endpoint, "?sessionId=")
		if path != "/sse" || len(id) < 26 { // 130 bits in base32
			t.Errorf("endpoint %q", p.endpoint)
		}
		if again := d.events(t, "ada"); again.endpoint == p.endpoint {
			t.Error("two streams have one address")
		}
		nowhere := d.do(t, http.MethodPost, "/sse?sessionId="+strings.Repeat("A", len(id)), "bob", who(1))
		if nowhere.status != http.StatusNotFound {
			t.Errorf("%d %s", nowhere.status, nowhere.body)
		}
		for token, status := range map[string]int{"bob": 404, "ada's": 404, "": 401, "mallory": 401} {
			a := d.do(t, http.MethodPost, p.endpoint, token, who(1))
			if a.status != status || status == 404 && a.body != nowhere.body {
				t.Errorf("%q: %d %s", token, a.status, a.body)
			}
		}
		synctest.Wait()
		if seen, _ := d.said(); len(seen) != 0 {
			t.Errorf("ran %q", seen)
		}
		p.say(t, who(1))
		expectTexts(t, p.hear(), "for ada")
		p.leave()
		synctest.Wait()
		if a := d.do(t, http.MethodPost, p.endpoint, "ada", who(1)); a.status != http.StatusNotFound {
			t.Errorf("after the end: %d %s", a.status, a.body)
		}
	})
}

// A client that refreshes its token in time keeps its stream, until the grant ends.
func TestLaterTokenKeepsTheStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := openDoors(t)
		p := d.events(t, "ada")
		d.mu.Lock()
		later := d.tokens["ada"]
		later.Expires = later.Expires.Add(time.Hour)
		d.tokens["later"] = later
		d.mu.Unlock()
		time.Sleep(50 * time.Minute)
		p.token = "later"
		p.say(t, who(1))
		expectTexts(t, p.hear(), "for ada")
		time.Sleep(50 * time.Minute)
		p.say(t, who(2))
		expectTexts(t, p.hear(), `"id":2`, "for ada")
		p.token = "ada" // which has expired
		if a := d.do(t, http.MethodPost, p.endpoint, "ada", who(3)); a.status != http.StatusUnauthorized {
			t.Errorf("%d %s", a.status, a.body)
		}
		d.revoke("later")
		began := time.Now()
		if got := p.hear(); got != "" || time.Since(began) > 6*time.Second {
			t.Errorf("after %v it said %q", time.Since(began), got)
		}
	})
}

// One address speaks both transports; the later one's clients are not given a stream
// of the earlier.
func TestSSEDoor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := openDoors(t)
		a := d.do(t, http.MethodPost, "/sse", "ada", who(1), "Mcp-Protocol-Version", "2025-11-25")
		if a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
		expectTexts(t, a.body, "for ada")
		for name, c := range map[string]struct {
			method string
			status int
			header []string
		}{
			"stream of streamable HTTP": {http.MethodGet, 405, []string{"Mcp-Protocol-Version", "2025-11-25"}},
			"no stream accepted":        {http.MethodGet, 406, []string{"Accept", "text/html, application/json"}},
			"end of a session":          {http.MethodDelete, 405, nil},
		} {
			if a := d.do(t, c.method, "/sse", "ada", "", c.header...); a.status != c.status {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		d.events(t, "ada", "Mcp-Protocol-Version", "2025-11-25", "Last-Event-Id", "3") // which lost its stream
	})
}

// What cannot be taken as a message is refused where it was sent.
func TestMessagesToAStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := openDoors(t)
		p := d.events(t, "ada")
		for name, c := range map[string]struct {
			body   string
			status int
			header []string
		}{
			"a form":    {who(1), 415, []string{"Content-Type", "application/x-www-form-urlencoded"}},
			"no JSON":   {"{", 400, nil},
			"too large": {who(1) + strings.Repeat(" ", 4096), 413, nil},
		} {
			if a := d.do(t, http.MethodPost, p.endpoint, "ada", c.body, c.header...); a.status != c.status {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		p.say(t, `[`+who(1)+`,{"jsonrpc":"2.0","id":2,"method":"ping"}]`) // a batch of 2025-03-26
		got := p.hear() + p.hear()
		expectTexts(t, got, `"id":1`, `"id":2`, "for ada")
	})
}

// Web pages of allowed origins can use the doors, and read what they are told.
func TestCORSOfStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := openDoors(t)
		for path, methods := range map[string]string{"/sse": "GET, POST", "/mcp": "POST", "/ws": "GET"} {
			a := d.do(t, http.MethodOptions, path, "", "", "Origin", origin, "Access-Control-Request-Method", "POST")
			if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Methods") != methods ||
				a.header.Get("Access-Control-Allow-Origin") != origin || a.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: %d %v", path, a.status, a.header)
			}
			expectTexts(t, a.header.Get("Access-Control-Allow-Headers"), "Authorization", "Content-Type", "Mcp-Session-Id", "MCP-Protocol-Version", "Last-Event-ID")
			if a := d.do(t, http.MethodGet, path, "", "", "Origin", "https://evil.example"); a.status != http.StatusForbidden {
				t.Errorf("%s from elsewhere: %d", path, a.status)
			}
			a = d.do(t, http.MethodGet, path, "", "", "Origin", origin)
			if a.status != http.StatusUnauthorized || a.header.Get("Vary") != "Origin" {
				t.Errorf("%s: %d %v", path, a.status, a.header)
			}
			expectTexts(t, a.header.Get("Access-Control-Expose-Headers"), "WWW-Authenticate", "Mcp-Session-Id", "Retry-After")
			if a := d.do(t, http.MethodGet, path, "", ""); a.header.Get("Vary") != "Origin" {
				t.Errorf("%s without an origin: %v", path, a.header)
			}
		}
	})
}

// Doors that are not configured are not there.
func TestClosedDoors(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	for _, path := range []string{"/sse", "/ws"} {
		resp, err := e.Client().Get(e.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}
