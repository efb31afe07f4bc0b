package redirecturi

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestFault(t *testing.T) {
	t.Parallel()
	for raw, good := range map[string]bool{
		"https://a.example":                            true,
		"https://a.example/cb?x=1":                     true,
		"https://a.example:8443/cb":                    true,
		"http://localhost/":                            true,
		"http://localhost:33418":                       true,
		"http://127.0.0.1:1/cb":                        true,
		"http://[::1]:65535/cb":                        true,
		"cursor://anysphere.cursor-mcp/oauth/callback": true,
		"vscode://vscode.example/redirect":             true,
		"com.example.app:/oauth":                       true,
		"com.example.app://oauth":                      true,

		"":                                 false,
		"/cb":                              false,
		"//a.example/cb":                   false,
		"https:":                           false,
		"https:///cb":                      false,
		"https:/a.example/cb":              false,
		"https:a.example":                  false,
		"HTTPS://a.example/cb":             false,
		"https://a.example/#":              false,
		"https://a.example/#x":             false,
		"https://u@a.example/":             false,
		"https://u:p@a.example/":           false,
		"https://@a.example/":              false,
		"https://:443/":                    false,
		"https://a.example\\@b.example/":   false,
		"https://a.example/ b":             false,
		"https://a.example/\r\nX: y":       false,
		"https://a.ex\u00e4mple/":          false,
		"https://a.example/\"><script>":    false,
		"http://a.example/":                false,
		"http://127.0.0.2/":                false,
		"http://0.0.0.0/":                  false,
		"http://127.1/":                    false,
		"http://[::]/":                     false,
		"http://[::ffff:127.0.0.1]/":       false,
		"http://localhost.evil.example/":   false,
		"http://localhost:99999/":          false,
		"http://localhost:-1/":             false,
		"http://localhost:+1/":             false,
		"http://LOCALHOST/":                false,
		"http://localhost%2eevil.example/": false,
		"javascript:alert(1)":              false,
		"javascript://a.example/%0aalert":  false,
		"data:text/html,x":                 false,
		"file:///etc/passwd":               false,
		"blob:https://a.example/x":         false,
		"about:blank":                      false,
		"ftp://a.example/":                 false,
		"ms-settings:x":                    false,
		"com.example.app:oauth":            false,
		"x://a":                            false,
		"https://a.example/" + strings.Repeat("x", maxURI): false,
	} {
		if fault := Fault(raw); (fault == "") != good {
			t.Errorf("%q: %q", raw, fault)
		}
	}
}

func FuzzMatch(f *testing.F) {
	for _, seed := range []string{
		"https://a.example/cb", "http://localhost:1/cb", "http://[::1]/", "cursor://x/y", "javascript:alert(1)",
		"http://localhost:1@evil.example/", "https://a.example\\@b/", "com.example:/x#y",
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, registered, asked string) {
		if !Match([]string{registered}, asked) {
			return
		}
		a, err := url.Parse(asked)
		if err != nil {
			t.Fatalf("%q is allowed and no URL", asked)
		}
		r, err := url.Parse(registered)
		if err != nil {
			t.Fatalf("%q is registered and no URL", registered)
		}
		if a.User != nil || a.Fragment != "" || strings.ContainsAny(asked, "\r\n\t \"<>\\#") {
			t.Fatalf("%q is allowed", asked)
		}
		if slices.Contains([]string{"javascript", "data", "file", "blob", "about", "ftp", "ws"}, a.Scheme) {
			t.Fatalf("%q is allowed", asked)
		}
		if a.Scheme == "http" && !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, a.Hostname()) {
			t.Fatalf("%q is allowed", asked)
		}
		if asked != registered && (a.Scheme != "http" || a.Hostname() != r.Hostname() || a.RequestURI() != r.RequestURI()) {
			t.Fatalf("%q is taken for %q", asked, registered)
		}
	})
}

func TestRules(t *testing.T) {
	t.Parallel()
	listed, err := ParseRules([]string{"Claude.ai", "*.assistant.example", "odd.example:8443", "localhost", "[::1]", "cursor:", "com.example.app:"})
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]bool{
		"https://claude.ai/api/callback":     true,
		"https://claude.ai:443/callback":     true,
		"https://a.assistant.example/cb":     true,
		"https://odd.example:8443/cb":        true,
		"http://localhost/cb":                true,
		"http://localhost:1234/cb":           true,
		"http://[::1]:1234/cb":               true,
		"cursor://anysphere.cursor-mcp/cb":   true,
		"com.example.app:/cb":                true,
		"https://claude.ai:8443/callback":    false,
		"https://evil.claude.ai/callback":    false,
		"https://claude.ai.evil.example/cb":  false,
		"https://assistant.example/cb":       false,
		"https://evilassistant.example/cb":   false,
		"https://odd.example/cb":             false,
		"http://127.0.0.1:1234/cb":           false,
		"vscode://claude.ai/cb":              false,
		"cursor.evil:/cb":                    false,
		"https://u@claude.ai/cb":             false,
		"https://evil.example/?u=claude.ai/": false,
		"":                                   false,
	} {
		if got := listed.Allow(raw); got != want {
			t.Errorf("%s: %v", raw, got)
		}
		if !(Rules{}).Allow(raw) {
			t.Errorf("%s: refused without a list", raw)
		}
	}
	for _, bad := range []string{"", "*", "*.com", "https://a.example", "a.example/cb", "javascript:", "data:", "http:", "https:", "CURSOR:", "ms-settings:", ":", "a b:"} {
		if _, err := ParseRules([]string{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzRules(f *testing.F) {
	f.Add("claude.ai", "https://claude.ai/cb")
	f.Add("*.example.com", "https://a.example.com:443/cb")
	f.Add("cursor:", "cursor://x/y")
	f.Fuzz(func(t *testing.T, pattern, asked string) {
		rules, err := ParseRules([]string{pattern})
		if err != nil || Fault(asked) != "" || !rules.Allow(asked) {
			return
		}
		u, err := url.Parse(asked)
		if err != nil {
			t.Fatal(err)
		}
		pattern = strings.ToLower(pattern)
		host := strings.ToLower(u.Hostname())
		if u.Scheme+":" != pattern && !strings.Contains(pattern, host) &&
			(!strings.HasPrefix(pattern, "*.") || !strings.HasSuffix(host, pattern[1:])) {
			t.Fatalf("%q lets %q pass", pattern, asked)
		}
	})
}
