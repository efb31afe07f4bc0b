package authserver

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestCheckRedirectURI(t *testing.T) {
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
		"https://a.example/" + strings.Repeat("x", maxRedirectURI): false,
	} {
		if fault := checkRedirectURI(raw); (fault == "") != good {
			t.Errorf("%q: %q", raw, fault)
		}
	}
}

func FuzzRedirectURI(f *testing.F) {
	for _, seed := range []string{
		"https://a.example/cb", "http://localhost:1/cb", "http://[::1]/", "cursor://x/y", "javascript:alert(1)",
		"http://localhost:1@evil.example/", "https://a.example\\@b/", "com.example:/x#y",
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, registered, asked string) {
		client := Client{RedirectURIs: []string{registered}}
		if !client.redirectAllowed(asked) {
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
		to, err := url.Parse(withQuery(asked, url.Values{"code": {"a&b"}}))
		if err != nil || to.Host != a.Host || to.Query().Get("code") != "a&b" && a.Query().Get("code") == "" {
			t.Fatalf("the answer to %q goes to %v, %v", asked, to, err)
		}
	})
}

func FuzzBearerToken(f *testing.F) {
	for _, seed := range []string{"", "Bearer", "Bearer ", "Bearer abc", "bearer  abc== ", "Basic eDp5", "Bearer a b", "Bearer\tabc", "Bearer =", "BEARER a,b"} {
		f.Add(seed, "", false)
		f.Add(seed, seed, true)
	}
	f.Fuzz(func(t *testing.T, first, second string, two bool) {
		h := http.Header{"Authorization": {first}}
		if two {
			h.Add("Authorization", second)
		}
		token, sent := bearerToken(h)
		if token == "" {
			return
		}
		if !sent || two || len(first) < 7 || !strings.EqualFold(first[:7], "Bearer ") || strings.Trim(first[7:], " ") != token {
			t.Fatalf("%q of %q, %q", token, first, second)
		}
		if len(token) > 512 || strings.ContainsAny(token, " \t\r\n,;\"\\") {
			t.Fatalf("token %q", token)
		}
	})
}

func FuzzDisplayText(f *testing.F) {
	f.Add("Assistant", 10)
	f.Add("a\u202eb\u0000 \u2028c\xff", 3)
	f.Fuzz(func(t *testing.T, text string, most int) {
		if most < 1 || most > 200 {
			return
		}
		got := displayText(text, most)
		if n := len([]rune(got)); n > most {
			t.Fatalf("%d characters of %d", n, most)
		}
		for _, c := range got {
			if unicode.In(c, unicode.C) || (unicode.IsSpace(c) && c != ' ') {
				t.Fatalf("%q has %U", got, c)
			}
		}
	})
}

func FuzzTicket(f *testing.F) {
	f.Add("", "")
	f.Add("browser", "e30.x")
	s := &Server{keys: keys{consent: []byte("a key of thirty-two bytes or more")}}
	f.Fuzz(func(t *testing.T, browser, sealed string) {
		if _, ok := s.openTicket(browser, sealed); ok {
			t.Fatalf("%q was accepted", sealed)
		}
	})
}
