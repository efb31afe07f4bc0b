package mcpserver_test

import (
	"net/http"
	"strings"
	"testing"
)

const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`

func TestHostAndOrigin(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(e.URL, "http://"), ":")
	tests := []struct {
		name, host, origin string
		status             int
	}{
		{"no browser", "", "", 200},
		{"another name of loopback", "localhost:" + port, "", 200},
		{"own origin", "", e.URL, 200},
		{"own origin by another name", "localhost:" + port, "http://localhost:" + port, 200},
		{"allowed origin", "", origin, 200},
		{"foreign origin", "", "https://evil.example", 403},
		{"origin null", "", "null", 403},
		{"own host, other scheme", "", strings.Replace(e.URL, "http:", "https:", 1), 403},
		{"own host, other port", "", "http://127.0.0.1:1", 403},
		{"allowed origin as a prefix", "", origin + ".evil.example", 403},
		{"rebound name", "evil.example:" + port, "", 403},
		{"rebound name as origin too", "evil.example:" + port, "http://evil.example:" + port, 403},
		{"another port", "127.0.0.1:1", "", 403},
		{"no port", "127.0.0.1", "", 403},
		{"name that starts like ours", "localhost.evil.example:" + port, "", 403},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := e.send(t, ping, "Host", test.host, "Origin", test.origin)
			if a.status != test.status {
				t.Errorf("%d %s, want %d", a.status, a.body, test.status)
			}
			want := ""
			if test.status == http.StatusOK {
				want = test.origin
			}
			if got := a.header.Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("Access-Control-Allow-Origin: %q, want %q", got, want)
			}
			if a.status == http.StatusForbidden && !strings.Contains(a.body, "403 Forbidden: ") {
				t.Errorf("it says %q", a.body)
			}
		})
	}
}

// A browser asks first, without a token, and must be able to read the challenge.
func TestCORS(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	a := e.request(t, http.MethodOptions, "", "Origin", origin, "Authorization", "",
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type,mcp-protocol-version")
	if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Methods") != "POST" || a.header.Get("Vary") != "Origin" {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
	allowed := strings.Split(a.header.Get("Access-Control-Allow-Headers"), ", ")
	for _, name := range []string{"Authorization", "Content-Type", "MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"} {
		if !strings.Contains(strings.Join(allowed, "|"), name) {
			t.Errorf("%s is not among %v", name, allowed)
		}
	}
	if a.header.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("cookies are allowed")
	}
	a = e.send(t, ping, "Origin", origin)
	if exposed := a.header.Get("Access-Control-Expose-Headers"); !strings.Contains(exposed, "WWW-Authenticate") {
		t.Errorf("exposed: %q", exposed)
	}
	if a := e.request(t, http.MethodOptions, "", "Origin", "https://evil.example"); a.status != http.StatusForbidden {
		t.Errorf("foreign preflight: %d", a.status)
	}
}

// The name in the header is compared with the one in the body, decoded where a
// client had to encode it.
func TestNameHeader(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t)
	for header, status := range map[string]int{
		"whoAmI":                   200,
		"=?base64?d2hvQW1J?=":      200,
		"=?base64?d2hvQW1J":        400, // not closed
		"=?base64?!!!?=":           400, // no base64
		"=?base64?Z2V0RW1haWxz?=":  400, // another tool
		"getEmails":                400,
		"":                         400,
		"=?base64?ZMO2bMO8?=\tfoo": 400,
	} {
		a := e.modern(t, "tools/call", `"name":"whoAmI","arguments":{}`, "Mcp-Name", header)
		if a.status != status || status == 400 && parse(t, a).Error.Code != -32020 {
			t.Errorf("%q: %d %s, want %d", header, a.status, a.body, status)
		}
	}
}
